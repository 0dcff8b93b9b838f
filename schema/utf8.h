/*
 * UTF-8, as RFC 3629 has it: no overlong forms, no surrogates, nothing
 * above U+10FFFF.
 */
#ifndef SCHEMA_UTF8_H
#define SCHEMA_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at s, 1 to 4; 0 if there is no valid one. */
size_t utf8_length(const char *s, size_t len);

/* The character at s, for which utf8_length() gave n. */
uint32_t utf8_decode(const char *s, size_t n);

#endif
