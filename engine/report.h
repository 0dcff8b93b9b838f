/*
 * Writing a channel's status.
 *
 * Every patch names the resourceVersion that it was made from, so that an
 * engine which is not the leader any more, or does not know what another one
 * wrote, changes nothing. status.accepted is written at once and awaited;
 * everything else is coalesced to one patch a second, when it differs.
 */
#ifndef ENGINE_REPORT_H
#define ENGINE_REPORT_H

#include "engine/channel.h"

struct report;

struct report_ops {
	/* Puts the conditions and counts into c->status, before a patch. */
	void (*fill)(struct channel *c);
	/* The Channel in the cluster says that a later bundle was accepted:
	 * another engine leads. */
	void (*overtaken)(struct channel *c);
};

struct report *report_new(struct channel *c, const struct report_ops *ops);
/* What was not written is not. NULL is fine. */
void report_free(struct report *r);

/* The object as the API server has it: its version, and what is in its
 * status by now. */
void report_seen(struct report *r, const struct node *object);
/* Its version alone, after a patch of ours to something else than the
 * status. */
void report_version(struct report *r, const struct node *object);
/* A patch is on its way. The Channel is patched in two places, here and in
 * parent.c, which take turns: the other one is to go on when one is done. */
bool report_is_writing(const struct report *r);
void report_continue(struct report *r);
/* Something may have changed. */
void report_touch(struct report *r);
/*
 * Writes `bundle`, and who consented, as status.accepted, trying until it is stored, then calls
 * done. One at a time; never ends if the Channel is gone or another engine
 * wrote a later one (overtaken).
 *
 * withdrawn is called in its place when the spec has become another before
 * it was stored, or report_accept_doubt was called: it has to be judged anew.
 * What is stored was therefore judged by the spec that is stored beside it.
 * NULL: it is written whatever the spec says, since it was accepted before.
 */
void report_accept(struct report *r, const struct status_bundle *bundle,
		   const struct consents *consents,
		   void (*done)(struct channel *c),
		   void (*withdrawn)(struct channel *c));
/* What it was judged by is not so any more: unless it is stored already, it
 * is withdrawn. */
void report_accept_doubt(struct report *r);
/*
 * The channel stops: what is being accepted is accepted no more, unless the
 * cluster has it already (then it comes back as overtaken). done is not
 * called.
 */
void report_accept_not(struct report *r);

#endif
