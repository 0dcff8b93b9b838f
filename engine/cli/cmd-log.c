/*
 * windlass log: the bundles of a channel, the newest first.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <inttypes.h>
#include <string.h>

#include "engine/cli/bundles.h"
#include "engine/cli/records.h"
#include "engine/cli/said.h"
#include "schema/base/clock.h"
#include "schema/base/num.h"
#include "schema/base/options.h"
#include "schema/base/strvec.h"
#include "schema/json.h"

static const char usage[] =
"usage: windlass log [--repo DIR] [-n NUMBER] [--output json] BUNDLE\n"
"\n"
"Lists bundles, the newest first: sequence, when, changes, source commit and\n"
"its author, who pushed where the push was signed, bundle, and whose approvals\n"
"the Git host took and where it is live, where these were fetched too. Starts\n"
"at BUNDLE and follows the chain back.\n"
"\n"
BUNDLE_NAME_HELP
"\n"
"  --repo DIR       the repository (default: $GIT_DIR, or here)\n"
"  -n NUMBER        at most so many (default: 20; 0: all)\n"
"  --output json    one JSON object a line\n";

struct options {
	const char *repo;
	uint64_t limit;
	enum cli_output output;
	struct cluster_records records;	/* of the channel */
};

/* ---- where it is live ---- */

/* What a cluster has of this bundle: its phase, "applied" while a later one
 * is on its way there; NULL: nothing. */
static const char *state_in(const struct cluster_record *r,
			    const struct bundle_at *at)
{
	if (r->broken)
		return NULL;
	if (!strcmp(r->report.bundle, at->id))
		return cluster_phase_name(r->report.phase);
	/* it is not in the way of being replaced yet */
	if (!strcmp(r->report.applied_bundle, at->id))
		return "applied";
	return NULL;
}

static void print_clusters(const struct cluster_records *rs,
			   const struct bundle_at *at)
{
	for (size_t i = 0; i < rs->n; i++) {
		const struct cluster_report *r = &rs->v[i].report;
		const char *state = state_in(&rs->v[i], at);
		char since[CLOCK_TEXT_SIZE];

		if (!state)
			continue;
		printf("    %s: %s", rs->v[i].cluster, state);
		clock_format(r->since, since);
		if (!strcmp(r->bundle, at->id))
			printf(" since %s", since);
		putchar('\n');
	}
}

static struct node *clusters_node(struct arena *a,
				  const struct cluster_records *rs,
				  const struct bundle_at *at)
{
	struct node *list = node_seq(a);

	for (size_t i = 0; i < rs->n; i++) {
		const struct cluster_report *r = &rs->v[i].report;
		const char *state = state_in(&rs->v[i], at);
		struct node *n = node_map(a);
		char since[CLOCK_TEXT_SIZE];

		if (!state)
			continue;
		clock_format(r->since, since);
		node_set(a, n, "cluster", node_str(a, rs->v[i].cluster));
		node_set(a, n, "phase", node_str(a, state));
		node_set(a, n, "since", !strcmp(r->bundle, at->id) ?
			 node_str(a, since) : node_null(a));
		node_append(a, list, n);
	}
	return list;
}

/* ---- a bundle ---- */

static void print_text(git_repository *repo, const struct bundle_at *at,
		       const struct options *o, bool color)
{
	const struct bundle *b = &at->commit.bundle;
	char when[CLOCK_TEXT_SIZE];
	struct buf author = BUF_INIT(2048), publisher = BUF_INIT(2048);

	clock_format(b->issued, when);
	buf_add_scrubbed(&author, at->commit.author,
			 bundle_ident_person(at->commit.author));
	buf_add_scrubbed(&publisher, at->commit.committer,
			 bundle_ident_person(at->commit.committer));
	printf("%s%s %" PRIu64 ".%" PRIu64 "%s  %s  +%" PRIu64 " ~%" PRIu64
	       " -%" PRIu64 "  %" PRIu64 " object%s\n",
	       color ? "\033[1m" : "", b->channel, b->epoch, b->sequence,
	       color ? "\033[m" : "", when, b->created, b->changed,
	       b->deleted, b->objects, b->objects == 1 ? "" : "s");
	printf("    source %.12s  %s\n    bundle %.12s\n"
	       "    published by %s\n", b->source_commit, author.data, at->id,
	       publisher.data);
	buf_release(&author);
	buf_release(&publisher);
	for (size_t i = 0; i < b->pushers.n; i++)
		printf("%s%s", i ? ", " : "    pushed by ", b->pushers.v[i]);
	if (b->pushers.n)
		puts("");
	said_print(repo, b, "    ", "");
	print_clusters(&o->records, at);
}

/* Git takes names in any encoding. */
static struct node *person(struct arena *a, const char *line)
{
	return node_str_clean(a, arena_strndup(a, line,
					       bundle_ident_person(line)));
}

static struct node *names(struct arena *a, const struct strvec *v)
{
	struct node *list = node_seq(a);

	for (size_t i = 0; i < v->n; i++)
		node_append(a, list, node_str(a, v->v[i]));
	return list;
}

static struct node *pusher_names(struct arena *a, const struct pushers *p)
{
	struct node *list = node_seq(a);

	for (size_t i = 0; i < p->n; i++)
		node_append(a, list, node_str(a, p->v[i]));
	return list;
}

static void print_json(git_repository *repo, const struct bundle_at *at,
		       const struct options *o)
{
	const struct bundle *b = &at->commit.bundle;
	struct arena a = ARENA_INIT;
	struct node *n = node_map(&a);
	struct buf out = BUF_INIT(65536);
	char when[CLOCK_TEXT_SIZE], content[SHA256_HEX_SIZE];
	struct said said;

	clock_format(b->issued, when);
	sha256_hex(&b->content, content);
	node_set(&a, n, "channel", node_str(&a, b->channel));
	node_set(&a, n, "epoch", node_int(&a, (int64_t)b->epoch));
	node_set(&a, n, "sequence", node_int(&a, (int64_t)b->sequence));
	node_set(&a, n, "bundle", node_str(&a, at->id));
	node_set(&a, n, "content", node_str(&a, content));
	node_set(&a, n, "sourceRef", node_str(&a, b->source_ref));
	node_set(&a, n, "sourceCommit", node_str(&a, b->source_commit));
	node_set(&a, n, "author", person(&a, at->commit.author));
	node_set(&a, n, "publisher", person(&a, at->commit.committer));
	node_set(&a, n, "objects", node_int(&a, (int64_t)b->objects));
	node_set(&a, n, "created", node_int(&a, (int64_t)b->created));
	node_set(&a, n, "changed", node_int(&a, (int64_t)b->changed));
	node_set(&a, n, "deleted", node_int(&a, (int64_t)b->deleted));
	node_set(&a, n, "renderer", node_str(&a, b->renderer));
	node_set(&a, n, "issued", node_str(&a, when));
	node_set(&a, n, "pushedBy", pusher_names(&a, &b->pushers));
	said_read(repo, b, &said);
	node_set(&a, n, "approvedBy", names(&a, &said.approved));
	node_set(&a, n, "rejectedBy", names(&a, &said.rejected));
	said_release(&said);
	node_set(&a, n, "clusters", clusters_node(&a, &o->records, at));
	json_write_compact(n, &out);
	puts(out.data);
	buf_release(&out);
	arena_release(&a);
}

static int print_chain(git_repository *repo, struct bundle_at *at,
		       const struct options *o, struct err *err)
{
	for (uint64_t shown = 0; !o->limit || shown < o->limit; shown++) {
		int none;

		if (o->output == OUTPUT_JSON)
			print_json(repo, at, o);
		else
			print_text(repo, at, o, cli_color(stdout));
		none = bundle_before(repo, at, at, err);
		if (none)
			return none < 0 ? -1 : 0;
	}
	return 0;
}

static int take_limit(void *target, const char *value, struct err *err)
{
	if (parse_u64(value, 0, UINT32_MAX, target) < 0)
		return err_set(err, ERR_INVALID, "must be a number from 0");
	return 0;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &o->repo),
		OPTION_TAKE("output", cli_take_output, &o->output),
		{ .letter = 'n', .take = take_limit, .target = &o->limit },
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status < 0 && optind != argc - 1)
		return usage_error(usage, "name one channel or bundle");
	return status;
}

int cmd_log(int argc, char **argv)
{
	struct options o = { .limit = 20 };
	git_repository *repo = NULL;
	struct err err = ERR_INIT;
	struct bundle_at at;
	int status = parse_options(argc, argv, &o);

	if (status >= 0)
		return status;
	status = EXIT_OK;
	if (bundles_open(o.repo, &repo, &err) < 0 ||
	    bundle_find(repo, argv[optind], &at, &err) < 0 ||
	    cluster_records_read(repo, at.commit.bundle.channel, &o.records,
				 &err) < 0 ||
	    print_chain(repo, &at, &o, &err) < 0)
		status = command_fail(&err);
	cluster_records_release(&o.records);
	git_repository_free(repo);
	return status;
}
