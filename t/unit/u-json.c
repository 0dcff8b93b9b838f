/*
 * JSON in and out: places, exact numbers, what is refused and where, and
 * that what we write reads back as the same tree.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "schema/base/arena.h"
#include "schema/base/mem.h"
#include "schema/base/utf8.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "t/unit/tap.h"

static struct arena arena;

static struct node *read_ok(const char *text)
{
	struct err err = ERR_INIT;
	struct node *n = NULL;

	if (json_read(text, strlen(text), &arena, &n, &err)) {
		printf("# %s: %s\n", text, err.msg);
		return NULL;
	}
	return n;
}

static void is_refused(const char *text, const char *want)
{
	struct err err = ERR_INIT;
	struct node *n = NULL;
	int rc = json_read(text, strlen(text), &arena, &n, &err);

	ok(rc == -1 && !n && err.class == ERR_INVALID, "refused");
	is_str(err.msg, want, want);
}

static void is_written(const char *text, const char *want)
{
	struct buf b = BUF_INIT(1 << 20);
	struct node *n = read_ok(text);

	if (n)
		json_write_compact(n, &b);
	is_str(b.data, want, text);
	buf_release(&b);
}

static void is_float(double v, const char *want)
{
	struct buf b = BUF_INIT(100);

	json_write_float(v, &b);
	is_str(b.data, want, want);
	buf_release(&b);
}

static void is_at(const struct mark *m, unsigned int line, unsigned int column,
		  const char *what)
{
	bool good = m->line == line && m->column == column;

	if (!ok(good, "%s at %u:%u", what, line, column))
		printf("#   got: %u:%u\n", m->line, m->column);
}

static void test_marks(void)
{
	struct node *n = read_ok("\n{ \"h\xc3\xa9\\\"\": [1,\r\n"
				 "  {\"a\":\"\xe2\x82\xac\", \"b\" : null}],\r"
				 "\"z\": {}}");
	const struct node_pair *p;

	is_at(&n->mark, 2, 1, "the map");
	p = &n->pairs[0];
	is_at(&p->mark, 2, 3, "a key");
	is_at(&p->value->mark, 2, 11, "a list behind an escape");
	is_at(&p->value->items[0]->mark, 2, 12, "an item");
	is_at(&p->value->items[1]->mark, 3, 3, "an item after CRLF");
	p = node_pair(p->value->items[1], "b");
	is_at(&p->mark, 3, 13, "a key behind a wide character");
	is_at(&p->value->mark, 3, 19, "its value");
	p = node_pair(n, "z");
	is_at(&p->mark, 4, 1, "a key after a lone CR");
	is_at(&p->value->mark, 4, 6, "an empty map");
	n = read_ok("{\"a\": { },\n\"b\": [{\n}, 9007199254740993]}");
	p = node_pair(n, "b");
	is_at(&p->mark, 2, 1, "a key behind an empty map with a space in it");
	is_at(&p->value->items[1]->mark, 3, 4, "a number behind one");
	ok(p->value->items[1]->integer == 9007199254740993, "which is exact");
}

static void test_first(void)
{
	const char *text = " {\"a\":1}\n\"x\" 7";
	size_t len = strlen(text), used;
	struct mark mark = { 10, 5 };
	struct err err = ERR_INIT;
	struct node *n;

	ok(!json_read_first(text, len, mark, &arena, &n, &used, &mark, &err) &&
	   used == 8 && n->type == NODE_MAP, "the first value of three");
	is_at(&n->mark, 10, 6, "it");
	is_at(&mark, 10, 13, "the rest");
	text += used;
	len -= used;
	ok(!json_read_first("{\r}7", 4, mark, &arena, &n, &used, &mark, &err) &&
	   used == 3, "a space in an empty map is part of it");
	mark = (struct mark){ 10, 13 };
	ok(!json_read_first(text, len, mark, &arena, &n, &used, &mark, &err) &&
	   !strcmp(node_text(n), "x"), "the second");
	is_at(&n->mark, 11, 1, "it");
	text += used;
	len -= used;
	ok(!json_read_first(text, len, mark, &arena, &n, &used, &mark, &err) &&
	   n->integer == 7 && used == len, "the third");
	ok(json_read_first("", 0, mark, &arena, &n, &used, &mark, &err),
	   "nothing is no value");
	is_str(err.msg, "line 11 column 6: no JSON value", "and says where");
	mark = (struct mark){ 3, 4 };
	ok(json_read_first("[1,}", 4, mark, &arena, &n, &used, &mark, &err),
	   "a fault is refused");
	is_str(err.msg, "line 3 column 7: unexpected token",
	       "and its place counts from the given one");
	is_at(&mark, 3, 4, "outputs are untouched on failure: the mark");
}

static void test_numbers(void)
{
	struct node *n = read_ok("[9223372036854775807,-9223372036854775808,"
				 "9223372036854775808,-9223372036854775809,"
				 "1.0,1e2,-0,-0.0,9007199254740993,0.5]");
	const enum node_type types[] = { NODE_INT, NODE_INT, NODE_FLOAT,
		NODE_FLOAT, NODE_FLOAT, NODE_FLOAT, NODE_INT, NODE_FLOAT,
		NODE_INT, NODE_FLOAT };
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		bad += n->items[i]->type != types[i];
	ok(!bad && n->n == ARRAY_SIZE(types), "int64, else float64");
	ok(n->items[0]->integer == INT64_MAX &&
	   n->items[1]->integer == INT64_MIN &&
	   n->items[8]->integer == 9007199254740993, "integers are exact");
	ok(n->items[2]->real == 0x1p63 && n->items[9]->real == 0.5,
	   "and others float64");
	is_refused("1e400", "line 1 column 1: real number overflow");
	is_written("[123456789012345678901234567890,1.0,-0.0,1e2]",
		   "[1.2345678901234568e+29,1,0,100]");
}

/* What Go's encoding/json prints for each, by its rules for float64. */
static void test_floats(void)
{
	is_float(0, "0");
	is_float(0.1, "0.1");
	is_float(1.0 / 3, "0.3333333333333333");
	is_float(100, "100");
	is_float(123456.789, "123456.789");
	is_float(1e20, "100000000000000000000");
	is_float(999999999999999868928.0, "999999999999999900000");
	is_float(1e21, "1e+21");
	is_float(1.5e300, "1.5e+300");
	is_float(0.000001, "0.000001");
	is_float(0.0000012345, "0.0000012345");
	is_float(9.99e-7, "9.99e-7");
	is_float(-2.5e-10, "-2.5e-10");
	is_float(0x1p63, "9223372036854776000");
	is_float(0x1p64, "18446744073709552000");
	is_float(5e-324, "5e-324");
	is_float(1.7976931348623157e308, "1.7976931348623157e+308");
	is_float(0x1p-44, "5.684341886080802e-14");
	is_float(0x1p-1022, "2.2250738585072014e-308");
	is_float(9007199254740993.0, "9007199254740992");
}

static void test_float_round_trip(void)
{
	uint64_t x = 88172645463325252u;
	int bad = 0;

	for (int i = 0; i < 20000; i++) {
		struct buf b = BUF_INIT(100);
		double v;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(&v, &x, sizeof(v));
		if (i < 2098)
			v = ldexp(1, i - 1074);
		if (!isfinite(v))
			continue;
		json_write_float(v, &b);
		bad += strtod(b.data, NULL) != v;
		buf_release(&b);
	}
	is_int(bad, 0, "random and all powers of two read back exactly");
}

static void test_refused(void)
{
	is_refused("", "line 1 column 1: no JSON value");
	is_refused(" \n ", "line 2 column 2: no JSON value");
	is_refused("{} x", "line 1 column 4: text after the end of the value");
	is_refused("{\"a\":1,\n \"a\":2}",
		   "line 2 column 2: duplicate key \"a\": remove one of the two");
	is_refused("{\"a\":1,\"\\u0061\":2}", "line 1 column 8: "
		   "duplicate key \"\\u0061\": remove one of the two");
	is_refused("[1,", "line 1 column 4: the text ends inside a value");
	is_refused("{\"a\n", "line 1 column 4: unexpected newline");
	is_refused("\"a\tb\"", "line 1 column 3: control character 0x9");
	is_refused("[\"\xc3\xa9\\x\"]", "line 1 column 4: invalid escape");
	is_refused("[\"a\xff\"]", "line 1 column 4: unable to decode byte 0xff");
	is_refused("[\xc0\x80]", "line 1 column 2: unable to decode byte 0xc0");
	is_refused("[1,,2]", "line 1 column 4: unexpected token");
	is_refused("[01]", "line 1 column 2: invalid token");
	is_refused("{a:1}", "line 1 column 2: string or '}' expected");
	is_refused("{\"a\" 1}", "line 1 column 6: ':' expected");
	is_refused("[1}", "line 1 column 3: ']' expected");
	is_refused("nul", "line 1 column 1: invalid token");
	is_refused("NaN", "line 1 column 1: invalid token");
	is_refused("\xef\xbb\xbf{}", "line 1 column 1: invalid token");
	is_refused("\"\\ud800\"", "line 1 column 1: invalid Unicode '\\uD800'");
	is_refused("{\"\\u0000\":1}",
		   "line 1 column 2: NUL byte in object key not supported");
}

static void test_secret(void)
{
	struct err err = ERR_INIT;
	struct node *n;
	const char *text = "{\"password\": hunter2}";

	json_read(text, strlen(text), &arena, &n, &err);
	ok(!strstr(err.msg, "hunter"), "a message quotes no value");
}

static int read_nested(int depth)
{
	struct buf b = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;
	struct node *n;
	int rc;

	for (int i = 0; i < depth; i++)
		buf_adds(&b, i % 2 ? "{\"a\":" : "[");
	buf_addc(&b, '0');
	for (int i = depth; i-- > 0;)
		buf_addc(&b, i % 2 ? '}' : ']');
	rc = json_read(b.data, b.len, &arena, &n, &err);
	buf_release(&b);
	return rc;
}

static int read_counted(size_t max_nodes, const char *text)
{
	struct json_part part = {
		.text = text,
		.len = strlen(text),
		.from = { 1, 1 },
		.max_nodes = max_nodes,
	};
	struct err err = ERR_INIT;
	struct node *n;

	return json_read_part(&part, &arena, &n, &err);
}

static void test_limits(void)
{
	is_int(read_nested(LIMIT_DEPTH), 0, "as deep as the limit");
	is_int(read_nested(LIMIT_DEPTH + 1), -1, "one level deeper");
	is_int(read_nested(100000), -1, "absurdly deep");
	is_int(read_counted(7, "[1,{\"a\":[],\"b\":{}},[2]]"), 0,
	       "as many values as the limit");
	is_int(read_counted(6, "[1,{\"a\":[],\"b\":{}},[2]]"), -1,
	       "one value more");
}

static void test_strings(void)
{
	struct node *n = read_ok("\"a\\u0000b\\/\\ud83d\\ude00\"");

	ok(n && n->n == 8 && !memcmp(n->str, "a\0b/\xf0\x9f\x98\x80", 9),
	   "escapes are read, NUL too");
	is_written("\"/<>&\\u0000\\u001f\\b\\f\\n\\r\\t\\\"\\\\\"",
		   "\"/<>&\\u0000\\u001f\\b\\f\\n\\r\\t\\\"\\\\\"");
	is_written("\"\\u007f\\u0080\\u009f\\u00a0\\u2028\\u2029\"",
		   "\"\\u007f\\u0080\\u009f\xc2\xa0\\u2028\\u2029\"");
	is_written("\"\\ufeff\\ufffd\\ufffe\\uffff\\ud83d\\ude00\"",
		   "\"\\ufeff\xef\xbf\xbd\\ufffe\\uffff\xf0\x9f\x98\x80\"");
}

static void test_canonical(void)
{
	struct buf b = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
	struct node *n = read_ok("{\"b\":[1,{},[],[true]],\"a\":{\"z\":null,"
				 "\"\xc3\xa9\":1,\"aa\":\"x\",\"a\":1.5}}");

	json_write_canonical(n, &b);
	is_str(b.data, "{\n"
	       "  \"a\": {\n"
	       "    \"a\": 1.5,\n"
	       "    \"aa\": \"x\",\n"
	       "    \"z\": null,\n"
	       "    \"\xc3\xa9\": 1\n"
	       "  },\n"
	       "  \"b\": [\n"
	       "    1,\n"
	       "    {},\n"
	       "    [],\n"
	       "    [\n"
	       "      true\n"
	       "    ]\n"
	       "  ]\n"
	       "}\n", "the canonical form");
	ok(node_equal(n, read_ok(b.data)), "reads back as the same tree");
	json_write_canonical(read_ok(b.data), &again);
	is_str(again.data, b.data, "and is written as the same bytes");
	ok(json_canonical_most(n) >= b.len, "its size is not underestimated");
	buf_release(&b);
	buf_release(&again);
}

/* What takes most: nothing but brackets, escapes, long numbers, deep down. */
static void test_most(void)
{
	struct buf b = BUF_INIT(1 << 20);
	struct node *deep = node_seq(&arena), *n = deep;
	bool enough = true;

	for (int i = 0; i < 60; i++) {
		struct node *inner = i % 2 ? node_seq(&arena) :
					     node_map(&arena);

		if (n->type == NODE_SEQ)
			node_append(&arena, n, inner);
		else
			node_set(&arena, n, "\x01\x01\x01", inner);
		if (n->type == NODE_SEQ) {
			node_append(&arena, n, node_int(&arena, INT64_MIN));
			node_append(&arena, n,
				    node_float(&arena, -1.7976931348623157e-308));
			node_append(&arena, n, node_str(&arena, "\x7f\x02"));
			node_append(&arena, n, node_map(&arena));
		}
		n = inner;
		buf_reset(&b);
		json_write_canonical(deep, &b);
		enough = enough && json_canonical_most(deep) >= b.len;
	}
	ok(enough, "no tree is larger than json_canonical_most says");
	buf_release(&b);
}

/* Every character there is, as text and as key, through both forms. */
static void test_round_trip(void)
{
	struct buf b = BUF_INIT(64 << 20), s = BUF_INIT(16 << 20);
	struct node *n = node_map(&arena), *back;
	struct err err = ERR_INIT;

	for (uint32_t c = 1; c <= 0x10ffff; c++) {
		char u[5] = "";

		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		if (c < 0x80) {
			u[0] = (char)c;
		} else if (c < 0x800) {
			u[0] = (char)(0xc0 | c >> 6);
			u[1] = (char)(0x80 | (c & 0x3f));
		} else if (c < 0x10000) {
			u[0] = (char)(0xe0 | c >> 12);
			u[1] = (char)(0x80 | (c >> 6 & 0x3f));
			u[2] = (char)(0x80 | (c & 0x3f));
		} else {
			u[0] = (char)(0xf0 | c >> 18);
			u[1] = (char)(0x80 | (c >> 12 & 0x3f));
			u[2] = (char)(0x80 | (c >> 6 & 0x3f));
			u[3] = (char)(0x80 | (c & 0x3f));
		}
		buf_adds(&s, u);
		if (c < 300 || (c > 0xfef0 && c < 0x10010))
			node_set(&arena, n, u, node_str(&arena, u));
	}
	node_set(&arena, n, "all", node_strn(&arena, s.data, s.len));
	json_write_canonical(n, &b);
	ok(!json_read(b.data, b.len, &arena, &back, &err) &&
	   node_equal(n, back), "every character survives the canonical form");
	ok(json_canonical_most(n) >= b.len, "nor that of escapes");
	buf_reset(&b);
	json_write_compact(n, &b);
	ok(!json_read(b.data, b.len, &arena, &back, &err) &&
	   node_equal(n, back), "and the compact form");
	buf_release(&b);
	buf_release(&s);
}

static void test_node(void)
{
	struct node *n = read_ok("{\"a\":{\"b\":{\"s\":\"x\",\"i\":3}},"
				 "\"l\":[1,1.0]}");
	struct arena other = ARENA_INIT;
	struct node *copy = node_copy(&other, n);
	char text[3];

	is_str(node_path_str(n, "a", "b", "s", NULL), "x", "node_path_str");
	is_int(node_path_int(n, 9, "a", "b", "i", NULL), 3, "node_path_int");
	is_int(node_path_int(n, 9, "a", "no", NULL), 9, "its fallback");
	node_copy_str(read_ok("{\"s\":\"xyz\"}"), "s", text, sizeof(text));
	is_str(text, "xy", "node_copy_str, cut to the room");
	node_copy_str(n, "a", text, sizeof(text));
	is_str(text, "", "nothing of what is no string");
	ok(!node_path(n, "l", "b", NULL) && !node_path_str(n, "a", NULL),
	   "a path through what is no map, a string that is none");
	ok(node_equal(node_get(n, "l")->items[0], node_get(n, "l")->items[1]),
	   "1 equals 1.0");
	ok(!node_equal(node_int(&arena, 9007199254740993),
		       node_float(&arena, 9007199254740992.0)),
	   "2^53 + 1 equals no float");
	ok(node_equal(n, copy), "a copy is equal");
	node_set(&other, copy, "new", node_null(&other));
	ok(!node_equal(n, copy) && node_del(copy, "new") &&
	   !node_del(copy, "new") && node_equal(n, copy),
	   "set and del undo each other");
	ok(node_equal(read_ok("{\"a\":1,\"b\":2}"),
		      read_ok("{\"b\":2,\"a\":1}")) &&
	   !node_equal(read_ok("{\"a\":1,\"b\":2}"),
		       read_ok("{\"a\":1,\"c\":2}")), "maps have no order");
	arena_release(&other);
}

static void test_large_maps(void)
{
	struct node *x = node_map(&arena), *y = node_map(&arena);
	char key[16];

	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "%d", i);
		node_set(&arena, x, key, node_int(&arena, i));
		snprintf(key, sizeof(key), "%d", 99 - i);
		node_set(&arena, y, key, node_int(&arena, 99 - i));
	}
	ok(node_equal(x, y), "large maps have no order either");
	node_set(&arena, y, "50", node_int(&arena, 0));
	ok(!node_equal(x, y), "and one value may differ");
}

/* {"0":0,"1":1,...} of n pairs. */
static struct node *numbered(int n)
{
	struct buf b = BUF_INIT(16 << 20);
	struct node *map;

	for (int i = 0; i < n; i++)
		buf_addf(&b, "%c\"%d\":%d", i ? ',' : '{', i, i);
	buf_addc(&b, '}');
	map = read_ok(b.data);
	buf_release(&b);
	return map;
}

/* How many of the keys from..to-1 give what they should. */
static int found(const struct node *map, int from, int to)
{
	int good = 0;
	char key[16];

	for (int i = from; i < to; i++) {
		snprintf(key, sizeof(key), "%d", i);
		good += node_path_int(map, -1, key, NULL) == i;
	}
	return good;
}

static void test_index(void)
{
	bool indexed = true;

	for (int n = 60; n < 300; n++) {
		struct node *map = numbered(n);

		indexed &= (map->index != NULL) == (n >= 64);
		if (found(map, 0, n) != n || found(map, n, 2 * n))
			ok(false, "%d pairs are found, no others", n);
	}
	ok(indexed, "maps of 64 pairs have an index, smaller ones none");

	struct node *map = numbered(200);
	struct node *copy = node_copy(&arena, map);

	ok(copy->index && copy->index != map->index &&
	   found(copy, 0, 200) == 200, "a copy has its own");
	node_set(&arena, copy, "7", node_int(&arena, 7));
	ok(copy->index && node_del(copy, "0") && !copy->index,
	   "it stays when a value is set and goes with a pair");
	is_int(found(copy, 0, 200), 199, "the others are found where they are");
	node_set(&arena, map, "200", node_int(&arena, 200));
	ok(!map->index && found(map, 0, 201) == 201, "a new pair is found");
	node_index(&arena, map);
	ok(map->index && found(map, 0, 201) == 201, "and by a new index");
}

/* Looked through from the first pair on, this would take minutes. */
static void test_many_lookups(void)
{
	struct node *map = numbered(500000);

	is_int(found(map, 0, 1000000), 500000,
	       "a million lookups among 500,000 pairs");
}

/* 100,000 keys, each once and one twice: must not take minutes. */
static void test_hostile_map(void)
{
	struct buf b = BUF_INIT(16 << 20);
	struct err err = ERR_INIT;
	struct node *n;

	buf_addc(&b, '{');
	for (int i = 0; i < 100000; i++)
		buf_addf(&b, "\"%d\":0,", i);
	buf_adds(&b, "\"7\":1}");
	is_int(json_read(b.data, b.len, &arena, &n, &err), -1,
	       "a duplicate among 100,000 keys");
	buf_release(&b);
}

static void test_utf8(void)
{
	ok(utf8_length("a", 1) == 1 && utf8_length("\xc3\xa9", 2) == 2 &&
	   utf8_length("\xe2\x82\xac", 3) == 3 &&
	   utf8_length("\xf4\x8f\xbf\xbf", 4) == 4, "lengths of characters");
	ok(!utf8_length("", 0) && !utf8_length("\xc3", 1) &&
	   !utf8_length("\xa9", 1) && !utf8_length("\xc0\x80", 2) &&
	   !utf8_length("\xe0\x9f\xbf", 3) && !utf8_length("\xed\xa0\x80", 3) &&
	   !utf8_length("\xf0\x8f\xbf\xbf", 4) &&
	   !utf8_length("\xf4\x90\x80\x80", 4) && !utf8_length("\xff", 1) &&
	   !utf8_length("\xc3(", 2), "cut, overlong, surrogate, too large");
}

int main(void)
{
	test_marks();
	test_first();
	test_numbers();
	test_floats();
	test_float_round_trip();
	test_refused();
	test_secret();
	test_limits();
	test_strings();
	test_canonical();
	test_most();
	test_round_trip();
	test_node();
	test_large_maps();
	test_index();
	test_many_lookups();
	test_hostile_map();
	test_utf8();
	arena_release(&arena);
	return tap_done();
}
