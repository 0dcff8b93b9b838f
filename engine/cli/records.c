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
#include "schema/object.h"

void cluster_records_release(struct cluster_records *rs)
{
	for (size_t i = 0; i < rs->n; i++) {
		cluster_report_release(&rs->v[i].report);
		free(rs->v[i].broken);
	}
	free(rs->v);
	*rs = (struct cluster_records)CLUSTER_RECORDS_INIT;
}

/* What stands behind the prefix, up to the next slash, if that is a label. */
static bool label_of(const char *ref, const char *prefix,
		     char ret[LIMIT_CHANNEL_BYTES + 1])
{
	size_t skip = strlen(prefix), n;

	if (strncmp(ref, prefix, skip))
		return false;
	n = strcspn(ref + skip, "/");
	if (n > LIMIT_CHANNEL_BYTES)
		return false;
	memcpy(ret, ref + skip, n);
	ret[n] = '\0';
	return is_dns_label(ret);
}

static int each_ref(git_repository *repo, const char *prefix,
		    void (*fn)(void *arg, const char *ref), void *arg,
		    struct err *err)
{
	git_reference_iterator *it = NULL;
	char *glob = xasprintf("%s*", prefix);
	const char *ref;
	int code = git_reference_iterator_glob_new(&it, repo, glob);

	while (!code && !(code = git_reference_next_name(&ref, it)))
		fn(arg, ref);
	git_reference_iterator_free(it);
	if (code != GIT_ITEROVER)
		repo_err(err, ERR_INTERNAL, "cannot list '%s'", glob);
	free(glob);
	return code == GIT_ITEROVER ? 0 : -1;
}

/* ---- one channel ---- */

struct search {
	const char *prefix;
	struct strvec names;
	size_t max;
};

static void add_name(void *arg, const char *ref)
{
	struct search *s = arg;
	char name[LIMIT_CHANNEL_BYTES + 1];

	if (s->names.n < s->max && label_of(ref, s->prefix, name) &&
	    !strvec_has(&s->names, name))
		strvec_push(&s->names, name);
}

static void read_record(git_repository *repo, const char *channel,
			const char *ref, struct cluster_record *r)
{
	char id[GIT_HEX_SIZE];
	struct err err = ERR_INIT;
	struct cluster_report report;

	if (repo_ref(repo, ref, id, &err) < 0 ||
	    cluster_status_read(repo, id, &report, &err) < 0) {
		r->broken = xstrdup(err.msg);
		return;
	}
	if (strcmp(report.channel, channel) ||
	    strcmp(report.cluster, r->cluster)) {
		r->broken = xasprintf("it is a report of %s@%s",
				      report.channel, report.cluster);
		cluster_report_release(&report);
		return;
	}
	r->report = report;
	cluster_sources_read(repo, &r->report, &r->from);
}

int cluster_records_read(git_repository *repo, const char *channel,
			 struct cluster_records *ret, struct err *err)
{
	char *prefix = xasprintf(CLUSTER_STATUS_REF "%s/", channel);
	struct search s = { prefix, STRVEC_INIT, RECORDS_MAX };
	int rc = each_ref(repo, prefix, add_name, &s, err);

	*ret = (struct cluster_records)CLUSTER_RECORDS_INIT;
	strvec_sort(&s.names);
	ret->v = xcalloc(s.names.n + 1, sizeof(*ret->v));
	for (size_t i = 0; !rc && i < s.names.n; i++) {
		struct cluster_record *r = &ret->v[ret->n++];
		char *ref = xasprintf("%s%s", prefix, s.names.v[i]);

		memcpy(r->cluster, s.names.v[i], strlen(s.names.v[i]) + 1);
		read_record(repo, channel, ref, r);
		free(ref);
	}
	strvec_release(&s.names);
	free(prefix);
	if (rc)
		cluster_records_release(ret);
	return rc;
}

int cluster_records_channels(git_repository *repo, struct strvec *ret,
			     struct err *err)
{
	struct search s = { BUNDLE_REF_PREFIX, STRVEC_INIT, LIMIT_CHANNELS };
	int rc = each_ref(repo, s.prefix, add_name, &s, err);

	s.prefix = CLUSTER_STATUS_REF;
	if (!rc)
		rc = each_ref(repo, s.prefix, add_name, &s, err);
	strvec_sort(&s.names);
	*ret = s.names;
	if (rc)
		strvec_release(ret);
	return rc;
}
