/*
 * Manifests: identity and its faults with their places, lists as kubectl
 * unrolls them, and that a faulty document hides no other.
 */
#include "config.h"

#include <stdlib.h>

#include "schema/base/arena.h"
#include "schema/limits.h"
#include "schema/manifest.h"
#include "t/unit/tap.h"

#define OBJECT "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"

static struct arena arena;
static struct objects os;
static struct problems ps;

static int read_text(const char *text)
{
	problems_release(&ps);
	objects_release(&os);
	arena_reset(&arena);
	return manifest_read("f.yaml", text, strlen(text), &arena, &os, &ps);
}

/* Findings by place and rule, then the objects. */
static void gives(const char *text, const char *want, const char *what)
{
	struct buf got = BUF_INIT(1 << 20);
	int rc = read_text(text);

	problems_sort(&ps);
	for (size_t i = 0; i < ps.n; i++)
		buf_addf(&got, "%u:%u %s; ", ps.v[i].mark.line,
			 ps.v[i].mark.column, ps.v[i].rule);
	for (size_t i = 0; i < os.n; i++) {
		buf_adds(&got, i ? ", " : "");
		object_describe(&os.v[i].id, &got);
		buf_addf(&got, " at %u:%u", os.v[i].mark.line,
			 os.v[i].mark.column);
	}
	is_str(got.data, want, what);
	ok((rc < 0) == (ps.errors > 0), "  and is refused if it is an error");
	buf_release(&got);
}

static void test_identity(void)
{
	gives("# c\napiVersion: apps/v1\nkind: Deployment\n"
	      "metadata:\n  name: web\n  namespace: demo\n---\n" OBJECT,
	      "Deployment.apps demo/web at 2:1, ConfigMap a at 8:1",
	      "two objects");
	is_str(os.v[0].id.version, "v1", "the version");
	is_str(os.v[0].path, "f.yaml", "the file");
	gives("", "", "an empty file");
	gives("{}", "1:1 object-api-version; 1:1 object-kind; "
	      "1:1 object-metadata; ", "nothing of what must be there");
	gives("apiVersion: 1\nkind: yes\nmetadata: {name: 010}\n",
	      "1:13 object-api-version; 2:7 object-kind; 3:18 object-name; ",
	      "what looks like text and is none");
	ok(strstr(ps.v[2].message, "quote it: \"010\"") != NULL,
	   "  with the text that was written");
	gives("apiVersion: a/b/c\nkind: a b\nmetadata: x\n",
	      "1:13 object-api-version; 2:7 object-kind; "
	      "3:11 object-metadata; ", "grammar");
	gives("apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: a-\n",
	      "4:17 object-generate-name; ", "generateName");
	gives("apiVersion: v1\nkind: Pod\nmetadata: {name: '', namespace: 1}\n",
	      "3:18 object-name; 3:33 object-namespace; ", "empty, a number");
	gives("apiVersion: v1\nkind: Pod\nmetadata: {name: \"a\\0b\"}\n",
	      "3:18 object-name; ", "a NUL");
}

static void test_faults_hide_nothing(void)
{
	gives("a: [\n---\n" OBJECT "---\nkind: Pod\n---\nx: 1\nx: 2\n",
	      "2:1 yaml-syntax; 7:1 object-api-version; 7:1 object-metadata; "
	      "10:1 yaml-duplicate-key; ConfigMap a at 3:1",
	      "every fault, and the good object");
}

static void test_lists(void)
{
	gives("apiVersion: v1\nkind: List\nitems:\n"
	      "- {apiVersion: v1, kind: Secret, metadata: {name: s}}\n"
	      "- {apiVersion: v1, kind: Pod, metadata: {name: p}}\n",
	      "Secret s at 4:3, Pod p at 5:3", "a list");
	gives("apiVersion: apps/v1\nkind: DeploymentList\nitems:\n"
	      "- metadata: {name: d}\n", "Deployment.apps d at 4:3",
	      "a typed list says the type of its items");
	is_str(node_path_str(os.v[0].root, "kind", NULL), "Deployment",
	       "  which they then have");
	gives("apiVersion: apps/v1\nkind: DeploymentList\nitems:\n"
	      "- {kind: Deployment, metadata: {name: d}}\n",
	      "4:3 object-api-version; ", "unless they have a part of it");
	gives("apiVersion: v1\nkind: List\nitems:\n- metadata: {name: d}\n",
	      "4:3 object-api-version; 4:3 object-kind; ",
	      "an untyped one says nothing");
	gives("apiVersion: v1\nkind: List\nitems: []\n", "", "an empty list");
	gives("apiVersion: v1\nkind: List\nitems:\n", "", "no list at all");
	gives("apiVersion: v1\nkind: List\nitems: [1, {items: []}, null]\n",
	      "3:9 object-list; 3:12 object-list; 3:25 object-list; ",
	      "items that are none");
	gives("apiVersion: e.com/v1\nkind: Menu\nmetadata: {name: m}\n"
	      "items: [{name: soup}]\n", "4:1 object-list; ",
	      "an object that Kubernetes takes for a list");
	gives("apiVersion: e.com/v1\nkind: Menu\nmetadata: {name: m}\n"
	      "items:\n", "4:1 object-list; ", "even without items");
	gives("apiVersion: e.com/v1\nkind: Menu\nmetadata: {name: m}\n"
	      "items: {a: 1}\nspec: {items: [1]}\n", "Menu.e.com m at 1:1",
	      "but not with items that are no array, or elsewhere");
}

static int read_list(size_t items)
{
	struct buf b = BUF_INIT(LIMIT_FILE_BYTES);
	int rc;

	buf_adds(&b, "apiVersion: v1\nkind: ConfigMapList\nitems:\n");
	for (size_t i = 0; i < items; i++)
		buf_adds(&b, "- metadata: {name: a}\n");
	rc = read_text(b.data);
	buf_release(&b);
	return rc;
}

/* An explicit key is not bound by YAML, but the API server reads JSON. */
static int read_key(size_t len, const char *last)
{
	struct buf b = BUF_INIT(1 << 20);
	int rc;

	buf_adds(&b, OBJECT "data:\n  ? \"");
	for (size_t i = 1; i < len; i++)
		buf_adds(&b, "\xc3\xa9");
	buf_addf(&b, "%s\"\n  : x\n", last);
	rc = read_text(b.data);
	buf_release(&b);
	return rc;
}

static void test_limits(void)
{
	is_int(read_list(LIMIT_FILE_DOCUMENTS), 0, "items up to the limit");
	is_int(os.n, LIMIT_FILE_DOCUMENTS, "all of them");
	is_int(read_list(LIMIT_FILE_DOCUMENTS + 1), -1, "one item more");
	is_str(ps.v[0].rule, "yaml-limit", "which is said");
	is_int(read_key(LIMIT_KEY_CHARACTERS - 2, "k"), 0,
	       "the longest key, in characters");
	is_int(read_key(LIMIT_KEY_CHARACTERS - 1, "k"), -1, "one more");
	is_str(ps.v[0].rule, "object-key", "which is said");
	is_int(read_key(LIMIT_KEY_CHARACTERS - 7, "\\x80"), 0,
	       "escapes count as they are written");
	is_int(read_key(LIMIT_KEY_CHARACTERS - 6, "\\x80"), -1, "one more");
}

static void test_names(void)
{
	ok(manifest_name("a.yaml") && manifest_name("a/b.yml") &&
	   manifest_name("x.json"), "names that are read");
	ok(!manifest_name("a.yaml.bak") && !manifest_name(".yaml") &&
	   !manifest_name("a/.json") && !manifest_name("yaml") &&
	   !manifest_name("a.YAML"), "and names that are not");
}

int main(void)
{
	test_identity();
	test_faults_hide_nothing();
	test_lists();
	test_limits();
	test_names();
	problems_release(&ps);
	objects_release(&os);
	arena_release(&arena);
	return tap_done();
}
