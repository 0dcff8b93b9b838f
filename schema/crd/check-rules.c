/*
 * x-kubernetes-validations: see crd-walk.h. Rules, messages and objects come
 * from a push. What cannot be evaluated exactly is counted, each rule once.
 */
#include "config.h"
#include "schema/crd/crd-walk.h"

#include <string.h>

#include "schema/crd/cel-types.h"
#include "schema/crd/crd-rule.h"
#include "schema/limits.h"

/* what a rule says of itself, and why it failed */
#define SAID_MAX 1024
/* fields of a fieldPath; people name one or two */
#define PATH_STEPS 16

static struct cel_vars vars_of(struct crd_walk *w, const struct spot *p,
			       const struct crd_rule *rule,
			       struct crd_schema *copy)
{
	struct cel_vars v = {
		.types = &crd_cel_types, .schema = p->schema,
		.self = p->place.node, .old_self = p->old,
		.optional_old_self = rule->optional_old_self,
		.steps = &w->rule_steps,
	};

	if (!p->up)
		v.schema = crd_cel_root(p->schema, copy);
	if (v.old_self && v.old_self->type == NODE_NULL)
		v.old_self = NULL;
	return v;
}

/* ---- where it is said ---- */

/* The next step of ".a.b['c']": its name, past it; false at the end. */
static bool step(const char **path, char *name, size_t size)
{
	const char *s = *path, *end;
	size_t n;

	if (*s == '.') {
		s++;
		end = s + strcspn(s, ".[");
		*path = end;
	} else if (s[0] == '[' && s[1] == '\'') {
		s += 2;
		end = strstr(s, "']");
		if (!end)
			return false;
		*path = end + 2;
	} else {
		return false;
	}
	n = (size_t)(end - s);
	if (!n || n >= size || memchr(s, '\\', n))
		return false;
	memcpy(name, s, n);
	name[n] = '\0';
	return true;
}

/* Goes down a fieldPath as far as there is something; the spots are the
 * caller's. */
static const struct spot *go(const struct spot *p, const char *path,
			     struct spot *spots)
{
	char name[256];

	for (int i = 0; i < PATH_STEPS && step(&path, name, sizeof(name));
	     i++) {
		const struct node *n = p->place.node;
		struct node_pair *pair = n->type == NODE_MAP ?
					 node_pair(n, name) : NULL;
		const struct crd_schema *s = pair ?
			crd_value(p->schema, pair->key, pair->key_len) : NULL;

		if (!s)
			return p;
		spots[i] = crd_spot_pair(p, pair, s);
		p = &spots[i];
	}
	return p;
}

/* Is it, or is what is around it and can be told, as it was? Then the API
 * server only warns; but not of rules that look at what was there. */
static bool was_so(const struct spot *p, const struct crd_rule *rule)
{
	if (cel_uses_old_self(rule->program))
		return false;
	while (p && !p->old)
		p = p->up;
	return p && p->same;
}

/* ---- what is said ---- */

static void add_message(const struct crd_rule *rule,
			const struct cel_vars *vars, struct buf *out)
{
	struct buf text = BUF_INIT(LIMIT_CEL_MESSAGE);

	if (rule->message_program &&
	    cel_eval_text(rule->message_program, vars, &text))
		buf_add(out, text.data, text.len < SAID_MAX / 2 ? text.len :
					SAID_MAX / 2);
	else if (rule->message)
		buf_addf(out, "%.*s", SAID_MAX / 2, rule->message);
	else
		buf_addf(out, "failed rule: %.*s", SAID_MAX / 2, rule->text);
	buf_release(&text);
}

static void say(struct crd_walk *w, const struct spot *p,
		const struct crd_rule *rule, const struct cel_vars *vars,
		const char *why)
{
	struct buf said = BUF_INIT(SAID_MAX);
	struct spot spots[PATH_STEPS], at;

	at = *(rule->field_path ? go(p, rule->field_path, spots) : p);
	at.same = was_so(p, rule);
	add_message(rule, vars, &said);
	if (*why)
		crd_fault(w, &at, "crd-rule", "makes a rule of its definition "
			  "fail (%.200s): %s", why, said.data);
	else
		crd_fault(w, &at, "crd-rule", "breaks a rule of its "
			  "definition: %s", said.data);
	buf_release(&said);
}

/* ---- rules ---- */

static void check(struct crd_walk *w, const struct spot *p,
		  struct crd_rule *rule)
{
	struct crd_schema copy;
	struct cel_vars vars = vars_of(w, p, rule, &copy);
	struct buf why = BUF_INIT(SAID_MAX);
	uint64_t before = w->rule_steps;

	if (cel_uses_old_self(rule->program) && !vars.old_self &&
	    !rule->optional_old_self)
		return;		/* for changes only */
	if (w->rule_steps >= LIMIT_CEL_OBJECT_STEPS ||
	    !problems_steps(w->judge.ps, 0)) {
		crd_rule_unknown(w->judge.ps, w->judge.o->id.kind, rule);
		return;
	}
	switch (cel_eval(rule->program, &vars, &why)) {
	case CEL_TRUE:
		break;
	case CEL_FALSE:
		say(w, p, rule, &vars, "");
		break;
	case CEL_ERROR:
		say(w, p, rule, &vars, why.data);
		break;
	case CEL_UNKNOWN:
		crd_rule_unknown(w->judge.ps, w->judge.o->id.kind, rule);
	}
	problems_steps(w->judge.ps, w->rule_steps - before);
	buf_release(&why);
}

/* Those of allOf: an API server judges them only if there are others. */
static void skip_rules(struct crd_walk *w, const struct crd_schema *s)
{
	for (uint32_t i = 0; i < s->all_of.n; i++)
		for (uint32_t j = 0; j < s->all_of.v[i]->n_rules; j++)
			crd_rule_unknown(w->judge.ps, w->judge.o->id.kind,
					 &s->all_of.v[i]->rules[j]);
}

void crd_check_rules(struct crd_walk *w, const struct spot *p)
{
	if (p->place.node->type == NODE_NULL)
		return;
	skip_rules(w, p->schema);
	for (uint32_t i = 0; i < p->schema->n_rules; i++) {
		struct crd_rule *rule = &p->schema->rules[i];

		crd_rule_compile(rule);
		if (rule->program)
			check(w, p, rule);
		else if (*rule->text)
			crd_rule_unknown(w->judge.ps, w->judge.o->id.kind, rule);
	}
}
