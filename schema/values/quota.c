/*
 * What a namespace may use: ResourceQuota, LimitRange. As core/validation has
 * them.
 */
#include "config.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/kinds.h"
#include "schema/values/quantity.h"
#include "schema/values/resource.h"

/* ---- ResourceQuota ---- */

enum scope {
	SCOPE_NONE,
	SCOPE_BEST_EFFORT,	/* Pods, and nothing else of them */
	SCOPE_PODS,		/* Pods, cpu and memory */
	SCOPE_CLAIMS,		/* claims and their storage */
};

static const struct {
	const char *name;
	enum scope scope;
	bool exists_only;	/* takes no values */
} scopes[] = {
	{ "BestEffort", SCOPE_BEST_EFFORT, true },
	{ "CrossNamespacePodAffinity", SCOPE_PODS, true },
	{ "NotBestEffort", SCOPE_PODS, true },
	{ "NotTerminating", SCOPE_PODS, true },
	{ "PriorityClass", SCOPE_PODS, false },
	{ "Terminating", SCOPE_PODS, true },
	{ "VolumeAttributesClass", SCOPE_CLAIMS, false },
};

static int scope_find(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(scopes); i++)
		if (!strcmp(scopes[i].name, name))
			return (int)i;
	return -1;
}

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

static bool scope_has(enum scope scope, const char *resource)
{
	static const char *const compute[] = {
		"cpu", "memory", "limits.cpu", "limits.memory",
		"requests.cpu", "requests.memory", NULL
	};
	static const char *const claims[] = {
		"persistentvolumeclaims", "requests.storage", NULL
	};

	if (scope == SCOPE_CLAIMS)
		return is_one_of(resource, claims);
	return !strcmp(resource, "pods") ||
	       (scope == SCOPE_PODS && is_one_of(resource, compute));
}

/* Resources that no such scope has; what has a domain is not asked. Of each
 * scope only the first is told of: a quota may have thousands of both. */
static void check_scope(struct judge *j, const struct place *p,
			const struct place *hard, unsigned *told)
{
	int at_scope = scope_find(at_text(p));

	if (at_scope < 0 || *told & 1u << at_scope)
		return;
	*told |= 1u << at_scope;
	for (uint32_t i = 0; at_is_map(hard) && i < hard->node->n; i++) {
		const char *name = hard->node->pairs[i].key;

		if (strchr(name, '/') || resource_fault(name, RESOURCE_QUOTA) ||
		    scope_has(scopes[at_scope].scope, name))
			continue;
		at_error(j, p, "value-conflict", "is %s, which '%s' of the "
			 "quota cannot be limited to: put it into another "
			 "ResourceQuota", scopes[at_scope].name, name);
	}
}

static bool has_scope(const struct place *list, const char *key,
		      const char *name)
{
	struct place item;

	for (uint32_t i = 0; at_is_list(list) && i < list->node->n; i++) {
		const char *s;

		if (!at_item(list, i, &item))
			continue;
		s = key ? at_key_text(&item, key, NULL) : at_text(&item);
		if (s && !strcmp(s, name))
			return true;
	}
	return false;
}

static void check_opposites(struct judge *j, const struct place *list,
			    const char *key)
{
	static const char *const pairs[][2] = {
		{ "BestEffort", "NotBestEffort" },
		{ "Terminating", "NotTerminating" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (has_scope(list, key, pairs[i][0]) &&
		    has_scope(list, key, pairs[i][1]))
			at_error(j, list, "value-conflict", "has both %s and "
				 "%s, which nothing can be", pairs[i][0],
				 pairs[i][1]);
}

static void judge_scope_name(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "BestEffort", "CrossNamespacePodAffinity",
		    "NotBestEffort", "NotTerminating", "PriorityClass",
		    "Terminating", "VolumeAttributesClass");
}

static void judge_scope_requirement(struct judge *j, const struct place *p)
{
	const char *operator = at_key_text(p, "operator", "");
	const char *scope = at_key_text(p, "scopeName", NULL);
	bool some = !strcmp(operator, "In") || !strcmp(operator, "NotIn");
	bool none = !strcmp(operator, "Exists") ||
		    !strcmp(operator, "DoesNotExist");
	int i = scope_find(scope);
	struct place down, values;

	if (at(p, "scopeName", &down) && node_text(down.node))
		judge_scope_name(j, &down);
	at(p, "values", &values);
	if (i >= 0 && scopes[i].exists_only && *operator &&
	    strcmp(operator, "Exists") && at(p, "operator", &down))
		at_error(j, &down, "value-enum", "can only be Exists where "
			 "the scope is %s", scope);
	else if (some && !at_count(&values))
		at_missing(j, p, "values", ": the operator is In or NotIn");
	else if (none && at_count(&values))
		at_key_error(j, &values, "value-forbidden", "cannot be set "
			     "where the operator is %s", operator);
}

static void check_selector(struct judge *j, const struct place *selector,
			   const struct place *hard, unsigned *told)
{
	struct place list, item, name;

	if (!at(selector, "matchExpressions", &list))
		return;
	at_items(j, &list, judge_scope_requirement);
	check_opposites(j, &list, "scopeName");
	for (uint32_t i = 0; at_is_list(&list) && i < list.node->n; i++)
		if (at_item(&list, i, &item) && at(&item, "scopeName", &name))
			check_scope(j, &name, hard, told);
}

static void judge_amounts(struct judge *j, const struct place *p)
{
	struct place amount;

	judge_resource_keys(j, p, RESOURCE_QUOTA);
	at_values(j, p, judge_quantity_not_negative);
	for (uint32_t i = 0; at_is_map(p) && i < p->node->n; i++)
		if (resource_is_whole(p->node->pairs[i].key) &&
		    at(p, p->node->pairs[i].key, &amount))
			judge_quantity_whole(j, &amount);
}

void judge_resource_quota(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "hard", judge_amounts, ANY },
	};
	unsigned told = 0;
	struct place spec, hard, list, scope, selector;

	if (!at(root, "spec", &spec))
		return;
	at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	at(&spec, "hard", &hard);
	if (at(&spec, "scopes", &list)) {
		at_items(j, &list, judge_scope_name);
		check_opposites(j, &list, NULL);
	}
	for (uint32_t i = 0; at_is_list(&list) && i < list.node->n; i++)
		if (at_item(&list, i, &scope))
			check_scope(j, &scope, &hard, &told);
	if (at(&spec, "scopeSelector", &selector))
		check_selector(j, &selector, &hard, &told);
}

/* ---- LimitRange ---- */

/* One resource in the maps of a limit. */
struct limits {
	const char *name;
	struct place at[5];
	quantity v[5];
	bool has[5];
};

enum { MIN, MAX, DEFAULT, REQUEST, RATIO };

static const char *const limit_keys[] = {
	"min", "max", "default", "defaultRequest", "maxLimitRequestRatio"
};

static void limits_read(const struct place *maps, const char *name,
			struct limits *ret)
{
	ret->name = name;
	for (int i = 0; i < 5; i++) {
		const struct node *n = node_get(maps[i].node, name);

		ret->has[i] = at(&maps[i], name, &ret->at[i]) &&
			      quantity_of(n, &ret->v[i]);
		if (!n || n->type != NODE_NULL)
			continue;
		/* in a map of amounts null is 0 */
		ret->at[i].node = n;
		ret->v[i] = 0;
		ret->has[i] = true;
	}
}

/* `a` must not be more than `b`. */
static void check_order(struct judge *j, const struct limits *l, int a, int b)
{
	char x[32], y[32];

	if (!l->has[a] || !l->has[b] || l->v[a] <= l->v[b])
		return;
	at_error(j, &l->at[a], "value-range", "is %s, which is more than the "
		 "%s of %s", quantity_text(l->at[a].node, x, sizeof(x)),
		 quantity_text(l->at[b].node, y, sizeof(y)), limit_keys[b]);
}

static void check_ratio(struct judge *j, const struct limits *l)
{
	char text[32];
	double most;

	if (!l->has[RATIO])
		return;
	quantity_text(l->at[RATIO].node, text, sizeof(text));
	if (l->v[RATIO] < QUANTITY_ONE)
		at_error(j, &l->at[RATIO], "value-range", "must be at least "
			 "1, not %s",
			 quantity_text(l->at[RATIO].node, text, sizeof(text)));
	if (!l->has[MIN] || !l->has[MAX] || !l->v[MIN])
		return;
	most = (double)l->v[MAX] / (double)l->v[MIN];
	if ((double)l->v[RATIO] / (double)QUANTITY_ONE > most * 1.000001)
		at_error(j, &l->at[RATIO], "value-range", "is %s, which is "
			 "more than max / min, %g",
			 quantity_text(l->at[RATIO].node, text, sizeof(text)),
			 most);
}

static void check_limits(struct judge *j, const struct limits *l)
{
	char text[32];

	check_order(j, l, MIN, MAX);
	check_order(j, l, MIN, REQUEST);
	check_order(j, l, REQUEST, MAX);
	check_order(j, l, REQUEST, DEFAULT);
	check_order(j, l, MIN, DEFAULT);
	check_order(j, l, DEFAULT, MAX);
	check_ratio(j, l);
	if (l->has[DEFAULT] && l->has[REQUEST] &&
	    !resource_overcommits(l->name) && l->v[DEFAULT] > l->v[REQUEST])
		at_error(j, &l->at[REQUEST], "value-conflict", "must be the "
			 "%s of 'default': there cannot be more of it than "
			 "there is",
			 quantity_text(l->at[DEFAULT].node, text,
				       sizeof(text)));
}

/* True if an earlier map has the resource, so that it was compared. */
static bool seen(const struct place *maps, int until, const char *name)
{
	for (int i = 0; i < until; i++)
		if (at_has(&maps[i], name))
			return true;
	return false;
}

static void check_limit_type(struct judge *j, const struct place *p,
			     const struct place *maps, const char *type)
{
	static const char *const defaults[] = {
		"default", "defaultRequest", NULL
	};

	if (!strcmp(type, "Pod"))
		at_forbid_filled(j, p, defaults, "for a Pod as a whole: only "
				 "for each Container");
	if (!strcmp(type, "PersistentVolumeClaim") &&
	    !at_has(&maps[MIN], "storage") && !at_has(&maps[MAX], "storage"))
		at_error(j, p, "value-required", "must have storage in min or "
			 "in max");
}

static bool is_limit_type(const char *s)
{
	return !strcmp(s, "Pod") || !strcmp(s, "Container") ||
	       !strcmp(s, "PersistentVolumeClaim") ||
	       (strchr(s, '/') && is_qualified_name(s));
}

static void judge_limit_type(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_limit_type, "type of a limit: Container, Pod, "
		   "PersistentVolumeClaim, or something with a domain");
}

static void judge_limit(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "type", judge_limit_type, FILLED },
	};
	const char *type = at_key_text(p, "type", "");
	enum resource_use use = !strcmp(type, "Pod") ||
				!strcmp(type, "Container") ?
		RESOURCE_CONTAINER : RESOURCE_ANY;
	bool pod = !strcmp(type, "Pod");
	struct place maps[5];
	struct limits l;

	if (!at_is_map(p))
		return;
	at_fields(j, p, fields, ARRAY_SIZE(fields));
	for (int i = 0; i < 5; i++) {
		at(p, limit_keys[i], &maps[i]);
		if (pod && (i == DEFAULT || i == REQUEST))
			maps[i].node = NULL;
		judge_resource_keys(j, &maps[i], use);
	}
	check_limit_type(j, p, maps, type);
	for (int i = 0; i < 5; i++)
		for (uint32_t k = 0; at_is_map(&maps[i]) &&
		     k < maps[i].node->n; k++) {
			const char *name = maps[i].node->pairs[k].key;

			if (seen(maps, i, name))
				continue;
			limits_read(maps, name, &l);
			check_limits(j, &l);
		}
}

void judge_limit_range(struct judge *j, const struct place *root)
{
	struct place spec, limits;

	if (!at(root, "spec", &spec) || !at(&spec, "limits", &limits))
		return;
	at_items(j, &limits, judge_limit);
	at_unique(j, &limits, "type");
}
