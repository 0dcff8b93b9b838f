/*
 * How far a channel is, and what its status says about that. Everything that
 * moves calls settle_touch; one look later decides what comes next: prune
 * when all was tried, applied when all is as the bundle wants it.
 */
#include "config.h"
#include "engine/channel-private.h"

#include <stdlib.h>
#include <string.h>

#include "engine/apply.h"
#include "engine/machine.h"
#include "engine/prune.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"

/* objects that a condition names */
#define DRIFTS_NAMED 5

static void look(void *arg);

void settle_init(struct channel *c)
{
	work_init(&c->private->look, look, c);
}

void settle_stop(struct channel *c)
{
	struct channel_private *p = c->private;

	p->settling = p->pruning = p->emptying = p->reconciling = false;
	p->letting_go = p->crossing = false;
	p->state = (struct source_state){ 0 };
	for (int i = 0; i < SOURCE_CONDITIONS; i++)
		p->state.v[i].reason = SOURCE_UNKNOWN;
}

void settle_touch(struct channel *c)
{
	loop_defer(c->engine->loop, &c->private->look);
}

/* ---- what the parts tell ---- */

void channel_object_changed(struct channel *c, struct tracked *t)
{
	settle_touch(c);
}

void channel_health_changed(struct channel *c, struct tracked *t,
			    enum health old)
{
	if (c->apply)
		apply_recheck(c, t);
	settle_touch(c);
}

void channel_drifted(struct channel *c, struct tracked *t,
		     enum drift_cause cause, enum drift_action action,
		     const char *manager, const struct strvec *fields)
{
	static const char *const events[DRIFT_ACTIONS] = {
		[DRIFT_CORRECTED] = "drift",
		[DRIFT_REPORTED] = "drift-reported",
		[DRIFT_PUT_OFF] = "drift-put-off",
	};
	struct channel_status *s = &c->status;
	struct drift_record record = {
		.manager = (char *)manager, .fields = *fields,
		.at = clock_now(), .times = 1, .action = action,
	};
	struct buf what = BUF_INIT(4096), named = BUF_INIT(4096);

	tracked_describe(t, &what);
	record.object = what.data;
	for (size_t i = 0; i < fields->n; i++)
		buf_addf(&named, "%s%s", i ? ", " : "", fields->v[i]);
	status_add_drift(s, &record);
	if (action == DRIFT_CORRECTED) {
		s->drift_repairs++;
		c->counts.repairs[cause]++;
	} else if (action == DRIFT_REPORTED) {
		c->counts.reports[cause]++;
	}
	log_info(events[action], LOG_S("channel", c->name),
		 LOG_S("object", what.data), LOG_S("manager", manager),
		 LOG_S("fields", named.data));
	buf_release(&what);
	buf_release(&named);
	settle_touch(c);
}

bool tracked_is_failing(const struct tracked *t)
{
	switch ((enum tracked_state)t->state) {
	case TRACKED_FAILED:
		return true;
	case TRACKED_WAITING:
		return t->tries >= FAILING_TRIES;
	case TRACKED_APPLIED:
		return t->health == HEALTH_FAILED ||
		       tracked_is(t, TRACKED_UNENFORCEABLE);
	default:
		return false;
	}
}

bool tracked_is_held_up(const struct tracked *t)
{
	return t->state == TRACKED_APPLIED &&
	       t->health == HEALTH_PROGRESSING &&
	       tracked_is(t, TRACKED_HELD_UP);
}

/* ---- the steps after a merge ---- */

/* What an admin asked for is done: the annotation may go. */
static void answer_wish(struct channel *c)
{
	struct channel_private *p = c->private;

	if (!p->wished)
		return;
	parent_drop_annotation(p->parent, RECONCILE_ANNOTATION);
	log_info("reconciled", LOG_S("channel", c->name));
}

static void on_reconciled(struct channel *c)
{
	c->private->reconciling = false;
	answer_wish(c);
	apply_rollout(c);
	settle_touch(c);
}

static void reconcile(struct channel *c)
{
	struct channel_private *p = c->private;

	if (p->reconciling)
		return;
	for (struct tracked *t = c->inventory.first; t; t = t->next)
		if (t->state == TRACKED_UNSEEN) {
			p->reconciling = true;
			break;
		}
	if (p->reconciling)
		repair_reconcile(c, on_reconciled);
}

void settle_reconcile(struct channel *c)
{
	if (!intake_is_done(c))
		return;
	for (struct tracked *t = c->inventory.first; t; t = t->next)
		if (t->state == TRACKED_APPLIED) {
			t->state = TRACKED_UNSEEN;
			t->baseline = (struct baseline){ 0 };
		}
	reconcile(c);
	apply_wake(c);
	prune_wake(c);
}

void settle_asked(struct channel *c)
{
	struct channel_private *p = c->private;
	bool asked = parent_annotation(p->parent, RECONCILE_ANNOTATION) != NULL;

	if (!asked || !c->engine->leading || p->wished) {
		p->wished = asked && p->wished;
		return;
	}
	p->wished = true;
	reporter_try_again(p->reporter);
	if (c->source)
		source_poll(c->source);
	if (c->spec_ok && !c->spec.suspend) {
		p->failures = 0;
		settle_reconcile(c);
		apply_retry_all(c);
		prune_retry_all(c);
	}
	/* there was nothing to compare */
	if (!p->reconciling)
		answer_wish(c);
}

void settle_begin(struct channel *c)
{
	struct channel_private *p = c->private;

	p->settling = strcmp(c->status.applied.bundle, p->loaded) != 0;
	p->pruning = false;
	/* to see what is left over of kinds that the bundle has not */
	parent_kinds(p->parent, channel_keep_kind);
	parent_grow(p->parent);
	apply_rollout(c);
	if (!c->spec.suspend)
		reconcile(c);
	settle_touch(c);
}

struct settle_counts settle_count(const struct channel *c)
{
	struct settle_counts n = { 0 };

	for (struct tracked *t = c->inventory.first; t; t = t->next) {
		/* one that is going is there no more when its finalizers are
		 * done, and is made again then */
		bool applied = t->state == TRACKED_APPLIED &&
			       !tracked_is(t, TRACKED_TERMINATING);
		bool ready = applied && (t->health == HEALTH_HEALTHY ||
					 t->health == HEALTH_SUSPENDED);

		if (t->state == TRACKED_DELETING) {
			n.deleting++;
			continue;
		}
		n.total++;
		n.applied += applied;
		n.ready += ready;
		n.drifted += tracked_is(t, TRACKED_DRIFTED |
					TRACKED_UNENFORCEABLE);
		n.fighting += tracked_is(t, TRACKED_UNENFORCEABLE);
		if (tracked_is_failing(t)) {
			n.failing++;
			n.unhealthy += t->state == TRACKED_APPLIED;
			if (!n.first_failing)
				n.first_failing = t;
			if (!n.first_refused && t->state != TRACKED_APPLIED)
				n.first_refused = t;
		} else if (!ready) {
			n.progressing++;
			if (!n.first_unready)
				n.first_unready = t;
		}
	}
	return n;
}

/* Kinds that it has no more are watched no more, nor named by the parent. */
static void tidy_kinds(struct channel *c)
{
	struct channel_private *p = c->private;

	p->letting_go = false;
	if (!p->leftovers.count)
		channel_keep_no_kinds(c);
	channel_drop_unused(c);
	parent_touch(p->parent, !p->leftovers.count);
}

static void set_applied(struct channel *c, const struct settle_counts *n)
{
	struct channel_private *p = c->private;
	struct status_bundle *b = &c->status.applied;
	struct source_pin pin;

	*b = c->status.accepted;
	pin = (struct source_pin){
		.epoch = b->epoch, .sequence = b->sequence,
		.content = b->content, .head_issued = b->at,
	};
	memcpy(pin.bundle, b->bundle, sizeof(pin.bundle));
	b->at = clock_now();
	p->settling = false;
	source_applied(c->source, &pin);
	tidy_kinds(c);
	trim_later(&c->engine->trim);
	log_info("bundle-applied", LOG_S("channel", c->name),
		 LOG_N("epoch", b->epoch), LOG_N("sequence", b->sequence),
		 LOG_S("bundle", b->bundle), LOG_N("objects", n->total));
	event_post(c, EVENT_NORMAL, "BundleApplied",
		   "bundle %llu.%llu: %zu object%s",
		   (unsigned long long)b->epoch,
		   (unsigned long long)b->sequence, n->total,
		   plural(n->total));
}

/* The Channel is being deleted, and its objects with it. */
static void delete_all(struct channel *c)
{
	struct channel_private *p = c->private;

	if (p->emptying || c->spec.deletion_policy != DELETION_PRUNE)
		return;
	for (struct tracked *t = c->inventory.first; t; t = t->next) {
		if (t->state == TRACKED_DELETING)
			continue;
		await_drop(c, t);
		t->tries = 0;
		t->retry_at = 0;
		t->state = TRACKED_DELETING;
	}
	p->emptying = true;
	log_info("channel-pruned", LOG_S("channel", c->name),
		 LOG_N("objects", c->inventory.count));
	prune_begin(c);
}

void settle_leave_rest(struct channel *c)
{
	struct tracked *t = c->inventory.first, *next;

	for (; t; t = next) {
		next = t->next;
		if (t->state != TRACKED_DELETING || t->busy)
			continue;
		if (!tracked_is(t, TRACKED_NEW))
			channel_leave(c, t->kind, t->namespace, t->name);
		/* after a restart neither is it deleted as let through */
		c->status.accepted.counted_from = 0;
		channel_keep_kind(c, t->kind);
		channel_untrack(c, t);
	}
}

static void proceed(struct channel *c)
{
	struct channel_private *p = c->private;
	struct settle_counts n;

	if (!intake_is_done(c) || p->intake == INTAKE_ACCEPTING ||
	    p->intake == INTAKE_RECORDING)
		return;
	if (c->deleting) {
		delete_all(c);
		parent_touch(p->parent, false);
		return;
	}
	/* spec.prune was turned off while something was to be deleted */
	if (!c->spec.prune)
		settle_leave_rest(c);
	if (p->letting_go && !p->settling && !settle_count(c).deleting)
		tidy_kinds(c);
	if (!p->settling || p->reconciling || p->pending ||
	    !apply_rolled_out(c))
		return;
	if (!p->pruning) {
		p->pruning = true;
		channel_begin_watches(c);
		prune_begin(c);
	}
	n = settle_count(c);
	if (n.applied == n.total && !n.deleting)
		set_applied(c, &n);
}

static void look(void *arg)
{
	struct channel *c = arg;
	struct channel_private *p = c->private;

	if (p->overtaken && c->source) {
		channel_restart(c);
		return;
	}
	channel_drop_unused(c);
	proceed(c);
	report_touch(p->report);
	reporter_touch(p->reporter);
}

/* ---- the status ---- */

static void add_failures(struct channel *c,
			 bool (*is_one)(const struct tracked *t))
{
	struct channel_status *s = &c->status;
	struct buf what = BUF_INIT(4096);

	for (struct tracked *t = c->inventory.first;
	     t && s->n_failures < STATUS_FAILURES; t = t->next) {
		if (!is_one(t) || !t->note)
			continue;
		buf_reset(&what);
		tracked_describe(t, &what);
		status_add_failure(s, what.data,
				   t->note->source ? t->note->source : "",
				   t->note->reason, t->note->message);
	}
	buf_release(&what);
}

static void set_failures(struct channel *c)
{
	status_clear_failures(&c->status);
	add_failures(c, tracked_is_failing);
	/* who waits for these need not wait until their time is up */
	add_failures(c, tracked_is_held_up);
	places_ask(c);
}

static void set_leftovers(struct channel *c)
{
	status_clear_leftovers(&c->status);
	for (map_each(&c->private->leftovers, e))
		status_add_leftover(&c->status, e->key);
}

static void set(struct channel *c, enum condition_type type, bool good,
		const char *reason, const char *message)
{
	condition_set(&c->status, type, good ? STATUS_TRUE : STATUS_FALSE,
		      clock_now(), reason, "%s", message);
}

static void set_unknown(struct channel *c, enum condition_type type,
			const char *reason, const char *message)
{
	condition_set(&c->status, type, STATUS_UNKNOWN, clock_now(), reason,
		      "%s", message);
}

/* Before it is set: is this reason another one than till now? */
static bool is_news(const struct channel *c, enum condition_type type,
		    const char *reason)
{
	return strcmp(c->status.conditions[type].reason, reason);
}

/* Conditions that the fetching child decides. `good` is their status when
 * the finding is GOOD. */
static void set_finding(struct channel *c, enum condition_type type,
			enum source_condition which, bool good)
{
	const struct source_finding *f = &c->private->state.v[which];
	const char *reason = source_reason_name(which, f->reason);

	if (f->reason == SOURCE_UNKNOWN)
		set_unknown(c, type, reason, f->message);
	else
		set(c, type, (f->reason == SOURCE_GOOD) == good, reason,
		    f->message);
}

static void set_source(struct channel *c)
{
	struct channel_private *p = c->private;

	set_finding(c, CONDITION_FETCHED, SOURCE_FETCHED, true);
	set_finding(c, CONDITION_VERIFIED, SOURCE_VERIFIED, true);
	set_finding(c, CONDITION_STALE, SOURCE_STALE, false);
	set_finding(c, CONDITION_FORKED, SOURCE_FORKED, false);
	set_finding(c, CONDITION_CLOCK, SOURCE_CLOCK, false);
	if (p->stuck.class != ERR_NONE)
		set(c, CONDITION_FETCHED, false, p->twin ? "ChannelIDTaken" :
		    "BundleNotAtHand", p->stuck.msg);
	if (p->secret.err.class != ERR_NONE)
		set(c, CONDITION_FETCHED, false, "SecretUnusable",
		    p->secret.err.msg);
	/* what cannot be verified is newer than what was refused */
	if (p->refused_why && !strcmp(p->refused_why, "PolicyViolation") &&
	    p->state.v[SOURCE_VERIFIED].reason == SOURCE_GOOD)
		set(c, CONDITION_VERIFIED, false, p->refused_why,
		    p->refused.msg);
	if (p->disowned.class != ERR_NONE &&
	    p->state.v[SOURCE_VERIFIED].reason == SOURCE_GOOD)
		set(c, CONDITION_VERIFIED, false, "ApproverNotTrusted",
		    p->disowned.msg);
	if (p->forked)
		condition_set(&c->status, CONDITION_FORKED, STATUS_TRUE,
			      clock_now(), p->forked_reason, "%s",
			      p->forked_why.msg);
}

static void set_apply(struct channel *c, const struct settle_counts *n)
{
	struct channel_private *p = c->private;
	struct buf text = BUF_INIT(8192);
	size_t failing = n->failing - n->unhealthy;

	if (!c->status.accepted.bundle[0] && !p->refused_why) {
		set_unknown(c, CONDITION_APPLIED, "NoBundle",
			    "no bundle was accepted yet");
	} else if (p->refused_why) {
		buf_addf(&text, "bundle %llu.%llu: %s",
			 (unsigned long long)p->candidate.pin.epoch,
			 (unsigned long long)p->candidate.pin.sequence,
			 p->refused.msg);
		set(c, CONDITION_APPLIED, false, p->refused_why, text.data);
	} else if (!intake_is_done(c)) {
		set_unknown(c, CONDITION_APPLIED, "Loading",
			    "the accepted bundle is being read");
	} else if (failing) {
		buf_addf(&text, "%zu of %zu object%s cannot be applied: ",
			 failing, n->total, plural(n->total));
		tracked_describe(n->first_refused, &text);
		if (n->first_refused->note)
			buf_addf(&text, ": %s",
				 n->first_refused->note->message);
		if (is_news(c, CONDITION_APPLIED, "ApplyFailed"))
			event_post(c, EVENT_WARNING, "ApplyFailed", "%s",
				   text.data);
		set(c, CONDITION_APPLIED, false, "ApplyFailed", text.data);
	} else if (p->settling) {
		buf_addf(&text, "%zu of %zu object%s applied", n->applied,
			 n->total, n->total == 1 ? " is" : "s are");
		if (n->deleting)
			buf_addf(&text, ", %zu to be deleted", n->deleting);
		if (!apply_rolled_out(c)) {
			buf_adds(&text, "; ");
			if (!apply_waits_for(c, &text))
				buf_truncate(&text, text.len - 2);
		} else if (p->pending) {
			buf_addf(&text, "; bundle %.12s, which says what is "
				 "to be deleted, is not at hand",
				 c->status.applied.bundle);
		}
		set(c, CONDITION_APPLIED, false, "Progressing", text.data);
	} else {
		buf_addf(&text, "bundle %llu.%llu",
			 (unsigned long long)c->status.applied.epoch,
			 (unsigned long long)c->status.applied.sequence);
		set(c, CONDITION_APPLIED, true, "Applied", text.data);
	}
	buf_release(&text);
}

/* The one that is waited for, and why, if that is known. */
static void add_reason(const struct tracked *t, struct buf *text)
{
	tracked_describe(t, text);
	if (t->state == TRACKED_APPLIED && tracked_is(t, TRACKED_TERMINATING))
		buf_adds(text, ": somebody deleted it, and its finalizers "
			 "are not done");
	else if (t->note)
		buf_addf(text, ": %s", t->note->message);
}

static void set_health(struct channel *c, const struct settle_counts *n)
{
	struct buf text = BUF_INIT(8192);
	const struct tracked *t = n->first_unready;

	if (!n->total) {
		set_unknown(c, CONDITION_HEALTHY, "NoObjects", "");
	} else if (n->failing) {
		add_reason(n->first_failing, &text);
		/* of what cannot be applied, the condition Applied tells */
		if (n->unhealthy == n->failing &&
		    is_news(c, CONDITION_HEALTHY, "Failed"))
			event_post(c, EVENT_WARNING, "Unhealthy", "%s",
				   text.data);
		set(c, CONDITION_HEALTHY, false, "Failed", text.data);
	} else if (n->ready < n->total) {
		buf_addf(&text, "%zu of %zu object%s ready", n->ready,
			 n->total, n->total == 1 ? " is" : "s are");
		if (t) {
			buf_adds(&text, "; ");
			add_reason(t, &text);
		}
		set(c, CONDITION_HEALTHY, false, "Progressing", text.data);
	} else {
		set(c, CONDITION_HEALTHY, true, "Healthy", "");
	}
	buf_release(&text);
}

static void set_prune(struct channel *c)
{
	struct buf text = BUF_INIT(64 * 1024);
	size_t left = c->private->leftovers.count;

	if (c->prune && prune_blocked(c, &text)) {
		if (is_news(c, CONDITION_PRUNE_BLOCKED, "PruneBlocked"))
			event_post(c, EVENT_WARNING, "PruneBlocked", "%s",
				   text.data);
		set(c, CONDITION_PRUNE_BLOCKED, true, "PruneBlocked",
		    text.data);
	} else if (left) {
		buf_addf(&text, "%zu object%s live that the bundle does "
			 "not name; to delete them %sannotate the Channel with "
			 "%s: \"%zu\"", left, left == 1 ? " is" : "s are",
			 c->spec_ok && !c->spec.prune ?
			 "set spec.prune, and " : "",
			 PRUNE_LEFTOVERS_ANNOTATION, left);
		set(c, CONDITION_PRUNE_BLOCKED, true, "Leftovers", text.data);
	} else {
		set(c, CONDITION_PRUNE_BLOCKED, false, "NothingBlocked", "");
	}
	buf_release(&text);
}

/* What differs and stays so: because it is wanted, or because somebody does
 * it again and again. */
static void set_drift(struct channel *c)
{
	struct buf text = BUF_INIT(8192);
	const char *reason = "DriftReported";
	size_t n = 0;

	for (struct tracked *t = c->inventory.first; t; t = t->next) {
		bool fight = tracked_is(t, TRACKED_UNENFORCEABLE);

		if (!fight && !(tracked_is(t, TRACKED_DRIFTED) &&
				drift_mode(c, t) == WISH_DRIFT_REPORT))
			continue;
		if (fight)
			reason = "DriftFight";
		if (n++ >= DRIFTS_NAMED)
			continue;
		buf_adds(&text, n > 1 ? "; " : "");
		tracked_describe(t, &text);
		if (t->note)
			buf_addf(&text, ": %s", t->note->message);
	}
	if (n > DRIFTS_NAMED)
		buf_addf(&text, "; and %zu more", n - DRIFTS_NAMED);
	if (n)
		set(c, CONDITION_DRIFTED, true, reason, text.data);
	else
		set(c, CONDITION_DRIFTED, false, "NoDrift", "");
	buf_release(&text);
}

/*
 * A suspended Channel prunes nothing, also when it is deleted; and one with
 * deletionPolicy Prune does not leave its objects behind. Which of the two is
 * meant is for whoever deletes it to say.
 */
static void set_suspended(struct channel *c)
{
	static const char waits[] = "DeletionSuspended";
	static const char how[] =
		"it is being deleted, and would delete its objects, but "
		"nothing is pruned while it is suspended: set spec.suspend to "
		"false to delete them, or spec.deletionPolicy to Orphan to "
		"leave them";

	if (!c->spec_ok || !c->spec.suspend) {
		set(c, CONDITION_SUSPENDED, false, "NotSuspended", "");
	} else if (!c->deleting || !machine_wants_finalizer(c)) {
		set(c, CONDITION_SUSPENDED, true, "Suspended", "nothing is "
		    "applied, pruned or repaired (spec.suspend)");
	} else {
		if (is_news(c, CONDITION_SUSPENDED, waits))
			event_post(c, EVENT_WARNING, waits, "%s", how);
		set(c, CONDITION_SUSPENDED, true, waits, how);
	}
}

/* Ready says in one line what the others say, the gravest first. */
static void set_ready(struct channel *c, const struct settle_counts *n)
{
	static const struct { enum condition_type type; enum condition_status
			      bad; } order[] = {
		{ CONDITION_FORKED, STATUS_TRUE },
		{ CONDITION_CLOCK, STATUS_TRUE },
		{ CONDITION_VERIFIED, STATUS_FALSE },
		{ CONDITION_STALE, STATUS_TRUE },
		{ CONDITION_SUSPENDED, STATUS_TRUE },
		{ CONDITION_APPLIED, STATUS_FALSE },
		{ CONDITION_APPLIED, STATUS_UNKNOWN },
		{ CONDITION_HEALTHY, STATUS_FALSE },
	};
	char text[200];

	if (!c->spec_ok) {
		set(c, CONDITION_READY, false, "InvalidSpec",
		    c->private->spec_fault.msg);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const struct condition *k =
			&c->status.conditions[order[i].type];

		if (k->status != order[i].bad)
			continue;
		/* what could not be fetched is why nothing is known */
		if (order[i].bad == STATUS_UNKNOWN &&
		    c->status.conditions[CONDITION_FETCHED].status ==
		    STATUS_FALSE)
			k = &c->status.conditions[CONDITION_FETCHED];
		set(c, CONDITION_READY, false, k->reason, k->message);
		return;
	}
	snprintf(text, sizeof(text), "bundle %llu.%llu is live: %zu object%s",
		 (unsigned long long)c->status.applied.epoch,
		 (unsigned long long)c->status.applied.sequence, n->total,
		 plural(n->total));
	set(c, CONDITION_READY, true, "Live", text);
}

void settle_fill(struct channel *c)
{
	struct channel_private *p = c->private;
	struct channel_status *s = &c->status;
	struct settle_counts n = settle_count(c);

	s->total = n.total;
	s->ready = n.ready;
	s->progressing = n.progressing;
	s->failed = n.failing;
	s->drifted = n.drifted;
	s->fighting = n.fighting;
	set_failures(c);
	set_leftovers(c);
	set_source(c);
	set_apply(c, &n);
	set_health(c, &n);
	set_prune(c);
	set_drift(c);
	set_suspended(c);
	set_ready(c, &n);
	reporter_filled(p->reporter, &n);
}
