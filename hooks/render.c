/*
 * Tree rendering. See render.h. Each directory is one merge of what was
 * there and what changes, both in Git's order, which is also the order of
 * SHA256SUMS. What stays is copied as it stands, byte by byte: a directory of
 * ten thousand entries costs little more than reading it. Trusts the plan;
 * checks the old directories by their digests down from the signed one, so a
 * damaged repository is not signed again.
 */
#include "config.h"
#include "hooks/render.h"

#include <stdlib.h>
#include <string.h>

#include "hooks/patch.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/sums.h"

/* SHA256SUMS as an entry of a raw tree; its NUL is part of it */
#define SUMS_ENTRY "100644 " SUMS_NAME

/* One file of the new tree that differs. */
struct change {
	const char *path;
	bool remove;
	git_oid id;
	struct sha256 digest;
};

struct changes {
	struct change *v;
	size_t n, alloc;
};

struct builder {
	git_repository *repo;
	struct store *store;
	struct err *err;
};

/* An old directory: its tree and its SHA256SUMS, as they stand there. */
struct old_dir {
	struct buf tree, sums;
	git_oid tree_id, sums_id;
	size_t t, s;		/* where the next entry is in each */
};

/* One entry of it. Names are borrowed from the tree and end in a NUL. */
struct old_entry {
	const char *name;
	bool dir;
	const git_oid *id;
	size_t tree_at, tree_len, sums_at, sums_len;
};

/* A new directory in the making. */
struct new_dir {
	struct patch tree, sums;
	struct patch_hole sums_id;	/* in the tree, filled when known */
	bool sums_placed;
	size_t n;
};

/* What became of a directory or file. */
struct entry {
	bool gone;
	git_oid id;
	struct sha256 digest;
};

static int build_dir(struct builder *b, const git_oid *old_id,
		     const struct sha256 *old_digest,
		     const struct change *v, size_t n, size_t prefix,
		     struct entry *ret);

/* Adds the new text, which was made of the object `base` (NULL: of none);
 * `ours` as in store.h. */
static int write_patch(struct builder *b, git_object_t type, struct patch *p,
		       const git_oid *base, bool ours, git_oid *ret)
{
	struct buf delta = BUF_INIT(SIZE_MAX / 4);
	struct store_object o = {
		.type = type, .data = p->text.data, .len = p->text.len,
		.base = base, .ours = ours,
	};
	int rc;

	if (base) {
		patch_delta(p, &delta);
		o.delta = &delta;
	}
	rc = store_write(b->store, &o, ret, b->err);
	buf_release(&delta);
	return rc;
}

/* ---- the changes of a plan ---- */

static void insert_origin(struct patch *p, const struct origin *o)
{
	char line[16];

	patch_insert(p, o->name, strlen(o->name));
	patch_insert(p, " ", 1);
	patch_insert(p, o->path, strlen(o->path));
	snprintf(line, sizeof(line), ":%u\n", (unsigned)o->line);
	patch_insert(p, line, strlen(line));
}

static void change_add(struct changes *cs, const struct change *c)
{
	if (cs->n == cs->alloc) {
		cs->alloc = cs->alloc ? cs->alloc * 2 : 64;
		cs->v = xreallocarray(cs->v, cs->alloc, sizeof(*cs->v));
	}
	cs->v[cs->n++] = *c;
}

/* The old text of an origins file; *ret_there false if there was none. */
static int read_old(struct builder *b, const git_oid *tree, const char *path,
		    struct buf *ret, git_oid *ret_id, bool *ret_there)
{
	char hex[GIT_HEX_SIZE];
	unsigned mode;
	int rc = tree ? repo_tree_entry(b->repo, tree, path, ret_id, &mode,
					b->err) : 1;

	*ret_there = rc == 0;
	if (rc)
		return rc < 0 ? -1 : 0;
	git_oid_tostr(hex, sizeof(hex), ret_id);
	return repo_read(b->repo, hex, GIT_OBJECT_BLOB, ret, b->err);
}

static int by_name(const void *a, const void *b)
{
	const struct origin *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Compares the name that a line begins with. */
static int line_cmp(const char *line, size_t len, const char *name)
{
	const char *space = memchr(line, ' ', len);
	size_t n = space ? (size_t)(space - line) : len, m = strlen(name);
	int c = memcmp(line, name, n < m ? n : m);

	return c ? c : (n > m) - (n < m);
}

/* Old lines and edits, both by name, become the new text. */
static void edit_origins(struct patch *p, struct origin *v, size_t n)
{
	size_t at = 0;

	if (n)
		qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 0; i <= n; i++) {
		size_t from = at;

		while (at < p->old_len) {
			const char *line = p->old + at;
			const char *lf = memchr(line, '\n', p->old_len - at);
			size_t len = lf ? (size_t)(lf - line) + 1 :
					  p->old_len - at;
			int c = i < n ? line_cmp(line, len, v[i].name) : -1;

			if (c >= 0) {
				patch_copy(p, from, at - from);
				at += c == 0 ? len : 0;
				from = at;
				break;
			}
			at += len;
		}
		patch_copy(p, from, at - from);
		if (i < n && v[i].path)
			insert_origin(p, &v[i]);
	}
}

static int add_origins(struct builder *b, const git_oid *tree,
		       struct plan_origins *po, struct changes *cs)
{
	struct buf old = BUF_INIT(LIMIT_SUMS_BYTES);
	struct change c = { .path = po->path };
	struct patch p;
	git_oid old_id;
	bool there;
	int rc = read_old(b, tree, po->path, &old, &old_id, &there);

	patch_init(&p, old.data, old.len, LIMIT_SUMS_BYTES);
	if (rc < 0)
		goto out;
	edit_origins(&p, po->v, po->n);
	rc = buf_check(&p.text, po->path, b->err);
	c.remove = !p.text.len;
	if (rc < 0 || patch_same(&p))
		goto out;
	if (p.text.len == old.len && !memcmp(p.text.data, old.data, old.len))
		goto out;
	if (!c.remove)
		rc = write_patch(b, GIT_OBJECT_BLOB, &p,
				 there ? &old_id : NULL, false, &c.id);
	sha256_of(p.text.data, p.text.len, &c.digest);
	if (!rc && (there || !c.remove))
		change_add(cs, &c);
out:
	patch_release(&p);
	buf_release(&old);
	return rc;
}

static int by_path(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static int collect(struct builder *b, const git_oid *tree, struct plan *plan,
		   struct changes *cs)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_item *item = &plan->v[i];
		struct change c = {
			.path = item->path,
			.remove = item->op == PLAN_DELETE,
			.id = item->blob, .digest = item->digest,
		};

		change_add(cs, &c);
	}
	for (map_each(&plan->origins, e))
		if (add_origins(b, tree, e->value, cs) < 0)
			return -1;
	if (cs->n)
		qsort(cs->v, cs->n, sizeof(*cs->v), by_path);
	return 0;
}

/* ---- directories ---- */

static int damaged(struct builder *b, const git_oid *id, const char *what)
{
	return err_set(b->err, ERR_DENIED, "tree %s of the current bundle %s: "
		       "the repository is damaged, restore it from a backup",
		       git_oid_tostr_s(id), what);
}

static void old_dir_release(struct old_dir *d)
{
	buf_release(&d->tree);
	buf_release(&d->sums);
}

/* The id of SHA256SUMS among the raw entries of a tree. */
static const char *find_sums(const struct buf *tree)
{
	return memmem(tree->data, tree->len, SUMS_ENTRY, sizeof(SUMS_ENTRY));
}

static int old_dir_read(struct builder *b, const git_oid *id,
			const struct sha256 *digest, struct old_dir *ret)
{
	struct old_dir d = {
		.tree = BUF_INIT(LIMIT_SUMS_BYTES),
		.sums = BUF_INIT(LIMIT_SUMS_BYTES), .tree_id = *id,
	};
	char hex[GIT_HEX_SIZE];
	struct sha256 got;
	const char *e;
	int rc = -1;

	git_oid_tostr(hex, sizeof(hex), id);
	if (repo_read(b->repo, hex, GIT_OBJECT_TREE, &d.tree, b->err) < 0)
		goto out;
	e = find_sums(&d.tree);
	if (!e || (size_t)(d.tree.data + d.tree.len - e) <
		  sizeof(SUMS_ENTRY) + GIT_OID_RAWSZ) {
		damaged(b, id, "has no " SUMS_NAME);
		goto out;
	}
	memcpy(d.sums_id.id, e + sizeof(SUMS_ENTRY), GIT_OID_RAWSZ);
	git_oid_tostr(hex, sizeof(hex), &d.sums_id);
	if (repo_read(b->repo, hex, GIT_OBJECT_BLOB, &d.sums, b->err) < 0)
		goto out;
	sha256_of(d.sums.data, d.sums.len, &got);
	if (!sha256_equal(&got, digest)) {
		damaged(b, id, "has a " SUMS_NAME " of another digest");
		goto out;
	}
	rc = 0;
out:
	if (rc < 0)
		old_dir_release(&d);
	else
		*ret = d;
	return rc;
}

/*
 * The next entry of the tree: "<mode> <name>", NUL, the raw id. 0, 1 at the
 * end, -1 if there is none.
 */
static int next_in_tree(struct old_dir *d, struct old_entry *e)
{
	const char *at = d->tree.data + d->t, *nul, *space;
	size_t left = d->tree.len - d->t;

	if (!left)
		return 1;
	nul = memchr(at, '\0', left);
	space = nul ? memchr(at, ' ', (size_t)(nul - at)) : NULL;
	if (!space || left < (size_t)(nul - at) + 1 + GIT_OID_RAWSZ)
		return -1;
	e->dir = at[0] == '4';
	e->name = space + 1;
	e->id = (const git_oid *)(nul + 1);
	e->tree_at = d->t;
	e->tree_len = (size_t)(nul - at) + 1 + GIT_OID_RAWSZ;
	d->t += e->tree_len;
	return 0;
}

/* Its line in SHA256SUMS: the digest, two spaces, the name. -1: it is not. */
static int next_in_sums(struct old_dir *d, struct old_entry *e)
{
	const char *at = d->sums.data + d->s;
	size_t left = d->sums.len - d->s, n = strlen(e->name);
	size_t len = SHA256_HEX_SIZE - 1 + 2 + n + 1;

	if (e->dir)
		len += strlen("/" SUMS_NAME);
	if (left < len || at[len - 1] != '\n' ||
	    memcmp(at + SHA256_HEX_SIZE - 1 + 2, e->name, n) ||
	    (e->dir && memcmp(at + SHA256_HEX_SIZE - 1 + 2 + n,
			      "/" SUMS_NAME, strlen("/" SUMS_NAME))))
		return -1;
	e->sums_at = d->s;
	e->sums_len = len;
	d->s += len;
	return 0;
}

/* 0, 1 at the end of the directory, -1 if tree and sums do not agree. */
static int next_entry(struct builder *b, struct old_dir *d,
		      struct old_entry *e)
{
	int rc = next_in_tree(d, e);

	if (rc == 0 && !strcmp(e->name, SUMS_NAME))
		rc = next_in_tree(d, e);
	if (rc == 1 && d->s == d->sums.len)
		return 1;
	if (rc || next_in_sums(d, e) < 0)
		return damaged(b, &d->tree_id,
			       "has other entries than its " SUMS_NAME);
	return 0;
}

/* SHA256SUMS stands among the others, in their order. */
static void place_sums(struct new_dir *d)
{
	if (!d->sums_placed) {
		patch_insert(&d->tree, SUMS_ENTRY, sizeof(SUMS_ENTRY));
		patch_hole(&d->tree, GIT_OID_RAWSZ, &d->sums_id);
	}
	d->sums_placed = true;
}

static void place(struct new_dir *d, const char *name, bool dir)
{
	if (tree_name_cmp(name, dir, SUMS_NAME, false) > 0)
		place_sums(d);
	d->n++;
}

/* An entry that is what it was. */
static void keep_entry(struct new_dir *d, const struct old_entry *e)
{
	place(d, e->name, e->dir);
	patch_copy(&d->tree, e->tree_at, e->tree_len);
	patch_copy(&d->sums, e->sums_at, e->sums_len);
}

static void put_entry(struct new_dir *d, const char *name, bool dir,
		      const struct entry *e)
{
	char hex[SHA256_HEX_SIZE];

	place(d, name, dir);
	patch_insert(&d->tree, dir ? "40000 " : "100644 ", dir ? 6 : 7);
	patch_insert(&d->tree, name, strlen(name) + 1);
	patch_insert(&d->tree, e->id.id, GIT_OID_RAWSZ);
	sha256_hex(&e->digest, hex);
	patch_insert(&d->sums, hex, SHA256_HEX_SIZE - 1);
	patch_insert(&d->sums, "  ", 2);
	patch_insert(&d->sums, name, strlen(name));
	if (dir)
		patch_insert(&d->sums, "/" SUMS_NAME,
			     strlen("/" SUMS_NAME));
	patch_insert(&d->sums, "\n", 1);
}

/* The group of changes that one entry of the directory stands for. */
struct group {
	char name[LIMIT_NAME_BYTES + 1];
	bool dir;
	const struct change *v;
	size_t n;
};

static int next_group(struct builder *b, const struct change *v, size_t n,
		      size_t prefix, struct group *ret)
{
	const char *name = v->path + prefix, *slash = strchr(name, '/');
	size_t len = slash ? (size_t)(slash - name) : strlen(name);

	if (len > LIMIT_NAME_BYTES)
		return err_set(b->err, ERR_INTERNAL,
			       "'%.100s' cannot be in a bundle", v->path);
	memcpy(ret->name, name, len);
	ret->name[len] = '\0';
	ret->dir = slash != NULL;
	ret->v = v;
	ret->n = 1;
	while (ret->dir && ret->n < n &&
	       !strncmp(v[ret->n].path + prefix, name, len + 1))
		ret->n++;
	return 0;
}

/* Builds one group; old is what stands in its place now, or NULL. */
static int build_group(struct builder *b, const struct group *g,
		       const struct old_dir *dir, const struct old_entry *old,
		       size_t prefix, struct new_dir *d)
{
	struct sha256 digest;
	struct entry e;

	if (!g->dir) {
		e = (struct entry){ g->v->remove, g->v->id, g->v->digest };
	} else {
		if (old && sha256_parse(dir->sums.data + old->sums_at,
					SHA256_HEX_SIZE - 1, &digest) < 0)
			return damaged(b, &dir->tree_id,
				       "has a malformed " SUMS_NAME);
		if (build_dir(b, old ? old->id : NULL, &digest, g->v, g->n,
			      prefix + strlen(g->name) + 1, &e) < 0)
			return -1;
	}
	if (!e.gone)
		put_entry(d, g->name, g->dir, &e);
	return 0;
}

/* Old entries and changes, both in Git's order, become the new directory. */
static int merge(struct builder *b, struct old_dir *old,
		 const struct change *v, size_t n, size_t prefix,
		 struct new_dir *d)
{
	struct group g = { .n = 0 };
	struct old_entry e;
	int end = next_entry(b, old, &e);

	for (size_t i = 0; end == 0 || i < n; ) {
		int c;

		if (end < 0 ||
		    (!g.n && i < n && next_group(b, v + i, n - i, prefix, &g)))
			return -1;
		c = end ? 1 : !g.n ? -1 : tree_name_cmp(e.name, e.dir, g.name,
							g.dir);
		if (c < 0)
			keep_entry(d, &e);
		else if (build_group(b, &g, old, c == 0 ? &e : NULL, prefix,
				     d) < 0)
			return -1;
		if (c >= 0) {
			i += g.n;
			g.n = 0;
		}
		if (c <= 0)
			end = next_entry(b, old, &e);
	}
	return end < 0 ? -1 : 0;
}

/* Writes SHA256SUMS and the tree that it completes. */
static int write_dir(struct builder *b, const struct old_dir *old,
		     struct new_dir *d, struct entry *ret)
{
	struct entry e = { .gone = false };
	git_oid sums;

	if (buf_check(&d->sums.text, SUMS_NAME, b->err) < 0 ||
	    write_patch(b, GIT_OBJECT_BLOB, &d->sums,
			old ? &old->sums_id : NULL, true, &sums) < 0)
		return -1;
	sha256_of(d->sums.text.data, d->sums.text.len, &e.digest);
	place_sums(d);
	patch_fill(&d->tree, &d->sums_id, sums.id);
	if (buf_check(&d->tree.text, "a directory of a bundle", b->err) < 0 ||
	    write_patch(b, GIT_OBJECT_TREE, &d->tree,
			old ? &old->tree_id : NULL, true, &e.id) < 0)
		return -1;
	*ret = e;
	return 0;
}

/*
 * Builds the directory that old_id was (NULL: it is new), with n changes,
 * whose paths go on after `prefix` bytes with names of this directory.
 */
static int build_dir(struct builder *b, const git_oid *old_id,
		     const struct sha256 *old_digest,
		     const struct change *v, size_t n, size_t prefix,
		     struct entry *ret)
{
	struct old_dir old = { .tree = BUF_INIT(0), .sums = BUF_INIT(0) };
	struct new_dir d = { .n = 0 };
	int rc;

	if (old_id && old_dir_read(b, old_id, old_digest, &old) < 0)
		return -1;
	patch_init(&d.tree, old.tree.data, old.tree.len, LIMIT_SUMS_BYTES);
	patch_init(&d.sums, old.sums.data, old.sums.len, LIMIT_SUMS_BYTES);
	rc = merge(b, &old, v, n, prefix, &d);
	if (!rc && d.n)
		rc = write_dir(b, old_id ? &old : NULL, &d, ret);
	else if (!rc)
		ret->gone = true;
	patch_release(&d.tree);
	patch_release(&d.sums);
	old_dir_release(&old);
	return rc;
}

int render_tree(git_repository *repo, struct store *store,
		const struct current *current, struct plan *plan,
		struct rendered *ret, struct err *err)
{
	struct builder b = { repo, store, err };
	const git_oid *old = *current->id ? &current->tree : NULL;
	const struct sha256 *content = &current->commit.bundle.content;
	struct changes cs = { 0 };
	struct entry root;
	int rc = collect(&b, old, plan, &cs);

	if (rc < 0)
		goto out;
	if (!cs.n && old) {
		*ret = (struct rendered){ *old, *content };
		goto out;
	}
	rc = build_dir(&b, old, old ? content : NULL, cs.v, cs.n, 0, &root);
	if (!rc && root.gone)
		rc = err_set(err, ERR_INVALID, "a bundle has at least one "
			     "object");
	if (!rc)
		*ret = (struct rendered){ root.id, root.digest };
out:
	free(cs.v);
	return rc;
}
