/*
 * Memory. Running out ends the process: what reads hostile bytes is a child
 * with bounded inputs, and its parent keeps the last good state. Results
 * are never NULL. Sizes are checked for overflow.
 */
#ifndef SCHEMA_BASE_MEM_H
#define SCHEMA_BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t len)
	__attribute__((malloc, returns_nonnull));
void *xmemdup(const void *p, size_t len)
	__attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), returns_nonnull));

/* A broken invariant of our own; never reachable from input. */
_Noreturn void bug_at(const char *file, int line, const char *what);
#define BUG(what) bug_at(__FILE__, __LINE__, (what))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
