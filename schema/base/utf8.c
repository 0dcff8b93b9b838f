/*
 * UTF-8. See utf8.h. Trusts nothing in the bytes.
 */
#include "config.h"
#include "schema/base/utf8.h"

#include <string.h>

uint32_t utf8_decode(const char *s, size_t n)
{
	static const unsigned char first[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = (unsigned char)s[0] & first[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

size_t utf8_length(const char *s, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char b = len ? (unsigned char)*s : 0xff;
	size_t n = b < 0x80 ? 1 : b < 0xc0 ? 0 : b < 0xe0 ? 2 : b < 0xf0 ? 3 :
		   b < 0xf8 ? 4 : 0;
	uint32_t c;

	if (n <= 1)
		return n;
	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
	c = utf8_decode(s, n);
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return n;
}

size_t utf8_cut(const char *s, size_t max)
{
	size_t len = strnlen(s, max);

	if (s[len])
		while (len && ((unsigned char)s[len] & 0xc0) == 0x80)
			len--;
	return len;
}

bool utf8_unprintable(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) ||
	       c == 0x200e || c == 0x200f || c == 0x061c ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       c == 0xfeff;
}

size_t utf8_printable(const char *s, size_t len)
{
	size_t n = utf8_length(s, len);

	return n && !utf8_unprintable(utf8_decode(s, n)) ? n : 0;
}
