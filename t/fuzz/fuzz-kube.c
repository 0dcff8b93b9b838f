/*
 * What an API server, or somebody in its place, may send: a watch, a list
 * and a Status. The first byte says how the rest is cut into pieces; pieces
 * must make no difference.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "engine/json-split.h"
#include "engine/kube-internal.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "t/fuzz/fuzz.h"

#define VALUE_BYTES 4096

static int collect(void *arg, const char *json, size_t len, struct err *err)
{
	struct arena a = ARENA_INIT;
	struct node *n;

	buf_add(arg, json, len);
	buf_addc(arg, '\n');
	(void)json_read(json, len, &a, &n, err);
	arena_release(&a);
	return 0;
}

static int split(enum json_split_mode mode, const char *text, size_t len,
		 size_t piece, struct buf *out)
{
	struct json_split s;
	struct err err = ERR_INIT;
	int rc = 0;

	json_split_init(&s, mode, VALUE_BYTES, collect, out);
	for (size_t i = 0; i < len && rc == 0; i += piece) {
		size_t n = len - i < piece ? len - i : piece;
		/* of exact size: reading beyond it is found */
		char *copy = xmemdup(text + i, n);

		rc = json_split_feed(&s, copy, n, &err);
		free(copy);
	}
	if (rc == 0)
		rc = json_split_end(&s, &err);
	buf_add(out, s.rest.data, s.rest.len);
	if (rc < 0 && err.class == ERR_NONE)
		abort();
	json_split_release(&s);
	return rc;
}

static void check_split(enum json_split_mode mode, const char *text,
			size_t len, size_t piece)
{
	struct buf whole = BUF_INIT(1 << 24), pieces = BUF_INIT(1 << 24);

	if (split(mode, text, len, len + 1, &whole) !=
	    split(mode, text, len, piece, &pieces) ||
	    whole.len != pieces.len ||
	    memcmp(whole.data, pieces.data, whole.len))
		abort();
	buf_release(&whole);
	buf_release(&pieces);
}

static void check_status(const char *text, size_t len)
{
	static const long codes[] = { 302, 400, 401, 403, 404, 409, 410, 422,
				      429, 500, 503 };
	struct arena a = ARENA_INIT;
	/* callers have it with a NUL behind */
	char *copy = xstrndup(text, len);

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		struct kube_status s;
		struct err err = ERR_INIT;

		kube_judge(codes[i], copy, len, i % 2, false, &a, &s, &err);
		if (err.class == ERR_NONE || !*err.msg || !s.message ||
		    !s.details_kind || !s.continue_token)
			abort();
	}
	free(copy);
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;

	if (!size)
		return 0;
	check_split(SPLIT_FRAMES, text, size - 1, data[0] + 1u);
	check_split(SPLIT_ITEMS, text, size - 1, data[0] + 1u);
	check_status(text, size - 1);
	return 0;
}
