/*
 * Publishing. See publish.h. Trusts nothing that pre-receive saw: the tip of
 * the source goes through the whole gate again, under the lock.
 *
 * Everything is written in one order, each step durable before the next, so
 * that a run that is killed leaves a state from which the next one goes on:
 *
 *	objects    nothing refers to them yet
 *	ref        the bundle exists; from here on it will be published
 *	packs      an engine could fetch it
 *	index      and find the packs
 *	head       and is told
 */
#include "config.h"
#include "hooks/publish.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/after.h"
#include "hooks/developers.h"
#include "hooks/faults.h"
#include "hooks/guard.h"
#include "hooks/job.h"
#include "hooks/pushes.h"
#include "hooks/record.h"
#include "hooks/render.h"
#include "hooks/report.h"
#include "hooks/settings.h"
#include "hooks/sign.h"
#include "hooks/taken.h"
#include "hooks/validate.h"
#include "schema/render.h"

struct publishing {
	struct job job;
	const struct publish_options *opts;
	struct feedback *fb;
	struct pushers pushers;		/* of what the tip brings */
};

/* ---- the gate ---- */

static int check_allowed(struct publishing *p, const struct plan *plan)
{
	struct job *j = &p->job;
	struct allowances given = { .n = 0 };
	uint64_t kept;
	int rc;

	if (!guard_applies(j->ch, plan))
		return 0;
	if (p->opts->has_allow_deletes &&
	    p->opts->allow_deletes == plan->deleted)
		return 0;
	rc = allow_read(j->host, j->ch, j->tip, &kept, j->err);
	if (rc < 0)
		return -1;
	/* what waited may come in several steps, no more than was allowed */
	if (rc == 0 && (kept == plan->deleted ||
			(j->ch->after && kept > plan->deleted)))
		return 0;
	if (allow_trailers(j->repo, j->tip, &given, j->err) < 0)
		return -1;
	if (allow_covers(&given, j->ch->name, plan->deleted))
		return 0;
	guard_explain(j->ch, plan, p->fb);
	feedback_line(p->fb, "or, at the Git host: windlass-hook publish "
		      "--" ALLOW_OPTION "=%" PRIu64 " %s", plan->deleted,
		      j->ch->name);
	return err_set(j->err, ERR_INVALID, "the tip of '%s' would delete %"
		       PRIu64 " objects, which nobody allowed", j->ch->ref,
		       plan->deleted);
}

static int judge(struct publishing *p, struct store *store,
		 struct verdict *ret)
{
	struct job *j = &p->job;
	const struct gate g = {
		.repo = j->repo, .host = j->host, .ch = j->ch,
		.current = &j->current, .tip = j->tip, .store = store,
		.everything = p->opts->rerender,
	};
	struct problems ps = PROBLEMS_INIT;
	struct verdict v = VERDICT_INIT;
	int rc = gate_check(&g, &v, &ps, j->err);

	/* warnings were shown when it was pushed */
	if (!rc && ps.errors)
		feedback_problems(p->fb, &ps, NULL);
	if (!rc && ps.errors)
		rc = err_set(j->err, ERR_INVALID, "the tip of '%s' has %zu "
			     "error%s", j->ch->ref, ps.errors,
			     ps.errors == 1 ? "" : "s");
	if (!rc)
		rc = check_allowed(p, &v.plan);
	problems_release(&ps);
	if (rc < 0)
		verdict_release(&v);
	else
		*ret = v;
	return rc;
}

/* ---- the bundle ---- */

/* Where the next bundle stands in the sequence. */
static int next_place(const struct job *j, uint64_t *ret_sequence)
{
	uint64_t next = 1;

	if (!job_new_epoch(j))
		next = j->current.commit.bundle.sequence + 1;
	if (next > LIMIT_EPOCH_BUNDLES)
		return err_set(j->err, ERR_DENIED, "epoch %" PRIu64 " of '%s' "
			       "is full with %d bundles: start the next one "
			       "with `git config windlass.%s.epoch %" PRIu64 "`",
			       j->ch->epoch, j->ch->name, LIMIT_EPOCH_BUNDLES,
			       j->ch->name, j->ch->epoch + 1);
	*ret_sequence = next;
	return 0;
}

static int compose(const struct publishing *p, const struct plan *plan,
		   const struct rendered *r, struct bundle_commit *ret)
{
	const struct job *j = &p->job;
	struct bundle_commit c = {
		.bundle = {
			.epoch = j->ch->epoch, .content = r->content,
			.objects = plan->objects, .created = plan->created,
			.changed = plan->changed, .deleted = plan->deleted,
			.renderer = RENDERER, .issued = j->now,
			.pushers = p->pushers,
		},
	};
	struct bundle *b = &c.bundle;

	if (strlen(j->ch->ref) > SOURCE_REF_MAX)
		return err_set(j->err, ERR_INVALID, "windlass.%s.ref is longer "
			       "than %d bytes", j->ch->name, SOURCE_REF_MAX);
	if (next_place(j, &b->sequence) < 0)
		return -1;
	git_oid_tostr(c.tree, sizeof(c.tree), &r->tree);
	memcpy(b->channel, j->ch->name, sizeof(b->channel));
	memcpy(b->channel_id, j->ch->id, sizeof(b->channel_id));
	memcpy(b->source_ref, j->ch->ref, strlen(j->ch->ref) + 1);
	memcpy(b->source_commit, j->tip, sizeof(b->source_commit));
	if (job_new_epoch(j)) {
		b->created = plan->objects;
		b->changed = b->deleted = 0;
	} else {
		memcpy(c.parent, j->current.id, sizeof(c.parent));
	}
	if (sign_author(j->repo, j->tip, c.author, j->err) < 0 ||
	    sign_committer(j->ch->publisher, j->now, c.committer, j->err) < 0)
		return -1;
	*ret = c;
	return 0;
}

/* The last bundle of an epoch keeps a ref of its own. */
static int keep_old_epoch(struct job *j)
{
	char *ref, now[GIT_HEX_SIZE];
	int rc;

	if (!*j->current.id || !job_new_epoch(j))
		return 0;
	ref = current_epoch_ref(j->ch, j->current.commit.bundle.epoch);
	rc = repo_ref(j->repo, ref, now, j->err);
	if (!rc && strcmp(now, j->current.id))
		rc = repo_ref_update(j->repo, ref, now, j->current.id,
				     "windlass: end of an epoch", j->err);
	free(ref);
	if (!rc)
		fault_step(FAULT_epoch_kept);
	return rc;
}

static int move_ref(struct job *j, const char *id)
{
	char *ref = current_ref(j->ch);
	int rc = repo_ref_update(j->repo, ref, j->current.id, id,
				 "windlass: publish", j->err);

	free(ref);
	if (!rc)
		fault_step(FAULT_ref_moved);
	return rc;
}

static int make_bundle(struct publishing *p, struct store *store,
		       const struct plan *plan, const struct rendered *r)
{
	struct job *j = &p->job;
	struct bundle_commit c;
	char id[GIT_HEX_SIZE];

	if (compose(p, plan, r, &c) < 0 ||
	    sign_bundle(store, &c, j->signer, id, j->err) < 0)
		return -1;
	fault_step(FAULT_signed);
	if (store_flush(store, j->err) < 0)
		return -1;
	fault_step(FAULT_stored);
	if (keep_old_epoch(j) < 0 || move_ref(j, id) < 0)
		return -1;
	return current_read(j->repo, j->ch, &j->current, j->err);
}

/* True if the current bundle says all that the rendered tree says. */
static bool is_current(const struct job *j, const struct rendered *r)
{
	return !job_new_epoch(j) && git_oid_equal(&r->tree, &j->current.tree) &&
	       sshkey_equal(signer_key(j->signer), &j->current.key) &&
	       !strcmp(j->current.commit.bundle.renderer, RENDERER);
}

/* After the ref moved: what is left must happen, and can happen later. */
static int conclude(struct job *j, const struct verdict *v,
		    const struct store *store)
{
	if (!settings_match(j->host, j->ch, j->current.id, &v->settings) &&
	    settings_keep(j->host, j->ch, j->current.id, &v->settings,
			  j->err) < 0)
		return -1;
	fault_step(FAULT_settings_kept);
	if (job_finish(j, store) < 0 ||
	    allow_drop(j->host, j->ch, j->tip, j->err) < 0)
		return -1;
	fault_step(FAULT_allowance_used);
	return 0;
}

/* Who made the commits and the pushes: the rules of the channel, again. */
static int judge_people(struct publishing *p)
{
	struct job *j = &p->job;

	if (developers_check(j->repo, j->host, j->ch, &j->current, j->tip,
			     j->err) < 0)
		return -1;
	return pushes_check(j->repo, j->host, j->ch, &j->current, j->tip,
			    NULL, &p->pushers, j->err);
}

/* The tip is published: what was kept for that goes. */
static int settle(struct publishing *p)
{
	struct job *j = &p->job;

	/* durable, so each push would wait for it once a channel */
	if ((j->ch->developers || !p->opts->push ||
	     after_is_awaited(j->host, j->ch)) &&
	    taken_keep(j->host, j->ch, &j->current, j->tip, &p->pushers,
		       j->err) < 0)
		return -1;
	return pushes_drop(j->host, j->ch, j->tip, j->err);
}

static int publish_tip(struct publishing *p, enum publish_outcome *ret)
{
	struct job *j = &p->job;
	struct verdict v = VERDICT_INIT;
	struct store *store = store_new(j->host->git_dir);
	struct rendered r;
	int rc;

	rc = judge_people(p);
	if (!rc)
		rc = judge(p, store, &v);
	if (rc < 0)
		goto out;
	fault_step(FAULT_checked);
	if (v.nothing_at) {
		*ret = PUBLISH_NOTHING_YET;
		rc = settle(p);
		goto out;
	}
	rc = render_tree(j->repo, store, &j->current, &v.plan, &r, j->err);
	if (rc < 0)
		goto out;
	fault_step(FAULT_rendered);
	*ret = is_current(j, &r) ? PUBLISH_CURRENT : PUBLISH_NEW;
	if (*ret == PUBLISH_NEW)
		rc = make_bundle(p, store, &v.plan, &r);
	if (!rc)
		rc = conclude(j, &v, *ret == PUBLISH_NEW ? store : NULL);
	if (!rc)
		rc = settle(p);
out:
	verdict_release(&v);
	store_free(store);
	return rc;
}

/* ---- the two ways in ---- */

/* Who pushed an approval hears that it counts, whatever the tip is like. */
static void say_approvals(const struct publishing *p)
{
	const struct job *j = &p->job;
	const struct publish_result told = {
		.outcome = PUBLISH_APPROVALS, .head = j->head,
	};
	struct buf line = BUF_INIT(1024);

	if (j->told_approvals) {
		report_line(j->repo, j->ch, &told, &line);
		feedback_line(p->fb, "windlass: %s", line.data);
	}
	buf_release(&line);
}

/* Where the channel waits for another one: what may be published in place of
 * the tip, which may be nothing. */
static int choose_tip(struct publishing *p, struct publish_result *ret)
{
	struct job *j = &p->job;
	struct promotion m;

	if (!j->ch->after)
		return 0;
	if (promotion_choose(j->repo, j->host, j->ch, &j->current, j->tip,
			     true, &m, j->err) < 0)
		return -1;
	memcpy(j->tip, m.commit, sizeof(j->tip));
	memcpy(ret->waits, m.waits, sizeof(ret->waits));
	fault_step(FAULT_chosen);
	return 0;
}

/* Clones hear of it, too. That is no reason to call it unpublished. */
static void record_outcome(struct publishing *p, const char *tip,
			   const struct publish_result *r, bool refused)
{
	const struct job *j = &p->job;
	struct channel_news news = { .bundle = "", .refused = refused };
	struct err err = ERR_INIT;

	memcpy(news.bundle, j->current.id, sizeof(news.bundle));
	if (*j->tip && r->outcome != PUBLISH_NOTHING_YET &&
	    strcmp(j->tip, j->current.commit.bundle.source_commit))
		memcpy(news.taken, j->tip, sizeof(news.taken));
	if (*r->waits)
		memcpy(news.waiting, tip, sizeof(news.waiting));
	if (record_status(j->repo, j->ch, &news, &err) < 0)
		feedback_line(p->fb, "windlass: %s: its status is not "
			      "recorded: %s", j->ch->name, err.msg);
}

static int publish_chosen(struct publishing *p, const char *waits,
			  enum publish_outcome *ret)
{
	struct job *j = &p->job;

	if (*j->tip)
		return publish_tip(p, ret);
	if (*waits)
		*ret = *j->current.id ? PUBLISH_CURRENT : PUBLISH_WAITS;
	else if (*j->current.id)
		return err_set(j->err, ERR_INVALID, "'%s' does not exist; what "
			       "was published last stays as it is",
			       j->ch->ref);
	return 0;
}

static int publish_locked(struct publishing *p, struct publish_result *ret)
{
	enum publish_outcome outcome = PUBLISH_EMPTY;
	struct job *j = &p->job;
	char tip[GIT_HEX_SIZE];
	int rc;

	memcpy(tip, j->tip, sizeof(tip));
	if (job_finish(j, NULL) < 0 || choose_tip(p, ret) < 0)
		return -1;
	rc = publish_chosen(p, ret->waits, &outcome);
	if (rc < 0)
		say_approvals(p);
	if (outcome == PUBLISH_CURRENT && j->told_approvals)
		outcome = PUBLISH_APPROVALS;
	ret->outcome = outcome;
	if (j->has_head)
		ret->head = j->head;
	record_outcome(p, tip, ret, rc < 0);
	return rc;
}

int publish_channel(git_repository *repo, const struct host_config *host,
		    const struct channel_config *ch,
		    const struct publish_options *opts, struct feedback *fb,
		    struct publish_result *ret, struct err *err)
{
	struct publish_result result = { .outcome = PUBLISH_EMPTY };
	struct publishing p = { .opts = opts, .fb = fb };
	int rc = job_begin(repo, host, ch, opts->lock_ms, &p.job, err);

	if (!rc)
		rc = publish_locked(&p, &result);
	job_end(&p.job);
	if (!rc)
		*ret = result;
	return rc;
}

static bool needs_refresh(const struct job *j)
{
	int64_t left = j->head.expires - j->now;
	int64_t life = j->head.expires - j->head.issued;

	return left * 3 < life * 2;
}

static int refresh_locked(struct publishing *p, bool force,
			  struct publish_result *ret)
{
	struct job *j = &p->job;

	if (!*j->current.id) {
		ret->outcome = PUBLISH_EMPTY;
		return 0;
	}
	/* a new key signs a bundle first, and a new epoch has another; where
	 * the tip does not pass the gate, fresh times are better than none */
	if ((job_new_epoch(j) ||
	     !sshkey_equal(signer_key(j->signer), &j->current.key)) &&
	    publish_locked(p, ret) < 0 && j->err->class != ERR_INVALID)
		return -1;
	if (job_finish(j, NULL) < 0)
		return -1;
	if (!j->wrote_head && (force || needs_refresh(j)) &&
	    job_refresh(j) < 0)
		return -1;
	ret->outcome = j->wrote_head ? PUBLISH_REFRESHED : PUBLISH_CURRENT;
	ret->head = j->head;
	return 0;
}

int refresh_channel(git_repository *repo, const struct host_config *host,
		    const struct channel_config *ch, bool force,
		    struct publish_result *ret, struct err *err)
{
	static const struct publish_options by_itself = { .lock_ms = -1 };
	struct publish_result result = { .outcome = PUBLISH_EMPTY };
	struct feedback unheard = { .fd = -1, .closed = true };
	struct publishing p = { .opts = &by_itself, .fb = &unheard };
	int rc = job_begin(repo, host, ch, by_itself.lock_ms, &p.job, err);

	if (!rc)
		rc = refresh_locked(&p, force, &result);
	job_end(&p.job);
	if (!rc)
		*ret = result;
	return rc;
}
