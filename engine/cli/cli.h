/*
 * What the commands of `windlass` share. One command is one file,
 * engine/cli/cmd-NAME.c, and one row of the table in engine/cli/main.c.
 */
#ifndef ENGINE_CLI_CLI_H
#define ENGINE_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "schema/base/err.h"

enum {
	EXIT_OK = 0,
	EXIT_INVALID = 1,	/* looked at, and found wrong */
	EXIT_TROUBLE = 2,	/* could not be looked at */
	EXIT_USAGE = 129,	/* as git has it */
};

/* argv[0] is the command's name. The result is an exit status. */
int cmd_check(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_install(int argc, char **argv);
int cmd_log(int argc, char **argv);
int cmd_render(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_yaml(int argc, char **argv);

/*
 * A command's usage text begins with its synopsis line ("usage: windlass
 * log [OPTION]... CHANNEL"), then says what it does and its options.
 */
/* Prints it for --help: EXIT_OK. */
int cli_help(const char *usage);
/* Prints what is wrong (unless fmt is NULL: getopt said it) and the
 * synopsis: EXIT_USAGE. */
int cli_usage(const char *usage, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Prints the error: EXIT_INVALID or EXIT_TROUBLE by its class. */
int cli_fail(const struct err *err);

/* Colours: on a terminal, without NO_COLOR, and TERM is not dumb. */
bool cli_color(FILE *out);

/* To stdout what a stranger wrote, control bytes escaped. */
void cli_print_scrubbed(const char *s, size_t len);

/* --output: text or json. */
enum cli_output { OUTPUT_TEXT, OUTPUT_JSON };
/* 0, or -1 when the word is neither. */
int cli_parse_output(const char *word, enum cli_output *ret);

#endif
