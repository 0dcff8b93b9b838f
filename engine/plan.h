/*
 * From a difference of two bundles to work: every object that is new,
 * changed or gone, checked against what the Channel allows, with the order
 * that its author gave it. A plan is only data until it is merged into the
 * inventory, which happens after its bundle was accepted.
 */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include "engine/channel.h"
#include "engine/source.h"

struct plan_item {
	const char *path;	/* "objects/demo/apps/Deployment/web.json" */
	const char *depends;	/* value of depends-on; NULL: none */
	struct sha256 digest;
	uint8_t op;		/* enum source_op */
	bool ordered;		/* its body may say more about its order, or
				   have other wishes */
	int16_t number;		/* windlass.dev/wave */
	uint8_t wish : 2;	/* enum wish_drift */
	bool ignores : 1;	/* windlass.dev/ignore-fields */
};

/* bodies that are read for their order, at a time */
#define PLAN_READING 16

struct plan;

struct plan_reading {
	struct plan *plan;
	struct plan_item *item;		/* NULL: free */
	struct source_request *request;
};

/* What the inventory is to make of it. */
enum plan_use {
	PLAN_FRESH,	/* nothing was ever applied: all of it is new */
	PLAN_FIRST,	/* after a start in the middle of that: some of it may
			   be live */
	PLAN_LOAD,	/* after a start: what is live is not known */
	PLAN_CHANGES,	/* from the bundle that the inventory has to another */
	PLAN_PENDING,	/* from the applied bundle to the one that the
			   inventory has: what was not finished */
};

struct plan {
	struct channel *channel;
	char from[GIT_HEX_SIZE], to[GIT_HEX_SIZE];
	struct plan_item *v;
	size_t n, alloc;
	size_t created, changed, deleted;
	/* the first object that the Channel does not allow, and how many */
	struct err refused;
	size_t n_refused;
	struct arena arena;
	struct source_request *request;
	void (*done)(struct plan *p, const struct err *err);
	size_t next;		/* of what is done in slices */
	struct plan_reading reading[PLAN_READING];
	unsigned n_reading;
	struct err failed;
	struct work work;
	enum plan_use use;
	bool may_prune;
	bool finished;
	bool unordered;		/* the items, as they came */
};

/*
 * Reads the difference from a bundle ("": nothing) to another. done is called
 * once, from the loop; the plan then belongs to the caller.
 */
struct plan *plan_read(struct channel *c, const char *from, const char *to,
		       void (*done)(struct plan *p, const struct err *err));
/*
 * Puts it into the inventory, in slices, then calls done. What is gone
 * becomes TRACKED_DELETING if it may be pruned, else a leftover.
 */
void plan_merge(struct plan *p, enum plan_use use, bool may_prune,
		void (*done)(struct plan *p, const struct err *err));
/* Stops it without done. NULL is fine. */
void plan_free(struct plan *p);

#endif
