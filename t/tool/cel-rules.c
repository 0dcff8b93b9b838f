/*
 * Makes what a real API server needs to judge the tables of rules, as a
 * stream of JSON documents:
 *
 *   cel-rules definitions TABLE...   a CustomResourceDefinition for each
 *                                    schema, with all its rules
 *   cel-rules objects TABLE...       the objects
 *   cel-rules before TABLE...        those that some of them were before
 *   cel-rules list TABLE...          a line a rule: its number, verdict, text
 *
 * A rule's message is its number, r0001, by which answers name it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/json.h"
#include "schema/limits.h"
#include "t/unit/cel-table.h"

#define GROUP "cel.rules.test"
/* An API server estimates what all rules of a definition may cost, and has a
 * limit: so each takes only some. */
#define RULES_MAX 12

/* Which of a group's rules a definition takes, and the numbers of both. */
struct part {
	const struct cel_group *group;
	unsigned number, first_rule;
	const struct node *rules[RULES_MAX];
	unsigned n;
};

static unsigned parts, rules;

static void print(const struct node *n)
{
	struct buf b = BUF_INIT(LIMIT_FILE_BYTES);

	json_write_canonical(n, &b);
	printf("---\n%s", b.data);
	buf_release(&b);
}

static struct node *text(struct arena *a, const char *s)
{
	return node_str(a, s);
}

static struct node *rule_node(struct arena *a, const struct part *p,
			      unsigned i)
{
	struct node *n = node_map(a);

	node_set(a, n, "rule", node_copy(a, p->rules[i]));
	node_set(a, n, "message",
		 text(a, arena_printf(a, "r%04u", p->first_rule + i)));
	return n;
}

/* The schema of the whole object, with the rules where they belong. */
static struct node *schema(struct arena *a, const struct part *p)
{
	struct node *s = node_copy(a, p->group->schema), *all = node_seq(a);
	struct node *root = node_map(a), *fields = node_map(a);

	for (unsigned i = 0; i < p->n; i++)
		node_append(a, all, rule_node(a, p, i));
	node_set(a, s, "x-kubernetes-validations", all);
	if (p->group->root)
		return s;
	node_set(a, root, "type", text(a, "object"));
	node_set(a, root, "properties", fields);
	node_set(a, fields, "spec", s);
	return root;
}

static struct node *names(struct arena *a, const struct part *p)
{
	struct node *n = node_map(a);

	node_set(a, n, "plural",
		 text(a, arena_printf(a, "celrules%u", p->number)));
	node_set(a, n, "singular",
		 text(a, arena_printf(a, "celrule%u", p->number)));
	node_set(a, n, "kind",
		 text(a, arena_printf(a, "CelRules%u", p->number)));
	return n;
}

static struct node *metadata(struct arena *a, const char *name)
{
	struct node *n = node_map(a);

	node_set(a, n, "name", text(a, name));
	return n;
}

static struct node *version(struct arena *a, const struct part *p)
{
	struct node *v = node_map(a), *s = node_map(a);

	node_set(a, v, "name", text(a, "v1"));
	node_set(a, v, "served", node_bool(a, true));
	node_set(a, v, "storage", node_bool(a, true));
	node_set(a, v, "schema", s);
	node_set(a, s, "openAPIV3Schema", schema(a, p));
	return v;
}

static void definition(struct arena *a, const struct part *p)
{
	struct node *crd = node_map(a), *spec = node_map(a);
	struct node *versions = node_seq(a);

	node_set(a, crd, "apiVersion", text(a, "apiextensions.k8s.io/v1"));
	node_set(a, crd, "kind", text(a, "CustomResourceDefinition"));
	node_set(a, crd, "metadata",
		 metadata(a, arena_printf(a, "celrules%u." GROUP, p->number)));
	node_set(a, crd, "spec", spec);
	node_set(a, spec, "group", text(a, GROUP));
	node_set(a, spec, "scope", text(a, "Cluster"));
	node_set(a, spec, "names", names(a, p));
	node_set(a, spec, "versions", versions);
	node_append(a, versions, version(a, p));
	print(crd);
}

static void object(struct arena *a, const struct part *p,
		   const struct node *plain)
{
	struct node *o = node_map(a);

	if (!plain)
		return;
	if (p->group->root)
		o = node_copy(a, plain);
	else
		node_set(a, o, "spec", node_copy(a, plain));
	node_set(a, o, "apiVersion", text(a, GROUP "/v1"));
	node_set(a, o, "kind",
		 text(a, arena_printf(a, "CelRules%u", p->number)));
	node_set(a, o, "metadata", metadata(a, "rules"));
	print(o);
}

/* ---- commands ---- */

static int run(struct arena *a, const char *what, const struct part *p)
{
	if (!strcmp(what, "definitions"))
		definition(a, p);
	else if (!strcmp(what, "objects"))
		object(a, p, p->group->plain);
	else if (!strcmp(what, "before"))
		object(a, p, p->group->plain_old);
	else
		return -1;
	return 0;
}

static void list(const struct node *rule, enum cel_verdict verdict)
{
	struct buf b = BUF_INIT(LIMIT_CEL_TEXT);

	json_write_compact(rule, &b);
	printf("r%04u %s %s\n", rules, cel_verdict_words[verdict], b.data);
	buf_release(&b);
}

/* The rules of one group, part by part. */
static int run_group(struct arena *a, const char *what,
		     const struct cel_group *g)
{
	struct part p = { .group = g };

	for (size_t i = 0; i < 4; i++)
		for (uint32_t j = 0; g->rules[i] && j < g->rules[i]->n; j++) {
			rules++;
			if (!strcmp(what, "list")) {
				list(g->rules[i]->items[j],
				     (enum cel_verdict)i);
				continue;
			}
			if (!p.n) {
				p.number = ++parts;
				p.first_rule = rules;
			}
			p.rules[p.n++] = g->rules[i]->items[j];
			if (p.n == RULES_MAX && run(a, what, &p) < 0)
				return -1;
			p.n %= RULES_MAX;
		}
	return p.n ? run(a, what, &p) : 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	int rc = argc > 2 ? 0 : -1;

	for (int i = 2; i < argc && !rc; i++) {
		struct cel_table t;

		cel_table_read(argv[i], &t);
		for (size_t j = 0; j < t.n && !rc; j++)
			rc = run_group(&t.arena, what, &t.v[j]);
		cel_table_release(&t);
	}
	return rc ? 2 : 0;
}
