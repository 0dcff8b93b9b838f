/*
 * Health: is what was applied doing what it is there for? (DESIGN.md 4.5)
 * The metadata watch says that a status moved; that costs one coalesced GET,
 * at most one a second for an object and fewer the longer it takes. While
 * many objects of a kind are awaited one full watch of that kind is cheaper
 * and runs instead. Nothing is polled, but for the reason why a workload does
 * not come up, which moves nothing in it: its pods are asked a few times
 * before its time is up, for a few workloads of a channel at once, and once
 * more when it is.
 */
#include "config.h"
#include "engine/channel.h"

#include <stdlib.h>
#include <string.h>

#include "engine/kube.h"
#include "engine/look.h"
#include "engine/pod-said.h"
#include "engine/pods.h"
#include "engine/watch.h"
#include "schema/base/mem.h"
#include "schema/render.h"

#define LOOK_FIRST_MS 1000
#define LOOK_LAST_MS 30000
/* so many awaited objects of a kind are worth a watch of full objects */
#define WATCH_FROM 50
/* ... which closes when fewer than this many are left */
#define WATCH_UNTIL 10
/* a watch that opened late, or a cluster that is slow to start */
#define LOOK_AGAIN_MS 2000
/* from the apply until its pods are asked why, and then twice as long */
#define WHY_FIRST_MS 10000
#define WHY_LAST_MS 60000
/* so many of a channel in that time, also if thousands fail at once */
#define WHY_AT_ONCE 4
#define WHY_PAUSE_MS 2000

/* What hangs off an object that is not settled. */
struct await {
	struct channel *channel;
	struct tracked *tracked;	/* held */
	struct await *next;		/* of the channel */
	struct kube_call *call;
	struct pods *pods;		/* finding the reason */
	char *reason;			/* of its health, when they were asked */
	char *why;			/* what they said; NULL: nothing */
	bool own;			/* it says that itself */
	int64_t asked, why_gap;		/* loop_now() of the last time; ms
					   until the next one */
	struct timer look, deadline;
	int64_t gap;			/* ms until the next look at the
					   earliest */
	int64_t looked;			/* loop_now() of the last one */
	bool again;			/* it moved while we looked */
	bool late;			/* past its deadline */
	bool ask;			/* why, at the next look: its turn */
	bool owed;			/* its pods were not asked when they
					   were to be: others had the turns */
};

/* A full watch of one kind for one channel, while many are awaited. */
struct await_kind {
	struct await_kind *next;
	struct channel *channel;
	struct kind *kind;
	struct watch *watch;
	bool forbidden;			/* the account may not watch them all */
	uint32_t awaited;
};

struct await_channel {
	struct await *first;
	struct await_kind *kinds;
	struct timer why;
	int64_t turns_began;		/* loop_now() */
	unsigned turns;			/* taken since then */
};

static void look(struct await *w);
static void on_why(void *arg);

static struct await_channel *of_channel(struct channel *c)
{
	struct await_channel *ac = c->await;

	if (!ac) {
		ac = c->await = xcalloc(1, sizeof(*ac));
		timer_init(&ac->why, c->engine->loop, on_why, ac);
	}
	return ac;
}

/* ---- judging ---- */

static bool is_settled(enum health h)
{
	return h == HEALTH_HEALTHY || h == HEALTH_SUSPENDED;
}

/* What is said of one that is not well: what its pods say, if anything. */
static void note_why(struct tracked *t, enum health h, const char *reason)
{
	const struct await *w = t->await;
	const char *why = w ? w->why : NULL;

	t->flags &= (uint16_t)~TRACKED_HELD_UP;
	if (!why)
		tracked_note(t, health_name(h), "%s", reason);
	else if (h == HEALTH_FAILED && w->late)
		tracked_note(t, "HealthTimeout", "%s", why);
	else if (h == HEALTH_FAILED && !strstr(reason, why))
		tracked_note(t, health_name(h), "%s; %s", reason, why);
	else
		tracked_note(t, health_name(h), "%s", why);
	if (why && h == HEALTH_PROGRESSING)
		t->flags |= TRACKED_HELD_UP;
}

static void set_health(struct channel *c, struct tracked *t, enum health h,
		       const char *reason)
{
	enum health old = t->health;
	bool said = t->note != NULL;

	t->health = (uint8_t)h;
	if (is_settled(h)) {
		t->flags &= (uint16_t)~TRACKED_HELD_UP;
		if (t->state == TRACKED_APPLIED &&
		    !tracked_is(t, TRACKED_UNENFORCEABLE | TRACKED_DRIFTED))
			tracked_clear_note(t);
	} else if (t->state == TRACKED_APPLIED) {
		note_why(t, h, reason);
	}
	if (h != old)
		channel_health_changed(c, t, old);
	else if (t->note || said)
		channel_object_changed(c, t);
}

static void await_free(struct await *w);

/* ---- why ---- */

static void take_why(struct await *w, const char *why, bool own)
{
	free(w->why);
	w->why = why ? xstrdup(why) : NULL;
	w->own = why && own;
}

static void on_said(void *arg, const char *why)
{
	struct await *w = arg;
	struct tracked *t = w->tracked;
	bool news = why || w->why;

	w->pods = NULL;
	if (w->own)
		return;
	take_why(w, why, false);
	if (!news || t->state != TRACKED_APPLIED || is_settled(t->health))
		return;
	note_why(t, t->health, w->reason);
	channel_object_changed(w->channel, t);
}

static bool has_pods(const struct await *w)
{
	const struct kind *k = w->tracked->kind;

	return kind_has_pods(k->group, k->name);
}

/* A few may be asked in a while. */
static bool take_turn(struct channel *c)
{
	struct await_channel *ac = of_channel(c);
	int64_t now = loop_now(c->engine->loop);

	if (now >= ac->turns_began + WHY_PAUSE_MS) {
		ac->turns_began = now;
		ac->turns = 0;
	}
	if (ac->turns >= WHY_AT_ONCE)
		return false;
	ac->turns++;
	return true;
}

/* When its pods are to be asked without anything that moves; false: not. */
static bool why_due(const struct await *w, int64_t *ret_at)
{
	*ret_at = w->owed ? w->asked : w->asked + w->why_gap;
	return w->owed || (has_pods(w) && !w->late);
}

static void why_arm(const struct await *w)
{
	struct await_channel *ac = of_channel(w->channel);
	int64_t at, now = loop_now(w->channel->engine->loop);

	if (!why_due(w, &at))
		return;
	if (at < now + WHY_PAUSE_MS)
		at = now + WHY_PAUSE_MS;
	if (!timer_armed(&ac->why) || ac->why.due > at)
		timer_set(&ac->why, at - now);
}

/* Its pods, unless it says itself why it has none. */
static void ask_why(struct await *w, const struct node *object,
		    const char *reason)
{
	struct channel *c = w->channel;

	free(w->reason);
	w->reason = xstrdup(reason);
	w->asked = loop_now(c->engine->loop);
	w->why_gap = w->why_gap * 2 < WHY_LAST_MS ? w->why_gap * 2
						  : WHY_LAST_MS;
	if (!w->pods)
		pods_ask(c, w->tracked, object, on_said, w, &w->pods);
}

static bool says_itself(const struct tracked *t, const struct node *object,
			struct buf *out)
{
	if (*t->kind->group || strcmp(t->kind->name, "Pod"))
		return workload_said(object, out);
	return pod_said(object, out);
}

/* Before the health is set: h is what it will be. */
static void find_why(struct await *w, const struct node *object,
		     enum health h, const char *reason)
{
	struct buf own = BUF_INIT(2048);
	bool begins = h == HEALTH_FAILED && w->tracked->health != h;
	bool due = loop_now(w->channel->engine->loop) >= w->asked + w->why_gap;
	bool ask;

	if (says_itself(w->tracked, object, &own))
		take_why(w, own.data, true);
	else if (w->own)
		take_why(w, NULL, false);
	ask = !w->own &&
	      (w->ask || w->owed || begins || (h == HEALTH_FAILED && due)) &&
	      pods_can_say(w->tracked, object);
	/* who is owed a turn is not before one that has waited longer */
	w->owed = ask && !w->ask && (w->owed || !take_turn(w->channel));
	if (ask && !w->owed)
		ask_why(w, object, reason);
	w->ask = false;
	if (w->owed || h == HEALTH_PROGRESSING)
		why_arm(w);
	buf_release(&own);
}

/* Who has waited longest, so that each has its turn. */
static struct await *why_next(const struct await_channel *ac, int64_t *ret_at)
{
	struct await *first = NULL;
	int64_t at;

	for (struct await *w = ac->first; w; w = w->next) {
		if (w->ask || !why_due(w, &at) ||
		    (!w->owed && w->tracked->health != HEALTH_PROGRESSING))
			continue;
		if (!first || at < *ret_at) {
			first = w;
			*ret_at = at;
		}
	}
	return first;
}

/* The next time that some of a channel's workloads are asked for their pods. */
static void on_why(void *arg)
{
	struct await_channel *ac = arg;
	struct await *w;
	int64_t at = 0, now;

	while ((w = why_next(ac, &at))) {
		now = loop_now(w->channel->engine->loop);
		if (at > now || !take_turn(w->channel)) {
			why_arm(w);
			return;
		}
		w->asked = now;
		w->ask = true;
		look(w);
	}
}

static void judge(struct channel *c, struct tracked *t,
		  const struct node *object)
{
	char reason[HEALTH_REASON_MAX];
	struct await *w = t->await;
	enum health h = health_judge(t->kind->group, t->kind->name, object,
				     t->kind->has_conditions, reason);
	bool was_late = t->note && t->health == HEALTH_FAILED;

	if (w && w->late && h == HEALTH_PROGRESSING) {
		/* time is up: it failed, and its pods may say why */
		find_why(w, object, HEALTH_FAILED, reason);
		/* what it says stays so while numbers in it move */
		if (!was_late || w->own)
			set_health(c, t, HEALTH_FAILED, reason);
		return;
	}
	if (w && !is_settled(h))
		find_why(w, object, h, reason);
	set_health(c, t, h, reason);
	if (is_settled(h) && t->await)
		await_free(t->await);
}

/* ---- one kind, watched in full ---- */

/*
 * This connection may be ahead of the one for writes: the object as its
 * controller left it comes before the answer to the apply that made it so. No
 * other event may come then.
 */
static void note_missed(struct tracked *t, const struct node *object)
{
	char reason[HEALTH_REASON_MAX];

	if (health_judge(t->kind->group, t->kind->name, object,
			 t->kind->has_conditions, reason) !=
	    HEALTH_PROGRESSING)
		t->flags |= TRACKED_MISSED;
}

static void on_watched(void *arg, enum watch_event what, struct node *object)
{
	struct await_kind *k = arg;
	const char *ns = node_path_str(object, "metadata", "namespace", NULL);
	const char *name = node_path_str(object, "metadata", "name", NULL);
	struct tracked *t = name ? inventory_find(&k->channel->inventory,
						  k->kind, ns ? ns : "", name)
				 : NULL;

	if (!t || what == WATCH_DELETED)
		return;
	if (t->await && t->state == TRACKED_APPLIED)
		judge(k->channel, t, object);
	else if (t->state != TRACKED_APPLIED)
		note_missed(t, object);
}

/* What went away is for repair.c to see. */
static void on_watch_moved(void *arg)
{
}

/* They are looked at one by one. */
static void unwatch(struct await_kind *k)
{
	watch_free(k->watch);
	k->watch = NULL;
	for (struct await *w = of_channel(k->channel)->first; w; w = w->next)
		if (w->tracked->kind == k->kind)
			timer_set(&w->look, LOOK_FIRST_MS);
}

static void on_watch_error(void *arg, const struct err *err,
			   const struct kube_status *status, int64_t retry_ms)
{
	struct await_kind *k = arg;

	if (!status)
		return;
	/* gone, or to where the next watch of it looks */
	if (status->why == KUBE_NO_RESOURCE)
		unwatch(k);
	if (status->why != KUBE_FORBIDDEN)
		return;
	k->forbidden = true;
	unwatch(k);
}

static struct await_kind *find_kind(struct channel *c, struct kind *kind)
{
	struct await_channel *ac = of_channel(c);
	struct await_kind *k;

	for (k = ac->kinds; k; k = k->next)
		if (k->kind == kind)
			return k;
	k = xcalloc(1, sizeof(*k));
	k->channel = c;
	k->kind = kind;
	k->next = ac->kinds;
	ac->kinds = k;
	return k;
}

static void watch_kind(struct await_kind *k)
{
	char *selector = xasprintf("%s=%s", APPLYSET_PART_OF,
				   k->channel->applyset);
	struct err err = ERR_INIT;
	const struct watch_options o = {
		.target = {
			.group = k->kind->group,
			.version = k->kind->version,
			.plural = k->kind->plural,
		},
		.label_selector = selector,
		.on_begin = on_watch_moved,
		.on_event = on_watched,
		.on_synced = on_watch_moved,
		.on_error = on_watch_error,
		.arg = k,
	};

	/* if it cannot be had, single looks go on */
	if (watch_new(k->channel->engine->kube, &o, &k->watch, &err) < 0)
		k->watch = NULL;
	free(selector);
}

static void count_kind(struct channel *c, struct kind *kind, int by)
{
	struct await_kind *k = find_kind(c, kind);

	k->awaited += (uint32_t)by;
	if (!k->watch && !k->forbidden && k->awaited >= WATCH_FROM)
		watch_kind(k);
	else if (k->watch && k->awaited < WATCH_UNTIL)
		unwatch(k);
}

/* ---- one object ---- */

static void await_free(struct await *w)
{
	struct channel *c = w->channel;
	struct tracked *t = w->tracked;
	struct await **at = &of_channel(c)->first;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	t->await = NULL;
	kube_cancel(w->call);
	pods_cancel(w->pods);
	timer_stop(&w->look);
	timer_stop(&w->deadline);
	free(w->reason);
	free(w->why);
	free(w);
	count_kind(c, t->kind, -1);
	tracked_put(t);
}

static void on_looked(void *arg, const struct kube_answer *a)
{
	struct await *w = arg;
	struct tracked *t = w->tracked;
	struct channel *c = w->channel;
	struct arena arena = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *object;
	bool again = w->again;

	w->call = NULL;
	w->again = false;
	if (a->err || kube_answer_object(a, &arena, &object, &err) < 0) {
		/* gone is for repair.c to see; anything else passes */
		if (a->status->why != KUBE_NOT_FOUND)
			timer_set(&w->look, LOOK_AGAIN_MS);
	} else if (t->state == TRACKED_APPLIED) {
		judge(c, t, object);
	}
	arena_release(&arena);
	if (t->await == w && again && !timer_armed(&w->look))
		timer_set(&w->look, w->gap);
}

static void look(struct await *w)
{
	struct tracked *t = w->tracked;
	struct err err = ERR_INIT;

	if (w->call) {
		w->again = true;
		return;
	}
	timer_stop(&w->look);
	w->looked = loop_now(w->channel->engine->loop);
	w->gap = w->gap * 3 / 2 < LOOK_LAST_MS ? w->gap * 3 / 2 : LOOK_LAST_MS;
	if (look_at_live(w->channel, t, on_looked, w, &w->call, &err) < 0)
		timer_set(&w->look, LOOK_AGAIN_MS);
}

static void on_look(void *arg)
{
	look(arg);
}

static void on_deadline(void *arg)
{
	struct await *w = arg;

	w->late = true;
	look(w);
}

static struct await *await_new(struct channel *c, struct tracked *t)
{
	struct await *w = t->await;

	if (!w) {
		w = t->await = xcalloc(1, sizeof(*w));
		w->channel = c;
		w->tracked = tracked_hold(t);
		w->next = of_channel(c)->first;
		of_channel(c)->first = w;
		timer_init(&w->look, c->engine->loop, on_look, w);
		timer_init(&w->deadline, c->engine->loop, on_deadline, w);
		w->gap = LOOK_FIRST_MS;
		count_kind(c, t->kind, 1);
	}
	return w;
}

static void why_later(struct await *w)
{
	w->asked = loop_now(w->channel->engine->loop);
	w->why_gap = WHY_FIRST_MS;
	why_arm(w);
}

/* A look as soon as the gap allows, unless a watch shows it anyway. */
static void look_soon(struct await *w)
{
	int64_t now = loop_now(w->channel->engine->loop);
	int64_t wait = w->looked ? w->looked + w->gap - now : 0;

	if (find_kind(w->channel, w->tracked->kind)->watch ||
	    timer_armed(&w->look))
		return;
	if (wait <= 0)
		look(w);
	else
		timer_set(&w->look, wait);
}

void await_object(struct channel *c, struct tracked *t)
{
	bool missed = tracked_is(t, TRACKED_MISSED);
	struct await *w;

	t->flags |= TRACKED_AWAITED;
	t->flags &= (uint16_t)~TRACKED_MISSED;
	if (!t->kind->has_health) {
		set_health(c, t, HEALTH_HEALTHY, "");
		return;
	}
	w = await_new(c, t);
	w->late = w->ask = w->owed = false;
	pods_cancel(w->pods);
	w->pods = NULL;
	take_why(w, NULL, false);
	why_later(w);
	w->gap = LOOK_FIRST_MS;
	w->looked = 0;
	timer_set(&w->deadline, c->spec.health_timeout * 1000);
	if (t->health != HEALTH_PROGRESSING)
		set_health(c, t, HEALTH_PROGRESSING, "just applied");
	if (missed)
		look(w);
	else
		look_soon(w);
}

void await_event(struct channel *c, struct tracked *t,
		 const struct node *object)
{
	bool whole = node_get(object, "spec") || node_get(object, "status");
	struct await *w;

	if (!tracked_is(t, TRACKED_AWAITED) || !t->kind->has_health)
		return;
	/* a whole object can be judged as it is */
	if (whole) {
		judge(c, t, object);
		if (is_settled(t->health))
			return;
	}
	/* it was well, and somebody scaled it, say: from now on it is awaited
	 * as after an apply */
	w = t->await;
	if (!w) {
		w = await_new(c, t);
		why_later(w);
		timer_set(&w->deadline, c->spec.health_timeout * 1000);
	}
	if (whole)
		w->looked = loop_now(c->engine->loop);
	else
		look_soon(w);
}

void await_gone(struct channel *c, struct tracked *t)
{
	struct await *w = t->await;

	if (w)
		await_free(w);
	if (t->health != HEALTH_FAILED)
		set_health(c, t, HEALTH_HEALTHY, "");
}

void await_drop(struct channel *c, struct tracked *t)
{
	t->flags &= ~TRACKED_AWAITED;
	if (t->await)
		await_free(t->await);
}

void await_stop(struct channel *c)
{
	struct await_channel *ac = c->await;

	if (!ac)
		return;
	timer_stop(&ac->why);
	while (ac->first)
		await_free(ac->first);
	while (ac->kinds) {
		struct await_kind *k = ac->kinds;

		ac->kinds = k->next;
		watch_free(k->watch);
		free(k);
	}
	free(ac);
	c->await = NULL;
}
