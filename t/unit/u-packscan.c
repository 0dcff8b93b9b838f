/*
 * The pack scanner: what git writes passes, and whatever else a hostile
 * publisher could put into a pack is refused in bounded time and memory.
 */
#include "config.h"
#include "engine/packscan.h"

#include <stdlib.h>
#include <zlib.h>

#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "t/unit/tap.h"

#define PACK_MAX (72u * 1024 * 1024)

static struct buf pack = BUF_INIT(PACK_MAX);
static size_t last_offset;	/* of the object that was added last */

static void begin(uint32_t objects)
{
	uint8_t h[12] = { 'P', 'A', 'C', 'K', 0, 0, 0, 2 };

	for (int i = 0; i < 4; i++)
		h[8 + i] = (uint8_t)(objects >> (24 - 8 * i));
	buf_reset(&pack);
	buf_add(&pack, h, sizeof(h));
}

static void end(void)
{
	static const uint8_t trailer[20];

	buf_add(&pack, trailer, sizeof(trailer));
}

static void add_head(int type, uint64_t size)
{
	uint8_t c = (uint8_t)(type << 4 | (size & 15));

	last_offset = pack.len;
	for (size >>= 4; size; size >>= 7) {
		buf_addc(&pack, (char)(c | 128));
		c = size & 127;
	}
	buf_addc(&pack, (char)c);
}

static void add_data(const void *data, size_t len)
{
	uLongf n = compressBound(len);
	char *p = buf_reserve(&pack, n);

	if (compress2((Bytef *)p, &n, data, len, 9) != Z_OK)
		BUG("compress");
	buf_commit(&pack, n);
}

static void add_object(int type, const void *data, size_t len)
{
	add_head(type, len);
	add_data(data, len);
}

static void add_varint(struct buf *b, uint64_t v)
{
	for (; v > 127; v >>= 7)
		buf_addc(b, (char)((v & 127) | 128));
	buf_addc(b, (char)v);
}

static void add_offset(uint64_t offset)
{
	uint8_t bytes[10];
	int n = 0;

	bytes[n++] = offset & 127;
	while (offset >>= 7)
		bytes[n++] = (uint8_t)(--offset & 127) | 128;
	while (n--)
		buf_addc(&pack, (char)bytes[n]);
}

/* A delta that copies its whole base and adds one byte. */
static void copy_delta(struct buf *d, uint32_t base_size)
{
	buf_reset(d);
	add_varint(d, base_size);
	add_varint(d, base_size + 1);
	buf_addc(d, (char)0xf0);
	buf_addc(d, (char)(base_size & 255));
	buf_addc(d, (char)(base_size >> 8 & 255));
	buf_addc(d, (char)(base_size >> 16 & 255));
	buf_add(d, "\001x", 2);
}

static void add_ofs_delta(size_t base_offset, const struct buf *d)
{
	size_t here = pack.len;

	add_head(PACK_OFS_DELTA, d->len);
	add_offset(here - base_offset);
	add_data(d->data, d->len);
}

static int base_of(void *arg, const uint8_t id[20], uint64_t *ret_size,
		   enum pack_type *ret_type)
{
	if (id[0] != 0xaa)
		return -1;
	*ret_size = 100;
	*ret_type = PACK_BLOB;
	return 0;
}

static struct err err;
static struct packscan_stats stats;

/* Feeds in pieces of `step` bytes. */
static int scan(const void *data, size_t len, size_t step)
{
	struct packscan *ps = packscan_new(base_of, NULL);
	const char *p = data;
	int rc = 0;

	err_clear(&err);
	for (size_t at = 0; !rc && at < len; at += step)
		rc = packscan_feed(ps, p + at, len - at < step ? len - at : step,
				   &err);
	if (!rc)
		rc = packscan_end(ps, &err);
	stats = *packscan_stats(ps);
	packscan_free(ps);
	return rc;
}

static int scan_pack(void)
{
	return scan(pack.data, pack.len, 4096);
}

/* The pack is refused, and the message says what we think is wrong. */
static void refused(const char *what, const char *name)
{
	bool bad = scan_pack() < 0;

	ok(bad && err.class == ERR_DENIED && strstr(err.msg, what), "%s", name);
	if (!bad || !strstr(err.msg, what))
		printf("# got: %s\n", bad ? err.msg : "accepted");
}

static void good_pack(void)
{
	struct buf d = BUF_INIT(1000);
	char text[300];

	memset(text, 'a', sizeof(text));
	begin(5);
	add_object(PACK_BLOB, text, sizeof(text));
	copy_delta(&d, sizeof(text));
	add_ofs_delta(last_offset, &d);
	copy_delta(&d, sizeof(text) + 1);
	add_ofs_delta(last_offset, &d);
	add_object(PACK_TREE, "", 0);
	copy_delta(&d, 100);
	add_head(PACK_REF_DELTA, d.len);
	for (int i = 0; i < 20; i++)
		buf_addc(&pack, (char)0xaa);
	add_data(d.data, d.len);
	end();
	buf_release(&d);
}

static void test_good(void)
{
	int bad = 0;

	good_pack();
	ok(!scan_pack(), "a pack with all that may be in it passes");
	is_int(stats.objects, 5, "objects are counted");
	is_int(stats.deltas, 3, "deltas are counted");
	is_int(stats.thin, 1, "bases outside are counted");
	is_int(stats.depth, 2, "the longest chain is measured");
	is_int(stats.work, 300 + 601 + 903 + 0 + 201,
	       "the work of reading it is added up");
	for (size_t step = 1; step < 64; step++)
		bad += scan(pack.data, pack.len, step) < 0;
	is_int(bad, 0, "pieces of any size");
}

static void test_damaged(void)
{
	int accepted = 0, crashed = 0;
	char *copy;

	good_pack();
	for (size_t n = 0; n < pack.len; n++)
		accepted += scan(pack.data, n, 4096) == 0;
	is_int(accepted, 0, "cut off at any byte");

	/* flips in zlib's unused header bits or in the trailer may pass, and
	 * are for the digest to find; none may do harm */
	copy = xmemdup(pack.data, pack.len);
	for (size_t i = 0; i < pack.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			copy[i] = (char)(copy[i] ^ 1 << bit);
			if (scan(copy, pack.len, 4096) < 0 &&
			    err.class != ERR_DENIED)
				crashed++;
			copy[i] = (char)(copy[i] ^ 1 << bit);
		}
	is_int(crashed, 0, "a flip of any bit is harmless");
	free(copy);

	good_pack();
	buf_addc(&pack, 'x');
	refused("goes on behind its trailer", "a byte too many");
	buf_reset(&pack);
	buf_adds(&pack, "<html>not found</html>");
	refused("no pack of version 2", "no pack at all");
	begin(0);
	end();
	ok(!scan_pack(), "a pack of nothing");
}

static void test_counts(void)
{
	begin(LIMIT_PACK_OBJECTS);
	refused("ends after", "the largest number of objects may be stated");
	begin(LIMIT_PACK_OBJECTS + 1);
	refused("are accepted", "one more object than the limit");
	begin(0xffffffff);
	refused("are accepted", "2^32-1 objects");
	begin(2);
	add_object(PACK_BLOB, "a", 1);
	end();
	refused("object 2", "fewer objects than stated");
	begin(1);
	add_object(PACK_BLOB, "a", 1);
	add_object(PACK_BLOB, "b", 1);
	end();
	refused("behind its trailer", "more objects than stated");
}

static void test_types(void)
{
	static const int bad[] = { 0, 4, 5 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		begin(1);
		add_object(bad[i], "a", 1);
		end();
		refused("which no bundle has", "a type that no bundle has");
	}
}

static void test_sizes(void)
{
	char *big = xcalloc(1, LIMIT_SUMS_BYTES);
	int64_t t;

	begin(1);
	add_object(PACK_COMMIT, big, LIMIT_COMMIT_BYTES);
	end();
	ok(!scan_pack(), "a commit of LIMIT_COMMIT_BYTES");
	begin(1);
	add_object(PACK_COMMIT, big, LIMIT_COMMIT_BYTES + 1);
	end();
	refused("a commit of 8193 bytes", "a commit of one byte more");

	begin(1);
	add_object(PACK_BLOB, big, LIMIT_SUMS_BYTES);
	end();
	ok(!scan_pack(), "a blob of LIMIT_SUMS_BYTES");
	begin(1);
	add_head(PACK_BLOB, LIMIT_SUMS_BYTES + 1ull);
	refused("are accepted", "a blob of one byte more");
	begin(1);
	add_head(PACK_BLOB, 1ull << 45);
	refused("are accepted", "a blob of 2^45 bytes");
	begin(1);
	for (int i = 0; i < 20; i++)
		buf_addc(&pack, (char)0xbf);
	refused("too many digits", "a size without an end");

	begin(1);
	add_head(PACK_BLOB, 1000);
	add_data(big, LIMIT_SUMS_BYTES);
	end();
	t = clock_mono_ms();
	refused("inflates to more than the 1000", "attack-12 64 MiB in 64 KiB, stated as 1000");
	ok(clock_mono_ms() - t < 100, "and it is noticed at once");
	begin(1);
	add_head(PACK_BLOB, 1000);
	add_data(big, 999);
	end();
	refused("inflates to 999 bytes", "shorter than stated");
	begin(1);
	add_head(PACK_BLOB, 4);
	buf_adds(&pack, "this is no zlib stream");
	end();
	refused("zlib stream is broken", "no zlib stream");
	free(big);
}

/* A delta that copies the first `result` bytes of its base. */
static void prefix_delta(struct buf *d, uint32_t base, uint32_t result)
{
	buf_reset(d);
	add_varint(d, base);
	add_varint(d, result);
	while (result) {
		uint32_t n = result < 0xffffff ? result : 0xffffff;

		buf_addc(d, (char)0xf0);
		buf_addc(d, (char)(n & 255));
		buf_addc(d, (char)(n >> 8 & 255));
		buf_addc(d, (char)(n >> 16 & 255));
		result -= n;
		/* each copy is from the start: the sum is what counts */
	}
}

/*
 * 80 KiB that make 8 GiB: a large blob and many small deltas of it. The last
 * one brings the sum to exactly the limit, plus `more`.
 */
static void bomb(unsigned more)
{
	char *big = xcalloc(1, LIMIT_SUMS_BYTES);
	struct buf d = BUF_INIT(1000);
	uint64_t sum = LIMIT_SUMS_BYTES, left;
	uint32_t n = LIMIT_PACK_INFLATED / LIMIT_SUMS_BYTES;
	size_t base;

	begin(n);
	add_object(PACK_BLOB, big, LIMIT_SUMS_BYTES);
	base = last_offset;
	prefix_delta(&d, LIMIT_SUMS_BYTES, LIMIT_SUMS_BYTES);
	for (uint32_t i = 0; i < n - 2; i++) {
		add_ofs_delta(base, &d);
		sum += LIMIT_SUMS_BYTES + d.len;
	}
	/* the delta's own bytes count as well, and shrink with its result */
	left = LIMIT_PACK_INFLATED - sum;
	prefix_delta(&d, LIMIT_SUMS_BYTES, (uint32_t)left - 100);
	left -= d.len;
	left += more;
	prefix_delta(&d, LIMIT_SUMS_BYTES, (uint32_t)left);
	add_ofs_delta(base, &d);
	end();
	buf_release(&d);
	free(big);
}

static void test_total(void)
{
	bomb(0);
	ok(pack.len < 128 * 1024 && !scan_pack(), "LIMIT_PACK_INFLATED in all");
	is_int(stats.inflated, LIMIT_PACK_INFLATED, "exactly");
	bomb(1);
	refused("the pack inflates to more than", "attack-12 one byte more");
}

/* A delta whose stated sizes and instructions are ours to choose. */
static void try_delta(uint64_t source, uint64_t result, const char *ops,
		      size_t ops_len)
{
	struct buf d = BUF_INIT(1 << 20);

	begin(2);
	add_object(PACK_BLOB, "0123456789", 10);
	add_varint(&d, source);
	add_varint(&d, result);
	buf_add(&d, ops, ops_len);
	add_ofs_delta(last_offset, &d);
	end();
	buf_release(&d);
}

static void test_deltas(void)
{
	static const char copy10[] = { (char)0x90, 10 };
	static const char copy9_from2[] = { (char)0x91, 2, 9 };
	static const char copy64k[] = { (char)0x80 };

	try_delta(10, 10, copy10, 2);
	ok(!scan_pack(), "a plain copy");
	try_delta(11, 10, copy10, 2);
	refused("its base has 10", "another base size");
	try_delta(10, 9, copy10, 2);
	refused("makes more than it states", "more than the result");
	try_delta(10, 11, copy10, 2);
	refused("ends too early", "less than the result");
	try_delta(10, 9, copy9_from2, 3);
	refused("beyond its base", "a copy across the end of the base");
	try_delta(10, 65536, copy64k, 1);
	refused("beyond its base", "a copy of 64 KiB from ten bytes");
	try_delta(10, 10, "\000", 1);
	refused("unknown instruction", "instruction 0");
	try_delta(10, 5, "\005abcd", 5);
	refused("ends too early", "an insert that is cut off");
	try_delta(10, 1ull << 40, copy10, 2);
	refused("are accepted", "a result of 2^40 bytes");
	try_delta(10, LIMIT_SUMS_BYTES + 1ull, copy10, 2);
	refused("are accepted", "a result of one byte more than the limit");
	try_delta(10, LIMIT_SUMS_BYTES, copy10, 2);
	refused("ends too early", "a result at the limit is no error");
	try_delta(10, UINT64_MAX, copy10, 2);
	refused("too many digits", "a result of 2^64-1 bytes");
}

static void test_bases(void)
{
	struct buf d = BUF_INIT(1000);
	size_t first;

	copy_delta(&d, 10);
	begin(2);
	add_object(PACK_BLOB, "0123456789", 10);
	add_ofs_delta(last_offset + 1, &d);
	end();
	refused("no earlier object", "an offset into an object");
	begin(1);
	first = pack.len;
	add_ofs_delta(first, &d);
	end();
	refused("no earlier object", "a delta of itself");
	begin(1);
	add_head(PACK_OFS_DELTA, d.len);
	add_offset(1ull << 60);
	add_data(d.data, d.len);
	end();
	refused("no earlier object", "an offset before the pack");
	begin(1);
	add_head(PACK_OFS_DELTA, d.len);
	for (int i = 0; i < 20; i++)
		buf_addc(&pack, (char)0xff);
	refused("too many digits", "an offset without an end");
	begin(1);
	add_head(PACK_REF_DELTA, d.len);
	for (int i = 0; i < 20; i++)
		buf_addc(&pack, (char)0xbb);
	add_data(d.data, d.len);
	end();
	refused("not in the cache", "a base that nobody has");
	buf_release(&d);
}

/* A chain of n deltas on a base of base_size bytes. */
static void chain(int n, uint32_t base_size)
{
	struct buf d = BUF_INIT(1000);
	char *big = xcalloc(1, base_size);

	begin((uint32_t)n + 1);
	add_object(PACK_BLOB, big, base_size);
	for (int i = 0; i < n; i++) {
		copy_delta(&d, base_size + (uint32_t)i);
		add_ofs_delta(last_offset, &d);
	}
	end();
	buf_release(&d);
	free(big);
}

static void test_chains(void)
{
	uint32_t size = 8u * 1024 * 1024;
	int n = (int)(LIMIT_PACK_CHAIN_BYTES / size);

	chain(LIMIT_PACK_DEPTH, 100);
	ok(!scan_pack(), "a chain of LIMIT_PACK_DEPTH");
	chain(LIMIT_PACK_DEPTH + 1, 100);
	refused("a chain of more than", "a chain of one more");
	chain(n - 2, size);
	ok(!scan_pack(), "a chain that makes nearly 1 GiB");
	chain(n, size);
	refused("its deltas make more", "a chain that makes more than 1 GiB");
}

int main(void)
{
	test_good();
	test_damaged();
	test_counts();
	test_types();
	test_sizes();
	test_total();
	test_deltas();
	test_bases();
	test_chains();
	buf_release(&pack);
	return tap_done();
}
