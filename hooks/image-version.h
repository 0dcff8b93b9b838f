/*
 * Versions by semver.org 2.0.0, and ranges of them as users of Flux write
 * them (those of Masterminds/semver): ^1.2, ~1.2.3, 1.x, >=1.2 <2, 1.2 - 1.4,
 * a || b.
 */
#ifndef HOOKS_IMAGE_VERSION_H
#define HOOKS_IMAGE_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/err.h"

struct version {
	uint64_t part[3];	/* major, minor, patch */
	const char *pre;	/* "rc.1", in the text that was read */
	size_t pre_len;		/* 0: a release */
};

/*
 * "1.2.3", "v1.2.3-rc.1+build": all three parts, and nothing around them; a v
 * before it is allowed, as in tags. 0, or -1 for anything else. Build
 * metadata says nothing about which one is newer, and is not kept.
 */
int version_parse(const char *s, size_t len, struct version *ret)
	__attribute__((warn_unused_result));
/* <0, 0, >0: their precedence. */
int version_compare(const struct version *a, const struct version *b);

struct version_range;

/* ERR_INVALID saying what a range is. */
int version_range_parse(const char *s, struct version_range **ret,
			struct err *err);
/*
 * A version before its release (1.2.0-rc.1) is only in a range that names
 * such a one itself (>=1.2.0-0).
 */
bool version_range_has(const struct version_range *r,
		       const struct version *v);
void version_range_free(struct version_range *r);

#endif
