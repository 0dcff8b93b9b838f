/*
 * Writing objects by libgit2. See store.h. An in-memory backend in front of
 * the repository's own takes every write; the pack is then made by libgit2's
 * packbuilder, which finds them there.
 */
#include "config.h"
#include "hooks/store.h"

#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>
#include <stdbool.h>
#include <stdlib.h>

#include "hooks/faults.h"
#include "schema/base/mem.h"
#include "schema/repo.h"

#define FIRST_BACKEND 999	/* asked before the repository's own */
#define MANY_OBJECTS 1000	/* worth starting threads for */

struct store {
	git_repository *repo;
	git_odb *odb;
	git_odb_backend *memory;	/* the odb's */
	git_oid *v;			/* what is new */
	size_t n, alloc;
};

int store_open(const char *git_dir, struct store **ret, struct err *err)
{
	struct store *s = xcalloc(1, sizeof(*s));

	if (repo_open(git_dir, false, &s->repo, err) < 0)
		goto fail;
	if (git_repository_odb(&s->odb, s->repo) < 0 ||
	    git_mempack_new(&s->memory) < 0 ||
	    git_odb_add_backend(s->odb, s->memory, FIRST_BACKEND) < 0) {
		repo_err(err, ERR_INTERNAL, "cannot write objects of '%s'",
			 git_dir);
		goto fail;
	}
	*ret = s;
	return 0;
fail:
	store_free(s);
	return -1;
}

static void remember(struct store *s, const git_oid *id)
{
	if (s->n == s->alloc) {
		s->alloc = s->alloc ? s->alloc * 2 : 64;
		s->v = xreallocarray(s->v, s->alloc, sizeof(*s->v));
	}
	s->v[s->n++] = *id;
}

int store_write(struct store *s, git_object_t type, const void *data,
		size_t len, git_oid *ret, struct err *err)
{
	git_oid id;
	bool had;

	if (git_odb_hash(&id, data, len, type) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot hash an object");
	had = s->memory->exists(s->memory, &id);
	/* one that is on the disk is touched, so that no gc takes it, and
	 * does not get into the memory */
	if (git_odb_write(&id, s->odb, data, len, type) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot keep an object");
	if (!had && s->memory->exists(s->memory, &id))
		remember(s, &id);
	*ret = id;
	return 0;
}

int store_flush(struct store *s, struct err *err)
{
	char *folder = xasprintf("%sobjects/pack",
				 git_repository_path(s->repo));
	git_packbuilder *pb = NULL;
	int rc = -1;

	if (s->n && git_packbuilder_new(&pb, s->repo) < 0)
		goto out;
	if (s->n > MANY_OBJECTS)
		git_packbuilder_set_threads(pb, 0);	/* one a processor */
	for (size_t i = 0; i < s->n; i++)
		if (git_packbuilder_insert(pb, &s->v[i], NULL) < 0)
			goto out;
	fault_step(FAULT_inserted);
	if (s->n && git_packbuilder_write(pb, folder, 0, NULL, NULL) < 0)
		goto out;
	s->n = 0;
	git_mempack_reset(s->memory);
	rc = 0;
out:
	if (rc < 0)
		repo_err(err, ERR_INTERNAL, "cannot write a pack to '%s'",
			 folder);
	git_packbuilder_free(pb);
	free(folder);
	return rc;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	git_odb_free(s->odb);
	git_repository_free(s->repo);
	free(s->v);
	free(s);
}
