/*
 * Walking a chain. See check-chain.h. Back along the parents first, as far as
 * they can be read; then forth, so that each tree is judged against the one
 * before it and only what a bundle changed is read. A fault in one bundle
 * does not hide those of others. Nothing is believed: not the order, not that
 * a parent is older, not that there is an end.
 */
#include "config.h"
#include "engine/cli/check-chain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"

#define OF_SIZE 128

struct walkback {
	const struct chain_check *c;
	char (*ids)[GIT_HEX_SIZE];	/* the newest first */
	size_t n, alloc;
	size_t show;			/* of them; one more is a parent only */
	struct bundle_commit at;
	/* why it ended before a first bundle; class ERR_NONE if it did not */
	struct err stop;
	struct verdict stop_verdict;
	char stop_id[GIT_HEX_SIZE];
};

static void write_of(const struct bundle *b, uint64_t sequence,
		     char ret[OF_SIZE])
{
	snprintf(ret, OF_SIZE, "%s %" PRIu64 ".%" PRIu64, b->channel, b->epoch,
		 sequence);
}

static void push_id(struct walkback *w, const char *id)
{
	if (w->n == w->alloc) {
		w->alloc = w->alloc ? w->alloc * 2 : 64;
		w->ids = xreallocarray(w->ids, w->alloc, GIT_HEX_SIZE);
	}
	memcpy(w->ids[w->n++], id, GIT_HEX_SIZE);
}

/* ---- back ---- */

static void walk_back(struct walkback *w)
{
	const struct chain_check *c = w->c;
	size_t most = c->last && c->last < LIMIT_EPOCH_BUNDLES ?
		      c->last + 1 : LIMIT_EPOCH_BUNDLES;

	while (w->at.parent[0] && w->n < most) {
		memcpy(w->stop_id, w->at.parent, GIT_HEX_SIZE);
		if (verify_ancestor(c->cache, w->stop_id, c->rules, &w->at,
				    &w->stop_verdict, &w->stop) < 0)
			break;
		push_id(w, w->stop_id);
	}
	w->show = c->last && c->last < w->n ? c->last : w->n;
	if (w->at.parent[0] && w->n == LIMIT_EPOCH_BUNDLES) {
		w->stop_verdict = (struct verdict){ SOURCE_VERIFIED,
						    SOURCE_BUNDLE };
		err_set(&w->stop, ERR_DENIED, "the chain goes on beyond %d "
			"bundles", LIMIT_EPOCH_BUNDLES);
	}
}

/* ---- forth ---- */

/* The bundle before the one that is looked at. */
struct before {
	bool there;		/* its commit was read */
	bool tree;		/* and its tree is good */
	struct bundle_commit commit;
};

bool tree_at_hand(const struct cache *c, const char *commit)
{
	struct buf raw = BUF_INIT(LIMIT_COMMIT_BYTES);
	struct bundle_commit parsed;
	struct err err = ERR_INIT;
	git_oid id;
	bool there = false;

	if (git_oid_fromstr(&id, commit) == 0 &&
	    cache_read(c, &id, GIT_OBJECT_COMMIT, &raw, &err) == 0 &&
	    bundle_commit_parse(raw.data, raw.len, &parsed, NULL, NULL,
				&err) == 0 &&
	    git_oid_fromstr(&id, parsed.tree) == 0)
		there = git_odb_exists(c->odb, &id) == 1;
	buf_release(&raw);
	return there;
}

static int judge_tree(const struct chain_check *c,
		      const struct bundle_commit *commit,
		      const struct bundle_commit *before, struct verdict *v,
		      struct err *err)
{
	struct verify_tree *tree = verify_tree_new(c->cache,
						   c->rules->channel, commit,
						   before, false);
	int rc;

	do
		rc = verify_tree_step(tree, INT64_MAX, v, err);
	while (rc > 0);
	verify_tree_free(tree);
	return rc;
}

/* The publisher's word, as all else that it signed. */
static void say_pushers(const struct chain_check *c,
			const struct subject *what, const char *publisher,
			const struct pushers *who)
{
	struct buf names = BUF_INIT(LIMIT_PUSHERS * (LIMIT_PRINCIPAL_BYTES +
						     2));

	for (size_t i = 0; i < who->n; i++)
		buf_addf(&names, "%s%s", i ? ", " : "", who->v[i]);
	result_ok(c->results, what, "by %s, pushed by %s", publisher,
		  names.data);
	buf_release(&names);
}

static void check_signature(const struct chain_check *c,
			    struct subject *what, bool newest)
{
	char publisher[LIMIT_PRINCIPAL_BYTES + 1];
	struct bundle_commit commit;
	struct err err = ERR_INIT;
	struct verdict v;

	what->check = "signature";
	if (verify_commit(c->cache, what->bundle, c->rules,
			  newest && c->current ? c->rules->now
					       : TRUST_ANY_TIME,
			  &commit, publisher, &v, &err) < 0)
		result_refused(c->results, what, &v, &err);
	else if (!commit.bundle.pushers.n)
		result_ok(c->results, what, "by %s", publisher);
	else
		say_pushers(c, what, publisher, &commit.bundle.pushers);
}

static void check_link(const struct chain_check *c, struct subject *what,
		       const struct bundle_commit *at,
		       const struct before *before)
{
	struct err err = ERR_INIT;
	struct verdict v;

	what->check = "chain";
	if (!at->parent[0])
		result_ok(c->results, what, "the first of epoch %" PRIu64,
			  at->bundle.epoch);
	else if (!before->there)
		result_skipped(c->results, what, "its parent was not read");
	else if (verify_link(at, &before->commit, &v, &err) < 0)
		result_refused(c->results, what, &v, &err);
	else
		result_ok(c->results, what, "follows %" PRIu64 ".%" PRIu64,
			  before->commit.bundle.epoch,
			  before->commit.bundle.sequence);
}

/* True if the tree is good. */
static bool check_content(const struct chain_check *c, struct subject *what,
			  const struct bundle_commit *at,
			  const struct before *before)
{
	const struct bundle *b = &at->bundle;
	struct err err = ERR_INIT;
	struct verdict v;

	what->check = "content";
	if (c->published && !tree_at_hand(c->cache, what->bundle)) {
		result_skipped(c->results, what, "not published any more");
		return false;
	}
	if (judge_tree(c, at, before->tree ? &before->commit : NULL, &v,
		       &err) < 0) {
		result_refused(c->results, what, &v, &err);
		return false;
	}
	result_ok(c->results, what, "%" PRIu64 " objects, +%" PRIu64 " ~%"
		  PRIu64 " -%" PRIu64 "%s", b->objects, b->created,
		  b->changed, b->deleted, before->tree || !at->parent[0] ?
		  "" : " (not recounted: the tree before is not good, or not "
		  "at hand)");
	return true;
}

/* What a parent that is not shown is like; no word about it. */
static void look_at_parent(const struct walkback *w, struct before *ret)
{
	const struct chain_check *c = w->c;
	struct err err = ERR_INIT;
	struct verdict v;

	if (w->show == w->n)
		return;
	ret->there = verify_ancestor(c->cache, w->ids[w->show], c->rules,
				     &ret->commit, &v, &err) == 0;
	ret->tree = ret->there &&
		    judge_tree(c, &ret->commit, NULL, &v, &err) == 0;
}

/* -1 when it cannot be read a second time: somebody took it away. */
static int check_bundle(const struct walkback *w, size_t i,
			struct before *before, struct err *err)
{
	const struct chain_check *c = w->c;
	struct bundle_commit at;
	char of[OF_SIZE];
	struct subject what = { .of = of, .bundle = w->ids[i] };
	struct verdict v;

	if (verify_ancestor(c->cache, w->ids[i], c->rules, &at, &v, err) < 0)
		return -1;
	write_of(&at.bundle, at.bundle.sequence, of);
	check_signature(c, &what, i == 0);
	check_link(c, &what, &at, before);
	before->tree = check_content(c, &what, &at, before);
	before->there = true;
	before->commit = at;
	return 0;
}

static int walk_forth(const struct walkback *w, struct err *err)
{
	struct before before = { 0 };

	look_at_parent(w, &before);
	for (size_t i = w->show; i-- > 0;)
		if (check_bundle(w, i, &before, err) < 0)
			return -1;
	return 0;
}

int check_chain(const struct chain_check *c, const char *tip,
		struct err *err)
{
	struct walkback w = { .c = c };
	char of[OF_SIZE];
	struct subject what = { .of = of, .bundle = w.stop_id,
				.check = "commit" };
	int rc;

	if (verify_ancestor(c->cache, tip, c->rules, &w.at, &w.stop_verdict,
			    err) < 0)
		return -1;
	push_id(&w, tip);
	walk_back(&w);
	if (w.stop.class != ERR_NONE && w.show == w.n) {
		write_of(&w.at.bundle, w.at.bundle.sequence - 1, of);
		result_refused(c->results, &what, &w.stop_verdict, &w.stop);
	}
	rc = walk_forth(&w, err);
	free(w.ids);
	return rc;
}
