/*
 * Reading what the API server says of objects. Anybody who may write one
 * field of one object may put values there that json_read refuses: an API
 * server takes 10,000 levels, and keys with a NUL where a schema allows any.
 * A watch of all objects of a kind must not end there, nor a list: what is
 * refused is folded, into a text that stands for it.
 */
#ifndef ENGINE_KUBE_JSON_H
#define ENGINE_KUBE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/node.h"

/*
 * As json_read, of an object with so many levels around it (1: the frame of a
 * watch). What lies deeper in the object than LIMIT_DEPTH levels is a text,
 * the same one wherever the same value stands; so is the whole of a key with
 * a NUL.
 */
int kube_json_read(const char *json, size_t len, size_t around,
		   struct arena *a, struct node **ret, struct err *err);

/* Is anything of this fieldsV1 folded? Then it cannot be sent back. */
bool kube_json_folded(const struct node *fields);

#endif
