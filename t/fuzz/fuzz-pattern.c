/*
 * Regular expressions: the first byte says how long one is, a text follows.
 * One that is taken is matched; checking and compiling agree.
 */
#include "config.h"

#include <stdlib.h>

#include "schema/crd/pattern.h"
#include "t/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data + 1;
	struct err err = ERR_INIT;
	struct pattern *p;
	uint64_t steps = 0;
	size_t len;

	if (!size || data[0] > size - 1)
		return 0;
	len = data[0];
	if (pattern_compile(s, len, &p, &err) < 0) {
		if (pattern_check(s, len, &err) == 0)
			abort();
		return 0;
	}
	if (pattern_check(s, len, &err) < 0 ||
	    pattern_match(p, s + len, size - 1 - len, &steps) >
		    PATTERN_UNKNOWN || !steps)
		abort();
	pattern_free(p);
	return 0;
}
