/*
 * The text of reports. See reporter-text.h. Everything that developers,
 * images and other controllers could have written goes through
 * cluster_report_set_reason and cluster_report_add_failure, which make it
 * one printable line.
 */
#include "config.h"
#include "engine/reporter-text.h"

#include <string.h>

#include "engine/reporter-key.h"
#include "schema/base/clock.h"
#include "schema/base/map.h"

/* ---- what it is about ---- */

static void take_pin(const struct source_pin *pin, struct report_topic *t)
{
	t->epoch = pin->epoch;
	t->sequence = pin->sequence;
	memcpy(t->bundle, pin->bundle, sizeof(t->bundle));
}

static void take_accepted(const struct channel *c, struct report_topic *t)
{
	const struct status_bundle *b = &c->status.accepted;

	t->epoch = b->epoch;
	t->sequence = b->sequence;
	memcpy(t->bundle, b->bundle, sizeof(t->bundle));
}

/* The accepted bundle is on its way into the inventory: what that has is no
 * measure of it. */
static bool is_between(const struct channel *c)
{
	const struct channel_private *p = c->private;

	return p->intake == INTAKE_ACCEPTING ||
	       p->intake == INTAKE_RECORDING || !intake_is_done(c);
}

static enum cluster_phase phase_of(const struct channel *c,
				   const struct settle_counts *n)
{
	bool live = !c->private->settling &&
		    !strcmp(c->status.applied.bundle,
			    c->status.accepted.bundle);

	if (n->failing)
		return CLUSTER_FAILED;
	return live && n->ready == n->total ? CLUSTER_HEALTHY :
	       CLUSTER_APPLYING;
}

bool report_topic_find(const struct channel *c, const struct settle_counts *n,
		       struct report_topic *ret)
{
	const struct channel_private *p = c->private;
	struct report_topic t = { .failing = n->failing };

	if (p->refused_why) {
		t.phase = strcmp(p->refused_why, "WaitingForApproval") ?
			  CLUSTER_REFUSED : CLUSTER_WAITING;
		take_pin(&p->candidate.pin, &t);
	} else if (c->spec.suspend) {
		t.phase = CLUSTER_SUSPENDED;
		if (p->has_candidate)
			take_pin(&p->candidate.pin, &t);
		else
			take_accepted(c, &t);
	} else if (is_between(c)) {
		return false;
	} else {
		t.phase = phase_of(c, n);
		take_accepted(c, &t);
	}
	if (!t.bundle[0])
		return false;
	*ret = t;
	return true;
}

bool report_topic_equal(const struct report_topic *a,
			const struct report_topic *b)
{
	return a->phase == b->phase && a->failing == b->failing &&
	       a->epoch == b->epoch && a->sequence == b->sequence &&
	       !strcmp(a->bundle, b->bundle);
}

/* ---- what it says ---- */

static void make(const struct channel *c, const struct report_topic *t,
		 int64_t since, struct cluster_report *ret)
{
	const struct channel_status *s = &c->status;
	const struct condition *ready = &s->conditions[CONDITION_READY];
	struct cluster_report r = CLUSTER_REPORT_INIT;

	snprintf(r.channel, sizeof(r.channel), "%s", c->name);
	memcpy(r.channel_id, c->spec.channel_id, sizeof(r.channel_id));
	snprintf(r.cluster, sizeof(r.cluster), "%s",
		 reporter_key_cluster(c->engine->reporter));
	r.epoch = t->epoch;
	r.sequence = t->sequence;
	memcpy(r.bundle, t->bundle, sizeof(r.bundle));
	r.phase = t->phase;
	r.since = since;
	r.applied_epoch = s->applied.epoch;
	r.applied_sequence = s->applied.sequence;
	memcpy(r.applied_bundle, s->applied.bundle,
	       sizeof(r.applied_bundle));
	r.total = s->total;
	r.ready = s->ready;
	r.progressing = s->progressing;
	r.failed = s->failed;
	r.drifted = s->drifted;
	r.fighting = s->fighting;
	r.stale = s->conditions[CONDITION_STALE].status == STATUS_TRUE;
	cluster_report_set_reason(&r, ready->reason, ready->message);
	for (size_t i = 0; i < s->n_failures; i++)
		cluster_report_add_failure(&r, s->failures[i].object,
					   s->failures[i].source,
					   s->failures[i].reason,
					   s->failures[i].message);
	*ret = r;
}

bool report_digest_equal(const struct report_digest *a,
			 const struct report_digest *b)
{
	return a->matter == b->matter && a->all == b->all;
}

void report_digest_of(const struct channel *c, const struct report_topic *t,
		      int64_t since, struct report_digest *ret)
{
	struct buf text = BUF_INIT(LIMIT_REPORT_BYTES);
	struct cluster_report r;

	make(c, t, since, &r);
	cluster_report_write(&r, &text);
	ret->all = map_hash(text.data, text.len);
	/* how far it is, and the message, which says that too */
	if (r.phase == CLUSTER_APPLYING)
		r.message[0] = '\0';
	r.total = r.ready = r.progressing = r.drifted = r.fighting = 0;
	buf_reset(&text);
	cluster_report_write(&r, &text);
	ret->matter = map_hash(text.data, text.len);
	ret->matter += !ret->matter;
	cluster_report_release(&r);
	buf_release(&text);
}

int report_text_sign(const struct channel *c, const struct report_topic *t,
		     int64_t since, uint64_t counter, struct buf *out,
		     struct err *err)
{
	struct cluster_report r;
	int rc;

	make(c, t, since, &r);
	r.counter = counter;
	r.issued = clock_now();
	cluster_report_write(&r, out);
	cluster_report_release(&r);
	rc = signer_sign(reporter_key_signer(c->engine->reporter),
			 TRUST_REPORTERS, out->data, out->len, out, err);
	return rc ? rc : buf_check(out, "the report", err);
}
