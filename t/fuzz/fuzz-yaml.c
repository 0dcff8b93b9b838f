/*
 * Manifests: streams of YAML or JSON, as a developer pushes them. Every
 * problem and every value has its place in the text; what is accepted is
 * written to canonical JSON that says the same, and the objects in it have
 * names that a bundle can hold.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/yaml.h"
#include "t/fuzz/fuzz.h"
#include "t/fuzz/tree.h"

static void check_problems(const struct problems *ps, int rc,
			   const char *text, size_t len)
{
	if ((rc < 0) != (ps->errors > 0))
		abort();
	for (size_t i = 0; i < ps->n; i++) {
		const struct problem *p = &ps->v[i];

		must_be_inside(p->mark, text, len);
		if (strcmp(p->path, "dir/a.yaml") || !*p->message)
			abort();
	}
}

static void check_documents(const char *text, size_t len)
{
	struct arena a = ARENA_INIT;
	struct problems ps = PROBLEMS_INIT;
	struct documents docs = { 0 };
	int rc = yaml_read("dir/a.yaml", text, len, &a, &docs, &ps);

	check_problems(&ps, rc, text, len);
	for (size_t i = 0; i < docs.n; i++) {
		if (docs.v[i]->type != NODE_MAP)
			abort();
		must_stand_inside(docs.v[i], text, len);
		must_read_back(docs.v[i]);
	}
	problems_release(&ps);
	arena_release(&a);
}

/* An object that has a place in a bundle is named by it. */
static void check_name(const struct object_id *id, struct arena *a)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct err err = ERR_INIT;
	struct object_id again;

	if (!object_path(id, &path, &err) &&
	    (object_path_parse(path.data, a, &again, &err) < 0 ||
	     !object_id_equal(id, &again)))
		abort();
	buf_release(&path);
}

static void check_objects(const char *text, size_t len)
{
	struct arena a = ARENA_INIT;
	struct problems ps = PROBLEMS_INIT;
	struct objects objects = OBJECTS_INIT;
	int rc = manifest_read("dir/a.yaml", text, len, &a, &objects, &ps);

	check_problems(&ps, rc, text, len);
	for (size_t i = 0; i < objects.n; i++) {
		must_stand_inside(objects.v[i].root, text, len);
		check_name(&objects.v[i].id, &a);
	}
	objects_release(&objects);
	problems_release(&ps);
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_documents((const char *)data, size);
	check_objects((const char *)data, size);
	return 0;
}
