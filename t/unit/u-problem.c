/* Findings: kept up to a limit, counted beyond it, moved between lists. */
#include "config.h"

#include "schema/limits.h"
#include "schema/problem.h"
#include "t/unit/tap.h"

static void test_limit(void)
{
	struct problems ps = PROBLEMS_INIT, more = PROBLEMS_INIT;
	struct mark m = { 1, 1 };

	for (unsigned i = 0; i < LIMIT_PROBLEMS; i++)
		problem_error(&ps, "a", m, "rule", "%u", i);
	ok(ps.n == LIMIT_PROBLEMS && ps.errors == ps.n, "kept at the limit");
	problem_error(&ps, "a", m, "rule", "one more");
	ok(ps.n == LIMIT_PROBLEMS && ps.errors == ps.n + 1,
	   "counted one beyond");

	problem_warning(&more, "b", m, "rule", "w");
	problems_move(&more, &ps);
	ok(more.n == LIMIT_PROBLEMS && more.errors == LIMIT_PROBLEMS + 1 &&
	   more.warnings == 1 && !ps.n && !ps.errors && !ps.v,
	   "moved, within the limit");
	is_str(more.v[1].message, "0", "in order");
	problems_release(&more);
}

/* Names are compared for a while, and not for what is not kept. */
static void test_compared(void)
{
	struct problems ps = PROBLEMS_INIT, full = PROBLEMS_INIT;
	struct mark m = { 1, 1 };

	ok(problems_compare(&ps, LIMIT_NEAR - 7) && problems_compare(&ps, 7),
	   "names up to the limit are compared");
	ok(!problems_compare(&ps, 1), "one more is not");
	ok(problems_compare(&ps, 0), "none is");
	ok(!problems_compare(&full, LIMIT_NEAR + 1), "nor more at once");
	for (unsigned i = 0; i < LIMIT_PROBLEMS; i++)
		problem_error(&full, "a", m, "rule", "m");
	ok(!problems_compare(&full, 1), "nor any for what is not kept");
	problems_release(&ps);
	problems_release(&full);
}

/* Rules that are not evaluated: one warning, which names some. */
static void test_unjudged(void)
{
	struct problems all = PROBLEMS_INIT, one = PROBLEMS_INIT;

	problems_say_unjudged(&all);
	is_int(all.n, 0, "where all are judged nothing is said");
	problem_unjudged(&one, "Thing", "self.a\n");
	problems_move(&all, &one);
	is_int(all.unchecked, 1, "a rule that is not is counted");
	problems_say_unjudged(&all);
	problems_say_unjudged(&all);
	ok(all.n == 1 && all.warnings == 1 && !strcmp(all.v[0].message,
	   "1 rule of definitions is not evaluated here: the API server may "
	   "refuse what passes here (Thing: self.a\\x0a)"), "and named, once");
	for (int i = 0; i < LIMIT_UNJUDGED; i++)
		problem_unjudged(&one, "A", "b");
	problems_say_unjudged(&one);
	ok(strstr(one.v[0].message, "10 rules of definitions are") &&
	   !strstr(one.v[0].message, "more)"), "as many as are named");
	for (int i = 0; i <= LIMIT_UNJUDGED; i++)
		problem_unjudged(&one, "A", "b");
	problems_say_unjudged(&one);
	ok(strstr(one.v[1].message, "b; and 1 more)"), "one more is counted");
	problems_release(&all);
	problems_release(&one);
}

int main(void)
{
	test_limit();
	test_compared();
	test_unjudged();
	return tap_done();
}
