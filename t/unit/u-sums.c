/*
 * SHA256SUMS: one text for one directory, and no other text is taken.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/sums.h"
#include "t/unit/tap.h"

#define A64 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define LINE(name) A64 "  " name "\n"

static const struct sums_entry *find(const struct sums *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].name, name))
			return &s->v[i];
	return NULL;
}

static void test_names(void)
{
	static const char *const good[] = {
		"a", "web.json", "system:node", "a-b_c.d", "Deployment",
		"*", "=", "~", "core", "_cluster", "SHA256SUMS.json",
	};
	static const char *const bad[] = {
		"", ".", "..", ".git", "-x", "a b", "a/b", "a\\b", "a%b",
		"a\"b", "a'b", "a\tb", "a\x7f", "\xc3\xa4", "SHA256SUMS",
	};
	char *name = xmalloc(LIMIT_NAME_BYTES + 2);
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		wrong += !bundle_name_ok(good[i]);
	is_int(wrong, 0, "names that a bundle may hold");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		wrong += bundle_name_ok(bad[i]);
	is_int(wrong, 0, "names that it may not");
	memset(name, 'a', LIMIT_NAME_BYTES + 1);
	name[LIMIT_NAME_BYTES + 1] = '\0';
	ok(!bundle_name_ok(name), "one byte over the limit");
	name[LIMIT_NAME_BYTES] = '\0';
	ok(bundle_name_ok(name), "at the limit");
	free(name);
}

static void test_parse(void)
{
	static const char *const bad[] = {
		"",
		"\n",
		A64 "  a",			/* no LF */
		LINE("a") "\n",
		A64 " a\n",
		A64 " *a\n",			/* sha256sum's binary mark */
		A64 "   a\n",
		"\\" LINE("a"),			/* its escapes */
		LINE("a\r"),
		LINE(""),
		LINE("SHA256SUMS"),
		LINE("/SHA256SUMS"),
		LINE("a/b"),
		LINE("a/b/SHA256SUMS"),
		LINE("../SHA256SUMS"),
		LINE("b") LINE("a"),
		LINE("a") LINE("a"),
		LINE("a/SHA256SUMS") LINE("a.b"),
		LINE("a") LINE("a-b") LINE("a/SHA256SUMS"),
		("E3B0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852"
		 "b855  a\n"),
	};
	static const char text[] =
		LINE("a-b") LINE("a.json") LINE("a/SHA256SUMS") LINE("a0");
	struct sums s = SUMS_INIT;
	struct buf out = BUF_INIT(4096);
	struct err err = ERR_INIT;
	int taken = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (!sums_parse(bad[i], strlen(bad[i]), &s, &err)) {
			printf("# taken: %s\n", bad[i]);
			taken++;
		}
	}
	is_int(taken, 0, "anything but the one form is refused");
	ok(s.n == 0 && !s.v, "a failure leaves the output alone");
	ok(sums_parse(LINE("a\0b"), sizeof(LINE("a\0b")) - 1, &s, &err) < 0,
	   "no NUL in a name");
	is_str(err.msg, "SHA256SUMS line 1: not '<sha256>  <name>' with a "
	       "name that a bundle may hold", "the message names the line");

	ok(!sums_parse(text, strlen(text), &s, &err) && s.n == 4,
	   "a good text");
	sums_write(&s, &out);
	is_str(out.data, text, "and written back to the same bytes");
	sums_release(&s);
	buf_release(&out);
}

static void test_limit(void)
{
	char *text = xmalloc((size_t)LIMIT_SUMS_BYTES + 1);
	struct sums s = SUMS_INIT;
	struct err err = ERR_INIT;
	size_t len = 0, line = SHA256_HEX_SIZE - 1 + 2 + 5 + 1;
	unsigned i = 0;

	/* names of five digits, then one that fills the rest exactly */
	for (; len + 2 * line < LIMIT_SUMS_BYTES && i < 90000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%05u", i);
		memcpy(text + len, A64 "  ", 66);
		memcpy(text + len + 66, name, 5);
		text[len + 71] = '\n';
		len += line;
	}
	ok(!sums_parse(text, len, &s, &err) && s.n == i,
	   "a directory of 90,000 files");
	sums_release(&s);
	memset(text, 'a', (size_t)LIMIT_SUMS_BYTES + 1);
	sums_parse(text, LIMIT_SUMS_BYTES, &s, &err);
	is_str(err.msg, "SHA256SUMS line 1: no line feed",
	       "at the limit it is read");
	sums_parse(text, (size_t)LIMIT_SUMS_BYTES + 1, &s, &err);
	is_str(err.msg, "SHA256SUMS is larger than 67108864 bytes",
	       "one byte beyond it is not");
	free(text);
}

static void test_set(void)
{
	struct sums s = SUMS_INIT;
	struct sha256 one, two;
	struct buf out = BUF_INIT(4096);

	sha256_of("1", 1, &one);
	sha256_of("2", 1, &two);
	sums_set(&s, "b", false, &one);
	sums_set(&s, "a", true, &one);
	sums_set(&s, "a.b", false, &one);
	sums_set(&s, "a", true, &two);
	ok(s.n == 3 && !strcmp(s.v[0].name, "a.b") &&
	   !strcmp(s.v[1].name, "a") && !strcmp(s.v[2].name, "b"),
	   "set keeps the order of the lines");
	ok(sha256_equal(&find(&s, "a")->digest, &two), "set replaces");
	sums_set(&s, "a", false, &one);
	ok(s.n == 3 && !find(&s, "a")->dir && !strcmp(s.v[0].name, "a"),
	   "a directory may become a file");
	ok(sums_del(&s, "a") && !sums_del(&s, "a") && s.n == 2, "del");
	sums_write(&s, &out);
	ok(out.len == 2 * 66 + 4 + 2, "what is left is written");
	sums_release(&s);
	sums_release(&s);
	buf_release(&out);
}

int main(void)
{
	test_names();
	test_parse();
	test_limit();
	test_set();
	return tap_done();
}
