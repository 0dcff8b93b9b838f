/*
 * What approvers say, where it counts. See channel-private.h. Judged once,
 * when a bundle is accepted: that a consent ends later changes nothing for
 * it, that somebody is taken out of the list does. A reject that was shown
 * once stands, whatever a Git host shows later.
 */
#include "config.h"
#include "engine/channel-private.h"

#include <string.h>

#include "engine/prune.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/num.h"

/* ---- of a candidate ---- */

/* How many people must consent, and why in `because`. */
static uint64_t consents_needed(const struct channel *c, size_t deletes,
				struct buf *because)
{
	const struct channel_spec *s = &c->spec;

	if (s->approvals_required || !s->has_delete_limit ||
	    deletes <= s->delete_limit)
		return s->approvals_required;
	buf_addf(because, "it deletes %zu object%s, more than "
		 "spec.deleteLimit (%llu): ", deletes, plural(deletes),
		 (unsigned long long)s->delete_limit);
	return 1;
}

static void explain_missing(const struct channel *c,
			    const struct source_votes *v, uint64_t needed,
			    struct buf *out)
{
	buf_addf(out, "it needs the approval of %llu %s, and has ",
		 (unsigned long long)needed,
		 needed == 1 ? "person" : "people");
	if (v->approved)
		buf_addf(out, "that of %s", v->names);
	else
		buf_adds(out, "none");
	if (v->missing[0])
		buf_addf(out, "; %s can give it by `windlass approve %s`",
			 v->missing, c->name);
	else
		buf_addf(out, "; spec.approvals.approvers names nobody%s who "
			 "could give it%s", v->approved ? " else" : "",
			 c->spec.approvers ? " now" : "");
	if (v->problem[0])
		buf_addf(out, " (%s)", v->problem);
}

/* What approvers say about the candidate. Judged here and now: that a
 * consent ends later changes nothing for a bundle that was accepted. */
int intake_judge_votes(const struct channel *c, size_t deletes,
		       const char **ret_why, struct err *err)
{
	const struct source_candidate *cand = &c->private->candidate;
	const struct source_votes *v = &cand->votes;
	const char *by = status_rejected_by(&c->status, cand->pin.bundle);
	struct buf text = BUF_INIT(sizeof(err->msg));
	uint64_t needed;
	int rc = 0;

	*ret_why = "Rejected";
	if (by)
		return err_set(err, ERR_DENIED, "'%s' rejected it, for good: "
			       "the next bundle can do better", by);
	*ret_why = "WaitingForApproval";
	needed = consents_needed(c, deletes, &text);
	if (v->approved < needed || (needed && v->until < clock_now())) {
		explain_missing(c, v, needed, &text);
		rc = err_set(err, ERR_DENIED, "%s", text.data);
	} else if (v->unread) {
		rc = err_set(err, ERR_DENIED, "it needs nobody's approval, but "
			     "what approvers say of it cannot be read, which "
			     "may be a reject: %s", v->problem);
	}
	buf_release(&text);
	return rc;
}

/* What was shown once stays so, whatever the Git host shows later. */
void intake_note_reject(struct channel *c,
			const struct source_candidate *cand)
{
	struct status_reject r = {
		.epoch = cand->pin.epoch, .sequence = cand->pin.sequence,
	};

	if (!cand->votes.rejected_by[0])
		return;
	memcpy(r.bundle, cand->pin.bundle, sizeof(r.bundle));
	memcpy(r.principal, cand->votes.rejected_by, sizeof(r.principal));
	status_add_reject(&c->status, &r);
}

const struct consents *intake_consents_of(const struct channel *c,
					  const char *bundle)
{
	static const struct consents none = CONSENTS_INIT;
	const struct channel_private *p = c->private;

	return strcmp(p->consented, bundle) ? &none : &p->consents;
}

/* ---- of the accepted bundle ---- */

void intake_check_consents(struct channel *c)
{
	const struct channel_spec *s = &c->spec;
	struct channel_private *p = c->private;
	struct trust t = TRUST_INIT;
	struct err err = ERR_INIT;

	err_clear(&p->disowned);
	if (c->status.consents.n && s->approvers &&
	    trust_parse(s->approvers, strlen(s->approvers), TRUST_APPROVERS,
			&t, &err) == 0 &&
	    consents_check(&c->status.consents, &t, s->approvals_required,
			   &p->disowned) < 0)
		log_warn("approver-not-trusted", LOG_S("channel", c->name),
			 LOG_S("error", p->disowned.msg));
	trust_release(&t);
	settle_touch(c);
}

static void add_consents(struct channel *c, const struct consents *cs)
{
	bool news = false;

	for (size_t i = 0; i < cs->n; i++)
		news |= consents_add(&c->status.consents, &cs->v[i]);
	if (!news)
		return;
	intake_check_consents(c);
	prune_wake(c);
}

void intake_consents(struct channel *c, const char *bundle,
		     const struct consents *cs)
{
	struct channel_private *p = c->private;

	if (!strcmp(bundle, c->status.accepted.bundle) &&
	    p->intake != INTAKE_ACCEPTING) {
		add_consents(c, cs);
		return;
	}
	consents_release(&p->consents);
	for (size_t i = 0; i < cs->n; i++)
		consents_add(&p->consents, &cs->v[i]);
	snprintf(p->consented, sizeof(p->consented), "%s", bundle);
}
