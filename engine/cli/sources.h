/*
 * The manifests on a disk, found as the Git host finds them in a commit: the
 * same names, the same .windlassignore, the same refusals.
 */
#ifndef ENGINE_CLI_SOURCES_H
#define ENGINE_CLI_SOURCES_H

#include "schema/base/err.h"
#include "schema/base/strvec.h"
#include "schema/problem.h"

/*
 * Appends what `path` stands for: itself if it is a file (whatever its name)
 * or "-", else the manifests below that directory, sorted as Git does. What
 * may not be there (symbolic links, submodules, directories for another
 * tool) is a problem of its path, as is a directory without any manifest.
 * -1 if something cannot be read.
 */
int sources_find(const char *path, struct strvec *ret, struct problems *ps,
		 struct err *err);

#endif
