/*
 * Rendering a source commit again. See check-source.h. The commit is found by
 * the id in the signed bundle, so that nobody can put another one there, but
 * for who can break SHA-1; what is compared in the end is SHA-256. No bytes
 * of an object are shown, only its path: it may be a Secret.
 */
#include "config.h"
#include "engine/cli/check-source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/bundles.h"
#include "engine/cli/tree-out.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/render.h"

#define OF_SIZE 128

static const struct verdict bad = { SOURCE_VERIFIED, SOURCE_BUNDLE };

struct comparison {
	struct renderings made;
	struct map there;	/* path to the bytes' id, of the bundle */
	struct arena arena;
	char first[LIMIT_PATH_BYTES + 2];	/* that differs: "~objects/..." */
	size_t differ;
};

/* ---- which differ, for a person ---- */

static int note_there(void *arg, char op, const char *path,
		      const git_oid *old_id, const git_oid *new_id,
		      struct err *err)
{
	struct comparison *c = arg;
	git_oid *id = arena_alloc(&c->arena, sizeof(*id));

	(void)op;
	(void)old_id;
	(void)err;
	*id = *new_id;
	map_put(&c->there, path, id);
	return 0;
}

static void note_difference(struct comparison *c, char op, const char *path)
{
	if (!c->differ++)
		snprintf(c->first, sizeof(c->first), "%c%s", op, path);
}

/* What the commit has that the bundle has not or other, then the rest. */
static int find_differences(struct comparison *c, git_repository *repo,
			    const struct bundle_at *at, struct err *err)
{
	if (bundle_changes(repo, NULL, at, note_there, c, err) < 0)
		return -1;
	for (size_t i = 0; i < c->made.n; i++) {
		const struct rendered *x = &c->made.v[i];
		const git_oid *id = map_del(&c->there, x->path);
		git_oid made;

		if (git_odb_hash(&made, x->bytes, x->len,
				 GIT_OBJECT_BLOB) < 0)
			return repo_err(err, ERR_INTERNAL, "cannot hash");
		if (!id)
			note_difference(c, '+', x->path);
		else if (!git_oid_equal(id, &made))
			note_difference(c, '~', x->path);
	}
	for (map_each(&c->there, e))
		note_difference(c, '-', e->key);
	return 0;
}

/* ---- the two checks ---- */

static void not_rendered(struct results *f, const struct subject *what,
			 const struct review *r, int status)
{
	struct err err = ERR_INIT;
	struct buf first = BUF_INIT(LIMIT_PATH_BYTES + 4096);

	for (size_t i = 0; i < r->problems.n && !first.len; i++)
		if (r->problems.v[i].severity == SEVERITY_ERROR)
			problem_format(&r->problems.v[i], &first);
	err_set(&err, status == EXIT_REFUSED ? ERR_INVALID : ERR_INTERNAL,
		"the source commit comes to no bundle: %.400s",
		first.len ? first.data : "what it needs cannot be read");
	result_refused(f, what, &bad, &err);
	buf_release(&first);
}

static int compare(struct results *f, const struct subject *what,
		   struct comparison *c, git_repository *repo,
		   const struct bundle_at *at, struct err *err)
{
	const struct bundle *b = &at->commit.bundle;
	struct sha256 content;
	struct err why = ERR_INIT;

	rendered_sort(c->made.v, c->made.n);
	if (tree_write(NULL, c->made.v, c->made.n, &content, &why) < 0) {
		result_refused(f, what, &bad, &why);
		return 0;
	}
	if (sha256_equal(&content, &b->content)) {
		result_ok(f, what, "%zu object%s of %.12s, as " RENDERER
			  " makes them", c->made.n, plural(c->made.n),
			  b->source_commit);
		return 0;
	}
	if (find_differences(c, repo, at, err) < 0)
		return -1;
	if (c->differ)
		err_set(&why, ERR_DENIED, "%zu object%s not what %.12s comes "
			"to: %.300s%s", c->differ,
			c->differ == 1 ? " is" : "s are", b->source_commit,
			c->first, c->differ > 1 ? " and more" : "");
	else
		err_set(&why, ERR_DENIED, "the objects are what %.12s comes "
			"to, but it says of others where they are from",
			b->source_commit);
	result_refused(f, what, &bad, &why);
	return 0;
}

/* The commit's tree; false, and it was said, where it cannot be had. */
static bool find_commit(struct results *f, struct subject *what,
			struct review *r, const struct bundle *b)
{
	struct err why = ERR_INIT;

	what->check = "source";
	if (strcmp(b->renderer, RENDERER))
		err_set(&why, ERR_INTERNAL, "it was made by renderer '%s', "
			"and this windlass has '" RENDERER "'", b->renderer);
	else if (repo_commit_tree(r->commit->repo, b->source_commit,
				  &r->commit->tree, &why) < 0)
		err_set(&why, ERR_INTERNAL, "commit %.12s of %.200s is not in "
			"this repository: fetch it, or name one that has it",
			b->source_commit, b->source_ref);
	if (why.class == ERR_NONE) {
		result_ok(f, what, "%s", b->source_commit);
		return true;
	}
	result_refused(f, what, &bad, &why);
	return false;
}

int check_source(struct results *results, struct review *r, const char *id,
		 const struct bundle_commit *commit, struct err *err)
{
	const struct bundle *b = &commit->bundle;
	struct comparison c = { .arena = ARENA_INIT };
	struct bundle_at at = { .commit = *commit };
	char of[OF_SIZE];
	struct subject what = { .of = of, .bundle = id };
	int status, rc = 0;

	memcpy(at.id, id, GIT_HEX_SIZE);
	snprintf(of, sizeof(of), "%s %" PRIu64 ".%" PRIu64, b->channel,
		 b->epoch, b->sequence);
	if (review_find_settings(r, b->channel, err) < 0)
		return -1;
	if (!find_commit(results, &what, r, b))
		return 0;
	what.check = "rendered";
	r->take = renderings_take;
	r->arg = &c.made;
	status = review_run_commit(r);
	if (status != EXIT_OK)
		not_rendered(results, &what, r, status);
	else
		rc = compare(results, &what, &c, r->commit->repo, &at, err);
	renderings_release(&c.made);
	map_release(&c.there, NULL);
	arena_release(&c.arena);
	return rc;
}
