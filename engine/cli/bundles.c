/*
 * Bundles by name, and what differs between two. See bundles.h. The
 * repository may be anybody's: what it says is shown, not believed; only
 * `windlass verify` tells whether it is signed.
 */
#include "config.h"
#include "engine/cli/bundles.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/json.h"
#include "schema/object.h"

#include <fcntl.h>

/* A linked working tree has HEAD and index of its own: what the repository
 * has is asked for here. Malloced; `dir` itself if it is no such one. */
static char *find_main(const char *dir)
{
	git_repository *linked = NULL;
	char *found;

	if (git_repository_open_ext(&linked, dir,
				    GIT_REPOSITORY_OPEN_NO_SEARCH,
				    NULL) == 0 &&
	    git_repository_is_worktree(linked))
		found = xstrdup(git_repository_commondir(linked));
	else
		found = xstrdup(dir);
	git_repository_free(linked);
	return found;
}

/* Of the folder that we are in, or of one above, as for git. */
static int open_here(git_repository **ret, struct err *err)
{
	git_buf found = GIT_BUF_INIT;
	char *main;
	int rc;

	if (repo_init_library(err) < 0)
		return -1;
	if (git_repository_discover(&found, ".", false,
				    getenv("GIT_CEILING_DIRECTORIES")) < 0)
		return err_set(err, ERR_INTERNAL, "there is no Git repository "
			       "here: name one with --repo");
	main = find_main(found.ptr);
	rc = repo_open(main, false, ret, err);
	free(main);
	git_buf_dispose(&found);
	return rc;
}

static int open_there(const char *dir, git_repository **ret, struct err *err)
{
	char *inner = xasprintf("%s/.git", dir);
	int rc = repo_open(fs_exists(AT_FDCWD, inner) ? inner : dir, false,
			   ret, err);

	free(inner);
	return rc;
}

int bundles_open(const char *dir, git_repository **ret, struct err *err)
{
	int rc;

	if (!dir)
		dir = getenv("GIT_DIR");
	rc = dir ? open_there(dir, ret, err) : open_here(ret, err);
	/* nothing was looked at yet, so nothing was found wrong */
	if (rc && err->class == ERR_INVALID)
		err->class = ERR_INTERNAL;
	return rc;
}

static int read_at(git_repository *repo, const char *id,
		   struct bundle_at *ret, struct err *err)
{
	struct bundle_at at;

	memcpy(at.id, id, sizeof(at.id));
	if (repo_read_bundle(repo, id, &at.commit, NULL, NULL, err) < 0)
		return err_wrap(err, "bundle %.12s", id);
	*ret = at;
	return 0;
}

int bundle_before(git_repository *repo, const struct bundle_at *of,
		  struct bundle_at *ret, struct err *err)
{
	if (!of->commit.parent[0])
		return 1;
	return read_at(repo, of->commit.parent, ret, err);
}

/* The newest bundle of the channel's current epoch, or of an older one. */
static int find_tip(git_repository *repo, const char *channel,
		    uint64_t epoch, struct bundle_at *ret, struct err *err)
{
	char *ref = xasprintf(BUNDLE_REF_PREFIX "%s", channel);
	char id[GIT_HEX_SIZE];
	int rc = repo_ref(repo, ref, id, err);

	if (!rc && !id[0])
		rc = err_set(err, ERR_INVALID, "there is no '%s' here; name "
			     "the Git host's repository with --repo, or run "
			     "git fetch origin '" BUNDLE_REF_PREFIX "*:"
			     BUNDLE_REF_PREFIX "*'", ref);
	if (!rc)
		rc = read_at(repo, id, ret, err);
	free(ref);
	if (rc || epoch == 0 || ret->commit.bundle.epoch == epoch)
		return rc;

	ref = xasprintf(BUNDLE_EPOCHS_PREFIX "%s/%llu", channel,
			(unsigned long long)epoch);
	rc = repo_ref(repo, ref, id, err);
	if (!rc && !id[0])
		rc = err_set(err, ERR_INVALID, "channel '%s' has no epoch "
			     "%llu here", channel, (unsigned long long)epoch);
	if (!rc)
		rc = read_at(repo, id, ret, err);
	free(ref);
	return rc;
}

int bundle_parse_name(const char *name, char **ret_channel,
		      uint64_t *ret_epoch, uint64_t *ret_sequence,
		      struct err *err)
{
	size_t len = strcspn(name, "@");
	char *channel = xstrndup(name, len);
	const char *number = name[len] ? name + len + 1 : NULL;
	const char *dot = number ? strchr(number, '.') : NULL;
	uint64_t epoch = *ret_epoch, sequence = *ret_sequence;
	int rc = -1;

	if (!is_channel_name(channel))
		err_set(err, ERR_INVALID, "'%s' is no name of a channel",
			channel);
	else if (number &&
		 ((dot && parse_u64n(number, (size_t)(dot - number), 1,
				     LIMIT_SEQUENCE, &epoch)) ||
		  parse_u64(dot ? dot + 1 : number, 1, LIMIT_SEQUENCE,
			    &sequence)))
		err_set(err, ERR_INVALID, "'%s' is no bundle; write CHANNEL, "
			"CHANNEL@SEQUENCE or CHANNEL@EPOCH.SEQUENCE", name);
	else
		rc = 0;
	if (rc == 0) {
		*ret_epoch = epoch;
		*ret_sequence = sequence;
		*ret_channel = channel;
	} else {
		free(channel);
	}
	return rc;
}

int bundle_find(git_repository *repo, const char *name,
		struct bundle_at *ret, struct err *err)
{
	uint64_t epoch = 0, sequence = 0;
	struct bundle_at at;
	char *channel;
	int rc = -1;

	if (bundle_parse_name(name, &channel, &epoch, &sequence, err) < 0)
		return -1;
	if (find_tip(repo, channel, epoch, &at, err) < 0)
		goto out;
	while (sequence && at.commit.bundle.sequence > sequence) {
		int none = bundle_before(repo, &at, &at, err);

		if (none < 0)
			goto out;
		if (none)
			break;
	}
	if (sequence && at.commit.bundle.sequence != sequence) {
		err_set(err, ERR_INVALID, "channel '%s' has no bundle %llu; "
			"its newest is %llu.%llu", channel,
			(unsigned long long)sequence,
			(unsigned long long)at.commit.bundle.epoch,
			(unsigned long long)at.commit.bundle.sequence);
		goto out;
	}
	*ret = at;
	rc = 0;
out:
	free(channel);
	return rc;
}

static int load_tree(git_repository *repo, const struct bundle_at *at,
		     git_tree **ret, struct err *err)
{
	git_oid id;

	if (repo_commit_tree(repo, at->id, &id, err) < 0)
		return -1;
	if (git_tree_lookup(ret, repo, &id) < 0)
		return repo_err(err, ERR_INVALID, "cannot read the tree of "
				"bundle %.12s", at->id);
	return 0;
}

static char op_of(const git_diff_delta *delta)
{
	if (delta->status == GIT_DELTA_ADDED)
		return '+';
	return delta->status == GIT_DELTA_DELETED ? '-' : '~';
}

/* The part under objects/, without the SHA256SUMS of its folders. */
static bool is_object_path(const char *path)
{
	size_t len = strlen(path);

	return !strncmp(path, "objects/", 8) && len > 5 &&
	       !strcmp(path + len - 5, ".json");
}

int bundle_changes(git_repository *repo, const struct bundle_at *from,
		   const struct bundle_at *to,
		   int (*fn)(void *arg, char op, const char *path,
			     const git_oid *old_id, const git_oid *new_id,
			     struct err *err),
		   void *arg, struct err *err)
{
	git_diff_options opts = GIT_DIFF_OPTIONS_INIT;
	git_tree *a = NULL, *b = NULL;
	git_diff *diff = NULL;
	int rc = -1;

	opts.flags = GIT_DIFF_SKIP_BINARY_CHECK;
	if ((from && load_tree(repo, from, &a, err) < 0) ||
	    load_tree(repo, to, &b, err) < 0)
		goto out;
	if (git_diff_tree_to_tree(&diff, repo, a, b, &opts) < 0) {
		repo_err(err, ERR_INVALID, "cannot compare two bundles");
		goto out;
	}
	for (size_t i = 0; i < git_diff_num_deltas(diff); i++) {
		const git_diff_delta *d = git_diff_get_delta(diff, i);
		char op = op_of(d);

		if (!is_object_path(d->new_file.path))
			continue;
		if (fn(arg, op, d->new_file.path,
		       op == '+' ? NULL : &d->old_file.id,
		       op == '-' ? NULL : &d->new_file.id, err) < 0)
			goto out;
	}
	rc = 0;
out:
	git_diff_free(diff);
	git_tree_free(a);
	git_tree_free(b);
	return rc;
}

bool bundle_path_is_secret(const char *path)
{
	return strstr(path, "/core/Secret/") != NULL;
}

bool bundle_may_be_copy(const char *annotation)
{
	return strstr(annotation, "applied") || strstr(annotation, "original");
}

static struct node *hidden(struct arena *a, const struct node *value)
{
	return node_str(a, value->type == NODE_STR ?
			arena_printf(a, "(hidden, %u bytes)", value->n / 4 * 3)
			: "(hidden)");
}

/* A field that may hold values of the Secret, whatever its form. */
static void hide_field(struct arena *a, struct node_pair *field)
{
	struct node *map = field->value;

	if (map->type != NODE_MAP) {
		field->value = hidden(a, map);
		return;
	}
	for (uint32_t i = 0; i < map->n; i++)
		map->pairs[i].value = hidden(a, map->pairs[i].value);
}

void bundle_hide_secret(struct arena *a, struct node *secret)
{
	static const char *const shown[] = {
		"apiVersion", "kind", "metadata", "type", "immutable",
	};
	const struct node *notes = node_path(secret, "metadata",
					     "annotations", NULL);

	for (uint32_t i = 0; notes && notes->type == NODE_MAP &&
	     i < notes->n; i++)
		if (bundle_may_be_copy(notes->pairs[i].key))
			hide_field(a, &notes->pairs[i]);
	for (uint32_t i = 0; secret->type == NODE_MAP && i < secret->n; i++) {
		bool show = false;

		for (size_t k = 0; k < ARRAY_SIZE(shown); k++)
			if (!strcmp(secret->pairs[i].key, shown[k]))
				show = true;
		if (!show)
			hide_field(a, &secret->pairs[i]);
	}
}

static int write_secret(const struct buf *text, struct buf *out,
			struct err *err)
{
	struct arena a = ARENA_INIT;
	struct node *root;
	int rc = json_read(text->data, text->len, &a, &root, err);

	if (rc == 0 && root->type != NODE_MAP)
		rc = err_set(err, ERR_INVALID, "a Secret that is no map");
	if (rc == 0) {
		bundle_hide_secret(&a, root);
		json_write_canonical(root, out);
	}
	arena_wipe(&a);
	return rc;
}

int bundle_object(git_repository *repo, const char *path,
		  const git_oid *blob, struct buf *out, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_OBJECT_BYTES);
	char id[GIT_HEX_SIZE];
	int rc;

	git_oid_tostr(id, sizeof(id), blob);
	rc = repo_read(repo, id, GIT_OBJECT_BLOB, &text, err);
	if (rc == 0 && bundle_path_is_secret(path))
		rc = write_secret(&text, out, err);
	else if (rc == 0)
		buf_add(out, text.data, text.len);
	buf_wipe(&text);
	return rc ? err_wrap(err, "'%s'", path) : 0;
}
