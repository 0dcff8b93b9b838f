/*
 * Policies of admission: ValidatingAdmissionPolicy, MutatingAdmissionPolicy
 * and their bindings. As admissionregistration/validation has them. What an
 * expression is worth is not judged: that takes the types of the cluster.
 */
#include "config.h"

#include <string.h>

#include "schema/values/admission.h"
#include "schema/values/common.h"
#include "schema/values/kinds.h"

#define AUDIT_MAX 20
#define AUDIT_EXPRESSION_MAX (5 * 1024)
#define NAME_AND_KEY_MAX 600

/* ---- parts ---- */

static bool is_param_version(const char *s)
{
	const char *slash = strchr(s, '/');
	const char *version = slash ? slash + 1 : s;
	char group[256];

	if (slash && (strchr(version, '/') ||
		      (size_t)(slash - s) >= sizeof(group)))
		return false;
	if (slash) {
		memcpy(group, s, (size_t)(slash - s));
		group[slash - s] = '\0';
	}
	return (!slash || slash == s || is_dns_subdomain(group)) &&
	       is_dns1035_label(version);
}

static void judge_param_version(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_param_version, "version such as v1 or "
		   "example.org/v1");
}

static bool is_any_case_label(const char *s)
{
	return is_in_lower(s, is_dns1035_label);
}

static void judge_param_name(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_any_case_label, "name of a kind: at most 63 "
		   "letters, digits and -, beginning with a letter");
}

static void judge_param_kind(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "apiVersion", judge_param_version, MUST },
		{ "kind", judge_param_name, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_failure_policy(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "Fail", "Ignore");
}

static void judge_constraints(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "resourceRules", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	judge_match_resources(j, p);
}

static bool is_cel_name(const char *s)
{
	static const char *const reserved[] = {
		"true", "false", "null", "in", "as", "break", "const",
		"continue", "else", "for", "function", "if", "import", "let",
		"loop", "package", "namespace", "return", "var", "void",
		"while",
	};
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	if (!*s || (*s >= '0' && *s <= '9') || s[strspn(s, letters)])
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (!strcmp(s, reserved[i]))
			return false;
	return true;
}

static void judge_cel_name(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_cel_name, "name in CEL: letters, digits and _, "
		   "not beginning with a digit, and no reserved word");
}

static void judge_variable(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "expression", judge_expression, ANY },
		{ "name", judge_cel_name, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_variables(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_variable);
}

/* ---- validations ---- */

static void judge_message(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);
	size_t n;

	if (s && !s[strspn(s, " \t\n\v\f\r")])
		at_error(j, p, "value-required", "must not be empty");
	s = s ? s + strspn(s, " \t\n\v\f\r") : "";
	for (n = strlen(s); n && strchr(" \t\n\v\f\r", s[n - 1]); n--)
		;
	if (memchr(s, '\n', n) || memchr(s, '\r', n))
		at_error(j, p, "value-format", "must be one line");
}

static void judge_reason(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "Forbidden", "Invalid", "RequestEntityTooLarge",
		    "Unauthorized");
}

static void judge_validation(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "expression", judge_condition_text, ANY },
		{ "message", judge_message, OR_EMPTY },
		{ "messageExpression", judge_message_text, OR_EMPTY },
		{ "reason", judge_reason, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_validations(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_validation);
}

static void judge_audit_key(struct judge *j, const struct place *p)
{
	char full[NAME_AND_KEY_MAX];
	const char *s = at_text(p);

	if (s && snprintf(full, sizeof(full), "%s/%s", j->o->id.name, s) <
		 (int)sizeof(full) && is_qualified_name(full))
		return;
	if (s)
		at_error(j, p, "value-format", "'%s' is no key: at most 63 "
			 "letters, digits, -, _ and .", s);
}

static void judge_audit_expression(struct judge *j, const struct place *p)
{
	judge_message_text(j, p);
	if (p->node->type == NODE_STR && p->node->n > AUDIT_EXPRESSION_MAX)
		at_error(j, p, "value-range", "must be no longer than %d "
			 "bytes", AUDIT_EXPRESSION_MAX);
}

static void judge_audit(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "key", judge_audit_key, ANY },
		{ "valueExpression", judge_audit_expression, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_audits(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_audit);
	at_unique(j, p, "key");
	if (at_count(p) > AUDIT_MAX)
		at_error(j, p, "value-range", "has %u items: it can have %d "
			 "at most", at_count(p), AUDIT_MAX);
}

void judge_validating_policy(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "auditAnnotations", judge_audits, ANY },
		{ "failurePolicy", judge_failure_policy, ANY },
		{ "matchConditions", judge_match_conditions, ANY },
		{ "matchConstraints", judge_constraints, MUST },
		{ "paramKind", judge_param_kind, ANY },
		{ "validations", judge_validations, ANY },
		{ "variables", judge_variables, ANY },
	};
	struct place spec;

	if (!at(root, "spec", &spec)) {
		at_missing(j, root, "spec", "");
		return;
	}
	at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	if (at_is_map(&spec) && !at_filled(&spec, "validations") &&
	    !at_filled(&spec, "auditAnnotations"))
		at_error(j, &spec, "value-required", "must have validations "
			 "or auditAnnotations");
}

/* ---- mutations ---- */

static void judge_change(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "expression", judge_expression, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_mutation(struct judge *j, const struct place *p)
{
	const char *type = at_key_text(p, "patchType", "");
	bool json = !strcmp(type, "JSONPatch");
	const char *want = json ? "jsonPatch" : "applyConfiguration";
	const char *const other[] = {
		json ? "applyConfiguration" : "jsonPatch", NULL
	};
	struct place patch, change;

	if (!at(p, "patchType", &patch) || !node_text(patch.node))
		return;
	if (!json && strcmp(type, "ApplyConfiguration")) {
		JUDGE_WORDS(j, &patch, "ApplyConfiguration", "JSONPatch");
		return;
	}
	if (at(p, want, &change))
		judge_change(j, &change);
	else
		at_missing(j, p, want, " by its patchType");
	at_forbid(j, p, other, "by its patchType");
}

static void judge_mutations(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_mutation);
}

static void judge_reinvocation(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "Never", "IfNeeded");
}

/* Nothing can be changed in what is deleted. */
static void check_no_delete(struct judge *j, const struct place *resources)
{
	struct place rules, rule, operations, operation;

	at(resources, "resourceRules", &rules);
	for (uint32_t i = 0; at_is_list(&rules) && i < rules.node->n; i++) {
		if (!at_item(&rules, i, &rule) ||
		    !at(&rule, "operations", &operations))
			continue;
		for (uint32_t k = 0; k < at_count(&operations) &&
		     at_is_list(&operations); k++)
			if (at_item(&operations, k, &operation) &&
			    at_text(&operation) &&
			    !strcmp(at_text(&operation), "DELETE"))
				at_error(j, &operation, "value-enum", "cannot "
					 "be DELETE: there is nothing to "
					 "change in what goes");
	}
}

void judge_mutating_policy(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "failurePolicy", judge_failure_policy, ANY },
		{ "matchConditions", judge_match_conditions, ANY },
		{ "matchConstraints", judge_constraints, MUST },
		{ "mutations", judge_mutations, MUST },
		{ "paramKind", judge_param_kind, ANY },
		{ "reinvocationPolicy", judge_reinvocation, MUST },
		{ "variables", judge_variables, ANY },
	};
	struct place spec, constraints;

	if (!at(root, "spec", &spec)) {
		at_missing(j, root, "spec", "");
		return;
	}
	at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	if (at(&spec, "matchConstraints", &constraints))
		check_no_delete(j, &constraints);
}

/* ---- bindings ---- */

static void judge_not_found(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "Allow", "Deny");
}

static void judge_param_ref(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_segment, OR_EMPTY },
		{ "parameterNotFoundAction", judge_not_found, MUST },
		{ "selector", judge_selector, ANY },
	};
	struct place selector;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at_filled(p, "name") && at(p, "selector", &selector))
		at_key_error(j, &selector, "value-conflict", "cannot be set "
			     "beside 'name': only one of the two can be");
	else if (at_is_map(p) && !at_filled(p, "name") &&
		 !at_has(p, "selector"))
		at_error(j, p, "value-required", "must have a name or a "
			 "selector");
}

static void judge_action(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "Deny", "Warn", "Audit");
}

static void judge_actions(struct judge *j, const struct place *p)
{
	bool deny = false, warn = false;
	struct place item;

	at_items(j, p, judge_action);
	at_unique(j, p, NULL);
	for (uint32_t i = 0; at_is_list(p) && i < p->node->n; i++) {
		const char *s = at_item(p, i, &item) ? at_text(&item) : NULL;

		deny |= s && !strcmp(s, "Deny");
		warn |= s && !strcmp(s, "Warn");
	}
	if (deny && warn)
		at_error(j, p, "value-conflict", "cannot have both Deny and "
			 "Warn: a refusal says it all");
}

static void check_binding(struct judge *j, const struct place *root,
			  bool mutating)
{
	static const struct field fields[] = {
		{ "matchResources", judge_match_resources, ANY },
		{ "paramRef", judge_param_ref, ANY },
		{ "policyName", judge_dns_subdomain, FILLED },
		{ "validationActions", judge_actions, FILLED },
	};
	struct place spec, resources;

	if (!at(root, "spec", &spec)) {
		if (mutating)
			at_missing(j, root, "spec", "");
		return;
	}
	at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	if (!mutating)
		return;
	if (at_is_map(&spec) && !at_has(&spec, "policyName"))
		at_missing(j, &spec, "policyName", "");
	if (at(&spec, "matchResources", &resources))
		check_no_delete(j, &resources);
}

void judge_validating_binding(struct judge *j, const struct place *root)
{
	check_binding(j, root, false);
}

void judge_mutating_binding(struct judge *j, const struct place *root)
{
	check_binding(j, root, true);
}
