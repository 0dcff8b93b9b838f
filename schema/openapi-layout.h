/*
 * The bytes of a schema table: what openapi-build.c writes and openapi.c
 * reads. One file holds all built-in kinds of one Kubernetes minor.
 *
 * All numbers are little-endian; there are no pointers, only indexes into
 * five arrays that the header places. The same input makes the same bytes.
 *
 *	header	LAYOUT_HEADER bytes, see enum layout_header
 *	kinds	LAYOUT_KIND bytes each: group, version, kind (texts), type;
 *		sorted by group, kind, version
 *	types	LAYOUT_TYPE bytes each: see enum layout_type
 *	fields	LAYOUT_FIELD bytes each: name, type, flags, default; those of
 *		one type are together and sorted by the bytes of their names
 *	words	4 bytes each: texts: the values of an enum, the keys of a list
 *	texts	NUL-terminated UTF-8, each once; an offset says where one
 *		begins, offset 0 is ""
 *
 * A change of meaning is a new version: readers take their own only.
 */
#ifndef SCHEMA_OPENAPI_LAYOUT_H
#define SCHEMA_OPENAPI_LAYOUT_H

#include <stdint.h>

#define LAYOUT_MAGIC "\211WLTYPE\n"
#define LAYOUT_MAGIC_BYTES 8
#define LAYOUT_VERSION 1

enum layout_header {
	HEADER_VERSION = 8,
	HEADER_BYTES = 12,		/* of the whole file */
	HEADER_KUBERNETES = 16,		/* a text: "v1.36.3" */
	HEADER_KINDS = 20,		/* how many; then where */
	HEADER_TYPES = 28,
	HEADER_FIELDS = 36,
	HEADER_WORDS = 44,
	HEADER_TEXTS = 52,		/* bytes; then where */
	LAYOUT_HEADER = 64,		/* the last four bytes are 0 */
};

enum layout_kind {
	KIND_GROUP = 0, KIND_VERSION = 4, KIND_KIND = 8, KIND_TYPE = 12,
	LAYOUT_KIND = 16,
};

enum layout_type {
	TYPE_FORM = 0,			/* a byte: enum openapi_form */
	TYPE_FORMAT = 1,		/* a byte: enum openapi_format */
	TYPE_LIST = 2,			/* a byte: enum openapi_list */
	TYPE_OPEN = 3,			/* a byte: 1 if unknown fields are
					   as good as known ones */
	TYPE_NAME = 4,			/* a text; "" where it has none */
	TYPE_ITEM = 8,			/* a type: of items and map values */
	TYPE_FIRST_FIELD = 12,
	TYPE_FIELDS = 16,		/* how many */
	TYPE_FIRST_WORD = 20,
	TYPE_WORDS = 24,		/* how many */
	LAYOUT_TYPE = 28,
};

enum layout_field {
	FIELD_NAME = 0, FIELD_TYPE = 4,
	FIELD_FLAGS = 8,		/* FIELD_REQUIRED, no other */
	FIELD_DEFAULT = 12,		/* a text: compact JSON; "" if none */
	LAYOUT_FIELD = 16,
};

#define FIELD_REQUIRED 1u
#define LAYOUT_WORD 4

static inline uint32_t layout_get(const unsigned char *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 |
	       (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline void layout_put(unsigned char *at, uint32_t v)
{
	at[0] = (unsigned char)v;
	at[1] = (unsigned char)(v >> 8);
	at[2] = (unsigned char)(v >> 16);
	at[3] = (unsigned char)(v >> 24);
}

#endif
