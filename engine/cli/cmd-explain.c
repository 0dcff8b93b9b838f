/*
 * windlass explain: what a rule means that a finding names. From the table
 * of schema/explain.h, which is ours: nothing here is a stranger's.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/mem.h"
#include "schema/base/options.h"
#include "schema/explain.h"
#include "schema/json.h"
#include "schema/limits.h"

/* Columns of a paragraph. */
#define WIDTH 76
#define JSON_MAX (4u * 1024 * 1024)

static const char usage[] =
"usage: windlass explain [OPTION]... [RULE]...\n"
"\n"
"Says what a rule means that a finding of `windlass check` or of a push names\n"
"in brackets: why it is one, what to do, and an example. Without RULE, lists\n"
"all of them.\n"
"\n"
"  --output json    one JSON document\n"
"\n"
"Exit status: 0, 1 if there is no such rule.\n";

static const char *severity(const struct explanation *e)
{
	return e->severity == SEVERITY_ERROR ? "error" : "warning";
}

static void print_paragraph(const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column && column + 1 + len > WIDTH) {
			putchar('\n');
			column = 0;
		}
		column += (size_t)printf("%s%.*s", column ? " " : "",
					 (int)len, text);
		text += len + (text[len] == ' ');
	}
	putchar('\n');
}

static void print_example(const char *title, const char *text)
{
	printf("\n%s\n\n", title);
	while (*text) {
		size_t len = strcspn(text, "\n");

		fputs("    ", stdout);
		cli_print_scrubbed(text, len);
		putchar('\n');
		text += len + 1;
	}
}

static void print_rule(const struct explanation *e)
{
	bool color = cli_color(stdout);

	printf("%s%s%s (%s)\n", color ? "\033[1m" : "", e->rule,
	       color ? "\033[m" : "", severity(e));
	print_paragraph(e->summary);
	putchar('\n');
	print_paragraph(e->why);
	putchar('\n');
	print_paragraph(e->repair);
	print_example("Wrong:", e->bad);
	print_example("Right:", e->good);
}

static void print_list(void)
{
	for (size_t i = 0; i < n_explanations; i++)
		printf("%-22s %s\n", explanations[i].rule,
		       explanations[i].summary);
}

static struct node *rule_json(const struct explanation *e, struct arena *a)
{
	struct node *n = node_map(a);

	node_set(a, n, "rule", node_str(a, e->rule));
	node_set(a, n, "severity", node_str(a, severity(e)));
	node_set(a, n, "summary", node_str(a, e->summary));
	node_set(a, n, "why", node_str(a, e->why));
	node_set(a, n, "repair", node_str(a, e->repair));
	node_set(a, n, "bad", node_str(a, e->bad));
	node_set(a, n, "good", node_str(a, e->good));
	if (e->options)
		node_set(a, n, "options", node_str(a, e->options));
	return n;
}

static void print_json(const struct explanation **which, size_t n)
{
	struct buf out = BUF_INIT(JSON_MAX);
	struct arena a = ARENA_INIT;
	struct node *list = node_seq(&a);

	for (size_t i = 0; i < n; i++)
		node_append(&a, list, rule_json(which[i], &a));
	json_write_canonical(list, &out);
	fputs(out.data, stdout);
	buf_release(&out);
	arena_release(&a);
}

static int no_such_rule(const char *name)
{
	const struct explanation *near = explain_near(name);
	struct err err = ERR_INIT;

	err_set(&err, ERR_INVALID, "there is no rule '%.80s'%s%s%s", name,
		near ? ": did you mean '" : "; 'windlass explain' lists them",
		near ? near->rule : "", near ? "'?" : "");
	return command_fail(&err);
}

static void print_rules(const struct explanation **which, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			putchar('\n');
		print_rule(which[i]);
	}
}

int cmd_explain(int argc, char **argv)
{
	enum cli_output output = OUTPUT_TEXT;
	const struct option_spec specs[] = {
		OPTION_TAKE("output", cli_take_output, &output),
		OPTION_END,
	};
	int status = options_parse(specs, usage, argc, argv);
	const struct explanation **which;
	bool all;
	size_t n;

	if (status >= 0)
		return status;
	status = EXIT_OK;
	all = optind == argc;
	n = all ? n_explanations : (size_t)(argc - optind);
	which = xcalloc(n, sizeof(*which));
	for (size_t i = 0; i < n; i++) {
		which[i] = all ? &explanations[i] :
			   explain_find(argv[optind + (int)i]);
		if (!which[i])
			status = no_such_rule(argv[optind + (int)i]);
	}
	if (status == EXIT_OK && output == OUTPUT_JSON)
		print_json(which, n);
	else if (status == EXIT_OK && all)
		print_list();
	else if (status == EXIT_OK)
		print_rules(which, n);
	free(which);
	return status;
}
