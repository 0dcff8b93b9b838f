/*
 * Approvals: signed Git tags on a bundle (DESIGN.md 2.4), as `git tag -s`
 * makes them, and the text in which a Git host publishes those of one bundle
 * (DESIGN.md 2.5). Hook, engine and command line judge them by the same
 * functions here.
 */
#ifndef SCHEMA_APPROVAL_H
#define SCHEMA_APPROVAL_H

#include "schema/bundle.h"
#include "schema/trust.h"

#define APPROVAL_REF_PREFIX "refs/windlass-approvals/"
/* the namespace of SSHSIG in which git signs tags */
#define APPROVAL_NAMESPACE "git"
/* the longest of its refs and tag names, without the NUL */
#define APPROVAL_NAME_BYTES 256

/* What one tag says. */
struct approval {
	char bundle[GIT_HEX_SIZE];
	char channel[LIMIT_CHANNEL_BYTES + 1];
	char channel_id[CHANNEL_ID_SIZE];
	uint64_t epoch, sequence;
	struct sha256 content;
	bool reject;
	int64_t not_after;		/* seconds, UTC, inclusive */
	char tagger[BUNDLE_IDENT_SIZE];
};

/* What is to be said about this bundle, whose commit has the id. */
void approval_of(const char *id, const struct bundle *b, bool reject,
		 int64_t not_after, struct approval *ret);
/* "windlass/prod/1/42/approve": what the tag is called */
void approval_tag_name(const struct approval *a, struct buf *out);
/*
 * The message that `git tag -s -F` signs: a subject of one line (NULL: one
 * that says which verdict on which bundle), a blank line, the trailers.
 */
void approval_message_write(const struct approval *a, const char *subject,
			    struct buf *out);
/*
 * Reads a raw tag object (what `git cat-file tag` prints) strictly: its four
 * headers, the message above, the armour, nothing else. *ret_payload is how
 * many of its bytes are signed; what follows them is the armour. Does not
 * verify. ERR_DENIED naming the line.
 */
int approval_parse(const char *raw, size_t len, struct approval *ret,
		   size_t *ret_payload, struct err *err);

/* Who said it. */
struct vote {
	char principal[LIMIT_PRINCIPAL_BYTES + 1];
	struct sshkey key;
	bool touch;			/* by a key that wants a touch */
	bool reject;
	int64_t not_after;
	int64_t valid_before;		/* of the key; INT64_MAX: none */
};

/*
 * Judges one tag: that it is of this bundle, that its signature is good, and
 * who of `approvers` made it. A consent needs a key that is valid at `now`
 * and a Not-After that is not past; a reject stands whenever it was made, by
 * any key that is listed. 0; -1 with ERR_DENIED; or 1 where the tag is good
 * in itself but does not count, and err says why: its key is not listed, or
 * the key or the tag has expired.
 */
int approval_judge(const char *raw, size_t len, const char *bundle,
		   const struct bundle *b, const struct trust *approvers,
		   int64_t now, struct vote *ret, struct err *err);

/*
 * "refs/windlass-approvals/<channel>/<epoch>/<sequence>/": below it stand
 * the approvals of one bundle.
 */
void approval_refs(const char *channel, uint64_t epoch, uint64_t sequence,
		   struct buf *out);
/* The ref that this tag, by this principal, must be pushed to. */
void approval_ref(const struct approval *a, const char *principal,
		  const char *raw, size_t len, struct buf *out);
/*
 * Whom a ref of len bytes names: the part of it that is the principal, of
 * *ret_len bytes, or NULL if it is no approval's. Anybody's text, and whoever
 * wrote the ref may have named anybody.
 */
const char *approval_ref_principal(const char *ref, size_t len,
				   size_t *ret_len);

/* ---- the text that a head names ---- */

struct approvals {
	struct approvals_tag {
		const char *raw;	/* into the text */
		size_t len;
	} v[LIMIT_APPROVALS];
	size_t n;
};

/*
 * Writes the text: the tags, at most LIMIT_APPROVALS, in any order; it is
 * put in order here, and one that stands there twice is written once.
 */
void approvals_write(struct approvals *tags, struct buf *out);
/* Strict: sorted by SHA-256, sizes as stated. Tags are not looked into. */
int approvals_parse(const char *text, size_t len, struct approvals *ret,
		    struct err *err);

struct votes {
	struct vote v[LIMIT_APPROVALS];	/* that count */
	size_t n;
	/* of those that do not count (unknown key, expired): the last reason */
	size_t passed_over;
	struct err why;
};

/*
 * Judges all tags of a text. Those that do not count are passed over; one
 * that no Git host may publish (another bundle's, not well signed, a second
 * consent or reject of one person) refuses the whole text: ERR_DENIED.
 */
int approvals_judge(const struct approvals *tags, const char *bundle,
		    const struct bundle *b, const struct trust *approvers,
		    int64_t now, struct votes *ret, struct err *err);

#endif
