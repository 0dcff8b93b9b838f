/*
 * Times and durations: Go's grammars of both, the parts of a time, and how
 * they are written.
 */
#include "config.h"
#include "schema/cel/function.h"

#include <string.h>

#define NANOS 1000000000
#define DAY 86400

/* ---- durations ---- */

struct text {
	const char *s, *end;
};

static bool at(const struct text *t, char c)
{
	return t->s < t->end && *t->s == c;
}

static bool at_digit(const struct text *t)
{
	return t->s < t->end && *t->s >= '0' && *t->s <= '9';
}

/* Nanoseconds of the unit there, past it; 0 if it is none. */
static uint64_t unit(struct text *t)
{
	static const struct {
		const char *name;
		uint64_t nanos;
	} units[] = {
		{ "ns", 1 },
		{ "us", 1000 }, { "\u00b5s", 1000 }, { "\u03bcs", 1000 },
		{ "ms", 1000000 }, { "s", NANOS }, { "m", 60ull * NANOS },
		{ "h", 3600ull * NANOS },
	};
	const char *end = t->s;
	size_t n;

	while (end < t->end && *end != '.' && !(*end >= '0' && *end <= '9'))
		end++;
	n = (size_t)(end - t->s);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == n &&
		    !memcmp(units[i].name, t->s, n)) {
			t->s = end;
			return units[i].nanos;
		}
	return 0;
}

/* Digits behind a point: their value and ten to their number, as far as both
 * fit; the rest is dropped, as Go does. */
static bool fraction(struct text *t, uint64_t *ret, double *scale)
{
	uint64_t v = 0;
	bool full = false, any = at_digit(t);

	*scale = 1;
	for (; at_digit(t); t->s++) {
		uint64_t more;

		if (full)
			continue;
		if (v > (UINT64_C(1) << 63) / 10) {
			full = true;
			continue;
		}
		more = v * 10 + (uint64_t)(*t->s - '0');
		if (more > UINT64_C(1) << 63) {
			full = true;
			continue;
		}
		v = more;
		*scale *= 10;
	}
	*ret = v;
	return any;
}

/* One number with its unit, added to *sum; false if there is none. */
static bool part(struct text *t, uint64_t *sum)
{
	const uint64_t most = UINT64_C(1) << 63;
	uint64_t v = 0, f = 0, nanos;
	double scale = 1;
	bool whole = at_digit(t), behind = false;

	for (; at_digit(t); t->s++) {
		if (v > most / 10)
			return false;
		v = v * 10 + (uint64_t)(*t->s - '0');
		if (v > most)
			return false;
	}
	if (at(t, '.')) {
		t->s++;
		behind = fraction(t, &f, &scale);
	}
	if (!whole && !behind)
		return false;
	nanos = unit(t);
	if (!nanos || v > most / nanos)
		return false;
	v *= nanos;
	if (f)
		v += (uint64_t)((double)f * ((double)nanos / scale));
	if (v > most)
		return false;
	*sum += v;
	return *sum <= most;
}

bool cel_parse_duration(const char *s, size_t len, int64_t *ret)
{
	struct text t = { s, s + len };
	bool negative = at(&t, '-');
	uint64_t sum = 0;

	if (negative || at(&t, '+'))
		t.s++;
	if (t.end - t.s == 1 && *t.s == '0') {
		*ret = 0;
		return true;
	}
	if (t.s == t.end)
		return false;
	while (t.s < t.end)
		if (!part(&t, &sum))
			return false;
	if (!negative && sum > INT64_MAX)
		return false;
	*ret = negative ? (int64_t)(0 - sum) : (int64_t)sum;
	return true;
}

/* As a float64 of seconds. */
static double seconds(int64_t nanos)
{
	return (double)(nanos / NANOS) + (double)(nanos % NANOS) / 1e9;
}

void cel_duration_text(int64_t nanos, struct buf *out)
{
	cel_double_text(seconds(nanos), true, out);
	buf_addc(out, 's');
}

/* ---- dates ---- */

/* Days from 1970-01-01 to the first of a year's month, both from 1. */
static int64_t days_to(int64_t year, int month)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151,
				      181, 212, 243, 273, 304, 334 };
	int64_t y = year - 1;
	bool leap = !(year % 4) && (year % 100 || !(year % 400));

	return y * 365 + y / 4 - y / 100 + y / 400 - 719162 +
	       before[month - 1] + (leap && month > 2);
}

static int days_in(int64_t year, int month)
{
	return (int)(month == 12 ? 31 : days_to(year, month + 1) -
		     days_to(year, month));
}

/* From least to most digits; -1 if there are fewer. */
static int digits(struct text *t, int least, int most)
{
	int v = 0, n = 0;

	for (; n < most && at_digit(t); n++, t->s++)
		v = v * 10 + (*t->s - '0');
	return n < least ? -1 : v;
}

static bool take(struct text *t, char c)
{
	bool there = at(t, c);

	t->s += there;
	return there;
}

static bool date(struct text *t, struct cel_time *ret)
{
	int year = digits(t, 4, 4), month, day;

	if (year < 0 || !take(t, '-'))
		return false;
	month = digits(t, 2, 2);
	if (month < 1 || month > 12 || !take(t, '-'))
		return false;
	day = digits(t, 2, 2);
	if (day < 1 || day > days_in(year, month))
		return false;
	/* of the year 0 the division would go wrong: 400 years on, and back */
	ret->seconds = (days_to(year + 400, month) - 146097 + day - 1) * DAY;
	return true;
}

static bool nanoseconds(struct text *t, int32_t *ret)
{
	int32_t v = 0, scale = NANOS / 10;

	if (t->end - t->s < 2 || (*t->s != '.' && *t->s != ',') ||
	    t->s[1] < '0' || t->s[1] > '9')
		return true;
	for (t->s++; at_digit(t); t->s++) {
		v += scale * (*t->s - '0');
		scale /= 10;
	}
	*ret = v;
	return true;
}

static bool clock_part(struct text *t, struct cel_time *ret)
{
	int hour = digits(t, 1, 2), minute, second;

	if (hour < 0 || hour > 23 || !take(t, ':'))
		return false;
	minute = digits(t, 2, 2);
	if (minute < 0 || minute > 59 || !take(t, ':'))
		return false;
	second = digits(t, 2, 2);
	if (second < 0 || second > 59)
		return false;
	ret->seconds += hour * 3600 + minute * 60 + second;
	return nanoseconds(t, &ret->nanos);
}

static bool zone(struct text *t, struct cel_time *ret)
{
	bool west = at(t, '-');
	int hour, minute;

	if (take(t, 'Z'))
		return true;
	if (!take(t, '+') && !take(t, '-'))
		return false;
	hour = digits(t, 2, 2);
	if (hour < 0 || hour > 24 || !take(t, ':'))
		return false;
	minute = digits(t, 2, 2);
	if (minute < 0 || minute > 59)
		return false;
	ret->offset = (hour * 3600 + minute * 60) * (west ? -1 : 1);
	ret->seconds -= ret->offset;
	return true;
}

bool cel_parse_time(const char *s, size_t len, struct cel_time *ret)
{
	struct text t = { s, s + len };

	*ret = (struct cel_time){ 0 };
	return date(&t, ret) && take(&t, 'T') && clock_part(&t, ret) &&
	       zone(&t, ret) && t.s == t.end;
}

bool cel_parse_date(const char *s, size_t len, struct cel_time *ret)
{
	struct text t = { s, s + len };

	*ret = (struct cel_time){ 0 };
	return date(&t, ret) && t.s == t.end;
}

/* ---- parts of a time ---- */

struct parts {
	int64_t year;
	int month, day;		/* from 1 */
	int year_day, week_day;	/* from 0; Sunday is 0 */
	int hour, minute, second;
};

static void split(const struct cel_time *t, int64_t offset, struct parts *ret)
{
	int64_t at = t->seconds + offset, day, second;

	day = at / DAY;
	second = at % DAY;
	if (second < 0) {
		second += DAY;
		day--;
	}
	ret->hour = (int)(second / 3600);
	ret->minute = (int)(second / 60 % 60);
	ret->second = (int)(second % 60);
	ret->week_day = (int)(((day + 4) % 7 + 7) % 7);
	/* years are from 0 to 10000 here; a guess, and then up to the right */
	ret->year = 1970 + day / 366;
	while (ret->year > 1 && days_to(ret->year, 1) > day)
		ret->year -= 1 + (days_to(ret->year, 1) - day - 1) / 366;
	while (days_to(ret->year + 1, 1) <= day)
		ret->year++;
	ret->year_day = (int)(day - days_to(ret->year, 1));
	for (ret->month = 12; days_to(ret->year, ret->month) > day; )
		ret->month--;
	ret->day = (int)(day - days_to(ret->year, ret->month)) + 1;
}

void cel_time_text(const struct cel_time *t, struct buf *out)
{
	struct parts p;
	int32_t nanos = t->nanos;
	int width = 9, offset = t->offset / 60;

	split(t, t->offset, &p);
	buf_addf(out, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)p.year,
		 p.month, p.day, p.hour, p.minute, p.second);
	for (; nanos && nanos % 10 == 0; nanos /= 10)
		width--;
	if (nanos)
		buf_addf(out, ".%0*d", width, nanos);
	if (!offset)
		buf_addc(out, 'Z');
	else
		buf_addf(out, "%c%02d:%02d", offset < 0 ? '-' : '+',
			 (offset < 0 ? -offset : offset) / 60,
			 (offset < 0 ? -offset : offset) % 60);
}

/* "+01:00", "-8:30" or "UTC"; of other zones we have no table to trust. */
static bool zone_offset(const struct cel_value *args, size_t n, int64_t *ret)
{
	struct text t;
	int hour, minute;
	bool west;

	*ret = 0;
	if (n < 2 || (args[1].n == 3 && !memcmp(args[1].str, "UTC", 3)))
		return true;
	t = (struct text){ args[1].str, args[1].str + args[1].n };
	west = at(&t, '-');
	if (west || at(&t, '+'))
		t.s++;
	hour = digits(&t, 1, 2);
	if (hour < 0 || !take(&t, ':'))
		return false;
	minute = digits(&t, 1, 2);
	if (minute < 0 || t.s != t.end)
		return false;
	*ret = (int64_t)(hour * 60 + minute) * 60 * (west ? -1 : 1);
	return true;
}

static struct cel_value time_part(struct cel_run *r,
				  const struct cel_value *args, size_t n)
{
	const char *what = cel_call_name(r);
	struct parts p;
	int64_t offset;

	if (!zone_offset(args, n, &offset))
		return cel_unknown("a time zone");
	if (args[0].time->seconds + offset < -62135596800)
		return cel_unknown("a time before the year 1");
	split(args[0].time, offset, &p);
	if (!strcmp(what, "getFullYear"))
		return cel_int(p.year);
	if (!strcmp(what, "getMonth"))
		return cel_int(p.month - 1);
	if (!strcmp(what, "getDayOfYear"))
		return cel_int(p.year_day);
	if (!strcmp(what, "getDayOfMonth"))
		return cel_int(p.day - 1);
	if (!strcmp(what, "getDate"))
		return cel_int(p.day);
	if (!strcmp(what, "getDayOfWeek"))
		return cel_int(p.week_day);
	if (!strcmp(what, "getHours"))
		return cel_int(p.hour);
	if (!strcmp(what, "getMinutes"))
		return cel_int(p.minute);
	if (!strcmp(what, "getSeconds"))
		return cel_int(p.second);
	return cel_int(args[0].time->nanos / 1000000);
}

/* Whole units of a duration, by Go's floats: near a whole number they can
 * round up. */
static struct cel_value duration_part(struct cel_run *r,
				      const struct cel_value *args, size_t n)
{
	const char *what = cel_call_name(r);
	int64_t v = args[0].integer, by = NANOS;

	(void)n;
	if (!strcmp(what, "getMilliseconds"))
		return cel_int(v / 1000000);
	if (!strcmp(what, "getHours"))
		by = INT64_C(3600) * NANOS;
	else if (!strcmp(what, "getMinutes"))
		by = INT64_C(60) * NANOS;
	return cel_int((int64_t)((double)(v / by) +
				 (double)(v % by) / (double)by));
}

#define TIME_PART(name) \
	{ name, true, "t", time_part }, { name, true, "ts", time_part }
#define BOTH_PART(name) \
	TIME_PART(name), { name, true, "D", duration_part }

const struct cel_function cel_time_functions[] = {
	TIME_PART("getFullYear"),
	TIME_PART("getMonth"),
	TIME_PART("getDayOfYear"),
	TIME_PART("getDayOfMonth"),
	TIME_PART("getDate"),
	TIME_PART("getDayOfWeek"),
	BOTH_PART("getHours"),
	BOTH_PART("getMinutes"),
	BOTH_PART("getSeconds"),
	BOTH_PART("getMilliseconds"),
	{ 0 },
};
