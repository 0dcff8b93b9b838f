/*
 * What the author of an object tells windlass by its annotations:
 *
 *   windlass.dev/wave: "<n>"        order of applying, from -1000 to 1000
 *   windlass.dev/drift: correct | report | ignore
 *                                   what becomes of a change by others
 *   windlass.dev/ignore-fields: /spec/replicas, /data/tuned
 *                                   fields that belong to others once the
 *                                   object is there: JSON pointers (RFC
 *                                   6901) into the object as it is written,
 *                                   with commas or spaces between them
 *   windlass.dev/recreate: "true"   delete it and make it again where a
 *                                   change cannot be made in place
 *   windlass.dev/prune: "false" | cascade
 *                                   leave it in the cluster when it leaves
 *                                   the channel; or (Namespaces, CRDs) delete
 *                                   it with all that is in it
 *
 * They are part of the signed object, so the hook judges them and the engine
 * obeys. Readers here are lenient: a wish that makes no sense is none, because
 * an old bundle may hold what a later hook refuses.
 */
#ifndef SCHEMA_WISHES_H
#define SCHEMA_WISHES_H

#include <stdbool.h>

#include "schema/object.h"
#include "schema/problem.h"

#define WISH_PREFIX "windlass.dev/"
#define WISH_WAVE WISH_PREFIX "wave"
#define WISH_DRIFT WISH_PREFIX "drift"
#define WISH_IGNORE_FIELDS WISH_PREFIX "ignore-fields"
#define WISH_RECREATE WISH_PREFIX "recreate"
#define WISH_PRUNE WISH_PREFIX "prune"

/* Numbers that an author may give. */
#define WAVE_MIN (-1000)
#define WAVE_MAX 1000
/* Pointers of one object. */
#define WISH_POINTERS_MAX 64

enum wish_drift {
	WISH_DRIFT_UNSAID,	/* as the channel has it */
	WISH_DRIFT_CORRECT,
	WISH_DRIFT_REPORT,
	WISH_DRIFT_IGNORE,
};

enum wish_prune { WISH_PRUNE_UNSAID, WISH_PRUNE_NEVER, WISH_PRUNE_CASCADE };

enum wish_drift wish_drift(const struct node *object);
enum wish_prune wish_prune(const struct node *object);
/* Not for Namespaces and CustomResourceDefinitions, whatever they say: all
 * that is in them would go. */
bool wish_recreate(const struct node *object);
bool wish_ignores(const struct node *object);
/* A wave as it stands in an annotation, windlass's or another tool's. 0, or
 * -1 if it is no whole number from WAVE_MIN to WAVE_MAX. */
int wish_wave(const char *text, int *ret);

/* One step of a pointer: a key of a map, or an item of a list. */
struct wish_step {
	const struct node *in;	/* the map or list */
	const struct node *to;	/* what is there */
	const char *key;	/* of a map; "": of a list, */
	uint32_t index;		/* ... which item */
};

/*
 * Calls fn for each field that wish_ignores names and the object has, with
 * the n steps that lead to it; they are gone afterwards. Fields that it has
 * not are left out.
 */
void wish_each_ignored(const struct node *object,
		       void (*fn)(void *arg, const struct wish_step *steps,
				  size_t n), void *arg);

/*
 * The object without the fields that it ignores, and without what becomes
 * empty by that: what is applied once it is there. The same tree if it
 * ignores none, else a copy in the arena.
 */
const struct node *wish_reduced(const struct node *object, struct arena *a);

/*
 * Judges the annotations that begin with windlass.dev/, and depends-on:
 *
 *   wish-unknown   there is no such annotation
 *   wish-value     its value is none that it can have
 *   wish-field     a pointer into what cannot be ignored
 *   wish-nothing   (a warning) a pointer to what the object does not set
 *   wish-job       (a warning) a Job that the cluster deletes when it has
 *                  ended, which is drift, and nothing says that it may
 *   wish-depends   an item of depends-on (schema/depends.h) names no object
 *
 * 0, or -1 with errors added.
 */
int wishes_check(const struct object *o, struct problems *ps);

#endif
