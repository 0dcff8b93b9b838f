/*
 * Ingresses and IngressClasses. As networking/validation has them.
 */
#include "config.h"

#include <string.h>

#include "schema/values/address.h"
#include "schema/values/common.h"
#include "schema/values/kinds.h"

#define ANNOTATION_CLASS "kubernetes.io/ingress.class"
#define CONTROLLER_MAX 250

/* ---- backends ---- */

static void judge_backend_port(struct judge *j, const struct place *p)
{
	bool name = at_filled(p, "name");
	int64_t number = at_key_int(p, "number", 0);
	struct place down;

	if (!at_is_map(p))
		return;
	if (name && number && at(p, "number", &down))
		at_key_error(j, &down, "value-conflict", "cannot be set "
			     "beside 'name': only one of the two can be");
	else if (name && at(p, "name", &down))
		judge_port_name(j, &down);
	else if (number && at(p, "number", &down))
		judge_port(j, &down);
	else
		at_error(j, p, "value-required", "must have a number or a "
			 "name");
}

/* Since 1.36 a Service's name may begin with a digit. */
static void judge_service_name(struct judge *j, const struct place *p)
{
	if (j->minor >= 36)
		judge_dns_label(j, p);
	else
		judge_dns1035_label(j, p);
}

static void judge_backend_service(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_service_name, FILLED },
		{ "port", judge_backend_port, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at_is_map(p) && !at_has(p, "port"))
		at_missing(j, p, "port", ": by number or by name");
}

static void judge_resource(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "apiGroup", judge_dns_subdomain, ANY },
		{ "kind", judge_segment, MUST },
		{ "name", judge_segment, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_backend(struct judge *j, const struct place *p)
{
	static const char *const ways[] = { "service", "resource", NULL };
	struct place one;

	at_one_of(j, p, ways, false, &one);
	if (!one.node)
		return;
	if (!strcmp(one.key, "service"))
		judge_backend_service(j, &one);
	else
		judge_resource(j, &one);
}

/* ---- rules ---- */

static void judge_clean_path(struct judge *j, const struct place *p)
{
	static const char *const inside[] = {
		"//", "/./", "/../", "%2f", "%2F", NULL
	};
	static const char *const ends[] = { "/..", "/.", NULL };
	const char *s = at_text(p);

	for (const char *const *bad = inside; s && *bad; bad++)
		if (strstr(s, *bad))
			at_error(j, p, "value-format", "'%s' must not have "
				 "'%s' in it", s, *bad);
	for (const char *const *bad = ends; s && *bad; bad++)
		if (strlen(s) >= strlen(*bad) &&
		    !strcmp(s + strlen(s) - strlen(*bad), *bad))
			at_error(j, p, "value-format", "'%s' must not end in "
				 "'%s'", s, *bad);
}

static void judge_path(struct judge *j, const struct place *p)
{
	const char *type = at_key_text(p, "pathType", "");
	bool matched = !strcmp(type, "Exact") || !strcmp(type, "Prefix");
	struct place path, backend;

	if (!at_is_map(p))
		return;
	if (at_has(p, "pathType") && !*type)
		at_missing(j, p, "pathType", ": Prefix, Exact or "
			   "ImplementationSpecific");
	at(p, "path", &path);
	if (matched && !at_filled(p, "path"))
		at_missing(j, p, "path", " where the pathType is Prefix or "
			   "Exact: / is everything");
	else if (at_filled(p, "path"))
		judge_absolute(j, &path);
	if (matched)
		judge_clean_path(j, &path);
	if (at(p, "backend", &backend))
		judge_backend(j, &backend);
}

static void judge_http(struct judge *j, const struct place *p)
{
	struct place paths;

	at(p, "paths", &paths);
	if (at_has(p, "paths") && !at_count(&paths))
		at_error(j, &paths, "value-required", "must not be empty");
	at_items(j, &paths, judge_path);
}

static bool is_wildcard_name(const char *s)
{
	return strlen(s) <= 253 && !strncmp(s, "*.", 2) &&
	       is_dns_subdomain(s + 2);
}

static void judge_host(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);

	if (s && strchr(s, '*'))
		judge_text(j, p, is_wildcard_name, "wildcard: it begins with "
			   "'*.', and a DNS name without * follows");
	else
		judge_dns_subdomain(j, p);
}

static void judge_rule_host(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);

	if (s && is_ip(s, 0))
		at_error(j, p, "value-format", "must be a DNS name, not an IP "
			 "address");
	else
		judge_host(j, p);
}

static void judge_rule(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "host", judge_rule_host, OR_EMPTY },
		{ "http", judge_http, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_rules(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_rule);
}

static void judge_hosts(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_host);
}

static void judge_tls(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "hosts", judge_hosts, ANY },
		{ "secretName", judge_dns_subdomain, OR_EMPTY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_tls_list(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_tls);
}

static void check_class(struct judge *j, const struct place *root,
			const struct place *spec)
{
	struct place metadata, annotations, old, class;

	if (!at(root, "metadata", &metadata) ||
	    !at(&metadata, "annotations", &annotations) ||
	    !at(&annotations, ANNOTATION_CLASS, &old) ||
	    !at(spec, "ingressClassName", &class) || !at_text(&old) ||
	    !at_text(&class) || !strcmp(at_text(&old), at_text(&class)))
		return;
	at_error(j, &old, "value-conflict", "is '%s', but "
		 "spec.ingressClassName is '%s': remove the annotation",
		 at_text(&old), at_text(&class));
}

void judge_ingress(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "defaultBackend", judge_backend, ANY },
		{ "ingressClassName", judge_dns_subdomain, ANY },
		{ "rules", judge_rules, ANY },
		{ "tls", judge_tls_list, ANY },
	};
	struct place spec;

	if (!at(root, "spec", &spec)) {
		at_missing(j, root, "spec", "");
		return;
	}
	at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	if (at_is_map(&spec) && !at_filled(&spec, "rules") &&
	    !at_has(&spec, "defaultBackend"))
		at_error(j, &spec, "value-required", "must have rules or a "
			 "defaultBackend");
	check_class(j, root, &spec);
}

/* ---- IngressClass ---- */

static bool is_domain_path(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-._~%!$&'()*+,;=:";
	size_t len = strcspn(s, "/");
	char host[CONTROLLER_MAX + 1];

	if (!s[len] || !s[len + 1] || len >= sizeof(host))
		return false;
	memcpy(host, s, len);
	host[len] = '\0';
	return is_dns_subdomain(host) &&
	       !s[len + 1 + strspn(s + len + 1, letters)];
}

static void judge_controller(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);

	if (s && strlen(s) > CONTROLLER_MAX)
		at_error(j, p, "value-range", "must be no longer than %d "
			 "bytes", CONTROLLER_MAX);
	else
		judge_text(j, p, is_domain_path, "controller: a domain, / and "
			   "a path, such as example.org/ingress");
}

static void judge_parameters(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "apiGroup", judge_dns_subdomain, ANY },
		{ "kind", judge_segment, FILLED },
		{ "name", judge_segment, FILLED },
	};
	static const char *const namespace[] = { "namespace", NULL };
	const char *scope = at_key_text(p, "scope", "Cluster");
	struct place down;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (!at_is_map(p))
		return;
	if (at(p, "scope", &down) && node_text(down.node))
		JUDGE_WORDS(j, &down, "Cluster", "Namespace");
	if (!strcmp(scope, "Cluster"))
		at_forbid(j, p, namespace, "where the scope is Cluster, which "
			  "is the default");
	else if (!strcmp(scope, "Namespace") && !at_has(p, "namespace"))
		at_missing(j, p, "namespace", " where the scope is Namespace");
	else if (!strcmp(scope, "Namespace") && at(p, "namespace", &down))
		judge_dns_label(j, &down);
}

void judge_ingress_class(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "controller", judge_controller, MUST },
		{ "parameters", judge_parameters, ANY },
	};
	struct place spec;

	if (at(root, "spec", &spec))
		at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	else
		at_missing(j, root, "spec", ": it names the controller");
}
