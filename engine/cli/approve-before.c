/*
 * What a bundle is compared with before somebody approves it. See approve.h.
 * A clone remembers what was approved in it, so that a Git host cannot show
 * less than that; of what it shows nothing is believed here but that it is
 * there: the chain is verified by who asks.
 */
#include "config.h"
#include "engine/cli/approve.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cluster.h"
#include "engine/cli/git-run.h"
#include "engine/status.h"
#include "schema/base/mem.h"

/* the bundle of a channel that was approved last in this clone: not a ref,
 * which a mirror takes from the Git host as any other */
#define APPROVED_KEY "windlass-approved.%s.bundle"

/* The bundles of an older epoch are brought too, if one is asked for. */
static int fetch_older(const struct approve *a, uint64_t epoch,
		       struct err *err)
{
	return !epoch || epoch >= a->tip.commit.bundle.epoch ? 0 :
	       fetch_epoch(&a->from, a->repo, epoch, err);
}

/* A host that shows less than it did was restored, or is lying. */
static int check_rollback(const struct approve *a, uint64_t epoch,
			  uint64_t sequence, struct err *err)
{
	const struct bundle *tip = &a->tip.commit.bundle;

	if (epoch < tip->epoch ||
	    (epoch == tip->epoch && sequence <= tip->sequence))
		return 0;
	return err_set(err, ERR_DENIED, "the newest bundle there, %s@%" PRIu64
		       ".%" PRIu64 ", is older than %" PRIu64 ".%" PRIu64
		       ", which %s: was the Git host restored from a backup? "
		       "Do not approve anything before you know why",
		       a->channel, tip->epoch, tip->sequence, epoch, sequence,
		       a->before_what);
}

/* A bundle of the chain by its place, which must be this very one. */
static int find_exactly(struct approve *a, uint64_t epoch, uint64_t sequence,
			const char *id, struct err *err)
{
	char *name = xasprintf("%s@%" PRIu64 ".%" PRIu64, a->channel, epoch,
			       sequence);
	int rc = check_rollback(a, epoch, sequence, err);

	if (rc == 0)
		rc = fetch_older(a, epoch, err);
	if (rc == 0)
		rc = bundle_find(a->repo, name, &a->before, err);
	if (rc == 0 && strcmp(a->before.id, id))
		rc = err_set(err, ERR_DENIED, "%s is %.12s, and %s %.12s: do "
			     "not approve anything before you know why", name,
			     a->before.id, a->before_what, id);
	free(name);
	return rc;
}

/*
 * The accepted bundle by its id. One of an older epoch may be lost, and with
 * it why that epoch ended: all is shown then, and it is said why.
 */
static int find_accepted(struct approve *a, const struct channel_status *s,
			 struct err *err)
{
	uint64_t epoch = s->accepted.epoch;
	int rc;

	a->has_before = true;
	rc = find_exactly(a, epoch, s->accepted.sequence, s->accepted.bundle,
			  err);
	if (rc == 0 || epoch >= a->tip.commit.bundle.epoch)
		return rc;
	a->has_before = false;
	a->other_epoch = epoch;
	fprintf(stderr, "windlass: %s\n", err->msg);
	err_clear(err);
	return 0;
}

static int before_live(struct approve *a, struct err *err)
{
	struct cluster c = CLUSTER_INIT;
	struct arena arena = ARENA_INIT;
	struct channel_status status = { 0 };
	struct node *channel;
	int rc = cluster_open(&c, a->kubeconfig, a->context, err);

	a->before_what = "the cluster has accepted";
	if (rc == 0)
		rc = cluster_channel(&c, a->channel, &arena, &channel, err);
	if (rc == 0)
		rc = status_read(channel, &status, err);
	if (rc == 0 && status.accepted.bundle[0])
		rc = find_accepted(a, &status, err);
	channel_status_release(&status);
	arena_release(&arena);
	cluster_close(&c);
	return rc;
}

static int before_remembered(struct approve *a, struct err *err)
{
	char *key = xasprintf(APPROVED_KEY, a->channel), *id = NULL;
	struct err gone = ERR_INIT;
	struct bundle_commit c;
	int rc = git_setting(a->dir, key, &id, err);

	a->before_what = "you approved";
	if (rc == 0 && id && is_git_id(id, strlen(id)) &&
	    !repo_read_bundle(a->repo, id, &c, NULL, NULL, &gone)) {
		/* what an older epoch lost is nobody's to compare with */
		if (c.bundle.epoch < a->tip.commit.bundle.epoch)
			a->other_epoch = c.bundle.epoch;
		a->has_before = !a->other_epoch;
	}
	if (a->has_before)
		rc = find_exactly(a, c.bundle.epoch, c.bundle.sequence, id,
				  err);
	free(id);
	free(key);
	return rc;
}

static int before_named(struct approve *a, struct err *err)
{
	uint64_t epoch = 0, sequence = 0;
	char *channel = NULL;
	int rc = bundle_parse_name(a->since, &channel, &epoch, &sequence, err);

	a->has_before = true;
	a->before_what = "you named";
	if (rc == 0 && !strcmp(channel, a->channel))
		rc = fetch_older(a, epoch, err);
	if (rc == 0)
		rc = bundle_find(a->repo, a->since, &a->before, err);
	free(channel);
	return rc;
}

int approve_find_before(struct approve *a, struct err *err)
{
	if (a->live)
		return before_live(a, err);
	return a->since ? before_named(a, err) : before_remembered(a, err);
}

int approve_remember(const struct approve *a, struct err *err)
{
	char *key = xasprintf(APPROVED_KEY, a->channel);
	const char *const argv[] = { "config", key, a->tip.id, NULL };
	int rc = a->reject ? 0 : git_attended(a->dir, argv, NULL, err);

	free(key);
	return rc;
}
