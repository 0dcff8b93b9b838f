/*
 * Walking two bundle trees. See walk.h. Git ids only say what may be skipped
 * because it was verified before; what is new is trusted for nothing but the
 * digest that leads to it from a signed commit.
 */
#include "config.h"
#include "engine/walk.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/sums.h"

/* root, objects, namespace, group, Kind */
#define MAX_DEPTH 5

/* ---- one tree object ---- */

static int parse_mode(const char *p, size_t len, struct tree_entry *ret)
{
	if (len == 6 && !memcmp(p, "100644", 6))
		ret->dir = false;
	else if (len == 5 && !memcmp(p, "40000", 5))
		ret->dir = true;
	else
		return -1;
	return 0;
}

/* One entry from *p: "<mode> <name>\0<20 bytes>". */
static int parse_entry(const char **p, const char *end,
		       struct tree_entry *ret, struct err *err)
{
	const char *space = memchr(*p, ' ', (size_t)(end - *p));
	const char *nul = space ? memchr(space, '\0', (size_t)(end - space))
				: NULL;

	if (!nul || end - nul <= 21)
		return err_set(err, ERR_DENIED, "the tree is malformed");
	ret->name = space + 1;
	if (parse_mode(*p, (size_t)(space - *p), ret) < 0)
		return err_set(err, ERR_DENIED, "'%s' has mode %.*s: a bundle "
			       "has plain files and folders only", ret->name,
			       (int)(space - *p > 10 ? 10 : space - *p), *p);
	if (strcmp(ret->name, SUMS_NAME) && !bundle_name_ok(ret->name))
		return err_set(err, ERR_DENIED, "'%s' is no name that a "
			       "bundle may have", ret->name);
	git_oid_fromraw(&ret->id, (const unsigned char *)nul + 1);
	*p = nul + 21;
	return 0;
}

static int parse_tree(struct tree *t, struct err *err)
{
	/* the buffer ends in a NUL of its own, so every string ends */
	const char *p = t->raw.data, *end = p + t->raw.len + 1;

	while (p < end - 1) {
		struct tree_entry e;

		if (parse_entry(&p, end, &e, err) < 0)
			return -1;
		if (t->n && tree_name_cmp(t->v[t->n - 1].name,
					  t->v[t->n - 1].dir, e.name,
					  e.dir) >= 0)
			return err_set(err, ERR_DENIED,
				       "'%s' is not in order", e.name);
		if (t->n == t->alloc) {
			t->alloc = t->alloc ? t->alloc * 2 : 16;
			t->v = xreallocarray(t->v, t->alloc, sizeof(*t->v));
		}
		t->v[t->n++] = e;
	}
	return 0;
}

int tree_read(const struct cache *c, const git_oid *id, struct tree *ret,
	      struct err *err)
{
	struct tree t = TREE_INIT;

	if (cache_read(c, id, GIT_OBJECT_TREE, &t.raw, err) < 0 ||
	    parse_tree(&t, err) < 0) {
		tree_release(&t);
		return -1;
	}
	*ret = t;
	return 0;
}

void tree_release(struct tree *t)
{
	buf_release(&t->raw);
	free(t->v);
	*t = (struct tree)TREE_INIT;
}

const struct tree_entry *tree_find(const struct tree *t, const char *name)
{
	/* a name is a file or a folder: two places to look at */
	for (int dir = 0; dir < 2; dir++) {
		size_t lo = 0, hi = t->n;

		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;
			int c = tree_name_cmp(t->v[mid].name, t->v[mid].dir,
					      name, dir);

			if (c == 0 && t->v[mid].dir == dir)
				return &t->v[mid];
			if (c < 0)
				lo = mid + 1;
			else
				hi = mid;
		}
	}
	return NULL;
}

/* ---- one directory of one side ---- */

struct side {
	bool there;
	struct tree tree;	/* without SHA256SUMS: as long as sums */
	struct sums sums;
	size_t at;
};

struct frame {
	struct side old, new;
	size_t path_len;
	bool origins;
};

struct walk {
	const struct cache *cache;
	struct walk_tree old_root, new_root;
	bool has_old, begun;
	struct frame stack[MAX_DEPTH];
	unsigned depth;		/* frames in use */
	struct buf path;
};

static void side_release(struct side *s)
{
	tree_release(&s->tree);
	sums_release(&s->sums);
	*s = (struct side){ .tree = TREE_INIT };
}

/* Takes SHA256SUMS out of the entries; its id is the answer. */
static int take_sums_entry(struct tree *t, git_oid *ret, struct err *err)
{
	const struct tree_entry *e = tree_find(t, SUMS_NAME);
	size_t at;

	if (!e || e->dir)
		return err_set(err, ERR_DENIED, "there is no " SUMS_NAME);
	git_oid_cpy(ret, &e->id);
	at = (size_t)(e - t->v);
	memmove(t->v + at, t->v + at + 1,
		(t->n - at - 1) * sizeof(*t->v));
	t->n--;
	return 0;
}

static int read_sums(const struct cache *c, const git_oid *id,
		     const struct sha256 *want, struct sums *ret,
		     struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_SUMS_BYTES);
	struct sha256 got;
	int rc = cache_read(c, id, GIT_OBJECT_BLOB, &text, err);

	if (!rc) {
		sha256_of(text.data, text.len, &got);
		if (!sha256_equal(&got, want))
			rc = err_set(err, ERR_DENIED, SUMS_NAME " has not the "
				     "digest that is stated for it");
		else
			rc = sums_parse(text.data, text.len, ret, err);
	}
	if (rc && err->class == ERR_INVALID)
		err->class = ERR_DENIED;
	buf_release(&text);
	return rc;
}

/* The same names on both sides of the fence, in the same order. */
static int compare_names(const struct side *s, struct err *err)
{
	size_t n = s->tree.n < s->sums.n ? s->tree.n : s->sums.n;

	for (size_t i = 0; i < n; i++) {
		const struct tree_entry *t = &s->tree.v[i];
		const struct sums_entry *e = &s->sums.v[i];
		int c = tree_name_cmp(t->name, t->dir, e->name, e->dir);

		if (c < 0 || (c == 0 && t->dir != e->dir))
			return err_set(err, ERR_DENIED, "'%s' is not named in "
				       SUMS_NAME, t->name);
		if (c > 0)
			return err_set(err, ERR_DENIED, "'%s' is named in "
				       SUMS_NAME " and not there", e->name);
	}
	if (s->tree.n != s->sums.n)
		return err_set(err, ERR_DENIED, "'%s' is %s", s->tree.n > n ?
			       s->tree.v[n].name : s->sums.v[n].name,
			       s->tree.n > n ? "not named in " SUMS_NAME :
			       "named in " SUMS_NAME " and not there");
	return 0;
}

static int side_load(const struct cache *c, const git_oid *id,
		     const struct sha256 *digest, struct side *ret,
		     struct err *err)
{
	struct side s = { .there = true, .tree = TREE_INIT };
	git_oid sums;

	if (tree_read(c, id, &s.tree, err) < 0 ||
	    take_sums_entry(&s.tree, &sums, err) < 0 ||
	    read_sums(c, &sums, digest, &s.sums, err) < 0 ||
	    compare_names(&s, err) < 0) {
		side_release(&s);
		return -1;
	}
	*ret = s;
	return 0;
}

/* ---- the layout of a bundle ---- */

static int check_root(const struct side *s, struct err *err)
{
	const struct tree_entry *v = s->tree.v;

	if (s->tree.n != 2 || !v[0].dir || strcmp(v[0].name, "objects") ||
	    !v[1].dir || strcmp(v[1].name, "origins"))
		return err_set(err, ERR_DENIED, "a bundle has exactly the "
			       "folders 'objects' and 'origins'");
	return 0;
}

/* depth: 1 for objects/ itself. */
static int check_layout(const struct side *s, unsigned depth, bool origins,
			struct err *err)
{
	bool files = depth == (origins ? 3 : 4);

	if (depth == 0)
		return check_root(s, err);
	for (size_t i = 0; i < s->tree.n; i++)
		if (s->tree.v[i].dir == files)
			return err_set(err, ERR_DENIED, "'%s' is a %s where a "
				       "bundle has %s", s->tree.v[i].name,
				       files ? "folder" : "file",
				       files ? "files" : "folders");
	return 0;
}

/* ---- the walk ---- */

struct walk *walk_new(const struct cache *c, const struct walk_tree *old,
		      const struct walk_tree *new)
{
	struct walk *w = xcalloc(1, sizeof(*w));

	w->cache = c;
	w->has_old = old != NULL;
	if (old)
		w->old_root = *old;
	w->new_root = *new;
	for (size_t i = 0; i < MAX_DEPTH; i++)
		w->stack[i].old.tree = w->stack[i].new.tree =
			(struct tree)TREE_INIT;
	buf_init(&w->path, SOURCE_PATH_SIZE);
	return w;
}

void walk_free(struct walk *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < MAX_DEPTH; i++) {
		side_release(&w->stack[i].old);
		side_release(&w->stack[i].new);
	}
	buf_release(&w->path);
	free(w);
}

static int push(struct walk *w, const git_oid *old,
		const struct sha256 *old_digest, const git_oid *new,
		const struct sha256 *new_digest, struct err *err)
{
	struct frame *f = &w->stack[w->depth];
	unsigned depth = w->depth;

	f->path_len = w->path.len;
	f->origins = depth == 1 ? w->path.data[1] == 'r'
				: depth > 1 && w->stack[depth - 1].origins;
	w->depth++;
	if ((old && side_load(w->cache, old, old_digest, &f->old, err) < 0) ||
	    (new && side_load(w->cache, new, new_digest, &f->new, err) < 0) ||
	    (new && check_layout(&f->new, depth, f->origins, err) < 0))
		return err_wrap(err, "'%s'",
				w->path.len ? w->path.data : "/");
	return 0;
}

static void pop(struct walk *w)
{
	struct frame *f = &w->stack[--w->depth];

	side_release(&f->old);
	side_release(&f->new);
}

/* Sets the path to that of an entry of the top frame. */
static void set_path(struct walk *w, const char *name)
{
	struct frame *f = &w->stack[w->depth - 1];

	buf_truncate(&w->path, f->path_len);
	if (f->path_len)
		buf_addc(&w->path, '/');
	buf_adds(&w->path, name);
}

/* One entry that differs: a file is the answer, a folder is entered. */
static int visit(struct walk *w, const struct side *old,
		 const struct side *new, size_t i, size_t j,
		 struct walk_item *ret, struct err *err)
{
	const struct tree_entry *o = old ? &old->tree.v[i] : NULL;
	const struct tree_entry *n = new ? &new->tree.v[j] : NULL;
	const struct sha256 *od = old ? &old->sums.v[i].digest : NULL;
	const struct sha256 *nd = new ? &new->sums.v[j].digest : NULL;
	const struct tree_entry *e = n ? n : o;

	set_path(w, e->name);
	if (e->dir && w->depth == MAX_DEPTH)
		return err_set(err, ERR_DENIED, "'%s' is a folder where a "
			       "bundle has files", w->path.data);
	if (e->dir)
		return push(w, o ? &o->id : NULL, od, n ? &n->id : NULL, nd,
			    err);
	*ret = (struct walk_item){
		.op = !o ? SOURCE_CREATE : !n ? SOURCE_DELETE : SOURCE_CHANGE,
		.path = w->path.data,
		.object = !w->stack[w->depth - 1].origins,
		.id = e->id, .digest = n ? *nd : *od,
	};
	return 1;
}

/* An entry of both sides. 0 when there is nothing to do for it. */
static int visit_both(struct walk *w, struct frame *f, size_t i, size_t j,
		      struct walk_item *ret, struct err *err)
{
	bool same_id = git_oid_equal(&f->old.tree.v[i].id,
				     &f->new.tree.v[j].id);
	bool same_digest = sha256_equal(&f->old.sums.v[i].digest,
					&f->new.sums.v[j].digest);

	if (!same_id && !same_digest)
		return visit(w, &f->old, &f->new, i, j, ret, err);
	if (same_id && same_digest)
		return 0;
	set_path(w, f->new.tree.v[j].name);
	return err_set(err, ERR_DENIED, "'%s': " SUMS_NAME " states %s digest "
		       "for it, its Git id is %s", w->path.data,
		       same_digest ? "the same" : "another",
		       same_id ? "the same" : "another");
}

/* 1 with a file, 0 when the top frame moved on, -1. */
static int advance(struct walk *w, struct walk_item *ret, struct err *err)
{
	struct frame *f = &w->stack[w->depth - 1];
	struct side *old = &f->old, *new = &f->new;
	bool o = old->at < old->tree.n, n = new->at < new->tree.n;
	const struct tree_entry *oe, *ne;
	int c;

	if (!o && !n) {
		pop(w);
		return 0;
	}
	oe = o ? &old->tree.v[old->at] : NULL;
	ne = n ? &new->tree.v[new->at] : NULL;
	c = !o ? 1 : !n ? -1 : tree_name_cmp(oe->name, oe->dir, ne->name,
					     ne->dir);
	if (c < 0)
		return visit(w, old, NULL, old->at++, 0, ret, err);
	if (c > 0)
		return visit(w, NULL, new, 0, new->at++, ret, err);
	return visit_both(w, f, old->at++, new->at++, ret, err);
}

int walk_next(struct walk *w, struct walk_item *ret, struct err *err)
{
	int rc = 0;

	if (!w->begun) {
		w->begun = true;
		if (w->has_old &&
		    git_oid_equal(&w->old_root.id, &w->new_root.id) &&
		    sha256_equal(&w->old_root.content, &w->new_root.content))
			return 0;
		rc = push(w, w->has_old ? &w->old_root.id : NULL,
			  &w->old_root.content, &w->new_root.id,
			  &w->new_root.content, err);
	}
	while (!rc && w->depth)
		rc = advance(w, ret, err);
	return rc;
}
