/*
 * The table of built-in kinds and what CustomResourceDefinitions add to it.
 */
#include "config.h"

#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/scope.h"
#include "t/unit/tap.h"

static struct arena arena;

static struct node *read_json(const char *text)
{
	struct node *n = NULL;
	struct err err = ERR_INIT;

	if (json_read(text, strlen(text), &arena, &n, &err) < 0)
		printf("# %s: %s\n", err.msg, text);
	return n;
}

static bool is(const char *group, const char *kind, enum scope scope,
	       const char *plural, const char *versions)
{
	const struct kind_info *k = scope_lookup(NULL, group, kind);

	return k && k->scope == scope && !strcmp(k->plural, plural) &&
	       !strcmp(k->versions, versions) && !k->no_apply;
}

static void test_builtin(void)
{
	const struct kind_info *k;
	size_t n, wrong = 0;

	k = builtin_kinds(&n);
	for (size_t i = 0; i < n; i++) {
		int c = i ? strcmp(k[i - 1].group, k[i].group) : -1;

		wrong += c > 0 || (!c && strcmp(k[i - 1].kind, k[i].kind) >= 0);
		wrong += scope_lookup(NULL, k[i].group, k[i].kind) != &k[i];
		wrong += !*k[i].plural || !*k[i].versions || !k[i].scope;
	}
	ok(n > 60 && !wrong, "%zu kinds, in order, each found", n);
	ok(scope_kubernetes[0] == 'v', "from a server of a known version");
	ok(is("", "ConfigMap", SCOPE_NAMESPACED, "configmaps", "v1") &&
	   is("", "Namespace", SCOPE_CLUSTER, "namespaces", "v1") &&
	   is("apps", "Deployment", SCOPE_NAMESPACED, "deployments", "v1") &&
	   is("networking.k8s.io", "Ingress", SCOPE_NAMESPACED, "ingresses",
	      "v1") &&
	   is("rbac.authorization.k8s.io", "ClusterRole", SCOPE_CLUSTER,
	      "clusterroles", "v1") &&
	   is("autoscaling", "HorizontalPodAutoscaler", SCOPE_NAMESPACED,
	      "horizontalpodautoscalers", "v2 v1"), "some that people use");
	ok(!scope_lookup(NULL, "apps", "ConfigMap") &&
	   !scope_lookup(NULL, "", "configmap") &&
	   !scope_lookup(NULL, "policy", "Eviction"),
	   "others and subresources are unknown");
	ok(scope_lookup(NULL, "", "Binding")->no_apply &&
	   scope_lookup(NULL, "authorization.k8s.io",
			"SubjectAccessReview")->no_apply,
	   "what cannot be applied is marked");
	k = scope_lookup(NULL, "autoscaling", "HorizontalPodAutoscaler");
	ok(kind_serves(k, "v1") && kind_serves(k, "v2") &&
	   !kind_serves(k, "v") && !kind_serves(k, "v2 v1") &&
	   !kind_serves(k, ""), "versions are found as a whole");
}

#define CRD(group, kind, plural, scope, versions) \
	"{\"spec\":{\"group\":" group ",\"names\":{\"kind\":" kind \
	",\"plural\":" plural "},\"scope\":" scope ",\"versions\":" \
	versions "}}"
#define SERVED(name) "{\"name\":\"" name "\",\"served\":true}"

static void test_learn(void)
{
	static const char text[] =
		CRD("\"example.org\"", "\"Web\"", "\"webs\"", "\"Namespaced\"",
		    "[" SERVED("foo1") "," SERVED("v1alpha1") "," SERVED("v2")
		    "," SERVED("v1beta2") "," SERVED("v1beta10") ","
		    SERVED("v10") "," SERVED("foo10") "," SERVED("v1") ","
		    "{\"name\":\"v3\",\"served\":false}]");
	static const char other[] =
		CRD("\"example.org\"", "\"Web\"", "\"webz\"", "\"Cluster\"",
		    "[" SERVED("v1") "]");
	struct scopes s = SCOPES_INIT;
	struct err err = ERR_INIT;
	const struct kind_info *k;

	is_int(scope_learn(&s, read_json(text), &err), 0, "a CRD");
	k = scope_lookup(&s, "example.org", "Web");
	ok(k && k->scope == SCOPE_NAMESPACED && !k->no_apply, "is learnt");
	is_str(k ? k->versions : "", "v10 v2 v1 v1beta10 v1beta2 v1alpha1 "
	       "foo1 foo10", "versions in the API server's order");
	scope_learn(&s, read_json(other), &err);
	k = scope_lookup(&s, "example.org", "Web");
	ok(k && k->scope == SCOPE_CLUSTER && !strcmp(k->plural, "webz"),
	   "a later one replaces it");
	ok(scope_lookup(&s, "", "Pod") != NULL, "built-in kinds stay");
	scopes_release(&s);
}

static void test_bad(void)
{
	static const char *const bad[] = {
		"[]", "{}", "{\"spec\":1}",
		CRD("1", "\"A\"", "\"as\"", "\"Cluster\"", "[" SERVED("v1") "]"),
		CRD("\"\"", "\"A\"", "\"as\"", "\"Cluster\"",
		    "[" SERVED("v1") "]"),
		CRD("\"a/b\"", "\"A\"", "\"as\"", "\"Cluster\"",
		    "[" SERVED("v1") "]"),
		CRD("\"a.b\\u0000\"", "\"A\"", "\"as\"", "\"Cluster\"",
		    "[" SERVED("v1") "]"),
		CRD("\"a.b\"", "\"A/B\"", "\"as\"", "\"Cluster\"",
		    "[" SERVED("v1") "]"),
		CRD("\"a.b\"", "\"A\"", "\"As\"", "\"Cluster\"",
		    "[" SERVED("v1") "]"),
		CRD("\"a.b\"", "\"A\"", "\"as\"", "\"cluster\"",
		    "[" SERVED("v1") "]"),
		CRD("\"a.b\"", "\"A\"", "\"as\"", "\"Cluster\"", "[]"),
		CRD("\"a.b\"", "\"A\"", "\"as\"", "\"Cluster\"", "{}"),
		CRD("\"a.b\"", "\"A\"", "\"as\"", "\"Cluster\"", "[1]"),
		CRD("\"a.b\"", "\"A\"", "\"as\"", "\"Cluster\"",
		    "[" SERVED("V1") "]"),
		CRD("\"a.b\"", "\"A\"", "\"as\"", "\"Cluster\"",
		    "[{\"name\":\"v1\",\"served\":\"yes\"}]"),
		CRD("\"apps\"", "\"Deployment\"", "\"deployments\"",
		    "\"Cluster\"", "[" SERVED("v1") "]"),
	};
	struct scopes s = SCOPES_INIT;
	struct err err = ERR_INIT;
	int learnt = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (!scope_learn(&s, read_json(bad[i]), &err)) {
			printf("# learnt: %s\n", bad[i]);
			learnt++;
		}
	ok(!learnt && !s.crds.count, "malformed CRDs teach nothing");
	is_str(err.msg, "Deployment.apps is a kind of Kubernetes itself",
	       "a built-in kind is not redefined");
	scopes_release(&s);
}

/* n versions of 63 bytes. */
static int learn_many(int n, struct err *err)
{
	static const char name[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				   "aaaaaaaaaaaaaa";
	struct buf text = BUF_INIT(65536);
	struct scopes s = SCOPES_INIT;
	int rc;

	buf_adds(&text, "{\"spec\":{\"group\":\"a.b\",\"names\":{\"kind\":\"A\","
		 "\"plural\":\"as\"},\"scope\":\"Cluster\",\"versions\":[");
	for (int i = 0; i < n; i++)
		buf_addf(&text, "%s{\"name\":\"%s%04d\",\"served\":true}",
			 i ? "," : "", name, i);
	buf_adds(&text, "]}}");
	rc = scope_learn(&s, read_json(text.data), err);
	buf_release(&text);
	scopes_release(&s);
	return rc;
}

static void test_limit(void)
{
	struct err err = ERR_INIT;

	/* each with a byte that ends it */
	is_int(LIMIT_VERSIONS_BYTES, 100 * 64, "a hundred fit");
	is_int(learn_many(100, &err), 0, "a hundred versions of full length");
	is_int(learn_many(101, &err), -1, "one more");
	ok(strstr(err.msg, "larger than 6400 bytes"), "is over the limit");
}

int main(void)
{
	test_builtin();
	test_learn();
	test_bad();
	test_limit();
	arena_release(&arena);
	return tap_done();
}
