/*
 * From the bytes of one file to its objects: YAML or JSON, lists unrolled
 * (as kubectl and apimachinery do), identity read and checked.
 */
#ifndef SCHEMA_MANIFEST_H
#define SCHEMA_MANIFEST_H

#include "schema/base/arena.h"
#include "schema/base/err.h"
#include "schema/limits.h"
#include "schema/object.h"
#include "schema/problem.h"

/*
 * Adds the file's objects to ret. Problems go to ps: a text that is no YAML
 * (yaml-*), a missing or malformed apiVersion, kind or name, generateName, a
 * list in a list, items in what is no list, a key that the API server cannot
 * read (object-*). A faulty document
 * does not hide the faults of the next one. 0 if no error was found, else
 * -1; objects without a fault are added in both cases.
 */
int manifest_read(const char *path, const char *data, size_t len,
		  struct arena *a, struct objects *ret, struct problems *ps);

/* True for names that a channel reads: *.yaml *.yml *.json */
bool manifest_name(const char *path);
/*
 * True for those and for what was meant to be one, as APP.YAML: it would
 * never reach a cluster and nobody would be told, so it is warned of.
 */
bool manifest_name_like(const char *path);
void manifest_name_warn(const char *path, struct problems *ps);

/*
 * Files by which a directory is for another tool, whose output only is what
 * a cluster should have: nothing below it is read. A NULL file ends it.
 */
struct manifest_tool {
	const char *file, *tool;
};
extern const struct manifest_tool manifest_tools[];
/* Refuses such a directory: path is that of the file it is known by. */
void manifest_tool_refuse(const struct manifest_tool *t, const char *path,
			  struct problems *ps);

/*
 * Puts a name behind the first len bytes of a path that grows and shrinks
 * while folders are walked. ERR_INVALID when it gets too long.
 */
int manifest_path_push(char path[LIMIT_PATH_BYTES + 1], size_t len,
		       const char *name, struct err *err);

#endif
