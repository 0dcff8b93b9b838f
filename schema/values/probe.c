/*
 * Probes of a container and what is done at its start and end.
 */
#include "config.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/pod.h"

static void judge_exec(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "command", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_header(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_header_name, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_headers(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_header);
}

static void judge_http_get(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "httpHeaders", judge_headers, ANY },
		{ "port", judge_port_or_name, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* of a TCP socket or gRPC */
static void judge_just_port(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "port", judge_port_or_name, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_sleep(struct judge *j, const struct place *p)
{
	struct place seconds;
	int64_t v;

	if (!at(p, "seconds", &seconds) || !at_int(&seconds, &v))
		return;
	if (v < 0 || v > j->pod->grace_period)
		at_error(j, &seconds, "value-range", "must be between 0 and "
			 "terminationGracePeriodSeconds, which is %lld, not "
			 "%lld", (long long)j->pod->grace_period, (long long)v);
}

static const struct field handler_fields[] = {
	{ "exec", judge_exec, ANY },
	{ "grpc", judge_just_port, ANY },
	{ "httpGet", judge_http_get, ANY },
	{ "sleep", judge_sleep, ANY },
	{ "tcpSocket", judge_just_port, ANY },
};

static void judge_probe(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "failureThreshold", judge_not_negative, ANY },
		{ "initialDelaySeconds", judge_not_negative, ANY },
		{ "periodSeconds", judge_not_negative, ANY },
		{ "successThreshold", judge_not_negative, ANY },
		{ "terminationGracePeriodSeconds", judge_positive, ANY },
		{ "timeoutSeconds", judge_not_negative, ANY },
	};
	static const char *const handlers[] = {
		"exec", "httpGet", "tcpSocket", "grpc", NULL
	};
	struct place one;

	if (!at_is_map(p))
		return;
	at_one_of(j, p, handlers, false, &one);
	at_fields(j, p, handler_fields, ARRAY_SIZE(handler_fields));
	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_liveness_probe(struct judge *j, const struct place *p)
{
	struct place threshold;
	int64_t v;

	judge_probe(j, p);
	/* 0 is the default, 1 */
	if (at(p, "successThreshold", &threshold) && at_int(&threshold, &v) &&
	    v > 1)
		at_error(j, &threshold, "value-range", "must be 1, not %lld: "
			 "only a readiness probe counts successes",
			 (long long)v);
}

void judge_readiness_probe(struct judge *j, const struct place *p)
{
	static const char *const grace[] = {
		"terminationGracePeriodSeconds", NULL
	};

	judge_probe(j, p);
	at_forbid(j, p, grace, "in a readiness probe: it ends no container");
}

static void judge_hook(struct judge *j, const struct place *p)
{
	static const char *const handlers[] = {
		"exec", "httpGet", "tcpSocket", "sleep", NULL
	};
	struct place one;

	if (!at_is_map(p))
		return;
	at_one_of(j, p, handlers, false, &one);
	at_fields(j, p, handler_fields, ARRAY_SIZE(handler_fields));
}

void judge_lifecycle(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "postStart", judge_hook, ANY },
		{ "preStop", judge_hook, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}
