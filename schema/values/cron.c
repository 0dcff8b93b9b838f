/*
 * CronJobs: when they run, and what.
 */
#include "config.h"
#include "schema/values/cron.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/near.h"
#include "schema/values/common.h"
#include "schema/values/job.h"
#include "schema/values/kinds.h"

/* ---- schedules ---- */

/* A field of a schedule; names count from `low`. */
static const struct part {
	const char *what;
	int low, high;
	const char *names;
} parts[] = {
	{ "minute", 0, 59, "" },
	{ "hour", 0, 23, "" },
	{ "day of the month", 1, 31, "" },
	{ "month", 1, 12, "jan feb mar apr may jun jul aug sep oct nov dec" },
	{ "day of the week", 0, 6, "sun mon tue wed thu fri sat" },
};

#define PARTS ARRAY_SIZE(parts)

/* A number or a name, all of it; -1 if it is neither. */
static int number_of(const struct part *part, const char *s, size_t n)
{
	int v = 0, at = part->low;

	for (const char *name = part->names; *name; at++) {
		if (n == 3 && !strncasecmp(s, name, 3))
			return at;
		name += strcspn(name, " ");
		name += *name == ' ';
	}
	if (n && *s == '+') {
		s++;
		n--;
	}
	if (!n || n > 6)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v;
}

static bool has_more(const char *s, size_t n, char c, unsigned most)
{
	unsigned found = 0;

	for (size_t i = 0; i < n; i++)
		found += s[i] == c;
	return found > most;
}

/* Its two ends: "*", "3" or "mon-fri". */
static bool range_of(const struct part *part, const char *s, size_t n,
		     bool open, int *low, int *high)
{
	const char *dash = memchr(s, '-', n);
	size_t first = dash ? (size_t)(dash - s) : n;

	if (first == 1 && (*s == '*' || *s == '?')) {
		*low = part->low;
		*high = part->high;
		return true;
	}
	if (has_more(s, n, '-', 1))
		return false;
	*low = number_of(part, s, first);
	*high = *low;
	if (dash)
		*high = number_of(part, dash + 1, n - first - 1);
	else if (open)
		*high = part->high;
	return *low >= part->low && *high >= *low && *high <= part->high;
}

/* "1-5/2" */
static bool is_range(const struct part *part, const char *s, size_t n)
{
	const char *slash = memchr(s, '/', n);
	size_t first = slash ? (size_t)(slash - s) : n;
	static const struct part step = { "", 1, 0, "" };
	int low, high;

	if (has_more(s, n, '/', 1))
		return false;
	if (slash && number_of(&step, slash + 1, n - first - 1) < 1)
		return false;
	return range_of(part, s, first, slash, &low, &high);
}

static bool is_part(const struct part *part, const char *s, size_t n)
{
	while (n) {
		const char *comma = memchr(s, ',', n);
		size_t one = comma ? (size_t)(comma - s) : n;

		if (one && !is_range(part, s, one))
			return false;
		s += one + (comma != NULL);
		n -= one + (comma != NULL);
	}
	return true;
}

/* Go's time.ParseDuration: "1h30m", "1.5s" */
static bool is_duration(const char *s)
{
	static const char *const units[] = {
		"ns", "us", "\xc2\xb5s", "\xce\xbcs", "ms", "s", "m", "h",
	};

	s += *s == '-' || *s == '+';
	if (!strcmp(s, "0"))
		return true;
	if (!*s)
		return false;
	while (*s) {
		size_t whole = strspn(s, "0123456789"), part = 0, unit, i;

		s += whole;
		if (*s == '.') {
			part = strspn(s + 1, "0123456789");
			s += 1 + part;
		}
		unit = strcspn(s, "0123456789.");
		for (i = 0; i < ARRAY_SIZE(units); i++)
			if (strlen(units[i]) == unit &&
			    !strncmp(units[i], s, unit))
				break;
		if (whole + part == 0 || i == ARRAY_SIZE(units))
			return false;
		s += unit;
	}
	return true;
}

static bool is_descriptor(const char *s)
{
	static const char *const known[] = {
		"@yearly", "@annually", "@monthly", "@weekly", "@daily",
		"@midnight", "@hourly",
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(s, known[i]))
			return true;
	return !strncmp(s, "@every ", 7) && is_duration(s + 7);
}

const char *cron_fault(const char *schedule, char *buf, size_t size)
{
	static const char blank[] = " \t\n\v\f\r";
	const char *s = schedule + strspn(schedule, blank), *start = s;
	size_t n = 0;

	if (strstr(schedule, "TZ"))
		return "must not name a time zone: that is for timeZone";
	if (*schedule == '@')
		return is_descriptor(schedule) ? NULL : "is none of @yearly, "
		       "@monthly, @weekly, @daily, @hourly, @every <DURATION>";
	for (; *s; n++) {
		s += strcspn(s, blank);
		s += strspn(s, blank);
	}
	if (n != PARTS) {
		snprintf(buf, size, "must have 5 parts: minute, hour, day of "
			 "the month, month, day of the week; it has %zu", n);
		return buf;
	}
	s = start;
	for (size_t i = 0; i < PARTS; i++) {
		size_t len = strcspn(s, blank);

		if (!is_part(&parts[i], s, len)) {
			snprintf(buf, size, "has '%.*s' for the %s, which is "
				 "%d to %d%s", (int)(len < 40 ? len : 40), s,
				 parts[i].what, parts[i].low, parts[i].high,
				 i == PARTS - 1 ? " (0 is Sunday)" : "");
			return buf;
		}
		s += len;
		s += strspn(s, blank);
	}
	return NULL;
}

static void judge_schedule(struct judge *j, const struct place *p)
{
	const char *s = at_text(p), *fault;
	char buf[256];

	fault = s ? cron_fault(s, buf, sizeof(buf)) : NULL;
	if (fault)
		at_error(j, p, "value-format", "%s", fault);
}

/* ---- time zones ---- */

static const char *const zones[] = {
#define ZONE(name) name,
#include "schema/values/zones.inc"
#undef ZONE
};

static int by_name(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *)b);
}

const char *time_zone_find(const char *name, const char **ret_near)
{
	const char *const *found = bsearch(name, zones, ARRAY_SIZE(zones),
					   sizeof(zones[0]), by_name);
	size_t least = near_limit(strlen(name)) + 1;

	*ret_near = NULL;
	if (found)
		return *found;
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		size_t d = near_distance(name, zones[i], least);

		if (d < least) {
			least = d;
			*ret_near = zones[i];
		}
	}
	return NULL;
}

static void judge_zone(struct judge *j, const struct place *p)
{
	const char *s = node_text(p->node), *near;

	if (!s || (at_text(p) && time_zone_find(s, &near)))
		return;
	if (at_text(p) && near)
		at_error(j, p, "value-enum", "is '%s', which is no time zone: "
			 "did you mean '%s'?", s, near);
	else
		at_error(j, p, "value-enum", "is '%s', which is no time zone "
			 "such as Europe/Berlin or Etc/UTC", s);
}

/* ---- CronJob ---- */

static void judge_job_template(struct judge *j, const struct place *p)
{
	static const char *const selector[] = { "selector", NULL };
	static const struct field fields[] = {
		{ "spec", judge_job_spec, ANY },
	};
	struct place spec, manual;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (!at(p, "spec", &spec)) {
		if (at_is_map(p))
			at_missing(j, p, "spec", "");
		return;
	}
	at_forbid(j, &spec, selector, "in a CronJob: each of its Jobs gets "
		  "one");
	if (at_key_true(&spec, "manualSelector") &&
	    at(&spec, "manualSelector", &manual))
		at_error(j, &manual, "value-forbidden", "cannot be true in a "
			 "CronJob");
}

void judge_cron_job(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "failedJobsHistoryLimit", judge_not_negative, ANY },
		{ "jobTemplate", judge_job_template, ANY },
		{ "schedule", judge_schedule, FILLED },
		{ "startingDeadlineSeconds", judge_not_negative, ANY },
		{ "successfulJobsHistoryLimit", judge_not_negative, ANY },
		{ "timeZone", judge_zone, FILLED },
	};
	struct place spec;

	if (at(root, "spec", &spec))
		at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	else
		at_missing(j, root, "spec", "");
}
