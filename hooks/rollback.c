/*
 * `windlass-hook rollback CHANNEL SEQUENCE`: what `git revert` and a push do,
 * for the night when nobody has a clone. The channel's files become again what
 * the bundle was made of, in one commit on the tip, which is then checked,
 * planned, gated and signed as any other push: rolled back is the source, and
 * no bundle is signed twice. Trusts a bundle for the name of its source
 * commit, which its signature covers.
 */
#include "config.h"
#include "hooks/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks/current.h"
#include "hooks/edit.h"
#include "hooks/git.h"
#include "hooks/guard.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/options.h"

/* commits that the message names */
#define NAMED_COMMITS 20
#define REASON_BYTES 4096
#define MESSAGE_BYTES (16u * 1024)

static const char usage[] =
"usage: windlass-hook rollback [OPTIONS] CHANNEL SEQUENCE\n"
"\n"
"Makes the files of the channel again what an earlier bundle was made of, by a\n"
"new commit on its ref, and pushes that through the hooks. SEQUENCE is a\n"
"number, or EPOCH.SEQUENCE.\n"
"\n"
"  --repo DIR           the bare repository (default: $GIT_DIR or .)\n"
"  --dry-run            say which files would change, and push nothing\n"
"  --reason=TEXT        stands in the commit's message\n"
"  --allow-deletes=N    it may delete N objects\n";

struct rollback {
	const char *repo;
	bool dry_run;
	const char *reason;
	uint64_t allow_deletes;

	struct host host;
	const struct channel_config *ch;
	uint64_t epoch, sequence;	/* 0: the epoch of now */
	struct bundle_commit bundle;	/* to go back to */
	char tip[GIT_HEX_SIZE];
	git_oid tip_tree, tree;
};

/* ---- which bundle ---- */

static int parse_sequence(const char *s, struct rollback *r)
{
	const char *dot = strchr(s, '.');

	if (dot && parse_u64n(s, (size_t)(dot - s), 1, LIMIT_SEQUENCE,
			      &r->epoch) < 0)
		return -1;
	return parse_u64(dot ? dot + 1 : s, 1, LIMIT_SEQUENCE, &r->sequence);
}

/* Along the chain from the newest bundle of its epoch. */
static int find_bundle(struct rollback *r, struct err *err)
{
	struct current c = CURRENT_INIT;
	char id[GIT_HEX_SIZE] = "";
	char *ref;
	int rc = current_read(r->host.repo, r->ch, &c, err);

	if (rc < 0)
		return -1;
	if (!r->epoch)
		r->epoch = *c.id ? c.commit.bundle.epoch : r->ch->epoch;
	if (*c.id && c.commit.bundle.epoch == r->epoch) {
		memcpy(id, c.id, sizeof(id));
	} else {
		ref = current_epoch_ref(r->ch, r->epoch);
		rc = repo_ref(r->host.repo, ref, id, err);
		free(ref);
	}
	while (!rc && *id) {
		rc = current_read_id(r->host.repo, r->ch, id, &c, err);
		if (!rc && c.commit.bundle.sequence <= r->sequence)
			break;
		if (!rc)
			memcpy(id, c.commit.parent, sizeof(id));
	}
	if (rc < 0)
		return -1;
	if (!*id || c.commit.bundle.sequence != r->sequence ||
	    c.commit.bundle.epoch != r->epoch)
		return err_set(err, ERR_INVALID, "channel '%s' has no bundle %"
			       PRIu64 ".%" PRIu64 "; `windlass log --repo %s "
			       "%s` lists those that there are", r->ch->name,
			       r->epoch, r->sequence, r->host.config.git_dir,
			       r->ch->name);
	r->bundle = c.commit;
	return 0;
}

/* ---- the tree ---- */

/* Puts what stood at the path in `from` there in `tree`, or nothing. */
static int take_back(git_repository *repo, git_oid *tree, const git_oid *from,
		     const char *path, struct err *err)
{
	unsigned mode, had_mode;
	git_oid id, had;
	int there, was;

	if (!*path) {
		*tree = *from;
		return 0;
	}
	there = repo_tree_entry(repo, tree, path, &had, &had_mode, err);
	if (there < 0)
		return -1;
	was = repo_tree_entry(repo, from, path, &id, &mode, err);
	if (was < 0)
		return -1;
	if (!there && !was && git_oid_equal(&id, &had) && mode == had_mode)
		return 0;
	if (!there && edit_tree(repo, tree, path, NULL, 0, err) < 0)
		return -1;
	return was ? 0 : edit_tree(repo, tree, path, &id, mode, err);
}

static int make_tree(struct rollback *r, struct err *err)
{
	const char *source = r->bundle.bundle.source_commit;
	git_oid from;

	if (repo_ref(r->host.repo, r->ch->ref, r->tip, err) < 0)
		return -1;
	if (!*r->tip)
		return err_set(err, ERR_INVALID, "there is no %s to commit to",
			       r->ch->ref);
	if (repo_commit_tree(r->host.repo, r->tip, &r->tip_tree, err) < 0)
		return -1;
	if (repo_commit_tree(r->host.repo, source, &from, err) < 0)
		return err_wrap(err, "commit %.12s, of which bundle %" PRIu64
				".%" PRIu64 " was made, cannot be read: bring "
				"it back by a push from a clone that has it",
				source, r->epoch, r->sequence);
	r->tree = r->tip_tree;
	for (size_t i = 0; i < r->ch->paths.n; i++)
		if (take_back(r->host.repo, &r->tree, &from,
			      r->ch->paths.v[i], err) < 0)
			return -1;
	return 0;
}

/* ---- the message ---- */

/* One line of somebody's text: what moves a terminal is left out. */
static void add_line(struct buf *out, const char *s)
{
	for (; s && *s; s++)
		buf_addc(out, (unsigned char)*s < ' ' || *s == 0x7f ? ' ' : *s);
	buf_addc(out, '\n');
}

static void add_commit(git_repository *repo, const git_oid *id,
		       struct buf *out)
{
	char hex[GIT_HEX_SIZE];
	git_commit *c;

	if (git_commit_lookup(&c, repo, id) < 0)
		return;
	git_oid_tostr(hex, sizeof(hex), id);
	buf_addf(out, "  %.12s ", hex);
	add_line(out, git_commit_summary(c));
	git_commit_free(c);
}

/* The commits that came after it, the newest first. */
static int add_commits(struct rollback *r, struct buf *out, struct err *err)
{
	git_revwalk *walk = NULL;
	git_oid tip, source, id;
	size_t n = 0;
	int rc = git_revwalk_new(&walk, r->host.repo);

	rc = rc < 0 ? rc : git_oid_fromstr(&tip, r->tip);
	rc = rc < 0 ? rc : git_oid_fromstr(&source,
					   r->bundle.bundle.source_commit);
	rc = rc < 0 ? rc : git_revwalk_push(walk, &tip);
	rc = rc < 0 ? rc : git_revwalk_hide(walk, &source);
	while (!rc && n <= NAMED_COMMITS) {
		rc = git_revwalk_next(&id, walk);
		if (!rc && n++ < NAMED_COMMITS)
			add_commit(r->host.repo, &id, out);
		else if (!rc)
			buf_adds(out, "  and more\n");
	}
	git_revwalk_free(walk);
	if (rc < 0 && rc != GIT_ITEROVER)
		return repo_err(err, ERR_INTERNAL, "cannot walk from %s",
				r->tip);
	return 0;
}

static int write_message(struct rollback *r, struct buf *out, struct err *err)
{
	buf_addf(out, "Roll %s back to %" PRIu64 ".%" PRIu64 "\n\n",
		 r->ch->name, r->epoch, r->sequence);
	buf_addf(out, "The files of the channel are again those of %.12s, of "
		 "which\nthat bundle was made, without what came after "
		 "it:\n\n", r->bundle.bundle.source_commit);
	if (add_commits(r, out, err) < 0)
		return -1;
	if (r->reason) {
		buf_addc(out, '\n');
		add_line(out, r->reason);
	}
	buf_addf(out, "\nWindlass-Rollback: %s %" PRIu64 ".%" PRIu64 "\n",
		 r->ch->name, r->epoch, r->sequence);
	return buf_check(out, "the commit's message", err);
}

/* ---- all of it ---- */

/* Which files would be other ones. */
static int show(struct rollback *r, struct err *err)
{
	char from[GIT_HEX_SIZE], to[GIT_HEX_SIZE];
	const char *const argv[] = {
		"diff", "--no-color", "--no-ext-diff", "--no-renames",
		"--name-status", from, to, "--", NULL,
	};

	git_oid_tostr(from, sizeof(from), &r->tip_tree);
	git_oid_tostr(to, sizeof(to), &r->tree);
	fflush(stdout);
	return git_run(&r->host.config, argv, NULL, 0, STDOUT_FILENO, err);
}

static int push(struct rollback *r, struct err *err)
{
	struct buf message = BUF_INIT(MESSAGE_BYTES);
	struct buf words = BUF_INIT(EDIT_WORDS_BYTES);
	char id[GIT_HEX_SIZE];
	int rc = write_message(r, &message, err);

	if (!rc)
		rc = edit_commit(&r->host, r->ch, r->tip, &r->tree,
				 message.data, id, err);
	if (!rc)
		rc = edit_push(&r->host, r->ch, id, r->allow_deletes, &words,
			       err);
	if (words.len)
		fputs(words.data, stderr);
	if (!rc)
		printf("%s %s is %.12s: the source of %" PRIu64 ".%" PRIu64
		       "\n", r->ch->name, r->ch->ref, id, r->epoch,
		       r->sequence);
	buf_release(&message);
	buf_release(&words);
	return rc;
}

static int roll_back(struct rollback *r, const char *name, struct err *err)
{
	r->ch = config_channel(&r->host.config, name);
	if (!r->ch)
		return err_set(err, ERR_INVALID, "no channel '%s' is "
			       "configured in '%s'", name,
			       r->host.config.git_dir);
	if (find_bundle(r, err) < 0 || make_tree(r, err) < 0)
		return -1;
	if (git_oid_equal(&r->tree, &r->tip_tree)) {
		printf("%s is what it was at %" PRIu64 ".%" PRIu64 " already: "
		       "nothing to do\n", r->ch->name, r->epoch, r->sequence);
		return 0;
	}
	return r->dry_run ? show(r, err) : push(r, err);
}

static int take_allowance(void *target, const char *value, struct err *err)
{
	struct rollback *r = target;

	if (parse_u64(value, 1, LIMIT_BUNDLE_OBJECTS, &r->allow_deletes) < 0)
		return err_set(err, ERR_INVALID, "must be a number from 1");
	return 0;
}

int cmd_rollback(int argc, char **argv)
{
	struct rollback r = { .host = HOST_INIT };
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &r.repo),
		OPTION_FLAG("dry-run", &r.dry_run),
		OPTION_TEXT("reason", &r.reason),
		OPTION_TAKE(ALLOW_OPTION, take_allowance, &r),
		OPTION_END
	};
	struct err err = ERR_INIT;
	int status = options_parse(specs, usage, argc, argv);

	if (status >= 0)
		return status;
	if (argc - optind != 2)
		return usage_error(usage, "it wants a channel and a sequence");
	if (parse_sequence(argv[optind + 1], &r) < 0)
		return usage_error(usage, "'%s' is no sequence: 41, or 1.41 "
				   "with its epoch", argv[optind + 1]);
	if (r.reason && strlen(r.reason) > REASON_BYTES)
		return usage_error(usage, "--reason is longer than %d bytes",
				   REASON_BYTES);
	if (host_open(r.repo, false, &r.host, &err) < 0)
		return command_fail(&err);
	status = roll_back(&r, argv[optind], &err) < 0 ? command_fail(&err)
						      : EXIT_OK;
	host_close(&r.host);
	return status;
}
