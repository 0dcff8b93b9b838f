/*
 * What a Kubernetes object is called, and where that puts it in a bundle.
 * Trusts nothing: names come from a push, from a bundle of somebody who may
 * have stolen the key, or from an API server. Refuses every name that could
 * be read as something else by Git, by a file system, by sha256sum or by a
 * terminal.
 */
#include "config.h"
#include "schema/object.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/sums.h"

#define OBJECTS_ROOT "objects"
#define ORIGINS_ROOT "origins"
#define CLUSTER_DIR "_cluster"
#define CORE_DIR "core"
#define SUFFIX ".json"

void objects_add(struct objects *os, const struct object *o)
{
	if (os->n == os->alloc) {
		os->alloc = os->alloc ? os->alloc * 2 : 16;
		os->v = xreallocarray(os->v, os->alloc, sizeof(*os->v));
	}
	os->v[os->n++] = *o;
}

void objects_release(struct objects *os)
{
	free(os->v);
	*os = (struct objects)OBJECTS_INIT;
}

bool object_id_equal(const struct object_id *a, const struct object_id *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->kind, b->kind) &&
	       !strcmp(a->namespace, b->namespace) &&
	       !strcmp(a->group, b->group);
}

/* "<root>/<namespace|_cluster>/<group|core>/<Kind>", or what is wrong. */
static int kind_path(const struct object_id *id, const char *root,
		     struct buf *out, struct err *err)
{
	if (*id->namespace && !is_dns_label(id->namespace))
		return err_set(err, ERR_INVALID,
			       "namespace '%s' is no DNS label",
			       id->namespace);
	if (*id->group && (!is_dns_subdomain(id->group) ||
			   !bundle_name_ok(id->group)))
		return err_set(err, ERR_INVALID,
			       "API group '%s' is no DNS name of at most %d bytes",
			       id->group, LIMIT_NAME_BYTES);
	if (!strcmp(id->group, CORE_DIR))
		return err_set(err, ERR_INVALID,
			       "an API group named '" CORE_DIR "' cannot be in "
			       "a bundle: the core group has that place");
	if (!is_kind_name(id->kind) || !bundle_name_ok(id->kind))
		return err_set(err, ERR_INVALID,
			       "'%s' is no kind that a bundle can hold",
			       id->kind);
	buf_adds(out, root);
	buf_addc(out, '/');
	buf_adds(out, *id->namespace ? id->namespace : CLUSTER_DIR);
	buf_addc(out, '/');
	buf_adds(out, *id->group ? id->group : CORE_DIR);
	buf_addc(out, '/');
	buf_adds(out, id->kind);
	return buf_check(out, "a bundle path", err);
}

int object_path(const struct object_id *id, struct buf *out, struct err *err)
{
	char file[LIMIT_NAME_BYTES + 1];
	size_t len = strlen(id->name);

	if (len > sizeof(file) - sizeof(SUFFIX))
		return err_set(err, ERR_INVALID,
			       "name '%.60s...' is longer than %zu bytes, the "
			       "most that a bundle can hold", id->name,
			       sizeof(file) - sizeof(SUFFIX));
	memcpy(file, id->name, len);
	memcpy(file + len, SUFFIX, sizeof(SUFFIX));
	if (!len || !bundle_name_ok(file))
		return err_set(err, ERR_INVALID,
			       "name '%s' cannot be in a bundle: it must be "
			       "printable ASCII without space / \\ %% \" ' and "
			       "not begin with . or -", id->name);
	if (kind_path(id, OBJECTS_ROOT, out, err) < 0)
		return -1;
	buf_addc(out, '/');
	buf_adds(out, file);
	return buf_check(out, "a bundle path", err);
}

int object_origin_path(const struct object_id *id, struct buf *out,
		       struct err *err)
{
	return kind_path(id, ORIGINS_ROOT, out, err);
}

/* Cuts the part up to the next '/' off *rest; NULL if there is none. */
static const char *cut_part(const char **rest, struct arena *a)
{
	const char *slash = strchr(*rest, '/'), *part = *rest;

	if (!slash)
		return NULL;
	*rest = slash + 1;
	return arena_strndup(a, part, (size_t)(slash - part));
}

int object_path_parse(const char *path, struct arena *a,
		      struct object_id *ret, struct err *err)
{
	struct object_id id = { .version = "" };
	const char *rest = path, *root;
	size_t len;
	struct buf again = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = -1;

	root = cut_part(&rest, a);
	id.namespace = root ? cut_part(&rest, a) : NULL;
	id.group = id.namespace ? cut_part(&rest, a) : NULL;
	id.kind = id.group ? cut_part(&rest, a) : NULL;
	len = strlen(rest);
	if (!id.kind || strcmp(root, OBJECTS_ROOT) ||
	    len <= strlen(SUFFIX) ||
	    strcmp(rest + len - strlen(SUFFIX), SUFFIX))
		goto out;
	id.name = arena_strndup(a, rest, len - strlen(SUFFIX));
	if (!strcmp(id.namespace, CLUSTER_DIR))
		id.namespace = "";
	if (!strcmp(id.group, CORE_DIR))
		id.group = "";
	/* there is one path for an identity: it must be this one */
	if (object_path(&id, &again, err) < 0 || strcmp(again.data, path))
		goto out;
	*ret = id;
	rc = 0;
out:
	if (rc < 0)
		err_set(err, ERR_INVALID,
			"'%s' is no path of an object in a bundle", path);
	buf_release(&again);
	return rc;
}

void object_describe(const struct object_id *id, struct buf *out)
{
	buf_adds(out, id->kind);
	if (*id->group)
		buf_addf(out, ".%s", id->group);
	buf_addc(out, ' ');
	if (*id->namespace)
		buf_addf(out, "%s/", id->namespace);
	buf_adds(out, id->name);
}

/* A string without NUL bytes, which would hide what comes behind them. */
static const char *plain_text(const struct node *n)
{
	const char *s = node_text(n);

	return s && strlen(s) == n->n ? s : NULL;
}

int object_id_of(const struct node *root, struct arena *a,
		 struct object_id *ret, struct err *err)
{
	struct object_id id = { 0 };
	const struct node *meta = node_get(root, "metadata");
	const struct node *ns = node_get(meta, "namespace");
	const char *version = plain_text(node_get(root, "apiVersion"));

	if (!version || api_version_split(version, a, &id.group, &id.version))
		return err_set(err, ERR_INVALID, "the object has no apiVersion");
	id.kind = plain_text(node_get(root, "kind"));
	id.name = plain_text(node_get(meta, "name"));
	id.namespace = ns && ns->type != NODE_NULL ? plain_text(ns) : "";
	if (!id.kind || !*id.kind)
		return err_set(err, ERR_INVALID, "the object has no kind");
	if (!id.name || !*id.name)
		return err_set(err, ERR_INVALID, "the %s has no name", id.kind);
	if (!id.namespace)
		return err_set(err, ERR_INVALID,
			       "the namespace of %s '%s' is no string",
			       id.kind, id.name);
	*ret = id;
	return 0;
}

int api_version_split(const char *api_version, struct arena *a,
		      const char **ret_group, const char **ret_version)
{
	const char *slash = strchr(api_version, '/');
	const char *version = slash ? slash + 1 : api_version;
	const char *group = "";

	if (!is_dns_label(version))
		return -1;
	if (slash) {
		group = arena_strndup(a, api_version,
				      (size_t)(slash - api_version));
		if (!is_dns_subdomain(group))
			return -1;
	}
	*ret_group = group;
	*ret_version = arena_strdup(a, version);
	return 0;
}
