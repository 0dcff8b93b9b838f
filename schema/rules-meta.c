/*
 * Names, labels and annotations, as the API server checks them (tried on
 * 1.36: every kind with sixteen odd names). See rules.h.
 */
#include "config.h"
#include "schema/rules.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "schema/limits.h"
#include "schema/sums.h"

/* A CronJob's name gets a suffix of 11 for its Jobs. */
#define CRONJOB_NAME_MAX 52
/* "<name>.json" must fit a bundle. */
#define BUNDLE_NAME_MAX (LIMIT_NAME_BYTES - 5)

enum grammar {
	NAME_LABEL,		/* DNS label */
	NAME_SEGMENT,		/* anything that can be in a URL */
	NAME_CRD,		/* <plural>.<group> */
	NAME_API_SERVICE,	/* <version>.<group> */
	NAME_ADDRESS,		/* an IP address, in its canonical form */
	NAME_CRONJOB,		/* a subdomain of at most 52 bytes */
	NAME_SUBDOMAIN,		/* all others */
};

static const struct {
	const char *group, *kind;
	enum grammar grammar;
} special[] = {
	{ "", "Namespace", NAME_LABEL },
	{ "", "Service", NAME_LABEL },
	{ "apps", "StatefulSet", NAME_LABEL },
	{ "", "Event", NAME_SEGMENT },
	{ "certificates.k8s.io", "CertificateSigningRequest", NAME_SEGMENT },
	{ "policy", "PodDisruptionBudget", NAME_SEGMENT },
	{ "rbac.authorization.k8s.io", "ClusterRole", NAME_SEGMENT },
	{ "rbac.authorization.k8s.io", "ClusterRoleBinding", NAME_SEGMENT },
	{ "rbac.authorization.k8s.io", "Role", NAME_SEGMENT },
	{ "rbac.authorization.k8s.io", "RoleBinding", NAME_SEGMENT },
	{ "apiextensions.k8s.io", "CustomResourceDefinition", NAME_CRD },
	{ "apiregistration.k8s.io", "APIService", NAME_API_SERVICE },
	{ "networking.k8s.io", "IPAddress", NAME_ADDRESS },
	{ "batch", "CronJob", NAME_CRONJOB },
};

struct mark rules_mark(const struct object *o, const char *key)
{
	const struct node *meta = node_get(o->root, "metadata");
	const struct node *n = *key ? node_get(meta, key) : NULL;

	if (n && n->mark.line)
		return n->mark;
	return meta && meta->mark.line ? meta->mark : o->mark;
}

static enum grammar grammar_of(const struct object_id *id)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (!strcmp(id->kind, special[i].kind) &&
		    !strcmp(id->group, special[i].group))
			return special[i].grammar;
	return NAME_SUBDOMAIN;
}

static bool is_address(const char *s)
{
	unsigned char raw[16];
	char text[INET6_ADDRSTRLEN];
	int family = strchr(s, ':') ? AF_INET6 : AF_INET;

	return inet_pton(family, s, raw) == 1 &&
	       inet_ntop(family, raw, text, sizeof(text)) && !strcmp(s, text);
}

/* "<first>.<second>", both strings of the spec. */
static bool is_joined(const struct object *o, const struct node *first,
		      const struct node *second, char *want, size_t size)
{
	const char *a = node_text(first), *b = node_text(second);

	if (!a || !b)
		return true;	/* for the rules of those fields to say */
	snprintf(want, size, "%s.%s", a, b);
	return !strcmp(o->id.name, want);
}

/* Why the name is none of its kind's; NULL if it is. want is a buffer. */
static const char *name_fault(const struct object *o, char *want, size_t size)
{
	const char *name = o->id.name;
	const struct node *spec = node_get(o->root, "spec");

	switch (grammar_of(&o->id)) {
	case NAME_LABEL:
		return is_dns_label(name) ? NULL :
		       "must be a DNS label: at most 63 of a-z, 0-9 and -, "
		       "not at an end";
	case NAME_SEGMENT:
		return is_path_segment_name(name) ? NULL :
		       "must not be '.' or '..' nor contain / or %";
	case NAME_CRD:
		if (is_joined(o, node_path(spec, "names", "plural", NULL),
			      node_get(spec, "group"), want, size))
			return NULL;
		return "must be '<spec.names.plural>.<spec.group>'";
	case NAME_API_SERVICE:
		if (is_joined(o, node_get(spec, "version"),
			      node_get(spec, "group"), want, size))
			return NULL;
		return "must be '<spec.version>.<spec.group>'";
	case NAME_ADDRESS:
		return is_address(name) ? NULL :
		       "must be an IP address in its shortest form";
	case NAME_CRONJOB:
		if (is_dns_subdomain(name) && strlen(name) <= CRONJOB_NAME_MAX)
			return NULL;
		return "must be a DNS name of at most 52 bytes";
	case NAME_SUBDOMAIN:
		break;
	}
	return is_dns_subdomain(name) ? NULL :
	       "must be a DNS name: at most 253 of a-z, 0-9, - and ., each "
	       "part beginning and ending with a letter or digit";
}

int rules_check_name(const struct object *o, struct problems *ps)
{
	char want[2 * LIMIT_NAME_BYTES + 2] = "";
	const struct node *n = node_path(o->root, "metadata", "name", NULL);
	const char *name = o->id.name;
	const char *fault = name_fault(o, want, sizeof(want));

	if (n && n->type == NODE_STR && strlen(n->str) != n->n)
		fault = "must not contain NUL bytes";
	if (fault)
		problem_error(ps, o->path, rules_mark(o, "name"),
			      "name-malformed", "the name '%s' of a %s %s%s%s",
			      name, o->id.kind, fault, *want ? ": " : "",
			      want);
	else if (strlen(name) > BUNDLE_NAME_MAX)
		problem_error(ps, o->path, rules_mark(o, "name"),
			      "name-malformed", "a name of %zu bytes is too "
			      "long for a bundle: %d is the most",
			      strlen(name), BUNDLE_NAME_MAX);
	else if (!bundle_name_ok(name) && strcmp(name, SUMS_NAME))
		problem_error(ps, o->path, rules_mark(o, "name"),
			      "name-malformed", "the name '%s' cannot be in a "
			      "bundle: space / \\ %% \" ' and bytes that are "
			      "not ASCII are refused, and . or - at its "
			      "beginning", name);
	else
		return 0;
	return -1;
}

/* A value that is no string, and how to make it one. */
static void wrong_type(const struct object *o, const char *rule,
		       const char *what, const struct node_pair *p,
		       struct problems *ps)
{
	const struct node *v = p->value;

	if (v->source)
		problem_error(ps, o->path, v->mark, rule,
			      "%s '%s' must be a string: YAML reads %s as %s; "
			      "write \"%s\"", what, p->key, v->source,
			      node_type_name(v->type), v->source);
	else
		problem_error(ps, o->path, v->mark, rule,
			      "%s '%s' must be a string, not %s", what, p->key,
			      node_type_name(v->type));
}

/* Annotation keys are compared in lower case, label keys as they are. */
static bool key_ok(const struct node_pair *p, bool fold)
{
	char lower[320];

	if (strlen(p->key) != p->key_len || p->key_len >= sizeof(lower))
		return false;
	for (size_t i = 0; i <= p->key_len; i++) {
		char c = p->key[i];

		lower[i] = fold && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	return is_qualified_name(lower);
}

static int check_pair(const struct object *o, const struct node_pair *p,
		      bool label, struct problems *ps)
{
	const char *rule = label ? "label-malformed" : "annotation-malformed";
	const char *what = label ? "label" : "annotation";
	const struct node *v = p->value;

	if (!key_ok(p, !label)) {
		problem_error(ps, o->path, p->mark, rule,
			      "%s key '%s' is malformed: it is a name of at "
			      "most 63 letters, digits, -, _ and ., with a DNS "
			      "name and a / before it if you like", what,
			      p->key);
		return -1;
	}
	/* the API server makes "" of null */
	if (v->type != NODE_STR && v->type != NODE_NULL) {
		wrong_type(o, rule, what, p, ps);
		return -1;
	}
	if (label && v->type == NODE_STR &&
	    (strlen(v->str) != v->n || !is_label_value(v->str))) {
		problem_error(ps, o->path, v->mark, rule,
			      "the value '%s' of label '%s' is malformed: at "
			      "most 63 letters, digits, -, _ and ., the first "
			      "and last a letter or digit", v->str, p->key);
		return -1;
	}
	return 0;
}

static int check_map(const struct object *o, bool label, struct problems *ps)
{
	const char *key = label ? "labels" : "annotations";
	const char *rule = label ? "label-malformed" : "annotation-malformed";
	const struct node *map = node_path(o->root, "metadata", key, NULL);
	size_t total = 0;
	int rc = 0;

	if (!map || map->type == NODE_NULL)
		return 0;
	if (map->type != NODE_MAP) {
		problem_error(ps, o->path, map->mark, rule,
			      "metadata.%s must be a map, not %s", key,
			      node_type_name(map->type));
		return -1;
	}
	for (uint32_t i = 0; i < map->n; i++) {
		const struct node_pair *p = &map->pairs[i];

		rc |= check_pair(o, p, label, ps);
		total += p->key_len;
		total += p->value->type == NODE_STR ? p->value->n : 0;
	}
	if (!label && total > LIMIT_ANNOTATIONS_BYTES) {
		problem_error(ps, o->path, map->mark, rule,
			      "annotations of %zu bytes: all keys and values "
			      "may have %u at most", total, LIMIT_ANNOTATIONS_BYTES);
		rc = -1;
	}
	return rc;
}

int rules_check_metadata(const struct object *o, struct problems *ps)
{
	int rc = check_map(o, true, ps);

	return rc | check_map(o, false, ps);
}
