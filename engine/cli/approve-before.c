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
#include "schema/base/num.h"

/* what was approved last in this clone, "EPOCH.SEQUENCE ID": not a ref, which a
 * mirror takes from the Git host as any other, and the number beside the id,
 * for when the bundle itself is gone */
#define APPROVED_KEY "windlass-approved.%s.bundle"

/* A bundle's place in its channel; epoch 0: none. */
struct place {
	uint64_t epoch, sequence;
	const char *id;
};

/* The bundles of an older epoch are brought too, if one is asked for. */
static int fetch_older(const struct approve *a, uint64_t epoch,
		       struct err *err)
{
	return !epoch || epoch >= a->tip.commit.bundle.epoch ? 0 :
	       fetch_epoch(&a->from, a->repo, epoch, err);
}

/* A host that shows less than it did was restored, or is lying. */
static int check_rollback(const struct approve *a, const struct place *p,
			  const char *what, struct err *err)
{
	const struct bundle *tip = &a->tip.commit.bundle;

	if (p->epoch < tip->epoch ||
	    (p->epoch == tip->epoch && p->sequence <= tip->sequence))
		return 0;
	return err_set(err, ERR_DENIED, "the newest bundle there, %s@%" PRIu64
		       ".%" PRIu64 ", is older than %" PRIu64 ".%" PRIu64
		       ", which %s: was the Git host restored from a backup? "
		       "Do not approve anything before you know why",
		       a->channel, tip->epoch, tip->sequence, p->epoch,
		       p->sequence, what);
}

/* A bundle of the chain by its place, which must be this very one. */
static int find_exactly(struct approve *a, const struct place *p,
			const char *what, struct err *err)
{
	char *name = xasprintf("%s@%" PRIu64 ".%" PRIu64, a->channel, p->epoch,
			       p->sequence);
	int rc = check_rollback(a, p, what, err);

	if (rc == 0)
		rc = fetch_older(a, p->epoch, err);
	if (rc == 0)
		rc = bundle_find(a->repo, name, &a->before, err);
	if (rc == 0 && strcmp(a->before.id, p->id))
		rc = err_set(err, ERR_DENIED, "%s is %.12s, and %s %.12s: do "
			     "not approve anything before you know why", name,
			     a->before.id, what, p->id);
	free(name);
	return rc;
}

/* ---- what was approved last ---- */

static int parse_place(const char *text, struct place *ret)
{
	const char *dot = strchr(text, '.'), *space = strchr(text, ' ');
	struct place p;

	if (!dot || !space || dot > space ||
	    parse_u64n(text, (size_t)(dot - text), 1, LIMIT_SEQUENCE,
		       &p.epoch) < 0 ||
	    parse_u64n(dot + 1, (size_t)(space - dot - 1), 1, LIMIT_SEQUENCE,
		       &p.sequence) < 0 ||
	    !is_git_id(space + 1, strlen(space + 1)))
		return -1;
	p.id = space + 1;
	*ret = p;
	return 0;
}

/* An id alone, as older versions wrote it: its number is known as long as the
 * bundle is there. */
static void read_place_of(git_repository *repo, const char *id,
			  struct place *ret)
{
	struct err gone = ERR_INIT;
	struct bundle_commit c;

	if (!repo_read_bundle(repo, id, &c, NULL, NULL, &gone))
		*ret = (struct place){ c.bundle.epoch, c.bundle.sequence, id };
}

/* *ret_text holds the id, malloced. */
static int read_remembered(const struct approve *a, char **ret_text,
			   struct place *ret, struct err *err)
{
	char *key = xasprintf(APPROVED_KEY, a->channel);
	int rc = git_setting(a->dir, key, ret_text, err);
	const char *text = *ret_text;

	if (rc == 0 && text && is_git_id(text, strlen(text)))
		read_place_of(a->repo, text, ret);
	else if (rc == 0 && text && parse_place(text, ret) < 0)
		rc = err_set(err, ERR_INVALID, "what git config has as %s is "
			     "no bundle that you approved; `git config --unset "
			     "%s` forgets it", key, key);
	free(key);
	return rc;
}

/* However a bundle is looked at, it must follow the one before. */
static int before_remembered(struct approve *a, struct err *err)
{
	struct place last = { 0 };
	char *text = NULL;
	int rc = read_remembered(a, &text, &last, err);

	a->before_what = "you approved";
	/* what an older epoch lost is nobody's to compare with */
	if (last.epoch < a->tip.commit.bundle.epoch)
		a->other_epoch = last.epoch;
	else if (rc == 0)
		rc = find_exactly(a, &last, a->before_what, err);
	a->has_before = last.epoch && !a->other_epoch;
	free(text);
	return rc;
}

int approve_remember(const struct approve *a, struct err *err)
{
	const struct bundle *b = &a->tip.commit.bundle;
	char *key = xasprintf(APPROVED_KEY, a->channel);
	char *place = xasprintf("%" PRIu64 ".%" PRIu64 " %s", b->epoch,
				b->sequence, a->tip.id);
	const char *const argv[] = { "config", key, place, NULL };
	int rc = a->reject ? 0 : git_attended(a->dir, argv, NULL, err);

	free(place);
	free(key);
	return rc;
}

/* ---- what somebody names ---- */

/* One of an older epoch may be lost, and with it why that epoch ended: all is
 * shown then, and it is said why. Another one in its place is no loss. */
static int find_accepted(struct approve *a, const struct channel_status *s,
			 struct err *err)
{
	const struct place p = {
		s->accepted.epoch, s->accepted.sequence, s->accepted.bundle,
	};
	int rc = find_exactly(a, &p, a->before_what, err);

	a->has_before = rc == 0;
	if (rc == 0 || p.epoch >= a->tip.commit.bundle.epoch ||
	    err->class == ERR_DENIED)
		return rc;
	a->other_epoch = p.epoch;
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
	if (before_remembered(a, err) < 0)
		return -1;
	if (!a->live && !a->since)
		return 0;
	a->has_before = false;
	a->other_epoch = 0;
	return a->live ? before_live(a, err) : before_named(a, err);
}
