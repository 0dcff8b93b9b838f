/*
 * A section of `git config` as a table of what may stand in it. Every value
 * is checked when it is read, and an unknown key is an error that names the
 * nearest known one, because a setting that is silently not read
 * (deleteLimt) is worse than a push that is refused.
 */
#ifndef HOOKS_SETTING_H
#define HOOKS_SETTING_H

#include "schema/base/err.h"

/* One key; `set` is handed what the section is about. */
struct setting {
	const char *name;
	/* -1 with what the value must be: "must be a number" */
	int (*set)(void *target, const char *value, struct err *err);
};

/*
 * Takes one line of the section ("windlass.prod"), up to a setting without a
 * name in the table. ERR_INVALID names the key and what it says.
 */
int setting_apply(const struct setting *table, void *target,
		  const char *section, const char *key, const char *value,
		  struct err *err);

#endif
