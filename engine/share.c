/*
 * Giving fields away. See share.h. What managedFields says of our own entry
 * is the API server's word; pointers are the author's, already followed.
 */
#include "config.h"
#include "engine/share.h"

#include <string.h>

#include "engine/adopt.h"
#include "engine/managed.h"
#include "schema/wishes.h"

struct share {
	const struct node *fields;	/* ours */
	struct node *given;		/* the set of fields that goes; NULL */
	struct arena *arena;
	struct err *err;
	int rc;
};

/* The element of `fields` for one step, or NULL. */
static const struct node_pair *element_of(const struct share *s,
					  const struct node *fields,
					  const struct wish_step *step)
{
	struct managed_list *list;

	if (step->in->type == NODE_MAP)
		return node_pair(fields, arena_printf(s->arena, "f:%s",
						      step->key));
	list = managed_list(step->in, s->arena);
	for (uint32_t i = 0; i < fields->n; i++) {
		const struct node_pair *p = &fields->pairs[i];

		if (managed_list_find(list, p->key, p->key_len, true) ==
		    step->index)
			return p;
	}
	return NULL;
}

static void add_name(const struct wish_step *step, struct buf *out)
{
	if (step->in->type == NODE_MAP)
		buf_addf(out, "%s%s", out->len ? "." : "", step->key);
	else
		buf_addf(out, "[%u]", step->index);
}

static void refuse_part(struct share *s, const struct wish_step *steps,
			size_t n, size_t whole)
{
	struct buf field = BUF_INIT(1024), larger = BUF_INIT(1024);

	for (size_t i = 0; i < n; i++) {
		add_name(&steps[i], &field);
		if (i < whole)
			add_name(&steps[i], &larger);
	}
	s->rc = err_set(s->err, ERR_INVALID, "%s cannot be ignored: "
			"Kubernetes applies %s as a whole; name that in "
			WISH_IGNORE_FIELDS, field.data, larger.data);
	buf_release(&field);
	buf_release(&larger);
}

/* The set with just this path and all below it. */
static struct node *path_set(struct share *s,
			     const struct node_pair *const *path, size_t n,
			     const struct node *below)
{
	struct node *set = node_copy(s->arena, below);

	while (n-- > 0) {
		struct node *up = node_map(s->arena);

		node_set(s->arena, up, path[n]->key, set);
		set = up;
	}
	return set;
}

static void give(void *arg, const struct wish_step *steps, size_t n)
{
	struct share *s = arg;
	const struct node_pair **path = arena_array(s->arena, n,
						    sizeof(*path));
	const struct node *at = s->fields;
	struct node *set;

	for (size_t i = 0; i < n; i++) {
		if (at->type != NODE_MAP || at->n == 0) {
			refuse_part(s, steps, n, i);
			return;
		}
		path[i] = element_of(s, at, &steps[i]);
		if (!path[i])
			return;
		at = path[i]->value;
	}
	set = path_set(s, path, n, at);
	s->given = s->given ? fields_union(s->given, set, s->arena) : set;
}

int share_disown(const struct node *desired, const struct node *object,
		 const char *manager, struct arena *arena, struct node **ret,
		 struct err *err)
{
	const struct node *ours = managed_entry(object, manager);
	struct share s = {
		.fields = managed_fields(ours), .arena = arena, .err = err,
	};
	struct node *entry, *left;

	*ret = NULL;
	if (!s.fields || s.fields->type != NODE_MAP)
		return 0;
	wish_each_ignored(desired, give, &s);
	if (s.rc || !s.given)
		return s.rc;
	left = fields_minus(s.fields, s.given, arena);
	/* labels and the wish itself are never ignored */
	if (!left)
		return 0;
	entry = node_copy(arena, ours);
	node_set(arena, entry, "fieldsV1", left);
	*ret = adopt_replace(object, ours, entry, arena);
	return 0;
}
