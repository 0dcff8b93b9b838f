/*
 * Running stock git in somebody's clone, with their own settings: for what
 * only their git can do, which is to reach their remotes and sign with their
 * key.
 */
#ifndef ENGINE_CLI_GIT_RUN_H
#define ENGINE_CLI_GIT_RUN_H

#include "schema/base/buf.h"

/*
 * `git -C dir ARGV...`, argv without "git", NULL-terminated; dir NULL: in the
 * repository that git finds here, or that $GIT_DIR names. git, and what it
 * calls, may ask at the terminal, and says on our stderr what it has to say.
 * in: its stdin, or NULL. ERR_INVALID "git foo failed" for any exit status
 * but 0.
 */
int git_attended(const char *dir, const char *const *argv, const char *in,
		 struct err *err);

/*
 * All of its output, as much as the buffer holds. It may ask at the terminal;
 * what it says on stderr is an error's. 1 if it exits with 1 and says
 * nothing.
 */
int git_output(const char *dir, const char *const *argv, struct buf *ret,
	       struct err *err);

/*
 * The first line of its output, without the LF: for `config --get`,
 * `rev-parse`. 1 if there is none: it exits with 1 and says nothing.
 */
int git_line(const char *dir, const char *const *argv, struct buf *ret,
	     struct err *err);

/*
 * What `git config --get` says of a key, as a path: with "~/" as their home.
 * Malloced; NULL if it is not set.
 */
int git_setting(const char *dir, const char *key, char **ret, struct err *err);

#endif
