/*
 * Characters and classes of them, for re2.c alone. Each takes what stands at
 * *s, moves *s behind it, and appends what PCRE2 is to match.
 */
#ifndef SCHEMA_CRD_RE2_CLASS_H
#define SCHEMA_CRD_RE2_CLASS_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/crd/re2.h"

/* One character, with its other cases if fold is set. */
void re2_literal(struct re2 *re, uint32_t c, bool fold);

/* \n, \x41, \., ...: -1 if there is no such escape. */
int re2_char_escape(const char **s, const char *end, uint32_t *ret);

/* \d, \pL and the like */
bool re2_is_class_escape(const char *s, const char *end);
/* -1 if Go knows no class of that name. */
int re2_class_escape(struct re2 *re, const char **s, const char *end,
		     bool fold);

/* [...]: NULL, or what is wrong with it. */
const char *re2_class(struct re2 *re, const char **s, const char *end,
		      bool fold);

#endif
