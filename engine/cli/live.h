/*
 * `windlass diff --live`: a bundle and what lives in the cluster, compared
 * here (engine/live-diff.h). Objects are listed by kind, a page at a time,
 * and never asked for one by one unless a few are not in that list; memory is
 * a name and an id for each object of the bundle, and one object.
 */
#ifndef ENGINE_CLI_LIVE_H
#define ENGINE_CLI_LIVE_H

#include <git2.h>
#include <stdbool.h>

#include "engine/cli/bundles.h"
#include "engine/cli/cli.h"
#include "engine/cli/cluster.h"
#include "engine/live-diff.h"
#include "schema/origins.h"

/* ---- what is printed: live-out.c ---- */

enum live_what {
	LIVE_CHANGED,
	LIVE_MISSING,		/* in the bundle only */
	LIVE_LEFT_OVER,		/* in the cluster only, and ours */
	LIVE_GOING,		/* being deleted */
};

struct live_out {
	git_repository *repo;
	const char *from, *to;	/* what is compared, for the first lines */
	git_oid tree;		/* of the bundle */
	enum cli_output output;
	bool name_only, color;
	size_t counts[4];	/* by enum live_what */

	/* inside */
	bool begun;
	char *origins_path;	/* of the origins that are at hand */
	struct origins origins;
	struct arena arena;
	struct node *json, *fields;
	struct err err;		/* the first that befell */
};

/* An object that differs; why may be NULL. Then its fields, then its end. */
void live_out_object(struct live_out *o, enum live_what what,
		     const char *path, const char *why);
/* A field of LIVE_CHANGED. */
void live_out_field(struct live_out *o, const char *path,
		    const struct live_difference *d);
void live_out_end(struct live_out *o);
void live_out_summary(const struct live_out *o, size_t objects);
void live_out_release(struct live_out *o);

/* ---- what is compared: live.c ---- */

/*
 * Prints what differs between the cluster and the bundle that is named: a
 * channel alone is the bundle that the cluster has accepted of it, or the
 * newest where it has none. out has its options set, the rest is filled in.
 * Returns an exit status: EXIT_REFUSED if anything differs, EXIT_TROUBLE for
 * any fault, with a message.
 */
int live_compare(struct cluster *c, git_repository *repo, const char *bundle,
		 struct live_out *out);

#endif
