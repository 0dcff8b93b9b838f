/*
 * Tree rendering: whatever way a bundle's tree came about, by one plan or by
 * a hundred small ones, the same objects make the same tree, and that tree
 * agrees with its SHA256SUMS.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks/render.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/proc.h"
#include "schema/repo.h"
#include "schema/sums.h"
#include "t/unit/tap.h"

#define OBJECTS 60
#define ROUNDS 100

static git_repository *repo;
static struct err err = ERR_INIT;

/* What the bundle should hold: a version of each object, 0: none. */
struct world {
	int version[OBJECTS];
};

static void object_of(int i, struct object_id *id, char name[32])
{
	static const char *const kinds[] = { "ConfigMap", "Pod", "Widget" };

	snprintf(name, 32, "o%d", i / 6);
	*id = (struct object_id){
		.group = i % 3 == 2 ? "example.org" : "", .version = "v1",
		.kind = kinds[i % 3], .namespace = i % 2 ? "a" : "a-b",
		.name = name,
	};
}

static void write_blob(struct store *store, const char *text, git_oid *ret)
{
	const struct store_object o = {
		.type = GIT_OBJECT_BLOB, .data = text, .len = strlen(text),
	};

	if (store_write(store, &o, ret, &err) < 0)
		BUG("no blob");
}

static void add_item(struct plan *p, struct store *store, int i, int was,
		     int now)
{
	struct buf path = BUF_INIT(1000), text = BUF_INIT(1000);
	struct plan_item item = { .op = PLAN_DELETE };
	struct object_id id;
	char name[32];

	object_of(i, &id, name);
	object_path(&id, &path, &err);
	item.path = arena_strdup(&p->arena, path.data);
	if (now) {
		item.op = was ? PLAN_CHANGE : PLAN_CREATE;
		buf_addf(&text, "{\"object\":%d,\"version\":%d}\n", i, now);
		sha256_of(text.data, text.len, &item.digest);
		write_blob(store, text.data, &item.blob);
	}
	if (was != now)
		plan_add(p, &item);
	plan_origin(p, &id, now ? "deploy/all.yaml" : NULL,
		    (uint32_t)(now * 1000 + i), &err);
	buf_release(&path);
	buf_release(&text);
}

static void set_current(struct current *c, const struct rendered *r)
{
	memset(c->id, 'a', sizeof(c->id) - 1);
	c->id[sizeof(c->id) - 1] = '\0';
	c->tree = r->tree;
	c->commit.bundle.content = r->content;
}

/* Renders what leads from one world to another. */
static int step(const struct current *from, const struct world *was,
		const struct world *now, struct rendered *ret)
{
	struct plan p = PLAN_INIT;
	struct store *store = store_new(git_repository_path(repo));
	int rc = 0;

	for (int i = 0; !rc && i < OBJECTS; i++)
		if (was->version[i] != now->version[i])
			add_item(&p, store, i, was->version[i],
				 now->version[i]);
	plan_sort(&p);
	if (!rc)
		rc = render_tree(repo, store, from, &p, ret, &err);
	if (!rc)
		rc = store_flush(store, &err);
	store_free(store);
	plan_release(&p);
	return rc;
}

/* Each directory is what its SHA256SUMS says, down from the digest. */
static bool sums_agree(const git_oid *id, const struct sha256 *digest)
{
	struct buf text = BUF_INIT(1 << 20);
	struct sums s = SUMS_INIT;
	struct sha256 got;
	git_tree *tree = NULL;
	const git_tree_entry *e;
	bool good = false;

	if (git_tree_lookup(&tree, repo, id) < 0)
		return false;
	e = git_tree_entry_byname(tree, SUMS_NAME);
	if (!e || repo_read(repo, git_oid_tostr_s(git_tree_entry_id(e)),
			    GIT_OBJECT_BLOB, &text, &err) < 0)
		goto out;
	sha256_of(text.data, text.len, &got);
	if (!sha256_equal(&got, digest) ||
	    sums_parse(text.data, text.len, &s, &err) < 0 ||
	    s.n + 1 != git_tree_entrycount(tree))
		goto out;
	good = true;
	for (size_t i = 0; good && i < s.n; i++) {
		e = git_tree_entry_byname(tree, s.v[i].name);
		if (!e) {
			good = false;
		} else if (s.v[i].dir) {
			good = sums_agree(git_tree_entry_id(e),
					  &s.v[i].digest);
		} else {
			buf_reset(&text);
			good = !repo_read(repo,
					  git_oid_tostr_s(git_tree_entry_id(e)),
					  GIT_OBJECT_BLOB, &text, &err);
			sha256_of(text.data, text.len, &got);
			good = good && sha256_equal(&got, &s.v[i].digest);
		}
	}
out:
	sums_release(&s);
	git_tree_free(tree);
	buf_release(&text);
	return good;
}

static void test_any_way(void)
{
	static const struct current none = CURRENT_INIT;
	static const struct world empty;
	struct world was = { .version = { 1 } }, now;
	struct current c = CURRENT_INIT;
	struct rendered r, fresh;
	int differ = 0, disagree = 0, errors = 0;

	srandom(1);
	errors += step(&none, &empty, &was, &r) < 0;
	for (int round = 0; round < ROUNDS; round++) {
		int changes = 1 + (int)(random() % 8);

		set_current(&c, &r);
		now = was;
		while (changes--)
			now.version[random() % OBJECTS] = (int)(random() % 4);
		now.version[0] = 1;	/* never empty */
		errors += step(&c, &was, &now, &r) < 0;
		errors += step(&none, &empty, &now, &fresh) < 0;
		differ += !git_oid_equal(&r.tree, &fresh.tree) ||
			  !sha256_equal(&r.content, &fresh.content);
		disagree += !sums_agree(&r.tree, &r.content);
		was = now;
	}
	is_int(errors, 0, "no step fails");
	is_int(differ, 0, "step by step or at once: the same tree");
	is_int(disagree, 0, "each directory agrees with its SHA256SUMS");
}

static void test_refuse(void)
{
	static const struct current none = CURRENT_INIT;
	static const struct world empty;
	struct world one = { .version = { 1 } }, two = { .version = { 1, 1 } };
	struct current c = CURRENT_INIT;
	struct rendered r, again;

	step(&none, &empty, &one, &r);
	set_current(&c, &r);
	ok(step(&c, &one, &empty, &again) < 0 && err.class == ERR_INVALID,
	   "no bundle without an object");
	ok(!step(&c, &one, &one, &again) &&
	   git_oid_equal(&again.tree, &r.tree) &&
	   sha256_equal(&again.content, &r.content),
	   "no change, the same tree");
	c.commit.bundle.content.b[0] ^= 1;
	ok(step(&c, &one, &two, &again) < 0 && err.class == ERR_DENIED,
	   "a tree of another digest than the signed one");
}

/* The packs and loose objects that are there. */
static void count_objects(int *ret_packs, int *ret_loose)
{
	char *count = xasprintf("cd '%sobjects' && ls pack | grep -c '[.]pack$'"
				"; find . -path './[0-9a-f][0-9a-f]/*' -type f | wc -l",
				git_repository_path(repo));
	struct buf out = BUF_INIT(1000);
	struct proc p = {
		.argv = (const char *const[]){ "sh", "-c", count, NULL },
		.out = &out,
	};

	if (proc_check(&p, &err) < 0 ||
	    sscanf(out.data, "%d %d", ret_packs, ret_loose) != 2)
		BUG("cannot count");
	buf_release(&out);
	free(count);
}

/* Writes n new blobs, and one that is there already. */
static void test_store(int n)
{
	int packs, loose, packs2, loose2;
	struct store *store = NULL;
	git_odb *odb = NULL;
	git_oid id, again;
	char name[64];

	count_objects(&packs, &loose);
	git_repository_odb(&odb, repo);
	store = store_new(git_repository_path(repo));
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "blob %d of %d", i, n);
		write_blob(store, name, &id);
	}
	write_blob(store, name, &again);
	ok(git_oid_equal(&id, &again), "twice is once");
	ok(!git_odb_exists(odb, &id), "nothing is there before the flush");
	ok(!store_flush(store, &err) && git_odb_refresh(odb) == 0 &&
	   git_odb_exists(odb, &id), "all of it after");
	count_objects(&packs2, &loose2);
	ok(packs2 == packs + 1 && loose2 == loose, "%d blobs: one pack", n);
	store_free(store);
	store = store_new(git_repository_path(repo));
	write_blob(store, name, &id);
	ok(!store_flush(store, &err), "written by another store");
	count_objects(&packs, &loose);
	ok(packs == packs2 && loose == loose2, "is not written again");
	git_odb_free(odb);
	store_free(store);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/u-render-XXXXXX", tmp ? tmp : "/tmp");

	if (!mkdtemp(dir) || repo_init_library(&err) < 0 ||
	    git_repository_init(&repo, dir, true) < 0)
		return 99;
	test_any_way();
	test_refuse();
	test_store(1);
	test_store(99);
	test_store(2000);
	git_repository_free(repo);
	fs_remove_tree(dir, &err);
	free(dir);
	return tap_done();
}
