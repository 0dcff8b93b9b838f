/*
 * Order. See rollout.h. What waits is looked at again only when something
 * moved. What can never go, by what depends-on says, fails as soon as nothing
 * else is on its way: the rollout goes on without it.
 */
#include "config.h"
#include "engine/rollout.h"

#include <stdlib.h>
#include <string.h>

#include "engine/channel.h"
#include "engine/dependency.h"
#include "engine/wave.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/wishes.h"

/* failed tries after which nothing waits for a CRD any more */
#define CRD_TRIES 5
/* dependencies that are followed in one look for those that never come */
#define DEAD_END_STEPS 20000

void rollout_init(struct rollout *r, struct channel *c)
{
	*r = (struct rollout){ .channel = c };
}

void rollout_release(struct rollout *r)
{
	for (size_t i = 0; i < r->n; i++)
		tracked_put(r->v[i]);
	free(r->v);
	free(r->blocked);
	free(r->ready);
	rollout_init(r, r->channel);
}

static int by_order(const void *a, const void *b)
{
	const struct tracked *x = *(struct tracked *const *)a;
	const struct tracked *y = *(struct tracked *const *)b;
	int c;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	/* by namespace, so that one that is slow or broken is together */
	c = strcmp(x->namespace, y->namespace);
	if (!c)
		c = strcmp(x->kind->name, y->kind->name);
	return c ? c : strcmp(x->name, y->name);
}

static bool is_wanted(const struct tracked *t)
{
	return t->state == TRACKED_QUEUED ||
	       (t->state == TRACKED_APPLYING && tracked_is(t, TRACKED_CHANGED));
}

void rollout_begin(struct rollout *r)
{
	struct inventory *inv = &r->channel->inventory;
	unsigned running = r->running;
	size_t n = 0;

	for (struct tracked *t = inv->first; t; t = t->next) {
		/* another bundle may have what it depends on */
		if (dependency_failed(t)) {
			t->state = TRACKED_QUEUED;
			tracked_clear_note(t);
		}
		n += is_wanted(t);
	}
	rollout_release(r);
	/* tries of before still end with rollout_tried */
	r->running = running;
	r->began = loop_now(r->channel->engine->loop);
	if (!n)
		return;
	r->v = xcalloc(n, sizeof(struct tracked *));
	r->blocked = xcalloc(n, sizeof(struct tracked *));
	r->ready = xcalloc(n, sizeof(struct tracked *));
	for (struct tracked *t = inv->first; t; t = t->next) {
		if (!is_wanted(t))
			continue;
		r->v[r->n++] = tracked_hold(t);
		r->depends = r->depends || t->depends;
	}
	qsort(r->v, r->n, sizeof(struct tracked *), by_order);
}

/* ---- what an object waits for ---- */

/* Is it still on its way to be established? */
static bool crd_pends(const struct tracked *crd)
{
	switch ((enum tracked_state)crd->state) {
	case TRACKED_QUEUED:
	case TRACKED_APPLYING:
		return true;
	case TRACKED_WAITING:
		return crd->tries < CRD_TRIES;
	case TRACKED_APPLIED:
		return crd->health == HEALTH_UNKNOWN ||
		       crd->health == HEALTH_PROGRESSING;
	default:
		return false;
	}
}

static const struct tracked *pending_crd(struct rollout *r,
					 const struct kind *k)
{
	struct inventory *inv = &r->channel->inventory;
	struct kind *crds = kinds_get(&r->channel->engine->kinds,
				      "apiextensions.k8s.io",
				      "CustomResourceDefinition");
	char name[2 * LIMIT_NAME_BYTES + 2];
	struct tracked *crd;

	if (!k->custom || !crds->objects)
		return NULL;
	if (k->resolved) {
		snprintf(name, sizeof(name), "%s.%s", k->plural, k->group);
		crd = inventory_find(inv, crds, "", name);
		return crd && crd_pends(crd) ? crd : NULL;
	}
	/* its plural is not known before its CRD was read: any of the group */
	for (crd = inv->first; crd; crd = crd->next) {
		const char *dot = strchr(crd->name, '.');

		if (crd->kind == crds && dot && !strcmp(dot + 1, k->group) &&
		    crd->state != TRACKED_APPLIED && crd_pends(crd))
			return crd;
	}
	return NULL;
}

/* The first dependency that is not there yet. */
static bool waits_for_dependency(struct rollout *r, const struct tracked *t,
				 struct buf *why)
{
	struct dependency d;

	if (!dependency_first(r->channel, t, &d))
		return false;
	if (why)
		buf_addf(why, d.on ? "%.*s" : "%.*s, which this channel has not",
			 (int)d.len, d.item);
	return true;
}

/* False: it may go. `why`, if given, gets what it waits for. */
static bool is_blocked(struct rollout *r, const struct tracked *t,
		       struct buf *why)
{
	const struct tracked *crd;

	if (t->busy) {
		r->busy = true;
		if (why)
			buf_adds(why, "an earlier write of it");
		return true;
	}
	crd = pending_crd(r, t->kind);
	if (crd) {
		if (why)
			tracked_describe(crd, why);
		return true;
	}
	if (!t->kind->resolved &&
	    r->channel->engine->kinds.refreshed <= r->began) {
		kinds_refresh(&r->channel->engine->kinds);
		if (why)
			buf_addf(why, "kind %s.%s to be known", t->kind->name,
				 t->kind->group);
		return true;
	}
	return waits_for_dependency(r, t, why);
}

/* ---- groups ---- */

static int number_of(uint16_t order)
{
	return order / 8;
}

/* What stands between the group before and one with this number. */
static const struct tracked *unsettled_below(const struct rollout *r,
					     int number)
{
	const struct inventory *inv = &r->channel->inventory;

	for (struct tracked *t = inv->first; t; t = t->next)
		if (number_of(t->order) < number && !tracked_is_settled(t) &&
		    t->state != TRACKED_DELETING)
			return t;
	return NULL;
}

static bool may_cross(struct rollout *r)
{
	int next = number_of(r->v[r->end]->order);

	if (r->end && number_of(r->v[r->end - 1]->order) == next)
		return true;
	if (r->crossing && !r->recheck)
		return false;
	r->crossing = unsettled_below(r, next) != NULL;
	return !r->crossing;
}

/* Webhooks come when all that they might refuse was tried: also what waits
 * for its definition. */
static bool hooks_wait(struct rollout *r)
{
	if (r->v[r->end]->order % 8 != STAGE_HOOKS)
		return false;
	for (size_t i = 0; i < r->n_blocked; i++)
		if (is_wanted(r->blocked[i]) &&
		    pending_crd(r, r->blocked[i]->kind))
			return true;
	return false;
}

static void open_group(struct rollout *r)
{
	r->start = r->at = r->end;
	while (r->end < r->n && r->v[r->end]->order == r->v[r->start]->order)
		r->end++;
}

static void unblock(struct rollout *r)
{
	size_t kept = 0;

	r->busy = false;
	for (size_t i = 0; i < r->n_blocked; i++) {
		struct tracked *t = r->blocked[i];

		if (!is_wanted(t) || tracked_is(t, TRACKED_DEAD))
			continue;
		if (is_blocked(r, t, NULL))
			r->blocked[kept++] = t;
		else
			r->ready[r->n_ready++] = t;
	}
	r->n_blocked = kept;
}

/* The next of the group at hand, or of those before that waited. */
static struct tracked *next_of_group(struct rollout *r)
{
	while (r->n_ready) {
		struct tracked *t = r->ready[--r->n_ready];

		if (is_wanted(t) && !tracked_is(t, TRACKED_DEAD))
			return t;
	}
	while (r->at < r->end) {
		struct tracked *t = r->v[r->at++];

		if (!is_wanted(t) || tracked_is(t, TRACKED_DEAD))
			continue;
		if (!is_blocked(r, t, NULL))
			return t;
		r->blocked[r->n_blocked++] = t;
	}
	return NULL;
}

/* Fails those that wait for what never comes. True if there were any. */
static bool fail_dead_ends(struct rollout *r, unsigned *steps)
{
	size_t kept = 0, n = r->n_blocked;

	for (size_t i = 0; i < n; i++) {
		struct tracked *t = r->blocked[i];

		if (!is_wanted(t) || t->busy || tracked_is(t, TRACKED_DEAD) ||
		    !dependency_never(r->channel, t, steps)) {
			r->blocked[kept++] = t;
			continue;
		}
		t->state = TRACKED_FAILED;
		channel_object_changed(r->channel, t);
	}
	r->n_blocked = kept;
	return kept < n;
}

/* Nothing of it is on its way: what never comes need not be waited for. */
static void give_up(struct rollout *r)
{
	unsigned steps = DEAD_END_STEPS;

	if (!r->depends || r->running)
		return;
	while (fail_dead_ends(r, &steps))
		;
}

struct tracked *rollout_next(struct rollout *r)
{
	if (r->recheck)
		unblock(r);
	for (;;) {
		struct tracked *t = next_of_group(r);

		if (t) {
			r->running++;
			return t;
		}
		give_up(r);
		if (r->running || r->end == r->n || hooks_wait(r) ||
		    !may_cross(r)) {
			r->recheck = false;
			return NULL;
		}
		open_group(r);
	}
}

void rollout_tried(struct rollout *r)
{
	r->running--;
}

void rollout_moved(struct rollout *r, const struct tracked *t)
{
	/* most objects are waited for by nobody: do not look each time */
	if (!t || r->depends || r->crossing || r->busy ||
	    kind_is_crd(t->kind) || t->state == TRACKED_QUEUED)
		r->recheck = true;
}

bool rollout_done(const struct rollout *r)
{
	return !r->running && r->at == r->n && !r->n_blocked && !r->n_ready;
}

bool rollout_waits_for(struct rollout *r, struct buf *out)
{
	struct buf why = BUF_INIT(2000);
	const struct tracked *t;
	bool found = false;

	for (size_t i = 0; i < r->n_blocked && !found; i++) {
		t = r->blocked[i];
		if (tracked_is(t, TRACKED_DEAD) || !is_wanted(t) ||
		    !is_blocked(r, t, &why))
			continue;
		tracked_describe(t, out);
		buf_addf(out, " waits for %s", why.data);
		found = true;
	}
	buf_release(&why);
	if (found)
		return true;
	if (r->crossing && r->end < r->n) {
		t = unsettled_below(r, number_of(r->v[r->end]->order));
		if (!t)
			return false;
		buf_addf(out, "wave %d waits for ",
			 number_of(r->v[r->end]->order) + WAVE_MIN);
		tracked_describe(t, out);
		return true;
	}
	return false;
}
