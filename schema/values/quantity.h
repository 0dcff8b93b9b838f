/*
 * Amounts of a resource, to be compared: "500m", "1Gi", "1e3", 2. As
 * apimachinery's resource.Quantity holds them: in billionths, what is
 * smaller rounded up, what is beyond 2^63 cut down to that.
 */
#ifndef SCHEMA_VALUES_QUANTITY_H
#define SCHEMA_VALUES_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/node.h"
#include "schema/values/at.h"

__extension__ typedef __int128 quantity;	/* billionths */

#define QUANTITY_ONE ((quantity)1000000000)

/* False of what is no quantity, or too odd to say how much it is. */
bool quantity_of(const struct node *n, quantity *ret);
/* The same of what a container asks for or may use: the API server rounds
 * that up to thousandths before it looks. */
bool amount_of(const struct node *n, quantity *ret);
/* As somebody wrote it, for a message; buf is used for a number. */
const char *quantity_text(const struct node *n, char *buf, size_t size);

/* ---- judges: value-range ---- */

judge_fn judge_quantity_not_negative;
judge_fn judge_quantity_positive;
/* No fraction. */
judge_fn judge_quantity_whole;

#endif
