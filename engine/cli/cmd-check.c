/*
 * windlass check: what the Git host's gate would say of these files, before
 * they are pushed.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <stdio.h>
#include <unistd.h>

#include "engine/cli/findings.h"
#include "engine/cli/review.h"

static const char usage[] =
"usage: windlass check [OPTION]... FILE|DIRECTORY...\n"
"\n"
"Checks manifests as a push would: YAML, every field of built-in kinds and of\n"
"custom resources, names, scope and namespace, labels, Secrets, duplicates. Of\n"
"a directory, *.yaml, *.yml and *.json are read that .windlassignore does not\n"
"name; - is standard input.\n"
"\n"
REVIEW_OPTIONS_HELP
"  --against PATH   what is there now, a file or a directory: changes of what\n"
"                   Kubernetes never changes in an object are refused\n"
"  --output FORMAT  text, json, sarif, junit or github (default: text)\n"
"  --lines          show the lines in question, as on a terminal\n"
"\n"
"Exit status: 0, 1 if a push would be refused, 2 if something could not be\n"
"read.\n";

static void count(const char *before, size_t n, const char *what)
{
	printf("%s%zu %s%s", before, n, what, n == 1 ? "" : "s");
}

static void print_text(struct review *r, const struct findings_style *style)
{
	findings_print(stdout, r, style);
	count("", r->files.n, "file");
	count(", ", r->objects.n, "good object");
	count(", ", r->problems.errors, "error");
	count(", ", r->problems.warnings, "warning");
	if (r->problems.unchecked)
		count(", not checked here: ", r->problems.unchecked, "rule");
	putchar('\n');
}

static int parse_options(int argc, char **argv, struct review *r,
			 struct findings_style *style)
{
	const struct option_spec specs[] = {
		REVIEW_OPTIONS(r),
		OPTION_TEXT("against", &r->against_path),
		OPTION_TAKE("output", findings_take_format, &style->format),
		OPTION_FLAG("lines", &style->lines),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status < 0 && optind == argc)
		return usage_error(usage, "name files or directories");
	return status;
}

int cmd_check(int argc, char **argv)
{
	struct findings_style style = { .color = cli_color(stdout) };
	struct review r;
	int status;

	review_init(&r);
	status = parse_options(argc, argv, &r, &style);
	if (status < 0) {
		style.lines |= isatty(STDOUT_FILENO);
		status = review_run(&r, argv + optind, (size_t)(argc - optind));
		if (style.format == FINDINGS_TEXT)
			print_text(&r, &style);
		else
			status = findings_report(&r, style.format, status);
	}
	review_release(&r);
	return status;
}
