/*
 * OpenAPI documents: what is made of one is a table that its reader takes,
 * and the same once more.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/json.h"
#include "schema/limits.h"
#include "schema/openapi-build.h"
#include "schema/openapi.h"
#include "t/fuzz/fuzz.h"

static int build(const struct node *document, struct buf *out)
{
	struct openapi_source source = { .kubernetes = "v1.0.0" };
	struct err err = ERR_INIT;
	int rc = openapi_source_add(&source, document, &err);

	if (!rc)
		rc = openapi_build(&source, out, &err);
	openapi_source_release(&source);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf table = BUF_INIT(LIMIT_OPENAPI_BYTES);
	struct buf again = BUF_INIT(LIMIT_OPENAPI_BYTES);
	struct openapi o = OPENAPI_INIT;
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *document;

	if (!json_read((const char *)data, size, &a, &document, &err) &&
	    !build(document, &table)) {
		if (openapi_of(table.data, table.len, &o, &err) < 0 ||
		    build(document, &again) < 0 || again.len != table.len ||
		    memcmp(again.data, table.data, table.len))
			abort();
		openapi_close(&o);
	}
	buf_release(&table);
	buf_release(&again);
	arena_release(&a);
	return 0;
}
