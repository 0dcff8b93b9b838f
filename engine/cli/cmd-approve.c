/*
 * windlass approve: somebody looks at what would run, and says yes or no to
 * exactly that. The tag is what `git tag -s` makes with their own settings;
 * this command adds what people forget: it verifies first, shows all that
 * changed since what they approved before, and signs the digest that was
 * shown. Trusts the file of publishers and nothing that was fetched.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/cli/approve.h"
#include "engine/cli/bundle-diff.h"
#include "engine/cli/check-chain.h"
#include "engine/cli/git-run.h"
#include "engine/cli/said.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/options.h"

static const char usage[] =
"usage: windlass approve [--reject] [OPTION]... CHANNEL\n"
"\n"
"Fetches the newest bundle of the channel into the clone, verifies it, shows\n"
"what it would change, asks, signs a tag with your git's own signing key, and\n"
"pushes that to the Git host, which publishes it. What is shown is everything\n"
"since the bundle that you approved last, here; the first time, all of it.\n"
"\n"
"  --reject           say no instead: the bundle is blocked for good\n"
"  --not-after TIME   how long the consent is good: 7d (default), 12h, ...\n"
"  --since BUNDLE     show what changed since this bundle\n"
"  --live             show what changed since what the cluster has accepted\n"
"  --publishers FILE  who may publish, as OpenSSH's allowed_signers (default:\n"
"                     git config windlass.CHANNEL.publishers)\n"
"  --approvers FILE   name only who is in it of those who have approved it or\n"
"                     rejected it, by their keys (default: git config\n"
"                     windlass.CHANNEL.approvers)\n"
"  --as NAME          what the Git host calls you (default: git config\n"
"                     windlass.approver, else user.email)\n"
"  --message TEXT     a line of your own in the tag\n"
"  --repo DIR         the clone (default: here)\n"
"  --remote NAME      where it is fetched from and pushed to (default: origin)\n"
"  --yes              do not ask\n"
"  --forwarded-agent  sign by an agent that was forwarded to this machine\n"
"  --kubeconfig FILE  with --live: as kubectl has it (default: $KUBECONFIG)\n"
"  --context NAME     with --live\n"
"\n"
"Exit status: 0 when it is pushed, 1 if it was not: what was fetched is not\n"
"good, you said no, or the Git host refused it; 2 for any other trouble.\n";

#define DEFAULT_LIFE (7 * 24 * 3600)
#define LIFE_MAX (366 * 24 * 3600)

/* ---- settings ---- */

static int read_trust(struct approve *a, struct err *err)
{
	char *key = xasprintf("windlass.%s.publishers", a->channel);
	char *path = NULL;
	int rc = 0;

	if (!a->publishers)
		rc = git_setting(a->dir, key, &path, err);
	if (rc == 0 && !a->publishers && !path)
		rc = err_set(err, ERR_INVALID, "whose bundles are they? Give "
			     "--publishers FILE, or set it once: git config "
			     "%s FILE; `windlass-hook init` printed its line",
			     key);
	if (rc == 0)
		rc = cli_read_trust("publishers", a->publishers ?
				    a->publishers : path, TRUST_PUBLISHERS,
				    &a->trust, err);
	free(path);
	free(key);
	return rc;
}

/* Who may approve, if they know. */
static int read_listed(struct approve *a, struct err *err)
{
	char *key = xasprintf("windlass.%s.approvers", a->channel);
	char *path = NULL;
	int rc = a->approvers ? 0 : git_setting(a->dir, key, &path, err);

	if (rc == 0 && (a->approvers || path))
		rc = cli_read_trust("approvers", a->approvers ? a->approvers :
				    path, TRUST_APPROVERS, &a->listed, err);
	free(path);
	free(key);
	return rc;
}

/* ---- what would run ---- */

/* Bundles between the two, each to be verified; 0: all there are. */
static uint64_t distance(const struct approve *a)
{
	const struct bundle *tip = &a->tip.commit.bundle;
	const struct bundle *before = &a->before.commit.bundle;

	if (!a->has_before || before->epoch != tip->epoch)
		return 0;
	return tip->sequence > before->sequence ?
	       tip->sequence - before->sequence : 1;
}

static int verify(struct approve *a, struct err *err)
{
	struct results results = { .color = cli_color(stdout) };
	struct cache cache = { .repo = a->repo };
	struct verify_rules rules = {
		.channel = a->channel, .publishers = &a->trust,
		.channel_id = a->tip.commit.bundle.channel_id,
		.now = clock_now(),
	};
	struct chain_check check = {
		.cache = &cache, .rules = &rules, .results = &results,
		.last = distance(a), .current = true,
	};
	int rc;

	if (git_repository_odb(&cache.odb, cache.repo) < 0)
		return repo_err(err, ERR_INTERNAL,
				"cannot read the repository");
	rc = check_chain(&check, a->tip.id, err);
	if (rc == 0 && a->since && distance(a) == 0) {
		/* what it is compared with is in no chain with it, and no
		 * cluster has verified it */
		check.last = 1;
		check.current = false;
		rc = check_chain(&check, a->before.id, err);
	}
	git_odb_free(cache.odb);
	if (rc == 0 && results_status(&results) != EXIT_OK)
		rc = err_set(err, ERR_DENIED, "nothing is signed for a bundle "
			     "that is not good");
	return rc;
}

static void print_ident(const char *what, const char *ident)
{
	const char *end = strchr(ident, '>');

	printf("  %s", what);
	cli_print_scrubbed(ident, end ? (size_t)(end + 1 - ident)
				      : strlen(ident));
	puts("");
}

static int show(struct approve *a, struct err *err)
{
	const struct bundle *b = &a->tip.commit.bundle;
	struct bundle_diff diff = {
		.repo = a->repo, .color = cli_color(stdout),
	};
	char hex[SHA256_HEX_SIZE], issued[CLOCK_TEXT_SIZE];
	int rc;

	printf("\n");
	rc = bundle_diff(&diff, a->has_before ? &a->before : NULL, &a->tip,
			 err);
	sha256_hex(&b->content, hex);
	clock_format(b->issued, issued);
	printf("\n%s %" PRIu64 ".%" PRIu64 " of %s\n  bundle  %s\n"
	       "  content sha256:%s\n  source  %s\n", b->channel, b->epoch,
	       b->sequence, issued, a->tip.id, hex, b->source_commit);
	print_ident("author  ", a->tip.commit.author);
	for (size_t i = 0; i < b->pushers.n; i++)
		printf("%s%s", i ? ", " : "  pushed by ", b->pushers.v[i]);
	if (b->pushers.n)
		putchar('\n');
	if (a->listed.n)
		said_print_by(a->repo, a->tip.id, b, &a->listed, clock_now(),
			      "  ", ", by their keys");
	else
		said_print(a->repo, b, "  ", ", as the Git host has it");
	if (a->said_all > LIMIT_APPROVALS)
		printf("  the Git host has %zu approvals and rejects of it; "
		       "%d were looked at\n", a->said_all, LIMIT_APPROVALS);
	printf("  %zu of %" PRIu64 " object%s", diff.changes, b->objects,
	       plural(b->objects));
	if (a->has_before)
		printf(" other than in %" PRIu64 ".%" PRIu64 ", which %s\n",
		       a->before.commit.bundle.epoch,
		       a->before.commit.bundle.sequence, a->before_what);
	else if (a->other_epoch)
		printf(", all of them: what %s is of epoch %" PRIu64 "\n",
		       a->before_what, a->other_epoch);
	else
		puts(", all of them new to you");
	return rc;
}

/* ---- yes or no ---- */

static int ask(const struct approve *a, struct err *err)
{
	char answer[64] = "";
	char until[CLOCK_TEXT_SIZE];

	clock_format(a->said.not_after, until);
	printf("\n%s %s %" PRIu64 ".%" PRIu64 "%s%s? [y/N] ",
	       a->reject ? "Reject" : "Approve", a->said.channel,
	       a->said.epoch, a->said.sequence, a->reject ? ", for good" :
	       " until ", a->reject ? "" : until);
	if (a->yes) {
		puts("yes");
		return 0;
	}
	fflush(stdout);
	if (!isatty(STDIN_FILENO)) {
		puts("");
		return err_set(err, ERR_INVALID, "there is nobody to ask; "
			       "--yes says yes");
	}
	if (fgets(answer, sizeof(answer), stdin) &&
	    (!strcmp(answer, "y\n") || !strcmp(answer, "yes\n")))
		return 0;
	return err_set(err, ERR_DENIED, "nothing was signed");
}

/* ---- the command ---- */

static int approve(struct approve *a, struct err *err)
{
	char *name = NULL;
	int rc = -1;

	/* what would fail at the end is said at the beginning */
	if (bundles_open(a->dir, &a->repo, err) < 0 ||
	    read_trust(a, err) < 0 || read_listed(a, err) < 0 ||
	    approve_check_signing(a, err) < 0 ||
	    approve_find_name(a, &name, err) < 0)
		goto out;
	a->from = (struct fetch){ a->dir, a->remote, a->channel };
	if (fetch_bundles(&a->from, err) < 0 ||
	    bundle_find(a->repo, a->channel, &a->tip, err) < 0 ||
	    fetch_approvals(&a->from, &a->tip.commit.bundle,
			    a->listed.n ? &a->listed : NULL, &a->said_all,
			    err) < 0 || approve_find_before(a, err) < 0 ||
	    verify(a, err) < 0 || show(a, err) < 0)
		goto out;
	approval_of(a->tip.id, &a->tip.commit.bundle, a->reject,
		    clock_now() + a->life, &a->said);
	rc = ask(a, err);
	if (rc == 0)
		rc = approve_sign(a, err);
out:
	free(name);
	return rc;
}

static int take_life(void *target, const char *word, struct err *err)
{
	int64_t *life = target;

	if (parse_duration(word, life) < 0 || *life < 60 || *life > LIFE_MAX)
		return err_set(err, ERR_INVALID, "must be a time from 1m to "
			       "366d, such as 7d or 12h");
	return 0;
}

static int take_message(void *target, const char *word, struct err *err)
{
	const char **message = target;

	if (!*word || strlen(word) > 200 || strpbrk(word, "\r\n"))
		return err_set(err, ERR_INVALID, "must be one line of at most "
			       "200 bytes");
	*message = word;
	return 0;
}

static int parse_options(int argc, char **argv, struct approve *a)
{
	const struct option_spec specs[] = {
		OPTION_FLAG("reject", &a->reject),
		OPTION_TAKE("not-after", take_life, &a->life),
		OPTION_TEXT("since", &a->since),
		OPTION_FLAG("live", &a->live),
		OPTION_TEXT("publishers", &a->publishers),
		OPTION_TEXT("approvers", &a->approvers),
		OPTION_TEXT("as", &a->as),
		OPTION_TAKE("message", take_message, &a->message),
		OPTION_TEXT("repo", &a->dir),
		OPTION_TEXT("remote", &a->remote),
		OPTION_FLAG("yes", &a->yes),
		OPTION_FLAG("forwarded-agent", &a->forwarded),
		OPTION_TEXT("kubeconfig", &a->kubeconfig),
		OPTION_TEXT("context", &a->context),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status >= 0)
		return status;
	if (a->since && a->live)
		return usage_error(usage, "give --since or --live, not both");
	if (!a->live && (a->kubeconfig || a->context))
		return usage_error(usage, "--kubeconfig and --context are for "
				   "--live");
	return cli_channel(usage, argc, argv, &a->channel);
}

int cmd_approve(int argc, char **argv)
{
	struct approve a = {
		.remote = "origin", .life = DEFAULT_LIFE,
	};
	struct err err = ERR_INIT;
	int status = parse_options(argc, argv, &a);

	if (status >= 0)
		return status;
	status = approve(&a, &err) < 0 ? command_fail(&err) : EXIT_OK;
	git_repository_free(a.repo);
	trust_release(&a.trust);
	trust_release(&a.listed);
	return status;
}
