/*
 * Tree rendering. See render.h. Each directory is one merge of what was
 * there and what changes, both in Git's order, which is also the order of
 * SHA256SUMS. Trusts the plan; checks the old directories by their digests
 * down from the signed one, so a damaged repository is not signed again.
 */
#include "config.h"
#include "hooks/render.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/sums.h"

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

/* An old directory: its tree and, in the same order, its digests. */
struct old_dir {
	git_tree *tree;
	struct sums sums;
};

/* A new directory in the making. */
struct new_dir {
	struct buf tree;	/* entries but SHA256SUMS, raw */
	size_t sums_at;		/* where that one belongs among them */
	bool sums_placed;
	struct sums sums;
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

/* ---- the changes of a plan ---- */

static void change_add(struct changes *cs, const struct change *c)
{
	if (cs->n == cs->alloc) {
		cs->alloc = cs->alloc ? cs->alloc * 2 : 64;
		cs->v = xreallocarray(cs->v, cs->alloc, sizeof(*cs->v));
	}
	cs->v[cs->n++] = *c;
}

/* The old text of an origins file; ret stays empty if there was none. */
static int read_old_origins(struct builder *b, const git_oid *tree,
			    const char *path, struct origins *ret,
			    git_oid *ret_id)
{
	struct buf text = BUF_INIT(LIMIT_SUMS_BYTES);
	char hex[GIT_HEX_SIZE];
	unsigned mode;
	int rc = tree ? repo_tree_entry(b->repo, tree, path, ret_id, &mode,
					b->err) : 1;

	if (rc)
		return rc < 0 ? -1 : 0;
	git_oid_tostr(hex, sizeof(hex), ret_id);
	rc = repo_read(b->repo, hex, GIT_OBJECT_BLOB, &text, b->err);
	if (!rc && origins_parse(text.data, text.len, ret, b->err) < 0)
		rc = err_wrap(b->err, "'%s' of the current bundle", path);
	buf_release(&text);
	return rc;
}

static int add_origins(struct builder *b, const git_oid *tree,
		       struct plan_origins *po, struct changes *cs)
{
	struct buf text = BUF_INIT(LIMIT_SUMS_BYTES);
	struct origins old = ORIGINS_INIT;
	struct change c = { .path = po->path };
	git_oid old_id = { { 0 } };
	int rc = read_old_origins(b, tree, po->path, &old, &old_id);

	if (rc < 0)
		goto out;
	origins_edit(old.n ? &old : NULL, po->v, po->n, &text);
	rc = buf_check(&text, po->path, b->err);
	c.remove = !text.len;
	if (!rc && text.len) {
		sha256_of(text.data, text.len, &c.digest);
		rc = store_write(b->store, GIT_OBJECT_BLOB, text.data,
				 text.len, &c.id, b->err);
	}
	if (!rc && (c.remove ? old.n > 0 : !git_oid_equal(&c.id, &old_id)))
		change_add(cs, &c);
out:
	origins_release(&old);
	buf_release(&text);
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

/* Git's order, which sorts a directory as if its name ended in a slash. */
static int name_cmp(const char *a, bool a_dir, const char *b, bool b_dir)
{
	size_t i = 0;
	unsigned char ca, cb;

	while (a[i] && a[i] == b[i])
		i++;
	ca = (unsigned char)(a[i] ? a[i] : a_dir ? '/' : 0);
	cb = (unsigned char)(b[i] ? b[i] : b_dir ? '/' : 0);
	return (ca > cb) - (ca < cb);
}

static int damaged(struct builder *b, const git_oid *id, const char *what)
{
	return err_set(b->err, ERR_DENIED, "tree %s of the current bundle %s: "
		       "the repository is damaged, restore it from a backup",
		       git_oid_tostr_s(id), what);
}

static void old_dir_release(struct old_dir *d)
{
	git_tree_free(d->tree);
	sums_release(&d->sums);
}

static int old_dir_read(struct builder *b, const git_oid *id,
			const struct sha256 *digest, struct old_dir *ret)
{
	struct buf text = BUF_INIT(LIMIT_SUMS_BYTES);
	struct old_dir d = { .sums = SUMS_INIT };
	const git_tree_entry *e;
	char hex[GIT_HEX_SIZE];
	struct sha256 got;
	int rc = -1;

	if (git_tree_lookup(&d.tree, b->repo, id) < 0) {
		repo_err(b->err, ERR_INTERNAL, "cannot read tree %s",
			 git_oid_tostr_s(id));
		goto out;
	}
	e = git_tree_entry_byname(d.tree, SUMS_NAME);
	if (!e) {
		damaged(b, id, "has no " SUMS_NAME);
		goto out;
	}
	git_oid_tostr(hex, sizeof(hex), git_tree_entry_id(e));
	if (repo_read(b->repo, hex, GIT_OBJECT_BLOB, &text, b->err) < 0)
		goto out;
	sha256_of(text.data, text.len, &got);
	if (!sha256_equal(&got, digest)) {
		damaged(b, id, "has a " SUMS_NAME " of another digest");
		goto out;
	}
	if (sums_parse(text.data, text.len, &d.sums, b->err) < 0)
		goto out;
	if (d.sums.n + 1 != git_tree_entrycount(d.tree)) {
		damaged(b, id, "has other entries than its " SUMS_NAME);
		goto out;
	}
	rc = 0;
out:
	buf_release(&text);
	if (rc < 0)
		old_dir_release(&d);
	else
		*ret = d;
	return rc;
}

/* Entries are put in order. */
static void put_entry(struct new_dir *d, const char *name, bool dir,
		      const struct entry *e)
{
	if (!d->sums_placed && name_cmp(name, dir, SUMS_NAME, false) > 0) {
		d->sums_at = d->tree.len;
		d->sums_placed = true;
	}
	buf_adds(&d->tree, dir ? "40000 " : "100644 ");
	buf_adds(&d->tree, name);
	buf_addc(&d->tree, '\0');
	buf_add(&d->tree, e->id.id, GIT_OID_RAWSZ);
	sums_set(&d->sums, name, dir, &e->digest);
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
		       const git_tree_entry *old,
		       const struct sums_entry *old_sum, size_t prefix,
		       struct new_dir *d)
{
	struct entry e;

	if (!g->dir) {
		e = (struct entry){ g->v->remove, g->v->id, g->v->digest };
	} else if (build_dir(b, old ? git_tree_entry_id(old) : NULL,
			     old_sum ? &old_sum->digest : NULL, g->v, g->n,
			     prefix + strlen(g->name) + 1, &e) < 0) {
		return -1;
	}
	if (!e.gone)
		put_entry(d, g->name, g->dir, &e);
	return 0;
}

static int merge(struct builder *b, const struct old_dir *old,
		 const struct change *v, size_t n, size_t prefix,
		 struct new_dir *d)
{
	size_t n_old = old->tree ? git_tree_entrycount(old->tree) : 0;
	size_t t = 0, s = 0, i = 0;
	struct group g = { .n = 0 };

	for (;;) {
		const git_tree_entry *te;
		const struct sums_entry *se;
		int c;

		te = t < n_old ? git_tree_entry_byindex(old->tree, t) : NULL;
		if (te && !strcmp(git_tree_entry_name(te), SUMS_NAME)) {
			t++;
			continue;
		}
		se = te ? &old->sums.v[s] : NULL;
		if (te && (strcmp(git_tree_entry_name(te), se->name) ||
			   (git_tree_entry_filemode(te) !=
			    (se->dir ? GIT_FILEMODE_TREE : GIT_FILEMODE_BLOB))))
			return damaged(b, git_tree_id(old->tree),
				       "has other entries than its " SUMS_NAME);
		if (!g.n && i < n && next_group(b, v + i, n - i, prefix, &g))
			return -1;
		if (!te && !g.n)
			return 0;
		c = !te ? 1 : !g.n ? -1 :
		    name_cmp(se->name, se->dir, g.name, g.dir);
		if (c < 0) {
			struct entry e = { false, *git_tree_entry_id(te),
					   se->digest };

			put_entry(d, se->name, se->dir, &e);
		} else if (build_group(b, &g, c == 0 ? te : NULL,
				       c == 0 ? se : NULL, prefix, d) < 0) {
			return -1;
		}
		if (c >= 0) {
			i += g.n;
			g.n = 0;
		}
		if (c <= 0) {
			t++;
			s++;
		}
	}
}

/* Writes SHA256SUMS and the tree that it completes. */
static int write_dir(struct builder *b, struct new_dir *d, struct entry *ret)
{
	struct buf sums = BUF_INIT(LIMIT_SUMS_BYTES);
	struct buf tree = BUF_INIT(LIMIT_SUMS_BYTES);
	size_t at = d->sums_placed ? d->sums_at : d->tree.len;
	struct entry e = { .gone = false };
	git_oid id;
	int rc = -1;

	sums_write(&d->sums, &sums);
	if (buf_check(&sums, SUMS_NAME, b->err) < 0 ||
	    store_write(b->store, GIT_OBJECT_BLOB, sums.data, sums.len, &id,
			b->err) < 0)
		goto out;
	sha256_of(sums.data, sums.len, &e.digest);
	buf_add(&tree, d->tree.data, at);
	buf_adds(&tree, "100644 " SUMS_NAME);
	buf_addc(&tree, '\0');
	buf_add(&tree, id.id, GIT_OID_RAWSZ);
	buf_add(&tree, d->tree.data + at, d->tree.len - at);
	if (buf_check(&tree, "a directory of a bundle", b->err) < 0 ||
	    store_write(b->store, GIT_OBJECT_TREE, tree.data, tree.len, &e.id,
			b->err) < 0)
		goto out;
	*ret = e;
	rc = 0;
out:
	buf_release(&sums);
	buf_release(&tree);
	return rc;
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
	struct old_dir old = { .sums = SUMS_INIT };
	struct new_dir d = {
		.tree = BUF_INIT(LIMIT_SUMS_BYTES), .sums = SUMS_INIT,
	};
	int rc = -1;

	if (old_id && old_dir_read(b, old_id, old_digest, &old) < 0)
		return -1;
	if (merge(b, &old, v, n, prefix, &d) < 0)
		goto out;
	if (d.sums.n) {
		rc = write_dir(b, &d, ret);
	} else {
		ret->gone = true;
		rc = 0;
	}
out:
	old_dir_release(&old);
	buf_release(&d.tree);
	sums_release(&d.sums);
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
