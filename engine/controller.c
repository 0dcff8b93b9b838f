/*
 * The set of channels. See controller.h. A Channel with a fault in its spec
 * is a channel too: it has a name, a status that says what is wrong, and
 * leaves its objects as they are.
 */
#include "config.h"
#include "engine/controller.h"

#include <stdlib.h>
#include <string.h>

#include "engine/machine.h"
#include "engine/watch.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"

struct controller {
	struct controller_options o;
	struct watch *watch;
	struct map channels;		/* by name */
	struct channel *first, *last;
	struct map applysets;		/* by the value of the part-of label */
	bool synced;			/* once */
	bool current;			/* nothing of it is from before
					   controller_look_again */
};

static struct channel *find(const struct controller *ctl, const char *name)
{
	return map_get(&ctl->channels, name);
}

static void link_channel(struct controller *ctl, struct channel *c)
{
	c->prev = ctl->last;
	if (ctl->last)
		ctl->last->next = c;
	else
		ctl->first = c;
	ctl->last = c;
}

static void unlink_channel(struct controller *ctl, struct channel *c)
{
	if (c->next)
		c->next->prev = c->prev;
	else
		ctl->last = c->prev;
	if (c->prev)
		c->prev->next = c->next;
	else
		ctl->first = c->next;
}

static void drop(struct controller *ctl, struct channel *c)
{
	unlink_channel(ctl, c);
	map_del(&ctl->channels, c->name);
	map_del(&ctl->applysets, c->applyset);
	machine_free(c);
}

/* ---- the watch ---- */

static void on_begin(void *arg)
{
	struct controller *ctl = arg;

	for (map_each(&ctl->channels, e))
		((struct channel *)e->value)->listed = false;
}

static void put(struct controller *ctl, const struct node *object)
{
	struct engine *e = ctl->o.engine;
	const char *name = node_path_str(object, "metadata", "name", NULL);
	const char *uid = node_path_str(object, "metadata", "uid", NULL);
	struct channel *c = name ? find(ctl, name) : NULL;

	if (!name || !uid)
		return;
	/* deleted and made again between two events: another channel */
	if (c && strcmp(c->uid, uid)) {
		drop(ctl, c);
		c = NULL;
	}
	if (!c) {
		c = machine_new(e, name, uid);
		link_channel(ctl, c);
		map_put(&ctl->channels, name, c);
		map_put(&ctl->applysets, c->applyset, c);
		log_info("channel-found", LOG_S("channel", name));
	}
	c->listed = true;
	machine_update(c, object);
}

static void on_event(void *arg, enum watch_event what, struct node *object)
{
	struct controller *ctl = arg;
	const char *name = node_path_str(object, "metadata", "name", NULL);
	struct channel *c = name ? find(ctl, name) : NULL;

	if (what != WATCH_DELETED) {
		put(ctl, object);
	} else if (c) {
		machine_gone(c);
		drop(ctl, c);
	}
}

static void on_synced(void *arg)
{
	struct controller *ctl = arg;
	bool news = !ctl->current;

	for (map_each(&ctl->channels, e)) {
		struct channel *c = e->value;

		if (c->listed)
			continue;
		machine_gone(c);
		drop(ctl, c);
	}
	ctl->synced = ctl->current = true;
	if (news)
		ctl->o.on_synced(ctl->o.arg);
}

static void on_error(void *arg, const struct err *err,
		     const struct kube_status *status, int64_t retry_ms)
{
	const char *hint = status && status->why == KUBE_NO_RESOURCE ?
			   "is the CRD of Channels installed? (windlass "
			   "install)" : "";

	log_warn("channels-watch-failed", LOG_S("error", err->msg),
		 LOG_S("hint", hint), LOG_N("retry_ms", retry_ms));
}

/* ---- kinds ---- */

static void on_kinds(void *arg)
{
	struct controller *ctl = arg;

	for (map_each(&ctl->o.engine->kinds.by_name, e)) {
		struct kind *k = e->value;

		if (k->moved)
			observe_moved(k);
	}
	for (map_each(&ctl->channels, e))
		machine_kinds_changed(e->value);
}

/* ---- life ---- */

static int start_watch(struct controller *ctl, struct err *err)
{
	struct watch_options w = {
		.target = {
			.group = "windlass.dev", .version = "v1alpha1",
			.plural = "channels",
		},
		.on_begin = on_begin, .on_event = on_event,
		.on_synced = on_synced, .on_error = on_error, .arg = ctl,
	};

	return watch_new(ctl->o.engine->kube, &w, &ctl->watch, err);
}

int controller_new(const struct controller_options *o,
		   struct controller **ret, struct err *err)
{
	struct controller *ctl = xcalloc(1, sizeof(*ctl));

	ctl->o = *o;
	o->engine->controller = ctl;
	o->engine->kinds.on_change = on_kinds;
	o->engine->kinds.arg = ctl;
	if (start_watch(ctl, err) < 0) {
		controller_free(ctl);
		return -1;
	}
	*ret = ctl;
	return 0;
}

void controller_free(struct controller *ctl)
{
	if (!ctl)
		return;
	watch_free(ctl->watch);
	while (ctl->first)
		drop(ctl, ctl->first);
	map_release(&ctl->channels, NULL);
	map_release(&ctl->applysets, NULL);
	ctl->o.engine->kinds.on_change = NULL;
	ctl->o.engine->controller = NULL;
	free(ctl);
}

void controller_lead(struct controller *ctl, bool lead)
{
	ctl->o.engine->leading = lead;
	for (map_each(&ctl->channels, e))
		machine_lead(e->value);
}

void controller_reporter_changed(struct controller *ctl)
{
	for (map_each(&ctl->channels, e))
		machine_reporter_changed(e->value);
}

int controller_look_again(struct controller *ctl, struct err *err)
{
	watch_free(ctl->watch);
	ctl->watch = NULL;
	ctl->current = false;
	return start_watch(ctl, err);
}

bool controller_current(const struct controller *ctl)
{
	return ctl->current;
}

bool controller_synced(const struct controller *ctl)
{
	return ctl->synced;
}

size_t controller_count(const struct controller *ctl)
{
	return ctl->channels.count;
}

struct channel *controller_by_applyset(struct engine *e, const char *label)
{
	return e->controller ? map_get(&e->controller->applysets, label) :
	       NULL;
}

struct channel *controller_get(struct engine *e, const char *name)
{
	return e->controller ? find(e->controller, name) : NULL;
}

struct channel *controller_find(struct engine *e,
				bool (*fn)(struct channel *c, void *arg),
				void *arg)
{
	if (!e->controller)
		return NULL;
	for (map_each(&e->controller->channels, entry))
		if (fn(entry->value, arg))
			return entry->value;
	return NULL;
}

struct channel *controller_next(struct engine *e, const struct channel *c)
{
	if (c)
		return c->next;
	return e->controller ? e->controller->first : NULL;
}
