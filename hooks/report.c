/*
 * Saying what happened. See report.h.
 */
#include "config.h"
#include "hooks/report.h"

#include <inttypes.h>

#include "schema/base/clock.h"

static void add_bundle(git_repository *repo, const struct head *h,
		       struct buf *out)
{
	struct err unread = ERR_INIT;
	struct bundle_commit c;

	if (!repo_read_bundle(repo, h->bundle, &c, NULL, NULL, &unread))
		buf_addf(out, " (+%" PRIu64 " ~%" PRIu64 " -%" PRIu64 "), "
			 "bundle %.12s, %" PRIu64 " object%s",
			 c.bundle.created, c.bundle.changed, c.bundle.deleted,
			 h->bundle, c.bundle.objects,
			 c.bundle.objects == 1 ? "" : "s");
}

void report_line(git_repository *repo, const struct channel_config *ch,
		 const struct publish_result *r, struct buf *out)
{
	char expires[CLOCK_TEXT_SIZE];
	const struct head *h = &r->head;

	if (r->outcome == PUBLISH_EMPTY) {
		buf_addf(out, "%s: nothing to publish, '%s' does not exist yet",
			 ch->name, ch->ref);
		return;
	}
	if (r->outcome == PUBLISH_NOTHING_YET) {
		buf_addf(out, "%s: nothing to publish yet, '%s' has no "
			 "manifest in windlass.%s.path", ch->name, ch->ref,
			 ch->name);
		return;
	}
	if (r->outcome == PUBLISH_WAITS) {
		buf_addf(out, "%s: nothing is published yet", ch->name);
		return;
	}
	buf_addf(out, "%s %" PRIu64 ".%" PRIu64 " ", ch->name, h->epoch,
		 h->sequence);
	switch (r->outcome) {
	case PUBLISH_NEW:
		buf_adds(out, "published");
		add_bundle(repo, h, out);
		break;
	case PUBLISH_REFRESHED:
		clock_format(h->expires, expires);
		buf_addf(out, "refreshed, head good until %s", expires);
		break;
	case PUBLISH_APPROVALS:
		buf_adds(out, h->has_approvals ? "approvals published" :
			 "has no approval any more");
		break;
	default:
		buf_adds(out, "is published already");
		break;
	}
}

bool report_waits(const struct channel_config *ch,
		  const struct publish_result *r, struct buf *out)
{
	if (!*r->waits)
		return false;
	buf_addf(out, "%s waits: %s", ch->name, r->waits);
	return true;
}
