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

int main(void)
{
	test_limit();
	return tap_done();
}
