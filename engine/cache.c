/*
 * The bare repository behind a channel. See cache.h. Trusts its own folder
 * only as far as a cache may be trusted: libgit2 compares the SHA-1 of all
 * that it reads, and callers compare a SHA-256.
 */
#include "config.h"
#include "engine/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/repo.h"

/* Pack bytes that are mapped at a time, and in one piece; open packs. */
#define MAPPED_LIMIT ((size_t)256 * 1024 * 1024)
#define MAP_WINDOW ((size_t)32 * 1024 * 1024)
#define PACK_FILES ((size_t)64)
#define INDEX_CHUNK (256 * 1024)

int cache_setup(struct err *err)
{
	static const int levels[] = {
		GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
		GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL,
	};

	if (git_libgit2_init() < 0)
		return repo_err(err, ERR_INTERNAL, "libgit2 does not start");
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
	git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0);
	/* a state volume may belong to another user than the one we run as,
	 * and a cache has no hooks or configuration to fear */
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, MAP_WINDOW);
	git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, MAPPED_LIMIT);
	git_libgit2_opts(GIT_OPT_SET_MWINDOW_FILE_LIMIT, PACK_FILES);
	git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS,
			 (size_t)LIMIT_PACK_OBJECTS);
	return 0;
}

static int open_there(const char *path, struct cache *c, struct err *err)
{
	if (git_repository_open_ext(&c->repo, path,
				    GIT_REPOSITORY_OPEN_BARE |
				    GIT_REPOSITORY_OPEN_NO_SEARCH, NULL) < 0 ||
	    git_repository_odb(&c->odb, c->repo) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot open '%s'", path);
	return 0;
}

static int make_and_open(const char *path, struct cache *c, struct err *err)
{
	git_repository *made = NULL;

	if (git_repository_init(&made, path, 1) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot make '%s'", path);
	git_repository_free(made);
	return open_there(path, c, err);
}

static void close_handles(struct cache *c)
{
	git_odb_free(c->odb);
	git_repository_free(c->repo);
	c->odb = NULL;
	c->repo = NULL;
}

int cache_open(const char *path, struct cache *ret, struct err *err)
{
	struct cache c = { 0 };

	if (!fs_exists(AT_FDCWD, path)) {
		if (make_and_open(path, &c, err) < 0)
			return -1;
	} else if (open_there(path, &c, err) < 0) {
		close_handles(&c);
		if (fs_remove_tree(path, err) < 0 ||
		    make_and_open(path, &c, err) < 0)
			return -1;
	}
	c.path = xstrdup(path);
	*ret = c;
	return 0;
}

void cache_close(struct cache *c)
{
	close_handles(c);
	free(c->path);
	*c = (struct cache){ 0 };
}

int cache_reset(struct cache *c, struct err *err)
{
	close_handles(c);
	if (fs_remove_tree(c->path, err) < 0)
		return -1;
	return make_and_open(c->path, c, err);
}

int cache_refresh(struct cache *c, struct err *err)
{
	struct cache fresh = { 0 };

	if (open_there(c->path, &fresh, err) < 0) {
		close_handles(&fresh);
		return -1;
	}
	close_handles(c);
	c->repo = fresh.repo;
	c->odb = fresh.odb;
	return 0;
}

bool cache_has(const struct cache *c, const char *commit)
{
	git_oid id;

	return git_oid_fromstr(&id, commit) == 0 &&
	       git_odb_exists(c->odb, &id) == 1;
}

int cache_base(void *arg, const uint8_t id[20], uint64_t *ret_size,
	       enum pack_type *ret_type)
{
	const struct cache *c = arg;
	git_object_t type;
	git_oid oid;
	size_t size;

	git_oid_fromraw(&oid, id);
	if (git_odb_read_header(&size, &type, c->odb, &oid) < 0)
		return -1;
	switch (type) {
	case GIT_OBJECT_COMMIT:
		*ret_type = PACK_COMMIT;
		break;
	case GIT_OBJECT_TREE:
		*ret_type = PACK_TREE;
		break;
	case GIT_OBJECT_BLOB:
		*ret_type = PACK_BLOB;
		break;
	default:
		return -1;
	}
	*ret_size = size;
	return 0;
}

static int read_err(int code, const git_oid *id, struct err *err)
{
	char hex[GIT_HEX_SIZE];

	git_oid_tostr(hex, sizeof(hex), id);
	if (code == GIT_ENOTFOUND)
		return err_set(err, ERR_TRANSIENT,
			       "object %s is not at hand", hex);
	return repo_err(err, ERR_INTERNAL,
			"cannot read object %s from the cache", hex);
}

int cache_read(const struct cache *c, const git_oid *id, git_object_t type,
	       struct buf *ret, struct err *err)
{
	char hex[GIT_HEX_SIZE];
	git_odb_object *o = NULL;
	git_object_t got;
	size_t len;
	int code = git_odb_read_header(&len, &got, c->odb, id);

	if (code < 0)
		return read_err(code, id, err);
	git_oid_tostr(hex, sizeof(hex), id);
	if (got != type)
		return err_set(err, ERR_DENIED, "object %s is a %s, not a %s",
			       hex, git_object_type2string(got),
			       git_object_type2string(type));
	if (len > ret->max - ret->len)
		return err_set(err, ERR_DENIED,
			       "object %s has %zu bytes, %zu are accepted", hex,
			       len, ret->max - ret->len);
	code = git_odb_read(&o, c->odb, id);
	if (code < 0)
		return read_err(code, id, err);
	buf_add(ret, git_odb_object_data(o), git_odb_object_size(o));
	git_odb_object_free(o);
	return buf_check(ret, "an object", err);
}

/* ---- packs ---- */

static char *pack_folder(const struct cache *c)
{
	return xasprintf("%s/objects/pack", c->path);
}

static int feed_indexer(git_indexer *ix, int fd, const char *name,
			struct err *err)
{
	git_indexer_progress stats = { 0 };
	char *chunk = xmalloc(INDEX_CHUNK);
	ssize_t n;
	int rc = 0;

	while (!rc && (n = read(fd, chunk, INDEX_CHUNK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = err_sys(err, "cannot read '%s'", name);
		else if (git_indexer_append(ix, chunk, (size_t)n, &stats) < 0)
			rc = -1;
	}
	if (!rc && git_indexer_commit(ix, &stats) < 0)
		rc = -1;
	free(chunk);
	return rc;
}

/* A full disk is our trouble, everything else the pack's. */
static int index_err(int sys, struct err *err)
{
	if (err->class != ERR_NONE)
		return -1;
	if (sys == ENOSPC || sys == EDQUOT || sys == EROFS || sys == EFBIG) {
		errno = sys;
		return err_sys(err, "cannot write a pack into the cache");
	}
	return repo_err(err, ERR_DENIED, "Git cannot index the pack");
}

int cache_index(struct cache *c, const char *pack_file,
		char ret_name[CACHE_PACK_NAME_SIZE], struct err *err)
{
	char *folder = pack_folder(c);
	git_indexer *ix = NULL;
	size_t before = cache_packs(c, NULL);
	int fd = open(pack_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int rc = -1;

	err_clear(err);
	if (fd < 0) {
		err_sys(err, "cannot open '%s'", pack_file);
		goto out;
	}
	errno = 0;
	if (git_indexer_new(&ix, folder, 0, c->odb, NULL) < 0 ||
	    feed_indexer(ix, fd, pack_file, err) < 0) {
		index_err(errno, err);
		goto out;
	}
	snprintf(ret_name, CACHE_PACK_NAME_SIZE, "pack-%s",
		 git_indexer_name(ix));
	if (cache_packs(c, NULL) == before)
		ret_name[0] = '\0';
	if (git_odb_refresh(c->odb) < 0)
		repo_err(err, ERR_INTERNAL, "cannot refresh the cache");
	else
		rc = 0;
out:
	git_indexer_free(ix);
	if (fd >= 0)
		close(fd);
	free(folder);
	return rc;
}

void cache_drop(struct cache *c, const char *name)
{
	static const char *const suffixes[] = { "idx", "pack" };
	struct err ignored = ERR_INIT;
	char *path;

	if (!*name)
		return;
	/* the index first: without it the pack does not count */
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		path = xasprintf("%s/objects/pack/%s.%s", c->path, name,
				 suffixes[i]);
		unlink(path);
		free(path);
	}
	cache_refresh(c, &ignored);
}

static bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

size_t cache_packs(const struct cache *c, uint64_t *ret_bytes)
{
	char *folder = pack_folder(c);
	DIR *d = opendir(folder);
	uint64_t bytes = 0;
	struct dirent *e;
	struct stat st;
	size_t n = 0;

	free(folder);
	while (d && (e = readdir(d)))
		if (ends_with(e->d_name, ".pack") &&
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			n++;
			bytes += (uint64_t)st.st_size;
		}
	if (d)
		closedir(d);
	if (ret_bytes)
		*ret_bytes = bytes;
	return n;
}

int cache_set_ref(struct cache *c, const char *channel, const char *bundle,
		  struct err *err)
{
	char *name = xasprintf(BUNDLE_REF_PREFIX "%s", channel);
	git_reference *ref = NULL;
	git_oid id;
	int rc = git_oid_fromstr(&id, bundle);

	if (!rc)
		rc = git_reference_create(&ref, c->repo, name, &id, 1, NULL);
	/* nobody else is in here: it was left by one that was killed */
	if (rc == GIT_ELOCKED && repo_ref_break_lock(c->repo, name, 0))
		rc = git_reference_create(&ref, c->repo, name, &id, 1, NULL);
	if (rc < 0)
		rc = repo_err(err, ERR_INTERNAL,
			      "cannot set '%s' in the cache", name);
	git_reference_free(ref);
	free(name);
	return rc;
}
