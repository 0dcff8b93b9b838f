/*
 * Times, quantities, base64. See formats.h. Takes any text. No stricter than
 * Go, whose time.Parse is laxer than RFC 3339: an hour may have one digit,
 * and a comma may stand before the fraction.
 */
#include "config.h"
#include "schema/formats.h"

#include <string.h>

/* ---- quantities ---- */

/* What comes behind the number, to the end. */
static bool is_suffix(const char *s, size_t len)
{
	static const char *const known[] = {
		"", "n", "u", "m", "k", "M", "G", "T", "P", "E",
		"Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i]) == len && !memcmp(s, known[i], len))
			return true;
	if (*s != 'e' && *s != 'E')
		return false;
	s++;
	len--;
	if (*s == '-' || *s == '+') {
		s++;
		len--;
	}
	return len && strspn(s, "0123456789") == len;
}

/* Go takes a number without digits for zero: "Gi", "." and even "-". */
bool is_quantity(const char *s)
{
	size_t len;

	s += strspn(s, " ");
	if (!*s)
		return false;
	s += *s == '-' || *s == '+';
	s += strspn(s, "0123456789");
	if (*s == '.')
		s += 1 + strspn(s + 1, "0123456789");
	len = strlen(s);
	while (len && s[len - 1] == ' ')
		len--;
	return is_suffix(s, len);
}

/* ---- times ---- */

/* From least to most digits; -1 if there are none. */
static int digits(const char **s, int least, int most)
{
	int v = 0, n = 0;

	for (; n < most && **s >= '0' && **s <= '9'; n++, (*s)++)
		v = v * 10 + (**s - '0');
	return n < least ? -1 : v;
}

static bool take(const char **s, char c)
{
	bool there = **s == c;

	*s += there;
	return there;
}

static bool is_date(const char **s)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30,
				    31, 31, 30, 31, 30, 31 };
	int year, month, day, last;

	year = digits(s, 4, 4);
	if (year < 0 || !take(s, '-'))
		return false;
	month = digits(s, 2, 2);
	if (month < 1 || month > 12 || !take(s, '-'))
		return false;
	day = digits(s, 2, 2);
	last = days[month - 1];
	if (month == 2 && (year % 4 || (year % 100 == 0 && year % 400)))
		last = 28;
	return day >= 1 && day <= last;
}

static bool is_clock(const char **s, bool micro)
{
	int hour = digits(s, 1, 2), minute, second;
	size_t fraction = 0;

	if (hour < 0 || hour > 23 || !take(s, ':'))
		return false;
	minute = digits(s, 2, 2);
	if (minute < 0 || minute > 59 || !take(s, ':'))
		return false;
	second = digits(s, 2, 2);
	if (second < 0 || second > 59)
		return false;
	if (**s == '.' || **s == ',') {
		(*s)++;
		fraction = strspn(*s, "0123456789");
		*s += fraction;
		if (!fraction)
			return false;
	}
	return !micro || fraction == 6;
}

static bool is_zone(const char **s)
{
	int hour, minute;

	if (take(s, 'Z'))
		return true;
	if (!take(s, '+') && !take(s, '-'))
		return false;
	hour = digits(s, 2, 2);
	if (hour < 0 || hour > 24 || !take(s, ':'))
		return false;
	minute = digits(s, 2, 2);
	return minute >= 0 && minute < 60;
}

bool is_full_date(const char *s)
{
	return is_date(&s) && !*s;
}

bool is_date_time(const char *s, bool micro)
{
	return is_date(&s) && take(&s, 'T') && is_clock(&s, micro) &&
	       is_zone(&s) && !*s;
}

/* ---- base64 ---- */

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '+' || c == '/';
}

int64_t base64_bytes(const char *s, size_t len)
{
	size_t letters = 0, padding = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\n' || s[i] == '\r')
			continue;
		if (s[i] == '=')
			padding++;
		else if (is_letter(s[i]) && !padding)
			letters++;
		else
			return -1;
	}
	if ((letters + padding) % 4 || padding > 2 || letters % 4 == 1 ||
	    (padding && letters % 4 == 0))
		return -1;
	return (int64_t)(letters * 3 / 4);
}
