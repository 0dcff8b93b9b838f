/*
 * `windlass-hook pre-receive`: may this push be? It reads the pushed tips in
 * Git's quarantine, runs the gate dry for each channel whose ref is among
 * them, and shows the plan. It never signs and never writes a ref or an
 * object; what it leaves is an allowance for publish, and only when nothing
 * was refused. Trusts nothing of the push.
 */
#include "config.h"
#include "hooks/commands.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "hooks/approvals.h"
#include "hooks/concern.h"
#include "hooks/developers.h"
#include "hooks/feedback.h"
#include "hooks/findings.h"
#include "hooks/follow.h"
#include "hooks/guard.h"
#include "hooks/host-check.h"
#include "hooks/job.h"
#include "hooks/promotion.h"
#include "hooks/pushes.h"
#include "hooks/receive.h"
#include "hooks/review.h"
#include "hooks/trust-file.h"
#include "hooks/validate.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/options.h"

static const char usage[] =
"usage: windlass-hook pre-receive\n"
"\n"
"Git's pre-receive hook: checks a push and shows what it would change.\n"
"Reads '<old> <new> <ref>' lines; exit status 1 refuses the push.\n";

/* What is left of this push for publish, of one channel: how much it may
 * delete, and who made it. */
struct grant {
	const struct channel_config *ch;
	const struct update *update;
	uint64_t deletions;		/* 0: it needs none */
	bool certified;			/* by the certificate of the push */
};

/* The certificate of the push, if it is one for this push at all. */
struct certificate {
	bool there;
	struct buf text;
	struct push_cert cert;
	struct err bad;			/* why it is none */
};

struct push {
	struct host host;
	struct updates updates;
	struct allowances given;	/* by push options */
	struct certificate certificate;
	struct feedback fb;
	struct grant *grants;		/* one a channel of the push */
	size_t n_grants;
	size_t passed;			/* channels that it is not about */
	bool refused;
};

__attribute__((format(printf, 3, 4)))
static void refuse(struct push *p, const struct channel_config *ch,
		   const char *fmt, ...)
{
	struct buf text = BUF_INIT(4096);
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	if (ch)
		feedback_line(&p->fb, "windlass: %s: refused, %s", ch->name,
			      text.data);
	else
		feedback_line(&p->fb, "windlass: refused, %s", text.data);
	buf_release(&text);
	p->refused = true;
}

static bool is_approval(const struct update *u)
{
	return !strncmp(u->ref, APPROVAL_REF_PREFIX,
			strlen(APPROVAL_REF_PREFIX)) ||
	       !strncmp(u->target, APPROVAL_REF_PREFIX,
			strlen(APPROVAL_REF_PREFIX));
}

static void check_approval(struct push *p, const struct update *u)
{
	char name[LIMIT_CHANNEL_BYTES + 1];
	struct buf said = BUF_INIT(512);
	struct err err = ERR_INIT;
	const struct channel_config *ch = NULL;
	struct current current;

	if (approvals_channel(u->ref, name))
		ch = config_channel(&p->host.config, name);
	if (!ch || strcmp(u->ref, u->target))
		refuse(p, NULL, "'%s' cannot be pushed: no channel has "
		       "approvals there", u->ref);
	else if (job_read_settled(p->host.repo, &p->host.config, ch, &current,
				  &err) < 0 ||
		 approvals_check(p->host.repo, ch, &current, u, &said,
				 &err) < 0)
		refuse(p, ch, "'%s': %s", u->ref, err.msg);
	else
		feedback_line(&p->fb, "windlass: %s: %s", ch->name, said.data);
	buf_release(&said);
}

static bool too_many_approvals(const struct push *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->updates.n; i++)
		n += is_approval(&p->updates.v[i]);
	return n > APPROVALS_A_PUSH;
}

static void check_refs(struct push *p)
{
	if (too_many_approvals(p)) {
		refuse(p, NULL, "more than %d approvals are in one push; push "
		       "them in several", APPROVALS_A_PUSH);
		return;
	}
	for (size_t i = 0; i < p->updates.n; i++)
		if (ref_is_closed(p->updates.v[i].ref) ||
		    ref_is_closed(p->updates.v[i].target))
			refuse(p, NULL, "'%s' cannot be pushed: what is below "
			       "it is written by windlass, or would mislead "
			       "git", p->updates.v[i].ref);
		else if (is_approval(&p->updates.v[i]))
			check_approval(p, &p->updates.v[i]);
		else if (review_is(&p->host.config, &p->updates.v[i]))
			p->refused |= !review_push(&p->host,
						   &p->updates.v[i], &p->fb);
}

/*
 * The plan is against what was signed last. Where that is not what the ref
 * was at, because its publishing failed or is still to come, the deletions
 * of that push are counted once more.
 */
static void explain_refusal(struct push *p, const struct channel_config *ch,
			    const struct update *u,
			    const struct current *current,
			    const struct plan *plan)
{
	const char *source = current->commit.bundle.source_commit;

	guard_explain(ch, plan, &p->fb);
	if (*u->old_id && strcmp(u->old_id, source))
		feedback_line(&p->fb, "windlass: %s: counted from commit "
			      "%.12s, which was published last; what was "
			      "pushed since is in it", ch->name, source);
}

/* Shows the plan. True if it may be. */
static bool accept_plan(struct push *p, const struct current *current,
			const struct plan *plan, struct grant *grant,
			struct err *err)
{
	const struct channel_config *ch = grant->ch;
	const struct update *u = grant->update;
	const char *tip = u->new_id;
	struct allowances given = p->given;

	if (guard_applies(ch, plan)) {
		if (!allow_covers(&given, ch->name, plan->deleted) &&
		    (allow_trailers(p->host.repo, tip, &given, err) < 0 ||
		     !allow_covers(&given, ch->name, plan->deleted))) {
			explain_refusal(p, ch, u, current, plan);
			return false;
		}
		grant->deletions = plan->deleted;
	}
	plan_tell(plan, ch->name, &p->fb);
	return true;
}

/* What is taken is published: so what publishing needs must be there. */
static int check_machine(const struct host_config *c, struct err *err)
{
	if (host_check_clock(err) < 0 ||
	    host_check_space(c->git_dir, err) < 0)
		return -1;
	return host_check_space(c->publish_dir, err);
}

/* ---- who pushes ---- */

/* Only where somebody could be meant by it. */
static void read_certificate(struct push *p)
{
	const struct host_config *c = &p->host.config;
	struct certificate *k = &p->certificate;
	bool wanted = false;
	int rc;

	for (size_t i = 0; i < c->n; i++)
		wanted |= c->channels[i].developers != NULL;
	if (!wanted)
		return;
	rc = push_cert_of_push(p->host.repo, &p->updates, &c->pushees,
			       &k->text, &k->cert, &k->bad);
	k->there = rc <= 0;
}

static int find_pusher(const struct certificate *k,
		       const struct channel_config *ch,
		       struct push_move *ret, struct err *err)
{
	struct trust t = TRUST_INIT;
	int rc;

	if (k->bad.class != ERR_NONE) {
		*err = k->bad;
		return -1;
	}
	rc = trust_file_read(ch, "developers", ch->developers, &t, err);
	if (!rc)
		rc = push_cert_signer(k->text.data, k->text.len, &k->cert, &t,
				      clock_now(), ret->principal, err);
	trust_release(&t);
	return rc;
}

/* -1 where a developer must have made the push, and did not. */
static int check_pusher(struct push *p, const struct current *current,
			struct grant *grant, struct err *err)
{
	const struct channel_config *ch = grant->ch;
	const struct update *u = grant->update;
	struct push_move news = { .old_id = "" };
	struct err why = ERR_INIT;
	struct pushers who;

	if (!ch->developers || (!p->certificate.there &&
				!ch->require_signed_push))
		return 0;
	if (!p->certificate.there)
		return err_set(err, ERR_INVALID, "this push is not signed: git "
			       "config gpg.format ssh; git push --signed");
	if (find_pusher(&p->certificate, ch, &news, &why) < 0) {
		if (ch->require_signed_push)
			return err_set(err, ERR_INVALID, "the certificate of "
				       "this push does not count: %.400s",
				       why.msg);
		feedback_line(&p->fb, "windlass: %s: nobody is named as who "
			      "pushed: %s", ch->name, why.msg);
		return 0;
	}
	memcpy(news.old_id, u->old_id, sizeof(news.old_id));
	memcpy(news.new_id, u->new_id, sizeof(news.new_id));
	if (pushes_check(p->host.repo, &p->host.config, ch, current,
			 u->new_id, &news, &who, err) < 0)
		return -1;
	feedback_line(&p->fb, "windlass: %s: pushed by %s", ch->name,
		      news.principal);
	grant->certified = true;
	return 0;
}

/* ---- one channel ---- */

static void judge(struct push *p, const struct channel_config *ch,
		  const struct update *u)
{
	struct grant *grant = &p->grants[p->n_grants];
	struct problems ps = PROBLEMS_INIT;
	struct verdict v = VERDICT_INIT;
	struct current current;
	struct err err = ERR_INIT;
	struct gate g = {
		.repo = p->host.repo, .host = &p->host.config, .ch = ch,
		.current = &current, .tip = u->new_id,
	};

	*grant = (struct grant){ .ch = ch, .update = u };
	if (check_machine(&p->host.config, &err) < 0 ||
	    (ch->after && promotion_check(&p->host.config, ch, &err) < 0) ||
	    job_read_settled(p->host.repo, &p->host.config, ch, &current,
			     &err) < 0 ||
	    check_pusher(p, &current, grant, &err) < 0 ||
	    developers_check(p->host.repo, &p->host.config, ch, &current,
			     u->new_id, &err) < 0 ||
	    gate_check(&g, &v, &ps, &err) < 0) {
		refuse(p, ch, "%s", err.msg);
		goto out;
	}
	findings_show(&p->fb, p->host.repo, &v.tree, &ps);
	if (ps.errors) {
		refuse(p, ch, "nothing of this push was taken");
		goto out;
	}
	if (v.nothing_at) {
		feedback_line(&p->fb, "windlass: %s: nothing to check yet, "
			      "there is no manifest %s%s", ch->name,
			      *v.nothing_at ? "below " : "in its path",
			      v.nothing_at);
	} else if (!accept_plan(p, &current, &v.plan, grant, &err)) {
		p->refused = true;
		goto out;
	}
	p->n_grants++;
out:
	problems_release(&ps);
	verdict_release(&v);
}

static void check_channel(struct push *p, const struct channel_config *ch)
{
	const struct update *u;
	struct err err = ERR_INIT;
	git_object *o = NULL;
	git_oid id;

	if (updates_find(p->host.repo, &p->updates, ch->ref, &u, &err) < 0)
		refuse(p, ch, "%s", err.msg);
	if (err.msg[0] || !u)
		return;
	if (!*u->new_id) {
		refuse(p, ch, "'%s' is what this channel follows and cannot be "
		       "deleted", ch->ref);
		return;
	}
	if (git_oid_fromstr(&id, u->new_id) < 0 ||
	    git_object_lookup(&o, p->host.repo, &id, GIT_OBJECT_ANY) < 0)
		refuse(p, ch, "object %s of '%s' cannot be read", u->new_id,
		       ch->ref);
	else if (git_object_type(o) != GIT_OBJECT_COMMIT)
		refuse(p, ch, "'%s' must be a commit, not a %s", ch->ref,
		       git_object_type2string(git_object_type(o)));
	else if (p->host.config.n > CONCERN_FEW &&
		 concern_none(p->host.repo, &p->host.config, ch, u->new_id))
		p->passed++;
	else
		judge(p, ch, u);
	git_object_free(o);
}

/* What one push allows must not be left over for another of the same tip. */
static int leave_grants(struct push *p, struct err *err)
{
	const struct host_config *c = &p->host.config;

	for (size_t i = 0; i < p->n_grants; i++) {
		const struct grant *g = &p->grants[i];
		const char *tip = g->update->new_id;
		int rc = g->deletions ?
			allow_keep(c, g->ch, tip, g->deletions, err) :
			allow_drop(c, g->ch, tip, err);

		if (!rc)
			rc = pushes_keep(c, g->ch, g->update, g->certified ?
					 &p->certificate.text : NULL, err);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int run(struct push *p, struct err *err)
{
	const struct host_config *c = &p->host.config;

	p->grants = xcalloc(c->n + 1, sizeof(*p->grants));
	check_refs(p);
	read_certificate(p);
	for (size_t i = 0; i < c->n; i++)
		check_channel(p, &c->channels[i]);
	if (p->passed)
		feedback_line(&p->fb, "windlass: %zu other channel%s: no "
			      "object changes", p->passed, plural(p->passed));
	return p->refused ? 0 : leave_grants(p, err);
}

int cmd_pre_receive(int argc, char **argv)
{
	struct push p = {
		.host = HOST_INIT, .updates = UPDATES_INIT,
		.certificate = {
			.text = BUF_INIT(LIMIT_PUSH_CERT_BYTES),
			.cert = PUSH_CERT_INIT,
		},
	};
	struct err err = ERR_INIT;
	int status = options_parse_alone(options_none, usage, argc, argv);
	int wait;

	if (status >= 0)
		return status;
	status = EXIT_REFUSED;
	feedback_init(&p.fb, STDERR_FILENO);
	if (host_open(NULL, true, &p.host, &err) < 0 ||
	    updates_read(STDIN_FILENO, &p.updates, &err) < 0 ||
	    updates_resolve(p.host.repo, &p.updates, &err) < 0 ||
	    allow_options(&p.given, &err) < 0 ||
	    follow_option(&wait, &err) < 0 || run(&p, &err) < 0)
		feedback_line(&p.fb, "windlass: refused, %s", err.msg);
	else if (!p.refused)
		status = 0;
	free(p.grants);
	push_cert_release(&p.certificate.cert);
	buf_release(&p.certificate.text);
	updates_release(&p.updates);
	host_close(&p.host);
	return status;
}
