/*
 * raw-apply: how fast this API server takes server-side applies from one
 * client, as the measure for the engine's first apply. Sends COUNT ConfigMaps
 * of about SIZE bytes to NAMESPACES existing namespaces (bench-raw-0, ...),
 * IN-FLIGHT at a time, over the engine's own HTTP client, and does nothing
 * else. They bear the label that each object of a channel bears, since the
 * API server works for every field; impersonation, which is the engine's
 * choice, is not in it. Prints applies per second.
 *
 *   raw-apply COUNT NAMESPACES SIZE IN-FLIGHT PREFIX
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/kube.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/render.h"

/* as long as that of a channel, and of none */
#define LABEL "applyset-0000000000000000000000000000000000000000000-v1"

struct bench {
	struct loop *loop;
	struct kube *kube;
	uint64_t count, namespaces, in_flight;
	uint64_t sent, done, failed;
	char *filler;
	const char *prefix;
};

static void send_next(struct bench *b);

static void on_done(void *arg, const struct kube_answer *a)
{
	struct bench *b = arg;

	if (a->err && b->failed++ == 0)
		fprintf(stderr, "raw-apply: %s\n", a->err->msg);
	if (++b->done == b->count)
		loop_stop(b->loop);
	else
		send_next(b);
}

static void send_next(struct bench *b)
{
	uint64_t i = b->sent;
	char ns[32], name[32];
	struct buf body = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;
	struct kube_call *call;
	struct kube_request patch = {
		.method = "PATCH",
		.target = {
			.group = "", .version = "v1", .plural = "configmaps",
			.namespace = ns, .name = name,
		},
		.query = "fieldManager=raw-apply&force=true"
			 "&fieldValidation=Strict",
		.content_type = KUBE_APPLY,
		.as = KUBE_AS_METADATA,
		.on_done = on_done,
		.arg = b,
	};

	if (b->sent == b->count)
		return;
	b->sent++;
	snprintf(ns, sizeof(ns), "%s-%u", b->prefix,
		 (unsigned)(i % b->namespaces));
	snprintf(name, sizeof(name), "cm-%u", (unsigned)i);
	buf_addf(&body, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		 "\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\","
		 "\"labels\":{\"" APPLYSET_PART_OF "\":\"" LABEL "\"}},"
		 "\"data\":{\"filler\":\"%s\",\"value\":\"1\"}}", name, ns,
		 b->filler);
	patch.body = body.data;
	patch.body_len = body.len;
	if (kube_send(b->kube, &patch, &call, &err) < 0) {
		fprintf(stderr, "raw-apply: %s\n", err.msg);
		exit(2);
	}
	buf_release(&body);
}

int main(int argc, char **argv)
{
	struct bench b = { .prefix = argc == 6 ? argv[5] : NULL };
	struct kube_config_options o = { 0 };
	struct kube_config *config;
	struct err err = ERR_INIT;
	uint64_t size;
	int64_t began;

	if (!b.prefix || parse_u64(argv[1], 1, 1000000, &b.count) ||
	    parse_u64(argv[2], 1, 1000, &b.namespaces) ||
	    parse_u64(argv[3], 1, 100000, &size) ||
	    parse_u64(argv[4], 1, 1000, &b.in_flight)) {
		fputs("usage: raw-apply COUNT NAMESPACES SIZE IN-FLIGHT "
		      "PREFIX\n", stderr);
		return 129;
	}
	b.filler = xmalloc(size + 1);
	memset(b.filler, 'x', size);
	b.filler[size] = '\0';
	if (loop_new(&b.loop, &err) < 0 ||
	    kube_config_load(&o, &config, &err) < 0 ||
	    kube_new(b.loop, config, &b.kube, &err) < 0) {
		fprintf(stderr, "raw-apply: %s\n", err.msg);
		return 2;
	}
	began = clock_mono_ms();
	for (uint64_t i = 0; i < b.in_flight; i++)
		send_next(&b);
	if (loop_run(b.loop, &err) < 0)
		return 2;
	printf("%.0f\n", (double)b.count * 1000 /
	       (double)(clock_mono_ms() - began));
	kube_free(b.kube);
	loop_free(b.loop);
	free(b.filler);
	return b.failed ? 1 : 0;
}
