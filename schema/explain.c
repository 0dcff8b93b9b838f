/*
 * The table of rules. See explain.h. A family of rules is one file of
 * schema/explain/. t/t0300-source.sh checks that it has every rule that our
 * sources name and no other, and t/t2400-explain.sh that the examples are
 * examples.
 */
#include "config.h"
#include "schema/explain.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/near.h"

#define ERROR SEVERITY_ERROR
#define WARNING SEVERITY_WARNING
/* RULE: its examples are manifests; RULE_OUTSIDE: they are not. */
#define RULE(id, how, option, what, reason, todo, before, after) \
	{ .rule = id, .severity = how, .options = option, .summary = what, \
	  .why = reason, .repair = todo, .bad = before, .good = after },
#define RULE_OUTSIDE(id, how, what, reason, todo, before, after) \
	RULE(id, how, NULL, what, reason, todo, before, after)
const struct explanation explanations[] = {
#include "schema/explain/source.inc"
#include "schema/explain/yaml.inc"
#include "schema/explain/object.inc"
#include "schema/explain/wish.inc"
#include "schema/explain/kind.inc"
#include "schema/explain/field.inc"
#include "schema/explain/value.inc"
#include "schema/explain/custom.inc"
#include "schema/explain/reference.inc"
#include "schema/explain/policy.inc"
#include "schema/explain/channel.inc"
};
#undef RULE
#undef RULE_OUTSIDE

const size_t n_explanations = ARRAY_SIZE(explanations);

const struct explanation *explain_find(const char *rule)
{
	for (size_t i = 0; i < n_explanations; i++)
		if (!strcmp(explanations[i].rule, rule))
			return &explanations[i];
	return NULL;
}

const struct explanation *explain_near(const char *rule)
{
	size_t least = near_limit(strlen(rule)) + 1;
	const struct explanation *best = NULL;

	for (size_t i = 0; i < n_explanations; i++) {
		size_t d = near_distance(rule, explanations[i].rule, least);

		if (d < least) {
			least = d;
			best = &explanations[i];
		}
	}
	return best;
}
