/*
 * Clocks and their one text form. See clock.h.
 */
#include "config.h"
#include "schema/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "schema/base/mem.h"

int64_t clock_now(void)
{
	return (int64_t)time(NULL);
}

int64_t clock_mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void clock_format(int64_t t, char ret_text[CLOCK_TEXT_SIZE])
{
	time_t tt = (time_t)t;
	struct tm tm;

	if (t < 0 || t >= CLOCK_TIME_END || !gmtime_r(&tt, &tm))
		BUG("time out of range");
	strftime(ret_text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int digits(const char *s, int n, int *ret)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	*ret = v;
	return 0;
}

int clock_parse(const char *text, int64_t *ret_t)
{
	char again[CLOCK_TEXT_SIZE];
	struct tm tm = { 0 };
	int64_t t;

	if (strlen(text) != CLOCK_TEXT_SIZE - 1 ||
	    digits(text, 4, &tm.tm_year) || digits(text + 5, 2, &tm.tm_mon) ||
	    digits(text + 8, 2, &tm.tm_mday) ||
	    digits(text + 11, 2, &tm.tm_hour) ||
	    digits(text + 14, 2, &tm.tm_min) ||
	    digits(text + 17, 2, &tm.tm_sec) || tm.tm_year < 1970)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	t = (int64_t)timegm(&tm);
	if (t < 0 || t >= CLOCK_TIME_END)
		return -1;
	/* timegm normalizes 31 February; writing it back shows that */
	clock_format(t, again);
	if (strcmp(again, text))
		return -1;
	*ret_t = t;
	return 0;
}
