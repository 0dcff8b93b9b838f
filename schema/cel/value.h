/*
 * What an expression evaluates to. Values are small and passed by value;
 * what they point to lives in the arena of one evaluation, in the tree that
 * is judged, or in the program.
 *
 * An error is a value: it travels up until a logical operator absorbs it.
 * So is VAL_UNKNOWN, which stands for any value or error that we cannot tell.
 */
#ifndef SCHEMA_CEL_VALUE_H
#define SCHEMA_CEL_VALUE_H

#include <stdint.h>

#include "schema/cel/cel.h"

enum cel_tag {
	VAL_ERROR,
	VAL_UNKNOWN,
	VAL_NULL,
	VAL_BOOL,
	VAL_INT,
	VAL_UINT,
	VAL_DOUBLE,
	VAL_STRING,
	VAL_BYTES,
	VAL_LIST,
	VAL_MAP,
	VAL_TIME,
	VAL_DURATION,
	VAL_TYPE,
	VAL_OPTIONAL,
	VAL_QUANTITY,
	VAL_IP,
	VAL_CIDR,
	VAL_URL,
	VAL_FORMAT,
	VAL_OPAQUE,
};

struct cel_value {
	uint8_t tag;
	bool loose;		/* the sum of no numbers: 0 of any type */
	uint32_t n;		/* STRING, BYTES: bytes */
	union {
		bool boolean;
		int64_t integer;	/* INT; DURATION: nanoseconds */
		uint64_t natural;
		double real;
		const char *str;	/* STRING, BYTES, TYPE's and FORMAT's
					   name; ERROR, UNKNOWN: why */
		const struct cel_list *list;
		const struct cel_map *map;
		const struct cel_time *time;
		const struct cel_value *some;	/* OPTIONAL; NULL: none */
		const struct cel_quantity *quantity;
		const struct cel_net *net;	/* IP, CIDR */
		const struct cel_url *url;
		const struct node *node;	/* OPAQUE */
	};
};

/* Either a list of the tree, read by its type, or values that were made. */
struct cel_list {
	const struct node *node;	/* NULL: made */
	const void *schema;		/* of the list in the tree */
	struct cel_type type;
	uint32_t n;
	const struct cel_value *items;	/* made */
	bool unordered;		/* made in the order in which Go walks a map:
				   nobody knows which */
};

struct cel_map {
	const struct node *node;	/* NULL: made */
	const void *schema;
	struct cel_type type;
	uint32_t n;
	const struct cel_value *keys, *values;	/* made */
};

struct cel_time {
	int64_t seconds;	/* since 1970 */
	int32_t nanos;
	int32_t offset;		/* of its zone, seconds east of UTC */
};

struct cel_expr;

/* One evaluation. */
struct cel_run {
	struct arena *arena;
	const struct cel_types *types;
	const struct cel_vars *vars;
	struct cel_scope *scope;	/* variables of comprehensions */
	const struct cel_expr *call;	/* of the function that runs */
	uint64_t steps;
};

/* ---- making ---- */

static inline struct cel_value cel_bool(bool v)
{
	return (struct cel_value){ .tag = VAL_BOOL, .boolean = v };
}

static inline struct cel_value cel_int(int64_t v)
{
	return (struct cel_value){ .tag = VAL_INT, .integer = v };
}

static inline struct cel_value cel_double(double v)
{
	return (struct cel_value){ .tag = VAL_DOUBLE, .real = v };
}

static inline struct cel_value cel_stringn(const char *s, size_t n)
{
	return (struct cel_value){ .tag = VAL_STRING, .str = s,
				   .n = (uint32_t)n };
}

/* Both take static strings, or such of the evaluation's arena. */
static inline struct cel_value cel_error(const char *why)
{
	return (struct cel_value){ .tag = VAL_ERROR, .str = why };
}

static inline struct cel_value cel_unknown(const char *why)
{
	return (struct cel_value){ .tag = VAL_UNKNOWN, .str = why };
}

struct cel_value cel_string(struct cel_run *r, const char *s);	/* copies */
struct cel_value cel_no_overload(void);
struct cel_value cel_type_value(const char *name);
struct cel_value cel_some(struct cel_run *r, struct cel_value v);
struct cel_value cel_none(void);
/* The items are not copied. */
struct cel_value cel_list_of(struct cel_run *r, const struct cel_value *items,
			     size_t n);
/* The same in an order that nobody knows. */
struct cel_value cel_unordered_of(struct cel_run *r,
				  const struct cel_value *items, size_t n);
/* What to answer where that order would count. */
struct cel_value cel_unknown_order(void);
/* A value of the tree, read by its schema; NULL: as what it is. */
struct cel_value cel_from_node(struct cel_run *r, const struct node *n,
			       const void *schema);

/* Room for n bytes, or NULL if an evaluation may not take that much: answer
 * with cel_too_much() then. Counts steps too. */
void *cel_room(struct cel_run *r, size_t n);
struct cel_value cel_too_much(void);
/* Counts n steps; false if there were too many. */
bool cel_work(struct cel_run *r, uint64_t n);

/* ---- looking ---- */

static inline bool cel_failed(struct cel_value v)
{
	return v.tag <= VAL_UNKNOWN;
}

static inline bool cel_is(struct cel_value v, bool b)
{
	return v.tag == VAL_BOOL && v.boolean == b;
}

/* The name that type() gives. */
const char *cel_type_name(struct cel_value v);
struct cel_value cel_list_get(struct cel_run *r, const struct cel_list *l,
			      uint32_t i);
/*
 * What is at a key; false if there is nothing. *ret may be an error then and
 * now: a key of a wrong type gives true and an error.
 */
bool cel_map_find(struct cel_run *r, const struct cel_map *m,
		  struct cel_value key, struct cel_value *ret);
/* The i-th key. */
struct cel_value cel_map_key(const struct cel_map *m, uint32_t i);

/* ---- comparing (compare.c) ---- */

/* ==, as a value: a bool, an error, or unknown. */
struct cel_value cel_equal(struct cel_run *r, struct cel_value a,
			   struct cel_value b);
/* The same without the care for null that the operator takes. */
struct cel_value cel_same(struct cel_run *r, struct cel_value a,
			  struct cel_value b);
/* -1, 0 or 1 as an INT, or an error. */
struct cel_value cel_compare(struct cel_value a, struct cel_value b);
/* Is it there? As the operator `in`. */
struct cel_value cel_in(struct cel_run *r, struct cel_value v,
			struct cel_value of);

#endif
