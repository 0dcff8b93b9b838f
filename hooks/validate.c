/*
 * The gate of a push. See validate.h. Trusts the current bundle, which went
 * through here, and the host's settings; nothing in the pushed tip. A file
 * is read, checked, rendered and forgotten before the next one, so memory
 * follows the number of objects and not their size.
 *
 * A kind's scope may come from a CRD in a later file. A file with a kind
 * that is not known yet is put off and read again when all CRDs are learnt.
 */
#include "config.h"
#include "hooks/validate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/crds.h"
#include "hooks/inventory.h"
#include "hooks/orphans.h"
#include "hooks/references.h"
#include "hooks/settings.h"
#include "schema/base/mem.h"
#include "schema/ignore.h"
#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/manifest-files.h"
#include "schema/render.h"
#include "schema/rules.h"
#include "schema/values/immutable.h"

static const struct mark nowhere;

struct check {
	const struct gate *g;
	const git_oid *bundle;	/* the current one's tree, or NULL */
	bool everything;
	struct map held;	/* path to struct held * */
	struct map made;	/* path to struct made * */
	struct crds crds;
	struct object_index index;
	struct openapi openapi;	/* mapped when there is a file to judge */
	struct rules rules;
	uint64_t bytes;		/* of what was read so far */
	struct verdict *out;
	struct problems *ps;
	struct err *err;
};

/* ---- which files ---- */

/* The tree that the current bundle was made of; false: it is not there. */
static bool old_source(struct check *c, git_oid *ret)
{
	struct err unread = ERR_INIT;

	return !repo_commit_tree(c->g->repo,
				 c->g->current->commit.bundle.source_commit,
				 ret, &unread);
}

/* Files that changed and what they held; 1: everything has to be read. */
static int find_changes(struct check *c, const git_oid *old)
{
	int rc = manifest_files_diff(c->g->repo, c->g->ch->name,
				     &c->g->ch->paths, old, &c->out->tree,
				     &c->out->files, c->ps, c->err);

	for (size_t i = 0; !rc && i < c->out->files.n; i++) {
		const struct manifest_file *f = &c->out->files.v[i];

		if (f->has_old)
			rc = inventory_of_file(c->g->repo, c->bundle, c->g->ch,
					       f->path, &f->old_id, &c->held,
					       &c->out->plan.arena, c->err);
	}
	return rc;
}

static int find_everything(struct check *c)
{
	c->everything = true;
	map_release(&c->held, NULL);
	manifest_files_release(&c->out->files);
	if (c->bundle && inventory_all(c->g->repo, c->bundle, &c->held,
				       &c->out->plan.arena, c->err) < 0)
		return -1;
	return manifest_files_diff(c->g->repo, c->g->ch->name,
				   &c->g->ch->paths, NULL, &c->out->tree,
			   &c->out->files, c->ps, c->err);
}

static int find_files(struct check *c)
{
	struct problems found = PROBLEMS_INIT, *ps = c->ps;
	git_oid old;
	int rc = 1;

	if (!c->g->everything && c->bundle &&
	    settings_match(c->g->host, c->g->ch, c->g->current->id,
			   &c->out->settings) && old_source(c, &old)) {
		c->ps = &found;
		rc = find_changes(c, &old);
		c->ps = ps;
	}
	if (rc == 0)
		problems_move(ps, &found);
	problems_release(&found);
	return rc == 1 ? find_everything(c) : rc;
}

/* ---- one object ---- */

/* The object stands in a file that this push did not touch. */
static int refuse_twin(struct check *c, const struct object *o)
{
	struct buf what = BUF_INIT(LIMIT_PATH_BYTES);
	struct arena a = ARENA_INIT;
	const char *file;
	uint32_t line;
	int rc = inventory_origin(c->g->repo, c->bundle, &o->id, &a, &file,
				  &line, c->err);

	object_describe(&o->id, &what);
	if (rc == 0)
		problem_error(c->ps, o->path, o->mark, "duplicate",
			      "%s is defined at %s:%u already", what.data,
			      file, (unsigned)line);
	else if (rc == 1)
		rc = err_set(c->err, ERR_DENIED, "the current bundle has %s "
			     "but does not say where from", what.data);
	arena_release(&a);
	buf_release(&what);
	return rc;
}

/* True if the push had this object before. */
static bool refuse_second(struct check *c, const char *path,
			  const struct object *o)
{
	const struct made *first = map_get(&c->made, path);
	struct buf what = BUF_INIT(LIMIT_PATH_BYTES);

	if (!first)
		return false;
	object_describe(&o->id, &what);
	problem_error(c->ps, o->path, o->mark, "duplicate",
		      "%s is defined at %s:%u already", what.data,
		      first->file, (unsigned)first->mark.line);
	buf_release(&what);
	return true;
}

/*
 * What the current bundle has at the path. 0: *ret_held, NULL if nothing.
 * 1: another file has it, which was made a problem.
 */
static int find_held(struct check *c, const char *path,
		     const struct object *o, struct held **ret_held)
{
	struct held *h = map_get(&c->held, path);
	unsigned mode;
	git_oid id;
	int rc;

	*ret_held = h;
	if (h || c->everything)
		return 0;
	rc = repo_tree_entry(c->g->repo, c->bundle, path, &id, &mode, c->err);
	if (rc == 0)
		return refuse_twin(c, o) < 0 ? -1 : 1;
	return rc == 1 ? 0 : -1;
}

/* What cannot be changed, against the current bundle; 1 if it is refused. */
static int check_fixed(struct check *c, const struct object *o,
		       const struct held *held, struct arena *a)
{
	struct node *old;

	if (!held || !immutable_has(&o->id))
		return 0;
	if (inventory_read(c->g->repo, &held->blob, a, &old, c->err) < 0)
		return -1;
	return immutable_check(old, o, c->ps) < 0;
}

/* The bytes of an object: compared, kept if new, and put into the plan. */
static int plan_object(struct check *c, const char *path,
		       const struct object *o, const struct held *held,
		       const struct buf *bytes, struct arena *a)
{
	struct plan *plan = &c->out->plan;
	struct plan_item item = {
		.op = held ? PLAN_CHANGE : PLAN_CREATE,
	};
	const struct store_object new = {
		.type = GIT_OBJECT_BLOB, .data = bytes->data,
		.len = bytes->len, .base = held ? &held->blob : NULL,
	};
	int rc;

	if (git_odb_hash(&item.blob, bytes->data, bytes->len,
			 GIT_OBJECT_BLOB) < 0)
		return repo_err(c->err, ERR_INTERNAL, "cannot hash an object");
	if (held && git_oid_equal(&held->blob, &item.blob))
		return 0;
	rc = check_fixed(c, o, held, a);
	if (rc)
		return rc < 0 ? -1 : 0;
	sha256_of(bytes->data, bytes->len, &item.digest);
	if (c->g->store &&
	    store_write(c->g->store, &new, &item.blob, c->err) < 0)
		return -1;
	item.path = arena_strdup(&plan->arena, path);
	if (object_path_parse(item.path, &plan->arena, &item.id, c->err) < 0)
		return -1;
	plan_add(plan, &item);
	return 0;
}

static int take_object(struct check *c, const char *file, const char *path,
		       struct object *o, struct arena *a)
{
	struct buf bytes = BUF_INIT(LIMIT_OBJECT_BYTES);
	struct err refused = ERR_INIT;
	struct held *held = NULL;
	struct made *made;
	int rc;

	if (refuse_second(c, path, o) || c->made.count > LIMIT_BUNDLE_OBJECTS)
		return 0;
	rc = find_held(c, path, o, &held);
	if (rc)
		return rc < 0 ? -1 : 0;
	index_add(&c->index, o, path);
	made = arena_alloc(&c->out->plan.arena, sizeof(*made));
	*made = (struct made){ file, o->mark };
	map_put(&c->made, path, made);
	if (held)
		held->made = true;
	if (render_object(&c->rules, o, a, &bytes, &refused) < 0)
		problem_error(c->ps, o->path, o->mark, "object-render", "%s",
			      refused.msg);
	else
		rc = plan_object(c, path, o, held, &bytes, a);
	if (!rc)
		rc = plan_origin(&c->out->plan, &o->id, file, o->mark.line,
				 c->err);
	buf_release(&bytes);
	return rc;
}

/* An object of the current bundle, for rules.h; one that cannot be read is
 * none: others will say so. */
static const struct node *before(void *arg, const struct object_id *id,
				 struct arena *a)
{
	struct check *c = arg;
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct err unread = ERR_INIT;
	struct node *root = NULL;
	unsigned mode;
	git_oid blob;

	if (c->bundle && !object_path(id, &path, &unread) &&
	    !repo_tree_entry(c->g->repo, c->bundle, path.data, &blob, &mode,
			     &unread) &&
	    inventory_read(c->g->repo, &blob, a, &root, &unread) < 0)
		root = NULL;
	buf_release(&path);
	return root;
}

static int check_object(struct check *c, const char *file, struct object *o,
			struct arena *a)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct err refused = ERR_INIT;
	int rc = 0;

	if (rules_check(&c->rules, o, c->ps) < 0)
		return 0;
	if (object_path(&o->id, &path, &refused) < 0)
		problem_error(c->ps, o->path, o->mark, "name-bundle", "%s",
			      refused.msg);
	else
		rc = take_object(c, file, path.data, o, a);
	buf_release(&path);
	return rc;
}

/* ---- one file ---- */

/* True if the scope of all kinds is known, by what was learnt so far. */
static int all_known(struct check *c, const struct objects *os, bool *ret)
{
	bool known = true;

	for (size_t i = 0; known && i < os->n; i++)
		if (crds_know(&c->crds, os->v[i].id.group, os->v[i].id.kind,
			      &known, c->err) < 0)
			return -1;
	*ret = known;
	return 0;
}

/* *ret_put_off NULL: judge it now, whatever is known. */
static int check_objects(struct check *c, const struct manifest_file *f,
			 struct objects *os, struct arena *a,
			 struct problems *found, bool *ret_put_off)
{
	bool known;

	for (size_t i = 0; i < os->n; i++)
		if (crd_is(&os->v[i].id))
			crds_learn(&c->crds, &os->v[i], found);
	if (all_known(c, os, &known) < 0)
		return -1;
	if (ret_put_off && !known) {
		*ret_put_off = true;
		problems_release(found);
		return 0;
	}
	problems_move(c->ps, found);
	for (size_t i = 0; i < os->n; i++)
		if (check_object(c, f->path, &os->v[i], a) < 0)
			return -1;
	return 0;
}

static void refuse_unread(struct check *c, const char *path)
{
	if (c->err->sys == EFBIG)
		problem_error(c->ps, path, nowhere, "file-size",
			      "a manifest has at most %u MiB: split it, or "
			      "name it in " IGNORE_NAME,
			      LIMIT_FILE_BYTES / 1024 / 1024);
	else
		problem_error(c->ps, path, nowhere, "file-read", "%s",
			      c->err->msg);
	err_clear(c->err);
}

static int need_schemas(struct check *c)
{
	const struct channel_config *ch = c->g->ch;

	if (c->rules.openapi)
		return 0;
	if (openapi_open_minor(ch->kubernetes, &c->openapi, c->err) < 0)
		return err_wrap(c->err, "windlass.%s.kubernetes", ch->name);
	c->rules.openapi = &c->openapi;
	return 0;
}

static int check_file(struct check *c, const struct manifest_file *f,
		      bool *ret_put_off)
{
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES);
	struct problems found = PROBLEMS_INIT;
	struct objects os = OBJECTS_INIT;
	struct arena a = ARENA_INIT;
	char hex[GIT_HEX_SIZE];
	int rc = -1;

	git_oid_tostr(hex, sizeof(hex), &f->new_id);
	if (repo_read(c->g->repo, hex, GIT_OBJECT_BLOB, &text, c->err) < 0) {
		if (c->err->class == ERR_INVALID) {
			refuse_unread(c, f->path);
			rc = 0;
		}
		goto out;
	}
	manifest_read(f->path, text.data, text.len, &a, &os, &found);
	c->bytes += text.len + os.copied;
	rc = check_objects(c, f, &os, &a, &found, ret_put_off);
out:
	problems_release(&found);
	objects_release(&os);
	arena_release(&a);
	buf_release(&text);
	return rc;
}

/* What was read may not be more than a push may have: one small tree can name
 * a large file a million times. Whatever else is wrong is not said then. */
static int refuse_more(struct check *c, const char *path)
{
	if (c->bytes > LIMIT_SOURCE_BYTES)
		return err_set(c->err, ERR_INVALID, "with '%.200s' the "
			       "manifests to read have more than %llu MiB in "
			       "all, aliases written out: push them in parts, "
			       "or split channel '%s'", path,
			       LIMIT_SOURCE_BYTES / 1024 / 1024,
			       c->g->ch->name);
	if (c->made.count > LIMIT_BUNDLE_OBJECTS)
		return err_set(c->err, ERR_INVALID, "channel '%s' would have "
			       "more than %d objects at '%.200s': split it",
			       c->g->ch->name, LIMIT_BUNDLE_OBJECTS, path);
	return 0;
}

static int check_files(struct check *c)
{
	bool *put_off = xcalloc(c->out->files.n + 1, sizeof(*put_off));
	bool any = false;
	int rc = 0;

	for (size_t i = 0; !rc && i < c->out->files.n; i++) {
		if (!c->out->files.v[i].has_new)
			continue;
		rc = need_schemas(c);
		if (!rc)
			rc = check_file(c, &c->out->files.v[i], &put_off[i]);
		any |= put_off[i];
		if (!rc)
			rc = refuse_more(c, c->out->files.v[i].path);
	}
	if (!rc && any)
		rc = crds_read_paths(&c->crds, c->ps, c->err);
	for (size_t i = 0; !rc && i < c->out->files.n; i++)
		if (put_off[i])
			rc = check_file(c, &c->out->files.v[i], NULL);
	free(put_off);
	return rc;
}

/* ---- the set ---- */

static int plan_deletions(struct check *c)
{
	struct plan *plan = &c->out->plan;

	for (map_each(&c->held, e)) {
		const struct held *h = e->value;
		struct plan_item item = { .op = PLAN_DELETE };

		if (h->made)
			continue;
		item.path = arena_strdup(&plan->arena, e->key);
		if (object_path_parse(item.path, &plan->arena, &item.id,
				      c->err) < 0 ||
		    plan_origin(plan, &item.id, NULL, 0, c->err) < 0)
			return -1;
		plan_add(plan, &item);
	}
	return 0;
}

static void check_count(struct check *c)
{
	struct plan *plan = &c->out->plan;
	uint64_t before = c->bundle ? c->g->current->commit.bundle.objects : 0;

	plan->objects = before + plan->created - plan->deleted;
	if (!plan->objects && !c->bundle)
		c->out->nothing_at = "";
	else if (!plan->objects)
		problem_error(c->ps, "", nowhere, "source-empty",
			      "channel '%s' would have no object at all, and "
			      "an empty source never means \"delete all\": a "
			      "bundle has at least one object, if only a "
			      "Namespace; its files are *.yaml, *.yml and "
			      "*.json below windlass.%s.path", c->g->ch->name,
			      c->g->ch->name);
	if (plan->objects > LIMIT_BUNDLE_OBJECTS)
		problem_error(c->ps, "", nowhere, "source-size",
			      "channel '%s' would have more than %d objects; "
			      "split it", c->g->ch->name, LIMIT_BUNDLE_OBJECTS);
}

/* A bundle keeps its parent's renderer until somebody says otherwise. */
static int check_renderer(const struct check *c)
{
	const char *was = c->g->current->commit.bundle.renderer;

	if (!c->bundle || c->g->everything || !strcmp(was, RENDERER))
		return 0;
	return err_set(c->err, ERR_INVALID, "the current bundle of '%s' was "
		       "made by renderer '%s', this windlass has '" RENDERER
		       "'; at the Git host, run `windlass-hook publish "
		       "--rerender %s`", c->g->ch->name, was,
		       c->g->ch->name);
}

/* What the objects that are new or other say of the rest. */
static int check_references(struct check *c)
{
	struct push_objects po = {
		.repo = c->g->repo, .held = &c->held, .index = &c->index,
		.bundle = c->everything ? NULL : c->bundle,
	};

	return push_check_references(&po, &c->out->plan, &c->rules, c->ps,
				     c->err);
}

static int check_all(struct check *c)
{
	/* what there is not yet must not refuse all other work on the ref */
	if (!c->bundle &&
	    manifest_files_missing(c->g->repo, &c->g->ch->paths,
				   &c->out->tree, &c->out->nothing_at,
				   c->err) < 0)
		return -1;
	if (c->out->nothing_at)
		return 0;
	if (check_renderer(c) < 0 || find_files(c) < 0)
		return -1;
	crds_init(&c->crds, c->g->repo, c->g->ch, &c->out->tree, c->bundle,
		  &c->held);
	if (check_files(c) < 0)
		return -1;
	if (c->ps->errors)
		return 0;	/* what is missing may stand in a bad file */
	if (plan_deletions(c) < 0 ||
	    orphans_check(c->g->repo, c->bundle, &c->out->plan, &c->crds,
			  &c->made, c->ps, c->err) < 0)
		return -1;
	check_count(c);
	if (!c->ps->errors && check_references(c) < 0)
		return -1;
	plan_sort(&c->out->plan);
	return 0;
}

int gate_check(const struct gate *g, struct verdict *ret,
	       struct problems *ps, struct err *err)
{
	struct verdict v = VERDICT_INIT;
	struct check c = {
		.g = g, .out = &v, .ps = ps, .err = err,
		.openapi = OPENAPI_INIT, .index = OBJECT_INDEX_INIT,
		.bundle = *g->current->id ? &g->current->tree : NULL,
		.rules = {
			.channel = g->ch->name,
			.default_namespace = g->ch->default_namespace,
			.allow_secrets = g->ch->allow_secrets,
			.unknown_kinds = g->ch->unknown_kinds,
			.strict = g->ch->strict,
			.policy = &g->ch->policy,
		},
	};
	int rc = -1;

	c.rules.scopes = &c.crds.scopes;
	c.rules.before = before;
	c.rules.arg = &c;
	if (!repo_commit_tree(g->repo, g->tip, &v.tree, err) &&
	    !settings_digest(g->repo, g->ch, &v.tree, &v.settings, err))
		rc = check_all(&c);
	if (rc < 0)
		verdict_release(&v);
	else
		*ret = v;
	map_release(&c.held, NULL);
	map_release(&c.made, NULL);
	crds_release(&c.crds);
	openapi_close(&c.openapi);
	index_release(&c.index);
	return rc;
}

void verdict_release(struct verdict *v)
{
	plan_release(&v->plan);
	manifest_files_release(&v->files);
}
