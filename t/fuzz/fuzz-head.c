/*
 * Heads: a file as it is fetched, and a text as it stands after its
 * signature was found good. What is read must be written back to the same
 * bytes: two texts with one meaning would be two heads.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/head.h"
#include "t/fuzz/fuzz.h"

static void check_text(const char *text, size_t len)
{
	struct buf b = BUF_INIT(LIMIT_HEAD_BYTES);
	struct err err = ERR_INIT;
	struct head h;

	if (!head_parse(text, len, &h, &err)) {
		head_write(&h, &b);
		if (b.len != len || memcmp(b.data, text, len))
			abort();
	} else if (err.class != ERR_DENIED) {
		abort();
	}
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *file = (const char *)data;
	struct err err = ERR_INIT;
	size_t len;

	if (!head_split(file, size, &len, &err))
		check_text(file, len);
	check_text(file, size);
	return 0;
}
