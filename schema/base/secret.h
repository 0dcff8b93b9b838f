/*
 * Strings that nobody else may see: keys, tokens, passwords. They live
 * between guard pages, are locked into memory where the machine allows it,
 * and are wiped when they are freed. Each costs some pages: a few, not many.
 * They are never printed, and never put into an error.
 */
#ifndef SCHEMA_BASE_SECRET_H
#define SCHEMA_BASE_SECRET_H

#include <stddef.h>

/* A NUL-terminated copy. */
char *secret_strndup(const char *s, size_t len)
	__attribute__((returns_nonnull));
void secret_free(char *secret);		/* NULL is fine */

#endif
