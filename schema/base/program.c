/*
 * Choosing and ending commands. See program.h. The command line is the
 * user's own and trusted to be what they meant.
 */
#include "config.h"
#include "schema/base/program.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/base/mem.h"

/* whose messages these are */
static const char *program_name = "windlass";

static const struct command *program_command(const struct program *p,
				      const char *name)
{
	for (const struct command *c = p->commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static void print_usage(const struct program *p, FILE *out)
{
	int width = 0;

	for (const struct command *c = p->commands; c->name; c++)
		if ((int)strlen(c->name) > width)
			width = (int)strlen(c->name);
	fprintf(out, "usage: %s COMMAND [ARGUMENTS]\n"
		"       %s help COMMAND\n"
		"       %s --version\n\n%s\n\ncommands:\n", p->name, p->name,
		p->name, p->purpose);
	for (const struct command *c = p->commands; c->name; c++)
		fprintf(out, "  %-*s  %s\n", width, c->name, c->summary);
	fprintf(out, "\nManual: %s\n", p->manual);
}

/* getopt_long begins its messages with argv[0]. */
static int run_named(const struct program *p, const struct command *c,
		     int argc, char **argv)
{
	char *name = xasprintf("%s %s", p->name, c->name), *was = argv[0];
	int status;

	argv[0] = name;
	status = c->run(argc, argv);
	argv[0] = was;
	free(name);
	return status;
}

static int run_command(const struct program *p, int argc, char **argv)
{
	const struct command *c = program_command(p, argv[0]);
	struct err err = ERR_INIT;

	if (c)
		return run_named(p, c, argc, argv);
	err_set(&err, ERR_INVALID, "no command '%s'; `%s --help` lists them",
		argv[0], p->name);
	command_fail(&err);
	return EXIT_USAGE;
}

/* The commands, where one of them is to be completed. */
static int complete_command(const struct program *p, const char *prefix,
			    bool help)
{
	for (const struct command *c = p->commands; c->name; c++)
		complete_word(prefix, c->name, c->summary);
	if (!help)
		complete_word(prefix, "help", "say how a command is used");
	if (!help && *prefix == '-') {
		complete_word(prefix, "--help", "list the commands");
		complete_word(prefix, "--version", "which version this is");
	}
	return EXIT_OK;
}

/* argv has the words behind the program's name; see complete.h. */
static int complete(const struct program *p, int argc, char **argv)
{
	bool help = argc == 2 && !strcmp(argv[0], "help");
	const struct command *c;

	if (argc < 1)
		return EXIT_OK;
	if (argc == 1 || help)
		return complete_command(p, argv[argc - 1], help);
	c = program_command(p, argv[0]);
	if (!c)
		return EXIT_OK;
	complete_begin(argc, argv, p->values);
	return c->run(argc, argv);
}

/* A program that does one thing has its options alone. */
static int run_alone(const struct program *p, int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "--complete")) {
		complete_begin(argc - 1, argv + 1, p->values);
		if (argc == 3 && argv[2][0] == '-')
			complete_word(argv[2], "--version",
				      "which version this is");
	}
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		printf("%s %s\n", p->name, PACKAGE_VERSION);
		return EXIT_OK;
	}
	return p->run(argc, argv);
}

static int run(const struct program *p, int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	char help[] = "--help";

	program_name = p->name;
	if (!p->commands)
		return run_alone(p, argc, argv);
	if (argc && program_command(p, slash ? slash + 1 : argv[0])) {
		argv[0] += slash ? slash + 1 - argv[0] : 0;
		return run_command(p, argc, argv);
	}
	if (argc < 2) {
		print_usage(p, stderr);
		return EXIT_USAGE;
	}
	argv++;
	argc--;
	if (!strcmp(argv[0], "--version")) {
		printf("%s %s\n", p->name, PACKAGE_VERSION);
		return EXIT_OK;
	}
	if (!strcmp(argv[0], "--complete"))
		return complete(p, argc - 1, argv + 1);
	if (!strcmp(argv[0], "help") && argc > 1)
		return run_command(p, 2, (char *[]){ argv[1], help, NULL });
	if (!strcmp(argv[0], "help") || !strcmp(argv[0], "--help") ||
	    !strcmp(argv[0], "-h")) {
		print_usage(p, stdout);
		return EXIT_OK;
	}
	return run_command(p, argc, argv);
}

bool program_streams(void)
{
	/* by their numbers: what cannot be read, what cannot be written; a
	 * message that nobody reads may go away */
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDWR };

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", modes[fd]) != fd)
			return false;
	return true;
}

void program_no_core(void)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0) {
		/* as it was, then */
	}
}

int program_end(const char *name, int status)
{
	bool failed = ferror(stdout);

	errno = 0;
	if (fclose(stdout) == 0 && !failed)
		return status;
	fprintf(stderr, "%s: cannot write the output%s%s\n", name,
		errno ? ": " : "", errno ? strerror(errno) : "");
	return status == EXIT_USAGE ? status : EXIT_TROUBLE;
}

int program_run(const struct program *p, int argc, char **argv)
{
	return program_end(p->name, run(p, argc, argv));
}

int usage_help(const char *usage)
{
	fputs(usage, stdout);
	return EXIT_OK;
}

int usage_error(const char *usage, const char *fmt, ...)
{
	struct buf said = BUF_INIT(64 * 1024), shown = BUF_INIT(256 * 1024);
	va_list ap;
	size_t len;

	if (fmt) {
		va_start(ap, fmt);
		buf_vaddf(&said, fmt, ap);
		va_end(ap);
		/* words of the command line may come from elsewhere */
		buf_add_scrubbed(&shown, said.data, said.len);
		fprintf(stderr, "%s: %s\n", program_name, shown.data);
	}
	buf_release(&said);
	buf_release(&shown);
	fprintf(stderr, "%.*s\n", (int)strcspn(usage, "\n"), usage);
	/* "usage: windlass log [..." begins with the program and command */
	usage += strlen("usage: ");
	len = strcspn(usage, " ") + 1;
	/* or with a program that has none: "usage: windlassd [..." */
	if (islower((unsigned char)usage[len]))
		len += strcspn(usage + len, " \n");
	else
		len--;
	fprintf(stderr, "`%.*s --help` says more\n", (int)len, usage);
	return EXIT_USAGE;
}

int command_fail(const struct err *err)
{
	/* behind what was done before, also where both go into one file */
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", program_name, err->msg);
	return err->class == ERR_INVALID || err->class == ERR_DENIED
		? EXIT_REFUSED : EXIT_TROUBLE;
}
