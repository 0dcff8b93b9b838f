/*
 * windlass status --repo: the same question, put to Git alone. It shows what
 * the Git host recorded of the clusters' reports, as far as that was fetched;
 * who wants to know that a cluster said so checks the signature.
 */
#include "config.h"
#include "engine/cli/records.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/bundles.h"
#include "engine/cli/cli.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/json.h"

/* Texts in a report are printable; it is cheap to be sure. */
static void put_text(const char *s)
{
	cli_print_scrubbed(s, strlen(s));
}

static bool is_well(const struct channel_shown *s, const struct cluster_record *r)
{
	return !r->broken && r->report.phase == CLUSTER_HEALTHY &&
	       !r->report.stale &&
	       (!s->has_bundle || !strcmp(r->report.bundle, s->newest.id));
}

bool channel_shown_counts(const struct channel_shown *s, const char *cluster)
{
	return !s->status.listed || strvec_has(&s->status.clusters, cluster);
}

bool channel_shown_ended_ill(const struct channel_shown *s,
			     const struct cluster_record *r)
{
	return !r->broken && s->has_bundle &&
	       channel_shown_counts(s, r->cluster) &&
	       !strcmp(r->report.bundle, s->newest.id) &&
	       (r->report.phase == CLUSTER_FAILED ||
		r->report.phase == CLUSTER_REFUSED ||
		r->report.phase == CLUSTER_SUSPENDED);
}

static const struct cluster_record *find_record(const struct channel_shown *s,
						const char *cluster)
{
	for (size_t i = 0; i < s->records.n; i++)
		if (!strcmp(s->records.v[i].cluster, cluster))
			return &s->records.v[i];
	return NULL;
}

void channel_shown_clusters(const struct channel_shown *s, bool ill,
			    struct strvec *ret)
{
	const struct cluster_records *rs = &s->records;
	size_t n = s->status.listed ? s->status.clusters.n : rs->n;

	for (size_t i = 0; i < n; i++) {
		const char *name = s->status.listed ? s->status.clusters.v[i]
						    : rs->v[i].cluster;
		const struct cluster_record *r = find_record(s, name);

		if (!ill || !r || !is_well(s, r))
			strvec_push(ret, name);
	}
}

bool channel_shown_well(const struct channel_shown *s)
{
	struct strvec all = STRVEC_INIT, ill = STRVEC_INIT;
	bool well;

	channel_shown_clusters(s, false, &all);
	channel_shown_clusters(s, true, &ill);
	well = all.n && !ill.n;
	strvec_release(&all);
	strvec_release(&ill);
	return well;
}

/* ---- for people ---- */

static void put_failures(const struct cluster_report *r)
{
	struct buf line = BUF_INIT(LIMIT_REPORT_BYTES);

	for (size_t i = 0; i < r->n_failures; i++) {
		buf_reset(&line);
		cluster_failure_line(&r->failures[i], &line);
		fputs("    ", stdout);
		put_text(line.data);
		putchar('\n');
	}
	buf_release(&line);
}

static void put_counts(const struct cluster_report *r)
{
	if (r->ready == r->total)
		printf("  %" PRIu64 " object%s", r->total, plural(r->total));
	else
		printf("  %" PRIu64 " of %" PRIu64 " objects ready", r->ready,
		       r->total);
	if (r->drifted)
		printf(", %" PRIu64 " drifted", r->drifted);
}

static void put_cluster(const struct channel_shown *s,
			const struct cluster_record *rec, bool color)
{
	const struct cluster_report *r = &rec->report;
	char since[CLOCK_TEXT_SIZE], issued[CLOCK_TEXT_SIZE];

	printf("  %s  ", rec->cluster);
	if (rec->broken) {
		fputs("cannot be read: ", stdout);
		put_text(rec->broken);
		putchar('\n');
		return;
	}
	clock_format(r->since, since);
	clock_format(r->issued, issued);
	printf("%s%s%s %" PRIu64 ".%" PRIu64 " since %s",
	       color ? (is_well(s, rec) ? "\033[32m" : "\033[33m") : "",
	       cluster_phase_name(r->phase), color ? "\033[m" : "", r->epoch,
	       r->sequence, since);
	put_counts(r);
	if (r->stale)
		fputs(", stale", stdout);
	if (!channel_shown_counts(s, rec->cluster))
		fputs(", listed no more", stdout);
	printf("  heard %s\n", issued);
	printf("    source %.12s", *rec->from.commit ? rec->from.commit
						     : "unknown");
	if (!*r->applied_bundle)
		fputs(", nothing applied yet", stdout);
	else if (strcmp(r->applied_bundle, r->bundle))
		printf(", applied %" PRIu64 ".%" PRIu64 " source %.12s",
		       r->applied_epoch, r->applied_sequence,
		       *rec->from.applied ? rec->from.applied : "unknown");
	putchar('\n');
	if (r->phase != CLUSTER_HEALTHY) {
		printf("    %s%s", r->reason, *r->message ? ": " : "");
		put_text(r->message);
		putchar('\n');
	}
	put_failures(r);
}

void channel_shown_put(const struct channel_shown *s, bool color)
{
	const struct bundle *b = &s->newest.commit.bundle;
	char issued[CLOCK_TEXT_SIZE];

	printf("%s%s%s", color ? "\033[1m" : "", s->channel,
	       color ? "\033[m" : "");
	if (s->has_bundle) {
		clock_format(b->issued, issued);
		printf("  newest %" PRIu64 ".%" PRIu64 "  source %.12s  issued "
		       "%s\n", b->epoch, b->sequence, b->source_commit,
		       issued);
	} else {
		puts("  no bundle was fetched");
	}
	if (*s->status.waiting) {
		printf("  %.12s of ", s->status.waiting);
		put_text(s->status.ref);
		fputs(" waits: after ", stdout);
		put_text(s->status.after);
		putchar('\n');
	}
	for (size_t i = 0; i < s->records.n; i++)
		put_cluster(s, &s->records.v[i], color);
	for (size_t i = 0; i < s->status.clusters.n; i++)
		if (!find_record(s, s->status.clusters.v[i]))
			printf("  %s  has not reported yet\n",
			       s->status.clusters.v[i]);
	if (!s->records.n && !s->status.clusters.n)
		puts("  no cluster has reported, or that was not fetched");
}

/* ---- for programs ---- */

static struct node *newest_node(struct arena *a, const struct channel_shown *s)
{
	const struct bundle *b = &s->newest.commit.bundle;
	struct node *n = node_map(a);
	char issued[CLOCK_TEXT_SIZE];

	if (!s->has_bundle)
		return node_null(a);
	clock_format(b->issued, issued);
	node_set(a, n, "epoch", node_int(a, (int64_t)b->epoch));
	node_set(a, n, "sequence", node_int(a, (int64_t)b->sequence));
	node_set(a, n, "bundle", node_str(a, s->newest.id));
	node_set(a, n, "sourceRef", node_str(a, b->source_ref));
	node_set(a, n, "sourceCommit", node_str(a, b->source_commit));
	node_set(a, n, "issued", node_str(a, issued));
	return n;
}

static struct node *waiting_node(struct arena *a,
				 const struct channel_record *w)
{
	struct node *n = node_map(a);

	if (!*w->waiting)
		return node_null(a);
	node_set(a, n, "commit", node_str(a, w->waiting));
	node_set(a, n, "ref", node_str_clean(a, w->ref));
	node_set(a, n, "after", node_str_clean(a, w->after));
	return n;
}

static struct node *expected_node(struct arena *a,
				  const struct channel_record *s)
{
	struct node *n = node_seq(a);

	if (!s->listed)
		return node_null(a);
	for (size_t i = 0; i < s->clusters.n; i++)
		node_append(a, n, node_str(a, s->clusters.v[i]));
	return n;
}

static void put_json(const struct channel_shown *s)
{
	struct buf out = BUF_INIT(64u * 1024 * 1024);
	struct arena a = ARENA_INIT;
	struct node *n = node_map(&a), *list = node_seq(&a);

	for (size_t i = 0; i < s->records.n; i++) {
		const struct cluster_record *r = &s->records.v[i];
		struct node *c;

		if (r->broken) {
			c = node_map(&a);
			node_set(&a, c, "cluster", node_str(&a, r->cluster));
			node_set(&a, c, "error", node_str_clean(&a, r->broken));
		} else {
			c = cluster_status_node(&a, &r->report, &r->from);
		}
		node_append(&a, list, c);
	}
	node_set(&a, n, "channel", node_str(&a, s->channel));
	node_set(&a, n, "newest", newest_node(&a, s));
	node_set(&a, n, "waiting", waiting_node(&a, &s->status));
	node_set(&a, n, "expected", expected_node(&a, &s->status));
	node_set(&a, n, "clusters", list);
	node_set(&a, n, "healthy", node_bool(&a, channel_shown_well(s)));
	json_write_compact(n, &out);
	puts(out.data);
	buf_release(&out);
	arena_release(&a);
}

/* ---- all of it ---- */

int channel_shown_read(git_repository *repo, const char *channel,
		       struct channel_shown *ret, struct err *err)
{
	struct channel_shown s = { .channel = channel };
	char *ref = xasprintf(BUNDLE_REF_PREFIX "%s", channel);
	char id[GIT_HEX_SIZE];
	int rc = repo_ref(repo, ref, id, err);

	free(ref);
	if (!rc && *id) {
		s.has_bundle = true;
		rc = bundle_find(repo, channel, &s.newest, err);
	}
	if (!rc)
		rc = channel_record_read(repo, channel, &s.status, err);
	if (rc >= 0)
		rc = cluster_records_read(repo, channel, &s.records, err);
	if (rc)
		channel_shown_release(&s);
	else
		*ret = s;
	return rc;
}

void channel_shown_release(struct channel_shown *s)
{
	channel_record_release(&s->status);
	cluster_records_release(&s->records);
}

/* 1 if all is well, 0 if not. */
static int show(git_repository *repo, const char *channel, bool json,
		struct err *err)
{
	struct channel_shown s;
	bool well;

	if (channel_shown_read(repo, channel, &s, err) < 0)
		return -1;
	if (json)
		put_json(&s);
	else
		channel_shown_put(&s, cli_color(stdout));
	well = channel_shown_well(&s);
	channel_shown_release(&s);
	return well;
}

/* One that cannot be read does not hide the others: that is told at once, and
 * the status is that of trouble. */
static int show_all(git_repository *repo, const struct strvec *channels,
		    bool json)
{
	int status = EXIT_OK;

	for (size_t i = 0; i < channels->n; i++) {
		struct err err = ERR_INIT;
		int well = show(repo, channels->v[i], json, &err);

		if (well < 0) {
			fflush(stdout);
			err_wrap(&err, "channel '%s'", channels->v[i]);
			command_fail(&err);
			status = EXIT_TROUBLE;
		} else if (!well && status == EXIT_OK) {
			status = EXIT_REFUSED;
		}
	}
	if (!channels->n && !json)
		puts("no channels: fetch refs/windlass and "
		     "refs/windlass-status from the Git host");
	return status;
}

int status_from_repo(const char *dir, const char *channel, bool json,
		     struct err *err)
{
	struct strvec all = STRVEC_INIT, one = STRVEC_INIT;
	git_repository *repo = NULL;
	int rc = bundles_open(dir, &repo, err);

	if (!rc)
		rc = cluster_records_channels(repo, &all, err);
	if (!rc && channel && !strvec_has(&all, channel))
		rc = err_set(err, ERR_INVALID, "no channel '%s' is in this "
			     "repository: fetch refs/windlass and "
			     "refs/windlass-status from the Git host", channel);
	if (!rc) {
		if (channel)
			strvec_push(&one, channel);
		rc = show_all(repo, channel ? &one : &all, json);
	}
	strvec_release(&all);
	strvec_release(&one);
	git_repository_free(repo);
	return rc;
}
