/*
 * Roles and their bindings. As rbac/validation has them, after its defaults:
 * the group of a roleRef, and of a User or Group, is RBAC's own.
 */
#include "config.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/kinds.h"

#define RBAC "rbac.authorization.k8s.io"

/* ---- rules ---- */

static void check_rule(struct judge *j, const struct place *p, bool namespaced)
{
	static const char *const resources[] = {
		"apiGroups", "resources", "resourceNames", NULL
	};
	struct place urls, verbs;

	if (!at_is_map(p))
		return;
	if (at(p, "verbs", &verbs) && at_is_list(&verbs) && !at_count(&verbs))
		at_error(j, &verbs, "value-required", "must not be empty");
	if (at_filled(p, "nonResourceURLs")) {
		at(p, "nonResourceURLs", &urls);
		if (namespaced)
			at_key_error(j, &urls, "value-forbidden", "cannot be "
				     "set in a Role: URLs belong to no "
				     "namespace, so make it a ClusterRole");
		at_forbid_filled(j, p, resources, "beside nonResourceURLs: "
				 "make it a rule of its own");
		return;
	}
	if (!at_filled(p, "apiGroups"))
		at_missing(j, p, "apiGroups", ": \"\" is the group of Pods, "
			   "Services and the like");
	if (!at_filled(p, "resources"))
		at_missing(j, p, "resources", "");
}

static void judge_rule(struct judge *j, const struct place *p)
{
	check_rule(j, p, true);
}

static void judge_cluster_rule(struct judge *j, const struct place *p)
{
	check_rule(j, p, false);
}

void judge_role(struct judge *j, const struct place *root)
{
	struct place rules;

	if (at(root, "rules", &rules))
		at_items(j, &rules, judge_rule);
}

static void judge_aggregation(struct judge *j, const struct place *p)
{
	struct place selectors;

	at(p, "clusterRoleSelectors", &selectors);
	if (at_is_map(p) && !at_count(&selectors))
		at_missing(j, p, "clusterRoleSelectors",
			   ": it says which ClusterRoles are taken together");
	at_items(j, &selectors, judge_selector);
}

void judge_cluster_role(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "aggregationRule", judge_aggregation, ANY },
	};
	struct place rules;

	at_fields(j, root, fields, ARRAY_SIZE(fields));
	if (at(root, "rules", &rules))
		at_items(j, &rules, judge_cluster_rule);
}

/* ---- bindings ---- */

static void judge_group(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, RBAC);
}

static void check_role_ref(struct judge *j, const struct place *root,
			   bool namespaced)
{
	static const struct field fields[] = {
		{ "apiGroup", judge_group, OR_EMPTY },
		{ "name", judge_segment, FILLED },
	};
	struct place ref, kind;

	if (!at(root, "roleRef", &ref))
		return;
	at_fields(j, &ref, fields, ARRAY_SIZE(fields));
	if (!at(&ref, "kind", &kind) || !node_text(kind.node))
		return;
	if (!namespaced)
		JUDGE_WORDS(j, &kind, "ClusterRole");
	else
		JUDGE_WORDS(j, &kind, "Role", "ClusterRole");
}

static void check_account(struct judge *j, const struct place *p,
			  bool namespaced)
{
	struct place down;

	if (at(p, "name", &down) && at_filled(p, "name"))
		judge_dns_subdomain(j, &down);
	if (at(p, "apiGroup", &down) && at_filled(p, "apiGroup"))
		at_key_error(j, &down, "value-enum", "must not be set: a "
			     "ServiceAccount has the group \"\"");
	if (!namespaced && !at_filled(p, "namespace"))
		at_missing(j, p, "namespace", " of a ServiceAccount");
}

static void check_subject(struct judge *j, const struct place *p,
			  bool namespaced)
{
	static const struct field fields[] = {
		{ "name", NULL, FILLED },
	};
	const char *kind = at_key_text(p, "kind", "");
	struct place down;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (!strcmp(kind, "ServiceAccount")) {
		check_account(j, p, namespaced);
		return;
	}
	if (at(p, "kind", &down) && node_text(down.node))
		JUDGE_WORDS(j, &down, "ServiceAccount", "User", "Group");
	if (at(p, "apiGroup", &down) && at_filled(p, "apiGroup"))
		judge_group(j, &down);
}

static void judge_subject(struct judge *j, const struct place *p)
{
	check_subject(j, p, true);
}

static void judge_cluster_subject(struct judge *j, const struct place *p)
{
	check_subject(j, p, false);
}

void judge_role_binding(struct judge *j, const struct place *root)
{
	struct place subjects;

	check_role_ref(j, root, true);
	if (at(root, "subjects", &subjects))
		at_items(j, &subjects, judge_subject);
}

void judge_cluster_role_binding(struct judge *j, const struct place *root)
{
	struct place subjects;

	check_role_ref(j, root, false);
	if (at(root, "subjects", &subjects))
		at_items(j, &subjects, judge_cluster_subject);
}
