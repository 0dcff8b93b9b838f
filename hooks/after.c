/*
 * Which channel waits for which. See after.h. Refuses what could never come
 * to an end: a channel that is not there, itself, a circle, and one whose
 * clusters nobody listens to.
 */
#include "config.h"
#include "hooks/after.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/num.h"

int after_parse(const char *v, char **ret_channel, int64_t *ret_seconds,
		struct err *err)
{
	static const char word[] = " for ";
	const char *at = strstr(v, word);
	char *channel = at ? xstrndup(v, (size_t)(at - v)) : NULL;
	int64_t seconds;

	if (!at || !is_channel_name(channel) ||
	    parse_duration(at + strlen(word), &seconds) < 0 || seconds < 1 ||
	    seconds > LIMIT_AFTER_SECONDS) {
		free(channel);
		return err_set(err, ERR_INVALID, "must be a channel and how "
			       "long it must have been healthy, from 1s to "
			       "%dd, as: staging for 10m",
			       LIMIT_AFTER_SECONDS / 86400);
	}
	free(*ret_channel);
	*ret_channel = channel;
	*ret_seconds = seconds;
	return 0;
}

static int check_before(const struct host_config *c,
			const struct channel_config *ch, struct err *err)
{
	const struct channel_config *before = config_channel(c, ch->after);

	if (before == ch)
		return err_set(err, ERR_INVALID, "windlass.%s.after names the "
			       "channel itself", ch->name);
	if (!before)
		return err_set(err, ERR_INVALID, "windlass.%s.after names "
			       "channel '%s', which is not configured",
			       ch->name, ch->after);
	if (!before->reporters)
		return err_set(err, ERR_INVALID, "windlass.%s.after: nobody "
			       "would hear that channel '%s' is healthy; list "
			       "its clusters in a file and name it by `git "
			       "config windlass.%s.reporters FILE`", ch->name,
			       ch->after, ch->after);
	return 0;
}

static int check_circle(const struct host_config *c,
			const struct channel_config *ch, struct err *err)
{
	const struct channel_config *at = ch;

	for (size_t i = 0; i <= c->n && at->after; i++)
		at = config_channel(c, at->after);
	if (!at->after)
		return 0;
	return err_set(err, ERR_INVALID, "windlass.%s.after leads in a circle: "
		       "channel '%s' waits for '%s', and in the end each for "
		       "itself", ch->name, ch->name, ch->after);
}

int after_complete(const struct host_config *c, struct err *err)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->channels[i].after &&
		    check_before(c, &c->channels[i], err) < 0)
			return -1;
	for (size_t i = 0; i < c->n; i++)
		if (check_circle(c, &c->channels[i], err) < 0)
			return -1;
	return 0;
}

unsigned after_depth(const struct host_config *c,
		     const struct channel_config *ch)
{
	unsigned depth = 0;

	for (; ch && ch->after; ch = config_channel(c, ch->after))
		depth++;
	return depth;
}

bool after_is_awaited(const struct host_config *c,
		      const struct channel_config *ch)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->channels[i].after &&
		    !strcmp(c->channels[i].after, ch->name))
			return true;
	return false;
}

void after_duration(int64_t seconds, struct buf *out)
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		int64_t n = seconds / units[i].seconds;

		if (n)
			buf_addf(out, "%" PRId64 "%c", n, units[i].unit);
		seconds %= units[i].seconds;
		any |= n != 0;
	}
	if (!any)
		buf_adds(out, "0s");
}
