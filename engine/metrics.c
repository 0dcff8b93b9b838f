/*
 * A registry that is written as OpenMetrics or Prometheus text. See
 * metrics.h. Names come
 * from our own code (a wrong one is a BUG), label values may come from
 * strangers and are escaped.
 */
#include "config.h"
#include "engine/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/base/strvec.h"
#include "schema/json.h"

static const double default_bounds[] = {
	0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10
};

struct series {
	struct metric *family;
	struct series *next, **link;
	char *labels;		/* as written, without braces: a="b",c="d" */
	double value;
	double sum;
	uint64_t *buckets;	/* n_bounds + 1; not cumulative */
};

struct metric {
	struct metrics *metrics;
	struct metric *next;
	enum metric_type type;
	char *name, *help;
	struct strvec labels;
	double *bounds;
	size_t n_bounds;
	struct series *series, **tail;
	struct map by_labels;
};

struct collector {
	struct collector *next;
	void (*fn)(void *arg);
	void *arg;
};

struct metrics {
	struct metric *families, **tail;
	struct map by_name;
	struct collector *collectors;
};

void metrics_new(struct metrics **ret)
{
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->tail = &(*ret)->families;
}

static void family_free(struct metric *f)
{
	while (f->series)
		series_drop(f->series);
	map_release(&f->by_labels, NULL);
	strvec_release(&f->labels);
	free(f->bounds);
	free(f->name);
	free(f->help);
	free(f);
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	while (m->families) {
		struct metric *f = m->families;

		m->families = f->next;
		family_free(f);
	}
	while (m->collectors) {
		struct collector *c = m->collectors;

		m->collectors = c->next;
		free(c);
	}
	map_release(&m->by_name, NULL);
	free(m);
}

static bool is_name(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool letter = (s[i] >= 'a' && s[i] <= 'z') || s[i] == '_';

		if (!letter && !(i && s[i] >= '0' && s[i] <= '9'))
			return false;
	}
	return len > 0;
}

static void split_labels(const char *labels, struct strvec *ret)
{
	for (const char *p = labels; *p;) {
		size_t len = strcspn(p, " ");

		if (!is_name(p, len))
			BUG("the name of a label");
		strvec_pushn(ret, p, len);
		p += len + (p[len] == ' ');
	}
}

struct metric *metrics_family(struct metrics *m, enum metric_type type,
			      const char *name, const char *help,
			      const char *labels)
{
	struct metric *f = map_get(&m->by_name, name);

	if (f) {
		if (f->type != type)
			BUG("a metric of two types");
		return f;
	}
	if (!is_name(name, strlen(name)))
		BUG("the name of a metric");
	if (strpbrk(help, "\"\\\n"))
		BUG("the help text of a metric");
	f = xcalloc(1, sizeof(*f));
	f->metrics = m;
	f->type = type;
	f->name = xstrdup(name);
	f->help = xstrdup(help);
	split_labels(labels, &f->labels);
	f->tail = &f->series;
	metric_buckets(f, default_bounds, ARRAY_SIZE(default_bounds));
	map_put(&m->by_name, name, f);
	*m->tail = f;
	m->tail = &f->next;
	return f;
}

void metric_buckets(struct metric *f, const double *bounds, size_t n)
{
	if (f->series)
		BUG("buckets change under a series");
	free(f->bounds);
	f->bounds = xreallocarray(NULL, n + 1, sizeof(*bounds));
	memcpy(f->bounds, bounds, n * sizeof(*bounds));
	f->n_bounds = n;
}

/* ---- series ---- */

static void add_label(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, "%s%s=\"", out->len ? "," : "", name);
	for (; *value; value++) {
		if (*value == '\n')
			buf_adds(out, "\\n");
		else if (*value == '"' || *value == '\\')
			buf_addf(out, "\\%c", *value);
		else
			buf_addc(out, *value);
	}
	buf_addc(out, '"');
}

struct series *metric_series(struct metric *f, ...)
{
	struct buf text = BUF_INIT(64 * 1024);
	struct series *s;
	va_list ap;

	va_start(ap, f);
	for (size_t i = 0; i < f->labels.n; i++) {
		const char *value = va_arg(ap, const char *);

		if (!value)
			BUG("too few label values");
		add_label(&text, f->labels.v[i], value);
	}
	if (va_arg(ap, const char *))
		BUG("too many label values");
	va_end(ap);
	s = map_get(&f->by_labels, text.data);
	if (!s) {
		s = xcalloc(1, sizeof(*s));
		s->family = f;
		s->labels = xstrdup(text.data);
		if (f->type == METRIC_HISTOGRAM)
			s->buckets = xcalloc(f->n_bounds + 1,
					     sizeof(*s->buckets));
		s->link = f->tail;
		*f->tail = s;
		f->tail = &s->next;
		map_put(&f->by_labels, text.data, s);
	}
	buf_release(&text);
	return s;
}

void series_drop(struct series *s)
{
	if (!s)
		return;
	map_del(&s->family->by_labels, s->labels);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	else
		s->family->tail = s->link;
	free(s->labels);
	free(s->buckets);
	free(s);
}

void series_add(struct series *s, double v)
{
	s->value += v;
}

void series_set(struct series *s, double v)
{
	s->value = v;
}

void series_observe(struct series *s, double v)
{
	size_t i = 0;

	while (i < s->family->n_bounds && v > s->family->bounds[i])
		i++;
	s->buckets[i]++;
	s->sum += v;
}

void series_set_buckets(struct series *s, const uint64_t *counts, double sum)
{
	memcpy(s->buckets, counts,
	       (s->family->n_bounds + 1) * sizeof(*counts));
	s->sum = sum;
}

/* ---- writing ---- */

void metrics_on_write(struct metrics *m, void (*fn)(void *arg), void *arg)
{
	struct collector *c = xcalloc(1, sizeof(*c));

	c->fn = fn;
	c->arg = arg;
	c->next = m->collectors;
	m->collectors = c;
}

static void write_number(struct buf *out, double v)
{
	if (isnan(v))
		buf_adds(out, "NaN");
	else if (isinf(v))
		buf_adds(out, v > 0 ? "+Inf" : "-Inf");
	else
		json_write_float(v, out);
}

static void write_sample(struct buf *out, const struct series *s,
			 const char *suffix, double v)
{
	bool braces = *s->labels != '\0';

	buf_addf(out, "%s%s%s%s%s ", s->family->name, suffix,
		 braces ? "{" : "", s->labels, braces ? "}" : "");
	write_number(out, v);
	buf_addc(out, '\n');
}

static void write_buckets(struct buf *out, const struct series *s)
{
	const struct metric *f = s->family;
	uint64_t total = 0;

	for (size_t i = 0; i <= f->n_bounds; i++) {
		double bound = i < f->n_bounds ? f->bounds[i] : INFINITY;

		total += s->buckets[i];
		buf_addf(out, "%s_bucket{%s%sle=\"", f->name, s->labels,
			 *s->labels ? "," : "");
		write_number(out, bound);
		/* "1.0": the label of a bound has one spelling */
		if (isfinite(bound) && bound == floor(bound))
			buf_adds(out, ".0");
		buf_addf(out, "\"} %" PRIu64 "\n", total);
	}
	write_sample(out, s, "_sum", s->sum);
	write_sample(out, s, "_count", (double)total);
}

static const char *const suffixes[] = {
	[METRIC_COUNTER] = "_total", [METRIC_GAUGE] = "",
	[METRIC_HISTOGRAM] = "", [METRIC_INFO] = "_info",
};

/* OpenMetrics describes the family, the older format each sample's name. */
static void write_head(struct buf *out, const struct metric *f,
		       enum metrics_format format)
{
	static const char *const types[] = { "counter", "gauge",
					     "histogram", "info" };
	static const char *const units[] = { "seconds", "bytes" };
	const char *suffix = suffixes[f->type];

	if (format == METRICS_TEXT) {
		buf_addf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", f->name,
			 suffix, f->help, f->name, suffix,
			 f->type == METRIC_INFO ? "gauge" : types[f->type]);
		return;
	}
	buf_addf(out, "# TYPE %s %s\n", f->name, types[f->type]);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		const char *last = strrchr(f->name, '_');

		if (last && !strcmp(last + 1, units[i]))
			buf_addf(out, "# UNIT %s %s\n", f->name, units[i]);
	}
	buf_addf(out, "# HELP %s %s\n", f->name, f->help);
}

static void write_family(struct buf *out, const struct metric *f,
			 enum metrics_format format)
{
	if (!f->series)
		return;
	write_head(out, f, format);
	for (const struct series *s = f->series; s; s = s->next) {
		if (f->type == METRIC_HISTOGRAM)
			write_buckets(out, s);
		else if (f->type == METRIC_INFO)
			write_sample(out, s, suffixes[f->type], 1);
		else if (f->type == METRIC_COUNTER || !isnan(s->value))
			write_sample(out, s, suffixes[f->type], s->value);
	}
}

void metrics_write(struct metrics *m, enum metrics_format format,
		   struct buf *out)
{
	for (struct collector *c = m->collectors; c; c = c->next)
		c->fn(c->arg);
	for (const struct metric *f = m->families; f; f = f->next)
		write_family(out, f, format);
	if (format == METRICS_OPENMETRICS)
		buf_adds(out, "# EOF\n");
}

/* ---- who wants what (RFC 9110, section 12.5.1) ---- */

/* The weight that one range of an Accept header gives itself, 0 to 1. */
static double weight(const char *range, size_t len)
{
	const char *end = range + len;

	for (const char *p = range; (p = memchr(p, ';', (size_t)(end - p)));) {
		p++;
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (end - p > 2 && (*p == 'q' || *p == 'Q') && p[1] == '=') {
			double q = p[2] == '1', part = 0.1;

			for (p += p + 3 < end && p[3] == '.' ? 4 : 3;
			     p < end && *p >= '0' && *p <= '9'; p++) {
				q += (*p - '0') * part;
				part /= 10;
			}
			return q;
		}
	}
	return 1;
}

enum metrics_format metrics_format_of(const char *accept)
{
	static const char *const names[] = {
		[METRICS_OPENMETRICS] = "application/openmetrics-text",
		[METRICS_TEXT] = "text/plain",
	};
	double wish[ARRAY_SIZE(names)] = { 0 };

	for (const char *p = accept ? accept : ""; *p;) {
		size_t len = strcspn(p, ",");

		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			size_t n = strlen(names[i]);
			double q = weight(p, len);

			if (len >= n && !strncasecmp(p, names[i], n) &&
			    (len == n || strchr("; \t", p[n])) && q > wish[i])
				wish[i] = q;
		}
		p += len;
		p += strspn(p, ", \t");
	}
	return wish[METRICS_OPENMETRICS] > 0 &&
	       wish[METRICS_OPENMETRICS] >= wish[METRICS_TEXT] ?
	       METRICS_OPENMETRICS : METRICS_TEXT;
}

const char *metrics_content_type(enum metrics_format format)
{
	return format == METRICS_TEXT ?
	       "text/plain; version=0.0.4; charset=utf-8" :
	       "application/openmetrics-text; version=1.0.0; charset=utf-8";
}
