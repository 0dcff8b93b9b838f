/*
 * A tree of nodes from JSON that a unit test has in its text.
 */
#ifndef T_UNIT_TREE_H
#define T_UNIT_TREE_H

#include <stdlib.h>
#include <string.h>

#include "schema/json.h"
#include "t/unit/tap.h"

/* Of all trees of the test. */
static struct arena arena;

static struct node *tree(const char *json)
{
	struct err err = ERR_INIT;
	struct node *n = NULL;

	if (json_read(json, strlen(json), &arena, &n, &err) < 0) {
		printf("Bail out! %s: %s\n", json, err.msg);
		exit(1);
	}
	return n;
}

#endif
