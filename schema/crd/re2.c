/*
 * Reading RE2's syntax as Go's regexp/syntax does, and writing the same for
 * PCRE2. See re2.h. Takes any bytes: what Go refuses is refused, and what we
 * do not want to know about (far too large, Unicode classes by name) leaves
 * the expression undecided. No recursion; open groups are on a stack of
 * LIMIT_PATTERN_DEPTH.
 *
 * The output says everything by itself: `$` is written as \z, \d as [0-9],
 * letters whose case does not matter as [Aa], a `^` of (?m) as a lookbehind.
 * So neither options nor tables of PCRE2 matter, but where \p is used, or
 * case of letters beyond ASCII: then only texts of ASCII are judged.
 */
#include "config.h"
#include "schema/crd/re2.h"

#include <stdint.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/utf8.h"
#include "schema/crd/re2-class.h"
#include "schema/limits.h"

#define REPEAT_MAX 1000		/* Go's own limit */
#define NO_MAXIMUM (-1)

struct flags {
	bool fold, multiline, dot_all;
};

/* One group that is open; the first is the whole expression. */
struct group {
	struct flags outer;	/* what holds again behind it */
	bool has_atom;		/* something to repeat */
	bool repeated;		/* it was, once */
	size_t atom;		/* where in the output it begins */
	uint64_t copies;	/* of the innermost thing in it */
	uint64_t most_copies;	/* in what stands before it */
	uint64_t size, total;	/* of it, and of what stands before it */
};

struct reader {
	const char *s, *end, *start;
	struct flags flags;
	struct group groups[LIMIT_PATTERN_DEPTH + 1];
	size_t depth;
	bool after_operator;
	struct re2 *re;
	struct err *err;
};

static int refuse(struct reader *r, const char *at, const char *what)
{
	return err_set(r->err, ERR_INVALID, "%s at byte %zu", what,
		       (size_t)(at - r->start) + 1);
}

/* ---- atoms ---- */

static struct group *inner(struct reader *r)
{
	return &r->groups[r->depth];
}

static void settle(struct group *g)
{
	if (g->copies > g->most_copies)
		g->most_copies = g->copies;
	g->total += g->size;
	g->copies = 1;
	g->size = 0;
	g->has_atom = g->repeated = false;
}

/* What is appended from here on can be repeated. */
static void begin_atom(struct reader *r)
{
	struct group *g = inner(r);

	settle(g);
	g->has_atom = true;
	g->atom = r->re->out.len;
	g->size = 1;
}

static void literal(struct reader *r, uint32_t c)
{
	begin_atom(r);
	re2_literal(r->re, c, r->flags.fold);
}

static void assertion(struct reader *r, const char *pcre)
{
	begin_atom(r);
	buf_addf(&r->re->out, "(?:%s)", pcre);
}

/* ---- repetition ---- */

/* A number without leading zero; *ret -1 if it is far too large. */
static bool number(const char **s, const char *end, int64_t *ret)
{
	const char *at = *s;
	int64_t n = 0;

	if (at == end || *at < '0' || *at > '9' ||
	    (*at == '0' && at + 1 < end && at[1] >= '0' && at[1] <= '9'))
		return false;
	for (; at < end && *at >= '0' && *at <= '9'; at++)
		if (n >= 0)
			n = n >= 100000000 ? -1 : n * 10 + (*at - '0');
	*s = at;
	*ret = n;
	return true;
}

/* {n}, {n,} or {n,m}; anything else is no repetition, but text. */
static bool counts(const char **s, const char *end, int64_t *ret_least,
		   int64_t *ret_most)
{
	const char *at = *s + 1;
	int64_t least, most;

	if (!number(&at, end, &least) || at == end)
		return false;
	most = least;
	if (*at == ',') {
		at++;
		if (at == end)
			return false;
		if (*at == '}')
			most = NO_MAXIMUM;
		else if (!number(&at, end, &most))
			return false;
		else if (most < 0)
			least = -1;
	}
	if (at == end || *at != '}')
		return false;
	*s = at + 1;
	*ret_least = least;
	*ret_most = most;
	return true;
}

static int count_copies(struct reader *r, const char *at, int64_t least,
			int64_t most)
{
	struct group *g = inner(r);
	int64_t times = most == NO_MAXIMUM ? least : most;

	if (times > 0)
		g->copies *= (uint64_t)times;
	if (most == 0)
		g->copies = 1;
	g->size *= times > 0 ? (uint64_t)times : 1;
	if ((least >= 2 || most >= 2) && g->copies > REPEAT_MAX)
		return refuse(r, at, "more than 1000 repetitions");
	if (g->size > LIMIT_PATTERN_SIZE)
		r->re->undecided = true;
	return 0;
}

/* Puts "(?:" before what stands from `at` on, and ")" behind it. */
static void wrap(struct buf *out, size_t at)
{
	size_t len = out->len - at;

	buf_adds(out, "(?:)");
	if (!buf_ok(out))
		return;
	memmove(out->data + at + 3, out->data + at, len);
	memcpy(out->data + at, "(?:", 3);
	out->data[out->len - 1] = ')';
}

static int repetition(struct reader *r, const char *at, const char *op,
		      size_t op_len, int64_t least, int64_t most)
{
	struct group *g = inner(r);

	if (r->s < r->end && *r->s == '?')
		r->s++;
	if (r->after_operator)
		return refuse(r, at, "two repetitions of one thing");
	if (!g->has_atom)
		return refuse(r, at, "nothing to repeat");
	if (g->repeated)
		wrap(&r->re->out, g->atom);
	g->repeated = true;
	buf_add(&r->re->out, op, op_len);
	if (*op == '{')
		return count_copies(r, at, least, most);
	return 0;
}

static int read_repetition(struct reader *r, bool *ret_is)
{
	const char *at = r->s;
	int64_t least = 0, most = 0;

	if (*at == '{') {
		if (!counts(&r->s, r->end, &least, &most)) {
			*ret_is = false;
			literal(r, '{');
			r->s = at + 1;
			return 0;
		}
		if (least < 0 || least > REPEAT_MAX || most > REPEAT_MAX ||
		    (most != NO_MAXIMUM && least > most))
			return refuse(r, at, "no possible repetition");
	} else {
		r->s++;
	}
	*ret_is = true;
	return repetition(r, at, at, (size_t)(r->s - at), least, most);
}

/* ---- groups ---- */

static int open_group(struct reader *r, struct flags outer)
{
	if (r->depth == LIMIT_PATTERN_DEPTH) {
		/* deeper ones are good to Go, but not worth a verdict: what
		 * follows is not read */
		r->re->undecided = true;
		r->s = r->end;
		r->depth = 0;
		return 0;
	}
	begin_atom(r);
	r->depth++;
	*inner(r) = (struct group){ .outer = outer, .copies = 1,
				    .most_copies = 1 };
	buf_adds(&r->re->out, "(?:");
	return 0;
}

static int close_group(struct reader *r)
{
	struct group *g = inner(r), *around;

	if (!r->depth)
		return refuse(r, r->s, "an unexpected )");
	settle(g);
	r->flags = g->outer;
	r->depth--;
	around = inner(r);
	around->copies = g->most_copies;
	around->size = g->total + 1;
	if (around->size > LIMIT_PATTERN_SIZE)
		r->re->undecided = true;
	buf_addc(&r->re->out, ')');
	r->s++;
	return 0;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

/* (?P<name>, (?<name> */
static int named_group(struct reader *r, const char *name)
{
	const char *at = name;

	while (at < r->end && is_word(*at))
		at++;
	if (at == name || at == r->end || *at != '>')
		return refuse(r, r->s, "a group without a proper name");
	r->s = at + 1;
	return open_group(r, r->flags);
}

static bool set_flag(struct flags *f, char c, bool on)
{
	switch (c) {
	case 'i':
		f->fold = on;
		return true;
	case 'm':
		f->multiline = on;
		return true;
	case 's':
		f->dot_all = on;
		return true;
	case 'U':		/* which one is found first: all the same */
		return true;
	default:
		return false;
	}
}

/* (?i), (?i-s:, (?: */
static int flagged_group(struct reader *r)
{
	struct flags outer = r->flags, flags = r->flags;
	bool on = true, any = false;
	const char *at = r->s + 2;

	for (; at < r->end; at++) {
		if (set_flag(&flags, *at, on)) {
			any = true;
		} else if (*at == '-' && on) {
			on = any = false;
		} else if ((*at == ':' || *at == ')') && (on || any)) {
			r->s = at + 1;
			if (*at == ':' && open_group(r, outer) < 0)
				return -1;
			r->flags = flags;
			return 0;
		} else {
			break;
		}
	}
	return refuse(r, r->s, "an unknown kind of group");
}

static int read_group(struct reader *r)
{
	size_t left = (size_t)(r->end - r->s);

	if (left < 2 || r->s[1] != '?') {
		r->s++;
		return open_group(r, r->flags);
	}
	if (left > 4 && r->s[2] == 'P' && r->s[3] == '<')
		return named_group(r, r->s + 4);
	if (left > 3 && r->s[2] == '<')
		return named_group(r, r->s + 3);
	return flagged_group(r);
}

/* ---- escapes ---- */

/* \Q...\E: all of it is text. */
static int quoted(struct reader *r)
{
	r->s += 2;
	while (r->s < r->end) {
		size_t n = utf8_length(r->s, (size_t)(r->end - r->s));

		if (r->s[0] == '\\' && r->s + 1 < r->end && r->s[1] == 'E') {
			r->s += 2;
			return 0;
		}
		if (!n)
			return refuse(r, r->s, "no UTF-8");
		literal(r, utf8_decode(r->s, n));
		r->s += n;
	}
	return 0;
}

/* Those that are neither a character nor a class; 1 if it is none. */
static int assertion_escape(struct reader *r)
{
	switch (r->end - r->s < 2 ? '\0' : r->s[1]) {
	case 'A':
		assertion(r, "\\A");
		break;
	case 'z':
		assertion(r, "\\z");
		break;
	case 'b':
		assertion(r, "\\b");
		break;
	case 'B':
		assertion(r, "\\B");
		break;
	case 'Q':
		return quoted(r);
	default:
		return 1;
	}
	r->s += 2;
	return 0;
}

static int read_escape(struct reader *r)
{
	const char *at = r->s;
	uint32_t c;
	int rc = assertion_escape(r);

	if (rc <= 0)
		return rc;
	if (re2_is_class_escape(at, r->end)) {
		begin_atom(r);
		if (re2_class_escape(r->re, &r->s, r->end, r->flags.fold) == 0)
			return 0;
		return refuse(r, at, "a class of that name is unknown");
	}
	if (re2_char_escape(&r->s, r->end, &c) < 0)
		return refuse(r, at, "an unknown escape");
	literal(r, c);
	return 0;
}

static int read_class(struct reader *r)
{
	const char *at = r->s, *what;

	begin_atom(r);
	what = re2_class(r->re, &r->s, r->end, r->flags.fold);
	return what ? refuse(r, at, what) : 0;
}

/* ---- the whole ---- */

static int read_character(struct reader *r)
{
	size_t n = utf8_length(r->s, (size_t)(r->end - r->s));

	if (!n)
		return refuse(r, r->s, "no UTF-8");
	literal(r, utf8_decode(r->s, n));
	r->s += n;
	return 0;
}

/* One of ^ $ . | */
static void read_sign(struct reader *r)
{
	switch (*r->s++) {
	case '^':
		assertion(r, r->flags.multiline ? "(?<![^\\n])" : "\\A");
		break;
	case '$':
		assertion(r, r->flags.multiline ? "(?![^\\n])" : "\\z");
		break;
	case '.':
		begin_atom(r);
		buf_adds(&r->re->out, r->flags.dot_all ? "." : "[^\\n]");
		break;
	default:
		settle(inner(r));
		buf_addc(&r->re->out, '|');
		break;
	}
}

static int read_next(struct reader *r, bool *ret_operator)
{
	*ret_operator = false;
	switch (*r->s) {
	case '(':
		return read_group(r);
	case ')':
		return close_group(r);
	case '*':
	case '+':
	case '?':
	case '{':
		return read_repetition(r, ret_operator);
	case '[':
		return read_class(r);
	case '\\':
		return read_escape(r);
	case '^':
	case '$':
	case '.':
	case '|':
		read_sign(r);
		return 0;
	default:
		return read_character(r);
	}
}

int re2_translate(const char *s, size_t len, struct re2 *ret,
		  struct err *err)
{
	struct reader r = { .s = s, .start = s, .end = s + len, .re = ret,
			    .err = err };
	bool operator;

	*ret = (struct re2){ .out = BUF_INIT(16 * LIMIT_PATTERN_BYTES) };
	if (len > LIMIT_PATTERN_BYTES) {
		ret->undecided = true;
		return 0;
	}
	*inner(&r) = (struct group){ .copies = 1, .most_copies = 1 };
	while (r.s < r.end) {
		if (read_next(&r, &operator) < 0)
			return -1;
		r.after_operator = operator;
	}
	if (r.depth)
		return refuse(&r, r.end, "a missing )");
	settle(inner(&r));
	if (!buf_ok(&ret->out) || inner(&r)->total > LIMIT_PATTERN_SIZE)
		ret->undecided = true;
	return 0;
}

void re2_release(struct re2 *r)
{
	buf_release(&r->out);
}
