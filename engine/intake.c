/*
 * From a candidate to an inventory that wants it. The order is the product's
 * promise: first the whole bundle is looked at (policy, deletions, approvals),
 * then status.accepted is written to the cluster and to the disk, then the
 * first object is touched. A candidate that is not taken is kept, and looked
 * at again when the Channel's spec or the source's conditions move.
 */
#include "config.h"
#include "engine/channel-private.h"

#include <stdlib.h>
#include <string.h>

#include "engine/apply.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"

#define RETRY_MIN_MS 500
#define RETRY_MAX_MS 60000
/* for so long the applied bundle is waited for before all else */
#define PENDING_WAIT_MS 5000
#define PENDING_AGAIN_MS 500
/* a candidate that is void is mostly told again a moment later */
#define VOID_MS 10000

static void on_vetted(struct plan *p, const struct err *err);
static void on_loaded(struct plan *p, const struct err *err);

static void read_pending(struct channel *c);

/* It waits for the applied bundle, for a while. */
static bool awaits_applied(const struct channel_private *p)
{
	return p->intake == INTAKE_PENDING && !p->plan;
}

static void on_retry(void *arg)
{
	struct channel *c = arg;

	if (awaits_applied(c->private))
		read_pending(c);
	else
		intake_kick(c);
}

void intake_init(struct channel *c)
{
	timer_init(&c->private->retry, c->engine->loop, on_retry, c);
}

static void drop_plan(struct channel *c)
{
	plan_free(c->private->plan);
	c->private->plan = NULL;
	c->private->intake = INTAKE_IDLE;
}

/* It is not accepted now; what it names is not forgotten. */
static void put_aside(struct channel *c)
{
	struct channel_private *p = c->private;

	plan_free(p->vetted);
	p->vetted = p->plan;
	p->plan = NULL;
	p->intake = INTAKE_IDLE;
}

static void forget_vetted(struct channel_private *p)
{
	plan_free(p->vetted);
	p->vetted = NULL;
}

static void forget_next(struct channel_private *p)
{
	free(p->next);
	p->next = NULL;
}

void intake_stop(struct channel *c)
{
	struct channel_private *p = c->private;

	drop_plan(c);
	forget_vetted(p);
	forget_next(p);
	consents_release(&p->consents);
	p->consented[0] = '\0';
	timer_stop(&p->retry);
	p->has_candidate = p->at_hand = p->pending = false;
	p->lost[0] = '\0';
	p->pending_since = 0;
	p->refused_why = NULL;
	p->failures = 0;
	err_clear(&p->stuck);
}

bool intake_is_done(const struct channel *c)
{
	const struct channel_private *p = c->private;

	return p->loaded[0] && p->intake != INTAKE_LOADING &&
	       p->intake != INTAKE_MERGING && p->intake != INTAKE_PENDING;
}

/* The step failed: the next try is due later, or when something moves. */
static void stuck(struct channel *c, const struct err *err)
{
	struct channel_private *p = c->private;
	int64_t ms = RETRY_MIN_MS << (p->failures > 10 ? 10 : p->failures);

	p->failures++;
	p->stuck = *err;
	drop_plan(c);
	log_warn("bundle-not-read", LOG_S("channel", c->name),
		 LOG_S("error", err->msg));
	timer_set(&p->retry, ms > RETRY_MAX_MS ? RETRY_MAX_MS : ms);
	settle_touch(c);
}

static void refuse(struct channel *c, const char *why, const struct err *err)
{
	struct channel_private *p = c->private;
	bool news = !p->refused_why || strcmp(p->refused.msg, err->msg);

	p->refused = *err;
	p->refused_why = why;
	put_aside(c);
	if (news) {
		log_warn("bundle-refused", LOG_S("channel", c->name),
			 LOG_N("sequence", p->candidate.pin.sequence),
			 LOG_S("reason", why), LOG_S("error", err->msg));
		event_post(c, EVENT_WARNING, why, "bundle %llu.%llu: %s",
			   (unsigned long long)p->candidate.pin.epoch,
			   (unsigned long long)p->candidate.pin.sequence,
			   err->msg);
	}
	settle_touch(c);
}

/* ---- merging ---- */

static void set_loaded(struct channel *c, const char *bundle)
{
	snprintf(c->private->loaded, GIT_HEX_SIZE, "%s", bundle);
}

static void finish(struct channel *c)
{
	struct channel_private *p = c->private;

	drop_plan(c);
	if (!p->has_candidate)
		forget_vetted(p);
	p->failures = 0;
	err_clear(&p->stuck);
	leftovers_judge(c);
	policy_check(c);
	settle_begin(c);
	intake_kick(c);
}

static void on_pending_merged(struct plan *p, const struct err *err)
{
	p->channel->private->pending = false;
	finish(p->channel);
}

/*
 * The applied bundle is mostly verified some milliseconds later: until then
 * it is not known which objects no bundle named before, and must not be taken
 * from others by force.
 */
static bool wait_a_little(struct channel *c, const struct err *err)
{
	struct channel_private *p = c->private;
	int64_t now = loop_now(c->engine->loop);

	if (err->class != ERR_TRANSIENT || p->pending_since < 0 ||
	    !strcmp(p->lost, c->status.applied.bundle))
		return false;
	if (!p->pending_since)
		p->pending_since = now;
	if (now - p->pending_since >= PENDING_WAIT_MS) {
		p->pending_since = -1;
		return false;
	}
	plan_free(p->plan);
	p->plan = NULL;
	timer_set(&p->retry, PENDING_AGAIN_MS);
	return true;
}

/*
 * The accepted bundle may have been accepted when the one before it was not
 * at hand, and nobody could count what it deletes. What nobody would have let
 * through then is not deleted now: it is left, for an admin to confirm. What
 * was counted and let through step by step is not counted in one again.
 */
static bool may_delete_so_many(struct channel *c, const struct plan *p)
{
	const struct channel_spec *s = &c->spec;

	if (!s->has_delete_limit || p->deleted <= s->delete_limit ||
	    c->status.consents.n || status_was_counted(&c->status))
		return true;
	log_warn("deletes-left", LOG_S("channel", c->name),
		 LOG_N("objects", p->deleted),
		 LOG_N("limit", s->delete_limit));
	event_post(c, EVENT_WARNING, "DeletesLeft", "%zu object%s of bundle "
		   "%.12s, which was applied last, %s not deleted: that is "
		   "more than spec.deleteLimit, and nobody approved it",
		   p->deleted, plural(p->deleted), p->from,
		   p->deleted == 1 ? "is" : "are");
	return false;
}

/*
 * What was not finished before the start. If the applied bundle does not
 * come, what the accepted one wants need not wait for it: intake_at_hand or
 * intake_lost comes.
 */
static void on_pending(struct plan *p, const struct err *err)
{
	struct channel *c = p->channel;
	struct channel_status *s = &c->status;

	if (err) {
		if (wait_a_little(c, err))
			return;
		log_info("applied-not-at-hand", LOG_S("channel", c->name),
			 LOG_S("bundle", s->applied.bundle),
			 LOG_S("error", err->msg));
		c->private->pending = strcmp(c->private->lost,
					     s->applied.bundle) != 0;
		if (!c->private->pending)
			s->accepted.counted_from = 0;
		finish(c);
		return;
	}
	plan_merge(p, PLAN_PENDING, c->spec.prune &&
		   s->applied.epoch == s->accepted.epoch &&
		   may_delete_so_many(c, p), on_pending_merged);
}

static void read_pending(struct channel *c)
{
	struct channel_private *p = c->private;
	const struct status_bundle *applied = &c->status.applied;

	plan_free(p->plan);
	p->plan = NULL;
	p->pending = false;
	if (!applied->bundle[0] || !strcmp(applied->bundle, p->loaded)) {
		finish(c);
		return;
	}
	p->intake = INTAKE_PENDING;
	p->plan = plan_read(c, applied->bundle, p->loaded, on_pending);
}

static void on_load_merged(struct plan *p, const struct err *err)
{
	read_pending(p->channel);
}

static void on_changes_merged(struct plan *p, const struct err *err)
{
	struct channel *c = p->channel;

	/* nor is anything deleted by what the old epoch had said */
	if (c->private->crossing)
		settle_leave_rest(c);
	finish(c);
}

/* All objects of the bundle, into an inventory that has none. */
static void merge_list(struct channel *c, struct plan *p, enum plan_use first)
{
	set_loaded(c, p->to);
	c->private->intake = INTAKE_MERGING;
	plan_merge(p, c->status.applied.bundle[0] ? PLAN_LOAD : first,
		   false, on_load_merged);
}

/* ---- the accepted bundle, after a start ---- */

static void on_loaded(struct plan *p, const struct err *err)
{
	struct channel *c = p->channel;

	/* what the spec allows no more is left alone object by object: a
	 * later bundle has to find its way from here */
	if (err)
		stuck(c, err);
	else
		merge_list(c, p, PLAN_FIRST);
}

static void load(struct channel *c)
{
	struct channel_private *p = c->private;

	p->intake = INTAKE_LOADING;
	p->refused_why = NULL;
	p->plan = plan_read(c, "", c->status.accepted.bundle, on_loaded);
}

/* ---- accepting ---- */

static void on_accepted(struct channel *c)
{
	struct channel_private *p = c->private;

	if (!p->plan || !c->source)
		return;
	p->intake = INTAKE_RECORDING;
	source_accept(c->source, &p->candidate.pin);
}

/* The spec moved, or approvals did, before it could be written down. */
static void on_withdrawn(struct channel *c)
{
	struct channel_private *p = c->private;

	log_info("bundle-judged-anew", LOG_S("channel", c->name),
		 LOG_S("bundle", p->candidate.pin.bundle));
	drop_plan(c);
	if (p->next) {
		p->candidate = *p->next;
		p->has_candidate = true;
	}
	forget_next(p);
	intake_kick(c);
	settle_touch(c);
}

void intake_recorded(struct channel *c, const char *bundle)
{
	struct channel_private *p = c->private;
	struct source_candidate *cand = &p->candidate;
	struct plan *plan = p->plan;
	bool may_prune = c->spec.prune && !cand->epoch_crossed;

	/* an opening tells of others too */
	if (p->intake != INTAKE_RECORDING || strcmp(bundle, cand->pin.bundle))
		return;
	p->has_candidate = false;
	forget_next(p);
	intake_check_consents(c);
	p->at_hand = true;
	p->refused_why = NULL;
	log_info("bundle-accepted", LOG_S("channel", c->name),
		 LOG_N("epoch", cand->pin.epoch),
		 LOG_N("sequence", cand->pin.sequence),
		 LOG_S("bundle", cand->pin.bundle),
		 LOG_S("source", cand->source_commit),
		 LOG_S("publisher", cand->publisher),
		 LOG_S("approvers", cand->votes.names),
		 LOG_N("created", plan->created),
		 LOG_N("changed", plan->changed),
		 LOG_N("deleted", plan->deleted));
	event_post(c, EVENT_NORMAL, "BundleAccepted",
		   "bundle %llu.%llu of commit %.12s: +%zu ~%zu -%zu%s%s",
		   (unsigned long long)cand->pin.epoch,
		   (unsigned long long)cand->pin.sequence,
		   cand->source_commit, plan->created, plan->changed,
		   plan->deleted, *cand->votes.names ? ", approved by " : "",
		   cand->votes.names);
	if (!plan->from[0]) {
		merge_list(c, plan, PLAN_FRESH);
		return;
	}
	set_loaded(c, plan->to);
	p->intake = INTAKE_MERGING;
	p->crossing = cand->epoch_crossed;
	parent_grow(p->parent);
	plan_merge(plan, PLAN_CHANGES, may_prune, on_changes_merged);
}

/* From which sequence on all steps to the candidate were counted, to delete
 * what goes: this one goes on from the accepted bundle, or nothing is known. */
static uint64_t counted_from(const struct channel *c)
{
	const struct status_bundle *was = &c->status.accepted;
	const struct source_candidate *cand = &c->private->candidate;

	if (cand->epoch_crossed || !c->spec.prune || !was->bundle[0] ||
	    strcmp(c->private->plan->from, was->bundle))
		return cand->pin.sequence;
	return was->counted_from ? was->counted_from : was->sequence;
}

static void accept(struct channel *c)
{
	struct channel_private *p = c->private;
	const struct source_candidate *cand = &p->candidate;
	struct status_bundle b = {
		.epoch = cand->pin.epoch, .sequence = cand->pin.sequence,
		.content = cand->pin.content, .at = cand->pin.head_issued,
		.counted_from = counted_from(c),
	};

	memcpy(b.bundle, cand->pin.bundle, sizeof(b.bundle));
	memcpy(b.source_commit, cand->source_commit,
	       sizeof(b.source_commit));
	p->intake = INTAKE_ACCEPTING;
	report_accept(p->report, &b, intake_consents_of(c, b.bundle),
		      on_accepted, on_withdrawn);
}

/* ---- judging ---- */

static size_t still_deleting(const struct channel *c)
{
	size_t n = 0;

	for (struct tracked *t = c->inventory.first; t; t = t->next)
		n += t->state == TRACKED_DELETING &&
		     !tracked_is(t, TRACKED_CONFIRMED);
	return n;
}

/*
 * May the source's bundles be accepted just now? The key may have ended since
 * the candidate was verified.
 */
static bool source_is_good(const struct channel_private *p)
{
	return p->state.v[SOURCE_VERIFIED].reason != SOURCE_UNKNOWN_KEY &&
	       p->state.v[SOURCE_STALE].reason == SOURCE_GOOD &&
	       p->state.v[SOURCE_FORKED].reason == SOURCE_GOOD &&
	       p->state.v[SOURCE_CLOCK].reason == SOURCE_GOOD &&
	       !p->forked;
}

static int judge(struct channel *c, const struct plan *plan,
		 const char **ret_why, struct err *err)
{
	const struct channel_private *p = c->private;
	const struct source_candidate *cand = &p->candidate;
	/* crossing an epoch deletes nothing */
	size_t deletes = cand->epoch_crossed ? 0 :
			 plan->deleted + still_deleting(c);

	*ret_why = "PolicyViolation";
	if (plan->n_refused > 1)
		return err_set(err, ERR_DENIED, "%s (and %zu more)",
			       plan->refused.msg, plan->n_refused - 1);
	if (plan->n_refused)
		return err_set(err, ERR_DENIED, "%s", plan->refused.msg);
	/* what the trees differ by can never be more than what the signed
	 * commits said */
	if (cand->since[0] && plan->from[0] && deletes > cand->deleted)
		return err_set(err, ERR_DENIED, "it would delete %zu object%s, "
			       "but its bundles say %llu", deletes,
			       plural(deletes),
			       (unsigned long long)cand->deleted);
	return intake_judge_votes(c, deletes, ret_why, err);
}

static bool is_later(const struct source_pin *a, const struct status_bundle *b)
{
	return !b->bundle[0] || a->epoch > b->epoch ||
	       (a->epoch == b->epoch && a->sequence > b->sequence);
}

static void on_vetted(struct plan *plan, const struct err *failed)
{
	struct channel *c = plan->channel;
	struct channel_private *p = c->private;
	struct err err = ERR_INIT;
	const char *why;

	if (failed) {
		stuck(c, failed);
	} else if (!p->has_candidate ||
		   strcmp(plan->to, p->candidate.pin.bundle)) {
		/* a later one came while this was read */
		drop_plan(c);
		intake_kick(c);
	} else if (c->spec.suspend) {
		put_aside(c);
	} else if (judge(c, plan, &why, &err) < 0) {
		refuse(c, why, &err);
	} else if (!source_is_good(p) || c->deleting ||
		   p->candidate.head_expires <= clock_now()) {
		/* whatever moved will move again */
		put_aside(c);
	} else {
		accept(c);
	}
}

/* ---- what comes next ---- */

void intake_kick(struct channel *c)
{
	struct channel_private *p = c->private;

	if (!c->source || !p->opened || p->intake != INTAKE_IDLE ||
	    !c->spec_ok || !c->engine->leading)
		return;
	if (p->at_hand && !p->loaded[0]) {
		load(c);
		return;
	}
	if (p->pending && p->applied_at_hand) {
		p->applied_at_hand = false;
		read_pending(c);
		return;
	}
	if (!p->has_candidate || c->deleting)
		return;
	if (!is_later(&p->candidate.pin, &c->status.accepted)) {
		p->has_candidate = false;
		return;
	}
	if (!source_is_good(p) || p->candidate.head_expires <= clock_now())
		return;
	/* what a suspended channel will have is read once, so that nobody
	 * deletes it meanwhile */
	if (c->spec.suspend && p->vetted &&
	    !strcmp(p->vetted->to, p->candidate.pin.bundle))
		return;
	p->intake = INTAKE_READING;
	p->plan = plan_read(c, p->loaded, p->candidate.pin.bundle, on_vetted);
}

/* If it does not come to that, because the writing down takes so long that
 * what it was judged by is not so any more, this one is judged. */
static void keep_next(struct channel_private *p,
		      const struct source_candidate *cand)
{
	forget_next(p);
	p->next = xmemdup(cand, sizeof(*cand));
	if (!strcmp(cand->pin.bundle, p->candidate.pin.bundle))
		report_accept_doubt(p->report);
}

void intake_candidate(struct channel *c, const struct source_candidate *cand)
{
	struct channel_private *p = c->private;

	log_info("bundle-verified", LOG_S("channel", c->name),
		 LOG_N("epoch", cand->pin.epoch),
		 LOG_N("sequence", cand->pin.sequence),
		 LOG_S("bundle", cand->pin.bundle),
		 LOG_N("objects", cand->objects));
	intake_note_reject(c, cand);
	/* the one that is being accepted is accepted first; this one is told
	 * again when it was judged as what comes after that */
	if (p->intake == INTAKE_RECORDING)
		return;
	if (p->intake == INTAKE_ACCEPTING) {
		keep_next(p, cand);
		return;
	}
	p->candidate = *cand;
	p->has_candidate = true;
	p->failures = 0;
	if (p->intake == INTAKE_READING)
		drop_plan(c);
	intake_kick(c);
	settle_touch(c);
}

void intake_forget(struct channel *c)
{
	struct channel_private *p = c->private;

	p->has_candidate = false;
	p->void_at = loop_now(c->engine->loop);
	forget_next(p);
	p->refused_why = NULL;
	if (p->intake == INTAKE_READING)
		drop_plan(c);
	else if (p->intake == INTAKE_ACCEPTING)
		report_accept_doubt(p->report);
	settle_touch(c);
}

/* ---- what will be ---- */

static int by_path(const void *path, const void *item)
{
	return strcmp(path, ((const struct plan_item *)item)->path);
}

/* Its items are in the order of their paths. */
static bool plan_names(const struct plan *plan, const char *path)
{
	const struct plan_item *item = !plan || !plan->n ? NULL :
		bsearch(path, plan->v, plan->n, sizeof(*plan->v), by_path);

	return item && item->op != SOURCE_DELETE;
}

bool intake_names(const struct channel *c, const struct object_id *id)
{
	const struct channel_private *p = c->private;
	bool is_void = !p->has_candidate && p->intake == INTAKE_IDLE &&
		       loop_now(c->engine->loop) - p->void_at >= VOID_MS;
	bool read = p->intake == INTAKE_ACCEPTING ||
		    p->intake == INTAKE_RECORDING ||
		    p->intake == INTAKE_MERGING;
	struct buf path = BUF_INIT(SOURCE_PATH_SIZE);
	struct err err = ERR_INIT;
	bool named = object_path(id, &path, &err) == 0 &&
		     ((!is_void && plan_names(p->vetted, path.data)) ||
		      (read && plan_names(p->plan, path.data)));

	buf_release(&path);
	return named;
}

void intake_at_hand(struct channel *c, const char *bundle)
{
	struct channel_private *p = c->private;

	if (!strcmp(bundle, p->lost))
		p->lost[0] = '\0';
	if (awaits_applied(p) && !strcmp(bundle, c->status.applied.bundle)) {
		read_pending(c);
		return;
	}
	if (p->pending && !strcmp(bundle, c->status.applied.bundle)) {
		p->applied_at_hand = true;
		intake_kick(c);
		return;
	}
	if (strcmp(bundle, c->status.accepted.bundle))
		return;
	p->at_hand = true;
	intake_kick(c);
	if (c->apply)
		apply_retry_all(c);
}

/* Nothing is pruned then; what is live and not named shows as a leftover, also
 * when this one should come back. */
void intake_lost(struct channel *c, const char *bundle)
{
	struct channel_private *p = c->private;

	if (strcmp(bundle, c->status.applied.bundle))
		return;
	log_warn("applied-lost", LOG_S("channel", c->name),
		 LOG_S("bundle", bundle));
	/* this may come before the question */
	snprintf(p->lost, sizeof(p->lost), "%s", bundle);
	p->pending = false;
	c->status.accepted.counted_from = 0;
	if (awaits_applied(p))
		read_pending(c);
	settle_touch(c);
}
