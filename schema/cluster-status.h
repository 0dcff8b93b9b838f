/*
 * The record of what clusters report, as it stands in Git: a commit on
 * refs/windlass-status/<channel>/<cluster>, whose tree has the report as it
 * came, with its signature, and status.json. The Git host writes it
 * (hooks/record.h), and whoever has fetched it reads it.
 */
#ifndef SCHEMA_CLUSTER_STATUS_H
#define SCHEMA_CLUSTER_STATUS_H

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

#endif
