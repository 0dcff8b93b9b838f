/*
 * What rendering drops, turns and adds, and that it does so once.
 */
#include "config.h"


#include "schema/json.h"
#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/render.h"
#include "t/unit/tap.h"

#define PART_OF \
	"applyset-PmSDSUU_Y_naNSRRXzon3MXJWmeW8FFvAqUlOg6heDo-v1"

static const struct scopes scopes = SCOPES_INIT;
static const struct rules rules = {
	.channel = "prod", .default_namespace = "demo", .allow_secrets = true,
	.scopes = &scopes,
};

/* YAML in, canonical JSON out; "" when it fails, with the message in *err. */
static void render(const char *yaml, struct buf *out, struct err *err)
{
	struct objects os = OBJECTS_INIT;
	struct problems ps = PROBLEMS_INIT;
	struct arena a = ARENA_INIT;

	buf_reset(out);
	err_clear(err);
	if (manifest_read("a.yaml", yaml, strlen(yaml), &a, &os, &ps) ||
	    os.n != 1 || rules_check(&rules, &os.v[0], &ps))
		err_set(err, ERR_INTERNAL, "%s", ps.n ? ps.v[0].message :
						 "not one object");
	else if (render_object(&rules, &os.v[0], &a, out, err) < 0)
		buf_reset(out);
	objects_release(&os);
	problems_release(&ps);
	arena_release(&a);
}

static void renders(const char *yaml, const char *want, const char *what)
{
	struct buf out = BUF_INIT(65536), again = BUF_INIT(65536);
	struct err err = ERR_INIT;

	render(yaml, &out, &err);
	if (!is_str(out.data, want, what))
		printf("# %s\n", err.msg);
	/* what was rendered is YAML too; only our own label is refused */
	render(yaml, &again, &err);
	if (strcmp(out.data, again.data))
		ok(0, "the same again");
	buf_release(&out);
	buf_release(&again);
}

static void refuses(const char *yaml, const char *want)
{
	struct buf out = BUF_INIT(65536);
	struct err err = ERR_INIT;

	render(yaml, &out, &err);
	if (!ok(strstr(err.msg, want) && !out.len, "%s", want))
		printf("#  got: %s\n", err.msg);
	buf_release(&out);
}

static void test_plain(void)
{
	renders("kind: ConfigMap\napiVersion: v1\nmetadata: {name: web}\n"
		"data: {b: \"1\", a: x}\n",
		"{\n"
		"  \"apiVersion\": \"v1\",\n"
		"  \"data\": {\n"
		"    \"a\": \"x\",\n"
		"    \"b\": \"1\"\n"
		"  },\n"
		"  \"kind\": \"ConfigMap\",\n"
		"  \"metadata\": {\n"
		"    \"labels\": {\n"
		"      \"applyset.kubernetes.io/part-of\": \"" PART_OF "\"\n"
		"    },\n"
		"    \"name\": \"web\",\n"
		"    \"namespace\": \"demo\"\n"
		"  }\n"
		"}\n", "keys sorted, namespace and label added");
	renders("apiVersion: v1\nkind: ConfigMap\nmetadata:\n"
		"  name: web\n  namespace: other\n  uid: u\n  generation: 3\n"
		"  resourceVersion: '1'\n  selfLink: /x\n  managedFields: []\n"
		"  creationTimestamp: null\n  labels: {zone: z}\n"
		"  annotations: {uid: kept}\nstatus: {a: b}\n",
		"{\n"
		"  \"apiVersion\": \"v1\",\n"
		"  \"kind\": \"ConfigMap\",\n"
		"  \"metadata\": {\n"
		"    \"annotations\": {\n"
		"      \"uid\": \"kept\"\n"
		"    },\n"
		"    \"labels\": {\n"
		"      \"applyset.kubernetes.io/part-of\": \"" PART_OF "\",\n"
		"      \"zone\": \"z\"\n"
		"    },\n"
		"    \"name\": \"web\",\n"
		"    \"namespace\": \"other\"\n"
		"  }\n"
		"}\n", "what only the server may say is dropped");
	renders("apiVersion: v1\nkind: Namespace\n"
		"metadata: {name: web, namespace: '', labels: null}\n",
		"{\n"
		"  \"apiVersion\": \"v1\",\n"
		"  \"kind\": \"Namespace\",\n"
		"  \"metadata\": {\n"
		"    \"labels\": {\n"
		"      \"applyset.kubernetes.io/part-of\": \"" PART_OF "\"\n"
		"    },\n"
		"    \"name\": \"web\"\n"
		"  }\n"
		"}\n", "a cluster-scoped object keeps no empty namespace");
}

#define SECRET "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
#define SECRET_HEAD "{\n  \"apiVersion\": \"v1\",\n"
#define SECRET_TAIL \
	"  \"kind\": \"Secret\",\n" \
	"  \"metadata\": {\n" \
	"    \"labels\": {\n" \
	"      \"applyset.kubernetes.io/part-of\": \"" PART_OF "\"\n" \
	"    },\n" \
	"    \"name\": \"s\",\n" \
	"    \"namespace\": \"demo\"\n" \
	"  }\n}\n"

static void test_secret(void)
{
	renders(SECRET "data: {a: YQ==, b: YQ==}\n"
		"stringData: {b: \"\\0\\xff\", c: '', d: }\n",
		SECRET_HEAD
		"  \"data\": {\n"
		"    \"a\": \"YQ==\",\n"
		"    \"b\": \"AMO/\",\n"
		"    \"c\": \"\",\n"
		"    \"d\": \"\"\n"
		"  },\n" SECRET_TAIL, "stringData becomes data and wins");
	renders(SECRET "data: null\nstringData: {a: a}\n",
		SECRET_HEAD
		"  \"data\": {\n"
		"    \"a\": \"YQ==\"\n"
		"  },\n" SECRET_TAIL, "data is made");
	renders(SECRET "stringData: {}\n", SECRET_HEAD SECRET_TAIL,
		"an empty stringData goes");
	renders(SECRET "stringData: null\n", SECRET_HEAD SECRET_TAIL,
		"so does null");
	refuses(SECRET "stringData: [hunter2]\n",
		"stringData must be a map, not a list");
	refuses(SECRET "stringData: {a: 12345}\n",
		"stringData 'a' must be text, not an integer");
	refuses(SECRET "data: hunter2\nstringData: {a: a}\n",
		"data must be a map, not a string");
}

static void test_secret_is_silent(void)
{
	struct buf out = BUF_INIT(65536);
	struct err err = ERR_INIT;

	render(SECRET "stringData: {a: 12345, b: [hunter2]}\n", &out, &err);
	ok(*err.msg && !strstr(err.msg, "12345") && !strstr(err.msg, "hunter"),
	   "no value is in a message");
	buf_release(&out);
}

static void test_applyset(void)
{
	struct buf out = BUF_INIT(128);

	render_applyset_id("prod", &out);
	is_str(out.data, PART_OF, "the id of KEP-3659");
	buf_release(&out);
}

/* A ConfigMap whose one value has this many bytes. */
static int render_sized(size_t bytes, size_t *ret_len, struct err *err)
{
	static const char head[] =
		"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		"\"metadata\":{\"name\":\"a\"},\"data\":{\"a\":\"";
	struct object o = { .path = "a", .id = { "", "v1", "ConfigMap", "demo",
						 "a" } };
	struct buf text = BUF_INIT(2u * LIMIT_OBJECT_BYTES);
	struct buf out = BUF_INIT(2u * LIMIT_OBJECT_BYTES);
	struct arena a = ARENA_INIT;
	int rc;

	buf_adds(&text, head);
	for (size_t i = 0; i < bytes; i++)
		buf_addc(&text, 'x');
	buf_adds(&text, "\"}}");
	rc = json_read(text.data, text.len, &a, &o.root, err);
	if (!rc)
		rc = render_object(&rules, &o, &a, &out, err);
	*ret_len = out.len;
	buf_release(&text);
	buf_release(&out);
	arena_release(&a);
	return rc;
}

static void test_limit(void)
{
	struct err err = ERR_INIT;
	size_t base, len;

	render_sized(0, &base, &err);
	ok(!render_sized(LIMIT_OBJECT_BYTES - base, &len, &err) &&
	   len == LIMIT_OBJECT_BYTES, "an object at the limit");
	is_int(render_sized(LIMIT_OBJECT_BYTES - base + 1, &len, &err), -1,
	       "one byte beyond");
	ok(strstr(err.msg, "the object as JSON is larger than 3145728 bytes") &&
	   !len, "the limit is named, nothing is written");
}

int main(void)
{
	test_plain();
	test_secret();
	test_secret_is_silent();
	test_applyset();
	test_limit();
	return tap_done();
}
