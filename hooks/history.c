/*
 * Walking new history. See history.h. New and accepted commits are looked at
 * by falling date, as git does it, until none that could be new is left; a
 * commit is accepted as soon as an accepted one is seen to lead to it. Dates
 * are the committers' own, and may lie: that can only make an accepted commit
 * look new, never a new one accepted. Refused are commits that cannot be
 * read, and more of anything than a push may have.
 */
#include "config.h"
#include "hooks/history.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/arena.h"
#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/bundle.h"
#include "schema/repo.h"

struct node {
	git_oid id;
	int64_t time;
	struct node **parents;
	uint32_t n_parents;
	bool queued;		/* it was read, and is or was in the heap */
	bool done;		/* and it is no more */
	bool accepted;
};

struct history {
	git_odb *odb;
	struct arena arena;
	struct map nodes;	/* by the bytes of the id */
	struct node **heap;	/* the newest on top */
	size_t n_heap, alloc_heap;
	size_t waiting;		/* in the heap, and not accepted */
	struct node **found;	/* not accepted when they were looked at */
	size_t n_found, alloc_found;
};

/* ---- the heap ---- */

static void push(struct history *h, struct node *n)
{
	size_t i = h->n_heap++;

	if (h->n_heap > h->alloc_heap) {
		h->alloc_heap = h->alloc_heap ? h->alloc_heap * 2 : 64;
		h->heap = xreallocarray(h->heap, h->alloc_heap,
					sizeof(struct node *));
	}
	for (; i && h->heap[(i - 1) / 2]->time < n->time; i = (i - 1) / 2)
		h->heap[i] = h->heap[(i - 1) / 2];
	h->heap[i] = n;
}

static struct node *pop(struct history *h)
{
	struct node *top = h->heap[0], *last = h->heap[--h->n_heap];
	size_t i = 0;

	for (;;) {
		size_t kid = 2 * i + 1;

		if (kid >= h->n_heap)
			break;
		if (kid + 1 < h->n_heap &&
		    h->heap[kid + 1]->time > h->heap[kid]->time)
			kid++;
		if (h->heap[kid]->time <= last->time)
			break;
		h->heap[i] = h->heap[kid];
		i = kid;
	}
	if (h->n_heap)
		h->heap[i] = last;
	return top;
}

/* ---- reading ---- */

static int find(struct history *h, const git_oid *id, struct node **ret,
		struct err *err)
{
	struct node *n = map_getn(&h->nodes, (const char *)id->id,
				  sizeof(id->id));

	if (!n) {
		if (h->nodes.count == LIMIT_HISTORY_COMMITS)
			return err_set(err, ERR_INVALID, "more than %d commits "
				       "of history must be looked at",
				       LIMIT_HISTORY_COMMITS);
		n = arena_alloc(&h->arena, sizeof(*n));
		*n = (struct node){ .id = *id };
		map_putn(&h->nodes, (const char *)id->id, sizeof(id->id), n);
	}
	*ret = n;
	return 0;
}

/* The committer's date; one that cannot be read is the beginning of time. */
static int64_t date_of(const char *header, const char *end)
{
	static const char name[] = "\ncommitter ";
	const char *line = memmem(header, (size_t)(end - header), name,
				  sizeof(name) - 1);
	const char *lf, *p;
	uint64_t when;

	if (!line)
		return 0;
	line += sizeof(name) - 1;
	lf = memchr(line, '\n', (size_t)(end - line));
	p = lf ? memrchr(line, '>', (size_t)(lf - line)) : NULL;
	if (!p || p + 2 >= lf)
		return 0;
	p += 2;
	if (parse_u64n(p, strspn(p, "0123456789"), 0, INT64_MAX, &when) < 0)
		return 0;
	return (int64_t)when;
}

/* "tree <id>", then "parent <id>" lines. */
static int read_parents(struct history *h, struct node *n, const char *raw,
			const char *end, struct err *err)
{
	static const char name[] = "parent ";
	const size_t line = sizeof(name) - 1 + GIT_HEX_SIZE;
	const char *first = memchr(raw, '\n', (size_t)(end - raw)), *p;
	size_t count = 0;

	first = first ? first + 1 : end;
	for (p = first; (size_t)(end - p) >= line &&
	     !memcmp(p, name, sizeof(name) - 1); p += line)
		count++;
	if (count > LIMIT_HISTORY_PARENTS)
		return err_set(err, ERR_INVALID, "a merge of more than %d "
			       "commits is in it", LIMIT_HISTORY_PARENTS);
	n->parents = arena_alloc(&h->arena,
				 (count + 1) * sizeof(struct node *));
	for (p = first; count--; p += line) {
		git_oid id;

		if (git_oid_fromstrn(&id, p + sizeof(name) - 1,
				     GIT_HEX_SIZE - 1) < 0)
			return repo_err(err, ERR_INVALID, "a commit's parent");
		if (find(h, &id, &n->parents[n->n_parents], err) < 0)
			return -1;
		n->n_parents++;
	}
	return 0;
}

static int unreadable(const struct node *n, const char *why, struct err *err)
{
	char hex[GIT_HEX_SIZE];

	git_oid_tostr(hex, sizeof(hex), &n->id);
	if (why)
		return err_set(err, ERR_INVALID, "commit %.12s %s", hex, why);
	return repo_err(err, ERR_INVALID, "commit %.12s cannot be read", hex);
}

static int read_commit(struct history *h, struct node *n, struct err *err)
{
	git_odb_object *o = NULL;
	git_object_t type;
	const char *raw;
	size_t len;
	int rc;

	if (git_odb_read_header(&len, &type, h->odb, &n->id) < 0)
		return unreadable(n, NULL, err);
	if (type != GIT_OBJECT_COMMIT)
		return unreadable(n, "is none", err);
	if (len > LIMIT_HISTORY_COMMIT_BYTES)
		return unreadable(n, "is larger than 1 MiB", err);
	if (git_odb_read(&o, h->odb, &n->id) < 0)
		return unreadable(n, NULL, err);
	raw = git_odb_object_data(o);
	n->time = date_of(raw, raw + len);
	rc = read_parents(h, n, raw, raw + len, err);
	git_odb_object_free(o);
	return rc;
}

/* ---- the walk ---- */

/* And all that is known to be behind it. */
static void accept(struct history *h, struct node *n)
{
	struct node **stack = NULL;
	size_t depth = 0, alloc = 0;

	for (;;) {
		if (!n->accepted) {
			n->accepted = true;
			if (n->queued && !n->done)
				h->waiting--;
			if (depth + n->n_parents > alloc) {
				alloc = 2 * (depth + n->n_parents);
				stack = xreallocarray(stack, alloc,
						      sizeof(struct node *));
			}
			for (uint32_t i = 0; i < n->n_parents; i++)
				stack[depth++] = n->parents[i];
		}
		if (!depth)
			break;
		n = stack[--depth];
	}
	free(stack);
}

static int enqueue(struct history *h, struct node *n, struct err *err)
{
	if (n->queued)
		return 0;
	if (read_commit(h, n, err) < 0)
		return -1;
	n->queued = true;
	push(h, n);
	if (!n->accepted)
		h->waiting++;
	return 0;
}

static int add_found(struct history *h, struct node *n, struct err *err)
{
	if (h->n_found == LIMIT_HISTORY_NEW)
		return err_set(err, ERR_INVALID, "it brings more than %d "
			       "commits: push them in parts",
			       LIMIT_HISTORY_NEW);
	if (h->n_found == h->alloc_found) {
		h->alloc_found = h->alloc_found ? h->alloc_found * 2 : 64;
		h->found = xreallocarray(h->found, h->alloc_found,
					 sizeof(struct node *));
	}
	h->found[h->n_found++] = n;
	return 0;
}

static int step(struct history *h, struct err *err)
{
	struct node *n = pop(h);
	struct err gone = ERR_INIT;

	n->done = true;
	if (!n->accepted) {
		h->waiting--;
		if (add_found(h, n, err) < 0)
			return -1;
	}
	for (uint32_t i = 0; i < n->n_parents; i++) {
		if (n->accepted)
			accept(h, n->parents[i]);
		/* what is behind an accepted one, and is gone, is no matter */
		if (enqueue(h, n->parents[i],
			    n->parents[i]->accepted ? &gone : err) < 0 &&
		    !n->parents[i]->accepted)
			return -1;
	}
	return 0;
}

static int begin(struct history *h, const char *tip,
		 const char *const *accepted, size_t n, struct err *err)
{
	struct err gone = ERR_INIT;
	struct node *node;
	git_oid id;

	for (size_t i = 0; i < n; i++)
		if (*accepted[i] && !git_oid_fromstr(&id, accepted[i]) &&
		    git_odb_exists(h->odb, &id)) {
			if (find(h, &id, &node, err) < 0)
				return -1;
			accept(h, node);
			enqueue(h, node, &gone);
		}
	if (git_oid_fromstr(&id, tip) < 0)
		return repo_err(err, ERR_INTERNAL, "'%s'", tip);
	if (find(h, &id, &node, err) < 0 || enqueue(h, node, err) < 0)
		return -1;
	while (h->waiting)
		if (step(h, err) < 0)
			return -1;
	return 0;
}

int history_open(git_repository *repo, const char *tip,
		 const char *const *accepted, size_t n, struct history **ret,
		 struct err *err)
{
	struct history *h = xcalloc(1, sizeof(*h));

	if (git_repository_odb(&h->odb, repo) < 0) {
		repo_err(err, ERR_INTERNAL, "cannot read the repository");
		history_free(h);
		return -1;
	}
	if (begin(h, tip, accepted, n, err) < 0) {
		history_free(h);
		return -1;
	}
	*ret = h;
	return 0;
}

int history_exact(struct history *h, struct err *err)
{
	while (h->n_heap)
		if (step(h, err) < 0)
			return -1;
	return 0;
}

size_t history_count(const struct history *h)
{
	return h->n_found;
}

const git_oid *history_at(const struct history *h, size_t i)
{
	return h->found[i]->accepted ? NULL : &h->found[i]->id;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	git_odb_free(h->odb);
	map_release(&h->nodes, NULL);
	arena_release(&h->arena);
	free(h->heap);
	free(h->found);
	free(h);
}
