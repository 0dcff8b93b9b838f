/*
 * Printing them. See said.h.
 */
#include "config.h"
#include "engine/cli/said.h"

#include <stdio.h>

/* whoever may have made them up */
#define NAMES_SHOWN 16

static void print_names(const char *before, const char *what,
			const struct strvec *names, const char *after)
{
	for (size_t i = 0; i < names->n && i < NAMES_SHOWN; i++)
		printf("%s%s%s", i ? "" : before, i ? ", " : what,
		       names->v[i]);
	if (names->n > NAMES_SHOWN)
		printf(" and %zu more", names->n - NAMES_SHOWN);
	if (names->n)
		puts(after);
}

void said_print(git_repository *repo, const struct bundle *b,
		const char *before, const char *after)
{
	struct said s;

	said_read(repo, b, &s);
	print_names(before, "approved by ", &s.approved, after);
	print_names(before, "rejected by ", &s.rejected, after);
	if (s.more)
		printf("%smore was said than the %zu tags that were looked "
		       "at\n", before, s.n);
	said_release(&s);
}
