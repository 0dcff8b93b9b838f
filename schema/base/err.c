/*
 * Errors as values. See err.h. Trusts its format strings, nothing else:
 * what comes in by %s may hold any bytes and is scrubbed.
 */
#include "config.h"
#include "schema/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/utf8.h"

/* What is no UTF-8 or not printable, and a character that was cut; a new line
 * of somebody else's text is none here. */
static void scrub(char *s)
{
	for (size_t len = strlen(s), n; len; s += n, len -= n) {
		size_t good = utf8_printable(s, len);

		n = good ? good : utf8_length(s, len);
		n += !n;
		if (!good)
			memset(s, *s == '\n' || *s == '\t' ? ' ' : '?', n);
	}
}

__attribute__((format(printf, 2, 0)))
static void format(struct err *err, const char *fmt, va_list ap)
{
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	scrub(err->msg);
}

int err_set(struct err *err, enum err_class class, const char *fmt, ...)
{
	va_list ap;

	err->class = class;
	err->sys = 0;
	va_start(ap, fmt);
	format(err, fmt, ap);
	va_end(ap);
	return -1;
}

static enum err_class class_of_errno(int sys)
{
	switch (sys) {
	case EAGAIN:
	case ECONNREFUSED:
	case ECONNRESET:
	case EHOSTUNREACH:
	case EINTR:
	case ENETUNREACH:
	case EPIPE:
	case ETIMEDOUT:
		return ERR_TRANSIENT;
	default:
		return ERR_INTERNAL;
	}
}

int err_sys(struct err *err, const char *fmt, ...)
{
	int sys = errno;
	size_t len;
	va_list ap;

	err->class = class_of_errno(sys);
	err->sys = sys;
	va_start(ap, fmt);
	format(err, fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s",
		 strerror(sys));
	return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char inner[sizeof(err->msg)];
	size_t len;
	va_list ap;

	memcpy(inner, err->msg, sizeof(inner));
	va_start(ap, fmt);
	format(err, fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", inner);
	return -1;
}

const char *err_class_name(enum err_class class)
{
	switch (class) {
	case ERR_NONE:
		return "none";
	case ERR_INVALID:
		return "invalid";
	case ERR_DENIED:
		return "denied";
	case ERR_TRANSIENT:
		return "transient";
	case ERR_INTERNAL:
		return "internal";
	}
	return "unknown";
}

void err_clear(struct err *err)
{
	*err = (struct err)ERR_INIT;
}
