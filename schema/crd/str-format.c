/*
 * Formats of strings. See str-format.h. Takes any text. The grammars are
 * strfmt's: regular expressions where it has them, its own laxness elsewhere
 * (a date-time's hour is compared as text, a duration is anything with a
 * number and a unit in it). Addresses of mail and URIs are judged where they
 * are plainly good or bad.
 */
#include "config.h"
#include "schema/crd/str-format.h"

#include <stdbool.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/crd/str-net.h"
#include "schema/crd/str-number.h"
#include "schema/formats.h"

#define UUID "[0-9a-f]{8}-?[0-9a-f]{4}-?"
#define UUID_END "[0-9a-f]{12}$"
#define ALNUM "[a-zA-Z0-9\\p{S}\\p{L}]"
#define COLOR "\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])\\s*"
#define K8S_NAME "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define BASE64 "[A-Za-z0-9+\\/]"

typedef enum pattern_verdict check_fn(const char *s, size_t len);

struct format {
	const char *name;	/* without hyphens */
	const char *want;
	const char *pattern;	/* what it must match, or NULL */
	check_fn *check;	/* and what it must be, or NULL */
	size_t max;		/* bytes; 0: any */
};

static enum pattern_verdict verdict(bool good)
{
	return good ? PATTERN_YES : PATTERN_NO;
}

/* ---- those with more than an expression ---- */

static enum pattern_verdict check_date(const char *s, size_t len)
{
	return verdict(strlen(s) == len && is_full_date(s));
}

/* The part behind the first t, up to a second one: is it "10:00:00Z"? The
 * hour must not be above 23, minute and second not above 59. */
static bool is_clock(const char *s, size_t len)
{
	return len >= 8 && memcmp(s, "23", 2) <= 0 &&
	       memcmp(s + 3, "59", 2) <= 0 && memcmp(s + 6, "59", 2) <= 0;
}

#define CLOCK "(?i)^[0-9]{2}:[0-9]{2}:[0-9]{2}(.[0-9]+)?" \
	"(z|([+-][0-9]{2}:[0-9]{2}))$"

static const struct pattern *compiled(enum str_format f, const char *text);

static enum pattern_verdict check_date_time(const char *s, size_t len)
{
	const char *t = memchr(s, 'T', len), *small = memchr(s, 't', len);
	const char *end = s + len, *clock;
	enum pattern_verdict v;
	uint64_t steps = 0;	/* as many as a date has */
	char date[16];
	size_t n;

	if (small && (!t || small < t))
		t = small;
	if (!t || (size_t)(t - s) >= sizeof(date))
		return PATTERN_NO;
	memcpy(date, s, (size_t)(t - s));
	date[t - s] = '\0';
	if (!is_full_date(date))
		return PATTERN_NO;
	clock = t + 1;
	for (const char *at = clock; at < end; at++)
		if ((*at | 0x20) == 't')
			end = at;
	n = (size_t)(end - clock);
	v = pattern_match(compiled(STR_DATE_TIME, CLOCK), clock, n, &steps);
	return v == PATTERN_YES ? verdict(is_clock(clock, n)) : v;
}

static enum pattern_verdict check_ssn(const char *s, size_t len)
{
	(void)s;
	return verdict(len == 11);
}

/* The sum of all labels is limited, and each of them. */
static enum pattern_verdict check_hostname(const char *s, size_t len)
{
	size_t label = 0;

	for (size_t i = 0; i < len; i++) {
		label = s[i] == '.' ? 0 : label + 1;
		if (label > 63)
			return PATTERN_NO;
	}
	return verdict(len <= 255);
}

/* ---- the table ---- */

static const struct format formats[STR_FORMATS] = {
	[STR_BSON_OBJECT_ID] = { "bsonobjectid", "24 hexadecimal digits",
		"^[0-9a-fA-F]{24}$", NULL, 0 },
	[STR_BYTE] = { "byte", "base64",
		"^(?:" BASE64 "{4})*(?:" BASE64 "{2}==|" BASE64 "{3}=|"
		BASE64 "{4})$", NULL, 0 },
	[STR_CIDR] = { "cidr", "a network such as 10.0.0.0/8", NULL,
		str_cidr, 0 },
	[STR_CREDIT_CARD] = { "creditcard", "a credit card's number", NULL,
		str_credit_card, 0 },
	[STR_DATE] = { "date", "a date such as 2026-11-23", NULL,
		check_date, 0 },
	[STR_DATE_TIME] = { "datetime", "a time such as "
		"2026-11-23T10:00:00Z", NULL, check_date_time, 0 },
	[STR_DURATION] = { "duration", "a duration such as 90s or 1h30m",
		NULL, str_duration, 0 },
	[STR_EMAIL] = { "email", "an address of mail", NULL, str_email, 0 },
	[STR_HEX_COLOR] = { "hexcolor", "a colour such as #ff8000",
		"^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$", NULL, 0 },
	[STR_HOSTNAME] = { "hostname", "a host's name",
		"^(" ALNUM "((-?" ALNUM "{0,62})?)|(" ALNUM
		"(([a-zA-Z0-9-\\p{S}\\p{L}]{0,61}" ALNUM ")?)(\\.)){1,}"
		"([a-zA-Z\\p{L}]){2,63})$", check_hostname, 0 },
	[STR_IPV4] = { "ipv4", "an IPv4 address", NULL, str_ipv4, 0 },
	[STR_IPV6] = { "ipv6", "an IPv6 address", NULL, str_ipv6, 0 },
	[STR_ISBN] = { "isbn", "an ISBN", NULL, str_isbn, 0 },
	[STR_ISBN10] = { "isbn10", "an ISBN of 10 digits", NULL,
		str_isbn10, 0 },
	[STR_ISBN13] = { "isbn13", "an ISBN of 13 digits", NULL,
		str_isbn13, 0 },
	[STR_K8S_LONG_NAME] = { "k8slongname", "a name of at most 253 of "
		"a-z, 0-9, - and .", "^" K8S_NAME "(\\." K8S_NAME ")*$",
		NULL, 253 },
	[STR_K8S_SHORT_NAME] = { "k8sshortname", "a name of at most 63 of "
		"a-z, 0-9 and -", "^" K8S_NAME "$", NULL, 63 },
	[STR_MAC] = { "mac", "a MAC address such as 02:00:5e:10:00:01", NULL,
		str_mac, 0 },
	[STR_PASSWORD] = { "password", "any text", NULL, NULL, 0 },
	[STR_RGB_COLOR] = { "rgbcolor", "a colour such as rgb(255,128,0)",
		"^rgb\\(" COLOR "," COLOR "," COLOR "\\)$", NULL, 0 },
	[STR_SSN] = { "ssn", "a number such as 123-45-6789",
		"^\\d{3}[- ]?\\d{2}[- ]?\\d{4}$", check_ssn, 0 },
	[STR_URI] = { "uri", "a URI or an absolute path", NULL, str_uri, 0 },
	[STR_UUID] = { "uuid", "a UUID",
		"(?i)^" UUID "[0-9a-f]{4}-?[0-9a-f]{4}-?" UUID_END, NULL, 0 },
	[STR_UUID3] = { "uuid3", "a UUID of version 3",
		"(?i)^" UUID "3[0-9a-f]{3}-?[0-9a-f]{4}-?" UUID_END, NULL,
		0 },
	[STR_UUID4] = { "uuid4", "a UUID of version 4",
		"(?i)^" UUID "4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?" UUID_END,
		NULL, 0 },
	[STR_UUID5] = { "uuid5", "a UUID of version 5",
		"(?i)^" UUID "5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?" UUID_END,
		NULL, 0 },
};

/* Compiled once a process, when first needed. */
static const struct pattern *compiled(enum str_format f, const char *text)
{
	static struct pattern *known[STR_FORMATS];
	struct err err = ERR_INIT;

	if (!known[f] &&
	    pattern_compile(text, strlen(text), &known[f], &err) < 0)
		BUG("a format's expression");
	return known[f];
}

enum str_format str_format_of(const char *name)
{
	char plain[32];
	size_t n = 0;

	for (; *name; name++) {
		if (*name == '-')
			continue;
		if (n == sizeof(plain) - 1)
			return STR_NONE;
		plain[n++] = *name;
	}
	plain[n] = '\0';
	for (size_t i = 1; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i].name, plain))
			return (enum str_format)i;
	return STR_NONE;
}

enum pattern_verdict str_format_check(enum str_format f, const char *s,
				      size_t len, uint64_t *steps)
{
	const struct format *form = &formats[f];
	enum pattern_verdict v = PATTERN_YES;

	*steps += 1;
	if (f == STR_NONE)
		return PATTERN_YES;
	if (form->max && len > form->max)
		return PATTERN_NO;
	if (form->check && form->pattern)
		v = form->check(s, len);
	if (v != PATTERN_YES)
		return v;
	if (form->pattern)
		return pattern_match(compiled(f, form->pattern), s, len,
				     steps);
	return form->check ? form->check(s, len) : PATTERN_YES;
}

const char *str_format_want(enum str_format f)
{
	return formats[f].want;
}
