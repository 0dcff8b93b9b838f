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
 * The items of a list by what path elements call them, k:, v: or i:; of one
 * that nobody changes meanwhile, and that may have thousands of items. In the
 * arena. NULL, or what is no list, has none.
 */
struct managed_list;
struct managed_list *managed_list(const struct node *items,
				  struct arena *arena);
/*
 * Where the item stands; -1: there is none. With `lenient`, a key that the item
 * lacks counts as equal (the server fills defaulted keys such as a port's
 * protocol).
 */
int64_t managed_list_find(struct managed_list *l, const char *element,
			  size_t len, bool lenient);
/* For each item, the first element of `fields` that names it: owners[i], left
 * alone if it is set already. */
void managed_list_owners(struct managed_list *l, const struct node *fields,
			 bool lenient, const struct node_pair **owners);

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
