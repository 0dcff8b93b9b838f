/*
 * Collecting objects. See store.h. A temporary file in the folder of packs
 * takes them as they come, under a name that Git's own cleaning knows, so
 * memory does not grow with them. Trusts its caller with deltas; ids are
 * computed here, those of what was pushed by libgit2, which refuses made-up
 * SHA-1 collisions.
 */
#include "config.h"
#include "hooks/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/faults.h"
#include "hooks/packfile.h"
#include "hooks/patch.h"
#include "schema/base/fs.h"
#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/repo.h"

/* a directory of this size is not compressed now: the next bundle will have
 * another one, and this be a delta of that */
#define STORED_BYTES (64u * 1024)
/* and below it, where nobody said how they differ, it is found out */
#define COMPARE_BYTES (256u * 1024)

/* What an engine that has the base needs to make an object. */
struct thin {
	git_object_t type;
	bool has_base;
	git_oid base;
	char *data;
	size_t len;
};

struct store {
	char *git_dir;
	git_repository *repo;	/* NULL: nothing was added yet */
	git_odb *odb;
	char *folder;		/* objects/pack */
	char *temp;		/* the file in it; NULL: none yet */
	int fd;
	struct packfile *pack;
	struct map ids;		/* what was added, raw id to itself */
	struct pack_place *v;	/* what is in the pack */
	size_t n, alloc;
	struct thin *thin;
	size_t n_thin, thin_alloc, thin_bytes;
	bool thin_off;		/* too many */
};

struct store *store_new(const char *git_dir)
{
	struct store *s = xcalloc(1, sizeof(*s));

	s->fd = -1;
	s->git_dir = xstrdup(git_dir);
	return s;
}

/* Not before there is something to add: for most channels of a push nothing
 * is new, and opening a repository reads the settings of all of them. */
static int open_objects(struct store *s, struct err *err)
{
	if (s->odb)
		return 0;
	if (!s->repo && repo_open(s->git_dir, false, &s->repo, err) < 0)
		return -1;
	if (git_repository_odb(&s->odb, s->repo) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot open the objects "
				"of '%s'", s->git_dir);
	s->folder = xasprintf("%sobjects/pack", git_repository_path(s->repo));
	return 0;
}

/* ---- the thin pack ---- */

static void drop_thin(struct store *s)
{
	for (size_t i = 0; i < s->n_thin; i++)
		free(s->thin[i].data);
	free(s->thin);
	s->thin = NULL;
	s->n_thin = s->thin_alloc = 0;
}

static void keep_thin(struct store *s, const struct store_object *o,
		      const struct buf *delta)
{
	const char *data = delta ? delta->data : o->data;
	size_t len = delta ? delta->len : o->len;
	struct thin t = { .type = o->type, .has_base = delta != NULL };

	s->thin_bytes += len;
	if (s->n_thin == STORE_THIN_OBJECTS ||
	    s->thin_bytes > STORE_THIN_BYTES) {
		s->thin_off = true;
		drop_thin(s);
		return;
	}
	if (delta)
		t.base = *o->base;
	t.data = xmemdup(data, len);
	t.len = len;
	if (s->n_thin == s->thin_alloc) {
		s->thin_alloc = s->thin_alloc ? s->thin_alloc * 2 : 32;
		s->thin = xreallocarray(s->thin, s->thin_alloc,
					sizeof(*s->thin));
	}
	s->thin[s->n_thin++] = t;
}

/* The delta of an object that only names what it replaces. */
static int compare(struct store *s, const struct store_object *o,
		   struct buf *delta, struct err *err)
{
	git_odb_object *old = NULL;

	if (git_odb_read(&old, s->odb, o->base) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read object %s",
				git_oid_tostr_s(o->base));
	patch_between(git_odb_object_data(old), git_odb_object_size(old),
		      o->data, o->len, delta);
	git_odb_object_free(old);
	return 0;
}

static int add_thin(struct store *s, const struct store_object *o,
		    struct err *err)
{
	struct buf own = BUF_INIT(2 * COMPARE_BYTES);
	const struct buf *delta = o->delta;
	int rc = 0;

	if (s->thin_off)
		return 0;
	if (!delta && o->base && o->len < COMPARE_BYTES) {
		rc = compare(s, o, &own, err);
		delta = &own;
	}
	if (!rc)
		keep_thin(s, o, delta && buf_ok(delta) &&
			  delta->len < o->len ? delta : NULL);
	buf_release(&own);
	return rc;
}

int store_thin(const struct store *s, int fd, const char *name,
	       struct err *err)
{
	struct packfile *p = NULL;
	uint8_t checksum[SHA1_SIZE];
	struct pack_place place;
	int rc;

	if (s->thin_off)
		return 1;
	rc = packfile_start(fd, name, &p, err);
	for (size_t i = 0; !rc && i < s->n_thin; i++) {
		const struct thin *t = &s->thin[i];
		const struct pack_object o = {
			.type = t->type, .data = t->data, .len = t->len,
			.base = t->has_base ? &t->base : NULL,
		};

		rc = packfile_add(p, &o, &place, err);
	}
	if (!rc)
		rc = packfile_end(p, checksum, err);
	packfile_free(p);
	return rc;
}

/* ---- the repository's pack ---- */

static int begin_pack(struct store *s, struct err *err)
{
	if (s->pack)
		return 0;
	if (!s->temp) {
		s->temp = xasprintf("%s/tmp_pack_XXXXXX", s->folder);
		s->fd = mkostemp(s->temp, O_CLOEXEC);
		if (s->fd < 0) {
			err_sys(err, "cannot create '%s'", s->temp);
			free(s->temp);
			s->temp = NULL;
			return -1;
		}
	}
	return packfile_start(s->fd, s->temp, &s->pack, err);
}

static int add_to_pack(struct store *s, const struct store_object *o,
		       const git_oid *id, struct err *err)
{
	const struct pack_object po = {
		.type = o->type, .data = o->data, .len = o->len,
		.stored = o->delta && o->len >= STORED_BYTES,
	};
	struct pack_place place;

	if (begin_pack(s, err) < 0 ||
	    packfile_add(s->pack, &po, &place, err) < 0)
		return -1;
	place.id = *id;
	if (s->n == s->alloc) {
		s->alloc = s->alloc ? s->alloc * 2 : 32;
		s->v = xreallocarray(s->v, s->alloc, sizeof(*s->v));
	}
	s->v[s->n++] = place;
	return 0;
}

/* libgit2's hash looks for collisions, which takes five times as long. */
static int name_object(const struct store_object *o, git_oid *ret,
		       struct err *err)
{
	struct sha1_ctx s;
	char header[64];
	int n;

	if (!o->ours && git_odb_hash(ret, o->data, o->len, o->type) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot hash an object");
	if (!o->ours)
		return 0;
	n = snprintf(header, sizeof(header), "%s %zu",
		     git_object_type2string(o->type), o->len);
	sha1_start(&s);
	sha1_add(&s, header, (size_t)n + 1);
	sha1_add(&s, o->data, o->len);
	sha1_end(&s, ret->id);
	return 0;
}

int store_write(struct store *s, const struct store_object *o, git_oid *ret,
		struct err *err)
{
	git_oid id;

	if (open_objects(s, err) < 0 || name_object(o, &id, err) < 0)
		return -1;
	*ret = id;
	if (map_putn(&s->ids, (char *)id.id, GIT_OID_RAWSZ, s))
		return 0;
	if (add_thin(s, o, err) < 0)
		return -1;
	/* no refresh: of an object that came this moment there are two */
	if (!git_odb_exists_ext(s->odb, &id, GIT_ODB_LOOKUP_NO_REFRESH))
		return add_to_pack(s, o, &id, err);
	/* touches it, so that no gc takes it from us */
	if (git_odb_write(&id, s->odb, o->data, o->len, o->type) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot keep an object");
	return 0;
}

/* A finished file gets its name and mode; it is on the disk. */
static int keep_file(int fd, const char *temp, const char *name,
		     struct err *err)
{
	if (fchmod(fd, 0444) < 0)
		return err_sys(err, "cannot set the mode of '%s'", temp);
	if (fsync(fd) < 0)
		return err_sys(err, "cannot sync '%s'", temp);
	if (rename(temp, name) < 0)
		return err_sys(err, "cannot rename '%s'", temp);
	return 0;
}

static int write_index(struct store *s, const uint8_t checksum[SHA1_SIZE],
		       const char *name, struct err *err)
{
	char *temp = xasprintf("%s/tmp_idx_XXXXXX", s->folder);
	struct buf text = BUF_INIT(SIZE_MAX / 4);
	int fd = mkostemp(temp, O_CLOEXEC), rc = -1;

	if (fd < 0) {
		err_sys(err, "cannot create '%s'", temp);
		goto out;
	}
	packfile_index(s->v, s->n, checksum, &text);
	rc = fs_write_fd(fd, temp, text.data, text.len, err);
	if (!rc)
		rc = keep_file(fd, temp, name, err);
	if (rc < 0)
		unlink(temp);
	close(fd);
out:
	buf_release(&text);
	free(temp);
	return rc;
}

/* The pack first: git looks for packs by their indexes. */
static int keep_pack(struct store *s, const uint8_t checksum[SHA1_SIZE],
		     struct err *err)
{
	char hex[2 * SHA1_SIZE + 1], *pack, *idx;
	int rc;

	sodium_bin2hex(hex, sizeof(hex), checksum, SHA1_SIZE);
	pack = xasprintf("%s/pack-%s.pack", s->folder, hex);
	idx = xasprintf("%s/pack-%s.idx", s->folder, hex);
	rc = keep_file(s->fd, s->temp, pack, err);
	if (!rc) {
		free(s->temp);
		s->temp = NULL;
		rc = write_index(s, checksum, idx, err);
	}
	if (!rc)
		rc = fs_sync_dir(AT_FDCWD, s->folder, err);
	free(pack);
	free(idx);
	return rc;
}

static void end_pack(struct store *s)
{
	packfile_free(s->pack);
	s->pack = NULL;
	if (s->temp)
		unlink(s->temp);
	free(s->temp);
	s->temp = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->n = 0;
}

int store_flush(struct store *s, struct err *err)
{
	uint8_t checksum[SHA1_SIZE];
	int rc = 0;

	fault_step(FAULT_inserted);
	if (s->pack)
		rc = packfile_end(s->pack, checksum, err);
	if (s->pack && !rc)
		rc = keep_pack(s, checksum, err);
	end_pack(s);
	if (s->odb)
		git_odb_refresh(s->odb);
	return rc;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	end_pack(s);
	drop_thin(s);
	map_release(&s->ids, NULL);
	git_odb_free(s->odb);
	git_repository_free(s->repo);
	free(s->git_dir);
	free(s->folder);
	free(s->v);
	free(s);
}
