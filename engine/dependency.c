/*
 * What config.kubernetes.io/depends-on names. See dependency.h. The annotation
 * is a stranger's: an item that makes no sense names nothing. Each object that
 * waits does so for the first of its dependencies that is not settled, so to
 * see whether it waits for itself it is enough to follow that one, and that
 * one's, a bounded number of times.
 */
#include "config.h"
#include "engine/dependency.h"

#include <string.h>

#include "engine/channel.h"
#include "schema/depends.h"

#define CYCLE "DependencyCycle"
#define MISSING "DependencyMissing"
#define FAILED "DependencyFailed"
/* a longer way round is not looked for: its objects only wait */
#define CYCLE_MAX 64
#define CYCLE_NAMED 10

bool tracked_is_settled(const struct tracked *t)
{
	return t->state == TRACKED_APPLIED &&
	       !tracked_is(t, TRACKED_TERMINATING) &&
	       (t->health == HEALTH_HEALTHY || t->health == HEALTH_SUSPENDED);
}

/* The object, or NULL. */
static struct tracked *find(struct channel *c, const struct depends_item *item)
{
	const struct object_id *id = &item->id;

	if (!item->good)
		return NULL;
	return inventory_find(&c->inventory,
			      kinds_get(&c->engine->kinds, id->group, id->kind),
			      id->namespace, id->name);
}

bool dependency_first(struct channel *c, const struct tracked *t,
		      struct dependency *ret)
{
	const char *at = t->depends;
	struct depends_item item;

	while (at && depends_next(&at, &item)) {
		*ret = (struct dependency){
			.item = item.text, .len = item.len,
			.on = find(c, &item),
		};
		if (!ret->on || !tracked_is_settled(ret->on))
			return true;
	}
	return false;
}

/* Does it wait for what is applied only after itself? */
static bool waits(const struct tracked *t)
{
	return t->depends && (t->state == TRACKED_QUEUED ||
			      dependency_failed(t));
}

static void say_cycle(struct channel *c, struct tracked *t)
{
	struct buf text = BUF_INIT(4096);
	const struct tracked *at = t;
	struct dependency d;
	unsigned n = 0;

	do {
		if (n++ < CYCLE_NAMED) {
			buf_adds(&text, " > ");
			tracked_describe(at, &text);
		}
		dependency_first(c, at, &d);
		at = d.on;
	} while (at != t);
	if (n > CYCLE_NAMED)
		buf_addf(&text, " > %u more", n - CYCLE_NAMED);
	buf_adds(&text, " > ");
	tracked_describe(t, &text);
	tracked_note(t, CYCLE, "by depends-on it waits for itself: %s",
		     text.data + strlen(" > "));
	buf_release(&text);
}

/* By what it waits for does it come back to t? */
static bool goes_round(struct channel *c, const struct tracked *t,
		       unsigned *steps)
{
	const struct tracked *at = t;
	struct dependency d;

	for (unsigned n = 0; n < CYCLE_MAX && *steps; n++, --*steps) {
		if (!waits(at) || !dependency_first(c, at, &d) || !d.on)
			return false;
		if (d.on == t)
			return true;
		at = d.on;
	}
	return false;
}

bool dependency_never(struct channel *c, struct tracked *t, unsigned *steps)
{
	struct dependency d;

	if (!waits(t) || !dependency_first(c, t, &d))
		return false;
	if (!d.on || d.on->state == TRACKED_DELETING)
		tracked_note(t, MISSING, "it depends on %.*s, which this "
			     "channel has not", (int)d.len, d.item);
	else if (goes_round(c, t, steps))
		say_cycle(c, t);
	else if (dependency_failed(d.on))
		tracked_note(t, FAILED, "it depends on %.*s, which cannot be "
			     "applied", (int)d.len, d.item);
	else
		return false;
	return true;
}

bool dependency_failed(const struct tracked *t)
{
	return t->state == TRACKED_FAILED && t->note &&
	       (!strcmp(t->note->reason, CYCLE) ||
		!strcmp(t->note->reason, MISSING) ||
		!strcmp(t->note->reason, FAILED));
}
