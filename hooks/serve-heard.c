/*
 * What is due by what clusters said: a channel that waits for another one
 * (after.h) is published when that one was healthy for long enough, and one
 * that failed everywhere is rolled back (rollback-failed.h). The command that
 * is then run judges by itself. Nothing is asked of Git here: the reports are
 * files, looked at when one came and when the time is over.
 */
#include "config.h"
#include "hooks/serve.h"

#include <string.h>

#include "hooks/consensus.h"
#include "hooks/promotion.h"

/* a file's time is in seconds, and so is how long something lasted */
#define ROUNDING_MS 1000

static void take_news(struct vigil *v, bool anew)
{
	v->news = true;
	if (anew)
		v->bundle[0] = '\0';
}

void serve_heard(struct serve *s, const char *name, bool anew)
{
	for (size_t i = 0; i < s->n; i++) {
		struct served *ch = s->channels[i];
		const struct channel_config *cfg =
			config_channel(&s->host.config, ch->name);

		/* others may be told that it waits, or does no more */
		if (cfg && cfg->after &&
		    (!strcmp(cfg->after, name) || !strcmp(ch->name, name))) {
			ch->notify_due = true;
			s->next_record = 0;
		}
		if (cfg && cfg->after && !strcmp(cfg->after, name))
			take_news(&ch->after, anew);
		else if (cfg && cfg->rollback_seconds &&
			 !strcmp(ch->name, name))
			take_news(&ch->failure, anew);
		else
			continue;
		s->next_check = 0;
	}
}

/* Other settings are looked at anew, as those of a start. */
static void take_settings(struct vigil *v, const char *channel,
			  int64_t seconds)
{
	if (!strcmp(v->channel, channel) && v->seconds == seconds)
		return;
	memcpy(v->channel, channel, strlen(channel) + 1);
	v->seconds = seconds;
	take_news(v, true);
}

/* For how long, of a bundle that nothing was begun for; -1: not at all. */
static int64_t held(struct serve *s, const struct vigil *v,
		    enum cluster_phase phase, char ret_bundle[GIT_HEX_SIZE])
{
	const struct served *of = serve_find(s, v->channel,
					     strlen(v->channel));
	struct buf why = BUF_INIT(PROMOTION_TEXT);
	int64_t seconds;

	if (!of || !*of->bundle || !strcmp(of->bundle, v->bundle))
		return -1;
	memcpy(ret_bundle, of->bundle, GIT_HEX_SIZE);
	seconds = consensus_held(&s->host.config,
				 config_channel(&s->host.config, v->channel),
				 ret_bundle, phase, &why);
	buf_release(&why);
	return seconds;
}

static bool is_due(struct serve *s, struct vigil *v, enum cluster_phase phase,
		   int64_t now, int64_t *next)
{
	char bundle[GIT_HEX_SIZE];
	int64_t seconds;

	if (v->news || (v->at && now >= v->at)) {
		v->news = false;
		v->at = 0;
		seconds = held(s, v, phase, bundle);
		if (seconds >= v->seconds) {
			memcpy(v->bundle, bundle, sizeof(v->bundle));
			return true;
		}
		if (seconds >= 0)
			v->at = now + (v->seconds - seconds) * 1000 +
				ROUNDING_MS;
	}
	if (v->at && v->at < *next)
		*next = v->at;
	return false;
}

bool serve_after_due(struct serve *s, struct served *ch,
		     const struct channel_config *cfg, int64_t now,
		     int64_t *next)
{
	if (!cfg->after)
		return false;
	take_settings(&ch->after, cfg->after, cfg->after_seconds);
	return is_due(s, &ch->after, CLUSTER_HEALTHY, now, next);
}

bool serve_failure_due(struct serve *s, struct served *ch,
		       const struct channel_config *cfg, int64_t now,
		       int64_t *next)
{
	if (!cfg->rollback_seconds)
		return false;
	take_settings(&ch->failure, cfg->name, cfg->rollback_seconds);
	return is_due(s, &ch->failure, CLUSTER_FAILED, now, next);
}
