/*
 * What is deleted before what, and what has to wait. Pure.
 */
#ifndef ENGINE_PRUNE_ORDER_H
#define ENGINE_PRUNE_ORDER_H

#include "engine/channel.h"

enum {
	PRUNE_NAMESPACE = 0, PRUNE_CUSTOM = UINT16_MAX, PRUNE_GATE,
};

/* Higher ones go first. */
unsigned prune_class(const struct tracked *t);
/* For qsort of struct tracked *: those of higher classes first. */
int prune_by_class(const void *a, const void *b);
/* Is it of a kind by which the API server refuses other objects: what waits
 * for these would wait for itself. */
bool prune_is_gate(const struct kind *k);
/* Is it of a kind in which an old one may keep a new one out? */
bool prune_makes_room(const struct kind *k);
/* The one whose failure t has to wait for, because the two may be one thing
 * renamed; NULL if it need not: nobody waits for what fails only because
 * something is there that is to be deleted. */
const struct tracked *prune_neighbour(const struct channel *c,
				      const struct tracked *t);
/* Adds the finalizers of an object: "a, b". */
void prune_finalizers(const struct node *object, struct buf *out);

#endif
