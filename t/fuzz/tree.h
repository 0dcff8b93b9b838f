/*
 * What the fuzz targets of YAML and of JSON ask of every tree that was read.
 * Each aborts where it does not hold.
 */
#ifndef T_FUZZ_TREE_H
#define T_FUZZ_TREE_H

#include <stddef.h>

#include "schema/node.h"

/* The mark is nowhere, or a place of the text, its end included. */
void must_be_inside(struct mark mark, const char *text, size_t len);
/* Every value and every key stands somewhere in the text. */
void must_stand_inside(const struct node *n, const char *text, size_t len);
/*
 * Written in each of our forms and read back, the tree is written as the same
 * bytes again; and if it is a map, YAML's reader makes the same of them as
 * JSON's, because it is what an API server reads a body with.
 */
void must_read_back(const struct node *n);

#endif
