/*
 * Time. Wall-clock seconds are int64_t since the Unix epoch, UTC; the only
 * text form is RFC 3339 with a Z and whole seconds. Intervals are measured
 * in monotonic milliseconds.
 */
#ifndef SCHEMA_BASE_CLOCK_H
#define SCHEMA_BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_TEXT_SIZE 21	/* "2026-11-23T10:00:00Z" and its NUL */
#define CLOCK_TIME_END 253402300800LL	/* year 10000 */

/* Now, by the machine's clock. */
int64_t clock_now(void);
/* Monotonic milliseconds, for time-outs and measuring. */
int64_t clock_mono_ms(void);
/* Years 1970 to 9999; anything else is a BUG. */
void clock_format(int64_t t, char ret_text[CLOCK_TEXT_SIZE]);
/* Strict: exactly the form above, and a real date. 0 or -1. */
int clock_parse(const char *text, int64_t *ret_t)
	__attribute__((warn_unused_result));

#endif
