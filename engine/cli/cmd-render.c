/*
 * windlass render: the bytes that would be signed and applied.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/cli/findings.h"
#include "engine/cli/review.h"
#include "engine/cli/tree-out.h"
#include "schema/base/buf.h"
#include "schema/base/mem.h"

static const char usage[] =
"usage: windlass render [OPTION]... FILE|DIRECTORY...\n"
"\n"
"Prints the objects of manifests as a bundle has them and a cluster gets\n"
"them: canonical JSON, sorted by their paths in the bundle. Files are chosen\n"
"and checked as by windlass check; if a push would be refused, nothing is\n"
"printed.\n"
"\n"
REVIEW_OPTIONS_HELP
"  -o DIRECTORY     write the bundle's tree there: objects, origins and\n"
"                   SHA256SUMS\n";

static int write_out(const struct renderings *out, const char *dir,
		     struct err *err)
{
	char hex[SHA256_HEX_SIZE];
	struct sha256 content;

	if (!dir) {
		for (size_t i = 0; i < out->n; i++)
			fwrite(out->v[i].bytes, 1, out->v[i].len, stdout);
		return 0;
	}
	if (tree_write(dir, out->v, out->n, &content, err) < 0)
		return -1;
	sha256_hex(&content, hex);
	printf("%zu object%s, Content-SHA256 %s\n", out->n,
	       out->n == 1 ? "" : "s", hex);
	return 0;
}

static int parse_options(int argc, char **argv, struct review *r,
			 const char **dir)
{
	const struct option_spec specs[] = {
		REVIEW_OPTIONS(r),
		{ .letter = 'o', .text = dir },
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status < 0 && optind == argc)
		return usage_error(usage, "name files or directories");
	return status;
}

static int run(struct review *r, char *const *paths, size_t n,
	       const char *dir)
{
	const struct findings_style style = {
		.lines = isatty(STDERR_FILENO), .color = cli_color(stderr),
	};
	struct renderings out = { 0 };
	struct err err = ERR_INIT;
	int status;

	r->take = renderings_take;
	r->arg = &out;
	status = review_run(r, paths, n);
	findings_print(stderr, r, &style);
	rendered_sort(out.v, out.n);
	if (status == EXIT_OK && write_out(&out, dir, &err) < 0)
		status = command_fail(&err);
	renderings_release(&out);
	return status;
}

int cmd_render(int argc, char **argv)
{
	const char *dir = NULL;
	struct review r;
	int status;

	review_init(&r);
	status = parse_options(argc, argv, &r, &dir);
	if (status < 0)
		status = run(&r, argv + optind, (size_t)(argc - optind), dir);
	review_release(&r);
	return status;
}
