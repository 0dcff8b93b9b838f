/*
 * What may be in a channel: each rule, with what breaks it and what does not.
 */
#include "config.h"

#include <stdlib.h>

#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/rules.h"
#include "t/unit/tap.h"

static struct arena arena;
static struct scopes scopes;
static struct rules rules = {
	.channel = "prod", .default_namespace = "", .scopes = &scopes,
};

static bool read_object(const char *json, struct object *ret)
{
	struct err err = ERR_INIT;

	*ret = (struct object){ .path = "a.yaml", .mark = { 1, 1 } };
	if (json_read(json, strlen(json), &arena, &ret->root, &err) ||
	    object_id_of(ret->root, &arena, &ret->id, &err)) {
		printf("# %s: %s\n", err.msg, json);
		return false;
	}
	return true;
}

/* The problems of one object as text, one a line. */
static char *judge(const char *json)
{
	struct problems ps = PROBLEMS_INIT;
	struct buf out = BUF_INIT(65536);
	struct object o;
	int rc;

	if (!read_object(json, &o))
		return xstrdup("unreadable");
	rc = rules_check(&rules, &o, &ps);
	if ((rc < 0) != (ps.errors > 0))
		buf_adds(&out, "result and errors disagree\n");
	problems_sort(&ps);
	for (size_t i = 0; i < ps.n; i++) {
		problem_format(&ps.v[i], &out);
		buf_addc(&out, '\n');
	}
	problems_release(&ps);
	return buf_detach(&out, NULL);
}

#define RBAC "rbac.authorization.k8s.io/v1"
#define OBJECT(api, kind, meta) \
	"{\"apiVersion\":\"" api "\",\"kind\":\"" kind "\",\"metadata\":{" \
	meta "}}"

static void good(const char *json)
{
	char *got = judge(json);

	is_str(got, "", json);
	free(got);
}

/* As good, for a text that is too long to be a description. */
static void good_large(const char *json, const char *what)
{
	char *got = judge(json);

	is_str(got, "", what);
	free(got);
}

/* Exactly one finding, and it has this in it. */
static void bad(const char *json, const char *want)
{
	char *got = judge(json);
	char *end = strchr(got, '\n');

	if (!ok(strstr(got, want) && end && !end[1], "%s", want))
		printf("#   of: %s\n#  got: %s", json, got);
	free(got);
}

static void test_scope(void)
{
	good(OBJECT("v1", "ConfigMap", "\"name\":\"a\",\"namespace\":\"n\""));
	good(OBJECT("v1", "Namespace", "\"name\":\"a\""));
	good(OBJECT("v1", "Namespace", "\"name\":\"a\",\"namespace\":\"\""));
	good(OBJECT("v1", "Namespace", "\"name\":\"a\",\"namespace\":null"));
	good(OBJECT("example.org/v1", "Web", "\"name\":\"a\",\"namespace\":\"n\""));
	good(OBJECT("windlass.dev/v1alpha1", "Channel", "\"name\":\"other\""));
	bad(OBJECT("v1", "ConfigMap", "\"name\":\"a\""),
	    "a.yaml:1:50: error: ConfigMap 'a' has no namespace, and the "
	    "channel no default: add metadata.namespace, or set "
	    "windlass.prod.defaultNamespace (--namespace of the command line) "
	    "[namespace-missing]");
	bad(OBJECT("v1", "Namespace", "\"name\":\"a\",\"namespace\":\"n\""),
	    "a.yaml:1:74: error: Namespace is cluster-scoped and has no "
	    "namespace: remove this line [namespace-forbidden]");
	bad(OBJECT("v1", "ConfigMap", "\"name\":\"a\",\"namespace\":\"N\""),
	    "[namespace-malformed]");
	bad(OBJECT("example.org/v2", "Web",
		   "\"name\":\"a\",\"namespace\":\"n\""),
	    "error: version 'v2' of Web.example.org is not served: its "
	    "CustomResourceDefinition has 'v1' [api-version]");
	bad(OBJECT("apps/v3", "Deployment",
		   "\"name\":\"a\",\"namespace\":\"n\""),
	    "warning: Kubernetes v1.36.3 does not serve apps/v3: for "
	    "Deployment it has 'v1' [api-version]");
	bad(OBJECT("apps/v1beta1", "Deployment",
		   "\"name\":\"a\",\"namespace\":\"n\""),
	    "error: apps/v1beta1 Deployment was removed in Kubernetes 1.16: "
	    "use apps/v1 Deployment [api-removed]");
	bad(OBJECT("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema",
		   "\"name\":\"a\""),
	    "was removed in Kubernetes 1.32: use "
	    "flowcontrol.apiserver.k8s.io/v1 FlowSchema [api-removed]");
	bad(OBJECT("policy/v1beta1", "PodSecurityPolicy",
		   "\"name\":\"a\""),
	    "was removed in Kubernetes 1.25: use the "
	    "pod-security.kubernetes.io labels of a Namespace");
	bad(OBJECT("v1", "Endpoints",
		   "\"name\":\"a\",\"namespace\":\"n\""),
	    "warning: v1 Endpoints is deprecated since Kubernetes 1.33: use "
	    "discovery.k8s.io/v1 EndpointSlice [api-deprecated]");
	bad(OBJECT("example.org/v1", "Wub", "\"name\":\"a\""),
	    "kind 'Wub' is unknown: did you mean 'Web'? [scope-unknown]");
	bad(OBJECT("apps/v1", "deployment", "\"name\":\"a\""),
	    "did you mean 'Deployment'?");
	bad(OBJECT("extensions/v1beta1", "Ingress", "\"name\":\"a\""),
	    "extensions/v1beta1 Ingress was removed in Kubernetes 1.22: use "
	    "networking.k8s.io/v1 Ingress");
	bad(OBJECT("extensions/v1beta9", "Ingress", "\"name\":\"a\""),
	    "'extensions/v1beta9' has no kind 'Ingress', but "
	    "'networking.k8s.io/v1' has");
	bad(OBJECT("v1", "Deployment", "\"name\":\"a\""),
	    "'v1' has no kind 'Deployment', but 'apps/v1' has");
	bad(OBJECT("serving.knative.dev/v1", "Service", "\"name\":\"a\""),
	    "kind 'Service' of 'serving.knative.dev/v1' is unknown: add its "
	    "CustomResourceDefinition to these files, or name a file that "
	    "has it (windlass.prod.crds of the repository, --crds of the "
	    "command line) [scope-unknown]");
	bad(OBJECT("certificates.k8s.io/v1beta1", "ClusterTrustBundle",
		   "\"name\":\"a\""), "Kubernetes v1.36.3 has no kind "
	    "'ClusterTrustBundle' in 'certificates.k8s.io/v1beta1', or not "
	    "by default");
	bad(OBJECT("authorization.k8s.io/v1", "SubjectAccessReview",
		   "\"name\":\"a\""), "cannot be applied [kind-not-applied]");
}

static void test_default_namespace(void)
{
	struct problems ps = PROBLEMS_INIT;
	struct object o;

	rules.default_namespace = "demo";
	read_object(OBJECT("v1", "ConfigMap", "\"name\":\"a\""), &o);
	ok(!rules_check(&rules, &o, &ps) && !strcmp(o.id.namespace, "demo") &&
	   !node_path(o.root, "metadata", "namespace", NULL),
	   "the default is filled in, not into the tree");
	read_object(OBJECT("v1", "ConfigMap", "\"name\":\"a\","
			   "\"namespace\":\"\""), &o);
	ok(!rules_check(&rules, &o, &ps) && !strcmp(o.id.namespace, "demo"),
	   "an empty namespace is none");
	read_object(OBJECT("v1", "Namespace", "\"name\":\"a\""), &o);
	ok(!rules_check(&rules, &o, &ps) && !*o.id.namespace,
	   "nothing is filled in where none belongs");
	rules.default_namespace = "";
	problems_release(&ps);
}

#define IN "\",\"namespace\":\"n\""
#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_names(void)
{
	good(OBJECT("v1", "ConfigMap", "\"name\":\"1.a-b" IN));
	bad(OBJECT("v1", "ConfigMap", "\"name\":\"A" IN), "[name-malformed]");
	bad(OBJECT("v1", "ConfigMap", "\"name\":\"a_b" IN), "must be a DNS name");
	good(OBJECT("v1", "Service", "\"name\":\"1a" IN));
	bad(OBJECT("v1", "Service", "\"name\":\"a.b" IN), "must be a DNS label");
	bad(OBJECT("apps/v1", "StatefulSet", "\"name\":\"a.b" IN),
	    "must be a DNS label");
	bad(OBJECT("v1", "Namespace", "\"name\":\"" A63 "a\""),
	    "must be a DNS label");
	good(OBJECT("v1", "Namespace", "\"name\":\"" A63 "\""));
	good(OBJECT("rbac.authorization.k8s.io/v1", "Role",
		    "\"name\":\"system:A_b" IN));
	bad(OBJECT("rbac.authorization.k8s.io/v1", "Role",
		   "\"name\":\"a b" IN), "cannot be in a bundle");
	bad(OBJECT("rbac.authorization.k8s.io/v1", "Role",
		   "\"name\":\"a/b" IN), "nor contain / or %");
	bad(OBJECT("rbac.authorization.k8s.io/v1", "Role",
		   "\"name\":\".." IN), "must not be '.' or '..'");
	good(OBJECT("batch/v1", "CronJob", "\"name\":\"aaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" IN));
	bad(OBJECT("batch/v1", "CronJob", "\"name\":\"aaaaaaaaaaaaaaaaaaaaaaa"
		   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" IN), "at most 52 bytes");
	good(OBJECT("networking.k8s.io/v1", "IPAddress", "\"name\":\"::1\""));
	good(OBJECT("networking.k8s.io/v1", "IPAddress",
		    "\"name\":\"10.0.0.1\""));
	bad(OBJECT("networking.k8s.io/v1", "IPAddress",
		   "\"name\":\"0:0::1\""), "an IP address");
	good(OBJECT("v1", "ConfigMap", "\"name\":\"" A63 A63 A63
		    "." "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    IN));
	bad(OBJECT("v1", "ConfigMap", "\"name\":\"" A63 A63 A63
		   "." "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		   IN), "a name of 246 bytes is too long for a bundle");
}

static void test_joined_names(void)
{
	good("{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":"
	     "\"CustomResourceDefinition\",\"metadata\":{\"name\":\"as.b.c\"},"
	     "\"spec\":{\"group\":\"b.c\",\"names\":{\"plural\":\"as\"}}}");
	bad("{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":"
	    "\"CustomResourceDefinition\",\"metadata\":{\"name\":\"a.b.c\"},"
	    "\"spec\":{\"group\":\"b.c\",\"names\":{\"plural\":\"as\"}}}",
	    "must be '<spec.names.plural>.<spec.group>': as.b.c");
	good("{\"apiVersion\":\"apiregistration.k8s.io/v1\",\"kind\":"
	     "\"APIService\",\"metadata\":{\"name\":\"v1.b.c\"},"
	     "\"spec\":{\"group\":\"b.c\",\"version\":\"v1\"}}");
	bad("{\"apiVersion\":\"apiregistration.k8s.io/v1\",\"kind\":"
	    "\"APIService\",\"metadata\":{\"name\":\"v2.b.c\"},"
	    "\"spec\":{\"group\":\"b.c\",\"version\":\"v1\"}}",
	    "must be '<spec.version>.<spec.group>': v1.b.c");
}

static void test_own(void)
{
	bad(OBJECT("windlass.dev/v1alpha1", "Channel", "\"name\":\"prod\""),
	    "[own-channel]");
	bad(OBJECT("apiextensions.k8s.io/v1", "CustomResourceDefinition",
		   "\"name\":\"channels.windlass.dev\""), "[own-channel]");
	bad(OBJECT("v1", "Namespace", "\"name\":\"windlass-system\""),
	    "[own-namespace]");
	bad(OBJECT("v1", "ConfigMap", "\"name\":\"a\",\"namespace\":"
		   "\"windlass-system\""), "[own-namespace]");
	bad(OBJECT(RBAC, "ClusterRole", "\"name\":\"windlassd\""),
	    "[own-object]");
	bad(OBJECT(RBAC, "ClusterRoleBinding", "\"name\":\"windlassd\""),
	    "[own-object]");
	bad(OBJECT(RBAC, "ClusterRole",
		   "\"name\":\"windlass-engine-prod.cluster\""),
	    "[own-object]");
	bad(OBJECT(RBAC, "RoleBinding", "\"name\":\"windlass-channel-a\","
		   "\"namespace\":\"shop\""), "[own-object]");
	bad(OBJECT(RBAC, "Role", "\"name\":\"windlassd\",\"namespace\":"
		   "\"default\""), "[own-object]");
	good(OBJECT("example.org/v1", "Web", "\"name\":\"windlassd\","
		    "\"namespace\":\"default\""));
	good(OBJECT("example.org/v1", "Web",
		    "\"name\":\"prod\",\"namespace\":\"n\""));
}

static void test_secret(void)
{
	static const char secret[] =
		OBJECT("v1", "Secret", "\"name\":\"a\",\"namespace\":\"n\"");

	bad(secret, "git config windlass.prod.secrets allow");
	rules.allow_secrets = true;
	good(secret);
	rules.allow_secrets = false;
	good(OBJECT("example.org/v1", "Secret",
		    "\"name\":\"a\",\"namespace\":\"n\""));
}

#define WITH(meta) OBJECT("v1", "ConfigMap", \
			  "\"name\":\"a\",\"namespace\":\"n\"," meta)

static void test_metadata(void)
{
	good(WITH("\"labels\":{\"a.b/C_d\":\"E.f\",\"x\":\"\",\"y\":null},"
		  "\"annotations\":{\"A.b/c\":\"any \\n text\",\"z\":null}"));
	good(WITH("\"labels\":null,\"annotations\":null"));
	good(WITH("\"labels\":{},\"annotations\":{}"));
	bad(WITH("\"labels\":[]"),
	    "metadata.labels must be a map, not a list [label-malformed]");
	bad(WITH("\"annotations\":\"a\""), "[annotation-malformed]");
	bad(WITH("\"labels\":{\"a\":1}"),
	    "a.yaml:1:92: error: label 'a' must be a string, not an integer");
	bad(WITH("\"labels\":{\"a\":\"b c\"}"),
	    "the value 'b c' of label 'a' is malformed");
	bad(WITH("\"labels\":{\"a b\":\"c\"}"), "label key 'a b' is malformed");
	bad(WITH("\"labels\":{\"A.b/c\":\"c\"}"), "label key 'A.b/c'");
	bad(WITH("\"labels\":{\"\":\"c\"}"), "label key ''");
	bad(WITH("\"labels\":{\"a\":\"b\\u0000\"}"), "[label-malformed]");
	bad(WITH("\"annotations\":{\"a b\":\"b\"}"), "annotation key 'a b'");
	bad(WITH("\"annotations\":{\"a\":{}}"), "must be a string, not a map");
	bad(WITH("\"labels\":{\"applyset.kubernetes.io/part-of\":\"a\"}"),
	    "is set by windlass alone: remove this line [applyset-label]");
	bad(WITH("\"labels\":{\"applyset.kubernetes.io/id\":\"a\"}"),
	    "[applyset-label]");
	bad(WITH("\"labels\":{\"applyset.kubernetes.io/is-parent-type\":"
		 "\"true\"}"), "[applyset-label]");
	good(OBJECT("apiextensions.k8s.io/v1", "CustomResourceDefinition",
		    "\"name\":\"as.b.c\",\"labels\":{"
		    "\"applyset.kubernetes.io/is-parent-type\":\"true\"}"));
}

/* What YAML makes of a plain scalar is said in YAML's words. */
static void test_surprise(void)
{
	static const char yaml[] =
		"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
		"  namespace: ns\n  labels:\n    tier: yes\n"
		"  annotations:\n    version: 1.10\n";
	struct problems ps = PROBLEMS_INIT;
	struct objects os = OBJECTS_INIT;

	if (manifest_read("a.yaml", yaml, strlen(yaml), &arena, &os, &ps) ||
	    os.n != 1 || rules_check(&rules, &os.v[0], &ps) != -1 || ps.n != 2)
		ok(0, "two errors of one object");
	is_str(ps.n ? ps.v[0].message : "", "label 'tier' must be a string: "
	       "YAML reads yes as a boolean; write \"yes\"",
	       "how to write it is said");
	is_str(ps.n > 1 ? ps.v[1].message : "", "annotation 'version' must be "
	       "a string: YAML reads 1.10 as a number; write \"1.10\"",
	       "for a version that loses its zero too");
	ok(ps.n && ps.v[0].mark.line == 7 && ps.v[0].mark.column == 11,
	   "at the value");
	objects_release(&os);
	problems_release(&ps);
}

/* One with its namespace, one that gets it from the channel. */
static void test_duplicates_by_default(void)
{
	static const char yaml[] =
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n"
		"apiVersion: v1\nkind: ConfigMap\n"
		"metadata: {name: a, namespace: shop}\n";
	struct objects os = OBJECTS_INIT;
	struct problems ps = PROBLEMS_INIT;

	rules.default_namespace = "shop";
	manifest_read("f.yaml", yaml, strlen(yaml), &arena, &os, &ps);
	for (size_t i = 0; i < os.n; i++)
		rules_check(&rules, &os.v[i], &ps);
	ok(rules_check_duplicates(&os, &ps) < 0 && ps.n == 1 &&
	   strstr(ps.v[0].message, "f.yaml:1") && ps.v[0].mark.line == 5,
	   "the same object twice, by the default namespace");
	rules.default_namespace = "";
	objects_release(&os);
	problems_release(&ps);
}

#define DATA(kind, fields) \
	"{\"apiVersion\":\"v1\",\"kind\":\"" kind "\",\"metadata\":{" \
	"\"name\":\"a\",\"namespace\":\"n\"}," fields "}"

/* What t2200 asks a real API server too. */
static void test_data(void)
{
	static const char *const taken[] = {
		"\"aGk=\"", "\"aGl=\"", "\"aG\\nk=\"", "\"aGk\\r\\n=\\n\"",
		"\"aA==\"", "\"aA=\\n=\"", "\"+/+/\"", "\"\"", "null",
	};
	static const char *const refused[] = {
		"\"aGk\"", "\"aGk= \"", "\" aGk=\"", "\"aGk==\"", "\"====\"",
		"\"=\"", "\"a===\"", "\"a-_b\"", "\"aA==aA==\"", "\"YQ=a\"",
		("\"\xc3\xa9" "aa\""), "\"aGkh=\"", "\"aGkha\"",
		"\"aG\\u0000=\"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		char *text = xasprintf(DATA("Secret", "\"data\":{\"k\":%s}"),
				       taken[i]);

		good(text);
		free(text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		char *text = xasprintf(DATA("Secret", "\"data\":{\"k\":%s}"),
				       refused[i]);

		bad(text, "a.yaml:1:88: error: data 'k' is no base64: encode "
		    "it, or write it as it is under stringData "
		    "[data-malformed]");
		free(text);
	}
	bad(DATA("ConfigMap", "\"binaryData\":{\"k\":\"hunter2\"}"),
	    "binaryData 'k' is no base64: encode it, or write it as it is "
	    "under data [data-malformed]");
	good(DATA("ConfigMap", "\"data\":{\"k\":\"hunter2\"}"));
	bad(DATA("ConfigMap", "\"data\":{\"k\":5}"),
	    "a.yaml:1:91: error: data 'k' must be text, not an integer "
	    "[data-malformed]");
	bad(DATA("Secret", "\"stringData\":{\"k\":[\"x\"]}"),
	    "stringData 'k' must be text, not a list [data-malformed]");
	bad(DATA("Secret", "\"data\":\"hunter2\""),
	    "data must be a map, not a string [data-malformed]");
	good(DATA("Secret", "\"data\":null,\"stringData\":{}"));
	good(DATA("Secret", "\"data\":{\"A_b.c-d\":\"\",\".a\":\"\"}"));
	bad(DATA("Secret", "\"data\":{\"\":\"\"}"), "key '' of data");
	bad(DATA("Secret", "\"data\":{\".\":\"\"}"), "key '.' of data");
	bad(DATA("Secret", "\"data\":{\"..a\":\"\"}"), "key '..a' of data");
	bad(DATA("Secret", "\"stringData\":{\"a/b\":\"\"}"),
	    "a.yaml:1:90: error: key 'a/b' of stringData is malformed");
	bad(DATA("ConfigMap", "\"data\":{\"k\":\"\"},"
		 "\"binaryData\":{\"k\":\"\"}"),
	    "key 'k' is in data and in binaryData: remove one of the two");
	good(DATA("Secret", "\"data\":{\"k\":\"\"},\"stringData\":{\"k\":\"\"}"));
	good("{\"apiVersion\":\"example.org/v1\",\"kind\":\"Web\",\"metadata\":"
	     "{\"name\":\"a\",\"namespace\":\"n\"},\"data\":5}");
}

static void test_data_limits(void)
{
	size_t max = LIMIT_DATA_BYTES, letters = (max + 2) / 3 * 4;
	char *text = xmalloc(letters + 1), *json;
	char key[255];

	memset(key, 'k', 254);
	key[254] = '\0';
	json = xasprintf(DATA("Secret", "\"data\":{\"%s\":\"\"}"), key + 1);
	good(json);
	free(json);
	json = xasprintf(DATA("Secret", "\"data\":{\"%s\":\"\"}"), key);
	bad(json, "at most 253 letters");
	free(json);

	memset(text, 'x', max);
	text[max] = '\0';
	json = xasprintf(DATA("ConfigMap", "\"data\":{\"k\":\"%s\"}"), text);
	good_large(json, "a ConfigMap at the limit");
	free(json);
	json = xasprintf(DATA("ConfigMap", "\"data\":{\"k\":\"%s\"},"
			      "\"binaryData\":{\"b\":\"aA==\"}"), text);
	bad(json, "1048577 bytes of data: a ConfigMap may have 1048576 at "
	    "most [data-malformed]");
	free(json);

	/* 2^20 is 1 beyond a multiple of 3 */
	memset(text, 'A', letters);
	memcpy(text + letters - 2, "==", 3);
	json = xasprintf(DATA("Secret", "\"data\":{\"k\":\"%s\"}"), text);
	good_large(json, "a Secret at the limit");
	free(json);
	memcpy(text + letters - 2, "A=", 3);
	json = xasprintf(DATA("Secret", "\"data\":{\"k\":\"%s\"}"), text);
	bad(json, "1048577 bytes of data: a Secret may have 1048576 at most");
	free(json);
	json = xasprintf(DATA("Secret", "\"data\":{\"k\":\"%s\"},"
			      "\"stringData\":{\"k\":\"\"}"), text);
	good_large(json, "what stringData replaces does not count");
	free(json);
	free(text);
}

static void test_annotation_limit(void)
{
	char *text = xmalloc(LIMIT_ANNOTATIONS_BYTES);
	struct problems ps = PROBLEMS_INIT;
	struct object o;
	struct node *map;

	memset(text, 'a', LIMIT_ANNOTATIONS_BYTES);
	read_object(WITH("\"annotations\":{}"), &o);
	map = node_path(o.root, "metadata", "annotations", NULL);
	node_set(&arena, map, "k", node_strn(&arena, text,
					     LIMIT_ANNOTATIONS_BYTES - 1));
	is_int(rules_check(&rules, &o, &ps), 0, "annotations at the limit");
	node_set(&arena, map, "k", node_strn(&arena, text,
					     LIMIT_ANNOTATIONS_BYTES));
	is_int(rules_check(&rules, &o, &ps), -1, "one byte beyond");
	problems_release(&ps);
	free(text);
}

static void test_duplicates(void)
{
	struct objects os = OBJECTS_INIT;
	struct problems ps = PROBLEMS_INIT;
	struct object o;

	read_object(OBJECT("v1", "ConfigMap",
			   "\"name\":\"a\",\"namespace\":\"n\""), &o);
	objects_add(&os, &o);
	read_object(OBJECT("v1", "ConfigMap",
			   "\"name\":\"a\",\"namespace\":\"m\""), &o);
	objects_add(&os, &o);
	read_object(OBJECT("v1", "Secret",
			   "\"name\":\"a\",\"namespace\":\"n\""), &o);
	objects_add(&os, &o);
	read_object(OBJECT("example.org/v1", "ConfigMap",
			   "\"name\":\"a\",\"namespace\":\"n\""), &o);
	objects_add(&os, &o);
	is_int(rules_check_duplicates(&os, &ps), 0, "four that differ");
	read_object(OBJECT("v2", "ConfigMap",
			   "\"name\":\"a\",\"namespace\":\"n\""), &o);
	o.path = "b.yaml";
	o.mark = (struct mark){ 7, 3 };
	objects_add(&os, &o);
	is_int(rules_check_duplicates(&os, &ps), -1, "the version is not it");
	is_str(ps.n == 1 ? ps.v[0].message : "", "ConfigMap n/a is defined at "
	       "a.yaml:1 already",
	       "both places are named");
	ok(!strcmp(ps.v[0].path, "b.yaml") && ps.v[0].mark.line == 7,
	   "at the second");
	objects_release(&os);
	problems_release(&ps);
}

int main(void)
{
	static const char crd[] =
		"{\"spec\":{\"group\":\"example.org\",\"names\":{\"kind\":"
		"\"%s\",\"plural\":\"webs\"},\"scope\":\"Namespaced\","
		"\"versions\":[{\"name\":\"v1\",\"served\":true}]}}";
	static const char *const kinds[] = { "Web", "Secret" };
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char text[512];
		struct node *n = NULL;

		snprintf(text, sizeof(text), crd, kinds[i]);
		if (json_read(text, strlen(text), &arena, &n, &err) ||
		    scope_learn(&scopes, n, &err))
			ok(0, "%s", err.msg);
	}
	test_scope();
	test_default_namespace();
	test_names();
	test_joined_names();
	test_own();
	test_secret();
	test_metadata();
	test_surprise();
	test_annotation_limit();
	rules.allow_secrets = true;
	test_data();
	test_data_limits();
	test_duplicates();
	test_duplicates_by_default();
	scopes_release(&scopes);
	arena_release(&arena);
	return tap_done();
}
