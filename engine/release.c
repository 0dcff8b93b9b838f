/*
 * Letting go. See release.h. Whom an object goes to is decided by what that
 * channel's bundle says and its spec allows, as for any object of it; the
 * write itself is made as the account of the channel that has it now.
 */
#include "config.h"
#include "engine/release.h"

#include <string.h>

#include "engine/adopt.h"
#include "engine/channel-private.h"
#include "engine/managed.h"
#include "engine/prune.h"
#include "schema/base/mem.h"
#include "schema/render.h"

/* JSON pointer to the label of APPLYSET_PART_OF */
#define LABEL_POINTER "/metadata/labels/applyset.kubernetes.io~1part-of"

struct search {
	const struct channel *from;
	const struct tracked *t;
	struct tracked *found;		/* of the other channel */
};

/* How another channel tracks the same object. */
static bool is_another(struct channel *o, struct search *s)
{
	s->found = o == s->from ? NULL :
		   inventory_find(&o->inventory, s->t->kind, s->t->namespace,
				  s->t->name);
	return s->found != NULL;
}

static bool is_heir(struct channel *o, void *arg)
{
	struct search *s = arg;

	return is_another(o, s) && s->found->state != TRACKED_DELETING &&
	       !tracked_is(s->found, TRACKED_DENIED) && o->spec_ok &&
	       !o->deleting;
}

struct channel *release_heir(struct channel *c, const struct tracked *t,
			     struct tracked **ret)
{
	struct search s = { .from = c, .t = t };
	struct channel *heir = controller_find(c->engine, is_heir, &s);

	*ret = heir ? s.found : NULL;
	return heir;
}

static bool may_have(struct channel *o, void *arg)
{
	const struct search *s = arg;
	struct object_id id = tracked_id(s->t);
	struct err no = ERR_INIT;

	return o != s->from && o->spec_ok && !o->deleting &&
	       !strcmp(o->spec.url, s->from->spec.url) &&
	       channel_spec_allows(&o->spec, o->name, &id, &no) == 0;
}

bool release_may_come(struct channel *c, const struct tracked *t)
{
	struct search s = { .from = c, .t = t };

	return controller_find(c->engine, may_have, &s) != NULL;
}

static bool will_have(struct channel *o, void *arg)
{
	const struct search *s = arg;
	struct object_id id = tracked_id(s->t);
	struct err no = ERR_INIT;

	return o != s->from && o->spec_ok && !o->deleting &&
	       intake_names(o, &id) &&
	       channel_spec_allows(&o->spec, o->name, &id, &no) == 0;
}

struct channel *release_awaited(struct channel *c, const struct tracked *t)
{
	struct search s = { .from = c, .t = t };

	return controller_find(c->engine, will_have, &s);
}

static bool lets_go(struct channel *o, void *arg)
{
	struct search *s = arg;

	if (is_another(o, s) && s->found->state == TRACKED_DELETING) {
		s->found->retry_at = 0;
		prune_wake(o);
	}
	return false;
}

void release_wanted(struct channel *c, const struct tracked *t)
{
	struct search s = { .from = c, .t = t };

	controller_find(c->engine, lets_go, &s);
}

bool release_was_dropped(struct channel *o, const struct tracked *t)
{
	return o->spec_ok && intake_is_done(o) &&
	       !inventory_find(&o->inventory, t->kind, t->namespace, t->name);
}

static bool forget_leftover(struct channel *o, void *arg)
{
	const struct search *s = arg;

	if (o != s->from)
		channel_leave_not(o, s->t);
	return false;
}

void release_done(struct channel *c, const struct tracked *t)
{
	struct search s = { .from = c, .t = t };

	controller_find(c->engine, forget_leftover, &s);
}

/* Our entry, as the heir's. */
static struct node *entry_for(const struct channel *heir,
			      const struct node *ours, struct arena *arena)
{
	struct node *entry = node_copy(arena, ours);

	node_set(arena, entry, "manager", node_str(arena, heir->manager));
	return entry;
}

struct node *release_patch(const struct channel *c, const struct channel *heir,
			   const struct node *object, struct arena *arena)
{
	const struct node *ours = managed_entry(object, c->manager);
	struct node *entry = heir ? entry_for(heir, ours, arena) : NULL;
	struct node *patch, *label = node_map(arena), *list;

	/* it has an entry already, as the rest of a time before */
	if (heir && managed_entry(object, heir->manager))
		entry = NULL;
	patch = adopt_replace(object, ours, entry, arena);
	if (!patch)
		return NULL;
	/* to the API server an empty list means nothing, an empty entry that
	 * nobody owns anything */
	list = node_get(patch->items[patch->n - 1], "value");
	if (!list->n)
		node_append(arena, list, node_map(arena));
	/* the heir's own apply brings its label: one that is set here would
	 * belong to our Update for ever */
	node_set(arena, label, "op", node_str(arena, "remove"));
	node_set(arena, label, "path", node_str(arena, LABEL_POINTER));
	node_append(arena, patch, label);
	return patch;
}
