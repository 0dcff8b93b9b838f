/*
 * Strict line texts. See lines.h. The texts come from strangers, some before
 * a signature over them is known to be good: nothing is trusted, and what
 * two readers could understand differently (CR, NUL, a missing last LF, a
 * second space, another order) is refused.
 */
#include "config.h"
#include "schema/base/lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/num.h"

#define SHOWN 40	/* bytes of a stranger's line in a message */

bool lines_begins(const struct lines *l, const char *prefix)
{
	size_t n = strlen(prefix);

	return (size_t)(l->end - l->next) >= n && !memcmp(l->next, prefix, n);
}

int lines_error(const struct lines *l, struct err *err, const char *fmt, ...)
{
	char what[sizeof(err->msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(err, l->class, "line %u: %s", l->n, what);
}

int lines_next(struct lines *l, struct err *err)
{
	const char *lf;

	if (l->next == l->end)
		return 0;
	l->n++;
	lf = memchr(l->next, '\n', (size_t)(l->end - l->next));
	if (!lf)
		return lines_error(l, err, "has no line feed at its end");
	for (const char *p = l->next; p < lf; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return lines_error(l, err, "holds the control byte "
					   "0x%02x", (unsigned char)*p);
	l->text = l->next;
	l->len = (size_t)(lf - l->next);
	l->next = lf + 1;
	return 1;
}

/* The next line; there must be one. */
static int need_line(struct lines *l, const char *want, struct err *err)
{
	int rc = lines_next(l, err);

	if (rc > 0)
		return 0;
	if (rc < 0)
		return -1;
	l->n++;
	return lines_error(l, err, "'%s' is missing: the text ends here",
			   want);
}

static int shown(const struct lines *l)
{
	return l->len < SHOWN ? (int)l->len : SHOWN;
}

int lines_literal(struct lines *l, const char *line, struct err *err)
{
	if (need_line(l, line, err) < 0)
		return -1;
	if (l->len != strlen(line) || memcmp(l->text, line, l->len))
		return lines_error(l, err, "is not '%s' but '%.*s'", line,
				   shown(l), l->text);
	return 0;
}

int lines_format(struct lines *l, const char *prefix, const char *number,
		 struct err *err)
{
	size_t n = strlen(prefix);
	uint64_t other;
	char text[24];

	if (need_line(l, prefix, err) < 0)
		return -1;
	if (l->len <= n || l->len - n >= sizeof(text) ||
	    memcmp(l->text, prefix, n))
		return lines_error(l, err, "is not '%s%s' but '%.*s'", prefix,
				   number, shown(l), l->text);
	memcpy(text, l->text + n, l->len - n);
	text[l->len - n] = '\0';
	if (!strcmp(text, number))
		return 0;
	if (parse_u64(text, 1, UINT32_MAX, &other) < 0)
		return lines_error(l, err, "is not '%s%s' but '%.*s'", prefix,
				   number, shown(l), l->text);
	return lines_error(l, err, "is '%s%s', of another version of windlass, "
			   "and this one reads '%s%s'; update it", prefix,
			   text, prefix, number);
}

int lines_value(struct lines *l, const char *prefix, const char **ret,
		size_t *ret_len, struct err *err)
{
	size_t n = strlen(prefix);

	if (need_line(l, prefix, err) < 0)
		return -1;
	if (l->len < n || memcmp(l->text, prefix, n))
		return lines_error(l, err, "does not begin with '%s': '%.*s'",
				   prefix, shown(l), l->text);
	if (l->len == n)
		return lines_error(l, err, "'%s' has no value", prefix);
	*ret = l->text + n;
	*ret_len = l->len - n;
	return 0;
}

int lines_ascii(struct lines *l, const char *prefix, char *ret, size_t size,
		struct err *err)
{
	const char *v;
	size_t len;

	if (lines_value(l, prefix, &v, &len, err) < 0)
		return -1;
	if (len >= size)
		return lines_error(l, err, "'%s' has more than %zu bytes",
				   prefix, size - 1);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)v[i] >= 0x7f)
			return lines_error(l, err, "'%s' is not ASCII",
					   prefix);
	memcpy(ret, v, len);
	ret[len] = '\0';
	return 0;
}

int lines_hex(struct lines *l, const char *prefix, size_t n, char *ret,
	      struct err *err)
{
	const char *v;
	size_t len;

	if (lines_value(l, prefix, &v, &len, err) < 0)
		return -1;
	if (!is_hex(v, len, n))
		return lines_error(l, err, "'%s' is not %zu lower-case hex "
				   "digits", prefix, n);
	memcpy(ret, v, len);
	ret[len] = '\0';
	return 0;
}

int lines_u64(struct lines *l, const char *prefix, uint64_t min, uint64_t max,
	      uint64_t *ret, struct err *err)
{
	const char *v;
	size_t len;

	if (lines_value(l, prefix, &v, &len, err) < 0)
		return -1;
	if (parse_u64n(v, len, min, max, ret) < 0)
		return lines_error(l, err, "'%s' is not a plain decimal number "
				   "from %llu to %llu", prefix,
				   (unsigned long long)min,
				   (unsigned long long)max);
	return 0;
}

int lines_sha256(struct lines *l, const char *prefix, struct sha256 *ret,
		 struct err *err)
{
	const char *v;
	size_t len;

	if (lines_value(l, prefix, &v, &len, err) < 0)
		return -1;
	if (sha256_parse(v, len, ret) < 0)
		return lines_error(l, err, "'%s' is not a SHA-256 in lower-case "
				   "hex", prefix);
	return 0;
}

int lines_time(struct lines *l, const char *prefix, int64_t *ret,
	       struct err *err)
{
	char text[CLOCK_TEXT_SIZE];

	if (lines_ascii(l, prefix, text, sizeof(text), err) < 0)
		return -1;
	if (clock_parse(text, ret) < 0)
		return lines_error(l, err, "'%s' is not a time such as "
				   "2026-11-23T10:00:00Z", prefix);
	return 0;
}

int lines_end(struct lines *l, struct err *err)
{
	if (l->next == l->end)
		return 0;
	l->n++;
	return lines_error(l, err, "is one too many: the text must end "
			   "before it");
}
