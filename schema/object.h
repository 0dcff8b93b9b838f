/*
 * A Kubernetes object: its identity, the names it may have, and where it
 * stands in a bundle (DESIGN.md 2.1, 2.3).
 */
#ifndef SCHEMA_OBJECT_H
#define SCHEMA_OBJECT_H

#include <stdbool.h>

#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/node.h"

/* Strings belong to an arena or a tree; "" where there is none, not NULL. */
struct object_id {
	const char *group;	/* "" is the core group */
	const char *version;
	const char *kind;
	const char *namespace;	/* "" for a cluster-scoped object */
	const char *name;
};

/* One object as it came from a manifest. */
struct object {
	struct object_id id;
	struct node *root;	/* the whole map */
	const char *path;	/* the manifest */
	struct mark mark;	/* where it starts there */
};

struct objects {
	struct object *v;	/* malloced */
	size_t n, alloc;
	size_t copied;		/* bytes that aliases took to read them */
};

#define OBJECTS_INIT { 0 }
void objects_add(struct objects *os, const struct object *o);
void objects_release(struct objects *os);

/* Same group, kind, namespace and name; the version is not identity. */
bool object_id_equal(const struct object_id *a, const struct object_id *b);

/*
 * "objects/<namespace|_cluster>/<group|core>/<Kind>/<name>.json". -1 with
 * ERR_INVALID when a part is no bundle name (2.3: printable ASCII without
 * space / \ % " ', at most 250 bytes, not beginning with . or -; the Kind
 * SHA256SUMS and a group named core are refused).
 */
int object_path(const struct object_id *id, struct buf *out, struct err *err);
/* "origins/<namespace|_cluster>/<group|core>/<Kind>" */
int object_origin_path(const struct object_id *id, struct buf *out,
		       struct err *err);
/*
 * The other way round, strictly. version is "" (a path has none). The
 * strings are copied into the arena.
 */
int object_path_parse(const char *path, struct arena *a,
		      struct object_id *ret, struct err *err);

/*
 * "ConfigMap demo/web", "Deployment.apps demo/web", "Namespace demo": how
 * every message names an object.
 */
void object_describe(const struct object_id *id, struct buf *out);

/*
 * Reads apiVersion, kind, metadata.namespace, metadata.name of a tree that
 * was checked before (bundle blobs, answers of the API server). The strings
 * are the tree's, group and version are in the arena.
 */
int object_id_of(const struct node *root, struct arena *a,
		 struct object_id *ret, struct err *err);

/* Splits "apps/v1" or "v1"; strings in the arena. -1 if it is neither. */
int api_version_split(const char *api_version, struct arena *a,
		      const char **ret_group, const char **ret_version);

/* Grammars of Kubernetes: true if s is one. */
bool is_dns_label(const char *s);		/* RFC 1123 label, 63 */
bool is_dns1035_label(const char *s);		/* ... that begins with a letter */
bool is_dns_subdomain(const char *s);		/* RFC 1123 subdomain, 253 */
bool is_path_segment_name(const char *s);	/* RBAC names: no / %, not . .. */
bool is_label_value(const char *s);
bool is_qualified_name(const char *s);		/* label and annotation keys */
bool is_kind_name(const char *s);		/* a letter, then alnum or - */
/* A channel's name: a DNS label. */
bool is_channel_name(const char *s);

#endif
