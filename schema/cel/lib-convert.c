/*
 * Conversions between types, size(), type() and dyn(). What a text may look
 * like is what Go's strconv and time take; where that has corners of which
 * we are not sure, the answer is unknown.
 */
#include "config.h"
#include "schema/cel/function.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/base/mem.h"
#include "schema/base/utf8.h"
#include "schema/float.h"

/* A number as text: "-1.7976931348623157e+308", or 309 digits of it */
#define NUMBER_TEXT_MAX 400

static struct cel_value cannot(struct cel_run *r, struct cel_value v,
			       const char *to)
{
	return cel_error(arena_printf(r->arena, "type conversion error from "
				      "'%s' to '%s'", cel_type_name(v), to));
}

static struct cel_value identity(struct cel_run *r,
				 const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return args[0];
}

/* ---- to integers ---- */

/* Digits with a sign, as strconv.ParseInt reads base 10. */
static bool read_digits(struct cel_value s, bool sign, bool *negative,
			uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;

	*negative = sign && s.n && s.str[0] == '-';
	if (sign && s.n && (s.str[0] == '-' || s.str[0] == '+'))
		i++;
	if (i == s.n)
		return false;
	for (; i < s.n; i++)
		if (s.str[i] < '0' || s.str[i] > '9' ||
		    __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.str[i] - '0'), &v))
			return false;
	*ret = v;
	return true;
}

static struct cel_value string_to_int(struct cel_run *r,
				      const struct cel_value *args, size_t n)
{
	bool negative;
	uint64_t v;

	(void)n;
	if (!read_digits(args[0], true, &negative, &v) ||
	    v > (uint64_t)INT64_MAX + negative)
		return cannot(r, args[0], "int");
	return cel_int(negative ? (int64_t)(0 - v) : (int64_t)v);
}

static struct cel_value uint_to_int(struct cel_run *r,
				    const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return args[0].natural > INT64_MAX ? cel_error("integer overflow") :
	       cel_int((int64_t)args[0].natural);
}

static struct cel_value double_to_int(struct cel_run *r,
				      const struct cel_value *args, size_t n)
{
	double v = args[0].real;

	(void)r;
	(void)n;
	if (isnan(v) || v <= -0x1p63 || v >= 0x1p63)
		return cel_error("integer overflow");
	return cel_int((int64_t)v);
}

static struct cel_value time_to_int(struct cel_run *r,
				    const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return cel_int(args[0].time->seconds);
}

static struct cel_value duration_to_int(struct cel_run *r,
					const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return cel_int(args[0].integer);
}

static struct cel_value natural(uint64_t v)
{
	return (struct cel_value){ .tag = VAL_UINT, .natural = v };
}

static struct cel_value string_to_uint(struct cel_run *r,
				       const struct cel_value *args, size_t n)
{
	bool negative;
	uint64_t v;

	(void)n;
	return read_digits(args[0], false, &negative, &v) ? natural(v) :
	       cannot(r, args[0], "uint");
}

static struct cel_value int_to_uint(struct cel_run *r,
				    const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return args[0].integer < 0 ? cel_error("unsigned integer overflow") :
	       natural((uint64_t)args[0].integer);
}

static struct cel_value double_to_uint(struct cel_run *r,
				       const struct cel_value *args, size_t n)
{
	double v = args[0].real;

	(void)r;
	(void)n;
	if (isnan(v) || v < 0 || v >= 0x1p64)
		return cel_error("unsigned integer overflow");
	return natural((uint64_t)v);
}

/* ---- to doubles ---- */

static struct cel_value int_to_double(struct cel_run *r,
				      const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return cel_double(args[0].tag == VAL_UINT ? (double)args[0].natural :
			  (double)args[0].integer);
}

/* Digits, a point somewhere, an exponent. */
static bool is_decimal(const char *s)
{
	size_t whole, part = 0;

	s += *s == '-' || *s == '+';
	whole = strspn(s, "0123456789");
	s += whole;
	if (*s == '.') {
		s++;
		part = strspn(s, "0123456789");
		s += part;
	}
	if (!whole && !part)
		return false;
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '-' || *s == '+';
		if (!strspn(s, "0123456789"))
			return false;
		s += strspn(s, "0123456789");
	}
	return !*s;
}

static bool is_special(const char *s, double *ret)
{
	bool negative = *s == '-', sign = negative || *s == '+';

	if (!strcasecmp(s + sign, "inf") || !strcasecmp(s + sign, "infinity"))
		*ret = negative ? -INFINITY : INFINITY;
	else if (!strcasecmp(s, "nan"))
		*ret = NAN;
	else
		return false;
	return true;
}

static struct cel_value string_to_double(struct cel_run *r,
					 const struct cel_value *args, size_t n)
{
	const char *s = arena_strndup(r->arena, args[0].str, args[0].n);
	double v;

	(void)n;
	if (strlen(s) != args[0].n)
		return cannot(r, args[0], "double");
	if (is_special(s, &v))
		return cel_double(v);
	if (!is_decimal(s))
		return strpbrk(s, "_") || strcasestr(s, "0x") ?
		       cel_unknown("a number in Go's hexadecimal") :
		       cannot(r, args[0], "double");
	v = strtod(s, NULL);
	return isinf(v) ? cannot(r, args[0], "double") : cel_double(v);
}

/* ---- to bools ---- */

static struct cel_value string_to_bool(struct cel_run *r,
				       const struct cel_value *args, size_t n)
{
	static const char *const words[][2] = {
		{ "0", "1" }, { "f", "t" }, { "F", "T" }, { "FALSE", "TRUE" },
		{ "false", "true" }, { "False", "True" },
	};

	(void)n;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (int j = 0; j < 2; j++)
			if (strlen(words[i][j]) == args[0].n &&
			    !memcmp(words[i][j], args[0].str, args[0].n))
				return cel_bool(j);
	return cannot(r, args[0], "bool");
}

/* ---- to texts ---- */

static void add_digits(struct buf *out, const char *digits, int n, int point)
{
	if (point <= 0) {
		buf_adds(out, "0.");
		for (; point < 0; point++)
			buf_addc(out, '0');
		buf_add(out, digits, (size_t)n);
		return;
	}
	for (int i = 0; i < n || i < point; i++) {
		if (i == point)
			buf_addc(out, '.');
		buf_addc(out, i < n ? digits[i] : '0');
	}
}

void cel_double_text(double v, bool plain, struct buf *out)
{
	char digits[FLOAT_DIGITS];
	int n, exponent;

	if (isnan(v) || isinf(v)) {
		buf_adds(out, isnan(v) ? "NaN" : v < 0 ? "-Inf" : "+Inf");
		return;
	}
	if (signbit(v))
		buf_addc(out, '-');
	if (v == 0) {
		buf_addc(out, '0');
		return;
	}
	n = float_digits(fabs(v), false, digits, &exponent);
	if (plain || (exponent >= -4 && exponent < 6)) {
		add_digits(out, digits, n, exponent + 1);
		return;
	}
	buf_addc(out, digits[0]);
	if (n > 1) {
		buf_addc(out, '.');
		buf_add(out, digits + 1, (size_t)n - 1);
	}
	buf_addf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

static struct cel_value to_string(struct cel_run *r,
				  const struct cel_value *args, size_t n)
{
	struct buf b = BUF_INIT(NUMBER_TEXT_MAX);
	struct cel_value v = args[0];

	(void)n;
	switch (v.tag) {
	case VAL_BOOL:
		buf_adds(&b, v.boolean ? "true" : "false");
		break;
	case VAL_INT:
		buf_addf(&b, "%lld", (long long)v.integer);
		break;
	case VAL_UINT:
		buf_addf(&b, "%llu", (unsigned long long)v.natural);
		break;
	case VAL_DOUBLE:
		cel_double_text(v.real, false, &b);
		break;
	case VAL_TIME:
		cel_time_text(v.time, &b);
		break;
	default:
		cel_duration_text(v.integer, &b);
	}
	v = cel_text_of(r, &b);
	buf_release(&b);
	return v;
}

static struct cel_value bytes_to_string(struct cel_run *r,
					const struct cel_value *args, size_t n)
{
	size_t left = args[0].n, len;
	const char *s = args[0].str;

	(void)n;
	for (; left; s += len, left -= len) {
		len = utf8_length(s, left);
		if (!len)
			return cel_error("invalid UTF-8 in bytes, cannot "
					 "convert to string");
	}
	if (!cel_work(r, args[0].n / 16))
		return cel_too_much();
	return cel_stringn(args[0].str, args[0].n);
}

static struct cel_value string_to_bytes(struct cel_run *r,
					const struct cel_value *args, size_t n)
{
	struct cel_value v = args[0];

	(void)r;
	(void)n;
	v.tag = VAL_BYTES;
	return v;
}

/* ---- to times ---- */

static struct cel_value string_to_time(struct cel_run *r,
				       const struct cel_value *args, size_t n)
{
	struct cel_time *t = cel_room(r, sizeof(*t));

	(void)n;
	if (!t)
		return cel_too_much();
	if (!cel_parse_time(args[0].str, args[0].n, t))
		return cannot(r, args[0], "google.protobuf.Timestamp");
	if (t->seconds < -62135596800 || t->seconds > 253402300799)
		return cel_error("timestamp overflow");
	return (struct cel_value){ .tag = VAL_TIME, .time = t };
}

static struct cel_value int_to_time(struct cel_run *r,
				    const struct cel_value *args, size_t n)
{
	struct cel_time *t = cel_room(r, sizeof(*t));

	(void)n;
	if (!t)
		return cel_too_much();
	t->seconds = args[0].integer;
	if (t->seconds < -62135596800 || t->seconds > 253402300799)
		return cel_error("timestamp overflow");
	return (struct cel_value){ .tag = VAL_TIME, .time = t };
}

static struct cel_value string_to_duration(struct cel_run *r,
					   const struct cel_value *args,
					   size_t n)
{
	struct cel_value v = { .tag = VAL_DURATION };

	(void)n;
	return cel_parse_duration(args[0].str, args[0].n, &v.integer) ? v :
	       cannot(r, args[0], "google.protobuf.Duration");
}

/* ---- others ---- */

static struct cel_value type_of(struct cel_run *r,
				const struct cel_value *args, size_t n)
{
	const char *name = cel_type_name(args[0]);

	(void)r;
	(void)n;
	return !name || args[0].loose ? cel_unknown("such a type") :
	       cel_type_value(name);
}

/* Characters of a text. */
static struct cel_value size_of_string(struct cel_run *r,
				       const struct cel_value *args, size_t n)
{
	int64_t characters = 0;

	(void)n;
	if (!cel_work(r, args[0].n / 16))
		return cel_too_much();
	for (uint32_t i = 0; i < args[0].n; i++)
		characters += ((unsigned char)args[0].str[i] & 0xc0) != 0x80;
	return cel_int(characters);
}

static struct cel_value size_of(struct cel_run *r,
				const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	switch (args[0].tag) {
	case VAL_LIST:
		return cel_int(args[0].list->n);
	case VAL_MAP:
		return args[0].map->type.live ?
		       cel_unknown("all fields of an object are counted") :
		       cel_int(args[0].map->n);
	default:
		return cel_int(args[0].n);
	}
}

#define SIZES(member) \
	{ "size", member, "s", size_of_string }, \
	{ "size", member, "y", size_of }, \
	{ "size", member, "L", size_of }, \
	{ "size", member, "m", size_of }

const struct cel_function cel_convert_functions[] = {
	{ "int", false, "i", identity },
	{ "int", false, "u", uint_to_int },
	{ "int", false, "d", double_to_int },
	{ "int", false, "s", string_to_int },
	{ "int", false, "t", time_to_int },
	{ "int", false, "D", duration_to_int },
	{ "uint", false, "u", identity },
	{ "uint", false, "i", int_to_uint },
	{ "uint", false, "d", double_to_uint },
	{ "uint", false, "s", string_to_uint },
	{ "double", false, "d", identity },
	{ "double", false, "i", int_to_double },
	{ "double", false, "u", int_to_double },
	{ "double", false, "s", string_to_double },
	{ "bool", false, "b", identity },
	{ "bool", false, "s", string_to_bool },
	{ "string", false, "s", identity },
	{ "string", false, "b", to_string },
	{ "string", false, "i", to_string },
	{ "string", false, "u", to_string },
	{ "string", false, "d", to_string },
	{ "string", false, "t", to_string },
	{ "string", false, "D", to_string },
	{ "string", false, "y", bytes_to_string },
	{ "bytes", false, "y", identity },
	{ "bytes", false, "s", string_to_bytes },
	{ "timestamp", false, "t", identity },
	{ "timestamp", false, "s", string_to_time },
	{ "timestamp", false, "i", int_to_time },
	{ "duration", false, "D", identity },
	{ "duration", false, "s", string_to_duration },
	{ "duration", false, "i", NULL },
	{ "dyn", false, "*", identity },
	{ "type", false, "*", type_of },
	SIZES(false),
	SIZES(true),
	{ 0 },
};
