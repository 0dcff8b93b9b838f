/*
 * Reading and writing the record. See upload-record.h. Trusts nothing of it
 * that would matter: a file that it calls there and that is not is found by
 * `upload --verify`, and one that it forgot is sent again.
 */
#include "config.h"
#include "hooks/upload-record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/announce.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/lines.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"

#define FORMAT_PREFIX "windlass-upload "
#define FORMAT "1"
/* names of all that an index of that size may name, twice */
#define LIMIT_RECORD_BYTES (2 * LIMIT_INDEX_BYTES)
#define RECORD_MODE 0640

int upload_record_path(const struct host_config *host,
		       const struct channel_config *ch,
		       const struct bucket *b, struct buf *ret,
		       struct err *err)
{
	if (config_channel_file(host, ch, "s3", ret, err) < 0 ||
	    fs_mkdirs(ret->data, 0750, err) < 0)
		return -1;
	buf_addf(ret, "/%s", b->name);
	return buf_check(ret, "a path", err);
}

void upload_record_release(struct upload_record *r)
{
	free(r->files);
	*r = (struct upload_record)UPLOAD_RECORD_INIT;
}

struct uploaded_file *upload_record_find(struct upload_record *r,
					 const struct sha256 *digest)
{
	for (size_t i = 0; i < r->n; i++)
		if (sha256_equal(&r->files[i].digest, digest))
			return &r->files[i];
	return NULL;
}

struct uploaded_file *upload_record_add(struct upload_record *r,
					const struct sha256 *digest)
{
	if (r->n == r->alloc) {
		r->alloc = r->alloc ? r->alloc * 2 : 64;
		r->files = xreallocarray(r->files, r->alloc,
					 sizeof(*r->files));
	}
	r->files[r->n] = (struct uploaded_file){ .digest = *digest };
	return &r->files[r->n++];
}

void upload_record_remove(struct upload_record *r, size_t at)
{
	memmove(r->files + at, r->files + at + 1,
		(r->n - at - 1) * sizeof(*r->files));
	r->n--;
}

/* ---- the text ---- */

static int parse_head(struct lines *l, struct upload_record *r,
		      struct err *err)
{
	const char *v;
	size_t len;

	if (lines_value(l, "head ", &v, &len, err) < 0)
		return -1;
	if (len == 4 && !strncmp(v, "none", 4))
		return 0;
	if (len <= 7 || strncmp(v, "sha256:", 7) ||
	    sha256_parse(v + 7, len - 7, &r->head) < 0)
		return lines_error(l, err, "names no head");
	r->has_head = true;
	return 0;
}

static int parse_failure(struct lines *l, struct upload_record *r,
			 struct err *err)
{
	char when[CLOCK_TEXT_SIZE];
	const char *v;
	size_t len, at = CLOCK_TEXT_SIZE;

	if (lines_value(l, "failed ", &v, &len, err) < 0)
		return -1;
	if (len == 5 && !strncmp(v, "never", 5))
		return 0;
	if (len < at || len - at >= sizeof(r->failure))
		return lines_error(l, err, "says no time");
	memcpy(when, v, at - 1);
	when[at - 1] = '\0';
	if (clock_parse(when, &r->failed_at) < 0)
		return lines_error(l, err, "says no time");
	memcpy(r->failure, v + at, len - at);
	r->failure[len - at] = '\0';
	return 0;
}

static int parse_file(struct lines *l, struct upload_record *r,
		      struct err *err)
{
	bool there = l->next < l->end && *l->next == 't';
	struct sha256 digest;
	struct uploaded_file *f;
	uint64_t gone;
	const char *v;
	size_t len;

	if (lines_value(l, there ? "there " : "maybe ", &v, &len, err) < 0)
		return -1;
	if (len < SHA256_HEX_SIZE + 1 ||
	    sha256_parse(v, SHA256_HEX_SIZE - 1, &digest) < 0 ||
	    v[SHA256_HEX_SIZE - 1] != ' ' ||
	    parse_u64n(v + SHA256_HEX_SIZE, len - SHA256_HEX_SIZE, 0,
		       CLOCK_TIME_END, &gone) < 0)
		return lines_error(l, err, "names no file");
	f = upload_record_add(r, &digest);
	f->there = there;
	f->gone = (int64_t)gone;
	return 0;
}

static int parse(const struct buf *text, const struct bucket *b,
		 struct upload_record *r, struct err *err)
{
	struct lines l = LINES_INIT(text->data, text->len, ERR_INVALID);
	char url[LIMIT_BUCKET_URL_BYTES + 1];

	if (lines_format(&l, FORMAT_PREFIX, FORMAT, err) < 0 ||
	    lines_ascii(&l, "url ", url, sizeof(url), err) < 0)
		return -1;
	if (strcmp(url, b->url))
		return lines_error(&l, err, "is of another bucket");
	if (parse_head(&l, r, err) < 0 || parse_failure(&l, r, err) < 0)
		return -1;
	while (l.next < l.end)
		if (parse_file(&l, r, err) < 0)
			return -1;
	return 0;
}

static void write_text(const struct bucket *b, const struct upload_record *r,
		       struct buf *out)
{
	char hex[SHA256_HEX_SIZE], when[CLOCK_TEXT_SIZE];

	buf_addf(out, FORMAT_PREFIX FORMAT "\nurl %s\n", b->url);
	if (r->has_head)
		sha256_hex(&r->head, hex);
	buf_addf(out, "head %s%s\n", r->has_head ? "sha256:" : "",
		 r->has_head ? hex : "none");
	if (r->failed_at) {
		clock_format(r->failed_at, when);
		buf_addf(out, "failed %s %s\n", when, r->failure);
	} else {
		buf_adds(out, "failed never\n");
	}
	for (size_t i = 0; i < r->n; i++) {
		sha256_hex(&r->files[i].digest, hex);
		buf_addf(out, "%s %s %" PRId64 "\n",
			 r->files[i].there ? "there" : "maybe", hex,
			 r->files[i].gone);
	}
}

int upload_record_read(const struct host_config *host,
		       const struct channel_config *ch,
		       const struct bucket *b, struct upload_record *ret,
		       struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf text = BUF_INIT(LIMIT_RECORD_BYTES);
	struct upload_record r = UPLOAD_RECORD_INIT;
	struct err damaged = ERR_INIT;
	int rc = upload_record_path(host, ch, b, &path, err);

	if (!rc && fs_read(AT_FDCWD, path.data, &text, err) < 0 &&
	    err->sys != ENOENT)
		rc = -1;
	if (!rc && parse(&text, b, &r, &damaged) < 0)
		upload_record_release(&r);
	if (!rc)
		*ret = r;
	buf_release(&path);
	buf_release(&text);
	return rc;
}

int upload_record_write(const struct host_config *host,
			const struct channel_config *ch,
			const struct bucket *b,
			const struct upload_record *r, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf text = BUF_INIT(LIMIT_RECORD_BYTES);
	int rc = upload_record_path(host, ch, b, &path, err);

	write_text(b, r, &text);
	if (!rc)
		rc = buf_check(&text, "the record of uploads", err);
	if (!rc)
		rc = fs_write(AT_FDCWD, path.data, text.data, text.len,
			      RECORD_MODE, err);
	buf_release(&path);
	buf_release(&text);
	return rc;
}

bool upload_is_due(const struct host_config *host,
		   const struct channel_config *ch, const struct bucket *b)
{
	struct upload_record r = UPLOAD_RECORD_INIT;
	struct buf data = BUF_INIT(LIMIT_HEAD_BYTES);
	struct err unread = ERR_INIT;
	struct sha256 digest;
	struct head head;
	bool due = false;

	if (announce_load(host, ch, &data, &head, NULL, &unread) != 0 ||
	    upload_record_read(host, ch, b, &r, &unread) < 0)
		goto out;
	sha256_of(data.data, data.len, &digest);
	due = !r.has_head || !sha256_equal(&r.head, &digest);
	for (size_t i = 0; i < r.n; i++)
		due |= r.files[i].gone &&
		       r.files[i].gone + b->keep <= clock_now();
out:
	upload_record_release(&r);
	buf_release(&data);
	return due;
}
