/*
 * Fields that belong to others once an object is there: windlass.dev/
 * ignore-fields (schema/wishes.h). An apply that leaves out a field which we
 * own would remove it, or set it back to its default; so our entry of
 * managedFields loses it first, by a JSON patch, and the value stays. Pure: the
 * patch is sent by apply-one.c.
 */
#ifndef ENGINE_SHARE_H
#define ENGINE_SHARE_H

#include "schema/base/arena.h"
#include "schema/base/err.h"
#include "schema/node.h"

/*
 * *ret is the patch by which our entry in the live object loses what `desired`
 * ignores, in the arena; NULL if it has nothing of that. ERR_INVALID if the
 * API server treats an ignored field as a part of a larger whole (an atomic
 * list or map): that can only be applied or left as a whole.
 */
int share_disown(const struct node *desired, const struct node *object,
		 const char *manager, struct arena *arena, struct node **ret,
		 struct err *err);

#endif
