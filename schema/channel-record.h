/*
 * What the Git host says of a channel, beside what clusters report of it:
 * a commit on refs/windlass-status/<channel>/_channel (no cluster has that
 * name), whose tree has channel.json. The Git host writes it, and nobody can
 * push to it; whoever has fetched it reads it. It is not signed: it says
 * whom to wait for, and nothing may be built on it.
 */
#ifndef SCHEMA_CHANNEL_RECORD_H
#define SCHEMA_CHANNEL_RECORD_H

#include <stdbool.h>

#include "schema/base/strvec.h"
#include "schema/cluster-status.h"
#include "schema/node.h"

#define CHANNEL_RECORD_NAME "_channel"
#define CHANNEL_RECORD_FILE "channel.json"
/* of the file: a list of paths and one of clusters, each byte escaped */
#define CHANNEL_RECORD_BYTES (1024u * 1024)

struct channel_record {
	char id[GIT_HEX_SIZE];		/* of that commit */
	char *ref;			/* that bundles are made of */
	struct strvec paths;		/* what is read of it; "": all */
	/* a commit from which this bundle would have been made, had there
	 * been anything new; both "" where there is none */
	char taken[GIT_HEX_SIZE], bundle[GIT_HEX_SIZE];
	bool listed;			/* the channel has a list of clusters */
	struct strvec clusters;		/* and these are on it, sorted */
	char waiting[GIT_HEX_SIZE];	/* a tip that is not published, */
	char *after;			/* by this setting; or "" and NULL */
};

#define CHANNEL_RECORD_INIT { .id = "" }

/* 0; 1 where there is none; ERR_INVALID where it cannot be read. */
int channel_record_read(git_repository *repo, const char *channel,
			struct channel_record *ret, struct err *err);
/* channel.json. */
struct node *channel_record_node(struct arena *a, const char *channel,
				 const struct channel_record *s);
void channel_record_release(struct channel_record *s);

#endif
