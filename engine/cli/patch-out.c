/*
 * Lines that differ. See patch-out.h. The comparison is libgit2's.
 */
#include "config.h"
#include "engine/cli/patch-out.h"

#include <stdio.h>

#include "engine/cli/cli.h"
#include "schema/repo.h"

static void print_line(FILE *out, bool color, char op, const char *text,
		       size_t len)
{
	const char *paint = op == '+' ? "\033[32m" : op == '-' ? "\033[31m"
							       : "";
	const char *end = *paint ? "\033[m" : "";

	fprintf(out, "%s%c", color ? paint : "", op);
	cli_scrub(out, text, len);
	fprintf(out, "%s\n", color ? end : "");
}

struct style {
	FILE *out;
	bool color, brief;
};

static int print_patch_line(const git_diff_delta *delta,
			    const git_diff_hunk *hunk,
			    const git_diff_line *line, void *arg)
{
	const struct style *s = arg;
	size_t len = line->content_len;

	if (line->origin == GIT_DIFF_LINE_HUNK_HDR) {
		if (s->brief && hunk->old_start <= 1 && hunk->new_start <= 1)
			return 0;
		fprintf(s->out, "%s@@ -%d,%d +%d,%d @@%s\n",
			s->color ? "\033[36m" : "", hunk->old_start,
			hunk->old_lines, hunk->new_start, hunk->new_lines,
			s->color ? "\033[m" : "");
		return 0;
	}
	if (line->origin != '+' && line->origin != '-' && line->origin != ' ')
		return 0;
	if (len && line->content[len - 1] == '\n')
		len--;
	print_line(s->out, s->color, line->origin, line->content, len);
	return 0;
}

int patch_print(FILE *out, const struct buf *old_text,
		const struct buf *new_text, bool color, bool brief,
		struct err *err)
{
	struct style style = { out, color, brief };
	git_patch *patch;

	if (git_patch_from_buffers(&patch, old_text->data, old_text->len, NULL,
				   new_text->data, new_text->len, NULL,
				   NULL) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot compare an object");
	git_patch_print(patch, print_patch_line, &style);
	git_patch_free(patch);
	return 0;
}
