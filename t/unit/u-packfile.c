/*
 * Packs of our own writing: stock git reads them, whole and thin, and every
 * delta leads to the text that it was made with.
 */
#include "config.h"

#include <fcntl.h>
#include <git2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks/packfile.h"
#include "hooks/patch.h"
#include "hooks/store.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/proc.h"
#include "schema/repo.h"
#include "t/unit/tap.h"

static struct err err = ERR_INIT;
static char *dir;

/* ---- deltas ---- */

/* Applies a delta as gitformat-pack says. -1: it is not one. */
static int apply(const struct buf *delta, const char *old, size_t old_len,
		 struct buf *out)
{
	const uint8_t *p = (const uint8_t *)delta->data;
	const uint8_t *end = p + delta->len;
	size_t sizes[2] = { 0, 0 };

	for (int i = 0; i < 2; i++)
		for (int shift = 0; ; shift += 7) {
			sizes[i] |= (size_t)(*p & 0x7f) << shift;
			if (!(*p++ & 0x80))
				break;
		}
	while (p < end) {
		uint8_t op = *p++;
		size_t at = 0, len = 0;

		if (!(op & 0x80)) {
			if (!op || p + op > end)
				return -1;
			buf_add(out, p, op);
			p += op;
			continue;
		}
		for (int i = 0; i < 4; i++)
			at |= op >> i & 1 ? (size_t)*p++ << (8 * i) : 0;
		for (int i = 0; i < 3; i++)
			len |= op >> (4 + i) & 1 ? (size_t)*p++ << (8 * i) : 0;
		if (!len || at + len > old_len)
			return -1;
		buf_add(out, old + at, len);
	}
	return sizes[0] == old_len && sizes[1] == out->len ? 0 : -1;
}

static void test_patches(void)
{
	static char old[300000];
	int wrong = 0, holes = 0;

	srandom(3);
	for (size_t i = 0; i < sizeof(old); i++)
		old[i] = (char)random();
	for (int round = 0; round < 300; round++) {
		struct buf delta = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
		size_t old_len = (size_t)random() % sizeof(old);
		struct patch_hole hole = { .len = 0 };
		struct patch p;

		patch_init(&p, old, old_len, 1 << 20);
		for (int n = (int)(random() % 12); n > 0; n--) {
			size_t at = (size_t)random() % (old_len + 1);
			size_t len = (size_t)random() % (old_len - at + 1);

			if (random() % 3 == 0)
				len %= 300;
			if (p.text.len + len > 900000)
				break;
			if (random() % 2)
				patch_copy(&p, at, len);
			else
				patch_insert(&p, old + at, len % 1000);
			if (random() % 5 == 0)
				patch_hole(&p, 20, &hole);
		}
		if (hole.len)
			patch_fill(&p, &hole, "twenty bytes in here");
		patch_delta(&p, &delta);
		wrong += apply(&delta, old, old_len, &out) < 0 ||
			 out.len != p.text.len ||
			 memcmp(out.data, p.text.data, out.len);
		holes += hole.len && memcmp(p.text.data + hole.in_text,
					    "twenty bytes in here", 20);
		buf_release(&delta);
		buf_release(&out);
		patch_release(&p);
	}
	is_int(wrong, 0, "every delta leads to its text");
	is_int(holes, 0, "every hole is filled");
}

static void test_same(void)
{
	struct patch p;

	patch_init(&p, "one two", 7, 100);
	patch_copy(&p, 0, 4);
	patch_copy(&p, 4, 3);
	ok(patch_same(&p), "all of it in two pieces is the same");
	patch_insert(&p, "!", 1);
	ok(!patch_same(&p), "and one byte more is not");
	patch_release(&p);
	patch_init(&p, "one two", 7, 100);
	patch_copy(&p, 0, 6);
	ok(!patch_same(&p), "nor one byte less");
	patch_release(&p);
}

static void test_between(void)
{
	static const char *const texts[] = {
		"", "a", "aa", "ab", "aba", "abaaba", "xabax", "abxba",
		"aaaaaaaaaa", "aaaaabaaaa",
	};
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (size_t j = 0; j < ARRAY_SIZE(texts); j++) {
			struct buf delta = BUF_INIT(100), out = BUF_INIT(100);

			patch_between(texts[i], strlen(texts[i]), texts[j],
				      strlen(texts[j]), &delta);
			wrong += apply(&delta, texts[i], strlen(texts[i]),
				       &out) < 0 || strcmp(out.data, texts[j]);
			buf_release(&delta);
			buf_release(&out);
		}
	is_int(wrong, 0, "between any two texts");
}

/* ---- packs ---- */

__attribute__((format(printf, 2, 3)))
static bool shell(struct buf *out, const char *fmt, ...)
{
	struct buf text = BUF_INIT(10000);
	struct proc p = {
		.argv = (const char *const[]){ "sh", "-c", NULL, NULL },
		.out = out, .dir = dir,
	};
	const char *argv[] = { "sh", "-ec", NULL, NULL };
	va_list ap;
	bool good;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	argv[2] = text.data;
	p.argv = argv;
	good = proc_check(&p, &err) == 0;
	if (!good)
		printf("# %s: %s\n", text.data, err.msg);
	buf_release(&text);
	return good;
}

static void fill(char *text, size_t len, int seed)
{
	srandom((unsigned)seed);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + random() % 26);
}

/* Writes an object, and what replaces it in another bundle. */
static void write_pair(struct store *first, struct store *second, size_t len,
		       bool by_patch, int seed)
{
	char *text = xmalloc(len + 1);
	struct store_object o = {
		.type = GIT_OBJECT_BLOB, .data = text, .len = len,
	};
	struct buf delta = BUF_INIT(SIZE_MAX / 4);
	struct patch p;
	git_oid base, id;

	fill(text, len, seed);
	store_write(first, &o, &base, &err);
	patch_init(&p, text, len, len + 100);
	patch_copy(&p, 0, len / 2);
	patch_insert(&p, "changed", 7);
	patch_copy(&p, len / 2, len - len / 2);
	patch_delta(&p, &delta);
	o.data = p.text.data;
	o.len = p.text.len;
	o.base = &base;
	o.delta = by_patch ? &delta : NULL;
	store_write(second, &o, &id, &err);
	patch_release(&p);
	buf_release(&delta);
	free(text);
}

static void test_store(void)
{
	char *a = xasprintf("%s/a.git", dir), *thin;
	struct store *first = NULL, *second = NULL;
	struct buf out = BUF_INIT(100000);
	int fd;

	ok(shell(NULL, "git init -q --bare a.git"), "a repository");
	first = store_new(a);
	second = store_new(a);
	for (int i = 0; i < 20; i++)
		write_pair(first, second, (size_t)(1 << i) / 2, i % 2, i);
	ok(!store_flush(first, &err), "the first bundle");
	ok(shell(&out, "cd a.git && git fsck --full --strict && "
		 "git count-objects -v && git verify-pack objects/pack/*.idx"),
	   "git reads the pack");
	ok(strstr(out.data, "in-pack: 20") != NULL, "all of it");
	/* a repository that has the first, and gets the thin pack */
	ok(shell(NULL, "cp -r a.git b.git"), "a copy");
	ok(!store_flush(second, &err), "the second bundle");
	buf_reset(&out);
	ok(shell(&out, "ls -l a.git/objects/pack") &&
	   !strstr(out.data, "tmp_") && strstr(out.data, "-r--r--r--"),
	   "nothing is left over");
	thin = xasprintf("%s/thin", dir);
	fd = open(thin, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	is_int(store_thin(second, fd, thin, &err), 0, "its thin pack");
	ok(lseek(fd, 0, SEEK_END) < 20000, "is thin");
	close(fd);
	ok(shell(NULL, "cd b.git && git index-pack --fix-thin --stdin <../thin"
		 " && git cat-file --batch-all-objects --batch-check >../b && "
		 "cd ../a.git && git fsck --full --strict && git cat-file "
		 "--batch-all-objects --batch-check >../a && cmp ../a ../b"),
	   "and leads to the same objects");
	store_free(first);
	store_free(second);
	buf_release(&out);
	free(thin);
	free(a);
}

static void test_thin_limits(void)
{
	char *a = xasprintf("%s/a.git", dir), text[32];
	struct store_object o = { .type = GIT_OBJECT_BLOB, .data = text };
	struct store *s = NULL;
	char *big = xcalloc(1, STORE_THIN_BYTES + 1);
	git_oid id;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	s = store_new(a);
	for (int i = 0; i < STORE_THIN_OBJECTS; i++) {
		snprintf(text, sizeof(text), "limit %d", i);
		o.len = strlen(text);
		store_write(s, &o, &id, &err);
	}
	is_int(store_thin(s, fd, "null", &err) == 1, 0, "objects at the limit");
	o.data = "one more";
	o.len = 8;
	store_write(s, &o, &id, &err);
	is_int(store_thin(s, fd, "null", &err), 1, "one beyond: not by us");
	store_free(s);

	s = store_new(a);
	o.data = big;
	o.len = STORE_THIN_BYTES;
	store_write(s, &o, &id, &err);
	is_int(store_thin(s, fd, "null", &err) == 1, 0, "bytes at the limit");
	o.len = 1;
	store_write(s, &o, &id, &err);
	is_int(store_thin(s, fd, "null", &err), 1, "one beyond");
	store_free(s);
	close(fd);
	free(big);
	free(a);
}

/* Offsets beyond 2 GB stand in a table of their own. */
static void test_large_offsets(void)
{
	struct pack_place v[] = {
		{ { { 1 } }, 5000000000u, 1 }, { { { 3 } }, 12, 2 },
		{ { { 2 } }, 0x80000000u, 3 }, { { { 2, 1 } }, 0x7fffffff, 4 },
	};
	uint8_t checksum[SHA1_SIZE] = { 0 };
	struct buf idx = BUF_INIT(100000), out = BUF_INIT(10000);
	char *path = xasprintf("%s/large.idx", dir);

	packfile_index(v, ARRAY_SIZE(v), checksum, &idx);
	fs_write(AT_FDCWD, path, idx.data, idx.len, 0600, &err);
	ok(shell(&out, "git show-index <large.idx"), "git reads the index");
	is_str(out.data,
	       "5000000000 0100000000000000000000000000000000000000 (00000001)\n"
	       "2147483648 0200000000000000000000000000000000000000 (00000003)\n"
	       "2147483647 0201000000000000000000000000000000000000 (00000004)\n"
	       "12 0300000000000000000000000000000000000000 (00000002)\n",
	       "each offset");
	buf_release(&idx);
	buf_release(&out);
	free(path);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");

	dir = xasprintf("%s/u-packfile-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir) || repo_init_library(&err) < 0)
		return 99;
	test_patches();
	test_same();
	test_between();
	test_store();
	test_thin_limits();
	test_large_offsets();
	fs_remove_tree(dir, &err);
	free(dir);
	return tap_done();
}
