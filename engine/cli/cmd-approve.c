/*
 * windlass approve: somebody looks at what would run, and says yes or no to
 * exactly that. The tag is what `git tag -s` makes with their own settings;
 * this command adds what people forget: it verifies first, shows all that
 * changed since what they approved before, and signs the digest that was
 * shown. Trusts the file of publishers and nothing that was fetched.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/cli/bundle-diff.h"
#include "engine/cli/check-chain.h"
#include "engine/cli/cluster.h"
#include "engine/cli/fetch.h"
#include "engine/cli/git-run.h"
#include "engine/cli/said.h"
#include "engine/status.h"
#include "schema/approval.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/options.h"
#include "schema/sshsig.h"

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
/* the bundle of a channel that was approved last in this clone: not a ref,
 * which a mirror takes from the Git host as any other */
#define APPROVED_KEY "windlass-approved.%s.bundle"

struct approve {
	const char *channel, *dir, *remote, *publishers, *as, *since;
	const char *message, *kubeconfig, *context, *approvers;
	int64_t life;
	bool reject, yes, live, forwarded;

	struct trust trust;
	struct trust listed;		/* who may approve; n 0: not known */
	git_repository *repo;
	struct bundle_at tip, before;
	struct fetch from;
	size_t said_all;		/* tags that the Git host has of it */
	bool has_before;
	uint64_t other_epoch;		/* what was approved last is of; or 0 */
	const char *before_what;	/* "the cluster has accepted" */
	struct approval said;
};

/* ---- settings ---- */

/* git config --get key; NULL if it is not set. Malloced. */
static int config_get(const struct approve *a, const char *key, char **ret,
		      struct err *err)
{
	/* as a path: "~/" is their home, and what is none stays as it is */
	const char *const argv[] = {
		"config", "--type=path", "--get", key, NULL,
	};
	struct buf value = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = git_line(a->dir, argv, &value, err);

	*ret = rc == 0 && value.len ? xstrdup(value.data) : NULL;
	buf_release(&value);
	return rc < 0 ? -1 : 0;
}

static int read_trust(struct approve *a, struct err *err)
{
	char *key = xasprintf("windlass.%s.publishers", a->channel);
	char *path = NULL;
	int rc = 0;

	if (!a->publishers)
		rc = config_get(a, key, &path, err);
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
	int rc = a->approvers ? 0 : config_get(a, key, &path, err);

	if (rc == 0 && (a->approvers || path))
		rc = cli_read_trust("approvers", a->approvers ? a->approvers :
				    path, TRUST_APPROVERS, &a->listed, err);
	free(path);
	free(key);
	return rc;
}

/* By what name the Git host knows this person. Malloced. */
static int find_name(const struct approve *a, char **ret, struct err *err)
{
	*ret = a->as ? xstrdup(a->as) : NULL;
	if (!*ret && (config_get(a, "windlass.approver", ret, err) < 0 ||
		      (!*ret && config_get(a, "user.email", ret, err) < 0)))
		return -1;
	return *ret ? 0 : err_set(err, ERR_INVALID, "what does the Git host "
				  "call you? Give --as NAME, or set it once: "
				  "git config windlass.approver NAME");
}

/* True for a public key, in words or as a file without its private half,
 * whose signatures need no touch: an agent makes them. */
static bool agent_signs(const char *key)
{
	struct buf text = BUF_INIT(LIMIT_TRUST_BYTES);
	size_t len = strlen(key), end = strlen(".pub");
	struct err unread = ERR_INIT;
	char *private;
	bool yes;

	if (!strncmp(key, "key::", 5) || !strncmp(key, "ssh-", 4))
		return !strstr(key, "sk-ssh-");
	if (len <= end || strcmp(key + len - end, ".pub"))
		return false;
	private = xstrndup(key, len - end);
	yes = !fs_exists(AT_FDCWD, private) &&
	      !fs_read_follow(key, &text, &unread) &&
	      strncmp(text.data, "sk-ssh-", strlen("sk-ssh-"));
	free(private);
	buf_release(&text);
	return yes;
}

/*
 * An agent that somebody forwarded signs for whoever is root on this machine:
 * without a touch nobody would notice. key NULL: git takes one of the agent.
 */
static int check_agent(const struct approve *a, const char *key,
		       struct err *err)
{
	if (a->forwarded || !getenv("SSH_CONNECTION") ||
	    !getenv("SSH_AUTH_SOCK") || (key && !agent_signs(key)))
		return 0;
	return err_set(err, ERR_INVALID, "user.signingKey is held by an agent "
		       "that seems to be forwarded to this machine, and wants "
		       "no touch: whoever is root here can sign with it. Use a "
		       "security key, approve on your own machine, or say "
		       "--forwarded-agent");
}

/* Their git must be able to make a signature that counts. */
static int check_signing(const struct approve *a, struct err *err)
{
	char *format = NULL, *key = NULL, *command = NULL;
	int rc = config_get(a, "gpg.format", &format, err);

	if (rc == 0)
		rc = config_get(a, "user.signingKey", &key, err);
	if (rc == 0)
		rc = config_get(a, "gpg.ssh.defaultKeyCommand", &command, err);
	if (rc == 0 && (!format || strcmp(format, "ssh") ||
			(!key && !command)))
		rc = err_set(err, ERR_INVALID, "git signs with no SSH key here "
			     "yet: git config --global gpg.format ssh; git "
			     "config --global user.signingKey FILE");
	if (rc == 0)
		rc = check_agent(a, key, err);
	free(format);
	free(key);
	free(command);
	return rc;
}

/* ---- what would run ---- */

/* The bundles of an older epoch are brought too, if one is asked for. */
static int fetch_older(const struct approve *a, uint64_t epoch,
		       struct err *err)
{
	return !epoch || epoch >= a->tip.commit.bundle.epoch ? 0 :
	       fetch_epoch(&a->from, a->repo, epoch, err);
}

/* A host that shows less than it did was restored, or is lying. */
static int check_rollback(const struct approve *a, uint64_t epoch,
			  uint64_t sequence, struct err *err)
{
	const struct bundle *tip = &a->tip.commit.bundle;

	if (epoch < tip->epoch ||
	    (epoch == tip->epoch && sequence <= tip->sequence))
		return 0;
	return err_set(err, ERR_DENIED, "the newest bundle there, %s@%" PRIu64
		       ".%" PRIu64 ", is older than %" PRIu64 ".%" PRIu64
		       ", which %s: was the Git host restored from a backup? "
		       "Do not approve anything before you know why",
		       a->channel, tip->epoch, tip->sequence, epoch, sequence,
		       a->before_what);
}

/* A bundle of the chain by its place, which must be this very one. */
static int find_exactly(struct approve *a, uint64_t epoch, uint64_t sequence,
			const char *id, struct err *err)
{
	char *name = xasprintf("%s@%" PRIu64 ".%" PRIu64, a->channel, epoch,
			       sequence);
	int rc = check_rollback(a, epoch, sequence, err);

	if (rc == 0)
		rc = fetch_older(a, epoch, err);
	if (rc == 0)
		rc = bundle_find(a->repo, name, &a->before, err);
	if (rc == 0 && strcmp(a->before.id, id))
		rc = err_set(err, ERR_DENIED, "%s is %.12s, and %s %.12s: do "
			     "not approve anything before you know why", name,
			     a->before.id, a->before_what, id);
	free(name);
	return rc;
}

/*
 * The accepted bundle by its id. One of an older epoch may be lost, and with
 * it why that epoch ended: all is shown then, and it is said why.
 */
static int find_accepted(struct approve *a, const struct channel_status *s,
			 struct err *err)
{
	uint64_t epoch = s->accepted.epoch;
	int rc;

	a->has_before = true;
	rc = find_exactly(a, epoch, s->accepted.sequence, s->accepted.bundle,
			  err);
	if (rc == 0 || epoch >= a->tip.commit.bundle.epoch)
		return rc;
	a->has_before = false;
	a->other_epoch = epoch;
	fprintf(stderr, "windlass: %s\n", err->msg);
	err_clear(err);
	return 0;
}

static int before_live(struct approve *a, struct err *err)
{
	struct cluster c = CLUSTER_INIT;
	struct arena arena = ARENA_INIT;
	struct channel_status status = { 0 };
	struct node *channel;
	int rc = cluster_open(&c, a->kubeconfig, a->context, err);

	a->before_what = "the cluster has accepted";
	if (rc == 0)
		rc = cluster_channel(&c, a->channel, &arena, &channel, err);
	if (rc == 0)
		rc = status_read(channel, &status, err);
	if (rc == 0 && status.accepted.bundle[0])
		rc = find_accepted(a, &status, err);
	channel_status_release(&status);
	arena_release(&arena);
	cluster_close(&c);
	return rc;
}

static int before_remembered(struct approve *a, struct err *err)
{
	char *key = xasprintf(APPROVED_KEY, a->channel), *id = NULL;
	struct err gone = ERR_INIT;
	struct bundle_commit c;
	int rc = config_get(a, key, &id, err);

	a->before_what = "you approved";
	if (rc == 0 && id && is_git_id(id, strlen(id)) &&
	    !repo_read_bundle(a->repo, id, &c, NULL, NULL, &gone)) {
		/* what an older epoch lost is nobody's to compare with */
		if (c.bundle.epoch < a->tip.commit.bundle.epoch)
			a->other_epoch = c.bundle.epoch;
		a->has_before = !a->other_epoch;
	}
	if (a->has_before)
		rc = find_exactly(a, c.bundle.epoch, c.bundle.sequence, id,
				  err);
	free(id);
	free(key);
	return rc;
}

static int before_named(struct approve *a, struct err *err)
{
	uint64_t epoch = 0, sequence = 0;
	char *channel = NULL;
	int rc = bundle_parse_name(a->since, &channel, &epoch, &sequence, err);

	a->has_before = true;
	a->before_what = "you named";
	if (rc == 0 && !strcmp(channel, a->channel))
		rc = fetch_older(a, epoch, err);
	if (rc == 0)
		rc = bundle_find(a->repo, a->since, &a->before, err);
	free(channel);
	return rc;
}

static int find_before(struct approve *a, struct err *err)
{
	if (a->live)
		return before_live(a, err);
	return a->since ? before_named(a, err) : before_remembered(a, err);
}

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

/* ---- signing ---- */

/* The id of the tag that was made. It lives at the Git host, under another
 * name: here it goes, or is the one again that they had made by hand. */
static int take_tag(const struct approve *a, const char *ref,
		    const char *before, char id[GIT_HEX_SIZE], struct err *err)
{
	const char *const parse[] = { "rev-parse", ref, NULL };
	const char *const drop[] = { "update-ref", "-d", ref, NULL };
	const char *const restore[] = { "update-ref", ref, before, NULL };
	struct buf line = BUF_INIT(256);
	int rc = git_line(a->dir, parse, &line, err) ? -1 : 0;

	if (rc == 0)
		rc = git_attended(a->dir, *before ? restore : drop, NULL, err);
	if (rc == 0 && !is_git_id(line.data, line.len))
		rc = err_set(err, ERR_INTERNAL, "git names no tag '%s'", ref);
	if (rc == 0)
		memcpy(id, line.data, GIT_HEX_SIZE);
	buf_release(&line);
	return rc;
}

/* By their git: it finds the key, asks for a passphrase or a touch. */
static int make_tag(const struct approve *a, char id[GIT_HEX_SIZE],
		    struct err *err)
{
	/* no line is a comment, whatever core.commentChar says */
	const char *argv[] = {
		"tag", "-f", "-s", "--cleanup=verbatim", "-F", "-", NULL,
		a->tip.id, NULL,
	};
	struct buf name = BUF_INIT(APPROVAL_NAME_BYTES);
	struct buf text = BUF_INIT(LIMIT_APPROVAL_BYTES);
	char before[GIT_HEX_SIZE], *ref;
	int rc;

	approval_tag_name(&a->said, &name);
	approval_message_write(&a->said, a->message, &text);
	argv[6] = name.data;
	ref = xasprintf("refs/tags/%s", name.data);
	rc = repo_ref(a->repo, ref, before, err);
	if (rc == 0)
		rc = git_attended(a->dir, argv, text.data, err);
	if (rc == 0)
		rc = take_tag(a, ref, before, id, err);
	free(ref);
	buf_release(&name);
	buf_release(&text);
	return rc;
}

/* What was made says what was shown, and is signed. */
static int check_tag(const struct approve *a, const struct buf *raw,
		     struct err *err)
{
	const struct approval *want = &a->said;
	struct buf print = BUF_INIT(128);
	struct approval is;
	struct sshkey key;
	size_t payload;

	if (approval_parse(raw->data, raw->len, &is, &payload, err) < 0 ||
	    sshsig_verify(raw->data + payload, raw->len - payload,
			  APPROVAL_NAMESPACE, raw->data, payload, &key, NULL,
			  err) < 0)
		return err_wrap(err, "what git signed is no approval");
	if (strcmp(is.bundle, want->bundle) || is.reject != want->reject ||
	    is.not_after != want->not_after ||
	    !sha256_equal(&is.content, &want->content))
		return err_set(err, ERR_INTERNAL, "git signed another text "
			       "than it was given");
	sshkey_fingerprint(&key, &print);
	printf("signed by %s key %s\n", sshkey_type_name(key.type),
	       print.data);
	buf_release(&print);
	return 0;
}

static int push(const struct approve *a, const char *id, const struct buf *raw,
		struct err *err)
{
	struct buf ref = BUF_INIT(APPROVAL_NAME_BYTES + GIT_HEX_SIZE);
	char *name = NULL;
	int rc = find_name(a, &name, err);

	if (rc == 0) {
		/* nothing of theirs goes along, and of a mirror not all */
		char *mirror = xasprintf("remote.%s.mirror=false", a->remote);
		const char *argv[] = {
			"-c", mirror, "push", "-q", "--no-follow-tags",
			"--recurse-submodules=no", "--end-of-options",
			a->remote, NULL, NULL,
		};

		buf_addf(&ref, "%s:", id);
		approval_ref(&a->said, name, raw->data, raw->len, &ref);
		argv[8] = ref.data;
		rc = buf_check(&ref, "--as", err);
		if (rc == 0)
			rc = git_attended(a->dir, argv, NULL, err);
		free(mirror);
		if (rc)
			err_wrap(err, "it is signed, but not pushed as '%s'; "
				 "if the Git host calls you something else, "
				 "give --as", name);
	}
	buf_release(&ref);
	free(name);
	return rc;
}

/* So that next time only what is new since then is shown. */
static int remember(const struct approve *a, struct err *err)
{
	char *key = xasprintf(APPROVED_KEY, a->channel);
	const char *const argv[] = { "config", key, a->tip.id, NULL };
	int rc = a->reject ? 0 : git_attended(a->dir, argv, NULL, err);

	free(key);
	return rc;
}

static int sign(const struct approve *a, struct err *err)
{
	struct buf raw = BUF_INIT(LIMIT_APPROVAL_BYTES);
	char id[GIT_HEX_SIZE];
	int rc = make_tag(a, id, err);

	if (rc == 0)
		rc = repo_read(a->repo, id, GIT_OBJECT_TAG, &raw, err);
	if (rc == 0)
		rc = check_tag(a, &raw, err);
	if (rc == 0)
		rc = push(a, id, &raw, err);
	if (rc == 0)
		rc = remember(a, err);
	buf_release(&raw);
	return rc;
}

/* ---- the command ---- */

static int approve(struct approve *a, struct err *err)
{
	char *name = NULL;
	int rc = -1;

	/* what would fail at the end is said at the beginning */
	if (bundles_open(a->dir, &a->repo, err) < 0 ||
	    read_trust(a, err) < 0 || read_listed(a, err) < 0 ||
	    check_signing(a, err) < 0 ||
	    find_name(a, &name, err) < 0)
		goto out;
	a->from = (struct fetch){ a->dir, a->remote, a->channel };
	if (fetch_bundles(&a->from, err) < 0 ||
	    bundle_find(a->repo, a->channel, &a->tip, err) < 0 ||
	    fetch_approvals(&a->from, &a->tip.commit.bundle,
			    a->listed.n ? &a->listed : NULL, &a->said_all,
			    err) < 0 || find_before(a, err) < 0 ||
	    verify(a, err) < 0 || show(a, err) < 0)
		goto out;
	approval_of(a->tip.id, &a->tip.commit.bundle, a->reject,
		    clock_now() + a->life, &a->said);
	rc = ask(a, err);
	if (rc == 0)
		rc = sign(a, err);
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
