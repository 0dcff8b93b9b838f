/*
 * Schema tables and the walk along them: the first four bytes say how long
 * the table is, a manifest follows it. A table that is not refused can be
 * looked into everywhere, and whatever it says of a kind, an object is
 * judged by it with every finding inside of the text.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/openapi-check.h"
#include "schema/openapi-layout.h"
#include "t/fuzz/fuzz.h"
#include "t/fuzz/tree.h"

static void look_at_type(const struct openapi *o, uint32_t index)
{
	struct openapi_type t;
	struct openapi_field f;
	size_t sum;

	openapi_type(o, index, &t);
	sum = strlen(t.name);
	for (uint32_t i = 0; i < t.n_fields; i++) {
		openapi_field(o, &t, i, &f);
		sum += strlen(f.fallback);
		if (f.type >= o->n_types ||
		    openapi_find(o, &t, f.name, strlen(f.name)) != i)
			abort();
	}
	for (uint32_t i = 0; i < t.n_words && i < 64; i++)
		sum += strlen(openapi_word(o, &t, i));
	if (t.item >= o->n_types || sum > UINT32_MAX)
		abort();
}

static void judge(const struct openapi *o, const char *text, size_t len)
{
	struct objects objects = OBJECTS_INIT;
	struct problems ps = PROBLEMS_INIT;
	struct arena a = ARENA_INIT;

	manifest_read("a.yaml", text, len, &a, &objects, &ps);
	for (size_t i = 0; i < objects.n; i++) {
		size_t before = ps.errors;
		int rc = openapi_check(o, &objects.v[i], &ps);

		if ((rc < 0) != (ps.errors > before))
			abort();
	}
	for (size_t i = 0; i < ps.n; i++)
		must_be_inside(ps.v[i].mark, text, len);
	objects_release(&objects);
	problems_release(&ps);
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct openapi o = OPENAPI_INIT;
	struct err err = ERR_INIT;
	uint32_t len;

	if (size < 4)
		return 0;
	len = layout_get(data);
	data += 4;
	size -= 4;
	if (len > size || openapi_of(data, len, &o, &err) < 0)
		return 0;
	for (uint32_t i = 0; i < o.n_types; i++)
		look_at_type(&o, i);
	judge(&o, (const char *)data + len, size - len);
	openapi_close(&o);
	return 0;
}
