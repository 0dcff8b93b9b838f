/*
 * The record of what clusters report. See cluster-status.h. A status commit
 * comes from whatever repository was fetched from: its report is read as
 * strictly as one that was posted, and sources are looked up in bundles.
 */
#include "config.h"
#include "schema/cluster-status.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/object.h"

/* clusters of one channel; a list of reporters has no more */
#define CLUSTERS_MAX LIMIT_TRUST_KEYS

static void source_of(git_repository *repo, const char *bundle,
		      struct bundle *ret)
{
	struct bundle_commit c;
	struct err gone = ERR_INIT;

	*ret = (struct bundle){ .epoch = 0 };
	if (*bundle &&
	    repo_read_bundle(repo, bundle, &c, NULL, NULL, &gone) == 0)
		*ret = c.bundle;
}

void cluster_sources_read(git_repository *repo,
			  const struct cluster_report *r,
			  struct cluster_sources *ret)
{
	struct bundle b;

	source_of(repo, r->bundle, &b);
	memcpy(ret->ref, b.source_ref, sizeof(ret->ref));
	memcpy(ret->commit, b.source_commit, sizeof(ret->commit));
	source_of(repo, r->applied_bundle, &b);
	memcpy(ret->applied, b.source_commit, sizeof(ret->applied));
}

/* ---- status.json ---- */

static struct node *time_node(struct arena *a, int64_t t)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(t, text);
	return node_str(a, text);
}

static struct node *text_or_null(struct arena *a, const char *s)
{
	return *s ? node_str(a, s) : node_null(a);
}

static struct node *applied_node(struct arena *a,
				 const struct cluster_report *r,
				 const struct cluster_sources *from)
{
	struct node *n = node_map(a);

	if (!*r->applied_bundle)
		return node_null(a);
	node_set(a, n, "epoch", node_int(a, (int64_t)r->applied_epoch));
	node_set(a, n, "sequence", node_int(a, (int64_t)r->applied_sequence));
	node_set(a, n, "bundle", node_str(a, r->applied_bundle));
	node_set(a, n, "sourceCommit", text_or_null(a, from->applied));
	return n;
}

static struct node *objects_node(struct arena *a,
				 const struct cluster_report *r)
{
	struct node *n = node_map(a);

	node_set(a, n, "total", node_int(a, (int64_t)r->total));
	node_set(a, n, "ready", node_int(a, (int64_t)r->ready));
	node_set(a, n, "progressing", node_int(a, (int64_t)r->progressing));
	node_set(a, n, "failed", node_int(a, (int64_t)r->failed));
	node_set(a, n, "drifted", node_int(a, (int64_t)r->drifted));
	node_set(a, n, "fighting", node_int(a, (int64_t)r->fighting));
	return n;
}

static struct node *failures_node(struct arena *a,
				  const struct cluster_report *r)
{
	struct node *list = node_seq(a);

	for (size_t i = 0; i < r->n_failures; i++) {
		const struct cluster_failure *f = &r->failures[i];
		struct node *n = node_map(a);

		node_set(a, n, "object", node_str(a, f->object));
		node_set(a, n, "source", text_or_null(a, f->source));
		node_set(a, n, "reason", node_str(a, f->reason));
		node_set(a, n, "message", node_str(a, f->message));
		node_append(a, list, n);
	}
	return list;
}

struct node *cluster_status_node(struct arena *a,
				 const struct cluster_report *r,
				 const struct cluster_sources *from)
{
	struct node *n = node_map(a);

	node_set(a, n, "version", node_int(a, 1));
	node_set(a, n, "channel", node_str(a, r->channel));
	node_set(a, n, "channelId", node_str(a, r->channel_id));
	node_set(a, n, "cluster", node_str(a, r->cluster));
	node_set(a, n, "counter", node_int(a, (int64_t)r->counter));
	node_set(a, n, "issued", time_node(a, r->issued));
	node_set(a, n, "epoch", node_int(a, (int64_t)r->epoch));
	node_set(a, n, "sequence", node_int(a, (int64_t)r->sequence));
	node_set(a, n, "bundle", node_str(a, r->bundle));
	node_set(a, n, "sourceRef", text_or_null(a, from->ref));
	node_set(a, n, "sourceCommit", text_or_null(a, from->commit));
	node_set(a, n, "phase", node_str(a, cluster_phase_name(r->phase)));
	node_set(a, n, "since", time_node(a, r->since));
	node_set(a, n, "applied", applied_node(a, r, from));
	node_set(a, n, "objects", objects_node(a, r));
	node_set(a, n, "stale", node_bool(a, r->stale));
	node_set(a, n, "reason", node_str(a, r->reason));
	node_set(a, n, "message", node_str(a, r->message));
	node_set(a, n, "failures", failures_node(a, r));
	return n;
}

/* ---- a commit ---- */

int cluster_status_read(git_repository *repo, const char *commit,
			struct cluster_report *ret, struct err *err)
{
	struct buf raw = BUF_INIT(LIMIT_REPORT_BYTES);
	char hex[GIT_HEX_SIZE];
	git_oid tree, id;
	unsigned mode;
	size_t text;
	int rc = repo_commit_tree(repo, commit, &tree, err);

	if (!rc)
		rc = repo_tree_entry(repo, &tree, CLUSTER_REPORT_FILE, &id,
				     &mode, err);
	if (rc > 0)
		rc = err_set(err, ERR_INVALID, "it has no report");
	if (!rc) {
		git_oid_tostr(hex, sizeof(hex), &id);
		rc = repo_read(repo, hex, GIT_OBJECT_BLOB, &raw, err);
	}
	if (!rc)
		rc = cluster_report_split(raw.data, raw.len, &text, err);
	if (!rc)
		rc = cluster_report_parse(raw.data, text, ret, err);
	buf_release(&raw);
	return rc < 0 ? err_wrap(err, "status commit %.12s", commit) : 0;
}

int cluster_status_find(git_repository *repo, const char *channel,
			const char *cluster, struct cluster_report *ret,
			struct err *err)
{
	char *ref = xasprintf(CLUSTER_STATUS_REF "%s/%s", channel, cluster);
	char id[GIT_HEX_SIZE];
	struct cluster_report r;
	int rc = repo_ref(repo, ref, id, err);

	free(ref);
	if (rc < 0)
		return -1;
	if (!*id)
		return 1;
	if (cluster_status_read(repo, id, &r, err) < 0)
		return -1;
	if (strcmp(r.channel, channel) || strcmp(r.cluster, cluster)) {
		err_set(err, ERR_INVALID, "it is a report of %s@%s", r.channel,
			r.cluster);
		cluster_report_release(&r);
		return -1;
	}
	*ret = r;
	return 0;
}

/* ---- which there are ---- */

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

int cluster_status_labels(git_repository *repo, const char *prefix, size_t max,
			  struct strvec *ret, struct err *err)
{
	char *glob = xasprintf("%s*", prefix);
	char name[LIMIT_CHANNEL_BYTES + 1];
	git_reference_iterator *it = NULL;
	int code = git_reference_iterator_glob_new(&it, repo, glob);
	const char *ref;

	while (!code && !(code = git_reference_next_name(&ref, it)))
		if (ret->n < max && label_of(ref, prefix, name) &&
		    !strvec_has(ret, name))
			strvec_push(ret, name);
	git_reference_iterator_free(it);
	if (code != GIT_ITEROVER)
		repo_err(err, ERR_INTERNAL, "cannot list '%s'", glob);
	free(glob);
	return code == GIT_ITEROVER ? 0 : -1;
}

int cluster_status_clusters(git_repository *repo, const char *channel,
			    struct strvec *ret, struct err *err)
{
	char *prefix = xasprintf(CLUSTER_STATUS_REF "%s/", channel);
	int rc = cluster_status_labels(repo, prefix, CLUSTERS_MAX, ret, err);

	free(prefix);
	strvec_sort(ret);
	return rc;
}
