/*
 * Plain scalars. See yaml-scalar.h. A port of the rules in go-yaml v2's
 * resolve.go, with Go's ParseInt(s, 0, 64) and ParseFloat as they stand
 * there; kubernetes.md rows 1 to 27 are what must come out. Takes any text.
 */
#include "config.h"
#include "schema/yaml-scalar.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/mem.h"
#include "schema/float.h"
#include "schema/json.h"

#define YAML_PREFIX "tag:yaml.org,2002:"

enum yaml_tag yaml_tag_of(const char *tag)
{
	static const struct {
		const char *name;
		enum yaml_tag tag;
	} core[] = {
		{ "str", YAML_TAG_STR },
		{ "bool", YAML_TAG_BOOL },
		{ "int", YAML_TAG_INT },
		{ "float", YAML_TAG_FLOAT },
		{ "null", YAML_TAG_NULL },
		{ "timestamp", YAML_TAG_TIMESTAMP },
		{ "merge", YAML_TAG_MERGE },
		{ "binary", YAML_TAG_BINARY },
		{ "map", YAML_TAG_MAP },
		{ "seq", YAML_TAG_SEQ },
	};
	size_t prefix = strlen(YAML_PREFIX);

	if (!tag)
		return YAML_TAG_NONE;
	if (!strcmp(tag, "!"))
		return YAML_TAG_STR;
	if (!strncmp(tag, YAML_PREFIX, prefix))
		for (size_t i = 0; i < ARRAY_SIZE(core); i++)
			if (!strcmp(tag + prefix, core[i].name))
				return core[i].tag;
	return YAML_TAG_OTHER;
}

/* ---- integers, as strconv.ParseInt and ParseUint ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

/* base 0 looks at the prefix: 0x, 0o, 0b, or a 0 in front for octal. */
static int parse_unsigned(const char *s, unsigned int base, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*s)
		return -1;
	if (base == 0) {
		char letter = s[0] == '0' && s[1] && s[2] ? s[1] | 0x20 : 0;
		bool octal = s[0] == '0' && s[1];

		base = letter == 'x' ? 16 : letter == 'o' ? 8 :
		       letter == 'b' ? 2 : 0;
		s += base ? 2 : octal;
		if (!base)
			base = octal ? 8 : 10;
	}
	for (; *s; s++) {
		unsigned int digit = (unsigned int)digit_value(*s);

		if (digit >= base || __builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return -1;
	}
	*ret = v;
	return 0;
}

static int parse_signed(const char *s, unsigned int base, int64_t *ret)
{
	bool negative = *s == '-';
	uint64_t v;

	if (*s == '-' || *s == '+')
		s++;
	if (parse_unsigned(s, base, &v) ||
	    v > (uint64_t)INT64_MAX + negative)
		return -1;
	*ret = negative ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

/* ---- floats ---- */

/* [0-9]*, then where it ends; *any says whether there was one. */
static const char *skip_digits(const char *s, bool *any)
{
	*any = is_digit(*s);
	while (is_digit(*s))
		s++;
	return s;
}

/* ^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$ */
static bool looks_like_float(const char *s)
{
	bool whole, fraction = false, exponent;

	if (*s == '-' || *s == '+')
		s++;
	s = skip_digits(s, &whole);
	if (*s == '.')
		s = skip_digits(s + 1, &fraction);
	if (!whole && !fraction)
		return false;
	if (*s != 'e' && *s != 'E')
		return !*s;
	s++;
	if (*s == '-' || *s == '+')
		s++;
	s = skip_digits(s, &exponent);
	return exponent && !*s;
}

/* Go's rule in ParseFloat: only between two digits. */
static bool underscores_are_between_digits(const char *s)
{
	for (size_t i = 0; s[i]; i++)
		if (s[i] == '_' && (!i || !is_digit(s[i - 1]) ||
				    !is_digit(s[i + 1])))
			return false;
	return true;
}

static int parse_float(const char *s, double *ret)
{
	double v;

	if (!looks_like_float(s))
		return -1;
	v = strtod(s, NULL);
	if (isinf(v))
		return -1;
	*ret = v;
	return 0;
}

/* ---- the table of words ---- */

static bool one_of(const char *text, const char *const words[])
{
	for (; *words; words++)
		if (**words == *text && !strcmp(text, *words))
			return true;
	return false;
}

static bool read_word(const char *text, size_t len, struct yaml_scalar *ret)
{
	static const char *const yes[] = { "y", "Y", "yes", "Yes", "YES",
		"true", "True", "TRUE", "on", "On", "ON", NULL };
	static const char *const no[] = { "n", "N", "no", "No", "NO",
		"false", "False", "FALSE", "off", "Off", "OFF", NULL };
	static const char *const null[] = { "", "~", "null", "Null", "NULL",
		NULL };
	static const char *const nan[] = { ".nan", ".NaN", ".NAN", NULL };
	static const char *const inf[] = { ".inf", ".Inf", ".INF", "+.inf",
		"+.Inf", "+.INF", NULL };
	static const char *const minus_inf[] = { "-.inf", "-.Inf", "-.INF",
		NULL };

	if (len > 5)
		return false;
	if (one_of(text, yes) || one_of(text, no)) {
		ret->type = NODE_BOOL;
		ret->boolean = one_of(text, yes);
	} else if (one_of(text, null)) {
		ret->type = NODE_NULL;
	} else if (one_of(text, nan)) {
		ret->type = NODE_FLOAT;
		ret->real = NAN;
	} else if (one_of(text, inf) || one_of(text, minus_inf)) {
		ret->type = NODE_FLOAT;
		ret->real = *text == '-' ? -INFINITY : INFINITY;
	} else {
		return false;
	}
	return true;
}

/* ---- what begins with a digit, a sign or a dot ---- */

/* `plain` is the text without its underscores. */
static void read_number(const char *plain, struct yaml_scalar *ret)
{
	uint64_t big;

	ret->type = NODE_INT;
	if (!parse_signed(plain, 0, &ret->integer))
		return;
	if (!parse_unsigned(plain, 0, &big))
		goto uint64;
	ret->type = NODE_FLOAT;
	if (!parse_float(plain, &ret->real))
		return;
	/* a sign behind the prefix is taken too: 0b-101 */
	ret->type = NODE_INT;
	if (!strncmp(plain, "0b", 2)) {
		if (!parse_signed(plain + 2, 2, &ret->integer))
			return;
		if (!parse_unsigned(plain + 2, 2, &big))
			goto uint64;
	}
	ret->type = NODE_STR;
	return;
uint64:
	ret->type = NODE_FLOAT;
	ret->real = (double)big;
	ret->is_uint64 = true;
}

static char *without_underscores(const char *text, size_t len, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		if (text[i] != '_')
			to[n++] = text[i];
	to[n] = '\0';
	return to;
}

static void read_plain(const char *text, size_t len, struct yaml_scalar *ret)
{
	char small[128], *plain;
	bool starts_number = is_digit(*text) || *text == '-' || *text == '+';

	ret->type = NODE_STR;
	if (*text && !starts_number && !strchr(".yYnNtTfFoO~", *text))
		return;
	if (read_word(text, len, ret))
		return;
	ret->type = NODE_STR;
	if (!starts_number && *text != '.')
		return;
	if (*text == '.' && !underscores_are_between_digits(text))
		return;
	plain = without_underscores(text, len, len < sizeof(small) ? small :
				    xmalloc(len + 1));
	if (starts_number) {
		read_number(plain, ret);
	} else if (!parse_float(plain, &ret->real)) {
		ret->type = NODE_FLOAT;
	}
	if (plain != small)
		free(plain);
}

/* ---- tags ---- */

/* A number of lo to hi in at most `width` digits; NULL if there is none. */
static const char *skip_number(const char *s, int width, int lo, int hi)
{
	int v = 0;

	if (!s || !is_digit(*s))
		return NULL;
	for (; width-- > 0 && is_digit(*s); s++)
		v = 10 * v + (*s - '0');
	return v >= lo && v <= hi ? s : NULL;
}

static const char *skip_char(const char *s, char c)
{
	return s && *s == c ? s + 1 : NULL;
}

/* go-yaml's four layouts, but for the number of days in a month. */
static bool is_timestamp(const char *s)
{
	bool zone, any = true;

	if (strspn(s, "0123456789") != 4)
		return false;
	s = skip_char(s + 4, '-');
	s = skip_char(skip_number(s, 2, 1, 12), '-');
	s = skip_number(s, 2, 1, 31);
	if (!s || !*s)
		return s;
	if (*s != 'T' && *s != 't' && *s != ' ')
		return false;
	zone = *s != ' ';
	s = skip_char(skip_number(s + 1, 2, 0, 23), ':');
	s = skip_char(skip_number(s, 2, 0, 59), ':');
	s = skip_number(s, 2, 0, 59);
	if (s && *s == '.')
		s = skip_digits(s + 1, &any);
	if (!s || !any || !zone)
		return s && any && !*s;
	if (*s == 'Z')
		return !s[1];
	if (*s != '+' && *s != '-')
		return false;
	s = skip_char(skip_number(s + 1, 2, 0, 23), ':');
	s = skip_number(s, 2, 0, 59);
	return s && !*s;
}

int yaml_scalar_read(const char *text, size_t len, enum yaml_tag tag,
		     struct yaml_scalar *ret)
{
	struct yaml_scalar s = { .type = NODE_STR };

	/* Go compares whole strings: one with a NUL is no number or word */
	if (tag != YAML_TAG_STR && !memchr(text, '\0', len))
		read_plain(text, len, &s);
	switch (tag) {
	case YAML_TAG_BOOL:
		if (s.type != NODE_BOOL)
			return -1;
		break;
	case YAML_TAG_INT:
		if (s.type != NODE_INT && !s.is_uint64)
			return -1;
		break;
	case YAML_TAG_FLOAT:
		if (s.type == NODE_INT) {
			s.type = NODE_FLOAT;
			s.real = (double)s.integer;
		}
		if (s.type != NODE_FLOAT || s.is_uint64)
			return -1;
		break;
	case YAML_TAG_NULL:
		if (s.type != NODE_NULL)
			return -1;
		break;
	case YAML_TAG_TIMESTAMP:
		if (s.type != NODE_STR || !is_timestamp(text))
			return -1;
		break;
	default:
		break;
	}
	*ret = s;
	return 0;
}

/* ---- on the way to JSON ---- */

bool yaml_float_is_int(double v, int64_t *ret)
{
	struct buf text = BUF_INIT(64);
	bool is_int;

	json_write_float(v, &text);
	is_int = !parse_signed(text.data, 10, ret);
	buf_release(&text);
	return is_int;
}

/* strconv.FormatFloat(v, 'g', -1, 32) */
static void format_key(double v, char key[YAML_KEY_SIZE])
{
	char digits[FLOAT_DIGITS];
	const char *sign = signbit(v) ? "-" : "";
	int e, n;

	v = fabs(v);
	if ((float)v == 0) {
		snprintf(key, YAML_KEY_SIZE, "%s0", sign);
		return;
	}
	n = float_digits(v, true, digits, &e);
	if (e < -4 || e >= 6)
		snprintf(key, YAML_KEY_SIZE, "%s%c%s%.*se%c%02d", sign,
			 digits[0], n > 1 ? "." : "", n - 1, digits + 1,
			 e < 0 ? '-' : '+', abs(e));
	else if (e < 0)
		snprintf(key, YAML_KEY_SIZE, "%s0.%.*s%.*s", sign, -e - 1,
			 "000", n, digits);
	else if (n <= e + 1)
		snprintf(key, YAML_KEY_SIZE, "%s%.*s%.*s", sign, n, digits,
			 e + 1 - n, "00000");
	else
		snprintf(key, YAML_KEY_SIZE, "%s%.*s.%.*s", sign, e + 1,
			 digits, n - e - 1, digits + e + 1);
}

int yaml_scalar_key(const struct yaml_scalar *s, char ret_key[YAML_KEY_SIZE])
{
	if (s->type == NODE_INT) {
		snprintf(ret_key, YAML_KEY_SIZE, "%" PRId64, s->integer);
		return 0;
	}
	if (s->type != NODE_FLOAT || s->is_uint64)
		return -1;
	if (isnan(s->real))
		snprintf(ret_key, YAML_KEY_SIZE, ".nan");
	else if (isinf((float)s->real))
		snprintf(ret_key, YAML_KEY_SIZE, "%s.inf",
			 s->real < 0 ? "-" : "");
	else
		format_key(s->real, ret_key);
	return 0;
}
