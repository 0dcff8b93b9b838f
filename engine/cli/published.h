/*
 * What a host publishes of one channel (DESIGN.md 2.5), for `windlass
 * verify --url`: head, index and every pack are fetched, checked one by one,
 * and put into a repository in a temporary folder.
 */
#ifndef ENGINE_CLI_PUBLISHED_H
#define ENGINE_CLI_PUBLISHED_H

#include "engine/cli/results.h"

struct published {
	struct cache cache;
	struct head head;
	struct buf approvals;	/* the text that it names, or empty */
	bool verified;		/* the head is a publisher's, and fresh or not */
	/* inside */
	char *dir;
	struct loop *loop;
	struct http *http;
	struct downloads *downloads;
	const struct source_settings *settings;
	struct results *results;
};

#define PUBLISHED_INIT { .approvals = BUF_INIT(LIMIT_APPROVALS_BYTES) }

/*
 * Fetches and checks, each result a line. s->channel_id is not used: the id
 * is what the signed head says. Where the head is no publisher's, `verified`
 * stays false and nothing else is asked for. -1 when something could not be
 * fetched at all, or the machine fails; release it in every case.
 */
int published_fetch(struct published *p, const struct source_settings *s,
		    const struct trust *publishers, struct results *f,
		    struct err *err);
/* Removes the folder. */
void published_release(struct published *p);

#endif
