/*
 * Where a pod may run: affinity, spread over a topology, tolerations.
 */
#include "config.h"

#include <string.h>

#include "schema/base/num.h"
#include "schema/values/common.h"
#include "schema/values/pod.h"
#include "schema/values/storage.h"

/* ---- labels that pods must have in common ---- */

/* How many requirements a selector has for a key. */
static unsigned count_rules(const struct place *selector, const char *key)
{
	const struct node *rules = node_get(selector->node,
					    "matchExpressions");
	unsigned n = node_path(selector->node, "matchLabels", key, NULL) ?
		1 : 0;

	for (uint32_t i = 0; rules && rules->type == NODE_SEQ && i < rules->n;
	     i++) {
		const char *s = node_path_str(rules->items[i], "key", NULL);

		n += s && !strcmp(s, key);
	}
	return n;
}

/*
 * Each key becomes a requirement as soon as there is a pod with that label:
 * a Pod's own are known. More than one for a key are refused.
 */
static void judge_same_keys(struct judge *j, const struct place *keys,
			    const struct place *selector)
{
	struct place key;

	for (uint32_t i = 0; i < keys->node->n; i++) {
		const char *s = at_item(keys, i, &key) ? at_text(&key) : NULL;
		bool own = s && !j->pod->is_template &&
			   node_path(j->o->root, "metadata", "labels", s,
				     NULL);

		if (s && count_rules(selector, s) + own > 1)
			at_error(j, &key, "value-conflict", "is '%s', which "
				 "labelSelector has, too: remove one of the "
				 "two", s);
	}
}

/* matchLabelKeys or mismatchLabelKeys of a term */
static void judge_label_keys(struct judge *j, const struct place *p)
{
	struct place selector;

	if (!at_count(p))
		return;
	if (!at(p->up, "labelSelector", &selector))
		at_key_error(j, p, "value-forbidden", "cannot be set without "
			     "labelSelector");
	at_texts(j, p, judge_label_key);
	if (selector.node && at_is_list(p) && !strcmp(p->key,
						      "matchLabelKeys"))
		judge_same_keys(j, p, &selector);
}

static void judge_both_keys(struct judge *j, const struct place *term)
{
	struct place match, mismatch, key;
	struct lookup by;

	if (!at(term, "matchLabelKeys", &match) || !at_is_list(&match) ||
	    !at(term, "mismatchLabelKeys", &mismatch))
		return;
	lookup_init(&by, &mismatch, NULL);
	for (uint32_t i = 0; i < match.node->n; i++)
		if (at_item(&match, i, &key) && at_text(&key) &&
		    lookup_find(&by, at_text(&key)))
			at_error(j, &key, "value-conflict", "is '%s', which "
				 "mismatchLabelKeys has, too",
				 at_text(&key));
	lookup_release(&by);
}

/* ---- affinity ---- */

static void judge_namespaces(struct judge *j, const struct place *p)
{
	at_texts(j, p, judge_dns_label);
}

static void judge_pod_term(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "labelSelector", judge_selector, ANY },
		{ "matchLabelKeys", judge_label_keys, ANY },
		{ "mismatchLabelKeys", judge_label_keys, ANY },
		{ "namespaceSelector", judge_selector, ANY },
		{ "namespaces", judge_namespaces, ANY },
		{ "topologyKey", judge_label_key, FILLED },
	};

	if (!at_is_map(p))
		return;
	at_fields(j, p, fields, ARRAY_SIZE(fields));
	judge_both_keys(j, p);
}

static void judge_weight(struct judge *j, const struct place *p)
{
	judge_range(j, p, 1, 100);
}

static void judge_weighted_term(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "podAffinityTerm", judge_pod_term, ANY },
		{ "preference", judge_preferred_node_term, ANY },
		{ "weight", judge_weight, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_weighted_terms(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_weighted_term);
}

static void judge_pod_terms(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_pod_term);
}

#define REQUIRED "requiredDuringSchedulingIgnoredDuringExecution"
#define PREFERRED "preferredDuringSchedulingIgnoredDuringExecution"

static void judge_node_affinity(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ PREFERRED, judge_weighted_terms, ANY },
		{ REQUIRED, judge_node_selector, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_pod_affinity(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ PREFERRED, judge_weighted_terms, ANY },
		{ REQUIRED, judge_pod_terms, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_affinity(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "nodeAffinity", judge_node_affinity, ANY },
		{ "podAffinity", judge_pod_affinity, ANY },
		{ "podAntiAffinity", judge_pod_affinity, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* ---- spread ---- */

static void judge_min_domains(struct judge *j, const struct place *p)
{
	judge_positive(j, p);
	if (!strcmp(at_key_text(p->up, "whenUnsatisfiable", ""),
		    "ScheduleAnyway"))
		at_key_error(j, p, "value-forbidden", "cannot be set where "
			     "whenUnsatisfiable is ScheduleAnyway");
}

static void judge_constraint(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "labelSelector", judge_selector, ANY },
		{ "matchLabelKeys", judge_label_keys, ANY },
		{ "maxSkew", judge_positive, ANY },
		{ "minDomains", judge_min_domains, ANY },
		{ "nodeAffinityPolicy", NULL, FILLED },
		{ "nodeTaintsPolicy", NULL, FILLED },
		{ "topologyKey", NULL, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_spread(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_constraint);
}

/* ---- tolerations ---- */

static bool is_int64(const char *s)
{
	bool negative = *s == '-';
	uint64_t v;

	return !parse_u64(s + negative, negative,
			  (uint64_t)INT64_MAX + negative, &v);
}

static void judge_tolerated_value(struct judge *j, const struct place *p)
{
	const char *operator = at_key_text(p->up, "operator", "Equal");
	const char *s = at_text(p);

	if (!strcmp(operator, "Equal"))
		judge_label_value(j, p);
	else if (!strcmp(operator, "Exists") && s && *s)
		at_key_error(j, p, "value-conflict", "cannot be set where the "
			     "operator is Exists");
	else if (s && (!strcmp(operator, "Lt") || !strcmp(operator, "Gt")) &&
		 !is_int64(s))
		at_error(j, p, "value-format", "must be an integer where the "
			 "operator is %s, not '%s'", operator, s);
}

static void judge_toleration(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "key", judge_label_key, OR_EMPTY },
		{ "value", judge_tolerated_value, ANY },
	};
	const char *operator = at_key_text(p, "operator", "Equal");
	const char *effect = at_key_text(p, "effect", "");
	struct place seconds;

	if (!at_is_map(p))
		return;
	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (!at_filled(p, "key") && strcmp(operator, "Exists"))
		at_error(j, p, "value-required", "has no 'key', which is "
			 "required unless the operator is Exists");
	if (at(p, "tolerationSeconds", &seconds) && strcmp(effect, "NoExecute"))
		at_key_error(j, &seconds, "value-forbidden", "cannot be set "
			     "unless the effect is NoExecute");
}

void judge_tolerations(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_toleration);
}
