/*
 * Numbers. See str-number.h. Takes any bytes.
 */
#include "config.h"
#include "schema/crd/str-number.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "schema/base/mem.h"

/* the longest number that is judged, in digits */
#define DIGITS_MAX 20
/* numbers of a duration that is judged: no overflow */
#define DURATION_DIGITS 9

static enum pattern_verdict verdict(bool good)
{
	return good ? PATTERN_YES : PATTERN_NO;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- check digits ---- */

/* The digits of a text, an X too if asked for; 0 if there are too many. */
static size_t digits_of(const char *s, size_t len, bool others_are_errors,
			char out[DIGITS_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		bool blank = memchr("\t\n\f\r -", s[i], 6);

		if (others_are_errors ? blank : !is_digit(s[i]))
			continue;
		if (n == DIGITS_MAX)
			return 0;
		out[n++] = s[i];
	}
	out[n] = '\0';
	return n;
}

static int number(const char *s, size_t len)
{
	int v = 0;

	for (size_t i = 0; i < len; i++)
		v = v * 10 + (s[i] - '0');
	return v;
}

/* What begins a card's number, by its length. */
static bool is_issuer(const char *d, size_t n)
{
	int two = number(d, 2), three = number(d, 3), four = number(d, 4);

	switch (n) {
	case 13:
		return *d == '4';
	case 14:
		return (three >= 300 && three <= 305) || two == 36 ||
		       two == 38;
	case 15:
		return two == 34 || two == 37 || four == 2131 || four == 1800;
	case 16:
		return *d == '4' || (two >= 51 && two <= 55) ||
		       four == 6011 || two == 65 || two == 35;
	default:
		return false;
	}
}

enum pattern_verdict str_credit_card(const char *s, size_t len)
{
	char d[DIGITS_MAX + 1];
	size_t n = digits_of(s, len, false, d);
	int sum = 0;

	if (n < 13 || !is_issuer(d, n))
		return PATTERN_NO;
	for (size_t i = 0; i < n; i++) {
		int v = d[n - 1 - i] - '0';

		if (i % 2)
			v = v * 2 >= 10 ? v * 2 % 10 + 1 : v * 2;
		sum += v;
	}
	return verdict(sum % 10 == 0);
}

enum pattern_verdict str_isbn10(const char *s, size_t len)
{
	char d[DIGITS_MAX + 1];
	int sum = 0;

	if (digits_of(s, len, true, d) != 10 ||
	    strspn(d, "0123456789") < 9 ||
	    (d[9] != 'X' && !is_digit(d[9])))
		return PATTERN_NO;
	for (int i = 0; i < 9; i++)
		sum += (i + 1) * (d[i] - '0');
	sum += 10 * (d[9] == 'X' ? 10 : d[9] - '0');
	return verdict(sum % 11 == 0);
}

enum pattern_verdict str_isbn13(const char *s, size_t len)
{
	char d[DIGITS_MAX + 1];
	int sum = 0;

	if (digits_of(s, len, true, d) != 13 ||
	    strspn(d, "0123456789") != 13)
		return PATTERN_NO;
	for (int i = 0; i < 12; i++)
		sum += (i % 2 ? 3 : 1) * (d[i] - '0');
	return verdict(d[12] - '0' == (10 - sum % 10) % 10);
}

enum pattern_verdict str_isbn(const char *s, size_t len)
{
	if (str_isbn10(s, len) == PATTERN_YES)
		return PATTERN_YES;
	return str_isbn13(s, len);
}

/* ---- durations ---- */

#define MICRO_SIGN "\302\265"
#define GREEK_MU "\316\274"

/* ns, us, ms, s, m, h in a row: what time.ParseDuration takes. */
static bool is_go_duration(const char *s, const char *end)
{
	static const char *const units[] = {
		"ns", "us", MICRO_SIGN "s", GREEK_MU "s", "ms", "s", "m", "h",
	};

	s += s < end && (*s == '-' || *s == '+');
	if (end - s == 1 && *s == '0')
		return true;
	if (s == end)
		return false;
	while (s < end) {
		const char *at = s, *unit;
		bool any = false, known = false;

		for (; at < end && is_digit(*at); at++)
			any = true;
		at += at < end && *at == '.';
		for (; at < end && is_digit(*at); at++)
			any = true;
		unit = at;
		while (at < end && *at != '.' && !is_digit(*at))
			at++;
		for (size_t i = 0; i < ARRAY_SIZE(units); i++)
			known |= strlen(units[i]) == (size_t)(at - unit) &&
				 !memcmp(units[i], unit, strlen(units[i]));
		if (!any || !known)
			return false;
		s = at;
	}
	return true;
}

static bool is_letter(const char *s, const char *end)
{
	return (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
	       (end - s >= 2 && !memcmp(s, MICRO_SIGN, 2));
}

/* "seconds", "Hrs" is none: short ones are whole, long ones begin it. */
static bool is_unit(const char *s, size_t len)
{
	static const char *const whole[] = {
		"ns", "us", MICRO_SIGN "s", "ms", "s", "m", "h", "hr", "d",
		"w", "wk",
	};
	static const char *const begin[] = {
		"nano", "micro", "milli", "sec", "min", "hour", "day", "week",
	};

	for (size_t i = 0; i < ARRAY_SIZE(whole); i++)
		if (strlen(whole[i]) == len && !strncasecmp(whole[i], s, len))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(begin); i++)
		if (strlen(begin[i]) <= len &&
		    !strncasecmp(begin[i], s, strlen(begin[i])))
			return true;
	return false;
}

/* A number, blanks and a unit, anywhere. */
static bool has_duration(const char *s, const char *end)
{
	while (s < end) {
		const char *unit;

		if (!is_digit(*s)) {
			s++;
			continue;
		}
		while (s < end && is_digit(*s))
			s++;
		while (s < end && memchr("\t\n\f\r ", *s, 5))
			s++;
		unit = s;
		while (s < end && is_letter(s, end))
			s += (unsigned char)*s >= 0x80 ? 2 : 1;
		if (is_unit(unit, (size_t)(s - unit)))
			return true;
	}
	return false;
}

enum pattern_verdict str_duration(const char *s, size_t len)
{
	size_t row = 0;

	/* what overflows is refused, or not, by rules of its own */
	for (size_t i = 0; i < len; i++) {
		row = is_digit(s[i]) ? row + 1 : 0;
		if (row > DURATION_DIGITS)
			return PATTERN_UNKNOWN;
	}
	return verdict(is_go_duration(s, s + len) ||
		       has_duration(s, s + len));
}
