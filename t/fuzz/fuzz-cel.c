/*
 * Rules of custom resources: an expression, a NUL, and a YAML document with
 * the schema, the object and what it was before. Whatever the three say, an
 * expression is refused with its column or has a verdict, the same each time,
 * and a verdict that is no reason has none.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/limits.h"
#include "t/fuzz/fuzz.h"
#include "t/unit/cel-table.h"

static void judge(const struct cel_program *p, struct cel_vars *vars)
{
	struct buf why = BUF_INIT(LIMIT_CEL_BYTES), again = BUF_INIT(
							LIMIT_CEL_BYTES);
	struct buf text = BUF_INIT(LIMIT_CEL_MESSAGE);
	enum cel_verdict v = cel_eval(p, vars, &why);

	if (cel_eval(p, vars, &again) != v || strcmp(why.data, again.data) ||
	    !why.len != (v == CEL_TRUE || v == CEL_FALSE))
		abort();
	if (cel_eval_text(p, vars, &text) && (!text.len || !buf_ok(&text)))
		abort();
	buf_release(&why);
	buf_release(&again);
	buf_release(&text);
}

static void run(const char *expr, size_t len, const struct node *doc,
		struct arena *a)
{
	struct node *schema = node_get(doc, "schema");
	struct cel_vars vars = {
		.types = &cel_table_types, .schema = schema,
		.self = node_get(doc, "self"), .old_self = node_get(doc, "old"),
	};
	struct err err = ERR_INIT;
	struct cel_program *p = cel_compile(expr, len, &err);

	if (!p) {
		if (strncmp(err.msg, "column ", 7))
			abort();
		return;
	}
	cel_table_prepare(a, schema);
	if (!vars.self)
		vars.self = node_map(a);
	judge(p, &vars);
	vars.optional_old_self = true;
	judge(p, &vars);
	cel_release(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *expr = (const char *)data;
	size_t len = strnlen(expr, size);
	struct problems ps = PROBLEMS_INIT;
	struct documents docs = { 0 };
	struct arena a = ARENA_INIT;

	if (len < size)
		yaml_read("a.yaml", expr + len + 1, size - len - 1, &a, &docs,
			  &ps);
	run(expr, len, docs.n ? docs.v[0] : NULL, &a);
	problems_release(&ps);
	arena_release(&a);
	return 0;
}
