/*
 * Regular expressions: what Go refuses, what it matches, and where nothing
 * is said.
 */
#include "config.h"

#include <stdlib.h>

#include "schema/base/mem.h"
#include "schema/crd/pattern.h"
#include "schema/limits.h"
#include "t/unit/tap.h"

static enum pattern_verdict matchn(const char *re, size_t re_len,
				   const char *text, size_t len)
{
	enum pattern_verdict v;
	struct err err = ERR_INIT;
	struct pattern *p;
	uint64_t steps = 0;

	if (pattern_compile(re, re_len, &p, &err) < 0)
		return (enum pattern_verdict)-1;
	v = pattern_match(p, text, len, &steps);
	pattern_free(p);
	return v;
}

static enum pattern_verdict match(const char *re, const char *text)
{
	return matchn(re, strlen(re), text, strlen(text));
}

static bool refused(const char *re)
{
	struct err err = ERR_INIT;

	return pattern_check(re, strlen(re), &err) < 0;
}

static void syntax(void)
{
	static const char *const bad[] = {
		"(", ")", "a)", "(a", "[a", "[]", "[^]", "*", "+a", "?", "a|*",
		"(*)", "(?i)*", "a**", "a*+", "a{2}{3}", "a+{2}", "a???",
		"a{2,1}", "a{1001}", "a{1,1001}", "a{99999999999}",
		"(a{100}){11}", "((a{10}){10}){11}", "(a{1000})*{2}", "\\",
		"\\8", "\\1", "\\q", "\\Z", "\\K", "\\C", "\\x", "\\x4",
		"\\xg0", "\\x{}", "\\x{110000}", "\\x{41", "\\\303\251",
		"[z-a]", "[a-\\d]", "[[:foo:]]", "[[:foo:]", "[\\q]",
		"[[:word:]",
		"\\p", "\\p{", "(?", "(?P", "(?P<", "(?P<n", "(?P<n>", "(?P<>a)",
		"(?P<a-b>a)", "(?<>a)", "(?<a", "(?=a)", "(?!a)", "(?<=a)",
		"(?<!a)", "(?>a)", "(?#a)", "(?x)a", "(?i", "(?i-)", "(?--i)",
		"(?'n'a)", "(?P=n)", "(?P>n)", "(?R)", "(?1)", "(?(1)a)",
	};
	static const char *const good[] = {
		"", "|", "a||b", "()", "(|a)*", "a{,2}", "a{", "a{b}", "a{2",
		"a{01}", "{", "}", "]", "a]", "^*", "$+", "\\b?", "(?)", "(?i)",
		"(?i-s:a)", "(?U)a+?", "(?P<n>a)(?P<n>b)", "(?<n_1>a)",
		"a*(?i)*", "a*\\Q\\E*", "\\Qa(\\E*", "\\Qa", "[]a]", "[^]a]",
		"[a-]", "[-a]", "[\\d-z]", "[[:alpha:]-]", "[[:^alpha:]]",
		"[[.a.]]", "\\_", "\\-", "\\/", "\\0", "\\012",
		"\\12", "\\377", "\\x41", "\\x{10FFFF}", "\\a\\f\\n\\r\\t\\v",
		"\\pL", "\\p{Lu}", "\\P{^Lu}", "(a{10}){100}", "a{1000}",
		"((a{100}){0}){50}", "x{0}", "(x{500}){0,1}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(refused(bad[i]), "'%s' is refused", bad[i]);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ok(!refused(good[i]), "'%s' is taken", good[i]);
}

struct sample {
	const char *re, *yes, *no;	/* NULL: nothing of that kind */
};

static const struct sample samples[] = {
	{ "", "", NULL },
	{ "^a$", "a", "a\n" },
	{ "b", "abc", "ac" },
	{ "^a.c$", "a c", "a\nc" },
	{ "(?s)^a.c$", "a\nc", "ac" },
	{ "(?m)^b$", "a\nb\nc", "ab" },
	{ "(?m)^$", "a\n", "a" },
	{ "^\\s$", "\f", "\v" },
	{ "^[\\s]$", "\t", "\v" },
	{ "^[[:space:]]$", "\v", "x" },
	{ "^[^a]$", "\n", "a" },
	{ "^\\d\\D\\w\\W$", "1a_-", "11__" },
	{ "^[\\D]$", "a", "1" },
	{ "a\\b", "a b", "ab" },
	{ "a\\B", "ab", "a b" },
	{ "\\Ab\\z", "b", "ab" },
	{ "^\\Qa.b\\E+$", "a.bb", "axb" },
	{ "^a{2,3}$", "aaa", "aaaa" },
	{ "^a{2,}$", "aaaaa", "a" },
	{ "^a{,2}$", "a{,2}", "aa" },
	{ "^(?:a|b|)c$", "c", "dc" },
	{ "^(|a)*b$", "aab", "aac" },
	{ "^(a|ab)(c|bcd)$", "abcd", "abcdd" },
	{ "(?i)^shark$", "sHaRK", "shar" },
	{ "(?i)^[a-c]x$", "BX", "dX" },
	{ "(?i)^[^a]$", "b", "A" },
	{ "(?i)^\\W$", "-", "S" },
	{ "(?i)^[[:lower:]]$", "A", "1" },
	{ "(?i)\342\204\252", "k", "c" },
	{ "^(?i:a)b$", "Ab", "AB" },
	{ "^(a(?i)b|c)d$", "Cd", "CD" },
	{ "^(?i)a(?-i)b$", "Ab", "AB" },
	{ "^[]a]+$", "]a", "[" },
	{ "^[a\\-z]$", "-", "b" },
	{ "^[+--]$", ",", "." },
	{ "^\\x41\\x{42}\\103$", "ABC", "abc" },
	{ "^\\pL\\p{Nd}\\P{Lu}$", "a1b", "a1B" },
	{ "^[^\\pL\\d]$", "-", "x" },
	{ "^a*(?i)*$", "aaa", "b" },
	{ "^x{0}$", "", "x" },
	{ "^\303\251+$", "\303\251\303\251", "e" },
	{ "^.$", "\303\251", "\303\251\303\251" },
	{ "^[^\\x00-\\x{10FFFF}]?$", "", "a" },
	{ "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
	  "a-b.c", "a-b.c-" },
	{ "^(0|([0-9]+(\\.[0-9]+)?(y|w|d|h|m|s|ms|us|ns)))+$", "1h30m",
	  "1 h" },
};

static void matches(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *s = &samples[i];

		ok(match(s->re, s->yes) == PATTERN_YES, "'%s' matches '%s'",
		   s->re, s->yes);
		if (s->no)
			ok(match(s->re, s->no) == PATTERN_NO, "and not '%s'",
			   s->no);
	}
	ok(matchn("^a\0b$", 5, "a\0b", 3) == PATTERN_YES &&
	   matchn("^a\0b$", 5, "a\0c", 3) == PATTERN_NO,
	   "NUL is a character as any other");
}

static void unknown(void)
{
	static const char *const beyond[] = {
		"^\\pL$", "(?i)^\303\211$", "(?i)^[a-z]$",
	};

	for (size_t i = 0; i < ARRAY_SIZE(beyond); i++)
		ok(match(beyond[i], "\303\251") == PATTERN_UNKNOWN,
		   "'%s' says nothing of an e with an accent", beyond[i]);
	ok(match("^\\p{Greek}$", "a") == PATTERN_UNKNOWN,
	   "a script by name is not judged");
	ok(match("(?i)^\\p{Lu}$", "a") == PATTERN_UNKNOWN,
	   "nor a category without case");
	ok(match("\\x{d800}", "a") == PATTERN_UNKNOWN, "nor a surrogate");
}

/* A text of n times `unit`, between before and after. */
static char *many(const char *before, const char *unit, size_t n,
		  const char *after)
{
	size_t len = strlen(before) + n * strlen(unit) + strlen(after);
	char *s = xmalloc(len + 1), *at = stpcpy(s, before);

	while (n--)
		at = stpcpy(at, unit);
	memcpy(at, after, strlen(after) + 1);
	return s;
}

static void is_limit(char *re, const char *text, enum pattern_verdict want,
		     const char *what)
{
	ok(match(re, text) == want, "%s", what);
	free(re);
}

static void limits(void)
{
	char *text;

	is_limit(many("", "a", LIMIT_PATTERN_BYTES, ""), "b", PATTERN_NO,
		 "an expression at the limit");
	is_limit(many("", "a", LIMIT_PATTERN_BYTES + 1, ""), "b",
		 PATTERN_UNKNOWN, "one beyond");
	text = many("", "(", LIMIT_PATTERN_DEPTH, "a");
	is_limit(many(text, ")", LIMIT_PATTERN_DEPTH, ""), "a", PATTERN_YES,
		 "groups at the limit");
	free(text);
	text = many("", "(", LIMIT_PATTERN_DEPTH + 1, "a");
	is_limit(many(text, ")", LIMIT_PATTERN_DEPTH + 1, ""), "a",
		 PATTERN_UNKNOWN, "one beyond");
	free(text);
	is_limit(many("(", "a", LIMIT_PATTERN_SIZE / 1000 - 1, "){1000}"), "b",
		 PATTERN_NO, "a size at the limit");
	is_limit(many("(", "a", LIMIT_PATTERN_SIZE / 1000, "){1000}"), "b",
		 PATTERN_UNKNOWN, "one beyond");
}

/* The verdict on n letters that do not match, and the steps it took. */
static enum pattern_verdict costs(const char *re, unsigned n, uint64_t *steps)
{
	char *text = many("", "a", n, "b");
	enum pattern_verdict v;
	struct err err = ERR_INIT;
	struct pattern *p;

	*steps = 0;
	if (pattern_compile(re, strlen(re), &p, &err) < 0)
		return (enum pattern_verdict)-1;
	v = pattern_match(p, text, strlen(text), steps);
	pattern_free(p);
	free(text);
	return v;
}

/*
 * Each letter more takes twice the steps, until LIMIT_PATTERN_STEPS; the
 * steps of ours that are counted are never fewer, and at most ten times more.
 */
static void steps(void)
{
	uint64_t few, most, beyond;
	unsigned n = 1;

	ok(costs("^(a|a)*$", 1, &few) == PATTERN_NO && few < 50,
	   "a simple match counts little");
	while (costs("^(a|a)*$", n, &most) == PATTERN_NO)
		n++;
	ok(costs("^(a|a)*$", n, &beyond) == PATTERN_UNKNOWN &&
	   beyond > LIMIT_PATTERN_STEPS / 4,
	   "beyond LIMIT_PATTERN_STEPS nothing is said, and all are counted");
	ok(costs("^(a|a)*$", n - 1, &most) == PATTERN_NO &&
	   most >= LIMIT_PATTERN_STEPS / 8 && most <= beyond,
	   "just below it is said");
	ok(costs("^(a|a)*$", n - 8, &few) == PATTERN_NO &&
	   few < most / 5, "and fewer count less");
}

/* Where to go on is remembered for each letter, until LIMIT_PATTERN_HEAP. */
static void heap(void)
{
	uint64_t steps;
	unsigned n = 1000, beyond = 4000000;

	ok(costs("^(?:a|c)*$", n, &steps) == PATTERN_NO,
	   "memory for a long text");
	ok(costs("^(?:a|c)*$", beyond, &steps) == PATTERN_UNKNOWN,
	   "not for any");
	while (n + 1 < beyond) {
		unsigned mid = n + (beyond - n) / 2;

		if (costs("^(?:a|c)*$", mid, &steps) == PATTERN_NO)
			n = mid;
		else
			beyond = mid;
	}
	ok(costs("^(?:a|c)*$", beyond, &steps) == PATTERN_UNKNOWN &&
	   steps < LIMIT_PATTERN_STEPS / 4 + beyond,
	   "that is LIMIT_PATTERN_HEAP, not LIMIT_PATTERN_STEPS");
}

int main(void)
{
	syntax();
	matches();
	unknown();
	limits();
	steps();
	heap();
	return tap_done();
}
