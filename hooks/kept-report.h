/*
 * The last report that each cluster made of a channel, kept as it came with
 * its signature, at <state_dir>/<channel>/reports/<cluster>: it says which
 * counter was the last, and anybody can check it again.
 */
#ifndef HOOKS_KEPT_REPORT_H
#define HOOKS_KEPT_REPORT_H

#include "hooks/current.h"
#include "schema/base/digest.h"
#include "schema/cluster-report.h"

/* Where they are; the folder need not be there yet. */
void kept_report_dir(const struct host_config *host,
		     const struct channel_config *ch, struct buf *ret);

/*
 * One that is to be kept, in place of the one before: first what needs the
 * settings, which makes the folder, and then the writing, which is slow and
 * may be done by another thread. raw is the caller's, until it is written.
 */
struct kept_write {
	char *path;
	char *since;		/* what is to be noted of when it began, or
				   NULL: it goes on (kept-since.h) */
	const struct buf *raw;	/* the report as it came */
};

int kept_write_prepare(const struct host_config *host,
		       const struct channel_config *ch,
		       const struct cluster_report *r, const struct buf *raw,
		       struct kept_write *ret, struct err *err);
/* Durably. */
int kept_write_do(const struct kept_write *w, struct err *err);
void kept_write_release(struct kept_write *w);

/*
 * 0 and the report, to be released, with all its bytes appended to raw unless
 * that is NULL; 1 if there is none of this channel's id; -1 where it cannot
 * be read, or is not in the hand of the repository's owner alone. Its
 * signature was verified before it was kept.
 */
int kept_report_read(const struct host_config *host,
		     const struct channel_config *ch, const char *cluster,
		     struct buf *raw, struct cluster_report *ret,
		     struct err *err);
/* When that came, by the clock of this machine; 0: there is none. */
int64_t kept_report_heard(const struct host_config *host,
			  const struct channel_config *ch,
			  const char *cluster);
/*
 * Since when it is known here, by the clock of this machine, that the cluster
 * is in the phase of its kept report: when it was heard first that it is
 * (kept-since.h), and not since when it says so. 0: it is not known.
 */
int64_t kept_report_first(const struct host_config *host,
			  const struct channel_config *ch,
			  const struct cluster_report *r);
/* For how many seconds, by the same clock; 0 where that cannot be told. */
int64_t kept_report_held(const struct host_config *host,
			 const struct channel_config *ch,
			 const struct cluster_report *r);
/* The clusters of which one is kept, sorted. */
int kept_report_clusters(const struct host_config *host,
			 const struct channel_config *ch, struct strvec *ret,
			 struct err *err);

/*
 * That no cluster has reported of a bundle that `current` does not have yet,
 * or of another one in its place: then this repository is older than what
 * clusters accepted, and only a new epoch can be told apart from that.
 * ERR_DENIED. A report that cannot be read says nothing.
 */
int kept_report_check(const struct host_config *host,
		      const struct channel_config *ch,
		      const struct current *current, struct err *err);

/*
 * What of a report is worth a record: bundle, phase and since when, what is
 * applied, what fails. Not how far a rollout is, nor when it was said.
 */
void kept_report_state(const struct cluster_report *r, struct sha256 *ret);

#endif
