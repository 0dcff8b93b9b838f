/*
 * UTF-8. See utf8.h; the table is Unicode's 3-7, well-formed sequences.
 */
#include "config.h"
#include "schema/base/utf8.h"

#include <stdint.h>

#include "schema/base/mem.h"

static const struct range {
	uint8_t first, last;	/* of the first byte */
	uint8_t low, high;	/* of the second */
	uint8_t bytes;
} ranges[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

size_t utf8_char(const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s;

	if (p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		const struct range *r = &ranges[i];

		if (p[0] < r->first || p[0] > r->last)
			continue;
		if (len < r->bytes || p[1] < r->low || p[1] > r->high)
			return 0;
		for (size_t k = 2; k < r->bytes; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return r->bytes;
	}
	return 0;
}

bool utf8_valid(const char *s, size_t len)
{
	while (len) {
		size_t n = utf8_char(s, len);

		if (!n)
			return false;
		s += n;
		len -= n;
	}
	return true;
}
