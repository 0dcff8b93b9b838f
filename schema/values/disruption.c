/*
 * Kinds that say which Pods go first, last, or where: PodDisruptionBudget,
 * PriorityClass, RuntimeClass. As policy/validation, scheduling/validation
 * and node/validation have them.
 */
#include "config.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/kinds.h"
#include "schema/values/pod.h"
#include "schema/values/quantity.h"
#include "schema/values/resource.h"

#define PRIORITY_MAX 1000000000

/* ---- PodDisruptionBudget ---- */

static void judge_part_of_pods(struct judge *j, const struct place *p)
{
	judge_count_or_percent(j, p);
	if (at_percent(p) > 100)
		at_error(j, p, "value-range", "cannot be more than 100%%, as "
			 "%s is", at_text(p));
}

void judge_disruption_budget(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "maxUnavailable", judge_part_of_pods, ANY },
		{ "minAvailable", judge_part_of_pods, ANY },
		{ "selector", judge_selector, ANY },
	};
	static const char *const ways[] = {
		"minAvailable", "maxUnavailable", NULL
	};
	struct place spec, one, policy;

	if (!at(root, "spec", &spec))
		return;
	at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	at_one_of(j, &spec, ways, true, &one);
	/* "" is no default here */
	if (at(&spec, "unhealthyPodEvictionPolicy", &policy) &&
	    node_text(policy.node))
		JUDGE_WORDS(j, &policy, "IfHealthyBudget", "AlwaysAllow");
}

/* ---- PriorityClass ---- */

/* Those that Kubernetes itself has, and what they must be. */
static bool is_system_class(const struct judge *j, const struct place *root)
{
	int64_t value = at_key_int(root, "value", 0);

	if (at_key_true(root, "globalDefault"))
		return false;
	return (!strcmp(j->o->id.name, "system-node-critical") &&
		value == 2000001000) ||
	       (!strcmp(j->o->id.name, "system-cluster-critical") &&
		value == 2000000000);
}

void judge_priority_class(struct judge *j, const struct place *root)
{
	struct place value, metadata, name, policy;
	int64_t n;

	if (!strncmp(j->o->id.name, "system-", strlen("system-"))) {
		if (!is_system_class(j, root) &&
		    at(root, "metadata", &metadata) &&
		    at(&metadata, "name", &name))
			at_error(j, &name, "value-forbidden", "'%s' begins "
				 "with system-, which Kubernetes keeps for "
				 "itself", j->o->id.name);
	} else if (at(root, "value", &value) && at_int(&value, &n) &&
		   n > PRIORITY_MAX) {
		at_error(j, &value, "value-range", "can be %d at most, not "
			 "%lld: what is above is for Kubernetes itself",
			 PRIORITY_MAX, (long long)n);
	}
	/* "" is no default here */
	if (at(root, "preemptionPolicy", &policy) && node_text(policy.node))
		JUDGE_WORDS(j, &policy, "PreemptLowerPriority", "Never");
}

/* ---- RuntimeClass ---- */

static void judge_overhead(struct judge *j, const struct place *p)
{
	struct place fixed, amount;

	if (!at(p, "podFixed", &fixed))
		return;
	judge_resource_keys(j, &fixed, RESOURCE_CONTAINER);
	at_values(j, &fixed, judge_quantity_not_negative);
	for (uint32_t i = 0; at_is_map(&fixed) && i < fixed.node->n; i++)
		if (resource_is_whole(fixed.node->pairs[i].key) &&
		    at(&fixed, fixed.node->pairs[i].key, &amount))
			judge_quantity_whole(j, &amount);
}

static bool same_toleration(const struct node *a, const struct node *b)
{
	static const char *const keys[] = {
		"key", "operator", "value", "effect"
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *x = node_path_str(a, keys[i], NULL);
		const char *y = node_path_str(b, keys[i], NULL);

		if (strcmp(x ? x : "", y ? y : ""))
			return false;
	}
	return true;
}

/* Those of a Pod may be there twice. */
static void judge_own_tolerations(struct judge *j, const struct place *p)
{
	struct place item;

	judge_tolerations(j, p);
	for (uint32_t i = 1; at_is_list(p) && i < p->node->n && i < 1000; i++)
		for (uint32_t k = 0; k < i; k++)
			if (at_item(p, i, &item) &&
			    same_toleration(item.node, p->node->items[k])) {
				at_error(j, &item, "value-duplicate", "is the "
					 "same as the item in line %u",
					 p->node->items[k]->mark.line);
				break;
			}
}

static void judge_scheduling(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "nodeSelector", judge_labels, ANY },
		{ "tolerations", judge_own_tolerations, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_runtime_class(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "handler", judge_dns_label, FILLED },
		{ "overhead", judge_overhead, ANY },
		{ "scheduling", judge_scheduling, ANY },
	};

	at_fields(j, root, fields, ARRAY_SIZE(fields));
}
