/*
 * Drift without asking (DESIGN.md 4.4; drift-matrix.md section 7, measured).
 * Each of our own writes leaves a baseline; each event of the metadata watch
 * is judged against it. Pure: no requests are made here.
 */
#ifndef ENGINE_DRIFT_H
#define ENGINE_DRIFT_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/arena.h"
#include "schema/node.h"

struct baseline {
	uint8_t uid[16];
	int64_t generation;	/* 0: the kind has none */
	uint64_t version;	/* of resourceVersion: see object_version;
				   0: no baseline */
	uint64_t entry;		/* of our managedFields entry */
	uint64_t fields;	/* of its fieldsV1 alone */
	uint64_t labels;	/* owned labels and annotations */
	uint64_t metadata;	/* V: all of it but version, generation and
				   the subresource entries */
	uint64_t status;	/* S: the subresource entries */
	uint64_t values;	/* at owned paths; 0: never seen in full */
};

enum drift {
	DRIFT_NONE,		/* nothing that concerns us */
	DRIFT_ECHO,		/* our own write coming back, or an event from
				   before it that was overtaken */
	DRIFT_STATUS,		/* at most a status write: look at health */
	DRIFT_SUSPECT,		/* one GET will tell */
	DRIFT_CERTAIN,		/* apply again */
	DRIFT_RECREATED,	/* another uid: apply again, nothing is ours */
	DRIFT_TERMINATING,	/* wait for DELETED; applying would do nothing */
};

/*
 * The resourceVersion as a number that can be compared: the decimal number
 * that it is (KEP-5504: of two of one resource the larger is the later one),
 * or, for an aggregated API's own kind of text, a hash with the highest bit
 * set, good for equality only. 0 if there is none.
 */
uint64_t object_version(const struct node *object);
/* Was the object read or written before version b? False if that cannot be
 * told. */
bool version_is_before(uint64_t a, uint64_t b);

/*
 * The baseline of an answer to our own apply, or of an object that was found
 * to be as wanted. `full` says that the object is whole, so its values are
 * hashed. For metadata alone `values` is kept as it was, as long as we own
 * the same fields: the same content was applied, or nothing of ours moved.
 * 0, or -1 if our entry is not there (a mutator stripped managedFields).
 */
int baseline_take(struct baseline *b, const struct node *object,
		  const char *manager, bool full, struct arena *scratch);

static inline bool baseline_known(const struct baseline *b)
{
	return b->version != 0;
}

/* Judges an event's object (metadata is enough) against a baseline. */
enum drift drift_judge(const struct baseline *b, const struct node *object,
		       const char *manager, bool generation_is_trusted,
		       struct arena *scratch);

/*
 * After DRIFT_SUSPECT: are the owned values of this full object still those
 * of the baseline? True also when the baseline never saw values and `object`
 * matches `desired` (live_matches); desired may be NULL if values are known.
 */
bool drift_unchanged(const struct baseline *b, const struct node *object,
		     const char *manager, const struct node *desired,
		     struct arena *scratch);

/* Kinds whose metadata.generation moves with every change of their spec:
 * a measured list of built-in kinds, and every custom resource. */
bool drift_trusts_generation(const char *group, const char *kind);

#endif
