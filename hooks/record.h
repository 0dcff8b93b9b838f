/*
 * What clusters report, written into the repository: a commit on
 * refs/windlass-status/<channel>/<cluster> with the state and the signed
 * report that says so, and a Git note on the source commit in
 * refs/notes/windlass/<cluster>. Only windlass writes these refs.
 *
 * A commit is made for what is news: another bundle, phase or failure, at most
 * RECORD_CHANGES for one bundle. What comes beyond that, and that a cluster is
 * still there, replaces the newest commit. So the history grows with what is
 * pushed, whatever clusters say. Its author's date is when it was heard first,
 * its committer's when it was written.
 */
#ifndef HOOKS_RECORD_H
#define HOOKS_RECORD_H

#include "hooks/host-config.h"
#include "schema/cluster-status.h"

/* commits of one cluster about one bundle */
#define RECORD_CHANGES 20
/* nothing new is recorded once in an hour; serve asks every ten minutes */
#define RECORD_HEARD (55 * 60)

/* What a report is written from, apart from itself. */
struct record {
	git_repository *repo;
	const struct host_config *host;
	const struct channel_config *ch;
	const struct cluster_report *report;
	const struct buf *raw;		/* with its signature */
	struct cluster_sources from;
};

/*
 * Records the last reports of all clusters of the channel, as far as Git does
 * not say so yet, and appends a line for each to said. Idempotent: killed at
 * any point, the next run goes on. One cluster's trouble does not stop the
 * others: the first error is told at the end.
 */
int record_channel(git_repository *repo, const struct host_config *host,
		   const struct channel_config *ch, struct buf *said,
		   struct err *err);

/*
 * A commit of a tree by the channel's publisher, behind `tip` ("": the
 * first), or with `replace` in its place. Its author's date is `since`, and
 * its committer's is now. Its id goes to ret.
 */
int record_commit(const struct record *r, const git_oid *tree, int64_t since,
		  const char *tip, bool replace, const char *message,
		  char ret[GIT_HEX_SIZE], struct err *err);

/* ---- record-channel.c ---- */

/* What publishing came to; each is an id or "". */
struct channel_news {
	char bundle[GIT_HEX_SIZE];	/* the current one, */
	char taken[GIT_HEX_SIZE];	/* a tip that was no reason for another,
					   where it is not of that tip, */
	char waiting[GIT_HEX_SIZE];	/* and one that waits (after.h) */
	bool refused;			/* nothing: what was taken stays so */
};

/*
 * Writes what this host says of the channel into its own status ref
 * (schema/channel-record.h), where Git does not say so yet; with news NULL
 * they stay as they were. Writes no first one for a channel without
 * `reporters` and `after`, of which nobody could ask anything.
 */
int record_status(git_repository *repo, const struct channel_config *ch,
		  const struct channel_news *news, struct err *err);

/* True where that ref says that something waits, or cannot be read: then it
 * is to be written again, whatever else there is to do. */
bool record_says_waits(git_repository *repo, const struct channel_config *ch);

/* ---- record-status.c ---- */

/* What the ref says now. */
struct status_tip {
	char id[GIT_HEX_SIZE];		/* "": nothing yet */
	bool readable;			/* report is set */
	struct cluster_report report;	/* to be released */
	int64_t first;			/* when it was heard first */
	uint64_t changes;		/* commits of its bundle */
};

int status_tip_read(git_repository *repo, const char *channel,
		    const char *cluster, struct status_tip *ret,
		    struct err *err);
/* For how many seconds, the longest time, the cluster was healthy with the
 * bundle, as far as the history of the ref says so: by the authors' dates of
 * its commits, which are of the clock of this machine. It was not after
 * `until`: what was heard since need not be in the ref yet. */
int64_t status_longest_health(git_repository *repo, const char *channel,
			      const char *cluster, const char *bundle,
			      int64_t until);
/* Makes the commit and moves the ref. With `replace` it takes the place of
 * the newest one. */
int status_write_tip(const struct record *r, const struct status_tip *tip,
		     uint64_t changes, bool replace, struct err *err);

/* ---- record-note.c ---- */

/* Writes the channel's part of the note on the source commit. */
int note_write(const struct record *r, struct err *err);
/* Says in the note on another source commit that this ended at a time. */
int note_close(const struct record *r, const char *source, int64_t when,
	       struct err *err);

#endif
