/*
 * Approvals: a raw tag, and the text that a head names. What a tag says must
 * be what its writer writes, but for the subject.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/approval.h"
#include "t/fuzz/fuzz.h"

/* The trailers stand at the end of what is signed. */
static void check_tag(const char *raw, size_t len)
{
	struct buf b = BUF_INIT(LIMIT_APPROVAL_BYTES);
	struct err err = ERR_INIT;
	struct approval a;
	size_t payload;

	if (!approval_parse(raw, len, &a, &payload, &err)) {
		approval_message_write(&a, "", &b);
		if (payload >= len || payload < b.len ||
		    memcmp(raw + payload - b.len, b.data, b.len))
			abort();
	} else if (err.class != ERR_DENIED) {
		abort();
	}
	buf_release(&b);
}

static void check_text(const char *text, size_t len)
{
	struct buf b = BUF_INIT(LIMIT_APPROVALS_BYTES);
	struct err err = ERR_INIT;
	struct approvals tags;

	if (!approvals_parse(text, len, &tags, &err)) {
		for (size_t i = 0; i < tags.n; i++)
			check_tag(tags.v[i].raw, tags.v[i].len);
		approvals_write(&tags, &b);
		if (b.len != len || memcmp(b.data, text, len))
			abort();
	} else if (err.class != ERR_DENIED) {
		abort();
	}
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_tag((const char *)data, size);
	check_text((const char *)data, size);
	return 0;
}
