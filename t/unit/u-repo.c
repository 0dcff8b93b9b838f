/*
 * Repositories as stock git makes them, and those that libgit2 cannot read.
 */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/proc.h"
#include "schema/repo.h"
#include "t/unit/tap.h"

/*
 * libgit2 1.5 leaks PCRE2's match data for each key that a regular expression
 * does not match (git_regexp_match); it matches one itself when it opens a
 * repository of format version 1.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libpcre2-8.so\n";
}

static char top[] = "/tmp/u-repo.XXXXXX";

/* Runs git with up to eight arguments below top; its first line of output. */
static char *run_git(const char *const *env, const char *dir, const char *in,
		     const char *const *args)
{
	const char *argv[16] = { "git" };
	struct buf out = BUF_INIT(65536);
	char *path = xasprintf("%s/%s", top, dir);
	struct proc p = { .argv = argv, .env = env, .dir = path, .out = &out,
			  .in = in, .in_len = in ? strlen(in) : 0 };
	struct err err = ERR_INIT;

	for (size_t i = 0; args[i]; i++)
		argv[i + 1] = args[i];
	if (proc_check(&p, &err) < 0) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	free(path);
	*strchrnul(out.data, '\n') = '\0';
	return buf_detach(&out, NULL);
}

#define ARGS(...) (const char *const[]){ __VA_ARGS__, NULL }
#define git(dir, in, ...) run_git(NULL, dir, in, ARGS(__VA_ARGS__))
#define git_quietly(dir, ...) free(git(dir, NULL, __VA_ARGS__))

static char *below(const char *name)
{
	return xasprintf("%s/%s", top, name);
}

static void make_dir(const char *name)
{
	char *path = below(name);

	if (mkdir(path, 0700) < 0)
		ok(0, "mkdir %s", path);
	free(path);
}

/* The error of opening top/name, or "". */
static const char *open_error(const char *name)
{
	static struct err err;
	char *path = below(name);
	git_repository *repo = NULL;

	err_clear(&err);
	if (!repo_open(path, false, &repo, &err))
		git_repository_free(repo);
	free(path);
	return err.msg;
}

static void test_open(void)
{
	git_repository *repo = NULL;
	struct err err = ERR_INIT;
	char *path = below("bare.git");

	git_quietly("", "init", "-q", "--bare", "bare.git");
	git_quietly("", "init", "-q", "tree");
	is_str(open_error("bare.git"), "", "a bare repository");
	is_str(open_error("tree/.git"), "", "the repository of a working tree");
	ok(strstr(open_error("tree"), "is a working tree: name the repository"),
	   "a working tree: said which folder is meant");
	ok(strstr(open_error("nothing"), "No such file"), "no such folder");
	make_dir("plain");
	ok(strstr(open_error("plain"), "is no Git repository"),
	   "a folder that is none");
	make_dir("bare.git/inner");
	ok(strstr(open_error("bare.git/inner"), "is no Git repository"),
	   "no discovery upwards");
	setenv("GIT_WORK_TREE", "/nowhere", 1);
	setenv("GIT_COMMON_DIR", "/nowhere", 1);
	setenv("GIT_DIR", "/nowhere", 1);
	is_int(repo_open(path, true, &repo, &err), 0,
	       "other variables of Git's change nothing");
	git_repository_free(repo);
	unsetenv("GIT_WORK_TREE");
	unsetenv("GIT_COMMON_DIR");
	unsetenv("GIT_DIR");
	ok(!chdir(path) && !repo_open(".", true, &repo, &err) && !chdir("/") &&
	   !strncmp(git_repository_path(repo), path, strlen(path)),
	   "as a hook is told, '.', and then goes elsewhere");
	git_repository_free(repo);
	free(path);
}

static void test_unreadable(void)
{
	git_quietly("", "init", "-q", "--bare", "--object-format=sha256",
		    "sha256.git");
	ok(strstr(open_error("sha256.git"), "has SHA-256 object ids"),
	   "SHA-256 is named");
	git_quietly("", "init", "-q", "--bare", "ext.git");
	git_quietly("ext.git", "config", "core.repositoryformatversion", "1");
	is_str(open_error("ext.git"), "", "version 1 without extensions");
	git_quietly("ext.git", "config", "extensions.refStorage", "reftable");
	ok(strstr(open_error("ext.git"), "refs migrate --ref-format=files"),
	   "reftable is named, with the way out");
	git_quietly("", "config", "--file", "ext.git/config", "--unset",
		    "extensions.refStorage");
	git_quietly("", "config", "--file", "ext.git/config",
		    "extensions.strange", "yes");
	ok(strstr(open_error("ext.git"),
		  "'extensions.strange = yes'"), "so is any other");
	git_quietly("", "config", "--file", "ext.git/config", "--unset",
		    "extensions.strange");
	git_quietly("ext.git", "config", "core.repositoryformatversion", "9");
	ok(strstr(open_error("ext.git"), "version"), "and a version to come");
}

static void test_owner(void)
{
	char *path = below("foreign.git"), *home = below("");
	const char *msg;

	if (geteuid() != 0) {
		ok(1, "foreign owner # SKIP needs to give a folder away");
		goto out;
	}
	git_quietly("", "init", "-q", "--bare", "foreign.git");
	if (chown(path, 12345, 12345) < 0)
		ok(0, "chown");
	msg = open_error("foreign.git");
	ok(strstr(msg, "belongs to user 12345") &&
	   strstr(msg, "git config --global --add safe.directory"),
	   "a foreign owner is named, with the way out");
	setenv("HOME", home, 1);
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL,
			 home);
	git_quietly("", "config", "--global", "--add", "safe.directory",
		    "/elsewhere");
	ok(strstr(open_error("foreign.git"), "belongs to user 12345"),
	   "also where other folders are allowed");
	git_quietly("", "config", "--global", "--add", "safe.directory", path);
	is_str(open_error("foreign.git"), "", "and the way out works");
out:
	free(path);
	free(home);
}

static void test_refs(git_repository *repo, const char *c1, const char *c2)
{
	struct err err = ERR_INIT;
	char id[GIT_HEX_SIZE] = "x";
	char *lock = below("bare.git/refs/windlass/prod.lock");

	ok(!repo_ref(repo, "refs/windlass/prod", id, &err) && !*id,
	   "a ref that is not there");
	ok(repo_ref(repo, "refs/../x", id, &err) < 0 &&
	   err.class == ERR_INVALID, "a malformed name");
	is_int(repo_ref_update(repo, "refs/windlass/prod", "", c1, "made",
			       &err), 0, "a ref is made");
	ok(!repo_ref(repo, "refs/windlass/prod", id, &err) && !strcmp(id, c1),
	   "and read");
	ok(repo_ref_update(repo, "refs/windlass/prod", "", c2, "x", &err) < 0 &&
	   err.class == ERR_TRANSIENT, "it is not made twice");
	ok(repo_ref_update(repo, "refs/windlass/prod", c2, c1, "x", &err) < 0 &&
	   err.class == ERR_TRANSIENT, "nor moved from where it is not");
	ok(repo_ref_update(repo, "refs/windlass/new", c1, c2, "x", &err) < 0 &&
	   err.class == ERR_TRANSIENT, "a ref that is not there does not move");
	ok(repo_ref_update(repo, "refs/windlass/prod", c1,
			   "1234567890123456789012345678901234567890", "x",
			   &err) < 0 && err.class == ERR_INVALID,
	   "nor to what is not there");
	ok(repo_ref_update(repo, "refs/windlass/prod", c1, "zz", "x",
			   &err) < 0, "nor to what is no id");
	fs_write(AT_FDCWD, lock, "", 0, 0600, &err);
	ok(repo_ref_update(repo, "refs/windlass/prod", c1, c2, "x", &err) < 0 &&
	   err.class == ERR_TRANSIENT, "somebody else holds the lock");
	unlink(lock);
	setenv("GIT_QUARANTINE_PATH", "/x", 1);
	ok(repo_ref_update(repo, "refs/windlass/prod", c1, c2, "x", &err) < 0,
	   "no ref moves inside a quarantine");
	unsetenv("GIT_QUARANTINE_PATH");
	git_quietly("bare.git", "pack-refs", "--all");
	is_int(repo_ref_update(repo, "refs/windlass/prod", c1, c2, "x", &err),
	       0, "it moves from a packed ref");
	ok(!repo_ref(repo, "refs/windlass/prod", id, &err) && !strcmp(id, c2),
	   "and is there");
	git_quietly("bare.git", "symbolic-ref", "refs/heads/s",
		    "refs/windlass/prod");
	ok(!repo_ref(repo, "refs/heads/s", id, &err) && !strcmp(id, c2),
	   "symbolic refs are followed");
	free(lock);
}

static void test_objects(git_repository *repo, const char *commit,
			 const char *blob, const char *tree)
{
	struct buf b = BUF_INIT(6), small = BUF_INIT(5);
	struct err err = ERR_INIT;
	char hex[GIT_HEX_SIZE];
	git_oid id, entry;
	unsigned mode;

	ok(!repo_read(repo, blob, GIT_OBJECT_BLOB, &b, &err) &&
	   !strcmp(b.data, "hello\n"), "an object as large as the buffer");
	ok(repo_read(repo, blob, GIT_OBJECT_BLOB, &small, &err) < 0 &&
	   strstr(err.msg, "5 are the most") && buf_ok(&small),
	   "one byte larger");
	ok(repo_read(repo, blob, GIT_OBJECT_COMMIT, &small, &err) < 0 &&
	   strstr(err.msg, "is a blob, not a commit"), "another type");
	ok(repo_read(repo, "1234567890123456789012345678901234567890",
		     GIT_OBJECT_BLOB, &small, &err) < 0 &&
	   err.class == ERR_INVALID, "an object that is not there");
	ok(repo_read(repo, "123", GIT_OBJECT_BLOB, &small, &err) < 0,
	   "an id must be whole");
	ok(!repo_commit_tree(repo, commit, &id, &err) &&
	   !strcmp(git_oid_tostr(hex, sizeof(hex), &id), tree),
	   "the tree of a commit");
	ok(repo_commit_tree(repo, blob, &id, &err) < 0, "of nothing else");
	ok(!repo_tree_entry(repo, &id, "a/b", &entry, &mode, &err) &&
	   mode == GIT_FILEMODE_BLOB &&
	   !strcmp(git_oid_tostr(hex, sizeof(hex), &entry), blob),
	   "a file below a tree");
	ok(!repo_tree_entry(repo, &id, "a", &entry, &mode, &err) &&
	   mode == GIT_FILEMODE_TREE, "a folder");
	ok(!repo_tree_entry(repo, &id, "", &entry, &mode, &err) &&
	   git_oid_equal(&id, &entry), "the tree itself");
	ok(repo_tree_entry(repo, &id, "a/c", &entry, &mode, &err) == 1 &&
	   repo_tree_entry(repo, &id, "a/b/c", &entry, &mode, &err) == 1,
	   "what is not there");
	buf_release(&b);
	buf_release(&small);
}

/* What git replace says is another commit is not, to us. */
static void test_replace(git_repository *repo, const char *c1, const char *c2)
{
	struct buf b = BUF_INIT(65536), again = BUF_INIT(65536);
	struct err err = ERR_INIT;

	repo_read(repo, c1, GIT_OBJECT_COMMIT, &b, &err);
	git_quietly("bare.git", "replace", c1, c2);
	repo_read(repo, c1, GIT_OBJECT_COMMIT, &again, &err);
	is_str(again.data, b.data, "replace refs are not looked at");
	git_quietly("bare.git", "replace", "-d", c1);
	buf_release(&b);
	buf_release(&again);
}

static bool reads(bool from_env, const char *blob)
{
	char *path = below("bare.git");
	struct buf b = BUF_INIT(65536);
	struct err err = ERR_INIT;
	git_repository *repo = NULL;
	bool good = !repo_open(path, from_env, &repo, &err) &&
		    !repo_read(repo, blob, GIT_OBJECT_BLOB, &b, &err);

	git_repository_free(repo);
	buf_release(&b);
	free(path);
	return good;
}

static void test_quarantine(const char *old)
{
	char *dir = below("bare.git/objects/tmp_objdir-incoming-x");
	char *odd = below("o:dd\n");
	char *env = xasprintf("GIT_OBJECT_DIRECTORY=%s", dir);
	char *env_odd = xasprintf("GIT_OBJECT_DIRECTORY=%s", odd);
	char *list = xasprintf("/nowhere:\"%s/o:dd\\012\":%s/bare.git/objects",
			       top, top);
	char *blob, *blob_odd, *path = below("bare.git");
	git_repository *repo = NULL;
	struct err err = ERR_INIT;
	git_oid id;

	mkdir(dir, 0700);
	mkdir(odd, 0700);
	blob = run_git(ARGS(env), "bare.git", "new",
		       ARGS("hash-object", "-w", "--stdin"));
	blob_odd = run_git(ARGS(env_odd), "bare.git", "odd",
			   ARGS("hash-object", "-w", "--stdin"));
	setenv("GIT_OBJECT_DIRECTORY", dir, 1);
	setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", list, 1);
	ok(!reads(false, blob), "without from_env there is no quarantine");
	ok(reads(true, blob) && reads(true, old),
	   "with it new and old objects are there");
	ok(reads(true, blob_odd), "an alternate with ':' and LF in its name");
	if (!repo_open(path, true, &repo, &err) &&
	    !git_blob_create_from_buffer(&id, repo, "written", 7)) {
		char hex[GIT_HEX_SIZE];
		git_blob *b = NULL;

		ok(!git_blob_lookup(&b, repo, &id), "what is written is there");
		git_blob_free(b);
		git_oid_tostr(hex, sizeof(hex), &id);
		ok(!reads(true, hex), "but on no disk");
	} else {
		ok(0, "writing in a quarantine: %s", err.msg);
	}
	git_repository_free(repo);
	repo = NULL;
	setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", "\"/x", 1);
	ok(repo_open(path, true, &repo, &err) < 0 &&
	   strstr(err.msg, "malformed"), "a malformed list is refused");
	unsetenv("GIT_ALTERNATE_OBJECT_DIRECTORIES");
	unsetenv("GIT_OBJECT_DIRECTORY");
	ok(!reads(true, blob) && reads(true, old),
	   "attack-47 a push that only deletes has no quarantine");
	free(dir);
	free(odd);
	free(env);
	free(env_odd);
	free(list);
	free(blob);
	free(blob_odd);
	free(path);
}

int main(void)
{
	git_repository *repo = NULL;
	struct err err = ERR_INIT;
	char *path, *blob, *sub, *tree, *line, *c1, *c2;

	if (!mkdtemp(top))
		return 1;
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("GIT_AUTHOR_NAME", "A", 1);
	setenv("GIT_AUTHOR_EMAIL", "a@example.org", 1);
	setenv("GIT_COMMITTER_NAME", "A", 1);
	setenv("GIT_COMMITTER_EMAIL", "a@example.org", 1);
	test_open();
	path = below("bare.git");
	blob = git("bare.git", "hello\n", "hash-object", "-w", "--stdin");
	line = xasprintf("100644 blob %s\tb\n", blob);
	sub = git("bare.git", line, "mktree");
	free(line);
	line = xasprintf("040000 tree %s\ta\n", sub);
	tree = git("bare.git", line, "mktree");
	c1 = git("bare.git", "one", "commit-tree", tree);
	c2 = git("bare.git", "two", "commit-tree", tree);
	if (!ok(!repo_open(path, false, &repo, &err), "opens"))
		return tap_done();
	test_objects(repo, c1, blob, tree);
	test_replace(repo, c1, c2);
	test_refs(repo, c1, c2);
	git_repository_free(repo);
	test_quarantine(blob);
	test_unreadable();
	test_owner();
	fs_remove_tree(top, &err);
	free(path);
	free(blob);
	free(line);
	free(sub);
	free(tree);
	free(c1);
	free(c2);
	return tap_done();
}
