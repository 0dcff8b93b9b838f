/*
 * /healthz, /readyz and /metrics over HTTP, by libmicrohttpd on the loop.
 * For the kubelet and Prometheus: GET and HEAD, nothing to configure, small
 * limits. It answers from the loop, so an answer says that the loop turns.
 */
#ifndef ENGINE_ENDPOINT_H
#define ENGINE_ENDPOINT_H

#include <stdbool.h>

#include "engine/loop.h"
#include "engine/metrics.h"
#include "schema/base/err.h"

struct endpoint;

#define ENDPOINT_ADDRESS "127.0.0.1:8421"

struct endpoint_options {
	const char *address;	/* "127.0.0.1:8421", "[::]:8421", ":8421"
				   (all addresses); port 0: any free one */
	struct metrics *metrics;
	/* /readyz: true is 200, false 503 with what it wrote in why */
	bool (*ready)(void *arg, struct buf *why);
	void *arg;
};

/* ERR_INVALID if the address is none, or is taken. */
/* Is it one? -1 with what is wrong. */
int endpoint_check(const char *address, struct err *err);
int endpoint_new(struct loop *l, const struct endpoint_options *o,
		 struct endpoint **ret, struct err *err);
void endpoint_free(struct endpoint *e);
int endpoint_port(const struct endpoint *e);

#endif
