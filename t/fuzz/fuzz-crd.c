/*
 * Definitions and custom resources of them: a manifest whose first object is
 * a definition. Whatever it says, it is judged, and so is each object that
 * follows, by each of its versions, with every finding inside of the text.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/crd/check-custom.h"
#include "schema/crd/definition.h"
#include "schema/crd/settle.h"
#include "schema/manifest.h"
#include "t/fuzz/fuzz.h"
#include "t/fuzz/tree.h"

/* Settled once is settled. */
static void must_be_settled(const struct crd_version *v,
			    const struct node *n, struct arena *a)
{
	const struct node *once = crd_settle(v->schema, n, a);

	/* NULL: it takes too long */
	if (once && !node_equal(once, crd_settle(v->schema, once, a)))
		abort();
}

static void judge(const struct crd *c, const struct objects *os, size_t i,
		  struct arena *a, struct problems *ps)
{
	for (size_t k = 0; k < c->n && k < 4; k++) {
		const struct crd_version *v = &c->versions[k];
		size_t before = ps->errors;
		int rc = crd_check(v, NULL, &os->v[i],
				   i > 1 ? os->v[i - 1].root : NULL, ps);

		if ((rc < 0) != (ps->errors > before))
			abort();
		if (v->schema)
			must_be_settled(v, os->v[i].root, a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct objects os = OBJECTS_INIT;
	struct problems ps = PROBLEMS_INIT;
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct crd *c;

	manifest_read("a.yaml", text, size, &a, &os, &ps);
	if (os.n) {
		size_t before = ps.errors;
		int rc = definition_check(NULL, &os.v[0], NULL, ps.n,
					  &ps);

		if ((rc < 0) != (ps.errors > before))
			abort();
	}
	if (os.n && crd_read(os.v[0].root, &c, &err) == 0) {
		for (size_t i = 1; i < os.n && i < 8; i++)
			judge(c, &os, i, &a, &ps);
		crd_free(c);
	}
	for (size_t i = 0; i < ps.n; i++)
		must_be_inside(ps.v[i].mark, text, size);
	objects_release(&os);
	problems_release(&ps);
	arena_release(&a);
	return 0;
}
