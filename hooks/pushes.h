/*
 * Who pushed. A certificate of a push that was taken is kept by pre-receive
 * until a bundle says who made it, so that publishing finds it whoever
 * publishes and whenever: <channel>/pushed/<old>-<new>, the certificate as it
 * was signed. Publishing verifies it again and believes no more of it than
 * that a developer moved the ref from the one commit to the other.
 */
#ifndef HOOKS_PUSHES_H
#define HOOKS_PUSHES_H

#include "hooks/push-cert.h"
#include "hooks/taken.h"

/* certificates that wait: pushes come faster than they are published only
 * for moments */
#define LIMIT_KEPT_PUSHES 256
/* seconds after which one is removed that no push came of */
#define LIMIT_KEPT_SECONDS (24 * 3600)
/* the same, of a channel that waits for another one */
#define LIMIT_WAITING_SECONDS (30 * 24 * 3600)

/* One move of the channel's ref that is certified. */
struct push_move {
	char old_id[GIT_HEX_SIZE], new_id[GIT_HEX_SIZE];
	char principal[LIMIT_PRINCIPAL_BYTES + 1];
};

/* Keeps the certificate of this update, durably; text NULL: removes it. */
int pushes_keep(const struct host_config *host,
		const struct channel_config *ch, const struct update *u,
		const struct buf *text, struct err *err);

/*
 * Who brought the ref from what was published (taken.h) to the tip: the names
 * of all of them, or none where that is not known of all, or they are more
 * than LIMIT_PUSHERS. Where the channel has requireSignedPush, a move that no
 * developer signed is ERR_INVALID and says at which commit. `news` is a move
 * whose certificate was verified and is not kept yet, or NULL.
 */
int pushes_check(git_repository *repo, const struct host_config *host,
		 const struct channel_config *ch,
		 const struct current *current, const char *tip,
		 const struct push_move *news, struct pushers *ret,
		 struct err *err);

/* After the tip was published: removes those that led to it, and old ones. */
int pushes_drop(const struct host_config *host,
		const struct channel_config *ch, const char *tip,
		struct err *err);

#endif
