/*
 * Strict number parsing. See num.h. Refuses whatever two readers could
 * understand differently.
 */
#include "config.h"
#include "schema/base/num.h"

#include <string.h>

int parse_u64n(const char *s, size_t len, uint64_t min, uint64_t max,
	       uint64_t *ret)
{
	uint64_t v = 0;

	if (len == 0 || len > 20 || (s[0] == '0' && len > 1))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v))
			return -1;
	}
	if (v < min || v > max)
		return -1;
	*ret = v;
	return 0;
}

int parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	return parse_u64n(s, strlen(s), min, max, ret);
}

int parse_duration(const char *s, int64_t *ret)
{
	static const struct { char unit; int64_t seconds; } units[] = {
		{ 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 },
	};
	size_t next = 0;
	int64_t total = 0;

	if (!*s)
		return -1;
	while (*s) {
		size_t digits = strspn(s, "0123456789");
		uint64_t n;

		if (parse_u64n(s, digits, 0, 1000000000, &n) < 0)
			return -1;
		while (next < 4 && units[next].unit != s[digits])
			next++;
		if (next == 4)
			return -1;
		total += (int64_t)n * units[next++].seconds;
		s += digits + 1;
	}
	*ret = total;
	return 0;
}

const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}
