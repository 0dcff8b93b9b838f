/*
 * What doctor says of a channel in a bucket. See upload.h. It asks by the
 * same credentials as an upload, which may read more than an engine may, and
 * it cannot know whether they may write without writing: that is told by the
 * last try.
 */
#include "config.h"
#include "hooks/upload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/announce.h"
#include "hooks/doctor.h"
#include "hooks/shelf.h"
#include "hooks/upload-record.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"

#define CHECK "s3"
/* stores refuse what is 15 minutes off; engines what is 5 minutes ahead */
#define SKEW_WARN 60

struct visit {
	const struct host_config *host;
	const struct channel_config *ch;
	const struct bucket *b;
	struct s3 *s3;
	struct doctor *d;
	struct buf text;
	struct head head;
};

#define ok(v, ...) \
	doctor_say((v)->d, FINDING_OK, CHECK, (v)->ch->name, __VA_ARGS__)
#define warn(v, ...) \
	doctor_say((v)->d, FINDING_WARN, CHECK, (v)->ch->name, __VA_ARGS__)
#define fail(v, ...) \
	doctor_say((v)->d, FINDING_FAIL, CHECK, (v)->ch->name, __VA_ARGS__)

/* Why the bucket is behind, as far as the last try knows. */
static void tell_behind(struct visit *v, const char *has)
{
	struct upload_record r = UPLOAD_RECORD_INIT;
	struct err unread = ERR_INIT;
	char when[CLOCK_TEXT_SIZE];

	if (!upload_record_read(v->host, v->ch, v->b, &r, &unread) &&
	    r.failed_at) {
		clock_format(r.failed_at, when);
		fail(v, "'%s' has %s; the last try, at %s, failed: %s",
		     v->b->name, has, when, r.failure);
	} else {
		fail(v, "'%s' has %s; run `windlass-hook upload %s`",
		     v->b->name, has, v->ch->name);
	}
	upload_record_release(&r);
}

/* 1 if it is not the one that is published. */
static int check_head(struct visit *v, struct err *err)
{
	struct buf there = BUF_INIT(LIMIT_HEAD_BYTES);
	char *path = xasprintf("%s/head", v->ch->name);
	char etag[S3_ETAG_BYTES], has[64];
	int rc = s3_get(v->s3, path, &there, etag, err);
	struct err unread = ERR_INIT;
	struct head h;

	if (rc == 1) {
		tell_behind(v, "no head");
	} else if (!rc && (there.len != v->text.len ||
			   memcmp(there.data, v->text.data, there.len))) {
		rc = 1;
		if (announce_verify(there.data, there.len, v->ch, &h, NULL,
				    &unread) < 0)
			snprintf(has, sizeof(has), "a head that is not ours");
		else
			snprintf(has, sizeof(has), "another head, of %" PRIu64
				 ".%" PRIu64, h.epoch, h.sequence);
		tell_behind(v, has);
	}
	buf_release(&there);
	free(path);
	return rc;
}

static int count(struct visit *v, const struct pack_ref *ref, size_t *missing,
		 struct err *err)
{
	char hex[SHA256_HEX_SIZE], *path;
	uint64_t bytes = 0;
	int rc;

	sha256_hex(&ref->digest, hex);
	path = xasprintf("%s/packs/%s", v->ch->name, hex);
	rc = s3_size(v->s3, path, &bytes, err);
	free(path);
	*missing += rc == 1 || (!rc && bytes != ref->bytes);
	return rc < 0 ? -1 : 0;
}

static int check_files(struct visit *v, struct err *err)
{
	struct pack_index ix = PACK_INDEX_INIT;
	size_t missing = 0;
	int rc = shelf_read_index(v->host, v->ch, &v->head.index, &ix, err);

	if (!rc)
		rc = count(v, &v->head.index, &missing, err);
	if (!rc && v->head.has_approvals)
		rc = count(v, &v->head.approvals, &missing, err);
	for (size_t i = 0; !rc && i < ix.n; i++)
		rc = count(v, &ix.v[i].pack, &missing, err);
	if (!rc && missing)
		fail(v, "'%s' lacks %zu of the files that its head leads to; "
		     "run `windlass-hook upload --verify %s`", v->b->name,
		     missing, v->ch->name);
	else if (!rc)
		ok(v, "'%s' has %" PRIu64 ".%" PRIu64 " and all that it leads "
		   "to: %s/%s/head", v->b->name, v->head.epoch,
		   v->head.sequence, v->b->url, v->ch->name);
	pack_index_release(&ix);
	return rc;
}

static void check_skew(struct visit *v)
{
	int64_t skew = s3_skew(v->s3);

	if (skew > SKEW_WARN || skew < -SKEW_WARN)
		warn(v, "the clocks of this machine and of '%s' are %" PRId64
		     " s apart: set this one", v->b->name,
		     skew < 0 ? -skew : skew);
}

/* Secrets are in the packs, in the clear. */
static void check_public(struct visit *v)
{
	char *path = xasprintf("%s/head", v->ch->name);
	struct err unread = ERR_INIT;

	if (v->ch->allow_secrets &&
	    !s3_get_unsigned(v->s3, path, &unread))
		fail(v, "anybody can read '%s', and the channel takes Secrets: "
		     "close the bucket, and let engines come through a proxy "
		     "that asks for a token", v->b->name);
	free(path);
}

int upload_check(const struct host_config *host,
		 const struct channel_config *ch, const struct bucket *b,
		 struct s3 *s, struct doctor *d)
{
	struct visit v = {
		.host = host, .ch = ch, .b = b, .s3 = s, .d = d,
		.text = BUF_INIT(LIMIT_HEAD_BYTES),
	};
	struct err err = ERR_INIT;
	int rc = announce_load(host, ch, &v.text, &v.head, NULL, &err);

	/* of a head that is no good the channel's own checks speak */
	if (rc) {
		buf_release(&v.text);
		return 0;
	}
	rc = check_head(&v, &err);
	if (!rc)
		rc = check_files(&v, &err);
	if (rc < 0)
		fail(&v, "'%s' at %s: %s", b->name, b->url, err.msg);
	else
		check_public(&v);
	check_skew(&v);
	buf_release(&v.text);
	return rc < 0 && err.class == ERR_TRANSIENT ? -1 : 0;
}
