/*
 * Request headers. See http-value.h.
 */
#include "config.h"
#include "hooks/http-value.h"

#include <string.h>
#include <strings.h>

#include "schema/base/num.h"

#define BLANK " \t"
/* more would not be waited for anyway */
#define WAIT_DIGITS 9

/* The value of one preference if it is wait, else -1. */
static int wait_value(const char *s, size_t len)
{
	size_t name = strcspn(s, "=;" BLANK);
	const char *v = s + name + strspn(s + name, BLANK);
	uint64_t n;
	size_t digits;

	if (name != 4 || len < 4 || strncasecmp(s, "wait", 4) || *v != '=')
		return -1;
	v++;
	v += strspn(v, BLANK);
	if (*v == '"')
		v++;
	digits = strspn(v, "0123456789");
	if (digits > WAIT_DIGITS)
		digits = WAIT_DIGITS;
	if (parse_u64n(v, digits, 0, 999999999, &n) < 0)
		return -1;
	return (int)n;
}

/* Length of one list element: up to a comma outside of quotes. */
static size_t element_length(const char *s)
{
	bool quoted = false;
	size_t i = 0;

	for (; s[i] && (quoted || s[i] != ','); i++) {
		if (s[i] == '"')
			quoted = !quoted;
		else if (quoted && s[i] == '\\' && s[i + 1])
			i++;
	}
	return i;
}

int prefer_wait(const char *field)
{
	while (*field) {
		size_t len;
		int n;

		field += strspn(field, BLANK ",");
		len = element_length(field);
		n = wait_value(field, len);
		if (n >= 0)
			return n;
		field += len;
	}
	return -1;
}

bool etag_matches(const char *field, const char *etag)
{
	size_t want = strlen(etag);

	while (*field) {
		size_t len;

		field += strspn(field, BLANK ",");
		if (*field == '*')
			return true;
		if (!strncmp(field, "W/", 2))
			field += 2;
		len = element_length(field);
		if (len >= want && !strncmp(field, etag, want) &&
		    strspn(field + want, BLANK) == len - want)
			return true;
		field += len;
	}
	return false;
}
