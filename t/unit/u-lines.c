/*
 * Strict line texts; UTF-8.
 */
#include "config.h"

#include "schema/base/lines.h"
#include "schema/base/mem.h"
#include "schema/base/utf8.h"
#include "t/unit/tap.h"

#define LINES(text) LINES_INIT((text), sizeof(text) - 1, ERR_DENIED)

static void test_next(void)
{
	struct lines l = LINES("a\n\nb\n");
	struct lines cut = LINES("a\nb");
	struct lines cr = LINES("a\r\n");
	struct lines nul = LINES("a\0b\n");
	struct lines empty = LINES("");
	struct err err = ERR_INIT;

	ok(lines_next(&l, &err) == 1 && l.len == 1 && l.n == 1 &&
	   lines_next(&l, &err) == 1 && l.len == 0 && l.n == 2 &&
	   lines_next(&l, &err) == 1 && l.text[0] == 'b' &&
	   lines_next(&l, &err) == 0, "lines come one by one");
	ok(lines_next(&cut, &err) == 1 && lines_next(&cut, &err) == -1,
	   "a last line without LF is refused");
	is_str(err.msg, "line 2: has no line feed at its end", "it says so");
	is_int(err.class, ERR_DENIED, "with the text's own class");
	is_int(lines_next(&cr, &err), -1, "CR is refused");
	is_str(err.msg, "line 1: holds the control byte 0x0d", "by its name");
	is_int(lines_next(&nul, &err), -1, "NUL is refused");
	is_int(lines_next(&empty, &err), 0, "an empty text has no lines");
}

static void test_typed(void)
{
	struct lines l = LINES("x 1\nx 1\nx 1\ny 2\nx \nx abc\nx abcd\n"
			       "x \xc3\xa4\nx 2026-02-30T00:00:00Z\nx ABCD\n"
			       "more\n");
	struct err err = ERR_INIT;
	uint64_t u = 0;
	int64_t t = 7;
	char s[4] = "";

	ok(!lines_u64(&l, "x ", 1, 1, &u, &err) && u == 1, "a number");
	is_int(lines_u64(&l, "x ", 2, 3, &u, &err), -1, "out of range");
	is_str(err.msg, "line 2: 'x ' is not a plain decimal number from 2 to "
	       "3", "it says what is wanted");
	is_int(lines_literal(&l, "x 2", &err), -1, "another literal");
	is_str(err.msg, "line 3: is not 'x 2' but 'x 1'", "it shows both");
	is_int(lines_u64(&l, "x ", 0, 9, &u, &err), -1, "another prefix");
	is_int(lines_ascii(&l, "x ", s, sizeof(s), &err), -1, "no value");
	ok(!lines_ascii(&l, "x ", s, sizeof(s), &err) && !strcmp(s, "abc"),
	   "a text that just fits");
	is_int(lines_ascii(&l, "x ", s, sizeof(s), &err), -1, "one byte more");
	is_int(lines_ascii(&l, "x ", s, sizeof(s), &err), -1, "not ASCII");
	is_int(lines_time(&l, "x ", &t, &err), -1, "30 February");
	is_int(lines_hex(&l, "x ", 3, s, &err), -1, "upper-case hex");
	is_int(lines_end(&l, &err), -1, "a line too many");
	is_str(err.msg, "line 11: is one too many: the text must end before "
	       "it", "it says so");
	ok(!lines_literal(&l, "more", &err) && !lines_end(&l, &err),
	   "the end is the end");
	is_int(lines_literal(&l, "z", &err), -1, "nothing after it");
	ok(!strcmp(s, "abc") && t == 7 && u == 1, "outputs are untouched");
}

static void test_format(void)
{
	struct lines l = LINES("form 1\nform 2\nform 01\nfarm 1\nform \n"
			       "form 111111111111111111111111\n");
	struct err err = ERR_INIT;

	ok(!lines_format(&l, "form ", "1", &err), "a form that is known");
	is_int(lines_format(&l, "form ", "1", &err), -1, "another one");
	is_str(err.msg, "line 2: is 'form 2', of another version of windlass, "
	       "and this one reads 'form 1'; update it", "what it is of");
	is_int(lines_format(&l, "form ", "1", &err), -1, "no number");
	is_str(err.msg, "line 3: is not 'form 1' but 'form 01'", "that is said");
	is_int(lines_format(&l, "form ", "1", &err), -1, "another prefix");
	is_int(lines_format(&l, "form ", "1", &err), -1, "nothing behind it");
	is_int(lines_format(&l, "form ", "1", &err), -1, "far too much");
	is_int(lines_format(&l, "form ", "1", &err), -1, "the end");
}

static bool is_utf8(const char *s)
{
	for (size_t n; *s; s += n) {
		n = utf8_length(s, strlen(s));
		if (!n)
			return false;
	}
	return true;
}

static void test_utf8(void)
{
	static const char *const good[] = {
		"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
		"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
	};
	static const char *const bad[] = {
		"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xe1\x80", "\xe1\x80\x41",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xf1\x80\x80", "\xff", "a\xff",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ok(is_utf8(good[i]), "UTF-8 %zu", i);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(!is_utf8(bad[i]), "no UTF-8 %zu", i);
}

int main(void)
{
	test_next();
	test_typed();
	test_format();
	test_utf8();
	return tap_done();
}
