/* What hooks read: the lines of a push, and what it allows to delete. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "hooks/guard.h"
#include "hooks/receive.h"
#include "schema/base/mem.h"
#include "t/unit/tap.h"

#define A40 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B40 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define Z40 "0000000000000000000000000000000000000000"
#define A64 A40 "aaaaaaaaaaaaaaaaaaaaaaaa"

static int parse(const char *text, struct updates *us, struct err *err)
{
	return updates_parse(text, strlen(text), us, err);
}

static void test_lines(void)
{
	struct updates us = UPDATES_INIT;
	struct err err = ERR_INIT;
	const struct update *u;

	ok(!parse("\n" A40 " " B40 " refs/heads/main\n\n"
		  Z40 " " A40 " refs/heads/a b", &us, &err) && us.n == 2,
	   "blank lines and a missing last LF are taken");
	u = &us.v[0];
	ok(!strcmp(u->old_id, A40) && !strcmp(u->new_id, B40) &&
	   !strcmp(u->ref, "refs/heads/main"), "a line is read");
	ok(u->target == u->ref, "a ref stands for itself until one looks");
	is_str(us.v[1].old_id, "", "a created ref has no old id");
	is_str(us.v[1].ref, "refs/heads/a b", "the rest is the name");
	updates_release(&us);
	ok(!parse(A40 " " Z40 " r\n", &us, &err) && !*us.v[0].new_id,
	   "a deleted one has no new id");
	updates_release(&us);
	ok(!parse("", &us, &err) && us.n == 0, "nothing is nothing");
}

static void test_bad_lines(void)
{
	static const char *const bad[] = {
		"x", A40 " " B40, A40 " " B40 " ", A40 "  " B40 " r",
		A40 " refs/heads/main", "AAAA " B40 " r",
		A40 "a " B40 " r", " " A40 " " B40 " r",
	};
	static const char nul[] = A40 " " B40 " r\0x\n";
	struct updates us = UPDATES_INIT;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(parse(bad[i], &us, &err) < 0 && err.class == ERR_INVALID &&
		   !us.v, "bad line %zu", i);
	ok(updates_parse(nul, sizeof(nul) - 1, &us, &err) < 0, "a NUL byte");
	ok(parse(A64 " " A64 " r\n", &us, &err) < 0 &&
	   strstr(err.msg, "SHA-256"), "64 hex digits are named");
}

static void test_line_limit(void)
{
	static const char line[] = A40 " " B40 " r\n";
	struct buf text = BUF_INIT(LIMIT_PUSH_BYTES);
	struct updates us = UPDATES_INIT;
	struct err err = ERR_INIT;

	for (int i = 0; i < LIMIT_PUSH_REFS; i++)
		buf_adds(&text, line);
	ok(!parse(text.data, &us, &err) && us.n == LIMIT_PUSH_REFS,
	   "refs at the limit");
	updates_release(&us);
	buf_adds(&text, line);
	ok(parse(text.data, &us, &err) < 0 && strstr(err.msg, "10000"),
	   "one beyond");
	buf_release(&text);
}

static void test_closed(void)
{
	ok(ref_is_closed("refs/windlass/prod") &&
	   ref_is_closed("refs/windlass-status/x") &&
	   ref_is_closed("refs/notes/windlass") &&
	   ref_is_closed("refs/notes/windlass/eu-1") &&
	   ref_is_closed("refs/replace/" A40), "our refs are closed");
	ok(ref_is_closed("refs/windlass") &&
	   ref_is_closed("refs/windlass-status") &&
	   ref_is_closed("refs/notes") && ref_is_closed("refs/replace"),
	   "and what would stand where their folders are to be");
	ok(!ref_is_closed("refs/heads/windlass/x") &&
	   !ref_is_closed("refs/notes/commits") &&
	   !ref_is_closed("refs/windlass-approvals/x") &&
	   !ref_is_closed("refs/windlassx") && !ref_is_closed("refs/note") &&
	   !ref_is_closed("refs/wind"), "others are not");
}

static void test_allow(void)
{
	static const char *const bad[] = {
		"", "0", "01", "-1", "+1", " 1", "1 ", "x", ":1", "prod:",
		"Prod:1", "prod:1:2", "1000001", "99999999999999999999",
	};
	struct allowances as = { .n = 0 };
	struct err err = ERR_INIT;

	ok(!allow_parse("12", &as, &err) && !allow_parse("prod:3", &as, &err),
	   "with and without a channel");
	ok(allow_covers(&as, "prod", 12) && allow_covers(&as, "prod", 3) &&
	   allow_covers(&as, "stage", 12), "exact numbers are covered");
	ok(!allow_covers(&as, "stage", 3), "not another channel's");
	ok(!allow_covers(&as, "prod", 11) && !allow_covers(&as, "prod", 13),
	   "no other number");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(allow_parse(bad[i], &as, &err) < 0 && as.n == 2,
		   "not a number: '%s'", bad[i]);
	while (as.n < LIMIT_PUSH_OPTIONS)
		allow_parse("1", &as, &err);
	ok(allow_parse("1", &as, &err) < 0, "no more than can be kept");
}

static void set_option(int i, const char *value)
{
	char name[64];

	snprintf(name, sizeof(name), "GIT_PUSH_OPTION_%d", i);
	setenv(name, value, 1);
}

static void set_count(int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	setenv("GIT_PUSH_OPTION_COUNT", text, 1);
}

static void test_options(void)
{
	char long_option[LIMIT_PUSH_OPTION_BYTES + 2];
	struct allowances as = { .n = 0 };
	struct err err = ERR_INIT;

	set_count(3);
	set_option(0, "ci.skip");
	set_option(1, "allow-deletes=prod:12");
	set_option(2, "allow-deletes-not=1");
	ok(!allow_options(&as, &err) && as.n == 1 && as.v[0].n == 12,
	   "ours is read, others are left alone");
	set_option(0, "allow-deletes");
	ok(allow_options(&as, &err) < 0 && strstr(err.msg, "needs a number"),
	   "no number");
	set_option(0, "allow-deletes=many");
	ok(allow_options(&as, &err) < 0 && strstr(err.msg, "many"),
	   "no number either");

	memset(long_option, 'x', sizeof(long_option));
	long_option[LIMIT_PUSH_OPTION_BYTES] = '\0';
	set_option(0, long_option);
	as.n = 0;
	ok(!allow_options(&as, &err), "an option at the limit");
	long_option[LIMIT_PUSH_OPTION_BYTES] = 'x';
	long_option[LIMIT_PUSH_OPTION_BYTES + 1] = '\0';
	set_option(0, long_option);
	ok(allow_options(&as, &err) < 0, "attack-41 one byte beyond");

	set_option(0, "x");
	set_count(LIMIT_PUSH_OPTIONS);
	as.n = 0;
	ok(!allow_options(&as, &err), "options at the limit");
	set_count(LIMIT_PUSH_OPTIONS + 1);
	ok(allow_options(&as, &err) < 0, "attack-41 one option beyond");
}

int main(void)
{
	test_lines();
	test_bad_lines();
	test_line_limit();
	test_closed();
	test_allow();
	test_options();
	return tap_done();
}
