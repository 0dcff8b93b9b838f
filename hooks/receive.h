/*
 * What git tells a hook about a push: a line "<old> <new> <ref>" for each
 * ref, on stdin.
 */
#ifndef HOOKS_RECEIVE_H
#define HOOKS_RECEIVE_H

#include <git2.h>
#include <stdbool.h>
#include <stddef.h>

#include "schema/base/arena.h"
#include "schema/bundle.h"

struct update {
	char old_id[GIT_HEX_SIZE];	/* "": the ref is created */
	char new_id[GIT_HEX_SIZE];	/* "": the ref is deleted */
	const char *ref;		/* as it was pushed */
	const char *target;		/* the ref that moves: see below */
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
/*
 * A push to a symbolic ref (an old name that an admin kept as an alias)
 * moves the ref that it stands for, but git tells hooks the alias only. This
 * finds out each update's target, which is its ref until then.
 */
int updates_resolve(git_repository *repo, struct updates *us, struct err *err);
/* The update that moves this ref, which may be symbolic itself; or NULL. */
int updates_find(git_repository *repo, const struct updates *us,
		 const char *ref, const struct update **ret, struct err *err);
void updates_release(struct updates *us);

/* True if the pusher gave this option, of which there is just the name. */
bool receive_option(const char *name);
/* What stands behind "name=", "" for the bare name, the last one if there are
 * several; NULL if there is none. */
const char *receive_option_value(const char *name);

/* True for refs that only windlass writes, or that mislead git itself. */
bool ref_is_closed(const char *ref);

#endif
