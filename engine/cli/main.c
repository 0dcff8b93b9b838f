/*
 * windlass: anybody's terminal. A table of commands; each does one thing.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <git2.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/repo.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

/* NULL-terminated; what a developer needs first, then what an admin does. */
static const struct command commands[] = {
	{ "check", cmd_check, "check manifests as a push would" },
	{ "render", cmd_render, "print manifests as a bundle has them" },
	{ "diff", cmd_diff, "compare two bundles, object by object" },
	{ "install", cmd_install, "print or apply what a cluster needs" },
	{ "log", cmd_log, "list a channel's bundles, the newest first" },
	{ "show", cmd_show, "show one bundle, or an object of it" },
	{ "status", cmd_status, "show what is live, and what failed" },
	{ "verify", cmd_verify, "check bundles: signatures, chain, content" },
	{ "yaml", cmd_yaml, "print what Kubernetes reads in a file" },
	{ NULL, NULL, NULL },
};

static const char usage_head[] =
"usage: windlass COMMAND [ARGUMENTS]\n"
"       windlass help COMMAND\n"
"       windlass --version\n"
"\n"
"Looks at manifests, bundles and channels.\n"
"\n"
"commands:\n";

static void print_usage(FILE *out)
{
	fputs(usage_head, out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-12s %s\n", c->name, c->summary);
	fputs("\nManual: man 1 windlass\n", out);
}

int cli_help(const char *usage)
{
	fputs(usage, stdout);
	return EXIT_OK;
}

int cli_usage(const char *usage, const char *fmt, ...)
{
	va_list ap;

	if (fmt) {
		fputs("windlass: ", stderr);
		va_start(ap, fmt);
		vfprintf(stderr, fmt, ap);
		va_end(ap);
		fputc('\n', stderr);
	}
	fprintf(stderr, "%.*s\n", (int)strcspn(usage, "\n"), usage);
	return EXIT_USAGE;
}

int cli_fail(const struct err *err)
{
	fprintf(stderr, "windlass: %s\n", err->msg);
	return err->class == ERR_INVALID || err->class == ERR_DENIED ?
	       EXIT_INVALID : EXIT_TROUBLE;
}

bool cli_color(FILE *out)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return isatty(fileno(out)) && !(no && *no) &&
	       term && strcmp(term, "dumb") != 0;
}

void cli_print_scrubbed(const char *s, size_t len)
{
	struct buf out = BUF_INIT(4 * 4096);

	while (len) {
		size_t n = len < 4096 ? len : 4096;

		buf_reset(&out);
		buf_add_scrubbed(&out, s, n);
		fwrite(out.data, 1, out.len, stdout);
		s += n;
		len -= n;
	}
	buf_release(&out);
}

int cli_parse_output(const char *word, enum cli_output *ret)
{
	if (strcmp(word, "text") && strcmp(word, "json"))
		return -1;
	*ret = strcmp(word, "json") ? OUTPUT_TEXT : OUTPUT_JSON;
	return 0;
}

static const struct command *find_command(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static int run_command(int argc, char **argv)
{
	const struct command *c = find_command(argv[0]);

	if (!c) {
		fprintf(stderr, "windlass: no command '%s'; "
			"`windlass --help` lists them\n", argv[0]);
		return EXIT_USAGE;
	}
	return c->run(argc, argv);
}

static int dispatch(int argc, char **argv)
{
	char help[] = "--help";

	if (argc < 1) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[0], "--version")) {
		puts("windlass " PACKAGE_VERSION);
		return EXIT_OK;
	}
	if (!strcmp(argv[0], "help") && argc > 1)
		return run_command(2, (char *[]){ argv[1], help, NULL });
	if (!strcmp(argv[0], "help") || !strcmp(argv[0], "--help") ||
	    !strcmp(argv[0], "-h")) {
		print_usage(stdout);
		return EXIT_OK;
	}
	return run_command(argc, argv);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	int status;

	if (argc < 1)
		return EXIT_USAGE;
	if (sodium_init() < 0 || repo_init_library(&err) < 0) {
		fputs("windlass: cannot start its libraries\n", stderr);
		return EXIT_TROUBLE;
	}
	status = dispatch(argc - 1, argv + 1);
	git_libgit2_shutdown();
	if (fflush(stdout) != 0 || ferror(stdout))
		return EXIT_TROUBLE;
	return status;
}
