/*
 * Kubernetes' quantities: exact numbers with suffixes. Held as billionths in
 * 128 bits; beyond that nobody asks for an amount, and the answer is unknown.
 *
 * How the API server holds one shows: "1000m" is no integer to it, because
 * it does not reduce what it read. So that is kept too.
 */
#include "config.h"
#include "schema/cel/function.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/formats.h"

#define NANO 1000000000
/* digits that Go's quick way to read one takes */
#define QUICK_DIGITS 18
/* powers of ten beyond this are beyond 128 bits */
#define EXPONENT_MAX 60

struct cel_quantity {
	__int128 nanos;
	/* as it was read in the quick way: units of ten to the scale */
	bool quick;
	int64_t units;
	int scale;
	bool derived;		/* a sum or difference: nobody knows how it
				   is held */
};

/* ---- reading ---- */

struct suffix {
	bool binary;
	int exponent;		/* of ten, or of two */
};

/* False for an exponent that is out of reach. */
static bool read_suffix(const char *s, struct suffix *ret)
{
	static const struct {
		const char *text;
		int exponent;
	} known[] = {
		{ "", 0 }, { "n", -9 }, { "u", -6 }, { "m", -3 }, { "k", 3 },
		{ "M", 6 }, { "G", 9 }, { "T", 12 }, { "P", 15 }, { "E", 18 },
		{ "Ki", 10 }, { "Mi", 20 }, { "Gi", 30 }, { "Ti", 40 },
		{ "Pi", 50 }, { "Ei", 60 },
	};
	bool negative;
	uint64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(s, known[i].text)) {
			ret->binary = s[0] && s[1];
			ret->exponent = known[i].exponent;
			return true;
		}
	s++;
	negative = *s == '-';
	s += *s == '-' || *s == '+';
	s += strspn(s, "0");
	ret->binary = false;
	ret->exponent = 0;
	if (!*s)
		return true;
	if (parse_u64(s, 0, EXPONENT_MAX, &v) < 0)
		return false;
	ret->exponent = negative ? -(int)v : (int)v;
	return true;
}

static bool times(__int128 *v, int by)
{
	return !__builtin_mul_overflow(*v, by, v);
}

/* By a power of ten; what is less than a billionth rounds up. */
static bool scale_ten(__int128 *v, int exponent)
{
	bool rest = false;

	for (; exponent > 0; exponent--)
		if (!times(v, 10))
			return false;
	for (; exponent < 0; exponent++) {
		rest |= *v % 10 != 0;
		*v /= 10;
	}
	*v += rest;
	return true;
}

/* The digits, the point left out. */
static bool read_number(const char *num, size_t n_num, const char *denom,
			size_t n_denom, __int128 *ret)
{
	*ret = 0;
	for (size_t i = 0; i < n_num + n_denom; i++) {
		char c = i < n_num ? num[i] : denom[i - n_num];

		if (!times(ret, 10) ||
		    __builtin_add_overflow(*ret, c - '0', ret))
			return false;
	}
	return true;
}

/* As Go reads it if it can do so in 64 bits. */
static void read_quick(struct cel_quantity *q, __int128 v, bool negative,
		       size_t n_num, size_t n_denom,
		       const struct suffix *suffix)
{
	int precision = QUICK_DIGITS - (int)(n_num + n_denom);
	int scale = suffix->exponent;

	if (suffix->binary) {
		precision = n_denom ? -1 : 15 - (int)n_num -
			    (int)((float)suffix->exponent * 3 / 10) - 1;
		scale = 0;
		if (precision >= 0 && times(&v, 1 << 10))
			for (int i = 10; i < suffix->exponent; i += 10)
				if (!times(&v, 1 << 10))
					return;
	}
	scale -= (int)n_denom;
	if (precision < 0 || scale < -9 || v > INT64_MAX)
		return;
	q->quick = true;
	q->units = negative ? -(int64_t)v : (int64_t)v;
	q->scale = scale;
}

/* 1 if it is one, 0 if not, -1 if it is beyond what is held here. */
static int read(const char *s, struct cel_quantity *q)
{
	bool negative = *s == '-', capped = false;
	const char *num, *denom = "";
	size_t n_num, n_denom = 0;
	struct suffix suffix;
	__int128 v, most;

	if (!is_quantity(s))
		return 0;
	s += *s == '-' || *s == '+';
	s += strspn(s, "0");
	num = s;
	n_num = strspn(s, "0123456789");
	s += n_num;
	if (*s == '.') {
		denom = s + 1;
		n_denom = strspn(denom, "0123456789");
		s = denom + n_denom;
	}
	if (!n_num) {
		num = "0";
		n_num = 1;
	}
	if (!read_suffix(s, &suffix) || n_num + n_denom > 36 ||
	    !read_number(num, n_num, denom, n_denom, &v))
		return -1;
	read_quick(q, v, negative, n_num, n_denom, &suffix);
	if (suffix.binary)
		for (int i = 0; i < suffix.exponent; i += 10)
			if (!times(&v, 1024))
				return -1;
	if (!scale_ten(&v, 9 - (int)n_denom +
		       (suffix.binary ? 0 : suffix.exponent)))
		return -1;
	most = (__int128)INT64_MAX * NANO;
	capped = suffix.binary && !q->quick && v > most;
	v = capped ? most : v;
	q->nanos = negative ? -v : v;
	return 1;
}

static int read_value(struct cel_run *r, struct cel_value s,
		      struct cel_quantity *q)
{
	char *copy = arena_strndup(r->arena, s.str, s.n);

	/* a manifest may have blanks around one, a rule may not */
	return strlen(copy) == s.n && !strchr(copy, ' ') ? read(copy, q) : 0;
}

static struct cel_value too_large(void)
{
	return cel_unknown("a quantity of more than 128 bits");
}

static struct cel_value quantity(struct cel_run *r,
				 const struct cel_value *args, size_t n)
{
	struct cel_quantity *q = cel_room(r, sizeof(*q));
	int rc;

	(void)n;
	if (!q)
		return cel_too_much();
	rc = read_value(r, args[0], q);
	if (rc < 0)
		return too_large();
	return rc ? (struct cel_value){ .tag = VAL_QUANTITY, .quantity = q } :
	       cel_error("quantities must match the regular expression "
			 "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
}

static struct cel_value is_one(struct cel_run *r,
			       const struct cel_value *args, size_t n)
{
	struct cel_quantity q = { 0 };

	(void)n;
	return cel_bool(read_value(r, args[0], &q));
}

/* ---- comparing ---- */

bool cel_quantity_same(const struct cel_quantity *a,
		       const struct cel_quantity *b, bool *ret)
{
	*ret = a->nanos == b->nanos;
	return true;
}

static int order(const struct cel_value *args)
{
	__int128 a = args[0].quantity->nanos, b = args[1].quantity->nanos;

	return a < b ? -1 : a > b;
}

static struct cel_value compare(struct cel_run *r,
				const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return cel_int(order(args));
}

static struct cel_value is_less(struct cel_run *r,
				const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return cel_bool(order(args) < 0);
}

static struct cel_value is_greater(struct cel_run *r,
				   const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return cel_bool(order(args) > 0);
}

static struct cel_value sign(struct cel_run *r,
			     const struct cel_value *args, size_t n)
{
	__int128 v = args[0].quantity->nanos;

	(void)r;
	(void)n;
	return cel_int(v < 0 ? -1 : v > 0);
}

/* ---- reckoning ---- */

static struct cel_value plus(struct cel_run *r,
			     const struct cel_value *args, size_t n)
{
	bool minus = *cel_call_name(r) == 's';
	__int128 b = args[1].tag == VAL_INT ?
		     (__int128)args[1].integer * NANO :
		     args[1].quantity->nanos;
	struct cel_quantity *q = cel_room(r, sizeof(*q));

	(void)n;
	if (!q)
		return cel_too_much();
	q->derived = true;
	if (__builtin_add_overflow(args[0].quantity->nanos, minus ? -b : b,
				   &q->nanos))
		return too_large();
	return (struct cel_value){ .tag = VAL_QUANTITY, .quantity = q };
}

/* As an integer, if the API server can make one of it. */
static bool as_integer(const struct cel_quantity *q, int64_t *ret)
{
	int64_t v = q->units;

	if (!q->quick || q->scale < 0)
		return false;
	for (int i = 0; i < q->scale; i++)
		if (__builtin_mul_overflow(v, 10, &v))
			return false;
	*ret = v;
	return true;
}

static struct cel_value is_integer(struct cel_run *r,
				   const struct cel_value *args, size_t n)
{
	int64_t v;

	(void)r;
	(void)n;
	return args[0].quantity->derived ? cel_unknown("a sum's integer") :
	       cel_bool(as_integer(args[0].quantity, &v));
}

static struct cel_value integer(struct cel_run *r,
				const struct cel_value *args, size_t n)
{
	int64_t v;

	(void)r;
	(void)n;
	if (args[0].quantity->derived)
		return cel_unknown("a sum's integer");
	return as_integer(args[0].quantity, &v) ? cel_int(v) :
	       cel_error("cannot convert value to integer");
}

static struct cel_value approximate(struct cel_run *r,
				    const struct cel_value *args, size_t n)
{
	const struct cel_quantity *q = args[0].quantity;
	double base = (double)q->units;
	char power[16];

	(void)r;
	(void)n;
	if (!q->quick)
		return cel_unknown("an approximate float");
	if (!q->scale)
		return cel_double(base);
	snprintf(power, sizeof(power), "1e%d", q->scale);
	return cel_double(base * strtod(power, NULL));
}

const struct cel_function cel_quantity_functions[] = {
	{ "quantity", false, "s", quantity },
	{ "isQuantity", false, "s", is_one },
	{ "sign", false, "q", sign },
	{ "compareTo", true, "qq", compare },
	{ "isLessThan", true, "qq", is_less },
	{ "isGreaterThan", true, "qq", is_greater },
	{ "add", true, "qq", plus },
	{ "add", true, "qi", plus },
	{ "sub", true, "qq", plus },
	{ "sub", true, "qi", plus },
	{ "isInteger", true, "q", is_integer },
	{ "asInteger", true, "q", integer },
	{ "asApproximateFloat", true, "q", approximate },
	{ 0 },
};
