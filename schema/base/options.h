/*
 * The options of a command, as a table of where each goes. On getopt_long:
 * options may stand anywhere before --, may be shortened as long as they
 * are the only one, and take their argument as --name=X or --name X. --help
 * and -h are answered with the usage text (program.h).
 */
#ifndef SCHEMA_BASE_OPTIONS_H
#define SCHEMA_BASE_OPTIONS_H

#include <stdbool.h>
#include <unistd.h>	/* optind */

#include "schema/base/err.h"

/* One of text, flag and take is set. */
struct option_spec {
	const char *name;	/* "repo", or NULL: only the letter */
	char letter;		/* 'n' for -n, or 0 */
	const char **text;	/* gets the argument */
	bool *flag;		/* is set; there is no argument */
	bool off;		/* it is cleared instead */
	/* Judges the argument: -1 with what it must be, "must be a number" */
	int (*take)(void *target, const char *value, struct err *err);
	void *target;
};

#define OPTION_TEXT(n, to) { .name = (n), .text = (to) }
#define OPTION_FLAG(n, to) { .name = (n), .flag = (to) }
#define OPTION_OFF(n, to) { .name = (n), .flag = (to), .off = true }
#define OPTION_TAKE(n, f, to) { .name = (n), .take = (f), .target = (to) }
#define OPTION_END { 0 }

#define OPTIONS_MAX 32

/* Of a command that has none, but --help. */
extern const struct option_spec options_none[];

/*
 * Reads them, up to OPTION_END. -1 to go on, with the other arguments from
 * argv[optind]; else the exit status: EXIT_OK after --help, EXIT_USAGE after
 * a message. Where a shell asks for completions they are printed, and nothing
 * is read (complete.h): whatever a command does comes after this.
 */
int options_parse(const struct option_spec *specs, const char *usage,
		  int argc, char **argv);
/* The same for a command that takes no argument beside them. */
int options_parse_alone(const struct option_spec *specs, const char *usage,
			int argc, char **argv);

#endif
