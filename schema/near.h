/*
 * What somebody may have meant: the nearest of some known names.
 */
#ifndef SCHEMA_NEAR_H
#define SCHEMA_NEAR_H

#include <stddef.h>

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

#endif
