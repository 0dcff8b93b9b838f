/*
 * Reading JSON. See json.h.
 *
 * Three passes over one value: measure() finds its end and its depth, so
 * that jansson recurses no deeper than we allow and never looks at what
 * follows; jansson decides what is JSON; walk() goes through the accepted
 * text beside jansson's tree, which keeps the order of the text, and makes
 * our nodes with their places and with exact integers. Trusts nothing in
 * the text; walk() trusts that jansson accepted it. Messages quote keys,
 * never values: they may be secret.
 */
#include "config.h"
#include "schema/json.h"

#include <jansson.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/utf8.h"
#include "schema/limits.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_punctuation(char c)
{
	return c == '{' || c == '}' || c == '[' || c == ']' || c == ',' ||
	       c == ':';
}

/* A place in the text that knows its line and column. */
struct cursor {
	const char *p, *end;
	struct mark mark;
};

static void skip_space(struct cursor *c)
{
	for (; c->p < c->end && is_space(*c->p); c->p++) {
		bool lone_cr = *c->p == '\r' &&
			       (c->p + 1 == c->end || c->p[1] != '\n');

		if (*c->p == '\n' || lone_cr) {
			c->mark.line++;
			c->mark.column = 1;
		} else {
			c->mark.column++;
		}
	}
}

/* From the opening quote to behind the closing one, or to the end. */
static void skip_string(struct cursor *c)
{
	const char *p = c->p + 1, *end = c->end;
	uint32_t columns = 1;

	for (; p < end; p++) {
		if (*p == '"')
			break;
		if (*p == '\\' && p + 1 < end) {
			p++;
			columns++;
		}
		columns += ((unsigned char)*p & 0xc0) != 0x80;
	}
	c->p = p < end ? p + 1 : end;
	c->mark.column += columns + (p < end);
}

/* A number, true, false, null, or what is none of these. */
static void skip_word(struct cursor *c)
{
	const char *p = c->p;

	while (p < c->end && !is_space(*p) && !is_punctuation(*p) && *p != '"')
		c->mark.column += ((unsigned char)*p++ & 0xc0) != 0x80;
	c->p = p;
}

static void skip_token(struct cursor *c)
{
	if (*c->p == '"') {
		skip_string(c);
	} else if (is_punctuation(*c->p)) {
		c->p++;
		c->mark.column++;
	} else {
		skip_word(c);
	}
}

/* The place of `at`: counted again from `from`, for faults only. */
static struct mark mark_of(struct cursor from, const char *at)
{
	while (from.p < at) {
		if (is_space(*from.p)) {
			from.end = at;
			skip_space(&from);
			continue;
		}
		from.mark.column += ((unsigned char)*from.p++ & 0xc0) != 0x80;
	}
	return from.mark;
}

/* ---- the first pass: where it ends, and whether it is within bounds ---- */

static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\' && p + 1 < end)
			p++;
	return p < end ? p + 1 : end;
}

/*
 * Finds the end of the value that starts at c->p. Brackets are counted, not
 * matched: jansson does that. On failure *ret_end is where the fault is.
 */
static int measure(const struct cursor *c, const struct json_part *part,
		   const char **ret_end, struct err *err)
{
	size_t max_depth = part->max_depth ? part->max_depth : LIMIT_DEPTH;

	const char *p = c->p, *end = c->end;
	size_t depth = 0, nodes = 1;
	bool fresh = false;	/* behind an opening bracket */

	if (*p != '{' && *p != '[') {
		struct cursor word = *c;

		skip_token(&word);
		*ret_end = word.p;
		return 0;
	}
	while (p < end) {
		const char *at = p++;

		if (is_space(*at))
			continue;
		if (*at == '}' || *at == ']') {
			fresh = false;
			if (--depth == 0)
				break;
			continue;
		}
		nodes += fresh || *at == ',';
		if (nodes > part->max_nodes) {
			*ret_end = at;
			return err_set(err, ERR_INVALID, "more than %zu values "
				       "in one document: split it",
				       part->max_nodes);
		}
		fresh = *at == '{' || *at == '[';
		if (fresh && ++depth > max_depth) {
			*ret_end = at;
			return err_set(err, ERR_INVALID, "nested deeper than "
				       "%zu levels", max_depth);
		}
		if (*at == '"')
			p = string_end(at, end);
	}
	*ret_end = p;
	return 0;
}

/* ---- what jansson refuses ---- */

/* In the string at p: the first byte that may not be there, or NULL. */
static const char *string_fault(const char *p, const char *end)
{
	for (p++; p < end && *p != '"';) {
		size_t n = utf8_length(p, (size_t)(end - p));

		if (!n || (unsigned char)*p < 0x20)
			return p;
		if (*p == '\\') {
			if (p + 1 == end || !strchr("\"\\/bfnrtu", p[1]))
				return p;
			n = 2;
		}
		p += n;
	}
	return NULL;
}

static const char *utf8_fault(const char *p, const char *end)
{
	size_t n;

	while (p < end && (n = utf8_length(p, (size_t)(end - p))))
		p += n;
	return p;
}

static void duplicate_key(const struct cursor *c, struct err *err)
{
	int len = (int)(c->end - c->p > 100 ? 100 : c->end - c->p);

	err_set(err, ERR_INVALID, "duplicate key %.*s: remove one of the two",
		len, c->p);
}

static enum json_fault fault_of(enum json_error_code code)
{
	switch (code) {
	case json_error_duplicate_key:
		return JSON_FAULT_DUPLICATE;
	case json_error_numeric_overflow:
		return JSON_FAULT_NUMBER;
	default:
		return JSON_FAULT_SYNTAX;
	}
}

/* The last token that begins before `stop`, which is not before start. */
static struct cursor token_before(const struct cursor *start, const char *stop)
{
	struct cursor c = *start, token = *start;

	for (skip_space(&c); c.p < c.end; skip_space(&c)) {
		if (c.p >= stop && c.p != start->p)
			break;
		token = c;
		skip_token(&c);
		token.end = c.p;
	}
	return token;
}

/* Turns jansson's error into ours, with the place of the token at fault. */
static int refused(const struct cursor *start, const json_error_t *e,
		   struct json_part *part, struct err *err)
{
	enum json_error_code code = json_error_code(e);
	size_t len = (size_t)(start->end - start->p);
	size_t pos = e->position < 0 ? 0 : (size_t)e->position;
	struct cursor token = token_before(start, start->p +
					   (pos < len ? pos : len));
	const char *near = strstr(e->text, " near ");
	const char *bad = NULL;

	part->mark = token.mark;
	part->fault = fault_of(code);
	switch (code) {
	case json_error_duplicate_key:
		duplicate_key(&token, err);
		return -1;
	case json_error_premature_end_of_input:
		part->mark = mark_of(*start, start->end);
		return err_set(err, ERR_INVALID, "the text ends inside a value");
	case json_error_invalid_utf8:
		bad = utf8_fault(start->p, start->end);
		part->mark = mark_of(*start, bad);
		break;
	default:
		if (token.p < token.end && *token.p == '"')
			bad = string_fault(token.p, token.end);
		if (bad)
			part->mark = mark_of(token, bad);
	}
	return err_set(err, ERR_INVALID, "%.*s",
		       (int)(near ? near - e->text : (long)strlen(e->text)),
		       e->text);
}

/* ---- the walk ---- */

static struct node *walk(struct cursor *c, json_t *j, struct arena *a);

static struct node *walk_map(struct cursor *c, json_t *j, struct arena *a)
{
	struct node *n = node_map(a);
	struct node_pair *pair;
	void *i;

	n->n = n->alloc = (uint32_t)json_object_size(j);
	pair = n->pairs = arena_array(a, n->n, sizeof(*n->pairs));
	skip_token(c);		/* { */
	skip_space(c);
	for (i = json_object_iter(j); i; i = json_object_iter_next(j, i)) {
		size_t len = json_object_iter_key_len(i);

		pair->mark = c->mark;
		pair->key = arena_strndup(a, json_object_iter_key(i), len);
		pair->key_len = (uint32_t)len;
		skip_string(c);
		skip_space(c);
		skip_token(c);	/* : */
		skip_space(c);
		pair->value = walk(c, json_object_iter_value(i), a);
		pair++;
		skip_space(c);
		if (json_object_iter_next(j, i))
			skip_token(c);	/* , */
		skip_space(c);
	}
	skip_token(c);		/* } */
	node_index(a, n);
	return n;
}

static struct node *walk_seq(struct cursor *c, json_t *j, struct arena *a)
{
	struct node *n = node_seq(a);
	size_t size = json_array_size(j);

	n->n = n->alloc = (uint32_t)size;
	n->items = arena_array(a, size, sizeof(*n->items));
	skip_token(c);		/* [ */
	skip_space(c);
	for (size_t i = 0; i < size; i++) {
		n->items[i] = walk(c, json_array_get(j, i), a);
		skip_space(c);
		if (i + 1 < size)
			skip_token(c);	/* , */
		skip_space(c);
	}
	skip_token(c);		/* ] */
	return n;
}

/* An integer that int64 holds, or else what jansson read: a float64. */
static struct node *walk_number(struct cursor *c, json_t *j, struct arena *a)
{
	const char *p = c->p;
	bool negative = *p == '-', fits = true;
	int64_t v = 0;

	skip_word(c);
	for (p += negative; fits && p < c->p; p++) {
		int digit = *p - '0';

		fits = digit >= 0 && digit <= 9 &&
		       !__builtin_mul_overflow(v, 10, &v) &&
		       !__builtin_sub_overflow(v, digit, &v);
	}
	/* counted downwards, as INT64_MIN has no positive counterpart */
	if (fits && (negative || v != INT64_MIN))
		return node_int(a, negative ? v : -v);
	return node_float(a, json_real_value(j));
}

static struct node *walk(struct cursor *c, json_t *j, struct arena *a)
{
	struct mark mark = c->mark;
	struct node *n;

	switch (json_typeof(j)) {
	case JSON_OBJECT:
		n = walk_map(c, j, a);
		break;
	case JSON_ARRAY:
		n = walk_seq(c, j, a);
		break;
	case JSON_STRING:
		n = node_strn(a, json_string_value(j), json_string_length(j));
		skip_string(c);
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		n = walk_number(c, j, a);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		n = node_bool(a, json_is_true(j));
		skip_word(c);
		break;
	default:
		n = node_null(a);
		skip_word(c);
		break;
	}
	n->mark = mark;
	return n;
}

int json_read_part(struct json_part *part, struct arena *a, struct node **ret,
		   struct err *err)
{
	struct cursor c = { part->text, part->text + part->len, part->from };
	json_error_t error;
	const char *end;
	json_t *j;

	skip_space(&c);
	if (c.p == c.end) {
		part->mark = c.mark;
		part->fault = JSON_FAULT_SYNTAX;
		return err_set(err, ERR_INVALID, "no JSON value");
	}
	if (measure(&c, part, &end, err)) {
		part->mark = mark_of(c, end);
		part->fault = JSON_FAULT_LIMIT;
		return -1;
	}
	c.end = end;
	j = json_loadb(c.p, (size_t)(c.end - c.p),
		       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY |
		       JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
	if (!j)
		return refused(&c, &error, part, err);
	*ret = walk(&c, j, a);
	json_decref(j);
	part->used = (size_t)(c.p - part->text);
	part->mark = c.mark;
	return 0;
}

static int read_place(struct json_part *part, struct arena *a,
		      struct node **ret, struct err *err)
{
	if (json_read_part(part, a, ret, err))
		return err_wrap(err, "line %u column %u", part->mark.line,
				part->mark.column);
	return 0;
}

int json_read_first(const char *text, size_t len, struct mark from,
		    struct arena *a, struct node **ret, size_t *ret_used,
		    struct mark *ret_mark, struct err *err)
{
	struct json_part part = {
		.text = text,
		.len = len,
		.from = from,
		.max_nodes = SIZE_MAX,
	};

	if (read_place(&part, a, ret, err))
		return -1;
	*ret_used = part.used;
	*ret_mark = part.mark;
	return 0;
}

int json_read_around(const char *text, size_t len, size_t levels,
		     struct arena *a, struct node **ret, struct err *err)
{
	struct json_part part = {
		.text = text,
		.len = len,
		.from = { 1, 1 },
		.max_nodes = SIZE_MAX,
		.max_depth = LIMIT_DEPTH + levels,
	};
	struct cursor c = { text, text + len };
	struct node *n;

	if (read_place(&part, a, &n, err))
		return -1;
	c.p += part.used;
	c.mark = part.mark;
	skip_space(&c);
	if (c.p != c.end)
		return err_set(err, ERR_INVALID, "line %u column %u: "
			       "text after the end of the value",
			       c.mark.line, c.mark.column);
	*ret = n;
	return 0;
}

int json_read(const char *text, size_t len, struct arena *a,
	      struct node **ret, struct err *err)
{
	return json_read_around(text, len, 0, a, ret, err);
}
