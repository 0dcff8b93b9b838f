/*
 * windlass verify: is everything that a channel ever said signed by who may
 * publish it? On a repository, or on what a host publishes. Whom to believe
 * is the caller's to say: a repository that vouches for itself would prove
 * nothing.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/bundles.h"
#include "engine/cli/check-approvals.h"
#include "engine/cli/check-chain.h"
#include "engine/cli/check-source.h"
#include "engine/cli/results.h"
#include "engine/cli/published.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/options.h"
#include "schema/base/secret.h"
#include "schema/manifest-files.h"
#include "schema/object.h"

static const char usage[] =
"usage: windlass verify --publishers FILE [--repo DIR | --url URL] [OPTION]... BUNDLE\n"
"\n"
"Checks BUNDLE and all before it: each signature, the chain, every digest and\n"
"name in every tree, and the numbers that each bundle states. Prints a line a\n"
"check. With --url checks what a host publishes: the head, whether it is\n"
"fresh, the index, every pack, and the bundles in them.\n"
"\n"
BUNDLE_NAME_HELP
"\n"
"  --publishers FILE  who may publish, as OpenSSH's allowed_signers; it must\n"
"                     come from somebody you trust, not from the repository\n"
"  --approvers FILE   who may approve, in the same form: check the approvals\n"
"                     of BUNDLE too\n"
"  --approvals N      and that so many people consent\n"
"  --require-touch    and by security keys, which want a touch; no other counts\n"
"  --not-by-pusher    and by nobody who pushed what is new in BUNDLE\n"
"  --repo DIR         the repository (default: $GIT_DIR, or here)\n"
"  --url URL          where a host publishes, as in a Channel's spec.url\n"
"  --last NUMBER      only the last so many bundles\n"
"  --source           BUNDLE is what its source commit says: render that again.\n"
"                     What the channel reads is in the settings of a Git host's\n"
"                     repository; elsewhere say it:\n"
"  --path PATH        what it reads of the commit's tree; may be repeated\n"
"  --namespace NS     its defaultNamespace\n"
"  --crds PATH        its crds, in the tree or absolute; may be repeated\n"
"  --unknown-kinds allow\n"
"                     as its unknownKinds\n"
"  --config FILE      or all of that, from a copy of its settings\n"
"  --ca-file FILE     believe servers with certificates of these authorities\n"
"  --token-file FILE  the bearer token that the host wants\n"
"  --output json      one JSON object a line\n"
"\n"
"Exit status: 0 if all of it is good, 1 if anything is not, 2 if something\n"
"could not be checked.\n";

struct options {
	const char *publishers, *repo, *url, *ca_file, *token_file;
	const char *approvers;
	struct trust approver_keys;
	uint64_t needed;		/* people who approve */
	bool touch;			/* by security keys */
	bool not_by_pusher;		/* and by nobody who pushed BUNDLE */
	const char *name;		/* CHANNEL[@[EPOCH.]SEQUENCE] */
	char *channel;			/* of that; and 0 for no number */
	uint64_t epoch, sequence;
	uint64_t last;
	bool source;
	struct review review;		/* for --source, */
	struct review_commit commit;	/* of which this is a part */
	struct results results;
};

static struct approvals_check approvals_of(struct options *o)
{
	return (struct approvals_check){
		.results = &o->results, .approvers = &o->approver_keys,
		.needed = o->needed, .touch = o->touch,
		.not_by_pusher = o->not_by_pusher, .now = clock_now(),
	};
}

/* ---- a repository ---- */

static int verify_repo(struct options *o, const struct trust *publishers,
		       struct err *err)
{
	struct cache cache = { 0 };
	struct bundle_at at, newest;
	struct verify_rules rules = {
		.channel = o->channel, .publishers = publishers,
		.now = clock_now(),
	};
	struct chain_check check = {
		.cache = &cache, .rules = &rules, .results = &o->results,
		.last = o->last,
	};
	int rc = -1;

	if (bundles_open(o->repo, &cache.repo, err) < 0)
		goto out;
	if (git_repository_odb(&cache.odb, cache.repo) < 0) {
		repo_err(err, ERR_INTERNAL, "cannot read the repository");
		goto out;
	}
	if (bundle_find(cache.repo, o->name, &at, err) < 0 ||
	    bundle_find(cache.repo, o->channel, &newest, err) < 0)
		goto out;
	rules.channel_id = at.commit.bundle.channel_id;
	check.current = !strcmp(at.id, newest.id);
	rc = check_chain(&check, at.id, err);
	o->commit.repo = cache.repo;
	if (rc == 0 && o->source)
		rc = check_source(&o->results, &o->review, at.id, &at.commit,
				  err);
	if (rc == 0 && o->approvers) {
		const struct approvals_check approvals = approvals_of(o);

		rc = check_approvals_repo(&approvals, cache.repo, at.id,
					  &at.commit.bundle, err);
	}
out:
	git_odb_free(cache.odb);
	git_repository_free(cache.repo);
	return rc;
}

/* ---- what a host publishes ---- */

struct credentials {
	struct buf ca;
	char *token;			/* "Authorization: Bearer ..." */
	const char *headers[2];
};

static int read_credentials(const struct options *o, struct credentials *c,
			    struct err *err)
{
	static const char name[] = "Authorization: Bearer ";
	struct buf token = BUF_INIT(LIMIT_TOKEN_BYTES);
	struct buf line = BUF_INIT(LIMIT_TOKEN_BYTES + sizeof(name));
	int rc = 0;

	buf_init(&c->ca, LIMIT_PEM_BYTES);
	if (o->ca_file)
		rc = fs_read_follow(o->ca_file, &c->ca, err);
	if (rc == 0 && o->token_file) {
		rc = fs_read_follow(o->token_file, &token, err);
		buf_adds(&line, name);
		buf_add(&line, token.data, strcspn(token.data, " \r\n"));
		c->token = secret_strndup(line.data, line.len);
		c->headers[0] = c->token;
	}
	buf_wipe(&token);
	buf_wipe(&line);
	return rc;
}

/* From the head's bundle down to the one that was named. */
static int find_start(const struct published *p, const struct options *o,
		      const struct verify_rules *rules,
		      struct bundle_commit *at, char ret[GIT_HEX_SIZE],
		      struct err *err)
{
	uint64_t epoch = o->epoch ? o->epoch : at->bundle.epoch;
	uint64_t sequence = o->sequence ? o->sequence : at->bundle.sequence;
	struct verdict v;

	memcpy(ret, p->head.bundle, GIT_HEX_SIZE);
	while (at->bundle.sequence > sequence && at->parent[0]) {
		memcpy(ret, at->parent, GIT_HEX_SIZE);
		if (verify_ancestor(&p->cache, ret, rules, at, &v, err) < 0)
			return -1;
	}
	if (at->bundle.epoch == epoch && at->bundle.sequence == sequence)
		return 0;
	return err_set(err, ERR_INVALID, "bundle %" PRIu64 ".%" PRIu64
		       " is not in the chain that is published", epoch,
		       sequence);
}

static int check_published(const struct published *p, struct options *o,
			   const struct verify_rules *rules, struct err *err)
{
	const struct subject what = { .of = "head", .check = "bundle",
				      .bundle = p->head.bundle };
	struct chain_check check = {
		.cache = &p->cache, .rules = rules,
		.results = &o->results, .last = o->last,
		.published = true,
	};
	struct bundle_commit tip;
	char start[GIT_HEX_SIZE];
	struct verdict v;
	bool bad = !tree_at_hand(&p->cache, p->head.bundle);

	if (bad) {
		v = (struct verdict){ SOURCE_FETCHED, SOURCE_NO_PATH };
		err_set(err, o->results.unknown ? ERR_TRANSIENT : ERR_DENIED,
			"no pack brings bundle %.12s", p->head.bundle);
	} else {
		bad = verify_ancestor(&p->cache, p->head.bundle, rules, &tip,
				      &v, err) < 0 ||
		      verify_is_of_head(&tip, &p->head, &v, err) < 0;
	}
	if (bad) {
		result_refused(&o->results, &what, &v, err);
		return 0;
	}
	result_ok(&o->results, &what, "%s", p->head.bundle);
	/* only the newest bundle's approvals are published */
	if (o->approvers) {
		const struct approvals_check approvals = approvals_of(o);

		check_approvals_text(&approvals, p->approvals.len ?
				     p->approvals.data : NULL,
				     p->approvals.len, p->head.bundle,
				     &tip.bundle);
	}
	if (find_start(p, o, rules, &tip, start, err) < 0)
		return -1;
	check.current = !strcmp(start, p->head.bundle);
	return check_chain(&check, start, err);
}

static int verify_url(struct options *o, const struct trust *publishers,
		      struct err *err)
{
	size_t len = strlen(o->url);
	struct published p = PUBLISHED_INIT;
	struct credentials c = { 0 };
	struct source_settings s = { .name = o->channel };
	struct verify_rules rules = {
		.channel = o->channel, .publishers = publishers,
		.channel_id = p.head.channel_id, .now = clock_now(),
	};
	int rc = read_credentials(o, &c, err);
	char *url;

	while (len && o->url[len - 1] == '/')
		len--;
	s.url = url = xstrndup(o->url, len);
	s.headers = c.token ? c.headers : NULL;
	s.ca_pem = c.ca.len ? c.ca.data : NULL;
	if (rc == 0)
		rc = published_fetch(&p, &s, publishers, &o->results, err);
	if (rc == 0 && p.verified)
		rc = check_published(&p, o, &rules, err);
	published_release(&p);
	secret_free(c.token);
	buf_release(&c.ca);
	free(url);
	return rc;
}

/* ---- the command ---- */

static int check_options(int argc, char **argv, struct options *o)
{
	struct err err = ERR_INIT;

	if (optind != argc - 1)
		return usage_error(usage, "name one channel or bundle");
	o->name = argv[optind];
	if (!o->publishers)
		return usage_error(usage, "--publishers is missing: a file that "
				   "says whose signatures count; `windlass-hook "
				   "init` printed its line");
	if (o->repo && o->url)
		return usage_error(usage, "give --repo or --url, not both");
	if (!o->url && (o->ca_file || o->token_file))
		return usage_error(usage, "--ca-file and --token-file are for "
				   "--url");
	if (o->url && o->source)
		return usage_error(usage, "--source needs the commits of the "
				   "source, which no host publishes: name a "
				   "repository with --repo");
	if (!o->source && (o->commit.paths_given || o->review.config ||
			   o->review.crds.n || o->review.rules.unknown_kinds ||
			   *o->review.rules.default_namespace))
		return usage_error(usage, "--path, --namespace, --crds, "
				   "--unknown-kinds and --config are for "
				   "--source");
	if (o->commit.paths_given && o->review.config)
		return usage_error(usage, "give --path or --config, not both");
	if ((o->needed || o->touch || o->not_by_pusher) && !o->approvers)
		return usage_error(usage, "--approvals, --require-touch and "
				   "--not-by-pusher go with --approvers");
	if (bundle_parse_name(o->name, &o->channel, &o->epoch, &o->sequence,
			      &err) < 0)
		return usage_error(usage, "%s", err.msg);
	return -1;
}

static int take_last(void *target, const char *value, struct err *err)
{
	if (parse_u64(value, 1, LIMIT_EPOCH_BUNDLES, target) < 0)
		return err_set(err, ERR_INVALID, "is no number of bundles");
	return 0;
}

static int take_needed(void *target, const char *value, struct err *err)
{
	if (parse_u64(value, 1, LIMIT_APPROVALS, target) < 0)
		return err_set(err, ERR_INVALID, "is no number of people from "
			       "1 to %d", LIMIT_APPROVALS);
	return 0;
}

static int take_path(void *target, const char *value, struct err *err)
{
	struct options *o = target;

	o->commit.paths_given = true;
	return manifest_path_take(value, &o->commit.paths, err);
}

static int parse_options(int argc, char **argv, struct options *o)
{
	const struct option_spec specs[] = {
		OPTION_TEXT("publishers", &o->publishers),
		OPTION_TEXT("approvers", &o->approvers),
		OPTION_TAKE("approvals", take_needed, &o->needed),
		OPTION_FLAG("require-touch", &o->touch),
		OPTION_FLAG("not-by-pusher", &o->not_by_pusher),
		OPTION_TEXT("repo", &o->repo),
		OPTION_TEXT("url", &o->url),
		OPTION_TAKE("last", take_last, &o->last),
		OPTION_FLAG("source", &o->source),
		OPTION_TAKE("path", take_path, o),
		OPTION_TAKE("namespace", review_take_namespace, &o->review),
		OPTION_TAKE("crds", review_take_crds, &o->review),
		OPTION_TAKE("unknown-kinds", review_take_unknown, &o->review),
		OPTION_TEXT("config", &o->review.config),
		OPTION_TEXT("ca-file", &o->ca_file),
		OPTION_TEXT("token-file", &o->token_file),
		OPTION_TAKE("output", cli_take_output, &o->results.output),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	return status < 0 ? check_options(argc, argv, o) : status;
}

static void print_summary(const struct options *o)
{
	const struct results *f = &o->results;

	if (f->output == OUTPUT_JSON)
		return;
	if (f->bad)
		printf("%s is NOT good: %zu of %zu checks failed\n", o->name,
		       f->bad, f->bad + f->good + f->unknown);
	else if (f->unknown)
		printf("%s: %zu of %zu could not be checked\n", o->name,
		       f->unknown, f->good + f->unknown);
	else
		printf("%s is good: %zu checks\n", o->name, f->good);
}

int cmd_verify(int argc, char **argv)
{
	struct options o = { .results.color = cli_color(stdout) };
	struct trust publishers = TRUST_INIT;
	struct err err = ERR_INIT;
	int status;

	review_init(&o.review);
	o.review.commit = &o.commit;
	status = parse_options(argc, argv, &o);
	if (status >= 0)
		goto out;
	if (cli_read_trust("publishers", o.publishers, TRUST_PUBLISHERS,
			   &publishers, &err) < 0 ||
	    (o.approvers && cli_read_trust("approvers", o.approvers,
					   TRUST_APPROVERS, &o.approver_keys,
					   &err) < 0)) {
		command_fail(&err);
		status = EXIT_TROUBLE;
	} else if ((o.url ? verify_url(&o, &publishers, &err)
		   : verify_repo(&o, &publishers, &err)) < 0) {
		status = command_fail(&err);
	} else {
		print_summary(&o);
		status = results_status(&o.results);
	}
out:
	trust_release(&publishers);
	trust_release(&o.approver_keys);
	review_release(&o.review);
	strvec_release(&o.commit.paths);
	free(o.channel);
	return status;
}
