/*
 * What doctor says of who is told what clusters report. See doctor.h. Sends
 * nothing: `windlass-hook notify --test` does.
 */
#include "config.h"
#include "hooks/doctor.h"

#include "hooks/after.h"
#include "hooks/told.h"

#define CHECK "notify"
/* engines report every ten minutes when there is no news */
#define HEARTBEAT_SECONDS 600

static void check_one(struct doctor *d, const struct host_config *host,
		      const struct channel_config *ch,
		      const struct receiver *r)
{
	struct buf url = BUF_INIT(LIMIT_RECEIVER_URL_BYTES + 2);
	struct buf token = BUF_INIT(LIMIT_RECEIVER_TOKEN_BYTES + 2);
	struct buf title = BUF_INIT(LIMIT_RECEIVER_URL_BYTES);
	struct told told;
	struct err err = ERR_INIT, unread = ERR_INIT;

	receiver_title(r, &title);
	told_read(host, ch, r, &told, &unread);
	if (receiver_open(r, &url, &token, &err) < 0)
		doctor_say(d, FINDING_FAIL, CHECK, ch->name, "%s: %s",
			   title.data, err.msg);
	else if (*told.trouble)
		doctor_say(d, FINDING_WARN, CHECK, ch->name, "%s was not told "
			   "last: %s; try `windlass-hook notify`", title.data,
			   told.trouble);
	else
		doctor_say(d, FINDING_OK, CHECK, ch->name, "%s is told",
			   title.data);
	told_release(&told);
	buf_release(&title);
	buf_wipe(&url);
	buf_wipe(&token);
}

void doctor_check_notify(struct doctor *d, const struct host_config *host,
			 const struct channel_config *ch)
{
	bool counts = ch->notify.n || ch->rollback_seconds ||
		      after_is_awaited(host, ch);

	if (counts && ch->silent_after < HEARTBEAT_SECONDS)
		doctor_say(d, FINDING_WARN, CHECK, ch->name, "silentAfter is "
			   "shorter than the ten minutes between two reports "
			   "without news: every cluster will seem silent");
	if (!ch->notify.n)
		return;
	if (!ch->reporters)
		doctor_say(d, FINDING_WARN, CHECK, ch->name, "nobody is told "
			   "anything, for no cluster may report: set "
			   "windlass.%s.reporters", ch->name);
	for (size_t i = 0; i < ch->notify.n; i++) {
		struct receiver own;

		check_one(d, host, ch, receiver_of(host, ch, i, &own));
	}
}
