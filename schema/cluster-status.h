/*
 * The record of what clusters report, as it stands in Git: a commit on
 * refs/windlass-status/<channel>/<cluster>, whose tree has the report as it
 * came, with its signature, and status.json. The Git host writes it
 * (hooks/record.h), and whoever has fetched it reads it.
 */
#ifndef SCHEMA_CLUSTER_STATUS_H
#define SCHEMA_CLUSTER_STATUS_H

#include "schema/base/strvec.h"
#include "schema/cluster-report.h"
#include "schema/node.h"
#include "schema/repo.h"

#define CLUSTER_STATUS_REF "refs/windlass-status/"
#define CLUSTER_NOTES_REF "refs/notes/windlass/"
#define CLUSTER_STATUS_FILE "status.json"
#define CLUSTER_REPORT_FILE "report"

/* Where the bundles of a report came from; "" where that is not known. */
struct cluster_sources {
	char ref[SOURCE_REF_MAX + 1];
	char commit[GIT_HEX_SIZE];	/* of the bundle it is about */
	char applied[GIT_HEX_SIZE];	/* of what is applied */
};

/* Reads them out of the bundles, as far as the repository has them. Nothing
 * is verified. */
void cluster_sources_read(git_repository *repo,
			  const struct cluster_report *r,
			  struct cluster_sources *ret);

/* What status.json says, but for `changes`, which is the Git host's. */
struct node *cluster_status_node(struct arena *a,
				 const struct cluster_report *r,
				 const struct cluster_sources *from);

/*
 * The report of a status commit, to be released; the signature is not looked
 * at. ERR_INVALID where there is none.
 */
int cluster_status_read(git_repository *repo, const char *commit,
			struct cluster_report *ret, struct err *err);
/*
 * The same of what the ref of a cluster points at; 1 where there is no such
 * ref. ERR_INVALID too where it is a report of something else.
 */
int cluster_status_find(git_repository *repo, const char *channel,
			const char *cluster, struct cluster_report *ret,
			struct err *err);

/*
 * The DNS labels that stand right behind `prefix` in the names of refs, each
 * once, at most `max`; appended to ret.
 */
int cluster_status_labels(git_repository *repo, const char *prefix, size_t max,
			  struct strvec *ret, struct err *err);
/* The clusters of which the channel has a record, sorted. */
int cluster_status_clusters(git_repository *repo, const char *channel,
			    struct strvec *ret, struct err *err);

#endif
