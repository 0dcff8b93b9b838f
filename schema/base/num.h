/*
 * Numbers from text, strictly: decimal digits only, no sign, no leading
 * zero, no white space, the whole string.
 */
#ifndef SCHEMA_BASE_NUM_H
#define SCHEMA_BASE_NUM_H

#include <stddef.h>
#include <stdint.h>

/* 0 and *ret set, or -1 when s is not such a number in [min, max]. */
int parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
	__attribute__((warn_unused_result));
int parse_u64n(const char *s, size_t len, uint64_t min, uint64_t max,
	       uint64_t *ret) __attribute__((warn_unused_result));

/*
 * A duration as people and Kubernetes write it: "90s", "15m", "24h", "7d",
 * or several in falling order ("1h30m"). 0 and *ret in seconds, or -1.
 */
int parse_duration(const char *s, int64_t *ret)
	__attribute__((warn_unused_result));

/* "" for one, "s" for all others: of "%zu object%s". */
const char *plural(uint64_t n);

#endif
