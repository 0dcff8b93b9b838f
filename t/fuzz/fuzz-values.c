/*
 * Judges of values: whatever a manifest of a built-in kind has where they
 * look, they end, with every finding inside of the text. The first byte says
 * of which Kubernetes.
 */
#include "config.h"

#include <stdlib.h>

#include "schema/manifest.h"
#include "schema/values/values.h"
#include "t/fuzz/fuzz.h"
#include "t/fuzz/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	struct objects objects = OBJECTS_INIT;
	struct problems ps = PROBLEMS_INIT;
	struct arena a = ARENA_INIT;

	if (!size)
		return 0;
	manifest_read("a.yaml", text, size - 1, &a, &objects, &ps);
	for (size_t i = 0; i < objects.n; i++) {
		size_t before = ps.errors;
		int rc = values_check(&objects.v[i], 30 + data[0] % 10, ps.n,
				      &ps);

		if ((rc < 0) != (ps.errors > before))
			abort();
	}
	for (size_t i = 0; i < ps.n; i++)
		must_be_inside(ps.v[i].mark, text, size - 1);
	objects_release(&objects);
	problems_release(&ps);
	arena_release(&a);
	return 0;
}
