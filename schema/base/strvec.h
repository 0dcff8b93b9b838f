/*
 * A growing list of owned strings, NULL-terminated so that it can serve as
 * argv or environment.
 */
#ifndef SCHEMA_BASE_STRVEC_H
#define SCHEMA_BASE_STRVEC_H

#include <stdbool.h>
#include <stddef.h>

struct strvec {
	char **v;	/* v[n] is NULL once anything was added */
	size_t n, alloc;
};

#define STRVEC_INIT { 0 }

void strvec_push(struct strvec *sv, const char *s);	/* copies s */
void strvec_pushn(struct strvec *sv, const char *s, size_t len);
void strvec_pushf(struct strvec *sv, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void strvec_pushl(struct strvec *sv, ...) __attribute__((sentinel));
void strvec_sort(struct strvec *sv);			/* by bytes */
bool strvec_has(const struct strvec *sv, const char *s);
void strvec_release(struct strvec *sv);

#endif
