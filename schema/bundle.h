/*
 * The bundle: a signed Git commit (DESIGN.md 2.1). Its message and its raw
 * commit bytes as encode/decode pairs; both directions are strict, and what
 * one writes the other reads back to the same bytes.
 */
#ifndef SCHEMA_BUNDLE_H
#define SCHEMA_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/buf.h"
#include "schema/base/digest.h"
#include "schema/base/err.h"
#include "schema/base/lines.h"
#include "schema/limits.h"

#define GIT_HEX_SIZE 41		/* a SHA-1 in hex and its NUL */
#define CHANNEL_ID_SIZE 33	/* 32 hex digits and NUL */
#define SOURCE_REF_MAX 255
#define RENDERER_MAX 31

#define BUNDLE_REF_PREFIX "refs/windlass/"
#define BUNDLE_EPOCHS_PREFIX "refs/windlass/_epochs/"

/* Who pushed, each once, sorted; none: nobody knows. */
struct pushers {
	char v[LIMIT_PUSHERS][LIMIT_PRINCIPAL_BYTES + 1];
	size_t n;
};

/* Adds one that is a principal's name. -1 if there is no room for another. */
int pushers_add(struct pushers *p, const char *name);
bool pushers_have(const struct pushers *p, const char *name);

/* What the commit message says. */
struct bundle {
	char channel[LIMIT_CHANNEL_BYTES + 1];
	char channel_id[CHANNEL_ID_SIZE];
	uint64_t epoch;			/* from 1 */
	uint64_t sequence;		/* from 1 */
	char source_ref[SOURCE_REF_MAX + 1];
	char source_commit[GIT_HEX_SIZE];
	struct sha256 content;		/* of the root SHA256SUMS */
	uint64_t objects;
	uint64_t created, changed, deleted;
	char renderer[RENDERER_MAX + 1];
	int64_t issued;			/* seconds, UTC */
	/* of pushes that a developer's key signed; with it the message is of
	 * version 2, without it of version 1 */
	struct pushers pushers;
};

/* The message, subject line and all, with its final LF. */
void bundle_message_write(const struct bundle *b, struct buf *out);
/* Exactly that grammar, or ERR_DENIED naming the line and what is wrong. */
int bundle_message_parse(const char *text, size_t len, struct bundle *ret,
			 struct err *err);

#define BUNDLE_IDENT_SIZE 512

/* The raw commit object (what `git cat-file commit` prints). */
struct bundle_commit {
	char tree[GIT_HEX_SIZE];
	char parent[GIT_HEX_SIZE];	/* "" for sequence 1, and only there */
	char author[BUNDLE_IDENT_SIZE];	/* "Name <mail> 1700000000 +0000" */
	char committer[BUNDLE_IDENT_SIZE];
	struct bundle bundle;
};

/*
 * An author or committer line's value as `git fsck` wants it, and without
 * control bytes. The name may be empty but for its space, the mail too.
 */
bool bundle_ident_ok(const char *ident, size_t len);
/* The full name of a ref, as Source-Ref has it: "refs/heads/main". */
bool bundle_source_ref_ok(const char *ref, size_t len);
/* How much of such a line is the person: "Ada <ada@example.org>". */
size_t bundle_ident_person(const char *ident);

/*
 * The bytes that are signed: headers without gpgsig, blank line, message.
 */
void bundle_commit_payload(const struct bundle_commit *c, struct buf *out);
/* The commit object: the payload with the gpgsig header put in. */
void bundle_commit_write(const struct bundle_commit *c, const char *armour,
			 struct buf *out);
/*
 * Reads a raw commit strictly: tree, parent (none or one), author,
 * committer, gpgsig, in this order, once each, nothing else. Appends the
 * armour and the signed payload to their buffers, which may be NULL. Does
 * not verify. ERR_DENIED.
 */
int bundle_commit_parse(const char *raw, size_t len,
			struct bundle_commit *ret, struct buf *ret_armour,
			struct buf *ret_payload, struct err *err);

/* For the other texts that name a channel or a commit; see lines.h. */

/* A channel's name. */
int lines_channel(struct lines *l, const char *prefix,
		  char ret[LIMIT_CHANNEL_BYTES + 1], struct err *err);
/* 32 lower-case hex digits. */
int lines_channel_id(struct lines *l, const char *prefix,
		     char ret[CHANNEL_ID_SIZE], struct err *err);
/* 40 lower-case hex digits that are not all 0, Git's "nothing". */
int lines_git_id(struct lines *l, const char *prefix, char ret[GIT_HEX_SIZE],
		 struct err *err);
bool is_git_id(const char *s, size_t len);

#endif
