/*
 * Watching definitions. See definitions.h. One metadata watch, with the
 * engine's own account; where that may not have it, the slow comparison finds
 * what differs, hours later.
 */
#include "config.h"
#include "engine/definitions.h"

#include <stdlib.h>
#include <string.h>

#include "engine/repair.h"
#include "engine/watch.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"

/* until the API server serves a new schema, mostly */
#define SETTLE_MS 1500

struct definitions {
	struct engine *engine;
	struct watch *watch;
	struct timer due;
	bool told;			/* that it cannot be watched */
};

static void apply_again(struct channel *c, struct tracked *t)
{
	if (drift_mode(c, t) == WISH_DRIFT_CORRECT)
		apply_object(c, t, APPLY_SCHEMA);
	else if (t->state == TRACKED_APPLIED)
		repair_suspect(c, t);
}

static bool all_of(struct channel *c, void *arg)
{
	for (struct tracked *t = c->inventory.first; t; t = t->next)
		if (t->kind->crd_moved)
			apply_again(c, t);
	return false;
}

static void on_due(void *arg)
{
	struct definitions *d = arg;

	controller_find(d->engine, all_of, NULL);
	for (map_each(&d->engine->kinds.by_name, e))
		((struct kind *)e->value)->crd_moved = false;
}

/* The kind of a definition "<plural>.<group>", if anybody uses it. */
static struct kind *kind_of(struct definitions *d, const char *name)
{
	const char *dot = strchr(name, '.');
	char *plural;
	struct kind *k;

	if (!dot)
		return NULL;
	plural = xstrndup(name, (size_t)(dot - name));
	k = kinds_by_plural(&d->engine->kinds, dot + 1, plural);
	free(plural);
	return k;
}

static void on_event(void *arg, enum watch_event what, struct node *object)
{
	struct definitions *d = arg;
	const char *name = node_path_str(object, "metadata", "name", NULL);
	int64_t generation = node_path_int(object, 0, "metadata",
					   "generation", NULL);
	struct kind *k = name ? kind_of(d, name) : NULL;

	if (!k) {
		/* perhaps of one that somebody waits for */
		if (what == WATCH_ADDED)
			kinds_missing(&d->engine->kinds);
		return;
	}
	if (what == WATCH_DELETED)
		/* another one of that name is news, whatever its generation */
		k->crd_watched = k->crd_watched ? -1 : 0;
	if (what == WATCH_DELETED || k->crd_watched == generation)
		return;
	/* its watch was refused for as long as there was none */
	if (k->crd_watched < 0)
		observe_moved(k);
	if (k->crd_watched && k->objects) {
		k->crd_moved = true;
		k->schema_changed = loop_now(d->engine->loop);
		log_info("schema-changed", LOG_S("definition", name),
			 LOG_N("generation", generation));
		timer_set(&d->due, SETTLE_MS);
	}
	k->crd_watched = generation;
}

static void on_error(void *arg, const struct err *err,
		     const struct kube_status *status, int64_t retry_ms)
{
	struct definitions *d = arg;

	if (!d->told)
		log_warn("definitions-not-watched", LOG_S("error", err->msg));
	d->told = true;
}

static void on_mark(void *arg)
{
}

static void on_synced(void *arg)
{
	((struct definitions *)arg)->told = false;
}

void definitions_use(struct definitions *d)
{
	const struct watch_options o = {
		.target = {
			.group = "apiextensions.k8s.io", .version = "v1",
			.plural = "customresourcedefinitions",
		},
		.metadata_only = true, .on_begin = on_mark,
		.on_event = on_event, .on_synced = on_synced,
		.on_error = on_error, .arg = d,
	};
	struct err err = ERR_INIT;

	if (!d->watch && watch_new(d->engine->kube, &o, &d->watch, &err) < 0)
		log_error("definitions-not-watched", LOG_S("error", err.msg));
}

struct definitions *definitions_new(struct engine *e)
{
	struct definitions *d = xcalloc(1, sizeof(*d));

	d->engine = e;
	timer_init(&d->due, e->loop, on_due, d);
	return d;
}

void definitions_free(struct definitions *d)
{
	if (!d)
		return;
	watch_free(d->watch);
	timer_stop(&d->due);
	free(d);
}
