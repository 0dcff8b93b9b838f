/*
 * What differs between an object of a bundle and the one that lives, field by
 * field, and who owns those fields. Only what the bundle says counts, and
 * what our managedFields entry still owns although the bundle does not say it
 * any more: defaults, status and fields of others are no difference. It asks
 * nobody: a dry-run apply would cost a request for each object and the right
 * to write, and does not see a mutator (drift-matrix.md section 7).
 *
 * What a list's items are known by (their keys, their values, or nothing at
 * all) is what the API server wrote into managedFields. Where nobody owns
 * anything in a list its items are told apart by their name.
 */
#ifndef ENGINE_LIVE_DIFF_H
#define ENGINE_LIVE_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/arena.h"
#include "schema/node.h"

/* more managers of one object are not looked at */
#define LIVE_OWNERS 32

struct live_difference {
	const char *path;	/* spec.containers[name="web"].image */
	const struct node *want;	/* NULL: the bundle has none */
	const struct node *live;	/* NULL: the cluster has none */
	bool order;		/* list items in another order, no more */
	/* entries of managedFields, the latest first: of others where one
	 * owns the field, else ours; none where nobody does */
	const struct node *owners[LIVE_OWNERS];
	size_t n_owners;
};

/*
 * Calls fn for each difference, in the order of the bundle's fields; what is
 * in a difference lives no longer than the call. `manager` is ours:
 * "windlass-prod". Returns how many there were.
 */
size_t live_diff(const struct node *want, const struct node *live,
		 const char *manager, struct arena *scratch,
		 void (*fn)(void *arg, const struct live_difference *d),
		 void *arg);

/*
 * What of `want` is ours no more, by the metadata of the live object alone:
 * fields that our entry has lost to others, or because they were removed.
 * Called with d->live NULL; owners are others, the latest first. 0 too if we
 * have no entry at all.
 */
size_t live_lost(const struct node *want, const struct node *object,
		 const char *manager, struct arena *scratch,
		 void (*fn)(void *arg, const struct live_difference *d),
		 void *arg);

#endif
