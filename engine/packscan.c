/*
 * A pack is read byte by byte as it arrives. See packscan.h.
 *
 * Trusts nothing in the pack: its digest was stated by a publisher, but a
 * publisher's key may be stolen, and the bytes may come before the digest is
 * complete. Memory is one small record for each object that really was there;
 * the counts and sizes that the pack only claims allocate nothing.
 */
#include "config.h"
#include "engine/packscan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "schema/base/mem.h"
#include "schema/limits.h"

#define PACK_HEADER_SIZE 12
#define PACK_TRAILER_SIZE 20
#define ID_SIZE 20

/* What later offset deltas need to know of an object. */
struct entry {
	uint64_t offset;
	uint64_t size;		/* inflated, deltas applied */
	uint64_t chain;		/* bytes made to read it */
	uint16_t depth;
	uint8_t type;		/* commit, tree or blob */
};

/* Where in a delta's inflated bytes we are. */
struct delta {
	enum { DELTA_SOURCE, DELTA_RESULT, DELTA_OP, DELTA_COPY,
	       DELTA_INSERT } state;
	uint64_t source, result, made;
	unsigned shift;
	uint8_t args;		/* of a copy: the argument bytes to come */
	uint32_t copy_from, copy_size;
	unsigned insert_left;
};

enum state { IN_HEADER, IN_SIZE, IN_OFFSET, IN_ID, IN_DATA, IN_TRAILER, AT_END };

struct packscan {
	packscan_base_fn *base;
	void *base_arg;
	struct packscan_stats stats;
	enum state state;
	uint64_t at;		/* bytes of the pack that were read */
	uint64_t expected;	/* objects, by the pack's header */
	uint8_t small[ID_SIZE];	/* header, id or trailer being collected */
	size_t n_small;

	struct entry *v;	/* by rising offset */
	size_t n, alloc;

	/* the object that is being read */
	struct entry now;
	enum pack_type type;	/* as stored: may be a delta */
	uint64_t stored;	/* its stated inflated size */
	uint64_t got;		/* inflated up to now */
	unsigned shift;
	uint64_t offset;	/* an offset delta's, while it is read */
	bool offset_more;
	struct entry from;	/* the delta's base */
	struct delta delta;
	z_stream z;
};

struct packscan *packscan_new(packscan_base_fn *base, void *arg)
{
	struct packscan *ps = xcalloc(1, sizeof(*ps));

	ps->base = base;
	ps->base_arg = arg;
	if (inflateInit(&ps->z) != Z_OK)
		BUG("zlib does not start");
	return ps;
}

void packscan_free(struct packscan *ps)
{
	if (!ps)
		return;
	inflateEnd(&ps->z);
	free(ps->v);
	free(ps);
}

const struct packscan_stats *packscan_stats(const struct packscan *ps)
{
	return &ps->stats;
}

__attribute__((format(printf, 3, 4)))
static int refuse(const struct packscan *ps, struct err *err,
		  const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (ps->state == IN_HEADER)
		return err_set(err, ERR_DENIED, "the pack's header: %s", what);
	return err_set(err, ERR_DENIED, "object %" PRIu64 " at byte %" PRIu64
		       " of the pack: %s", ps->stats.objects + 1,
		       ps->now.offset, what);
}

static uint64_t size_limit(uint8_t type)
{
	return type == PACK_COMMIT ? LIMIT_COMMIT_BYTES : LIMIT_SUMS_BYTES;
}

static const char *type_name(uint8_t type)
{
	return type == PACK_COMMIT ? "commit" :
	       type == PACK_TREE ? "tree" : "blob";
}

/* Collects want bytes in small. 1 when they are there. */
static int collect(struct packscan *ps, const uint8_t **p, size_t *left,
		   size_t want)
{
	size_t n = want - ps->n_small;

	if (n > *left)
		n = *left;
	memcpy(ps->small + ps->n_small, *p, n);
	ps->n_small += n;
	*p += n;
	*left -= n;
	ps->at += n;
	if (ps->n_small < want)
		return 0;
	ps->n_small = 0;
	return 1;
}

static void next_object(struct packscan *ps)
{
	if (ps->stats.objects == ps->expected) {
		ps->state = IN_TRAILER;
		return;
	}
	ps->now = (struct entry){ .offset = ps->at };
	ps->stored = 0;
	ps->got = 0;
	ps->shift = 0;
	ps->offset = 0;
	ps->offset_more = false;
	ps->delta = (struct delta){ 0 };
	ps->state = IN_SIZE;
}

static int read_header(struct packscan *ps, struct err *err)
{
	static const uint8_t magic[8] = { 'P', 'A', 'C', 'K', 0, 0, 0, 2 };
	const uint8_t *p = ps->small;

	if (memcmp(p, magic, sizeof(magic)))
		return refuse(ps, err, "it is no pack of version 2");
	ps->expected = (uint64_t)p[8] << 24 | (uint64_t)p[9] << 16 |
		       (uint64_t)p[10] << 8 | p[11];
	if (ps->expected > LIMIT_PACK_OBJECTS)
		return refuse(ps, err, "it states %" PRIu64 " objects, %d are "
			      "accepted", ps->expected, LIMIT_PACK_OBJECTS);
	next_object(ps);
	return 0;
}

/* ---- an object's header ---- */

static int check_result(struct packscan *ps, uint64_t size, struct err *err)
{
	uint8_t type = ps->now.type;
	uint64_t chain = ps->from.chain + size;

	if (size > size_limit(type))
		return refuse(ps, err, "a %s of %" PRIu64 " bytes, %" PRIu64
			      " are accepted", type_name(type), size,
			      size_limit(type));
	if (chain > LIMIT_PACK_CHAIN_BYTES)
		return refuse(ps, err, "its deltas make more than %llu bytes",
			      LIMIT_PACK_CHAIN_BYTES);
	if (size > LIMIT_PACK_INFLATED - ps->stats.inflated)
		return refuse(ps, err, "the pack inflates to more than %llu "
			      "bytes", LIMIT_PACK_INFLATED);
	ps->stats.inflated += size;
	ps->stats.work += chain;
	ps->now.size = size;
	ps->now.chain = chain;
	return 0;
}

/* The header is read: the object's bytes follow. */
static int begin_data(struct packscan *ps, struct err *err)
{
	ps->state = IN_DATA;
	inflateReset(&ps->z);
	if (ps->type != PACK_OFS_DELTA && ps->type != PACK_REF_DELTA) {
		ps->from = (struct entry){ 0 };
		ps->now.type = (uint8_t)ps->type;
		return check_result(ps, ps->stored, err);
	}
	ps->now.type = ps->from.type;
	ps->now.depth = (uint16_t)(ps->from.depth + 1);
	if (ps->now.depth > LIMIT_PACK_DEPTH)
		return refuse(ps, err, "a chain of more than %d deltas",
			      LIMIT_PACK_DEPTH);
	if (ps->now.depth > ps->stats.depth)
		ps->stats.depth = ps->now.depth;
	ps->stats.deltas++;
	return 0;
}

static int after_size(struct packscan *ps, struct err *err)
{
	if (ps->stored > LIMIT_SUMS_BYTES)
		return refuse(ps, err, "%" PRIu64 " bytes inflated, %u are "
			      "accepted", ps->stored, LIMIT_SUMS_BYTES);
	switch (ps->type) {
	case PACK_COMMIT:
	case PACK_TREE:
	case PACK_BLOB:
		return begin_data(ps, err);
	case PACK_OFS_DELTA:
		ps->state = IN_OFFSET;
		return 0;
	case PACK_REF_DELTA:
		ps->state = IN_ID;
		return 0;
	}
	return refuse(ps, err, "an object of type %d, which no bundle has",
		      (int)ps->type);
}

static int read_size(struct packscan *ps, uint8_t c, struct err *err)
{
	if (!ps->shift) {
		ps->type = (enum pack_type)(c >> 4 & 7);
		ps->stored = c & 15;
		ps->shift = 4;
	} else {
		if (ps->shift > 53)
			return refuse(ps, err, "a size of too many digits");
		ps->stored |= (uint64_t)(c & 127) << ps->shift;
		ps->shift += 7;
	}
	return c & 128 ? 0 : after_size(ps, err);
}

static const struct entry *find_entry(const struct packscan *ps,
				      uint64_t offset)
{
	size_t lo = 0, hi = ps->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (ps->v[mid].offset == offset)
			return &ps->v[mid];
		if (ps->v[mid].offset < offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static int read_offset(struct packscan *ps, uint8_t c, struct err *err)
{
	const struct entry *e;

	if (ps->offset > UINT64_MAX >> 9)
		return refuse(ps, err, "an offset of too many digits");
	if (ps->offset_more)
		ps->offset = (ps->offset + 1) << 7 | (c & 127);
	else
		ps->offset = c & 127;
	ps->offset_more = c & 128;
	if (ps->offset_more)
		return 0;
	e = ps->offset <= ps->now.offset ?
	    find_entry(ps, ps->now.offset - ps->offset) : NULL;
	if (!e)
		return refuse(ps, err, "a delta whose base is no earlier "
			      "object of the pack");
	ps->from = *e;
	return begin_data(ps, err);
}

static int read_id(struct packscan *ps, struct err *err)
{
	enum pack_type type;
	uint64_t size;

	if (!ps->base || ps->base(ps->base_arg, ps->small, &size, &type) < 0)
		return refuse(ps, err, "a delta by id whose base is not in "
			      "the cache (a pack must be made with "
			      "--delta-base-offset)");
	ps->from = (struct entry){ .size = size, .chain = size,
				   .type = (uint8_t)type };
	ps->stats.thin++;
	return begin_data(ps, err);
}

/* ---- a delta's instructions ---- */

static int delta_made(struct packscan *ps, uint64_t n, struct err *err)
{
	struct delta *d = &ps->delta;

	if (n > d->result - d->made)
		return refuse(ps, err, "a delta makes more than it states");
	d->made += n;
	return 0;
}

static int delta_copy(struct packscan *ps, struct err *err)
{
	struct delta *d = &ps->delta;
	uint64_t size = d->copy_size ? d->copy_size : 0x10000;

	if (d->copy_from + size > d->source)
		return refuse(ps, err, "a delta copies from beyond its base");
	d->state = DELTA_OP;
	return delta_made(ps, size, err);
}

static int delta_op(struct packscan *ps, uint8_t c, struct err *err)
{
	struct delta *d = &ps->delta;

	if (!c)
		return refuse(ps, err, "a delta with an unknown instruction");
	if (!(c & 128)) {
		d->insert_left = c;
		d->state = DELTA_INSERT;
		return delta_made(ps, c, err);
	}
	d->args = c & 127;
	d->copy_from = 0;
	d->copy_size = 0;
	d->state = DELTA_COPY;
	return d->args ? 0 : delta_copy(ps, err);
}

static int delta_arg(struct packscan *ps, uint8_t c, struct err *err)
{
	struct delta *d = &ps->delta;
	int bit = __builtin_ctz(d->args);

	if (bit < 4)
		d->copy_from |= (uint32_t)c << (8 * bit);
	else
		d->copy_size |= (uint32_t)c << (8 * (bit - 4));
	d->args &= (uint8_t)(d->args - 1);
	return d->args ? 0 : delta_copy(ps, err);
}

static int delta_size(struct packscan *ps, uint8_t c, struct err *err)
{
	struct delta *d = &ps->delta;
	uint64_t *v = d->state == DELTA_SOURCE ? &d->source : &d->result;

	if (d->shift > 49)
		return refuse(ps, err, "a delta size of too many digits");
	*v |= (uint64_t)(c & 127) << d->shift;
	d->shift += 7;
	if (c & 128)
		return 0;
	d->shift = 0;
	if (d->state == DELTA_RESULT) {
		d->state = DELTA_OP;
		return check_result(ps, d->result, err);
	}
	if (d->source != ps->from.size)
		return refuse(ps, err, "a delta for a base of %" PRIu64
			      " bytes, its base has %" PRIu64, d->source,
			      ps->from.size);
	d->state = DELTA_RESULT;
	return 0;
}

static int delta_feed(struct packscan *ps, const uint8_t *p, size_t len,
		      struct err *err)
{
	struct delta *d = &ps->delta;

	for (size_t i = 0; i < len; i++) {
		int rc = 0;

		switch (d->state) {
		case DELTA_SOURCE:
		case DELTA_RESULT:
			rc = delta_size(ps, p[i], err);
			break;
		case DELTA_OP:
			rc = delta_op(ps, p[i], err);
			break;
		case DELTA_COPY:
			rc = delta_arg(ps, p[i], err);
			break;
		case DELTA_INSERT:
			if (!--d->insert_left)
				d->state = DELTA_OP;
			break;
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* ---- an object's bytes ---- */

static int end_object(struct packscan *ps, struct err *err)
{
	bool is_delta = ps->type == PACK_OFS_DELTA ||
			ps->type == PACK_REF_DELTA;

	if (ps->got != ps->stored)
		return refuse(ps, err, "it inflates to %" PRIu64 " bytes, its "
			      "header says %" PRIu64, ps->got, ps->stored);
	if (is_delta && (ps->delta.state != DELTA_OP ||
			 ps->delta.made != ps->delta.result))
		return refuse(ps, err, "a delta that ends too early");
	if (ps->n == ps->alloc) {
		ps->alloc = ps->alloc ? ps->alloc * 2 : 64;
		ps->v = xreallocarray(ps->v, ps->alloc, sizeof(*ps->v));
	}
	ps->v[ps->n++] = ps->now;
	ps->stats.objects++;
	next_object(ps);
	return 0;
}

static int take_inflated(struct packscan *ps, const uint8_t *out, size_t n,
			 struct err *err)
{
	ps->got += n;
	if (ps->got > ps->stored)
		return refuse(ps, err, "it inflates to more than the %" PRIu64
			      " bytes that its header says", ps->stored);
	if (ps->type == PACK_OFS_DELTA || ps->type == PACK_REF_DELTA) {
		if (n > LIMIT_PACK_INFLATED - ps->stats.inflated)
			return refuse(ps, err, "the pack inflates to more "
				      "than %llu bytes", LIMIT_PACK_INFLATED);
		ps->stats.inflated += n;
		return delta_feed(ps, out, n, err);
	}
	return 0;
}

static int read_data(struct packscan *ps, const uint8_t **p, size_t *left,
		     struct err *err)
{
	uint8_t out[16384];
	size_t before = *left;
	int rc;

	ps->z.next_in = (uint8_t *)(uintptr_t)*p;
	ps->z.avail_in = *left > UINT32_MAX ? UINT32_MAX : (uInt)*left;
	do {
		ps->z.next_out = out;
		ps->z.avail_out = sizeof(out);
		rc = inflate(&ps->z, Z_NO_FLUSH);
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return refuse(ps, err, "its zlib stream is broken");
		if (take_inflated(ps, out, sizeof(out) - ps->z.avail_out,
				  err) < 0)
			return -1;
	} while (rc == Z_OK && (ps->z.avail_in || !ps->z.avail_out));
	*left -= (size_t)(ps->z.next_in - *p);
	*p = ps->z.next_in;
	ps->at += before - *left;
	return rc == Z_STREAM_END ? end_object(ps, err) : 0;
}

/* One step: at least one byte is read, or the state moves on. */
static int step(struct packscan *ps, const uint8_t **p, size_t *left,
		struct err *err)
{
	uint8_t c = **p;

	switch (ps->state) {
	case IN_HEADER:
		return collect(ps, p, left, PACK_HEADER_SIZE) ?
		       read_header(ps, err) : 0;
	case IN_ID:
		return collect(ps, p, left, ID_SIZE) ? read_id(ps, err) : 0;
	case IN_DATA:
		return read_data(ps, p, left, err);
	case IN_TRAILER:
		if (collect(ps, p, left, PACK_TRAILER_SIZE))
			ps->state = AT_END;
		return 0;
	case IN_SIZE:
	case IN_OFFSET:
		++*p;
		--*left;
		ps->at++;
		return ps->state == IN_SIZE ? read_size(ps, c, err)
					    : read_offset(ps, c, err);
	case AT_END:
		break;
	}
	return err_set(err, ERR_DENIED, "the pack goes on behind its trailer");
}

int packscan_feed(struct packscan *ps, const void *data, size_t len,
		  struct err *err)
{
	const uint8_t *p = data;

	while (len)
		if (step(ps, &p, &len, err) < 0)
			return -1;
	return 0;
}

int packscan_end(const struct packscan *ps, struct err *err)
{
	if (ps->state == AT_END)
		return 0;
	return err_set(err, ERR_DENIED, "the pack ends after %" PRIu64
		       " bytes and %" PRIu64 " of %" PRIu64 " objects",
		       ps->at, ps->stats.objects, ps->expected);
}
