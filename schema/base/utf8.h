/*
 * UTF-8, strictly: shortest form, no surrogates, nothing above U+10FFFF.
 */
#ifndef SCHEMA_BASE_UTF8_H
#define SCHEMA_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The bytes of the character that stands at s, 1 to 4, or 0 when the len
 * (at least 1) bytes there do not begin with one.
 */
size_t utf8_char(const char *s, size_t len);
bool utf8_valid(const char *s, size_t len);

#endif
