/*
 * windlass wait: until what was published last is live everywhere, or failed
 * somewhere. It asks Git alone, over and over: a pipeline needs a clone and
 * no credentials for any cluster. What the repository says is believed as far
 * as `windlass status --repo` does.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/git-run.h"
#include "engine/cli/records.h"
#include "schema/base/clock.h"
#include "schema/base/digest.h"
#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/base/options.h"

static const char usage[] =
"usage: windlass wait [OPTIONS] CHANNEL\n"
"\n"
"Waits until every cluster that reports of CHANNEL is healthy with the bundle\n"
"that was published last, and tells how it goes. It fetches what clusters\n"
"reported from the Git host, and asks no cluster.\n"
"\n"
"  --repo DIR       the repository (default: $GIT_DIR, or here)\n"
"  --remote NAME    where to fetch from (default: origin, unless there is none)\n"
"  --commit REV     a bundle of this commit, or of what came after it\n"
"  --timeout TIME   how long to wait (6m)\n"
"\n"
"Exit status: 0 if all are healthy, 1 if one failed or the time is over, 2 if\n"
"the repository cannot be read or fetched.\n";

/* longer than an engine by default gives an object to come up */
#define TIMEOUT_DEFAULT 360
/* between two looks: a fetch is a connection */
#define FETCH_MS 2000
#define LOOK_MS 500

struct waiting {
	const char *repo, *remote, *channel;
	const char *rev;		/* what was asked for, or NULL */
	char commit[GIT_HEX_SIZE];	/* that is this one; or "" */
	int64_t timeout;		/* seconds */
	bool fetch;
	bool reached;			/* the newest bundle has that commit */
	struct map told;		/* a cluster's last line, malloced */
	struct map ills;		/* lines of what holds one up */
};

/* ---- fetching ---- */

/* Is there a remote of this name? Whoever names one means it. */
static int find_remote(struct waiting *w, struct err *err)
{
	char *key = xasprintf("remote.%s.url", w->remote ? w->remote
							 : "origin");
	const char *const argv[] = { "config", "--get", key, NULL };
	struct buf url = BUF_INIT(4096);
	int rc = git_line(w->repo, argv, &url, err);

	w->fetch = w->remote || rc == 0;
	if (!w->remote)
		w->remote = "origin";
	buf_release(&url);
	free(key);
	return rc < 0 ? -1 : 0;
}

static int fetch(const struct waiting *w, struct err *err)
{
	/* as patterns: what is not there yet is no error */
	char *bundles = xasprintf("+" BUNDLE_REF_PREFIX "%s*:"
				  BUNDLE_REF_PREFIX "%s*", w->channel,
				  w->channel);
	char *records = xasprintf("+" CLUSTER_STATUS_REF "%s/*:"
				  CLUSTER_STATUS_REF "%s/*", w->channel,
				  w->channel);
	const char *const argv[] = {
		"fetch", "--quiet", "--no-tags", "--prune",
		"--no-write-fetch-head", w->remote, bundles, records, NULL,
	};
	int rc = git_attended(w->repo, argv, NULL, err);

	free(bundles);
	free(records);
	return rc;
}

/* ---- a certain commit ---- */

static int find_commit(struct waiting *w, struct err *err)
{
	char *rev = xasprintf("%s^{commit}", w->rev);
	const char *const argv[] = {
		"rev-parse", "--verify", "--quiet", "--end-of-options", rev,
		NULL,
	};
	struct buf line = BUF_INIT(4096);
	int rc = git_line(w->repo, argv, &line, err);

	if (!rc && is_hex(line.data, line.len, GIT_HEX_SIZE - 1))
		memcpy(w->commit, line.data, GIT_HEX_SIZE);
	else if (rc >= 0)
		rc = err_set(err, ERR_INVALID, "'%s' names no commit of this "
			     "repository", w->rev);
	buf_release(&line);
	free(rev);
	return rc;
}

/* The commits of the ref that bundles are made of, which others may have
 * pushed to since; no ref of this repository moves. */
static void fetch_source(const struct waiting *w, const char *ref)
{
	const char *const argv[] = {
		"fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
		w->remote, ref, NULL,
	};
	struct err unheard = ERR_INIT;

	git_attended(w->repo, argv, NULL, &unheard);
}

static bool has_commit(git_repository *repo, const char *id)
{
	git_commit *c = NULL;
	git_oid oid;
	bool has = !git_oid_fromstr(&oid, id) &&
		   !git_commit_lookup(&c, repo, &oid);

	git_commit_free(c);
	return has;
}

/* Was the newest bundle made of that commit, or of one that came after it? */
static bool is_reached(git_repository *repo, const struct waiting *w,
		       const struct channel_shown *s)
{
	const struct bundle *b = &s->newest.commit.bundle;
	git_oid source, commit;

	if (!w->rev)
		return true;
	if (!s->has_bundle)
		return false;
	if (!strcmp(b->source_commit, w->commit))
		return true;
	if (w->fetch && !has_commit(repo, b->source_commit))
		fetch_source(w, b->source_ref);
	return !git_oid_fromstr(&source, b->source_commit) &&
	       !git_oid_fromstr(&commit, w->commit) &&
	       git_graph_descendant_of(repo, &source, &commit) == 1;
}

/* ---- telling ---- */

/* What does not come up for a reason that is known, before its time is over;
 * what failed is told at the end. Each is told once. */
static void tell_ills(struct waiting *w, const struct cluster_record *rec)
{
	const struct cluster_report *r = &rec->report;
	struct buf line = BUF_INIT(2 * LIMIT_REPORT_BYTES);

	if (r->phase != CLUSTER_APPLYING)
		return;
	for (size_t i = 0; i < r->n_failures; i++) {
		size_t key = strlen(rec->cluster) + 1;

		buf_reset(&line);
		buf_addf(&line, "%s ", rec->cluster);
		cluster_failure_line(&r->failures[i], &line);
		if (map_put(&w->ills, line.data, w))
			continue;
		printf("    ");
		cli_print_scrubbed(line.data + key, line.len - key);
		putchar('\n');
	}
	fflush(stdout);
	buf_release(&line);
}

static void tell(struct waiting *w, const struct cluster_record *rec)
{
	const struct cluster_report *r = &rec->report;
	struct buf line = BUF_INIT(4096);
	const char *before = map_get(&w->told, rec->cluster);

	buf_addf(&line, "%s %" PRIu64 ".%" PRIu64 ", %" PRIu64 " of %" PRIu64
		 " objects ready", cluster_phase_name(r->phase), r->epoch,
		 r->sequence, r->ready, r->total);
	if (r->phase == CLUSTER_WAITING)
		buf_addf(&line, ": %s", r->message);
	if (!before || strcmp(before, line.data)) {
		printf("%s@%s: ", w->channel, rec->cluster);
		cli_print_scrubbed(line.data, line.len);
		putchar('\n');
		fflush(stdout);
		free(map_put(&w->told, rec->cluster, xstrdup(line.data)));
	}
	buf_release(&line);
	tell_ills(w, rec);
}

/* The exit status, or -1 while there is none yet. */
static int judge(struct waiting *w, const struct channel_shown *s)
{
	bool ill = false;

	for (size_t i = 0; i < s->records.n; i++) {
		const struct cluster_record *r = &s->records.v[i];

		if (!r->broken && s->has_bundle &&
		    !strcmp(r->report.bundle, s->newest.id))
			tell(w, r);
		ill = ill || channel_shown_ended_ill(s, r);
	}
	if (ill)
		return EXIT_REFUSED;
	return s->has_bundle && channel_shown_well(s) ? EXIT_OK : -1;
}

/* ---- the wait ---- */

/* Looks once. The exit status, or -1: go on; -2 with an error. */
static int look(struct waiting *w, bool last, struct err *err)
{
	git_repository *repo = NULL;
	struct channel_shown s;
	int status;

	if (bundles_open(w->repo, &repo, err) < 0)
		return -2;
	status = channel_shown_read(repo, w->channel, &s, err);
	if (status == 0) {
		w->reached = is_reached(repo, w, &s);
		status = w->reached ? judge(w, &s) : -1;
		if (status >= 0 || last)
			channel_shown_put(&s, cli_color(stdout));
		channel_shown_release(&s);
	} else {
		status = -2;
	}
	git_repository_free(repo);
	return status;
}

static int wait_for_it(struct waiting *w, struct err *err)
{
	int64_t deadline = clock_mono_ms() + w->timeout * 1000;
	bool fetched = false, last = false;
	int status = -1;

	while (status == -1 && !last) {
		struct err failed = ERR_INIT;

		last = clock_mono_ms() >= deadline;
		if (w->fetch && fetch(w, &failed) == 0)
			fetched = true;
		else if (w->fetch && !fetched) {
			/* not once: that is no network, or no such remote */
			*err = failed;
			return -2;
		}
		status = look(w, last, err);
		if (status == -1 && !last)
			poll(NULL, 0, w->fetch ? FETCH_MS : LOOK_MS);
	}
	if (status == -1) {
		fprintf(stderr, "windlass wait: the time is over%s%.12s%s\n",
			w->reached ? "" : ", and no bundle of ",
			w->reached ? "" : w->commit,
			w->reached ? "" : " or what came after it was "
			"published");
		status = EXIT_REFUSED;
	}
	return status;
}

int cmd_wait(int argc, char **argv)
{
	struct waiting w = { .timeout = TIMEOUT_DEFAULT };
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &w.repo),
		OPTION_TEXT("remote", &w.remote),
		OPTION_TEXT("commit", &w.rev),
		OPTION_TAKE("timeout", cli_take_time, &w.timeout),
		OPTION_END
	};
	struct err err = ERR_INIT;
	int status = options_parse(specs, usage, argc, argv);

	if (status < 0)
		status = cli_channel(usage, argc, argv, &w.channel);
	if (status >= 0)
		return status;
	if (find_remote(&w, &err) < 0 || (w.rev && find_commit(&w, &err) < 0))
		status = -2;
	else
		status = wait_for_it(&w, &err);
	if (status < 0) {
		command_fail(&err);
		status = EXIT_TROUBLE;
	}
	map_release(&w.told, free);
	map_release(&w.ills, NULL);
	return status;
}
