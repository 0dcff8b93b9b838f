/*
 * What clusters reported, out of a repository: schema/cluster-status.h. For
 * commands that read Git alone, without a cluster and without a network.
 */
#ifndef ENGINE_CLI_RECORDS_H
#define ENGINE_CLI_RECORDS_H

#include "engine/cli/bundles.h"
#include "schema/base/strvec.h"
#include "schema/channel-record.h"
#include "schema/cluster-status.h"

struct cluster_record {
	char cluster[LIMIT_CHANNEL_BYTES + 1];
	char *broken;			/* why it cannot be read, or NULL */
	struct cluster_report report;
	struct cluster_sources from;
};

struct cluster_records {
	struct cluster_record *v;	/* malloced, sorted by cluster */
	size_t n;
};

#define CLUSTER_RECORDS_INIT { 0 }

/* All of a channel. Whether signatures are good is not looked at. */
int cluster_records_read(git_repository *repo, const char *channel,
			 struct cluster_records *ret, struct err *err);
void cluster_records_release(struct cluster_records *rs);

/* Names of channels that have a bundle or a record; sorted. */
int cluster_records_channels(git_repository *repo, struct strvec *ret,
			     struct err *err);

/* ---- status-repo.c ---- */

/* What a repository knows of a channel. */
struct channel_shown {
	const char *channel;		/* the caller's */
	bool has_bundle;
	struct bundle_at newest;
	struct channel_record status;	/* .id "": the Git host says nothing */
	struct cluster_records records;
};

int channel_shown_read(git_repository *repo, const char *channel,
		       struct channel_shown *ret, struct err *err);
void channel_shown_release(struct channel_shown *s);
/*
 * Has every cluster what was published last, and is it well? Every one that
 * the Git host lists, whether it has reported or not; without a list every
 * one that has reported, and at least one has.
 */
bool channel_shown_well(const struct channel_shown *s);
/* Is that cluster's record of one that counts: not of one that is listed no
 * more? */
bool channel_shown_counts(const struct channel_shown *s, const char *cluster);
/* The clusters that count, or those of them that are not well; appended. */
void channel_shown_clusters(const struct channel_shown *s, bool ill,
			    struct strvec *ret);
/* Has this cluster come to another end with what was published last? */
bool channel_shown_ended_ill(const struct channel_shown *s,
			     const struct cluster_record *r);
/* For people. */
void channel_shown_put(const struct channel_shown *s, bool color);

/* Shows one channel, or all (NULL), and returns the exit status; -1 with an
 * error where the repository cannot be read or has no such channel. */
int status_from_repo(const char *dir, const char *channel, bool json,
		     struct err *err);

#endif
