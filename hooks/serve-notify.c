/*
 * Telling others of what clusters report, by a child for each channel
 * (notify.h): receivers are other people's web servers, which may take their
 * time. It is started when a report says something new, and when the one
 * before asked for it: to try again, or because a cluster would be silent for
 * too long then. So at rest there is one for each of these times, and none in
 * between.
 */
#include "config.h"
#include "hooks/serve.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"

/* Children at a time: one that waits for a receiver costs some memory only,
 * and those of other channels should not wait with it. */
#define MAX_NOTIFIERS 8
/* so many runs at once for a channel, then one in NOTIFY_MS: what is news is
 * bounded by each run, see notify-receiver.c */
#define NOTIFY_AT_ONCE 20
#define NOTIFY_MS 5000
#define FAILED_RETRY_MS 5000
#define FAILED_RETRY_MAX_MS (600 * 1000)
#define AGAIN "again "

/* When its next run may be, monotonic ms; INT64_MAX: there is no need. */
static int64_t next_run(const struct served *ch)
{
	int64_t spaced = ch->notify_until - (NOTIFY_AT_ONCE - 1) * NOTIFY_MS;
	int64_t due = ch->notify_due ? ch->notify_pause : ch->notify_at;

	if (!ch->notify_due && !ch->notify_at)
		return INT64_MAX;
	return spaced > due ? spaced : due;
}

int64_t serve_notify_check(struct serve *s, struct served *ch,
			   const struct channel_config *cfg, int64_t now)
{
	struct err err = ERR_INIT;
	char *listening;

	/* somebody is told who was not before: of what is so */
	if (cfg->notify.n != ch->notify_n)
		ch->notify_due = true;
	ch->notify_n = cfg->notify.n;
	if (!ch->notify_n || ch->notifier || s->notifiers >= MAX_NOTIFIERS)
		return INT64_MAX;
	if (next_run(ch) > now)
		return next_run(ch);
	listening = xasprintf("--listening=%" PRId64,
			      (now - s->began) / 1000);
	ch->notifier = serve_job_fork(s, ch, SERVE_NOTIFY, listening, &err);
	free(listening);
	if (!ch->notifier) {
		log_error("job-failed", LOG_S("command", SERVE_NOTIFY),
			  LOG_S("channel", ch->name), LOG_S("error", err.msg));
		return ch->notify_pause = now + FAILED_RETRY_MS;
	}
	s->notifiers++;
	/* what comes from now on is for the next one */
	ch->notify_due = false;
	ch->notify_at = ch->notify_pause = 0;
	if (ch->notify_until < now)
		ch->notify_until = now;
	ch->notify_until += NOTIFY_MS;
	return INT64_MAX;
}

/* The line by which it says when to look again, at the end or nowhere. */
static const char *find_again(const char *output)
{
	const char *last = NULL;

	for (const char *s = output; *s; ) {
		size_t len = strcspn(s, "\n");

		if (!strncmp(s, AGAIN, strlen(AGAIN)))
			last = s;
		s += len + (s[len] == '\n');
	}
	return last;
}

void serve_notify_done(struct served *ch, int status, const char *output)
{
	const char *again = find_again(output);
	size_t words = again ? (size_t)(again - output) : strlen(output);
	int64_t now = clock_mono_ms(), wait = FAILED_RETRY_MS;
	char *said = xstrndup(output, words);
	uint64_t seconds;

	for (int i = 0; i < ch->notify_failures && wait < FAILED_RETRY_MAX_MS;
	     i++)
		wait *= 2;
	if (status) {
		log_warn("job-failed", LOG_S("command", SERVE_NOTIFY),
			 LOG_S("channel", ch->name), LOG_N("status", status),
			 LOG_S("output", said));
		ch->notify_failures++;
		ch->notify_pause = now + wait;
		ch->notify_due = true;
	} else {
		ch->notify_failures = 0;
		if (*said)
			log_warn("not-notified", LOG_S("channel", ch->name),
				 LOG_S("output", said));
	}
	if (again &&
	    !parse_u64n(again + strlen(AGAIN),
			strcspn(again + strlen(AGAIN), "\n"), 0, INT32_MAX,
			&seconds))
		ch->notify_at = now + (int64_t)seconds * 1000;
	free(said);
}
