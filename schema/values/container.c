/*
 * Containers of a pod: those that run, those before them, and those that are
 * put in for debugging.
 */
#include "config.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/pod.h"

/* ---- ports ---- */

static void judge_host_port(struct judge *j, const struct place *p)
{
	const struct pod *pod = j->pod;
	int64_t port, container = at_key_int(p->up, "containerPort", 0);

	judge_range(j, p, 0, 65535);
	if (at_int(p, &port) && pod->host_network && port && port <= 65535 &&
	    port != container)
		at_error(j, p, "value-conflict", "must be the containerPort "
			 "%lld where hostNetwork is true, not %lld",
			 (long long)container, (long long)port);
}

static void judge_container_port(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "containerPort", judge_port, ANY },
		{ "hostPort", judge_host_port, ANY },
		{ "name", judge_port_name, OR_EMPTY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_ports(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_container_port);
	at_unique(j, p, "name");
}

/* ---- how it is restarted ---- */

static void judge_restart_rule(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "exitCodes", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_restart_rules(struct judge *j, const struct place *p)
{
	if (at_count(p) && !at_filled(p->up, "restartPolicy"))
		at_missing(j, p->up, "restartPolicy", " beside "
			   "restartPolicyRules");
	if (at_count(p) > 20)
		at_error(j, p, "value-range", "has %u rules: 20 are the most",
			 at_count(p));
	at_items(j, p, judge_restart_rule);
}

static void judge_resize_policy(struct judge *j, const struct place *p)
{
	struct place policy;
	const char *s;

	if (!at(p, "restartPolicy", &policy))
		return;
	s = at_text(&policy);
	if (s && strcmp(s, "NotRequired") &&
	    !strcmp(j->pod->restart_policy, "Never"))
		at_error(j, &policy, "value-conflict", "must be NotRequired "
			 "where the pod's restartPolicy is Never");
}

static void judge_resize_policies(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_resize_policy);
}

/* ---- all containers ---- */

/* Templates may have an image of blanks; what makes pods fills it in. */
static void judge_image(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);
	size_t n = s ? strlen(s) : 0;

	if (!n || (j->pod->is_template && strcmp(p->up->up->key,
						 "ephemeralContainers")))
		return;
	if (strchr(" \t\n\r\v\f", s[0]) || strchr(" \t\n\r\v\f", s[n - 1]))
		at_error(j, p, "value-format", "must not begin or end with a "
			 "blank");
}

static void judge_common(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "env", judge_env, ANY },
		{ "envFrom", judge_env_from, ANY },
		{ "image", judge_image, MUST },
		{ "name", judge_dns_label, FILLED },
		{ "ports", judge_ports, ANY },
		{ "resizePolicy", judge_resize_policies, ANY },
		{ "restartPolicyRules", judge_restart_rules, ANY },
		{ "volumeDevices", judge_devices, ANY },
		{ "volumeMounts", judge_mounts, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_life(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "lifecycle", judge_lifecycle, ANY },
		{ "livenessProbe", judge_liveness_probe, ANY },
		{ "readinessProbe", judge_readiness_probe, ANY },
		{ "startupProbe", judge_liveness_probe, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_container(struct judge *j, const struct place *p)
{
	judge_common(j, p);
	judge_life(j, p);
}

void judge_init_container(struct judge *j, const struct place *p)
{
	static const char *const life[] = {
		"lifecycle", "livenessProbe", "readinessProbe",
		"startupProbe", NULL
	};
	struct place name;

	if (!at_is_map(p))
		return;
	judge_common(j, p);
	if (at(p, "name", &name))
		judge_not_named(j, &name, &j->pod->containers, "a container");
	if (!strcmp(at_key_text(p, "restartPolicy", ""), "Always"))
		judge_life(j, p);
	else
		at_forbid(j, p, life, "in an init container whose "
			  "restartPolicy is not Always");
}

void judge_ephemeral_container(struct judge *j, const struct place *p)
{
	static const char *const others[] = {
		"lifecycle", "livenessProbe", "ports", "readinessProbe",
		"resizePolicy", "resources", "restartPolicyRules",
		"startupProbe", NULL
	};
	const struct pod *pod = j->pod;
	struct place name, target;
	const char *s;

	if (!at_is_map(p))
		return;
	judge_common(j, p);
	at_forbid(j, p, others, "in an ephemeral container");
	if (at(p, "name", &name)) {
		judge_not_named(j, &name, &pod->containers, "a container");
		judge_not_named(j, &name, &pod->init_containers,
				"an init container");
	}
	if (!at(p, "targetContainerName", &target))
		return;
	s = at_text(&target);
	if (s && *s && !lookup_find(&pod->containers, s) &&
	    !lookup_find(&pod->init_containers, s))
		at_error(j, &target, "value-reference", "is '%s', but the pod "
			 "has no such container", s);
}
