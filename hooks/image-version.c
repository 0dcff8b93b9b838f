/*
 * Semantic versions. See image-version.h. What is read was chosen by whoever
 * pushes images, or by the admin: nothing here allocates by it, and numbers
 * beyond 64 bits make no version. Every comparison of a range becomes an
 * interval, or what is outside of one.
 */
#include "config.h"
#include "hooks/image-version.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/num.h"

#define DIGITS "0123456789"
#define IDENTIFIER_CHARS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "-"
#define LIMIT_RANGE_BYTES 256
#define LIMIT_COMPARISONS 32
#define RANGE_FORM "must be a range of versions, as 1.x, ^1.2, ~1.2.3, " \
	"'>=1.2 <2', '1.2 - 1.4' or several with ||"

/* ---- versions ---- */

static bool is_number(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return len > 0;
}

/* Dot-separated; with `numbers` those may not begin with a zero. */
static bool are_identifiers(const char *s, size_t len, bool numbers)
{
	const char *end = s + len;

	for (;;) {
		const char *dot = memchr(s, '.', (size_t)(end - s));
		size_t n = (size_t)((dot ? dot : end) - s);

		for (size_t i = 0; i < n; i++)
			if (!s[i] || !strchr(IDENTIFIER_CHARS, s[i]))
				return false;
		if (!n || (numbers && n > 1 && *s == '0' && is_number(s, n)))
			return false;
		if (!dot)
			return true;
		s = dot + 1;
	}
}

/* What is behind the numbers; `s` is at '-', '+' or the end. */
static int parse_tail(const char *s, const char *end, struct version *ret)
{
	const char *plus = memchr(s, '+', (size_t)(end - s));
	const char *pre_end = plus ? plus : end;

	if (plus && !are_identifiers(plus + 1, (size_t)(end - plus) - 1,
				     false))
		return -1;
	if (s == pre_end)
		return 0;
	if (*s != '-' ||
	    !are_identifiers(s + 1, (size_t)(pre_end - s) - 1, true))
		return -1;
	ret->pre = s + 1;
	ret->pre_len = (size_t)(pre_end - s) - 1;
	return 0;
}

/*
 * With `partial` some parts may be missing or x, X, *; *parts counts those
 * that are numbers, and then there is nothing behind them.
 */
static int parse_parts(const char *s, size_t len, bool partial,
		       struct version *ret, int *parts)
{
	struct version v = { { 0 }, NULL, 0 };
	const char *end = s + len;
	bool any = false;
	int n = 0;

	if (s < end && *s == 'v')
		s++;
	for (int i = 0; i < 3; i++) {
		size_t digits = 0;

		while (s + digits < end && is_number(s + digits, 1))
			digits++;
		if (partial && !digits && s < end && strchr("xX*", *s)) {
			any = true;
			s++;
		} else if (any || parse_u64n(s, digits, 0, UINT64_MAX,
					     &v.part[i]) < 0) {
			return -1;
		} else {
			s += digits;
			n++;
		}
		if (i == 2 || s == end || *s != '.') {
			if (i < 2 && (!partial || s != end))
				return -1;
			break;
		}
		s++;
	}
	if ((any && s != end) || parse_tail(s, end, &v) < 0)
		return -1;
	*ret = v;
	*parts = n;
	return 0;
}

int version_parse(const char *s, size_t len, struct version *ret)
{
	int parts;

	return parse_parts(s, len, false, ret, &parts);
}

static int compare_bytes(const char *a, size_t n, const char *b, size_t m)
{
	int c = memcmp(a, b, n < m ? n : m);

	return c ? c : (n > m) - (n < m);
}

/* Numbers are below words; numbers of many digits compare too. */
static int compare_identifiers(const char *a, size_t n, const char *b,
			       size_t m)
{
	bool x = is_number(a, n), y = is_number(b, m);

	if (x != y)
		return x ? -1 : 1;
	if (x && n != m)
		return n < m ? -1 : 1;
	return compare_bytes(a, n, b, m);
}

static int compare_pre(const struct version *v, const struct version *w)
{
	const char *a = v->pre, *a_end = a + v->pre_len;
	const char *b = w->pre, *b_end = b + w->pre_len;

	for (;;) {
		const char *x = memchr(a, '.', (size_t)(a_end - a));
		const char *y = memchr(b, '.', (size_t)(b_end - b));
		int c = compare_identifiers(
			a, (size_t)((x ? x : a_end) - a),
			b, (size_t)((y ? y : b_end) - b));

		if (c || !x || !y)
			return c ? c : (x != NULL) - (y != NULL);
		a = x + 1;
		b = y + 1;
	}
}

int version_compare(const struct version *a, const struct version *b)
{
	for (int i = 0; i < 3; i++)
		if (a->part[i] != b->part[i])
			return a->part[i] < b->part[i] ? -1 : 1;
	if (!a->pre_len || !b->pre_len)
		return !a->pre_len - !b->pre_len;
	return compare_pre(a, b);
}

/* ---- ranges ---- */

struct comparison {
	bool has_low, has_high;
	bool open_low;		/* low itself is outside */
	bool closed_high;	/* high itself is inside */
	bool outside;		/* it means what is not in there */
	bool last;		/* of those that are joined by || */
	bool has_pre;		/* the text names a version before a release */
	struct version low, high;
};

struct version_range {
	char *text;
	struct comparison v[LIMIT_COMPARISONS];
	size_t n;
};

/* The first version after all those that begin with these parts. */
static bool set_after(struct comparison *c, const struct version *v, int parts)
{
	c->has_high = parts > 0;
	c->high = (struct version){ { 0 }, "0", 1 };
	for (int i = 0; i < parts; i++)
		c->high.part[i] = v->part[i];
	return parts == 0 || ++c->high.part[parts - 1] != 0;
}

/* The part that ^ lets not change. */
static int caret_parts(const struct version *v, int parts)
{
	int n = 1;

	while (n < parts && !v->part[n - 1])
		n++;
	return parts ? n : 0;
}

static bool is_op(const char *op, size_t n, const char *a, const char *b)
{
	return (strlen(a) == n && !strncmp(op, a, n)) ||
	       (strlen(b) == n && !strncmp(op, b, n));
}

/* False where the operator is none, or the number beyond any. */
static bool set_comparison(struct comparison *c, const char *op, size_t n,
			   const struct version *v, int parts)
{
	*c = (struct comparison){ .low = *v, .has_pre = v->pre_len > 0 };
	c->has_low = parts > 0;
	if (is_op(op, n, "^", "^"))
		return set_after(c, v, caret_parts(v, parts));
	if (is_op(op, n, "~", "~>"))
		return set_after(c, v, parts < 2 ? parts : 2);
	if (is_op(op, n, ">=", "=>"))
		return true;
	if (is_op(op, n, "", "=") || is_op(op, n, "!=", "!=")) {
		c->outside = n == 2;
		c->high = *v;
		c->closed_high = c->has_high = parts == 3;
		return parts == 3 || set_after(c, v, parts);
	}
	if (is_op(op, n, ">", ">")) {
		c->open_low = parts == 3;
		if (parts == 3 || !set_after(c, v, parts))
			return parts == 3;
		c->low = c->high;
		c->has_high = false;
		return parts > 0;
	}
	c->has_low = false;
	c->has_high = true;
	c->high = *v;
	if (is_op(op, n, "<", "<"))
		return parts > 0;
	c->closed_high = parts == 3;
	return is_op(op, n, "<=", "=<") &&
	       (parts == 3 || set_after(c, v, parts));
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t,");
}

static const char *take_version(const char *s, struct version *ret,
				int *parts)
{
	size_t len = strspn(s, IDENTIFIER_CHARS ".+*");

	return parse_parts(s, len, true, ret, parts) < 0 ? NULL : s + len;
}

/* "1.2 - 1.4": s is behind the first version. NULL if it is wrong. */
static const char *take_upper(const char *s, struct comparison *low,
			      struct comparison *c)
{
	struct version v;
	int parts;

	s = take_version(s + strspn(s, " \t"), &v, &parts);
	if (!s || !parts || !low->has_low)
		return NULL;
	low->has_high = false;
	return set_comparison(c, "<=", 2, &v, parts) ? s : NULL;
}

static struct comparison *next(struct version_range *r)
{
	return r->n < LIMIT_COMPARISONS ? &r->v[r->n++] : NULL;
}

/* One comparison, or two where it is a span. */
static const char *take_comparison(const char *s, struct version_range *r)
{
	size_t op = strspn(s, "=!<>~^");
	const char *from = s;
	struct comparison *c = next(r), *d;
	struct version v;
	int parts;

	s = take_version(s + op + strspn(s + op, " \t"), &v, &parts);
	if (!s || !c || !set_comparison(c, from, op, &v, parts))
		return NULL;
	from = s + strspn(s, " \t");
	if (op || from == s || *from != '-')
		return s;
	d = next(r);
	return d ? take_upper(from + 1, c, d) : NULL;
}

static bool parse_range(struct version_range *r)
{
	const char *s = skip_blanks(r->text);

	while ((s = take_comparison(s, r))) {
		s = skip_blanks(s);
		if (*s && strncmp(s, "||", 2))
			continue;
		r->v[r->n - 1].last = true;
		if (!*s)
			return true;
		s = skip_blanks(s + 2);
	}
	return false;
}

int version_range_parse(const char *s, struct version_range **ret,
			struct err *err)
{
	struct version_range *r;

	if (strlen(s) > LIMIT_RANGE_BYTES)
		return err_set(err, ERR_INVALID, "must be at most %d bytes",
			       LIMIT_RANGE_BYTES);
	r = xcalloc(1, sizeof(*r));
	r->text = xstrdup(s);
	if (!parse_range(r)) {
		version_range_free(r);
		return err_set(err, ERR_INVALID, RANGE_FORM);
	}
	*ret = r;
	return 0;
}

static bool is_in(const struct comparison *c, const struct version *v)
{
	int low = c->has_low ? version_compare(v, &c->low) : 1;
	int high = c->has_high ? version_compare(v, &c->high) : -1;
	bool in = (c->open_low ? low > 0 : low >= 0) &&
		  (c->closed_high ? high <= 0 : high < 0);

	return in != c->outside;
}

bool version_range_has(const struct version_range *r, const struct version *v)
{
	bool all = true, pre = false;

	for (size_t i = 0; i < r->n; i++) {
		all = all && is_in(&r->v[i], v);
		pre = pre || r->v[i].has_pre;
		if (!r->v[i].last)
			continue;
		if (all && (!v->pre_len || pre))
			return true;
		all = true;
		pre = false;
	}
	return false;
}

void version_range_free(struct version_range *r)
{
	if (!r)
		return;
	free(r->text);
	free(r);
}
