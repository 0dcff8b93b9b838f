/*
 * metadata.managedFields: who owns which field, as the API server records it
 * (KEP-555; structured-merge-diff's fieldsV1). A path element is one key of
 * the fieldsV1 tree: "f:name" a field, "k:{...}" a list item by its keys,
 * "v:..." a set item by its value, "i:0" by its index, "." the parent itself.
 */
#ifndef ENGINE_MANAGED_H
#define ENGINE_MANAGED_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/arena.h"
#include "schema/node.h"

/*
 * The entry of {manager, Apply, no subresource}, or NULL. There is at most
 * one: that triple is an entry's identity.
 */
const struct node *managed_entry(const struct node *object,
				 const char *manager);
/* The fieldsV1 of an entry; NULL if there is none. */
const struct node *managed_fields(const struct node *entry);

/* True for an entry that kubectl or a reset left behind: operation Update on
 * the main resource by kubectl-* or before-first-apply. */
bool managed_is_leftover(const struct node *entry);

/*
 * The item of list `items` that a path element names: k:, v: or i:. NULL if
 * there is none. With `lenient`, a key that the item lacks counts as equal
 * (the server fills defaulted keys such as a port's protocol).
 */
struct node *managed_item(const struct node *items, const char *element,
			  size_t len, bool lenient, struct arena *scratch);

/*
 * 64-bit hashes, keyed at random when the process starts: for comparing
 * within one process, never for storing. 0 is never returned.
 */
uint64_t node_hash(const struct node *n);	/* maps in any order */
/* Of what an entry says: apiVersion, time and canonical fieldsV1. */
uint64_t managed_entry_hash(const struct node *entry);
/* Of the values, and the order of list items, that stand in `object` at the leaves of `fields`. */
uint64_t managed_values_hash(const struct node *object,
			     const struct node *fields, struct arena *scratch);

#endif
