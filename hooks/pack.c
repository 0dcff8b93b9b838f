/*
 * Making and keeping published files. See pack.h. A file appears under its
 * name only when all its bytes are on the disk. Trusts stock git to pack
 * what it is told; refuses a pack larger than an engine would take.
 */
#include "config.h"
#include "hooks/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/git.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"

#define TEMP_PREFIX "tmp-"
#define FILE_MODE 0640
/* a list of a million objects with their paths */
#define LIST_MAX (1024u * 1024 * 1024)
#define READ_CHUNK 65536

int pack_dir(const struct host_config *host, const struct channel_config *ch,
	     struct buf *ret_path, struct err *err)
{
	buf_addf(ret_path, "%s/%s", host->publish_dir, ch->name);
	if (buf_check(ret_path, "a path", err) < 0)
		return -1;
	return fs_mkdirs(ret_path->data, 0750, err);
}

static int packs_dir(const struct host_config *host,
		     const struct channel_config *ch, struct buf *ret_path,
		     struct err *err)
{
	buf_addf(ret_path, "%s/%s/packs", host->publish_dir, ch->name);
	if (buf_check(ret_path, "a path", err) < 0)
		return -1;
	return fs_mkdirs(ret_path->data, 0750, err);
}

int pack_path(const struct host_config *host, const struct channel_config *ch,
	      const struct sha256 *digest, struct buf *ret_path,
	      struct err *err)
{
	char hex[SHA256_HEX_SIZE];

	sha256_hex(digest, hex);
	buf_addf(ret_path, "%s/%s/packs/%s", host->publish_dir, ch->name, hex);
	return buf_check(ret_path, "a path", err);
}

/* ---- a file in the making ---- */

struct temp {
	struct buf path;
	int fd;			/* -1: none */
};

#define TEMP_INIT { .path = BUF_INIT(LIMIT_PATH_BYTES), .fd = -1 }

static int temp_open(const struct host_config *host,
		     const struct channel_config *ch, struct temp *t,
		     struct err *err)
{
	if (packs_dir(host, ch, &t->path, err) < 0)
		return -1;
	buf_addf(&t->path, "/" TEMP_PREFIX "%08" PRIx32 "%08" PRIx32,
		 randombytes_random(), randombytes_random());
	if (buf_check(&t->path, "a path", err) < 0)
		return -1;
	t->fd = open(t->path.data, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW |
		     O_CLOEXEC, FILE_MODE);
	if (t->fd < 0)
		return err_sys(err, "cannot create '%s'", t->path.data);
	/* as the head: a pusher's umask must not hide it from a web server */
	if (fchmod(t->fd, FILE_MODE) < 0)
		return err_sys(err, "cannot set the mode of '%s'",
			       t->path.data);
	return 0;
}

/* What is not renamed by then goes away. */
static void temp_release(struct temp *t)
{
	if (t->fd >= 0) {
		unlink(t->path.data);
		close(t->fd);
	}
	buf_release(&t->path);
}

static int digest_of(const struct temp *t, struct pack_ref *ret,
		     struct err *err)
{
	struct sha256_ctx state;
	struct pack_ref ref = { .bytes = 0 };

	sha256_start(&state);
	for (;;) {
		char chunk[READ_CHUNK];
		ssize_t n = pread(t->fd, chunk, sizeof(chunk),
				  (off_t)ref.bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "cannot read '%s'", t->path.data);
		if (n == 0)
			break;
		sha256_add(&state, chunk, (size_t)n);
		ref.bytes += (uint64_t)n;
	}
	sha256_end(&state, &ref.digest);
	if (ref.bytes > LIMIT_PACK_BYTES)
		return err_set(err, ERR_INVALID, "a pack of %" PRIu64 " bytes "
			       "is larger than engines take; split the channel",
			       ref.bytes);
	*ret = ref;
	return 0;
}

/* Gives the finished file its name. */
static int temp_keep(const struct host_config *host,
		     const struct channel_config *ch, struct temp *t,
		     struct pack_ref *ret, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct pack_ref ref;
	int rc = -1;

	if (digest_of(t, &ref, err) < 0 ||
	    pack_path(host, ch, &ref.digest, &path, err) < 0)
		goto out;
	if (fsync(t->fd) < 0) {
		err_sys(err, "cannot sync '%s'", t->path.data);
		goto out;
	}
	if (rename(t->path.data, path.data) < 0) {
		err_sys(err, "cannot rename '%s'", t->path.data);
		goto out;
	}
	close(t->fd);
	t->fd = -1;
	*ret = ref;
	rc = 0;
out:
	buf_release(&path);
	return rc;
}

int pack_sync(const struct host_config *host, const struct channel_config *ch,
	      struct err *err)
{
	struct buf dir = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = packs_dir(host, ch, &dir, err);

	if (!rc)
		rc = fs_sync_dir(AT_FDCWD, dir.data, err);
	buf_release(&dir);
	return rc;
}

static int pack_by_git(const struct host_config *host,
		       const struct channel_config *ch,
		       const char *const *argv, const struct buf *in,
		       struct pack_ref *ret, struct err *err)
{
	struct temp t = TEMP_INIT;
	int rc = temp_open(host, ch, &t, err);

	if (!rc)
		rc = git_run(host, argv, in->data, in->len, t.fd, err);
	if (!rc)
		rc = temp_keep(host, ch, &t, ret, err);
	temp_release(&t);
	return rc;
}

/* 1 if the store cannot. */
static int delta_of_store(const struct host_config *host,
			  const struct channel_config *ch,
			  const struct store *store, struct pack_ref *ret,
			  struct err *err)
{
	struct temp t = TEMP_INIT;
	int rc = temp_open(host, ch, &t, err);

	if (!rc)
		rc = store_thin(store, t.fd, t.path.data, err);
	if (!rc)
		rc = temp_keep(host, ch, &t, ret, err);
	temp_release(&t);
	return rc;
}

int pack_make_delta(const struct host_config *host,
		    const struct channel_config *ch, const struct store *store,
		    const char *from, const char *to, struct pack_ref *ret,
		    struct err *err)
{
	static const char *const argv[] = {
		"-c", "pack.threads=1", "pack-objects", "-q", "--thin",
		"--delta-base-offset", "--revs", "--stdout", NULL,
	};
	struct buf in = BUF_INIT(4 * GIT_HEX_SIZE);
	int rc = store ? delta_of_store(host, ch, store, ret, err) : 1;

	if (rc <= 0)
		return rc;
	buf_addf(&in, "%s\n^%s\n", to, from);
	rc = pack_by_git(host, ch, argv, &in, ret, err);
	buf_release(&in);
	return rc;
}

/* ---- what is in a base ---- */

static void list_object(const git_oid *id, const char *path, struct buf *list)
{
	char hex[GIT_HEX_SIZE];

	/* the path is a hint for git which objects are alike */
	git_oid_tostr(hex, sizeof(hex), id);
	buf_addf(list, "%s %s\n", hex, path);
}

static int list_tree(git_repository *repo, const git_oid *id,
		     struct buf *path, struct buf *list, struct err *err)
{
	size_t len = path->len;
	git_tree *tree = NULL;
	int rc = 0;

	list_object(id, path->data, list);
	if (git_tree_lookup(&tree, repo, id) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read tree %s",
				git_oid_tostr_s(id));
	for (size_t i = 0; !rc && i < git_tree_entrycount(tree); i++) {
		const git_tree_entry *e = git_tree_entry_byindex(tree, i);

		buf_addf(path, "%s%s", len ? "/" : "", git_tree_entry_name(e));
		if (git_tree_entry_type(e) == GIT_OBJECT_TREE)
			rc = list_tree(repo, git_tree_entry_id(e), path, list,
				       err);
		else
			list_object(git_tree_entry_id(e), path->data, list);
		buf_truncate(path, len);
	}
	git_tree_free(tree);
	return rc;
}

/* The commits of an epoch: each has one parent, the first has none. */
static int list_commits(git_repository *repo, const char *bundle,
			git_oid *ret_tree, struct buf *list, struct err *err)
{
	git_commit *c = NULL;
	git_oid id;
	bool more = true;

	if (git_oid_fromstr(&id, bundle) < 0)
		return repo_err(err, ERR_INTERNAL, "bundle %s", bundle);
	for (bool first = true; more; first = false) {
		if (git_commit_lookup(&c, repo, &id) < 0)
			return repo_err(err, ERR_INTERNAL,
					"cannot read bundle %s",
					git_oid_tostr_s(&id));
		if (first)
			git_oid_cpy(ret_tree, git_commit_tree_id(c));
		list_object(&id, "", list);
		more = git_commit_parentcount(c) > 0;
		if (more)
			git_oid_cpy(&id, git_commit_parent_id(c, 0));
		git_commit_free(c);
	}
	return 0;
}

int pack_make_base(git_repository *repo, const struct host_config *host,
		   const struct channel_config *ch, const char *bundle,
		   struct pack_ref *ret, struct err *err)
{
	static const char *const argv[] = {
		"pack-objects", "-q", "--delta-base-offset", "--stdout", NULL,
	};
	struct buf list = BUF_INIT(LIST_MAX);
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	git_oid tree;
	int rc = list_commits(repo, bundle, &tree, &list, err);

	if (!rc)
		rc = list_tree(repo, &tree, &path, &list, err);
	if (!rc)
		rc = buf_check(&list, "a list of objects", err);
	if (!rc)
		rc = pack_by_git(host, ch, argv, &list, ret, err);
	buf_release(&list);
	buf_release(&path);
	return rc;
}

/* ---- other files ---- */

int pack_keep_text(const struct host_config *host,
		   const struct channel_config *ch, const void *text,
		   size_t len, struct pack_ref *ret, struct err *err)
{
	struct temp t = TEMP_INIT;
	int rc = temp_open(host, ch, &t, err);

	if (!rc)
		rc = fs_write_fd(t.fd, t.path.data, text, len, err);
	if (!rc)
		rc = temp_keep(host, ch, &t, ret, err);
	temp_release(&t);
	return rc;
}

bool pack_there(const struct host_config *host,
		const struct channel_config *ch, const struct pack_ref *ref)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct err err = ERR_INIT;
	struct stat st;
	bool there = !pack_path(host, ch, &ref->digest, &path, &err) &&
		     !lstat(path.data, &st) && S_ISREG(st.st_mode) &&
		     (uint64_t)st.st_size == ref->bytes;

	buf_release(&path);
	return there;
}

void pack_let_go(const struct host_config *host,
		 const struct channel_config *ch, const struct pack_ref *ref)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct err err = ERR_INIT;

	/* a file that cannot be touched is one that goes a little earlier */
	if (!pack_path(host, ch, &ref->digest, &path, &err))
		utimensat(AT_FDCWD, path.data, NULL, AT_SYMLINK_NOFOLLOW);
	buf_release(&path);
}

static bool may_go(int dirfd, const char *name, const struct map *keep,
		   int64_t now)
{
	bool temp = !strncmp(name, TEMP_PREFIX, strlen(TEMP_PREFIX));
	struct stat st;

	if (!temp && (!is_hex(name, strlen(name), SHA256_HEX_SIZE - 1) ||
		      map_get(keep, name)))
		return false;
	return !fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) &&
	       S_ISREG(st.st_mode) &&
	       (int64_t)st.st_mtime + PACK_LINGER_SECONDS < now;
}

int pack_sweep(const struct host_config *host,
	       const struct channel_config *ch, const struct map *keep,
	       struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	int64_t now = clock_now();
	struct dirent *e;
	DIR *dir = NULL;
	int rc = packs_dir(host, ch, &path, err);

	if (!rc) {
		dir = opendir(path.data);
		if (!dir)
			rc = err_sys(err, "cannot open '%s'", path.data);
	}
	while (dir && (e = readdir(dir)))
		if (may_go(dirfd(dir), e->d_name, keep, now))
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	buf_release(&path);
	return rc;
}
