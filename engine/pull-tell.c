/*
 * What the child says of a channel to its parent. See pull.h. A condition has
 * up to two parts, which are found at different times: what the poller and
 * the last job say, what the head and its bundle say. What is found is told
 * in the next turn of the loop, as a whole and only if it is news.
 */
#include "config.h"
#include "engine/pull.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/log.h"

static void set_finding(struct source_finding *f, enum source_reason reason,
			const char *message)
{
	f->reason = reason;
	snprintf(f->message, sizeof(f->message), "%s", message);
}

/* Of the two parts of a condition, the one that there is more to say of. */
static void compose(struct source_finding *to,
		    const struct source_finding *first,
		    const struct source_finding *second)
{
	const struct source_finding *f =
		first->reason != SOURCE_GOOD ? first : second;

	set_finding(to, f->reason, f->message);
}

static bool same_state(const struct source_state *a,
		       const struct source_state *b)
{
	for (int i = 0; i < SOURCE_CONDITIONS; i++)
		if (a->v[i].reason != b->v[i].reason ||
		    strcmp(a->v[i].message, b->v[i].message))
			return false;
	return a->epoch == b->epoch && a->sequence == b->sequence &&
	       !strcmp(a->bundle, b->bundle) && a->issued == b->issued &&
	       a->expires == b->expires && a->long_poll == b->long_poll;
}

void pull_tell(void *arg)
{
	struct pull *p = arg;
	struct buf b = BUF_INIT(65536);

	compose(&p->now.v[SOURCE_FETCHED], &p->fetching, &p->getting);
	compose(&p->now.v[SOURCE_VERIFIED], &p->judged, &p->bundled);
	p->now.long_poll = p->poller && poller_is_long(p->poller);
	if (p->ever_shown && same_state(&p->now, &p->shown))
		return;
	p->ever_shown = true;
	p->shown = p->now;
	source_put_state(&b, &p->now);
	ipc_send(p->child->ipc, SOURCE_STATE, p->handle, &b);
	buf_release(&b);
}

void pull_find(struct pull *p, struct source_finding *f,
		 enum source_reason reason, const char *message)
{
	set_finding(f, reason, message);
	loop_defer(p->child->loop, &p->tell);
}

void pull_refuse(struct pull *p, const struct verdict *v,
		 const struct err *err, bool of_bundle)
{
	struct source_finding *f = &p->now.v[v->condition];

	if (v->condition == SOURCE_FETCHED)
		f = &p->getting;
	else if (v->condition == SOURCE_VERIFIED)
		f = of_bundle ? &p->bundled : &p->judged;
	if (f->reason != v->reason || strcmp(f->message, err->msg))
		log_warn("refused", LOG_S("channel", p->config.s.name),
			 LOG_S("reason", source_reason_name(v->condition,
							    v->reason)),
			 LOG_S("error", err->msg));
	pull_find(p, f, v->reason, err->msg);
}

void pull_tell_bundle(struct pull *p, enum source_msg type, const char *id)
{
	struct buf b = BUF_INIT(64);

	ipc_put_str(&b, id);
	ipc_send(p->child->ipc, (uint16_t)type, p->handle, &b);
	buf_release(&b);
}
