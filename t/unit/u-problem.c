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
	is_str(more.v[0].message, "0", "an error takes a warning's place");
	is_str(more.v[1].message, "1", "in order");
	problems_release(&more);
}

/* Warnings fill the list, then come errors: those are what is kept. */
static void test_errors_first(void)
{
	struct problems ps = PROBLEMS_INIT;
	struct mark m = { 1, 1 };

	for (unsigned i = 0; i < LIMIT_PROBLEMS; i++)
		problem_add(&ps, "a", m, i == 5 ? SEVERITY_ERROR :
			    SEVERITY_WARNING, "rule", "%u", i);
	ok(problems_full(&ps, SEVERITY_WARNING) &&
	   !problems_full(&ps, SEVERITY_ERROR), "full of warnings");
	problem_warning(&ps, "a", m, "rule", "one more");
	ok(ps.n == LIMIT_PROBLEMS && ps.warnings == LIMIT_PROBLEMS,
	   "a warning beyond is counted");
	for (unsigned i = 0; i < LIMIT_PROBLEMS - 2; i++)
		problem_error(&ps, "a", m, "rule", "e%u", i);
	ok(ps.n == LIMIT_PROBLEMS && !problems_full(&ps, SEVERITY_ERROR),
	   "there is room for one error more");
	is_str(ps.v[0].message, "0", "the first warning is left");
	is_str(ps.v[1].message, "5", "and the first error");
	is_str(ps.v[2].message, "e0", "errors are in order");
	problem_error(&ps, "a", m, "rule", "last");
	problem_error(&ps, "a", m, "rule", "too many");
	ok(ps.n == LIMIT_PROBLEMS && problems_full(&ps, SEVERITY_ERROR) &&
	   ps.errors == LIMIT_PROBLEMS + 1, "and no more than that");
	is_str(ps.v[0].message, "5", "no warning is left");
	is_str(ps.v[LIMIT_PROBLEMS - 1].message, "last", "the rest is counted");
	problems_release(&ps);
}

/* Steps of rules up to a limit; beyond it that is said once. */
static void test_steps(void)
{
	struct problems ps = PROBLEMS_INIT, one = PROBLEMS_INIT;

	ok(problems_steps(&one, LIMIT_RULE_STEPS - 1), "steps are counted");
	problems_move(&ps, &one);
	ok(problems_steps(&ps, 1), "and may be as many as there may be");
	problems_say_unjudged(&ps);
	is_int(ps.n, 0, "which is nothing to tell");
	ok(problems_steps(&ps, LIMIT_RULE_STEPS), "for another run");
	ok(!problems_steps(&ps, 1) && !problems_steps(&ps, 0),
	   "one more is too many");
	problems_say_unjudged(&ps);
	problems_say_unjudged(&ps);
	ok(ps.n == 1 && ps.warnings == 1 &&
	   strstr(ps.v[0].message, "more than 500000000 steps"),
	   "which is told, once");
	problems_release(&ps);
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
	test_errors_first();
	test_steps();
	test_compared();
	test_unjudged();
	return tap_done();
}
