/*
 * Metrics of the engine. See measures.h. Series of channels that are gone are
 * dropped at the next writing.
 */
#include "config.h"
#include "engine/measures.h"

#include <stdlib.h>
#include <string.h>

#include "engine/kube.h"
#include "engine/source.h"
#include "engine/writes.h"
#include "schema/base/mem.h"

#define STATES 5

static const char *const state_names[STATES] = {
	"ready", "progressing", "failed", "drifted", "deleting",
};

static const char *const error_names[APPLY_ERRORS] = {
	[APPLY_ERROR_TRANSIENT] = "transient",
	[APPLY_ERROR_CONFLICT] = "conflict",
	[APPLY_ERROR_FORBIDDEN] = "forbidden",
	[APPLY_ERROR_PERMANENT] = "permanent",
};

/* One channel's series. */
struct series_set {
	bool seen;
	struct series *applies, *repairs, *prunes;
	struct series *errors[APPLY_ERRORS];
	struct series *accepted, *applied, *ready;
	struct series *objects[STATES];
};

struct measures {
	struct engine *engine;
	struct metric *applies, *errors, *repairs, *prunes, *accepted;
	struct metric *applied, *ready, *objects, *answers;
	struct series *turns, *restarts, *limit, *running, *leading;
	struct series *throttled, *codes[6];
	struct map channels;		/* name to struct series_set */
};

static void drop(void *arg)
{
	struct series_set *s = arg;

	if (!s)
		return;
	series_drop(s->applies);
	for (size_t i = 0; i < APPLY_ERRORS; i++)
		series_drop(s->errors[i]);
	series_drop(s->repairs);
	series_drop(s->prunes);
	series_drop(s->accepted);
	series_drop(s->applied);
	series_drop(s->ready);
	for (size_t i = 0; i < STATES; i++)
		series_drop(s->objects[i]);
	free(s);
}

static struct series_set *make_set(struct measures *m, const char *name)
{
	struct series_set *s = map_get(&m->channels, name);

	if (s)
		return s;
	s = xcalloc(1, sizeof(*s));
	s->applies = metric_series(m->applies, name, NULL);
	for (size_t i = 0; i < APPLY_ERRORS; i++)
		s->errors[i] = metric_series(m->errors, name, error_names[i],
					     NULL);
	s->repairs = metric_series(m->repairs, name, NULL);
	s->prunes = metric_series(m->prunes, name, NULL);
	s->accepted = metric_series(m->accepted, name, NULL);
	s->applied = metric_series(m->applied, name, NULL);
	s->ready = metric_series(m->ready, name, NULL);
	for (size_t i = 0; i < STATES; i++)
		s->objects[i] = metric_series(m->objects, name,
					      state_names[i], NULL);
	map_put(&m->channels, name, s);
	return s;
}

static void write_channel(struct measures *m, const struct channel *c)
{
	struct series_set *s = make_set(m, c->name);
	const struct channel_status *st = &c->status;
	size_t deleting = c->inventory.count > st->total ?
			  c->inventory.count - st->total : 0;
	const double objects[STATES] = {
		(double)st->ready, (double)st->progressing,
		(double)st->failed, (double)st->drifted, (double)deleting,
	};

	s->seen = true;
	series_set(s->applies, (double)c->counts.applies);
	for (size_t i = 0; i < APPLY_ERRORS; i++)
		series_set(s->errors[i], (double)c->counts.apply_errors[i]);
	series_set(s->repairs, (double)c->counts.repairs);
	series_set(s->prunes, (double)c->counts.prunes);
	series_set(s->accepted, (double)st->accepted.sequence);
	series_set(s->applied, (double)st->applied.sequence);
	series_set(s->ready, st->conditions[CONDITION_READY].status ==
		   STATUS_TRUE);
	for (size_t i = 0; i < STATES; i++)
		series_set(s->objects[i], objects[i]);
}

static void write_channels(struct measures *m)
{
	for (map_each(&m->channels, e))
		((struct series_set *)e->value)->seen = false;
	for (struct channel *c = controller_next(m->engine, NULL); c;
	     c = controller_next(m->engine, c))
		write_channel(m, c);
	for (map_each(&m->channels, e)) {
		struct series_set *s = e->value;

		if (!s->seen)
			drop(map_del(&m->channels, e->key));
	}
}

static void on_write(void *arg)
{
	struct measures *m = arg;
	const struct loop_stats *turns = loop_stats(m->engine->loop);
	const struct kube_stats *kube = kube_stats(m->engine->kube);

	series_set_buckets(m->turns, turns->turns,
			   (double)turns->total_us / 1e6);
	series_set(m->restarts,
		   (double)sources_stats(m->engine->sources).restarts);
	series_set(m->limit, writes_limit(m->engine->writes));
	series_set(m->running, writes_running(m->engine->writes));
	series_set(m->leading, m->engine->leading);
	series_set(m->throttled, (double)kube->throttled);
	for (size_t i = 0; i < ARRAY_SIZE(m->codes); i++)
		series_set(m->codes[i], (double)kube->calls[i]);
	write_channels(m);
}

static struct series *single(struct metrics *reg, enum metric_type type,
			     const char *name, const char *help)
{
	return metric_series(metrics_family(reg, type, name, help, ""), NULL);
}

static void make_turns(struct measures *m, struct metrics *reg)
{
	struct metric *f = metrics_family(reg, METRIC_HISTOGRAM,
		"windlass_loop_turn_seconds",
		"How long the loop worked before it looked around again.", "");
	double bounds[LOOP_BUCKETS - 1];

	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
		bounds[i] = loop_bucket_ms[i] / 1000.0;
	metric_buckets(f, bounds, ARRAY_SIZE(bounds));
	m->turns = metric_series(f, NULL);
}

static void make_engine(struct measures *m, struct metrics *reg)
{
	static const char *const codes[] = {
		"none", "1xx", "2xx", "3xx", "4xx", "5xx",
	};

	make_turns(m, reg);
	m->restarts = single(reg, METRIC_COUNTER, "windlass_fetch_restarts",
			     "Restarts of the fetching child.");
	m->limit = single(reg, METRIC_GAUGE, "windlass_writes_limit",
			  "Writes that may run at a time just now.");
	m->running = single(reg, METRIC_GAUGE, "windlass_writes_running",
			    "Writes that run.");
	m->leading = single(reg, METRIC_GAUGE, "windlass_leading",
			    "1 if this engine writes, 0 if it stands by.");
	m->throttled = single(reg, METRIC_COUNTER, "windlass_kube_throttled",
			      "Answers 429 of the API server.");
	m->answers = metrics_family(reg, METRIC_COUNTER,
				    "windlass_kube_answers",
				    "Answers of the API server.", "code");
	for (size_t i = 0; i < ARRAY_SIZE(m->codes); i++)
		m->codes[i] = metric_series(m->answers, codes[i], NULL);
}

static void make_channels(struct measures *m, struct metrics *reg)
{
	m->applies = metrics_family(reg, METRIC_COUNTER, "windlass_applies",
				    "Objects that were applied.", "channel");
	m->errors = metrics_family(reg, METRIC_COUNTER,
				   "windlass_apply_errors",
				   "Applies that failed, by what it takes "
				   "until they work: time, another owner, an "
				   "admin, the author.", "channel class");
	m->repairs = metrics_family(reg, METRIC_COUNTER,
				    "windlass_drift_repairs",
				    "Changes by others that were undone.",
				    "channel");
	m->prunes = metrics_family(reg, METRIC_COUNTER, "windlass_prunes",
				   "Objects that were deleted.", "channel");
	m->accepted = metrics_family(reg, METRIC_GAUGE,
				     "windlass_accepted_sequence",
				     "Sequence of the accepted bundle.",
				     "channel");
	m->applied = metrics_family(reg, METRIC_GAUGE,
				    "windlass_applied_sequence",
				    "Sequence of the applied bundle.",
				    "channel");
	m->ready = metrics_family(reg, METRIC_GAUGE, "windlass_channel_ready",
				  "1 if the channel's condition Ready is True.",
				  "channel");
	m->objects = metrics_family(reg, METRIC_GAUGE, "windlass_objects",
				    "Objects of a channel by their state.",
				    "channel state");
}

struct measures *measures_new(struct engine *e, struct metrics *reg)
{
	struct measures *m = xcalloc(1, sizeof(*m));

	m->engine = e;
	make_engine(m, reg);
	make_channels(m, reg);
	metrics_on_write(reg, on_write, m);
	return m;
}

void measures_free(struct measures *m)
{
	if (!m)
		return;
	map_release(&m->channels, drop);
	free(m);
}
