/*
 * Text to tokens. Rules are written by strangers: any bytes may come. What
 * is no token is an error with its column; a NUL byte is one.
 */
#include "config.h"
#include "schema/cel/ast.h"

#include <string.h>

#include "schema/base/utf8.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The byte n further on, or NUL behind the end. */
static char peek(const struct cel_lexer *l, size_t n)
{
	return (size_t)(l->end - l->next) > n ? l->next[n] : '\0';
}

static int bad(const struct cel_lexer *l, struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, "column %u: %s", l->column, what);
}

/* Goes on by n bytes, counting characters. */
static void skip(struct cel_lexer *l, size_t n)
{
	for (; n; n--, l->next++)
		if (((unsigned char)*l->next & 0xc0) != 0x80)
			l->column++;
}

static void skip_space(struct cel_lexer *l)
{
	for (;;) {
		char c = peek(l, 0);

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n' ||
		    c == '\f') {
			skip(l, 1);
		} else if (c == '/' && peek(l, 1) == '/') {
			while (l->next < l->end && *l->next != '\n')
				skip(l, 1);
		} else {
			return;
		}
	}
}

/* ---- numbers ---- */

static size_t digits(const struct cel_lexer *l, size_t from,
		     bool (*is)(char c))
{
	size_t n = 0;

	while (is(peek(l, from + n)))
		n++;
	return n;
}

/* Bytes of "e+10" at `from`; 0 if there is no exponent. */
static size_t exponent(const struct cel_lexer *l, size_t from)
{
	size_t sign, n;

	if (peek(l, from) != 'e' && peek(l, from) != 'E')
		return 0;
	sign = peek(l, from + 1) == '+' || peek(l, from + 1) == '-';
	n = digits(l, from + 1 + sign, is_digit);
	return n ? 1 + sign + n : 0;
}

static size_t number(const struct cel_lexer *l, enum cel_token_type *ret)
{
	size_t n, fraction;

	if (peek(l, 0) == '0' && peek(l, 1) == 'x' && is_hex(peek(l, 2))) {
		n = 2 + digits(l, 2, is_hex);
	} else {
		n = digits(l, 0, is_digit);
		fraction = peek(l, n) == '.' ? digits(l, n + 1, is_digit) : 0;
		if (fraction)
			n += 1 + fraction;
		*ret = TOKEN_FLOAT;
		if (fraction || exponent(l, n))
			return n + exponent(l, n);
	}
	*ret = TOKEN_INT;
	if (peek(l, n) != 'u' && peek(l, n) != 'U')
		return n;
	*ret = TOKEN_UINT;
	return n + 1;
}

/* ---- strings ---- */

/* Bytes of the escape sequence at the backslash; 0 if it is none. */
static size_t escape(const struct cel_lexer *l, size_t at)
{
	char c = peek(l, at + 1);
	size_t n = 0;

	if (c && strchr("abfnrtv\"'\\?`", c))
		return 2;
	if (c >= '0' && c <= '3')
		return peek(l, at + 2) >= '0' && peek(l, at + 2) <= '7' &&
		       peek(l, at + 3) >= '0' && peek(l, at + 3) <= '7' ? 4 : 0;
	if (c == 'x' || c == 'X')
		n = 2;
	else if (c == 'u')
		n = 4;
	else if (c == 'U')
		n = 8;
	for (size_t i = 0; i < n; i++)
		if (!is_hex(peek(l, at + 2 + i)))
			return 0;
	return n ? 2 + n : 0;
}

/* Does the string begin here: at its quote, behind its prefixes? */
static bool quote_at(const struct cel_lexer *l, size_t *ret_prefix,
		     bool *ret_raw, bool *ret_bytes)
{
	size_t n = 0;
	char c = peek(l, 0);

	*ret_bytes = c == 'b' || c == 'B';
	n += *ret_bytes;
	c = peek(l, n);
	*ret_raw = c == 'r' || c == 'R';
	n += *ret_raw;
	*ret_prefix = n;
	return peek(l, n) == '"' || peek(l, n) == '\'';
}

/* Bytes up to and with the closing quote; 0 if there is none. */
static size_t string_end(const struct cel_lexer *l, size_t at, bool raw)
{
	char quote = peek(l, at);
	size_t left = (size_t)(l->end - l->next), n;
	bool three = peek(l, at + 1) == quote && peek(l, at + 2) == quote;

	at += three ? 3 : 1;
	while (at < left) {
		char c = l->next[at];

		if (c == quote && !three)
			return at + 1;
		if (c == quote && peek(l, at + 1) == quote &&
		    peek(l, at + 2) == quote)
			return at + 3;
		if (!three && (c == '\n' || c == '\r'))
			return 0;
		n = c == '\\' && !raw ? escape(l, at) : 1;
		if (!n)
			return 0;
		at += n;
	}
	return 0;
}

/* ---- all of them ---- */

static size_t punctuation(const struct cel_lexer *l)
{
	static const char *const two[] = { "==", "!=", "<=", ">=", "&&", "||" };

	for (size_t i = 0; i < sizeof(two) / sizeof(two[0]); i++)
		if (peek(l, 0) == two[i][0] && peek(l, 1) == two[i][1])
			return 2;
	return peek(l, 0) && strchr("<>[]{}().,-!?:+*/%", peek(l, 0)) ? 1 : 0;
}

int cel_lex(struct cel_lexer *l, struct cel_token *ret, struct err *err)
{
	bool raw, bytes;
	size_t n, prefix;
	char c;

	skip_space(l);
	*ret = (struct cel_token){ .text = l->next, .column = l->column };
	if (l->next == l->end)
		return 0;
	c = peek(l, 0);
	if (quote_at(l, &prefix, &raw, &bytes)) {
		ret->type = bytes ? TOKEN_BYTES : TOKEN_STRING;
		n = string_end(l, prefix, raw);
		if (!n)
			return bad(l, err, "a string that does not end, or "
				   "holds an escape that is none");
	} else if (is_letter(c)) {
		ret->type = TOKEN_IDENT;
		for (n = 1; is_letter(peek(l, n)) || is_digit(peek(l, n)); )
			n++;
	} else if (is_digit(c) || (c == '.' && is_digit(peek(l, 1)))) {
		n = number(l, &ret->type);
	} else {
		ret->type = TOKEN_PUNCT;
		n = punctuation(l);
		if (!n)
			return bad(l, err, "a character that has no meaning "
				   "here");
	}
	ret->len = n;
	skip(l, n);
	return 0;
}
