/*
 * Metrics of channels, made from their status and counters when somebody
 * asks. See measures-channel.h. Times are given as times, not as ages: they
 * stay right between two looks, and when an engine is gone.
 */
#include "config.h"
#include "engine/measures-channel.h"

#include <math.h>
#include <stdlib.h>

#include "engine/channel-private.h"
#include "schema/base/mem.h"

#define STATES 5
#define SERIES_MAX CONDITIONS

enum family {
	APPLIES, PRUNES, FIGHTS, FIGHTING, HEAD, HEAD_ISSUED, HEAD_EXPIRES, ACCEPTED,
	APPLIED, READY, ERRORS, REPAIRS, REPORTS, OBJECTS, CONDITION,
	SENT, UNSENT,
	FAMILIES
};

static const char *const state_names[STATES] = {
	"ready", "progressing", "failed", "drifted", "deleting",
};

static const char *const error_names[APPLY_ERRORS] = {
	[APPLY_ERROR_TRANSIENT] = "transient",
	[APPLY_ERROR_CONFLICT] = "conflict",
	[APPLY_ERROR_FORBIDDEN] = "forbidden",
	[APPLY_ERROR_PERMANENT] = "permanent",
};

static const char *const cause_names[DRIFT_CAUSES] = {
	[DRIFT_CAUSE_CHANGED] = "changed",
	[DRIFT_CAUSE_DELETED] = "deleted",
};

static const char *const unsent_names[REPORT_FAILURES] = {
	[REPORT_UNSENT] = "unsent", [REPORT_REFUSED] = "refused",
};

/* values: of the label beside "channel", one series each */
static const struct {
	enum metric_type type;
	const char *name, *help, *labels;
	size_t n;
	const char *const *values;
} families[FAMILIES] = {
	[APPLIES] = { METRIC_COUNTER, "windlass_applies",
		"Objects that were applied.", "channel", 1, NULL },
	[PRUNES] = { METRIC_COUNTER, "windlass_prunes",
		"Objects that were deleted.", "channel", 1, NULL },
	[FIGHTS] = { METRIC_COUNTER, "windlass_drift_fights",
		"Times that a repair was put off because somebody keeps "
		"changing the object back.", "channel", 1, NULL },
	[FIGHTING] = { METRIC_GAUGE, "windlass_drift_fighting",
		"Objects that somebody keeps changing back, so that their "
		"repair waits.", "channel", 1, NULL },
	[HEAD] = { METRIC_GAUGE, "windlass_head_sequence",
		"Sequence of the newest good head.", "channel", 1, NULL },
	[HEAD_ISSUED] = { METRIC_GAUGE, "windlass_head_issued_timestamp_seconds",
		"When the newest good head was signed, in seconds since "
		"1970.", "channel", 1, NULL },
	[HEAD_EXPIRES] = { METRIC_GAUGE, "windlass_head_expires_timestamp_seconds",
		"When the newest good head expires, in seconds since 1970.",
		"channel", 1, NULL },
	[ACCEPTED] = { METRIC_GAUGE, "windlass_accepted_sequence",
		"Sequence of the accepted bundle.", "channel", 1, NULL },
	[APPLIED] = { METRIC_GAUGE, "windlass_applied_sequence",
		"Sequence of the applied bundle.", "channel", 1, NULL },
	[READY] = { METRIC_GAUGE, "windlass_channel_ready",
		"1 if the condition Ready of the channel is True.", "channel",
		1, NULL },
	[ERRORS] = { METRIC_COUNTER, "windlass_apply_errors",
		"Applies that failed, by what it takes until they work: "
		"time, another owner, an admin, the author.",
		"channel class", APPLY_ERRORS, error_names },
	[REPAIRS] = { METRIC_COUNTER, "windlass_drift_repairs",
		"Objects that were repaired, by what others did to them.",
		"channel cause", DRIFT_CAUSES, cause_names },
	[REPORTS] = { METRIC_COUNTER, "windlass_drift_reports",
		"Objects that are left as others made them, by what that "
		"was.", "channel cause", DRIFT_CAUSES, cause_names },
	[OBJECTS] = { METRIC_GAUGE, "windlass_objects",
		"Objects of a channel by their state.", "channel state",
		STATES, state_names },
	[SENT] = { METRIC_COUNTER, "windlass_reports_sent",
		"Reports that the Git host has taken.", "channel", 1, NULL },
	[UNSENT] = { METRIC_COUNTER, "windlass_reports_failed",
		"Tries to send a report that the Git host did not answer, or "
		"was too busy for, and those that it refused.",
		"channel reason", REPORT_FAILURES, unsent_names },
	/* the values are condition_name's */
	[CONDITION] = { METRIC_GAUGE, "windlass_channel_condition",
		"A condition of the channel: 1 if True, 0 if False, -1 if "
		"Unknown.", "channel condition", CONDITIONS, NULL },
};

struct channel_series {
	bool seen;
	struct series *v[FAMILIES][SERIES_MAX];
};

struct measures_channel {
	struct engine *engine;
	struct metric *families[FAMILIES];
	struct map channels;		/* name to struct channel_series */
};

static void drop(void *arg)
{
	struct channel_series *s = arg;

	if (!s)
		return;
	for (size_t f = 0; f < FAMILIES; f++)
		for (size_t i = 0; i < families[f].n; i++)
			series_drop(s->v[f][i]);
	free(s);
}

static struct channel_series *series_of(struct measures_channel *m,
					const char *name)
{
	struct channel_series *s = map_get(&m->channels, name);

	if (s)
		return s;
	s = xcalloc(1, sizeof(*s));
	for (size_t f = 0; f < FAMILIES; f++)
		for (size_t i = 0; i < families[f].n; i++) {
			const char *value = f == CONDITION ?
				condition_name((enum condition_type)i) :
				families[f].values ? families[f].values[i] :
				NULL;

			s->v[f][i] = metric_series(m->families[f], name,
						   value, NULL);
		}
	map_put(&m->channels, name, s);
	return s;
}

/* ---- values ---- */

static void set(struct channel_series *s, enum family f, double v)
{
	series_set(s->v[f][0], v);
}

static void write_head(struct channel_series *s, const struct channel *c)
{
	const struct source_state *head = &c->private->state;
	bool known = head->sequence > 0;

	/* no head yet has no age */
	set(s, HEAD, (double)head->sequence);
	set(s, HEAD_ISSUED, known ? (double)head->issued : NAN);
	set(s, HEAD_EXPIRES, known ? (double)head->expires : NAN);
}

static void write_objects(struct channel_series *s, const struct channel *c)
{
	const struct channel_status *st = &c->status;
	size_t deleting = c->inventory.count > st->total ?
			  c->inventory.count - st->total : 0;
	const double objects[STATES] = {
		(double)st->ready, (double)st->progressing,
		(double)st->failed, (double)st->drifted, (double)deleting,
	};

	for (size_t i = 0; i < STATES; i++)
		series_set(s->v[OBJECTS][i], objects[i]);
}

static void write_conditions(struct channel_series *s,
			     const struct channel *c)
{
	static const double values[] = {
		[STATUS_UNKNOWN] = -1, [STATUS_TRUE] = 1, [STATUS_FALSE] = 0,
	};

	for (size_t i = 0; i < CONDITIONS; i++)
		series_set(s->v[CONDITION][i],
			   values[c->status.conditions[i].status]);
	set(s, READY, c->status.conditions[CONDITION_READY].status ==
	    STATUS_TRUE);
}

static void write_channel(struct measures_channel *m, const struct channel *c)
{
	struct channel_series *s = series_of(m, c->name);
	const struct channel_counts *n = &c->counts;

	s->seen = true;
	set(s, APPLIES, (double)n->applies);
	set(s, PRUNES, (double)n->prunes);
	set(s, FIGHTS, (double)n->fights);
	for (size_t i = 0; i < APPLY_ERRORS; i++)
		series_set(s->v[ERRORS][i], (double)n->apply_errors[i]);
	set(s, FIGHTING, (double)c->status.fighting);
	for (size_t i = 0; i < DRIFT_CAUSES; i++) {
		series_set(s->v[REPAIRS][i], (double)n->repairs[i]);
		series_set(s->v[REPORTS][i], (double)n->reports[i]);
	}
	set(s, SENT, (double)n->reports_sent);
	for (size_t i = 0; i < REPORT_FAILURES; i++)
		series_set(s->v[UNSENT][i], (double)n->report_failures[i]);
	set(s, ACCEPTED, (double)c->status.accepted.sequence);
	set(s, APPLIED, (double)c->status.applied.sequence);
	write_head(s, c);
	write_objects(s, c);
	write_conditions(s, c);
}

size_t measures_channel_write(struct measures_channel *m)
{
	size_t n = 0;

	for (map_each(&m->channels, e))
		((struct channel_series *)e->value)->seen = false;
	for (struct channel *c = controller_next(m->engine, NULL); c;
	     c = controller_next(m->engine, c)) {
		write_channel(m, c);
		n++;
	}
	for (map_each(&m->channels, e)) {
		struct channel_series *s = e->value;

		if (!s->seen)
			drop(map_del(&m->channels, e->key));
	}
	return n;
}

struct measures_channel *measures_channel_new(struct engine *e,
					      struct metrics *reg)
{
	struct measures_channel *m = xcalloc(1, sizeof(*m));

	m->engine = e;
	for (size_t f = 0; f < FAMILIES; f++)
		m->families[f] = metrics_family(reg, families[f].type,
						families[f].name,
						families[f].help,
						families[f].labels);
	return m;
}

void measures_channel_free(struct measures_channel *m)
{
	if (!m)
		return;
	map_release(&m->channels, drop);
	free(m);
}
