/*
 * Are two values the same to the API server? What it fills in counts as
 * written, and what is as good as nothing as not: a quantity of 1024Mi is
 * one of 1Gi, protocol: TCP is no change to a port without one. Where it
 * cannot be told without the server, they are the same.
 */
#ifndef SCHEMA_VALUES_SAME_H
#define SCHEMA_VALUES_SAME_H

#include <stdbool.h>

#include "schema/node.h"

/* NULL is nothing; key is the field's name, "" for none. */
bool same_value(const char *key, const struct node *a, const struct node *b);

#endif
