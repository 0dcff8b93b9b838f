/*
 * The order of deletes. See prune-order.h. It is the reverse of applying, but
 * custom resources go before all else, while what their finalizers need is
 * still there.
 */
#include "config.h"
#include "engine/prune-order.h"

#include <string.h>

unsigned prune_class(const struct tracked *t)
{
	if (t->kind->custom)
		return PRUNE_CUSTOM;
	if (kind_is(t->kind, "", "Namespace"))
		return PRUNE_NAMESPACE;
	return t->order;
}

int prune_by_class(const void *a, const void *b)
{
	const struct tracked *x = *(struct tracked *const *)a;
	const struct tracked *y = *(struct tracked *const *)b;
	unsigned cx = prune_class(x), cy = prune_class(y);

	if (cx != cy)
		return cx > cy ? -1 : 1;
	return x < y ? -1 : x > y;
}

const struct tracked *prune_neighbour(const struct channel *c,
				      const struct tracked *t)
{
	for (struct tracked *o = c->inventory.first; o; o = o->next) {
		bool fails = o->state == TRACKED_FAILED ||
			     o->state == TRACKED_WAITING;

		if (fails && (!*t->namespace ||
			      !strcmp(o->namespace, t->namespace)))
			return o;
	}
	return NULL;
}

void prune_finalizers(const struct node *object, struct buf *out)
{
	const struct node *list = node_path(object, "metadata", "finalizers",
					    NULL);

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++)
		buf_addf(out, "%s%s", i ? ", " : "",
			 node_text(list->items[i]) ?
			 node_text(list->items[i]) : "");
}
