/*
 * The rules of a definition: when they are judged, against what, what is said
 * and where. What an expression gives is u-cel's to test.
 */
#include "config.h"

#include <stdlib.h>

#include "schema/base/mem.h"
#include "schema/crd/check-custom.h"
#include "schema/limits.h"
#include "schema/manifest.h"
#include "t/unit/tap.h"

static size_t unchecked;

/* A definition with this schema of spec, an object with this spec, and what
 * it was before unless that is "". */
static char *manifests(const char *schema, const char *old, const char *spec)
{
	static const char head[] = "---\napiVersion: example.org/v1\n"
				   "kind: Thing\nmetadata: {name: a}\nspec:";

	return xasprintf(
		"apiVersion: apiextensions.k8s.io/v1\n"
		"kind: CustomResourceDefinition\n"
		"metadata: {name: things.example.org}\n"
		"spec:\n"
		"  group: example.org\n"
		"  scope: Cluster\n"
		"  names: {kind: Thing, plural: things}\n"
		"  versions:\n"
		"  - name: v1\n"
		"    served: true\n"
		"    storage: true\n"
		"    schema: {openAPIV3Schema: {type: object, properties: "
		"{spec: %s}}}\n%s %s\n%s %s\n", schema, head, spec,
		*old ? head : "", old);
}

/* Steps that others took before, and all after the last run. */
static uint64_t spent, took;

static void add_problems(const struct problems *ps, struct buf *out)
{
	for (size_t i = 0; i < ps->n; i++)
		buf_addf(out, "%s%u:%u: %s%s [%s]", i ? "\n" : "",
			 ps->v[i].mark.line - 13, ps->v[i].mark.column,
			 ps->v[i].severity == SEVERITY_WARNING ? "warning: " :
			 "", ps->v[i].message, ps->v[i].rule);
}

/* Line 4 is that of "spec:". */
static void is_change(const char *schema, const char *old, const char *spec,
		      const char *want)
{
	char *text = manifests(schema, old, spec);
	struct buf out = BUF_INIT(1024 * 1024);
	struct problems ps = PROBLEMS_INIT;
	struct objects os = OBJECTS_INIT;
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct crd *c = NULL;

	manifest_read("", text, strlen(text), &a, &os, &ps);
	if (os.n >= 2 && crd_read(os.v[0].root, &c, &err) == 0)
		for (int twice = 0; twice < 2; twice++) {
			problems_release(&ps);
			ps = (struct problems)PROBLEMS_INIT;
			ps.steps = spent;
			crd_check(crd_version(c, "v1"), NULL, &os.v[1],
				  os.n > 2 ? os.v[2].root : NULL, &ps);
			unchecked = twice ? unchecked + ps.unchecked :
				    ps.unchecked;
			took = ps.steps;
		}
	problems_sort(&ps);
	add_problems(&ps, &out);
	if (!tap_ok(!strcmp(out.data, want), __FILE__, __LINE__,
		    "%s: %s is %s", schema, spec, *want ? want : "good"))
		printf("# got: %s%s\n", out.data, err.msg);
	problems_release(&ps);
	objects_release(&os);
	arena_release(&a);
	crd_free(c);
	buf_release(&out);
	free(text);
}

static void is(const char *schema, const char *spec, const char *want)
{
	is_change(schema, "", spec, want);
}

#define OBJECT(rules, fields) \
	"{type: object, x-kubernetes-validations: [" rules "], " \
	"properties: {" fields "}}"
#define NUMBERS "a: {type: integer}, b: {type: integer}"

/* ---- what is said ---- */

static void messages(void)
{
	is(OBJECT("{rule: self.a < self.b}", NUMBERS), "{a: 1, b: 2}", "");
	is(OBJECT("{rule: self.a < self.b}", NUMBERS), "{a: 2, b: 1}",
	   "4:7: spec breaks a rule of its definition: failed rule: "
	   "self.a < self.b [crd-rule]");
	is(OBJECT("{rule: self.a < self.b, message: \" must\\e grow \"}", NUMBERS),
	   "{a: 2, b: 1}", "4:7: spec breaks a rule of its definition: "
	   "must\\x1b grow [crd-rule]");
	is(OBJECT("{rule: self.a < self.b, message: static, "
		  "messageExpression: \"'%d is too much'.format([self.a])\"}",
		  NUMBERS), "{a: 2, b: 1}",
	   "4:7: spec breaks a rule of its definition: 2 is too much "
	   "[crd-rule]");
	is(OBJECT("{rule: self.a < self.b, message: static, "
		  "messageExpression: \"'%e'.format([1.0])\"}", NUMBERS),
	   "{a: 2, b: 1}", "4:7: spec breaks a rule of its definition: static "
	   "[crd-rule]");
	is(OBJECT("{rule: self.a < self.b}", NUMBERS), "{a: 2}",
	   "4:7: spec makes a rule of its definition fail (no such key: b): "
	   "failed rule: self.a < self.b [crd-rule]");
	is(OBJECT("{rule: self.a > 5, message: m}, {rule: self.b > 5, "
		  "message: \"n\"}", NUMBERS), "{a: 1, b: 1}",
	   "4:7: spec breaks a rule of its definition: m [crd-rule]\n"
	   "4:7: spec breaks a rule of its definition: n [crd-rule]");
	is(OBJECT("{rule: ' '}", NUMBERS), "{}", "");
}

static void places(void)
{
	static const char items[] =
		"{type: array, items: {type: object, properties: {a: {type: "
		"integer, x-kubernetes-validations: [{rule: self > 0, "
		"message: m}]}}}}";

	is(items, "[{a: 1}, {a: 0}]", "4:20: spec[1].a breaks a rule of its "
	   "definition: m [crd-rule]");
	is(items, "[{}, {}]", "");
	is(OBJECT("{rule: self.a < self.b, message: m, fieldPath: .b}",
		  NUMBERS), "{a: 2, b: 1}",
	   "4:17: spec.b breaks a rule of its definition: m [crd-rule]");
	is(OBJECT("{rule: '!has(self.b)', message: m, fieldPath: \"['b']\"}",
		  NUMBERS), "{a: 2, b: 1}",
	   "4:17: spec.b breaks a rule of its definition: m [crd-rule]");
	is(OBJECT("{rule: has(self.b), message: m, fieldPath: .b}", NUMBERS),
	   "{a: 2}", "4:7: spec breaks a rule of its definition: m "
	   "[crd-rule]");
	is("{type: object, additionalProperties: {type: string, "
	   "x-kubernetes-validations: [{rule: self != '', message: m}]}}",
	   "{x.y: ''}", "4:13: spec[\"x.y\"] breaks a rule of its definition: m "
	   "[crd-rule]");
}

/* ---- when it is judged ---- */

static void order(void)
{
	is(OBJECT("{rule: self.a == 3}", "a: {type: integer, default: 3}"),
	   "{}", "");
	is(OBJECT("{rule: self.a == 4, message: m}",
		  "a: {type: integer, default: 3}"), "{}",
	   "4:7: spec breaks a rule of its definition: m [crd-rule]");
	is(OBJECT("{rule: self.a > 5, message: m}", NUMBERS), "{a: x}",
	   "4:11: spec.a must be an integer, not a string [field-type]");
	is("{type: string, nullable: true, x-kubernetes-validations: "
	   "[{rule: 'false'}]}", "null", "");
	is("{type: object, x-kubernetes-embedded-resource: true, "
	   "x-kubernetes-preserve-unknown-fields: true, "
	   "x-kubernetes-validations: [{rule: self.kind == 'B' && "
	   "self.metadata.name == 'c', message: m}]}",
	   "{apiVersion: v1, kind: B, metadata: {name: c, labels: {a: b}}}",
	   "");
}

static void changes(void)
{
	static const char grow[] =
		OBJECT("{rule: self.a >= oldSelf.a, message: m}", NUMBERS);

	is(grow, "{a: 1}", "");
	is_change(grow, "{a: 1}", "{a: 1}", "");
	is_change(grow, "{a: 2}", "{a: 1}", "4:7: spec breaks a rule of its "
		  "definition: m [crd-rule]");
	is_change(OBJECT("{rule: \"!oldSelf.hasValue() || "
			 "oldSelf.value().a == self.a\", optionalOldSelf: "
			 "true, message: m}", NUMBERS), "", "{a: 1}", "");
	is_change(OBJECT("{rule: \"!oldSelf.hasValue() || "
			 "oldSelf.value().a == self.a\", optionalOldSelf: "
			 "true, message: m}", NUMBERS), "{a: 2}", "{a: 1}",
		  "4:7: spec breaks a rule of its definition: m [crd-rule]");
	is_change(OBJECT("{rule: oldSelf.hasValue(), optionalOldSelf: true, "
			 "message: m}", NUMBERS), "", "{a: 1}",
		  "4:7: spec breaks a rule of its definition: m [crd-rule]");
	/* defaults of what was there */
	is_change(OBJECT("{rule: self.a == oldSelf.a}",
			 "a: {type: integer, default: 3}"), "{}", "{a: 3}",
		  "");
}

/* In another order, each item is still the one with its key. */
static void large_list(const char *keyed)
{
	struct buf old = BUF_INIT(1024 * 1024), new = BUF_INIT(1024 * 1024);
	const int n = 20000;

	for (int i = 0; i < n; i++)
		buf_addf(&old, "%s{k: a%d, v: 9}", i ? ", " : "[", i);
	buf_adds(&old, ", {k: b, v: 1}, {k: c, v: 1}]");
	buf_adds(&new, "[{k: c, v: 2},\n  {k: b, v: 1}");
	for (int i = n - 1; i >= 0; i--)
		buf_addf(&new, ", {k: a%d, v: 9}", i);
	buf_adds(&new, "]");
	is_change(keyed, old.data, new.data,
		  "4:18: spec[0].v breaks a rule of its definition: m "
		  "[crd-rule]\n"
		  "5:13: warning: spec[1].v breaks a rule of its definition: "
		  "m (it was so before) [crd-rule]");
	buf_release(&old);
	buf_release(&new);
}

/* What was so before is left alone, if it can be told what was there. */
static void as_it_was(void)
{
	static const char low[] = "x-kubernetes-validations: [{rule: self > "
				  "5, message: m}]";
	char *keyed = xasprintf(
		"{type: array, x-kubernetes-list-type: map, "
		"x-kubernetes-list-map-keys: [k], items: {type: object, "
		"required: [k], properties: {k: {type: string}, v: {type: "
		"integer, %s}}}}", low);
	char *atomic = xasprintf("{type: array, items: {type: integer, %s}}",
				 low);

	is_change(keyed, "[{k: a, v: 1}]", "[{k: b, v: 9}, {k: a, v: 1}]",
		  "4:32: warning: spec[1].v breaks a rule of its definition: "
		  "m (it was so before) [crd-rule]");
	is_change(keyed, "[{k: a, v: 1}]", "[{k: a, v: 2}]",
		  "4:18: spec[0].v breaks a rule of its definition: m "
		  "[crd-rule]");
	is_change(atomic, "[1, 9]", "[1, 9]", "4:8: warning: spec[0] breaks "
		  "a rule of its definition: m (it was so before) "
		  "[crd-rule]");
	is_change(atomic, "[1, 9]", "[1, 8]", "4:8: spec[0] breaks a rule of "
		  "its definition: m [crd-rule]");
	large_list(keyed);
	/* not so for a rule that looks back */
	is_change(OBJECT("{rule: self.a > oldSelf.a, message: m}", NUMBERS),
		  "{a: 1}", "{a: 1}", "4:7: spec breaks a rule of its "
		  "definition: m [crd-rule]");
	free(keyed);
	free(atomic);
}

/* ---- what is not judged ---- */

static void counted(void)
{
	is(OBJECT("{rule: self.a.nonsense()}, {rule: self.a > 0}", NUMBERS),
	   "{a: 1, b: 1}", "");
	is_int(unchecked, 1, "an unknown function is counted, once");
	is("{type: array, items: {type: integer, x-kubernetes-validations: "
	   "[{rule: nonsense(self)}]}}", "[1, 2, 3]", "");
	is_int(unchecked, 1, "for however many values");
	is(OBJECT("{rule: 'self.a >'}", NUMBERS), "{a: 1}", "");
	is_int(unchecked, 1, "so is what is no expression");
	is(OBJECT("{rule: self.a > 0 || nonsense(self.a)}", NUMBERS),
	   "{a: 1}", "");
	is_int(unchecked, 0, "but not what the verdict does not need");
	is("{type: object, properties: {a: {type: integer}}, allOf: [{"
	   "x-kubernetes-validations: [{rule: self.a > 5}]}]}", "{a: 1}", "");
	is_int(unchecked, 1, "those of allOf are");
	/* a format by another name is none to a rule */
	is(OBJECT("{rule: self.t == '2026-01-01T00:00:00Z'}",
		  "t: {type: string, format: datetime}"),
	   "{t: '2026-01-01T00:00:00Z'}", "");
}

/* ---- how much is judged ---- */

/* A list of n times the number, each judged with a thousand sums. */
static void judge_many(int n, const char *want)
{
	static const char ten[] = "[1,2,3,4,5,6,7,8,9,10]";
	struct buf spec = BUF_INIT(1024 * 1024);
	char *schema = xasprintf(
		"{type: array, items: {type: integer, "
		"x-kubernetes-validations: [{message: m, rule: \"%s.all(x, "
		"%s.all(y, %s.all(z, x + y + z + self > 0)))\"}]}}", ten, ten,
		ten);

	for (int i = 1; i < n; i++)
		buf_adds(&spec, i == 1 ? "[1" : ", 1");
	buf_adds(&spec, ",\n  -9]");
	is(schema, spec.data, want);
	buf_release(&spec);
	free(schema);
}

/* What one of judge_many's takes is not said: it is found. */
static void budget(void)
{
	struct err err = ERR_INIT;
	static const char rule[] = "[1,2,3,4,5,6,7,8,9,10].all(x, "
		"[1,2,3,4,5,6,7,8,9,10].all(y, [1,2,3,4,5,6,7,8,9,10].all(z, "
		"x + y + z + 1 > 0)))";
	struct cel_program *p = cel_compile(rule, strlen(rule), &err);
	struct buf why = BUF_INIT(1024);
	uint64_t steps = 0;
	struct cel_vars vars = { .steps = &steps };

	ok(p && cel_eval(p, &vars, &why) == CEL_TRUE && steps > 1000,
	   "steps of an evaluation are counted");
	cel_release(p);
	buf_release(&why);
	/* one that begins below the limit is the last */
	char *want;
	int most = (int)((LIMIT_CEL_OBJECT_STEPS + steps - 1) / steps);

	want = xasprintf("5:3: spec[%d] breaks a rule of its definition: m "
			 "[crd-rule]", most - 1);
	judge_many(most, want);
	free(want);
	is_int(unchecked, 0, "the rules of an object up to the limit");
	judge_many(most + 1, "");
	is_int(unchecked, 1, "beyond it a rule is counted, once");
	judge_many(most + 1000, "");
	is_int(unchecked, 1, "for however many values");
}

/* What other objects took before counts for the whole push. */
static void total(void)
{
	static const char rule[] = OBJECT("{rule: self.a > 5, message: m}",
					  NUMBERS);
	static const char want[] = "4:7: spec breaks a rule of its "
				   "definition: m [crd-rule]";

	is(rule, "{a: 1}", want);
	ok(took > 5 && took < 200, "steps of an object are counted");
	spent = LIMIT_RULE_STEPS - took;
	is(rule, "{a: 1}", want);
	is_int(took, LIMIT_RULE_STEPS, "as many as a push may take");
	spent = LIMIT_RULE_STEPS - 1;
	is(rule, "{a: 1}", "");
	is_int(unchecked, 2, "with fewer left that is counted");
	spent = LIMIT_RULE_STEPS;
	is(rule, "{a: 1}", "");
	spent = 0;
}

int main(void)
{
	messages();
	places();
	order();
	changes();
	as_it_was();
	counted();
	budget();
	total();
	return tap_done();
}
