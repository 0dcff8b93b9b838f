/*
 * What approvers say about a new bundle. See pull.h and DESIGN.md 2.4. The
 * text comes by a digest in a signed head, but the Git host chose what is in
 * it, so each tag is judged by the Channel's own list. A host can withhold a
 * tag; what it showed once of a reject is remembered in the Channel's status.
 */
#include "config.h"
#include "engine/pull.h"

#include <string.h>

#include "schema/approval.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"

/* an approval's end is looked at anew after so long, by the wall clock */
#define END_LOOK_S (60 * 60)

/* Puts one more name into a list for a message, while there is room. */
static void add_name(char list[SOURCE_NAMES_SIZE], const char *name)
{
	size_t len = strlen(list), left = SOURCE_NAMES_SIZE - len;
	const char *comma = len ? ", " : "";

	if (strlen(comma) + strlen(name) + strlen(", ...") < left)
		snprintf(list + len, left, "%s%s", comma, name);
	else if (len < strlen("...") || strcmp(list + len - 3, "..."))
		snprintf(list + len, left, "%s...", comma);
}

/* True if a consent of that person does not count for having pushed. Where
 * it is not known who pushed it could be anybody. */
static bool pushed(const struct pull *p, const char *principal)
{
	return p->config.s.not_by_pusher &&
	       (!p->pushers_known || pushers_have(&p->pushers, principal));
}

static bool counts(const struct pull *p, const struct vote *v)
{
	return !v->reject && (v->touch || !p->config.s.require_touch) &&
	       !pushed(p, v->principal);
}

static bool consents(const struct pull *p, const struct votes *vs,
		     const char *principal)
{
	for (size_t i = 0; i < vs->n; i++)
		if (counts(p, &vs->v[i]) &&
		    !strcmp(vs->v[i].principal, principal))
			return true;
	return false;
}

static int64_t end_of(const struct vote *v)
{
	return v->not_after < v->valid_before ? v->not_after
					      : v->valid_before;
}

static void add_consent(const struct vote *v, struct source_votes *ret)
{
	int64_t end = end_of(v);

	ret->approved++;
	if (end < ret->until)
		ret->until = end;
	add_name(ret->names, v->principal);
}

/* Would a consent by this key count, if it were made now? */
static bool may_consent(const struct pull *p, const struct trust_key *k,
			int64_t now)
{
	return k->valid_after <= now && now <= k->valid_before &&
	       (k->key.type == SSHKEY_ED25519_SK ||
		!p->config.s.require_touch) &&
	       !pushed(p, k->principal);
}

/* Each person who could consent and did not; who has several keys, once. */
static void find_missing(const struct pull *p, const struct votes *vs,
			 int64_t now, struct source_votes *ret)
{
	const struct trust *t = &p->approvers;

	for (size_t i = 0; i < t->n; i++) {
		const char *name = t->v[i].principal;
		bool again = false;

		if (!may_consent(p, &t->v[i], now) || consents(p, vs, name))
			continue;
		for (size_t k = 0; k < i; k++)
			again |= may_consent(p, &t->v[k], now) &&
				 !strcmp(t->v[k].principal, name);
		if (!again)
			add_name(ret->missing, name);
	}
}

/* Why a consent that is good in itself does not count. */
static void say_uncounted(const struct pull *p, const struct vote *v,
			  struct source_votes *ret)
{
	if (!pushed(p, v->principal))
		snprintf(ret->problem, sizeof(ret->problem), "the key of '%s' "
			 "wants no touch", v->principal);
	else if (p->pushers_known)
		snprintf(ret->problem, sizeof(ret->problem), "'%s' pushed "
			 "what is new, and so cannot approve it",
			 v->principal);
}

/* Under notByPusher nobody can approve then, and it is to be said also where
 * nobody did. */
static void say_unknown(const struct pull *p, struct source_votes *ret)
{
	if (p->config.s.not_by_pusher && !p->pushers_known && p->approvers.n)
		snprintf(ret->problem, sizeof(ret->problem), "it does not say "
			 "who pushed all that is new, so that under "
			 "spec.approvals.notByPusher nobody can approve it: "
			 "push by git push --signed");
}

static void judge_text(struct pull *p, const char *bundle, const char *text,
		       size_t len, int64_t now, struct votes *vs,
		       struct source_votes *ret)
{
	const struct known *k = pull_known(p, bundle);
	struct approvals tags;
	struct err err = ERR_INIT;

	if (!k || approvals_parse(text, len, &tags, &err) < 0 ||
	    approvals_judge(&tags, bundle, &k->commit.bundle, &p->approvers,
			    now, vs, &err) < 0) {
		vs->n = 0;
		ret->unread = true;
		snprintf(ret->problem, sizeof(ret->problem), "%.255s",
			 err.msg);
		return;
	}
	if (vs->passed_over)
		snprintf(ret->problem, sizeof(ret->problem), "%.255s",
			 vs->why.msg);
	for (size_t i = 0; i < vs->n; i++) {
		const struct vote *v = &vs->v[i];

		if (counts(p, v))
			add_consent(v, ret);
		else if (v->reject)
			memcpy(ret->rejected_by, v->principal,
			       sizeof(v->principal));
		else
			say_uncounted(p, v, ret);
	}
}

static void tell_consents(const struct pull *p, const char *bundle,
			  const struct votes *vs)
{
	struct consents cs = CONSENTS_INIT;
	struct buf b = BUF_INIT(65536);

	for (size_t i = 0; i < vs->n; i++) {
		const struct vote *v = &vs->v[i];
		struct consent c = { .until = end_of(v) };

		if (!counts(p, v))
			continue;
		memcpy(c.principal, v->principal, sizeof(c.principal));
		consent_set_key(&c, &v->key);
		consents_add(&cs, &c);
	}
	ipc_put_str(&b, bundle);
	source_put_consents(&b, &cs);
	ipc_send(p->child->ipc, SOURCE_CONSENTS, p->handle, &b);
	buf_release(&b);
	consents_release(&cs);
}

void votes_judge(struct pull *p, const char *bundle, const char *text,
		 size_t len, struct source_votes *ret)
{
	struct source_votes r = { .until = CLOCK_TIME_END - 1 };
	struct votes vs = { .n = 0 };
	int64_t now = clock_now(), left;

	timer_stop(&p->votes_end);
	if (text)
		judge_text(p, bundle, text, len, now, &vs, &r);
	find_missing(p, &vs, now, &r);
	say_unknown(p, &r);
	tell_consents(p, bundle, &vs);
	left = r.until - now + 1;
	if (r.approved)
		timer_set(&p->votes_end, 1000 *
			  (left < END_LOOK_S ? left : END_LOOK_S));
	*ret = r;
}
