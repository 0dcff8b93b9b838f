/*
 * One write of one object, from its body to its answer: engine/apply.c
 * decides when, this how. A write is of one of these shapes:
 *
 *   known        body, PATCH by force
 *   new          body, PATCH without force; an answer of "conflict" is looked
 *                into: another channel's object is refused, any other is
 *                taken over (adopt.h), then PATCH by force
 *   ignores      what belongs to others once it is there is left out: GET
 *                (404: the whole body), a JSON patch by which we own it no
 *                more, then PATCH with the uid of what was read
 *   fixed        a change that the API server never makes in place: refused,
 *                or (windlass.dev/recreate) DELETE and PATCH: recreate.h
 *   either one   with leftovers of kubectl in the answer: a JSON patch that
 *                leaves them no field of ours
 */
#ifndef ENGINE_APPLY_ONE_H
#define ENGINE_APPLY_ONE_H

#include "engine/apply.h"
#include "engine/kube.h"
#include "engine/verdict.h"

struct op {
	struct op *prev, *next;		/* of struct apply, while it lives */
	struct channel *channel;	/* NULL: it is gone, nobody waits */
	struct tracked *t;		/* held */
	enum apply_why why;
	bool rollout;			/* a first try that others wait for */
	bool full, force;
	bool reading;			/* the body is on its way */
	bool holds_place;		/* of writes.h */
	bool created;
	int takes;			/* tries to take it over */
	int tidies;			/* tries to give up fields of it */
	bool ignores;			/* some fields belong to others, */
	bool reduced;			/* and the body is without them */
	bool remade;			/* the old object was to be deleted */
	bool mended;			/* mend.h was tried */
	struct sha256 content;
	struct arena arena;
	char *body;
	size_t len;
	const struct node *desired;
	char *rest;			/* the body without what it ignores, */
	size_t rest_len;
	const struct node *wanted;	/* ... and what is sent, as a tree */
	const char *version;		/* of its apiVersion */
	struct node *answer;
	struct kube_call *call;
	int64_t began;			/* loop_now() of the request */
};

/* Begins: a place is taken already. op_done is called in the end, from the
 * loop. */
struct op *op_new(struct channel *c, struct tracked *t, enum apply_why why);
/* Once more, after op_done said so. */
void op_again(struct op *op);
/* Without op_done. */
void op_free(struct op *op);

/* The reason of an outcome: another channel has the object. */
#define OTHER_CHANNEL "OtherChannel"

/* What came of it. */
struct outcome {
	enum verdict verdict;		/* if not ok */
	bool ok;
	long status;
	const char *reason;		/* CamelCase */
	const char *message;
};

/* ---- for engine/recreate.c and engine/mend.c ---- */
/* A JSON patch of the object, by our manager. */
void op_patch(struct op *op, const struct node *patch,
	      void (*on_done)(void *arg, const struct kube_answer *a));
/* Sends a request for the object; its on_done clears op->call first. */
void op_send(struct op *op, struct kube_request *r);
/* Applies, from the beginning. */
void op_apply(struct op *op);
/* Ends it. s: the answer that it ends with, or NULL. */
void op_fail(struct op *op, const struct kube_status *s, enum verdict verdict,
	     const char *reason, const char *message);
/* Ends it by what the API server answered. */
void op_refuse(struct op *op, const struct kube_status *s);

/* Of engine/apply.c: the op is its again, and has no place any more. */
void op_done(struct op *op, const struct outcome *o);
/* Of engine/apply.c: a write of the channel begins, and ends. */
void op_enters(struct channel *c);
void op_leaves(struct channel *c, const struct kube_status *s, int64_t ms);

#endif
