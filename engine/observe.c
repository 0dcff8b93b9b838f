/*
 * Who sees what moves: one metadata watch for each kind in use, whatever the
 * number of channels and objects, selected by the label that every managed
 * object bears (DESIGN.md 4.1, 4.4). An event finds its channel by the
 * label's value and its object by identity; all judging is repair.c's.
 *
 * Trusts the API server's identities.
 */
#include "config.h"
#include "engine/channel.h"

#include <stdlib.h>
#include <string.h>

#include "engine/watch.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/render.h"

/* a watch that can wait for the end of a first rollout waits no longer */
#define PUT_OFF_MS 30000

/* One list+watch: of the cluster, or of one namespace. */
struct observed_part {
	struct kind_watch *of;
	char *namespace;		/* "": the whole cluster */
	struct watch *watch;
	struct observed_part *next;
};

struct kind_watch {
	struct observe *observe;
	struct kind *kind;
	struct observed_part *parts;
	bool by_namespace;		/* the whole cluster was forbidden */
	bool put_off;			/* not begun: the timer runs */
	struct timer begin;
	uint32_t users;
};

struct observe {
	struct engine *engine;
};

int observe_new(struct engine *e, struct observe **ret, struct err *err)
{
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->engine = e;
	return 0;
}

/* ---- events ---- */

static const char *text_at(const struct node *object, const char *field)
{
	const char *s = node_path_str(object, "metadata", field, NULL);

	return s ? s : "";
}

static struct tracked *find_object(const struct observed_part *part,
				   const struct node *object,
				   struct channel **ret_channel)
{
	const char *label = node_path_str(object, "metadata", "labels",
					  APPLYSET_PART_OF, NULL);
	struct engine *e = part->of->observe->engine;
	struct channel *c = label ? controller_by_applyset(e, label) : NULL;

	*ret_channel = c;
	return c ? inventory_find(&c->inventory, part->of->kind,
				  text_at(object, "namespace"),
				  text_at(object, "name")) : NULL;
}

static void on_event(void *arg, enum watch_event what, struct node *object)
{
	struct observed_part *part = arg;
	struct channel *c;
	struct tracked *t = find_object(part, object, &c);

	if (!t) {
		if (c)
			channel_untracked(c, part->of->kind,
					  what == WATCH_DELETED ?
					  OBSERVED_GONE : OBSERVED_SET, object);
		return;
	}
	if (what == WATCH_DELETED) {
		t->flags &= ~TRACKED_NAMED;
		repair_event(c, t, OBSERVED_GONE, object);
		return;
	}
	t->flags |= TRACKED_NAMED;
	repair_event(c, t, OBSERVED_SET, object);
}

static bool part_covers(const struct observed_part *part,
			const struct tracked *t)
{
	return t->kind == part->of->kind &&
	       (!*part->namespace || !strcmp(part->namespace, t->namespace));
}

static void on_begin(void *arg)
{
	struct observed_part *part = arg;
	struct engine *e = part->of->observe->engine;

	for (struct channel *c = controller_next(e, NULL); c;
	     c = controller_next(e, c))
		for (struct tracked *t = c->inventory.first; t; t = t->next)
			if (part_covers(part, t))
				t->flags &= ~TRACKED_NAMED;
}

/* What was live and was not named again went away while nobody looked. */
static void on_synced(void *arg)
{
	struct observed_part *part = arg;
	struct engine *e = part->of->observe->engine;

	for (struct channel *c = controller_next(e, NULL); c;
	     c = controller_next(e, c)) {
		struct tracked *t = c->inventory.first, *next;

		for (; t; t = next) {
			next = t->next;
			if (part_covers(part, t) &&
			    !tracked_is(t, TRACKED_NAMED) &&
			    (t->state == TRACKED_APPLIED ||
			     t->state == TRACKED_DELETING))
				repair_event(c, t, OBSERVED_GONE, NULL);
		}
	}
}

/* ---- watches ---- */

static void part_add(struct kind_watch *w, const char *namespace);

static void part_free(struct observed_part *part)
{
	watch_free(part->watch);
	free(part->namespace);
	free(part);
}

static void parts_clear(struct kind_watch *w)
{
	while (w->parts) {
		struct observed_part *part = w->parts;

		w->parts = part->next;
		part_free(part);
	}
}

/* One watch for each namespace in which a channel has an object of this
 * kind. */
static void add_namespaces(struct kind_watch *w)
{
	struct engine *e = w->observe->engine;

	for (struct channel *c = controller_next(e, NULL); c;
	     c = controller_next(e, c))
		for (struct tracked *t = c->inventory.first; t; t = t->next)
			if (t->kind == w->kind)
				observe_cover(c, t);
}

/* The engine's account may not watch the whole cluster. */
static void fall_back(struct kind_watch *w)
{
	log_warn("watch-by-namespace", LOG_S("group", w->kind->group),
		 LOG_S("kind", w->kind->name));
	w->by_namespace = true;
	parts_clear(w);
	add_namespaces(w);
}

static void on_error(void *arg, const struct err *err,
		     const struct kube_status *status, int64_t retry_ms)
{
	struct observed_part *part = arg;
	struct kind_watch *w = part->of;

	log_warn("watch-failed", LOG_S("group", w->kind->group),
		 LOG_S("kind", w->kind->name),
		 LOG_S("namespace", part->namespace), LOG_S("error", err->msg),
		 LOG_N("retry_ms", retry_ms));
	if (!status)
		return;
	if (status->why == KUBE_NO_RESOURCE)
		kinds_refresh(&w->observe->engine->kinds);
	if (status->why == KUBE_FORBIDDEN && w->kind->namespaced &&
	    !w->by_namespace)
		fall_back(w);
}

static void part_add(struct kind_watch *w, const char *namespace)
{
	struct observed_part *part = xcalloc(1, sizeof(*part));
	struct err err = ERR_INIT;
	const struct watch_options o = {
		.target = {
			.group = w->kind->group,
			.version = w->kind->version,
			.plural = w->kind->plural,
			.namespace = namespace,
		},
		.label_selector = APPLYSET_PART_OF,
		.metadata_only = true,
		.on_begin = on_begin,
		.on_event = on_event,
		.on_synced = on_synced,
		.on_error = on_error,
		.arg = part,
	};

	part->of = w;
	part->namespace = xstrdup(namespace);
	part->next = w->parts;
	w->parts = part;
	/* what cannot even be begun is a wrong URL: told, and found again by
	 * the slow comparison */
	if (watch_new(w->observe->engine->kube, &o, &part->watch, &err) < 0)
		log_error("watch-failed", LOG_S("kind", w->kind->name),
			  LOG_S("error", err.msg));
}

static void begin(struct kind_watch *w)
{
	if (!w->put_off)
		return;
	w->put_off = false;
	timer_stop(&w->begin);
	part_add(w, "");
}

static void on_begin_due(void *arg)
{
	begin(arg);
}

/*
 * While all that there is of a kind is being made by us, each event says what
 * the answer to the apply has said already, and costs the API server a
 * twentieth of the apply. What others do meanwhile shows in the list that the
 * watch begins with. Where health is waited for, events are news.
 */
static bool can_wait(const struct channel *c, const struct kind *k)
{
	return !c->status.applied.bundle[0] && !k->has_health;
}

void observe_use(struct channel *c, struct kind *k)
{
	struct kind_watch *w = k->watch;

	if (!w) {
		w = k->watch = xcalloc(1, sizeof(*w));
		w->observe = c->engine->observe;
		w->kind = k;
		w->put_off = true;
		timer_init(&w->begin, c->engine->loop, on_begin_due, w);
		timer_set(&w->begin, PUT_OFF_MS);
	}
	w->users++;
	if (!can_wait(c, k))
		begin(w);
}

/* Its version is not served any more, say: from there no watch comes back. */
void observe_moved(struct kind *k)
{
	struct kind_watch *w = k->watch;

	if (!w || w->put_off)
		return;
	log_info("watch-moved", LOG_S("group", k->group),
		 LOG_S("kind", k->name), LOG_S("version", k->version));
	parts_clear(w);
	if (w->by_namespace)
		add_namespaces(w);
	else
		part_add(w, "");
}

void observe_begin(struct kind *k)
{
	if (k->watch)
		begin(k->watch);
}

void observe_drop(struct channel *c, struct kind *k)
{
	struct kind_watch *w = k->watch;

	if (!w || --w->users)
		return;
	timer_stop(&w->begin);
	parts_clear(w);
	free(w);
	k->watch = NULL;
}

void observe_cover(struct channel *c, const struct tracked *t)
{
	struct kind_watch *w = t->kind->watch;

	if (!w || !w->by_namespace)
		return;
	for (struct observed_part *part = w->parts; part; part = part->next)
		if (part_covers(part, t))
			return;
	part_add(w, t->namespace);
}

void observe_free(struct observe *o)
{
	/* watches end with their last channel's observe_drop */
	free(o);
}
