/*
 * The repository's record of what clusters report. See record.h. Trusts the
 * reports that serve kept, which it verified, for what they say of their
 * cluster; where a bundle came from is read from the bundle itself. The note
 * is written before the status, by which the next run knows what is done;
 * where a note cannot be written the status is all the same.
 */
#include "config.h"
#include "hooks/record.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks/current.h"
#include "hooks/kept-report.h"
#include "hooks/sign.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"

/* another writer of the same ref goes first so often, before we give up */
#define TRIES 5
/* a run takes a few milliseconds for each cluster */
#define LOCK_MS (60 * 1000)

/* ---- a commit ---- */

/* The parents of the new one, at most one. -1 if the old cannot be read. */
static int find_parent(git_repository *repo, const char *tip, bool replace,
		       git_commit **ret, struct err *err)
{
	git_commit *old = NULL;
	git_oid id;

	*ret = NULL;
	if (!*tip)
		return 0;
	if (git_oid_fromstr(&id, tip) < 0 ||
	    git_commit_lookup(&old, repo, &id) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read commit %s",
				tip);
	if (!replace) {
		*ret = old;
		return 0;
	}
	if (git_commit_parentcount(old) &&
	    git_commit_parent(ret, old, 0) < 0)
		repo_err(err, ERR_INTERNAL, "cannot read the parent of %s",
			 tip);
	else
		replace = false;
	git_commit_free(old);
	return replace ? -1 : 0;
}

/* The channel's publisher, at a time. */
static int sign(const struct record *r, int64_t time, git_signature **ret,
		struct err *err)
{
	char line[SIGN_IDENTITY_MAX + 1];

	if (sign_committer(r->ch->publisher, time, line, err) < 0)
		return -1;
	return git_signature_from_buffer(ret, line) < 0 ?
		repo_err(err, ERR_INTERNAL, "cannot make a commit") : 0;
}

int record_commit(const struct record *r, const git_oid *tree, int64_t since,
		  const char *tip, bool replace, const char *message,
		  char ret[GIT_HEX_SIZE], struct err *err)
{
	git_signature *author = NULL, *who = NULL;
	git_commit *parent = NULL;
	git_tree *t = NULL;
	git_oid id;
	int rc = -1;

	if (find_parent(r->repo, tip, replace, &parent, err) < 0 ||
	    sign(r, since, &author, err) < 0 ||
	    sign(r, clock_now(), &who, err) < 0)
		goto out;
	if (git_tree_lookup(&t, r->repo, tree) < 0 ||
	    git_commit_create(&id, r->repo, NULL, author, who, NULL, message,
			      t, parent ? 1 : 0,
			      (const git_commit **)(uintptr_t)&parent) < 0) {
		repo_err(err, ERR_INTERNAL, "cannot make a commit");
	} else {
		git_oid_tostr(ret, GIT_HEX_SIZE, &id);
		rc = 0;
	}
out:
	git_signature_free(author);
	git_signature_free(who);
	git_tree_free(t);
	git_commit_free(parent);
	return rc;
}

/* ---- one report ---- */

/* The bundle whose objects are in the cluster, or become so; "" for none. */
static const char *live(const struct cluster_report *r)
{
	switch (r->phase) {
	case CLUSTER_APPLYING:
	case CLUSTER_HEALTHY:
	case CLUSTER_FAILED:
		return r->bundle;
	default:
		return r->applied_bundle;
	}
}

/* Where a bundle came from; "" where it is not in the repository. */
static void source_of(const struct record *r, const char *bundle,
		      char ret[GIT_HEX_SIZE])
{
	struct current c = CURRENT_INIT;
	struct err gone = ERR_INIT;

	ret[0] = '\0';
	if (*bundle && current_read_id(r->repo, r->ch, bundle, &c, &gone) == 0)
		memcpy(ret, c.commit.bundle.source_commit, GIT_HEX_SIZE);
}

static int close_bundle(const struct record *r, const char *bundle,
			struct err *err)
{
	char source[GIT_HEX_SIZE];

	source_of(r, bundle, source);
	if (!*source || !strcmp(source, r->from.commit))
		return 0;
	return note_close(r, source, r->report->issued, err);
}

/* What the note on another commit says is so no longer. */
static int close_notes(const struct record *r,
		       const struct cluster_report *before, struct err *err)
{
	const char *now = live(r->report), *then = live(before);

	/* that one was told of, and is live no more or never was */
	if (strcmp(before->bundle, r->report->bundle) &&
	    strcmp(before->bundle, now) &&
	    close_bundle(r, before->bundle, err) < 0)
		return -1;
	if (*then && strcmp(then, now) && strcmp(then, before->bundle))
		return close_bundle(r, then, err);
	return 0;
}

static bool same_state(const struct cluster_report *a,
		       const struct cluster_report *b)
{
	struct sha256 x, y;

	kept_report_state(a, &x);
	kept_report_state(b, &y);
	return sha256_equal(&x, &y);
}

static void say(const struct cluster_report *r, const char *what,
		struct buf *said)
{
	buf_addf(said, "%s@%s: %s %" PRIu64 ".%" PRIu64 ", %s\n", r->channel,
		 r->cluster, cluster_phase_name(r->phase), r->epoch,
		 r->sequence, what);
}

static int write_notes(const struct record *r, const struct status_tip *tip,
		       struct err *err)
{
	return note_write(r, err) < 0 ||
	       (tip->readable && close_notes(r, &tip->report, err) < 0) ? -1 : 0;
}

static int record_news(const struct record *r, const struct status_tip *tip,
		       struct err *err)
{
	bool same_bundle = tip->readable &&
			   !strcmp(tip->report.bundle, r->report->bundle);
	uint64_t changes = same_bundle ? tip->changes : 0;
	bool full = changes >= RECORD_CHANGES;
	struct err untold = ERR_INIT;
	int rc = write_notes(r, tip, &untold);

	/* to be tried once more; else the status says it all the same */
	if (rc < 0 && untold.class == ERR_TRANSIENT) {
		*err = untold;
		return -1;
	}
	if (status_write_tip(r, tip, full ? changes : changes + 1, full,
			     err) < 0)
		return -1;
	if (rc < 0)
		*err = untold;
	return rc;
}

/* 0, or 1 if the ref was moved by somebody else meanwhile. */
static int try_record(struct record *r, struct buf *said, struct err *err)
{
	struct status_tip tip = { .id = "" };
	int rc = status_tip_read(r->repo, r->ch->name, r->report->cluster,
				 &tip, err);

	if (rc < 0)
		return -1;
	if (!tip.readable || !same_state(&tip.report, r->report)) {
		rc = record_news(r, &tip, err);
		if (!rc)
			say(r->report, "recorded", said);
	} else if (r->report->issued - tip.report.issued >= RECORD_HEARD) {
		rc = status_write_tip(r, &tip, tip.changes, true, err);
		if (!rc)
			say(r->report, "still so", said);
	}
	if (tip.readable)
		cluster_report_release(&tip.report);
	return rc < 0 && err->class == ERR_TRANSIENT ? 1 : rc;
}

static int record_report(struct record *r, struct buf *said, struct err *err)
{
	struct current c;
	int rc = 1;

	if (current_read_id(r->repo, r->ch, r->report->bundle, &c, err) < 0)
		return -1;
	cluster_sources_read(r->repo, r->report, &r->from);
	for (int i = 0; rc > 0 && i < TRIES; i++) {
		err_clear(err);
		rc = try_record(r, said, err);
	}
	return rc ? -1 : 0;
}

/* ---- all of them ---- */

static int record_cluster(git_repository *repo,
			  const struct host_config *host,
			  const struct channel_config *ch,
			  const char *cluster, struct buf *said,
			  struct err *err)
{
	struct buf raw = BUF_INIT(LIMIT_REPORT_BYTES);
	struct cluster_report report;
	struct record r = {
		.repo = repo, .host = host, .ch = ch, .report = &report,
		.raw = &raw,
	};
	int rc = kept_report_read(host, ch, cluster, &raw, &report, err);

	if (rc == 0) {
		rc = record_report(&r, said, err);
		cluster_report_release(&report);
	}
	if (rc < 0)
		err_wrap(err, "%s@%s", ch->name, cluster);
	buf_release(&raw);
	return rc < 0 ? -1 : 0;
}

/* One run at a time writes the notes of a cluster, which channels share. */
static int take_turn(const struct host_config *host, int *ret_fd,
		     struct err *err)
{
	char *path = xasprintf("%s/record.lock", host->state_dir);
	int rc = fs_mkdirs(host->state_dir, 0750, err);

	if (!rc)
		rc = fs_lock(AT_FDCWD, path, LOCK_MS, ret_fd, err);
	free(path);
	return rc;
}

int record_channel(git_repository *repo, const struct host_config *host,
		   const struct channel_config *ch, struct buf *said,
		   struct err *err)
{
	struct strvec clusters = STRVEC_INIT;
	struct err own = ERR_INIT;
	int lock = -1, own_rc = record_status(repo, ch, NULL, &own);
	int rc = kept_report_clusters(host, ch, &clusters, err);

	if (!rc && clusters.n)
		rc = take_turn(host, &lock, err);
	for (size_t i = 0; lock >= 0 && i < clusters.n; i++) {
		struct err one = ERR_INIT;

		if (record_cluster(repo, host, ch, clusters.v[i], said,
				   &one) == 0)
			continue;
		if (!rc)
			*err = one;
		rc = -1;
	}
	if (lock >= 0)
		close(lock);
	strvec_release(&clusters);
	/* what clusters say does not hang on what the host says */
	if (!rc && own_rc < 0)
		*err = own;
	return rc ? rc : own_rc;
}
