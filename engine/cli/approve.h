/*
 * What the parts of `windlass approve` share: cmd-approve.c is the command,
 * approve-before.c finds what a bundle is compared with, approve-sign.c signs
 * and pushes.
 */
#ifndef ENGINE_CLI_APPROVE_H
#define ENGINE_CLI_APPROVE_H

#include "engine/cli/bundles.h"
#include "engine/cli/fetch.h"
#include "schema/approval.h"

struct approve {
	const char *channel, *dir, *remote, *publishers, *as, *since;
	const char *message, *kubeconfig, *context, *approvers;
	int64_t life;
	bool reject, yes, live, forwarded;

	struct trust trust;
	struct trust listed;		/* who may approve; n 0: not known */
	git_repository *repo;
	struct bundle_at tip, before;
	struct fetch from;
	size_t said_all;		/* tags that the Git host has of it */
	bool has_before;
	uint64_t other_epoch;		/* what was approved last is of; or 0 */
	const char *before_what;	/* "the cluster has accepted" */
	struct approval said;
};

/* What the newest bundle, a->tip, is compared with: a->before. ERR_DENIED
 * where it cannot be what follows that. */
int approve_find_before(struct approve *a, struct err *err);
/* That is what was approved last, so that next time only what is new since
 * then is shown. */
int approve_remember(const struct approve *a, struct err *err);

/* Their git must be able to make a signature that counts. */
int approve_check_signing(const struct approve *a, struct err *err);
/* By what name the Git host knows this person. Malloced. */
int approve_find_name(const struct approve *a, char **ret, struct err *err);
/* Signs a->said and pushes that. */
int approve_sign(const struct approve *a, struct err *err);

#endif
