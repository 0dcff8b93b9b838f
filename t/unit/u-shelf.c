/*
 * The shelf of packs over a long time: there is always a way to the current
 * bundle, deltas reach back far enough, bases are few and spread.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/current.h"
#include "hooks/pack.h"
#include "hooks/shelf.h"
#include "hooks/sign.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/proc.h"
#include "schema/repo.h"
#include "t/unit/tap.h"

#define BUNDLES 300

static git_repository *repo;
static struct host_config host;
static struct channel_config ch = {
	.name = "prod", .id = "0123456789abcdef0123456789abcdef", .epoch = 1,
};
static struct err err = ERR_INIT;

static char *make_key(const char *dir)
{
	char *key = xasprintf("%s/key", dir);
	struct proc p = {
		.argv = (const char *const[]){ "ssh-keygen", "-q", "-t",
			"ed25519", "-N", "", "-C", "test", "-f", key, NULL },
	};

	if (proc_check(&p, &err) < 0)
		BUG("no key");
	return key;
}

static void write_object(struct store *store, git_object_t type,
			 const struct buf *data, git_oid *ret)
{
	const struct store_object o = {
		.type = type, .data = data->data, .len = data->len,
	};

	if (store_write(store, &o, ret, &err) < 0)
		BUG("no object");
}

/* The next bundle: one small file that differs. */
static void next_bundle(struct current *c, struct signer *signer)
{
	struct store *store = NULL;
	struct bundle_commit b = { .author = "A <a> 1 +0000",
				   .committer = "A <a> 1 +0000" };
	uint64_t sequence = *c->id ? c->commit.bundle.sequence + 1 : 1;
	struct buf tree = BUF_INIT(100), text = BUF_INIT(100);
	char id[GIT_HEX_SIZE];
	git_oid blob, tree_id;

	store = store_new(host.git_dir);
	buf_addf(&text, "%d\n", (int)sequence);
	write_object(store, GIT_OBJECT_BLOB, &text, &blob);
	buf_adds(&tree, "100644 file");
	buf_addc(&tree, '\0');
	buf_add(&tree, blob.id, GIT_OID_RAWSZ);
	write_object(store, GIT_OBJECT_TREE, &tree, &tree_id);
	git_oid_tostr(b.tree, sizeof(b.tree), &tree_id);
	memcpy(b.parent, c->id, sizeof(b.parent));
	b.bundle = (struct bundle){
		.channel = "prod", .epoch = 1, .sequence = sequence,
		.source_ref = "refs/heads/main", .objects = 1,
		.renderer = "plain/1", .issued = 1000000000,
		.created = sequence == 1, .changed = sequence != 1,
	};
	memcpy(b.bundle.channel_id, ch.id, sizeof(ch.id));
	memcpy(b.bundle.source_commit, b.tree, sizeof(b.tree));
	if (sign_bundle(store, &b, signer, id, &err) < 0 ||
	    store_flush(store, &err) < 0 ||
	    current_read_id(repo, &ch, id, c, &err) < 0) {
		printf("# %s\n", err.msg);
		BUG("no bundle");
	}
	buf_release(&tree);
	buf_release(&text);
	store_free(store);
}

static int count(const struct shelf *s, bool base)
{
	int n = 0;

	for (size_t i = 0; i < s->ix.n; i++)
		n += (!*s->ix.v[i].from) == base;
	return n;
}

/* Each power of two further back, as far as the chain goes, has a base. */
static bool bases_spread(const struct shelf *s, uint64_t tip)
{
	for (uint64_t age = 2 * KEEP_DELTAS; age * 2 < tip; age *= 2) {
		bool found = false;

		for (size_t i = 0; i < s->ix.n; i++) {
			struct bundle_commit b;

			if (*s->ix.v[i].from ||
			    repo_read_bundle(repo, s->ix.v[i].to, &b, NULL,
					     NULL, &err) < 0)
				continue;
			found |= tip - b.bundle.sequence >= age &&
				 tip - b.bundle.sequence < age * 2;
		}
		if (!found)
			return false;
	}
	return true;
}

static void reopen(struct shelf *s)
{
	struct head h = { .epoch = 1 };

	if (shelf_write(s, &h.index, &err) < 0)
		BUG("no index");
	shelf_release(s);
	shelf_open(&host, &ch, &h, 1, s);
}

static void test_long(struct signer *signer)
{
	int no_way = 0, too_few = 0, too_many = 0, far = 0, sparse = 0;
	struct current c = CURRENT_INIT;
	struct pack_ref pack;
	struct shelf s;

	shelf_open(&host, &ch, NULL, 1, &s);
	for (int n = 1; n <= BUNDLES; n++) {
		next_bundle(&c, signer);
		if (shelf_advance(repo, &s, &c, NULL, &err) < 0)
			BUG("cannot advance");
		if (shelf_distance(&s, c.id) >= SHELF_BASE_EVERY &&
		    (pack_make_base(repo, &host, &ch, c.id, &pack, &err) < 0 ||
		     shelf_add_base(repo, &s, &c, c.id, &pack, &err) < 0))
			BUG("no base");
		no_way += shelf_distance(&s, c.id) < 0;
		far += shelf_distance(&s, c.id) > SHELF_BASE_EVERY;
		too_few += count(&s, false) <
			   (n - 1 < KEEP_DELTAS ? n - 1 : KEEP_DELTAS);
		too_many += count(&s, false) > KEEP_DELTAS ||
			    count(&s, true) > 8;
		if (n % 50 == 0)
			reopen(&s);
		sparse += !bases_spread(&s, (uint64_t)n);
	}
	is_int(no_way, 0, "there is always a way from a base");
	is_int(far, 0, "and it is short");
	is_int(too_few, 0, "deltas of the last bundles are kept");
	is_int(too_many, 0, "older ones are not, and bases are few");
	is_int(sparse, 0, "a base for each power of two further back");
	shelf_release(&s);
}

/* Nobody makes bases: then deltas are kept, up to a point. */
static void test_no_tidying(struct signer *signer)
{
	struct current c = CURRENT_INIT;
	int longest = 0, gaps = 0;
	struct shelf s;

	shelf_open(&host, &ch, NULL, 1, &s);
	for (int n = 1; n <= SHELF_CHAIN_MAX + 4; n++) {
		int d;

		next_bundle(&c, signer);
		if (shelf_advance(repo, &s, &c, NULL, &err) < 0)
			BUG("cannot advance");
		d = shelf_distance(&s, c.id);
		gaps += d < 0;
		longest = d > longest ? d : longest;
	}
	is_int(gaps, 0, "without tidying there is a way too");
	is_int(longest, SHELF_CHAIN_MAX, "as long as may be, then a base");
	is_int(count(&s, true), 2, "made by the push itself");
	shelf_release(&s);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/u-shelf-XXXXXX", tmp ? tmp : "/tmp"), *key;
	struct signer *signer = NULL;

	if (!mkdtemp(dir))
		return 99;
	host.git_dir = xasprintf("%s/git", dir);
	host.publish_dir = xasprintf("%s/public", dir);
	key = make_key(dir);
	if (repo_init_library(&err) < 0 ||
	    git_repository_init(&repo, host.git_dir, true) < 0 ||
	    signer_open(key, &signer, &err) < 0) {
		printf("# %s\n", err.msg);
		return 99;
	}
	test_long(signer);
	test_no_tidying(signer);
	signer_free(signer);
	git_repository_free(repo);
	fs_remove_tree(dir, &err);
	free(host.git_dir);
	free(host.publish_dir);
	free(key);
	free(dir);
	return tap_done();
}
