/*
 * Counters, gauges and histograms, written as OpenMetrics 1.0 text or, for
 * those that do not know that, as Prometheus' text format 0.0.4. A series
 * is a pointer that its owner keeps: counting is one addition, no look-up.
 */
#ifndef ENGINE_METRICS_H
#define ENGINE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "schema/base/buf.h"

struct metrics;
struct metric;		/* a family: one name, one help text, its labels */
struct series;		/* one combination of label values */

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_HISTOGRAM,
	METRIC_INFO,		/* always 1: its labels are what it says */
};

void metrics_new(struct metrics **ret);
void metrics_free(struct metrics *m);

/*
 * The family; made if it is new. name: "windlass_applies" (a counter gets
 * its _total when it is written, an info its _info); what is measured in
 * seconds or bytes ends in _seconds or _bytes. help: one line without
 * quotes. labels: names separated by spaces, "" for
 * none. Wrong names or another shape for a known name are a BUG.
 */
struct metric *metrics_family(struct metrics *m, enum metric_type type,
			      const char *name, const char *help,
			      const char *labels);
/* Upper bounds of a histogram's buckets, rising, +Inf added by us; before
 * its first series. Default: 1 ms to 10 s. In seconds, as all times are. */
void metric_buckets(struct metric *f, const double *bounds, size_t n);

/*
 * The series with these label values (one const char * for each label, in
 * order, then NULL); made if it is new, at 0. Freed with the metrics or by
 * series_drop. Values may hold any bytes.
 */
struct series *metric_series(struct metric *f, ...)
	__attribute__((sentinel));
void series_drop(struct series *s);

void series_add(struct series *s, double v);	/* counter (v >= 0), gauge */
void series_set(struct series *s, double v);	/* gauge; a counter that is
						   counted elsewhere. A gauge
						   that is NaN is left out */
void series_observe(struct series *s, double v);	/* histogram */
/* A histogram that is kept elsewhere: counts[n_bounds + 1], not cumulative. */
void series_set_buckets(struct series *s, const uint64_t *counts, double sum);

/* fn runs before each writing, to set what is only known then. */
void metrics_on_write(struct metrics *m, void (*fn)(void *arg), void *arg);

enum metrics_format {
	METRICS_OPENMETRICS,	/* with "# EOF" at the end */
	METRICS_TEXT,		/* 0.0.4 */
};
void metrics_write(struct metrics *m, enum metrics_format format,
		   struct buf *out);
/* What an Accept header (NULL: none) asks for. */
enum metrics_format metrics_format_of(const char *accept);
/* Its Content-Type. */
const char *metrics_content_type(enum metrics_format format);

#endif
