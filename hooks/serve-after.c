/*
 * Channels that wait for another one (after.h). When that one's clusters
 * called its bundle healthy for long enough, publish is run once, as for a
 * push; what may be published is its affair (promotion.c). Nothing is asked
 * of Git here: the reports are files, looked at when one came and when the
 * time is over.
 */
#include "config.h"
#include "hooks/serve.h"

#include <string.h>

#include "hooks/consensus.h"
#include "hooks/promotion.h"

/* a file's time is in seconds, and so is how long it was healthy */
#define ROUNDING_MS 1000

void serve_after_news(struct serve *s, const char *name, bool anew)
{
	for (size_t i = 0; i < s->n; i++) {
		struct served *ch = s->channels[i];
		const struct channel_config *cfg =
			config_channel(&s->host.config, ch->name);

		if (!cfg || !cfg->after || strcmp(cfg->after, name))
			continue;
		ch->after_news = true;
		if (anew)
			ch->after_bundle[0] = '\0';
		s->next_check = 0;
	}
}

/* Other settings are looked at anew, as those of a start. */
static void take_settings(struct served *ch, const struct channel_config *cfg)
{
	if (!strcmp(ch->after_name, cfg->after) &&
	    ch->after_seconds == cfg->after_seconds)
		return;
	memcpy(ch->after_name, cfg->after, strlen(cfg->after) + 1);
	ch->after_seconds = cfg->after_seconds;
	ch->after_bundle[0] = '\0';
	ch->after_news = true;
}

bool serve_after_due(struct serve *s, struct served *ch,
		     const struct channel_config *cfg, int64_t now,
		     int64_t *next)
{
	struct buf why = BUF_INIT(PROMOTION_TEXT);
	struct served *before;
	int64_t held = -1;

	if (!cfg->after)
		return false;
	take_settings(ch, cfg);
	if (!ch->after_news && ch->after_at && now < ch->after_at &&
	    ch->after_at < *next)
		*next = ch->after_at;
	if (!ch->after_news && (!ch->after_at || now < ch->after_at))
		return false;
	ch->after_news = false;
	ch->after_at = 0;
	before = serve_find(s, cfg->after, strlen(cfg->after));
	if (before && *before->bundle &&
	    strcmp(before->bundle, ch->after_bundle))
		held = consensus_held(&s->host.config,
				      config_channel(&s->host.config,
						     cfg->after),
				      before->bundle, CLUSTER_HEALTHY, &why);
	buf_release(&why);
	if (held < 0)
		return false;
	if (held < cfg->after_seconds) {
		ch->after_at = now + (cfg->after_seconds - held) * 1000 +
			       ROUNDING_MS;
		if (ch->after_at < *next)
			*next = ch->after_at;
		return false;
	}
	memcpy(ch->after_bundle, before->bundle, sizeof(ch->after_bundle));
	return true;
}
