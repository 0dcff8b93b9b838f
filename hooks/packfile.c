/*
 * Packs, byte by byte. See packfile.h. Trusts its caller: ids are those of
 * the objects, deltas lead to them. t/unit/u-packfile has stock git read
 * what comes out of here.
 */
#include "config.h"
#include "hooks/packfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"

#define PACK_VERSION 2
#define INDEX_VERSION 2
#define OBJECT_REF_DELTA 7
#define FLUSH_BYTES (256u * 1024)	/* written at once */
#define LARGE_OFFSET 0x80000000u	/* from here on in a table of its own */
#define FANOUT 256

struct packfile {
	int fd;
	const char *name;
	struct buf out;		/* not written yet */
	uint64_t offset;	/* of what comes next */
	uint32_t n;
	z_stream level[2];	/* stored, compressed */
};

static void add_u32(struct buf *out, uint32_t v)
{
	unsigned char b[4] = {
		(unsigned char)(v >> 24), (unsigned char)(v >> 16),
		(unsigned char)(v >> 8), (unsigned char)v,
	};

	buf_add(out, b, sizeof(b));
}

static int flush(struct packfile *p, struct err *err)
{
	int rc = fs_write_fd(p->fd, p->name, p->out.data, p->out.len, err);

	buf_reset(&p->out);
	return rc;
}

static void put(struct packfile *p, const void *data, size_t len,
		uint32_t *crc)
{
	buf_add(&p->out, data, len);
	p->offset += len;
	*crc = (uint32_t)crc32(*crc, data, (uInt)len);
}

int packfile_start(int fd, const char *name, struct packfile **ret,
		   struct err *err)
{
	struct packfile *p = xcalloc(1, sizeof(*p));

	p->fd = fd;
	p->name = name;
	buf_init(&p->out, SIZE_MAX / 4);
	if (deflateInit(&p->level[0], Z_NO_COMPRESSION) != Z_OK ||
	    deflateInit(&p->level[1], Z_DEFAULT_COMPRESSION) != Z_OK) {
		packfile_free(p);
		return err_set(err, ERR_INTERNAL, "cannot start zlib");
	}
	buf_adds(&p->out, "PACK");
	add_u32(&p->out, PACK_VERSION);
	add_u32(&p->out, 0);	/* the count, known at the end */
	p->offset = p->out.len;
	*ret = p;
	return 0;
}

/* Type and size: four bits of it, then seven a byte. */
static void put_header(struct packfile *p, unsigned type, size_t len,
		       uint32_t *crc)
{
	unsigned char b[16];
	size_t n = 0;

	b[n] = (unsigned char)(type << 4 | (len & 15));
	len >>= 4;
	while (len) {
		b[n++] |= 0x80;
		b[n] = len & 0x7f;
		len >>= 7;
	}
	put(p, b, n + 1, crc);
}

static int put_deflated(struct packfile *p, const struct pack_object *o,
			uint32_t *crc, struct err *err)
{
	z_stream *z = &p->level[!o->stored];
	size_t max;
	char *room;

	if (o->len > UINT32_MAX || deflateReset(z) != Z_OK)
		return err_set(err, ERR_INTERNAL, "an object is too large");
	max = deflateBound(z, o->len);
	room = buf_reserve(&p->out, max);
	if (!room)
		return err_set(err, ERR_INTERNAL, "an object is too large");
	z->next_in = (Bytef *)(uintptr_t)o->data;
	z->avail_in = (uInt)o->len;
	z->next_out = (Bytef *)room;
	z->avail_out = (uInt)max;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return err_set(err, ERR_INTERNAL, "cannot compress an object");
	max -= z->avail_out;
	*crc = (uint32_t)crc32(*crc, (Bytef *)room, (uInt)max);
	buf_commit(&p->out, max);
	p->offset += max;
	return 0;
}

int packfile_add(struct packfile *p, const struct pack_object *o,
		 struct pack_place *ret, struct err *err)
{
	struct pack_place at = { .offset = p->offset };

	if (p->n == UINT32_MAX)
		return err_set(err, ERR_INTERNAL, "too many objects");
	put_header(p, o->base ? OBJECT_REF_DELTA : (unsigned)o->type, o->len,
		   &at.crc);
	if (o->base)
		put(p, o->base->id, GIT_OID_RAWSZ, &at.crc);
	if (put_deflated(p, o, &at.crc, err) < 0)
		return -1;
	p->n++;
	if (p->out.len >= FLUSH_BYTES && flush(p, err) < 0)
		return -1;
	*ret = at;
	return 0;
}

/* Over the whole file, whose header has just changed. */
static int checksum(struct packfile *p, uint8_t ret[SHA1_SIZE],
		    struct err *err)
{
	char *chunk = xmalloc(FLUSH_BYTES);
	struct sha1_ctx s;
	off_t at = 0;
	int rc = 0;

	sha1_start(&s);
	for (;;) {
		ssize_t n = pread(p->fd, chunk, FLUSH_BYTES, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = err_sys(err, "cannot read '%s'", p->name);
		if (n <= 0)
			break;
		sha1_add(&s, chunk, (size_t)n);
		at += n;
	}
	free(chunk);
	sha1_end(&s, ret);
	return rc;
}

int packfile_end(struct packfile *p, uint8_t ret_checksum[SHA1_SIZE],
		 struct err *err)
{
	struct buf count = BUF_INIT(4);
	int rc = flush(p, err);

	add_u32(&count, p->n);
	if (!rc && pwrite(p->fd, count.data, 4, 8) != 4)
		rc = err_sys(err, "cannot write '%s'", p->name);
	buf_release(&count);
	if (!rc)
		rc = checksum(p, ret_checksum, err);
	if (!rc)
		rc = fs_write_fd(p->fd, p->name, ret_checksum, SHA1_SIZE, err);
	return rc;
}

void packfile_free(struct packfile *p)
{
	if (!p)
		return;
	deflateEnd(&p->level[0]);
	deflateEnd(&p->level[1]);
	buf_release(&p->out);
	free(p);
}

/* ---- the index ---- */

static int by_id(const void *a, const void *b)
{
	const struct pack_place *x = a, *y = b;

	return git_oid_cmp(&x->id, &y->id);
}

/* How many ids begin with each byte or a smaller one. */
static void add_fanout(const struct pack_place *v, size_t n, struct buf *out)
{
	size_t i = 0;

	for (unsigned b = 0; b < FANOUT; b++) {
		while (i < n && v[i].id.id[0] <= b)
			i++;
		add_u32(out, (uint32_t)i);
	}
}

static void add_offsets(const struct pack_place *v, size_t n, struct buf *out)
{
	uint32_t large = 0;

	for (size_t i = 0; i < n; i++)
		add_u32(out, v[i].offset < LARGE_OFFSET ?
			(uint32_t)v[i].offset : LARGE_OFFSET | large++);
	for (size_t i = 0; i < n; i++) {
		if (v[i].offset < LARGE_OFFSET)
			continue;
		add_u32(out, (uint32_t)(v[i].offset >> 32));
		add_u32(out, (uint32_t)v[i].offset);
	}
}

void packfile_index(struct pack_place *v, size_t n,
		    const uint8_t pack_checksum[SHA1_SIZE], struct buf *out)
{
	uint8_t own[SHA1_SIZE];
	struct sha1_ctx s;

	if (n)
		qsort(v, n, sizeof(*v), by_id);
	buf_add(out, "\377tOc", 4);
	add_u32(out, INDEX_VERSION);
	add_fanout(v, n, out);
	for (size_t i = 0; i < n; i++)
		buf_add(out, v[i].id.id, GIT_OID_RAWSZ);
	for (size_t i = 0; i < n; i++)
		add_u32(out, v[i].crc);
	add_offsets(v, n, out);
	buf_add(out, pack_checksum, SHA1_SIZE);
	sha1_start(&s);
	sha1_add(&s, out->data, out->len);
	sha1_end(&s, own);
	buf_add(out, own, SHA1_SIZE);
}
