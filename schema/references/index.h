/*
 * The objects of a review or a push, found by what references name: their
 * identity, their kind, their namespace.
 */
#ifndef SCHEMA_REFERENCES_INDEX_H
#define SCHEMA_REFERENCES_INDEX_H

#include "schema/base/map.h"
#include "schema/references/references.h"

struct indexed {
	struct object o;	/* no tree */
	struct facts facts;
};

struct object_index {
	struct arena a;
	struct map objects;	/* path in a bundle to struct indexed * */
	struct map kinds;	/* "<namespace>/<group>/<Kind>" to names */
	struct map namespaces;	/* "<namespace>" to "<group>/<Kind>" */
	size_t skipped;		/* objects beyond LIMIT_REFERENCES_MEMORY: of
				   them there are no facts */
};

#define OBJECT_INDEX_INIT { ARENA_INIT, MAP_INIT, MAP_INIT, MAP_INIT, 0 }

/* o with its tree, which is not kept, and its namespace. */
void index_add(struct object_index *ix, const struct object *o,
	       const char *bundle_path);
/* NULL if it is not there. */
const struct indexed *index_find(const struct object_index *ix,
				 const char *bundle_path);
/* As those of struct view. They may be added to: that makes a copy. */
struct name_list index_kinds(const struct object_index *ix,
			     const char *namespace);
struct name_list index_names(const struct object_index *ix,
			     const struct object_id *kind, size_t max);
/* A view of these objects alone. */
struct view index_view(struct object_index *ix);
void index_release(struct object_index *ix);

#endif
