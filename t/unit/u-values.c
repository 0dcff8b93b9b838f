/*
 * The common judges of values: quantities, names, addresses, selectors, and
 * what the helpers say where.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "schema/json.h"
#include "schema/values/address.h"
#include "schema/values/common.h"
#include "schema/values/quantity.h"
#include "schema/values/resource.h"
#include "schema/values/same.h"
#include "t/unit/tap.h"

/* What a judge says of a JSON text, as "message [rule]", one a line. */
static char *said(const char *json, unsigned minor, judge_fn *judge)
{
	struct buf out = BUF_INIT(64 * 1024);
	struct problems ps = PROBLEMS_INIT;
	struct object o = { .path = "" };
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct judge j = { .o = &o, .ps = &ps, .minor = minor };
	struct node *root = NULL;

	if (json_read(json, strlen(json), &a, &root, &err) < 0)
		BUG("no JSON in a test");
	struct place top = { .node = root };
	struct place p = { .up = &top, .key = "it", .node = root };

	judge(&j, &p);
	for (size_t i = 0; i < ps.n; i++)
		buf_addf(&out, "%s%s [%s]", i ? "\n" : "", ps.v[i].message,
			 ps.v[i].rule);
	is_int(j.rc, ps.n ? -1 : 0, "the result is that of the errors");
	problems_release(&ps);
	arena_release(&a);
	return buf_detach(&out, NULL);
}

static void bad(const char *json, judge_fn *judge, const char *want)
{
	char *got = said(json, 36, judge);

	is_str(got, want, want);
	free(got);
}

static bool is_good(const char *json, unsigned minor, judge_fn *judge)
{
	char *got = said(json, minor, judge);
	bool good = !*got;

	free(got);
	return good;
}

static void test_quantities(void)
{
	static const struct {
		const char *text;
		long long billionths;
	} cases[] = {
		{ "0", 0 }, { "1", 1000000000 }, { "1m", 1000000 },
		{ "1u", 1000 }, { "1n", 1 }, { "0.1n", 1 }, { "-1m", -1000000 },
		{ ".5", 500000000 }, { "1.", 1000000000 },
		{ "1k", 1000000000000 }, { "1Ki", 1024000000000 },
		{ "0.5Ki", 512000000000 }, { "1e3", 1000000000000 },
		{ "1E-3", 1000000 }, { "1e-3", 1000000 },
		{ "+2", 2000000000 }, { "0001", 1000000000 },
		{ "1.0000000001", 1000000001 },
		{ "0.0000000000000000000000001", 1 },
		{ "8Gi", 8589934592000000000 }, { " 1m ", 1000000 },
	};
	struct arena a = ARENA_INIT;
	quantity v, w;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ok(quantity_of(node_str(&a, cases[i].text), &v) &&
		   v == cases[i].billionths, "%s", cases[i].text);
	}
	ok(quantity_of(node_str(&a, "9223372036854775808"), &v) &&
	   quantity_of(node_str(&a, "99999999999999999999999999"), &w) &&
	   v == w && v == INT64_MAX * QUANTITY_ONE, "beyond 2^63 is 2^63 - 1");
	ok(quantity_of(node_str(&a, "7Ei"), &v) &&
	   v == ((quantity)7 << 60) * QUANTITY_ONE, "7Ei");
	ok(quantity_of(node_str(&a, "8Ei"), &v) &&
	   v == INT64_MAX * QUANTITY_ONE, "8Ei is cut down");
	ok(quantity_of(node_float(&a, 1.1), &v) && v == 1100000000,
	   "a float is its shortest text");
	ok(quantity_of(node_float(&a, -0.25), &v) && v == -250000000,
	   "a negative one");
	ok(quantity_of(node_int(&a, INT64_MIN), &v), "the least integer");
	ok(!quantity_of(node_str(&a, "one"), &v), "no quantity");
	ok(!quantity_of(node_str(&a, "1e99"), &v), "not to be told");
	bad("\"-1\"", judge_quantity_not_negative,
	    "it must not be negative, as -1 is [value-range]");
	bad("0", judge_quantity_positive,
	    "it must be more than 0, not 0 [value-range]");
	bad("1.5", judge_quantity_whole,
	    "it must be a whole number, not 1.5 [value-range]");
	arena_release(&a);
}

static void test_networks(void)
{
	struct cidr a, b;
	unsigned char raw[16];

	is_int(ip_parse("10.1.2.3", 36, raw), AF_INET, "IPv4");
	ok(raw[0] == 10 && raw[3] == 3, "its bytes");
	is_int(ip_parse("fe80::1%eth0", 36, raw), 0, "no zones");
	is_int(ip_parse("10.1.2.3.", 36, raw), 0, "no dot behind");
	ok(cidr_parse("10.0.0.0/8", 36, &a) &&
	   cidr_parse("10.255.0.0/16", 36, &b), "two networks");
	ok(cidr_contains(&a, &b) && !cidr_contains(&b, &a) &&
	   !cidr_contains(&a, &a), "one in the other");
	ok(cidr_parse("2001:db8::/33", 36, &a) &&
	   cidr_parse("2001:db8:8000::/34", 36, &b) &&
	   !cidr_contains(&a, &b), "a bit in the middle of a byte");
	ok(!cidr_parse("10.0.0.0/33", 36, &a) &&
	   !cidr_parse("10.0.0.0/-1", 36, &a) &&
	   !cidr_parse("10.0.0.0/", 36, &a) &&
	   !cidr_parse("10.0.0.1/08", 36, &a), "no networks");
	ok(cidr_parse("10.0.0.1/08", 35, &a) && a.bits == 8, "but to 1.35");
	ok(is_good("\"224.0.1.1\"", 36, judge_endpoint_ip), "multicast");
	bad("\"224.0.0.1\"", judge_endpoint_ip, "it '224.0.0.1' is a "
	    "link-local multicast address: nothing can be reached at it from "
	    "elsewhere [value-range]");
	bad("\"::\"", judge_endpoint_ip, "it '::' is unspecified: nothing can "
	    "be reached at it from elsewhere [value-range]");
	bad("\"fe80::1\"", judge_endpoint_ip, "it 'fe80::1' is a link-local "
	    "address: nothing can be reached at it from elsewhere "
	    "[value-range]");
	bad("\"2001:0db8::/32\"", judge_canonical_cidr, "it must be written as "
	    "'2001:db8::/32', not '2001:0db8::/32' [value-format]");
	ok(is_good("\"::102:304\"", 36, judge_canonical_ip),
	   "libc writes it in another way");
}

static void same(const char *key, const char *a, const char *b, bool want)
{
	struct arena arena = ARENA_INIT;
	struct node *x = NULL, *y = NULL;
	struct err err = ERR_INIT;

	if ((a && json_read(a, strlen(a), &arena, &x, &err) < 0) ||
	    (b && json_read(b, strlen(b), &arena, &y, &err) < 0))
		BUG("no JSON in a test");
	ok(same_value(key, x, y) == want && same_value(key, y, x) == want,
	   "%s: %s and %s are %s", key, a ? a : "nothing", b ? b : "nothing",
	   want ? "the same" : "not the same");
	arena_release(&arena);
}

static void test_same(void)
{
	same("x", "1", "1", true);
	same("x", "1", "2", false);
	same("x", NULL, "null", true);
	same("x", NULL, "{}", true);
	same("x", NULL, "false", true);
	same("x", NULL, "\"a\"", false);
	same("storage", "\"1Gi\"", "\"1024Mi\"", true);
	same("storage", "\"1Gi\"", "\"1G\"", false);
	same("protocol", NULL, "\"TCP\"", true);
	same("protocol", NULL, "\"UDP\"", false);
	same("attachRequired", NULL, "true", true);
	same("attachRequired", NULL, "false", false);
	same("spec", "{\"a\":1,\"status\":{\"b\":2}}", "{\"a\":1}", true);
	same("spec", "{\"ports\":[{\"port\":1}]}",
	     "{\"ports\":[{\"port\":1,\"protocol\":\"TCP\"}]}", true);
	same("list", "[1,2]", "[2,1]", false);
	same("list", "[1]", "[1,1]", false);
	same("httpGet", NULL, "{\"path\":\"/\",\"scheme\":\"HTTP\"}", true);
	same("labels", NULL, "{\"protocol\":\"TCP\"}", false);
	same("labels", "{\"a\":\"\"}", "{}", false);
	same("parameters", "{\"type\":\"Opaque\"}", "{\"a\":\"b\"}", false);
	same("parameters", NULL, "{}", true);
}

static void test_resources(void)
{
	ok(!resource_fault("cpu", RESOURCE_CONTAINER) &&
	   !resource_fault("hugepages-2Mi", RESOURCE_CONTAINER) &&
	   !resource_fault("example.org/gpu", RESOURCE_CONTAINER) &&
	   resource_fault("requests.cpu", RESOURCE_CONTAINER) &&
	   resource_fault("requests.example.org/gpu", RESOURCE_CONTAINER) &&
	   resource_fault("pods", RESOURCE_CONTAINER) &&
	   resource_fault("storage", RESOURCE_CONTAINER), "of a container");
	ok(!resource_fault("requests.cpu", RESOURCE_QUOTA) &&
	   !resource_fault("requests.example.org/gpu", RESOURCE_QUOTA) &&
	   !resource_fault("count/pods", RESOURCE_QUOTA) &&
	   resource_fault("storage", RESOURCE_QUOTA) &&
	   resource_fault("gpu", RESOURCE_QUOTA), "of a quota");
	ok(!resource_fault("storage", RESOURCE_ANY) &&
	   resource_fault("disk", RESOURCE_ANY) &&
	   resource_fault("a b", RESOURCE_ANY), "of a limit");
	ok(resource_is_whole("pods") && resource_is_whole("example.org/gpu") &&
	   !resource_is_whole("cpu") &&
	   !resource_is_whole("kubernetes.io/x"), "counted");
	ok(resource_overcommits("cpu") &&
	   !resource_overcommits("example.org/gpu") &&
	   !resource_overcommits("hugepages-2Mi"), "promised twice");
}

static void test_texts(void)
{
	bad("\"A\"", judge_dns_label, "it 'A' is no DNS label: at most 63 of "
	    "a-z, 0-9 and -, not at an end [value-format]");
	bad("\"\\u0000\"", judge_dns_label, "it '' is no DNS label: at most "
	    "63 of a-z, 0-9 and -, not at an end [value-format]");
	ok(is_good("5", 36, judge_dns_label), "another type is not judged");
	ok(is_port_name("http") && is_port_name("a1-2") && is_port_name("9p"),
	   "names of ports");
	ok(!is_port_name("") && !is_port_name("80") && !is_port_name("a--b") &&
	   !is_port_name("-a") && !is_port_name("a-") && !is_port_name("A") &&
	   !is_port_name("abcdefghijklmnop"), "what are none");
	ok(is_good("\"a b/:\"", 36, judge_env_name), "names of variables");
	ok(!is_good("\"a=b\"", 36, judge_env_name) &&
	   !is_good("\"\\u00e4\"", 36, judge_env_name), "what are none");
	ok(is_config_key("a.b_C-1") && !is_config_key("..a") &&
	   !is_config_key("a/b") && !is_config_key("."), "keys of a ConfigMap");
	bad("\"/a\"", judge_descending, "it must be a relative path: '/a' "
	    "begins with / [value-format]");
	bad("\"a/../b\"", judge_descending, "it must not have '..' among its "
	    "parts [value-format]");
	ok(is_good("\"a/..b/c..\"", 36, judge_descending), "dots in a name");
}

static void test_addresses(void)
{
	ok(is_ip("10.0.0.1", 36) && is_ip("::1", 36) &&
	   is_ip("0:0::1", 36), "addresses");
	ok(!is_ip("10.0.0", 36) && !is_ip("10.0.0.256", 36) &&
	   !is_ip("fe80::1%eth0", 36) && !is_ip("", 36), "what are none");
	ok(!is_ip("010.0.0.1", 36) && is_ip("010.0.000.1", 35) &&
	   !is_ip("::ffff:1.2.3.4", 36) && is_ip("::ffff:1.2.3.4", 35),
	   "stricter since 1.36");
	ok(is_cidr("10.0.0.0/8", 36) && is_cidr("::/0", 36) &&
	   is_cidr("10.0.0.1/32", 36) && is_cidr("128.0.0.0/1", 36),
	   "networks");
	ok(!is_cidr("10.0.0.0", 36) && !is_cidr("10.0.0.0/33", 36) &&
	   !is_cidr("10.0.0.0/", 36) && !is_cidr("/8", 36), "what are none");
	ok(!is_cidr("10.0.0.1/8", 36) && is_cidr("10.0.0.1/8", 35) &&
	   !is_cidr("10.0.0.0/08", 36) && is_cidr("10.0.0.0/08", 35) &&
	   !is_cidr("192.0.0.0/1", 36), "stricter since 1.36");
}

static void test_selectors(void)
{
	static const char *const bad_ones[] = {
		"{\"matchLabels\": {\"a b\": \"\"}}",
		"{\"matchLabels\": {\"a\": \"-\"}}",
		"{\"matchExpressions\": [{\"key\": \"a\", \"operator\": "
			"\"In\"}]}",
		"{\"matchExpressions\": [{\"key\": \"a\", \"operator\": "
			"\"Exists\", \"values\": [\"b\"]}]}",
		"{\"matchExpressions\": [{\"key\": \"a/b/c\", \"operator\": "
			"\"Exists\"}]}",
		"{\"matchExpressions\": [{\"key\": \"a\", \"operator\": "
			"\"Is\"}]}",
		"{\"matchExpressions\": [{\"key\": \"a\", \"operator\": "
			"\"In\", \"values\": [\"-\"]}]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad_ones); i++)
		ok(!is_good(bad_ones[i], 36, judge_selector), "%s",
		   bad_ones[i]);
	ok(is_good("{\"matchLabels\": {\"a.b/C\": \"d\", \"e\": null}, "
		   "\"matchExpressions\": [{\"key\": \"a\", \"operator\": "
		   "\"NotIn\", \"values\": [\"\"]}]}", 36, judge_selector),
	   "a good selector");
	bad("{\"matchExpressions\": [{\"key\": \"a\", \"operator\": "
	    "\"exists\"}]}", judge_selector, "it.matchExpressions[0].operator "
	    "cannot be 'exists': did you mean Exists? (It is one of In, "
	    "NotIn, Exists, DoesNotExist.) [value-enum]");
}

/* Does the first of a list of two, a selector, match the other's labels? */
static bool matches(const char *json)
{
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *both = NULL;
	struct place p;
	bool yes;

	if (json_read(json, strlen(json), &a, &both, &err) < 0)
		BUG("no JSON in a test");
	p = (struct place){ .node = both->items[0] };
	yes = selector_matches(&p, both->items[1]);
	arena_release(&a);
	return yes;
}

static void test_matching(void)
{
	ok(matches("[{}, {}]"), "nothing wanted");
	ok(matches("[{\"matchLabels\": {\"a\": \"b\"}}, {\"a\": \"b\", "
		   "\"c\": \"d\"}]"), "a label");
	ok(!matches("[{\"matchLabels\": {\"a\": \"b\"}}, {\"a\": \"c\"}]") &&
	   !matches("[{\"matchLabels\": {\"a\": \"b\"}}, {}]") &&
	   !matches("[{\"matchLabels\": {\"a\": \"b\"}}, null]"),
	   "another one, none");
	ok(matches("[{\"matchLabels\": {\"a\": null}}, {\"a\": \"\"}]"),
	   "null is the empty text");
#define EXPRESSION(op, values) \
	"[{\"matchExpressions\": [{\"key\": \"a\", \"operator\": \"" op \
	"\", \"values\": [" values "]}]}, "
	ok(matches(EXPRESSION("In", "\"b\", \"c\"") "{\"a\": \"c\"}]") &&
	   !matches(EXPRESSION("In", "\"b\"") "{\"a\": \"c\"}]") &&
	   !matches(EXPRESSION("In", "\"b\"") "{}]"), "In");
	ok(matches(EXPRESSION("NotIn", "\"b\"") "{\"a\": \"c\"}]") &&
	   matches(EXPRESSION("NotIn", "\"b\"") "{}]") &&
	   !matches(EXPRESSION("NotIn", "\"b\"") "{\"a\": \"b\"}]"), "NotIn");
	ok(matches(EXPRESSION("Exists", "") "{\"a\": \"\"}]") &&
	   !matches(EXPRESSION("Exists", "") "{}]"), "Exists");
	ok(matches(EXPRESSION("DoesNotExist", "") "{}]") &&
	   !matches(EXPRESSION("DoesNotExist", "") "{\"a\": \"b\"}]"),
	   "DoesNotExist");
}

static void unique_names(struct judge *j, const struct place *p)
{
	at_unique(j, p, "name");
}

static void one_of(struct judge *j, const struct place *p)
{
	static const char *const keys[] = { "a", "b", NULL };
	struct place one;

	at_one_of(j, p, keys, false, &one);
}

static void test_helpers(void)
{
	struct buf many = BUF_INIT(64 * 1024);

	bad("[{\"name\": \"a\"}, {}, {\"name\": \"a\"}]", unique_names,
	    "it[2].name 'a' is there twice: the first is in line 1 "
	    "[value-duplicate]");
	buf_adds(&many, "[");
	for (int i = 0; i < 100; i++)
		buf_addf(&many, "{\"name\": \"n%d\"}, ", i);
	buf_adds(&many, "{\"name\": \"n50\"}]");
	bad(many.data, unique_names, "it[100].name 'n50' is there twice: the "
	    "first is in line 1 [value-duplicate]");
	buf_release(&many);
	bad("{}", one_of, "it must have one of a, b [value-required]");
	bad("{\"a\": 1, \"b\": 1}", one_of, "it.b cannot be set beside 'a': "
	    "only one of the two can be [value-conflict]");
	ok(is_good("{\"a\": null, \"b\": 1}", 36, one_of), "null is none");
	bad("70000", judge_port, "it must be between 1 and 65535, not 70000 "
	    "[value-range]");
	bad("-1", judge_not_negative, "it must be at least 0, not -1 "
	    "[value-range]");
	ok(is_good("\"5%\"", 36, judge_count_or_percent) &&
	   !is_good("\"5\"", 36, judge_count_or_percent) &&
	   !is_good("-1", 36, judge_count_or_percent), "counts, percentages");
}

int main(void)
{
	test_quantities();
	test_networks();
	test_same();
	test_resources();
	test_texts();
	test_addresses();
	test_selectors();
	test_matching();
	test_helpers();
	return tap_done();
}
