/*
 * A push seen as the channel that it makes. See references.h. A name is
 * looked up in trees, of which no blob is read; a blob of the current bundle
 * is read only where a touched object asks for its keys, ports or labels.
 */
#include "config.h"
#include "hooks/references.h"

#include <stdio.h>
#include <string.h>

#include "hooks/inventory.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/sums.h"

struct push_facts {
	struct map by_path;	/* to struct facts * */
	size_t bytes;		/* of those that were read */
	struct arena a;
};

/* "objects/<namespace | _cluster>" */
static void namespace_path(const char *namespace, struct buf *out)
{
	buf_addf(out, "objects/%s", *namespace ? namespace : "_cluster");
}

static bool goes(const struct push_objects *po, const char *path)
{
	const struct held *h = map_get(po->held, path);

	return h && !h->made;
}

/* The blob of an object that stays as it is. 0, 1 there is none, -1. */
static int find_blob(const struct push_objects *po, const char *path,
		     git_oid *ret, struct err *err)
{
	unsigned mode;

	if (!po->bundle || goes(po, path))
		return 1;
	return repo_tree_entry(po->repo, po->bundle, path, ret, &mode, err);
}

static int find(void *arg, const struct object_id *id, struct err *err)
{
	const struct push_objects *po = arg;
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct err unnamed = ERR_INIT;
	git_oid blob;
	int rc = 1;

	if (!object_path(id, &path, &unnamed))
		rc = index_find(po->index, path.data) ? 0 :
		     find_blob(po, path.data, &blob, err);
	buf_release(&path);
	return rc;
}

static int read_blob(const struct push_objects *po, const git_oid *blob,
		     const struct object_id *id, struct facts *ret,
		     struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_OBJECT_BYTES);
	struct object o = { .id = *id, .path = "" };
	struct arena tree = ARENA_INIT;
	char hex[GIT_HEX_SIZE];
	int rc;

	git_oid_tostr(hex, sizeof(hex), blob);
	rc = repo_read(po->repo, hex, GIT_OBJECT_BLOB, &text, err);
	po->read->bytes += text.len;
	if (!rc)
		rc = json_read(text.data, text.len, &tree, &o.root, err);
	if (!rc)
		facts_of(&o, &po->read->a, ret);
	arena_release(&tree);
	buf_wipe(&text);	/* it may be a Secret */
	return rc;
}

/* Those of an object that the push did not bring. */
static int old_facts(const struct push_objects *po, const char *path,
		     const struct object_id *id, struct facts *ret,
		     struct err *err)
{
	struct facts *f = map_get(&po->read->by_path, path);
	git_oid blob;
	int rc = 0;

	if (!f && (po->read->by_path.count >= LIMIT_REFERENCES_READ ||
		   po->read->bytes > LIMIT_REFERENCES_BYTES))
		return 1;
	if (!f) {
		rc = find_blob(po, path, &blob, err);
		f = arena_alloc(&po->read->a, sizeof(*f));
		if (!rc)
			rc = read_blob(po, &blob, id, f, err);
		map_put(&po->read->by_path, path, f);
	}
	*ret = *f;
	return rc;
}

static int facts(void *arg, const struct object_id *id, struct arena *a,
		 struct facts *ret, struct err *err)
{
	const struct push_objects *po = arg;
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	const struct indexed *x;
	int rc = object_path(id, &path, err);

	(void)a;
	x = rc ? NULL : index_find(po->index, path.data);
	if (x)
		*ret = x->facts;
	else if (!rc)
		rc = old_facts(po, path.data, id, ret, err);
	buf_release(&path);
	return rc;
}

/* The entries of a directory of the bundle, but for its sums. */
static int list_dir(const struct push_objects *po, const char *path,
		    struct strvec *ret, struct err *err)
{
	git_tree *dir = NULL;
	unsigned mode;
	git_oid id;
	int rc;

	if (!po->bundle)
		return 0;
	rc = repo_tree_entry(po->repo, po->bundle, path, &id, &mode, err);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (git_tree_lookup(&dir, po->repo, &id) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read '%s' of the "
				"current bundle", path);
	problems_steps(po->ps, git_tree_entrycount(dir));
	for (size_t i = 0; i < git_tree_entrycount(dir); i++) {
		const char *name =
			git_tree_entry_name(git_tree_entry_byindex(dir, i));

		if (strcmp(name, SUMS_NAME))
			strvec_push(ret, name);
	}
	git_tree_free(dir);
	return 0;
}

static int kinds(void *arg, const char *namespace, struct arena *a,
		 struct name_list *ret, struct err *err)
{
	const struct push_objects *po = arg;
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct strvec groups = STRVEC_INIT, found = STRVEC_INIT;
	size_t len;
	int rc;

	*ret = index_kinds(po->index, namespace);
	namespace_path(namespace, &path);
	rc = list_dir(po, path.data, &groups, err);
	len = path.len;
	for (size_t g = 0; !rc && g < groups.n; g++) {
		const char *group = groups.v[g];

		strvec_release(&found);
		buf_truncate(&path, len);
		buf_addf(&path, "/%s", group);
		rc = list_dir(po, path.data, &found, err);
		for (size_t i = 0; i < found.n; i++)
			name_list_push(a, ret, arena_printf(a, "%s/%s",
				       strcmp(group, "core") ? group : "",
				       found.v[i]));
	}
	strvec_release(&groups);
	strvec_release(&found);
	buf_release(&path);
	return rc;
}

static int names(void *arg, const struct object_id *kind, size_t max,
		 struct arena *a, struct name_list *ret, struct err *err)
{
	const struct push_objects *po = arg;
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct strvec files = STRVEC_INIT;
	size_t len;
	int rc;

	*ret = index_names(po->index, kind, max);
	namespace_path(kind->namespace, &path);
	buf_addf(&path, "/%s/%s", *kind->group ? kind->group : "core",
		 kind->kind);
	rc = list_dir(po, path.data, &files, err);
	len = path.len;
	for (size_t i = 0; !rc && i < files.n && ret->n < max; i++) {
		const char *name = files.v[i];

		buf_truncate(&path, len);
		buf_addf(&path, "/%s", name);
		if (strlen(name) > strlen(".json") &&
		    !map_get(po->held, path.data))
			name_list_push(a, ret, arena_strndup(a, name,
				       strlen(name) - strlen(".json")));
	}
	strvec_release(&files);
	buf_release(&path);
	return rc;
}

int push_check_references(struct push_objects *po,
			  const struct plan *plan, const struct rules *rules,
			  struct problems *ps, struct err *err)
{
	struct push_facts read = { MAP_INIT, 0, ARENA_INIT };
	const struct view v = {
		.arg = po, .find = find, .facts = facts,
		.kinds = kinds, .names = names,
	};
	int rc = 0;

	po->read = &read;
	po->ps = ps;
	ps->unchecked += po->index->skipped;
	for (size_t i = 0; !rc && i < plan->n; i++) {
		const struct indexed *x = plan->v[i].op == PLAN_DELETE ? NULL :
			index_find(po->index, plan->v[i].path);

		if (x)
			rc = references_check(&v, rules, &x->o, &x->facts, ps,
					      err);
	}
	map_release(&read.by_path, NULL);
	arena_release(&read.a);
	return rc;
}
