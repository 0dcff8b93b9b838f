/*
 * A channel in the fetching child. See pull.h. Holds what is known about it:
 * settings, the newest head, which bundle was accepted, and what to say in
 * each condition. What the parent says was accepted is believed, and so is
 * the record on disk; of the two the later one counts, so neither a restored
 * cluster nor a restored disk brings an old bundle back.
 */
#include "config.h"
#include "engine/pull.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/limits.h"

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS (5 * 60 * 1000)
/* a timer runs on the monotonic clock; a head expires by the wall clock */
#define EXPIRY_LOOK_MS (60 * 60 * 1000)
/* between two doubts whether the cache is still what was verified */
#define DOUBT_AGAIN_MS 30000
/* how far the pauses grow while the state directory cannot be opened: 16 s */
#define OPEN_FAILURES 5

static bool on_disk(const struct pull *p);

void pull_rules(const struct pull *p, struct verify_rules *ret)
{
	*ret = (struct verify_rules){
		.channel = p->config.s.name,
		.channel_id = p->config.s.channel_id,
		.publishers = &p->trust,
		.epoch_floor = p->config.s.epoch_floor,
		.accepted = p->accepted,
		.now = clock_now(),
		.clock_seen = p->clock_seen,
	};
}

const struct known *pull_known(const struct pull *p, const char *bundle)
{
	return *bundle ? map_get(&p->known, bundle) : NULL;
}

/* ---- conditions ---- */

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

static void tell(void *arg)
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

/* Shows it in a condition, soon. Message as in err_set. */
static void find(struct pull *p, struct source_finding *f,
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
	find(p, f, v->reason, err->msg);
}

void pull_tell_bundle(struct pull *p, enum source_msg type, const char *id)
{
	struct buf b = BUF_INIT(64);

	ipc_put_str(&b, id);
	ipc_send(p->child->ipc, (uint16_t)type, p->handle, &b);
	buf_release(&b);
}

/* ---- what is at hand ---- */

/* Only what may still be asked for is kept: a handful. */
static void forget_others(struct pull *p, const char *keep)
{
	for (map_each(&p->known, e)) {
		if (!strcmp(e->key, keep) ||
		    !strcmp(e->key, p->accepted.bundle) ||
		    !strcmp(e->key, p->applied.bundle) ||
		    !strcmp(e->key, p->candidate))
			continue;
		free(map_del(&p->known, e->key));
	}
}

void pull_add_known(struct pull *p, const char *id,
		    const struct bundle_commit *commit)
{
	struct known *k;

	if (pull_known(p, id))
		return;
	k = xcalloc(1, sizeof(*k));
	k->commit = *commit;
	memcpy(k->id, id, GIT_HEX_SIZE);
	free(map_put(&p->known, id, k));
	forget_others(p, id);
	pull_tell_bundle(p, SOURCE_AT_HAND, id);
}

int pull_reset_cache(struct pull *p, struct err *err)
{
	log_warn("cache-reset", LOG_S("channel", p->config.s.name),
		 LOG_S("path", p->cache.path));
	compact_cancel(p);
	map_release(&p->known, free);
	return cache_reset(&p->cache, err);
}

/* ---- heads ---- */

/* In how many seconds the head ends, or before it the key that signed it. */
static int64_t next_end(const struct pull *p, int64_t now)
{
	int64_t left = p->head.head.expires - now;

	if (p->head.key_until >= now && p->head.key_until - now < left)
		left = p->head.key_until - now;
	return left;
}

static void look_at_expiry(struct pull *p)
{
	char when[CLOCK_TEXT_SIZE], message[128];
	int64_t now = clock_now();

	timer_stop(&p->expiry);
	if (!p->has_head)
		return;
	p->head.expired = p->head.head.expires <= now;
	if (!p->head.expired) {
		int64_t ms = next_end(p, now) * 1000 + 1000;

		find(p, &p->now.v[SOURCE_STALE], SOURCE_GOOD, "");
		timer_set(&p->expiry, ms < EXPIRY_LOOK_MS ? ms
							  : EXPIRY_LOOK_MS);
		return;
	}
	clock_format(p->head.head.expires, when);
	snprintf(message, sizeof(message), "the newest head expired at %s: "
		 "the Git host does not refresh it, or is not reached", when);
	find(p, &p->now.v[SOURCE_STALE], SOURCE_EXPIRED, message);
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

/*
 * The head names what is accepted and at hand. Its commit need not be judged
 * again, but a publisher who was taken out of the spec must show.
 */
static void judge_current(struct pull *p)
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
	find(p, &p->bundled, SOURCE_GOOD, "");
	find(p, &p->now.v[SOURCE_FORKED], SOURCE_GOOD, "");
	/* approvals that could not be had are not needed any more */
	if (p->getting.reason == SOURCE_UNREACHABLE && has_all(p))
		find(p, &p->getting, SOURCE_GOOD, "");
}

/* Judges the newest head file, as settings and pins are now. */
static void judge(struct pull *p)
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
			keep_evidence(p);
		pull_refuse(p, &v, &err, false);
		return;
	}
	rc = compare_with_seen(p, &h, &v, &err);
	if (rc < 0) {
		keep_evidence(p);
		pull_refuse(p, &v, &err, false);
		return;
	}
	find(p, &p->judged, SOURCE_GOOD, "");
	find(p, &p->now.v[SOURCE_CLOCK], SOURCE_GOOD, "");
	if (rc > 0)
		take_head(p, &h);
	look_at_expiry(p);
	judge_current(p);
}

/* Something changed: whatever failed before may be tried again. */
/* Begins a job if something is missing. */
static void plan(struct pull *p);

static void try_again(struct pull *p)
{
	/* the state directory has its own time, and its own timer */
	if (!p->open || p->record_due)
		return;
	p->tried = (struct job_wants){ 0 };
	timer_stop(&p->retry);
	p->failures = 0;
	plan(p);
}

static void on_head(void *arg, const char *data, size_t len)
{
	struct pull *p = arg;

	p->answered = true;
	buf_reset(&p->head_raw);
	buf_add(&p->head_raw, data, len);
	find(p, &p->fetching, SOURCE_GOOD, "");
	judge(p);
	try_again(p);
}

/* Nothing new; but what the clock says about it may have changed. */
static void on_same(void *arg)
{
	struct pull *p = arg;

	find(p, &p->fetching, SOURCE_GOOD, "");
	judge(p);
}

static void on_failed(void *arg, const struct err *err)
{
	struct pull *p = arg;

	find(p, &p->fetching, SOURCE_UNREACHABLE, err->msg);
	child_look(p->child);
}

/* A key ends between two answers of the server, too, which may be silent. */
static void on_expiry(void *arg)
{
	struct pull *p = arg;

	if (p->has_head && p->head.key_until < clock_now())
		judge(p);
	look_at_expiry(p);
}

static void on_votes_end(void *arg)
{
	struct pull *p = arg;

	p->votes_due = true;
	try_again(p);
}

/* ---- jobs ---- */

static void plan(struct pull *p)
{
	struct job_wants w = { 0 };

	if (!p->open || !p->usable || p->job || timer_armed(&p->retry))
		return;
	w.accepted = !p->tried.accepted && p->accepted.bundle[0] &&
		     !pull_known(p, p->accepted.bundle);
	w.applied = !p->tried.applied && p->applied.bundle[0] &&
		    !pull_known(p, p->applied.bundle) &&
		    strcmp(p->applied.bundle, p->accepted.bundle) &&
		    !p->head.expired;
	w.head = !p->tried.head && p->has_head && !p->head.expired &&
		 p->head.relation != HEAD_CURRENT &&
		 (strcmp(p->head.head.bundle, p->candidate) ||
		  p->votes_due) &&
		 strcmp(p->head.head.bundle, p->refused);
	w.votes = !p->tried.votes && p->votes_due && p->has_head &&
		  !p->head.expired && p->head.relation == HEAD_CURRENT &&
		  p->approvers.n && p->head.head.has_approvals;
	if (!w.accepted && !w.applied && !w.head && !w.votes)
		return;
	p->tried.accepted |= w.accepted;
	p->tried.applied |= w.applied;
	p->tried.head |= w.head;
	p->tried.votes |= w.votes;
	p->job = job_new(p, &w);
}

static int64_t backoff_ms(unsigned failures)
{
	int64_t ms = RETRY_MIN_MS;

	while (--failures && ms < RETRY_MAX_MS)
		ms *= 2;
	if (ms > RETRY_MAX_MS)
		ms = RETRY_MAX_MS;
	return ms / 2 + (int64_t)randombytes_uniform((uint32_t)(ms / 2));
}

void pull_job_ended(struct pull *p, const struct err *err)
{
	job_free(p->job);
	p->job = NULL;
	trim_later(&p->child->trim);
	if (err) {
		p->failures++;
		timer_set(&p->retry, backoff_ms(p->failures));
		if (!on_disk(p))
			pull_doubt(p);
		child_look(p->child);
		return;
	}
	p->failures = 0;
	find(p, &p->getting, SOURCE_GOOD, "");
	judge_current(p);
	if (p->has_head && p->candidate[0] &&
	    !strcmp(p->candidate, p->head.head.bundle)) {
		find(p, &p->bundled, SOURCE_GOOD, "");
		find(p, &p->now.v[SOURCE_FORKED], SOURCE_GOOD, "");
	}
	plan(p);
}

/* ---- opening ---- */

static bool later(const struct source_pin *a, const struct source_pin *b)
{
	return a->bundle[0] &&
	       (!b->bundle[0] || a->epoch > b->epoch ||
		(a->epoch == b->epoch && a->sequence > b->sequence));
}

static void write_record(struct pull *p)
{
	struct err err = ERR_INIT;

	p->record_due = state_write_accepted(&p->state, &p->accepted,
					     p->clock_seen, &err) < 0;
	if (p->record_due) {
		find(p, &p->getting, SOURCE_STATE_DIR, err.msg);
		timer_set(&p->retry, RETRY_MIN_MS);
		child_look(p->child);
		return;
	}
	pull_tell_bundle(p, SOURCE_ACCEPTED, p->accepted.bundle);
	if (p->has_head &&
	    !strcmp(p->head.head.bundle, p->accepted.bundle) &&
	    state_keep_head(&p->state, p->good_raw.data, p->good_raw.len,
			    &err) < 0)
		log_warn("evidence", LOG_S("error", err.msg));
}

static int open_state(struct pull *p, struct err *err)
{
	struct source_pin recorded = { 0 };
	int64_t clock = 0;
	char *path;
	int rc;

	if (state_open(p->child->state_root, p->config.s.channel_id,
		       &p->state, err) < 0)
		return -1;
	path = state_path(&p->state, "repo.git");
	rc = cache_open(path, &p->cache, err);
	free(path);
	if (!rc)
		rc = state_read_accepted(&p->state, &recorded, &clock, err);
	/* who was killed between the status and the disk catches up */
	if (!rc && later(&p->accepted, &recorded))
		rc = state_write_accepted(&p->state, &p->accepted, clock, err);
	if (rc) {
		cache_close(&p->cache);
		state_close(&p->state);
		return -1;
	}
	p->record_due = false;
	p->clock_seen = clock;
	if (later(&recorded, &p->accepted))
		p->accepted = recorded;
	return 0;
}

static void try_open(struct pull *p)
{
	struct buf b = BUF_INIT(256);
	struct err err = ERR_INIT;
	int rc = open_state(p, &err);

	/* it failed, or made the state directory that we began without */
	child_look(p->child);
	if (rc < 0) {
		find(p, &p->getting, SOURCE_STATE_DIR, err.msg);
		/* looking costs nothing, and somebody works on it */
		if (p->failures < OPEN_FAILURES)
			p->failures++;
		timer_set(&p->retry, backoff_ms(p->failures));
		return;
	}
	p->open = true;
	p->failures = 0;
	find(p, &p->getting, SOURCE_GOOD, "");
	source_put_pin(&b, &p->accepted);
	ipc_send(p->child->ipc, SOURCE_OPENED, p->handle, &b);
	buf_release(&b);
	judge(p);
	plan(p);
}

/* ---- what was verified cannot be read any more ---- */

static bool on_disk(const struct pull *p)
{
	char *packs = xasprintf("%s/objects/pack", p->cache.path);
	char *tmp = state_path(&p->state, "tmp");
	bool there = fs_exists(AT_FDCWD, packs) && fs_exists(AT_FDCWD, tmp);

	free(packs);
	free(tmp);
	return there;
}

/* Somebody deleted it, or parts of it: all is made anew. */
static void open_anew(struct pull *p)
{
	log_warn("state-deleted", LOG_S("channel", p->config.s.name),
		 LOG_S("path", p->state.dir));
	cache_close(&p->cache);
	state_close(&p->state);
	p->open = false;
	try_open(p);
}

static void look_again(void *arg)
{
	struct pull *p = arg;

	if (!p->open)
		return;
	log_warn("cache-doubted", LOG_S("channel", p->config.s.name));
	job_free(p->job);
	p->job = NULL;
	compact_cancel(p);
	/* whoever is asked for is verified as a whole once more */
	map_release(&p->known, free);
	p->candidate[0] = '\0';
	if (!on_disk(p))
		open_anew(p);
	try_again(p);
}

void pull_doubt(struct pull *p)
{
	int64_t now = clock_mono_ms();

	if (p->doubted && now - p->doubted < DOUBT_AGAIN_MS)
		return;
	p->doubted = now;
	loop_defer(p->child->loop, &p->doubt);
}

static void on_retry(void *arg)
{
	struct pull *p = arg;

	if (!p->open) {
		try_open(p);
		return;
	}
	if (p->record_due) {
		write_record(p);
		if (p->record_due)
			return;
		find(p, &p->getting, SOURCE_GOOD, "");
	}
	p->tried = (struct job_wants){ 0 };
	plan(p);
}

/* Reads the settings: a channel whose settings make no sense asks nobody. */
static void apply_settings(struct pull *p)
{
	const struct poller_ops ops = { on_head, on_same, on_failed, p };
	const struct source_settings *s = &p->config.s;
	struct trust trust = TRUST_INIT;
	struct err err = ERR_INIT;

	p->usable = false;
	if (fetch_check(s, &err) < 0) {
		find(p, &p->judged, SOURCE_SETTINGS, err.msg);
		return;
	}
	if (trust_parse(s->publishers, strlen(s->publishers),
			TRUST_PUBLISHERS, &trust, &err) < 0) {
		err_wrap(&err, "spec.publishers");
		find(p, &p->judged, SOURCE_SETTINGS, err.msg);
		return;
	}
	if (s->approvers && trust_parse(s->approvers, strlen(s->approvers),
					TRUST_APPROVERS, &p->approvers,
					&err) < 0) {
		trust_release(&trust);
		err_wrap(&err, "spec.approvals.approvers");
		find(p, &p->judged, SOURCE_SETTINGS, err.msg);
		return;
	}
	p->usable = true;
	p->trust = trust;
	find(p, &p->judged, SOURCE_UNKNOWN, "");
	p->poller = poller_new(p->child->pollers, s, &ops);
}

struct pull *pull_new(struct child *child, uint32_t handle,
		      struct source_config *config)
{
	struct pull *p = xcalloc(1, sizeof(*p));

	p->child = child;
	p->handle = handle;
	p->config = *config;
	*config = (struct source_config){ 0 };
	p->state = (struct state)STATE_INIT;
	p->accepted = p->config.s.accepted;
	p->applied = p->config.s.applied;
	buf_init(&p->head_raw, LIMIT_HEAD_BYTES);
	buf_init(&p->good_raw, LIMIT_HEAD_BYTES);
	work_init(&p->tell, tell, p);
	work_init(&p->doubt, look_again, p);
	timer_init(&p->retry, child->loop, on_retry, p);
	timer_init(&p->expiry, child->loop, on_expiry, p);
	timer_init(&p->votes_end, child->loop, on_votes_end, p);
	set_finding(&p->fetching, SOURCE_UNKNOWN, "");
	set_finding(&p->bundled, SOURCE_UNKNOWN, "");
	set_finding(&p->now.v[SOURCE_STALE], SOURCE_UNKNOWN, "");
	set_finding(&p->now.v[SOURCE_CLOCK], SOURCE_UNKNOWN, "");
	apply_settings(p);
	try_open(p);
	return p;
}

/* Ends all that works with the settings as they were. */
static void stop_work(struct pull *p)
{
	job_free(p->job);
	p->job = NULL;
	poller_free(p->poller);
	p->poller = NULL;
	timer_stop(&p->votes_end);
	trust_release(&p->trust);
	trust_release(&p->approvers);
}

void pull_free(struct pull *p)
{
	if (!p)
		return;
	stop_work(p);
	compact_cancel(p);
	timer_stop(&p->retry);
	timer_stop(&p->expiry);
	loop_undefer(p->child->loop, &p->tell);
	loop_undefer(p->child->loop, &p->doubt);
	map_release(&p->known, free);
	cache_close(&p->cache);
	state_close(&p->state);
	buf_release(&p->head_raw);
	buf_release(&p->good_raw);
	source_config_release(&p->config);
	free(p);
}

/* ---- what the parent says ---- */

int pull_update(struct pull *p, struct source_config *config,
		struct err *err)
{
	if (strcmp(config->s.name, p->config.s.name) ||
	    strcmp(config->s.channel_id, p->config.s.channel_id))
		return err_set(err, ERR_INVALID, "protocol error: UPDATE of "
			       "another channel");
	stop_work(p);
	source_config_release(&p->config);
	p->config = *config;
	*config = (struct source_config){ 0 };
	if (later(&p->config.s.accepted, &p->accepted))
		p->accepted = p->config.s.accepted;
	p->applied = p->config.s.applied;
	p->candidate[0] = p->refused[0] = '\0';
	/* the head was judged by other rules, and approvals were */
	p->has_head = false;
	p->votes_due = true;
	apply_settings(p);
	judge(p);
	try_again(p);
	return 0;
}

void pull_accept(struct pull *p, const struct source_pin *pin)
{
	bool moved = later(pin, &p->accepted);

	if (moved)
		p->accepted = *pin;
	if (!p->open)
		return;
	if (!strcmp(pin->bundle, p->accepted.bundle))
		write_record(p);
	if (!moved)
		return;
	/* a later one was judged as what comes after the one before */
	if (strcmp(p->candidate, pin->bundle))
		p->candidate[0] = '\0';
	if (p->has_head && !strcmp(p->head.head.bundle, pin->bundle))
		p->head.relation = HEAD_CURRENT;
	else
		judge(p);
	judge_current(p);
	if (pull_known(p, pin->bundle)) {
		struct err err = ERR_INIT;

		if (cache_set_ref(&p->cache, p->config.s.name, pin->bundle,
				  &err) < 0)
			log_warn("cache-ref", LOG_S("error", err.msg));
		compact_begin(p);
	}
	try_again(p);
}

void pull_applied(struct pull *p, const struct source_pin *pin)
{
	p->applied = *pin;
	/* a bundle that waits to be accepted has another budget now */
	p->candidate[0] = '\0';
	try_again(p);
}

void pull_poll(struct pull *p)
{
	p->refused[0] = '\0';
	poller_now(p->poller);
	try_again(p);
}
