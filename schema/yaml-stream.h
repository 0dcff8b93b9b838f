/*
 * Between the two halves of the YAML reader: yaml.c cuts a stream into
 * documents, yaml-document.c makes a tree of one. For these two only.
 */
#ifndef SCHEMA_YAML_STREAM_H
#define SCHEMA_YAML_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/yaml.h"

struct yaml_slot;

struct yaml_stream {
	const char *path;
	struct problems *ps;
	struct arena *arena;

	/* what the bytes of the stream are like, to spare work */
	bool ascii;		/* nothing above U+007F */
	bool odd_breaks;	/* U+0085, U+2028 or U+2029 somewhere */
	bool lone_cr;		/* a CR that no LF follows */
	bool escaped_slash;	/* the two bytes \/ somewhere */

	/* kept from document to document: pairs and items that are not yet
	   in a node */
	struct yaml_slot *slots;
	size_t n_slots, alloc;
	/* what aliases have copied so far */
	size_t alias_bytes;
};

/* One document: bytes between two separators. */
struct yaml_chunk {
	const char *data;
	size_t len;
	uint32_t line;		/* of its first byte, 1-based */
};

/*
 * Reads the document. The root, or NULL: it is empty, or errors were added.
 */
struct node *yaml_document(struct yaml_stream *s, const struct yaml_chunk *c);

/*
 * Bytes of the line break at s (U+0085, U+2028, U+2029 too: they are breaks
 * to YAML), or 0 if there is none.
 */
size_t yaml_break(const char *s, size_t len);

/*
 * Lines as editors count them: LF, CRLF and a lone CR end one, Unicode's
 * own breaks do not. The mark of data + offset, counted from `from`, which
 * is that of data.
 */
struct mark yaml_mark(const char *data, size_t len, size_t offset,
		      struct mark from);

#endif
