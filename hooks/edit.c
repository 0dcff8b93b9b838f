/*
 * Commits that are made at the Git host. See edit.h. Never signs with the
 * publisher's key: a commit whose tree and message others can choose must not
 * have a signature that makes a bundle. Trusts the stock git that PATH finds
 * to run the hooks, as it does for every push.
 */
#include "config.h"
#include "hooks/edit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/git.h"
#include "hooks/guard.h"
#include "hooks/sign.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"

/* the hooks may publish a large channel; a host that hangs must not keep serve
 * from going back anywhere, or images from being looked at */
#define PUSH_MS (10 * 60 * 1000)
/* git's exit status when there was no answer: a host that is down or does not
 * know us, or more where a signal ended it; what a host refuses is 1 */
#define GIT_DIED 128

int edit_tree(git_repository *repo, git_oid *tree, const char *path,
	      const git_oid *id, unsigned mode, struct err *err)
{
	const git_tree_update update = {
		.action = id ? GIT_TREE_UPDATE_UPSERT : GIT_TREE_UPDATE_REMOVE,
		.path = path,
		.id = id ? *id : (git_oid){ { 0 } },
		.filemode = (git_filemode_t)mode,
	};
	git_tree *t;
	int rc = git_tree_lookup(&t, repo, tree);

	if (!rc) {
		rc = git_tree_create_updated(tree, repo, t, 1, &update);
		git_tree_free(t);
	}
	if (rc < 0)
		return repo_err(err, ERR_INTERNAL, "cannot %s %s in a tree",
				id ? "put" : "remove", path);
	return 0;
}

/* The commit without its signature. */
static int make_payload(const struct host *host,
			const struct channel_config *ch, const char *tip,
			const git_oid *tree, const char *message,
			git_buf *ret, struct err *err)
{
	char identity[SIGN_IDENTITY_MAX + 1];
	git_signature *who = NULL;
	git_commit *parent = NULL;
	git_tree *t = NULL;
	git_oid id;
	int rc;

	if (sign_committer(ch->editor, clock_now(), identity, err) < 0)
		return -1;
	rc = git_signature_from_buffer(&who, identity);
	rc = rc < 0 ? rc : git_oid_fromstr(&id, tip);
	rc = rc < 0 ? rc : git_commit_lookup(&parent, host->repo, &id);
	rc = rc < 0 ? rc : git_tree_lookup(&t, host->repo, tree);
	rc = rc < 0 ? rc : git_commit_create_buffer(
		ret, host->repo, who, who, NULL, message, t, 1,
		(const git_commit *[]){ parent });
	if (rc < 0)
		rc = repo_err(err, ERR_INTERNAL, "cannot make a commit on %s",
			      tip);
	git_signature_free(who);
	git_commit_free(parent);
	git_tree_free(t);
	return rc;
}

/* NULL where the channel has no key, and needs none. */
static int open_signer(const struct channel_config *ch, struct signer **ret,
		       struct err *err)
{
	*ret = NULL;
	if (!ch->editor_key) {
		if (!ch->require_signed_commits && !ch->require_signed_push)
			return 0;
		return err_set(err, ERR_INVALID, "channel '%s' wants what is "
			       "signed by one of its developers: set windlass."
			       "%s.editorKey to a key that '%s' lists",
			       ch->name, ch->name, ch->developers);
	}
	if (signer_open(ch->editor_key, ret, err) < 0)
		return err_wrap(err, "windlass.%s.editorKey", ch->name);
	return 0;
}

int edit_check(const struct channel_config *ch, struct err *err)
{
	struct signer *signer;
	int rc = open_signer(ch, &signer, err);

	signer_free(signer);
	return rc;
}

/* The armour, without its last LF; nothing where the channel has no key. */
static int sign(const struct channel_config *ch, const git_buf *payload,
		struct buf *ret, struct err *err)
{
	struct signer *signer;
	int rc = open_signer(ch, &signer, err);

	if (rc < 0 || !signer)
		return rc;
	rc = sign_text(signer, "git", payload->ptr, payload->size, ret, err);
	if (rc < 0)
		err_wrap(err, "windlass.%s.editorKey", ch->name);
	else
		buf_truncate(ret, ret->len - 1);
	signer_free(signer);
	return rc;
}

int edit_commit(const struct host *host, const struct channel_config *ch,
		const char *tip, const git_oid *tree, const char *message,
		char ret_id[GIT_HEX_SIZE], struct err *err)
{
	struct buf armour = BUF_INIT(LIMIT_ARMOUR_BYTES);
	git_buf payload = { 0 };
	git_oid id;
	int rc = make_payload(host, ch, tip, tree, message, &payload, err);

	if (!rc)
		rc = sign(ch, &payload, &armour, err);
	if (!rc && git_commit_create_with_signature(
			&id, host->repo, payload.ptr,
			armour.len ? armour.data : NULL, NULL) < 0)
		rc = repo_err(err, ERR_INTERNAL, "cannot write a commit");
	if (!rc)
		git_oid_tostr(ret_id, GIT_HEX_SIZE, &id);
	git_buf_dispose(&payload);
	buf_release(&armour);
	return rc;
}

/* What the hooks say comes with "remote: " before and spaces behind it. */
static void add_words(const struct buf *diag, struct buf *out)
{
	static const char remote[] = "remote: ";
	const char *p = diag->data, *end = p + diag->len;

	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		const char *next = lf ? lf + 1 : end, *last = lf ? lf : end;

		if ((size_t)(last - p) >= strlen(remote) &&
		    !memcmp(p, remote, strlen(remote)))
			p += strlen(remote);
		while (last > p && (last[-1] == ' ' || last[-1] == '\r'))
			last--;
		buf_add(out, p, (size_t)(last - p));
		buf_addc(out, '\n');
		p = next;
	}
}

int edit_push(const struct host *host, const struct channel_config *ch,
	      const char *id, uint64_t allow_deletes, struct buf *ret_words,
	      struct err *err)
{
	struct buf diag = BUF_INIT(EDIT_WORDS_BYTES);
	char *key = xasprintf("user.signingKey=%s",
			      ch->editor_key ? ch->editor_key : "");
	char *allow = xasprintf(ALLOW_OPTION "=%s:%" PRIu64, ch->name,
				allow_deletes);
	char *refspec = xasprintf("%s:%s", id, ch->ref);
	const char *argv[16];
	size_t n = 0;
	int status, rc;

	argv[n++] = "-c";
	argv[n++] = "gpg.format=ssh";
	argv[n++] = "-c";
	argv[n++] = key;
	argv[n++] = "push";
	argv[n++] = "--quiet";
	argv[n++] = ch->require_signed_push ? "--signed=true"
					    : "--signed=false";
	if (allow_deletes) {
		argv[n++] = "-o";
		argv[n++] = allow;
	}
	argv[n++] = "--";
	argv[n++] = host->config.push_url ? host->config.push_url
					  : host->config.git_dir;
	argv[n++] = refspec;
	argv[n] = NULL;
	rc = git_try(&host->config, argv, PUSH_MS, &diag, &status, err);
	add_words(&diag, ret_words);
	if (!rc && status >= GIT_DIED)
		rc = err_set(err, ERR_TRANSIENT, "%s could not be pushed to",
			     ch->ref);
	else if (!rc && status)
		rc = err_set(err, ERR_DENIED, "the push to %s was refused",
			     ch->ref);
	free(key);
	free(allow);
	free(refspec);
	buf_release(&diag);
	return rc;
}
