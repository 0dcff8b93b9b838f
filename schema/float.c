/*
 * Shortest digits by trying: correct because the C library's printf and
 * strtod round correctly, and fast enough because manifests have few floats.
 */
#include "config.h"
#include "schema/float.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"

static bool reads_back(const char *text, double v, bool single)
{
	return single ? strtof(text, NULL) == (float)v :
			strtod(text, NULL) == v;
}

/*
 * Rounding to n digits gives the nearest decimal of that length. If that
 * does not read back no other does, except where v is a power of two: the
 * numbers below it are closer together than those above, and the next
 * decimal up may read back where the nearest does not.
 */
static bool try_digits(double v, bool single, int n, char text[40])
{
	char *last = text + (n == 1 ? 0 : n);
	int e;

	snprintf(text, 40, "%.*e", n - 1, v);
	if (reads_back(text, v, single))
		return true;
	if (frexp(v, &e) != 0.5 || *last == '9')
		return false;
	++*last;
	return reads_back(text, v, single);
}

int float_digits(double v, bool single, char ret_digits[FLOAT_DIGITS],
		 int *ret_exponent)
{
	char text[40];

	if (single)
		v = (double)(float)v;
	for (int n = 1; n <= 17; n++) {
		if (!try_digits(v, single, n, text))
			continue;
		ret_digits[0] = text[0];
		memcpy(ret_digits + 1, text + 2, (size_t)(n - 1));
		*ret_exponent = (int)strtoll(strchr(text, 'e') + 1, NULL, 10);
		return n;
	}
	BUG("17 digits do not read back");
}
