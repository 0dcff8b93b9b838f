/*
 * What a plain YAML scalar means to go-yaml v2 (resolve.go), the library
 * that kubectl and the API server read YAML with, and what sigs.k8s.io/yaml
 * makes of it when it writes JSON.
 */
#ifndef SCHEMA_YAML_SCALAR_H
#define SCHEMA_YAML_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/node.h"

/* The tags that decide how a scalar is read. */
enum yaml_tag {
	YAML_TAG_NONE,		/* none: as the text looks */
	YAML_TAG_STR,		/* !!str, and the non-specific ! */
	YAML_TAG_BOOL,
	YAML_TAG_INT,
	YAML_TAG_FLOAT,
	YAML_TAG_NULL,
	YAML_TAG_TIMESTAMP,
	YAML_TAG_MERGE,
	YAML_TAG_BINARY,
	YAML_TAG_MAP,
	YAML_TAG_SEQ,
	YAML_TAG_OTHER,
};

/* NULL is YAML_TAG_NONE. */
enum yaml_tag yaml_tag_of(const char *tag);

struct yaml_scalar {
	enum node_type type;	/* NULL, BOOL, INT, FLOAT or STR */
	bool boolean;
	int64_t integer;
	double real;		/* may be infinite or no number */
	bool is_uint64;		/* FLOAT: an integer above int64 */
};

/*
 * Reads text (which has a NUL behind it) by a scalar's tag, up to
 * YAML_TAG_TIMESTAMP. 0, or -1 when it is not what the tag says.
 */
int yaml_scalar_read(const char *text, size_t len, enum yaml_tag tag,
		     struct yaml_scalar *ret) __attribute__((warn_unused_result));

/*
 * A finite float as the JSON that Kubernetes makes of it holds it: text in
 * between turns 1.0 into the integer 1. True and *ret when it is one.
 */
bool yaml_float_is_int(double v, int64_t *ret);

/* Room for the text of any number as a key. */
#define YAML_KEY_SIZE 32

/*
 * The JSON key that a map key becomes which is no string: an INT, or a
 * FLOAT, which is printed at 32-bit precision. -1 if it cannot be a key.
 */
int yaml_scalar_key(const struct yaml_scalar *s, char ret_key[YAML_KEY_SIZE])
	__attribute__((warn_unused_result));

#endif
