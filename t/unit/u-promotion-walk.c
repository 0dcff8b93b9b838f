/*
 * What may be promoted, against a table of what leads where that is made from
 * the parents alone: random histories with merges, side branches, several
 * roots and clocks that lie.
 */
#include "config.h"

#include <git2.h>
#include <stdlib.h>
#include <unistd.h>

#include "hooks/promotion-walk.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/repo.h"
#include "t/unit/tap.h"

#define COMMITS 120
#define SOURCES 12
#define QUESTIONS 200

static git_repository *repo;
static git_oid ids[COMMITS];
static char hex[COMMITS][GIT_HEX_SIZE];
/* commit i is the other one, or comes after it */
static bool after[COMMITS][COMMITS];

static unsigned rnd(unsigned below)
{
	static uint64_t x = 8;

	x = x * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(x >> 33) % below;
}

static void add_parent(unsigned of, unsigned parent)
{
	for (unsigned k = 0; k <= parent; k++)
		after[of][k] |= after[parent][k];
}

/* Mostly the one before, now and then another one or none. */
static unsigned choose_parents(unsigned i, unsigned ret[2])
{
	unsigned n = 0;

	if (!i || !rnd(40))
		return 0;
	ret[n++] = rnd(3) ? i - 1 : i - 1 - rnd(i < 12 ? i : 12);
	if (!rnd(3)) {
		ret[n] = rnd(i);
		n += ret[n] != ret[0];
	}
	return n;
}

static bool make_commit(unsigned i, git_tree *tree)
{
	const git_commit *parents[2];
	git_signature *who;
	unsigned from[2], n = choose_parents(i, from);
	char text[16];
	bool made;

	after[i][i] = true;
	for (unsigned k = 0; k < n; k++) {
		add_parent(i, from[k]);
		if (git_commit_lookup((git_commit **)&parents[k], repo,
				      &ids[from[k]]) < 0)
			return false;
	}
	snprintf(text, sizeof(text), "%u", i);
	/* of four clocks one is days behind */
	if (git_signature_new(&who, "a", "a@example.org", 1700000000 +
			      (int)i * 60 - (rnd(4) ? 0 : 400000), 0) < 0)
		return false;
	made = git_commit_create(&ids[i], repo, NULL, who, who, NULL, text,
				 tree, n, parents) == 0;
	git_oid_tostr(hex[i], sizeof(hex[i]), &ids[i]);
	git_signature_free(who);
	for (unsigned k = 0; k < n; k++)
		git_commit_free((git_commit *)parents[k]);
	return made;
}

static bool make_history(void)
{
	git_treebuilder *b;
	git_tree *tree;
	git_oid id;
	bool made = git_treebuilder_new(&b, repo, NULL) == 0 &&
		    git_treebuilder_write(&id, b) == 0 &&
		    git_tree_lookup(&tree, repo, &id) == 0;

	for (unsigned i = 0; made && i < COMMITS; i++)
		made = make_commit(i, tree);
	git_treebuilder_free(b);
	git_tree_free(tree);
	return made;
}

/* -1: none, or not there */
struct question {
	int tip, base, hidden;
	int sources[SOURCES];
};

static unsigned number_of(const git_oid *id)
{
	unsigned i = 0;

	while (i < COMMITS - 1 && !git_oid_equal(&ids[i], id))
		i++;
	return i;
}

static bool is_in(const struct question *q, unsigned i)
{
	return after[q->tip][i] && (q->base < 0 || !after[q->base][i]) &&
	       (q->hidden < 0 || !after[q->hidden][i]);
}

/* With a base what was left out counts only where it comes before that. */
static size_t want_first(const struct question *q, unsigned i)
{
	bool after_base = q->base >= 0 && after[i][q->base];

	for (size_t k = 0; k < SOURCES; k++)
		if (q->sources[k] >= 0 && after[i][q->sources[k]] &&
		    (q->base < 0 || after_base ||
		     is_in(q, (unsigned)q->sources[k])))
			return k;
	return SOURCES;
}

static bool is_right(const struct question *q, const struct promotion_walk *w)
{
	bool seen[COMMITS] = { false };
	size_t n = 0;

	for (size_t k = 0; k < w->n; k++) {
		unsigned i = number_of(&w->v[k].id);

		/* none of its children comes later */
		for (unsigned j = 0; j < COMMITS; j++)
			if (j != i && after[i][j] && seen[j])
				return false;
		if (seen[i] || !is_in(q, i) ||
		    w->v[k].first != want_first(q, i) ||
		    w->v[k].after_base != (q->base >= 0 && after[i][q->base]))
			return false;
		seen[i] = true;
	}
	for (unsigned i = 0; i < COMMITS; i++)
		n += is_in(q, i);
	return n == w->n;
}

static struct question make_question(void)
{
	struct question q = { .base = -1, .hidden = -1 };

	q.tip = (int)(COMMITS - 1 - rnd(COMMITS / 2));
	if (rnd(4)) {
		do
			q.base = (int)rnd((unsigned)q.tip + 1);
		while (!after[q.tip][q.base]);
	} else if (rnd(2)) {
		q.hidden = (int)rnd(COMMITS);
	}
	for (size_t k = 0; k < SOURCES; k++)
		q.sources[k] = rnd(30) ? (int)rnd(COMMITS) : -1;
	return q;
}

static bool ask(const struct question *q)
{
	static const char gone[] = "1234567890123456789012345678901234567890";
	struct strvec hidden = STRVEC_INIT, sources = STRVEC_INIT;
	const struct promotion_question pq = {
		.tip = hex[q->tip], .base = q->base < 0 ? "" : hex[q->base],
		.hidden = &hidden, .sources = &sources,
	};
	struct promotion_walk w;
	struct err err = ERR_INIT;
	bool right;

	if (q->tip % 8 == 0)
		strvec_push(&hidden, gone);
	if (q->hidden >= 0)
		strvec_push(&hidden, hex[q->hidden]);
	for (size_t k = 0; k < SOURCES; k++)
		strvec_push(&sources, q->sources[k] < 0 ? gone
							: hex[q->sources[k]]);
	right = promotion_walk(repo, &pq, &w, &err) == 0 && is_right(q, &w);
	if (!right)
		printf("# tip %d, base %d, hidden %d: %s\n", q->tip, q->base,
		       q->hidden, err.msg);
	promotion_walk_release(&w);
	strvec_release(&hidden);
	strvec_release(&sources);
	return right;
}

static void test_walks(void)
{
	unsigned wrong = 0, with_base = 0;

	for (unsigned i = 0; i < QUESTIONS; i++) {
		struct question q = make_question();

		with_base += q.base >= 0;
		wrong += !ask(&q);
	}
	ok(with_base > QUESTIONS / 2, "%u of %u have a base", with_base,
	   QUESTIONS);
	is_int(wrong, 0, "each commit is told what it comes after");
}

static void test_leads_to(void)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < COMMITS; i++)
		for (unsigned k = i % 5; k < COMMITS; k += 5)
			wrong += repo_leads_to(repo, hex[i], hex[k]) !=
				 after[i][k];
	is_int(wrong, 0, "so is a pair");
}

static void test_refused(void)
{
	const struct strvec none = STRVEC_INIT;
	const struct promotion_question q = {
		.tip = "1234567890123456789012345678901234567890", .base = "",
		.hidden = &none, .sources = &none,
	};
	struct promotion_walk w;
	struct err err = ERR_INIT;

	ok(promotion_walk(repo, &q, &w, &err) < 0 &&
	   strstr(err.msg, "cannot walk from 12345678"),
	   "a tip that is not there is an error");
}

int main(void)
{
	char dir[] = "/tmp/u-promotion-walk-XXXXXX";
	struct err err = ERR_INIT;

	if (repo_init_library(&err) < 0 || !mkdtemp(dir) ||
	    git_repository_init(&repo, dir, true) < 0 || !make_history()) {
		printf("# %s\n", err.msg);
		return 99;
	}
	test_walks();
	test_leads_to();
	test_refused();
	git_repository_free(repo);
	fs_remove_tree(dir, &err);
	git_libgit2_shutdown();
	return tap_done();
}
