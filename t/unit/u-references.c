/* What objects say of each other: how much of it is kept. */
#include "config.h"

#include <string.h>

#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/references/index.h"
#include "t/unit/tap.h"

static const char *const claim =
	"{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: d}, spec: "
	"{containers: [{name: c, image: i, envFrom: [{configMapRef: "
	"{name: m}}]}]}}\n";

/* A Pod, put into an index that has taken so much memory before. */
static size_t refs_after(size_t used, struct object_index *ix)
{
	struct objects os = OBJECTS_INIT;
	struct problems ps = PROBLEMS_INIT;
	struct arena a = ARENA_INIT;
	size_t before = ix->a.used, n = 0;

	manifest_read("a.yaml", claim, strlen(claim), &a, &os, &ps);
	if (os.n == 1) {
		ix->a.used = used;
		index_add(ix, &os.v[0], "objects/d/core/Pod/p.json");
		n = index_find(ix, "objects/d/core/Pod/p.json")->facts.n_refs;
		ix->a.used = before + ix->a.used - used;
	}
	objects_release(&os);
	problems_release(&ps);
	arena_release(&a);
	return n;
}

static void memory(void)
{
	struct object_index ix = OBJECT_INDEX_INIT;
	size_t least = LIMIT_REFERENCES_MEMORY - 4096;
	size_t beyond = LIMIT_REFERENCES_MEMORY;

	is_int(refs_after(0, &ix), 1, "a reference is kept");
	is_int(refs_after(least, &ix), 1, "and below the limit of memory");
	is_int(refs_after(beyond, &ix), 0, "not beyond it");
	is_int(ix.skipped, 1, "which is counted");
	ok(index_find(&ix, "objects/d/core/Pod/p.json") != NULL,
	   "but there the object is");
	while (least + 1 < beyond) {
		size_t mid = least + (beyond - least) / 2;

		if (refs_after(mid, &ix))
			least = mid;
		else
			beyond = mid;
	}
	ok(least + 2048 > LIMIT_REFERENCES_MEMORY && refs_after(least, &ix) &&
	   !refs_after(beyond, &ix), "a byte decides");
	index_release(&ix);
}

int main(void)
{
	memory();
	return tap_done();
}
