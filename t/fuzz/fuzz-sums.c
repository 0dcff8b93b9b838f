/*
 * SHA256SUMS: what is read is written back to the same bytes, and each of its
 * names can be set to what it is, taken out and put in again without a trace.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/limits.h"
#include "schema/sums.h"
#include "t/fuzz/fuzz.h"

#define TAKEN_OUT 8

static void same(const struct sums *s, const uint8_t *data, size_t size)
{
	struct buf b = BUF_INIT(LIMIT_SUMS_BYTES);

	sums_write(s, &b);
	if (b.len != size || memcmp(b.data, data, size))
		abort();
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sums s = SUMS_INIT;
	struct err err = ERR_INIT;

	if (sums_parse((const char *)data, size, &s, &err)) {
		if (err.class != ERR_INVALID || s.n)
			abort();
		return 0;
	}
	same(&s, data, size);
	for (size_t i = 0; i < s.n && i < TAKEN_OUT; i++) {
		struct sums_entry e = s.v[i];

		if (!bundle_name_ok(e.name))
			abort();
		sums_set(&s, e.name, e.dir, &e.digest);
		same(&s, data, size);
		if (!sums_del(&s, e.name) || sums_del(&s, e.name))
			abort();
		sums_set(&s, e.name, e.dir, &e.digest);
		same(&s, data, size);
	}
	sums_release(&s);
	return 0;
}
