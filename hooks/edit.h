/*
 * Commits to a channel's source that are made at the Git host itself, where
 * nobody has a clone: they come in by a push like everybody's, through all
 * hooks of the repository, so that they are checked, planned and published as
 * any other, and a ref that moved meanwhile refuses them.
 */
#ifndef HOOKS_EDIT_H
#define HOOKS_EDIT_H

#include "hooks/commands.h"

/* bytes of what git and the hooks say of one push */
#define EDIT_WORDS_BYTES (128u * 1024)

/* Puts the object at that path into the tree, or with NULL removes what is
 * there; *tree is the new one. */
int edit_tree(git_repository *repo, git_oid *tree, const char *path,
	      const git_oid *id, unsigned mode, struct err *err);

/*
 * Writes a commit of `tree` on top of `tip`, by windlass.<channel>.editor,
 * signed with editorKey where there is one. `message` ends with a LF. Nothing
 * refers to it yet. ERR_INVALID where the channel wants signatures and has no
 * editorKey.
 */
int edit_commit(const struct host *host, const struct channel_config *ch,
		const char *tip, const git_oid *tree, const char *message,
		char ret_id[GIT_HEX_SIZE], struct err *err);

/* Could a commit be signed as the channel wants it? The same errors. */
int edit_check(const struct channel_config *ch, struct err *err);

/*
 * Pushes the commit to the channel's ref: in this repository, or to
 * windlass.pushUrl. `allow_deletes` goes with it as the push option, unless
 * it is 0. Appends what git and the hooks said, a line each, to ret_words.
 * ERR_DENIED when the push is refused; ERR_TRANSIENT when it could not be
 * made, as where the host of pushUrl is down.
 */
int edit_push(const struct host *host, const struct channel_config *ch,
	      const char *id, uint64_t allow_deletes, struct buf *ret_words,
	      struct err *err);

#endif
