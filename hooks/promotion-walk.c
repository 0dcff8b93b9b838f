/*
 * One walk for all commits that may be promoted. See promotion-walk.h. Trusts
 * the repository's objects, and nothing else; refuses history that cannot be
 * read to its end, because what leads where could not be told.
 */
#include "config.h"
#include "hooks/promotion-walk.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/repo.h"

struct walking {
	git_repository *repo;
	const struct promotion_question *q;
	struct promotion_walk *w;
	git_oid base;
	bool has_base;
	struct map places;	/* of commits in w->v, from 1 */
	struct map firsts;	/* of commits in q->sources, from 1 */
};

/* ---- numbers from 0 in a map ---- */

static void put(struct map *m, const git_oid *id, size_t i)
{
	/* a number in place of a pointer: nothing to free */
	map_putn(m, (const char *)id->id, sizeof(id->id),
		 (void *)(uintptr_t)(i + 1));
}

static bool get(const struct map *m, const git_oid *id, size_t *ret)
{
	uintptr_t v = (uintptr_t)map_getn(m, (const char *)id->id,
					  sizeof(id->id));

	if (v)
		*ret = v - 1;
	return v != 0;
}

/* ---- which ---- */

/* They may be gone after history was made anew. */
static void hide(git_revwalk *walk, const char *commit)
{
	git_oid id;

	if (*commit && !git_oid_fromstr(&id, commit))
		(void)!git_revwalk_hide(walk, &id);
}

static int open_walk(const struct walking *g, bool all, git_revwalk **ret)
{
	git_revwalk *walk = NULL;
	git_oid tip;
	int rc = git_revwalk_new(&walk, g->repo);

	rc = rc < 0 ? rc : git_oid_fromstr(&tip, g->q->tip);
	rc = rc < 0 ? rc : git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL |
					       GIT_SORT_TIME);
	rc = rc < 0 ? rc : git_revwalk_push(walk, &tip);
	if (rc < 0) {
		git_revwalk_free(walk);
		return rc;
	}
	if (!all)
		hide(walk, g->q->base);
	for (size_t i = 0; !all && i < g->q->hidden->n; i++)
		hide(walk, g->q->hidden->v[i]);
	*ret = walk;
	return 0;
}

/* all: with what is hidden. */
static int collect(struct walking *g, bool all)
{
	struct promotion_walk *w = g->w;
	git_revwalk *walk = NULL;
	size_t alloc = 0;
	git_oid id;
	int rc = open_walk(g, all, &walk);

	while (!rc && !(rc = git_revwalk_next(&id, walk))) {
		if (w->n == alloc) {
			alloc = alloc ? 2 * alloc : 64;
			w->v = xreallocarray(w->v, alloc, sizeof(*w->v));
		}
		put(&g->places, &id, w->n);
		w->v[w->n++] = (struct walked){ .id = id };
	}
	git_revwalk_free(walk);
	return rc == GIT_ITEROVER ? 0 : rc;
}

/* ---- what leads where ---- */

static void collect_sources(struct walking *g)
{
	const struct strvec *s = g->q->sources;
	git_oid id;

	/* the first of those that are one commit is put last */
	for (size_t i = s->n; i-- > 0; )
		if (!git_oid_fromstr(&id, s->v[i]))
			put(&g->firsts, &id, i);
}

/* Its parents, where they are in the walk, are known by now. */
static int judge(struct walking *g, struct walked *at)
{
	git_commit *c;
	int rc = git_commit_lookup(&c, g->repo, &at->id);

	if (rc < 0)
		return rc;
	at->first = g->q->sources->n;
	get(&g->firsts, &at->id, &at->first);
	for (unsigned i = 0; i < git_commit_parentcount(c); i++) {
		const git_oid *id = git_commit_parent_id(c, i);
		const struct walked *parent;
		size_t place;

		if (get(&g->places, id, &place)) {
			parent = &g->w->v[place];
			at->after_base |= parent->after_base;
			if (parent->first < at->first)
				at->first = parent->first;
		} else if (g->has_base && git_oid_equal(id, &g->base)) {
			at->after_base = true;
		}
	}
	git_commit_free(c);
	return 0;
}

/*
 * What is not in the walk and comes before a commit that is after the base,
 * comes before the base: all that was left out does.
 */
static void add_bases(struct walking *g)
{
	const struct strvec *s = g->q->sources;
	size_t first = 0, place;
	git_oid id;

	for (; first < s->n; first++)
		if (!git_oid_fromstr(&id, s->v[first]) &&
		    !get(&g->places, &id, &place) &&
		    repo_leads_to(g->repo, g->q->base, s->v[first]))
			break;
	for (size_t i = 0; i < g->w->n; i++)
		if (g->w->v[i].after_base && first < g->w->v[i].first)
			g->w->v[i].first = first;
}

/* Of all that is in the walk. */
static int judge_all(struct walking *g)
{
	int rc = 0;

	collect_sources(g);
	for (size_t i = g->w->n; !rc && i-- > 0; )
		rc = judge(g, &g->w->v[i]);
	return rc;
}

/* The sources may be before a commit that is hidden, and not before the base:
 * then only a walk of all tells, which takes as long as it takes to ask of one
 * commit that does not lead there. */
static int judge_by_all(struct walking *g)
{
	struct promotion_walk few = *g->w, all = PROMOTION_WALK_INIT;
	size_t place;
	int rc;

	map_release(&g->places, NULL);
	g->w = &all;
	rc = collect(g, true);
	rc = rc ? rc : judge_all(g);
	for (size_t i = 0; !rc && i < few.n; i++) {
		if (!get(&g->places, &few.v[i].id, &place))
			BUG("a commit of the walk is not in all of it");
		few.v[i].first = all.v[place].first;
	}
	free(all.v);
	return rc;
}

int promotion_walk(git_repository *repo, const struct promotion_question *q,
		   struct promotion_walk *ret, struct err *err)
{
	struct walking g = { .repo = repo, .q = q, .w = ret };
	int rc;

	*ret = (struct promotion_walk)PROMOTION_WALK_INIT;
	g.has_base = *q->base && !git_oid_fromstr(&g.base, q->base);
	rc = collect(&g, false);
	if (!rc && !g.has_base && q->hidden->n)
		rc = judge_by_all(&g);
	else if (!rc)
		rc = judge_all(&g);
	if (!rc && g.has_base)
		add_bases(&g);
	map_release(&g.places, NULL);
	map_release(&g.firsts, NULL);
	if (rc < 0) {
		promotion_walk_release(ret);
		return repo_err(err, ERR_INTERNAL, "cannot walk from %s",
				q->tip);
	}
	return 0;
}

void promotion_walk_release(struct promotion_walk *w)
{
	free(w->v);
	*w = (struct promotion_walk)PROMOTION_WALK_INIT;
}
