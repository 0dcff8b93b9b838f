/*
 * Letting go of an object without deleting it: for nobody, because its author
 * wants it to stay (windlass.dev/prune: "false"), or for another channel that
 * names it by now. Our label is taken off, our managedFields entry too, or it
 * becomes the other one's; all values stay. Pure: prune-one.c sends the patch.
 */
#ifndef ENGINE_RELEASE_H
#define ENGINE_RELEASE_H

#include "engine/channel.h"

/* The other channel that names the object and may have it; NULL if none does.
 * *ret is how that channel tracks it. */
struct channel *release_heir(struct channel *c, const struct tracked *t,
			     struct tracked **ret);
/* Might another channel of the same host name it in a moment, because one
 * push moved it from here to there? */
bool release_may_come(struct channel *c, const struct tracked *t);

/* The other channel whose next bundle names it, and may have it, but is not
 * accepted yet: it is suspended, or waits for approval. NULL if none does. */
struct channel *release_awaited(struct channel *c, const struct tracked *t);

/* The object is refused because another channel has it: if that one is about
 * to delete it, it need not wait any longer to let go of it. */
void release_wanted(struct channel *c, const struct tracked *t);
/* Does the other channel's bundle not name the object, so that what it left in
 * the cluster may be taken? */
bool release_was_dropped(struct channel *other, const struct tracked *t);
/* It is c's now: it is no other channel's leftover. */
void release_done(struct channel *c, const struct tracked *t);

/* The JSON patch, in the arena, tested by resourceVersion. heir NULL: for
 * nobody. The object bears our label and our entry. */
struct node *release_patch(const struct channel *c, const struct channel *heir,
			   const struct node *object, struct arena *arena);

#endif
