/*
 * Bundles: raw commits and their messages, each written back to the same
 * bytes when it was read.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/bundle.h"
#include "t/fuzz/fuzz.h"

static void same(const struct buf *b, const char *text, size_t len)
{
	if (b->len != len || memcmp(b->data, text, len))
		abort();
}

static void check_commit(const char *raw, size_t len)
{
	struct buf armour = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct buf payload = BUF_INIT(LIMIT_COMMIT_BYTES);
	struct buf again = BUF_INIT(2 * LIMIT_COMMIT_BYTES);
	struct bundle_commit c;
	struct err err = ERR_INIT;

	if (!bundle_commit_parse(raw, len, &c, &armour, &payload, &err)) {
		bundle_commit_write(&c, armour.data, &again);
		same(&again, raw, len);
		buf_reset(&again);
		bundle_commit_payload(&c, &again);
		same(&again, payload.data, payload.len);
	} else if (err.class != ERR_DENIED || armour.len || payload.len) {
		abort();
	}
	buf_release(&armour);
	buf_release(&payload);
	buf_release(&again);
}

static void check_message(const char *text, size_t len)
{
	struct buf again = BUF_INIT(2 * LIMIT_COMMIT_BYTES);
	struct err err = ERR_INIT;
	struct bundle b;

	if (!bundle_message_parse(text, len, &b, &err)) {
		bundle_message_write(&b, &again);
		same(&again, text, len);
	}
	buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	check_commit(text, size);
	check_message(text, size);
	return 0;
}
