/*
 * Rules of a definition. See crd-rule.h. Texts come from a push; one that is
 * no rule is refused with its definition, and judges no object.
 */
#include "config.h"
#include "schema/crd/crd-rule.h"

#include <string.h>

#include "schema/limits.h"

/* A text without the white space around it; NULL if there is none, or if it
 * holds a NUL byte. */
static const char *text_of(struct arena *a, const struct node *n)
{
	const char *s = node_text(n), *end;

	if (!s || strlen(s) != n->n)
		return NULL;
	s += strspn(s, " \t\r\n");
	end = s + strlen(s);
	while (end > s && strchr(" \t\r\n", end[-1]))
		end--;
	return end == s ? NULL : arena_strndup(a, s, (size_t)(end - s));
}

static void read_rule(struct arena *a, const struct node *n,
		      struct crd_rule *ret)
{
	const struct node *optional = node_get(n, "optionalOldSelf");

	ret->text = text_of(a, node_get(n, "rule"));
	if (!ret->text)
		ret->text = "";
	ret->message = text_of(a, node_get(n, "message"));
	ret->message_text = text_of(a, node_get(n, "messageExpression"));
	ret->field_path = text_of(a, node_get(n, "fieldPath"));
	ret->optional_old_self = optional && optional->type == NODE_BOOL &&
				 optional->boolean;
}

struct crd_rule *crd_rules_read(struct arena *a, const struct node *list,
				uint32_t *ret_n, struct crd_rule **all)
{
	struct crd_rule *rules;

	*ret_n = 0;
	if (!list || list->type != NODE_SEQ || !list->n)
		return NULL;
	rules = arena_array(a, list->n, sizeof(*rules));
	for (uint32_t i = 0; i < list->n; i++) {
		read_rule(a, list->items[i], &rules[i]);
		rules[i].next = *all;
		*all = &rules[i];
	}
	*ret_n = list->n;
	return rules;
}

void crd_rules_free(struct crd_rule *all)
{
	for (; all; all = all->next) {
		cel_release(all->program);
		cel_release(all->message_program);
	}
}

static struct cel_program *compile(const char *text)
{
	struct err err = ERR_INIT;

	return text && *text ? cel_compile(text, strlen(text), &err) : NULL;
}

void crd_rule_compile(struct crd_rule *rule)
{
	if (rule->tried)
		return;
	rule->tried = true;
	rule->program = compile(rule->text);
	rule->message_program = compile(rule->message_text);
}

void crd_rule_unknown(struct problems *ps, const char *kind,
		      struct crd_rule *rule)
{
	if (!rule->counted)
		problem_unjudged(ps, kind, rule->text);
	rule->counted = true;
}
