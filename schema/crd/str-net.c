/*
 * Addresses. See str-net.h. Takes any bytes.
 */
#include "config.h"
#include "schema/crd/str-net.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static enum pattern_verdict verdict(bool good)
{
	return good ? PATTERN_YES : PATTERN_NO;
}

/* How many bytes from the start are of the set. */
static size_t span(const char *s, size_t len, const char *set)
{
	size_t n = 0;

	while (n < len && s[n] && strchr(set, s[n]))
		n++;
	return n;
}

/* ---- networks ---- */

/* A number up to max, zeros before it do not matter. */
static bool is_number(const char *s, size_t len, unsigned max)
{
	unsigned v = 0;

	if (!len || span(s, len, DIGITS) != len)
		return false;
	for (size_t i = 0; i < len && v <= max; i++)
		v = v * 10 + (unsigned)(s[i] - '0');
	return v <= max;
}

static bool is_dotted(const char *s, size_t len)
{
	for (int i = 0; i < 4; i++) {
		size_t n = span(s, len, DIGITS);

		if (!is_number(s, n, 255) || (i < 3) != (n < len) ||
		    (i < 3 && s[n] != '.'))
			return false;
		s += n + (i < 3);
		len -= n + (i < 3);
	}
	return true;
}

static bool is_colons(const char *s, size_t len)
{
	char text[INET6_ADDRSTRLEN + 1];
	unsigned char raw[16];

	if (len >= sizeof(text) || memchr(s, '\0', len))
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	return inet_pton(AF_INET6, text, raw) == 1;
}

/* ::ffff:10.0.0.1 has a dot and is good for both. */
enum pattern_verdict str_ipv4(const char *s, size_t len)
{
	const char *colon = memchr(s, ':', len), *dot = memchr(s, '.', len);

	if (!dot)
		return PATTERN_NO;
	return verdict(colon ? is_colons(s, len) : is_dotted(s, len));
}

enum pattern_verdict str_ipv6(const char *s, size_t len)
{
	return verdict(memchr(s, ':', len) && is_colons(s, len));
}

enum pattern_verdict str_cidr(const char *s, size_t len)
{
	const char *slash = memchr(s, '/', len);
	size_t n = slash ? (size_t)(slash - s) : 0;
	bool v4 = is_dotted(s, n);

	if (!slash || (!v4 && !is_colons(s, n)))
		return PATTERN_NO;
	return verdict(is_number(slash + 1, len - n - 1, v4 ? 32 : 128));
}

/* Groups of so many hexadecimal digits with one separator between them. */
static bool is_groups(const char *s, size_t len, size_t digits)
{
	size_t bytes = (len + 1) / (digits + 1) * (digits / 2);

	if ((len + 1) % (digits + 1) ||
	    (bytes != 6 && bytes != 8 && bytes != 20))
		return false;
	for (size_t i = 0; i < len; i++)
		if ((i + 1) % (digits + 1) == 0 ? s[i] != s[digits] :
		    !span(s + i, 1, DIGITS "abcdefABCDEF"))
			return false;
	return true;
}

enum pattern_verdict str_mac(const char *s, size_t len)
{
	if (len < 14)
		return PATTERN_NO;
	if (s[2] == ':' || s[2] == '-')
		return verdict(is_groups(s, len, 2));
	return verdict(s[4] == '.' && is_groups(s, len, 4));
}

/* ---- mail ---- */

/* Atoms with single dots between them. */
static bool is_dot_atom(const char *s, size_t len)
{
	if (!len || s[0] == '.' || s[len - 1] == '.')
		return false;
	return !memmem(s, len, "..", 2);
}

enum pattern_verdict str_email(const char *s, size_t len)
{
	static const char plain[] = DIGITS LETTERS "!#$%&'*+-/=?^_`{|}~.@";
	const char *at = memchr(s, '@', len);
	size_t user = at ? (size_t)(at - s) : 0;

	if (!at)
		return PATTERN_NO;
	/* names, comments, quotes, brackets, other scripts */
	if (span(s, len, plain) != len)
		return PATTERN_UNKNOWN;
	if (memchr(at + 1, '@', len - user - 1))
		return PATTERN_NO;
	return verdict(is_dot_atom(s, user) &&
		       is_dot_atom(at + 1, len - user - 1));
}

/* ---- the web ---- */

/* Bytes up to and with the ':' of a scheme; 0 if there is none. */
static size_t scheme(const char *s, size_t len)
{
	size_t n = span(s, len, LETTERS);

	if (!n)
		return 0;
	n += span(s + n, len - n, LETTERS DIGITS "+-.");
	return n < len && s[n] == ':' ? n + 1 : 0;
}

/* Every % begins an escape. */
static bool is_escaped(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] == '%' && span(s + i + 1, len - i - 1,
					DIGITS "abcdefABCDEF") < 2)
			return false;
	return true;
}

/* host, host:port; NULL in *ret_end if we cannot tell. */
static enum pattern_verdict authority(const char *s, size_t len)
{
	size_t n = span(s, len, DIGITS LETTERS "-._~!$&'()*+,;=");

	if (n == len)
		return PATTERN_YES;
	if (s[n] == ' ')
		return PATTERN_NO;
	if (s[n] != ':')
		return PATTERN_UNKNOWN;
	if (span(s + n + 1, len - n - 1, DIGITS) == len - n - 1)
		return PATTERN_YES;
	return PATTERN_UNKNOWN;
}

static bool has_control(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return true;
	return false;
}

enum pattern_verdict str_uri(const char *s, size_t len)
{
	enum pattern_verdict v = PATTERN_YES;
	size_t n = scheme(s, len), part;
	const char *query = memchr(s + n, '?', len - n), *slash;
	const char *path = s + n;

	if (!len || *s == ':' || has_control(s, len))
		return PATTERN_NO;
	if (len == 1 && *s == '*')
		return PATTERN_YES;
	part = query ? (size_t)(query - path) : len - n;
	if (!part || *path != '/')
		return verdict(n > 0);
	if (n && part >= 2 && path[1] == '/') {
		path += 2;
		part -= 2;
		slash = memchr(path, '/', part);
		v = authority(path, slash ? (size_t)(slash - path) : part);
		part -= slash ? (size_t)(slash - path) : part;
		path = slash;
	}
	if (part && !is_escaped(path, part))
		return PATTERN_NO;
	return v;
}
