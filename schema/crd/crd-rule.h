/*
 * One rule of a definition (x-kubernetes-validations), compiled when the
 * first object needs it.
 */
#ifndef SCHEMA_CRD_CRD_RULE_H
#define SCHEMA_CRD_CRD_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/arena.h"
#include "schema/cel/cel.h"
#include "schema/node.h"
#include "schema/problem.h"

struct crd_rule {
	const char *text;		/* the expression; "" is no rule */
	const char *message;		/* or NULL */
	const char *message_text;	/* messageExpression, or NULL */
	const char *field_path;		/* or NULL */
	bool optional_old_self;
	bool tried, counted;
	struct cel_program *program, *message_program;	/* or NULL */
	struct crd_rule *next;		/* of the same definition */
};

/* The rules of a schema, from the tree, in the arena; all are put before
 * *all, for crd_rules_free(). NULL if there are none. */
struct crd_rule *crd_rules_read(struct arena *a, const struct node *list,
				uint32_t *ret_n, struct crd_rule **all);
void crd_rules_free(struct crd_rule *all);

/* Sets the programs; leaves them NULL if they are none. */
void crd_rule_compile(struct crd_rule *rule);
/* Says in ps that it is not judged, once. */
void crd_rule_unknown(struct problems *ps, const char *kind,
		      struct crd_rule *rule);

#endif
