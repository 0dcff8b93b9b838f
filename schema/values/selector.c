/*
 * Labels, and selectors of them. See common.h; as apimachinery's
 * meta/v1/validation judges them and its labels package matches them.
 */
#include "config.h"
#include "schema/values/common.h"

#include <stdio.h>
#include <string.h>

#include "schema/limits.h"

static void judge_key(struct judge *j, const struct place *map,
		      const struct node_pair *pair, bool fold)
{
	char lower[LIMIT_PATH_BYTES];
	const char *key = pair->key;
	size_t n = pair->key_len < sizeof(lower) ? pair->key_len :
						   sizeof(lower) - 1;

	for (size_t i = 0; i < n; i++)
		lower[i] = fold && key[i] >= 'A' && key[i] <= 'Z' ?
			(char)(key[i] | 0x20) : key[i];
	lower[n] = '\0';
	if (strlen(lower) == pair->key_len && is_qualified_name(lower))
		return;
	place_error(j, map, pair->mark, "value-format", "has the key '%s', "
		    "which is malformed: it is a name of at most 63 letters, "
		    "digits, -, _ and ., with a DNS name and a / before it if "
		    "you like", key);
}

void judge_labels(struct judge *j, const struct place *p)
{
	if (!at_is_map(p))
		return;
	for (uint32_t i = 0; i < p->node->n; i++)
		judge_key(j, p, &p->node->pairs[i], false);
	at_values(j, p, judge_label_value);
}

static void judge_annotations(struct judge *j, const struct place *p)
{
	size_t total = 0;

	for (uint32_t i = 0; at_is_map(p) && i < p->node->n; i++) {
		const struct node_pair *pair = &p->node->pairs[i];

		judge_key(j, p, pair, true);
		total += pair->key_len;
		if (pair->value->type == NODE_STR)
			total += pair->value->n;
	}
	if (total > LIMIT_ANNOTATIONS_BYTES)
		at_error(j, p, "value-range", "has %zu bytes: all keys and "
			 "values may have %u at most", total,
			 LIMIT_ANNOTATIONS_BYTES);
}

void judge_template_metadata(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "annotations", judge_annotations, ANY },
		{ "labels", judge_labels, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_requirement(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "key", judge_label_key, FILLED },
		{ "operator", NULL, FILLED },
	};
	const char *operator = at_key_text(p, "operator", NULL);
	struct place at_operator, values;
	bool some = !operator || !strcmp(operator, "In") ||
		    !strcmp(operator, "NotIn");
	bool none = operator && (!strcmp(operator, "Exists") ||
				 !strcmp(operator, "DoesNotExist"));

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	at(p, "values", &values);
	if (at(p, "operator", &at_operator) && operator && !some && !none)
		JUDGE_WORDS(j, &at_operator, "In", "NotIn", "Exists",
			    "DoesNotExist");
	else if (operator && some && !at_count(&values))
		at_missing(j, p, "values", ": the operator is In or NotIn");
	else if (operator && none && at_count(&values))
		at_key_error(j, &values, "value-forbidden", "cannot be set "
			     "where the operator is %s", operator);
	at_texts(j, &values, judge_label_value);
}

void judge_selector(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "matchLabels", judge_labels, ANY },
	};
	struct place expressions;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at(p, "matchExpressions", &expressions))
		at_items(j, &expressions, judge_requirement);
}

bool selector_is_empty(const struct place *selector)
{
	return !at_is_map(selector) ||
	       (!at_filled(selector, "matchLabels") &&
		!at_filled(selector, "matchExpressions"));
}

/* null is "" to the API server */
static const char *label_text(const struct node *n)
{
	return n && n->type == NODE_NULL ? "" : node_text(n);
}

static bool is_among(const struct node *values, const char *value)
{
	for (uint32_t i = 0; values && values->type == NODE_SEQ &&
	     i < values->n; i++) {
		const char *s = label_text(values->items[i]);

		if (s && !strcmp(s, value))
			return true;
	}
	return false;
}

static bool requirement_matches(const struct node *r,
				const struct node *labels)
{
	const char *key = node_text(node_get(r, "key"));
	const char *operator = node_text(node_get(r, "operator"));
	const char *value;

	if (!key || !operator)
		return true;	/* wrong in itself, which is said */
	value = label_text(node_get(labels, key));
	if (!strcmp(operator, "In"))
		return value && is_among(node_get(r, "values"), value);
	if (!strcmp(operator, "NotIn"))
		return !value || !is_among(node_get(r, "values"), value);
	if (!strcmp(operator, "Exists"))
		return value;
	if (!strcmp(operator, "DoesNotExist"))
		return !value;
	return true;
}

bool selector_matches(const struct place *selector, const struct node *labels)
{
	const struct node *all = node_get(selector->node, "matchLabels");
	const struct node *rules = node_get(selector->node,
					    "matchExpressions");

	for (uint32_t i = 0; all && all->type == NODE_MAP && i < all->n; i++) {
		const struct node_pair *want = &all->pairs[i];
		const char *a = label_text(want->value);
		const char *b = label_text(node_getn(labels, want->key,
						     want->key_len));

		if (a && (!b || strcmp(a, b)))
			return false;
	}
	for (uint32_t i = 0; rules && rules->type == NODE_SEQ && i < rules->n;
	     i++)
		if (!requirement_matches(rules->items[i], labels))
			return false;
	return true;
}

/* ---- a selector of the pods that its own object makes ---- */

static void say_mismatch(struct judge *j, const struct place *p,
			 const char *what, const char *key,
			 const struct node *have)
{
	const char *text = label_text(have);

	if (text)
		at_error(j, p, "selector-mismatch", "%s, but label '%s' of "
			 "its own pods is '%s' (in line %u)", what, key, text,
			 have->mark.line);
	else
		at_error(j, p, "selector-mismatch", "%s, but its own pods "
			 "have no label '%s' in template.metadata.labels",
			 what, key);
}

void judge_matches_labels(struct judge *j, const struct place *match,
			  const struct node *labels)
{
	char what[128];

	for (uint32_t i = 0; at_is_map(match) && i < match->node->n; i++) {
		const struct node_pair *pair = &match->node->pairs[i];
		const struct node *have = node_getn(labels, pair->key,
						    pair->key_len);
		const char *want = label_text(pair->value);
		struct place p = { .up = match, .key = pair->key,
				   .node = pair->value };

		if (!want || (label_text(have) &&
			      !strcmp(label_text(have), want)))
			continue;
		snprintf(what, sizeof(what), "wants '%.80s'", want);
		say_mismatch(j, &p, what, pair->key, have);
	}
}

void judge_matches(struct judge *j, const struct place *selector,
		   const struct node *labels)
{
	struct place part, rule, key;

	if (at(selector, "matchLabels", &part))
		judge_matches_labels(j, &part, labels);
	at(selector, "matchExpressions", &part);
	for (uint32_t i = 0; at_is_list(&part) && i < part.node->n; i++) {
		const char *name;

		if (!at_item(&part, i, &rule) ||
		    requirement_matches(rule.node, labels) ||
		    !at(&rule, "key", &key))
			continue;
		name = at_text(&key) ? at_text(&key) : "";
		say_mismatch(j, &rule, "is not met", name,
			     node_get(labels, name));
	}
}
