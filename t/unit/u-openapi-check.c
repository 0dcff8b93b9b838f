/*
 * Objects against the schemas of real Kubernetes: each rule, what breaks it,
 * where that is and what is said of it; and what must not be refused.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/openapi-check.h"
#include "t/unit/judged.h"
#include "t/unit/tap.h"

static struct openapi openapi;

static int by_table(const struct object *o, struct problems *ps)
{
	return openapi_check(&openapi, o, ps);
}

#define HEAD(api, kind) \
	"apiVersion: " api "\nkind: " kind "\nmetadata: {name: a}\n"
/* the spec begins in line 5, at column 3 */
#define POD(rest) HEAD("v1", "Pod") "spec:\n  containers:\n" rest
/* a container begins in line 6 */
#define CONTAINER(rest) POD("  - name: c\n" rest)

static void test_fields(void)
{
	bad(CONTAINER("    imge: x\n"), "7:5: error: spec.containers[0] has "
	    "no field 'imge': did you mean 'image'? [field-unknown]");
	bad(CONTAINER("    restartPolicies: x\n"),
	    "7:5: error: spec.containers[0] has no field 'restartPolicies': "
	    "did you mean 'restartPolicy'? [field-unknown]");
	bad(CONTAINER("    nodeName: a\n"), "7:5: error: spec.containers[0] "
	    "has no field 'nodeName', but spec has: check the indentation "
	    "[field-unknown]");
	bad(CONTAINER("    zzzzzzzzz: 1\n"), "7:5: error: spec.containers[0] "
	    "has no field 'zzzzzzzzz' [field-unknown]");
	bad(HEAD("v1", "ConfigMap") "spec: {}\n", "4:1: error: the object has "
	    "no field 'spec' [field-unknown]");
	bad(POD("  - image: x\n"), "6:5: error: spec.containers[0] has no "
	    "'name', which is required [field-required]");
	bad(POD("  - {name: ~, image: x}\n"), "6:5: error: spec.containers[0] "
	    "has no 'name', which is required [field-required]");
	bad(HEAD("v1", "Pod") "spec: {}\n", "4:7: error: spec has no "
	    "'containers', which is required [field-required]");
	good(HEAD("v1", "Pod") "spec:\n  containers: [{name: a}]\n"
	     "status: {never: such}\n", "a status is not looked at");
	good("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, uid: 1, "
	     "creationTimestamp: x, managedFields: 1}\ndata: 1\n",
	     "nor what is dropped or judged elsewhere");
	good(HEAD("example.org/v1", "Web") "any: thing\n",
	     "nor a kind that is not built in");
}

static void test_types(void)
{
	bad(CONTAINER("    command: ls\n"), "7:14: error: spec.containers[0]."
	    "command must be a list, not a string: begin each of its items "
	    "with '- ' [field-type]");
	bad(HEAD("v1", "Pod") "spec:\n- containers: []\n", "5:1: error: spec "
	    "must be a map, not a list: write its fields without '- ' "
	    "[field-type]");
	bad(CONTAINER("    tty: \"true\"\n"), "7:10: error: spec.containers[0]"
	    ".tty must be true or false, not a string: remove the quotes "
	    "[field-type]");
	bad(CONTAINER("    ports: [{containerPort: \"80\"}]\n"), "7:29: error:"
	    " spec.containers[0].ports[0].containerPort must be an integer, "
	    "not a string: remove the quotes [field-type]");
	bad(CONTAINER("    ports: [{containerPort: 8.5}]\n"), "7:29: error: "
	    "spec.containers[0].ports[0].containerPort must be an integer, "
	    "not a fraction or a number beyond 64 bits [field-type]");
	bad(CONTAINER("    ports: [{containerPort: 2147483648}]\n"), "7:29: "
	    "error: spec.containers[0].ports[0].containerPort must be between "
	    "-2147483648 and 2147483647 [field-format]");
	good(CONTAINER("    ports: [{containerPort: 2147483647}]\n"),
	     "the largest int32");
	good(CONTAINER("    ports: [{containerPort: 80.0}]\n"),
	     "a float that is an integer");
	good(CONTAINER("    args: [~, a]\n    command: ~\n    env: ~\n"),
	     "null is as good as nothing");
	bad(CONTAINER("    livenessProbe: {httpGet: {port: 1.5}}\n"),
	    "7:37: error: spec.containers[0].livenessProbe.httpGet.port must "
	    "be an integer or a string, not a number [field-type]");
}

static void test_unquoted(void)
{
	bad(CONTAINER("    args: [yes]\n"), "7:12: error: spec.containers[0]."
	    "args[0] must be a string, but YAML reads yes as the boolean "
	    "true: write \"yes\" [string-unquoted]");
	bad(CONTAINER("    args: [010]\n"), "7:12: error: spec.containers[0]."
	    "args[0] must be a string, but YAML reads 010 as the integer 8: "
	    "write \"010\" [string-unquoted]");
	bad(CONTAINER("    args: [1.10]\n"), "7:12: error: spec.containers[0]."
	    "args[0] must be a string, but YAML reads 1.10 as the number 1.1: "
	    "write \"1.10\" [string-unquoted]");
	bad(CONTAINER("    args: [12e45]\n"), "7:12: error: spec.containers[0]"
	    ".args[0] must be a string, but YAML reads 12e45 as the number "
	    "1.2e+46: write \"12e45\" [string-unquoted]");
	bad(CONTAINER("    args: [8080]\n"), "7:12: error: spec.containers[0]"
	    ".args[0] must be a string, but YAML reads 8080 as an integer: "
	    "write \"8080\" [string-unquoted]");
	bad(CONTAINER("    env: [{name: A, value: 4711}]\n"), "7:28: error: "
	    "spec.containers[0].env[0].value must be a string, but YAML reads "
	    "this as an integer: put it in quotes [string-unquoted]");
	bad(CONTAINER("    env: [{name: A, value: on}]\n"), "7:28: error: "
	    "spec.containers[0].env[0].value must be a string, but YAML reads "
	    "on as the boolean true: write \"on\" [string-unquoted]");
	bad(CONTAINER("    args: [{a: b}]\n"), "7:12: error: spec.containers"
	    "[0].args[0] must be a string, not a map [field-type]");
}

static void test_values(void)
{
	bad(CONTAINER("    imagePullPolicy: always\n"), "7:22: error: "
	    "spec.containers[0].imagePullPolicy cannot be 'always': did you "
	    "mean Always? (It is one of Always, IfNotPresent, Never.) "
	    "[field-enum]");
	bad(CONTAINER("    imagePullPolicy: Sometimes\n"), "7:22: error: "
	    "spec.containers[0].imagePullPolicy cannot be 'Sometimes': it is "
	    "one of Always, IfNotPresent, Never [field-enum]");
	good(CONTAINER("    imagePullPolicy: \"\"\n"), "an empty enum");
	bad(HEAD("networking.k8s.io/v1", "Ingress") "spec: {rules: [{http: "
	    "{paths: [{pathType: '', backend: {}}]}}]}\n", "4:43: error: "
	    "spec.rules[0].http.paths[0].pathType cannot be '': it is one of "
	    "Exact, ImplementationSpecific, Prefix [field-enum]");
	bad(CONTAINER("    resources: {limits: {memory: 1GB}}\n"), "7:34: "
	    "error: spec.containers[0].resources.limits.memory must be a "
	    "quantity such as 500m, 2, 1Gi or 1e3, not '1GB' [field-format]");
	good(CONTAINER("    resources: {limits: {cpu: 1, memory: 0.5, "
		       "a: ~}}\n"), "quantities that are numbers");
	bad(CONTAINER("    resources: {limits: {\"a.b/c\": yes}}\n"), "7:35: "
	    "error: spec.containers[0].resources.limits[\"a.b/c\"] must be a "
	    "quantity such as 500m or 1Gi, not a boolean [field-type]");
	bad(HEAD("coordination.k8s.io/v1", "Lease")
	    "spec: {renewTime: \"2026-11-23T10:00:00Z\"}\n", "4:19: error: "
	    "spec.renewTime must be a time such as "
	    "2026-11-23T10:00:00.000000Z [field-format]");
	bad(HEAD("apiregistration.k8s.io/v1", "APIService")
	    "spec: {caBundle: '?', groupPriorityMinimum: 1, "
	    "versionPriority: 1}\n", "4:18: error: spec.caBundle is no base64 "
	    "[field-format]");
}

static void test_lists(void)
{
	bad(CONTAINER("  - name: d\n  - name: c\n"), "8:5: error: "
	    "spec.containers[2] is a second one of name \"c\": the first is "
	    "in line 6 [list-duplicate]");
	bad(CONTAINER("    ports: [{containerPort: 80}, {containerPort: 80, "
		      "protocol: TCP}]\n"), "7:34: error: "
	    "spec.containers[0].ports[1] is a second one of containerPort 80, "
	    "protocol \"TCP\": the first is in line 7 [list-duplicate]");
	good(CONTAINER("    ports: [{containerPort: 80}, {containerPort: 80, "
		       "protocol: UDP}]\n"), "another protocol");
	bad(POD("  - ~\n"), "6:5: error: spec.containers[0] must not be "
	    "empty: the items of this list are told apart by what they say "
	    "[list-null]");
	bad("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
	    "  finalizers: [a/b, a/c, a/b]\n", "5:26: error: "
	    "metadata.finalizers[2] is a second one of \"a/b\": the first is "
	    "in line 5 [list-duplicate]");
	good(CONTAINER("    args: [a, a]\n"), "a list that is no set");
}

static void test_secret(void)
{
	char *got = judge("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
			  "type: 4711\ndata: {x: 4711}\n");

	ok(strstr(got, "4:7: error: type must be a string") &&
	   !strstr(got, "4711"), "nothing of a Secret is shown: %s", got);
	free(got);
}

/* Many mistakes cost no square of their number. */
static void test_many(void)
{
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES);
	char *got;

	buf_adds(&text, CONTAINER("    env:\n"));
	for (int i = 0; i < 50000; i++)
		buf_addf(&text, "    - {name: A%d, valeu: x}\n", i);
	got = judge(text.data);
	ok(strstr(got, "did you mean 'value'?"), "of 50,000 mistakes the "
	   "first thousand are told");
	free(got);
	buf_release(&text);
}

int main(void)
{
	struct err err = ERR_INIT;

	check = by_table;
	if (openapi_open(TABLES "/1.36", &openapi, &err) < 0) {
		printf("Bail out! %s\n", err.msg);
		return 99;
	}
	test_fields();
	test_types();
	test_unquoted();
	test_values();
	test_lists();
	test_secret();
	test_many();
	openapi_close(&openapi);
	return tap_done();
}
