/*
 * Comparing two commits of the source. See source-diff.h. For people before
 * they merge, and for the text of a pull request: nothing is signed and no
 * bundle is looked at. The manifests are a stranger's: what is printed is
 * scrubbed, and of Secrets only names are.
 */
#include "config.h"
#include "engine/cli/source-diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"
#include "engine/cli/findings.h"
#include "engine/cli/tree-out.h"
#include "schema/base/mem.h"
#include "schema/repo.h"

bool source_range(const char *name)
{
	const char *dots = strstr(name, "..");

	return dots && dots != name;
}

/* ---- which commits ---- */

static int find_commit(git_repository *repo, const char *name, git_oid *ret,
		       struct err *err)
{
	git_object *o = NULL, *commit = NULL;
	int rc = git_revparse_single(&o, repo, *name ? name : "HEAD");

	if (!rc)
		rc = git_object_peel(&commit, o, GIT_OBJECT_COMMIT);
	if (!rc)
		*ret = *git_object_id(commit);
	else
		err_set(err, ERR_INVALID, "'%s' names no commit of this "
			"repository", *name ? name : "HEAD");
	git_object_free(o);
	git_object_free(commit);
	return rc < 0 ? -1 : 0;
}

static int find_range(git_repository *repo, const char *range, git_oid ret[2],
		      struct err *err)
{
	const char *dots = strstr(range, "..");
	bool parted = dots[2] == '.';
	char *base = xstrndup(range, (size_t)(dots - range));
	git_oid where;
	int rc = find_commit(repo, base, &ret[0], err);

	if (!rc)
		rc = find_commit(repo, dots + 2 + parted, &ret[1], err);
	if (!rc && parted) {
		if (git_merge_base(&where, repo, &ret[0], &ret[1]) < 0)
			rc = err_set(err, ERR_INVALID, "'%s' have no commit in "
				     "common", range);
		else
			ret[0] = where;
	}
	free(base);
	return rc;
}

/* ---- their objects ---- */

static int render(struct review *r, const git_oid *commit, const char *name,
		  struct renderings *ret)
{
	const struct findings_style style = { .color = cli_color(stderr) };
	struct err err = ERR_INIT;
	char id[GIT_HEX_SIZE];
	int status;

	git_oid_tostr(id, sizeof(id), commit);
	if (repo_commit_tree(r->commit->repo, id, &r->commit->tree, &err) < 0)
		return command_fail(&err);
	r->take = renderings_take;
	r->arg = ret;
	status = review_run_commit(r);
	for (size_t i = 0; i < r->commit->lacks.n; i++)
		fprintf(stderr, "windlass: note: %s commit, %.12s, has nothing "
			"at '%s': all of it is new\n", name, id,
			r->commit->lacks.v[i]);
	if (status == EXIT_OK) {
		rendered_sort(ret->v, ret->n);
		return EXIT_OK;
	}
	findings_print(stderr, r, &style);
	err_set(&err, status == EXIT_REFUSED ? ERR_INVALID : ERR_INTERNAL,
		"%s commit, %.12s, comes to no bundle", name, id);
	return command_fail(&err);
}

/* ---- what differs ---- */

static struct buf text_of(const struct rendered *x)
{
	return (struct buf){ .data = x->bytes, .len = x->len,
			     .alloc = x->len + 1, .max = x->len };
}

static int print_object(struct bundle_diff *d, const struct rendered *old,
			const struct rendered *new, struct err *err)
{
	struct buf old_text = BUF_INIT(1), new_text = BUF_INIT(1);

	if (old)
		old_text = text_of(old);
	if (new)
		new_text = text_of(new);
	if (old && new && old->len == new->len &&
	    !memcmp(old->bytes, new->bytes, old->len))
		return 0;
	return bundle_diff_object(d, !old ? '+' : !new ? '-' : '~',
				  old ? old->path : new->path,
				  old ? &old_text : NULL,
				  new ? &new_text : NULL, err);
}

/* Both are sorted by path. */
static int print_all(struct bundle_diff *d, const struct renderings sides[2],
		     struct err *err)
{
	const struct renderings *a = &sides[0], *b = &sides[1];
	size_t i = 0, j = 0;

	while (i < a->n || j < b->n) {
		int order = i == a->n ? 1 : j == b->n ? -1 :
			    strcmp(a->v[i].path, b->v[j].path);
		const struct rendered *old = order <= 0 ? &a->v[i++] : NULL;
		const struct rendered *new = order >= 0 ? &b->v[j++] : NULL;

		if (print_object(d, old, new, err) < 0)
			return -1;
	}
	return 0;
}

int source_diff(struct bundle_diff *d, struct review sides[2],
		const char *range)
{
	static const char *const names[] = { "the first", "the second" };
	struct renderings objects[2] = { { 0 }, { 0 } };
	struct err err = ERR_INIT;
	git_oid commits[2];
	int status = EXIT_OK;

	if (find_range(d->repo, range, commits, &err) < 0)
		return command_fail(&err);
	for (int i = 0; i < 2 && status == EXIT_OK; i++) {
		sides[i].commit->repo = d->repo;
		/* the change may be the one that adds the channel */
		sides[i].commit->may_lack = i == 0;
		if (review_find_settings(&sides[i], sides[i].rules.channel,
					 &err) < 0)
			status = command_fail(&err);
		else
			status = render(&sides[i], &commits[i], names[i],
					&objects[i]);
	}
	if (status == EXIT_OK && print_all(d, objects, &err) < 0)
		status = command_fail(&err);
	if (status == EXIT_OK && !d->changes && d->markdown)
		puts("No object changes.");
	renderings_release(&objects[0]);
	renderings_release(&objects[1]);
	return status;
}
