/*
 * Pushes for review. See review.h. The gate is the one of a real push; what
 * is merged for it stays in memory. Nothing of it counts later: a push to the
 * channel's ref is judged anew, by what is there then.
 */
#include "config.h"
#include "hooks/review.h"

#include <inttypes.h>
#include <string.h>

#include "hooks/developers.h"
#include "hooks/findings.h"
#include "hooks/guard.h"
#include "hooks/job.h"
#include "hooks/live.h"
#include "hooks/validate.h"
#include "schema/base/num.h"

/* files in conflict that are named */
#define NAMED_CONFLICTS 10

struct review {
	const struct host *host;
	const struct update *update;
	const struct channel_config *ch;
	struct feedback *fb;
	char tip[GIT_HEX_SIZE];		/* what is judged: merged */
};

bool review_is(const struct host_config *c, const struct update *u)
{
	return !strncmp(u->ref, c->review_refs, strlen(c->review_refs));
}

/* ---- the merge ---- */

static int name_conflicts(git_index *index, const char *ref, struct err *err)
{
	struct buf names = BUF_INIT(1024);
	git_index_conflict_iterator *each;
	const git_index_entry *base, *ours, *theirs;
	size_t n = 0;

	if (git_index_conflict_iterator_new(&each, index) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot list conflicts");
	while (!git_index_conflict_next(&base, &ours, &theirs, each))
		if (n++ < NAMED_CONFLICTS)
			buf_addf(&names, "%s'%s'", n > 1 ? ", " : "",
				 (ours ? ours : theirs ? theirs : base)->path);
	git_index_conflict_iterator_free(each);
	err_set(err, ERR_INVALID, "it cannot be merged into '%s' without "
		"conflicts, in %zu file%s: %s", ref, n, plural(n), names.data);
	buf_release(&names);
	return -1;
}

/* A commit of what both are together; nobody ever sees it. */
static int merge_commits(struct review *r, git_commit *ours,
			 git_commit *theirs, struct err *err)
{
	git_repository *repo = r->host->repo;
	const git_commit *const parents[] = { ours, theirs };
	git_index *index = NULL;
	git_tree *tree = NULL;
	git_oid id;
	int rc = git_merge_commits(&index, repo, ours, theirs, NULL);

	if (!rc && git_index_has_conflicts(index)) {
		name_conflicts(index, r->ch->ref, err);
		git_index_free(index);
		return -1;
	}
	rc = rc < 0 ? rc : git_index_write_tree_to(&id, index, repo);
	rc = rc < 0 ? rc : git_tree_lookup(&tree, repo, &id);
	rc = rc < 0 ? rc : git_commit_create(
		&id, repo, NULL, git_commit_committer(theirs),
		git_commit_committer(theirs), NULL, git_commit_message(theirs),
		tree, 2, (const git_commit **)(uintptr_t)parents);
	if (rc < 0)
		rc = repo_err(err, ERR_INTERNAL, "cannot merge into '%s'",
			      r->ch->ref);
	else
		git_oid_tostr(r->tip, sizeof(r->tip), &id);
	git_index_free(index);
	git_tree_free(tree);
	return rc;
}

/* What the ref would be: the commit itself where it leads on from the ref. */
static int merge(struct review *r, struct err *err)
{
	git_repository *repo = r->host->repo;
	git_commit *ours = NULL, *theirs = NULL;
	char at[GIT_HEX_SIZE];
	git_oid a, b;
	int rc = repo_ref(repo, r->ch->ref, at, err);

	if (rc < 0)
		return -1;
	memcpy(r->tip, r->update->new_id, sizeof(r->tip));
	if (git_oid_fromstr(&b, r->tip) < 0 ||
	    git_commit_lookup(&theirs, repo, &b) < 0)
		return err_set(err, ERR_INVALID, "what is looked at must be a "
			       "commit");
	if (*at && strcmp(at, r->tip)) {
		rc = git_oid_fromstr(&a, at);
		rc = rc < 0 ? rc : git_graph_descendant_of(repo, &b, &a);
		if (rc < 0)
			rc = repo_err(err, ERR_INTERNAL, "cannot compare with "
				      "'%s'", r->ch->ref);
		else if (rc > 0)
			rc = 0;
		else if (git_commit_lookup(&ours, repo, &a) < 0)
			rc = repo_err(err, ERR_INTERNAL, "cannot read '%s'",
				      r->ch->ref);
		else
			rc = merge_commits(r, ours, theirs, err);
		if (!rc && ours)
			feedback_line(r->fb, "windlass: %s: as merged into %s",
				      r->ch->name, r->ch->ref);
	}
	git_commit_free(ours);
	git_commit_free(theirs);
	return rc;
}

/* ---- the gate ---- */

/* How much the push would have to allow. */
static int tell_deletions(struct review *r, const struct plan *plan,
			  struct err *err)
{
	struct allowances given = { .n = 0 };

	if (!guard_applies(r->ch, plan))
		return 0;
	if (allow_trailers(r->host->repo, r->update->new_id, &given, err) < 0)
		return -1;
	if (!allow_covers(&given, r->ch->name, plan->deleted))
		feedback_line(r->fb, "windlass: %s: to delete these the push "
			      "needs -o " ALLOW_OPTION "=%s:%" PRIu64 ", or "
			      "its last commit the trailer " ALLOW_TRAILER
			      ": %" PRIu64, r->ch->name, r->ch->name,
			      plan->deleted, plan->deleted);
	return 0;
}

/* 1: there are errors, and all is said. */
static int judge(struct review *r, struct err *err)
{
	const struct host *host = r->host;
	struct problems ps = PROBLEMS_INIT;
	struct verdict v = VERDICT_INIT;
	struct current current;
	struct gate g = {
		.repo = host->repo, .host = &host->config, .ch = r->ch,
		.current = &current, .tip = r->tip,
	};
	int rc = merge(r, err);

	if (!rc)
		rc = job_read_settled(host->repo, &host->config, r->ch,
				      &current, err);
	if (!rc)
		rc = developers_check(host->repo, &host->config, r->ch,
				      &current, r->update->new_id, err);
	if (!rc)
		rc = gate_check(&g, &v, &ps, err);
	if (!rc) {
		findings_show(r->fb, host->repo, &v.tree, &ps);
		if (ps.errors)
			rc = 1;
		else if (!v.nothing_at)
			rc = tell_deletions(r, &v.plan, err);
		if (!rc && !v.nothing_at)
			plan_tell(&v.plan, r->ch->name, r->fb);
		if (!rc)
			live_tell(host->repo, &host->config, r->ch, &current,
				  &v.plan, r->fb);
	}
	problems_release(&ps);
	verdict_release(&v);
	return rc;
}

bool review_push(const struct host *host, const struct update *u,
		 struct feedback *fb)
{
	struct review r = { .host = host, .update = u, .fb = fb };
	struct err err = ERR_INIT;
	int rc;

	if (!*u->new_id)
		return true;
	r.ch = config_channel(&host->config,
			      u->ref + strlen(host->config.review_refs));
	if (!r.ch || strcmp(u->ref, u->target)) {
		feedback_line(fb, "windlass: refused, '%s' is not for review: "
			      "no channel has that name", u->ref);
		return false;
	}
	rc = judge(&r, &err);
	if (rc < 0)
		feedback_line(fb, "windlass: %s: refused, %s", r.ch->name,
			      err.msg);
	else if (rc > 0)
		feedback_line(fb, "windlass: %s: refused, as a push to %s "
			      "would be", r.ch->name, r.ch->ref);
	else
		feedback_line(fb, "windlass: %s: this was a look, nothing is "
			      "published", r.ch->name);
	return !rc;
}

/* ---- afterwards ---- */

void review_forget(const struct host *host, const struct updates *us,
		   struct feedback *fb)
{
	char glob[REVIEW_REFS_MAX + 2];
	git_reference_iterator *each;
	git_reference *ref;
	bool any = false;

	for (size_t i = 0; i < us->n; i++)
		any |= review_is(&host->config, &us->v[i]);
	if (!any)
		return;
	snprintf(glob, sizeof(glob), "%s*", host->config.review_refs);
	if (git_reference_iterator_glob_new(&each, host->repo, glob) < 0)
		return;
	while (!git_reference_next(&ref, each)) {
		/* one that moved meanwhile is another push's, which does it */
		if (git_reference_delete(ref) < 0 &&
		    git_error_last()->klass == GIT_ERROR_OS)
			feedback_line(fb, "windlass: '%s' cannot be removed; "
				      "that does no harm",
				      git_reference_name(ref));
		git_reference_free(ref);
	}
	git_reference_iterator_free(each);
}
