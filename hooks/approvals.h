/*
 * Approvals at the Git host (DESIGN.md 2.4): which pushed tags are taken,
 * and which of those that were taken a head names. All of this is a filter
 * against mistakes and floods; engines trust only their own list.
 */
#ifndef HOOKS_APPROVALS_H
#define HOOKS_APPROVALS_H

#include "hooks/current.h"
#include "hooks/receive.h"
#include "schema/approval.h"
#include "schema/head.h"

/* tags of one person on one bundle: a consent may be renewed so often */
#define APPROVALS_A_PERSON 16
/* in one push: each is judged under the channel's lock */
#define APPROVALS_A_PUSH 64

/* The name of the channel in a ref below APPROVAL_REF_PREFIX; false if there
 * is none that could be one. */
bool approvals_channel(const char *ref,
		       char ret[LIMIT_CHANNEL_BYTES + 1]);

/*
 * May this update of such a ref be? It must make a ref that is new, for a
 * tag by one of windlass.<channel>.approvers on the current bundle, under
 * the name that the tag's bytes decide. Appends what the tag says to
 * ret_said: "alice approves prod 1.42 until 2026-12-01T00:00:00Z".
 * ERR_INVALID or ERR_DENIED, saying what to do.
 */
int approvals_check(git_repository *repo, const struct channel_config *ch,
		    const struct current *current, const struct update *u,
		    struct buf *ret_said, struct err *err);

/*
 * Publishes the text of the current bundle's approvals and names it in h;
 * where there are none h says so. Of several consents of one person the one
 * that lasts longest is taken. Tags that do not count now are left out. Where
 * the list of approvers cannot be read h stays as it is. Needs the channel's
 * lock.
 */
int approvals_publish(git_repository *repo, const struct host_config *host,
		      const struct channel_config *ch,
		      const struct current *current, int64_t now,
		      struct head *h, struct err *err);

#endif
