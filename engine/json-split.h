/*
 * Cuts a stream of JSON into its values as it arrives, in one pass over the
 * bytes: frames of a watch, or the items of a list. What it cuts out is not
 * checked: json_read does that, value by value.
 */
#ifndef ENGINE_JSON_SPLIT_H
#define ENGINE_JSON_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"

enum json_split_mode {
	SPLIT_FRAMES,	/* objects, one behind the other */
	SPLIT_ITEMS,	/* one object; the objects in its list "items" */
};

struct json_split {
	enum json_split_mode mode;
	struct buf value;	/* what was seen of the current one */
	struct buf rest;	/* SPLIT_ITEMS: the object without its items */
	unsigned depth;
	bool in_string, escaped;
	bool in_value;		/* inside one that will be cut out */
	bool in_items;
	bool done;		/* SPLIT_ITEMS: the object has ended */
	bool key_is_items;	/* of the member at hand, at depth 1 */
	char name[8];		/* the last string at depth 1, if short */
	size_t name_len;
	/* Each value; -1 ends the feeding with that error. */
	int (*on_value)(void *arg, const char *json, size_t len,
			struct err *err);
	void *arg;
};

/* max: bytes of one value. */
void json_split_init(struct json_split *s, enum json_split_mode mode,
		     size_t max,
		     int (*on_value)(void *arg, const char *json, size_t len,
				     struct err *err), void *arg);
void json_split_release(struct json_split *s);

/* ERR_INVALID for what cannot be such a stream, and for a value beyond the
 * maximum; else what on_value said. Of no use after an error. */
int json_split_feed(struct json_split *s, const char *data, size_t len,
		    struct err *err);
/* -1 if the stream ended inside a value. s->rest is whole then. */
int json_split_end(const struct json_split *s, struct err *err);

#endif
