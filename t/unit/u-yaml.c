/*
 * YAML: what each rule refuses, and at which place; that one look shows all
 * faults; every limit; and that hostile texts cost little. What accepted
 * texts mean is in the golden vectors (u-yaml-vectors).
 */
#include "config.h"

#include <stdlib.h>

#include "schema/base/arena.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/yaml.h"
#include "t/unit/tap.h"

static struct arena arena;
static struct documents docs;
static struct problems ps;

static int read_bytes(const char *path, const char *data, size_t len)
{
	problems_release(&ps);
	arena_reset(&arena);
	return yaml_read(path, data, len, &arena, &docs, &ps);
}

static int read_text(const char *text)
{
	return read_bytes("f.yaml", text, strlen(text));
}

/* "2:3 yaml-syntax 4:1 yaml-alias": all findings by place and rule. */
static void finds_bytes(const char *path, const char *text, size_t len,
			const char *want, const char *what)
{
	struct buf got = BUF_INIT(1 << 20);
	int rc = read_bytes(path, text, len);

	problems_sort(&ps);
	for (size_t i = 0; i < ps.n; i++)
		buf_addf(&got, "%s%u:%u %s", i ? " " : "", ps.v[i].mark.line,
			 ps.v[i].mark.column, ps.v[i].rule);
	is_str(got.data, want, what);
	ok((rc < 0) == (ps.errors > 0), "  and is refused if it is an error");
	buf_release(&got);
}

static void finds(const char *text, const char *want, const char *what)
{
	finds_bytes("f.yaml", text, strlen(text), want, what);
}

static void reads(const char *text, const char *want, const char *what)
{
	struct buf got = BUF_INIT(1 << 20);

	if (read_text(text) == 0) {
		for (size_t i = 0; i < docs.n; i++) {
			json_write_compact(docs.v[i], &got);
			buf_addc(&got, ';');
		}
	} else {
		buf_adds(&got, ps.v[0].message);
	}
	is_str(got.data, want, what);
	buf_release(&got);
}

static void is_at(const struct mark *m, unsigned int line, unsigned int column,
		  const char *what)
{
	bool good = m->line == line && m->column == column;

	if (!ok(good, "%s at %u:%u", what, line, column))
		printf("#   got: %u:%u\n", m->line, m->column);
}

/* ---- places and sources ---- */

static void test_marks(void)
{
	const struct node *n;

	ok(!read_text("# c\n\xc3\xa9\xc3\xa9: \"\xe2\x82\xac\" \n"
		      "l:\n- a\n-  {b: 1}\n---\r\n\r\nx: &a 010\r\nz: *a\r\n"),
	   "two documents");
	n = docs.v[0];
	is_at(&n->mark, 2, 1, "the first root");
	is_at(&n->pairs[0].mark, 2, 1, "a key of wide characters");
	is_at(&n->pairs[0].value->mark, 2, 5, "its value");
	n = n->pairs[1].value;
	is_at(&n->items[0]->mark, 4, 3, "an item");
	is_at(&n->items[1]->pairs[0].value->mark, 5, 8, "a value in flow");
	n = docs.v[1];
	is_at(&n->mark, 8, 1, "the second root, lines counted from the top");
	is_at(&n->pairs[1].value->mark, 9, 4, "an alias");
	is_str(n->pairs[0].value->source, "010", "a number keeps its text");
	is_str(n->pairs[1].value->source, "010", "and so does its alias");
}

static void test_marks_of_breaks(void)
{
	finds("a: 1\rb: 2\r\n---\nc: 1\nc: 2\n", "5:1 yaml-duplicate-key",
	      "a lone CR ends a line in every document");
	finds("a: x\xe2\x80\xa8" "b: 2\nb: 3\n", "2:1 yaml-duplicate-key",
	      "U+2028 ends one for YAML, not for an editor");
	finds("\xef\xbb\xbf" "a: 1\na: 2\n", "2:1 yaml-duplicate-key",
	      "a byte order mark has no column");
	finds("{\"a\":1}\n# \xc3\xa9\n---\nb: 1\nb: 2\n",
	      "5:1 yaml-duplicate-key", "YAML behind JSON");
}

static void test_sources(void)
{
	const struct node *n;

	read_text("a: yes\nb: 'yes'\nc: 1.10\nd:\ne: ~\nf: x\ng: !!int '7'\n");
	n = docs.v[0];
	is_str(n->pairs[0].value->source, "yes", "of a boolean");
	ok(!n->pairs[1].value->source && !n->pairs[5].value->source &&
	   !n->pairs[6].value->source, "none of quoted ones and of strings");
	is_str(n->pairs[2].value->source, "1.10", "of a float");
	is_str(n->pairs[3].value->source, "", "of nothing");
	is_str(n->pairs[4].value->source, "~", "of a null");
}

/* An alias is a copy: changing one must not change the other. */
static void test_alias_copies(void)
{
	struct node *n;

	read_text("a: &a {x: 1}\nb: *a\nc:\n  <<: *a\n");
	n = docs.v[0];
	node_set(&arena, n->pairs[1].value, "x", node_int(&arena, 2));
	is_int(node_path_int(n, 0, "a", "x", NULL), 1, "the anchor is its own");
	is_int(node_path_int(n, 0, "c", "x", NULL), 1, "so is what is merged");
}

/* ---- each rule ---- */

static void test_syntax(void)
{
	finds("a: b: c\n", "1:5 yaml-syntax", "a key in a value");
	finds("# x\n{}\n", "", "a map with nothing in it, nor before it");
	finds("a: 1\n\tb: 2\n", "2:1 yaml-syntax", "a tab");
	finds("a: @x\n", "1:4 yaml-syntax", "a reserved character");
	finds("a: 1\nb: \"x\n\n", "2:4 yaml-syntax",
	      "quotes that are never closed, where they open");
	finds("a: 1\nbcd\ne: 1\n", "2:1 yaml-syntax",
	      "a line without a colon, not the one behind it");
	finds("a: [1\nb: 2\n", "2:2 yaml-syntax", "a list that is not closed");
	ok(strstr(ps.v[0].message, "opened at line 1 column 4") != NULL,
	   "  and says where it opens");
	finds("a: {b: 1", "1:9 yaml-syntax",
	      "nor by the end of a file without a line feed");
	finds("\xc3\xa9: 1\nb: [x,", "2:7 yaml-syntax",
	      "nor by that behind other characters");
	ok(!strstr(ps.v[0].message, "opened"),
	   "  and a value that is missing opens nothing");
	finds("\xc3\xa9: \"\xc3\xa9 x\\/y\"\n", "1:8 yaml-syntax",
	      "an escape that only JSON has");
	finds("a: '\\/'\nb: \"\\\\/\"\n", "", "but not in what looks so");
	finds("a: [b?]\n", "1:5 yaml-syntax", "? in flow");
	finds("a: b?\nc: ['d?']\n", "", "but not elsewhere, or quoted");
	finds("a: {b: 1}}\n", "1:10 yaml-syntax", "one brace too many");
}

static void test_encoding(void)
{
	finds("a: 1\nb: \"x\x01\"\n", "2:6 yaml-encoding", "a control byte");
	finds("a: 1\nb: \xe9\n", "2:4 yaml-encoding", "Latin-1");
	finds("a: 1\n\xef\xbb\xbf" "b: 2\n", "2:1 yaml-encoding",
	      "a byte order mark inside");
	finds_bytes("f.yaml", "\xff\xfe" "a\0:\0", 6, "1:1 yaml-encoding",
		    "UTF-16");
	finds_bytes("f.yaml", "a: 1\n\0", 6, "2:1 yaml-encoding", "a NUL");
	finds_bytes("f.yaml", "", 0, "", "no bytes at all");
}

static void test_separators(void)
{
	finds("a: 1\n--- x\nb: 1\nb: 2\n",
	      "2:4 yaml-separator 4:1 yaml-duplicate-key",
	      "text on a separator hides nothing behind it");
	finds("a: 1\n---#c\nb: 1\n", "2:4 yaml-separator", "no blank before #");
	finds("a: 1\n--- # c\rb: 2\n", "2:4 yaml-separator",
	      "a line end that only YAML sees, in a comment");
	finds("a: 1\n--- # c\xe2\x80\xa8" "b: 2\n", "2:4 yaml-separator",
	      "the same with U+2028");
	finds("a: 1\n---\xe2\x80\xa8" "b: 2\n", "2:4 yaml-separator",
	      "and without a comment");
	finds("a: 1\r---\rb: 2\r", "2:1 yaml-separator",
	      "a separator that only YAML sees");
	finds("a: 1\n...\nb: 2\n", "3:1 yaml-syntax", "text behind ...");
	finds("%YAML 1.1\n---\na: 1\n", "1:1 yaml-directive", "a directive");
	finds("%FOO bar\n---\na: 1\n", "1:1 yaml-directive", "another one");
	finds(" # \xc3\xa9% no\n\n%TAG !a! b\n---\na: 1\n",
	      "3:1 yaml-directive", "behind a comment");
	finds("#\xe2\x80\xa8%TAG !a! b\n---\na: 1\n",
	      "1:3 yaml-directive", "behind a break that only YAML sees");
	finds("a: 1\n%TAG !a! b\n", "2:1 yaml-directive", "behind a value");
	finds("a: 1\n... # end\n...\n%TAG !a! b\n", "4:1 yaml-directive",
	      "behind the end of a document");
	finds("# \xc3\xa9% no\na: \"x\n%y\"\n", "", "a percent sign in a text");
	finds("- a\n---\nb\n---\nc: 1\n", "1:1 yaml-root 3:1 yaml-root",
	      "roots that are no maps");
	is_int(docs.n, 1, "the good document is there all the same");
}

static void test_keys(void)
{
	finds("a: 1\nb: 2\na: 3\nb: 4\na: 5\n", "3:1 yaml-duplicate-key "
	      "4:1 yaml-duplicate-key 5:1 yaml-duplicate-key",
	      "every duplicate key");
	ok(strstr(ps.v[2].message, "line 1 column 1") != NULL,
	   "  and where the first one is");
	finds("1: a\n'1': b\n", "2:1 yaml-duplicate-key",
	      "a number and its text");
	finds("a:\n  on: 1\n  [x]: 2\n  ~: 3\n  {{ x }}: 4\n  k: 5\n  k: 6\n",
	      "2:3 yaml-surprising-key 3:3 yaml-key-type 4:3 yaml-key-type "
	      "5:3 yaml-key-type 5:4 yaml-key-type 7:3 yaml-duplicate-key",
	      "keys that are none, with the rest of the map");
	finds("18446744073709551615: a\n", "1:1 yaml-key-type",
	      "a number beyond int64");
	finds("1.10: a\n", "1:1 yaml-surprising-key", "a warning only");
	is_int(ps.errors, 0, "  which is no error");
	finds("8080: a\n1: b\n", "", "numbers that stay as they are");
	finds("a: &m {x: 1}\n*m : 2\nb: &y yes\n*y : 3\n",
	      "2:1 yaml-key-type 4:1 yaml-surprising-key", "aliases as keys");
	reads("a: &f 1e6\n*f : 1\n", "{\"1e+06\":1,\"a\":1000000};",
	      "a float as a key, by an alias");
	finds("a: \"\\0\"\n\"b\\0\": 1\n", "2:1 yaml-key-type",
	      "a NUL in a key, which no reader of JSON here takes back");
	finds("&k \"b\\0\" : 1\nc: {*k : 2}\n", "1:1 yaml-key-type "
	      "2:5 yaml-key-type", "  by an alias, too");
}

static void test_merges(void)
{
	finds("b: &b {k: 1}\nc:\n  k: 2\n  <<: *b\n", "4:7 yaml-merge",
	      "a merge behind the key");
	finds("a: &a {1: x}\nb: &b {'1': y}\nc:\n  <<: [*a, *b]\n",
	      "4:7 yaml-merge", "a number and its text from two maps");
	finds("a: &a {k: 1}\nb: {<<: *a, <<: *a}\n", "2:17 yaml-merge",
	      "two merges with one key");
	finds("a: &a [{k: 1}]\nb: {<<: *a, <<: 1, <<: [2], c: *no}\n",
	      "2:9 yaml-merge 2:17 yaml-merge 2:24 yaml-merge 2:32 yaml-alias",
	      "what is no map, and what follows");
	finds("b:\n  <<: *no\n  c: 1\n  c: 2\n", "2:7 yaml-alias "
	      "4:3 yaml-duplicate-key", "an alias that is unknown");
	finds("! <<: {a: 1}\n", "1:1 yaml-tag", "a tag on <<");
	reads("a: &a {k: 1, j: 1}\nb: {<<: *a, k: 2}\n",
	      "{\"a\":{\"j\":1,\"k\":1},\"b\":{\"j\":1,\"k\":2}};",
	      "a key behind a merge wins");
	finds("a: &a {k: 1}\nb: {<<: *a, k: 2, k: 3}\n",
	      "2:19 yaml-duplicate-key", "but only one");
}

static void test_values(void)
{
	finds("a: !x 1\nb: !!binary aGk=\nc: !!int x\nd: .inf\ne: *no\n"
	      "f: !!set {x: 1}\ng: !!str [1]\nh: &h [*h]\nh: 1\n",
	      "1:4 yaml-tag 2:4 yaml-tag 3:4 yaml-tag 4:4 yaml-number "
	      "5:4 yaml-alias 6:4 yaml-tag 7:4 yaml-tag 8:8 yaml-alias "
	      "9:1 yaml-duplicate-key", "faults of values end nothing");
	finds("a: &x .inf\n? &k .nan\n: 1\nb: *k\n",
	      "1:4 yaml-number 4:4 yaml-number",
	      "a key that is no number is a fault where it is a value");
	finds("a: !!timestamp 2001-12-14\nb: !!timestamp 2001-12\n"
	      "c: !!timestamp 2001-12-14T21:59:43.1Z\n"
	      "d: !!timestamp 2001-12-14 21:59:43\n"
	      "e: !!timestamp 2001-12-14T21:59:43+02:00\n"
	      "f: !!timestamp 12-12-14\n", "2:4 yaml-tag 6:4 yaml-tag",
	      "timestamps");
}

/* Whatever is wrong with a value, it is not in the message. */
static void test_secrets(void)
{
	static const char *const texts[] = {
		"a: !!int hunter2\n", "a: !x hunter2\n",
		"a: !!float hunter2\n", "a: hunter2: 1\n", "a: [hunter2?]\n",
		"a: \"hunter2\\/\"\n", "a: \"hunter2\n", "a: hunter2\x01\n",
		"a: |hunter2\n", "- hunter2\n", "{\"a\":\"hunter2\",}x",
		"{\"a\":1}{\"b\":\"hunter2\n\"}", "{\"a\":1} hunter2", "a: &h1 [hunter2",
		"--- hunter2\n", "a: {x: hunter2, hunter2: 1\n",
	};
	struct buf all = BUF_INIT(1 << 20);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!read_text(texts[i]))
			buf_addf(&all, "%s was read", texts[i]);
		for (size_t k = 0; k < ps.n; k++)
			buf_addf(&all, "%s; ", ps.v[k].message);
	}
	if (!ok(!strstr(all.data, "hunter2"), "no message shows a value"))
		printf("#   got: %s\n", all.data);
	buf_release(&all);
}

/* ---- JSON ---- */

static void test_json(void)
{
	reads("{\"a\":1}{\"b\":2}\nnull\n", "{\"a\":1};{\"b\":2};", "a stream");
	reads("{\"a\":1} # c\n\n# d\n--- # e\nb: 2\n", "{\"a\":1};{\"b\":2};",
	      "JSON, comments, YAML");
	reads("{\"a\":\"\\ud83d\\ud83d\\ude00\\\\ud83d\"}",
	      "{\"a\":\"\xef\xbf\xbd\xf0\x9f\x98\x80\\\\ud83d\"};",
	      "halves of surrogate pairs");
	finds("{\"a\":1,\n\"a\":2}", "2:1 yaml-duplicate-key", "a key twice");
	finds("{\"a\":1e999}", "1:6 yaml-number", "a number beyond float64");
	finds("{\"a\":1}\nb: 2\n", "2:1 json-syntax", "no separator");
	finds("{\"a\":1}\n# c\nb: 2\n", "3:1 json-syntax",
	      "a comment is no separator");
	finds("{\"a\":1}# c\n", "1:8 json-syntax", "no blank before #");
	finds("{\"a\":1}{\"b\":2} # c\n---\nc: 3\n", "1:16 json-syntax",
	      "YAML behind two objects");
	finds("{\"a\":1}\n{\"b\":}", "2:6 json-syntax", "a fault in the second");
	finds("{\"a\": b: c}", "1:8 yaml-syntax", "no JSON and no YAML");
	finds_bytes("f.json", "{\"a\": b: c}", 11, "1:7 json-syntax",
		    "the same in a file .json");
	finds_bytes("f.json", "{a: 1, a: 2}", 12, "1:2 json-syntax",
		    "flow YAML at fault in a file .json");
	finds_bytes("f.json", "{1.10: 1}", 9, "1:2 yaml-surprising-key",
		    "a warning in a file .json");
	finds("{\"a\":1}\n---\n[1]\n", "3:1 yaml-root", "a list behind it");
	finds("[{\"a\":1}]", "1:1 yaml-root", "a list of objects");
}

/* ---- limits ---- */

static int read_repeated(const char *head, const char *unit, size_t n,
			 const char *tail)
{
	struct buf b = BUF_INIT(64 << 20);
	int rc;

	buf_adds(&b, head);
	for (size_t i = 0; i < n; i++)
		buf_adds(&b, unit);
	buf_adds(&b, tail);
	rc = read_bytes("f.yaml", b.data, b.len);
	buf_release(&b);
	return rc;
}

static void beyond(int rc, const char *what)
{
	bool refused = rc == -1 && ps.n && !strcmp(ps.v[0].rule, "yaml-limit");

	ok(refused, "%s", what);
	if (!refused && ps.n)
		printf("#   got: %s\n", ps.v[0].message);
}

static int read_nested(int levels, bool json)
{
	struct buf b = BUF_INIT(1 << 20);
	int rc;

	buf_adds(&b, json ? "{\"a\":" : "a: ");
	for (int i = 1; i < levels; i++)
		buf_addc(&b, '[');
	for (int i = 1; i < levels; i++)
		buf_addc(&b, ']');
	buf_adds(&b, json ? "}" : "\n");
	rc = read_bytes("f.yaml", b.data, b.len);
	buf_release(&b);
	return rc;
}

/* The alias adds as many levels as its anchor has. */
static int read_nested_alias(int outer)
{
	struct buf b = BUF_INIT(1 << 20);
	int rc;

	buf_adds(&b, "a: &a [[[[[[[[[[1]]]]]]]]]]\nb: ");
	for (int i = 0; i < outer; i++)
		buf_addc(&b, '[');
	buf_adds(&b, "*a");
	for (int i = 0; i < outer; i++)
		buf_addc(&b, ']');
	buf_addc(&b, '\n');
	rc = read_bytes("f.yaml", b.data, b.len);
	buf_release(&b);
	return rc;
}

static void test_depth(void)
{
	is_int(read_nested(LIMIT_DEPTH, false), 0, "as deep as the limit");
	beyond(read_nested(LIMIT_DEPTH + 1, false), "one level deeper");
	is_int(read_nested(LIMIT_DEPTH, true), 0, "JSON as deep as the limit");
	beyond(read_nested(LIMIT_DEPTH + 1, true), "and one level deeper");
	is_int(read_nested_alias(LIMIT_DEPTH - 11), 0, "deep by an alias");
	beyond(read_nested_alias(LIMIT_DEPTH - 10), "one level too deep by it");
}

static void test_nodes(void)
{
	const size_t max = LIMIT_DOCUMENT_NODES;

	/* the root, the list, and a half of the rest in each of two lists */
	is_int(read_repeated("a: [", "1,", max - 2, "]\n"), 0,
	       "as many values as the limit");
	beyond(read_repeated("a: [", "1,", max - 1, "]\n"), "one more");
	is_int(read_repeated("{\"a\":[1", ",1", max - 3, "]}"), 0,
	       "JSON with as many");
	beyond(read_repeated("{\"a\":[1", ",1", max - 2, "]}"), "one more");
	is_int(read_repeated("a: &a [", "1,", max / 2 - 3, "1]\nb: *a\n"), 0,
	       "by an alias");
	beyond(read_repeated("a: &a [", "1,", max / 2 - 3, "1]\nb: *a\nc: 1\n"
			     "d: 2\n"), "and more");
}

/* A text of `text` bytes and n aliases of it in each of two documents. */
static int read_copies(size_t text, size_t n)
{
	struct buf b = BUF_INIT(LIMIT_FILE_BYTES);
	int rc;

	for (int i = 0; i < 2; i++) {
		buf_adds(&b, "a: &a ");
		for (size_t k = 0; k < text; k++)
			buf_addc(&b, 'x');
		buf_adds(&b, "\nb: [1");
		for (size_t k = 0; k < n; k++)
			buf_adds(&b, ",*a");
		buf_adds(&b, "]\n---\n");
	}
	rc = read_bytes("f.yaml", b.data, b.len);
	buf_release(&b);
	return rc;
}

static void test_copies(void)
{
	/* of 128 copies, each with its node and its NUL */
	const size_t text = LIMIT_ALIAS_BYTES / 128 - sizeof(struct node) - 1;

	is_int(read_copies(text, 64), 0,
	       "aliases of a file take as much as the limit");
	is_int(read_copies(text + 1, 64), -1,
	       "one byte more each");
	is_int(ps.n, 1, "is one error");
	is_str(ps.v[0].rule, "yaml-alias", "that says so");
	/* copied, this would be a terabyte */
	is_int(read_copies(text, LIMIT_DOCUMENT_NODES / 2), -1,
	       "a long text and half a million aliases");
	is_int(ps.n, 1, "are one error, too");
}

static void test_documents(void)
{
	is_int(read_repeated("", "a: 1\n---\n", LIMIT_FILE_DOCUMENTS, ""), 0,
	       "as many documents as the limit");
	is_int(docs.n, LIMIT_FILE_DOCUMENTS, "all of them");
	beyond(read_repeated("", "a: 1\n---\n", LIMIT_FILE_DOCUMENTS + 1, ""),
	       "one more");
	is_int(read_repeated("", "{}", LIMIT_FILE_DOCUMENTS, ""), 0,
	       "as many JSON objects");
	beyond(read_repeated("", "{}", LIMIT_FILE_DOCUMENTS + 1, ""),
	       "one more");
	beyond(read_repeated("{}", " null", LIMIT_FILE_DOCUMENTS, ""),
	       "empty ones count");
	beyond(read_repeated("", "#\n---\n", LIMIT_FILE_DOCUMENTS + 1, ""),
	       "in YAML too");
}

static void test_size(void)
{
	is_int(read_repeated("a: 1\n", "\n", LIMIT_FILE_BYTES - 5, ""), 0,
	       "as large as the limit");
	beyond(read_repeated("a: 1\n", "\n", LIMIT_FILE_BYTES - 4, ""),
	       "one byte more");
}

static void test_problems(void)
{
	is_int(read_repeated("a: 1\n", "a: 1\n", LIMIT_PROBLEMS + 1, ""), -1,
	       "more faults than are kept");
	ok(ps.n == LIMIT_PROBLEMS && ps.errors == LIMIT_PROBLEMS + 1,
	   "are all counted");
}

/* ---- hostile texts: any of these would take minutes if it were quadratic */

static void test_hostile(void)
{
	struct buf b = BUF_INIT(64 << 20);

	read_repeated("", "[", 1000000, "");
	ok(ps.errors, "a million brackets");
	read_repeated("", "- ", 1000000, "");
	ok(ps.errors, "a million list items in each other");
	read_repeated("", "? ", 1000000, "");
	ok(ps.errors, "a million keys in each other");
	read_repeated("{\"a\":1}", " ", 4000000, "x");
	ok(ps.errors, "blanks behind JSON");
	is_int(read_repeated("{\"a\":\"", "\\ud800", 500000, "\"}"), 0,
	       "half a million halves of pairs");
	is_int(read_repeated("a: ", "1_", 1000000, "\n"), 0,
	       "a long number that is none");
	is_int(read_repeated("a: \"", "\\\\", 1000000, "/\"\n"), 0,
	       "a long quoted text");
	for (int i = 0; i < 200000; i++)
		buf_addf(&b, "k%d: &a%d \xc3\xa9\n", i, i);
	buf_adds(&b, "k7: 1\n");
	is_int(read_bytes("f.yaml", b.data, b.len), -1,
	       "200,000 keys and anchors");
	is_int(ps.n, 1, "of which one stands twice");
	buf_reset(&b);
	for (int i = 0; i < 300000; i++)
		buf_addf(&b, "%%TAG !%d! tag:%d\n", i, i);
	is_int(read_bytes("f.yaml", b.data, b.len), -1, "300,000 directives");
	is_int(ps.n, 1, "of which the first is an error");
	buf_reset(&b);
	buf_adds(&b, "a: 1\n");
	for (int i = 0; i < 300000; i++)
		buf_addf(&b, "%%TAG !%d! tag:%d\n", i, i);
	is_int(read_bytes("f.yaml", b.data, b.len), -1, "and behind a value");
	buf_reset(&b);
	for (int i = 0; i < 19000; i++)
		buf_adds(&b, "{\"a\":[1,2,3,\"xxxxxxxxxxxxxxxxxxxxxxxx\"]} \n");
	is_int(read_bytes("f.yaml", b.data, b.len), 0, "19,000 JSON objects");
	buf_reset(&b);
	buf_adds(&b, "a: &a [x,x,x,x,x,x,x,x,x]\n");
	for (char c = 'b'; c < 'k'; c++) {
		buf_addf(&b, "%c: &%c [", c, c);
		for (int i = 0; i < 9; i++)
			buf_addf(&b, "*%c,", c - 1);
		buf_adds(&b, "]\n");
	}
	is_int(read_bytes("f.yaml", b.data, b.len), -1, "a billion laughs");
	is_str(ps.v[0].rule, "yaml-alias", "are told from a large document");
	buf_release(&b);
}

int main(void)
{
	test_marks();
	test_marks_of_breaks();
	test_sources();
	test_alias_copies();
	test_syntax();
	test_encoding();
	test_separators();
	test_keys();
	test_merges();
	test_values();
	test_secrets();
	test_json();
	test_depth();
	test_nodes();
	test_copies();
	test_documents();
	test_size();
	test_problems();
	test_hostile();
	problems_release(&ps);
	arena_release(&arena);
	return tap_done();
}
