/*
 * The life of one channel. See machine.h and channel-private.h. A Channel is
 * edited by people: whatever they write, objects that are live stay as they
 * are until a bundle that the spec allows says otherwise.
 */
#include "config.h"
#include "engine/channel.h"

#include <stdlib.h>
#include <string.h>

#include "engine/adopt.h"
#include "engine/apply.h"
#include "engine/channel-private.h"
#include "engine/definitions.h"
#include "engine/kube.h"
#include "engine/lease.h"
#include "engine/machine.h"
#include "engine/prune.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/render.h"

/* until a Channel that another engine wrote to is read again */
#define REREAD_MS 2000
/* until it is looked again whether another Channel still has the same id */
#define TWIN_MS 5000

static void start(struct channel *c);
static void stop(struct channel *c);

bool channel_may_write(const struct channel *c)
{
	const struct engine *e = c->engine;

	/* a process that was stopped for a while has answers to work on
	 * before any timer tells it that it leads no more */
	if (e->lease && !lease_can_write(e->lease))
		return false;
	return e->leading && !e->stopping && c->spec_ok && !c->spec.suspend &&
	       !c->private->overtaken && c->private->loaded[0];
}

/*
 * Is a new epoch on its way, from its head until its objects are known? What
 * the old one deletes it may name again: nothing is to go in between.
 */
static bool is_crossing(const struct channel *c)
{
	const struct channel_private *p = c->private;

	return p->state.epoch != c->status.accepted.epoch ||
	       (p->candidate.epoch_crossed &&
		(p->intake == INTAKE_ACCEPTING ||
		 p->intake == INTAKE_RECORDING ||
		 p->intake == INTAKE_MERGING));
}

bool channel_may_prune(const struct channel *c)
{
	const struct source_finding *v = c->private->state.v;

	if (!channel_may_write(c) || c->private->forked)
		return false;
	/* a Channel that is being deleted takes its objects along, whatever
	 * its publisher says by now */
	if (c->deleting)
		return true;
	return c->spec.prune && c->private->disowned.class == ERR_NONE &&
	       !is_crossing(c) &&
	       v[SOURCE_VERIFIED].reason == SOURCE_GOOD &&
	       v[SOURCE_STALE].reason == SOURCE_GOOD &&
	       v[SOURCE_FORKED].reason == SOURCE_GOOD &&
	       v[SOURCE_CLOCK].reason == SOURCE_GOOD;
}

/* ---- kinds in use ---- */

static struct kind_use *find_use(struct channel *c, const struct kind *k)
{
	struct channel_private *p = c->private;

	/* objects come by kind: mostly it is the one of last time */
	if (p->last_kind < p->n_kinds && p->kinds[p->last_kind].kind == k)
		return &p->kinds[p->last_kind];
	for (size_t i = 0; i < p->n_kinds; i++)
		if (p->kinds[i].kind == k) {
			p->last_kind = i;
			return &p->kinds[i];
		}
	return NULL;
}

static void watch_if_known(struct channel *c, struct kind_use *u)
{
	/* a definition that comes is how such a kind becomes known */
	if (u->kind->custom)
		definitions_use(c->engine->definitions);
	if (u->watched || !u->kind->resolved)
		return;
	u->watched = true;
	observe_use(c, u->kind);
}

static struct kind_use *make_use(struct channel *c, struct kind *k)
{
	struct channel_private *p = c->private;
	struct kind_use *u = find_use(c, k);

	if (!u) {
		p->kinds = xreallocarray(p->kinds, p->n_kinds + 1,
					 sizeof(*p->kinds));
		u = &p->kinds[p->n_kinds++];
		*u = (struct kind_use){ .kind = k };
	}
	watch_if_known(c, u);
	return u;
}

void channel_use_kind(struct channel *c, struct kind *k)
{
	make_use(c, k)->n++;
}

static void drop_kind(struct channel *c, const struct kind *k)
{
	struct kind_use *u = find_use(c, k);

	/* its watch may be what tells us: it is freed at the next look */
	if (u && !--u->n)
		settle_touch(c);
}

void channel_drop_unused(struct channel *c)
{
	struct channel_private *p = c->private;

	/* from the end: the one that goes is replaced by the last */
	for (size_t i = p->n_kinds; i-- > 0; ) {
		struct kind_use *u = &p->kinds[i];

		if (u->n || u->kept)
			continue;
		if (u->watched)
			observe_drop(c, u->kind);
		*u = p->kinds[--p->n_kinds];
	}
}

void channel_begin_watches(struct channel *c)
{
	struct channel_private *p = c->private;

	for (size_t i = 0; i < p->n_kinds; i++)
		observe_begin(p->kinds[i].kind);
}

void channel_keep_kind(struct channel *c, struct kind *k)
{
	make_use(c, k)->kept = true;
}

void channel_keep_no_kinds(struct channel *c)
{
	struct channel_private *p = c->private;

	for (size_t i = 0; i < p->n_kinds; i++)
		p->kinds[i].kept = false;
}

void channel_untrack(struct channel *c, struct tracked *t)
{
	struct kind *k = t->kind;

	await_drop(c, t);
	repair_forget(c, t);
	inventory_remove(&c->inventory, t);
	drop_kind(c, k);
}

/* ---- the source ---- */

static struct source_pin pin_of(const struct status_bundle *b)
{
	struct source_pin pin = {
		.epoch = b->epoch, .sequence = b->sequence,
		.content = b->content, .head_issued = b->at,
	};

	memcpy(pin.bundle, b->bundle, sizeof(pin.bundle));
	return pin;
}

static bool is_later(const struct source_pin *pin,
		     const struct status_bundle *b)
{
	return !b->bundle[0] || pin->epoch > b->epoch ||
	       (pin->epoch == b->epoch && pin->sequence > b->sequence);
}

static void on_restored(struct channel *c)
{
	c->private->opened = true;
	settle_touch(c);
	intake_kick(c);
}

static void on_opened(void *arg, const struct source_pin *pin)
{
	static const struct consents none = CONSENTS_INIT;
	struct channel *c = arg;
	struct status_bundle b = {
		.epoch = pin->epoch, .sequence = pin->sequence,
		.content = pin->content, .at = pin->head_issued,
	};

	/* a child that was started again may not know yet what is being
	 * accepted: nothing older ever takes its place */
	if (!pin->bundle[0] || !is_later(pin, &c->status.accepted)) {
		intake_recorded(c, pin->bundle);
		on_restored(c);
		return;
	}
	/* the state directory knows of a later one than the status */
	memcpy(b.bundle, pin->bundle, sizeof(b.bundle));
	log_warn("accepted-restored", LOG_S("channel", c->name),
		 LOG_S("bundle", b.bundle), LOG_N("epoch", b.epoch),
		 LOG_N("sequence", b.sequence));
	report_accept(c->private->report, &b, &none, on_restored, NULL);
}

static void note_fork(struct channel *c, const struct source_state *s)
{
	struct channel_private *p = c->private;
	const struct source_finding *f = &s->v[SOURCE_FORKED];

	if (p->forked || f->reason == SOURCE_GOOD ||
	    f->reason == SOURCE_UNKNOWN)
		return;
	p->forked = true;
	c->status.forked_epoch = s->epoch > c->status.accepted.epoch ?
				 s->epoch : c->status.accepted.epoch;
	snprintf(p->forked_reason, sizeof(p->forked_reason), "%s",
		 source_reason_name(SOURCE_FORKED, f->reason));
	err_set(&p->forked_why, ERR_DENIED, "%s", f->message);
	log_error("forked", LOG_S("channel", c->name),
		  LOG_S("error", f->message));
	event_post(c, EVENT_WARNING, "Forked", "%s", f->message);
}

static void on_state(void *arg, const struct source_state *state)
{
	struct channel *c = arg;
	struct channel_private *p = c->private;
	bool was_stale = p->state.v[SOURCE_STALE].reason == SOURCE_EXPIRED;

	p->state = *state;
	note_fork(c, state);
	if (git_secret_suspect(state))
		git_secret_doubt(&p->secret);
	if (!was_stale && state->v[SOURCE_STALE].reason == SOURCE_EXPIRED)
		event_post(c, EVENT_WARNING, "Stale", "%s",
			   state->v[SOURCE_STALE].message);
	settle_touch(c);
	prune_wake(c);
	intake_kick(c);
}

static void on_candidate(void *arg, const struct source_candidate *cand)
{
	intake_candidate(arg, cand);
}

static void on_consents(void *arg, const char *bundle,
			const struct consents *cs)
{
	intake_consents(arg, bundle, cs);
}

static void on_at_hand(void *arg, const char *bundle)
{
	intake_at_hand(arg, bundle);
}

static void on_lost(void *arg, const char *bundle)
{
	intake_lost(arg, bundle);
}

static void on_accepted(void *arg, const char *bundle)
{
	intake_recorded(arg, bundle);
}

static void make_settings(struct channel *c, const char **headers,
			  struct source_settings *ret)
{
	static const struct git_secret none;
	const struct git_secret *s = git_secret_fits(&c->private->secret) ?
				     &c->private->secret : &none;

	headers[0] = s->header;
	headers[1] = NULL;
	*ret = (struct source_settings){
		.name = c->name, .channel_id = c->spec.channel_id,
		.url = c->spec.url, .interval = c->spec.interval,
		.epoch_floor = c->spec.epoch_floor,
		.publishers = c->spec.publishers,
		.approvers = c->spec.approvers,
		.require_touch = c->spec.require_touch,
		.not_by_pusher = c->spec.not_by_pusher,
		.headers = s->header ? headers : NULL, .ca_pem = s->ca,
		.cert_pem = s->cert, .key_pem = s->key, .proxy = s->proxy,
		.accepted = pin_of(&c->status.accepted),
		.applied = pin_of(&c->status.applied),
	};
}

static void open_source(struct channel *c)
{
	struct source_events events = {
		.on_opened = on_opened, .on_state = on_state,
		.on_candidate = on_candidate, .on_consents = on_consents,
		.on_at_hand = on_at_hand, .on_lost = on_lost,
		.on_accepted = on_accepted, .arg = c,
	};
	struct source_settings s;
	const char *headers[2];

	apply_new(c);
	prune_new(c);
	make_settings(c, headers, &s);
	c->source = source_open(c->engine->sources, &s, &events);
	log_info("channel-open", LOG_S("channel", c->name),
		 LOG_S("url", c->spec.url),
		 LOG_N("epoch", c->status.accepted.epoch),
		 LOG_N("sequence", c->status.accepted.sequence));
}

static void update_source(struct channel *c)
{
	struct source_settings s;
	const char *headers[2];

	if (!c->source)
		return;
	make_settings(c, headers, &s);
	/* what was verified by other rules, or for another epoch, waits no
	 * longer: its key may be the one that was just taken out */
	if (source_update(c->source, &s))
		intake_forget(c);
}

static void on_secret(struct channel *c)
{
	update_source(c);
	start(c);
}

/* ---- start and stop ---- */

/*
 * A copy of a Channel under another name has its channel id, and would lock
 * its state directory. Only one of them bears the name that the bundles have:
 * the one that accepted a bundle, if any did.
 */
static bool has_twin(struct channel *c)
{
	struct channel_private *p = c->private;
	bool accepted = c->status.accepted.bundle[0];

	if (p->twin)
		err_clear(&p->stuck);
	p->twin = false;
	for (struct channel *o = controller_next(c->engine, NULL); o;
	     o = controller_next(c->engine, o)) {
		if (o == c || !o->spec_ok ||
		    strcmp(o->spec.channel_id, c->spec.channel_id) ||
		    !(o->source || (!accepted &&
				    o->status.accepted.bundle[0])))
			continue;
		p->twin = true;
		err_set(&p->stuck, ERR_INVALID, "Channel '%s' has the same "
			"spec.channelID; there is one Channel for it, and it "
			"has the name that windlass-hook init was given",
			o->name);
		timer_set(&p->twin_timer, TWIN_MS);
		return true;
	}
	return false;
}

static void on_twin_timer(void *arg)
{
	start(arg);
}

static void start(struct channel *c)
{
	struct channel_private *p = c->private;

	settle_touch(c);
	if (c->source || !c->engine->leading || c->engine->stopping ||
	    !c->spec_ok || p->overtaken || !kinds_known(&c->engine->kinds))
		return;
	if (c->deleting && !parent_has_finalizer(p->parent))
		return;
	if (has_twin(c))
		return;
	if (c->spec.secret_name && !p->secret.known) {
		git_secret_read(&p->secret);
		return;
	}
	open_source(c);
}

static void stop(struct channel *c)
{
	struct channel_private *p = c->private;

	git_secret_forget(&p->secret);
	timer_stop(&p->twin_timer);
	/* nothing may be written from here on */
	p->loaded[0] = '\0';
	reporter_stop(p->reporter);
	report_accept_not(p->report);
	bodies_cancel(c);
	places_cancel(c);
	intake_stop(c);
	repair_stop(c);
	await_stop(c);
	apply_free(c);
	prune_free(c);
	while (c->inventory.first)
		channel_untrack(c, c->inventory.first);
	channel_keep_no_kinds(c);
	channel_drop_unused(c);
	leftovers_release(c);
	bodies_cancel(c);
	source_close(c->source);
	c->source = NULL;
	p->opened = false;
	settle_stop(c);
}

/* ---- the Channel object ---- */

static void overtaken(struct channel *c)
{
	if (c->private->overtaken)
		return;
	log_error("overtaken", LOG_S("channel", c->name));
	/* stopping has to wait: whoever tells us is in the middle of
	 * something */
	c->private->overtaken = true;
	settle_touch(c);
}

static void on_reread(void *arg, const struct kube_answer *a)
{
	struct channel *c = arg;
	struct channel_private *p = c->private;
	struct arena scratch = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *object;

	p->reread_call = NULL;
	if (a->err || kube_answer_object(a, &scratch, &object, &err) < 0) {
		timer_set(&p->reread, REREAD_MS);
	} else {
		p->overtaken = false;
		p->status_known = false;
		machine_update(c, object);
	}
	arena_release(&scratch);
}

static void reread(void *arg)
{
	struct channel *c = arg;
	struct channel_private *p = c->private;
	struct kube_request q = {
		.method = "GET",
		.target = {
			.group = "windlass.dev", .version = "v1alpha1",
			.plural = "channels", .name = c->name,
		},
		.on_done = on_reread, .arg = c,
	};
	struct err err = ERR_INIT;

	if (kube_send(c->engine->kube, &q, &p->reread_call, &err) < 0)
		timer_set(&p->reread, REREAD_MS);
}

/* Another engine accepted a later bundle: begin again with what it wrote. */
void channel_restart(struct channel *c)
{
	struct channel_private *p = c->private;

	stop(c);
	if (!p->reread_call && !timer_armed(&p->reread))
		timer_set(&p->reread, REREAD_MS);
}

struct channel *machine_new(struct engine *e, const char *name,
			    const char *uid)
{
	static const struct report_ops ops = {
		.fill = settle_fill, .overtaken = overtaken,
	};
	struct channel *c = xcalloc(1, sizeof(*c));
	struct buf id = BUF_INIT(100);

	render_applyset_id(name, &id);
	c->engine = e;
	c->name = xstrdup(name);
	c->uid = xstrdup(uid);
	c->manager = xasprintf("%s%s", MANAGER_PREFIX, name);
	c->applyset = buf_detach(&id, NULL);
	c->private = xcalloc(1, sizeof(*c->private));
	inventory_init(&c->inventory, c);
	c->private->report = report_new(c, &ops);
	c->private->reporter = reporter_new(c);
	c->private->parent = parent_new(c);
	git_secret_init(&c->private->secret, c, on_secret);
	timer_init(&c->private->twin_timer, e->loop, on_twin_timer, c);
	timer_init(&c->private->reread, e->loop, reread, c);
	intake_init(c);
	settle_init(c);
	return c;
}

void machine_gone(struct channel *c)
{
	size_t left = intake_is_done(c) ? c->inventory.count :
		      c->status.total;

	log_info("channel-gone", LOG_S("channel", c->name),
		 LOG_N("objects", left));
	if (left)
		event_post(c, EVENT_NORMAL, "ObjectsLeft", "the Channel was "
			   "deleted; its %zu object%s as they are, and are "
			   "not repaired any more", left,
			   left == 1 ? " stays" : "s stay");
}

void machine_free(struct channel *c)
{
	struct channel_private *p = c->private;

	stop(c);
	loop_undefer(c->engine->loop, &p->look);
	kube_cancel(p->reread_call);
	timer_stop(&p->reread);
	events_stop(c);
	reporter_free(p->reporter);
	report_free(p->report);
	parent_free(p->parent);
	inventory_release(&c->inventory);
	free(p->kinds);
	free(p);
	if (c->spec_ok)
		channel_spec_release(&c->spec);
	channel_status_release(&c->status);
	kube_account_free(c->account);
	free(c->name);
	free(c->uid);
	free(c->manager);
	free(c->applyset);
	free(c);
}

static void read_status_back(struct channel *c, const struct node *object)
{
	struct channel_private *p = c->private;
	struct err err = ERR_INIT;
	const struct condition *forked =
		&c->status.conditions[CONDITION_FORKED];

	if (status_read(object, &c->status, &err) < 0) {
		log_error("status-damaged", LOG_S("channel", c->name),
			  LOG_S("error", err.msg));
		return;
	}
	reporter_restored(p->reporter);
	p->forked = forked->status == STATUS_TRUE;
	snprintf(p->forked_reason, sizeof(p->forked_reason), "%s",
		 forked->reason);
	err_set(&p->forked_why, ERR_DENIED, "%s", forked->message);
}

/* What is compared when a spec changed: may the source stay open? */
static bool same_source(const struct channel_spec *a,
			const struct channel_spec *b)
{
	return !strcmp(a->channel_id, b->channel_id) &&
	       !a->secret_name == !b->secret_name &&
	       (!a->secret_name || !strcmp(a->secret_name, b->secret_name));
}

static void take_spec(struct channel *c, struct channel_spec *spec)
{
	struct channel_private *p = c->private;
	bool same = c->spec_ok && same_source(&c->spec, spec);
	bool was_suspended = c->spec_ok && c->spec.suspend;
	bool same_drift = c->spec_ok && c->spec.drift == spec->drift;

	if (c->spec_ok && !same)
		stop(c);
	if (c->spec_ok)
		channel_spec_release(&c->spec);
	c->spec = *spec;
	c->spec_ok = true;
	kube_account_free(c->account);
	c->account = kube_account_new(spec->account_namespace,
				      spec->account_name);
	intake_check_consents(c);
	if (!c->source)
		return;
	update_source(c);
	if (intake_is_done(c))
		policy_check(c);
	if (!c->spec.suspend && (was_suspended || !same_drift))
		settle_reconcile(c);
	reporter_try_again(p->reporter);
	/* an account that may now what it might not, a wider policy */
	p->failures = 0;
	apply_retry_all(c);
	prune_wake(c);
}

/* A floor that was raised before clears nothing of its own epoch: nobody has
 * looked at that yet. */
static void clear_fork(struct channel *c)
{
	struct channel_private *p = c->private;
	bool raised = c->spec_ok &&
		      c->spec.epoch_floor > c->status.accepted.epoch &&
		      c->spec.epoch_floor > c->status.forked_epoch;

	if (!p->forked || (!raised && !parent_annotation(p->parent,
						CLEAR_FORK_ANNOTATION)))
		return;
	log_warn("fork-cleared", LOG_S("channel", c->name));
	event_post(c, EVENT_NORMAL, "ForkCleared", raised ?
		   "spec.epochFloor was raised" : "an admin cleared it");
	p->forked = false;
	c->status.forked_epoch = 0;
	parent_drop_annotation(p->parent, CLEAR_FORK_ANNOTATION);
	/* what was seen is forgotten; if it is still so it is seen again */
	stop(c);
}

void machine_update(struct channel *c, const struct node *object)
{
	struct channel_private *p = c->private;
	int64_t generation = node_path_int(object, 0, "metadata",
					   "generation", NULL);
	struct err err = ERR_INIT;
	struct channel_spec spec;

	/* while somebody else leads, the status is theirs */
	if (!p->status_known || !c->engine->leading)
		read_status_back(c, object);
	p->status_known = true;
	report_seen(p->report, object);
	parent_seen(p->parent, object);
	c->deleting = node_path_str(object, "metadata", "deletionTimestamp",
				    NULL) != NULL;
	if (generation != c->status.observed_generation || !c->spec_ok) {
		if (channel_spec_read(object, &spec, &err) < 0) {
			/* objects stay as they are, nothing new comes */
			stop(c);
			if (c->spec_ok)
				channel_spec_release(&c->spec);
			c->spec_ok = false;
			p->spec_fault = err;
			log_warn("invalid-spec", LOG_S("channel", c->name),
				 LOG_S("error", err.msg));
		} else {
			take_spec(c, &spec);
		}
		c->status.observed_generation = generation;
	}
	clear_fork(c);
	leftovers_confirmed(c);
	parent_touch(p->parent, false);
	start(c);
	intake_kick(c);
	settle_asked(c);
}

void machine_lead(struct channel *c)
{
	if (c->engine->leading && !c->engine->stopping) {
		c->private->overtaken = false;
		parent_touch(c->private->parent, false);
		start(c);
		settle_asked(c);
	} else {
		stop(c);
	}
}

void machine_reporter_changed(struct channel *c)
{
	reporter_try_again(c->private->reporter);
}

void machine_kinds_changed(struct channel *c)
{
	struct channel_private *p = c->private;

	for (size_t i = 0; i < p->n_kinds; i++)
		watch_if_known(c, &p->kinds[i]);
	start(c);
	apply_kinds_changed(c);
	prune_wake(c);
}

bool machine_wants_finalizer(const struct channel *c)
{
	if (!c->spec_ok || c->spec.deletion_policy != DELETION_PRUNE)
		return false;
	/* all that it had is gone: let it go too */
	return !(c->deleting && (!c->status.accepted.bundle[0] ||
				 (intake_is_done(c) && !c->inventory.count)));
}
