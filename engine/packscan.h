/*
 * Looks through a Git pack while it arrives, before libgit2's indexer is
 * given one byte of it (DESIGN.md 4.2). A pack that passes costs the indexer
 * and every later reader a known amount of work and memory:
 *
 *   - version 2, the stated number of objects, then the 20-byte trailer, and
 *     nothing behind it
 *   - commits, trees, blobs, and deltas of these; no tags
 *   - each stream inflates to exactly the size that its header states; sizes,
 *     their sum, and the number of objects are within schema/limits.h
 *   - an offset delta has its base at an earlier object of this pack; a
 *     delta by id has its base in the cache. So a pack must be made with
 *     `git pack-objects --delta-base-offset`. Chains are bounded in length
 *     and in the bytes that reading their last object makes
 *   - a delta's two sizes are those of its base and its result, and its
 *     instructions copy only from inside the base and add up to the result
 *
 * The trailer's SHA-1 is left to the indexer, which compares it: it proves
 * nothing that the SHA-256 of the signed head has not proven before.
 * Format: git's Documentation/gitformat-pack.
 */
#ifndef ENGINE_PACKSCAN_H
#define ENGINE_PACKSCAN_H

#include <stddef.h>
#include <stdint.h>

#include "schema/base/err.h"

struct packscan;

/* Types as a pack numbers them. */
enum pack_type {
	PACK_COMMIT = 1,
	PACK_TREE = 2,
	PACK_BLOB = 3,
	PACK_OFS_DELTA = 6,
	PACK_REF_DELTA = 7,
};

/*
 * The size and type of an object that the cache holds. 0, or -1 when it
 * does not hold it.
 */
typedef int packscan_base_fn(void *arg, const uint8_t id[20],
			     uint64_t *ret_size, enum pack_type *ret_type);

struct packscan_stats {
	uint64_t objects;
	uint64_t deltas;	/* of them */
	uint64_t thin;		/* deltas whose base is in the cache */
	uint64_t inflated;	/* all objects, deltas applied */
	uint64_t work;		/* bytes that reading each object once makes,
				   every step of its chain counted */
	unsigned depth;		/* of the longest chain */
};

/* base may be NULL: a pack that must be complete in itself. */
struct packscan *packscan_new(packscan_base_fn *base, void *arg);
/* The next bytes. -1 with ERR_DENIED "object 17 at byte 4711: ...". */
int packscan_feed(struct packscan *ps, const void *data, size_t len,
		  struct err *err);
/* After the last byte: the pack is whole. */
int packscan_end(const struct packscan *ps, struct err *err);
const struct packscan_stats *packscan_stats(const struct packscan *ps);
void packscan_free(struct packscan *ps);

#endif
