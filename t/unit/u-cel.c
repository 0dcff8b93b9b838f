/*
 * Rules of custom resources: every expression of the tables has the verdict
 * that an API server gives (t2340-cel-server.sh asks one), texts that no
 * server takes are refused, and limits hold.
 */
#include "config.h"

#include <stdlib.h>

#include "schema/base/mem.h"
#include "schema/limits.h"
#include "t/unit/cel-table.h"
#include "t/unit/tap.h"

static const char *const tables[] = {
	"values", "collections", "libraries", "changes", "offline",
};

static void try_rule(const struct cel_group *g, const char *rule,
		     enum cel_verdict want)
{
	struct cel_vars vars = { .types = &cel_table_types,
				 .schema = g->read, .self = g->self,
				 .old_self = g->old };
	struct buf why = BUF_INIT(4096);
	struct err err = ERR_INIT;
	struct cel_program *p = cel_compile(rule, strlen(rule), &err);
	enum cel_verdict got = p ? cel_eval(p, &vars, &why) : CEL_UNKNOWN;

	ok(p && got == want, "%s: %s: %s", g->name, cel_verdict_words[want],
	   rule);
	if (!p || got != want)
		printf("# %s %s\n", p ? cel_verdict_words[got] : err.msg,
		       why.data);
	cel_release(p);
	buf_release(&why);
}

static void test_tables(void)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct cel_table t;
		char path[4096];

		snprintf(path, sizeof(path), FIXTURES "/cel/%s.yaml",
			 tables[i]);
		cel_table_read(path, &t);
		for (size_t j = 0; j < 4 * t.n; j++) {
			const struct node *rules = t.v[j / 4].rules[j % 4];

			for (uint32_t k = 0; rules && k < rules->n; k++)
				try_rule(&t.v[j / 4], rules->items[k]->str,
					 (enum cel_verdict)(j % 4));
		}
		cel_table_release(&t);
	}
}

/* ---- texts ---- */

static void test_refused(void)
{
	static const char *const texts[][2] = {
		{ "", "column 1: the expression ends where a value" },
		{ "self.", "column 6: the expression ends where a name" },
		{ "self.a ==", "column 10: the expression ends where a value" },
		{ "(self.a", "column 8: the expression ends where ')'" },
		{ "self.a)", "column 7: the expression should end here" },
		{ "self.a = 1", "column 8: a character that has no meaning" },
		{ "self a", "column 6: the expression should end here" },
		{ "self.in", "column 6: a name should be here" },
		{ "namespace == 'x'", "column 1: a name should be here" },
		{ "'abc", "column 1: a string that does not end" },
		{ "'\\q'", "column 1: a string that does not end, or holds" },
		{ "'a\nb'", "column 1: a string that does not end" },
		{ "'\\ud800'", "column 1: a string with a character" },
		{ "9223372036854775808", "column 1: an integer of more" },
		{ "1e999", "column 1: a number beyond" },
		{ "[1, 2", "column 6: the expression ends where ']'" },
		{ "{'a' 1}", "column 6: ':' should be here" },
		{ "has(self)", "column 5: has() takes a field" },
		{ "has(self['a'])", "column 9: has() takes a field" },
		{ "has(self.?a)", "column 9: has() takes a field" },
		{ "self.a.all(1, true)", "column 12: the name of a variable" },
		{ "self.a.all(i, i, true)", "column 15: both variables" },
		{ "self.a ? 1", "column 11: the expression ends where ':'" },
		{ "self.a.matches('(')", "column 16: " },
		{ "duration('x') > self.d", "column 1: duration(): " },
		{ "timestamp('x') > self.d", "column 1: timestamp(): " },
		{ "int('x') == 1", "column 1: int(): " },
		{ "!-self.a", "column 3: '-' cannot follow '!'" },
		{ "`a`", "column 1: a character that has no meaning" },
		{ "'\xc3\xa9' == 1 \x01", "column 10: a character that has" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct err err = ERR_INIT;
		struct cel_program *p = cel_compile(texts[i][0],
						    strlen(texts[i][0]),
						    &err);

		ok(!p && err.class == ERR_INVALID &&
		   !strncmp(err.msg, texts[i][1], strlen(texts[i][1])),
		   "'%s' is refused", texts[i][0]);
		if (p || strncmp(err.msg, texts[i][1], strlen(texts[i][1])))
			printf("# got: %s\n", p ? "a program" : err.msg);
		cel_release(p);
	}
}

static void test_old_self(void)
{
	static const struct {
		const char *rule;
		bool uses;
	} rules[] = {
		{ "self.a == oldSelf.a", true },
		{ "self.a == 1", false },
		{ "self.oldSelf == 1", false },
		{ "'oldSelf' == self.a", false },
		{ "self.a.all(oldSelf, oldSelf > 1)", false },
		{ "self.a.all(x, x > oldSelf.b)", true },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct err err = ERR_INIT;
		struct cel_program *p = cel_compile(rules[i].rule,
						    strlen(rules[i].rule),
						    &err);

		ok(p && cel_uses_old_self(p) == rules[i].uses, "%s %s",
		   rules[i].rule, rules[i].uses ? "looks back" : "does not");
		cel_release(p);
	}
}

/* ---- what is said ---- */

static enum cel_verdict verdict(const char *rule, const struct node *self,
				const struct node *old, bool optional,
				struct buf *why)
{
	struct cel_vars vars = { .types = &cel_table_types, .self = self,
				 .old_self = old,
				 .optional_old_self = optional };
	struct err err = ERR_INIT;
	struct cel_program *p = cel_compile(rule, strlen(rule), &err);
	enum cel_verdict v = p ? cel_eval(p, &vars, why) : CEL_UNKNOWN;

	cel_release(p);
	return v;
}

static void test_reasons(void)
{
	struct arena a = ARENA_INIT;
	struct node *self = node_map(&a);
	static const char *const reasons[][2] = {
		{ "self.x == 1", "no such key: x" },
		{ "[1][2] == 1", "index out of bounds: 2" },
		{ "1 / 0 == 1", "division by zero" },
		{ "1 % 0 == 1", "modulus by zero" },
		{ "9223372036854775807 + 1 > 0", "integer overflow" },
		{ "dyn(1) < dyn('')", "no such overload" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		struct buf why = BUF_INIT(4096);

		is_int(verdict(reasons[i][0], self, NULL, false, &why),
		       CEL_ERROR, reasons[i][0]);
		is_str(why.data, reasons[i][1], "its reason");
		buf_release(&why);
	}
	arena_release(&a);
}

static void test_messages(void)
{
	static const struct {
		const char *expr, *text;
	} messages[] = {
		{ "'a ' + 'b'", "a b" },
		{ "' x\t'", "x" },
		{ "'%s: %d'.format(['n', 3])", "n: 3" },
		{ "''", NULL },
		{ "' '", NULL },
		{ "'a\\nb'", NULL },
		{ "1", NULL },
		{ "self.none", NULL },
	};
	struct arena a = ARENA_INIT;
	struct cel_vars vars = { .types = &cel_table_types,
				 .self = node_map(&a) };

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct buf text = BUF_INIT(4096);
		struct err err = ERR_INIT;
		struct cel_program *p = cel_compile(messages[i].expr,
						    strlen(messages[i].expr),
						    &err);
		bool good = cel_eval_text(p, &vars, &text);

		ok(good == !!messages[i].text, "%s is %s message",
		   messages[i].expr, messages[i].text ? "a" : "no");
		is_str(text.data, messages[i].text ? messages[i].text : "",
		       "its text");
		cel_release(p);
		buf_release(&text);
	}
	arena_release(&a);
}

/* A message of n bytes: is it one? */
static bool is_message(size_t n)
{
	struct arena a = ARENA_INIT;
	struct cel_vars vars = { .types = &cel_table_types,
				 .self = node_map(&a) };
	struct buf rule = BUF_INIT(LIMIT_CEL_TEXT), text = BUF_INIT(
						LIMIT_CEL_MESSAGE);
	struct err err = ERR_INIT;
	struct cel_program *p;
	bool good;

	buf_addf(&rule, "'%*s'", (int)n, "x");
	for (char *c = rule.data + 1; *c == ' '; c++)
		*c = 'x';
	p = cel_compile(rule.data, rule.len, &err);
	good = cel_eval_text(p, &vars, &text) && text.len == n;
	cel_release(p);
	buf_release(&rule);
	buf_release(&text);
	arena_release(&a);
	return good;
}

/* oldSelf as an optional value: seen as it is, not by its schema */
static void test_optional_old(void)
{
	struct arena a = ARENA_INIT;
	struct node *self = node_map(&a), *old = node_map(&a);
	struct buf why = BUF_INIT(4096);

	node_set(&a, self, "x", node_int(&a, 1));
	node_set(&a, old, "x", node_int(&a, 2));
	is_int(verdict("oldSelf.hasValue()", self, NULL, true, &why),
	       CEL_FALSE, "an optional oldSelf of a new object");
	is_int(verdict("!oldSelf.hasValue() || oldSelf.value().x > self.x",
		       self, old, true, &why), CEL_TRUE,
	       "and of one that is changed");
	is_int(verdict("oldSelf.x.orValue(0) == 2", self, old, true, &why),
	       CEL_TRUE, "a field of it");
	is_int(verdict("oldSelf.?y.orValue(7) == 7", self, old, true, &why),
	       CEL_TRUE, "a field that it does not have");
	is_int(verdict("oldSelf.x == 2", self, NULL, false, &why),
	       CEL_ERROR, "there is no oldSelf");
	buf_release(&why);
	arena_release(&a);
}

/* ---- limits ---- */

static enum cel_verdict of_text(const char *text, size_t len)
{
	struct arena a = ARENA_INIT;
	struct cel_vars vars = { .types = &cel_table_types,
				 .self = node_map(&a) };
	struct buf why = BUF_INIT(4096);
	struct err err = ERR_INIT;
	struct cel_program *p = cel_compile(text, len, &err);
	enum cel_verdict v = p ? cel_eval(p, &vars, &why) : CEL_ERROR;

	if (!p)
		printf("# %s\n", err.msg);
	cel_release(p);
	buf_release(&why);
	arena_release(&a);
	return v;
}

static void repeat(struct buf *b, const char *s, size_t n)
{
	while (n--)
		buf_adds(b, s);
}

/* A text of n times this, that, and n times the other. */
static enum cel_verdict nested(size_t n, const char *before, const char *in,
			       const char *after)
{
	struct buf b = BUF_INIT(1024 * 1024);
	enum cel_verdict v;

	repeat(&b, before, n);
	buf_adds(&b, in);
	repeat(&b, after, n);
	v = of_text(b.data, b.len);
	buf_release(&b);
	return v;
}

static void test_depth(void)
{
	size_t most = LIMIT_CEL_DEPTH;

	is_int(nested(most - 1, "(", "true", ")"), CEL_TRUE,
	       "parentheses up to the limit");
	is_int(nested(most, "(", "true", ")"), CEL_UNKNOWN, "one more");
	is_int(nested(most, "", "1 > 0 || 1", "+1"), CEL_TRUE,
	       "a chain of operators up to the limit");
	is_int(nested(most + 1, "", "1 > 0 || 1", "+1"), CEL_UNKNOWN,
	       "one more");
	is_int(nested(10000, "", "true", "||true"), CEL_TRUE,
	       "alternatives are no chain");
	is_int(nested(20000, "!", "true", ""), CEL_TRUE, "nor are negations");
	is_int(nested(40000, "[", "", "]"), CEL_UNKNOWN, "lists in lists");
	is_int(nested(20000, "", "{}", ".a"), CEL_UNKNOWN, "fields of fields");
	is_int(nested(20000, "", "a ?b: ", "a ? b : "), CEL_UNKNOWN,
	       "alternatives of alternatives");
}

static void test_size(void)
{
	struct buf b = BUF_INIT(1024 * 1024);

	buf_adds(&b, "true /" "/");
	repeat(&b, "x", LIMIT_CEL_TEXT - b.len);
	is_int(of_text(b.data, b.len), CEL_TRUE, "a text of the largest size");
	buf_adds(&b, "x");
	is_int(of_text(b.data, b.len), CEL_UNKNOWN, "one byte more");
	buf_release(&b);
}

static void test_work(void)
{
	static const char *const rules[] = {
		"lists.range(1000).all(a, lists.range(1000).all(b, "
		"lists.range(1000).all(c, true)))",
		"lists.range(1000000000).size() > 0",
		"lists.range(5000).map(x, lists.range(5000)).size() > 0",
		"lists.range(200000).map(x, 'a').join().replace('a', "
		"lists.range(100000).map(x, 'b').join()).size() > 0",
		"lists.range(20000).distinct().size() > 0",
		"lists.range(9000).sortBy(x, -x).size() > 0",
	};
	const char *few = "lists.range(1000).all(a, lists.range(100).all(b, "
			  "a >= 0))";

	is_int(of_text(few, strlen(few)), CEL_TRUE, "100,000 turns are few");
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		is_int(of_text(rules[i], strlen(rules[i])), CEL_UNKNOWN,
		       rules[i]);
}

/* ---- names ---- */

/* The verdict on a list of n numbers, and the steps it took. */
static enum cel_verdict range(int n, uint64_t *steps)
{
	char *rule = xasprintf("lists.range(%d).all(x, x < %d)", n, n);
	struct cel_program *p = cel_compile(rule, strlen(rule),
					    &(struct err){ 0 });
	struct cel_vars vars = { .steps = steps };
	struct buf why = BUF_INIT(1024);
	enum cel_verdict v;

	*steps = 0;
	v = cel_eval(p, &vars, &why);
	buf_release(&why);
	cel_release(p);
	free(rule);
	return v;
}

/* The longest list that is judged takes no more steps than there may be,
 * one more item takes more. */
static void test_steps(void)
{
	int least = 1, beyond = LIMIT_CEL_STEPS;
	uint64_t steps;

	ok(range(least, &steps) == CEL_TRUE && steps, "a list is judged");
	while (beyond - least > 1) {
		int n = least + (beyond - least) / 2;

		if (range(n, &steps) == CEL_TRUE)
			least = n;
		else
			beyond = n;
	}
	ok(range(least, &steps) == CEL_TRUE && steps <= LIMIT_CEL_STEPS,
	   "so is one of %d, as long as may be", least);
	ok(range(beyond, &steps) == CEL_UNKNOWN && steps > LIMIT_CEL_STEPS,
	   "one more is not");
}

static void test_escape(void)
{
	static const char *const names[][2] = {
		{ "a", "a" }, { "a.b", "a__dot__b" },
		{ "a-b/c", "a__dash__b__slash__c" },
		{ "a__b", "a__underscores__b" }, { "a___b",
		  "a__underscores___b" },
		{ "in", "__in__" }, { "namespace", "__namespace__" },
		{ "int", "int" }, { "_", "_" }, { "-", "__dash__" },
		{ "", NULL }, { "1a", NULL }, { "a b", NULL },
		{ "$ref", NULL }, { "\xc3\xa9", NULL },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct buf b = BUF_INIT(256);
		bool good = cel_escape(names[i][0], strlen(names[i][0]), &b);

		ok(good == !!names[i][1] &&
		   (!good || !strcmp(b.data, names[i][1])),
		   "'%s' is written %s", names[i][0],
		   names[i][1] ? names[i][1] : "in no way");
		buf_release(&b);
	}
}

int main(void)
{
	test_tables();
	test_refused();
	test_old_self();
	test_reasons();
	test_messages();
	ok(is_message(LIMIT_CEL_MESSAGE), "a message of the largest size");
	ok(!is_message(LIMIT_CEL_MESSAGE + 1), "one byte more");
	test_optional_old();
	test_depth();
	test_size();
	test_work();
	test_steps();
	test_escape();
	return tap_done();
}
