/*
 * The Test Anything Protocol in a header: `ok(condition, "what")`, then
 * `return tap_done();` from main. A failed check prints where.
 */
#ifndef T_UNIT_TAP_H
#define T_UNIT_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 4, 5), unused))
static bool tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%s %d - ", good ? "ok" : "not ok", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!good) {
		tap_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

__attribute__((unused))
static bool tap_is_str(const char *got, const char *want, const char *file,
		       int line, const char *what)
{
	bool good = got && want ? !strcmp(got, want) : got == want;

	tap_ok(good, file, line, "%s", what);
	if (!good)
		printf("#   got: %s\n#  want: %s\n", got ? got : "(null)",
		       want ? want : "(null)");
	return good;
}

#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
#define is_str(got, want, what) \
	tap_is_str((got), (want), __FILE__, __LINE__, (what))
#define is_int(got, want, what) do { \
	long long got_ = (long long)(got), want_ = (long long)(want); \
	if (!tap_ok(got_ == want_, __FILE__, __LINE__, "%s", (what))) \
		printf("#   got: %lld\n#  want: %lld\n", got_, want_); \
} while (0)

__attribute__((unused))
static int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif
