/*
 * Identities, bundle paths and the grammars of names.
 */
#include "config.h"

#include <stdlib.h>

#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/object.h"
#include "t/unit/tap.h"

/* How many of a list a grammar takes. */
static int taken(bool (*good)(const char *), const char *const *list)
{
	int n = 0;

	for (; *list; list++)
		n += good(*list);
	return n;
}

#define COUNT(grammar, ...) \
	taken(grammar, (const char *const[]){ __VA_ARGS__, NULL })

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A253 A63 A63 A63 A63 "a"

static void test_grammars(void)
{
	is_int(COUNT(is_dns_label, "a", "1a", "a-b", "0", A63), 5, "labels");
	is_int(COUNT(is_dns_label, "", "-a", "a-", "A", "a.b", "a_b", A63 "a",
		     "a\n", "\xc3\xa4"), 0, "no labels");
	is_int(COUNT(is_dns1035_label, "a", "a1"), 2, "labels of RFC 1035");
	is_int(COUNT(is_dns1035_label, "1a", "", "-"), 0, "none");
	is_int(COUNT(is_dns_subdomain, "a", "a.b", "1.2", "a-b.c", A63 A63,
		     A253), 6, "subdomains");
	is_int(COUNT(is_dns_subdomain, "", ".", "a.", ".a", "a..b", "a.-b",
		     "A.b", A253 "a"), 0, "no subdomains");
	is_int(COUNT(is_path_segment_name, "system:node", "a b", "A", "..."),
	       4, "path segments");
	is_int(COUNT(is_path_segment_name, "", ".", "..", "a/b", "a%b"), 0,
	       "no path segments");
	is_int(COUNT(is_label_value, "", "a", "A_b.c-D", "1", A63), 5,
	       "label values");
	is_int(COUNT(is_label_value, "-a", "a-", "a b", "a/b", A63 "a"), 0,
	       "no label values");
	is_int(COUNT(is_qualified_name, "a", "example.org/a", "A_b.c",
		     A253 "/" A63), 4, "label keys");
	is_int(COUNT(is_qualified_name, "", "/a", "a/", "a/b/c", "A.b/c",
		     A253 "a/a", "a/" A63 "a", "a b"), 0, "no label keys");
	is_int(COUNT(is_kind_name, "Pod", "a", "HTTPRoute", "My-Kind", A63),
	       5, "kinds");
	is_int(COUNT(is_kind_name, "", "1a", "A_b", "A.b", "A-", "-A", "A/b",
		     A63 "a"), 0, "no kinds");
}

static const struct object_id ids[] = {
	{ "apps", "", "Deployment", "demo", "web" },
	{ "", "", "ConfigMap", "demo", "kube-root-ca.crt" },
	{ "", "", "Namespace", "", "demo" },
	{ "rbac.authorization.k8s.io", "", "ClusterRole", "", "system:x" },
};
static const char *const paths[] = {
	"objects/demo/apps/Deployment/web.json",
	"objects/demo/core/ConfigMap/kube-root-ca.crt.json",
	"objects/_cluster/core/Namespace/demo.json",
	"objects/_cluster/rbac.authorization.k8s.io/ClusterRole/system:x.json",
};
static const char *const described[] = {
	"Deployment.apps demo/web",
	"ConfigMap demo/kube-root-ca.crt",
	"Namespace demo",
	"ClusterRole.rbac.authorization.k8s.io system:x",
};

static void test_paths(void)
{
	struct buf b = BUF_INIT(LIMIT_PATH_BYTES);
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct object_id back = { 0 };

		buf_reset(&b);
		object_path(&ids[i], &b, &err);
		is_str(b.data, paths[i], paths[i]);
		ok(!object_path_parse(paths[i], &a, &back, &err) &&
		   object_id_equal(&back, &ids[i]) && !*back.version,
		   "and back");
		buf_reset(&b);
		object_describe(&ids[i], &b);
		is_str(b.data, described[i], described[i]);
	}
	buf_reset(&b);
	object_origin_path(&ids[0], &b, &err);
	is_str(b.data, "origins/demo/apps/Deployment", "where origins are");
	buf_release(&b);
	arena_release(&a);
}

static void test_bad_paths(void)
{
	static const struct object_id bad[] = {
		{ "", "", "Pod", "a", "" },
		{ "", "", "Pod", "a", "a b" },
		{ "", "", "Pod", "a", ".." },
		{ "", "", "Pod", "a", "-a" },
		{ "", "", "Pod", "a", "a/b" },
		{ "", "", "Pod", "_cluster", "a" },
		{ "", "", "Pod", "A", "a" },
		{ "", "", "SHA256SUMS", "a", "a" },
		{ "", "", "", "a", "a" },
		{ "core", "", "Pod", "a", "a" },
		{ "..", "", "Pod", "a", "a" },
		{ A253, "", "Pod", "a", "a" },
	};
	static const char *const bad_paths[] = {
		"", "objects", "objects/a", "objects/a/core/Pod",
		"objects/a/core/Pod/", "objects/a/core/Pod/.json",
		"objects/a/core/Pod/a", "objects/a/core/Pod/a.yaml",
		"objects/a/core/Pod/b/a.json", "/objects/a/core/Pod/a.json",
		"origins/a/core/Pod/a.json", "objects//core/Pod/a.json",
		"objects/a//Pod/a.json", "objects/_cluster//Pod/a.json",
		"objects/A/core/Pod/a.json", "objects/a/core/Pod/a b.json",
		"objects/../core/Pod/a.json", "objects/a/core/Pod/SHA256SUMS",
	};
	struct buf b = BUF_INIT(LIMIT_PATH_BYTES);
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct object_id id = { 0 };
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		wrong += !object_path(&bad[i], &b, &err);
	is_int(wrong, 0, "identities that a bundle cannot hold");
	for (size_t i = 0; i < ARRAY_SIZE(bad_paths); i++)
		wrong += !object_path_parse(bad_paths[i], &a, &id, &err);
	ok(!wrong && !id.name, "paths that are none, output untouched");
	buf_release(&b);
	arena_release(&a);
}

static void test_name_limit(void)
{
	char name[LIMIT_NAME_BYTES + 1];
	struct object_id id = { "", "", "ConfigMap", "a", name };
	struct buf b = BUF_INIT(LIMIT_PATH_BYTES);
	struct err err = ERR_INIT;

	memset(name, 'a', sizeof(name));
	name[LIMIT_NAME_BYTES - 5] = '\0';
	is_int(object_path(&id, &b, &err), 0, "a name of 245 bytes");
	name[LIMIT_NAME_BYTES - 5] = 'a';
	name[LIMIT_NAME_BYTES - 4] = '\0';
	is_int(object_path(&id, &b, &err), -1, "one of 246");
	ok(strstr(err.msg, "longer than 245 bytes"), "is said to be too long");
	buf_release(&b);
}

static int read_id(const char *json, size_t len, struct arena *a,
		   struct object_id *ret)
{
	struct node *n = NULL;
	struct err err = ERR_INIT;

	if (json_read(json, len, a, &n, &err) < 0) {
		printf("# %s\n", err.msg);
		return -2;
	}
	return object_id_of(n, a, ret, &err);
}

static void test_id_of(void)
{
	static const char *const bad[] = {
		"[]", "{}", "{\"apiVersion\":\"v1\"}",
		"{\"apiVersion\":\"a/b/c\",\"kind\":\"A\","
		"\"metadata\":{\"name\":\"a\"}}",
		"{\"apiVersion\":1,\"kind\":\"A\",\"metadata\":{\"name\":\"a\"}}",
		"{\"apiVersion\":\"v1\",\"kind\":\"A\"}",
		"{\"apiVersion\":\"v1\",\"kind\":\"A\",\"metadata\":{\"name\":1}}",
		"{\"apiVersion\":\"v1\",\"kind\":\"A\","
		"\"metadata\":{\"name\":\"a\\u0000b\"}}",
		"{\"apiVersion\":\"v1\",\"kind\":\"A\","
		"\"metadata\":{\"name\":\"a\",\"namespace\":1}}",
	};
	static const char good[] =
		"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\","
		"\"metadata\":{\"name\":\"web\",\"namespace\":\"demo\"}}";
	struct arena a = ARENA_INIT;
	struct object_id id = { 0 };
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		wrong += read_id(bad[i], strlen(bad[i]), &a, &id) != -1;
	is_int(wrong, 0, "trees without an identity");
	ok(!read_id(good, strlen(good), &a, &id) &&
	   object_id_equal(&id, &ids[0]) && !strcmp(id.version, "v1"),
	   "one with");
	ok(!read_id("{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":"
		    "{\"name\":\"n\"}}", 57, &a, &id) && !*id.namespace &&
	   !*id.group, "the core group, no namespace");
	arena_release(&a);
}

int main(void)
{
	test_grammars();
	test_paths();
	test_bad_paths();
	test_name_limit();
	test_id_of();
	return tap_done();
}
