/*
 * windlass yaml: what Kubernetes sees in a file, one compact JSON document a
 * line.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/options.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/yaml.h"

static const char usage[] =
"usage: windlass yaml [FILE]...\n"
"\n"
"Prints what Kubernetes reads in YAML or JSON files (or standard input, -):\n"
"one compact JSON document a line, keys sorted. What it would misread, or\n"
"drop without a word, is an error with its place.\n"
"\n"
"Exit status: 0, 1 if a file must be refused, 2 if one cannot be read.\n";

static int read_input(const char *path, struct buf *text, struct err *err)
{
	if (!strcmp(path, "-"))
		return fs_read_fd(STDIN_FILENO, "standard input", text, err);
	return fs_read(AT_FDCWD, path, text, err);
}

static int print_file(const char *path)
{
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES);
	struct buf out = BUF_INIT(8u * LIMIT_FILE_BYTES);
	struct problems ps = PROBLEMS_INIT;
	struct documents docs = { 0 };
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	int status = EXIT_OK;

	if (read_input(path, &text, &err) < 0)
		status = command_fail(&err);
	else if (yaml_read(path, text.data, text.len, &a, &docs, &ps) < 0)
		status = EXIT_REFUSED;
	problems_sort(&ps);
	for (size_t i = 0; i < ps.n; i++) {
		buf_reset(&out);
		problem_format(&ps.v[i], &out);
		fprintf(stderr, "%s\n", out.data);
	}
	for (size_t i = 0; status == EXIT_OK && i < docs.n; i++) {
		buf_reset(&out);
		json_write_compact(docs.v[i], &out);
		buf_addc(&out, '\n');
		fwrite(out.data, 1, out.len, stdout);
	}
	problems_release(&ps);
	buf_release(&text);
	buf_release(&out);
	arena_release(&a);
	return status;
}

int cmd_yaml(int argc, char **argv)
{
	int worst = options_parse(options_none, usage, argc, argv);

	if (worst >= 0)
		return worst;
	if (optind == argc)
		return print_file("-");
	for (worst = EXIT_OK; optind < argc; optind++) {
		int status = print_file(argv[optind]);

		if (status > worst)
			worst = status;
	}
	return worst;
}
