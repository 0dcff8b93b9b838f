/*
 * The shelf of a channel: which packs are published, and which one to make
 * next, so that any engine finds a short way to the current bundle
 * (DESIGN.md 2.5):
 *
 *	base ---> delta ---> delta ---> ... ---> delta ---> current
 *	                                base ------^
 *
 * A delta joins each bundle to the one before. From some base on, deltas
 * lead to the current bundle without a gap. Making a base costs as much as
 * the whole bundle, so it is made only when the way from the last one has
 * become long, and then after the push has returned.
 */
#ifndef HOOKS_SHELF_H
#define HOOKS_SHELF_H

#include "hooks/current.h"
#include "hooks/store.h"
#include "schema/index.h"

/* deltas behind the newest base at which another base is worth its bytes */
#define SHELF_BASE_EVERY (KEEP_DELTAS / 2)
/* and at which no more deltas are added without one: nobody made it */
#define SHELF_CHAIN_MAX (4 * KEEP_DELTAS)

struct shelf {
	const struct host_config *host;
	const struct channel_config *ch;
	struct pack_index ix;
	struct pack_ref file;	/* the index as it is published; 0 bytes: none */
	struct pack_index dropped;	/* let go by shelf_write */
};

/* The published index of that name, if it is whole. */
int shelf_read_index(const struct host_config *host,
		     const struct channel_config *ch,
		     const struct pack_ref *ref, struct pack_index *ret,
		     struct err *err);
/*
 * The index that a head names, of this epoch, without the packs that are not
 * there any more. Empty where the head is NULL, of another epoch, or its
 * index is damaged: then it is made anew.
 */
void shelf_open(const struct host_config *host,
		const struct channel_config *ch, const struct head *head,
		uint64_t epoch, struct shelf *ret);
void shelf_release(struct shelf *s);

/* The delta that leads to a bundle, or NULL. */
const struct index_entry *shelf_delta(const struct shelf *s, const char *to);
/* How many deltas lead to a bundle from the nearest base; -1: no way. */
int shelf_distance(const struct shelf *s, const char *bundle);

/*
 * Makes what is missing for the current bundle: the delta from its parent,
 * and a base if no way leads there. Drops what is too old. `store` is the
 * one that has just made the bundle, NULL if another run did.
 */
int shelf_advance(git_repository *repo, struct shelf *s,
		  const struct current *c, const struct store *store,
		  struct err *err);
/*
 * Adds a base that was made of a bundle on the way to the current one, and
 * thins out the older ones: one for each power of two further back.
 */
int shelf_add_base(git_repository *repo, struct shelf *s,
		   const struct current *c, const char *bundle,
		   const struct pack_ref *pack, struct err *err);
/* Publishes the index, durably. */
int shelf_write(struct shelf *s, struct pack_ref *ret, struct err *err);

#endif
