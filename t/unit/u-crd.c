/*
 * Custom resources against their definitions: each keyword of a schema, what
 * breaks it, and what must not be refused. The verdicts are an API server's
 * (t2500 asks one again).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/crd/check-custom.h"
#include "schema/crd/settle.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/openapi.h"
#include "t/unit/tap.h"

static struct openapi table;
static size_t unchecked;

static struct crd *define(const char *schema)
{
	char *text = xasprintf(
		"apiVersion: apiextensions.k8s.io/v1\n"
		"kind: CustomResourceDefinition\n"
		"metadata: {name: things.example.org}\n"
		"spec:\n"
		"  group: example.org\n"
		"  scope: Namespaced\n"
		"  names: {kind: Thing, plural: things}\n"
		"  versions:\n"
		"  - name: v1\n"
		"    served: true\n"
		"    storage: true\n"
		"    schema: {openAPIV3Schema: {type: object, properties: "
		"{spec: %s}}}\n", schema);
	struct problems ps = PROBLEMS_INIT;
	struct objects os = OBJECTS_INIT;
	struct err err = ERR_INIT;
	struct arena a = ARENA_INIT;
	struct crd *c = NULL;

	manifest_read("", text, strlen(text), &a, &os, &ps);
	if (os.n != 1 || crd_read(os.v[0].root, &c, &err) < 0)
		tap_ok(false, __FILE__, __LINE__, "%s: %s", schema, err.msg);
	objects_release(&os);
	problems_release(&ps);
	arena_release(&a);
	free(text);
	return c;
}

/* The findings about a spec, one a line, without where. */
static char *judge_change(const char *schema, const char *old,
			  const char *spec)
{
	static const char head[] = "apiVersion: example.org/v1\nkind: Thing\n"
				   "metadata: {name: a}\nspec: ";
	char *text = xasprintf("%s%s\n---\n%s%s\n", head, spec, head, old);
	struct crd *c = define(schema);
	struct buf out = BUF_INIT(1024 * 1024);
	struct problems ps = PROBLEMS_INIT;
	struct objects os = OBJECTS_INIT;
	struct arena a = ARENA_INIT;

	manifest_read("", text, strlen(text), &a, &os, &ps);
	crd_check(crd_version(c, "v1"), &table, &os.v[0],
		  *old ? os.v[1].root : NULL, &ps);
	problems_sort(&ps);
	for (size_t i = 0; i < ps.n; i++)
		buf_addf(&out, "%s%s%s [%s]", i ? "\n" : "",
			 ps.v[i].severity == SEVERITY_WARNING ? "warning: " :
			 "", ps.v[i].message, ps.v[i].rule);
	unchecked = ps.unchecked;
	problems_release(&ps);
	objects_release(&os);
	arena_release(&a);
	crd_free(c);
	free(text);
	return buf_detach(&out, NULL);
}

static void is_change(const char *schema, const char *old, const char *spec,
		      const char *want)
{
	char *got = judge_change(schema, old, spec);

	if (!tap_ok(!strcmp(got, want), __FILE__, __LINE__, "%s: %s is %s",
		    schema, spec, *want ? want : "good"))
		printf("# got: %s\n", got);
	free(got);
}

static void is(const char *schema, const char *spec, const char *want)
{
	is_change(schema, "", spec, want);
}

static void good(const char *schema, const char *spec)
{
	is(schema, spec, "");
}

static void types(void)
{
	good("{type: string}", "a");
	is("{type: string}", "5",
	   "spec must be a string, but YAML reads 5 as an integer: write "
	   "\"5\" [string-unquoted]");
	is("{type: string}", "[a]",
	   "spec must be a string, not a list [field-type]");
	is("{type: integer}", "\"5\"",
	   "spec must be an integer, not a string: remove the quotes "
	   "[field-type]");
	good("{type: integer}", "1e3");
	is("{type: integer}", "1.5", "spec must be an integer, not a "
	   "fraction or a number beyond 64 bits [field-type]");
	good("{type: number}", "1.5");
	good("{type: number}", "2");
	is("{type: boolean}", "\"true\"",
	   "spec must be true or false, not a string: remove the quotes "
	   "[field-type]");
	good("{x-kubernetes-int-or-string: true}", "a");
	good("{x-kubernetes-int-or-string: true}", "5");
	is("{x-kubernetes-int-or-string: true}", "1.5",
	   "spec must be an integer or a string, not a number [field-type]");
	is("{type: array, items: {type: string}}", "a",
	   "spec must be a list, not a string: begin each of its items with "
	   "'- ' [field-type]");
	good("{x-kubernetes-preserve-unknown-fields: true}", "[1, {a: b}]");
	is("{type: integer, format: int32}", "3000000000", "spec must be "
	   "between -2147483648 and 2147483647 [field-format]");
	good("{type: integer, format: int8}", "300");
}

static void fields(void)
{
	static const char two[] =
		"{type: object, required: [name], properties: {name: {type: "
		"string}, size: {type: integer}}}";

	good(two, "{name: a, size: 1}");
	is(two, "{naem: a, name: b}", "spec has no field 'naem': did you "
	   "mean 'name'? [field-unknown]");
	is(two, "{size: 1}",
	   "spec has no 'name', which is required [field-required]");
	is(two, "{name: ~}", "spec.name must be a string, not null: remove "
	   "it, or give it a value [field-type]");
	good("{type: object}", "{a: {b: 1}}");
	good("{type: object, additionalProperties: {type: integer}}",
	     "{a: 1, b: 2}");
	is("{type: object, additionalProperties: {type: integer}}",
	   "{a: 1, b: x}",
	   "spec.b must be an integer, not a string [field-type]");
	is("{type: object, additionalProperties: false}", "{a: 1}",
	   "spec must not have the field 'a' [field-unknown]");
	good("{type: object, x-kubernetes-preserve-unknown-fields: true, "
	     "properties: {a: {type: object, properties: {b: {type: integer}"
	     "}}}}", "{c: 1, a: {d: 1}}");
	is("{type: object, maxProperties: 1, additionalProperties: {type: "
	   "integer}}", "{a: 1, b: 2}",
	   "spec has 2 fields: 1 is the most [field-count]");
}

static void values(void)
{
	is("{type: string, maxLength: 2}", "\303\251\303\251\303\251",
	   "spec has 3 characters: 2 is the most [field-length]");
	good("{type: string, maxLength: 2}", "\303\251\303\251");
	is("{type: string, minLength: 1}", "\"\"",
	   "spec has 0 characters: 1 is the least [field-length]");
	is("{type: string, pattern: '^a+$'}", "b", "spec is not of the form "
	   "that is wanted here: it does not match ^a+$ [field-pattern]");
	is("{type: string, enum: [fast, slow]}", "fats", "spec cannot be "
	   "'fats': did you mean fast? (It is one of fast, slow.) "
	   "[field-enum]");
	is("{type: integer, enum: [1, 2]}", "3",
	   "spec must be one of [1,2] [field-enum]");
	is("{type: integer, minimum: 2}", "1",
	   "spec must be at least 2 [field-range]");
	is("{type: integer, minimum: 2, exclusiveMinimum: true}", "2",
	   "spec must be more than 2 [field-range]");
	is("{type: number, maximum: 1.5}", "2.5",
	   "spec must be at most 1.5 [field-range]");
	good("{type: number, maximum: 1.5}", "1.5");
	is("{type: number, maximum: 1.5}", "2",
	   "spec must be at most 1.5 [field-range]");
	is("{type: integer, multipleOf: 5}", "7",
	   "spec must be a multiple of 5 [field-range]");
	is("{type: number, multipleOf: 0.5}", "1",
	   "spec must be a multiple of 0.5 [field-range]");
	good("{type: number, multipleOf: 0.5}", "1.5");
	is("{type: array, minItems: 1, items: {type: string}}", "[]",
	   "spec has 0 items: 1 is the least [field-count]");
}

static void formats(void)
{
	static const struct {
		const char *format, *yes, *no;
	} v[] = {
		{ "date", "'2026-11-23'", "'2026-11-31'" },
		{ "date-time", "'2026-11-23T10:00:00Z'", "'2026-11-23'" },
		{ "datetime", "'2026-11-23t10:00:00z'",
		  "'2026-11-23T24:00:00Z'" },
		{ "duration", "1 day", "soon" },
		{ "duration", "1.5h", "h" },
		{ "duration", "'0'", "'5'" },
		{ "email", "a@b", "a@b@c" },
		{ "email", "a.b@c.de", "a..b@c.de" },
		{ "hostname", "a-b.example", "a_b" },
		{ "ipv4", "10.0.0.01", "10.0.0.256" },
		{ "ipv4", "'::ffff:1.2.3.4'", "'::1'" },
		{ "ipv6", "'::1'", "10.0.0.1" },
		{ "cidr", "10.0.0.0/8", "10.0.0.0/33" },
		{ "cidr", "'::/0'", "10.0.0.0" },
		{ "mac", "'02:00:5e:10:00:01'", "'02:00:5e:10:00'" },
		{ "mac", "'0200.5e10.0001'", "'0200-5e10-0001'" },
		{ "uri", "https://a.example:80/x?y", "a.example" },
		{ "uri", "mailto:a", "'http://a/%zz'" },
		{ "uri", "/a", "a b" },
		{ "uuid", "123E4567-e89b-12d3-a456-426614174000", "x" },
		{ "uuid4", "123e4567-e89b-42d3-a456-426614174000",
		  "123e4567-e89b-12d3-a456-426614174000" },
		{ "byte", "aGk=", "aGk" },
		{ "hexcolor", "'#fFf'", "'#ff'" },
		{ "rgbcolor", "'rgb(1, 2,255)'", "'rgb(1,2,256)'" },
		{ "ssn", "123-45-6789", "'123456789'" },
		{ "isbn", "978-3-8362-2119-1", "978-3-8362-2119-2" },
		{ "isbn10", "3 401 01319 X", "3 401 01319 1" },
		{ "creditcard", "4220 8554 2622 2389", "4220 8554 2622 2388" },
		{ "bsonobjectid", "0123456789abcdef01234567", "a123" },
		{ "k8s-short-name", "a-b", "a.b" },
		{ "k8s-long-name", "a.b", "A" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		char *schema = xasprintf("{type: string, format: %s}",
					 v[i].format);
		char *got = judge_change(schema, "", v[i].no);

		good(schema, v[i].yes);
		ok(strstr(got, "[field-format]"), "%s: not %s", v[i].format,
		   v[i].no);
		free(got);
		free(schema);
	}
	good("{type: string, format: password}", "a");
	good("{type: string, format: no-such-format}", "a");
}

static void lists(void)
{
	static const char map[] =
		"{type: array, x-kubernetes-list-type: map, "
		"x-kubernetes-list-map-keys: [name, proto], items: {type: "
		"object, required: [name], properties: {name: {type: string}, "
		"proto: {type: string, default: TCP}}}}";
	static const char set[] =
		"{type: array, x-kubernetes-list-type: set, items: {type: "
		"string}}";

	good(map, "[{name: a}, {name: a, proto: UDP}]");
	is(map, "[{name: a}, {name: a, proto: TCP}]", "spec[1] is a second "
	   "one of name \"a\", proto \"TCP\": the first is in line 4 "
	   "[list-duplicate]");
	is(map, "[~]", "spec[0] must not be empty: the items of this list "
	   "are told apart by what they say [list-null]");
	good(set, "[a, b]");
	is(set, "[a, a]", "spec[1] is a second one of \"a\": the first is in "
	   "line 4 [list-duplicate]");
	is("{type: array, items: {type: string}}", "[a, ~]",
	   "spec[1] must be a string, not null: remove it, or give it a "
	   "value [field-type]");
	good("{type: array, items: {type: string, nullable: true}}",
	     "[a, ~]");
	good("{type: array, items: {type: string, default: x}}", "[a, ~]");
}

static void defaults(void)
{
	good("{type: object, required: [a], properties: {a: {type: integer, "
	     "default: 5}}}", "{}");
	good("{type: object, required: [a], properties: {a: {type: integer, "
	     "default: 5}}}", "{a: ~}");
	good("{type: object, properties: {a: {type: string, nullable: true}}}",
	     "{a: ~}");
	is("{type: object, properties: {a: {type: string, nullable: true, "
	   "enum: [x]}}}", "{a: ~}",
	   "spec.a must be one of [\"x\"] [field-enum]");
	good("{type: object, properties: {a: {type: object, default: {}, "
	     "required: [b], properties: {b: {type: integer, default: 1}}}}}",
	     "{}");
	is("{type: object, properties: {a: {type: object, default: {}, "
	   "properties: {b: {type: integer, default: 1}, c: {type: integer}},"
	   " required: [c]}}}", "{}",
	   "spec.a has no 'c', which is required [field-required]");
}

static void forms(void)
{
	static const char one[] =
		"{type: object, properties: {a: {type: integer}, b: {type: "
		"integer}}, oneOf: [{required: [a]}, {required: [b]}]}";

	good(one, "{a: 1}");
	is(one, "{}", "spec has none of 'a', 'b': one of them is required "
	   "[field-form]");
	is(one, "{a: 1, b: 1}", "spec has more than one of 'a', 'b': only "
	   "one of them may be there [field-form]");
	is("{type: integer, anyOf: [{maximum: 1}, {minimum: 9}]}", "5",
	   "spec has none of the 2 forms that it may have (anyOf); of the "
	   "nearest one: spec must be at most 1 [field-form]");
	is("{type: integer, allOf: [{maximum: 1}, {minimum: 9}]}", "5",
	   "spec must be at least 9 [field-range]\n"
	   "spec must be at most 1 [field-range]");
	is("{type: object, properties: {a: {type: integer}}, not: "
	   "{required: [a]}}", "{a: 1}",
	   "spec must not have 'a' [field-form]");
	good("{x-kubernetes-int-or-string: true, anyOf: [{type: integer}, "
	     "{type: string}], pattern: '^[0-9]+%$'}", "10%");
	is("{type: string, anyOf: [{format: ipv4}, {format: ipv6}]}", "x",
	   "spec has none of the 2 forms that it may have (anyOf); of the "
	   "nearest one: spec must be an IPv4 address [field-form]");
	good("{type: string, anyOf: [{pattern: '^\\p{Greek}$'}, {enum: [b]}]"
	     "}", "a");
	is_int(unchecked, 1, "which was not judged");
	good("{type: string, anyOf: [{pattern: '^\\p{Greek}$'}, {enum: [b]}]"
	     "}", "b");
	is_int(unchecked, 0, "which was");
}

static void embedded(void)
{
	static const char any[] =
		"{type: object, x-kubernetes-embedded-resource: true, "
		"x-kubernetes-preserve-unknown-fields: true}";

	good(any, "{apiVersion: v1, kind: A, metadata: {labels: {a: b}}, "
	     "x: 1}");
	is(any, "{kind: A}", "spec has no 'apiVersion', which every object "
	   "has [field-required]");
	is(any, "{apiVersion: a/b/c, kind: A}", "spec.apiVersion must be an "
	   "API version such as v1 or apps/v1 [field-format]");
	is(any, "{apiVersion: v1, kind: A, metadata: {lables: {}}}",
	   "spec.metadata has no field 'lables': did you mean 'labels'? "
	   "[field-unknown]");
}

/* What was wrong before is left. */
static void changes(void)
{
	static const char small[] =
		"{type: object, properties: {a: {type: integer, maximum: 5}, "
		"b: {type: integer}}}";

	is_change(small, "{a: 9}", "{a: 9, b: 1}", "warning: spec.a must be "
		  "at most 5 (it was so before) [field-range]");
	is_change(small, "{a: 9}", "{a: 8}",
		  "spec.a must be at most 5 [field-range]");
}

static void limits(void)
{
	struct buf text = BUF_INIT(64u * 1024 * 1024);
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct crd *c;
	struct node *n;

	for (int beyond = 0; beyond < 2; beyond++) {
		buf_reset(&text);
		buf_adds(&text, "{\"spec\":{\"versions\":[{\"schema\":{"
				"\"openAPIV3Schema\":{\"allOf\":[{}");
		for (int i = 2 - beyond; i < LIMIT_CRD_SCHEMAS; i++)
			buf_adds(&text, ",{}");
		buf_adds(&text, "]}}}]}}");
		json_read(text.data, text.len, &a, &n, &err);
		is_int(crd_read(n, &c, &err), beyond ? -1 : 0, beyond ?
		       "a definition beyond the limit of schemas" :
		       "one at the limit");
		if (!beyond)
			crd_free(c);
	}
	buf_release(&text);
	arena_release(&a);
}

/* first, and next n - 1 times. */
static void repeat(struct buf *out, const char *first, const char *next, int n)
{
	for (int i = 0; i < n; i++)
		buf_adds(out, i ? next : first);
}

/*
 * Defaults: n objects that get a hundred each, and numbers. The object, its
 * spec, the two lists, and their fields are 7 steps.
 */
static void default_limits(void)
{
	const int n = 9900, rest = LIMIT_CRD_STEPS - 7 - n * 1001;
	struct buf schema = BUF_INIT(1024 * 1024);
	struct buf spec = BUF_INIT(1024 * 1024);

	buf_adds(&schema, "{type: object, properties: {b: {type: array, "
		 "items: {type: integer}}, a: {type: array, items: {type: "
		 "object, properties: {");
	for (int i = 0; i < 100; i++)
		buf_addf(&schema, "f%d: {type: string, default: x}, ", i);
	buf_adds(&schema, "}}}}}");
	for (int beyond = 0; beyond < 2; beyond++) {
		char *got;

		buf_reset(&spec);
		buf_adds(&spec, "{a: ");
		repeat(&spec, "[{}", ", {}", n);
		buf_adds(&spec, "], b: ");
		repeat(&spec, "[0", ", 0", rest + beyond);
		buf_adds(&spec, "]}");
		got = judge_change(schema.data, "", spec.data);
		ok(!*got && unchecked == (size_t)beyond, "%s", beyond ?
		   "one step more is not judged, and counted" :
		   "defaults may take as many steps as there may be");
		free(got);
	}
	buf_reset(&spec);
	repeat(&spec, "{a: [{}", ", {}", 200000);
	buf_adds(&spec, "]}");
	free(judge_change(schema.data, "", spec.data));
	is_int(unchecked, 1, "20 million defaults are none");
	buf_release(&spec);
	buf_release(&schema);
}

/* Compared each with each, these would take minutes. */
static void many_words(void)
{
	struct buf schema = BUF_INIT(4 * 1024 * 1024);
	struct buf spec = BUF_INIT(4 * 1024 * 1024);
	char *got;

	buf_adds(&schema, "{type: array, items: {type: string, enum: ");
	for (int i = 0; i < 100000; i++)
		buf_addf(&schema, "%cword-%d", i ? ',' : '[', i);
	buf_adds(&schema, "]}}");
	repeat(&spec, "[word-99999", ", word-99999", 100000);
	buf_adds(&spec, "]");
	got = judge_change(schema.data, "", spec.data);
	ok(!*got && unchecked == 1, "words are compared up to the limit");
	free(got);
	buf_release(&spec);
	buf_release(&schema);
}

/*
 * A list of n items, and m times something said of them: that is the object,
 * its spec, the list once more for each, and the items each time.
 */
static void step_limits(void)
{
	const int m = 2150, n = 4648;
	struct buf schema = BUF_INIT(1024 * 1024);
	struct buf spec = BUF_INIT(1024 * 1024);
	char *got;

	is_int((m + 1) * (n + 1) + 1, LIMIT_CRD_STEPS,
	       "as many values are looked at as may be");
	buf_adds(&schema, "{type: array, items: {}, allOf: [");
	for (int i = 0; i < m; i++)
		buf_adds(&schema, "{items: {}}, ");
	buf_adds(&spec, "[0");
	for (int i = 1; i < n; i++)
		buf_adds(&spec, ", 0");
	buf_adds(&spec, "]");
	for (int beyond = 0; beyond < 2; beyond++) {
		buf_adds(&schema, beyond ? "{}]}" : "]}");
		got = judge_change(schema.data, "", spec.data);
		ok(!*got && unchecked == (size_t)beyond, "%s", beyond ?
		   "one beyond is not judged, and that is counted" :
		   "all of them are judged");
		free(got);
		buf_truncate(&schema, schema.len - 2);
	}
	buf_release(&schema);
	buf_release(&spec);
}

int main(void)
{
	struct err err = ERR_INIT;

	if (openapi_open(TABLES "/" OPENAPI_NEWEST, &table, &err) < 0) {
		ok(false, "%s", err.msg);
		return tap_done();
	}
	types();
	fields();
	values();
	formats();
	lists();
	defaults();
	forms();
	embedded();
	changes();
	limits();
	step_limits();
	default_limits();
	many_words();
	openapi_close(&table);
	return tap_done();
}
