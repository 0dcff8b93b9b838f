/*
 * The frame of everything that signs. See job.h. Trusts nothing but the
 * signed bundle at refs/windlass/<channel> and the signed head, and those
 * only as far as they agree: nothing is signed for a place in the sequence
 * that was taken before, not when the ref, the folder of published files, or
 * both came from a backup.
 */
#include "config.h"
#include "hooks/job.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "hooks/announce.h"
#include "hooks/approvals.h"
#include "hooks/faults.h"
#include "hooks/host-check.h"
#include "hooks/kept-report.h"
#include "hooks/pack.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"

/* how long a push waits for the one before it to be published */
#define SETTLED_MS 5000

/* True if the published head is of a later place than the current bundle. */
static bool head_ahead(const struct job *j)
{
	const struct bundle *b = &j->current.commit.bundle;
	const struct head *h = &j->head;

	if (!j->has_head || !*j->current.id)
		return j->has_head;
	return h->epoch > b->epoch ||
	       (h->epoch == b->epoch && h->sequence > b->sequence);
}

/* True if one place in the sequence was given to two bundles. */
static bool forked(const struct job *j)
{
	const struct bundle *b = &j->current.commit.bundle;
	const struct head *h = &j->head;

	return j->has_head && *j->current.id && h->epoch == b->epoch &&
	       h->sequence == b->sequence && strcmp(h->bundle, j->current.id);
}

/*
 * The published head must be of the current bundle or one before it. If it
 * is ahead, this repository is older than what clusters may have accepted,
 * and only a new epoch can be told apart from that.
 */
static int check_not_behind(struct job *j)
{
	const struct head *h = &j->head;

	if (!forked(j) && (!head_ahead(j) || j->ch->epoch > h->epoch))
		return 0;
	return err_set(j->err, ERR_DENIED, "bundle %" PRIu64 ".%" PRIu64
		       " of channel '%s' was published as %.12s, but "
		       BUNDLE_REF_PREFIX "%s is not there: was the repository "
		       "restored from a backup? Bring that ref back, or start "
		       "a new epoch: git config windlass.%s.epoch %" PRIu64,
		       h->epoch, h->sequence, j->ch->name, h->bundle,
		       j->ch->name, j->ch->name, h->epoch + 1);
}

/* A head by a key that never was this channel's is somebody else's. */
static int check_head_key(struct job *j, const struct sshkey *key)
{
	struct err unread = ERR_INIT;
	struct current named;

	if (sshkey_equal(key, signer_key(j->signer)) ||
	    (*j->current.id && sshkey_equal(key, &j->current.key)) ||
	    (!current_read_id(j->repo, j->ch, j->head.bundle, &named,
			      &unread) && sshkey_equal(key, &named.key)))
		return 0;
	return err_set(j->err, ERR_DENIED, "the published head of '%s' is "
		       "signed by a key that never signed a bundle of it; "
		       "find out who wrote '%s/%s/head', then remove it",
		       j->ch->name, j->host->publish_dir, j->ch->name);
}

/*
 * Times never go back: engines refuse a head that was issued before the one
 * they accepted. A clock that is a little behind is waited out by using the
 * head's own time.
 */
static int check_clock(struct job *j)
{
	if (!j->has_head || j->now >= j->head.issued)
		return 0;
	if (j->head.issued - j->now > LIMIT_HEAD_AHEAD)
		return err_set(j->err, ERR_DENIED, "the clock of this machine "
			       "is %" PRId64 " s behind the published head of "
			       "'%s'; nothing is signed before it is set",
			       j->head.issued - j->now, j->ch->name);
	j->now = j->head.issued;
	return 0;
}

static int read_state(struct job *j)
{
	struct sshkey key;
	int rc;

	if (current_read(j->repo, j->ch, &j->current, j->err) < 0)
		return -1;
	rc = announce_read(j->host, j->ch, &j->head, &key, j->err);
	if (rc < 0)
		return -1;
	j->has_head = rc == 0;
	if (j->has_head && check_head_key(j, &key) < 0)
		return -1;
	if (check_not_behind(j) < 0 ||
	    kept_report_check(j->host, j->ch, &j->current, j->err) < 0 ||
	    check_clock(j) < 0)
		return -1;
	return repo_ref(j->repo, j->ch->ref, j->tip, j->err);
}

int job_begin(git_repository *repo, const struct host_config *host,
	      const struct channel_config *ch, int lock_ms, struct job *ret,
	      struct err *err)
{
	struct job *j = ret;
	int rc = -1;

	*j = (struct job){
		.repo = repo, .host = host, .ch = ch, .err = err, .lock = -1,
	};
	if (host_check_writable(host->git_dir, err) < 0 ||
	    job_lock(host, ch, lock_ms, &j->lock, err) < 0)
		return -1;
	fault_step(FAULT_locked);
	j->now = clock_now();
	if (host_check_clock(err) < 0)
		return -1;
	if (signer_open(ch->signing_key, &j->signer, err) < 0)
		err_wrap(err, "windlass.%s.signingKey", ch->name);
	else
		rc = read_state(j);
	return rc;
}

int job_lock(const struct host_config *host, const struct channel_config *ch,
	     int lock_ms, int *ret_fd, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = config_channel_file(host, ch, "lock", &path, err);

	if (!rc)
		rc = fs_lock(AT_FDCWD, path.data, lock_ms, ret_fd, err);
	buf_release(&path);
	return rc;
}

int job_read_settled(git_repository *repo, const struct host_config *host,
		     const struct channel_config *ch, struct current *ret,
		     struct err *err)
{
	int lock, rc;

	if (job_lock(host, ch, SETTLED_MS, &lock, err) < 0) {
		if (err->class == ERR_TRANSIENT)
			err_set(err, ERR_TRANSIENT, "another push is still "
				"being published after %d s; push again in a "
				"moment", SETTLED_MS / 1000);
		return -1;
	}
	rc = current_read(repo, ch, ret, err);
	close(lock);
	return rc;
}

void job_end(struct job *j)
{
	signer_free(j->signer);
	j->signer = NULL;
	if (j->lock >= 0)
		close(j->lock);
	j->lock = -1;
}

bool job_new_epoch(const struct job *j)
{
	return !*j->current.id ||
	       j->ch->epoch > j->current.commit.bundle.epoch;
}

/* ---- packs, index, head ---- */

static void head_of(const struct job *j, const struct pack_ref *index,
		    const struct index_entry *delta, struct head *h)
{
	const struct bundle *b = &j->current.commit.bundle;

	*h = (struct head){
		.epoch = b->epoch, .sequence = b->sequence,
		.content = b->content, .issued = j->now,
		.expires = j->now + j->ch->head_lifetime, .index = *index,
	};
	memcpy(h->channel, b->channel, sizeof(h->channel));
	memcpy(h->channel_id, b->channel_id, sizeof(h->channel_id));
	memcpy(h->bundle, j->current.id, sizeof(h->bundle));
	if (j->has_head && !strcmp(j->head.bundle, h->bundle)) {
		h->has_approvals = j->head.has_approvals;
		h->approvals = j->head.approvals;
	}
	if (delta) {
		h->has_delta = true;
		memcpy(h->delta_from, delta->from, sizeof(h->delta_from));
		h->delta = delta->pack;
	}
}

static int write_head(struct job *j, const struct head *h)
{
	if (announce_write(j->host, j->ch, j->signer, h, j->err) < 0)
		return -1;
	j->head = *h;
	j->has_head = j->wrote_head = true;
	return 0;
}

static int find_approvals(struct job *j, struct head *h)
{
	return approvals_publish(j->repo, j->host, j->ch, &j->current, j->now,
				 h, j->err);
}

int job_announce(struct job *j, struct shelf *s)
{
	struct pack_ref index;
	struct head h;

	if (shelf_write(s, &index, j->err) < 0)
		return -1;
	head_of(j, &index, shelf_delta(s, j->current.id), &h);
	if (find_approvals(j, &h) < 0)
		return -1;
	return write_head(j, &h);
}

/* The same bundle, with fresh times. */
static int renew_head(struct job *j, struct head *h)
{
	h->issued = j->now;
	h->expires = j->now + j->ch->head_lifetime;
	return write_head(j, h);
}

/* True if everything that the head names can be had. */
static bool announced(const struct job *j)
{
	return j->has_head && !strcmp(j->head.bundle, j->current.id) &&
	       pack_there(j->host, j->ch, &j->head.index) &&
	       (!j->head.has_delta ||
		pack_there(j->host, j->ch, &j->head.delta));
}

/* Tells of approvals that came, or ended, since the head was signed. */
static int announce_approvals(struct job *j)
{
	struct head h = j->head;

	if (find_approvals(j, &h) < 0)
		return -1;
	if (head_same_approvals(&h, &j->head))
		return 0;
	if (j->head.has_approvals)
		pack_let_go(j->host, j->ch, &j->head.approvals);
	j->told_approvals = true;
	return renew_head(j, &h);
}

int job_finish(struct job *j, const struct store *store)
{
	struct shelf s;
	int rc;

	/* an epoch that was left behind is not published again */
	if (!*j->current.id || head_ahead(j))
		return 0;
	if (announced(j))
		return announce_approvals(j);
	shelf_open(j->host, j->ch, j->has_head ? &j->head : NULL,
		   j->current.commit.bundle.epoch, &s);
	rc = shelf_advance(j->repo, &s, &j->current, store, j->err);
	if (!rc)
		rc = job_announce(j, &s);
	shelf_release(&s);
	return rc;
}

int job_refresh(struct job *j)
{
	struct head h = j->head;

	return renew_head(j, &h);
}
