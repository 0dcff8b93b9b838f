/*
 * Leftovers: live objects with our label and our managedFields entry that
 * the bundle does not name and that nothing allows us to delete (an epoch
 * was crossed, the applied bundle cannot be had, spec.prune is false). They
 * are listed until somebody deletes them, a bundle names them again, or an
 * admin confirms how many there are.
 */
#include "config.h"
#include "engine/channel-private.h"

#include <stdlib.h>
#include <string.h>

#include "engine/managed.h"
#include "engine/prune.h"
#include "engine/wave.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/limits.h"

/* more are not kept; the list says that there are more */
#define LEFTOVERS_MAX 10000

struct leftover {
	struct kind *kind;
	char *namespace, *name;
};

static void leftover_free(void *arg)
{
	struct leftover *l = arg;

	if (!l)
		return;
	free(l->namespace);
	free(l->name);
	free(l);
}

static void describe(const struct kind *k, const char *namespace,
		     const char *name, struct buf *out)
{
	struct object_id id = {
		.group = k->group, .version = "", .kind = k->name,
		.namespace = namespace, .name = name,
	};

	object_describe(&id, out);
}

/* True if it was not there, and there was room. */
static bool add(struct map *m, struct kind *k, const char *namespace,
		const char *name, const char *key)
{
	struct leftover *l;

	if (m->count >= LEFTOVERS_MAX || map_get(m, key))
		return false;
	l = xcalloc(1, sizeof(*l));
	l->kind = k;
	l->namespace = xstrdup(namespace);
	l->name = xstrdup(name);
	map_put(m, key, l);
	return true;
}

void channel_leave(struct channel *c, struct kind *k, const char *namespace,
		   const char *name)
{
	struct buf key = BUF_INIT(LIMIT_PATH_BYTES);

	describe(k, namespace, name, &key);
	if (add(&c->private->leftovers, k, namespace, name, key.data)) {
		log_info("leftover", LOG_S("channel", c->name),
			 LOG_S("object", key.data));
		settle_touch(c);
	}
	buf_release(&key);
}

static void forget(struct channel *c, const struct kind *k,
		   const char *namespace, const char *name)
{
	struct channel_private *p = c->private;
	struct buf key = BUF_INIT(LIMIT_PATH_BYTES);

	if (!p->leftovers.count && !p->unjudged.count)
		return;
	describe(k, namespace, name, &key);
	leftover_free(map_del(&p->leftovers, key.data));
	leftover_free(map_del(&p->unjudged, key.data));
	buf_release(&key);
	settle_touch(c);
}

/* Nothing tells of it again, unless it changes. */
static void judge_later(struct channel *c, struct kind *k,
			const char *namespace, const char *name)
{
	struct buf key = BUF_INIT(LIMIT_PATH_BYTES);

	describe(k, namespace, name, &key);
	add(&c->private->unjudged, k, namespace, name, key.data);
	buf_release(&key);
}

void leftovers_judge(struct channel *c)
{
	struct channel_private *p = c->private;

	for (map_each(&p->unjudged, e)) {
		const struct leftover *l = e->value;

		if (!inventory_find(&c->inventory, l->kind, l->namespace,
				    l->name))
			channel_leave(c, l->kind, l->namespace, l->name);
	}
	map_release(&p->unjudged, leftover_free);
	p->unjudged = (struct map)MAP_INIT;
}

void channel_leave_not(struct channel *c, const struct tracked *t)
{
	forget(c, t->kind, t->namespace, t->name);
}

void channel_untracked(struct channel *c, struct kind *k, enum observed what,
		       const struct node *object)
{
	const char *ns = node_path_str(object, "metadata", "namespace", NULL);
	const char *name = node_path_str(object, "metadata", "name", NULL);

	if (!name)
		return;
	if (what == OBSERVED_GONE) {
		forget(c, k, ns ? ns : "", name);
		return;
	}
	/* a label without our entry was copied by a controller */
	if (!managed_entry(object, c->manager) ||
	    node_path_str(object, "metadata", "deletionTimestamp", NULL))
		return;
	/* before a bundle was read nothing can be said to be left over */
	if (intake_is_done(c))
		channel_leave(c, k, ns ? ns : "", name);
	else
		judge_later(c, k, ns ? ns : "", name);
}

void leftovers_release(struct channel *c)
{
	struct channel_private *p = c->private;

	map_release(&p->leftovers, leftover_free);
	map_release(&p->unjudged, leftover_free);
	p->leftovers = p->unjudged = (struct map)MAP_INIT;
}

static void let_go(struct channel *c, const struct leftover *l)
{
	struct tracked *t = inventory_find(&c->inventory, l->kind,
					   l->namespace, l->name);

	if (t)
		return;
	t = inventory_add(&c->inventory, l->kind, l->namespace, l->name);
	channel_use_kind(c, l->kind);
	t->order = wave_order(0, wave_stage(l->kind->group, l->kind->name));
	t->state = TRACKED_DELETING;
	t->flags |= TRACKED_CONFIRMED;
}

void leftovers_confirmed(struct channel *c)
{
	struct channel_private *p = c->private;
	const char *text = parent_annotation(p->parent,
					     PRUNE_LEFTOVERS_ANNOTATION);
	uint64_t n;

	if (!text || !c->prune || !intake_is_done(c) || !p->leftovers.count)
		return;
	parent_drop_annotation(p->parent, PRUNE_LEFTOVERS_ANNOTATION);
	if (!c->spec.prune) {
		event_post(c, EVENT_WARNING, "LeftoversNotConfirmed",
			   "spec.prune is false: nothing is deleted");
		return;
	}
	if (parse_u64(text, 1, LEFTOVERS_MAX, &n) < 0 ||
	    n != p->leftovers.count) {
		event_post(c, EVENT_WARNING, "LeftoversNotConfirmed",
			   "%s is \"%s\", but there are %zu leftovers",
			   PRUNE_LEFTOVERS_ANNOTATION, text,
			   p->leftovers.count);
		return;
	}
	log_warn("leftovers-confirmed", LOG_S("channel", c->name),
		 LOG_N("count", n));
	for (map_each(&p->leftovers, e))
		let_go(c, e->value);
	leftovers_release(c);
	p->letting_go = true;
	prune_begin(c);
	settle_touch(c);
}
