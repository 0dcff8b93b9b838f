/*
 * What `git revert` and a push do, made at the Git host: the files of a
 * channel become again what an earlier bundle was made of, in one commit on
 * the tip, which comes in through all hooks as any push (edit.h). Rolled back
 * is the source; no bundle is signed twice.
 */
#ifndef HOOKS_ROLLBACK_H
#define HOOKS_ROLLBACK_H

#include "hooks/commands.h"
#include "schema/bundle.h"

/* "Windlass-Rollback: prod 1.41", in the message of the commit: for people.
 * Whether it is true is in another place (rolled-back.h) */
#define ROLLBACK_TRAILER "Windlass-Rollback"
/* of a message: who wants to read more looks at the reports */
#define ROLLBACK_REASON_BYTES 4096

struct rollback {
	const struct host *host;
	const struct channel_config *ch;
	struct bundle_commit bundle;	/* to go back to */
	char tip[GIT_HEX_SIZE];		/* of the ref, at this moment */
	git_oid tip_tree, tree;		/* of that, and as it shall be */
};

/*
 * Finds the bundle and makes the tree; epoch 0 is the current one. Writes
 * nothing that anything refers to. ERR_INVALID where there is no such bundle,
 * no ref to commit to, or the commit that it was made of is gone.
 */
int rollback_open(const struct host *host, const struct channel_config *ch,
		  uint64_t epoch, uint64_t sequence, struct rollback *ret,
		  struct err *err);
/* True if the files are what they would become. */
bool rollback_is_done(const struct rollback *r);
/* Makes the commit, and notes it as one that goes back. `reason`, or NULL,
 * stands in its message, a line each; what moves a terminal is left out of it,
 * what is no UTF-8 becomes \xNN. */
int rollback_make(const struct rollback *r, const char *reason,
		  char ret_id[GIT_HEX_SIZE], struct err *err);
/*
 * Pushes it. What git and the hooks said is appended to ret_words, also where
 * it fails. ERR_DENIED when the push is refused, as when the ref moved
 * meanwhile; ERR_TRANSIENT when it could not be made.
 */
int rollback_push(const struct rollback *r, const char *id,
		  uint64_t allow_deletes, struct buf *ret_words,
		  struct err *err);

#endif
