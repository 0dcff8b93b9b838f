/*
 * What a literal's text stands for. The lexer has seen to its grammar; here
 * are the numbers that are too large and the characters that do not exist.
 */
#include "config.h"
#include "schema/cel/ast.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int bad(const struct cel_token *t, struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, "column %u: %s", t->column, what);
}

/* ---- numbers ---- */

/* Digits of base 10 or 16; false if they are more than 64 bits. */
static bool magnitude(const char *s, size_t len, uint64_t *ret)
{
	uint64_t v = 0, base = 10;

	if (len > 2 && s[0] == '0' && s[1] == 'x') {
		base = 16;
		s += 2;
		len -= 2;
	}
	for (; len; s++, len--) {
		unsigned digit = *s <= '9' ? (unsigned)(*s - '0') :
				 (unsigned)((*s | 0x20) - 'a' + 10);

		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return false;
	}
	*ret = v;
	return true;
}

static int integer(const struct cel_token *t, char sign, struct cel_value *ret,
		   struct err *err)
{
	uint64_t v = 0;

	if (!magnitude(t->text, t->len, &v) ||
	    v > (uint64_t)INT64_MAX + (sign == '-'))
		return bad(t, err, "an integer of more than 64 bits");
	*ret = cel_int(sign == '-' ? (int64_t)(0 - v) : (int64_t)v);
	return 0;
}

static int natural(const struct cel_token *t, struct cel_value *ret,
		   struct err *err)
{
	uint64_t v = 0;

	if (!magnitude(t->text, t->len - 1, &v))
		return bad(t, err, "an integer of more than 64 bits");
	*ret = (struct cel_value){ .tag = VAL_UINT, .natural = v };
	return 0;
}

static int real(struct arena *a, const struct cel_token *t, char sign,
		struct cel_value *ret, struct err *err)
{
	double v = strtod(arena_strndup(a, t->text, t->len), NULL);

	if (!isfinite(v))
		return bad(t, err, "a number beyond all that a double holds");
	*ret = cel_double(sign == '-' ? -v : v);
	return 0;
}

/* ---- strings ---- */

struct unescape {
	const char *s, *end;
	char *out;
	bool bytes;
};

static void put_character(struct unescape *u, uint32_t c)
{
	if (c < 0x80) {
		*u->out++ = (char)c;
		return;
	}
	if (c >= 0x10000) {
		*u->out++ = (char)(0xf0 | c >> 18);
		*u->out++ = (char)(0x80 | (c >> 12 & 0x3f));
	} else if (c >= 0x800) {
		*u->out++ = (char)(0xe0 | c >> 12);
	} else {
		*u->out++ = (char)(0xc0 | c >> 6);
	}
	if (c >= 0x800)
		*u->out++ = (char)(0x80 | (c >> 6 & 0x3f));
	*u->out++ = (char)(0x80 | (c & 0x3f));
}

static uint32_t take_number(struct unescape *u, size_t n, unsigned base)
{
	uint32_t v = 0;

	for (; n; n--, u->s++) {
		unsigned digit = *u->s <= '9' ? (unsigned)(*u->s - '0') :
				 (unsigned)((*u->s | 0x20) - 'a' + 10);

		v = v * base + digit;
	}
	return v;
}

/* False for a character that does not exist. */
static bool take_code(struct unescape *u, char kind)
{
	uint32_t v;

	if (kind == 'x' || kind == 'X') {
		v = take_number(u, 2, 16);
	} else if (kind == 'u' || kind == 'U') {
		if (u->bytes)
			return false;
		v = take_number(u, kind == 'u' ? 4 : 8, 16);
	} else {
		u->s--;
		v = take_number(u, 3, 8);
	}
	if (u->bytes) {
		*u->out++ = (char)v;
		return true;
	}
	if (v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return false;
	put_character(u, v);
	return true;
}

static bool take_escape(struct unescape *u)
{
	static const char names[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
	char c = u->s[1];
	const char *known = strchr(names, c);

	u->s += 2;
	if (known)
		*u->out++ = values[known - names];
	else if (strchr("\"'\\?`", c))
		*u->out++ = c;
	else
		return take_code(u, c);
	return true;
}

/* Line ends become LF first, as everywhere in an expression. */
static bool take(struct unescape *u, bool raw)
{
	while (u->s < u->end) {
		if (*u->s == '\\' && !raw) {
			if (!take_escape(u))
				return false;
		} else if (*u->s == '\r') {
			u->s += u->s + 1 < u->end && u->s[1] == '\n' ? 2 : 1;
			*u->out++ = '\n';
		} else {
			*u->out++ = *u->s++;
		}
	}
	return true;
}

static int string(struct arena *a, const struct cel_token *t,
		  struct cel_value *ret, struct err *err)
{
	struct unescape u = { .s = t->text, .end = t->text + t->len,
			      .bytes = t->type == TOKEN_BYTES };
	char *out = arena_alloc(a, t->len + 1);
	size_t quotes;
	bool raw;

	u.s += u.bytes;
	raw = *u.s == 'r' || *u.s == 'R';
	u.s += raw;
	quotes = u.end - u.s >= 6 && u.s[1] == u.s[0] && u.s[2] == u.s[0] ?
		 3 : 1;
	u.s += quotes;
	u.end -= quotes;
	u.out = out;
	if (!take(&u, raw))
		return bad(t, err, "a string with a character that does not "
			   "exist");
	*ret = cel_stringn(out, (size_t)(u.out - out));
	ret->tag = u.bytes ? VAL_BYTES : VAL_STRING;
	return 0;
}

int cel_literal(struct arena *a, const struct cel_token *t, char sign,
		struct cel_value *ret, struct err *err)
{
	switch (t->type) {
	case TOKEN_INT:
		return integer(t, sign, ret, err);
	case TOKEN_UINT:
		return natural(t, ret, err);
	case TOKEN_FLOAT:
		return real(a, t, sign, ret, err);
	default:
		return string(a, t, ret, err);
	}
}
