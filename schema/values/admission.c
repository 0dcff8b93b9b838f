/*
 * Webhooks that are asked before an object is written. As
 * admissionregistration/validation has them. Expressions in CEL are only
 * parsed: what they are worth takes the types of the cluster.
 */
#include "config.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "schema/cel/cel.h"
#include "schema/values/admission.h"
#include "schema/values/common.h"
#include "schema/values/kinds.h"

#define TIMEOUT_MAX 30
#define CONDITIONS_MAX 64
#define URL_PATH_MAX 1024

/* ---- rules: which requests ---- */

static bool has_item(const struct place *list, const char *text)
{
	for (uint32_t i = 0; at_is_list(list) && i < list->node->n; i++) {
		const char *s = node_text(list->node->items[i]);

		if (s && !strcmp(s, text))
			return true;
	}
	return false;
}

void judge_wildcard_list(struct judge *j, const struct place *p,
			 const char *wildcard)
{
	if (at_count(p) > 1 && has_item(p, wildcard))
		at_error(j, p, "value-conflict", "cannot have others beside "
			 "'%s', which is all of them", wildcard);
}

static void judge_groups(struct judge *j, const struct place *p)
{
	judge_wildcard_list(j, p, "*");
}

static void judge_filled(struct judge *j, const struct place *p)
{
	if (p->node->type == NODE_STR && !p->node->n)
		at_error(j, p, "value-required", "must not be empty");
}

static void judge_versions(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_filled);
	judge_wildcard_list(j, p, "*");
}

static void judge_operation(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "*", "CONNECT", "CREATE", "DELETE", "UPDATE");
}

static void judge_operations(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_operation);
	judge_wildcard_list(j, p, "*");
}

/* True if an item before `end` is all of what this one is a part of. */
static bool covered(const struct place *list, uint32_t end, const char *s)
{
	const char *slash = strchr(s, '/');

	for (uint32_t i = 0; slash && i < end; i++) {
		const char *other = node_text(list->node->items[i]);
		const char *at = other ? strchr(other, '/') : NULL;

		if (!at)
			continue;
		if (!strcmp(at, "/*") && at - other == slash - s &&
		    !strncmp(other, s, (size_t)(at - other)))
			return true;
		if (!strncmp(other, "*/", 2) && !strcmp(at, slash))
			return true;
	}
	return false;
}

/* As the server does, the last one without a / says for all of them. */
static bool has_whole(const struct place *list)
{
	bool whole = false;

	for (uint32_t i = 0; at_is_list(list) && i < list->node->n; i++) {
		const char *s = node_text(list->node->items[i]);

		if (s && *s && !strchr(s, '/'))
			whole = strcmp(s, "*") != 0;
	}
	return whole;
}

static void judge_resources(struct judge *j, const struct place *p)
{
	struct place item;

	at_items(j, p, judge_filled);
	judge_wildcard_list(j, p, "*/*");
	if (has_item(p, "*") && has_whole(p))
		at_error(j, p, "value-conflict", "cannot have others without "
			 "a / beside '*', which is all of them");
	for (uint32_t i = 0; at_is_list(p) && i < p->node->n && i < 1000; i++)
		if (at_item(p, i, &item) && at_text(&item) &&
		    covered(p, i, at_text(&item)))
			at_error(j, &item, "value-duplicate", "'%s' is part "
				 "of an item before it", at_text(&item));
}

static void judge_scope(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "*", "Cluster", "Namespaced");
}

static void judge_resource_name(struct judge *j, const struct place *p)
{
	if (p->node->type != NODE_STR || p->node->n)
		judge_segment(j, p);
}

static void judge_resource_names(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_resource_name);
	at_unique(j, p, NULL);
}

void judge_admission_rule(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "apiGroups", judge_groups, MUST },
		{ "apiVersions", judge_versions, MUST },
		{ "operations", judge_operations, MUST },
		{ "resourceNames", judge_resource_names, ANY },
		{ "resources", judge_resources, MUST },
		{ "scope", judge_scope, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_rules(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_admission_rule);
}

/* ---- conditions ---- */

/* Whichever of these an expression has, depends on where it stands. */
static const char *const variables[] = {
	"authorizer", "namespaceObject", "object", "oldObject", "params",
	"request", "variables", "Object", "JSONPatch", "google", "dyn", NULL
};

static void check_expression(struct judge *j, const struct place *p,
			     const char *type)
{
	const char *s = at_text(p), *name, *is;
	struct cel_program *program;
	struct err err = ERR_INIT;

	if (!s)
		return;
	if (!s[strspn(s, " \t\n\v\f\r")]) {
		at_error(j, p, "value-required", "must not be empty");
		return;
	}
	program = cel_compile(s, p->node->n, &err);
	if (!program) {
		at_error(j, p, "value-format", "is no expression in CEL: %s",
			 err.msg);
		return;
	}
	name = cel_unknown_name(program, variables);
	is = cel_constant_type(program);
	if (name)
		at_error(j, p, "value-reference", "uses '%s', which there is "
			 "not: an expression has object, oldObject, request "
			 "and the like", name);
	else if (type && is && strcmp(is, type))
		at_error(j, p, "value-format", "must be of type %s, but is "
			 "always of type %s", type, is);
	cel_release(program);
}

void judge_expression(struct judge *j, const struct place *p)
{
	check_expression(j, p, NULL);
}

void judge_condition_text(struct judge *j, const struct place *p)
{
	check_expression(j, p, "bool");
}

void judge_message_text(struct judge *j, const struct place *p)
{
	check_expression(j, p, "string");
}

static void judge_condition(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "expression", judge_condition_text, ANY },
		{ "name", judge_label_key, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_match_conditions(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_condition);
	if (at_count(p) > CONDITIONS_MAX)
		at_error(j, p, "value-range", "has %u items: it can have %d "
			 "at most", at_count(p), CONDITIONS_MAX);
}

/* ---- who is asked ---- */

static bool is_host(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("-._~:[]%", s[i]))
			return false;
	return n > 0;
}

/* "https://host:port/path" and nothing more. What is odd in it may be all
 * right with Go's parser, so it is with us. */
static const char *url_fault(const char *s)
{
	const char *host;
	size_t n;

	if (strncasecmp(s, "https://", 8))
		return "must begin with https://";
	host = s + 8;
	n = strcspn(host, "/?#");
	if (!n)
		return "must name a host";
	if (memchr(host, '@', n))
		return "must not have a user in it";
	if (s[strcspn(s, "#")] && s[strcspn(s, "#") + 1])
		return "must not have a # in it";
	if (s[strcspn(s, "?")] && s[strcspn(s, "?") + 1] &&
	    strcspn(s, "?") < strcspn(s, "#"))
		return "must not have a ? in it";
	if (host[strcspn(host, " \x7f")] && memchr(host, ' ', n))
		return "has a space in its host";
	return is_host(host, n) ? NULL : "has a malformed host";
}

void judge_https_url(struct judge *j, const struct place *p)
{
	const char *s = at_text(p), *fault = s ? url_fault(s) : NULL;

	if (fault)
		at_error(j, p, "value-format", "%s, as in "
			 "https://host.example.org/path", fault);
}

static bool is_hook_path(const char *s)
{
	char part[256];
	size_t len;

	if (!*s || !strcmp(s, "/"))
		return true;
	if (*s++ != '/')
		return false;
	for (;;) {
		len = strcspn(s, "/");
		if (!len || len >= sizeof(part))
			return false;
		memcpy(part, s, len);
		part[len] = '\0';
		if (!is_dns_subdomain(part))
			return false;
		s += len;
		if (!*s || !strcmp(s, "/"))
			return true;
		s++;
	}
}

static void judge_hook_path(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_hook_path, "path: a / before each part, and each "
		   "part of a-z, 0-9, - and .");
}

void judge_service_reference(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", NULL, FILLED },
		{ "namespace", NULL, FILLED },
		{ "path", judge_hook_path, ANY },
		{ "port", judge_port, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_client_config(struct judge *j, const struct place *p)
{
	static const char *const ways[] = { "service", "url", NULL };
	struct place one;

	at_one_of(j, p, ways, false, &one);
	if (!one.node)
		return;
	if (!strcmp(one.key, "service"))
		judge_service_reference(j, &one);
	else
		judge_https_url(j, &one);
}

/* ---- webhooks ---- */

static void judge_review_versions(struct judge *j, const struct place *p)
{
	at_texts(j, p, judge_dns1035_label);
	at_unique(j, p, NULL);
	if (at_is_list(p) && !at_count(p))
		at_error(j, p, "value-required", "must not be empty");
	else if (at_is_list(p) && !has_item(p, "v1") && !has_item(p, "v1beta1"))
		at_error(j, p, "value-enum", "must have v1 among them, which "
			 "is what the API server speaks");
}

static void judge_timeout(struct judge *j, const struct place *p)
{
	judge_range(j, p, 1, TIMEOUT_MAX);
}

static bool is_hook_name(const char *s)
{
	const char *dot = strchr(s, '.');

	return dot && strchr(dot + 1, '.') && is_dns_subdomain(s);
}

static void judge_hook_name(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_hook_name, "name of a webhook: a domain of at "
		   "least three parts, such as check.example.org");
}

static void judge_failure_policy(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "Fail", "Ignore");
}

static void judge_match_policy(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "Exact", "Equivalent");
}

static void judge_reinvocation(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "Never", "IfNeeded");
}

static void judge_side_effects(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "None", "NoneOnDryRun");
}

static void judge_webhook(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "admissionReviewVersions", judge_review_versions, ANY },
		{ "clientConfig", judge_client_config, ANY },
		{ "failurePolicy", judge_failure_policy, ANY },
		{ "matchConditions", judge_match_conditions, ANY },
		{ "matchPolicy", judge_match_policy, ANY },
		{ "name", judge_hook_name, FILLED },
		{ "namespaceSelector", judge_selector, ANY },
		{ "objectSelector", judge_selector, ANY },
		{ "reinvocationPolicy", judge_reinvocation, ANY },
		{ "rules", judge_rules, ANY },
		{ "sideEffects", judge_side_effects, ANY },
		{ "timeoutSeconds", judge_timeout, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_webhooks(struct judge *j, const struct place *root)
{
	struct place hooks;

	if (at(root, "webhooks", &hooks))
		at_items(j, &hooks, judge_webhook);
}

/* ---- policies: what they share with webhooks ---- */

void judge_match_resources(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "excludeResourceRules", judge_rules, ANY },
		{ "matchPolicy", judge_match_policy, ANY },
		{ "namespaceSelector", judge_selector, ANY },
		{ "objectSelector", judge_selector, ANY },
		{ "resourceRules", judge_rules, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}
