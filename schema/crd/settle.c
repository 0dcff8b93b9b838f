/*
 * Defaulting and pruning. See settle.h. The order is the API server's
 * (apiextensions' pruning and defaulting): a null that is not allowed gets
 * the default, if there is one, and then defaults come, at each level before
 * what is below.
 * Depth is that of the object, or of a default in the definition.
 */
#include "config.h"
#include "schema/crd/settle.h"

#include <string.h>

#include "schema/limits.h"

/* a pair that is made takes memory, too */
#define STEPS_OF_DEFAULT 8

struct settling {
	struct arena *arena;
	const struct crd_schema *root;
	uint64_t steps;
};

static const struct node *settle(struct settling *st,
				 const struct crd_schema *s,
				 const struct node *n, bool keep, bool quiet);

bool crd_is_meta(const char *key)
{
	return !strcmp(key, "apiVersion") || !strcmp(key, "kind") ||
	       !strcmp(key, "metadata");
}

/* A copy of the list itself, to change its items. */
static struct node *shallow(struct settling *st, const struct node *n)
{
	struct node *copy = arena_alloc(st->arena, sizeof(*copy));

	*copy = *n;
	copy->alloc = 0;
	copy->n = 0;
	copy->pairs = NULL;
	copy->index = NULL;
	return copy;
}

/* ---- maps ---- */

/* apiVersion, kind and metadata of an object, which no schema prunes. */
static bool is_meta_of(struct settling *st, const struct crd_schema *s,
		       const char *key)
{
	return (s->embedded || s == st->root) && crd_is_meta(key);
}

/* A value that nobody says anything of: is it dropped without a word? */
static bool is_pruned(const struct crd_schema *s, bool keep, bool quiet)
{
	if (keep || s->extra == EXTRA_ANY || s->extra == EXTRA_NONE)
		return false;
	return !s->n_fields || quiet;
}

/* What becomes of one pair; NULL: nothing. */
static const struct node *settle_pair(struct settling *st,
				      const struct crd_schema *s,
				      const struct node_pair *p, bool keep,
				      bool quiet)
{
	const struct crd_schema *f = crd_value(s, p->key, p->key_len);

	if (is_meta_of(st, s, p->key))
		return p->value;
	if (!f)
		return is_pruned(s, keep, quiet) ? NULL : p->value;
	if (p->value->type != NODE_NULL)
		return settle(st, f, p->value, false, quiet);
	if (f->nullable || !f->fallback)
		return p->value;	/* an apply keeps it, and may fail */
	return settle(st, f, f->fallback, false, quiet);
}

/* Fields that are not there and have a default. */
static uint32_t missing(const struct crd_schema *s, const struct node *n)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < s->n_fields; i++)
		count += s->fields[i].schema->fallback &&
			 !node_getn(n, s->fields[i].name, s->fields[i].len);
	return count;
}

static void add_defaults(struct settling *st,
			 const struct crd_schema *s, const struct node *n,
			 struct node *copy, bool quiet)
{
	for (uint32_t i = 0; i < s->n_fields; i++) {
		const struct crd_field *f = &s->fields[i];

		if (!f->schema->fallback || node_getn(n, f->name, f->len))
			continue;
		st->steps += STEPS_OF_DEFAULT;
		node_append_pair(st->arena, copy, f->name, f->len,
				 (struct node *)settle(st, f->schema,
						       f->schema->fallback,
						       false, quiet));
	}
}

static const struct node *settle_map(struct settling *st,
				     const struct crd_schema *s,
				     const struct node *n, bool keep,
				     bool quiet)
{
	struct node *copy = missing(s, n) ? shallow(st, n) : NULL;

	for (uint32_t i = 0; i < n->n; i++) {
		const struct node_pair *p = &n->pairs[i];
		const struct node *v = settle_pair(st, s, p, keep, quiet);

		if (v != p->value && !copy) {
			copy = shallow(st, n);
			for (uint32_t j = 0; j < i; j++)
				*node_append_pair(st->arena, copy, "", 0,
						  n->pairs[j].value) =
					n->pairs[j];
		}
		if (!copy || !v)
			continue;
		*node_append_pair(st->arena, copy, "", 0, (struct node *)v) =
			*p;
		copy->pairs[copy->n - 1].value = (struct node *)v;
	}
	if (!copy)
		return n;
	add_defaults(st, s, n, copy, quiet);
	return copy;
}

/* ---- lists ---- */

static const struct node *settle_item(struct settling *st,
				      const struct crd_schema *s,
				      const struct node *v, bool keep,
				      bool quiet)
{
	if (v->type != NODE_NULL)
		return settle(st, s->items, v, keep, quiet);
	if (s->list != LIST_ATOMIC || s->items->nullable ||
	    !s->items->fallback)
		return v;
	return settle(st, s->items, s->items->fallback, keep, quiet);
}

static const struct node *settle_list(struct settling *st,
				      const struct crd_schema *s,
				      const struct node *n, bool keep,
				      bool quiet)
{
	struct node *copy = NULL;

	if (!s->items)
		return n;
	for (uint32_t i = 0; i < n->n; i++) {
		const struct node *v = settle_item(st, s, n->items[i], keep,
						   quiet);

		if (v != n->items[i] && !copy) {
			copy = shallow(st, n);
			for (uint32_t j = 0; j < i; j++)
				node_append(st->arena, copy, n->items[j]);
		}
		if (copy)
			node_append(st->arena, copy, (struct node *)v);
	}
	return copy ? copy : n;
}

/*
 * keep: unknown fields stay, as below a list that preserves them. quiet:
 * something above preserves, so that apply does not complain of unknown ones
 * here, but they are dropped.
 */
static const struct node *settle(struct settling *st,
				 const struct crd_schema *s,
				 const struct node *n, bool keep, bool quiet)
{
	st->steps += 1 + (n->type == NODE_MAP ? s->n_fields : 0);
	if (st->steps > LIMIT_CRD_STEPS)
		return n;
	keep |= s->preserve;
	quiet |= s->preserve;
	if (n->type == NODE_MAP)
		return settle_map(st, s, n, keep, quiet);
	return n->type == NODE_SEQ ? settle_list(st, s, n, keep, quiet) : n;
}

const struct node *crd_settle(const struct crd_schema *s,
			      const struct node *n, struct arena *a)
{
	struct settling st = { .arena = a, .root = s };
	const struct node *settled = settle(&st, s, n, false, false);

	return st.steps > LIMIT_CRD_STEPS ? NULL : settled;
}
