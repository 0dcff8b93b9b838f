/*
 * Commands that are programs of their own, because of what they are linked
 * with, as git has it with git-remote-https: an HTTP server, an HTTP client
 * and TLS are a dozen libraries, which a push would load twice, for each of
 * its hooks, and never use.
 */
#ifndef HOOKS_START_H
#define HOOKS_START_H

/* Becomes the program, with argv from the command's name on; returns only
 * when it could not, with the exit status. */
int start_program(const char *program, const char *command, int argc,
		  char **argv);

#endif
