/*
 * Errors. A function that can fail takes a `struct err *` as its last
 * argument and returns 0, or -1 with the error filled in. The struct lives
 * on the caller's stack: no allocation, nothing to free, thread-safe.
 *
 * The class drives policy, the message is for a person: lower case, no full
 * stop, the subject in quotes, the cause, and what to do about it. Control
 * bytes are escaped when the message is made, because messages quote what
 * strangers chose (paths, ref names, answers of servers).
 */
#ifndef SCHEMA_BASE_ERR_H
#define SCHEMA_BASE_ERR_H

enum err_class {
	ERR_NONE,
	ERR_INVALID,	/* the input is wrong: its author must change it */
	ERR_DENIED,	/* signature, rollback, permission: never retried */
	ERR_TRANSIENT,	/* may work later: retry with backoff */
	ERR_INTERNAL,	/* the machine or a library failed us */
};

struct err {
	enum err_class class;
	int sys;	/* errno where a system call failed, else 0 */
	char msg[512];
};

#define ERR_INIT { .class = ERR_NONE }

/* Sets the error. Always returns -1, so `return err_set(...)` reads well. */
int err_set(struct err *err, enum err_class class, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * As err_set, for a failed system call: appends ": " and the text of errno,
 * and keeps errno in err->sys. Class is ERR_INTERNAL, or ERR_TRANSIENT for
 * what goes away by itself (EAGAIN, ECONNREFUSED, ...).
 */
int err_sys(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts "context: " before an error that is already set. Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* "invalid", "denied", ...: stable names for logs and JSON. */
const char *err_class_name(enum err_class class);

/* Makes it ready for another use. */
void err_clear(struct err *err);

#endif
