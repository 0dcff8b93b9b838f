/*
 * Indexes of packs: read, written back, and searched for a way from each of
 * the first bundles to the last one.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/index.h"
#include "t/fuzz/fuzz.h"

#define SEARCHES 4

/* A way begins with a base or what is had, and each step fits the next. */
static void check_way(const struct pack_index *ix, const char *have,
		      const char *want)
{
	struct err err = ERR_INIT;
	const char *at = have;
	size_t *v = NULL, n = 0;

	if (pack_index_path(ix, have, want, &v, &n, &err))
		return;
	for (size_t i = 0; i < n; i++) {
		const struct index_entry *e = &ix->v[v[i]];

		if (e->from[0] ? strcmp(e->from, at) != 0 : i != 0)
			abort();
		at = e->to;
	}
	if (strcmp(at, want))
		abort();
	free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = BUF_INIT(LIMIT_INDEX_BYTES);
	struct pack_index ix = PACK_INDEX_INIT;
	struct err err = ERR_INIT;

	if (pack_index_parse((const char *)data, size, &ix, &err))
		return 0;
	pack_index_write(&ix, &b);
	if (b.len != size || memcmp(b.data, data, size))
		abort();
	for (size_t i = 0; i < ix.n && i < SEARCHES; i++)
		check_way(&ix, ix.v[i].from, ix.v[ix.n - 1].to);
	check_way(&ix, "", ix.v[ix.n - 1].to);
	buf_release(&b);
	pack_index_release(&ix);
	return 0;
}
