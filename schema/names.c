/*
 * The grammars of Kubernetes for names, labels and kinds, exactly as
 * apimachinery's validation has them (util/validation/validation.go,
 * api/validation/path/name.go): no stricter, or good manifests would be
 * refused; no laxer, or the refusal would come from the cluster instead of
 * the push. Declared in schema/object.h.
 */
#include "config.h"
#include "schema/object.h"

#include <stddef.h>
#include <string.h>

#define LABEL_MAX 63
#define SUBDOMAIN_MAX 253

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower_alnum(char c)
{
	return is_lower(c) || is_digit(c);
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || is_upper(c);
}

/* [a-z0-9]([-a-z0-9]*[a-z0-9])? of exactly len bytes, any length. */
static bool label_shape(const char *s, size_t len)
{
	if (!len || !is_lower_alnum(s[0]) || !is_lower_alnum(s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_lower_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

bool is_dns_label(const char *s)
{
	size_t len = strlen(s);

	return len <= LABEL_MAX && label_shape(s, len);
}

bool is_dns1035_label(const char *s)
{
	return is_lower(s[0]) && is_dns_label(s);
}

/* The parts of a subdomain may be longer than a label: only the whole counts */
static bool subdomain_n(const char *s, size_t len)
{
	if (len > SUBDOMAIN_MAX)
		return false;
	for (;;) {
		const char *dot = memchr(s, '.', len);
		size_t part = dot ? (size_t)(dot - s) : len;

		if (!label_shape(s, part))
			return false;
		if (!dot)
			return true;
		s += part + 1;
		len -= part + 1;
	}
}

bool is_dns_subdomain(const char *s)
{
	return subdomain_n(s, strlen(s));
}

bool is_path_segment_name(const char *s)
{
	return *s && strcmp(s, ".") && strcmp(s, "..") && !strpbrk(s, "/%");
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9], at most 63 bytes. */
static bool name_part(const char *s)
{
	size_t len = strlen(s);

	if (!len || len > LABEL_MAX || !is_alnum(s[0]) || !is_alnum(s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(s[i]) && !strchr("-_.", s[i]))
			return false;
	return true;
}

bool is_label_value(const char *s)
{
	return !*s || name_part(s);
}

bool is_qualified_name(const char *s)
{
	const char *slash = strchr(s, '/');

	if (!slash)
		return name_part(s);
	return subdomain_n(s, (size_t)(slash - s)) && name_part(slash + 1);
}

bool is_kind_name(const char *s)
{
	size_t len = strlen(s);

	if (!len || len > LABEL_MAX || is_digit(s[0]) || !is_alnum(s[0]) ||
	    !is_alnum(s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

bool is_channel_name(const char *s)
{
	return is_dns_label(s);
}
