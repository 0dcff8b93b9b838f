/*
 * The Channel object as the parent of an ApplySet (KEP-3659): its labels and
 * annotations, so that other tools see the set; and our finalizer while
 * deletionPolicy is Prune. Patches name the resourceVersion that they were
 * made from.
 */
#ifndef ENGINE_PARENT_H
#define ENGINE_PARENT_H

#include "engine/channel.h"

#define PRUNE_FINALIZER "windlass.dev/prune"
/* An admin's word that a fork was looked into; we take it off again. */
#define CLEAR_FORK_ANNOTATION "windlass.dev/clear-fork"
/* An admin's word to delete so many leftovers; we take it off again. */
#define PRUNE_LEFTOVERS_ANNOTATION "windlass.dev/prune-leftovers"
/* An admin's wish for a look at everything now; off again when it is done. */
#define RECONCILE_ANNOTATION "windlass.dev/reconcile"

struct parent;

struct parent *parent_new(struct channel *c);
void parent_free(struct parent *p);		/* NULL is fine */

/* The object as the API server has it. */
void parent_seen(struct parent *p, const struct node *object);
/* The kinds or namespaces in use, the spec or the finalizer may have changed.
 * `shrink`: kinds that are not in use any more may go from the list. */
void parent_touch(struct parent *p, bool shrink);
/* As in report.h: the two take turns. */
bool parent_is_writing(const struct parent *p);
void parent_continue(struct parent *p);
/* Another bundle begins: what was asked to go from the list is kept, until
 * its objects are known to be gone, too. */
void parent_grow(struct parent *p);
/* Takes an annotation of ours off. */
void parent_drop_annotation(struct parent *p, const char *name);

/* The value of an annotation; NULL: there is none. */
const char *parent_annotation(const struct parent *p, const char *name);
/* Calls fn for each kind that contains-group-kinds names. */
void parent_kinds(const struct parent *p,
		  void (*fn)(struct channel *c, struct kind *k));
/* Our finalizer is on the object. */
bool parent_has_finalizer(const struct parent *p);

#endif
