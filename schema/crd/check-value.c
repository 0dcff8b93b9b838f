/*
 * A value by itself: its type, what it may be, how long, how large. See
 * crd-walk.h. As kube-openapi's validators have it, their oddities too: an
 * integer is a multiple of 0.5 for nobody, 1.5 is one of the enum [1].
 */
#include "config.h"
#include "schema/crd/crd-walk.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/utf8.h"
#include "schema/json.h"

/* a pattern, or a value, in a message */
#define SHOWN_MAX 256
/* so many words of an enum are named */
#define WORDS_MAX 64
/* what a float64 holds of integers: 2^53 - 1 */
#define JSON_INTEGER_MAX 9007199254740991.0

/* ---- types ---- */

/* As swag's IsFloat64AJSONInteger: near enough is good enough. */
static bool is_whole(double f)
{
	double g = trunc(f), diff = fabs(f - g);

	if (!(fabs(f) <= JSON_INTEGER_MAX))
		return false;
	if (f == g)
		return true;
	if (f < 0 || g == 0)
		return false;
	return diff / (fabs(f) + fabs(g)) < 1e-9;
}

/* A number that is sent as an integer: 1e3 is written as 1000. */
static bool as_integer(const struct node *n, int64_t *ret)
{
	if (n->type == NODE_INT)
		*ret = n->integer;
	else if (n->type == NODE_FLOAT && n->real == trunc(n->real) &&
		 n->real >= -0x1p63 && n->real < 0x1p63)
		*ret = (int64_t)n->real;
	else
		return false;
	return true;
}

static bool fits_type(const struct crd_schema *s, const struct node *n)
{
	int64_t v;

	switch (s->type) {
	case CRD_ANY:
		return true;
	case CRD_OBJECT:
		return n->type == NODE_MAP;
	case CRD_ARRAY:
		return n->type == NODE_SEQ;
	case CRD_STRING:
		return n->type == NODE_STR;
	case CRD_INTEGER:
		return as_integer(n, &v);
	case CRD_NUMBER:
		return n->type == NODE_INT || n->type == NODE_FLOAT;
	case CRD_BOOLEAN:
		return n->type == NODE_BOOL;
	case CRD_INT_OR_STRING:
		return n->type == NODE_INT || n->type == NODE_STR ||
		       (n->type == NODE_FLOAT && is_whole(n->real));
	case CRD_TYPES:
		break;
	}
	BUG("type of a schema");
}

static enum openapi_form form_of(const struct crd_schema *s)
{
	static const enum openapi_form forms[CRD_TYPES] = {
		[CRD_ANY] = FORM_ANY, [CRD_OBJECT] = FORM_OBJECT,
		[CRD_ARRAY] = FORM_LIST, [CRD_STRING] = FORM_STRING,
		[CRD_INTEGER] = FORM_INTEGER, [CRD_NUMBER] = FORM_NUMBER,
		[CRD_BOOLEAN] = FORM_BOOLEAN,
		[CRD_INT_OR_STRING] = FORM_INT_OR_STRING,
	};

	return forms[s->type];
}

static void wrong_type(struct crd_walk *w, const struct spot *p)
{
	const struct node *n = p->place.node;

	w->blocked |= !w->silent;
	if (w->silent || !n->mark.line)
		crd_fault(w, p, "field-type", "must not be %s",
			  node_type_name(n->type));
	else if (p->schema->type == CRD_INTEGER && n->type == NODE_FLOAT)
		crd_fault(w, p, "field-type", "must be an integer, not a "
			  "fraction or a number beyond 64 bits");
	else if (crd_may_say(w, p))
		place_wrong_form(&w->judge, &p->place, form_of(p->schema),
				 false);
}

/* ---- strings ---- */

static int64_t characters(const struct node *n)
{
	int64_t count = 0;

	for (uint32_t i = 0; i < n->n; i++)
		count += ((unsigned char)n->str[i] & 0xc0) != 0x80;
	return count;
}

static void check_pattern(struct crd_walk *w, const struct spot *p)
{
	struct crd_pattern *pattern = p->schema->pattern;
	const struct pattern *re = crd_pattern(pattern);
	const struct node *n = p->place.node;
	uint64_t steps = 0;
	enum pattern_verdict v = re ? pattern_match(re, n->str, n->n, &steps) :
				      PATTERN_UNKNOWN;

	if (v == PATTERN_UNKNOWN)
		w->unknown++;
	if (!crd_steps(w, steps) || v != PATTERN_NO)
		return;
	if (pattern->len <= SHOWN_MAX)
		crd_fault(w, p, "field-pattern", "is not of the form that is "
			  "wanted here: it does not match %s",
			  pattern->text);
	else
		crd_fault(w, p, "field-pattern", "is not of the form that is "
			  "wanted here: its definition has a regular "
			  "expression of %u bytes, which it does not match",
			  pattern->len);
}

/* As the API server, which stops at the first of these. */
static void check_string(struct crd_walk *w, const struct spot *p)
{
	const struct crd_schema *s = p->schema;
	int64_t count = characters(p->place.node);

	if (s->max_length.set && count > s->max_length.n)
		crd_fault(w, p, "field-length", "has %lld characters: %lld "
			  "is the most", (long long)count,
			  (long long)s->max_length.n);
	else if (s->min_length.set && count < s->min_length.n)
		crd_fault(w, p, "field-length", "has %lld characters: %lld "
			  "is the least", (long long)count,
			  (long long)s->min_length.n);
	else if (s->pattern)
		check_pattern(w, p);
}

static void check_format(struct crd_walk *w, const struct spot *p)
{
	const struct node *n = p->place.node;
	enum str_format f = p->schema->format;
	uint64_t steps = 0;
	enum pattern_verdict v = str_format_check(f, n->str, n->n, &steps);

	if (!crd_steps(w, steps))
		return;
	switch (v) {
	case PATTERN_YES:
		return;
	case PATTERN_UNKNOWN:
		w->unknown++;
		return;
	case PATTERN_NO:
		crd_fault(w, p, "field-format", "must be %s",
			  str_format_want(f));
		return;
	}
}

/* ---- numbers ---- */

static double number_of(const struct node *n)
{
	return n->type == NODE_INT ? (double)n->integer : n->real;
}

/* A bound is judged by the type, too; one that does not fit refuses all. */
static bool is_sane(const struct crd_schema *s, const struct crd_bound *b)
{
	if (s->type == CRD_INTEGER) {
		if (b->value != trunc(b->value) || b->value >= 0x1p63 ||
		    b->value < -0x1p63)
			return false;
		return s->width != WIDTH_INT32 ||
		       (b->value >= INT32_MIN && b->value <= INT32_MAX);
	}
	return s->width != WIDTH_FLOAT || fabs(b->value) <= (double)FLT_MAX;
}

static bool is_int64(double v)
{
	return v >= -0x1p63 && v < 0x1p63;
}

/* -1, 0, 1: integers are compared with the bound's whole part. */
static int compare(const struct node *n, double bound)
{
	int64_t v;

	if (as_integer(n, &v))
		return (v > (int64_t)bound) - (v < (int64_t)bound);
	return (n->real > bound) - (n->real < bound);
}

static bool is_multiple(const struct node *n, double of)
{
	int64_t v;

	if (as_integer(n, &v))
		return (int64_t)of > 0 && v % (int64_t)of == 0;
	if (of <= 0)
		return false;
	return is_whole(of < 1 ? 1 / of * n->real : n->real / of);
}

static void show_number(double v, struct buf *out)
{
	if (v == trunc(v) && fabs(v) < 1e15)
		buf_addf(out, "%.0f", v);
	else
		json_write_float(v, out);
}

static void bound_fault(struct crd_walk *w, const struct spot *p,
			const struct crd_bound *b, const char *what)
{
	struct buf text = BUF_INIT(SHOWN_MAX);

	show_number(b->value, &text);
	crd_fault(w, p, "field-range", "must be %s %s", what, text.data);
	buf_release(&text);
}

static void check_width(struct crd_walk *w, const struct spot *p)
{
	const struct node *n = p->place.node;
	int64_t v;

	if (p->schema->width == WIDTH_INT32 && as_integer(n, &v) &&
	    (v < INT32_MIN || v > INT32_MAX))
		crd_fault(w, p, "field-format", "must be between -2147483648 "
			  "and 2147483647");
	if (p->schema->width == WIDTH_FLOAT &&
	    fabs(number_of(n)) > (double)FLT_MAX)
		crd_fault(w, p, "field-format", "is beyond 32 bits");
}

/*
 * True if the bound is one to judge by. What Go makes of a bound beyond 64
 * bits for an integer depends on the machine.
 */
static bool is_usable(struct crd_walk *w, const struct spot *p,
		      const struct crd_bound *b)
{
	int64_t v;
	bool usable = b->set && (is_int64(b->value) ||
				 p->schema->type == CRD_INTEGER ||
				 !as_integer(p->place.node, &v));

	w->unknown += b->set && !usable;
	return usable;
}

/* `beyond` is what compare() gives for what is refused. */
static void check_bound(struct crd_walk *w, const struct spot *p,
			const struct crd_bound *b, int beyond)
{
	bool sane = is_sane(p->schema, b);
	int c;

	if (!is_usable(w, p, b))
		return;
	c = sane ? compare(p->place.node, b->value) : beyond;
	if (c != beyond && (c || !b->exclusive))
		return;
	if (beyond < 0)
		bound_fault(w, p, b, b->exclusive ? "more than" : "at least");
	else
		bound_fault(w, p, b, b->exclusive ? "less than" : "at most");
}

static void check_number(struct crd_walk *w, const struct spot *p)
{
	const struct crd_schema *s = p->schema;

	check_width(w, p);
	check_bound(w, p, &s->minimum, -1);
	check_bound(w, p, &s->maximum, 1);
	if (is_usable(w, p, &s->multiple) &&
	    (!is_sane(s, &s->multiple) ||
	     !is_multiple(p->place.node, s->multiple.value)))
		bound_fault(w, p, &s->multiple, "a multiple of");
}

/* ---- counts ---- */

static void check_count(struct crd_walk *w, const struct spot *p,
			const struct crd_limit *least,
			const struct crd_limit *most, const char *what)
{
	int64_t n = p->place.node->n;

	if (least->set && n < least->n)
		crd_fault(w, p, "field-count", "has %lld %s: %lld is the "
			  "least", (long long)n, what, (long long)least->n);
	if (most->set && n > most->n)
		crd_fault(w, p, "field-count", "has %lld %s: %lld is the "
			  "most", (long long)n, what, (long long)most->n);
}

/* ---- enum ---- */

static uint32_t utf8_of(int64_t c, char out[4])
{
	if (c < 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	out[0] = (char)(0xe0 | c >> 12);
	out[1] = (char)(0x80 | (c >> 6 & 0x3f));
	out[2] = (char)(0x80 | (c & 0x3f));
	if (c < 0x10000)
		return 3;
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Go converts the value to the word's type first, if it can. */
static bool is_word(const struct node *word, const struct node *n)
{
	char text[4];

	if (word->type == NODE_NULL)
		return false;
	if (word->type == NODE_INT && n->type == NODE_FLOAT)
		return is_int64(n->real) &&
		       (int64_t)n->real == word->integer;
	if (word->type == NODE_FLOAT && n->type == NODE_INT)
		return (double)n->integer == word->real;
	if (word->type == NODE_STR && n->type == NODE_INT)
		return utf8_of(n->integer, text) == word->n &&
		       !memcmp(text, word->str, word->n);
	return node_equal(word, n);
}

static void no_word(struct crd_walk *w, const struct spot *p)
{
	const struct node *list = p->schema->words;
	struct buf all = BUF_INIT(SHOWN_MAX * 4);
	const char *words[WORDS_MAX];
	size_t n = 0;

	for (uint32_t i = 0; i < list->n && n < WORDS_MAX; i++)
		if (list->items[i]->type == NODE_STR)
			words[n++] = list->items[i]->str;
	w->blocked |= !w->silent;
	if (n && n == (list->n < WORDS_MAX ? list->n : WORDS_MAX) &&
	    p->place.node->type == NODE_STR && p->place.node->mark.line &&
	    !w->silent) {
		if (crd_may_say(w, p))
			place_no_word(&w->judge, &p->place, "field-enum",
				      words, n);
		return;
	}
	json_write_compact(list, &all);
	crd_fault(w, p, "field-enum", "must be one of %s",
		  buf_ok(&all) ? all.data : "what its definition lists");
	buf_release(&all);
}

static void check_enum(struct crd_walk *w, const struct spot *p)
{
	const struct node *list = p->schema->words;

	for (uint32_t i = 0; i < list->n; i++)
		if (is_word(list->items[i], p->place.node))
			return;
	no_word(w, p);
}

/* ---- all of it ---- */

static void check_null(struct crd_walk *w, const struct spot *p)
{
	if (p->schema->type != CRD_ANY && !p->schema->nullable)
		wrong_type(w, p);
	else if (p->schema->words)
		no_word(w, p);
}

/* A format without a type wants text, or a list. */
static bool has_lone_format(const struct spot *p)
{
	return p->schema->type == CRD_ANY && p->schema->format;
}

bool crd_check_value(struct crd_walk *w, const struct spot *p)
{
	const struct crd_schema *s = p->schema;
	const struct node *n = p->place.node;

	if (n->type == NODE_NULL) {
		check_null(w, p);
		return false;
	}
	if (!fits_type(s, n)) {
		wrong_type(w, p);
		return false;
	}
	if (has_lone_format(p) && n->type != NODE_STR && n->type != NODE_SEQ)
		wrong_type(w, p);
	if (n->type == NODE_STR)
		check_string(w, p);
	if (n->type == NODE_STR && s->format)
		check_format(w, p);
	if (n->type == NODE_INT || n->type == NODE_FLOAT)
		check_number(w, p);
	if (n->type == NODE_SEQ)
		check_count(w, p, &s->min_items, &s->max_items, "items");
	if (n->type == NODE_MAP)
		check_count(w, p, &s->min_fields, &s->max_fields, "fields");
	if (s->words)
		check_enum(w, p);
	return true;
}
