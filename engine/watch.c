/*
 * One watch and its troubles. See watch.h. A state machine of three states:
 * a list runs, a stream runs, or the timer does (until the next try).
 *
 *   no version  -> WatchList; or a list where the server has no WatchList
 *   a version   -> watch from there
 *   410         -> forget the version
 *   cut, silent, at its time-out -> again from the version
 *
 * Trusts nothing that comes in: every frame is bounded and parsed strictly,
 * and one that makes no sense ends the stream.
 */
#include "config.h"
#include "engine/watch.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "engine/json-split.h"
#include "engine/kube-internal.h"
#include "engine/kube-json.h"
#include "engine/list.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/limits.h"

/* bookmarks come every 60 s */
#define SILENT_MS 90000
/* the server ends the stream after a time between these, seconds */
#define STREAM_MIN_S 300
#define STREAM_MAX_S 600
/* the first retry is quick: most cuts are an API server that restarts, or a
 * load balancer; then ever slower */
#define RETRY_FIRST_MS 100
#define RETRY_MOST_MS 10000
/* no connection: trying is cheap, and all are back when one is */
#define CONNECT_MOST_MS 3000
/* a stream that lived this long was a good one: no backoff before the next */
#define GOOD_MS 5000

struct watch {
	struct kube *kube;
	struct kube_target target;
	char *group, *api_version, *plural, *namespace;
	char *labels, *fields;		/* selectors */
	bool metadata_only;
	struct kube_account *account;		/* held */
	int silent_ms;

	struct kube_call *call;		/* the stream */
	struct list *list;
	struct timer timer;		/* until the next try */
	struct kube_waiter waiter;	/* or until others get through */
	struct json_split split;
	char *version;			/* to watch from; NULL: from the start */
	bool initial;			/* the stream sends what there is */
	enum { WATCH_LIST, LIST_ONCE, LIST_ALWAYS } start_by;
	bool whole_list;		/* pages went out of date: in one */
	bool synced;
	bool failed;			/* an ERROR frame came; it is in: */
	struct err err;
	struct arena err_arena;
	struct kube_status status;
	int64_t began, heard, lost;	/* clock_mono_ms() of the stream */
	int retry_ms;
	unsigned busy;			/* our callbacks on the stack */
	bool dead;			/* freed in one of them */

	void (*on_begin)(void *arg);
	void (*on_event)(void *arg, enum watch_event what,
			 struct node *object);
	void (*on_synced)(void *arg);
	void (*on_error)(void *arg, const struct err *err,
			 const struct kube_status *status, int64_t retry_ms);
	void *arg;
	struct watch_stats stats;
};

static void start(struct watch *w);

/* ---- life ---- */

static void destroy(struct watch *w)
{
	timer_stop(&w->timer);
	kube_unwait(&w->waiter);
	json_split_release(&w->split);
	arena_release(&w->err_arena);
	free(w->group);
	free(w->api_version);
	free(w->plural);
	free(w->namespace);
	free(w->labels);
	free(w->fields);
	free(w->version);
	kube_account_free(w->account);
	free(w);
}

void watch_free(struct watch *w)
{
	if (!w || w->dead)
		return;
	kube_counts(w->kube)->watches--;
	kube_cancel(w->call);
	list_free(w->list);
	w->call = NULL;
	w->list = NULL;
	timer_stop(&w->timer);
	kube_unwait(&w->waiter);
	if (w->busy)
		w->dead = true;
	else
		destroy(w);
}

static void enter(struct watch *w)
{
	w->busy++;
}

/* False if the watch was freed meanwhile: it is gone then. */
static bool leave(struct watch *w)
{
	if (--w->busy || !w->dead)
		return true;
	destroy(w);
	return false;
}

bool watch_synced(const struct watch *w)
{
	return w->synced &&
	       (w->call || clock_mono_ms() - w->lost < GOOD_MS);
}

const struct watch_stats *watch_stats(const struct watch *w)
{
	return &w->stats;
}

static void set_version(struct watch *w, const char *version)
{
	if (version && w->version && !strcmp(version, w->version))
		return;
	free(w->version);
	w->version = version ? xstrdup(version) : NULL;
}

/* ---- trying again ---- */

static void on_timer(void *arg)
{
	struct watch *w = arg;

	kube_unwait(&w->waiter);
	start(w);
}

/* Half of it to all of it. */
static int64_t jitter(int64_t ms)
{
	return ms / 2 + (int64_t)randombytes_uniform((uint32_t)(ms / 2 + 1));
}

/* Called with the watch entered. */
static void retry(struct watch *w, const struct err *err,
		  const struct kube_status *s)
{
	bool unreached = err && s->why == KUBE_NO_ANSWER && !s->code;
	int most = unreached ? CONNECT_MOST_MS : RETRY_MOST_MS;
	int64_t ms;

	w->retry_ms = w->retry_ms ? w->retry_ms * 2 : RETRY_FIRST_MS;
	if (w->retry_ms > most)
		w->retry_ms = most;
	if (unreached)
		kube_wait(w->kube, &w->waiter);
	ms = jitter(w->retry_ms);
	if (s->retry_after_ms > ms)
		ms = s->retry_after_ms + jitter(1000);
	timer_set(&w->timer, ms);
	if (!err)
		return;
	w->stats.errors++;
	kube_counts(w->kube)->watch_errors++;
	if (w->on_error)
		w->on_error(w->arg, err, s, ms);
}

/* The API server answers somebody: no need to wait any longer. */
static void on_reached(void *arg)
{
	struct watch *w = arg;

	if (timer_armed(&w->timer))
		timer_set(&w->timer, jitter(RETRY_FIRST_MS));
}

static void begin(struct watch *w)
{
	w->synced = false;
	w->stats.relists++;
	kube_counts(w->kube)->watch_relists++;
	w->on_begin(w->arg);
}

static void synced(struct watch *w)
{
	w->synced = true;
	if (w->start_by == LIST_ONCE)
		w->start_by = WATCH_LIST;
	w->on_synced(w->arg);
}

/* ---- frames ---- */

static int bookmark(struct watch *w, const struct node *object,
		    const char *version)
{
	const char *end = node_path_str(object, "metadata", "annotations",
					"k8s.io/initial-events-end", NULL);

	w->stats.bookmarks++;
	if (w->initial && (!end || strcmp(end, "true")))
		return 0;
	set_version(w, version);
	if (w->initial) {
		w->initial = false;
		synced(w);
	}
	return 0;
}

/* An ERROR ends the stream; what it says is kept for on_stream_end. */
static int error_frame(struct watch *w, const struct node *object,
		       struct err *err)
{
	w->failed = true;
	arena_reset(&w->err_arena);
	kube_status_of(object, &w->err_arena, &w->status, &w->err);
	return err_set(err, ERR_TRANSIENT, "an error in the watch");
}

static int event(struct watch *w, enum watch_event what, struct node *object,
		 const char *version)
{
	w->stats.events++;
	/* the objects of the start come in any order of versions */
	if (!w->initial)
		set_version(w, version);
	w->on_event(w->arg, what, object);
	return 0;
}

static int on_frame(void *arg, const char *json, size_t len, struct err *err)
{
	static const char *const types[] = { "ADDED", "MODIFIED", "DELETED" };
	struct watch *w = arg;
	struct node *frame, *object;
	const char *type, *version;
	int rc = -1;

	if (kube_json_read(json, len, 1, kube_scratch(w->kube), &frame, err) < 0)
		return err_wrap(err, "a frame of a watch");
	type = node_path_str(frame, "type", NULL);
	object = node_get(frame, "object");
	version = node_path_str(object, "metadata", "resourceVersion", NULL);
	if (!type || !object || object->type != NODE_MAP)
		return err_set(err, ERR_INVALID,
			       "a frame of a watch has no type or object");
	if (!strcmp(type, "ERROR"))
		return error_frame(w, object, err);
	if (!version || !*version)
		return err_set(err, ERR_INVALID, "an object in a watch has "
			       "no resourceVersion");
	if (!strcmp(type, "BOOKMARK"))
		rc = bookmark(w, object, version);
	else
		for (size_t i = 0; i < ARRAY_SIZE(types); i++)
			if (!strcmp(type, types[i]))
				rc = event(w, (enum watch_event)i, object,
					   version);
	if (rc < 0)
		return err_set(err, ERR_INVALID,
			       "a frame of a watch has type '%s'", type);
	return w->dead ? -1 : 0;
}

static int on_data(void *arg, const char *data, size_t len, struct err *err)
{
	struct watch *w = arg;
	int rc;

	enter(w);
	w->heard = clock_mono_ms();
	rc = json_split_feed(&w->split, data, len, err);
	/* if it was freed, its call was cancelled: nobody looks at this */
	return leave(w) ? rc : -1;
}

/* ---- streams ---- */

/* What the failure of a stream, or of a list, means for the next start. */
static void learn(struct watch *w, const struct kube_status *s)
{
	if (s->why == KUBE_EXPIRED)
		set_version(w, NULL);
	/* 422 names sendInitialEvents where the server has that turned off;
	 * with an old etcd, or a bad moment, it is a 500 */
	if (w->initial && (s->code == 422 || s->code == 400))
		w->start_by = LIST_ALWAYS;
	else if (w->initial && s->code == 500)
		w->start_by = LIST_ONCE;
}

static void on_stream_end(void *arg, const struct kube_answer *a)
{
	struct watch *w = arg;
	const struct err *err = a->err;
	const struct kube_status *s = a->status;
	bool quiet;

	w->call = NULL;
	w->lost = clock_mono_ms();
	if (w->failed) {
		err = &w->err;
		s = &w->status;
	}
	if (w->lost - w->began >= GOOD_MS)
		w->retry_ms = 0;
	if (err && s->why == KUBE_NO_ANSWER &&
	    w->lost - w->heard >= w->silent_ms) {
		w->stats.silent++;
		kube_stuck(w->kube);
	}
	if (err)
		learn(w, s);
	/* an end in peace, or one that we know how to go on after */
	quiet = !err || s->why == KUBE_EXPIRED ||
		(w->initial && w->start_by != WATCH_LIST);
	w->initial = false;
	enter(w);
	if (quiet && !w->retry_ms && w->lost - w->began >= GOOD_MS)
		start(w);
	else
		retry(w, quiet ? NULL : err, s);
	leave(w);
}

static void add_selectors(const struct watch *w, struct buf *q)
{
	if (w->labels)
		kube_query(q, "labelSelector", w->labels);
	if (w->fields)
		kube_query(q, "fieldSelector", w->fields);
}

static void make_query(const struct watch *w, struct buf *q)
{
	uint32_t s = STREAM_MIN_S +
		     randombytes_uniform(STREAM_MAX_S - STREAM_MIN_S + 1);
	char seconds[16];

	snprintf(seconds, sizeof(seconds), "%u", s);
	kube_query(q, "watch", "1");
	kube_query(q, "allowWatchBookmarks", "true");
	kube_query(q, "timeoutSeconds", seconds);
	add_selectors(w, q);
	if (w->version) {
		kube_query(q, "resourceVersion", w->version);
	} else {
		kube_query(q, "sendInitialEvents", "true");
		kube_query(q, "resourceVersionMatch", "NotOlderThan");
	}
}

static int open_stream(struct watch *w, struct err *err)
{
	struct buf q = BUF_INIT(64 * 1024);
	struct kube_request r = {
		.method = "GET", .target = w->target, .account = w->account,
		.as = w->metadata_only ? KUBE_AS_METADATA : KUBE_AS_IS,
		.idle_ms = w->silent_ms, .on_data = on_data,
		.on_done = on_stream_end, .arg = w,
	};
	int rc;

	make_query(w, &q);
	json_split_release(&w->split);
	json_split_init(&w->split, SPLIT_FRAMES, LIMIT_KUBE_OBJECT_BYTES,
			on_frame, w);
	w->failed = false;
	w->began = w->heard = clock_mono_ms();
	w->stats.starts++;
	kube_counts(w->kube)->watch_starts++;
	r.query = q.data;
	rc = buf_check(&q, "the query of a watch", err);
	if (rc == 0)
		rc = kube_send(w->kube, &r, &w->call, err);
	buf_release(&q);
	return rc;
}

/* ---- lists, where there is no WatchList ---- */

static int on_listed(void *arg, struct node *object, struct err *err)
{
	struct watch *w = arg;

	enter(w);
	w->stats.events++;
	w->on_event(w->arg, WATCH_ADDED, object);
	/* a watch that is freed has freed its list, too */
	return leave(w) ? 0 : -1;
}

static void on_list_end(void *arg, const char *version, bool consistent,
			const struct err *err, const struct kube_status *s)
{
	struct watch *w = arg;

	w->list = NULL;
	enter(w);
	if (err) {
		retry(w, err, s);
	} else if (!consistent) {
		w->whole_list = true;
		timer_set(&w->timer, 0);
	} else {
		w->whole_list = false;
		set_version(w, version);
		synced(w);
		if (!w->dead)
			start(w);
	}
	leave(w);
}

static int open_list(struct watch *w, struct err *err)
{
	struct list_options o = {
		.target = w->target, .label_selector = w->labels,
		.field_selector = w->fields,
		.metadata_only = w->metadata_only, .account = w->account,
		.page = w->whole_list ? -1 : 0, .on_object = on_listed,
		.on_done = on_list_end, .arg = w,
	};

	return list_start(w->kube, &o, &w->list, err);
}

/* Called with the watch entered, or from its timer. */
static void start(struct watch *w)
{
	struct kube_status none = { .why = KUBE_NO_ANSWER, .message = "" };
	struct err err = ERR_INIT;
	int rc;

	enter(w);
	w->initial = false;
	if (!w->version) {
		begin(w);
		w->initial = w->start_by == WATCH_LIST;
	}
	if (!w->dead) {
		rc = w->version || w->initial ? open_stream(w, &err)
					      : open_list(w, &err);
		if (rc < 0)
			retry(w, &err, &none);
	}
	leave(w);
}

static char *dup_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

int watch_new(struct kube *k, const struct watch_options *o,
	      struct watch **ret, struct err *err)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	w->kube = k;
	kube_counts(k)->watches++;
	w->group = dup_or_null(o->target.group);
	w->api_version = xstrdup(o->target.version);
	w->plural = xstrdup(o->target.plural);
	w->namespace = dup_or_null(o->target.namespace);
	w->target = (struct kube_target){
		.group = w->group, .version = w->api_version,
		.plural = w->plural, .namespace = w->namespace,
	};
	w->labels = dup_or_null(o->label_selector);
	w->fields = dup_or_null(o->field_selector);
	w->metadata_only = o->metadata_only;
	w->account = kube_account_hold(o->account);
	w->silent_ms = o->silent_ms ? o->silent_ms : SILENT_MS;
	w->on_begin = o->on_begin;
	w->on_event = o->on_event;
	w->on_synced = o->on_synced;
	w->on_error = o->on_error;
	w->arg = o->arg;
	timer_init(&w->timer, kube_loop(k), on_timer, w);
	w->waiter.fn = on_reached;
	w->waiter.arg = w;
	/* from the loop: the caller has its pointer before any callback */
	timer_set(&w->timer, 0);
	*ret = w;
	return 0;
}
