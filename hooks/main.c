/*
 * windlass-hook: the Git host's program, one command a job. Git may run it
 * under the name of a hook, so argv[0] chooses a command too.
 */
#include "config.h"

#include <git2.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "hooks/commands.h"
#include "schema/base/mem.h"
#include "schema/repo.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

/* NULL-terminated, in the order in which an admin meets them. */
static const struct command commands[] = {
	{ "init", cmd_init, "make a repository publish a channel" },
	{ "serve", cmd_serve, "hand out heads and packs, keep heads fresh" },
	{ "doctor", cmd_doctor, "check everything that publishing depends on" },
	{ "publish", cmd_publish, "publish what is not published yet" },
	{ "refresh", cmd_refresh, "sign heads again before they expire" },
	{ "pre-receive", cmd_pre_receive, "run by git: check a push" },
	{ "post-receive", cmd_post_receive, "run by git: publish a push" },
	{ NULL, NULL, NULL },
};

static const char usage_head[] =
"usage: windlass-hook COMMAND [ARGUMENTS]\n"
"       windlass-hook help COMMAND\n"
"       windlass-hook --version\n"
"\n"
"Turns pushes to a bare Git repository into signed bundles for clusters.\n"
"\n"
"commands:\n";

static void print_usage(FILE *out)
{
	fputs(usage_head, out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-14s %s\n", c->name, c->summary);
	fputs("\nManual: man 8 windlass-hook\n", out);
}

static const struct command *find_command(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static int unknown_command(const char *name)
{
	fprintf(stderr, "windlass-hook: no command '%s'; "
		"`windlass-hook --help` lists them\n", name);
	return EXIT_USAGE;
}

static int cmd_help(int argc, char **argv)
{
	const struct command *c;
	char help[] = "--help";
	char *args[] = { NULL, help, NULL };

	if (argc < 2) {
		print_usage(stdout);
		return 0;
	}
	c = find_command(argv[1]);
	if (!c)
		return unknown_command(argv[1]);
	args[0] = argv[1];
	return c->run(2, args);
}

static int dispatch(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const struct command *c = find_command(slash ? slash + 1 : argv[0]);

	if (c)
		return c->run(argc, argv);
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	argv++;
	argc--;
	if (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h")) {
		print_usage(stdout);
		return 0;
	}
	if (!strcmp(argv[0], "--version")) {
		puts("windlass-hook " PACKAGE_VERSION);
		return 0;
	}
	if (!strcmp(argv[0], "help"))
		return cmd_help(argc, argv);
	c = find_command(argv[0]);
	return c ? c->run(argc, argv) : unknown_command(argv[0]);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	int status;

	if (argc < 1)
		return EXIT_USAGE;
	if (sodium_init() < 0 || repo_init_library(&err) < 0) {
		fputs("windlass-hook: cannot start its libraries\n", stderr);
		return EXIT_TROUBLE;
	}
	/*
	 * Every object here went through git's index-pack or our own hands,
	 * which hashed it. Hashing all that is read once more, as stock git
	 * does not either, is a tenth of a push to a large channel; what
	 * counts is checked by SHA-256 before it is signed again.
	 */
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
	status = dispatch(argc, argv);
	git_libgit2_shutdown();
	return status;
}
