/*
 * One pass over the files, and a second one over those with kinds that were
 * not known in the first: a CustomResourceDefinition may come after its
 * objects. See review.h. Memory follows the number of objects, not their
 * size, but for what is put off.
 */
#include "config.h"
#include "engine/cli/review.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/cli/cli.h"
#include "engine/cli/sources.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/crd/crd.h"
#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/manifest-files.h"
#include "schema/render.h"
#include "schema/repo.h"

/* A file that waits until all definitions are read. */
struct pending {
	const char *path;
	char *text;
	size_t len;
};

struct run {
	struct review *r;
	struct strvec files;
	struct pending *v;
	size_t n, alloc;
	uint64_t bytes;		/* of a commit, that were read */
	int status;
};

void review_init(struct review *r)
{
	*r = (struct review){
		.policy = POLICY_INIT,
		.index = OBJECT_INDEX_INIT,
		.rules = { .channel = "default", .default_namespace = "" },
	};
	r->rules.scopes = &r->scopes;
	r->rules.policy = &r->policy;
}

int review_take_channel(void *target, const char *value, struct err *err)
{
	struct review *r = target;

	if (!is_channel_name(value))
		return err_set(err, ERR_INVALID, "is no name of a channel: at "
			       "most 63 of a-z, 0-9 and -, not at an end");
	r->rules.channel = value;
	return 0;
}

int review_take_namespace(void *target, const char *value, struct err *err)
{
	struct review *r = target;

	if (!is_dns_label(value))
		return err_set(err, ERR_INVALID, "is no name of a namespace");
	r->rules.default_namespace = value;
	return 0;
}

int review_take_kubernetes(void *target, const char *value, struct err *err)
{
	struct review *r = target;

	if (!openapi_is_minor(value))
		return err_set(err, ERR_INVALID, "is no Kubernetes version, "
			       "as %s", OPENAPI_NEWEST);
	r->kubernetes = value;
	return 0;
}

int review_take_unknown(void *target, const char *value, struct err *err)
{
	struct review *r = target;

	if (strcmp(value, "allow") && strcmp(value, "refuse"))
		return err_set(err, ERR_INVALID, "is neither allow nor "
			       "refuse");
	r->rules.unknown_kinds = !strcmp(value, "allow");
	return 0;
}

int review_take_crds(void *target, const char *value, struct err *err)
{
	struct review *r = target;

	/* in a commit, but for those of the machine */
	if (r->commit && value[0] != '/' && value[0] != '~')
		return manifest_path_take(value, &r->crds, err);
	strvec_push(&r->crds, value);
	return 0;
}

/* ---- one object ---- */

static void keep(struct review *r, const struct object *o, const char *file)
{
	struct object copy = { .path = file, .mark = o->mark };

	copy.id.group = arena_strdup(&r->arena, o->id.group);
	copy.id.version = arena_strdup(&r->arena, o->id.version);
	copy.id.kind = arena_strdup(&r->arena, o->id.kind);
	copy.id.namespace = arena_strdup(&r->arena, o->id.namespace);
	copy.id.name = arena_strdup(&r->arena, o->id.name);
	objects_add(&r->objects, &copy);
}

static void judge(struct review *r, struct object *o, struct arena *a)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf bytes = BUF_INIT(LIMIT_OBJECT_BYTES);
	struct err err = ERR_INIT;

	if (rules_check(&r->rules, o, &r->problems) < 0)
		goto out;
	if (object_path(&o->id, &path, &err) < 0) {
		problem_error(&r->problems, o->path, o->mark, "name-bundle",
			      "%s", err.msg);
		goto out;
	}
	if (render_object(&r->rules, o, a, r->take ? &bytes : NULL, &err) < 0) {
		problem_error(&r->problems, o->path, o->mark, "object-render",
			      "%s", err.msg);
		goto out;
	}
	if (against_check(&r->against, path.data, o, &r->problems) < 0)
		goto out;
	keep(r, o, o->path);
	index_add(&r->index, o, path.data);
	if (r->take)
		r->take(r->arg, &r->objects.v[r->objects.n - 1], path.data,
			&bytes);
out:
	buf_wipe(&bytes);
	buf_release(&path);
}

/* ---- one file ---- */

/* Learns the definitions of a text; all of them, or only of kinds that
 * nothing closer defines. True if then every kind in it is known. */
static bool learn(struct review *r, const struct objects *os,
		  bool only_unknown, struct problems *ps)
{
	bool known = true;

	for (size_t i = 0; i < os->n; i++) {
		const struct object *o = &os->v[i];
		const char *group = node_path_str(o->root, "spec", "group",
						  NULL);
		const char *kind = node_path_str(o->root, "spec", "names",
						 "kind", NULL);
		struct err err = ERR_INIT;

		if (!crd_is(&o->id) || (only_unknown && group && kind &&
				   scope_lookup(&r->scopes, group, kind)))
			continue;
		if (scope_define(&r->scopes, o->root, &err) < 0)
			scope_malformed(o, &err, ps);
	}
	for (size_t i = 0; known && i < os->n; i++)
		known = scope_lookup(&r->scopes, os->v[i].id.group,
				     os->v[i].id.kind) != NULL;
	return known;
}

/* False if the text has to wait for definitions. */
static bool judge_text(struct review *r, const char *path, const char *text,
		       size_t len, bool last)
{
	struct problems found = PROBLEMS_INIT;
	struct objects os = OBJECTS_INIT;
	bool now;

	arena_reset(&r->text);
	manifest_read(path, text, len, &r->text, &os, &found);
	now = learn(r, &os, false, &found) || last;
	if (now) {
		problems_move(&r->problems, &found);
		for (size_t i = 0; i < os.n; i++)
			judge(r, &os.v[i], &r->text);
	}
	problems_release(&found);
	objects_release(&os);
	return now;
}

/* What could not be looked at: said at once, and kept for the report. */
static void trouble(struct run *run, const struct err *err)
{
	command_fail(err);
	strvec_push(&run->r->troubles, err->msg);
	run->status = EXIT_TROUBLE;
}

/* In the commit; a path on the machine begins with a slash. */
static int read_in_commit(const struct review_commit *c, const char *path,
			  struct buf *text, struct err *err)
{
	char hex[GIT_HEX_SIZE];
	unsigned mode;
	git_oid id;
	int rc = repo_tree_entry(c->repo, &c->tree, path, &id, &mode, err);

	if (rc > 0)
		return err_set(err, ERR_INVALID, "the source commit has no "
			       "'%s'", path);
	git_oid_tostr(hex, sizeof(hex), &id);
	return rc ? rc : repo_read(c->repo, hex, GIT_OBJECT_BLOB, text, err);
}

int review_read(struct review *r, const char *path, struct buf *text,
		struct err *err)
{
	if (r->commit && path[0] != '/')
		return read_in_commit(r->commit, path, text, err);
	if (strcmp(path, "-"))
		return fs_read(AT_FDCWD, path, text, err);
	if (!r->input &&
	    fs_read_fd(STDIN_FILENO, "standard input", text, err) < 0)
		return -1;
	if (!r->input) {
		r->input = xmemdup(text->data, text->len + 1);
		r->input_len = text->len;
		return 0;
	}
	buf_add(text, r->input, r->input_len);
	return 0;
}

static void judge_file(struct run *run, const char *path)
{
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES);
	struct err err = ERR_INIT;

	if (review_read(run->r, path, &text, &err) < 0) {
		trouble(run, &err);
		buf_release(&text);
		return;
	}
	/* one small tree can name a large file a million times */
	run->bytes += run->r->commit ? text.len : 0;
	if (run->bytes > LIMIT_SOURCE_BYTES) {
		err_set(&err, ERR_INVALID, "with '%.200s' the manifests have "
			"more than %llu MiB in all, which no push may have",
			path, LIMIT_SOURCE_BYTES / 1024 / 1024);
		trouble(run, &err);
		buf_release(&text);
		return;
	}
	strvec_push(&run->r->files, path);
	if (judge_text(run->r, path, text.data, text.len, false)) {
		buf_release(&text);
		return;
	}
	if (run->n == run->alloc) {
		run->alloc = run->alloc ? run->alloc * 2 : 16;
		run->v = xreallocarray(run->v, run->alloc, sizeof(*run->v));
	}
	run->v[run->n].path = path;
	run->v[run->n].text = buf_detach(&text, &run->v[run->n].len);
	run->n++;
}

/* ---- all of them ---- */

/* Of the commit: the file, or the manifests right below the directory. */
static int find_definitions(const struct review_commit *c, const char *path,
			    struct strvec *files, struct err *err)
{
	git_tree *dir = NULL;
	unsigned mode;
	git_oid id;
	int rc = repo_tree_entry(c->repo, &c->tree, path, &id, &mode, err);

	if (rc > 0 && c->may_lack)
		return 0;
	if (rc || mode != GIT_FILEMODE_TREE) {
		strvec_push(files, path);
		return rc < 0 ? -1 : 0;
	}
	if (git_tree_lookup(&dir, c->repo, &id) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read '%s'", path);
	for (size_t i = 0; i < git_tree_entrycount(dir); i++) {
		const git_tree_entry *e = git_tree_entry_byindex(dir, i);
		const char *name = git_tree_entry_name(e);

		if (git_tree_entry_type(e) == GIT_OBJECT_BLOB &&
		    manifest_name(name))
			strvec_pushf(files, "%s%s%s", path, *path ? "/" : "",
				     name);
	}
	git_tree_free(dir);
	return 0;
}

static void learn_path(struct run *run, const char *path)
{
	struct strvec files = STRVEC_INIT;
	struct err err = ERR_INIT;

	if ((run->r->commit && path[0] != '/' ?
	     find_definitions(run->r->commit, path, &files, &err) :
	     sources_find(path, &files, &run->r->problems, &err)) < 0)
		trouble(run, &err);
	for (size_t i = 0; i < files.n; i++) {
		struct buf text = BUF_INIT(LIMIT_FILE_BYTES);
		struct objects os = OBJECTS_INIT;
		struct arena a = ARENA_INIT;

		if (review_read(run->r, files.v[i], &text, &err) < 0) {
			trouble(run, &err);
		} else {
			manifest_read(files.v[i], text.data, text.len, &a, &os,
				      &run->r->problems);
			learn(run->r, &os, true, &run->r->problems);
		}
		objects_release(&os);
		arena_release(&a);
		buf_release(&text);
	}
	strvec_release(&files);
}

static int by_place(const void *a, const void *b)
{
	const struct object *x = a, *y = b;
	int c = strcmp(x->path, y->path);

	if (c)
		return c;
	if (x->mark.line != y->mark.line)
		return x->mark.line < y->mark.line ? -1 : 1;
	return (x->mark.column > y->mark.column) -
	       (x->mark.column < y->mark.column);
}

static void find_files(struct run *run, char *const *paths, size_t n)
{
	struct strvec all = STRVEC_INIT;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < n; i++)
		if (sources_find(paths[i], &all, &run->r->problems, &err) < 0)
			trouble(run, &err);
	strvec_sort(&all);
	for (size_t i = 0; i < all.n; i++)
		if (!i || strcmp(all.v[i - 1], all.v[i]))
			strvec_push(&run->files, all.v[i]);
	strvec_release(&all);
}

/* What the objects say of each other. */
static void check_references(struct review *r)
{
	struct view v = index_view(&r->index);
	struct err err = ERR_INIT;

	if (r->problems.errors)
		return;	/* what is missing may stand in a bad file */
	for (map_each(&r->index.objects, e)) {
		const struct indexed *x = e->value;

		/* this view does not fail */
		references_check(&v, &r->rules, &x->o, &x->facts,
				 &r->problems, &err);
	}
	r->problems.unchecked += r->index.skipped;
}

/* All that there are, what waits for definitions after these. */
static void judge_files(struct run *run)
{
	struct review *r = run->r;

	for (size_t i = 0; i < run->files.n; i++)
		judge_file(run, arena_strdup(&r->arena, run->files.v[i]));
	for (size_t i = 0; i < r->crds.n; i++)
		learn_path(run, r->crds.v[i]);
	for (size_t i = 0; i < run->n; i++) {
		judge_text(r, run->v[i].path, run->v[i].text, run->v[i].len,
			   true);
		free(run->v[i].text);
	}
	if (r->objects.n)
		qsort(r->objects.v, r->objects.n, sizeof(*r->objects.v),
		      by_place);
	rules_check_duplicates(&r->objects, &r->problems);
}

static int conclude(struct run *run)
{
	struct review *r = run->r;

	problems_say_unjudged(&r->problems);
	problems_sort(&r->problems);
	free(run->v);
	strvec_release(&run->files);
	if (run->status == EXIT_OK && r->problems.errors)
		run->status = EXIT_REFUSED;
	return run->status;
}

/* Takes the paths at which there is nothing out of the list. */
static int drop_lacking(struct review_commit *c, struct err *err)
{
	struct strvec there = STRVEC_INIT;
	unsigned mode;
	git_oid id;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < c->paths.n; i++) {
		rc = repo_tree_entry(c->repo, &c->tree, c->paths.v[i], &id,
				     &mode, err);
		strvec_push(rc > 0 ? &c->lacks : &there, c->paths.v[i]);
	}
	strvec_release(&c->paths);
	c->paths = there;
	return rc < 0 ? -1 : 0;
}

int review_run_commit(struct review *r)
{
	struct manifest_files found = MANIFEST_FILES_INIT;
	struct run run = { .r = r, .status = EXIT_OK };
	struct err err = ERR_INIT;

	r->rules.allow_secrets = true;
	if (review_read_config(r, &err) < 0 ||
	    (r->commit->may_lack && drop_lacking(r->commit, &err) < 0) ||
	    manifest_files_diff(r->commit->repo, r->rules.channel,
				&r->commit->paths, NULL, &r->commit->tree,
				&found, &r->problems, &err) < 0)
		trouble(&run, &err);
	for (size_t i = 0; i < found.n; i++)
		strvec_push(&run.files, found.v[i].path);
	manifest_files_release(&found);
	judge_files(&run);
	return conclude(&run);
}

int review_run(struct review *r, char *const *paths, size_t n)
{
	struct run run = { .r = r, .status = EXIT_OK };
	struct err err = ERR_INIT;

	if (review_read_config(r, &err) < 0 ||
	    openapi_open_minor(r->kubernetes ? r->kubernetes : OPENAPI_NEWEST,
			       &r->openapi, &err) < 0) {
		trouble(&run, &err);
		return EXIT_TROUBLE;
	}
	r->rules.openapi = &r->openapi;
	r->rules.before = against_find;
	r->rules.arg = &r->against;
	if (r->against_path &&
	    against_read(&r->against, r->against_path, &r->rules,
			 &r->problems, &err) < 0)
		trouble(&run, &err);
	find_files(&run, paths, n);
	judge_files(&run);
	check_references(r);
	return conclude(&run);
}

void review_release(struct review *r)
{
	strvec_release(&r->crds);
	policy_release(&r->policy);
	strvec_release(&r->files);
	strvec_release(&r->troubles);
	free(r->input);
	against_release(&r->against);
	scopes_release(&r->scopes);
	openapi_close(&r->openapi);
	problems_release(&r->problems);
	objects_release(&r->objects);
	arena_release(&r->arena);
	arena_release(&r->text);
	index_release(&r->index);
}
