/*
 * Which channels a push is about. See concern.h. Trusts what is below the
 * repository's own refs and state, as all of the hook does; every doubt is
 * answered by the long way, which judges and publishes.
 */
#include "config.h"
#include "hooks/concern.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks/current.h"
#include "hooks/job.h"
#include "hooks/record.h"
#include "hooks/settings.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/head.h"
#include "schema/repo.h"

/* a channel has a handful of paths */
#define CONTENT_BYTES (1024u * 1024)

/* The bundle that refs/windlass/<channel> names. */
static bool find_bundle(git_repository *repo, const struct channel_config *ch,
			char id[GIT_HEX_SIZE], struct bundle *ret)
{
	char *ref = current_ref(ch);
	struct bundle_commit c;
	struct err ignored = ERR_INIT;
	bool there = repo_ref(repo, ref, id, &ignored) == 0 && *id &&
		     repo_read_bundle(repo, id, &c, NULL, NULL,
				      &ignored) == 0;

	if (there)
		*ret = c.bundle;
	free(ref);
	return there && ret->epoch == ch->epoch;
}

static bool is_announced(const struct host_config *host,
			 const struct channel_config *ch, const char *bundle)
{
	char *path = xasprintf("%s/%s/head", host->publish_dir, ch->name);
	struct buf data = BUF_INIT(LIMIT_HEAD_BYTES);
	struct err ignored = ERR_INIT;
	struct head h;
	size_t text;
	bool named = fs_read(AT_FDCWD, path, &data, &ignored) == 0 &&
		     head_split(data.data, data.len, &text, &ignored) == 0 &&
		     head_parse(data.data, text, &h, &ignored) == 0 &&
		     !strcmp(h.bundle, bundle);

	buf_release(&data);
	free(path);
	return named;
}

static bool same_at(git_repository *repo, const git_oid *a, const git_oid *b,
		    const char *path)
{
	struct err ignored = ERR_INIT;
	git_oid in_a, in_b;
	unsigned mode_a, mode_b;

	return repo_tree_entry(repo, a, path, &in_a, &mode_a, &ignored) == 0 &&
	       repo_tree_entry(repo, b, path, &in_b, &mode_b, &ignored) == 0 &&
	       git_oid_equal(&in_a, &in_b) && mode_a == mode_b;
}

bool concern_none(git_repository *repo, const struct host_config *host,
		  const struct channel_config *ch, const char *tip)
{
	char bundle[GIT_HEX_SIZE];
	struct sha256 settings;
	struct err ignored = ERR_INIT;
	struct bundle b;
	git_oid was, now;

	if (ch->developers || !find_bundle(repo, ch, bundle, &b) ||
	    repo_commit_tree(repo, b.source_commit, &was, &ignored) ||
	    repo_commit_tree(repo, tip, &now, &ignored))
		return false;
	for (size_t i = 0; i < ch->paths.n; i++)
		if (!same_at(repo, &was, &now, ch->paths.v[i]))
			return false;
	return settings_digest(repo, ch, &now, &settings, &ignored) == 0 &&
	       settings_match(host, ch, bundle, &settings) &&
	       is_announced(host, ch, bundle);
}

bool concern_nothing_now(git_repository *repo, const struct host_config *host,
			 const struct channel_config *ch)
{
	char tip[GIT_HEX_SIZE];
	struct err ignored = ERR_INIT;
	bool none;
	int lock;

	if (job_lock(host, ch, 0, &lock, &ignored) < 0)
		return false;
	none = repo_ref(repo, ch->ref, tip, &ignored) == 0 && *tip &&
	       concern_none(repo, host, ch, tip) &&
	       !record_says_waits(repo, ch);
	close(lock);
	return none;
}

static int add_content(git_repository *repo, const git_oid *tree,
		       const char *path, struct buf *out, struct err *err)
{
	char hex[GIT_HEX_SIZE] = "none";
	unsigned mode = 0;
	git_oid id;
	int rc = repo_tree_entry(repo, tree, path, &id, &mode, err);

	if (rc < 0)
		return -1;
	if (!rc)
		git_oid_tostr(hex, sizeof(hex), &id);
	buf_addf(out, "%o %s %s\n", mode, hex, path);
	return 0;
}

int concern_content(git_repository *repo, const struct channel_config *ch,
		    const char *commit, struct sha256 *ret, struct err *err)
{
	struct buf text = BUF_INIT(CONTENT_BYTES);
	git_oid tree;
	int rc = repo_commit_tree(repo, commit, &tree, err);

	for (size_t i = 0; !rc && i < ch->paths.n; i++)
		rc = add_content(repo, &tree, ch->paths.v[i], &text, err);
	for (size_t i = 0; !rc && i < ch->crds.n; i++)
		if (ch->crds.v[i][0] != '/')
			rc = add_content(repo, &tree, ch->crds.v[i], &text,
					 err);
	if (!rc)
		rc = buf_check(&text, "the list of a channel's paths", err);
	if (!rc)
		sha256_of(text.data, text.len, ret);
	buf_release(&text);
	return rc;
}
