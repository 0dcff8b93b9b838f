/*
 * The question for the heads of many channels, and its answer: what is written
 * is read, and what is no such text is refused, wherever it is cut or changed.
 */
#include "config.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/heads.h"
#include "t/unit/tap.h"

#define FIRST "windlass-heads 1\n"
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct err err;

/* How many lines it has, or -1. */
static int ask(const char *text, size_t len)
{
	struct heads_line line = { .has = false };
	struct lines l;
	int n = 0, rc;

	if (heads_ask_open(&l, text, len, &err) < 0)
		return -1;
	while ((rc = heads_ask_next(&l, &line, &err)) > 0)
		n++;
	return rc < 0 ? -1 : n;
}

static void test_ask(void)
{
	static const char *const bad[] = {
		"", "windlass-heads 1", "windlass-heads 2\n",
		FIRST "a", FIRST "a\n", FIRST "a \n", FIRST " none\n",
		FIRST "a nones\n", FIRST "a none \n", FIRST "A none\n",
		FIRST "a/b none\n", FIRST "b none\na none\n",
		FIRST "a none\na none\n", FIRST "a none\n\n",
		FIRST "a 0123\n", FIRST "a " HEX "0\n", FIRST "a none\r\n",
	};
	struct buf b = BUF_INIT(LIMIT_HEADS_ASK_BYTES);
	struct heads_line line = { .has = false };
	struct sha256 known;
	struct lines l;

	ok(!sha256_parse(HEX, 64, &known), "a digest");
	heads_ask_begin(&b);
	heads_ask_add(&b, "prod", &known);
	heads_ask_add(&b, "test", NULL);
	is_str(b.data, FIRST "prod " HEX "\ntest none\n", "a question");
	ok(!heads_ask_open(&l, b.data, b.len, &err) &&
	   heads_ask_next(&l, &line, &err) == 1, "is read");
	ok(!strcmp(line.channel, "prod") && line.has &&
	   sha256_equal(&line.known, &known), "what is known");
	ok(heads_ask_next(&l, &line, &err) == 1 &&
	   !strcmp(line.channel, "test") && !line.has, "that nothing is");
	is_int(heads_ask_next(&l, &line, &err), 0, "and its end");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(ask(bad[i], strlen(bad[i])) < 0, "bad question %zu", i);
	is_int(ask(FIRST "a\0b none\n", strlen(FIRST) + 9), -1, "a NUL");
	buf_release(&b);
}

static int answer(const char *text, size_t len)
{
	struct heads_item item = { .head = NULL };
	struct heads_reader r;
	size_t bytes = 0;
	int n = 0, rc;

	if (heads_answer_open(&r, text, len, &err) < 0)
		return -1;
	while ((rc = heads_answer_next(&r, &item, &err)) > 0) {
		for (size_t i = 0; i < item.len; i++)
			bytes += item.head[i] != 0;
		n++;
	}
	return rc < 0 || bytes > len ? -1 : n;
}

static void test_answer(void)
{
	static const char *const bad[] = {
		"", "<html>", "windlass-heads 1", "windlass-heads 2\n",
		FIRST "none\n", FIRST "none \n", FIRST "none A\n",
		FIRST "none a", FIRST "some a\n", FIRST "head a\n",
		FIRST "head a 1\n", FIRST "head a 5\nabcd", FIRST "head a -1\n",
		FIRST "head a 1x\na", FIRST "head  1\na", FIRST "head a \na",
		FIRST "head a 18446744073709551615\na", FIRST "head a 01\na",
		FIRST "head a 4097\na", FIRST "none b\nnone a\n",
		FIRST "none a\nhead a 1\na", FIRST "\n",
	};
	static const char all[] = FIRST "head a 3\nx\nyhead b 0\nnone c\n";
	struct buf b = BUF_INIT(LIMIT_HEADS_ANSWER_BYTES);
	struct heads_item item = { .head = NULL };
	struct heads_reader r;
	int whole = 0;

	heads_answer_begin(&b);
	heads_answer_head(&b, "a", "x\ny", 3);
	heads_answer_head(&b, "b", "", 0);
	heads_answer_none(&b, "c");
	is_str(b.data, all, "an answer");
	ok(!heads_answer_open(&r, b.data, b.len, &err) &&
	   heads_answer_next(&r, &item, &err) == 1 && item.len == 3 &&
	   !memcmp(item.head, "x\ny", 3), "a head");
	ok(heads_answer_next(&r, &item, &err) == 1 && item.head &&
	   item.len == 0, "an empty one");
	ok(heads_answer_next(&r, &item, &err) == 1 && !item.head &&
	   !strcmp(item.channel, "c"), "none");
	is_int(heads_answer_next(&r, &item, &err), 0, "and its end");
	is_int(answer(FIRST, strlen(FIRST)), 0, "nothing is new");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(answer(bad[i], strlen(bad[i])) < 0, "bad answer %zu", i);
	/* cut off it is whole only between two items */
	for (size_t n = 0; n < b.len; n++)
		whole += answer(b.data, n) >= 0;
	is_int(whole, 3, "cut off anywhere");
	for (size_t i = 0; i < b.len; i++) {
		b.data[i] ^= 0x15;
		answer(b.data, b.len);
		b.data[i] ^= 0x15;
	}
	is_int(answer(b.data, b.len), 3, "flips do no harm");
	buf_release(&b);
}

static void test_limits(void)
{
	struct buf b = BUF_INIT(2 * LIMIT_HEADS_ASK_BYTES);
	struct sha256 known = { { 0 } };
	char name[LIMIT_CHANNEL_BYTES + 2];

	heads_ask_begin(&b);
	for (int i = 0; i < LIMIT_HEADS_ASKED; i++) {
		memset(name, 'a', LIMIT_CHANNEL_BYTES);
		snprintf(name, sizeof(name), "%04d", i);
		name[4] = 'a';
		name[LIMIT_CHANNEL_BYTES] = '\0';
		heads_ask_add(&b, name, &known);
	}
	ok(b.len <= LIMIT_HEADS_ASK_BYTES && b.len > LIMIT_HEADS_ASK_BYTES - 64,
	   "LIMIT_HEADS_ASKED of the longest names are LIMIT_HEADS_ASK_BYTES");
	is_int(ask(b.data, b.len), LIMIT_HEADS_ASKED, "which can be read");
	buf_reset(&b);
	heads_answer_begin(&b);
	memset(name, 'a', LIMIT_CHANNEL_BYTES + 1);
	name[LIMIT_CHANNEL_BYTES + 1] = '\0';
	heads_answer_none(&b, name);
	is_int(answer(b.data, b.len), -1, "LIMIT_CHANNEL_BYTES, and one more");
	buf_release(&b);
}

int main(void)
{
	test_ask();
	test_answer();
	test_limits();
	return tap_done();
}
