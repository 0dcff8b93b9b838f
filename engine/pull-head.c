/*
 * The newest head of a channel. See pull.h. A head is what a server said: it
 * is judged by the publishers' keys, by the clock, by what was accepted and
 * by the heads that this process saw before. Two that were signed for one
 * sequence are evidence, and kept.
 */
#include "config.h"
#include "engine/pull.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"

/* a timer runs on the monotonic clock; a head expires by the wall clock */
#define EXPIRY_LOOK_MS (60 * 60 * 1000)

/* In how many seconds the head ends, or before it the key that signed it. */
static int64_t next_end(const struct pull *p, int64_t now)
{
	int64_t left = p->head.head.expires - now;

	if (p->head.key_until >= now && p->head.key_until - now < left)
		left = p->head.key_until - now;
	return left;
}

void pull_look_at_expiry(struct pull *p)
{
	char when[CLOCK_TEXT_SIZE], message[128];
	int64_t now = clock_now();

	timer_stop(&p->expiry);
	if (!p->has_head)
		return;
	p->head.expired = p->head.head.expires <= now;
	if (!p->head.expired) {
		int64_t ms = next_end(p, now) * 1000 + 1000;

		pull_find(p, &p->now.v[SOURCE_STALE], SOURCE_GOOD, "");
		timer_set(&p->expiry, ms < EXPIRY_LOOK_MS ? ms
							  : EXPIRY_LOOK_MS);
		return;
	}
	clock_format(p->head.head.expires, when);
	snprintf(message, sizeof(message), "the newest head expired at %s: "
		 "the Git host does not refresh it, or is not reached", when);
	pull_find(p, &p->now.v[SOURCE_STALE], SOURCE_EXPIRED, message);
}

/* Both heads that were signed for one sequence are kept for an admin. */
static void keep_evidence(struct pull *p)
{
	struct err err = ERR_INIT;
	struct head h;
	size_t text;

	if (p->has_head &&
	    state_keep_evidence(&p->state, p->head.head.epoch,
				p->head.head.sequence, p->head.head.bundle,
				p->good_raw.data, p->good_raw.len, &err) < 0)
		log_warn("evidence", LOG_S("error", err.msg));
	if (head_split(p->head_raw.data, p->head_raw.len, &text, &err) < 0 ||
	    head_parse(p->head_raw.data, text, &h, &err) < 0)
		return;
	if (state_keep_evidence(&p->state, h.epoch, h.sequence, h.bundle,
				p->head_raw.data, p->head_raw.len, &err) < 0)
		log_warn("evidence", LOG_S("error", err.msg));
}

/*
 * Against the newest head of this process, which may name a bundle that is
 * not accepted yet: 1 it is newer, 0 an older one that is passed over, -1
 * the same sequence was signed twice.
 */
static int compare_with_seen(struct pull *p, const struct verified_head *h,
			     struct verdict *v, struct err *err)
{
	const struct head *had = &p->head.head, *got = &h->head;

	if (!p->has_head || got->epoch > had->epoch ||
	    (got->epoch == had->epoch && got->sequence > had->sequence))
		return 1;
	if (got->epoch < had->epoch || got->sequence < had->sequence)
		return 0;
	if (!strcmp(got->bundle, had->bundle) &&
	    sha256_equal(&got->content, &had->content))
		return got->issued >= had->issued;
	*v = (struct verdict){ SOURCE_FORKED, SOURCE_SAME_SEQUENCE };
	return err_set(err, ERR_DENIED, "heads name %.12s and %.12s as bundle "
		       "%" PRIu64 ".%" PRIu64, had->bundle, got->bundle,
		       got->epoch, got->sequence);
}

static void take_head(struct pull *p, const struct verified_head *h)
{
	bool moved = !p->has_head ||
		     strcmp(p->head.head.bundle, h->head.bundle);
	bool others = !head_same_approvals(&p->head.head, &h->head);

	p->head = *h;
	p->has_head = true;
	buf_reset(&p->good_raw);
	buf_add(&p->good_raw, p->head_raw.data, p->head_raw.len);
	p->now.epoch = h->head.epoch;
	p->now.sequence = h->head.sequence;
	memcpy(p->now.bundle, h->head.bundle, GIT_HEX_SIZE);
	p->now.issued = h->head.issued;
	p->now.expires = h->head.expires;
	if (moved)
		p->refused[0] = '\0';
	p->votes_due = p->votes_due || others;
	/* a head that lives vouches for the clock that says so */
	if (!h->expired && clock_now() > p->clock_seen)
		p->clock_seen = clock_now();
}

/* Does nothing lack any more of what jobs are for? */
static bool has_all(const struct pull *p)
{
	return !p->job && !p->record_due &&
	       (!p->applied.bundle[0] || pull_known(p, p->applied.bundle));
}

void pull_judge_current(struct pull *p)
{
	struct verify_rules rules;
	struct bundle_commit c;
	struct verdict v;
	struct err err = ERR_INIT;

	if (!p->has_head || p->head.relation != HEAD_CURRENT ||
	    !pull_known(p, p->accepted.bundle))
		return;
	pull_rules(p, &rules);
	if (verify_commit(&p->cache, p->accepted.bundle, &rules,
			  TRUST_ANY_TIME, &c, NULL, &v, &err) < 0) {
		pull_refuse(p, &v, &err, true);
		return;
	}
	pull_find(p, &p->bundled, SOURCE_GOOD, "");
	pull_find(p, &p->now.v[SOURCE_FORKED], SOURCE_GOOD, "");
	/* approvals that could not be had are not needed any more */
	if (p->getting.reason == SOURCE_UNREACHABLE && has_all(p))
		pull_find(p, &p->getting, SOURCE_GOOD, "");
}

/* Its signature and its times are good, whatever was wrong with the head
 * before: what is wrong now is told as a fork. */
static void find_fork(struct pull *p)
{
	keep_evidence(p);
	pull_find(p, &p->judged, SOURCE_GOOD, "");
	pull_find(p, &p->now.v[SOURCE_CLOCK], SOURCE_GOOD, "");
}

void pull_judge(struct pull *p)
{
	struct verify_rules rules;
	struct verified_head h;
	struct verdict v;
	struct err err = ERR_INIT;
	int rc;

	if (!p->open || !p->usable || !p->answered)
		return;
	pull_rules(p, &rules);
	if (verify_head(p->head_raw.data, p->head_raw.len, &rules, &h, &v,
			&err) < 0) {
		if (v.condition == SOURCE_FORKED)
			find_fork(p);
		pull_refuse(p, &v, &err, false);
		return;
	}
	rc = compare_with_seen(p, &h, &v, &err);
	if (rc < 0) {
		find_fork(p);
		pull_refuse(p, &v, &err, false);
		return;
	}
	pull_find(p, &p->judged, SOURCE_GOOD, "");
	pull_find(p, &p->now.v[SOURCE_CLOCK], SOURCE_GOOD, "");
	if (rc > 0)
		take_head(p, &h);
	pull_look_at_expiry(p);
	pull_judge_current(p);
}
