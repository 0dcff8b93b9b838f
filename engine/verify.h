/*
 * Is it what a publisher of this channel signed, and may it follow what was
 * accepted before? DESIGN.md 2.1 to 2.5 and 4.2. Heads, commits and trees are
 * judged one by one; engine/pull-head.c and pull-chain.c put them in order,
 * and `windlass verify` uses the same functions on a repository at hand.
 *
 * Every refusal fills err with a sentence for people and *ret with the
 * condition and reason it stands for.
 */
#ifndef ENGINE_VERIFY_H
#define ENGINE_VERIFY_H

#include <stdbool.h>

#include "engine/cache.h"
#include "engine/source-types.h"
#include "engine/walk.h"
#include "schema/bundle.h"
#include "schema/head.h"
#include "schema/trust.h"

struct verdict {
	enum source_condition condition;
	enum source_reason reason;
};

struct verify_rules {
	const char *channel, *channel_id;
	const struct trust *publishers;
	uint64_t epoch_floor;
	struct source_pin accepted;
	int64_t now;		/* seconds, by our clock */
	int64_t clock_seen;	/* the latest time that our clock ever showed;
				   0: not known */
};

enum head_relation {
	HEAD_FIRST,		/* nothing was accepted yet */
	HEAD_CURRENT,		/* it names the accepted bundle */
	HEAD_NEWER,		/* a later one of the same epoch */
	HEAD_CROSSES,		/* one of the epoch that the admin raised to */
};

struct verified_head {
	struct head head;
	char publisher[LIMIT_PRINCIPAL_BYTES + 1];
	int64_t key_until;	/* the last second of its publisher's key;
				   INT64_MAX: none */
	enum head_relation relation;
	bool expired;		/* nothing new may come of it */
};

/*
 * A head file. Refused: a frame that is none, a signature that is not good
 * or by nobody in publishers at `now`, another channel, issued more than
 * LIMIT_HEAD_AHEAD after now or before the accepted head, an epoch or a
 * sequence that may not be taken, our clock more than LIMIT_HEAD_AHEAD
 * behind what it showed before. An expired head is good, and says so.
 */
int verify_head(const char *data, size_t len, const struct verify_rules *r,
		struct verified_head *ret, struct verdict *ret_verdict,
		struct err *err) __attribute__((warn_unused_result));

/*
 * A bundle commit in the cache: its signature, by a key of publishers that
 * is valid at key_time (TRUST_ANY_TIME for all but the newest), its grammar,
 * channel and channel id. publisher gets the principal; may be NULL. -1 with
 * ERR_TRANSIENT if it is not at hand.
 */
int verify_commit(const struct cache *c, const char *id,
		  const struct verify_rules *r, int64_t key_time,
		  struct bundle_commit *ret,
		  char publisher[LIMIT_PRINCIPAL_BYTES + 1],
		  struct verdict *ret_verdict, struct err *err)
	__attribute__((warn_unused_result));
/*
 * The same without a signature: for a commit that was verified before, or
 * that one which was accepted names as an ancestor.
 */
int verify_ancestor(const struct cache *c, const char *id,
		    const struct verify_rules *r, struct bundle_commit *ret,
		    struct verdict *ret_verdict, struct err *err)
	__attribute__((warn_unused_result));
/* An ancestor that is what the pin says: its content is bound by that. */
int verify_pinned(const struct cache *c, const struct verify_rules *r,
		  const struct source_pin *pin, struct bundle_commit *ret,
		  struct verdict *ret_verdict, struct err *err)
	__attribute__((warn_unused_result));
/* The commit says what the head says about it. */
int verify_is_of_head(const struct bundle_commit *c, const struct head *h,
		      struct verdict *ret_verdict, struct err *err)
	__attribute__((warn_unused_result));
/* `newer` follows `older`: one sequence up, and its Objects add up. */
int verify_link(const struct bundle_commit *newer,
		const struct bundle_commit *older,
		struct verdict *ret_verdict, struct err *err)
	__attribute__((warn_unused_result));

/*
 * A bundle's tree: SHA256SUMS and layout (engine/walk.h), the SHA-256 of
 * every blob that is new, Objects and Changes recomputed, and each new
 * object: a body that is JSON of the very object that its path names, with
 * this channel's part-of label, and not windlass's own.
 *
 * before: a commit whose tree is verified and at hand, or NULL to look at
 * all of it. If it is not the parent, only Objects is compared.
 * trusted: the content was accepted before, so bodies are only hashed.
 */
struct verify_tree;

struct verify_tree *verify_tree_new(const struct cache *c, const char *channel,
				    const struct bundle_commit *commit,
				    const struct bundle_commit *before,
				    bool trusted);
/*
 * Works until `deadline` (clock_mono_ms). 1: there is more; 0: all is well;
 * -1: ERR_DENIED with a verdict, or ERR_TRANSIENT when a part is not at hand,
 * ERR_INTERNAL when the cache is damaged.
 */
int verify_tree_step(struct verify_tree *v, int64_t deadline,
		     struct verdict *ret_verdict, struct err *err)
	__attribute__((warn_unused_result));
void verify_tree_free(struct verify_tree *v);

#endif
