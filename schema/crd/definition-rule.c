/*
 * The rules of a definition (x-kubernetes-validations): texts that are no
 * expressions, and what an API server's type checker says of names: variables
 * that no rule has, fields that a schema does not have. Its types of calls
 * and operators, and what a rule is estimated to cost, are not checked.
 * Everything here comes from a push.
 */
#include "config.h"
#include "schema/crd/definition-private.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/cel/cel.h"

#define RULE "crd-schema"
#define NAME_BYTES 1024

static bool is_blank(const char *s)
{
	return s[strspn(s, " \t\n\v\f\r")] == '\0';
}

static bool has_breaks(const char *s)
{
	s += strspn(s, " \t\n\v\f\r");
	s += strcspn(s, "\r\n");
	return !is_blank(s);
}

/* ---- schemas, as expressions see them ---- */

/* What an API server adds to the root of a version. */
static const char root_fields[] = "apiVersion kind metadata";
static const char meta_fields[] = "name generateName";
static const struct node scalar = { .type = NODE_NULL };
static const struct node meta = { .type = NODE_NULL };
/* The line of a copy of the root: no text has as many. */
#define ROOT_LINE UINT32_MAX

static bool is_word(const char *words, const char *name, size_t len)
{
	const char *at = strstr(words, name);

	return at && (at == words || at[-1] == ' ') &&
	       (at[len] == ' ' || !at[len]);
}

static bool is_root(const struct node *n)
{
	return n->type == NODE_MAP && n->mark.line == ROOT_LINE;
}

static void type_of(const void *schema, struct cel_type *ret)
{
	const struct node *n = schema, *of = node_get(n, "properties");
	const char *type = n->type == NODE_MAP ?
			   node_text(node_get(n, "type")) : NULL;
	const struct node *items = node_get(n, "items");
	const struct node *extra = node_get(n, "additionalProperties");

	*ret = (struct cel_type){ .form = CEL_FORM_NATIVE };
	if (n == &meta)
		ret->form = CEL_FORM_OBJECT;
	if (!type || definition_flag(n, "x-kubernetes-int-or-string") ||
	    definition_flag(n, "x-kubernetes-embedded-resource"))
		return;
	if (!strcmp(type, "array") && items && items->type == NODE_MAP) {
		ret->form = CEL_FORM_LIST;
		ret->item = items;
	} else if (!strcmp(type, "object") && extra &&
		   extra->type == NODE_MAP) {
		ret->form = CEL_FORM_MAP;
		ret->item = extra;
	} else if (!strcmp(type, "object") && !extra && of &&
		   of->type == NODE_MAP && of->n) {
		ret->form = CEL_FORM_OBJECT;
	}
}

static const void *field_of(const void *schema, const char *name, size_t len)
{
	const struct node *n = schema, *of = node_get(n, "properties");
	struct buf escaped = BUF_INIT(NAME_BYTES);
	const struct node *found = NULL;

	if (n == &meta)
		return is_word(meta_fields, name, len) ? &scalar : NULL;
	if (is_root(n) && is_word(root_fields, name, len))
		return strcmp(name, "metadata") ? &scalar : &meta;
	for (uint32_t i = 0; !found && i < of->n; i++) {
		buf_reset(&escaped);
		if (cel_escape(of->pairs[i].key, of->pairs[i].key_len,
			       &escaped) && !strcmp(escaped.data, name))
			found = of->pairs[i].value;
	}
	buf_release(&escaped);
	return found;
}

static const struct cel_types types = { .type = type_of, .field = field_of };

/* ---- expressions ---- */

static void check_names(struct defining *d, const struct place *p,
			const char *key, const struct cel_program *program,
			const struct node *schema)
{
	static const char *const variables[] = { "self", "oldSelf", NULL };
	const char *name = cel_unknown_name(program, variables);

	if (name) {
		place_about(d, p, key, RULE, "has the name '%.200s', which is "
			    "none that a rule has: its value is self", name);
		return;
	}
	name = cel_unknown_field(program, &types, schema,
				 definition_flag(p->node, "optionalOldSelf"));
	if (name)
		place_about(d, p, key, RULE, "asks for a field '%.200s', "
			    "which the schema does not have there", name);
}

/* NULL if there is no expression, or none that is one. */
static struct cel_program *check_expression(struct defining *d,
					    const struct place *p,
					    const char *key, const char *want,
					    const struct node *schema)
{
	const struct node *text = node_get(p->node, key);
	struct cel_program *program;
	struct err err = ERR_INIT;
	const char *type;

	program = cel_compile(text->str, text->n, &err);
	if (!program) {
		place_about(d, p, key, RULE, "is no expression of CEL: %s",
			    err.msg);
		return NULL;
	}
	type = cel_constant_type(program);
	if (type && strcmp(type, want))
		place_about(d, p, key, RULE, "must give a %s, not a %s", want,
			    type);
	check_names(d, p, key, program, schema);
	return program;
}

static void check_rule_text(struct defining *d, const struct place *p,
			    const struct node *schema)
{
	struct cel_program *program = check_expression(d, p, "rule", "bool",
						       schema);

	if (program && !cel_uses_old_self(program) &&
	    node_get(p->node, "optionalOldSelf") &&
	    node_get(p->node, "optionalOldSelf")->type == NODE_BOOL)
		place_about(d, p, "optionalOldSelf", RULE, "cannot be set for "
			    "a rule that does not use oldSelf");
	cel_release(program);
}

/* ---- what is said, and where ---- */

/* Where a message has to be one line, and is there if it has to. */
static void check_message(struct defining *d, const struct place *p,
			  const char *rule)
{
	const char *message = node_text(node_get(p->node, "message"));
	const char *by = node_text(node_get(p->node, "messageExpression"));

	if (message && *message && is_blank(message))
		place_about(d, p, "message", RULE, "must not be blank");
	else if (message && has_breaks(message))
		place_about(d, p, "message", RULE, "must be one line");
	else if (has_breaks(rule) && (!message || !*message))
		place_about(d, p, "message", RULE, "is needed, as the rule is "
			    "more than one line");
	if (by && *by && is_blank(by))
		place_about(d, p, "messageExpression", RULE,
			    "must not be blank");
}

/* The next step of ".a['b']": 1 with its name, 0 at the end, -1 no path. */
static int next_step(const char **path, char name[NAME_BYTES])
{
	const char *s = *path, *end;
	size_t n;

	if (!*s)
		return 0;
	if (*s == '.') {
		s++;
		end = s + strcspn(s, ".[]");
		*path = end;
	} else if (s[0] == '[' && s[1] == '\'') {
		s += 2;
		end = strstr(s, "']");
		if (!end)
			return -1;
		*path = end + 2;
	} else {
		return -1;
	}
	n = (size_t)(end - s);
	if (!n || n >= NAME_BYTES)
		return -1;
	memcpy(name, s, n);
	name[n] = '\0';
	return 1;
}

static bool leads_somewhere(const struct node *schema, const char *path)
{
	char name[NAME_BYTES];
	int rc;

	while ((rc = next_step(&path, name)) == 1) {
		const struct node *of = node_get(schema, "properties");
		const struct node *extra = node_get(schema,
						    "additionalProperties");

		if (of && of->type == NODE_MAP && of->n)
			schema = node_get(of, name);
		else
			schema = extra;
		if (!schema)
			return false;
		if (schema->type != NODE_MAP)
			return true;	/* another fault, or anything goes */
	}
	return rc == 0;
}

static void check_field_path(struct defining *d, const struct place *p,
			     const struct node *schema)
{
	const char *path = node_text(node_get(p->node, "fieldPath"));

	/* a quote or a backslash in a name is read by rules of its own */
	if (!path || !*path || strchr(path, '\\'))
		return;
	if (is_blank(path) || strpbrk(path, "\r\n"))
		place_about(d, p, "fieldPath", RULE, "must be one line");
	else if (!leads_somewhere(schema, path))
		place_about(d, p, "fieldPath", RULE, "must lead to a field of "
			    "this schema, as .spec.name or .spec['a.b']");
}

/* ---- one rule ---- */

static void check_rule(struct defining *d, const struct place *p,
		       const struct node *schema)
{
	static const char *const reasons[] = {
		"FieldValueRequired", "FieldValueForbidden",
		"FieldValueInvalid", "FieldValueDuplicate",
	};
	const struct node *rule = node_get(p->node, "rule");
	const struct node *by = node_get(p->node, "messageExpression");
	const char *reason = node_text(node_get(p->node, "reason"));
	bool known = !reason;
	struct place child;

	for (size_t i = 0; i < ARRAY_SIZE(reasons) && !known; i++)
		known = !strcmp(reason, reasons[i]);
	if (!known && place_child(p, "reason", &child))
		place_no_word(&d->judge, &child, RULE, reasons,
			      ARRAY_SIZE(reasons));
	check_field_path(d, p, schema);
	if (!rule || rule->type != NODE_STR)
		return;
	if (is_blank(rule->str)) {
		place_about(d, p, "rule", RULE, "must not be empty");
		return;
	}
	check_message(d, p, rule->str);
	check_rule_text(d, p, schema);
	if (by && by->type == NODE_STR && !is_blank(by->str))
		cel_release(check_expression(d, p, "messageExpression",
					     "string", schema));
}

void definition_rules(struct defining *d, const struct place *p)
{
	struct node schema = *p->node;
	struct place list, item;

	if (!place_child(p, "x-kubernetes-validations", &list))
		return;
	if (p->key && !strcmp(p->key, "openAPIV3Schema"))
		schema.mark.line = ROOT_LINE;
	for (uint32_t i = 0; place_item(&list, i, &item); i++)
		if (item.node->type == NODE_MAP)
			check_rule(d, &item, &schema);
}
