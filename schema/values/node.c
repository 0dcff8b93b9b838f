/*
 * Selectors of nodes. As core/validation has them.
 */
#include "config.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/storage.h"

static bool is_any(const char *s, const char *a, const char *b)
{
	return !strcmp(s, a) || !strcmp(s, b);
}

static void check_requirement(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "key", judge_label_key, FILLED },
		{ "operator", NULL, FILLED },
	};
	const char *operator = at_key_text(p, "operator", "");
	struct place values;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	at(p, "values", &values);
	if (is_any(operator, "In", "NotIn") && !at_count(&values))
		at_missing(j, p, "values", ": the operator is In or NotIn");
	else if (is_any(operator, "Exists", "DoesNotExist") &&
		 at_count(&values))
		at_key_error(j, &values, "value-forbidden", "cannot be set "
			     "where the operator is %s", operator);
	else if (is_any(operator, "Gt", "Lt") && at_count(&values) != 1)
		at_error(j, values.node ? &values : p, "value-required",
			 "must have one value: the operator is %s", operator);
}

static void judge_requirement(struct judge *j, const struct place *p)
{
	struct place values;

	check_requirement(j, p);
	if (at(p, "values", &values))
		at_texts(j, &values, judge_label_value);
}

/* What is only preferred may have values that no label can have. */
static void judge_preference(struct judge *j, const struct place *p)
{
	check_requirement(j, p);
}

/* Fields of a node: only its name is one. */
static void judge_field_requirement(struct judge *j, const struct place *p)
{
	const char *operator = at_key_text(p, "operator", "");
	struct place key, at_operator, values;

	if (at(p, "key", &key) && node_text(key.node))
		JUDGE_WORDS(j, &key, "metadata.name");
	at(p, "values", &values);
	if (at(p, "operator", &at_operator) && *operator &&
	    !is_any(operator, "In", "NotIn"))
		JUDGE_WORDS(j, &at_operator, "In", "NotIn");
	else if (*operator && at_count(&values) != 1)
		at_error(j, values.node ? &values : p, "value-required",
			 "must have one value");
	at_texts(j, &values, judge_dns_subdomain);
}

static void judge_requirements(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_requirement);
}

static void judge_preferences(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_preference);
}

static void judge_field_requirements(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_field_requirement);
}

void judge_preferred_node_term(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "matchExpressions", judge_preferences, ANY },
		{ "matchFields", judge_field_requirements, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_term(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "matchExpressions", judge_requirements, ANY },
		{ "matchFields", judge_field_requirements, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_terms(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_term);
}

void judge_node_selector(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "nodeSelectorTerms", judge_terms, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}
