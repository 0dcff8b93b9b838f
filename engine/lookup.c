/*
 * Paths to blobs. See lookup.h. Trees are read by id, so what is kept can
 * never be out of date.
 */
#include "config.h"
#include "engine/lookup.h"

#include <string.h>

#include "schema/limits.h"

static void forget(struct lookup *l, size_t i)
{
	if (l->v[i].used)
		tree_release(&l->v[i].tree);
	l->v[i].used = 0;
}

void lookup_release(struct lookup *l)
{
	for (size_t i = 0; i < LOOKUP_TREES; i++)
		forget(l, i);
}

/* Frees the trees that were not used for longest until n bytes fit. */
static size_t make_room(struct lookup *l, size_t n)
{
	for (;;) {
		size_t sum = n, oldest = 0, free_slot = LOOKUP_TREES, used = 0;

		for (size_t i = 0; i < LOOKUP_TREES; i++) {
			if (!l->v[i].used) {
				free_slot = i;
				continue;
			}
			if (!used++ || l->v[i].used < l->v[oldest].used)
				oldest = i;
			sum += l->v[i].tree.raw.len;
		}
		if (!used || (free_slot < LOOKUP_TREES && sum <= LOOKUP_BYTES))
			return used ? free_slot : 0;
		forget(l, oldest);
	}
}

static const struct tree *get_tree(struct lookup *l, const struct cache *c,
				   const git_oid *id, struct err *err)
{
	struct tree t;
	size_t slot;

	for (size_t i = 0; i < LOOKUP_TREES; i++)
		if (l->v[i].used && git_oid_equal(&l->v[i].id, id)) {
			l->v[i].used = ++l->clock;
			return &l->v[i].tree;
		}
	if (tree_read(c, id, &t, err) < 0)
		return NULL;
	slot = make_room(l, t.raw.len);
	l->v[slot].tree = t;
	git_oid_cpy(&l->v[slot].id, id);
	l->v[slot].used = ++l->clock;
	return &l->v[slot].tree;
}

int lookup_blob(struct lookup *l, const struct cache *c, const git_oid *root,
		const char *path, git_oid *ret, struct err *err)
{
	char name[LIMIT_NAME_BYTES + 1];
	const char *p = path;
	git_oid at = *root;

	for (;;) {
		const struct tree *t = get_tree(l, c, &at, err);
		size_t len = strcspn(p, "/");
		const struct tree_entry *e = NULL;

		if (!t)
			return -1;
		if (len && len <= LIMIT_NAME_BYTES) {
			memcpy(name, p, len);
			name[len] = '\0';
			e = tree_find(t, name);
		}
		if (!e || e->dir != (p[len] == '/'))
			return err_set(err, ERR_INVALID,
				       "the bundle has no '%s'", path);
		git_oid_cpy(&at, &e->id);
		if (!p[len])
			break;
		p += len + 1;
	}
	git_oid_cpy(ret, &at);
	return 0;
}
