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

#include "engine/cli/fetch.h"
#include "engine/cli/git-run.h"
#include "engine/cli/records.h"
#include "engine/cli/wait-commit.h"
#include "schema/base/clock.h"
#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/base/options.h"
#include "schema/object.h"

static const char usage[] =
"usage: windlass wait [OPTIONS] CHANNEL\n"
"\n"
"Waits until every cluster of CHANNEL is healthy with the bundle that was\n"
"published last, and tells how it goes. It fetches what clusters reported from\n"
"the Git host, and asks no cluster.\n"
"\n"
"  --repo DIR       the repository (default: $GIT_DIR, or here)\n"
"  --remote NAME    where to fetch from (default: origin, unless there is none)\n"
"  --commit REV     a bundle of this commit, or of what came after it, unless\n"
"                   the commit changes nothing of the channel\n"
"  --new            the channel may have published nothing yet\n"
"  --timeout TIME   how long to wait (6m)\n"
"\n"
"Exit status: 0 if all are healthy, 1 if one failed or the time is over, 2 if\n"
"the repository cannot be read or fetched, or has no such channel.\n";

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
	bool unborn;			/* it may have published nothing yet */
	bool fetch;
	enum wait_reach reach;		/* of that commit */
	bool told_start;
	bool away;			/* the Git host did not answer */
	struct strvec had;		/* for wait_commit_reach */
	struct strvec ill;		/* clusters that are not well */
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

static int fetch(const struct waiting *w, bool aloud, struct err *err)
{
	static const char *const options[] = { "--prune", NULL };
	struct strvec specs = STRVEC_INIT;
	int rc;

	/* as patterns: what is not there yet is no error */
	strvec_pushf(&specs, "+" BUNDLE_REF_PREFIX "%s*:" BUNDLE_REF_PREFIX
		     "%s*", w->channel, w->channel);
	strvec_pushf(&specs, "+" CLUSTER_STATUS_REF "%s/*:" CLUSTER_STATUS_REF
		     "%s/*", w->channel, w->channel);
	rc = fetch_from(w->repo, w->remote, options, &specs, aloud, err);
	strvec_release(&specs);
	return rc;
}

/* ---- which channels there are ---- */

/* The channel that a ref is of, if it is one of ours. Refs come sorted: those
 * of a channel behind each other, once for each prefix. */
static void add_channel(const char *ref, struct strvec *ret)
{
	static const char *const prefixes[] = {
		BUNDLE_REF_PREFIX, CLUSTER_STATUS_REF,
	};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t skip = strlen(prefixes[i]);
		char *name;

		if (strncmp(ref, prefixes[i], skip))
			continue;
		name = xstrndup(ref + skip, strcspn(ref + skip, "/"));
		if (is_dns_label(name) &&
		    (!ret->n || strcmp(ret->v[ret->n - 1], name)))
			strvec_push(ret, name);
		free(name);
	}
}

/* Some may be twice. */
static int list_there(const struct waiting *w, struct strvec *ret,
		      struct err *err)
{
	struct buf out = BUF_INIT(FETCH_LIST_BYTES);
	struct strvec patterns = STRVEC_INIT;
	char *line, *rest, *ref;
	int rc;

	strvec_pushl(&patterns, BUNDLE_REF_PREFIX "*", CLUSTER_STATUS_REF "*",
		     NULL);
	rc = fetch_list(w->repo, w->remote, &patterns, &out, err);
	for (line = rc ? NULL : strtok_r(out.data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		ref = strchr(line, '\t');
		if (ref)
			add_channel(ref + 1, ret);
	}
	strvec_sort(ret);
	strvec_release(&patterns);
	buf_release(&out);
	return rc;
}

/* A name that is mistyped would be waited for in vain. -1. */
static int no_such_channel(git_repository *repo, const struct waiting *w,
			   struct err *err)
{
	struct strvec all = STRVEC_INIT;
	struct buf names = BUF_INIT(400);
	int rc = w->fetch ? list_there(w, &all, err)
			  : cluster_records_channels(repo, &all, err);

	for (size_t i = 0; !rc && i < all.n; i++)
		if (!i || strcmp(all.v[i - 1], all.v[i]))
			buf_addf(&names, "%s%s", i ? ", " : "", all.v[i]);
	if (!rc)
		err_set(err, ERR_INVALID, "no channel '%s' has published "
			"anything there%s%s; of one that is new say --new",
			w->channel, all.n ? ", but " : "",
			names.len ? names.data : "");
	buf_release(&names);
	strvec_release(&all);
	return -1;
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

static void print_names(const struct strvec *names)
{
	for (size_t i = 0; i < names->n; i++)
		printf("%s%s", i ? ", " : "", names->v[i]);
	putchar('\n');
}

/* Whom it waits for, once that is known. */
static void tell_start(struct waiting *w, const struct channel_shown *s)
{
	const struct bundle *b = &s->newest.commit.bundle;
	struct strvec names = STRVEC_INIT;

	channel_shown_clusters(s, false, &names);
	if (!w->told_start && s->has_bundle && names.n) {
		w->told_start = true;
		if (w->reach == WAIT_UNCHANGED)
			printf("%s: %.12s changes nothing of the channel, "
			       "which stays at %" PRIu64 ".%" PRIu64 "\n",
			       w->channel, w->commit, b->epoch, b->sequence);
		printf("%s: waiting for ", w->channel);
		print_names(&names);
		fflush(stdout);
	}
	strvec_release(&names);
}

/* The exit status, or -1 while there is none yet. */
static int judge(struct waiting *w, const struct channel_shown *s)
{
	bool ill = false;

	tell_start(w, s);
	for (size_t i = 0; i < s->records.n; i++) {
		const struct cluster_record *r = &s->records.v[i];

		if (!r->broken && s->has_bundle &&
		    channel_shown_counts(s, r->cluster) &&
		    !strcmp(r->report.bundle, s->newest.id))
			tell(w, r);
		ill = ill || channel_shown_ended_ill(s, r);
	}
	if (ill)
		return EXIT_REFUSED;
	return s->has_bundle && channel_shown_well(s) ? EXIT_OK : -1;
}

/* ---- the wait ---- */

static int judge_reached(git_repository *repo, struct waiting *w,
			 const struct channel_shown *s, struct err *err)
{
	struct wait_place place = {
		.repo = w->repo, .remote = w->fetch ? w->remote : NULL,
		.had = &w->had, .away = w->away,
	};

	if (!w->unborn && !s->has_bundle && !*s->status.id && !s->records.n)
		return no_such_channel(repo, w, err) - 1;
	w->reach = w->rev ? wait_commit_reach(&place, s, w->commit)
			  : WAIT_PUBLISHED;
	return w->reach == WAIT_NOT_YET ? -1 : judge(w, s);
}

/* Looks once. The exit status, or -1: go on; -2 with an error. */
static int look(struct waiting *w, bool last, struct err *err)
{
	git_repository *repo = NULL;
	struct channel_shown s;
	int status = -2;

	if (bundles_open(w->repo, &repo, err) < 0)
		return -2;
	if (channel_shown_read(repo, w->channel, &s, err) == 0) {
		status = judge_reached(repo, w, &s, err);
		if (status >= 0 || (last && status == -1))
			channel_shown_put(&s, cli_color(stdout));
		strvec_release(&w->ill);
		w->ill = (struct strvec)STRVEC_INIT;
		channel_shown_clusters(&s, true, &w->ill);
		channel_shown_release(&s);
	}
	git_repository_free(repo);
	return status;
}

static void tell_late(const struct waiting *w)
{
	fflush(stdout);
	fputs("windlass wait: the time is over", stderr);
	if (w->reach == WAIT_NOT_YET)
		fprintf(stderr, ", and no bundle of %.12s or what came after "
			"it was published", w->commit);
	for (size_t i = 0; w->reach != WAIT_NOT_YET && i < w->ill.n; i++)
		fprintf(stderr, "%s%s", i ? ", " : " for ", w->ill.v[i]);
	fputc('\n', stderr);
}

/* Gets what is new. What goes wrong after it went well once is no reason to
 * give up, and told once. */
static int fetch_news(struct waiting *w, bool first, struct err *err)
{
	struct err failed = ERR_INIT;

	if (!w->fetch)
		return 0;
	if (fetch(w, first, first ? err : &failed) == 0) {
		w->away = false;
		return 0;
	}
	if (first)
		return -1;
	fflush(stdout);
	if (!w->away)
		fprintf(stderr, "windlass wait: %s; it is tried again\n",
			failed.msg);
	w->away = true;
	return 0;
}

static int wait_for_it(struct waiting *w, struct err *err)
{
	int64_t deadline = clock_mono_ms() + w->timeout * 1000;
	bool first = true, last = false;
	int status = -1;

	for (; status == -1 && !last; first = false) {
		last = clock_mono_ms() >= deadline;
		if (fetch_news(w, first, err) < 0)
			return -2;
		status = look(w, last, err);
		if (status == -1 && !last)
			poll(NULL, 0, w->fetch ? FETCH_MS : LOOK_MS);
	}
	if (status != -1)
		return status;
	tell_late(w);
	return EXIT_REFUSED;
}

int cmd_wait(int argc, char **argv)
{
	struct waiting w = { .timeout = TIMEOUT_DEFAULT };
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &w.repo),
		OPTION_TEXT("remote", &w.remote),
		OPTION_TEXT("commit", &w.rev),
		OPTION_FLAG("new", &w.unborn),
		OPTION_TAKE("timeout", cli_take_time, &w.timeout),
		OPTION_END
	};
	struct err err = ERR_INIT;
	int status = options_parse(specs, usage, argc, argv);

	if (status < 0)
		status = cli_channel(usage, argc, argv, &w.channel);
	if (status >= 0)
		return status;
	if (find_remote(&w, &err) < 0 ||
	    (w.rev && wait_commit_find(&(struct wait_place){ .repo = w.repo },
				       w.rev, w.commit, &err) < 0))
		status = -2;
	else
		status = wait_for_it(&w, &err);
	if (status < 0) {
		command_fail(&err);
		status = EXIT_TROUBLE;
	}
	map_release(&w.told, free);
	map_release(&w.ills, NULL);
	strvec_release(&w.ill);
	strvec_release(&w.had);
	return status;
}
