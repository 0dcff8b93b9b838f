/*
 * How the judges of values get about in an object: maps of known fields,
 * lists, and what is wrong at a place. A field that is null is as good as not
 * there. What is
 * of another type than its field wants has been said by the schema check, so
 * that whatever looks at a value here passes over it.
 *
 * A judge is a function of a place whose node is never NULL nor null:
 *
 *	static const struct field fields[] = {
 *		{ "containerPort", judge_port, ANY },
 *		{ "name", judge_port_name, OR_EMPTY },
 *	};
 *
 *	static void judge_port(struct judge *j, const struct place *p)
 *	{
 *		at_fields(j, p, fields, ARRAY_SIZE(fields));
 *	}
 */
#ifndef SCHEMA_VALUES_AT_H
#define SCHEMA_VALUES_AT_H

#include <stddef.h>
#include <stdint.h>

#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/place.h"

typedef void judge_fn(struct judge *j, const struct place *p);

/* What "", [] or {} is in a field. */
enum empty {
	ANY,		/* for the judge to say */
	OR_EMPTY,	/* the same as no field */
	FILLED,		/* an error */
	MUST,		/* an error, and so is no field */
};

struct field {
	const char *name;
	judge_fn *judge;	/* NULL: takes everything */
	enum empty empty;
};

/* ---- down ---- */

/* The field of a map: true if it is there and not null. ret is set in any
 * case; its node is NULL where there is none. */
bool at(const struct place *map, const char *key, struct place *ret);
/* The same of an item of a list, index < n. */
bool at_item(const struct place *list, uint32_t index, struct place *ret);
/* How many items or pairs; 0 of what is neither. */
uint32_t at_count(const struct place *p);
/* A list, a map; else nothing is to be found in them. */
bool at_is_list(const struct place *p);
bool at_is_map(const struct place *p);

/* Each known field by its judge. The table is sorted by name. */
void at_fields(struct judge *j, const struct place *map,
	       const struct field *fields, size_t n);
/* Each item of a list. One that is null is to its judge what the API server
 * makes of it: an empty map, or an empty text. */
void at_items(struct judge *j, const struct place *list, judge_fn *judge);
void at_texts(struct judge *j, const struct place *list, judge_fn *judge);
/* Each value of a map, but null. */
void at_values(struct judge *j, const struct place *map, judge_fn *judge);

/* Items of a list by the text in one of their fields. */
struct lookup {
	struct place list;
	const char *outer, *key;	/* "metadata", "name" */
	struct map map;			/* of long lists */
};

/* key NULL: the items are the texts. */
void lookup_init(struct lookup *l, const struct place *list, const char *key);
/* The same by a field within a field of each item. */
void lookup_init_within(struct lookup *l, const struct place *list,
			const char *outer, const char *key);
void lookup_release(struct lookup *l);
/* The first item with that text, or NULL. */
const struct node *lookup_find(const struct lookup *l, const char *text);
/* The text of an item that may be meant by one that there is none of, for its
 * mark, too; or NULL. */
const struct node *lookup_near(struct judge *j, const struct lookup *l,
			       const char *text);

/* ---- values ---- */

/* A string without NUL bytes, or NULL. */
const char *at_text(const struct place *p);
/* The string of a field, or fallback where there is none or "". */
const char *at_key_text(const struct place *map, const char *key,
			const char *fallback);
bool at_int(const struct place *p, int64_t *ret);
int64_t at_key_int(const struct place *map, const char *key,
		   int64_t fallback);
/* True only of a field that says true. */
bool at_key_true(const struct place *map, const char *key);
bool at_has(const struct place *map, const char *key);
/* There, and neither "" nor [] nor {}. */
bool at_filled(const struct place *map, const char *key);

/* ---- errors ---- */

/* At the value; the message goes on behind its path. */
#define at_error(j, p, rule, ...) \
	place_error((j), (p), (p)->node->mark, (rule), __VA_ARGS__)
/* At the key of a field that should not be there. */
#define at_key_error(j, p, rule, ...) \
	place_error((j), (p), at_key_mark(p), (rule), __VA_ARGS__)
struct mark at_key_mark(const struct place *p);
/* "value-required" at a map: "has no 'name', <why>"; why may be "". */
void at_missing(struct judge *j, const struct place *map, const char *key,
		const char *why);
/* "value-forbidden" at the key of each of these fields that is there:
 * "<path> cannot be set <why>". The list ends with NULL. */
void at_forbid(struct judge *j, const struct place *map,
	       const char *const *keys, const char *why);
/* The same of those that are neither "" nor [] nor {}. */
void at_forbid_filled(struct judge *j, const struct place *map,
		      const char *const *keys, const char *why);
/* For lists whose items the schema does not tell apart by that field:
 * "value-duplicate" at each item whose text in `key` (NULL: its own) an
 * earlier one has; "" is none. */
void at_unique(struct judge *j, const struct place *list, const char *key);
/*
 * Exactly one of these fields, or at most one where `none` is fine:
 * "value-required" at the map, "value-conflict" at the key of a second one.
 * The place of the first is *ret_one (node NULL if none).
 */
void at_one_of(struct judge *j, const struct place *map,
	       const char *const *keys, bool none, struct place *ret_one);

#endif
