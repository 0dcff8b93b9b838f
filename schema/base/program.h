/*
 * What a program of commands is: a table, a usage text, exit statuses. The
 * one place of the library that prints, because it speaks for main():
 *
 *   0    done, or all well: EXIT_OK
 *   1    refused, or looked at and found wrong: EXIT_REFUSED
 *   2    could not be done, or looked at: EXIT_TROUBLE
 *   129  wrong usage, as git has it: EXIT_USAGE
 *
 * A command takes --help itself; `help COMMAND` runs it with that. Its usage
 * text begins with a synopsis ("usage: windlass log [OPTION]... CHANNEL"),
 * then says what it does, and its options.
 */
#ifndef SCHEMA_BASE_PROGRAM_H
#define SCHEMA_BASE_PROGRAM_H

#include <stdbool.h>

#include "schema/base/complete.h"
#include "schema/base/err.h"

enum {
	EXIT_OK = 0,
	EXIT_REFUSED = 1,
	EXIT_TROUBLE = 2,
	EXIT_USAGE = 129,
};

struct command {
	const char *name;
	/* argv[0] is "windlass log", for messages; an exit status */
	int (*run)(int argc, char **argv);
	const char *summary;
};

struct program {
	const char *name;	/* "windlass" */
	const char *manual;	/* "man 1 windlass" */
	const char *purpose;	/* a sentence */
	const struct command *commands;	/* up to one without a name */
	int (*run)(int argc, char **argv);	/* if it has no commands */
	complete_fn *values;	/* what it can complete, or NULL */
};

/*
 * The first thing in main(). A program may be started with stdin, stdout or
 * stderr closed; the next file that it opens would take the number, and be
 * written to by whoever prints. What is missing is taken by /dev/null, in
 * such a way that reading stdin and writing stdout fail as before. False
 * when there is no /dev/null.
 */
bool program_streams(void);

/* Ends no more in a core file: tokens and values of Secrets would be in it,
 * and in what collects these. For our children, too. */
void program_no_core(void);
/*
 * The last thing: whether all that was printed on stdout could be written.
 * Returns the status, or EXIT_TROUBLE with a message where it could not.
 */
int program_end(const char *name, int status);

/*
 * Runs the command that argv[0] names, as Git runs hooks, or argv[1], or
 * answers help, --help, -h, --version and --complete. Returns the exit status, which is
 * EXIT_TROUBLE too when its output could not be written. Messages
 * of the functions below begin with the program's name from then on.
 */
int program_run(const struct program *p, int argc, char **argv);

/* Prints a usage text on stdout. Returns EXIT_OK. */
int usage_help(const char *usage);
/*
 * For a wrong command line: the message (unless fmt is NULL, when getopt has
 * printed one), the usage's first line and how to see the rest, on stderr.
 * Returns EXIT_USAGE.
 */
int usage_error(const char *usage, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * Prints an error on stderr. Returns EXIT_REFUSED for what is invalid or
 * denied, EXIT_TROUBLE for all else.
 */
int command_fail(const struct err *err);

#endif
