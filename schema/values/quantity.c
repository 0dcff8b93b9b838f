/*
 * How much a quantity is. See quantity.h. Takes any text; one that is no
 * quantity has been refused by the schema check.
 */
#include "config.h"
#include "schema/values/quantity.h"

#include <stdio.h>
#include <string.h>

#include "schema/float.h"
#include "schema/formats.h"

/* So many digits before and behind the point are enough: more before it are
 * beyond 2^63, more behind it only round up. */
#define WHOLE_DIGITS 20
#define PART_DIGITS 18
#define PART ((quantity)1000000000000000000)
#define MOST (((quantity)INT64_MAX) * QUANTITY_ONE)

/* What the suffix multiplies by: 2^binary or 10^decimal. */
static bool scale_of(const char *s, int *ret_binary, int *ret_decimal)
{
	static const char binary[] = "KMGTPE", decimal[] = "num kMGTPE";
	char suffix[8];
	size_t n = strcspn(s, " ");
	const char *at;

	if (n >= sizeof(suffix))
		return false;
	memcpy(suffix, s, n);
	suffix[n] = '\0';
	*ret_binary = *ret_decimal = 0;
	if (!*suffix)
		return true;
	if (suffix[1] == 'i') {
		at = strchr(binary, *suffix);
		*ret_binary = at ? (int)(at - binary + 1) * 10 : 0;
		return at != NULL;
	}
	at = suffix[1] ? NULL : strchr(decimal, *suffix);
	if (at) {
		*ret_decimal = (int)(at - decimal - 3) * 3;
		return true;
	}
	/* e3, E-3: an exponent beyond two digits is nobody's */
	return strlen(suffix) <= 4 &&
	       sscanf(suffix + 1, "%d", ret_decimal) == 1 &&
	       *ret_decimal >= -18 && *ret_decimal <= 18;
}

static quantity power(int base, int n)
{
	quantity v = 1;

	while (n-- > 0)
		v *= base;
	return v;
}

/* Up to `most` digits as a number; *ret_more if others behind them are not
 * all 0. */
static quantity digits(const char *s, size_t n, size_t most, bool *ret_more)
{
	quantity v = 0;

	for (size_t i = 0; i < n; i++) {
		if (i < most)
			v = v * 10 + (s[i] - '0');
		else if (s[i] != '0')
			*ret_more = true;
	}
	return v;
}

/* whole + part / 10^18, times the scale, in billionths, rounded up */
static quantity scaled(quantity whole, quantity part, bool more, int binary,
		       int decimal)
{
	quantity up, divisor;

	if (binary || decimal > 0) {
		up = binary ? (quantity)1 << binary : power(10, decimal);
		if (whole > INT64_MAX / up)
			return MOST;
		divisor = PART / QUANTITY_ONE;
		up *= part;
		return whole * (binary ? (quantity)1 << binary :
					 power(10, decimal)) * QUANTITY_ONE +
		       up / divisor + (up % divisor || more);
	}
	divisor = PART / QUANTITY_ONE * power(10, -decimal);
	up = whole * PART + part;
	return up / divisor + (up % divisor || more);
}

static bool parse(const char *s, quantity *ret)
{
	bool negative, more = false;
	size_t n_whole, n_part = 0;
	int binary, decimal;
	const char *part = "";
	quantity v, whole, behind;

	s += strspn(s, " ");
	negative = *s == '-';
	s += negative || *s == '+';
	s += strspn(s, "0");
	n_whole = strspn(s, "0123456789");
	if (s[n_whole] == '.') {
		part = s + n_whole + 1;
		n_part = strspn(part, "0123456789");
	}
	if (!scale_of(n_part || *part || s[n_whole] == '.' ? part + n_part :
		      s + n_whole, &binary, &decimal))
		return false;
	if (n_whole >= WHOLE_DIGITS && decimal < 0)
		return false;	/* may be less than 2^63 after all */
	whole = digits(s, n_whole, WHOLE_DIGITS, &more);
	behind = digits(part, n_part, PART_DIGITS, &more) *
		 power(10, n_part < PART_DIGITS ?
			   PART_DIGITS - (int)n_part : 0);
	v = n_whole >= WHOLE_DIGITS ? MOST :
		scaled(whole, behind, more, binary, decimal);
	if (v > MOST)
		v = MOST;
	*ret = negative ? -v : v;
	return true;
}

/* A float is as much as its shortest text says. */
static bool parse_float(double v, quantity *ret)
{
	char d[FLOAT_DIGITS], text[64];
	int exponent, n;

	if (v == 0) {
		*ret = 0;
		return true;
	}
	n = float_digits(v < 0 ? -v : v, false, d, &exponent);
	snprintf(text, sizeof(text), "%s%.1s.%.*se%d", v < 0 ? "-" : "", d,
		 n - 1, d + 1, exponent);
	return parse(text, ret);
}

bool quantity_of(const struct node *n, quantity *ret)
{
	if (!n)
		return false;
	if (n->type == NODE_INT) {
		*ret = (quantity)n->integer * QUANTITY_ONE;
		return true;
	}
	if (n->type == NODE_FLOAT)
		return parse_float(n->real, ret);
	return n->type == NODE_STR && is_quantity(n->str) &&
	       parse(n->str, ret);
}

bool amount_of(const struct node *n, quantity *ret)
{
	const quantity milli = QUANTITY_ONE / 1000;

	if (!quantity_of(n, ret))
		return false;
	if (*ret % milli)
		*ret = (*ret / milli + (*ret > 0)) * milli;
	return true;
}

const char *quantity_text(const struct node *n, char *buf, size_t size)
{
	if (n->type == NODE_STR)
		return n->str;
	if (n->type == NODE_NULL)
		return "null";
	if (n->type == NODE_INT)
		snprintf(buf, size, "%lld", (long long)n->integer);
	else
		snprintf(buf, size, "%g", n->real);
	return buf;
}

/* ---- judges ---- */

void judge_quantity_not_negative(struct judge *j, const struct place *p)
{
	char buf[32];
	quantity v;

	if (quantity_of(p->node, &v) && v < 0)
		at_error(j, p, "value-range", "must not be negative, as %s is",
			 quantity_text(p->node, buf, sizeof(buf)));
}

void judge_quantity_positive(struct judge *j, const struct place *p)
{
	char buf[32];
	quantity v;

	if (quantity_of(p->node, &v) && v <= 0)
		at_error(j, p, "value-range", "must be more than 0, not %s",
			 quantity_text(p->node, buf, sizeof(buf)));
}

void judge_quantity_whole(struct judge *j, const struct place *p)
{
	char buf[32];
	quantity v;

	if (quantity_of(p->node, &v) && v % QUANTITY_ONE)
		at_error(j, p, "value-range", "must be a whole number, not %s",
			 quantity_text(p->node, buf, sizeof(buf)));
}
