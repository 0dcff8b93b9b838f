/*
 * Checks of one channel: its key, what it signed and published, and whether
 * that is what the source ref says. See doctor.h.
 */
#include "config.h"
#include "hooks/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "hooks/after.h"
#include "hooks/announce.h"
#include "hooks/current.h"
#include "hooks/developers.h"
#include "hooks/job.h"
#include "hooks/kept-report.h"
#include "hooks/pack.h"
#include "hooks/promotion.h"
#include "hooks/pushes.h"
#include "hooks/shelf.h"
#include "hooks/trust-file.h"
#include "hooks/validate.h"
#include "schema/base/clock.h"
#include "schema/base/num.h"
#include "schema/cluster-status.h"
#include "schema/object.h"
#include "schema/openapi.h"
#include "schema/trust.h"

/* publishing a large push takes so long, not longer */
#define LOCK_MS 3000
/* an engine that has nothing new to say says so more often */
#define SILENT_SECONDS (2 * 3600)

/* What the checks of one channel know of each other. */
struct patient {
	struct doctor *d;
	git_repository *repo;
	const struct host_config *host;
	const struct channel_config *ch;
	bool has_key, has_current, has_head, damaged;
	struct sshkey key, head_key;
	struct current current;
	struct head head;
};

#define ok(p, check, ...) \
	doctor_say((p)->d, FINDING_OK, check, (p)->ch->name, __VA_ARGS__)
#define warn(p, check, ...) \
	doctor_say((p)->d, FINDING_WARN, check, (p)->ch->name, __VA_ARGS__)
#define fail(p, check, ...) \
	doctor_say((p)->d, FINDING_FAIL, check, (p)->ch->name, __VA_ARGS__)

static void check_key(struct patient *p)
{
	struct buf print = BUF_INIT(128);
	struct signer *signer = NULL;
	struct err err = ERR_INIT;

	if (signer_open(p->ch->signing_key, &signer, &err) < 0) {
		fail(p, "key", "%s", err.msg);
		return;
	}
	p->key = *signer_key(signer);
	p->has_key = true;
	sshkey_fingerprint(&p->key, &print);
	ok(p, "key", "%s", print.data);
	signer_free(signer);
	buf_release(&print);
}

/* A publisher's key signs bundles and heads, nothing else. */
static bool lists_publisher(const struct patient *p, const struct trust *t)
{
	struct err none = ERR_INIT;

	return p->has_key && trust_find(t, &p->key, TRUST_ANY_TIME, &none);
}

static void check_approvers(struct patient *p)
{
	struct trust t = TRUST_INIT;
	struct err err = ERR_INIT;

	if (!p->ch->approvers)
		return;
	if (trust_file_read(p->ch, "approvers", p->ch->approvers, &t,
			    &err) < 0)
		fail(p, "approvers", "the list lets nobody approve: %s", err.msg);
	else if (lists_publisher(p, &t))
		fail(p, "approvers", "'%s' lists the key of the publisher, "
		     "which signs bundles and approves none: engines refuse "
		     "it", p->ch->approvers);
	else
		ok(p, "approvers", "%zu key%s in '%s'", t.n, plural(t.n),
		   p->ch->approvers);
	trust_release(&t);
}

static void check_developers(struct patient *p)
{
	struct trust t = TRUST_INIT;
	struct err err = ERR_INIT;

	if (!p->ch->developers)
		return;
	if (trust_file_read(p->ch, "developers", p->ch->developers, &t,
			    &err) < 0)
		fail(p, "developers", "nobody's signature counts: %s",
		     err.msg);
	else if (!t.n)
		fail(p, "developers", "'%s' lists nobody, so nobody's "
		     "signature counts", p->ch->developers);
	else if (lists_publisher(p, &t))
		fail(p, "developers", "'%s' lists the key of the publisher, "
		     "which signs bundles and nothing else; take it out",
		     p->ch->developers);
	else
		ok(p, "developers", "%zu key%s in '%s'%s%s", t.n, plural(t.n),
		   p->ch->developers, p->ch->require_signed_commits ?
		   ", every commit must be signed" : "",
		   p->ch->require_signed_push ?
		   ", every push must be signed" : "");
	trust_release(&t);
}

/* What was heard of one cluster, and that something was. */
static void check_cluster(struct patient *p, const char *cluster)
{
	struct cluster_report r;
	struct err err = ERR_INIT;
	char issued[CLOCK_TEXT_SIZE];
	int rc = kept_report_read(p->host, p->ch, cluster, NULL, &r, &err);

	if (rc < 0) {
		fail(p, "reporters", "no report of '%s' is taken: %s", cluster,
		     err.msg);
		return;
	}
	if (rc > 0) {
		warn(p, "reporters", "'%s' has not reported yet", cluster);
		return;
	}
	clock_format(r.issued, issued);
	if (clock_now() - r.issued > SILENT_SECONDS)
		warn(p, "reporters", "'%s' has said nothing since %s; look at "
		     "the engine's log there, and at that of serve", cluster,
		     issued);
	else
		ok(p, "reporters", "'%s' said %s of %" PRIu64 ".%" PRIu64
		   " at %s", cluster, cluster_phase_name(r.phase), r.epoch,
		   r.sequence, issued);
	cluster_report_release(&r);
}

/* What stands in the record of clusters that are gone. */
static void check_gone(struct patient *p, const struct trust *t)
{
	struct strvec names = STRVEC_INIT, listed = STRVEC_INIT;
	struct err unread = ERR_INIT;

	for (size_t i = 0; i < t->n; i++)
		strvec_push(&listed, t->v[i].principal);
	/* either may be there without the other one */
	(void)!kept_report_clusters(p->host, p->ch, &names, &unread);
	(void)!cluster_status_clusters(p->repo, p->ch->name, &names, &unread);
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.v[i];

		if (strvec_has(&listed, name))
			continue;
		warn(p, "reporters", "'%s' has a record, and is not in '%s' "
		     "any more; if it is gone for good: rm -f "
		     "'%s/%s/reports/%s' '%s/%s/reports/%s.since'; git "
		     "update-ref -d " CLUSTER_STATUS_REF "%s/%s", name,
		     p->ch->reporters, p->host->state_dir, p->ch->name, name,
		     p->host->state_dir, p->ch->name, name, p->ch->name, name);
		strvec_push(&listed, name);
	}
	strvec_release(&names);
	strvec_release(&listed);
}

static void check_reporters(struct patient *p)
{
	struct trust t = TRUST_INIT;
	struct err err = ERR_INIT;

	if (!p->ch->reporters)
		return;
	if (trust_read_reporters(p->ch, p->has_key ? &p->key : NULL, &t,
				 &err) < 0) {
		fail(p, "reporters", "no report is taken: %s", err.msg);
		return;
	}
	ok(p, "reporters", "%zu key%s in '%s'", t.n, plural(t.n),
	   p->ch->reporters);
	for (size_t i = 0; i < t.n; i++) {
		const char *who = t.v[i].principal;
		size_t k = 0;

		while (strcmp(t.v[k].principal, who))
			k++;
		if (k < i)
			continue;
		if (is_dns_label(who))
			check_cluster(p, who);
		else
			fail(p, "reporters", "'%s' cannot be a cluster's "
			     "name: use lower-case letters, digits and -",
			     who);
	}
	check_gone(p, &t);
	trust_release(&t);
}

/* Can the gate look into the objects of that Kubernetes? */
static void check_kubernetes(struct patient *p)
{
	struct openapi schemas = OPENAPI_INIT;
	struct err err = ERR_INIT;

	if (openapi_open_minor(p->ch->kubernetes, &schemas, &err) < 0)
		fail(p, "kubernetes", "no push can be judged: %s; see "
		     "windlass.%s.kubernetes", err.msg, p->ch->name);
	else
		ok(p, "kubernetes", "objects are checked as %s would",
		   openapi_kubernetes(&schemas));
	openapi_close(&schemas);
}

static void check_lock(struct patient *p)
{
	struct err err = ERR_INIT;
	int fd;

	if (job_lock(p->host, p->ch, LOCK_MS, &fd, &err) == 0) {
		close(fd);
		ok(p, "lock", "free");
	} else if (err.class == ERR_TRANSIENT) {
		warn(p, "lock", "held for %d s by another process: a large "
		     "push, or one that hangs; `fuser %s/%s/lock` names it",
		     LOCK_MS / 1000, p->host->state_dir, p->ch->name);
	} else {
		fail(p, "lock", "%s", err.msg);
	}
}

static void check_bundle(struct patient *p)
{
	struct err err = ERR_INIT;

	if (current_read(p->repo, p->ch, &p->current, &err) < 0) {
		fail(p, "bundle", "%s", err.msg);
		p->damaged = true;
		return;
	}
	if (!p->current.id[0])
		return;
	p->has_current = true;
	if (p->has_key && !sshkey_equal(&p->key, &p->current.key))
		warn(p, "bundle", "%.12s is signed by another key than "
		     "signingKey; `windlass-hook publish %s` signs the next "
		     "one with it", p->current.id, p->ch->name);
	else
		ok(p, "bundle", "%.12s, number %" PRIu64 ".%" PRIu64
		   ", is well signed", p->current.id,
		   p->current.commit.bundle.epoch,
		   p->current.commit.bundle.sequence);
}

static void check_epoch(struct patient *p)
{
	uint64_t n = p->current.commit.bundle.sequence;

	if (!p->has_current || p->current.commit.bundle.epoch != p->ch->epoch)
		return;
	if (n >= LIMIT_EPOCH_BUNDLES)
		fail(p, "epoch", "is full with %" PRIu64 " bundles; begin the "
		     "next with `git config windlass.%s.epoch %" PRIu64 "`", n,
		     p->ch->name, p->ch->epoch + 1);
	else if (n >= WARN_EPOCH_BUNDLES)
		warn(p, "epoch", "has %" PRIu64 " of at most %d bundles; plan "
		     "for `git config windlass.%s.epoch %" PRIu64 "`", n,
		     LIMIT_EPOCH_BUNDLES, p->ch->name, p->ch->epoch + 1);
	else
		ok(p, "epoch", "%" PRIu64 " has %" PRIu64 " of at most %d "
		   "bundles", p->ch->epoch, n, LIMIT_EPOCH_BUNDLES);
}

static void check_head(struct patient *p)
{
	struct err err = ERR_INIT;
	int rc = announce_read(p->host, p->ch, &p->head, &p->head_key, &err);

	p->has_head = rc == 0;
	if (rc < 0)
		fail(p, "head", "%s", err.msg);
	else if (rc > 0 && p->has_current)
		fail(p, "head", "there is none; run `windlass-hook publish "
		     "%s`", p->ch->name);
	else if (rc > 0)
		ok(p, "head", "there is none, and nothing to publish yet");
	else if (!(p->has_key && sshkey_equal(&p->key, &p->head_key)) &&
		 !(p->has_current &&
		   sshkey_equal(&p->current.key, &p->head_key)))
		fail(p, "head", "is signed by a key that is not the "
		     "channel's; find out who wrote it, then remove it and "
		     "run `windlass-hook publish %s`", p->ch->name);
	else if (p->has_current && !strcmp(p->head.bundle, p->current.id))
		ok(p, "head", "names the current bundle");
	else if (p->has_current &&
		 p->head.epoch == p->current.commit.bundle.epoch &&
		 p->head.sequence < p->current.commit.bundle.sequence)
		fail(p, "head", "names bundle %" PRIu64 ".%" PRIu64 ", which "
		     "is not the current one; run `windlass-hook publish %s`",
		     p->head.epoch, p->head.sequence, p->ch->name);
	else if (p->has_current &&
		 p->head.epoch < p->current.commit.bundle.epoch)
		fail(p, "head", "names epoch %" PRIu64 ", which is over; run "
		     "`windlass-hook publish %s`", p->head.epoch, p->ch->name);
	else
		fail(p, "head", "names bundle %" PRIu64 ".%" PRIu64 ", which "
		     "refs/windlass/%s does not have: was the repository "
		     "restored from a backup? Bring the ref back, or begin an "
		     "epoch: git config windlass.%s.epoch %" PRIu64,
		     p->head.epoch, p->head.sequence, p->ch->name, p->ch->name,
		     p->head.epoch + 1);
}

static void check_head_life(struct patient *p)
{
	int64_t left = p->head.expires - clock_now();
	char expires[CLOCK_TEXT_SIZE];

	if (!p->has_head)
		return;
	clock_format(p->head.expires, expires);
	if (left <= 0)
		fail(p, "head-life", "is over since %s: clusters apply "
		     "nothing new; run `windlass-hook refresh %s`, and let "
		     "`windlass-hook serve` or a timer do that", expires,
		     p->ch->name);
	else if (left * 3 < p->head.expires - p->head.issued)
		fail(p, "head-life", "ends at %s and nobody renews it; let "
		     "`windlass-hook serve` run, or `windlass-hook refresh` "
		     "by a timer", expires);
	else
		ok(p, "head-life", "ends at %s", expires);
}

static void check_clock(struct patient *p)
{
	int64_t now = clock_now(), latest = 0;
	char text[CLOCK_TEXT_SIZE];

	if (p->has_current)
		latest = p->current.commit.bundle.issued;
	if (p->has_head && p->head.issued > latest)
		latest = p->head.issued;
	if (!latest)
		return;
	clock_format(latest, text);
	if (latest > now + LIMIT_HEAD_AHEAD)
		fail(p, "clock", "of this machine is behind: the channel "
		     "signed something at %s; nothing is signed before it is "
		     "set", text);
	else
		ok(p, "clock", "is not behind what was signed");
}

/* How many packs of the index are missing, or -1 with the error. */
static int count_missing(struct patient *p, size_t *ret, struct err *err)
{
	struct pack_index ix = PACK_INDEX_INIT;
	size_t missing = 0;

	if (shelf_read_index(p->host, p->ch, &p->head.index, &ix, err) < 0)
		return -1;
	for (size_t i = 0; i < ix.n; i++)
		missing += !pack_there(p->host, p->ch, &ix.v[i].pack);
	*ret = missing;
	pack_index_release(&ix);
	return 0;
}

static void check_packs(struct patient *p)
{
	struct err err = ERR_INIT;
	size_t missing = 0;

	if (!p->has_head)
		return;
	if (count_missing(p, &missing, &err) < 0)
		fail(p, "packs", "%s; run `windlass-hook refresh --force %s`",
		     err.msg, p->ch->name);
	else if (missing || (p->head.has_delta &&
			     !pack_there(p->host, p->ch, &p->head.delta)))
		fail(p, "packs", "some that the index names are missing; run "
		     "`windlass-hook refresh --force %s`", p->ch->name);
	else
		ok(p, "packs", "all are there");
}

static void report_gate(struct patient *p, const char *tip,
			const struct verdict *v, struct problems *ps)
{
	struct buf first = BUF_INIT(LIMIT_PATH_BYTES + 4096);

	if (ps->errors) {
		problems_sort(ps);
		problem_format(&ps->v[0], &first);
		fail(p, "source", "the tip of %s, %.12s, cannot be published: "
		     "%.600s%s; push a better one", p->ch->ref, tip,
		     first.data, ps->errors > 1 ? " and more" : "");
	} else if (v->nothing_at) {
		warn(p, "source", "the tip of %s, %.12s, has no manifest "
		     "for it%s%s; push some, or change windlass.%s.path",
		     p->ch->ref, tip, *v->nothing_at ? ": nothing is at " : "",
		     v->nothing_at, p->ch->name);
	} else if (v->plan.n) {
		fail(p, "source", "the tip of %s, %.12s, is not published "
		     "(+%" PRIu64 " ~%" PRIu64 " -%" PRIu64 "); run "
		     "`windlass-hook publish %s`", p->ch->ref, tip,
		     v->plan.created, v->plan.changed, v->plan.deleted,
		     p->ch->name);
	} else {
		ok(p, "source", "%s%s, %.12s, is published",
		   p->ch->after ? "what may be of " : "the tip of ",
		   p->ch->ref, tip);
	}
	buf_release(&first);
}

/* Can it go on some day? */
static void check_after(struct patient *p)
{
	struct err err = ERR_INIT;

	if (p->ch->after && promotion_check(p->host, p->ch, &err) < 0)
		fail(p, "after", "%s", err.msg);
}

static void check_rollback(struct patient *p)
{
	struct strvec names = STRVEC_INIT;
	struct buf span = BUF_INIT(64);
	struct err err = ERR_INIT;

	if (!p->ch->rollback_seconds)
		return;
	after_duration(p->ch->rollback_seconds, &span);
	if (trust_reporter_names(p->ch, &names, &err) < 0)
		fail(p, "rollback", "nobody would hear that a bundle failed: "
		     "%s", err.msg);
	else
		ok(p, "rollback", "what every cluster says has failed for %s "
		   "is rolled back", span.data);
	strvec_release(&names);
	buf_release(&span);
}

/* What does the tip wait for? It becomes what is to be published in its
 * place; false if there is nothing. */
static bool choose_source(struct patient *p, char tip[GIT_HEX_SIZE])
{
	struct err err = ERR_INIT;
	struct promotion m;

	if (promotion_choose(p->repo, p->host, p->ch, &p->current, tip, false,
			     &m, &err) < 0) {
		fail(p, "after", "%s", err.msg);
		return false;
	}
	if (*m.waits)
		ok(p, "after", "the tip of %s waits: %s", p->ch->ref, m.waits);
	else
		ok(p, "after", "%s was healthy with the tip of %s",
		   p->ch->after, p->ch->ref);
	memcpy(tip, m.commit, sizeof(m.commit));
	return *tip;
}

/* The whole gate, dry: the one way to know what a tip means. */
static void check_source(struct patient *p)
{
	struct verdict v = VERDICT_INIT;
	struct problems ps = PROBLEMS_INIT;
	struct err err = ERR_INIT;
	struct pushers who;
	char tip[GIT_HEX_SIZE];
	const struct gate g = {
		.repo = p->repo, .host = p->host, .ch = p->ch,
		.current = &p->current, .tip = tip,
	};

	/* against what would it be judged? */
	if (p->damaged)
		return;
	if (repo_ref(p->repo, p->ch->ref, tip, &err) < 0) {
		fail(p, "source", "%s", err.msg);
	} else if (!tip[0] && p->has_current) {
		fail(p, "source", "%s does not exist any more; push it again",
		     p->ch->ref);
	} else if (!tip[0]) {
		ok(p, "source", "nothing was pushed to %s yet", p->ch->ref);
	} else if (p->ch->after && !choose_source(p, tip)) {
		/* it said why */
	} else if (developers_check(p->repo, p->host, p->ch, &p->current, tip,
				    &err) < 0 ||
		   pushes_check(p->repo, p->host, p->ch, &p->current, tip,
				NULL, &who, &err) < 0) {
		fail(p, "source", "the tip of %s, %.12s, is not published: %s",
		     p->ch->ref, tip, err.msg);
	} else if (gate_check(&g, &v, &ps, &err) < 0) {
		fail(p, "source", "the tip of %s cannot be judged: %s",
		     p->ch->ref, err.msg);
	} else {
		report_gate(p, tip, &v, &ps);
		verdict_release(&v);
	}
	problems_release(&ps);
}

void doctor_check_channel(struct doctor *d, git_repository *repo,
			  const struct host_config *host,
			  const struct channel_config *ch)
{
	struct patient p = {
		.d = d, .repo = repo, .host = host, .ch = ch,
		.current = CURRENT_INIT,
	};

	check_key(&p);
	check_approvers(&p);
	check_developers(&p);
	check_reporters(&p);
	check_after(&p);
	check_rollback(&p);
	check_kubernetes(&p);
	check_lock(&p);
	check_bundle(&p);
	check_epoch(&p);
	check_head(&p);
	check_head_life(&p);
	check_clock(&p);
	check_packs(&p);
	check_source(&p);
}
