/*
 * Opening a repository. See repo.h. libgit2's own reading of the environment
 * (GIT_REPOSITORY_OPEN_FROM_ENV) is not used: it fails where GIT_WORK_TREE
 * or GIT_COMMON_DIR is set, and splits the list of alternates without Git's
 * quoting. So the repository is opened by its path, always, and a quarantine
 * is added to it by hand. Trusts the environment that receive-pack made;
 * says what is wrong where libgit2 only says "not found".
 */
#include "config.h"
#include "schema/repo.h"

#include <errno.h>
#include <fcntl.h>
#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"

/* parsed objects that libgit2 may keep, bytes: trees and commits are small,
 * and an engine has 20 MB in all (libgit2's default is 256 MB) */
#define CACHE_BYTES (4 * 1024 * 1024)
/* pack files kept open: a host has few, but libgit2 knows no bound */
#define OPEN_PACKS 64
/* before everything that is on disk */
#define MEMORY_PRIORITY 1000

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int init_result;

/*
 * libgit2 reads and parses all of the machine's CA certificates when it
 * starts, for network transports that windlass never uses: 6 ms of each hook
 * and 2 MB of an engine. It goes on without them where they cannot be
 * opened, so for that moment nothing can be. Only while starting up, before
 * there is another thread.
 */
static int init_without_certificates(void)
{
	struct rlimit files, none;
	int rc;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -1;
	none = files;
	none.rlim_cur = 0;
	if (setrlimit(RLIMIT_NOFILE, &none) < 0)
		return -1;
	rc = git_libgit2_init();
	setrlimit(RLIMIT_NOFILE, &files);
	return rc;
}

static void init_library(void)
{
	init_result = init_without_certificates();
	/* where something else of it needs a file: as it wants to be */
	if (init_result < 0)
		init_result = git_libgit2_init();
	if (init_result < 0)
		return;
	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 1);
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1);
	git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)CACHE_BYTES);
	git_libgit2_opts(GIT_OPT_SET_MWINDOW_FILE_LIMIT, (size_t)OPEN_PACKS);
}

int repo_init_library(struct err *err)
{
	pthread_once(&once, init_library);
	if (init_result < 0)
		return repo_err(err, ERR_INTERNAL, "cannot start libgit2");
	return 0;
}

/* The value of a key of the repository's own config file, or "". */
static void config_value(const char *dir, const char *key, char *ret,
			 size_t size)
{
	char *file = xasprintf("%s/config", dir);
	git_config *config = NULL;
	git_buf value = { 0 };

	ret[0] = '\0';
	if (!git_config_open_ondisk(&config, file) &&
	    !git_config_get_string_buf(&value, config, key))
		snprintf(ret, size, "%s", value.ptr);
	git_buf_dispose(&value);
	git_config_free(config);
	free(file);
}

/* libgit2 says "unsupported extension name extensions.<name>". */
static int say_extension(const char *dir, const char *name, struct err *err)
{
	char key[128], value[64];
	bool sha = !strcmp(name, "objectformat");

	snprintf(key, sizeof(key), "extensions.%s", name);
	config_value(dir, key, value, sizeof(value));
	if (sha && !strcmp(value, "sha256"))
		return err_set(err, ERR_INVALID,
			       "repository '%s' has SHA-256 object ids, which "
			       "libgit2 " LIBGIT2_VERSION " cannot read: make "
			       "one with 'git init --bare "
			       "--object-format=sha1' and push to that", dir);
	if (!strcmp(name, "refstorage") && !strcmp(value, "reftable"))
		return err_set(err, ERR_INVALID,
			       "repository '%s' keeps its refs in reftables, "
			       "which libgit2 " LIBGIT2_VERSION " cannot read: "
			       "run 'git -C %s refs migrate "
			       "--ref-format=files'", dir, dir);
	return err_set(err, ERR_INVALID,
		       "repository '%s' uses the Git extension '%s = %s', "
		       "which libgit2 " LIBGIT2_VERSION " does not know: run "
		       "'git config --file %s/config --unset %s' if it can "
		       "do without", dir, key, value, dir, key);
}

static bool is_there(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/*
 * The repository of a linked working tree, which has a file .git with the
 * line "gitdir: <repository>/worktrees/<name>". False if dir is none.
 */
static bool find_main(const char *dir, char real[PATH_MAX])
{
	static const char key[] = "gitdir: ";
	char *file = xasprintf("%s/.git", dir), *common = NULL;
	struct buf text = BUF_INIT(PATH_MAX);
	struct err none = ERR_INIT;
	bool found = false;

	if (!fs_read(AT_FDCWD, file, &text, &none) &&
	    !strncmp(text.data, key, strlen(key))) {
		const char *to = text.data + strlen(key);

		buf_truncate(&text, strcspn(text.data, "\n"));
		common = *to == '/' ? xasprintf("%s/../..", to)
				    : xasprintf("%s/%s/../..", dir, to);
	}
	if (common && realpath(common, real))
		found = is_there(real, "objects") && is_there(real, "HEAD");
	free(common);
	buf_release(&text);
	free(file);
	return found;
}

/* Why libgit2 could not open dir, as far as we can tell. */
static int say_why(const char *dir, int code, struct err *err)
{
	static const char marker[] = "extension name extensions.";
	const git_error *last = git_error_last();
	const char *ext = last && last->message ?
			  strstr(last->message, marker) : NULL;
	char real[PATH_MAX];
	struct stat st;

	if (ext) {
		char name[64];

		/* a copy: the next call of libgit2 makes another message */
		snprintf(name, sizeof(name), "%s", ext + strlen(marker));
		return say_extension(dir, name, err);
	}
	if (stat(dir, &st) < 0)
		return err_sys(err, "cannot open repository '%s'", dir);
	if (S_ISDIR(st.st_mode) && access(dir, R_OK | X_OK) < 0)
		return err_sys(err, "cannot read repository '%s'", dir);
	/* without any safe.directory, 1.5 answers ENOTFOUND, not EOWNER */
	if (code == GIT_EOWNER ||
	    (code == GIT_ENOTFOUND && st.st_uid != geteuid() &&
	     is_there(dir, "objects") && is_there(dir, "HEAD")))
		return err_set(err, ERR_DENIED,
			       "repository '%s' belongs to user %lu, not to "
			       "user %lu who runs this: run it as the owner, "
			       "or allow it with 'git config --global --add "
			       "safe.directory %s' (--system: for all who "
			       "push to it)", dir,
			       (unsigned long)st.st_uid,
			       (unsigned long)geteuid(), dir);
	if (code == GIT_ENOTFOUND && find_main(dir, real))
		return err_set(err, ERR_INVALID,
			       "'%s' is a linked working tree: name the "
			       "repository that it belongs to, '%s'", dir,
			       real);
	if (code == GIT_ENOTFOUND && is_there(dir, ".git"))
		return err_set(err, ERR_INVALID,
			       "'%s' is a working tree: name the repository "
			       "itself, '%s/.git' or a bare one", dir, dir);
	if (code == GIT_ENOTFOUND)
		return err_set(err, ERR_INVALID,
			       "'%s' is no Git repository: it needs HEAD, "
			       "objects and refs", dir);
	return repo_err(err, ERR_INTERNAL, "cannot open repository '%s'", dir);
}

/* Reads the C-style quoted string at s (after its '"'); NULL if malformed. */
static const char *unquote(const char *s, struct buf *out)
{
	static const char names[] = "abfnrtv\\\"";
	static const char values[] = "\a\b\f\n\r\t\v\\\"";

	for (; *s != '"'; s++) {
		const char *name;

		if (!*s)
			return NULL;
		if (*s != '\\') {
			buf_addc(out, *s);
			continue;
		}
		s++;
		name = *s ? strchr(names, *s) : NULL;
		if (name) {
			buf_addc(out, values[name - names]);
		} else if (s[0] >= '0' && s[0] <= '3' && s[1] >= '0' &&
			   s[1] <= '7' && s[2] >= '0' && s[2] <= '7') {
			buf_addc(out, (char)((s[0] - '0') << 6 |
					     (s[1] - '0') << 3 |
					     (s[2] - '0')));
			s += 2;
		} else {
			return NULL;
		}
	}
	return s + 1;
}

/*
 * Adds one folder of objects. One that is not there is passed over, as Git
 * does; the folder that the repository has anyhow is found out by libgit2.
 */
static int add_objects(git_odb *odb, const char *dir, struct err *err)
{
	char real[PATH_MAX];

	if (!*dir || !realpath(dir, real))
		return 0;
	if (git_odb_add_disk_alternate(odb, real) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read objects in '%s'",
				real);
	return 0;
}

/* GIT_ALTERNATE_OBJECT_DIRECTORIES: by colons, quoted where it begins so. */
static int add_alternates(git_odb *odb, const char *list, struct err *err)
{
	struct buf dir = BUF_INIT(PATH_MAX);
	int rc = 0;

	while (!rc && *list) {
		const char *end = strchrnul(list, ':');

		buf_reset(&dir);
		if (*list == '"')
			end = unquote(list + 1, &dir);
		else
			buf_add(&dir, list, (size_t)(end - list));
		if (!end || (*end && *end != ':') || !buf_ok(&dir)) {
			rc = err_set(err, ERR_INVALID,
				     "GIT_ALTERNATE_OBJECT_DIRECTORIES is "
				     "malformed at '%.60s'", list);
			break;
		}
		rc = add_objects(odb, dir.data, err);
		list = end + (*end == ':');
	}
	buf_release(&dir);
	return rc;
}

/*
 * Objects of a push that is not accepted yet are beside the repository. What
 * is written goes to memory: whether the push is kept is not for us to say.
 */
static int add_quarantine(git_repository *repo, struct err *err)
{
	const char *dir = getenv("GIT_OBJECT_DIRECTORY");
	const char *more = getenv("GIT_ALTERNATE_OBJECT_DIRECTORIES");
	git_odb_backend *memory = NULL;
	git_odb *odb = NULL;
	int rc = -1;

	if (git_repository_odb(&odb, repo) < 0 ||
	    git_mempack_new(&memory) < 0) {
		repo_err(err, ERR_INTERNAL, "cannot open the object store");
		goto out;
	}
	if (git_odb_add_backend(odb, memory, MEMORY_PRIORITY) < 0) {
		memory->free(memory);
		repo_err(err, ERR_INTERNAL, "cannot open the object store");
		goto out;
	}
	if (add_objects(odb, dir ? dir : "", err) < 0 ||
	    add_alternates(odb, more ? more : "", err) < 0)
		goto out;
	rc = 0;
out:
	git_odb_free(odb);
	return rc;
}

int repo_open(const char *path, bool from_env, git_repository **ret,
	      struct err *err)
{
	git_repository *repo = NULL;
	char real[PATH_MAX];
	int code;

	if (repo_init_library(err) < 0)
		return -1;
	if (!realpath(path, real))
		return err_sys(err, "cannot open repository '%s'", path);
	git_error_clear();
	code = git_repository_open_ext(&repo, real,
				       GIT_REPOSITORY_OPEN_BARE |
				       GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
	if (code < 0)
		return say_why(real, code, err);
	if (from_env && add_quarantine(repo, err) < 0) {
		git_repository_free(repo);
		return -1;
	}
	*ret = repo;
	return 0;
}
