/*
 * What the commands of `windlass` share. One command is one file,
 * engine/cli/cmd-NAME.c, and one row of the table in engine/cli/main.c.
 */
#ifndef ENGINE_CLI_CLI_H
#define ENGINE_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "schema/base/program.h"

/* argv[0] is the command's name. The result is an exit status. */
int cmd_approve(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_install(int argc, char **argv);
int cmd_log(int argc, char **argv);
int cmd_reconcile(int argc, char **argv);
int cmd_render(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_suspend(int argc, char **argv);
int cmd_uninstall(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_wait(int argc, char **argv);
int cmd_yaml(int argc, char **argv);

/* What a shell is told at a prompt: complete.c, for schema/base/complete.h. */
complete_fn cli_complete;

/* Colours: on a terminal, without NO_COLOR, and TERM is not dumb. */
bool cli_color(FILE *out);

/* To stdout what a stranger wrote, control bytes escaped. */
void cli_print_scrubbed(const char *s, size_t len);
/* The same into another stream. */
void cli_scrub(FILE *out, const char *s, size_t len);

/* --output: text or json. */
enum cli_output { OUTPUT_TEXT, OUTPUT_JSON };
/* For a table of options: target is an enum cli_output. */
int cli_take_output(void *target, const char *word, struct err *err);
/* --timeout: 1s to 1h; target is an int64_t, in seconds. */
int cli_take_time(void *target, const char *word, struct err *err);

/* --publishers, --approvers: a file that says whose signatures count, and names
 * a key. namespaces: a TRUST_* of schema/trust.h. */
struct trust;
int cli_read_trust(const char *option, const char *path,
		   const char *namespaces, struct trust *ret, struct err *err);

/* After options_parse: the one argument is a channel's name. -1 and *ret, or
 * the status of a usage_error. */
int cli_channel(const char *usage, int argc, char **argv, const char **ret);
/* The same, or there is none: *ret is NULL and means every channel. */
int cli_channel_or_all(const char *usage, int argc, char **argv,
		       const char **ret);

#endif
