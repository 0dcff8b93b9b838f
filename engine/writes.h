/*
 * How many writes run at a time, and whose turn it is. As fast as the API
 * server's own flow control allows: the limit grows while all goes well,
 * halves on 429 and when answers become slow, and nothing begins before the
 * time that Retry-After names. Channels take turns, and those that have much
 * never take the last places from one that has nothing on its way: what hangs
 * in a webhook of one channel holds up no other.
 */
#ifndef ENGINE_WRITES_H
#define ENGINE_WRITES_H

#include "engine/kube.h"
#include "engine/loop.h"

#define WRITES_FIRST 8
#define WRITES_MAX 32

struct writes;

/* One that writes: a member of its owner. */
struct writer {
	struct writes *writes;
	/* Begins one write (writes_begin) if there is something to do now;
	 * false if there is not: it is asked again after writer_wake. */
	bool (*next)(void *arg);
	void *arg;
	struct writer *ring;		/* those that are awake, in a circle */
	bool awake;
	unsigned running;
};

void writes_new(struct loop *l, struct writes **ret);
void writes_free(struct writes *w);

void writer_init(struct writer *r, struct writes *w, bool (*next)(void *arg),
		 void *arg);
void writer_stop(struct writer *r);	/* running ones still have to end */
void writer_wake(struct writer *r);

/* A write begins, from inside next(); it ends with its answer and how long
 * it took, or with NULL if none came of it. */
void writes_begin(struct writer *r);
void writes_end(struct writer *r, const struct kube_status *status,
		int64_t ms);

/* For the metrics, and for tests. */
unsigned writes_limit(const struct writes *w);
unsigned writes_running(const struct writes *w);

#endif
