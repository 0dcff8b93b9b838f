/*
 * The gate's own limits: the size of a file and the number of objects. What
 * it judges and how is for t/t3050 and t/t3100, by real pushes.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks/render.h"
#include "hooks/validate.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/repo.h"
#include "t/unit/tap.h"

static git_repository *repo;
static struct host_config host;
static char ref[] = "refs/heads/main", kubernetes[] = "1.36", none[] = "";
static struct channel_config ch = {
	.name = "prod", .epoch = 1, .ref = ref, .kubernetes = kubernetes,
	.default_namespace = none,
};
static struct err err = ERR_INIT;

/* A commit whose tree has one file, deploy/a.yaml. */
static void commit_of(const char *text, size_t len, char ret[GIT_HEX_SIZE])
{
	git_treebuilder *tb = NULL;
	git_signature *who = NULL;
	git_tree *tree = NULL;
	git_oid id;

	if (git_blob_create_from_buffer(&id, repo, text, len) < 0 ||
	    git_treebuilder_new(&tb, repo, NULL) < 0 ||
	    git_treebuilder_insert(NULL, tb, "a.yaml", &id,
				   GIT_FILEMODE_BLOB) < 0 ||
	    git_treebuilder_write(&id, tb) < 0 ||
	    git_treebuilder_clear(tb) < 0 ||
	    git_treebuilder_insert(NULL, tb, "deploy", &id,
				   GIT_FILEMODE_TREE) < 0 ||
	    git_treebuilder_write(&id, tb) < 0 ||
	    git_tree_lookup(&tree, repo, &id) < 0 ||
	    git_signature_new(&who, "A", "a", 1, 0) < 0 ||
	    git_commit_create(&id, repo, NULL, who, who, NULL, "x", tree, 0,
			      NULL) < 0)
		BUG("no commit");
	git_oid_tostr(ret, GIT_HEX_SIZE, &id);
	git_signature_free(who);
	git_tree_free(tree);
	git_treebuilder_free(tb);
}

static void config_maps(struct buf *out, int n)
{
	for (int i = 0; i < n; i++)
		buf_addf(out, "---\napiVersion: v1\nkind: ConfigMap\n"
			 "metadata: {name: c%d, namespace: demo}\n", i);
}

/* Judges a tip; true if nothing is wrong with it. */
static bool judge(const char *tip, const struct current *current,
		  struct store *store, struct verdict *v, struct problems *ps)
{
	const struct gate g = {
		.repo = repo, .host = &host, .ch = &ch, .current = current,
		.tip = tip, .store = store,
	};

	if (gate_check(&g, v, ps, &err) < 0) {
		printf("# %s\n", err.msg);
		BUG("the gate failed");
	}
	return !ps->errors;
}

static bool judge_text(const struct buf *text, const struct current *current,
		       const char *rule)
{
	struct problems ps = PROBLEMS_INIT;
	struct verdict v = VERDICT_INIT;
	char tip[GIT_HEX_SIZE];
	bool good;

	commit_of(text->data, text->len, tip);
	good = judge(tip, current, NULL, &v, &ps);
	if (!good && strcmp(ps.v[0].rule, rule))
		printf("# %s: %s\n", ps.v[0].rule, ps.v[0].message);
	good = good || strcmp(ps.v[0].rule, rule);
	verdict_release(&v);
	problems_release(&ps);
	return good;
}

static void test_file_size(void)
{
	static const struct current nothing = CURRENT_INIT;
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES + 1);

	config_maps(&text, 1);
	while (text.len < LIMIT_FILE_BYTES)
		buf_addc(&text, text.len % 80 ? '#' : '\n');
	ok(judge_text(&text, &nothing, "file-size"), "a file at the limit");
	buf_addc(&text, '\n');
	ok(!judge_text(&text, &nothing, "file-size"), "one byte beyond");
	buf_release(&text);
}

static void test_objects(void)
{
	struct buf text = BUF_INIT(10000);
	struct current c = CURRENT_INIT;
	struct problems ps = PROBLEMS_INIT;
	struct verdict v = VERDICT_INIT;
	struct store *store = NULL;
	char tip[GIT_HEX_SIZE];
	struct rendered r;

	config_maps(&text, 1);
	commit_of(text.data, text.len, tip);
	store = store_new(host.git_dir);
	if (!judge(tip, &c, store, &v, &ps) ||
	    render_tree(repo, store, &c, &v.plan, &r, &err) < 0 ||
	    store_flush(store, &err) < 0)
		BUG("no bundle");
	is_int(v.plan.objects, 1, "one object");

	memset(c.id, 'a', sizeof(c.id) - 1);
	c.tree = r.tree;
	c.commit.bundle.content = r.content;
	memcpy(c.commit.bundle.source_commit, tip, sizeof(tip));
	memcpy(c.commit.bundle.renderer, "plain/1", sizeof("plain/1"));
	c.commit.bundle.objects = LIMIT_BUNDLE_OBJECTS - 4;
	buf_reset(&text);
	config_maps(&text, 5);
	ok(judge_text(&text, &c, "source-size"), "objects at the limit");
	buf_reset(&text);
	config_maps(&text, 6);
	ok(!judge_text(&text, &c, "source-size"), "one beyond");
	memcpy(c.commit.bundle.renderer, "other/1", sizeof("other/1"));
	const struct gate g = {
		.repo = repo, .host = &host, .ch = &ch, .current = &c,
		.tip = tip,
	};
	verdict_release(&v);
	ok(gate_check(&g, &v, &ps, &err) < 0 && err.class == ERR_INVALID &&
	   strstr(err.msg, "--rerender"), "a renderer that we do not have");
	store_free(store);
	buf_release(&text);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/u-validate-XXXXXX", tmp ? tmp : "/tmp");

	setenv("WINDLASS_OPENAPI", TABLES, 1);
	if (!mkdtemp(dir))
		return 99;
	host.git_dir = xasprintf("%s/git", dir);
	host.state_dir = xasprintf("%s/state", dir);
	if (repo_init_library(&err) < 0 ||
	    git_repository_init(&repo, host.git_dir, true) < 0)
		return 99;
	strvec_push(&ch.paths, "deploy");
	test_file_size();
	test_objects();
	strvec_release(&ch.paths);
	git_repository_free(repo);
	fs_remove_tree(dir, &err);
	free(host.git_dir);
	free(host.state_dir);
	free(dir);
	return tap_done();
}
