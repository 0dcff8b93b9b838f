/*
 * Making bundles: the commit, its signature, and a last look at both before
 * anything uses them.
 */
#ifndef HOOKS_SIGN_H
#define HOOKS_SIGN_H

#include "hooks/store.h"
#include "schema/bundle.h"
#include "schema/sshkey.h"

/* bytes of an identity line: what a commit header of a bundle holds */
#define SIGN_IDENTITY_MAX 511

/*
 * Who committed the source commit, and when, as the author of the bundle:
 * "Name <mail> seconds zone". What Git would take but a bundle may not have
 * (control characters, other text than UTF-8) is replaced.
 */
int sign_author(git_repository *repo, const char *source_commit,
		char ret[SIGN_IDENTITY_MAX + 1], struct err *err);
/* The channel's publisher as the committer, at a time. */
int sign_committer(const char *publisher, int64_t when,
		   char ret[SIGN_IDENTITY_MAX + 1], struct err *err);

/*
 * Signs the bundle, verifies the signature, reads the commit back as an
 * engine would, and adds it to the store. Its id is *ret_id.
 */
int sign_bundle(struct store *store, const struct bundle_commit *c,
		struct signer *signer, char ret_id[GIT_HEX_SIZE],
		struct err *err);

/*
 * Signs a text in a namespace and verifies that: appends the armour. What
 * comes out verifies with the signer's key, or there is an error.
 */
int sign_text(struct signer *signer, const char *namespace, const char *text,
	      size_t len, struct buf *ret_armour, struct err *err);

#endif
