/*
 * The gate: reads what changed in the source, checks all of it, and says
 * what the next bundle will be. pre-receive runs it dry; publish runs it
 * again, under the lock, and trusts nothing that pre-receive saw.
 */
#ifndef HOOKS_VALIDATE_H
#define HOOKS_VALIDATE_H

#include "hooks/current.h"
#include "hooks/plan.h"
#include "hooks/store.h"
#include "schema/manifest-files.h"
#include "schema/problem.h"

struct gate {
	git_repository *repo;
	const struct host_config *host;
	const struct channel_config *ch;
	const struct current *current;	/* what the plan is against */
	const char *tip;		/* the source commit */
	struct store *store;		/* takes new objects; NULL: a dry run */
	bool everything;		/* rerender: read all files, by our
					   renderer whatever it was before */
};

struct verdict {
	struct plan plan;
	struct manifest_files files;	/* that were read; its paths are the plan's */
	struct sha256 settings;	/* that the plan was made by */
	git_oid tree;		/* of the tip */
	/*
	 * Nothing is wrong and nothing to publish: the channel never had a
	 * bundle, and this path of it (or "", any) has no manifest yet.
	 */
	const char *nothing_at;		/* else NULL; the channel's string */
};

#define VERDICT_INIT { .plan = PLAN_INIT, .files = MANIFEST_FILES_INIT }

/*
 * 0 and the verdict, or 0 and errors in ps: the tip is refused, and the plan
 * says nothing. -1 when it could not be judged: the tip is no commit, the
 * repository cannot be read, the current bundle is damaged or was made by a
 * renderer that we do not have.
 */
int gate_check(const struct gate *g, struct verdict *ret,
	       struct problems *ps, struct err *err);
void verdict_release(struct verdict *v);

#endif
