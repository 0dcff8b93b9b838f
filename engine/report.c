/*
 * Status of Channels. See report.h. What is read back from the cluster may
 * have been written by anybody with the right to: it can make us stop, never
 * go back.
 */
#include "config.h"
#include "engine/report.h"

#include <stdlib.h>
#include <string.h>

#include "engine/channel-private.h"
#include "engine/drift.h"
#include "engine/kube.h"
#include "engine/parent.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/json.h"

#define INTERVAL_MS 1000
/* and what only counts on, so many a second for all channels together: the
 * statuses of a thousand that roll out must not keep their objects waiting */
#define COUNTS_A_SECOND 20
#define RETRY_MIN_MS 500
#define RETRY_MAX_MS 30000
/* conditions of 1 KiB and 20 failures of 2 KiB, escaped */
#define STATUS_MAX (1024u * 1024)

struct report {
	struct channel *channel;
	struct report_ops ops;
	struct kube_call *call;
	struct timer timer;
	char *version;			/* resourceVersion; NULL: unknown */
	char *written;			/* the status that is stored */
	char *sent;			/* the one that is on its way */
	uint64_t told;			/* digest of what it says but counts */
	int64_t last;			/* loop_now() of the last patch */
	int64_t pause;			/* after failures; 0: none */
	bool dirty;
	bool accepting, carried;	/* carried: by the patch on its way */
	bool doubted;
	int64_t judged;			/* the generation it was judged by */
	struct status_bundle accept, before;
	struct consents consents;	/* to the one before */
	void (*accepted)(struct channel *c);
	void (*withdrawn)(struct channel *c);
};

static void on_timer(void *arg);
static void set_dirty(struct report *r, bool dirty);
static void read_again(struct report *r);

struct report *report_new(struct channel *c, const struct report_ops *ops)
{
	struct report *r = xcalloc(1, sizeof(*r));

	r->channel = c;
	r->ops = *ops;
	timer_init(&r->timer, c->engine->loop, on_timer, r);
	return r;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	kube_cancel(r->call);
	set_dirty(r, false);
	timer_stop(&r->timer);
	consents_release(&r->consents);
	free(r->version);
	free(r->written);
	free(r->sent);
	free(r);
}

static int64_t now_ms(const struct report *r)
{
	return loop_now(r->channel->engine->loop);
}

static void arm(struct report *r, int64_t ms)
{
	if (!timer_armed(&r->timer) || r->timer.due > now_ms(r) + ms)
		timer_set(&r->timer, ms > 0 ? ms : 1);
}

static void set_dirty(struct report *r, bool dirty)
{
	struct engine *e = r->channel->engine;

	if (dirty && !r->dirty)
		e->reports_due++;
	else if (!dirty && r->dirty)
		e->reports_due--;
	r->dirty = dirty;
}

void report_touch(struct report *r)
{
	int64_t due = r->last + INTERVAL_MS - now_ms(r);

	set_dirty(r, true);
	if (!r->call && !r->accepting)
		arm(r, r->last && due > 0 ? due : 1);
}

/* ---- what the cluster has ---- */

/* Later, or another bundle in the same place. */
static bool is_after(const struct status_bundle *a,
		     const struct status_bundle *b)
{
	if (a->epoch != b->epoch)
		return a->epoch > b->epoch;
	if (a->sequence != b->sequence)
		return a->sequence > b->sequence;
	return strcmp(a->bundle, b->bundle) != 0;
}

/* From before an answer that we had already. */
static bool is_old(const struct report *r, const struct node *object)
{
	uint64_t had;

	return r->version && parse_u64(r->version, 1, UINT64_MAX, &had) == 0 &&
	       version_is_before(object_version(object), had);
}

/* Does the cluster show something else than what we wrote? */
static bool was_edited(const struct report *r,
		       const struct channel_status *theirs)
{
	const struct channel_status *ours = &r->channel->status;

	if (strcmp(theirs->accepted.bundle, ours->accepted.bundle) ||
	    strcmp(theirs->applied.bundle, ours->applied.bundle))
		return true;
	for (size_t i = 0; i < CONDITIONS; i++)
		if (theirs->conditions[i].status !=
		    ours->conditions[i].status ||
		    strcmp(theirs->conditions[i].reason,
			   ours->conditions[i].reason))
			return true;
	return false;
}

/* Somebody's hand: a status that is wiped protects from no rollback. */
static void look_at_status(struct report *r,
			   const struct channel_status *theirs)
{
	if (r->call || r->accepting || !r->written ||
	    !r->channel->engine->leading || !was_edited(r, theirs))
		return;
	free(r->written);
	r->written = NULL;
	report_touch(r);
}

static void look_at(struct report *r, const struct node *object)
{
	struct channel_status theirs = { 0 };
	struct err err = ERR_INIT;

	if (status_read(object, &theirs, &err) < 0)
		return;
	if (theirs.accepted.bundle[0] &&
	    is_after(&theirs.accepted, r->accepting ? &r->accept :
		     &r->channel->status.accepted))
		r->ops.overtaken(r->channel);
	else
		look_at_status(r, &theirs);
	channel_status_release(&theirs);
}

static bool take_version(struct report *r, const struct node *object)
{
	const char *version = node_path_str(object, "metadata",
					    "resourceVersion", NULL);

	if (!version || is_old(r, object))
		return false;
	free(r->version);
	r->version = xstrdup(version);
	return true;
}

void report_seen(struct report *r, const struct node *object)
{
	if (take_version(r, object))
		look_at(r, object);
}

void report_version(struct report *r, const struct node *object)
{
	take_version(r, object);
}

/* ---- patches ---- */

static void end_accept(struct report *r)
{
	void (*done)(struct channel *c) = r->accepted;

	consents_release(&r->consents);
	r->accepting = false;
	r->accepted = NULL;
	done(r->channel);
}

bool report_is_writing(const struct report *r)
{
	return r->call != NULL;
}

void report_continue(struct report *r)
{
	if (timer_armed(&r->timer))
		return;
	if (r->accepting)
		arm(r, 1);
	else if (r->dirty)
		report_touch(r);
}

static void note_version(struct report *r, const struct kube_answer *a)
{
	struct arena scratch = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *object;
	const char *version = NULL;

	if (kube_answer_object(a, &scratch, &object, &err) == 0)
		version = node_path_str(object, "metadata", "resourceVersion",
					NULL);
	free(r->version);
	r->version = version ? xstrdup(version) : NULL;
	/* or its patch of the Channel would be stale until the watch tells */
	if (version)
		parent_seen(r->channel->private->parent, object);
	arena_release(&scratch);
}

static void try_again(struct report *r)
{
	r->pause = r->pause ? r->pause * 2 : RETRY_MIN_MS;
	if (r->pause > RETRY_MAX_MS)
		r->pause = RETRY_MAX_MS;
	set_dirty(r, true);
	arm(r, r->pause);
}

static void end_patch(struct report *r, const struct kube_answer *a)
{
	if (a->status->why == KUBE_STALE) {
		read_again(r);
		return;
	}
	/* the Channel is going: its deletion follows */
	if (a->status->why == KUBE_NOT_FOUND)
		return;
	if (a->err) {
		log_warn("status-failed", LOG_S("channel", r->channel->name),
			 LOG_S("error", a->err->msg));
		try_again(r);
		return;
	}
	r->pause = 0;
	note_version(r, a);
	free(r->written);
	r->written = r->sent;
	r->sent = NULL;
	if (r->carried)
		end_accept(r);
	else if (r->accepting)
		arm(r, 1);
	if (r->dirty)
		report_touch(r);
}

static void on_patched(void *arg, const struct kube_answer *a)
{
	struct report *r = arg;

	r->call = NULL;
	end_patch(r, a);
	parent_continue(r->channel->private->parent);
}

static void send(struct report *r, const char *status, size_t len)
{
	struct buf body = BUF_INIT(2 * STATUS_MAX);
	struct kube_request q = {
		.method = "PATCH",
		.target = {
			.group = "windlass.dev", .version = "v1alpha1",
			.plural = "channels", .name = r->channel->name,
			.subresource = "status",
		},
		.content_type = KUBE_MERGE_PATCH, .as = KUBE_AS_METADATA,
		.on_done = on_patched, .arg = r,
	};
	struct err err = ERR_INIT;

	buf_adds(&body, "{\"metadata\":{\"resourceVersion\":");
	json_write_string(r->version, strlen(r->version), &body);
	buf_adds(&body, "},\"status\":");
	buf_add(&body, status, len);
	buf_addc(&body, '}');
	q.body = body.data;
	q.body_len = body.len;
	r->last = now_ms(r);
	if (kube_send(r->channel->engine->kube, &q, &r->call, &err) < 0)
		try_again(r);
	buf_release(&body);
}

/* What a person or a program waits for: all but how far it is. */
static uint64_t digest_of(const struct channel_status *s)
{
	struct buf b = BUF_INIT(STATUS_MAX);
	uint64_t digest;

	for (size_t i = 0; i < CONDITIONS; i++)
		buf_addf(&b, "%d %s\n", (int)s->conditions[i].status,
			 s->conditions[i].reason);
	buf_addf(&b, "%s %s %zu %zu %zu", s->accepted.bundle,
		 s->applied.bundle, s->n_failures, s->n_leftovers,
		 s->n_drifts);
	digest = map_hash(b.data, b.len);
	buf_release(&b);
	return digest;
}

/* Only counts moved, and others wait to be written: in how many ms it is due,
 * 0 for now. */
static int64_t hold_back(struct report *r)
{
	const struct channel *c = r->channel;
	int64_t pause = (int64_t)c->engine->reports_due * 1000 /
			COUNTS_A_SECOND;
	int64_t due = r->last + pause - now_ms(r);

	if (r->accepting || !r->written || digest_of(&c->status) != r->told ||
	    due <= 0)
		return 0;
	/* it is looked at again, as it may be more than counts by then */
	return due < INTERVAL_MS ? due : INTERVAL_MS;
}

static void patch(struct report *r)
{
	struct arena scratch = ARENA_INIT;
	struct buf text = BUF_INIT(STATUS_MAX);

	int64_t later;

	r->ops.fill(r->channel);
	later = hold_back(r);
	if (later) {
		arm(r, later);
		return;
	}
	json_write_compact(status_write(&r->channel->status, &scratch), &text);
	arena_release(&scratch);
	set_dirty(r, false);
	r->carried = r->accepting;
	if (r->accepting || !r->written || strcmp(r->written, text.data)) {
		free(r->sent);
		r->sent = xstrdup(text.data);
		r->told = digest_of(&r->channel->status);
		send(r, text.data, text.len);
	}
	buf_release(&text);
}

static bool is_judged_anew(const struct report *r)
{
	return r->accepting && r->withdrawn &&
	       (r->doubted ||
		r->judged != r->channel->status.observed_generation);
}

static void withdraw(struct report *r)
{
	void (*withdrawn)(struct channel *c) = r->withdrawn;

	report_accept_not(r);
	withdrawn(r->channel);
}

static void on_timer(void *arg)
{
	struct report *r = arg;

	/* of two patches of one version one would be in vain */
	if (r->call || parent_is_writing(r->channel->private->parent))
		return;
	if (is_judged_anew(r))
		withdraw(r);
	if (!r->dirty && !r->accepting)
		return;
	if (!r->version)
		read_again(r);
	else if (r->accepting || r->channel->engine->leading)
		patch(r);
}

void report_accept(struct report *r, const struct status_bundle *bundle,
		   const struct consents *consents,
		   void (*done)(struct channel *c),
		   void (*withdrawn)(struct channel *c))
{
	r->before = r->channel->status.accepted;
	r->consents = r->channel->status.consents;
	r->channel->status.consents = consents_copy(consents);
	r->accept = *bundle;
	r->accepted = done;
	r->withdrawn = withdrawn;
	r->judged = r->channel->status.observed_generation;
	r->doubted = false;
	r->accepting = true;
	r->channel->status.accepted = *bundle;
	/* a patch that runs already: its answer comes first */
	if (!r->call)
		arm(r, r->pause);
}

void report_accept_doubt(struct report *r)
{
	r->doubted = true;
	if (r->accepting && !r->call)
		arm(r, 1);
}

void report_accept_not(struct report *r)
{
	if (!r->accepting)
		return;
	r->channel->status.accepted = r->before;
	consents_release(&r->channel->status.consents);
	r->channel->status.consents = r->consents;
	r->consents = (struct consents)CONSENTS_INIT;
	r->accepting = r->carried = false;
	r->accepted = NULL;
	/* what was sent may be stored, and what was not is due */
	free(r->written);
	r->written = NULL;
	set_dirty(r, true);
}

/* ---- reading again ---- */

static void on_read(void *arg, const struct kube_answer *a)
{
	struct report *r = arg;
	struct arena scratch = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *object;

	r->call = NULL;
	set_dirty(r, true);
	if (a->err || kube_answer_object(a, &scratch, &object, &err) < 0) {
		try_again(r);
		goto out;
	}
	/* an etcd that was restored counts from lower again */
	free(r->version);
	r->version = NULL;
	/* whoever frees us in overtaken does so later */
	if (node_path_int(object, 0, "metadata", "generation", NULL) !=
	    r->channel->status.observed_generation) {
		/* nothing is written beside a spec that we do not know; the
		 * watch tells it */
		look_at(r, object);
		try_again(r);
	} else {
		report_seen(r, object);
		arm(r, 1);
	}
out:
	arena_release(&scratch);
	parent_continue(r->channel->private->parent);
}

static void read_again(struct report *r)
{
	struct kube_request q = {
		.method = "GET",
		.target = {
			.group = "windlass.dev", .version = "v1alpha1",
			.plural = "channels", .name = r->channel->name,
		},
		.on_done = on_read, .arg = r,
	};
	struct err err = ERR_INIT;

	if (kube_send(r->channel->engine->kube, &q, &r->call, &err) < 0)
		try_again(r);
}
