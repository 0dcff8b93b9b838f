/*
 * Regular expressions as an API server has them: Go's regexp package, RE2
 * syntax with its Perl flags. They are read by our own reader of that syntax
 * and matched by PCRE2.
 *
 * A verdict is what Go's would be, or there is none: where the two could
 * differ (Unicode's tables are of another year), where PCRE2 would work for
 * too long, and beyond the limits of schema/limits.h the answer is "unknown".
 */
#ifndef SCHEMA_CRD_PATTERN_H
#define SCHEMA_CRD_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include "schema/base/err.h"

struct pattern;

enum pattern_verdict { PATTERN_NO, PATTERN_YES, PATTERN_UNKNOWN };

/*
 * ERR_INVALID, saying what and where, if Go refuses the expression. 0 with
 * *ret, to be freed, for all others; of some of them no text is known to
 * match or not.
 */
int pattern_compile(const char *s, size_t len, struct pattern **ret,
		    struct err *err);
/* As pattern_compile, for who only wants to know whether it is one. */
int pattern_check(const char *s, size_t len, struct err *err);
void pattern_free(struct pattern *p);

/*
 * Does it match anywhere in the text? Adds to *steps what that took, in steps
 * as a rule of a definition has them (LIMIT_CEL_STEPS).
 */
enum pattern_verdict pattern_match(const struct pattern *p, const char *text,
				   size_t len, uint64_t *steps);

#endif
