/*
 * A repair that server-side apply cannot make. It merges lists by their keys:
 * where somebody made a volume of another kind, or named a port of his like
 * ours, what we apply comes beside that, and the API server refuses both
 * together (422). Then the list is first made what the bundle says, by a JSON
 * patch. Of apply-one.c, and only where the bundle's content was applied
 * before: nothing of a new one is live before all of it can be.
 */
#ifndef ENGINE_MEND_H
#define ENGINE_MEND_H

#include "engine/apply-one.h"

/* The patch that makes each smallest list with a difference what it shall be,
 * tested by resourceVersion; NULL if no list differs. */
struct node *mend_patch(const struct node *desired, const struct node *live,
			struct arena *arena);

/* Reads the object, patches it, and applies again. */
void mend_begin(struct op *op);

#endif
