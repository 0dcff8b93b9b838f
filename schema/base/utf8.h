/*
 * UTF-8, as RFC 3629 has it: no overlong forms, no surrogates, nothing
 * above U+10FFFF.
 */
#ifndef SCHEMA_BASE_UTF8_H
#define SCHEMA_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at s, 1 to 4; 0 if there is no valid one. */
size_t utf8_length(const char *s, size_t len);

/* How many bytes of a string are no more than max, and whole characters. */
size_t utf8_cut(const char *s, size_t max);

/* The character at s, for which utf8_length() gave n. */
uint32_t utf8_decode(const char *s, size_t n);

/* Control characters, C1 too, and those that end a line or turn the direction
 * of text around: a terminal that is sent one shows something else. */
bool utf8_unprintable(uint32_t c);

/* As utf8_length(), but 0 for those. */
size_t utf8_printable(const char *s, size_t len);

#endif
