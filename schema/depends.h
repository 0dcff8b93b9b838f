/*
 * config.kubernetes.io/depends-on: objects of the same channel that are to be
 * healthy before the one that names them is applied. A list with commas, of
 *
 *   [<group>]/namespaces/<namespace>/<Kind>/<name>
 *   [<group>]/<Kind>/<name>                          of no namespace
 *
 * as other tools (kpt, Config Sync) understand it too.
 */
#ifndef SCHEMA_DEPENDS_H
#define SCHEMA_DEPENDS_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/limits.h"
#include "schema/object.h"

#define DEPENDS_ON "config.kubernetes.io/depends-on"

struct depends_item {
	const char *text;	/* as it is written, in the list */
	size_t len;
	bool good;		/* it has one of the two forms: */
	struct object_id id;	/* whom it names, without version */
	char room[4 * LIMIT_NAME_BYTES + 16];	/* what id points into */
};

/* The next item behind *at, which moves on; false at the end. Spaces do not
 * count, nor do items of nothing else. */
bool depends_next(const char **at, struct depends_item *ret);

#endif
