/*
 * CustomResourceDefinitions, whoever changes them. A new schema changes what
 * is read of the objects of its kind without an event of any of them
 * (drift-matrix.md section 4), so they are applied again when the generation
 * of their definition moves.
 */
#ifndef ENGINE_DEFINITIONS_H
#define ENGINE_DEFINITIONS_H

#include "engine/channel.h"

struct definitions;

struct definitions *definitions_new(struct engine *e);
void definitions_free(struct definitions *d);
/* A custom kind is in use: one watch of metadata, for all of them, begins. */
void definitions_use(struct definitions *d);

#endif
