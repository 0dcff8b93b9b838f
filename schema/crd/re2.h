/*
 * From RE2's syntax to PCRE2's: between pattern.c and re2.c, nobody else
 * includes this.
 */
#ifndef SCHEMA_CRD_RE2_H
#define SCHEMA_CRD_RE2_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"

struct re2 {
	/*
	 * For PCRE2_UTF and PCRE2_DOTALL, and for nothing but whether it
	 * matches: all groups are the same, greedy or not.
	 */
	struct buf out;
	bool ascii_only;	/* other texts may match by another table */
	bool undecided;		/* Go may take it or not, or as what */
};

/*
 * ERR_INVALID if Go refuses the expression: the message says what and at
 * which byte. *ret is released by the caller in both cases.
 */
int re2_translate(const char *s, size_t len, struct re2 *ret,
		  struct err *err);
void re2_release(struct re2 *r);

#endif
