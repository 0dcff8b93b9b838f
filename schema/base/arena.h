/*
 * An arena: many small allocations with one owner, freed together. Used for
 * document trees, where freeing node by node is slow and easy to get wrong.
 */
#ifndef SCHEMA_BASE_ARENA_H
#define SCHEMA_BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *head;
	size_t used;		/* bytes handed out since init or reset */
};

#define ARENA_INIT { 0 }

/* Zeroed memory, aligned for any type; never NULL. Freed by the arena. */
void *arena_alloc(struct arena *a, size_t size);
/* An array; n * size is checked for overflow. */
void *arena_array(struct arena *a, size_t n, size_t size);
/* A copy with a NUL behind it; len bytes may hold NULs themselves. */
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Forgets all allocations and keeps one block for the next use. */
void arena_reset(struct arena *a);
void arena_release(struct arena *a);
/* As arena_release, but overwrites everything first: for key material. */
void arena_wipe(struct arena *a);

#endif
