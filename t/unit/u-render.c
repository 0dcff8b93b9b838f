/*
 * Rules and rendering of single objects.
 */
#include "config.h"

#include "schema/manifest.h"
#include "schema/render.h"
#include "schema/limits.h"
#include "t/unit/tap.h"

static struct arena arena;
static struct scopes scopes = SCOPES_INIT;

static const struct rules strict = {
	.channel = "prod", .default_namespace = "", .scopes = &scopes,
};
static const struct rules lenient = {
	.channel = "prod", .default_namespace = "shop",
	.allow_secrets = true, .scopes = &scopes,
};

/* Reads one object, checks and renders it; "" when a rule refused it. */
static const char *render(const struct rules *r, const char *yaml,
			  const char *rule)
{
	struct objects os = OBJECTS_INIT;
	struct problems ps = PROBLEMS_INIT;
	struct buf out = BUF_INIT(LIMIT_OBJECT_BYTES);
	struct err err = ERR_INIT;
	const char *text = "";

	if (manifest_read("f.yaml", yaml, strlen(yaml), &arena, &os,
			  &ps) == 0 &&
	    rules_check(r, &os.v[0], &ps) == 0) {
		if (render_object(r, &os.v[0], &arena, &out, &err) == 0)
			text = arena_strdup(&arena, out.data);
	}
	if (rule && !ok(ps.n && !strcmp(ps.v[0].rule, rule), "refused: %s",
			rule) && ps.n)
		printf("# %s [%s]\n", ps.v[0].message, ps.v[0].rule);
	if (!rule && ps.n)
		printf("# %s [%s]\n", ps.v[0].message, ps.v[0].rule);
	objects_release(&os);
	problems_release(&ps);
	buf_release(&out);
	return text;
}

static void test_render(void)
{
	is_str(render(&lenient,
		"kind: ConfigMap\napiVersion: v1\n"
		"metadata:\n  name: a\n  uid: x\n  resourceVersion: \"1\"\n"
		"  generation: 3\n  creationTimestamp: null\n"
		"  selfLink: /x\n  managedFields: []\n"
		"data: {b: \"2\", a: \"1\"}\nstatus: {x: 1}\n", NULL),
		"{\n  \"apiVersion\": \"v1\",\n  \"data\": {\n"
		"    \"a\": \"1\",\n    \"b\": \"2\"\n  },\n"
		"  \"kind\": \"ConfigMap\",\n  \"metadata\": {\n"
		"    \"labels\": {\n"
		"      \"applyset.kubernetes.io/part-of\": "
		"\"applyset-PmSDSUU_Y_naNSRRXzon3MXJWmeW8FFvAqUlOg6heDo-v1\""
		"\n    },\n    \"name\": \"a\",\n"
		"    \"namespace\": \"shop\"\n  }\n}\n",
		"canonical, completed, without what only the server says");
	ok(strstr(render(&lenient, "apiVersion: v1\nkind: Secret\n"
			 "metadata: {name: a}\ndata: {a: eA==, b: eA==}\n"
			 "stringData: {b: hello}\n", NULL),
		  "\"data\": {\n    \"a\": \"eA==\",\n"
		  "    \"b\": \"aGVsbG8=\"\n  }"),
	   "stringData goes over data");
	is_str(render(&lenient, "apiVersion: v1\nkind: Secret\n"
		      "metadata: {name: a}\nstringData: {b: 1}\n", NULL), "",
	       "stringData of another type is refused");
	ok(!strstr(render(&lenient, "apiVersion: v1\nkind: Namespace\n"
			  "metadata: {name: a}\n", NULL), "namespace"),
	   "a cluster-scoped object gets no namespace");
}

static void test_rules(void)
{
	render(&strict, "apiVersion: v1\nkind: ConfigMap\n"
	       "metadata: {name: a}\n", "namespace-missing");
	render(&strict, "apiVersion: v1\nkind: Namespace\n"
	       "metadata: {name: a, namespace: b}\n", "namespace-forbidden");
	render(&strict, "apiVersion: example.org/v1\nkind: Thing\n"
	       "metadata: {name: a}\n", "scope-unknown");
	render(&strict, "apiVersion: v1\nkind: Secret\n"
	       "metadata: {name: a, namespace: b}\n", "secret-refused");
	render(&lenient, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n"
	       "  name: a\n  labels:\n"
	       "    applyset.kubernetes.io/part-of: x\n", "applyset-label");
	render(&lenient, "apiVersion: windlass.dev/v1alpha1\nkind: Channel\n"
	       "metadata: {name: prod}\n", "own-channel");
	render(&lenient, "apiVersion: v1\nkind: ConfigMap\n"
	       "metadata: {name: a, namespace: windlass-system}\n",
	       "own-namespace");
	render(&lenient, "apiVersion: v1\nkind: ConfigMap\n"
	       "metadata: {name: A_b}\n", "name-malformed");
	render(&lenient, "apiVersion: v1\nkind: ConfigMap\n"
	       "metadata: {name: a, labels: {x: yes}}\n", "label-malformed");
	render(&lenient, "apiVersion: v1\nkind: Binding\n"
	       "metadata: {name: a}\n", "kind-not-applied");
	render(&lenient, "apiVersion: v1\nkind: ConfigMap\n"
	       "metadata: {generateName: a}\n", "object-generate-name");
}

static void test_duplicates(void)
{
	static const char yaml[] =
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n"
		"apiVersion: v1\nkind: ConfigMap\n"
		"metadata: {name: a, namespace: shop}\n";
	struct objects os = OBJECTS_INIT;
	struct problems ps = PROBLEMS_INIT;

	manifest_read("f.yaml", yaml, strlen(yaml), &arena, &os, &ps);
	for (size_t i = 0; i < os.n; i++)
		rules_check(&lenient, &os.v[i], &ps);
	ok(rules_check_duplicates(&os, &ps) < 0 && ps.n == 1 &&
	   strstr(ps.v[0].message, "f.yaml:1:1") && ps.v[0].mark.line == 5,
	   "the same object twice, by the default namespace");
	objects_release(&os);
	problems_release(&ps);
}

int main(void)
{
	test_render();
	test_rules();
	test_duplicates();
	scopes_release(&scopes);
	arena_release(&arena);
	return tap_done();
}
