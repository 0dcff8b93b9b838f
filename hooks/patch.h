/*
 * A new text made of pieces of an old one: the text itself, and the delta
 * that leads to it in the form of Git's packs. Whoever makes a text so knows
 * what differs, and nobody has to search for it later.
 */
#ifndef HOOKS_PATCH_H
#define HOOKS_PATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/buf.h"

struct patch {
	const char *old;	/* borrowed */
	size_t old_len;
	struct buf text;	/* the new text */
	struct buf delta;	/* instructions, without their header */
	size_t copy_at, copy_len;	/* a copy that may still grow */
	size_t insert_at;	/* the length byte of an insertion that may */
	size_t insert_len;	/* 0: none */
};

/* The new text may have at most max bytes; old may be NULL for nothing. */
void patch_init(struct patch *p, const char *old, size_t old_len, size_t max);
/* Appends a piece of the old text. */
void patch_copy(struct patch *p, size_t at, size_t len);
/* Appends something new. */
void patch_insert(struct patch *p, const void *data, size_t len);
/* Something new whose bytes are known only later. */
struct patch_hole {
	size_t in_text, in_delta, len;
};

/* len is at most 127. */
void patch_hole(struct patch *p, size_t len, struct patch_hole *ret);
void patch_fill(struct patch *p, const struct patch_hole *hole,
		const void *data);
/* True if the new text is the old one. */
bool patch_same(const struct patch *p);
/* Appends the whole delta, to be used after the last piece. */
void patch_delta(struct patch *p, struct buf *out);
void patch_release(struct patch *p);

/* The delta between two texts that are alike but for one place. */
void patch_between(const char *old, size_t old_len, const char *text,
		   size_t len, struct buf *out);

#endif
