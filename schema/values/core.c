/*
 * Small kinds of their own: Secret, Namespace, Lease, APIService. As
 * core/validation, coordination/validation and kube-aggregator have them.
 * What may stand in data at all is judged by rules-data.c.
 */
#include "config.h"

#include <sodium.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/secret.h"
#include "schema/json.h"
#include "schema/values/common.h"
#include "schema/values/kinds.h"

#define GROUP_PRIORITY_MAX 20000
#define VERSION_PRIORITY_MAX 1000
#define SECURITY "pod-security.kubernetes.io/"
#define ANNOTATION_ACCOUNT "kubernetes.io/service-account.name"

/* ---- Secret ---- */

/* A key of data, or of stringData, which stands above it. */
static bool secret_key(const struct place *root, const char *key,
		       struct place *map, struct place *ret)
{
	return (at(root, "stringData", map) && at(map, key, ret)) ||
	       (at(root, "data", map) && at(map, key, ret)) ||
	       node_pair(node_get(root->node, "data"), key) ||
	       node_pair(node_get(root->node, "stringData"), key);
}

static void need_key(struct judge *j, const struct place *root,
		     const char *key)
{
	struct place map, value, type;

	if (!secret_key(root, key, &map, &value) && at(root, "type", &type))
		at_error(j, &type, "value-required", "is %s, which needs '%s' "
			 "in data", at_text(&type), key);
}

static bool is_json_map(const char *s, size_t len)
{
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *n;
	bool ok = !json_read(s, len, &a, &n, &err) &&
		  (n->type == NODE_MAP || n->type == NODE_NULL);

	arena_release(&a);
	return ok;
}

/* The value itself is never shown. */
static void check_json(struct judge *j, const struct place *root,
		       const char *key)
{
	struct place map, value;
	const struct node *n;
	unsigned char *bytes;
	size_t len = 0;
	bool ok = true;

	value.node = NULL;
	if (!secret_key(root, key, &map, &value) || !value.node ||
	    value.node->type != NODE_STR)
		return;
	n = value.node;
	if (!strcmp(map.key, "stringData")) {
		ok = is_json_map(n->str, n->n);
	} else {
		bytes = xmalloc(n->n + 1);
		if (!sodium_base642bin(bytes, n->n + 1, n->str, n->n, "\r\n",
				       &len, NULL,
				       sodium_base64_VARIANT_ORIGINAL))
			ok = is_json_map((char *)bytes, len);
		sodium_memzero(bytes, n->n + 1);
		free(bytes);
	}
	if (!ok)
		at_error(j, &value, "value-format", "must be a map in JSON");
}

static void check_account_token(struct judge *j, const struct place *root)
{
	struct place metadata, annotations, type;

	at(root, "metadata", &metadata);
	at(&metadata, "annotations", &annotations);
	if (!at_filled(&annotations, ANNOTATION_ACCOUNT) &&
	    at(root, "type", &type))
		at_error(j, &type, "value-required", "is %s, which needs the "
			 "annotation '" ANNOTATION_ACCOUNT "'",
			 at_text(&type));
}

void judge_secret(struct judge *j, const struct place *root)
{
	const char *type = at_key_text(root, "type", "Opaque");
	struct place map, key;

	if (!strcmp(type, "kubernetes.io/service-account-token")) {
		check_account_token(j, root);
	} else if (!strcmp(type, "kubernetes.io/dockercfg")) {
		need_key(j, root, ".dockercfg");
		check_json(j, root, ".dockercfg");
	} else if (!strcmp(type, "kubernetes.io/dockerconfigjson")) {
		need_key(j, root, ".dockerconfigjson");
		check_json(j, root, ".dockerconfigjson");
	} else if (!strcmp(type, "kubernetes.io/basic-auth")) {
		if (!secret_key(root, "password", &map, &key) &&
		    !secret_key(root, "username", &map, &key) &&
		    at(root, "type", &key))
			at_error(j, &key, "value-required", "is %s, which "
				 "needs 'username' or 'password' in data",
				 type);
	} else if (!strcmp(type, "kubernetes.io/ssh-auth")) {
		need_key(j, root, "ssh-privatekey");
		if (secret_key(root, "ssh-privatekey", &map, &key) &&
		    key.node && key.node->type == NODE_STR && !key.node->n)
			at_error(j, &key, "value-required", "must not be "
				 "empty");
	} else if (!strcmp(type, "kubernetes.io/tls")) {
		need_key(j, root, "tls.crt");
		need_key(j, root, "tls.key");
	}
}

/* ---- Namespace ---- */

static bool is_finalizer(const char *s)
{
	return !strcmp(s, "kubernetes") || !strcmp(s, "orphan") ||
	       !strcmp(s, "foregroundDeletion") ||
	       (strchr(s, '/') && is_qualified_name(s));
}

static void judge_finalizer(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_finalizer, "finalizer: a domain, / and a name, "
		   "such as example.org/cleanup");
}

/* "latest", or "v1.30" */
static bool is_security_version(const char *s)
{
	const char *minor = s + 3;

	return !strcmp(s, "latest") ||
	       (!strncmp(s, "v1.", 3) && *minor &&
		!minor[strspn(minor, "0123456789")] &&
		(*minor != '0' || !minor[1]));
}

static void judge_security_version(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_security_version, "version of Pod security: "
		   "latest, or as v1.30");
}

static void judge_security_level(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "privileged", "baseline", "restricted");
}

/* As the admission plugin PodSecurity reads them. */
static void check_security(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ SECURITY "audit", judge_security_level, ANY },
		{ SECURITY "audit-version", judge_security_version, ANY },
		{ SECURITY "enforce", judge_security_level, ANY },
		{ SECURITY "enforce-version", judge_security_version, ANY },
		{ SECURITY "warn", judge_security_level, ANY },
		{ SECURITY "warn-version", judge_security_version, ANY },
	};
	struct place metadata, labels;

	if (at(root, "metadata", &metadata) && at(&metadata, "labels", &labels))
		at_fields(j, &labels, fields, ARRAY_SIZE(fields));
}

void judge_namespace(struct judge *j, const struct place *root)
{
	struct place spec, list;

	check_security(j, root);
	if (at(root, "spec", &spec) && at(&spec, "finalizers", &list))
		at_items(j, &list, judge_finalizer);
}

/* ---- Lease: strategy and preferredHolder are dropped by default ---- */

void judge_lease(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "leaseDurationSeconds", judge_positive, ANY },
		{ "leaseTransitions", judge_not_negative, ANY },
	};
	struct place spec;

	if (at(root, "spec", &spec))
		at_fields(j, &spec, fields, ARRAY_SIZE(fields));
}

/* ---- APIService: rules-meta.c judges its name ---- */

static void judge_group_priority(struct judge *j, const struct place *p)
{
	judge_range(j, p, 1, GROUP_PRIORITY_MAX);
}

static void judge_version_priority(struct judge *j, const struct place *p)
{
	judge_range(j, p, 1, VERSION_PRIORITY_MAX);
}

static void check_local_api(struct judge *j, const struct place *spec)
{
	static const char *const bundle[] = { "caBundle", NULL };
	const char *why = "without a service: the API server itself answers";
	struct place skip;

	at_forbid_filled(j, spec, bundle, why);
	if (at_key_true(spec, "insecureSkipTLSVerify") &&
	    at(spec, "insecureSkipTLSVerify", &skip))
		at_key_error(j, &skip, "value-forbidden", "cannot be set %s",
			     why);
}

static void judge_api_service_ref(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", NULL, MUST },
		{ "namespace", NULL, MUST },
		{ "port", judge_port, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_api_service(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "group", judge_dns_subdomain, OR_EMPTY },
		{ "groupPriorityMinimum", judge_group_priority, ANY },
		{ "service", judge_api_service_ref, ANY },
		{ "version", judge_dns1035_label, MUST },
		{ "versionPriority", judge_version_priority, ANY },
	};
	struct place spec, skip;

	if (!at(root, "spec", &spec)) {
		at_missing(j, root, "spec", "");
		return;
	}
	at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	/* Kubernetes' own oldest API has none */
	if (!at_filled(&spec, "group") && strcmp(j->o->id.name, "v1."))
		at_missing(j, &spec, "group", "");
	if (!at_has(&spec, "service"))
		check_local_api(j, &spec);
	else if (at_key_true(&spec, "insecureSkipTLSVerify") &&
		 at_filled(&spec, "caBundle") &&
		 at(&spec, "insecureSkipTLSVerify", &skip))
		at_key_error(j, &skip, "value-conflict", "cannot be true "
			     "beside a caBundle");
}
