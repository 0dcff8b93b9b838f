/*
 * Deleting is deliberate (DESIGN.md section 3): a push that deletes more
 * than deleteLimit objects, or any of a guarded kind, needs to say how many.
 * It says so by a push option, by a trailer of the tip's message, or an
 * admin does by `publish --allow-deletes=N`; the number must be exact.
 */
#ifndef HOOKS_GUARD_H
#define HOOKS_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "hooks/feedback.h"
#include "hooks/host-config.h"
#include "hooks/plan.h"

#define ALLOW_OPTION "allow-deletes"
#define ALLOW_TRAILER "Windlass-Allow-Deletes"

/* What somebody allowed: N, for one channel or ("") for any. */
struct allowed {
	char channel[LIMIT_CHANNEL_BYTES + 1];
	uint64_t n;
};

struct allowances {
	struct allowed v[LIMIT_PUSH_OPTIONS];
	size_t n;
};

/* "[<channel>:]N" added to ret; ERR_INVALID saying what it must be. */
int allow_parse(const char *text, struct allowances *ret, struct err *err);
/*
 * The push options of this hook (GIT_PUSH_OPTION_*); options of others are
 * left alone. ERR_INVALID for too many, too long, or a malformed one.
 */
int allow_options(struct allowances *ret, struct err *err);
/* The trailers of a commit's message; a malformed one allows nothing. */
int allow_trailers(git_repository *repo, const char *commit,
		   struct allowances *ret, struct err *err);
bool allow_covers(const struct allowances *as, const char *channel,
		  uint64_t deletions);

/* True if the plan deletes so much that somebody must have allowed it. */
bool guard_applies(const struct channel_config *ch, const struct plan *plan);
/* Says what is deleted, why that is refused, and the ways to allow it. */
void guard_explain(const struct channel_config *ch, const struct plan *plan,
		   struct feedback *fb);

/*
 * The allowance that pre-receive leaves for publish: the file
 * <channel>/allow/<tip>, durable. read gives 1 if there is none. drop
 * removes it, if it is there.
 */
int allow_keep(const struct host_config *host,
	       const struct channel_config *ch, const char *tip,
	       uint64_t deletions, struct err *err);
int allow_read(const struct host_config *host,
	       const struct channel_config *ch, const char *tip,
	       uint64_t *ret, struct err *err);
int allow_drop(const struct host_config *host,
	       const struct channel_config *ch, const char *tip,
	       struct err *err);

#endif
