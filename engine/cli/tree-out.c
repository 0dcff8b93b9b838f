/*
 * Writing a bundle's tree. See tree-out.h. Paths were made by object_path,
 * so they are plain names below the directory. The files are for reading
 * and comparing, so nothing is fsynced.
 */
#include "config.h"
#include "engine/cli/tree-out.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/origins.h"
#include "schema/sums.h"

/* A file of the tree; bytes are borrowed or in `owned`. */
struct file {
	char *path;
	const char *bytes;
	size_t len;
	char *owned;
};

struct tree {
	const char *dir;
	struct file *v;
	size_t n;
};

static int rendered_cmp(const void *a, const void *b)
{
	const struct rendered *x = a, *y = b;

	return strcmp(x->path, y->path);
}

void rendered_sort(struct rendered *v, size_t n)
{
	if (n)
		qsort(v, n, sizeof(*v), rendered_cmp);
}

void renderings_take(void *arg, const struct object *o, const char *path,
		     const struct buf *bytes)
{
	struct renderings *r = arg;

	if (r->n == r->alloc) {
		r->alloc = r->alloc ? r->alloc * 2 : 64;
		r->v = xreallocarray(r->v, r->alloc, sizeof(*r->v));
	}
	r->v[r->n++] = (struct rendered){
		.path = xstrdup(path),
		.bytes = xmemdup(bytes->data, bytes->len + 1),
		.len = bytes->len, .object = *o,
	};
}

void renderings_release(struct renderings *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct buf bytes = {
			.data = r->v[i].bytes, .len = r->v[i].len,
			.alloc = r->v[i].len + 1, .max = r->v[i].len,
		};

		buf_wipe(&bytes);
		free(r->v[i].path);
	}
	free(r->v);
	*r = (struct renderings){ 0 };
}

static int file_cmp(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/* Without its last component. */
static size_t dir_len(const char *path)
{
	return (size_t)(strrchr(path, '/') - path);
}

/* The origins text of v[0..n), which are of one kind and namespace. */
static int add_origins(struct tree *t, const struct rendered *v, size_t n,
		       struct err *err)
{
	struct origin *edits = xcalloc(n, sizeof(*edits));
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf text = BUF_INIT(LIMIT_SUMS_BYTES);
	struct file f = { 0 };
	int rc;

	for (size_t i = 0; i < n; i++)
		edits[i] = (struct origin){ v[i].object.id.name,
			v[i].object.path, v[i].object.mark.line };
	rc = object_origin_path(&v[0].object.id, &path, err);
	origins_edit(NULL, edits, n, &text);
	if (!rc)
		rc = buf_check(&text, "a text of origins", err);
	if (!rc) {
		f.path = buf_detach(&path, NULL);
		f.owned = buf_detach(&text, &f.len);
		f.bytes = f.owned;
		t->v[t->n++] = f;
	}
	free(edits);
	buf_release(&path);
	buf_release(&text);
	return rc;
}

static int add_files(struct tree *t, const struct rendered *v, size_t n,
		     struct err *err)
{
	for (size_t i = 0, j; i < n; i = j) {
		size_t len = dir_len(v[i].path);

		for (j = i; j < n && dir_len(v[j].path) == len &&
			    !memcmp(v[j].path, v[i].path, len); j++)
			t->v[t->n++] = (struct file){
				.path = xstrdup(v[j].path),
				.bytes = v[j].bytes, .len = v[j].len,
			};
		if (add_origins(t, v + i, j - i, err) < 0)
			return -1;
	}
	qsort(t->v, t->n, sizeof(*t->v), file_cmp);
	return 0;
}

static int write_file(const struct tree *t, const char *path,
		      const char *bytes, size_t len, struct err *err)
{
	char *full;
	int fd, rc;

	if (!t->dir)
		return 0;
	full = xasprintf("%s/%s", t->dir, path);
	fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0) {
		rc = err_sys(err, "cannot create '%s'", full);
	} else {
		rc = fs_write_fd(fd, full, bytes, len, err);
		if (close(fd) < 0 && !rc)
			rc = err_sys(err, "cannot write '%s'", full);
	}
	free(full);
	return rc;
}

static int write_dir(const struct tree *t, size_t from, size_t to,
		     size_t prefix, struct sha256 *ret, struct err *err);

/*
 * The entry that begins at file `from`, a file or a directory and all that
 * is below it. *ret_next is the file after it.
 */
static int write_entry(const struct tree *t, size_t from, size_t to,
		       size_t prefix, struct sums *sums, size_t *ret_next,
		       struct err *err)
{
	const struct file *f = &t->v[from];
	const char *slash = strchr(f->path + prefix, '/');
	size_t len = slash ? (size_t)(slash - f->path) : strlen(f->path);
	size_t next = from + 1;
	struct sha256 digest;
	char *name;
	int rc;

	while (slash && next < to &&
	       !strncmp(t->v[next].path, f->path, len + 1))
		next++;
	if (slash) {
		rc = write_dir(t, from, next, len + 1, &digest, err);
	} else {
		rc = write_file(t, f->path, f->bytes, f->len, err);
		sha256_of(f->bytes, f->len, &digest);
	}
	if (rc < 0)
		return -1;
	name = xstrndup(f->path + prefix, len - prefix);
	sums_set(sums, name, slash != NULL, &digest);
	free(name);
	*ret_next = next;
	return 0;
}

/*
 * Files v[from..to) share the first `prefix` bytes of their paths, a
 * directory and its slash. Writes them and all that is below, then their
 * SHA256SUMS.
 */
static int write_dir(const struct tree *t, size_t from, size_t to,
		     size_t prefix, struct sha256 *ret, struct err *err)
{
	char *dir = xasprintf("%s/%.*s", t->dir ? t->dir : "", (int)prefix,
			      t->v[from].path);
	char *sums_path = xasprintf("%.*s" SUMS_NAME, (int)prefix,
				    t->v[from].path);
	struct sums sums = SUMS_INIT;
	struct buf text = BUF_INIT(LIMIT_SUMS_BYTES);
	int rc = t->dir ? fs_mkdirs(dir, 0755, err) : 0;

	for (size_t i = from; !rc && i < to; )
		rc = write_entry(t, i, to, prefix, &sums, &i, err);
	sums_write(&sums, &text);
	if (!rc)
		rc = buf_check(&text, sums_path, err);
	if (!rc)
		rc = write_file(t, sums_path, text.data, text.len, err);
	if (!rc)
		sha256_of(text.data, text.len, ret);
	sums_release(&sums);
	buf_release(&text);
	free(dir);
	free(sums_path);
	return rc;
}

static int check_empty(const char *dir, struct err *err)
{
	DIR *d = opendir(dir);
	int n = 0;

	if (!d)
		return errno == ENOENT ? 0 :
		       err_sys(err, "cannot read directory '%s'", dir);
	for (struct dirent *e; n < 3 && (e = readdir(d)); n++)
		;
	closedir(d);
	if (n > 2)
		return err_set(err, ERR_INVALID, "'%s' is not empty: name a "
			       "directory that is, or none", dir);
	return 0;
}

int tree_write(const char *dir, const struct rendered *v, size_t n,
	       struct sha256 *ret_content, struct err *err)
{
	struct tree t = { .dir = dir };
	int rc;

	if (!n)
		return err_set(err, ERR_INVALID,
			       "there is no object, and a bundle has at least "
			       "one");
	if (dir && check_empty(dir, err) < 0)
		return -1;
	/* as many texts of origins as objects at most */
	t.v = xcalloc(2 * n, sizeof(*t.v));
	rc = add_files(&t, v, n, err);
	if (!rc)
		rc = write_dir(&t, 0, t.n, 0, ret_content, err);
	for (size_t i = 0; i < t.n; i++) {
		free(t.v[i].path);
		free(t.v[i].owned);
	}
	free(t.v);
	return rc;
}
