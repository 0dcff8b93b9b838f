/*
 * The walk of the source: what differs, what is refused, and that small
 * trees which stand for billions of paths cost bounded time.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/manifest-files.h"
#include "schema/repo.h"
#include "t/unit/tap.h"

static git_repository *repo;
static struct err err = ERR_INIT;
static struct strvec paths = STRVEC_INIT;

/* One entry of a tree to be made. */
struct item {
	const char *name;
	git_filemode_t mode;
	git_oid id;
};

static git_oid blob(const char *text)
{
	git_oid id;

	if (git_blob_create_from_buffer(&id, repo, text, strlen(text)) < 0)
		BUG("blob");
	return id;
}

static git_oid tree(const struct item *items, size_t n)
{
	git_treebuilder *tb = NULL;
	git_oid id;

	if (git_treebuilder_new(&tb, repo, NULL) < 0)
		BUG("treebuilder");
	for (size_t i = 0; i < n; i++)
		if (git_treebuilder_insert(NULL, tb, items[i].name,
					   &items[i].id, items[i].mode) < 0)
			BUG("insert");
	if (git_treebuilder_write(&id, tb) < 0)
		BUG("write");
	git_treebuilder_free(tb);
	return id;
}

#define FILE_ITEM(n, text) { (n), GIT_FILEMODE_BLOB, blob(text) }
#define TREE_ITEM(n, oid) { (n), GIT_FILEMODE_TREE, (oid) }
#define TREE(...) tree((struct item[]){ __VA_ARGS__ }, \
	sizeof((struct item[]){ __VA_ARGS__ }) / sizeof(struct item))

/* "-old ~both +new" of each file, and the rules that were broken. */
static char *diff(const git_oid *old, const git_oid *new)
{
	struct buf out = BUF_INIT(100000);
	struct manifest_files s = MANIFEST_FILES_INIT;
	struct problems ps = PROBLEMS_INIT;
	int rc = manifest_files_diff(repo, "prod", &paths, old, new, &s, &ps,
				     &err);

	if (rc)
		buf_addf(&out, "rc %d", rc);
	for (size_t i = 0; i < s.n; i++)
		buf_addf(&out, "%s%c%s", out.len ? " " : "",
			 !s.v[i].has_old ? '+' : !s.v[i].has_new ? '-' : '~',
			 s.v[i].path);
	for (size_t i = 0; i < ps.n; i++)
		buf_addf(&out, "%s%s:%s", out.len ? " " : "", ps.v[i].path,
			 ps.v[i].rule);
	manifest_files_release(&s);
	problems_release(&ps);
	return buf_detach(&out, NULL);
}

static void is_diff(const git_oid *old, git_oid new, const char *want,
		    const char *what)
{
	char *got = diff(old, &new);

	is_str(got, want, what);
	free(got);
}

static void test_diff(void)
{
	git_oid a = TREE(FILE_ITEM("a.yaml", "a"), FILE_ITEM("b.json", "b"),
			 FILE_ITEM("README.md", "r"));
	git_oid b = TREE(FILE_ITEM("a.yaml", "a2"), FILE_ITEM("c.yml", "c"),
			 FILE_ITEM("README.md", "r2"));
	git_oid sub = TREE(FILE_ITEM("z.yaml", "z"));
	git_oid ra = TREE(TREE_ITEM("deploy", a), FILE_ITEM("x.yaml", "x"));
	git_oid rb = TREE(TREE_ITEM("deploy", b), FILE_ITEM("x.yaml", "y"));
	git_oid rc = TREE(TREE_ITEM("deploy", TREE(TREE_ITEM("a.yaml", sub))));

	is_diff(NULL, ra, "+deploy/a.yaml +deploy/b.json", "everything");
	is_diff(&ra, rb, "~deploy/a.yaml -deploy/b.json +deploy/c.yml",
		"what differs, below the path only");
	is_diff(&ra, ra, "", "nothing differs");
	is_diff(&ra, rc, "-deploy/a.yaml +deploy/a.yaml/z.yaml "
		"-deploy/b.json", "a file becomes a directory");
	is_diff(&rc, ra, "+deploy/a.yaml -deploy/a.yaml/z.yaml "
		"+deploy/b.json", "and back");
	is_diff(&ra, TREE(FILE_ITEM("x.yaml", "x")), "deploy:source-path",
		"a path that is not there");
	is_diff(NULL, TREE(FILE_ITEM("deploy", "x")), "deploy:source-path",
		"a path that is a file");
}

static void test_ignore(void)
{
	git_oid sub = TREE(FILE_ITEM("no.yaml", "1"), FILE_ITEM("yes.yaml", ""));
	git_oid a = TREE(TREE_ITEM("deploy", TREE(
		FILE_ITEM(".windlassignore", "no.yaml\n"),
		TREE_ITEM("sub", sub), FILE_ITEM("no.yaml", ""))));
	git_oid b = TREE(TREE_ITEM("deploy", TREE(
		FILE_ITEM(".windlassignore", "no.yaml\n#\n"),
		TREE_ITEM("sub", sub))));
	git_oid c = TREE(TREE_ITEM("deploy", TREE(
		FILE_ITEM(".windlassignore", "no.yaml\n"),
		TREE_ITEM("sub", sub), FILE_ITEM("new.yaml", "")
		)));

	is_diff(NULL, a, "+deploy/sub/yes.yaml", "ignored files are not read");
	is_diff(&a, b, "rc 1", "a changed ignore file: read everything");
	is_diff(&a, c, "+deploy/new.yaml", "an unchanged one is obeyed");
	is_diff(&c, TREE(TREE_ITEM("deploy", sub)), "rc 1", "a removed one");
}

static void test_refused(void)
{
	git_oid commit = blob("stands for a commit");
	git_oid chart = TREE(FILE_ITEM("Chart.yaml", "x"),
			     FILE_ITEM("values.yaml", "y"));
	git_oid t = TREE(TREE_ITEM("deploy", TREE(
		{ "link.yaml", GIT_FILEMODE_LINK, blob("/etc/passwd") },
		{ "link", GIT_FILEMODE_LINK, blob("x") },
		{ "module", GIT_FILEMODE_COMMIT, commit },
		TREE_ITEM("chart", chart),
		TREE_ITEM("k", TREE(FILE_ITEM("kustomization.yaml", ""))),
		FILE_ITEM("bad\x01.yaml", "x"),
		FILE_ITEM("bad\xff.yaml", "x"),
		{ "x.yaml", GIT_FILEMODE_BLOB_EXECUTABLE, blob("ok") })));
	git_oid calm = TREE(TREE_ITEM("deploy", TREE(
		FILE_ITEM(".windlassignore", "link\nmodule/\nchart/\n"),
		{ "link", GIT_FILEMODE_LINK, blob("x") },
		{ "module", GIT_FILEMODE_COMMIT, commit },
		TREE_ITEM("chart", chart))));

	is_diff(NULL, t, "+deploy/x.yaml "
		"deploy/bad\x01.yaml:source-name "
		"deploy/bad\xff.yaml:source-name "
		"deploy/chart/Chart.yaml:source-renderer "
		"deploy/k/kustomization.yaml:source-renderer "
		"deploy/link:source-symlink deploy/link.yaml:source-symlink "
		"deploy/module:source-submodule", "what cannot be a manifest");
	is_diff(NULL, calm, "", "all of it can be ignored");
}

static void test_depth(void)
{
	git_oid t = TREE(FILE_ITEM("a.yaml", "deep"));

	for (int i = 0; i < LIMIT_SOURCE_DEPTH - 1; i++)
		t = TREE(TREE_ITEM("d", t));
	struct buf want = BUF_INIT(1000);
	buf_adds(&want, "+deploy/");
	for (int i = 0; i < LIMIT_SOURCE_DEPTH; i++)
		buf_adds(&want, "d/");
	buf_adds(&want, "a.yaml");
	t = TREE(TREE_ITEM("d", t));
	is_diff(NULL, TREE(TREE_ITEM("deploy", t)), want.data,
		"as deep as may be");
	t = TREE(TREE_ITEM("d", t));
	is_diff(NULL, TREE(TREE_ITEM("deploy", t)), "rc -1", "one deeper");
	ok(strstr(err.msg, "directories deep") != NULL, "says so");
	buf_release(&want);
}

/* A tree of n entries that all are `below`. */
static git_oid fan(size_t n, git_oid below, git_filemode_t mode)
{
	struct item *items = xcalloc(n, sizeof(*items));
	char (*names)[24] = xcalloc(n, sizeof(*names));
	git_oid id;

	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "f%zu", i);
		items[i] = (struct item){ names[i], mode, below };
	}
	id = tree(items, n);
	free(items);
	free(names);
	return id;
}

/* "w" has dirs of leaves, "r" what is left to the limit. */
static void test_entries(void)
{
	size_t leaves = 1000, dirs = 990;
	size_t rest = LIMIT_SOURCE_ENTRIES - 1 - dirs * (leaves + 1);
	git_oid many = fan(leaves, blob("x"), GIT_FILEMODE_BLOB);
	git_oid wide = fan(dirs, many, GIT_FILEMODE_TREE);
	git_oid full = TREE(TREE_ITEM("deploy", TREE(TREE_ITEM("w", wide),
		TREE_ITEM("r", fan(rest - 1, blob("x"), GIT_FILEMODE_BLOB)))));
	git_oid over = TREE(TREE_ITEM("deploy", TREE(TREE_ITEM("w", wide),
		TREE_ITEM("r", fan(rest, blob("x"), GIT_FILEMODE_BLOB)))));
	git_oid bomb = many;

	is_diff(NULL, full, "", "as many entries as may be");
	is_diff(NULL, over, "rc -1", "one more");
	ok(strstr(err.msg, "1000000") != NULL, "says so");
	for (int i = 0; i < 10; i++)
		bomb = fan(1000, bomb, GIT_FILEMODE_TREE);
	is_diff(NULL, TREE(TREE_ITEM("deploy", bomb)), "rc -1",
		"10^33 files end as soon");
}

static void test_path_length(void)
{
	char name[256];
	git_oid t = TREE(FILE_ITEM("a.yaml", "long"));

	memset(name, 'n', 250);
	name[250] = '\0';
	for (int i = 0; i < LIMIT_PATH_BYTES / 251 + 1; i++)
		t = TREE(TREE_ITEM(name, t));
	is_diff(NULL, TREE(TREE_ITEM("deploy", t)), "rc -1", "a long path");
	ok(strstr(err.msg, "longer than 4096") != NULL, "says so");
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/u-source-XXXXXX", tmp ? tmp : "/tmp");

	if (!mkdtemp(dir) || repo_init_library(&err) < 0 ||
	    git_repository_init(&repo, dir, true) < 0)
		return 99;
	/* submodules and unsynced objects are what these trees are made of */
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 0);
	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0);
	strvec_push(&paths, "deploy");
	test_diff();
	test_ignore();
	test_refused();
	test_depth();
	test_entries();
	test_path_length();
	strvec_release(&paths);
	git_repository_free(repo);
	fs_remove_tree(dir, &err);
	free(dir);
	return tap_done();
}
