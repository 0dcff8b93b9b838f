/*
 * The commands of windlass-hook. Each gets argv from its own name on, prints
 * for people, and returns the exit status of the program:
 *
 *   0    done, or all well
 *   1    refused, or a check failed: EXIT_REFUSED
 *   2    could not be done: EXIT_TROUBLE
 *   129  wrong usage, as git has it: EXIT_USAGE
 *
 * A command takes --help itself; `help CMD` runs it with that.
 */
#ifndef HOOKS_COMMANDS_H
#define HOOKS_COMMANDS_H

#include "hooks/host-config.h"

#define EXIT_REFUSED 1
#define EXIT_TROUBLE 2
#define EXIT_USAGE 129

/*
 * publish and refresh take [--repo DIR] [CHANNEL...]; without a channel they
 * mean all. `serve` runs them so, as its children.
 */
int cmd_init(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_pre_receive(int argc, char **argv);
int cmd_post_receive(int argc, char **argv);
int cmd_publish(int argc, char **argv);
int cmd_refresh(int argc, char **argv);

/* Prints a usage text on stdout. Returns 0: `return usage_help(usage)`. */
int usage_help(const char *usage);
/*
 * For a wrong command line: the message (unless fmt is NULL, when getopt has
 * printed one) and the usage's first line on stderr. Returns EXIT_USAGE.
 */
int usage_error(const char *usage, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * Prints an error on stderr. Returns EXIT_REFUSED for what is invalid or
 * denied, EXIT_TROUBLE for all else.
 */
int command_fail(const struct err *err);

/*
 * What every command works on: the repository `dir` (NULL: $GIT_DIR, else
 * the current folder) and its configuration. With `from_env` the quarantine
 * of a running pre-receive is honoured. On failure nothing stays open; on
 * success release both with host_close.
 */
struct host {
	git_repository *repo;
	struct host_config config;
};

#define HOST_INIT { 0 }

int host_open(const char *dir, bool from_env, struct host *ret,
	      struct err *err);
void host_close(struct host *h);

#endif
