/*
 * Writing files of Git's pack format (gitformat-pack): a pack, entry by
 * entry, and the index that stands beside it in a repository. libgit2's
 * builder knows no thin packs, and for a handful of objects it does five
 * times the work: it compresses, reads back and hashes all of it again.
 */
#ifndef HOOKS_PACKFILE_H
#define HOOKS_PACKFILE_H

#include <git2.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/buf.h"
#include "schema/base/digest.h"
#include "schema/base/err.h"

/* One object on its way into a pack. */
struct pack_object {
	git_object_t type;
	const void *data;	/* the object, or a delta if there is a base */
	size_t len;
	const git_oid *base;	/* that the delta is against; NULL: whole */
	bool stored;		/* do not spend time on compressing it */
};

/* Where an object came to be, for the index. */
struct pack_place {
	git_oid id;
	uint64_t offset;
	uint32_t crc;
};

struct packfile;

/* Writes to a descriptor, which stays the caller's; at its beginning. */
int packfile_start(int fd, const char *name, struct packfile **ret,
		   struct err *err);
/* *ret gets all but the id. */
int packfile_add(struct packfile *p, const struct pack_object *o,
		 struct pack_place *ret, struct err *err);
/* Writes what is missing: the count, the checksum. Not synced. */
int packfile_end(struct packfile *p, uint8_t ret_checksum[SHA1_SIZE],
		 struct err *err);
void packfile_free(struct packfile *p);

/* The text of an index, version 2; places are sorted in place. */
void packfile_index(struct pack_place *v, size_t n,
		    const uint8_t checksum[SHA1_SIZE], struct buf *out);

#endif
