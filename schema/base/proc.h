/*
 * Child processes: stock git and ssh tools. No shell ever sees a name that a
 * stranger chose; arguments are a vector. The child gets only the three
 * standard descriptors.
 */
#ifndef SCHEMA_BASE_PROC_H
#define SCHEMA_BASE_PROC_H

#include <stddef.h>
#include <sys/types.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"

struct proc {
	const char *const *argv;	/* argv[0] is looked up in PATH */
	const char *const *env;		/* "NAME=value" to set, "NAME" to
					   unset; NULL: as we have it */
	const char *dir;		/* working folder, or NULL */
	const void *in;			/* bytes for its stdin; NULL: empty */
	size_t in_len;
	struct buf *out;		/* its stdout; NULL: dropped */
	int out_fd;			/* not 0: its stdout goes here instead,
					   unbounded; stays the caller's */
	struct buf *diag;		/* its stderr; NULL: dropped */
	int timeout_ms;			/* killed after this; 0: no limit */
};

/*
 * What a program has written is read for so long after its end: something
 * that it left behind may hold the pipes for ever.
 */
#define PROC_LINGER_MS 1000

/*
 * Runs it to its end. 0 and *ret_status = its exit status (128 + signal when
 * it was killed), or -1 when it could not be started, took too long, or
 * wrote more than a buffer holds.
 *
 * With a limit it is the leader of a session of its own: it has no terminal
 * to ask at, and is killed with all that it started. A signal that would end
 * us meanwhile ends it first.
 */
int proc_run(const struct proc *p, int *ret_status, struct err *err);

/*
 * proc_run that takes any exit status but 0 as an error: "git foo failed:
 * <first line of its stderr>". p->diag may be NULL.
 */
int proc_check(const struct proc *p, struct err *err);

/*
 * Starts it, as if with a limit, and does not wait: of p only argv, env and
 * dir count. Its stdin is empty. *ret_out and *ret_diag are its stdout and stderr, not blocking,
 * for the caller to read and to close; the caller reaps *ret_pid. A program
 * that cannot be run says so on stderr and ends with status 127.
 */
int proc_start(const struct proc *p, pid_t *ret_pid, int *ret_out,
	       int *ret_diag, struct err *err);

/* Kills what proc_start started, and what that started. Not yet reaped. */
void proc_kill(pid_t pid);

#endif
