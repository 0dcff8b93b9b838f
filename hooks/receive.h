/*
 * What git tells a hook about a push: a line "<old> <new> <ref>" for each
 * ref, on stdin.
 */
#ifndef HOOKS_RECEIVE_H
#define HOOKS_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/arena.h"
#include "schema/bundle.h"

struct update {
	char old_id[GIT_HEX_SIZE];	/* "": the ref is created */
	char new_id[GIT_HEX_SIZE];	/* "": the ref is deleted */
	const char *ref;
};

struct updates {
	struct update *v;
	size_t n, alloc;
	struct arena arena;		/* holds the names */
};

#define UPDATES_INIT { 0 }

/*
 * Strict, but for what dispatchers of hooks do to it: blank lines and a
 * missing last LF. ERR_INVALID for anything else, for a repository with
 * SHA-256 ids, and for more than LIMIT_PUSH_REFS lines.
 */
int updates_parse(const char *text, size_t len, struct updates *ret,
		  struct err *err);
/* The same from a descriptor. */
int updates_read(int fd, struct updates *ret, struct err *err);
const struct update *updates_find(const struct updates *us, const char *ref);
void updates_release(struct updates *us);

/* True for refs that only windlass writes, or that mislead git itself. */
bool ref_is_closed(const char *ref);

#endif
