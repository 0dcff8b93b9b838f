/*
 * Printing them. See said.h.
 */
#include "config.h"
#include "engine/cli/said.h"

#include <stdio.h>

static void print_names(const char *before, const char *what,
			const struct strvec *names, const char *after)
{
	for (size_t i = 0; i < names->n; i++)
		printf("%s%s%s", i ? "" : before, i ? ", " : what,
		       names->v[i]);
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
	said_release(&s);
}
