/*
 * Uploading. See upload.h. Trusts the local folder, whose files are named by
 * their digests; what is in the bucket counts only as far as it is a signed
 * head of this channel. The order is the same as on the local disk:
 *
 *	record     what may be there from now on is known
 *	packs      those that the bucket has not
 *	index      and the approvals
 *	head       only in place of the one that was looked at
 *	old files  those that nothing names for as long as `keep` says
 *
 * A head is the store's only mutable file, so it is the record of how far
 * clusters may have got by it: one that is ahead of ours is never replaced,
 * as job.h has it for the local one.
 */
#include "config.h"
#include "hooks/upload.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/announce.h"
#include "hooks/faults.h"
#include "hooks/pack.h"
#include "hooks/shelf.h"
#include "hooks/upload-record.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"

/* another upload to the same bucket may go on for so long */
#define LOCK_MS (60 * 1000)
/* heads that come while one is sent, and others who write there */
#define ROUNDS 8

#define HEAD_TYPE "text/plain; charset=us-ascii"
#define HEAD_CACHE "no-cache"
#define FILE_TYPE "application/octet-stream"
#define FILE_CACHE "max-age=31536000, immutable"

struct upload {
	const struct host_config *host;
	const struct channel_config *ch;
	const struct bucket *bucket;
	struct s3 *s3;
	bool verify;
	struct err *err;
	struct upload_record record;
	struct upload_result *result;
	/* of this round */
	struct buf text;		/* the head as it is published */
	struct head head;
	struct sha256 digest;
	struct pack_index ix;
	bool is_there;			/* that very head is in the bucket */
	char etag[S3_ETAG_BYTES];	/* of the one that is; "": none */
};

static char *channel_path(const struct upload *u, const char *name)
{
	return xasprintf("%s/%s", u->ch->name, name);
}

static char *file_path(const struct upload *u, const struct sha256 *digest)
{
	char hex[SHA256_HEX_SIZE];

	sha256_hex(digest, hex);
	return xasprintf("%s/packs/%s", u->ch->name, hex);
}

static int keep_record(struct upload *u)
{
	return upload_record_write(u->host, u->ch, u->bucket, &u->record,
				   u->err);
}

/* ---- what is published ---- */

/* 1 if nothing is. */
static int read_published(struct upload *u)
{
	int rc;

	buf_reset(&u->text);
	pack_index_release(&u->ix);
	rc = announce_load(u->host, u->ch, &u->text, &u->head, NULL, u->err);
	if (rc)
		return rc;
	sha256_of(u->text.data, u->text.len, &u->digest);
	return shelf_read_index(u->host, u->ch, &u->head.index, &u->ix,
				u->err);
}

/* Calls fn for each file that the head leads to, the index after its packs;
 * the delta that a head names is one of the index. */
static int each_file(struct upload *u,
		     int (*fn)(struct upload *u, const struct pack_ref *ref))
{
	for (size_t i = 0; i < u->ix.n; i++)
		if (fn(u, &u->ix.v[i].pack) < 0)
			return -1;
	if (u->head.has_delta && fn(u, &u->head.delta) < 0)
		return -1;
	if (u->head.has_approvals && fn(u, &u->head.approvals) < 0)
		return -1;
	return fn(u, &u->head.index);
}

/* ---- the head that is there ---- */

static int not_ours(struct upload *u, const struct head *h, const char *why)
{
	return err_set(u->err, ERR_DENIED, "the head in the bucket is %" PRIu64
		       ".%" PRIu64 " (%.12s), %s; see REFUSED HEADS in "
		       "windlass-hook(8)", h->epoch, h->sequence, h->bundle,
		       why);
}

/* As job.c judges the local one against the ref. */
static int judge_head(struct upload *u, const struct buf *there)
{
	const struct head *ours = &u->head;
	struct head h;

	if (announce_verify(there->data, there->len, u->ch, &h, NULL,
			    u->err) < 0)
		return err_wrap(u->err, "the head in the bucket is not to be "
				"trusted, find out who wrote it, then remove "
				"it");
	if (h.epoch > ours->epoch || (h.epoch == ours->epoch &&
				      h.sequence > ours->sequence))
		return not_ours(u, &h, "ahead of what is published here: was "
				"this repository restored from a backup?");
	if (h.epoch < ours->epoch || h.sequence < ours->sequence)
		return 0;
	if (strcmp(h.bundle, ours->bundle) ||
	    !sha256_equal(&h.content, &ours->content))
		return not_ours(u, &h, "and the same number is another bundle "
				"here: does another repository publish there?");
	if (h.issued > ours->issued)
		return not_ours(u, &h, "signed later than ours: does another "
				"host publish the same channel there?");
	return 0;
}

static int look_at_head(struct upload *u)
{
	struct buf there = BUF_INIT(LIMIT_HEAD_BYTES);
	char *path = channel_path(u, "head");
	int rc = s3_get(u->s3, path, &there, u->etag, u->err);

	u->is_there = false;
	if (rc == 1) {
		u->etag[0] = '\0';
		rc = 0;
	} else if (!rc && there.len == u->text.len &&
		   !memcmp(there.data, u->text.data, there.len)) {
		u->is_there = true;
	} else if (!rc) {
		rc = judge_head(u, &there);
	}
	buf_release(&there);
	free(path);
	return rc;
}

/* 1 if somebody else wrote one meanwhile. */
static int send_head(struct upload *u)
{
	char *path = channel_path(u, "head");
	const struct s3_put p = {
		.path = path, .type = HEAD_TYPE, .cache = HEAD_CACHE,
		.digest = u->digest, .bytes = u->text.len, .fd = -1,
		.data = u->text.data, .over = u->etag,
	};
	int rc = s3_put(u->s3, &p, u->err);

	free(path);
	if (!rc) {
		u->result->sent_head = true;
		fault_step(FAULT_head_uploaded);
	}
	return rc;
}

/* ---- files ---- */

/*
 * Notes the ones that will be sent, before they are. One that was never heard
 * of is not there, where there is a record at all. One whose time was running
 * may be gone by now: it is asked for.
 */
static int plan_file(struct upload *u, const struct pack_ref *ref)
{
	struct uploaded_file *f = upload_record_find(&u->record, &ref->digest);

	if (!f)
		upload_record_add(&u->record, &ref->digest)->fresh =
			u->record.has_head;
	else if (f->gone)
		*f = (struct uploaded_file){ .digest = ref->digest };
	return 0;
}

/* True if the store says that it has it. */
static int is_in_bucket(struct upload *u, const struct pack_ref *ref,
			bool *ret)
{
	char *path = file_path(u, &ref->digest);
	uint64_t bytes = 0;
	int rc = s3_size(u->s3, path, &bytes, u->err);

	free(path);
	if (rc < 0)
		return -1;
	*ret = rc == 0 && bytes == ref->bytes;
	return 0;
}

static int open_file(struct upload *u, const struct pack_ref *ref, int *ret)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct stat st;
	int fd = -1;

	if (!pack_path(u->host, u->ch, &ref->digest, &path, u->err)) {
		fd = open(path.data, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			err_sys(u->err, "cannot open '%s'", path.data);
	}
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
			(uint64_t)st.st_size != ref->bytes)) {
		err_set(u->err, ERR_INVALID, "'%s' is not what the index says; "
			"run `windlass-hook refresh --force %s`", path.data,
			u->ch->name);
		close(fd);
		fd = -1;
	}
	buf_release(&path);
	*ret = fd;
	return fd < 0 ? -1 : 0;
}

static int put_file(struct upload *u, const struct pack_ref *ref)
{
	char *path = file_path(u, &ref->digest);
	struct s3_put p = {
		.path = path, .type = FILE_TYPE, .cache = FILE_CACHE,
		.digest = ref->digest, .bytes = ref->bytes,
	};
	int rc = open_file(u, ref, &p.fd);

	if (!rc) {
		rc = s3_put(u->s3, &p, u->err);
		close(p.fd);
	}
	free(path);
	return rc;
}

static int send_file(struct upload *u, const struct pack_ref *ref)
{
	struct uploaded_file *f = upload_record_find(&u->record, &ref->digest);
	bool known = f->there && !u->verify, there = known;

	/* one that was being sent when a run ended may be there */
	if (!known && !f->fresh && is_in_bucket(u, ref, &there) < 0)
		return -1;
	if (!there && put_file(u, ref) < 0)
		return -1;
	f->there = true;
	if (!there) {
		u->result->sent++;
		fault_step(FAULT_file_uploaded);
	}
	return 0;
}

/* Of all that is known, what this head leads to is named. */
static int mark_named(struct upload *u, const struct pack_ref *ref)
{
	struct uploaded_file *f = upload_record_find(&u->record, &ref->digest);

	if (f)
		f->gone = 0;
	return 0;
}

/* The time of the others begins now that no head in the bucket names them. */
static void note_gone(struct upload *u)
{
	int64_t now = clock_now();

	for (size_t i = 0; i < u->record.n; i++)
		if (!u->record.files[i].gone)
			u->record.files[i].gone = now;
	each_file(u, mark_named);
}

static int remove_old(struct upload *u)
{
	int64_t now = clock_now();
	struct upload_record *r = &u->record;

	/* whatever a record says that somebody edited */
	each_file(u, mark_named);
	for (size_t i = r->n; i-- > 0; ) {
		char *path;
		int rc;

		if (!r->files[i].gone ||
		    r->files[i].gone + u->bucket->keep > now)
			continue;
		path = file_path(u, &r->files[i].digest);
		rc = s3_remove(u->s3, path, u->err);
		free(path);
		if (rc < 0)
			return -1;
		fault_step(FAULT_file_removed);
		upload_record_remove(r, i);
		u->result->removed++;
	}
	return 0;
}

/* ---- all of it ---- */

/* Packs, then the head. 1 if the head there is another one by now. */
static int bring_up(struct upload *u)
{
	int rc;

	each_file(u, plan_file);
	if (keep_record(u) < 0)
		return -1;
	fault_step(FAULT_upload_noted);
	rc = each_file(u, send_file);
	/* what was sent is known, however this goes on */
	if (rc < 0) {
		struct err second = ERR_INIT;

		upload_record_write(u->host, u->ch, u->bucket, &u->record,
				    &second);
		return -1;
	}
	fault_step(FAULT_files_uploaded);
	rc = u->is_there ? 0 : send_head(u);
	if (rc)
		return rc;
	u->record.head = u->digest;
	u->record.has_head = true;
	note_gone(u);
	return keep_record(u);
}

/* The record alone is not enough: it may be out of a backup. */
static bool is_noted(const struct upload *u)
{
	return u->record.has_head && !u->verify &&
	       sha256_equal(&u->record.head, &u->digest);
}

/* Until what is published is what is in the bucket. */
static int upload_all(struct upload *u)
{
	bool brought = false;

	for (int round = 0; round < ROUNDS; round++) {
		int rc = read_published(u);

		if (rc < 0)
			return -1;
		u->result->nothing = rc == 1;
		if (rc == 1)
			return 0;
		u->result->head = u->head;
		if (brought && is_noted(u))
			return remove_old(u);
		if (look_at_head(u) < 0)
			return -1;
		if (u->is_there && is_noted(u))
			return remove_old(u);
		rc = bring_up(u);
		if (rc < 0)
			return -1;
		/* looked at once is enough */
		brought = rc == 0;
		if (brought)
			u->verify = false;
	}
	return err_set(u->err, ERR_TRANSIENT, "heads change faster than they "
		       "can be sent, or another host writes there");
}

static int finish(struct upload *u, int rc)
{
	struct err second = ERR_INIT;

	if (rc < 0) {
		u->record.failed_at = clock_now();
		snprintf(u->record.failure, sizeof(u->record.failure), "%s",
			 u->err->msg);
		upload_record_write(u->host, u->ch, u->bucket, &u->record,
				    &second);
	} else if (u->record.failed_at || u->result->removed) {
		u->record.failed_at = 0;
		rc = keep_record(u);
	}
	upload_record_release(&u->record);
	pack_index_release(&u->ix);
	buf_release(&u->text);
	return rc;
}

static int take_lock(const struct upload *u, int *ret)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = upload_record_path(u->host, u->ch, u->bucket, &path, u->err);

	buf_adds(&path, ".lock");
	if (!rc)
		rc = buf_check(&path, "a path", u->err);
	if (!rc)
		rc = fs_lock(AT_FDCWD, path.data, LOCK_MS, ret, u->err);
	buf_release(&path);
	return rc;
}

int upload_channel(const struct host_config *host,
		   const struct channel_config *ch, const struct bucket *b,
		   struct s3 *s, bool verify, struct upload_result *ret,
		   struct err *err)
{
	struct upload_result result = { .nothing = true };
	struct upload u = {
		.host = host, .ch = ch, .bucket = b, .s3 = s,
		.verify = verify, .err = err, .result = &result,
		.record = UPLOAD_RECORD_INIT, .ix = PACK_INDEX_INIT,
		.text = BUF_INIT(LIMIT_HEAD_BYTES),
	};
	int lock = -1, rc = take_lock(&u, &lock);

	if (rc < 0)
		return -1;
	rc = upload_record_read(host, ch, b, &u.record, err);
	if (!rc)
		rc = upload_all(&u);
	rc = finish(&u, rc);
	close(lock);
	if (!rc)
		*ret = result;
	return rc;
}
