/*
 * Reading what is there now. See against.h. The manifests are rendered as
 * the hook would have, so that they are compared as they would be there.
 */
#include "config.h"
#include "engine/cli/against.h"

#include <fcntl.h>

#include "engine/cli/sources.h"
#include "schema/base/fs.h"
#include "schema/base/strvec.h"
#include "schema/crd/crd.h"
#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/render.h"
#include "schema/values/immutable.h"

static void keep(struct against *g, struct object *o, const struct rules *r)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct problems ignored = PROBLEMS_INIT;
	struct err err = ERR_INIT;

	/* it fills in the namespace, whatever else it finds */
	rules_check(r, o, &ignored);
	if (!object_path(&o->id, &path, &err) &&
	    !render_object(r, o, &g->arena, NULL, &err))
		map_put(&g->objects, path.data, o->root);
	problems_release(&ignored);
	buf_release(&path);
}

/* A custom resource, or what defines some: what was wrong before is left. */
static bool is_custom(const struct object_id *id)
{
	return !scope_has_group(id->group) || crd_is(id);
}

static int read_file(struct against *g, const char *path,
		     const struct rules *r, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES);
	struct problems ignored = PROBLEMS_INIT;
	struct objects os = OBJECTS_INIT;
	int rc = fs_read(AT_FDCWD, path, &text, err);

	if (!rc)
		manifest_read(path, text.data, text.len, &g->arena, &os,
			      &ignored);
	for (size_t i = 0; i < os.n; i++)
		if (immutable_has(&os.v[i].id) || is_custom(&os.v[i].id))
			keep(g, &os.v[i], r);
	problems_release(&ignored);
	objects_release(&os);
	buf_wipe(&text);
	return rc;
}

int against_read(struct against *g, const char *path, const struct rules *r,
		 struct problems *ps, struct err *err)
{
	struct rules all = *r;
	struct strvec files = STRVEC_INIT;
	int rc = sources_find(path, &files, ps, err);

	all.allow_secrets = true;
	all.openapi = NULL;	/* it was good once */
	all.unknown_kinds = true;
	all.before = NULL;
	for (size_t i = 0; !rc && i < files.n; i++)
		rc = read_file(g, files.v[i], &all, err);
	strvec_release(&files);
	return rc;
}

const struct node *against_find(void *against, const struct object_id *id,
				struct arena *a)
{
	const struct against *g = against;
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct err err = ERR_INIT;
	const struct node *found = NULL;

	(void)a;
	if (!object_path(id, &path, &err))
		found = map_get(&g->objects, path.data);
	buf_release(&path);
	return found;
}

int against_check(const struct against *g, const char *path,
		  const struct object *o, struct problems *ps)
{
	const struct node *old = map_get(&g->objects, path);

	return old ? immutable_check(old, o, ps) : 0;
}

void against_release(struct against *g)
{
	map_release(&g->objects, NULL);
	arena_release(&g->arena);
}
