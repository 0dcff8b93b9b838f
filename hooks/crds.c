/*
 * Learning kinds. See crds.h. Trusts the current bundle, which passed this
 * gate once; nothing else: a CRD that is pushed or lies on the host is read
 * as strictly as any manifest.
 */
#include "config.h"
#include "hooks/crds.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hooks/inventory.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/manifest.h"

static const struct mark nowhere;
static char seen[] = "seen";

void crds_init(struct crds *c, git_repository *repo,
	       const struct channel_config *ch, const git_oid *source,
	       const git_oid *bundle, const struct map *held)
{
	*c = (struct crds){
		.repo = repo, .ch = ch, .source = source, .bundle = bundle,
		.held = held,
	};
}

void crds_release(struct crds *c)
{
	scopes_release(&c->scopes);
	map_release(&c->groups, NULL);
}

void crds_learn(struct crds *c, const struct object *crd, struct problems *ps)
{
	struct err err = ERR_INIT;

	if (scope_define(&c->scopes, crd->root, &err) < 0)
		scope_malformed(crd, &err, ps);
}

/* Learns a CRD unless its kind is known from a place that comes first. */
static int learn_unknown(struct crds *c, const struct node *crd,
			 struct err *err)
{
	const char *group = node_path_str(crd, "spec", "group", NULL);
	const char *kind = node_path_str(crd, "spec", "names", "kind", NULL);

	if (group && kind && scope_lookup(&c->scopes, group, kind))
		return 0;
	return scope_define(&c->scopes, crd, err);
}

static int learn_blob(struct crds *c, const git_oid *id, struct err *err)
{
	struct arena a = ARENA_INIT;
	struct node *crd;
	int rc = inventory_read(c->repo, id, &a, &crd, err);

	if (!rc)
		rc = learn_unknown(c, crd, err);
	arena_release(&a);
	return rc;
}

/* A CRD's name is "<plural>.<group>", so its file says whose it is. */
static bool of_group(const char *file, const char *group)
{
	const char *dot = strchr(file, '.');
	size_t len = strlen(group);

	return dot && !strncmp(dot + 1, group, len) &&
	       !strcmp(dot + 1 + len, ".json");
}

static int learn_group(struct crds *c, const git_tree *dir,
		       const char *group, struct err *err)
{
	for (size_t i = 0; i < git_tree_entrycount(dir); i++) {
		const git_tree_entry *e = git_tree_entry_byindex(dir, i);
		char path[sizeof(CRD_DIR) + LIMIT_NAME_BYTES + 2];

		snprintf(path, sizeof(path), CRD_DIR "/%s",
			 git_tree_entry_name(e));
		if (!of_group(git_tree_entry_name(e), group) ||
		    map_get(c->held, path))
			continue;
		if (learn_blob(c, git_tree_entry_id(e), err) < 0)
			return err_wrap(err, "%s of the current bundle", path);
	}
	return 0;
}

/* A CRD of the bundle by its name; none is fine. */
static int learn_named(struct crds *c, const char *plural, const char *group,
		       struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	unsigned mode;
	git_oid id;
	int rc = 1;

	buf_addf(&path, CRD_DIR "/%s.%s.json", plural, group);
	if (buf_ok(&path) && !map_get(c->held, path.data))
		rc = repo_tree_entry(c->repo, c->bundle, path.data, &id,
				     &mode, err);
	if (rc == 0 && learn_blob(c, &id, err) < 0)
		rc = err_wrap(err, "%s of the current bundle", path.data);
	buf_release(&path);
	return rc < 0 ? -1 : 0;
}

/*
 * A CRD's file is named by the plural, which we do not know, but it is an
 * English one as a rule: one file is read instead of all of the group, which
 * can be megabytes.
 */
static int learn_likely(struct crds *c, const char *group, const char *kind,
			struct err *err)
{
	static const char *const endings[] = { "s", "es", "", "ies" };
	char plural[LIMIT_NAME_BYTES + 4];
	size_t len = strlen(kind);

	if (!c->bundle || !len || len > LIMIT_NAME_BYTES)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t keep = strcmp(endings[i], "ies") ? len : len - 1;

		for (size_t k = 0; k < keep; k++)
			plural[k] = (char)tolower((unsigned char)kind[k]);
		snprintf(plural + keep, sizeof(plural) - keep, "%s",
			 endings[i]);
		if (learn_named(c, plural, group, err) < 0)
			return -1;
		if (scope_lookup(&c->scopes, group, kind))
			return 0;
	}
	return 0;
}

static int read_group(struct crds *c, const char *group, struct err *err)
{
	git_tree *dir = NULL;
	unsigned mode;
	git_oid id;
	int rc;

	if (!c->bundle || map_get(&c->groups, group))
		return 0;
	map_put(&c->groups, group, seen);
	rc = repo_tree_entry(c->repo, c->bundle, CRD_DIR, &id, &mode, err);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (git_tree_lookup(&dir, c->repo, &id) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read " CRD_DIR);
	rc = learn_group(c, dir, group, err);
	git_tree_free(dir);
	return rc;
}

int crds_know(struct crds *c, const char *group, const char *kind,
	      bool *ret_known, struct err *err)
{
	if (!scope_lookup(&c->scopes, group, kind) &&
	    learn_likely(c, group, kind, err) < 0)
		return -1;
	if (!scope_lookup(&c->scopes, group, kind) &&
	    read_group(c, group, err) < 0)
		return -1;
	*ret_known = scope_lookup(&c->scopes, group, kind) != NULL;
	return 0;
}

/* The CRDs among a file's objects. */
static void learn_text(struct crds *c, const char *path, const char *text,
		       size_t len, struct problems *ps)
{
	struct arena a = ARENA_INIT;
	struct objects os = OBJECTS_INIT;
	struct err err = ERR_INIT;

	manifest_read(path, text, len, &a, &os, ps);
	for (size_t i = 0; i < os.n; i++)
		if (crd_is(&os.v[i].id) &&
		    learn_unknown(c, os.v[i].root, &err) < 0)
			scope_malformed(&os.v[i], &err, ps);
	objects_release(&os);
	arena_release(&a);
}

static void read_host_file(struct crds *c, const char *path,
			   struct problems *ps)
{
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES);
	struct err err = ERR_INIT;

	if (fs_read(AT_FDCWD, path, &text, &err) < 0)
		problem_error(ps, path, nowhere, "crds-path",
			      "windlass.%s.crds names it: %s", c->ch->name,
			      err.msg);
	else
		learn_text(c, path, text.data, text.len, ps);
	buf_release(&text);
}

static void read_host_path(struct crds *c, const char *path,
			   struct problems *ps)
{
	struct dirent **names = NULL;
	struct stat st;
	int n;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		read_host_file(c, path, ps);
		return;
	}
	n = scandir(path, &names, NULL, alphasort);
	if (n < 0)
		problem_error(ps, path, nowhere, "crds-path",
			      "windlass.%s.crds names it, but it cannot be "
			      "read", c->ch->name);
	for (int i = 0; i < n; i++) {
		char *full = xasprintf("%s/%s", path, names[i]->d_name);

		if (manifest_name(full) && names[i]->d_name[0] != '.')
			read_host_file(c, full, ps);
		free(full);
		free(names[i]);
	}
	free(names);
}

static int read_tree_file(struct crds *c, const char *path,
			  const git_oid *id, struct problems *ps,
			  struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES);
	char hex[GIT_HEX_SIZE];
	int rc;

	git_oid_tostr(hex, sizeof(hex), id);
	rc = repo_read(c->repo, hex, GIT_OBJECT_BLOB, &text, err);
	if (!rc)
		learn_text(c, path, text.data, text.len, ps);
	buf_release(&text);
	return rc;
}

static int read_tree_dir(struct crds *c, const char *path, const git_oid *id,
			 struct problems *ps, struct err *err)
{
	git_tree *dir = NULL;
	int rc = 0;

	if (git_tree_lookup(&dir, c->repo, id) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read '%s'", path);
	for (size_t i = 0; !rc && i < git_tree_entrycount(dir); i++) {
		const git_tree_entry *e = git_tree_entry_byindex(dir, i);
		char *full;

		if (git_tree_entry_type(e) != GIT_OBJECT_BLOB ||
		    !manifest_name(git_tree_entry_name(e)))
			continue;
		full = xasprintf("%s%s%s", path, *path ? "/" : "",
				 git_tree_entry_name(e));
		rc = read_tree_file(c, full, git_tree_entry_id(e), ps, err);
		free(full);
	}
	git_tree_free(dir);
	return rc;
}

static int read_tree_path(struct crds *c, const char *path,
			  struct problems *ps, struct err *err)
{
	git_oid id = *c->source;
	unsigned mode = GIT_FILEMODE_TREE;
	int rc = 0;

	if (*path)
		rc = repo_tree_entry(c->repo, c->source, path, &id, &mode, err);
	if (rc < 0)
		return -1;
	if (rc == 1) {
		problem_error(ps, path, nowhere, "crds-path",
			      "windlass.%s.crds names it, but the tip does not "
			      "have it", c->ch->name);
		return 0;
	}
	if (mode == GIT_FILEMODE_TREE)
		return read_tree_dir(c, path, &id, ps, err);
	return read_tree_file(c, path, &id, ps, err);
}

int crds_read_paths(struct crds *c, struct problems *ps, struct err *err)
{
	int rc = 0;

	if (c->paths_read)
		return 0;
	c->paths_read = true;
	for (size_t i = 0; !rc && i < c->ch->crds.n; i++) {
		if (c->ch->crds.v[i][0] == '/')
			read_host_path(c, c->ch->crds.v[i], ps);
		else
			rc = read_tree_path(c, c->ch->crds.v[i], ps, err);
	}
	return rc;
}

int crds_of_bundle(git_repository *repo, const git_oid *bundle,
		   const char *path, struct scopes *s, struct arena *a,
		   struct object_id *ret, struct err *err)
{
	struct object_id id = { "", "", "", "", "" };
	struct node *crd;
	unsigned mode;
	git_oid blob;
	int rc = repo_tree_entry(repo, bundle, path, &blob, &mode, err);

	if (rc == 1)
		rc = err_set(err, ERR_DENIED, "the current bundle lacks '%s'",
			     path);
	if (rc < 0 || inventory_read(repo, &blob, a, &crd, err) < 0 ||
	    scope_learn(s, crd, err) < 0)
		return -1;
	id.group = node_path_str(crd, "spec", "group", NULL);
	id.kind = node_path_str(crd, "spec", "names", "kind", NULL);
	*ret = id;
	return 0;
}
