/*
 * Looking into the current bundle. See inventory.h. Trusts that the bundle
 * passed the gate when it was signed; a tree that does not look like one is
 * an error, not a guess.
 */
#include "config.h"
#include "hooks/inventory.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/origins.h"
#include "schema/sums.h"

#define OBJECTS "objects"
#define OBJECT_DEPTH 4	/* namespace, group, kind, file */

static int add_held(struct map *held, struct arena *a, const char *path,
		    const git_oid *blob)
{
	struct held *h = map_get(held, path);

	if (h)
		return 0;
	h = arena_alloc(a, sizeof(*h));
	h->blob = *blob;
	map_put(held, path, h);
	return 0;
}

/* path ends in '/'; it is the caller's again afterwards. */
static int list_dir(git_repository *repo, const git_oid *id, int depth,
		    struct buf *path, struct map *held, struct arena *a,
		    struct err *err)
{
	size_t len = path->len;
	git_tree *dir = NULL;
	int rc = 0;

	if (git_tree_lookup(&dir, repo, id) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read '%s' of the "
				"current bundle", path->data);
	for (size_t i = 0; !rc && i < git_tree_entrycount(dir); i++) {
		const git_tree_entry *e = git_tree_entry_byindex(dir, i);
		bool leaf = git_tree_entry_type(e) == GIT_OBJECT_BLOB;

		if (!strcmp(git_tree_entry_name(e), SUMS_NAME))
			continue;
		buf_adds(path, git_tree_entry_name(e));
		if (leaf != (depth == OBJECT_DEPTH) || !buf_ok(path)) {
			rc = err_set(err, ERR_DENIED, "'%s' of the current "
				     "bundle is no object", path->data);
		} else if (leaf) {
			add_held(held, a, path->data, git_tree_entry_id(e));
		} else {
			buf_addc(path, '/');
			rc = list_dir(repo, git_tree_entry_id(e), depth + 1,
				      path, held, a, err);
		}
		buf_truncate(path, len);
	}
	git_tree_free(dir);
	return rc;
}

int inventory_all(git_repository *repo, const git_oid *tree,
		  struct map *held, struct arena *a, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	unsigned mode;
	git_oid id;
	int rc = repo_tree_entry(repo, tree, OBJECTS, &id, &mode, err);

	if (rc == 1)
		rc = err_set(err, ERR_DENIED, "the current bundle has no '"
			     OBJECTS "'");
	buf_adds(&path, OBJECTS "/");
	if (!rc)
		rc = list_dir(repo, &id, 1, &path, held, a, err);
	buf_release(&path);
	return rc;
}

/* Adds the object with this namespace if the bundle has it. 0, 1, -1. */
static int hold_if_there(git_repository *repo, const git_oid *tree,
			 const struct object_id *id, const char *namespace,
			 struct map *held, struct arena *a, struct err *err)
{
	struct object_id in_ns = *id;
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct err unnamed = ERR_INIT;
	unsigned mode;
	git_oid blob;
	int rc = 1;

	in_ns.namespace = namespace;
	if (!object_path(&in_ns, &path, &unnamed))
		rc = repo_tree_entry(repo, tree, path.data, &blob, &mode, err);
	if (rc == 0)
		add_held(held, a, path.data, &blob);
	buf_release(&path);
	return rc;
}

/*
 * An object without namespace stands under the default one or under
 * _cluster, as its kind was scoped then; a kind has one scope, so the bundle
 * has it in one of the two places.
 */
static int hold_object(git_repository *repo, const git_oid *tree,
		       const struct channel_config *ch,
		       const struct object_id *id, struct map *held,
		       struct arena *a, struct err *err)
{
	int rc = hold_if_there(repo, tree, id, id->namespace, held, a, err);

	if (rc == 1 && !*id->namespace && *ch->default_namespace)
		rc = hold_if_there(repo, tree, id, ch->default_namespace,
				   held, a, err);
	return rc;
}

int inventory_of_file(git_repository *repo, const git_oid *tree,
		      const struct channel_config *ch, const char *path,
		      const git_oid *blob, struct map *held, struct arena *a,
		      struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES);
	struct problems ignored = PROBLEMS_INIT;
	struct objects os = OBJECTS_INIT;
	struct arena file = ARENA_INIT;
	struct err unread = ERR_INIT;
	char hex[GIT_HEX_SIZE];
	int rc = 1;

	git_oid_tostr(hex, sizeof(hex), blob);
	if (repo_read(repo, hex, GIT_OBJECT_BLOB, &text, &unread) < 0 ||
	    manifest_read(path, text.data, text.len, &file, &os, &ignored) < 0)
		goto out;
	rc = 0;
	for (size_t i = 0; !rc && i < os.n; i++)
		rc = hold_object(repo, tree, ch, &os.v[i].id, held, a, err);
out:
	problems_release(&ignored);
	objects_release(&os);
	arena_release(&file);
	buf_release(&text);
	return rc;
}

static int read_origins(git_repository *repo, const git_oid *tree,
			const char *path, struct origins *ret,
			struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_SUMS_BYTES);
	char hex[GIT_HEX_SIZE];
	unsigned mode;
	git_oid id;
	int rc = repo_tree_entry(repo, tree, path, &id, &mode, err);

	if (rc)
		return rc;
	git_oid_tostr(hex, sizeof(hex), &id);
	rc = repo_read(repo, hex, GIT_OBJECT_BLOB, &text, err);
	if (!rc && origins_parse(text.data, text.len, ret, err) < 0)
		rc = err_wrap(err, "'%s' of the current bundle", path);
	buf_release(&text);
	return rc;
}

int inventory_read(git_repository *repo, const git_oid *blob, struct arena *a,
		   struct node **ret, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_OBJECT_BYTES);
	char hex[GIT_HEX_SIZE];
	int rc;

	git_oid_tostr(hex, sizeof(hex), blob);
	rc = repo_read(repo, hex, GIT_OBJECT_BLOB, &text, err);
	if (!rc)
		rc = json_read(text.data, text.len, a, ret, err);
	buf_wipe(&text);
	return rc;
}

int inventory_origin(git_repository *repo, const git_oid *tree,
		     const struct object_id *id, struct arena *a,
		     const char **ret_file, uint32_t *ret_line,
		     struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct origins o = ORIGINS_INIT;
	const struct origin *found = NULL;
	int rc = object_origin_path(id, &path, err);

	if (!rc)
		rc = read_origins(repo, tree, path.data, &o, err);
	if (!rc)
		found = origins_find(&o, id->name);
	if (!rc && !found)
		rc = 1;
	if (found) {
		*ret_file = arena_strdup(a, found->path);
		*ret_line = found->line;
	}
	origins_release(&o);
	buf_release(&path);
	return rc;
}

/* One namespace's objects of the kind. */
static int add_kind(git_repository *repo, const git_oid *objects,
		    const char *path, struct strvec *ret, struct err *err)
{
	git_tree *dir = NULL;
	unsigned mode;
	git_oid id;
	int rc = repo_tree_entry(repo, objects, path, &id, &mode, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	if (git_tree_lookup(&dir, repo, &id) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read '%s'", path);
	for (size_t i = 0; i < git_tree_entrycount(dir); i++) {
		const char *name =
			git_tree_entry_name(git_tree_entry_byindex(dir, i));

		if (strcmp(name, SUMS_NAME))
			strvec_pushf(ret, OBJECTS "/%s/%s", path, name);
	}
	git_tree_free(dir);
	return 0;
}

int inventory_of_kind(git_repository *repo, const git_oid *tree,
		      const char *group, const char *kind,
		      struct strvec *ret, struct err *err)
{
	git_tree *objects = NULL;
	unsigned mode;
	git_oid id;
	int rc = repo_tree_entry(repo, tree, OBJECTS, &id, &mode, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	if (git_tree_lookup(&objects, repo, &id) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read '" OBJECTS "'");
	for (size_t i = 0; !rc && i < git_tree_entrycount(objects); i++) {
		const git_tree_entry *e = git_tree_entry_byindex(objects, i);
		char path[3 * LIMIT_NAME_BYTES + 8];

		if (git_tree_entry_type(e) != GIT_OBJECT_TREE)
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s",
			 git_tree_entry_name(e), *group ? group : "core", kind);
		rc = add_kind(repo, &id, path, ret, err);
	}
	git_tree_free(objects);
	return rc;
}
