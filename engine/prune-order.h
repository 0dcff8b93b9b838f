/*
 * What is deleted before what, and what has to wait. Pure.
 */
#ifndef ENGINE_PRUNE_ORDER_H
#define ENGINE_PRUNE_ORDER_H

#include "engine/channel.h"

enum { PRUNE_NAMESPACE = 0, PRUNE_CUSTOM = UINT16_MAX };

/* Higher ones go first. */
unsigned prune_class(const struct tracked *t);
/* For qsort of struct tracked *: those of higher classes first. */
int prune_by_class(const void *a, const void *b);
/* The one whose failure t has to wait for, because the two may be one thing
 * renamed; NULL if it need not. */
const struct tracked *prune_neighbour(const struct channel *c,
				      const struct tracked *t);
/* Adds the finalizers of an object: "a, b". */
void prune_finalizers(const struct node *object, struct buf *out);

#endif
