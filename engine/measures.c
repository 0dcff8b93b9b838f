/*
 * Metrics of the engine: what it does with the API server, and how its loop
 * and its process are. See measures.h; those of channels are in
 * measures-channel.c.
 */
#include "config.h"
#include "engine/measures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/controller.h"
#include "engine/kube.h"
#include "engine/measures-channel.h"
#include "engine/source.h"
#include "engine/writes.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"

/* One number: its family has no labels. */
enum single {
	CHANNELS, RESTARTS, LANDLOCK, WRITES_LIMIT, WRITES_RUNNING, LEADING, THROTTLED,
	WATCHES, WATCH_STARTS, WATCH_RELISTS, WATCH_ERRORS, CPU, RESIDENT,
	STARTED,
	SINGLES
};

static const struct {
	enum metric_type type;
	const char *name, *help;
} singles[SINGLES] = {
	[CHANNELS] = { METRIC_GAUGE, "windlass_channels",
		"Channels that there are." },
	[RESTARTS] = { METRIC_COUNTER, "windlass_fetch_restarts",
		"Restarts of the fetching child." },
	[LANDLOCK] = { METRIC_GAUGE, "windlass_fetch_landlock",
		"Version of the Landlock that confines the fetching child, 0 "
		"if it is not confined." },
	[WRITES_LIMIT] = { METRIC_GAUGE, "windlass_writes_limit",
		"Writes that may run at a time just now." },
	[WRITES_RUNNING] = { METRIC_GAUGE, "windlass_writes_running",
		"Writes that run." },
	[LEADING] = { METRIC_GAUGE, "windlass_leading",
		"1 if this engine writes, 0 if it stands by." },
	[THROTTLED] = { METRIC_COUNTER, "windlass_kube_throttled",
		"Answers 429 of the API server." },
	[WATCHES] = { METRIC_GAUGE, "windlass_watches",
		"Watches of the API server that are kept." },
	[WATCH_STARTS] = { METRIC_COUNTER, "windlass_watch_starts",
		"Streams of watches that were opened, again or for the "
		"first time." },
	[WATCH_RELISTS] = { METRIC_COUNTER, "windlass_watch_relists",
		"Starts of watches from the beginning." },
	[WATCH_ERRORS] = { METRIC_COUNTER, "windlass_watch_errors",
		"Failures of watches." },
	[CPU] = { METRIC_COUNTER, "process_cpu_seconds",
		"User and system time of the process, without its child." },
	[RESIDENT] = { METRIC_GAUGE, "process_resident_memory_bytes",
		"Memory of the process, without its child." },
	[STARTED] = { METRIC_GAUGE, "process_start_time_seconds",
		"When the process started, in seconds since 1970." },
};

static const char *const verb_names[KUBE_VERBS] = {
	[KUBE_GET] = "get", [KUBE_LIST] = "list", [KUBE_WATCH] = "watch",
	[KUBE_CREATE] = "create", [KUBE_UPDATE] = "update",
	[KUBE_PATCH] = "patch", [KUBE_DELETE] = "delete",
};

static const char *const code_names[6] = {
	"none", "1xx", "2xx", "3xx", "4xx", "5xx",
};

struct measures {
	struct engine *engine;
	struct measures_channel *channels;
	struct metric *answers, *took;
	struct series *turns, *singles[SINGLES];
	double started;
};

/* ---- at the time of writing ---- */

static double cpu_seconds(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) < 0)
		return 0;
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long pages;
	double bytes = NAN;

	if (!f)
		return NAN;
	if (fscanf(f, "%*u %llu", &pages) == 1)
		bytes = (double)pages * (double)sysconf(_SC_PAGESIZE);
	fclose(f);
	return bytes;
}

/* A series begins with its first answer: most verbs have but two codes. */
static void write_kube(struct measures *m, const struct kube_stats *s)
{
	for (size_t v = 0; v < KUBE_VERBS; v++) {
		uint64_t calls = 0;

		for (size_t i = 0; i < ARRAY_SIZE(code_names); i++) {
			calls += s->answers[v][i];
			if (s->answers[v][i])
				series_set(metric_series(m->answers,
					verb_names[v], code_names[i], NULL),
					(double)s->answers[v][i]);
		}
		if (calls && v != KUBE_WATCH)
			series_set_buckets(metric_series(m->took,
							 verb_names[v], NULL),
					   s->took[v],
					   (double)s->total_ms[v] / 1e3);
	}
}

static void on_write(void *arg)
{
	struct measures *m = arg;
	const struct engine *e = m->engine;
	const struct loop_stats *turns = loop_stats(e->loop);
	const struct kube_stats *kube = kube_stats(e->kube);
	const double values[SINGLES] = {
		[CHANNELS] = (double)measures_channel_write(m->channels),
		[RESTARTS] = (double)sources_stats(e->sources).restarts,
		[LANDLOCK] = sources_stats(e->sources).landlock,
		[WRITES_LIMIT] = writes_limit(e->writes),
		[WRITES_RUNNING] = writes_running(e->writes),
		[LEADING] = e->leading,
		[THROTTLED] = (double)kube->throttled,
		[WATCHES] = (double)kube->watches,
		[WATCH_STARTS] = (double)kube->watch_starts,
		[WATCH_RELISTS] = (double)kube->watch_relists,
		[WATCH_ERRORS] = (double)kube->watch_errors,
		[CPU] = cpu_seconds(),
		[RESIDENT] = resident_bytes(),
		[STARTED] = m->started,
	};

	series_set_buckets(m->turns, turns->turns,
			   (double)turns->total_us / 1e6);
	write_kube(m, kube);
	for (size_t i = 0; i < SINGLES; i++)
		series_set(m->singles[i], values[i]);
}

/* ---- families ---- */

static struct metric *histogram(struct metrics *reg, const char *name,
				const char *help, const char *labels,
				const int *bucket_ms, size_t n)
{
	struct metric *f = metrics_family(reg, METRIC_HISTOGRAM, name, help,
					  labels);
	double *bounds = xcalloc(n, sizeof(*bounds));

	for (size_t i = 0; i < n; i++)
		bounds[i] = bucket_ms[i] / 1000.0;
	metric_buckets(f, bounds, n);
	free(bounds);
	return f;
}

static void make_engine(struct measures *m, struct metrics *reg)
{
	metric_series(metrics_family(reg, METRIC_INFO, "windlass_build",
				     "What this engine is.", "version"),
		      PACKAGE_VERSION, NULL);
	m->turns = metric_series(histogram(reg, "windlass_loop_turn_seconds",
		"How long the loop worked before it looked around again.", "",
		loop_bucket_ms, LOOP_BUCKETS - 1), NULL);
	for (size_t i = 0; i < SINGLES; i++)
		m->singles[i] = metric_series(
			metrics_family(reg, singles[i].type, singles[i].name,
				       singles[i].help, ""), NULL);
	m->answers = metrics_family(reg, METRIC_COUNTER,
				    "windlass_kube_answers",
				    "Answers of the API server.",
				    "verb code");
	m->took = histogram(reg, "windlass_kube_request_seconds",
			    "How long requests to the API server took.",
			    "verb", kube_bucket_ms, KUBE_BUCKETS - 1);
}

struct measures *measures_new(struct engine *e, struct metrics *reg)
{
	struct measures *m = xcalloc(1, sizeof(*m));

	m->engine = e;
	m->started = (double)clock_now();
	make_engine(m, reg);
	m->channels = measures_channel_new(e, reg);
	metrics_on_write(reg, on_write, m);
	return m;
}

void measures_free(struct measures *m)
{
	if (!m)
		return;
	measures_channel_free(m->channels);
	free(m);
}
