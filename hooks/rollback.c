/*
 * Rolling the source back. See rollback.h. Trusts a bundle for the name of its
 * source commit, which its signature covers.
 */
#include "config.h"
#include "hooks/rollback.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/current.h"
#include "hooks/edit.h"
#include "hooks/faults.h"
#include "hooks/rolled-back.h"
#include "schema/base/utf8.h"

/* commits that the message names, and bytes of what each says of itself */
#define NAMED_COMMITS 20
#define SUMMARY_BYTES 200
/* those, and a reason of which each byte became \xNN: it always fits, for a
 * pusher's words must not keep a channel from being rolled back */
#define MESSAGE_BYTES (NAMED_COMMITS * (SUMMARY_BYTES + 40u) + \
		       4u * ROLLBACK_REASON_BYTES + 4096u)

/* ---- which bundle ---- */

/* Along the chain from the newest bundle of its epoch. */
static int find_bundle(struct rollback *r, uint64_t epoch, uint64_t sequence,
		       struct err *err)
{
	struct current c = CURRENT_INIT;
	char id[GIT_HEX_SIZE] = "";
	char *ref;
	int rc = current_read(r->host->repo, r->ch, &c, err);

	if (rc < 0)
		return -1;
	if (!epoch)
		epoch = *c.id ? c.commit.bundle.epoch : r->ch->epoch;
	if (*c.id && c.commit.bundle.epoch == epoch) {
		memcpy(id, c.id, sizeof(id));
	} else {
		ref = current_epoch_ref(r->ch, epoch);
		rc = repo_ref(r->host->repo, ref, id, err);
		free(ref);
	}
	while (!rc && *id) {
		rc = current_read_id(r->host->repo, r->ch, id, &c, err);
		if (!rc && c.commit.bundle.sequence <= sequence)
			break;
		if (!rc)
			memcpy(id, c.commit.parent, sizeof(id));
	}
	if (rc < 0)
		return -1;
	if (!*id || c.commit.bundle.sequence != sequence ||
	    c.commit.bundle.epoch != epoch)
		return err_set(err, ERR_INVALID, "channel '%s' has no bundle %"
			       PRIu64 ".%" PRIu64 "; `windlass log --repo %s "
			       "%s` lists those that there are", r->ch->name,
			       epoch, sequence, r->host->config.git_dir,
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

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !len || (!strncmp(path, dir, len) &&
			(!path[len] || path[len] == '/'));
}

/* Would another channel lose objects by it, or get older ones? */
static bool is_others(const struct rollback *r, const char *path)
{
	const struct host_config *c = &r->host->config;

	for (size_t i = 0; i < c->n; i++) {
		const struct channel_config *ch = &c->channels[i];

		if (!strcmp(ch->name, r->ch->name) ||
		    strcmp(ch->ref, r->ch->ref))
			continue;
		for (size_t k = 0; k < ch->paths.n; k++)
			if (is_below(path, ch->paths.v[k]) ||
			    is_below(ch->paths.v[k], path))
				return true;
	}
	return false;
}

/* What kinds there are is part of what a bundle was made of. A path that the
 * setting has since then stays: without it no push is taken. So does one of
 * which another channel makes objects; who only reads definitions there judges
 * the push as any other. */
static int take_crds_back(const struct rollback *r, git_oid *tree,
			  const git_oid *from, struct err *err)
{
	git_repository *repo = r->host->repo;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < r->ch->crds.n; i++) {
		const char *path = r->ch->crds.v[i];
		unsigned mode;
		git_oid id;

		/* of the Git host, or all of the repository */
		if (*path == '/' || !*path || is_others(r, path))
			continue;
		rc = repo_tree_entry(repo, from, path, &id, &mode, err);
		if (!rc)
			rc = take_back(repo, tree, from, path, err);
	}
	return rc < 0 ? -1 : 0;
}

static int make_tree(struct rollback *r, struct err *err)
{
	const struct bundle *b = &r->bundle.bundle;
	const char *source = b->source_commit;
	git_oid from;

	if (repo_ref(r->host->repo, r->ch->ref, r->tip, err) < 0)
		return -1;
	if (!*r->tip)
		return err_set(err, ERR_INVALID, "there is no %s to commit to",
			       r->ch->ref);
	if (repo_commit_tree(r->host->repo, r->tip, &r->tip_tree, err) < 0)
		return -1;
	if (repo_commit_tree(r->host->repo, source, &from, err) < 0)
		return err_wrap(err, "commit %.12s, of which bundle %" PRIu64
				".%" PRIu64 " was made, cannot be read: bring "
				"it back by a push from a clone that has it",
				source, b->epoch, b->sequence);
	r->tree = r->tip_tree;
	for (size_t i = 0; i < r->ch->paths.n; i++)
		if (take_back(r->host->repo, &r->tree, &from,
			      r->ch->paths.v[i], err) < 0)
			return -1;
	return take_crds_back(r, &r->tree, &from, err);
}

/* ---- the message ---- */

/* One line of somebody's text, of at most `max` bytes: control characters are
 * spaces, and what else is not to be printed is made visible. */
static void add_line(struct buf *out, const char *s, size_t len, size_t max)
{
	struct buf line = BUF_INIT(4 * max + 1);
	size_t n = len > max ? utf8_cut(s, max) : len;
	size_t cut;

	for (size_t i = 0, run; i < n; i += run + 1) {
		for (run = 0; i + run < n; run++)
			if ((unsigned char)s[i + run] < ' ')
				break;
		buf_add_scrubbed(&line, s + i, run);
		if (i + run < n)
			buf_addc(&line, ' ');
	}
	cut = utf8_cut(line.data, max);
	buf_add(out, line.data, cut);
	buf_adds(out, n < len || cut < line.len ? "...\n" : "\n");
	buf_release(&line);
}

static void add_commit(git_repository *repo, const git_oid *id,
		       struct buf *out)
{
	char hex[GIT_HEX_SIZE];
	const char *summary;
	git_commit *c;

	if (git_commit_lookup(&c, repo, id) < 0)
		return;
	git_oid_tostr(hex, sizeof(hex), id);
	buf_addf(out, "  %.12s ", hex);
	summary = git_commit_summary(c);
	add_line(out, summary ? summary : "", summary ? strlen(summary) : 0,
		 SUMMARY_BYTES);
	git_commit_free(c);
}

/* The commits that came after it, the newest first. */
static int add_commits(const struct rollback *r, struct buf *out, struct err *err)
{
	git_revwalk *walk = NULL;
	git_oid tip, source, id;
	size_t n = 0;
	int rc = git_revwalk_new(&walk, r->host->repo);

	rc = rc < 0 ? rc : git_oid_fromstr(&tip, r->tip);
	rc = rc < 0 ? rc : git_oid_fromstr(&source,
					   r->bundle.bundle.source_commit);
	rc = rc < 0 ? rc : git_revwalk_push(walk, &tip);
	rc = rc < 0 ? rc : git_revwalk_hide(walk, &source);
	while (!rc && n <= NAMED_COMMITS) {
		rc = git_revwalk_next(&id, walk);
		if (!rc && n++ < NAMED_COMMITS)
			add_commit(r->host->repo, &id, out);
		else if (!rc)
			buf_adds(out, "  and more\n");
	}
	git_revwalk_free(walk);
	if (rc < 0 && rc != GIT_ITEROVER)
		return repo_err(err, ERR_INTERNAL, "cannot walk from %s",
				r->tip);
	return 0;
}

static int write_message(const struct rollback *r, const char *reason,
			 struct buf *out, struct err *err)
{
	const struct bundle *b = &r->bundle.bundle;

	buf_addf(out, "Roll %s back to %" PRIu64 ".%" PRIu64 "\n\n",
		 r->ch->name, b->epoch, b->sequence);
	buf_addf(out, "The files of the channel are again those of %.12s, of "
		 "which\nthat bundle was made, without what came after "
		 "it:\n\n", b->source_commit);
	if (add_commits(r, out, err) < 0)
		return -1;
	if (reason)
		buf_addc(out, '\n');
	while (reason && *reason) {
		size_t len = strcspn(reason, "\n");

		add_line(out, reason, len, 4 * ROLLBACK_REASON_BYTES);
		reason += len + (reason[len] == '\n');
	}
	/* alone in the last paragraph: no line above is a trailer */
	buf_addf(out, "\n" ROLLBACK_TRAILER ": %s %" PRIu64 ".%" PRIu64 "\n",
		 r->ch->name, b->epoch, b->sequence);
	return buf_check(out, "the commit's message", err);
}

/* ---- all of it ---- */

int rollback_open(const struct host *host, const struct channel_config *ch,
		  uint64_t epoch, uint64_t sequence, struct rollback *ret,
		  struct err *err)
{
	struct rollback r = { .host = host, .ch = ch };

	if (find_bundle(&r, epoch, sequence, err) < 0 ||
	    make_tree(&r, err) < 0)
		return -1;
	*ret = r;
	return 0;
}

bool rollback_is_done(const struct rollback *r)
{
	return git_oid_equal(&r->tree, &r->tip_tree);
}

int rollback_make(const struct rollback *r, const char *reason,
		  char ret_id[GIT_HEX_SIZE], struct err *err)
{
	struct buf message = BUF_INIT(MESSAGE_BYTES);
	int rc = write_message(r, reason, &message, err);

	if (!rc)
		rc = edit_commit(r->host, r->ch, r->tip, &r->tree,
				 message.data, ret_id, err);
	if (!rc)
		rc = rolled_back_add(&r->host->config, r->ch, ret_id, err);
	buf_release(&message);
	return rc;
}

int rollback_push(const struct rollback *r, const char *id,
		  uint64_t allow_deletes, struct buf *ret_words,
		  struct err *err)
{
	int rc;

	fault_step(FAULT_undo_made);
	rc = edit_push(r->host, r->ch, id, allow_deletes, ret_words, err);
	if (!rc)
		fault_step(FAULT_undo_pushed);
	return rc;
}
