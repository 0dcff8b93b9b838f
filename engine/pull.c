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

/* Begins a job if something is missing. */
static void plan(struct pull *p);

/* Something changed: whatever failed before may be tried again. */
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
	pull_find(p, &p->fetching, SOURCE_GOOD, "");
	pull_judge(p);
	try_again(p);
}

/* Nothing new; but what the clock says about it may have changed. */
static void on_same(void *arg)
{
	struct pull *p = arg;

	pull_find(p, &p->fetching, SOURCE_GOOD, "");
	pull_judge(p);
}

static void on_failed(void *arg, const struct err *err)
{
	struct pull *p = arg;

	pull_find(p, &p->fetching, SOURCE_UNREACHABLE, err->msg);
	child_look(p->child);
}

/* A key ends between two answers of the server, too, which may be silent. */
static void on_expiry(void *arg)
{
	struct pull *p = arg;

	if (p->has_head && p->head.key_until < clock_now())
		pull_judge(p);
	pull_look_at_expiry(p);
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
	pull_find(p, &p->getting, SOURCE_GOOD, "");
	pull_judge_current(p);
	if (p->has_head && p->candidate[0] &&
	    !strcmp(p->candidate, p->head.head.bundle)) {
		pull_find(p, &p->bundled, SOURCE_GOOD, "");
		pull_find(p, &p->now.v[SOURCE_FORKED], SOURCE_GOOD, "");
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
		pull_find(p, &p->getting, SOURCE_STATE_DIR, err.msg);
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
		pull_find(p, &p->getting, SOURCE_STATE_DIR, err.msg);
		/* looking costs nothing, and somebody works on it */
		if (p->failures < OPEN_FAILURES)
			p->failures++;
		timer_set(&p->retry, backoff_ms(p->failures));
		return;
	}
	p->open = true;
	p->failures = 0;
	pull_find(p, &p->getting, SOURCE_GOOD, "");
	source_put_pin(&b, &p->accepted);
	ipc_send(p->child->ipc, SOURCE_OPENED, p->handle, &b);
	buf_release(&b);
	pull_judge(p);
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
		pull_find(p, &p->getting, SOURCE_GOOD, "");
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
		pull_find(p, &p->judged, SOURCE_SETTINGS, err.msg);
		return;
	}
	if (trust_parse(s->publishers, strlen(s->publishers),
			TRUST_PUBLISHERS, &trust, &err) < 0) {
		err_wrap(&err, "spec.publishers");
		pull_find(p, &p->judged, SOURCE_SETTINGS, err.msg);
		return;
	}
	if (s->approvers && trust_parse(s->approvers, strlen(s->approvers),
					TRUST_APPROVERS, &p->approvers,
					&err) < 0) {
		trust_release(&trust);
		err_wrap(&err, "spec.approvals.approvers");
		pull_find(p, &p->judged, SOURCE_SETTINGS, err.msg);
		return;
	}
	p->usable = true;
	p->trust = trust;
	pull_find(p, &p->judged, SOURCE_UNKNOWN, "");
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
	work_init(&p->tell, pull_tell, p);
	work_init(&p->doubt, look_again, p);
	timer_init(&p->retry, child->loop, on_retry, p);
	timer_init(&p->expiry, child->loop, on_expiry, p);
	timer_init(&p->votes_end, child->loop, on_votes_end, p);
	pull_find(p, &p->fetching, SOURCE_UNKNOWN, "");
	pull_find(p, &p->bundled, SOURCE_UNKNOWN, "");
	pull_find(p, &p->now.v[SOURCE_STALE], SOURCE_UNKNOWN, "");
	pull_find(p, &p->now.v[SOURCE_CLOCK], SOURCE_UNKNOWN, "");
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
	pull_judge(p);
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
		pull_judge(p);
	pull_judge_current(p);
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
