/*
 * Comparing what is wanted with what is live. See compare.h. Both sides were
 * accepted by an API server; sizes are bounded by LIMIT_OBJECT_BYTES and
 * depth by LIMIT_DEPTH, so recursion is safe.
 */
#include "config.h"
#include "engine/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/managed.h"
#include "schema/base/mem.h"

struct walk {
	struct arena *scratch;
	size_t visited;		/* leaves of fields that were looked at */
};

/*
 * amount = digits * scale. Doubles hold every amount that people write; the
 * relative tolerance is far below the smallest step of a quantity's text.
 */
static bool quantity_parse(const char *s, double *ret)
{
	static const struct { const char *suffix; double scale; } scales[] = {
		{ "", 1 }, { "n", 1e-9 }, { "u", 1e-6 }, { "m", 1e-3 },
		{ "k", 1e3 }, { "M", 1e6 }, { "G", 1e9 }, { "T", 1e12 },
		{ "P", 1e15 }, { "E", 1e18 }, { "Ki", 0x1p10 },
		{ "Mi", 0x1p20 }, { "Gi", 0x1p30 }, { "Ti", 0x1p40 },
		{ "Pi", 0x1p50 }, { "Ei", 0x1p60 },
	};
	const char *number = s + strspn(s, "+-");
	size_t digits = strspn(number, "0123456789.");
	char *end;
	double v;

	if (number - s > 1 || digits == 0 || strlen(s) > 64)
		return false;
	v = strtod(s, &end);
	if (!isfinite(v) || end < number + digits)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(scales); i++)
		if (!strcmp(end, scales[i].suffix)) {
			*ret = v * scales[i].scale;
			return true;
		}
	return false;
}

bool quantity_equal(const char *a, const char *b)
{
	double x, y;

	return quantity_parse(a, &x) && quantity_parse(b, &y) &&
	       fabs(x - y) <= 1e-12 * fmax(fabs(x), fabs(y));
}

/* What the server may leave out because it is the type's zero value. */
static bool is_zero(const struct node *n)
{
	switch (n->type) {
	case NODE_NULL:
		return true;
	case NODE_BOOL:
		return !n->boolean;
	case NODE_INT:
		return n->integer == 0;
	case NODE_FLOAT:
		return n->real == 0;
	case NODE_STR:
	case NODE_SEQ:
		return n->n == 0;
	case NODE_MAP:
		for (uint32_t i = 0; i < n->n; i++)
			if (!is_zero(n->pairs[i].value))
				return false;
		return true;
	}
	return false;
}

static bool number_text(const struct node *n, char text[32])
{
	if (n->type == NODE_INT)
		snprintf(text, 32, "%lld", (long long)n->integer);
	else if (n->type == NODE_FLOAT)
		snprintf(text, 32, "%.17g", n->real);
	else
		return false;
	return true;
}

static bool scalar_equal(const struct node *want, const struct node *got)
{
	char number[32];
	const char *text = node_text(got);

	if (node_equal(want, got))
		return true;
	if (!text)
		return false;
	/* a null among strings (labels, annotations) is stored as "" */
	if (want->type == NODE_NULL)
		return !*text;
	/* `cpu: 1` is stored as "1" */
	if (number_text(want, number))
		return quantity_equal(number, text);
	return node_text(want) && quantity_equal(node_text(want), text);
}

/* An atomic value: the whole of it is ours. */
bool live_equal(const struct node *want, const struct node *got)
{
	if (!got)
		return is_zero(want);
	if (want->type == NODE_MAP && got->type == NODE_MAP) {
		for (uint32_t i = 0; i < want->n; i++)
			if (!live_equal(want->pairs[i].value,
					 node_getn(got, want->pairs[i].key,
						   want->pairs[i].key_len)))
				return false;
		for (uint32_t i = 0; i < got->n; i++)
			if (!node_getn(want, got->pairs[i].key,
				       got->pairs[i].key_len) &&
			    !is_zero(got->pairs[i].value))
				return false;
		return true;
	}
	if (want->type == NODE_SEQ && got->type == NODE_SEQ) {
		if (want->n != got->n)
			return false;
		for (uint32_t i = 0; i < want->n; i++)
			if (!live_equal(want->items[i], got->items[i]))
				return false;
		return true;
	}
	return scalar_equal(want, got);
}

static bool is_leaf(const struct node *fields)
{
	return fields->n == 0 ||
	       (fields->n == 1 && !strcmp(fields->pairs[0].key, "."));
}

static size_t count_leaves(const struct node *fields)
{
	size_t n = 0;

	for (uint32_t i = 0; i < fields->n; i++) {
		const struct node_pair *p = &fields->pairs[i];

		if (!strcmp(p->key, "."))
			continue;
		n += is_leaf(p->value) ? 1 : count_leaves(p->value);
	}
	return n;
}

static bool compare(struct walk *w, const struct node *want,
		    const struct node *got, const struct node *fields);

/*
 * A zero value that the server dropped, so that nobody owns it. Where it is
 * a scalar and something else is live, somebody has taken the field over:
 * `replicas: 0`, scaled by hand.
 */
static bool is_unowned_zero(const struct node *want, const struct node *live)
{
	if (!is_zero(want))
		return false;
	return want->type == NODE_NULL || want->type == NODE_MAP ||
	       want->type == NODE_SEQ || !live || is_zero(live);
}

static bool compare_map(struct walk *w, const struct node *want,
			const struct node *got, const struct node *fields)
{
	for (uint32_t i = 0; i < want->n; i++) {
		const struct node_pair *p = &want->pairs[i];
		char *element = arena_printf(w->scratch, "f:%s", p->key);
		const struct node *below = node_get(fields, element);

		const struct node *live = node_getn(got, p->key, p->key_len);

		if (!below) {
			if (is_unowned_zero(p->value, live))
				continue;
			return false;
		}
		if (!compare(w, p->value, live, below))
			return false;
	}
	return true;
}

static bool compare_list(struct walk *w, const struct node *want,
			 const struct node *got, const struct node *fields)
{
	const struct node_pair **owners = arena_array(w->scratch, want->n,
						      sizeof(*owners));
	struct managed_list *live = managed_list(got, w->scratch);
	int64_t last = -1;

	managed_list_owners(managed_list(want, w->scratch), fields, true,
			    owners);
	for (uint32_t i = 0; i < want->n; i++) {
		const struct node_pair *p = owners[i];
		int64_t at = p ? managed_list_find(live, p->key, p->key_len,
						   false) : -1;

		if (at < 0 || at <= last ||
		    !compare(w, want->items[i], got->items[at], p->value))
			return false;
		last = at;
	}
	return true;
}

static bool compare(struct walk *w, const struct node *want,
		    const struct node *got, const struct node *fields)
{
	if (is_leaf(fields)) {
		w->visited++;
		return live_equal(want, got);
	}
	if (!got)
		return false;
	if (want->type == NODE_MAP)
		return compare_map(w, want, got, fields);
	if (want->type == NODE_SEQ)
		return compare_list(w, want, got, fields);
	return false;
}

/* The object without what an apply does not own: identity. */
struct node *live_wanted(const struct node *desired, struct arena *a)
{
	struct node *copy = node_copy(a, desired);
	struct node *metadata = node_get(copy, "metadata");

	node_del(copy, "apiVersion");
	node_del(copy, "kind");
	if (metadata && metadata->type == NODE_MAP) {
		node_del(metadata, "name");
		node_del(metadata, "namespace");
	}
	return copy;
}

bool live_matches(const struct node *desired, const struct node *live,
		  const struct node *fields, struct arena *scratch)
{
	struct walk w = { scratch, 0 };

	if (!fields || fields->type != NODE_MAP)
		return false;
	return compare_map(&w, live_wanted(desired, scratch), live,
			   fields) &&
	       w.visited == count_leaves(fields);
}
