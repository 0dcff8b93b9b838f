/*
 * Plans. See plan.h. Paths come from trees that were verified against a
 * publisher's signature; what a publisher may not have in this cluster is
 * refused here, object by object, before anything is accepted.
 */
#include "config.h"
#include "engine/plan.h"

#include <stdlib.h>
#include <string.h>

#include "engine/channel-private.h"
#include "engine/wave.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/depends.h"
#include "schema/json.h"
#include "schema/wishes.h"

/* items between two looks at the clock, and a slice of the loop's turn */
#define STEP 64
#define SLICE_MS 8

static void read_bodies(void *arg);

/* ---- the difference ---- */

/* The engine may run in another namespace than the usual one. */
static int is_not_ours(const struct engine *e, const struct object_id *id,
		       struct err *err)
{
	bool is_namespace = !*id->group && !strcmp(id->kind, "Namespace");

	if (strcmp(is_namespace ? id->name : id->namespace, e->namespace))
		return 0;
	return err_set(err, ERR_DENIED, "%s '%s' is in or is '%s', where "
		       "windlass itself runs; no channel may manage it",
		       id->kind, id->name, e->namespace);
}

static void vet(struct plan *p, const struct plan_item *item,
		struct arena *scratch)
{
	struct channel *c = p->channel;
	struct err err = ERR_INIT;
	struct object_id id;

	if (object_path_parse(item->path, scratch, &id, &err) == 0 &&
	    channel_spec_allows(&c->spec, c->name, &id, &err) == 0 &&
	    is_not_ours(c->engine, &id, &err) == 0)
		return;
	if (!p->n_refused++)
		p->refused = err;
}

static void on_items(void *arg, const struct source_item *items, size_t n)
{
	struct plan *p = arg;
	struct arena scratch = ARENA_INIT;

	for (size_t i = 0; i < n; i++) {
		struct plan_item *item;

		if (p->n == p->alloc) {
			p->alloc = p->alloc * 2 + 256;
			p->v = xreallocarray(p->v, p->alloc, sizeof(*p->v));
		}
		item = &p->v[p->n++];
		*item = (struct plan_item){
			.path = arena_strdup(&p->arena, items[i].path),
			.digest = items[i].digest,
			.op = (uint8_t)items[i].op,
			.ordered = items[i].ordered,
		};
		p->unordered |= p->n > 1 &&
				strcmp(item[-1].path, item->path) >= 0;
		p->created += item->op == SOURCE_CREATE;
		p->changed += item->op == SOURCE_CHANGE;
		p->deleted += item->op == SOURCE_DELETE;
		if (item->op != SOURCE_DELETE)
			vet(p, item, &scratch);
	}
	arena_release(&scratch);
}

static void finish(struct plan *p, const struct err *err)
{
	p->finished = true;
	p->done(p, err);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct plan_item *)a)->path,
		      ((const struct plan_item *)b)->path);
}

/* What is gone is told of each bundle between the two that had it: it is
 * deleted, and counted, once. */
static void put_in_order(struct plan *p)
{
	size_t n = 0;

	if (!p->unordered)
		return;
	qsort(p->v, p->n, sizeof(*p->v), by_path);
	for (size_t i = 0; i < p->n; i++) {
		if (n && !strcmp(p->v[n - 1].path, p->v[i].path))
			p->deleted -= p->v[i].op == SOURCE_DELETE;
		else
			p->v[n++] = p->v[i];
	}
	p->n = n;
}

static void on_diffed(void *arg, const struct err *err)
{
	struct plan *p = arg;

	p->request = NULL;
	if (err) {
		finish(p, err);
		return;
	}
	put_in_order(p);
	p->next = 0;
	loop_defer(p->channel->engine->loop, &p->work);
}

/* ---- what its author said about order, and drift ---- */

static void take_order(struct plan *p, struct plan_item *item,
		       const char *json, size_t len)
{
	struct arena scratch = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *root;
	const char *depends;
	int number;

	/* a body that makes no sense fails when it is applied, with its
	 * place in the source */
	if (json_read(json, len, &scratch, &root, &err) == 0) {
		if (wave_number(root, &number, &err) == 0)
			item->number = (int16_t)number;
		item->wish = (uint8_t)(wish_drift(root) & 3);
		item->ignores = wish_ignores(root);
		depends = node_path_str(root, "metadata", "annotations",
					DEPENDS_ON, NULL);
		if (depends)
			item->depends = arena_strdup(&p->arena, depends);
	}
	arena_release(&scratch);
}

static void on_body(void *arg, const char *body, size_t len,
		    const struct err *err)
{
	struct plan_reading *r = arg;
	struct plan *p = r->plan;

	if (!err)
		take_order(p, r->item, body, len);
	else if (p->failed.class == ERR_NONE)
		p->failed = *err;
	r->item = NULL;
	p->n_reading--;
	loop_defer(p->channel->engine->loop, &p->work);
}

static void read_one(struct plan *p, struct plan_item *item)
{
	struct plan_reading *r = p->reading;

	while (r->item)
		r++;
	r->plan = p;
	r->item = item;
	p->n_reading++;
	r->request = source_object(p->channel->source, p->to, item->path,
				   &item->digest, on_body, r);
}

static void read_bodies(void *arg)
{
	struct plan *p = arg;

	while (p->next < p->n && p->n_reading < PLAN_READING) {
		struct plan_item *item = &p->v[p->next++];

		if (item->ordered && item->op != SOURCE_DELETE)
			read_one(p, item);
	}
	if (p->next == p->n && !p->n_reading)
		finish(p, p->failed.class == ERR_NONE ? NULL : &p->failed);
}

struct plan *plan_read(struct channel *c, const char *from, const char *to,
		       void (*done)(struct plan *p, const struct err *err))
{
	struct plan *p = xcalloc(1, sizeof(*p));

	p->channel = c;
	snprintf(p->from, sizeof(p->from), "%s", from);
	snprintf(p->to, sizeof(p->to), "%s", to);
	p->done = done;
	work_init(&p->work, read_bodies, p);
	p->request = source_diff(c->source, from, to, on_items, on_diffed, p);
	return p;
}

/* ---- into the inventory ---- */

static void want(struct plan *p, struct tracked *t, bool is_new,
		 const struct plan_item *item)
{
	bool returns = t->state == TRACKED_DELETING;

	t->content = item->digest;
	t->order = wave_order(item->number, wave_stage(t->kind->group,
						       t->kind->name));
	free(t->depends);
	t->depends = item->depends ? xstrdup(item->depends) : NULL;
	t->wish = item->wish;
	t->ignores = item->ignores;
	if (p->use == PLAN_LOAD)
		return;
	t->flags |= TRACKED_CHANGED;
	/* it was held against the spec when the plan was read */
	t->flags &= (uint16_t)~(TRACKED_DELETED | TRACKED_UNENFORCEABLE |
				TRACKED_DENIED);
	if (is_new)
		t->flags |= TRACKED_NEW;
	t->tries = 0;
	tracked_clear_note(t);
	/* what was applied before the start is compared first */
	if (p->use == PLAN_FIRST)
		return;
	/* one that is on its way is written again after that; a DELETE that
	 * was sent is seen by the watch, as any other */
	if (t->state != TRACKED_APPLYING || returns)
		t->state = TRACKED_QUEUED;
}

/* The inventory has it as it is wanted; whether that was applied is not known
 * before it was compared. */
static void want_pending(struct tracked *t, const struct plan_item *item)
{
	/* the applied bundle may come late */
	if (t->state != TRACKED_UNSEEN)
		return;
	t->flags |= TRACKED_CHANGED;
	if (item->op == SOURCE_CREATE)
		t->flags |= TRACKED_NEW;
}

static void merge_wanted(struct plan *p, const struct plan_item *item,
			 const struct object_id *id)
{
	struct channel *c = p->channel;
	struct kind *k = kinds_get(&c->engine->kinds, id->group, id->kind);
	struct tracked *t = inventory_find(&c->inventory, k, id->namespace,
					   id->name);
	bool is_new = !t;

	if (p->use == PLAN_PENDING) {
		if (t)
			want_pending(t, item);
		return;
	}
	if (!t) {
		t = inventory_add(&c->inventory, k, id->namespace, id->name);
		channel_use_kind(c, k);
		channel_leave_not(c, t);
	}
	want(p, t, is_new, item);
}

static void merge_gone(struct plan *p, const struct object_id *id)
{
	struct channel *c = p->channel;
	struct kind *k = kinds_get(&c->engine->kinds, id->group, id->kind);
	struct tracked *t = inventory_find(&c->inventory, k, id->namespace,
					   id->name);

	if (!p->may_prune) {
		/* the next bundle does not go on from here: it would let
		 * through after a restart what is left now */
		c->status.accepted.counted_from = 0;
		/* one that was never made leaves nothing */
		if (!t || !tracked_is(t, TRACKED_NEW))
			channel_leave(c, k, id->namespace, id->name);
		if (t)
			channel_untrack(c, t);
		return;
	}
	if (!t) {
		t = inventory_add(&c->inventory, k, id->namespace, id->name);
		t->order = wave_order(0, wave_stage(k->group, k->name));
		channel_use_kind(c, k);
		channel_leave_not(c, t);
	}
	await_drop(c, t);
	tracked_clear_note(t);
	t->flags &= (uint16_t)~TRACKED_DENIED;
	t->tries = 0;
	t->retry_at = 0;
	t->state = TRACKED_DELETING;
}

static void merge_some(void *arg)
{
	struct plan *p = arg;
	struct arena scratch = ARENA_INIT;
	struct err err = ERR_INIT;
	int64_t until = clock_mono_ms() + SLICE_MS;
	size_t step = 0;

	while (p->next < p->n) {
		const struct plan_item *item = &p->v[p->next];
		struct object_id id;

		if (step++ == STEP) {
			step = 0;
			arena_reset(&scratch);
			if (clock_mono_ms() >= until)
				break;
		}
		p->next++;
		/* every path was parsed when the plan was read */
		if (object_path_parse(item->path, &scratch, &id, &err) < 0)
			continue;
		if (item->op == SOURCE_DELETE)
			merge_gone(p, &id);
		else
			merge_wanted(p, item, &id);
	}
	arena_release(&scratch);
	if (p->next < p->n)
		loop_defer(p->channel->engine->loop, &p->work);
	else
		finish(p, NULL);
}

void plan_merge(struct plan *p, enum plan_use use, bool may_prune,
		void (*done)(struct plan *p, const struct err *err))
{
	p->use = use;
	p->may_prune = may_prune;
	p->done = done;
	p->next = 0;
	p->finished = false;
	work_init(&p->work, merge_some, p);
	loop_defer(p->channel->engine->loop, &p->work);
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	loop_undefer(p->channel->engine->loop, &p->work);
	if (p->request)
		source_cancel(p->request);
	for (size_t i = 0; i < PLAN_READING; i++)
		if (p->reading[i].item)
			source_cancel(p->reading[i].request);
	arena_release(&p->arena);
	free(p->v);
	free(p);
}
