/*
 * Texts: the standard library's, and cel-go's extension at version 2. Places
 * in a text are counted in characters, never in bytes. Texts are valid UTF-8.
 */
#include "config.h"
#include "schema/cel/function.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/utf8.h"
#include "schema/crd/pattern.h"
#include "schema/limits.h"

/* ---- characters ---- */

static uint32_t char_bytes(const char *s, size_t left)
{
	size_t n = utf8_length(s, left);

	return n ? (uint32_t)n : 1;
}

static int64_t characters(struct cel_value s)
{
	int64_t n = 0;

	for (uint32_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.str[i] & 0xc0) != 0x80;
	return n;
}

/* The byte where character n begins; n is at most the number of them. */
static uint32_t byte_of(struct cel_value s, int64_t n)
{
	uint32_t at = 0;

	for (; n > 0 && at < s.n; n--)
		at += char_bytes(s.str + at, s.n - at);
	return at;
}

static struct cel_value part(struct cel_value s, uint32_t from, uint32_t to)
{
	s.str += from;
	s.n = to - from;
	return s;
}

static struct cel_value out_of_range(struct cel_run *r, int64_t i)
{
	return cel_error(arena_printf(r->arena, "index out of range: %lld",
				      (long long)i));
}

static bool counted(struct cel_run *r, struct cel_value s)
{
	return cel_work(r, 1 + s.n / 8);
}

/* ---- is it in there? ---- */

static const char *search(const char *s, size_t n, struct cel_value sub)
{
	return sub.n ? memmem(s, n, sub.str, sub.n) : s;
}

static struct cel_value contains(struct cel_run *r,
				 const struct cel_value *args, size_t n)
{
	(void)n;
	if (!counted(r, args[0]))
		return cel_too_much();
	return cel_bool(search(args[0].str, args[0].n, args[1]));
}

static struct cel_value starts_with(struct cel_run *r,
				    const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return cel_bool(args[1].n <= args[0].n &&
			!memcmp(args[0].str, args[1].str, args[1].n));
}

static struct cel_value ends_with(struct cel_run *r,
				  const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return cel_bool(args[1].n <= args[0].n &&
			!memcmp(args[0].str + args[0].n - args[1].n,
				args[1].str, args[1].n));
}

static struct cel_value matches(struct cel_run *r,
				const struct cel_value *args, size_t n)
{
	struct pattern *own = NULL, *p = r->call->pattern;
	enum pattern_verdict verdict;
	uint64_t steps = 0;
	struct err err = ERR_INIT;

	(void)n;
	if (!cel_work(r, 10 + args[0].n / 8 + args[1].n))
		return cel_too_much();
	if (!p) {
		if (pattern_compile(args[1].str, args[1].n, &own, &err) < 0)
			return cel_error("error parsing regexp");
		p = own;
	}
	verdict = pattern_match(p, args[0].str, args[0].n, &steps);
	pattern_free(own);
	if (!cel_work(r, steps))
		return cel_too_much();
	return verdict == PATTERN_UNKNOWN ?
	       cel_unknown("a regular expression") :
	       cel_bool(verdict == PATTERN_YES);
}

/* ---- where is it? ---- */

static struct cel_value index_from(struct cel_run *r, struct cel_value s,
				   struct cel_value sub, int64_t from)
{
	const char *found;
	uint32_t at;

	if (!sub.n)
		return cel_int(from);
	if (from < 0)
		return out_of_range(r, from);
	if (!counted(r, s))
		return cel_too_much();
	if (from >= characters(s))
		return cel_int(-1);
	at = byte_of(s, from);
	found = search(s.str + at, s.n - at, sub);
	return cel_int(found ? characters(part(s, 0, (uint32_t)(found -
								s.str))) : -1);
}

static struct cel_value index_of(struct cel_run *r,
				 const struct cel_value *args, size_t n)
{
	return index_from(r, args[0], args[1], n == 3 ? args[2].integer : 0);
}

/* The last place at or before character `from`. */
static struct cel_value last_from(struct cel_run *r, struct cel_value s,
				  struct cel_value sub, int64_t from)
{
	int64_t most = characters(s), last = most - characters(sub), at = 0;
	int64_t found = -1;
	uint32_t byte = 0;

	if (from < 0)
		return out_of_range(r, from);
	if (!cel_work(r, 1 + (uint64_t)s.n / 8 * (1 + sub.n / 8)))
		return cel_too_much();
	if (from >= most)
		return cel_int(-1);
	for (; at <= from && at <= last; at++) {
		if (!memcmp(s.str + byte, sub.str, sub.n))
			found = at;
		byte += char_bytes(s.str + byte, s.n - byte);
	}
	return cel_int(found);
}

static struct cel_value last_index_of(struct cel_run *r,
				      const struct cel_value *args, size_t n)
{
	struct cel_value s = args[0], sub = args[1];

	if (!sub.n)
		return n == 3 ? args[2] : cel_int(characters(s));
	if (n == 3)
		return last_from(r, s, sub, args[2].integer);
	if (s.n < sub.n)
		return cel_int(-1);
	return last_from(r, s, sub, characters(s) - 1);
}

/* ---- parts ---- */

static struct cel_value char_at(struct cel_run *r,
				const struct cel_value *args, size_t n)
{
	struct cel_value s = args[0];
	int64_t i = args[1].integer, most = characters(s);
	uint32_t at;

	(void)n;
	if (i < 0 || i > most)
		return out_of_range(r, i);
	if (!counted(r, s))
		return cel_too_much();
	at = byte_of(s, i);
	return part(s, at, i == most ? at :
		    at + char_bytes(s.str + at, s.n - at));
}

static struct cel_value substring(struct cel_run *r,
				  const struct cel_value *args, size_t n)
{
	struct cel_value s = args[0];
	int64_t from = args[1].integer, most = characters(s);
	int64_t to = n == 3 ? args[2].integer : most;

	if (!counted(r, s))
		return cel_too_much();
	if (n == 3 && from > to)
		return cel_error("invalid substring range");
	if (from < 0 || from > most)
		return out_of_range(r, from);
	if (to < 0 || to > most)
		return out_of_range(r, to);
	return part(s, byte_of(s, from), byte_of(s, to));
}

/* Unicode's white space, as Go has it. */
static bool is_space(uint32_t c)
{
	return (c >= '\t' && c <= '\r') || c == ' ' || c == 0x85 ||
	       c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	       c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
	       c == 0x3000;
}

static struct cel_value trim(struct cel_run *r,
			     const struct cel_value *args, size_t n)
{
	struct cel_value s = args[0];
	uint32_t from = s.n, to = 0;

	(void)n;
	if (!counted(r, s))
		return cel_too_much();
	for (uint32_t at = 0, len; at < s.n; at += len) {
		len = char_bytes(s.str + at, s.n - at);
		if (is_space(utf8_decode(s.str + at, len)))
			continue;
		if (from == s.n)
			from = at;
		to = at + len;
	}
	return from < to ? part(s, from, to) : part(s, 0, 0);
}

/* ---- other texts ---- */

static struct cel_value change_case(struct cel_run *r,
				    const struct cel_value *args, size_t n)
{
	bool upper = *cel_call_name(r) == 'u';
	struct cel_value s = args[0];
	char *out = cel_room(r, s.n + 1);

	(void)n;
	if (!out)
		return cel_too_much();
	for (uint32_t i = 0; i < s.n; i++) {
		char c = s.str[i];

		if (upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z')
			c ^= 0x20;
		out[i] = c;
	}
	s.str = out;
	return s;
}

/* At the next place where `old` is to be replaced: before each character and
 * at the end if it is empty. NULL if there is none. */
static const char *next_place(const char *s, const char *end,
			      struct cel_value old, bool first)
{
	if (old.n)
		return memmem(s, (size_t)(end - s), old.str, old.n);
	if (first)
		return s;
	return s == end ? NULL : s + char_bytes(s, (size_t)(end - s));
}

static struct cel_value replace(struct cel_run *r,
				const struct cel_value *args, size_t n)
{
	struct cel_value s = args[0], old = args[1], new = args[2], v;
	int64_t most = n == 4 ? args[3].integer : -1;
	const char *at = s.str, *end = s.str + s.n, *place;
	struct buf b = BUF_INIT(LIMIT_CEL_BYTES / 2);

	if (most < 0)
		most = INT64_MAX;
	for (int64_t i = 0; i < most; i++) {
		place = next_place(at, end, old, !i);
		if (!place || !buf_ok(&b) || !cel_work(r, 1 + new.n / 8))
			break;
		buf_add(&b, at, (size_t)(place - at));
		buf_add(&b, new.str, new.n);
		at = place + old.n;
	}
	buf_add(&b, at, (size_t)(end - at));
	v = r->steps > LIMIT_CEL_STEPS ? cel_too_much() : cel_text_of(r, &b);
	buf_release(&b);
	return v;
}

/* ---- lists of texts ---- */

/* The end of the next piece, and where the one after it begins; false if
 * this is the last. */
static bool next_piece(const char *s, const char *end, struct cel_value sep,
		       const char **ret_end, const char **ret_next)
{
	if (sep.n) {
		*ret_end = memmem(s, (size_t)(end - s), sep.str, sep.n);
		if (!*ret_end)
			return false;
		*ret_next = *ret_end + sep.n;
		return true;
	}
	if (s == end)
		return false;
	*ret_end = *ret_next = s + char_bytes(s, (size_t)(end - s));
	return *ret_end < end;
}

static struct cel_value pieces(struct cel_run *r, struct cel_value s,
			       struct cel_value sep, int64_t most,
			       struct cel_value *items)
{
	const char *at = s.str, *end = s.str + s.n, *stop, *next;
	size_t n = 0;

	while ((int64_t)n + 1 < most &&
	       next_piece(at, end, sep, &stop, &next)) {
		items[n++] = cel_stringn(at, (size_t)(stop - at));
		at = next;
	}
	/* an empty text has no characters, but one empty piece */
	if (sep.n || s.n)
		items[n++] = cel_stringn(at, (size_t)(end - at));
	return cel_list_of(r, items, n);
}

static struct cel_value split(struct cel_run *r,
			      const struct cel_value *args, size_t n)
{
	int64_t most = n == 3 ? args[2].integer : -1;
	struct cel_value s = args[0], sep = args[1], *items;
	size_t room = 1;

	if (!most)
		return cel_list_of(r, NULL, 0);
	for (const char *at = s.str, *end = s.str + s.n, *stop;
	     next_piece(at, end, sep, &stop, &at); )
		room++;
	items = counted(r, s) ? cel_room(r, room * sizeof(*items)) : NULL;
	if (!items)
		return cel_too_much();
	return pieces(r, s, sep, most < 0 ? INT64_MAX : most, items);
}

static struct cel_value join(struct cel_run *r,
			     const struct cel_value *args, size_t n)
{
	struct buf b = BUF_INIT(LIMIT_CEL_BYTES / 2);
	const struct cel_list *l = args[0].list;
	struct cel_value v = cel_bool(true);

	for (uint32_t i = 0; i < l->n && v.tag == VAL_BOOL; i++) {
		struct cel_value item = cel_list_get(r, l, i);

		if (i && n == 2)
			buf_add(&b, args[1].str, args[1].n);
		if (item.tag == VAL_STRING)
			buf_add(&b, item.str, item.n);
		else
			v = item.tag == VAL_UNKNOWN ? item :
			    cel_error("join: invalid input");
		if (!cel_work(r, 1 + item.n / 8))
			v = cel_too_much();
	}
	if (v.tag == VAL_BOOL)
		v = cel_text_of(r, &b);
	buf_release(&b);
	return v;
}

/* ---- format() ---- */

/* %s and %d of what has one way to be written; false for all else. */
static bool add_formatted(char verb, struct cel_value v, struct buf *out)
{
	if (v.tag == VAL_INT && !v.loose && (verb == 's' || verb == 'd'))
		buf_addf(out, "%lld", (long long)v.integer);
	else if (v.tag == VAL_STRING && verb == 's')
		buf_add(out, v.str, v.n);
	else if (v.tag == VAL_BOOL && verb == 's')
		buf_adds(out, v.boolean ? "true" : "false");
	else
		return false;
	return true;
}

static struct cel_value format(struct cel_run *r,
			       const struct cel_value *args, size_t n)
{
	struct buf b = BUF_INIT(LIMIT_CEL_BYTES / 2);
	const struct cel_list *l = args[1].list;
	struct cel_value s = args[0], v;
	uint32_t used = 0;
	bool good = counted(r, s);

	(void)n;
	for (uint32_t i = 0; good && i < s.n; i++) {
		if (s.str[i] != '%') {
			buf_addc(&b, s.str[i]);
		} else if (i + 1 < s.n && s.str[i + 1] == '%') {
			buf_addc(&b, '%');
			i++;
		} else {
			good = i + 1 < s.n && used < l->n &&
			       add_formatted(s.str[i + 1],
					     cel_list_get(r, l, used++), &b);
			i++;
		}
	}
	v = good ? cel_text_of(r, &b) : cel_unknown("such a format");
	buf_release(&b);
	return v;
}

const struct cel_function cel_string_functions[] = {
	{ "contains", true, "ss", contains },
	{ "startsWith", true, "ss", starts_with },
	{ "endsWith", true, "ss", ends_with },
	{ "matches", true, "ss", matches },
	{ "matches", false, "ss", matches },
	{ "find", true, "ss", NULL },
	{ "findAll", true, "ss", NULL },
	{ "findAll", true, "ssi", NULL },
	{ "charAt", true, "si", char_at },
	{ "indexOf", true, "ss", index_of },
	{ "indexOf", true, "ssi", index_of },
	{ "lastIndexOf", true, "ss", last_index_of },
	{ "lastIndexOf", true, "ssi", last_index_of },
	{ "lowerAscii", true, "s", change_case },
	{ "upperAscii", true, "s", change_case },
	{ "replace", true, "sss", replace },
	{ "replace", true, "sssi", replace },
	{ "split", true, "ss", split },
	{ "split", true, "ssi", split },
	{ "substring", true, "si", substring },
	{ "substring", true, "sii", substring },
	{ "trim", true, "s", trim },
	{ "join", true, "l", join },
	{ "join", true, "ls", join },
	{ "format", true, "sl", format },
	{ "strings.quote", false, "s", NULL },
	{ 0 },
};
