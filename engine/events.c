/*
 * Kubernetes Events on the Channel: what a person who runs `kubectl describe
 * channel` needs to read. The same Event again within a few minutes is
 * dropped, and no channel posts more than a few a minute: Events cost the
 * API server a write each. One that the API server is too busy for is tried
 * again a few times, under the same name, so that it is never there twice;
 * then it is given up and logged: losing one is harmless. Notes hold no secret:
 * they are made of names and messages that status shows too.
 */
#include "config.h"
#include "engine/channel.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/kube.h"
#include "schema/base/log.h"
#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/json.h"

/* the API server takes notes of up to 1 KiB */
#define NOTE_MAX 1024
#define BODY_MAX 16384
#define SAME_AGAIN_MS (5 * 60 * 1000)
#define BURST 30
/* of these for warnings alone: a row of bundles must not keep one from being
 * told, which is told but once */
#define FOR_WARNINGS 10
#define REFILL_MS 5000
/* tries of one Event, and the pause before the second, which doubles twice
 * and twice again */
#define TRIES 4
#define PAUSE_MS 1000
/* those of all channels that are on their way or wait for another try */
#define UNDERWAY 200
/* different texts that are remembered; then all are forgotten */
#define REMEMBERED 200

struct channel_events {
	struct map posted;		/* reason and note to int64_t * */
	int64_t tokens, refilled;
};

static struct channel_events *of_channel(struct channel *c)
{
	if (!c->events) {
		struct channel_events *ev = xcalloc(1, sizeof(*ev));

		ev->tokens = BURST;
		ev->refilled = loop_now(c->engine->loop);
		c->events = ev;
	}
	return c->events;
}

void events_stop(struct channel *c)
{
	struct channel_events *ev = c->events;

	if (!ev)
		return;
	map_release(&ev->posted, free);
	free(ev);
	c->events = NULL;
}

/* Worth posting: not the same as just before, and not too many. */
static bool admit(struct channel *c, enum event_type type,
		  const char *reason, const char *note)
{
	struct channel_events *ev = of_channel(c);
	int64_t now = loop_now(c->engine->loop);
	int64_t refill = (now - ev->refilled) / REFILL_MS;
	int64_t kept = type == EVENT_WARNING ? 0 : FOR_WARNINGS;
	char *key = xasprintf("%s\n%s", reason, note);
	int64_t *last = map_get(&ev->posted, key);
	bool same = last && now - *last < SAME_AGAIN_MS;

	ev->refilled += refill * REFILL_MS;
	ev->tokens = ev->tokens + refill < BURST ? ev->tokens + refill : BURST;
	if (!same && ev->tokens > kept) {
		ev->tokens--;
		if (ev->posted.count >= REMEMBERED)
			map_release(&ev->posted, free);
		last = map_get(&ev->posted, key);
		if (!last) {
			last = xcalloc(1, sizeof(*last));
			map_put(&ev->posted, key, last);
		}
		*last = now;
		free(key);
		return true;
	}
	free(key);
	return false;
}

/* MicroTime: RFC 3339 with six decimals. */
static struct node *micro_time(struct arena *a)
{
	struct timespec ts;
	struct tm tm;
	char day[32];

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	return node_str(a, arena_printf(a, "%s.%06ldZ", day,
					ts.tv_nsec / 1000));
}

static struct node *regarding(const struct channel *c, struct arena *a)
{
	struct node *n = node_map(a);

	node_set(a, n, "apiVersion", node_str(a, "windlass.dev/v1alpha1"));
	node_set(a, n, "kind", node_str(a, "Channel"));
	node_set(a, n, "name", node_str(a, c->name));
	node_set(a, n, "uid", node_str(a, c->uid));
	return n;
}

static void write_event(const struct channel *c, enum event_type type,
			const char *reason, const char *note, struct buf *out)
{
	uint8_t random[8];
	char suffix[2 * sizeof(random) + 1];
	struct arena a = ARENA_INIT;
	struct node *n = node_map(&a), *metadata = node_map(&a);

	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(suffix, sizeof(suffix), random, sizeof(random));
	node_set(&a, metadata, "name",
		 node_str(&a, arena_printf(&a, "%s.%s", c->name, suffix)));
	/* where Events of cluster-scoped objects go */
	node_set(&a, metadata, "namespace", node_str(&a, "default"));
	node_set(&a, n, "apiVersion", node_str(&a, "events.k8s.io/v1"));
	node_set(&a, n, "kind", node_str(&a, "Event"));
	node_set(&a, n, "metadata", metadata);
	node_set(&a, n, "eventTime", micro_time(&a));
	node_set(&a, n, "reportingController",
		 node_str(&a, "windlass.dev/windlassd"));
	node_set(&a, n, "reportingInstance",
		 node_str(&a, c->engine->instance));
	node_set(&a, n, "action", node_str(&a, reason));
	node_set(&a, n, "reason", node_str(&a, reason));
	node_set(&a, n, "type",
		 node_str(&a, type == EVENT_WARNING ? "Warning" : "Normal"));
	node_set(&a, n, "note", node_str(&a, note));
	node_set(&a, n, "regarding", regarding(c, &a));
	json_write_compact(n, out);
	arena_release(&a);
}

/* A text that did not fit must not end within a character. */
static void cut_whole(char *note)
{
	size_t len = strlen(note);

	while (len && ((unsigned char)note[len - 1] & 0xc0) == 0x80)
		len--;
	if (len && (unsigned char)note[len - 1] >= 0x80)
		len--;
	note[len] = '\0';
}

/* ---- one on its way, which outlives its channel ---- */

struct event_try {
	struct engine *engine;
	struct event_try *next, **link;
	struct kube_call *call;
	struct timer timer;
	struct buf body;
	int tries;
};

static void try_free(struct event_try *t)
{
	kube_cancel(t->call);
	timer_stop(&t->timer);
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	t->engine->n_events--;
	buf_release(&t->body);
	free(t);
}

void events_end(struct engine *e)
{
	while (e->events)
		try_free(e->events);
}

static void give_up(struct event_try *t, const struct err *err)
{
	log_warn("event-failed", LOG_S("error", err->msg),
		 LOG_N("tries", t->tries));
	try_free(t);
}

static void failed(struct event_try *t, const struct err *err)
{
	if (err->class != ERR_TRANSIENT || t->tries >= TRIES ||
	    !t->engine->leading || t->engine->stopping)
		give_up(t, err);
	else
		timer_set(&t->timer, (int64_t)PAUSE_MS << 2 * (t->tries - 1));
}

static void on_posted(void *arg, const struct kube_answer *a)
{
	struct event_try *t = arg;

	t->call = NULL;
	/* an answer that was lost: it is there */
	if (!a->err || (t->tries > 1 && a->status->why == KUBE_EXISTS))
		try_free(t);
	else
		failed(t, a->err);
}

static void post(void *arg)
{
	struct event_try *t = arg;
	struct err err = ERR_INIT;
	struct kube_request q = {
		.method = "POST",
		.target = {
			.group = "events.k8s.io", .version = "v1",
			.plural = "events", .namespace = "default",
		},
		.body = t->body.data, .body_len = t->body.len,
		.as = KUBE_AS_METADATA,
		.on_done = on_posted, .arg = t,
	};

	t->tries++;
	if (kube_send(t->engine->kube, &q, &t->call, &err) < 0)
		failed(t, &err);
}

static struct event_try *try_new(struct engine *e)
{
	struct event_try *t = xcalloc(1, sizeof(*t));

	t->engine = e;
	timer_init(&t->timer, e->loop, post, t);
	buf_init(&t->body, BODY_MAX);
	t->next = e->events;
	t->link = &e->events;
	if (t->next)
		t->next->link = &t->next;
	e->events = t;
	e->n_events++;
	return t;
}

void event_post(struct channel *c, enum event_type type, const char *reason,
		const char *fmt, ...)
{
	char note[NOTE_MAX];
	struct event_try *t;
	va_list ap;

	va_start(ap, fmt);
	if ((size_t)vsnprintf(note, sizeof(note), fmt, ap) >= sizeof(note))
		cut_whole(note);
	va_end(ap);
	if (!c->engine->leading || c->engine->n_events >= UNDERWAY ||
	    !admit(c, type, reason, note))
		return;
	t = try_new(c->engine);
	write_event(c, type, reason, note, &t->body);
	post(t);
}
