/*
 * JSON: what is read has its places in the text and is written back to the
 * same tree; what is refused is refused at a place in the text. The first
 * value of a text is the value that its bytes alone are.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/json.h"
#include "t/fuzz/fuzz.h"
#include "t/fuzz/tree.h"

static void check_whole(const char *text, size_t len)
{
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *n = NULL;

	if (!json_read(text, len, &a, &n, &err)) {
		must_stand_inside(n, text, len);
		must_read_back(n);
	} else if (n || err.class != ERR_INVALID ||
		   strncmp(err.msg, "line ", 5)) {
		abort();
	}
	arena_release(&a);
}

static void check_part(const char *text, size_t len)
{
	struct json_part part = {
		.text = text, .len = len, .from = { 1, 1 },
		.max_nodes = 1000,
	};
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *n = NULL, *alone = NULL;
	int rc = json_read_part(&part, &a, &n, &err);

	must_be_inside(part.mark, text, len);
	if (rc < 0) {
		if (n || part.fault > JSON_FAULT_LIMIT || !*err.msg)
			abort();
	} else if (part.used > len ||
		   json_read(text, part.used, &a, &alone, &err) < 0 ||
		   !node_equal(n, alone)) {
		abort();
	}
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_whole((const char *)data, size);
	check_part((const char *)data, size);
	return 0;
}
