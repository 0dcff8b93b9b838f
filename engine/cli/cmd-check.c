/*
 * windlass check: what the Git host's gate would say of these files, before
 * they are pushed.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <inttypes.h>
#include <stdio.h>

#include "engine/cli/findings.h"
#include "engine/cli/review.h"
#include "schema/json.h"
#include "schema/limits.h"

static const char usage[] =
"usage: windlass check [OPTION]... FILE|DIRECTORY...\n"
"\n"
"Checks manifests as a push would: YAML, every field of built-in kinds, names,\n"
"scope and namespace, labels, Secrets, duplicates. Of a directory, *.yaml,\n"
"*.yml and *.json are read that .windlassignore does not name; - is standard\n"
"input.\n"
"\n"
REVIEW_OPTIONS_HELP
"  --output json    one JSON document\n"
"\n"
"Exit status: 0, 1 if a push would be refused, 2 if something could not be\n"
"read.\n";

static void count(const char *before, size_t n, const char *what)
{
	printf("%s%zu %s%s", before, n, what, n == 1 ? "" : "s");
}

static void print_text(const struct review *r)
{
	findings_print(stdout, &r->problems);
	count("", r->files, "file");
	count(", ", r->objects.n, "good object");
	count(", ", r->problems.errors, "error");
	count(", ", r->problems.warnings, "warning");
	putchar('\n');
}

static void print_json(const struct review *r)
{
	struct buf out = BUF_INIT(LIMIT_PROBLEMS * 16u * LIMIT_PATH_BYTES);
	struct arena a = ARENA_INIT;
	struct node *n = node_map(&a);

	node_set(&a, n, "files", node_int(&a, (int64_t)r->files));
	node_set(&a, n, "objects", node_int(&a, (int64_t)r->objects.n));
	node_set(&a, n, "errors", node_int(&a, (int64_t)r->problems.errors));
	node_set(&a, n, "warnings",
		 node_int(&a, (int64_t)r->problems.warnings));
	node_set(&a, n, "problems", findings_json(&r->problems, &a));
	json_write_canonical(n, &out);
	fputs(out.data, stdout);
	buf_release(&out);
	arena_release(&a);
}

static int parse_options(int argc, char **argv, struct review *r,
			 enum cli_output *output)
{
	const struct option_spec specs[] = {
		REVIEW_OPTIONS(r),
		OPTION_TAKE("output", cli_take_output, output),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status < 0 && optind == argc)
		return usage_error(usage, "name files or directories");
	return status;
}

int cmd_check(int argc, char **argv)
{
	enum cli_output output = OUTPUT_TEXT;
	struct review r;
	int status;

	review_init(&r);
	status = parse_options(argc, argv, &r, &output);
	if (status < 0) {
		status = review_run(&r, argv + optind, (size_t)(argc - optind));
		if (output == OUTPUT_JSON)
			print_json(&r);
		else
			print_text(&r);
	}
	review_release(&r);
	return status;
}
