/*
 * Are all commits signed? See developers.h. Trusts the host's list of
 * developers, its clock, and what was published before; nothing of a commit:
 * neither its names nor its dates, nor what git says of its signature.
 */
#include "config.h"
#include "hooks/developers.h"

#include <string.h>

#include "hooks/history.h"
#include "hooks/signed-commit.h"
#include "hooks/taken.h"
#include "hooks/trust-file.h"
#include "schema/base/clock.h"
#include "schema/base/num.h"

struct judging {
	git_repository *repo;
	const struct channel_config *ch;
	struct trust trust;
	struct taken taken;
	struct history *history;
	int64_t now;
	uint64_t bytes;			/* of commits that were read */
	size_t bad;
	char first[GIT_HEX_SIZE];	/* the oldest of them, */
	struct buf what;		/* whose it is, */
	struct err why;			/* and what is wrong with it */
};

static void keep_bad(struct judging *j, const char *id, const struct buf *raw,
		     const struct err *why)
{
	j->bad++;
	if (*j->first)
		return;
	memcpy(j->first, id, GIT_HEX_SIZE);
	signed_commit_describe(raw->data, raw->len, &j->what);
	j->why = *why;
}

static int judge_commit(struct judging *j, const git_oid *oid,
			struct err *err)
{
	struct buf raw = BUF_INIT(LIMIT_HISTORY_COMMIT_BYTES);
	struct err why = ERR_INIT;
	char id[GIT_HEX_SIZE];
	int rc;

	git_oid_tostr(id, sizeof(id), oid);
	rc = repo_read(j->repo, id, GIT_OBJECT_COMMIT, &raw, err);
	j->bytes += raw.len;
	if (!rc && j->bytes > LIMIT_SIGNED_BYTES)
		rc = err_set(err, ERR_INVALID, "its new commits have more than "
			     "%llu MiB: push them in parts",
			     LIMIT_SIGNED_BYTES / 1024 / 1024);
	if (!rc && signed_commit_check(raw.data, raw.len, &j->trust, j->now,
				       &why) < 0)
		keep_bad(j, id, &raw, &why);
	buf_release(&raw);
	return rc;
}

/* The oldest first, so that it is named. */
static int judge_all(struct judging *j, struct err *err)
{
	j->bad = 0;
	j->bytes = 0;
	j->first[0] = '\0';
	buf_reset(&j->what);
	for (size_t i = history_count(j->history); i-- > 0;) {
		const git_oid *id = history_at(j->history, i);

		if (id && judge_commit(j, id, err) < 0)
			return -1;
	}
	return 0;
}

static int refuse(const struct judging *j, struct err *err)
{
	char more[64] = "", from[64] = "--root";

	if (j->bad > 1)
		snprintf(more, sizeof(more), ", nor are %zu more", j->bad - 1);
	if (j->taken.n)
		snprintf(from, sizeof(from), "%.12s",
			 j->taken.v[j->taken.n - 1]);
	return err_set(err, ERR_INVALID, "commit %.12s of %s %s%s; sign them "
		       "with an SSH key that windlass.%s.developers lists: git "
		       "config gpg.format ssh; git rebase -f -r -S %s", j->first,
		       j->what.data, j->why.msg, more, j->ch->name, from);
}

static int judge(struct judging *j, const char *tip, struct err *err)
{
	const char *taken[TAKEN_MAX];
	struct err unsettled = ERR_INIT;

	for (size_t i = 0; i < j->taken.n; i++)
		taken[i] = j->taken.v[i];
	if (history_open(j->repo, tip, taken, j->taken.n, &j->history,
			 err) < 0 || judge_all(j, err) < 0)
		return -1;
	/* it may be an old one after all, where somebody's clock was wrong */
	if (j->bad && history_exact(j->history, &unsettled) == 0 &&
	    judge_all(j, err) < 0)
		return -1;
	return j->bad ? refuse(j, err) : 0;
}

int developers_check(git_repository *repo, const struct host_config *host,
		     const struct channel_config *ch,
		     const struct current *current, const char *tip,
		     struct err *err)
{
	struct judging j = {
		.repo = repo, .ch = ch, .trust = TRUST_INIT,
		.now = clock_now(), .what = BUF_INIT(2048),
	};
	int rc = -1;

	if (!ch->require_signed_commits)
		return 0;
	if (taken_read(host, ch, current, &j.taken, err) < 0)
		return -1;
	if (taken_has(&j.taken, tip))
		return 0;
	if (!trust_file_read(ch, "developers", ch->developers, &j.trust, err))
		rc = judge(&j, tip, err);
	history_free(j.history);
	trust_release(&j.trust);
	buf_release(&j.what);
	return rc;
}
