/*
 * What somebody may have meant: the nearest of some known names.
 */
#ifndef SCHEMA_NEAR_H
#define SCHEMA_NEAR_H

#include <stddef.h>
#include <string.h>

/* Longer names have no near ones. */
#define NEAR_LENGTH_MAX 64

/*
 * How many letters of a are missing, too many, wrong or swapped with their
 * neighbour to make b of it, letters of both cases being equal; more than
 * `most` if that is more than `most`.
 */
size_t near_distance(const char *a, const char *b, size_t most);

/* How far a name of this length may be off to be meant: 1 to 3. */
size_t near_limit(size_t len);

/* The nearest of names that are tried one after the other. */
struct nearest {
	const char *to;
	size_t least;
	const char *best;	/* NULL: none was near */
};

static inline struct nearest nearest_to(const char *name)
{
	return (struct nearest){ name, near_limit(strlen(name)) + 1, NULL };
}

static inline void nearest_try(struct nearest *n, const char *word)
{
	size_t d = *word ? near_distance(n->to, word, n->least) : n->least;

	if (d < n->least) {
		n->least = d;
		n->best = word;
	}
}

#endif
