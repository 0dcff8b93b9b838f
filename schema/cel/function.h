/*
 * Functions: tables of name, style, types of the arguments and what runs.
 * One file a library, each with a table; cel_functions() looks through all.
 */
#ifndef SCHEMA_CEL_FUNCTION_H
#define SCHEMA_CEL_FUNCTION_H

#include "schema/cel/ast.h"

struct cel_function {
	const char *name;
	bool member;		/* called as args[0].name(args[1]...) */
	/*
	 * A letter an argument: s string, i int, u uint, d double, b bool,
	 * y bytes, t timestamp, D duration, l list, L list in any order,
	 * m map, T type, o optional, q quantity, I IP, C CIDR, U URL,
	 * F format, * anything
	 */
	const char *types;
	/* NULL: known, but not evaluated here */
	struct cel_value (*run)(struct cel_run *r,
				const struct cel_value *args, size_t n);
};

/* Each ends with an entry without a name. */
extern const struct cel_function cel_convert_functions[];
extern const struct cel_function cel_string_functions[];
extern const struct cel_function cel_list_functions[];
extern const struct cel_function cel_time_functions[];
extern const struct cel_function cel_quantity_functions[];
extern const struct cel_function cel_net_functions[];
extern const struct cel_function cel_url_functions[];
extern const struct cel_function cel_format_functions[];
extern const struct cel_function cel_optional_functions[];

/* ---- what libraries share ---- */

/* The name by which the function that runs was called. */
static inline const char *cel_call_name(const struct cel_run *r)
{
	return r->call->name;
}

/* Go's time.ParseDuration, in nanoseconds; false if it is none. */
bool cel_parse_duration(const char *s, size_t len, int64_t *ret);
/* Go's time.Parse of RFC 3339. */
bool cel_parse_time(const char *s, size_t len, struct cel_time *ret);
/* "2026-11-23" */
bool cel_parse_date(const char *s, size_t len, struct cel_time *ret);
/* As RFC 3339 with as many digits of a second as it needs. */
void cel_time_text(const struct cel_time *t, struct buf *out);
/* A duration in seconds with an s, as string() gives it. */
void cel_duration_text(int64_t nanos, struct buf *out);
/* A double as Go's %g, or as %f with precision -1. */
void cel_double_text(double v, bool plain, struct buf *out);
/* The same in the arena of the evaluation. */
struct cel_value cel_text_of(struct cel_run *r, const struct buf *b);

bool cel_quantity_same(const struct cel_quantity *a,
		       const struct cel_quantity *b, bool *ret);
bool cel_net_same(const struct cel_net *a, const struct cel_net *b);

#endif
