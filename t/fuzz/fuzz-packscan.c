/*
 * Packs: the verdict is the same whatever pieces the bytes come in, and what
 * passes is within all limits.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "engine/packscan.h"
#include "schema/limits.h"
#include "t/fuzz/fuzz.h"

/* Ids that begin with aa are in the cache, as blobs of 100 bytes. */
static int base_of(void *arg, const uint8_t id[20], uint64_t *ret_size,
		   enum pack_type *ret_type)
{
	if (id[0] != 0xaa)
		return -1;
	*ret_size = 100;
	*ret_type = PACK_BLOB;
	return 0;
}

static int scan(const uint8_t *data, size_t size, size_t step,
		struct packscan_stats *ret)
{
	struct packscan *ps = packscan_new(base_of, NULL);
	struct err err = ERR_INIT;
	int rc = 0;

	for (size_t at = 0; !rc && at < size; at += step)
		rc = packscan_feed(ps, data + at,
				   size - at < step ? size - at : step, &err);
	if (!rc)
		rc = packscan_end(ps, &err);
	if (rc && err.class != ERR_DENIED)
		abort();
	*ret = *packscan_stats(ps);
	packscan_free(ps);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packscan_stats whole, pieces;
	size_t step = size ? data[size - 1] % 7 + 1 : 1;
	int rc = scan(data, size, size ? size : 1, &whole);

	if (scan(data, size, step, &pieces) != rc)
		abort();
	if (rc)
		return 0;
	if (memcmp(&whole, &pieces, sizeof(whole)) ||
	    whole.objects > LIMIT_PACK_OBJECTS ||
	    whole.inflated > LIMIT_PACK_INFLATED ||
	    whole.depth > LIMIT_PACK_DEPTH || whole.deltas > whole.objects ||
	    whole.thin > whole.deltas)
		abort();
	return 0;
}
