/*
 * A certain commit. See wait-commit.h. What the clone and the Git host say is
 * believed as far as `windlass status --repo` does.
 */
#include "config.h"
#include "engine/cli/wait-commit.h"

#include <stdlib.h>
#include <string.h>

#include "engine/cli/fetch.h"
#include "engine/cli/git-run.h"
#include "schema/base/digest.h"
#include "schema/base/mem.h"

int wait_commit_find(const struct wait_place *p, const char *rev,
		     char ret[GIT_HEX_SIZE], struct err *err)
{
	char *commit = xasprintf("%s^{commit}", rev);
	const char *const argv[] = {
		"rev-parse", "--verify", "--quiet", "--end-of-options", commit,
		NULL,
	};
	struct buf line = BUF_INIT(4096);
	int rc = git_line(p->repo, argv, &line, err);

	if (!rc && is_hex(line.data, line.len, GIT_HEX_SIZE - 1))
		memcpy(ret, line.data, GIT_HEX_SIZE);
	else if (rc >= 0)
		rc = err_set(err, ERR_INVALID, "'%s' names no commit of this "
			     "repository", rev);
	buf_release(&line);
	free(commit);
	return rc;
}

/* Does git say yes? Whatever else it says is no. */
static bool says_yes(const struct wait_place *p, const char *const *argv)
{
	struct buf unread = BUF_INIT(65536);
	struct err no = ERR_INIT;
	bool yes = git_line(p->repo, argv, &unread, &no) == 0;

	buf_release(&unread);
	return yes;
}

static bool has_commit(const struct wait_place *p, const char *id)
{
	char *commit = xasprintf("%s^{commit}", id);
	const char *const argv[] = { "cat-file", "-e", commit, NULL };
	bool has = says_yes(p, argv);

	free(commit);
	return has;
}

/* What git says of a fetch that failed does not tell a remote that is silent
 * from one that has no such ref, or gives no such commit. */
static bool is_silent(const struct wait_place *p, const char *what)
{
	struct buf unread = BUF_INIT(65536);
	struct strvec refs = STRVEC_INIT;
	struct err unheard = ERR_INIT;
	bool silent;

	strvec_push(&refs, what);
	silent = fetch_list(p->repo, p->remote, &refs, &unread, &unheard) < 0;
	strvec_release(&refs);
	buf_release(&unread);
	return silent;
}

/*
 * What a ref of the remote leads to, or a commit, since that commit is not
 * here. A ref may lead elsewhere by now, or the remote may refuse: then it is
 * of no use to ask for it for this one again. No ref of this repository moves:
 * none is asked for, and --refmap keeps Git from moving those that its
 * settings have for that one.
 */
static void fetch(struct wait_place *p, const char *what, const char *commit,
		  bool alone)
{
	const char *const options[] = {
		"--refmap=", alone ? "--depth=1" : NULL, NULL,
	};
	struct strvec refspecs = STRVEC_INIT;
	struct err unheard = ERR_INIT;
	char *key = xasprintf("%s %s", commit, what);

	if (!p->away && !strvec_has(p->had, key) && !has_commit(p, commit)) {
		strvec_push(&refspecs, what);
		if (fetch_from(p->repo, p->remote, options, &refspecs, false,
			       &unheard) < 0)
			p->away = is_silent(p, what);
		if (!p->away)
			strvec_push(p->had, key);
		strvec_release(&refspecs);
	}
	free(key);
}

/* True if a commit is the other one, or comes after it. */
static bool leads_to(struct wait_place *p, const char *ref,
		     const char *commit, const char *earlier)
{
	const char *const argv[] = {
		"merge-base", "--is-ancestor", earlier, commit, NULL,
	};

	if (!strcmp(commit, earlier))
		return true;
	if (p->remote)
		fetch(p, ref, commit, false);
	return says_yes(p, argv);
}

/* ---- a commit that is none of the channel's business ---- */

static int ask_tip(struct wait_place *p, const char *ref, struct buf *ret,
		   struct err *err)
{
	const char *const here[] = {
		"rev-parse", "--verify", "--quiet", "--end-of-options", ref,
		NULL,
	};
	struct strvec refs = STRVEC_INIT;
	int rc;

	if (!p->remote)
		return git_line(p->repo, here, ret, err);
	if (p->away)
		return -1;
	strvec_push(&refs, ref);
	rc = fetch_list(p->repo, p->remote, &refs, ret, err);
	p->away = rc < 0;
	strvec_release(&refs);
	return rc;
}

/* The tip of the channel's source at the Git host; false: none is known. */
static bool find_tip(struct wait_place *p, const char *ref,
		     char ret[GIT_HEX_SIZE])
{
	struct buf out = BUF_INIT(65536);
	struct err none = ERR_INIT;
	bool found = ask_tip(p, ref, &out, &none) == 0 &&
		     out.len >= GIT_HEX_SIZE - 1 &&
		     is_hex(out.data, GIT_HEX_SIZE - 1, GIT_HEX_SIZE - 1);

	if (found) {
		memcpy(ret, out.data, GIT_HEX_SIZE - 1);
		ret[GIT_HEX_SIZE - 1] = '\0';
	}
	buf_release(&out);
	return found;
}

static bool is_shallow(const struct wait_place *p)
{
	const char *const argv[] = {
		"rev-parse", "--is-shallow-repository", NULL,
	};
	struct buf line = BUF_INIT(4096);
	struct err none = ERR_INIT;
	bool shallow = git_line(p->repo, argv, &line, &none) == 0 &&
		       !strcmp(line.data, "true");

	buf_release(&line);
	return shallow;
}

/* Is there the same in two commits, at all of the paths? */
static bool same_at(const struct wait_place *p, const struct strvec *paths,
		    const char *a, const char *b)
{
	struct strvec v = STRVEC_INIT;
	bool same;

	strvec_pushl(&v, "--literal-pathspecs", "diff-tree", "--quiet", "-r",
		     a, b, "--", NULL);
	/* "" is all of it, as no path is */
	for (size_t i = 0; !strvec_has(paths, "") && i < paths->n; i++)
		strvec_push(&v, paths->v[i]);
	same = says_yes(p, (const char *const *)v.v);
	strvec_release(&v);
	return same;
}

/*
 * Where many channels follow one ref, a push that has nothing for one of them
 * is not even noted for it. Then it is enough that it is in, and that there
 * is the same at the channel's paths.
 */
static bool is_elsewhere(struct wait_place *p,
			 const struct channel_shown *s, const char *commit)
{
	const char *source = s->newest.commit.bundle.source_commit;
	char tip[GIT_HEX_SIZE];

	if (!find_tip(p, s->status.ref, tip) ||
	    !leads_to(p, s->status.ref, tip, commit))
		return false;
	if (p->remote)
		fetch(p, source, source, is_shallow(p));
	return same_at(p, &s->status.paths, source, commit);
}

enum wait_reach wait_commit_reach(struct wait_place *p,
				  const struct channel_shown *s,
				  const char *commit)
{
	const struct bundle *b = &s->newest.commit.bundle;
	const struct channel_record *st = &s->status;

	if (!s->has_bundle)
		return WAIT_NOT_YET;
	if (leads_to(p, b->source_ref, b->source_commit, commit))
		return WAIT_PUBLISHED;
	if (!*st->id)
		return WAIT_NOT_YET;
	if ((*st->taken && !strcmp(st->bundle, s->newest.id) &&
	     leads_to(p, st->ref, st->taken, commit)) ||
	    is_elsewhere(p, s, commit))
		return WAIT_UNCHANGED;
	return WAIT_NOT_YET;
}
