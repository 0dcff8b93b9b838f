/*
 * The index of packs: its text, and the cheapest way through it.
 */
#include "config.h"

#include <stdlib.h>

#include "schema/base/mem.h"
#include "schema/index.h"
#include "t/unit/tap.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccc"
#define D "dddddddddddddddddddddddddddddddddddddddd"
#define H "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

static const char text[] =
	"base " A " sha256:" H "0 1000\n"
	"delta " A " " B " sha256:" H "1 10\n"
	"delta " B " " C " sha256:" H "2 10\n"
	"delta " A " " C " sha256:" H "3 15\n"
	"base " C " sha256:" H "4 1020\n";

static int parse(const char *in, struct pack_index *ix, struct err *err)
{
	return pack_index_parse(in, strlen(in), ix, err);
}

static void test_text(void)
{
	struct pack_index ix = PACK_INDEX_INIT;
	struct buf b = BUF_INIT(LIMIT_INDEX_BYTES);
	struct err err = ERR_INIT;

	ok(!parse(text, &ix, &err) && ix.n == 5 && !ix.v[0].from[0] &&
	   !strcmp(ix.v[1].to, B) && ix.v[3].pack.bytes == 15,
	   "an index is read %s", err.msg);
	pack_index_write(&ix, &b);
	is_str(b.data, text, "and written again");
	buf_release(&b);
	pack_index_release(&ix);
}

static void test_bad(void)
{
	static const struct {
		const char *in, *error;
	} bad[] = {
		{ "", "line 1:" },
		{ "\n", "line 1:" },
		{ "base " A " sha256:" H "0 1000", "line 1:" },
		{ "base " A " sha256:" H "0 0\n", "line 1:" },
		{ "base " A " sha256:" H "0 2147483649\n", "line 1:" },
		{ "base " A " sha256:" H "0  1\n", "line 1:" },
		{ "base " A " sha256:" H "0 1 \n", "line 1:" },
		{ "base " A " sha256:" H "0\n", "line 1:" },
		{ "base " A " " H "0 1\n", "line 1:" },
		{ "base " A " SHA256:" H "0 1\n", "line 1:" },
		{ "base  " A " sha256:" H "0 1\n", "line 1:" },
		{ "Base " A " sha256:" H "0 1\n", "line 1:" },
		{ "base " A " " B " sha256:" H "0 1\n", "line 1:" },
		{ "delta " A " sha256:" H "0 1\n", "line 1:" },
		{ "delta " A " " A " sha256:" H "0 1\n", "line 1:" },
		{ "base 0000000000000000000000000000000000000000 sha256:" H
		  "0 1\n", "line 1:" },
		{ "base " A " sha256:" H "0 1\r\n", "line 1:" },
		{ "base " A " sha256:" H "0 1\n\n", "line 2:" },
		{ "base " A " sha256:" H "0 1\nbase " A " sha256:" H "1 1\n",
		  "line 2: stands" },
		{ "base " A " sha256:" H "0 1\nbase " B " sha256:" H "0 1\n",
		  "line 2: names the pack" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct pack_index ix = PACK_INDEX_INIT;
		struct err err = ERR_INIT;

		if (!ok(parse(bad[i].in, &ix, &err) == -1 && !ix.n &&
			err.class == ERR_DENIED &&
			strstr(err.msg, bad[i].error), "bad index %zu", i))
			printf("# %s\n", err.msg);
	}
}

static void test_every_byte(void)
{
	struct buf b = BUF_INIT(LIMIT_INDEX_BYTES);
	size_t len = strlen(text), lossy = 0, accepted = 0, cut = 0;
	char *in = xstrdup(text);

	for (size_t i = 0; i < len; i++) {
		struct pack_index ix = PACK_INDEX_INIT;
		struct err err = ERR_INIT;

		if (!pack_index_parse(in, i, &ix, &err))
			cut += !i || in[i - 1] != '\n';
		pack_index_release(&ix);
		for (int x = 1; x < 256; x++) {
			in[i] = (char)((unsigned char)text[i] ^ x);
			if (pack_index_parse(in, len, &ix, &err))
				continue;
			accepted++;
			buf_reset(&b);
			pack_index_write(&ix, &b);
			lossy += b.len != len || memcmp(b.data, in, len);
			pack_index_release(&ix);
		}
		in[i] = text[i];
	}
	ok(accepted && !lossy, "%zu changed indexes are read, each back to "
	   "its bytes", accepted);
	is_int(cut, 0, "none is read that was cut inside a line");
	buf_release(&b);
	free(in);
}

/* n entries that differ in all that must differ. */
static char *many(unsigned n)
{
	struct buf b = BUF_INIT(LIMIT_INDEX_BYTES);

	for (unsigned i = 1; i <= n; i++)
		buf_addf(&b, "base %040x sha256:%064x 1\n", i, i);
	return buf_detach(&b, NULL);
}

static void test_limits(void)
{
	struct pack_index ix = PACK_INDEX_INIT;
	struct err err = ERR_INIT;
	char *in = many(LIMIT_INDEX_ENTRIES);

	is_int(parse(in, &ix, &err), 0, "as many lines as are allowed");
	pack_index_release(&ix);
	free(in);
	in = many(LIMIT_INDEX_ENTRIES + 1);
	ok(parse(in, &ix, &err) && strstr(err.msg, "more than 1024 lines"),
	   "one line more");
	free(in);
	in = xmalloc(LIMIT_INDEX_BYTES + 1);
	memset(in, 'x', LIMIT_INDEX_BYTES + 1);
	ok(pack_index_parse(in, LIMIT_INDEX_BYTES + 1, &ix, &err) &&
	   strstr(err.msg, "larger than 1048576"), "one byte too many");
	ok(pack_index_parse(in, LIMIT_INDEX_BYTES, &ix, &err) &&
	   !strstr(err.msg, "larger"), "at the limit it is looked at");
	free(in);
}

/* The path as text: "0 3", "none", or "here" for nothing to fetch. */
static const char *path(const char *in, const char *have, const char *want)
{
	static char shown[256];
	struct pack_index ix = PACK_INDEX_INIT;
	struct err err = ERR_INIT;
	struct buf b = BUF_INIT(sizeof(shown) - 1);
	size_t *v = NULL, n = 99;

	if (parse(in, &ix, &err)) {
		buf_adds(&b, err.msg);
	} else if (pack_index_path(&ix, have, want, &v, &n, &err)) {
		buf_adds(&b, err.class == ERR_TRANSIENT && !v ? "none" :
			 err.msg);
	} else {
		buf_adds(&b, n ? "" : "here");
		for (size_t i = 0; i < n; i++)
			buf_addf(&b, i ? " %zu" : "%zu", v[i]);
	}
	snprintf(shown, sizeof(shown), "%s", b.data);
	free(v);
	buf_release(&b);
	pack_index_release(&ix);
	return shown;
}

static void test_path(void)
{
	static const char dear[] =
		"base " A " sha256:" H "0 1000\n"
		"delta " A " " B " sha256:" H "1 5000\n"
		"base " B " sha256:" H "2 1500\n"
		"delta " C " " D " sha256:" H "3 5\n"
		"delta " D " " C " sha256:" H "4 5\n";

	is_str(path(text, A, B), "1", "one step");
	is_str(path(text, A, C), "3", "one delta is less than two");
	is_str(path(text, B, C), "2", "the other step");
	is_str(path(text, "", C), "0 3", "from nothing: base and delta");
	is_str(path(text, "", A), "0", "from nothing: the base");
	is_str(path(text, D, B), "0 1", "what is had leads nowhere");
	is_str(path(text, C, B), "0 1", "there is no way back");
	is_str(path(text, C, C), "here", "nothing to fetch");
	is_str(path(text, A, D), "none", "no way at all");
	is_str(path(dear, A, B), "2", "a base that is less than a delta");
	is_str(path(dear, "", C), "none", "a circle is no way");
	is_str(path(dear, D, C), "4", "a circle is walked once");
}

/* A chain of 1024 deltas, as long as an index can be. */
static void test_chain(void)
{
	struct pack_index ix = PACK_INDEX_INIT;
	struct err err = ERR_INIT;
	size_t *v = NULL, n = 0, wrong = 0;
	char want[GIT_HEX_SIZE];

	for (unsigned i = LIMIT_INDEX_ENTRIES; i > 0; i--) {
		struct index_entry e = { .pack.bytes = LIMIT_PACK_BYTES };

		if (i > 1)
			snprintf(e.from, sizeof(e.from), "%040x", i - 1);
		snprintf(e.to, sizeof(e.to), "%040x", i);
		pack_index_add(&ix, &e);
	}
	snprintf(want, sizeof(want), "%040x", LIMIT_INDEX_ENTRIES);
	ok(!pack_index_path(&ix, "", want, &v, &n, &err) &&
	   n == LIMIT_INDEX_ENTRIES, "a chain of all entries");
	for (size_t i = 0; i < n; i++)
		wrong += v[i] != LIMIT_INDEX_ENTRIES - 1 - i;
	is_int(wrong, 0, "in its order");
	free(v);
	pack_index_release(&ix);
}

int main(void)
{
	test_text();
	test_bad();
	test_every_byte();
	test_limits();
	test_path();
	test_chain();
	return tap_done();
}
