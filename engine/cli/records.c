/*
 * What clusters reported, out of a repository. See records.h. The repository
 * may be anybody's: what it says is shown, not believed, and a record that
 * cannot be read is shown as that.
 */
#include "config.h"
#include "engine/cli/records.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"

void cluster_records_release(struct cluster_records *rs)
{
	for (size_t i = 0; i < rs->n; i++) {
		cluster_report_release(&rs->v[i].report);
		free(rs->v[i].broken);
	}
	free(rs->v);
	*rs = (struct cluster_records)CLUSTER_RECORDS_INIT;
}

static void read_record(git_repository *repo, const char *channel,
			struct cluster_record *r)
{
	struct err err = ERR_INIT;
	int rc = cluster_status_find(repo, channel, r->cluster, &r->report,
				     &err);

	if (rc < 0)
		r->broken = xstrdup(err.msg);
	else if (rc)
		r->broken = xstrdup("it is gone");
	else
		cluster_sources_read(repo, &r->report, &r->from);
}

int cluster_records_read(git_repository *repo, const char *channel,
			 struct cluster_records *ret, struct err *err)
{
	struct strvec names = STRVEC_INIT;
	int rc = cluster_status_clusters(repo, channel, &names, err);

	*ret = (struct cluster_records)CLUSTER_RECORDS_INIT;
	ret->v = xcalloc(names.n + 1, sizeof(*ret->v));
	for (size_t i = 0; !rc && i < names.n; i++) {
		struct cluster_record *r = &ret->v[ret->n++];

		memcpy(r->cluster, names.v[i], strlen(names.v[i]) + 1);
		read_record(repo, channel, r);
	}
	strvec_release(&names);
	if (rc)
		cluster_records_release(ret);
	return rc;
}

int cluster_records_channels(git_repository *repo, struct strvec *ret,
			     struct err *err)
{
	struct strvec names = STRVEC_INIT;
	int rc = cluster_status_labels(repo, BUNDLE_REF_PREFIX, LIMIT_CHANNELS,
				       &names, err);

	if (!rc)
		rc = cluster_status_labels(repo, CLUSTER_STATUS_REF,
					   LIMIT_CHANNELS, &names, err);
	strvec_sort(&names);
	*ret = names;
	if (rc)
		strvec_release(ret);
	return rc;
}
