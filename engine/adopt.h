/*
 * What other tools left in metadata.managedFields, and how it becomes ours
 * (drift-matrix.md section 5, measured). A field that a kubectl entry owns
 * beside us stays for ever when a bundle drops it; so such entries are
 * changed before that can happen. Pure: the JSON patch is sent by apply.c.
 */
#ifndef ENGINE_ADOPT_H
#define ENGINE_ADOPT_H

#include <stdbool.h>

#include "schema/base/arena.h"
#include "schema/node.h"

/* Field managers of channels are named so: "windlass-prod". */
#define MANAGER_PREFIX "windlass-"

struct adopter {
	const char *manager;	/* ours */
	/* Is there such a channel, and does it want the object? An entry of
	 * one that is gone, or let go of it, may be taken over. */
	bool (*channel_exists)(void *arg, const char *name);
	void *arg;
};

/* The name of another channel that exists and has applied this object, or
 * NULL. */
const char *adopt_rival(const struct adopter *a, const struct node *object);

/*
 * The patch for an object that becomes ours: what kubectl, a reset, Flux,
 * Argo CD or a channel that is gone own becomes ours too, so that the next
 * apply removes what the bundle does not say. NULL if there is nothing to take.
 * Entries that are newer than ours are not taken: a controller that still
 * works keeps what it writes, and is met as any other writer (repair.h).
 */
struct node *adopt_take_over(const struct adopter *a,
			     const struct node *object, struct arena *arena);

/*
 * The patch for an object that is ours: leftover entries lose what we own
 * too, and keep what they alone own (a person's annotation, a restart).
 * NULL if there is nothing to do.
 */
struct node *adopt_disown(const struct adopter *a, const struct node *object,
			  struct arena *arena);

/* The patch that puts one entry in the place of another; NULL leaves it out.
 * The object has both managedFields and a resourceVersion. */
struct node *adopt_replace(const struct node *object, const struct node *entry,
			   struct node *by, struct arena *arena);

/* Sets of fields as fieldsV1 trees. `minus` gives NULL for the empty set. */
struct node *fields_union(const struct node *a, const struct node *b,
			  struct arena *arena);
struct node *fields_minus(const struct node *a, const struct node *b,
			  struct arena *arena);

#endif
