/*
 * Tables of rules with their verdicts (t/fixtures/cel): a schema, an object,
 * and expressions by what the API server says of them for it. Read by the
 * unit test, which asks our evaluator, by t/tool/cel-rules, which makes
 * definitions and objects of them for a real API server, and by the fuzzer.
 */
#ifndef T_UNIT_CEL_TABLE_H
#define T_UNIT_CEL_TABLE_H

#include <stdbool.h>

#include "schema/cel/cel.h"
#include "schema/yaml.h"

struct cel_group {
	const char *name;
	bool root;			/* the rules stand at the root */
	struct node *schema;		/* as it is written */
	struct node *read;		/* with what every object has, too */
	struct node *self, *old;	/* with defaults; old may be NULL */
	struct node *plain, *plain_old;	/* as they are written */
	const struct node *rules[4];	/* by enum cel_verdict; or NULL */
};

struct cel_table {
	struct arena arena;
	struct cel_group *v;
	size_t n;
};

/* The words of the tables, by enum cel_verdict. */
extern const char *const cel_verdict_words[4];
/* A schema is a tree of OpenAPI as a definition has it. */
extern const struct cel_types cel_table_types;

/* Ends the program if there is no such table. */
void cel_table_read(const char *path, struct cel_table *ret);
void cel_table_release(struct cel_table *t);
/* What can be known of the object as a whole: for group->read. */
void cel_table_prepare(struct arena *a, struct node *schema);

#endif
