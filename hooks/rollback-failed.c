/*
 * Going back from a bundle that failed everywhere. See rollback-failed.h.
 * Trusts signed reports for whether it failed, and for nothing else: what it
 * goes back to is the bundle's own parent, and it comes in as a push.
 *
 * It happens once: after the push the channel's files are not those that the
 * failed bundle was made of, so that any other run finds nothing to do; and
 * what came in by going back is not gone back from, by our own record of that:
 * what a commit says is in its author's hand.
 */
#include "config.h"
#include "hooks/rollback-failed.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks/after.h"
#include "hooks/concern.h"
#include "hooks/consensus.h"
#include "hooks/current.h"
#include "hooks/edit.h"
#include "hooks/faults.h"
#include "hooks/kept-report.h"
#include "hooks/record.h"
#include "hooks/rollback-told.h"
#include "hooks/rolled-back.h"
#include "hooks/trust-file.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/utf8.h"

/* of all clusters together, and of each */
#define CLUSTERS_NAMED 10
#define FAILURES_NAMED 5
#define FAILURE_BYTES 400
/* a push, and its publishing */
#define LOCK_MS (120 * 1000)
/* commits of one bundle that are looked through for one that went back */
#define COMMITS_MAX 1000

struct failed {
	const struct host *host;
	const struct channel_config *ch;
	struct current current;
	int64_t held;			/* seconds that all called it failed,
					   or -1 */
	bool moved;			/* the ref, before the push */
	struct buf *said;
};

/* That it is left alone, and why. */
__attribute__((format(printf, 2, 0)))
static bool vleave(struct failed *f, const char *fmt, va_list ap)
{
	buf_addf(f->said, "%s: nothing to roll back: ", f->ch->name);
	buf_vaddf(f->said, fmt, ap);
	return false;
}

__attribute__((format(printf, 2, 3)))
static bool leave(struct failed *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vleave(f, fmt, ap);
	va_end(ap);
	return false;
}

/* ---- what others are told of it ---- */

/* It need not be kept for what is done to count. */
static void note(struct failed *f, struct rollback_told *r)
{
	const struct bundle *b = &f->current.commit.bundle;
	struct err unkept = ERR_INIT;

	memcpy(r->bundle, f->current.id, sizeof(r->bundle));
	r->epoch = b->epoch;
	r->sequence = b->sequence;
	r->at = clock_now();
	if (rollback_told_write(&f->host->config, f->ch, r, &unkept) < 0)
		buf_addf(f->said, "%s: %s\n", f->ch->name, unkept.msg);
}

/* What is noted of this bundle. */
static void read_note(const struct failed *f, struct rollback_told *ret)
{
	struct err unread = ERR_INIT;

	if (rollback_told_read(&f->host->config, f->ch, ret, &unread) ||
	    strcmp(ret->bundle, f->current.id))
		*ret = (struct rollback_told){ .since = clock_now() };
}

/* It failed for long enough, and is left alone all the same. */
__attribute__((format(printf, 2, 3)))
static bool refuse(struct failed *f, const char *fmt, ...)
{
	struct rollback_told r = { .made = false };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r.text, sizeof(r.text), fmt, ap);
	va_end(ap);
	note(f, &r);
	va_start(ap, fmt);
	vleave(f, fmt, ap);
	va_end(ap);
	return false;
}

/* ---- whether ---- */

/* True if one of the commits that the bundle brought went back. Without its
 * parent's source all of them are looked at, up to a limit. */
static int brought_rollback(struct failed *f, const char *before, bool *ret,
			    struct err *err)
{
	git_repository *repo = f->host->repo;
	const char *source = f->current.commit.bundle.source_commit;
	char hex[GIT_HEX_SIZE];
	git_revwalk *walk = NULL;
	struct rolled_back done;
	git_oid tip, known, id;
	int rc;

	if (rolled_back_read(&f->host->config, f->ch, &done, err) < 0)
		return -1;
	rc = git_revwalk_new(&walk, repo);
	rc = rc < 0 ? rc : git_oid_fromstr(&tip, source);
	rc = rc < 0 ? rc : git_oid_fromstr(&known, before);
	rc = rc < 0 ? rc : git_revwalk_push(walk, &tip);
	rc = rc < 0 ? rc : git_revwalk_hide(walk, &known);
	*ret = false;
	for (int i = 0; rc == 0 && i < COMMITS_MAX && !*ret; i++) {
		rc = git_revwalk_next(&id, walk);
		git_oid_tostr(hex, sizeof(hex), &id);
		*ret = !rc && rolled_back_has(&done, hex);
	}
	git_revwalk_free(walk);
	return rc < 0 && rc != GIT_ITEROVER ?
		repo_err(err, ERR_INTERNAL, "cannot walk from %s", source) : 0;
}

/* Did all clusters say so for long enough? */
static bool has_failed(struct failed *f)
{
	struct buf why = BUF_INIT(1024), span = BUF_INIT(64);
	bool failed;

	f->held = consensus_held(&f->host->config, f->ch, f->current.id,
				 CLUSTER_FAILED, &why);
	failed = f->held >= f->ch->rollback_seconds;
	if (f->held < 0) {
		leave(f, "%s", why.data);
	} else if (!failed) {
		after_duration(f->held, &span);
		leave(f, "%" PRIu64 ".%" PRIu64 " has failed for %s so far",
		      f->current.commit.bundle.epoch,
		      f->current.commit.bundle.sequence, span.data);
	}
	buf_release(&why);
	buf_release(&span);
	return failed;
}

/* A cluster that it was well in for long is ill of something else: a node or
 * a registry that is gone, which an older version does not bring back. */
static bool was_well(struct failed *f)
{
	const struct bundle *b = &f->current.commit.bundle;
	struct strvec clusters = STRVEC_INIT;
	struct buf span = BUF_INIT(64);
	struct err unread = ERR_INIT;
	bool well = false;

	trust_reporter_names(f->ch, &clusters, &unread);
	for (size_t i = 0; !well && i < clusters.n; i++) {
		int64_t seconds = status_longest_health(f->host->repo,
				f->ch->name, clusters.v[i], f->current.id,
				clock_now() - f->held);

		well = seconds >= ROLLBACK_WELL_SECONDS;
		if (!well)
			continue;
		after_duration(seconds, &span);
		refuse(f, "%" PRIu64 ".%" PRIu64 " failed, after %s@%s had been "
		      "healthy with it for %s", b->epoch, b->sequence,
		      f->ch->name, clusters.v[i], span.data);
	}
	strvec_release(&clusters);
	buf_release(&span);
	return well;
}

/* Is the source still what the failed bundle was made of? */
static int is_untouched(struct failed *f, const struct rollback *r, bool *ret,
			struct err *err)
{
	const char *source = f->current.commit.bundle.source_commit;
	struct sha256 now, then;

	if (concern_content(f->host->repo, f->ch, r->tip, &now, err) < 0 ||
	    concern_content(f->host->repo, f->ch, source, &then, err) < 0)
		return -1;
	*ret = sha256_equal(&now, &then);
	return 0;
}

/* 1: it is to go back, by *ret; 0: it is not, and it was said why. */
static int judge(struct failed *f, struct rollback *ret, struct err *err)
{
	const struct bundle *b = &f->current.commit.bundle;
	bool back, untouched;

	if (current_read(f->host->repo, f->ch, &f->current, err) < 0)
		return -1;
	if (!*f->current.id)
		return leave(f, "nothing was published");
	if (!has_failed(f) || was_well(f))
		return 0;
	if (!*f->current.commit.parent)
		return refuse(f, "%" PRIu64 ".%" PRIu64 " failed, and is the "
			      "first of its epoch", b->epoch, b->sequence);
	if (rollback_open(f->host, f->ch, b->epoch, b->sequence - 1, ret,
			  err) < 0 ||
	    is_untouched(f, ret, &untouched, err) < 0)
		return -1;
	if (!untouched)
		return leave(f, "%" PRIu64 ".%" PRIu64 " failed, and %s is "
			     "something else by now", b->epoch, b->sequence,
			     f->ch->ref);
	if (brought_rollback(f, ret->bundle.bundle.source_commit, &back,
			     err) < 0)
		return -1;
	if (back)
		return refuse(f, "%" PRIu64 ".%" PRIu64 " failed, and came by "
			      "a rollback itself", b->epoch, b->sequence);
	if (rollback_is_done(ret))
		return refuse(f, "%" PRIu64 ".%" PRIu64 " failed, and has the "
			      "same files as the one before", b->epoch,
			      b->sequence);
	return 1;
}

/* ---- why ---- */

/* A line of a stranger's, as far as there is room. */
static void add_line(struct buf *out, const char *s)
{
	size_t len = utf8_cut(s, FAILURE_BYTES);

	buf_add(out, s, len);
	buf_adds(out, s[len] ? "...\n" : "\n");
}

static void add_failures(const struct cluster_report *r, struct buf *out)
{
	struct buf line = BUF_INIT(LIMIT_REPORT_BYTES);
	size_t n = r->n_failures < FAILURES_NAMED ? r->n_failures
						  : FAILURES_NAMED;

	for (size_t i = 0; i < n; i++) {
		buf_reset(&line);
		cluster_failure_line(&r->failures[i], &line);
		buf_adds(out, "    ");
		add_line(out, line.data);
	}
	if (r->failed > n && n)
		buf_addf(out, "    and %" PRIu64 " more\n", r->failed - n);
	buf_release(&line);
}

static void add_cluster(const struct failed *f, const char *cluster,
			struct buf *out)
{
	struct err unread = ERR_INIT;
	struct cluster_report r;

	if (kept_report_read(&f->host->config, f->ch, cluster, NULL, &r,
			     &unread))
		return;
	buf_addf(out, "  %s: %s%s", cluster, r.reason,
		 *r.message ? ": " : "");
	add_line(out, r.message);
	add_failures(&r, out);
	cluster_report_release(&r);
}

/* What the clusters said, as far as there is room. */
static char *reason_of(const struct failed *f)
{
	const struct bundle *b = &f->current.commit.bundle;
	struct buf text = BUF_INIT(LIMIT_REPORT_BYTES);
	struct strvec clusters = STRVEC_INIT;
	struct err unread = ERR_INIT;
	char *reason;

	buf_addf(&text, "%" PRIu64 ".%" PRIu64 " failed in every cluster for ",
		 b->epoch, b->sequence);
	after_duration(f->ch->rollback_seconds, &text);
	buf_adds(&text, ", and nothing was pushed since:\n\n");
	trust_reporter_names(f->ch, &clusters, &unread);
	for (size_t i = 0; i < clusters.n && i < CLUSTERS_NAMED; i++)
		add_cluster(f, clusters.v[i], &text);
	if (clusters.n > CLUSTERS_NAMED)
		buf_addf(&text, "  and %zu more clusters\n",
			 clusters.n - CLUSTERS_NAMED);
	reason = xstrndup(text.data, utf8_cut(text.data,
					      ROLLBACK_REASON_BYTES));
	strvec_release(&clusters);
	buf_release(&text);
	return reason;
}

/* ---- all of it ---- */

/* Who pushed meanwhile may have repaired it: that is to be judged anew. */
static void check_moved(struct failed *f, const struct rollback *r,
			struct err *err)
{
	struct err unread = ERR_INIT;
	char tip[GIT_HEX_SIZE];

	f->moved = err->class == ERR_DENIED &&
		   repo_ref(f->host->repo, f->ch->ref, tip, &unread) == 0 &&
		   strcmp(tip, r->tip);
	if (f->moved)
		err_set(err, ERR_TRANSIENT, "%s was moved meanwhile",
			f->ch->ref);
}

/* Whatever the push said: it may be its answer alone that was lost. */
static bool is_in(const struct failed *f, const char *id)
{
	struct err unread = ERR_INIT;
	char tip[GIT_HEX_SIZE];

	return repo_ref(f->host->repo, f->ch->ref, tip, &unread) == 0 &&
	       *tip && repo_leads_to(f->host->repo, tip, id);
}

static int go_back(struct failed *f, const struct rollback *r,
		   struct err *err)
{
	const struct bundle *b = &f->current.commit.bundle;
	const struct bundle *to = &r->bundle.bundle;
	struct buf words = BUF_INIT(EDIT_WORDS_BYTES);
	struct rollback_told done = { .made = true };
	char *reason = reason_of(f);
	int rc = rollback_make(r, reason, done.commit, err);

	if (rc < 0)
		goto out;
	snprintf(done.text, sizeof(done.text), "%" PRIu64 ".%" PRIu64
		 " failed, %s is %.12s: the source of %" PRIu64 ".%" PRIu64,
		 b->epoch, b->sequence, f->ch->ref, done.commit, to->epoch,
		 to->sequence);
	/* first: whether it came to that, the ref says */
	note(f, &done);
	/* it takes away what the failed one brought, and no more */
	rc = rollback_push(r, done.commit, b->created, &words, err);
	buf_adds(f->said, words.data);
	if (rc < 0 && is_in(f, done.commit)) {
		err_clear(err);
		rc = 0;
	}
	if (rc < 0)
		check_moved(f, r, err);
	else
		buf_addf(f->said, "%s: %s", f->ch->name, done.text);
out:
	free(reason);
	buf_release(&words);
	return rc;
}

/* That it is tried again soon is no news, unless that goes on and on. A commit
 * that was made stays noted: its push may have come in where our ref does not
 * say so yet. */
static void tell_trouble(struct failed *f, const struct err *err)
{
	const struct bundle *b = &f->current.commit.bundle;
	struct rollback_told r;

	/* who moved it is who did something about it */
	if (!*f->current.id || f->held < f->ch->rollback_seconds || f->moved)
		return;
	read_note(f, &r);
	if (err->class == ERR_INVALID || err->class == ERR_DENIED) {
		r = (struct rollback_told){ .made = false };
		snprintf(r.text, sizeof(r.text), "%" PRIu64 ".%" PRIu64
			 " failed, and could not be rolled back: %s",
			 b->epoch, b->sequence, err->msg);
	} else if (clock_now() - r.since >= ROLLBACK_TROUBLE_SECONDS) {
		snprintf(r.trouble, sizeof(r.trouble), "%" PRIu64 ".%" PRIu64
			 " failed, and could not be rolled back so far: %s",
			 b->epoch, b->sequence, err->msg);
	}
	note(f, &r);
}

/* The lock of the channel is for who publishes, as the push will. */
static int take_turn(const struct failed *f, int *ret_fd, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = config_channel_file(&f->host->config, f->ch, "rollback.lock",
				     &path, err);

	if (!rc)
		rc = fs_lock(AT_FDCWD, path.data, LOCK_MS, ret_fd, err);
	buf_release(&path);
	return rc;
}

int rollback_failed(const struct host *host, const struct channel_config *ch,
		    struct buf *ret_said, struct err *err)
{
	struct failed f = {
		.host = host, .ch = ch, .held = -1, .said = ret_said,
	};
	struct rollback r;
	int lock = -1, rc;

	if (!ch->rollback_seconds) {
		leave(&f, "windlass.%s.rollback is not on-failure", ch->name);
		return 0;
	}
	rc = take_turn(&f, &lock, err);
	if (!rc)
		rc = judge(&f, &r, err);
	if (rc > 0) {
		fault_step(FAULT_undo_judged);
		rc = go_back(&f, &r, err);
	}
	if (rc < 0)
		tell_trouble(&f, err);
	if (lock >= 0)
		close(lock);
	return rc;
}

int rollback_complete(const struct channel_config *ch, struct err *err)
{
	if (!ch->rollback_seconds)
		return 0;
	if (!ch->reporters)
		return err_set(err, ERR_INVALID, "windlass.%s.rollback: nobody "
			       "would hear that a bundle failed; list the "
			       "channel's clusters in a file and name it by "
			       "`git config windlass.%s.reporters FILE`",
			       ch->name, ch->name);
	if ((ch->require_signed_commits || ch->require_signed_push) &&
	    !ch->editor_key)
		return err_set(err, ERR_INVALID, "windlass.%s.rollback: the "
			       "channel wants what is signed by one of its "
			       "developers; set windlass.%s.editorKey to a key "
			       "that '%s' lists", ch->name, ch->name,
			       ch->developers);
	return 0;
}
