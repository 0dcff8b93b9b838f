/*
 * Schema tables: made from documents, looked into, and refused when they are
 * damaged, at every byte of them.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/openapi-build.h"
#include "schema/openapi-layout.h"
#include "schema/openapi.h"
#include "t/unit/tap.h"

#define META "\"io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta\""
#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define WEB_FIELDS \
	"\"metadata\":{\"allOf\":[" \
	REF("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta") "]}," \
	"\"size\":{\"type\":\"integer\",\"format\":\"int32\"}," \
	"\"mode\":{\"type\":\"string\",\"enum\":[\"A\",\"B\"]}," \
	"\"parts\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\"," \
	"\"x-kubernetes-list-map-keys\":[\"port\",\"proto\"],\"items\":" \
	REF("Part") "}," \
	"\"names\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}," \
	"\"again\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}," \
	"\"self\":" REF("Web")
#define DOCUMENT(web) \
	"{\"components\":{\"schemas\":{" META ":{\"type\":\"object\"," \
	"\"properties\":{\"name\":{\"type\":\"string\"}}}," \
	"\"Part\":{\"type\":\"object\",\"required\":[\"port\"]," \
	"\"properties\":{\"port\":{\"type\":\"integer\"},\"proto\":{" \
	"\"type\":\"string\",\"default\":\"TCP\"}}}," \
	"\"Unused\":{\"type\":\"object\"}," \
	"\"Web\":{\"type\":\"object\",\"required\":[\"size\",\"mode\"]," \
	"\"properties\":{" web "}," \
	"\"x-kubernetes-group-version-kind\":[{\"group\":\"example.org\"," \
	"\"version\":\"v1\",\"kind\":\"Web\"}]}}}}"

static struct arena arena;
static struct err err;

static int build(const char *json, struct buf *out)
{
	struct openapi_source source = { .kubernetes = "v1.99.0" };
	struct map enforced = MAP_INIT;
	struct node *n;
	int rc;

	err_clear(&err);
	if (json_read(json, strlen(json), &arena, &n, &err) < 0)
		return -2;
	map_put(&enforced, "Web.size", &source);
	source.enforced = &enforced;
	rc = openapi_source_add(&source, n, &err);
	if (!rc)
		rc = openapi_build(&source, out, &err);
	openapi_source_release(&source);
	map_release(&enforced, NULL);
	return rc;
}

static bool field(const struct openapi *o, const struct openapi_type *t,
		  const char *name, struct openapi_field *f,
		  struct openapi_type *ret)
{
	int64_t i = openapi_find(o, t, name, strlen(name));

	if (i < 0)
		return false;
	openapi_field(o, t, (uint32_t)i, f);
	openapi_type(o, f->type, ret);
	return true;
}

static void test_fields(const struct openapi *o, const struct openapi_type *web)
{
	struct openapi_type t, item;
	struct openapi_field f, g;

	is_int(web->n_fields, 7, "all its fields");
	ok(field(o, web, "size", &f, &t) && f.required &&
	   t.form == FORM_INTEGER && t.format == FORMAT_INT32, "an integer");
	ok(field(o, web, "mode", &f, &t) && !f.required && t.n_words == 2 &&
	   !strcmp(openapi_word(o, &t, 1), "B"),
	   "an enum, optional though the document says otherwise");
	ok(field(o, web, "parts", &f, &t) && t.form == FORM_LIST &&
	   t.list == LIST_MAP && t.n_words == 2 &&
	   !strcmp(openapi_word(o, &t, 0), "port"), "a list with keys");
	openapi_type(o, t.item, &item);
	ok(!strcmp(item.name, "Part") && field(o, &item, "proto", &f, &t) &&
	   !strcmp(f.fallback, "\"TCP\""), "its items, with a default");
	ok(field(o, web, "self", &f, &t) && !strcmp(t.name, "Web"),
	   "a type that has itself");
	ok(field(o, web, "names", &f, &t) && field(o, web, "again", &g, &t) &&
	   f.type == g.type, "equal types without a name are one");
	ok(openapi_find(o, web, "siz", 3) < 0 &&
	   openapi_find(o, web, "sizes", 5) < 0 &&
	   openapi_find(o, web, "size\0", 5) < 0 &&
	   openapi_find(o, web, "", 0) < 0, "no other field is found");
}

static void test_table(const struct buf *table)
{
	struct openapi o = OPENAPI_INIT;
	struct openapi_type t;
	uint32_t type;

	is_int(openapi_of(table->data, table->len, &o, &err), 0, "it is read");
	is_str(openapi_kubernetes(&o), "v1.99.0", "of a server");
	ok(openapi_kind(&o, "example.org", "v1", "Web", &type), "the kind");
	ok(!openapi_kind(&o, "example.org", "v2", "Web", &type) &&
	   !openapi_kind(&o, "example", "v1", "Web", &type) &&
	   !openapi_kind(&o, "example.org", "v1", "Webs", &type),
	   "no other");
	ok(openapi_has_group(&o, "example.org") &&
	   !openapi_has_group(&o, "") && !openapi_has_group(&o, "z"),
	   "the group");
	openapi_type(&o, type, &t);
	test_fields(&o, &t);
	openapi_close(&o);
}

/* Everything that can be reached, so that a sanitizer sees it. */
static size_t look_at_all(const struct openapi *o)
{
	size_t sum = strlen(openapi_kubernetes(o));

	for (uint32_t i = 0; i < o->n_types; i++) {
		struct openapi_type t;

		openapi_type(o, i, &t);
		sum += strlen(t.name);
		for (uint32_t j = 0; j < t.n_fields; j++) {
			struct openapi_field f;

			openapi_field(o, &t, j, &f);
			sum += strlen(f.name) + strlen(f.fallback) + f.type;
		}
		for (uint32_t j = 0; j < t.n_words; j++)
			sum += strlen(openapi_word(o, &t, j));
	}
	return sum;
}

static void test_damage(const struct buf *table)
{
	size_t refused = 0, looked = 0;

	for (size_t len = 0; len < table->len; len++) {
		char *part = xmemdup(table->data, len + 1);
		struct openapi o;

		refused += openapi_of(part, len, &o, &err) < 0;
		free(part);
	}
	is_int(refused, table->len, "cut anywhere it is refused");
	for (size_t i = 0; i < table->len * 3; i++) {
		static const unsigned char with[] = { 0xff, 0x01, 0x80 };
		char *copy = xmemdup(table->data, table->len);
		struct openapi o;

		copy[i / 3] ^= (char)with[i % 3];
		if (!openapi_of(copy, table->len, &o, &err))
			looked += look_at_all(&o) > 0;
		free(copy);
	}
	ok(looked > 0, "with a wrong byte it is refused, or safe to look at");
}

static void test_version(const struct buf *table)
{
	char *copy = xmemdup(table->data, table->len);
	struct openapi o;

	copy[HEADER_VERSION]++;
	ok(openapi_of(copy, table->len, &o, &err) < 0 &&
	   strstr(err.msg, "version 2"), "another version is named: %s",
	   err.msg);
	free(copy);
}

static void refused(const char *json, const char *want)
{
	struct buf out = BUF_INIT(LIMIT_OPENAPI_BYTES);

	ok(build(json, &out) == -1 && strstr(err.msg, want), "%s: %s", want,
	   err.msg);
	buf_release(&out);
}

static void test_refused(void)
{
	refused(DOCUMENT(WEB_FIELDS ",\"x\":" REF("Nothing")), "not there");
	refused(DOCUMENT(WEB_FIELDS ",\"x\":{\"type\":\"array\"}"),
		"without items");
	refused(DOCUMENT(WEB_FIELDS ",\"x\":{\"type\":\"file\"}"),
		"unheard of");
	refused(DOCUMENT(WEB_FIELDS ",\"x\":[]"), "is no map");
	refused(DOCUMENT(WEB_FIELDS ",\"x\":{\"type\":\"string\","
			 "\"enum\":[1]}"), "no strings");
	refused("{\"components\":{\"schemas\":[]}}", "is no map");
}

static void test_missing(void)
{
	struct openapi o;

	setenv("WINDLASS_OPENAPI", "/nonexistent", 1);
	ok(openapi_open_minor("1.36", &o, &err) < 0 &&
	   strstr(err.msg, "no schema tables"), "no directory: %s", err.msg);
	setenv("WINDLASS_OPENAPI", TABLES, 1);
	err_clear(&err);
	ok(openapi_open_minor("1.7", &o, &err) < 0 &&
	   strstr(err.msg, OPENAPI_NEWEST), "an unknown minor: %s", err.msg);
	err_clear(&err);
	ok(openapi_open_minor("1.36/..", &o, &err) < 0, "no minor at all");
	err_clear(&err);
	ok(openapi_open(TABLES "/..", &o, &err) < 0, "a directory");
}

/* Each table that is installed. */
static void test_real(const char *minor)
{
	struct openapi o = OPENAPI_INIT;
	uint32_t type;

	err_clear(&err);
	ok(!openapi_open_minor(minor, &o, &err), "%s%s", minor, err.msg);
	if (!o.data)
		return;
	ok(!strncmp(openapi_kubernetes(&o) + 1, minor, strlen(minor)),
	   "%s is of %s", minor, openapi_kubernetes(&o));
	ok(openapi_kind(&o, "apps", "v1", "Deployment", &type) &&
	   openapi_kind(&o, "", "v1", "Pod", &type) &&
	   openapi_kind(&o, "apiextensions.k8s.io", "v1",
			"CustomResourceDefinition", &type),
	   "it has what everybody uses");
	ok(look_at_all(&o) > 100000, "and much more");
	openapi_close(&o);
}

int main(void)
{
	struct buf table = BUF_INIT(LIMIT_OPENAPI_BYTES);
	struct buf again = BUF_INIT(LIMIT_OPENAPI_BYTES);

	is_int(build(DOCUMENT(WEB_FIELDS), &table), 0, "a table is made");
	ok(!build(DOCUMENT(WEB_FIELDS), &again) && again.len == table.len &&
	   !memcmp(again.data, table.data, table.len), "the same once more");
	ok(!memmem(table.data, table.len, "Unused", 6),
	   "what no kind needs is left out");
	test_table(&table);
	test_damage(&table);
	test_version(&table);
	test_refused();
	test_missing();
	test_real("1.34");
	test_real("1.35");
	test_real("1.36");
	buf_release(&table);
	buf_release(&again);
	arena_release(&arena);
	return tap_done();
}
