/*
 * The order of deletes. See prune-order.h. It is the reverse of applying, but
 * what refuses other objects goes first, and then custom resources, while
 * what their finalizers need is still there.
 */
#include "config.h"
#include "engine/prune-order.h"

#include <stdio.h>
#include <string.h>

bool prune_is_gate(const struct kind *k)
{
	return !strcmp(k->group, "admissionregistration.k8s.io") ||
	       kind_is(k, "", "LimitRange") || kind_is(k, "", "ResourceQuota");
}

bool prune_makes_room(const struct kind *k)
{
	return kind_is(k, "", "Service") ||
	       kind_is(k, "networking.k8s.io", "Ingress") ||
	       kind_is(k, "scheduling.k8s.io", "PriorityClass");
}

unsigned prune_class(const struct tracked *t)
{
	if (prune_is_gate(t->kind))
		return PRUNE_GATE;
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

/* While it is tried once more it has failed as well. */
static bool fails(const struct tracked *t)
{
	switch ((enum tracked_state)t->state) {
	case TRACKED_FAILED:
	case TRACKED_WAITING:
		return true;
	case TRACKED_QUEUED:
	case TRACKED_APPLYING:
		return t->tries > 0;
	default:
		return false;
	}
}

/*
 * Does the API server refuse `failed` because `old` is there? Ports and
 * addresses of Services are unique in a cluster, hosts and paths of Ingresses
 * where a controller says so, and there is one default PriorityClass.
 */
static bool is_in_the_way(const struct tracked *old,
			  const struct tracked *failed)
{
	const char *says = failed->note ? failed->note->message : "";
	char name[600];

	if (old->state != TRACKED_DELETING || old->kind != failed->kind)
		return false;
	if (kind_is(old->kind, "", "Service"))
		return strstr(says, "already allocated") != NULL;
	if (kind_is(old->kind, "scheduling.k8s.io", "PriorityClass"))
		return strstr(says, "already marked as default") != NULL;
	snprintf(name, sizeof(name), "%s/%s", old->namespace, old->name);
	return kind_is(old->kind, "networking.k8s.io", "Ingress") &&
	       strstr(says, name);
}

static bool gives_way(const struct channel *c, const struct tracked *failed)
{
	if (!prune_makes_room(failed->kind))
		return false;
	for (struct tracked *o = c->inventory.first; o; o = o->next)
		if (is_in_the_way(o, failed))
			return true;
	return false;
}

const struct tracked *prune_neighbour(const struct channel *c,
				      const struct tracked *t)
{
	bool gate = prune_is_gate(t->kind);

	for (struct tracked *o = c->inventory.first; o; o = o->next) {
		if (!fails(o) || (gate && !prune_is_gate(o->kind)))
			continue;
		if (*t->namespace && strcmp(o->namespace, t->namespace))
			continue;
		if (!gives_way(c, o))
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
