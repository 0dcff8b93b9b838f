/*
 * Kinds, and what their definitions teach. What discovery says is tested on
 * a real API server (t/t5000); here there is none, so that all comes from
 * definitions.
 */
#include "config.h"

#include "engine/kinds.h"
#include "t/unit/idle-engine.h"
#include "t/unit/tree.h"


/* A definition as canonical JSON has it, with these versions and generation. */
#define CRD(scope, generation, versions) \
	"{\"apiVersion\":\"apiextensions.k8s.io/v1\"," \
	"\"kind\":\"CustomResourceDefinition\",\"metadata\":{" \
	"\"name\":\"widgets.example.org\",\"generation\":" generation "}," \
	"\"spec\":{\"group\":\"example.org\",\"scope\":\"" scope "\"," \
	"\"names\":{\"kind\":\"Widget\",\"plural\":\"widgets\"}," \
	"\"versions\":[" versions "]}}"
#define SERVED(name, served, status) \
	"{\"name\":\"" name "\",\"served\":" served ",\"storage\":true," \
	"\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"," \
	"\"properties\":{" status "}}}}"
#define CONDITIONS \
	"\"status\":{\"properties\":{\"conditions\":{\"type\":\"array\"}}}"
#define OBSERVED \
	"\"status\":{\"properties\":{\"observedGeneration\":{" \
	"\"type\":\"integer\"}}}"

static bool learn(const char *json, bool live)
{
	return kinds_learn_crd(&idle.kinds, tree(json), live);
}

static struct kind *widget(void)
{
	return kinds_get(&idle.kinds, "example.org", "Widget");
}

static void test_get(void)
{
	struct kinds *ks = &idle.kinds;
	struct kind *k = kinds_get(ks, "apps", "Deployment");
	struct kind *crds = kinds_get(ks, "apiextensions.k8s.io",
				      "CustomResourceDefinition");

	ok(k == kinds_get(ks, "apps", "Deployment"), "asked twice: the same");
	ok(k != kinds_get(ks, "extensions", "Deployment"),
	   "of another group: another kind");
	ok(kinds_get(ks, "a", "b/c") != kinds_get(ks, "a/b", "d"),
	   "group and name do not run together");
	ok(!k->resolved && !kinds_known(ks), "nothing is known of it yet");
	ok(!k->custom && k->has_health, "a built-in kind with a rule");
	ok(!kinds_get(ks, "", "ConfigMap")->has_health,
	   "a built-in kind without one");
	ok(widget()->custom && widget()->has_health,
	   "any other may have health");
	ok(kind_is(k, "apps", "Deployment") && !kind_is(k, "", "Deployment") &&
	   !kind_is(k, "apps", "Deploy"), "kind_is: both must be equal");
	ok(kind_is_crd(crds) && !kind_is_crd(k), "definitions are told");
	ok(!kinds_by_plural(ks, "apps", "deployments"),
	   "what is not resolved has no plural");
}

static void test_learn(void)
{
	struct kind *k = widget();

	ok(learn(CRD("Namespaced", "1", SERVED("v1beta1", "false", "") ","
		     SERVED("v1", "true", "")), false),
	   "a definition of a bundle is news");
	ok(k->resolved && k->namespaced, "it says where the kind lives");
	is_str(k->plural, "widgets", "its plural");
	is_str(k->version, "v1", "a version that is served");
	ok(!k->has_conditions, "it declares no conditions");
	is_int(k->schema_changed, 0, "a manifest changes no schema");
	is_int(k->crd_generation, 0, "and has no generation that counts");
	ok(kinds_by_plural(&idle.kinds, "example.org", "widgets") == k,
	   "it is found by its plural");
	ok(!kinds_by_plural(&idle.kinds, "example.com", "widgets"),
	   "of its own group");
	ok(!learn(CRD("Namespaced", "1", SERVED("v1", "true", "")), false),
	   "the same again is none");
	ok(learn(CRD("Cluster", "1", SERVED("v1", "true", "")), false),
	   "another scope is");
	ok(!k->namespaced, "it is taken over");
}

static void test_live(void)
{
	struct kind *k = widget();

	learn(CRD("Cluster", "3", SERVED("v1", "true", CONDITIONS)), true);
	ok(k->has_conditions, "conditions in the schema are seen");
	is_int(k->crd_generation, 3, "its generation is kept");
	is_int(k->schema_changed, 0, "seen first, nothing has changed");
	ok(!learn(CRD("Cluster", "3", SERVED("v1", "true", OBSERVED)), true),
	   "the same generation: no news");
	ok(k->has_conditions, "an observedGeneration counts too");
	ok(learn(CRD("Cluster", "4", SERVED("v1", "true", "")), true),
	   "the next generation is news");
	ok(k->schema_changed > 0, "its schema changed");
	ok(!k->has_conditions, "and what it declares");
	ok(learn(CRD("Cluster", "2", SERVED("v1", "true", "")), true),
	   "one that was made again has another generation too");
}

static void test_wrong(void)
{
	struct kind *k = kinds_get(&idle.kinds, "apps", "Deployment");

	ok(!learn("{\"spec\":{}}", false), "no definition at all");
	ok(!learn("{\"kind\":\"CustomResourceDefinition\",\"spec\":{"
		  "\"group\":\"apps\",\"scope\":\"Cluster\",\"names\":{"
		  "\"kind\":\"Deployment\",\"plural\":\"deployments\"},"
		  "\"versions\":[" SERVED("v1", "true", "") "]}}", false),
	   "a built-in kind");
	ok(!k->resolved && !k->custom, "it is not redefined");
	ok(!learn(CRD("Cluster", "2", SERVED("v9", "false", "")), false),
	   "one that serves no version says nothing new");
	is_str(widget()->version, "v1", "the version stays");
}

int main(void)
{
	idle_engine_begin();
	test_get();
	test_learn();
	test_live();
	test_wrong();
	idle_engine_end();
	arena_release(&arena);
	return tap_done();
}
