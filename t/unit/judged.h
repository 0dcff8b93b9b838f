/*
 * What one judge of objects says of a text, for unit tests: whoever includes
 * this says in main() which judge it is.
 */
#ifndef T_UNIT_JUDGED_H
#define T_UNIT_JUDGED_H

#include <stdlib.h>
#include <string.h>

#include "schema/manifest.h"
#include "t/unit/tap.h"

static int (*check)(const struct object *o, struct problems *ps);

/* The findings about a text, one a line: "line:column message [rule]". */
static char *judge(const char *yaml)
{
	struct buf out = BUF_INIT(1024 * 1024);
	struct problems ps = PROBLEMS_INIT;
	struct objects os = OBJECTS_INIT;
	struct arena a = ARENA_INIT;

	manifest_read("", yaml, strlen(yaml), &a, &os, &ps);
	for (size_t i = 0; i < os.n; i++) {
		size_t before = ps.errors;
		int rc = check(&os.v[i], &ps);

		if ((rc < 0) != (ps.errors > before))
			buf_adds(&out, "result and errors disagree\n");
	}
	problems_sort(&ps);
	for (size_t i = 0; i < ps.n; i++) {
		problem_format(&ps.v[i], &out);
		buf_addc(&out, '\n');
	}
	problems_release(&ps);
	objects_release(&os);
	arena_release(&a);
	return buf_detach(&out, NULL);
}

static void good(const char *yaml, const char *what)
{
	char *got = judge(yaml);

	is_str(got, "", what);
	free(got);
}

/* Exactly one finding, which is this. */
static void bad(const char *yaml, const char *want)
{
	char *got = judge(yaml);
	size_t len = strlen(got);

	if (len)
		got[len - 1] = '\0';
	is_str(got, want, want);
	free(got);
}

#endif
