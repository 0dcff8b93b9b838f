/*
 * A manifest as a set of objects: what they say of each other, what an admin
 * allows, and the lines that a reader is shown of it. Every finding has its
 * place in the text; no line that is shown has a control byte, nor belongs to
 * a Secret.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/quote.h"
#include "schema/references/index.h"
#include "t/fuzz/fuzz.h"

static struct scopes scopes;
static struct policy policy;
static struct rules rules = {
	.channel = "prod", .default_namespace = "demo", .allow_secrets = true,
	.scopes = &scopes, .policy = &policy,
};

static void set_policy(void)
{
	struct err err = ERR_INIT;

	if (policy.labels.n)
		return;
	if (policy_set(&policy, "namespaces", "dem*", &err) ||
	    policy_set(&policy, "kinds", "*", &err) ||
	    policy_set(&policy, "imagePolicy", "tag", &err) ||
	    policy_set(&policy, "requiredLabels", "a", &err))
		abort();
}

static void check_line(const struct quotes *q, struct mark mark)
{
	struct buf line = BUF_INIT(QUOTE_BYTES), caret = BUF_INIT(QUOTE_BYTES);

	if (quotes_line(q, mark, &line, &caret)) {
		for (size_t i = 0; i < line.len; i++)
			if ((unsigned char)line.data[i] < 0x20)
				abort();
		if (strspn(caret.data, " ") + 1 != caret.len)
			abort();
	}
	buf_release(&line);
	buf_release(&caret);
}

static void check_objects(const struct objects *os, struct problems *ps)
{
	struct object_index ix = OBJECT_INDEX_INIT;
	struct view v = index_view(&ix);
	struct err err = ERR_INIT;

	for (size_t i = 0; i < os->n; i++) {
		struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
		struct object *o = &os->v[i];

		if (!rules_check(&rules, o, ps) &&
		    !object_path(&o->id, &path, &err))
			index_add(&ix, o, path.data);
		buf_release(&path);
	}
	for (map_each(&ix.objects, e)) {
		const struct indexed *x = e->value;

		if (references_check(&v, &rules, &x->o, &x->facts, ps, &err))
			abort();
	}
	index_release(&ix);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct problems ps = PROBLEMS_INIT;
	struct objects os = OBJECTS_INIT;
	struct quotes q = QUOTES_INIT;
	struct arena a = ARENA_INIT;

	set_policy();
	quotes_read(&q, text, size);
	q.ascii = size % 2;
	manifest_read("a.yaml", text, size, &a, &os, &ps);
	for (size_t i = 0; i < os.n; i++)
		if (!strcmp(os.v[i].id.kind, "Secret") && os.v[i].mark.line &&
		    !q.hidden[os.v[i].mark.line - 1])
			abort();
	check_objects(&os, &ps);
	for (size_t i = 0; i < ps.n; i++) {
		if (ps.v[i].mark.line > q.n)
			abort();
		check_line(&q, ps.v[i].mark);
	}
	quotes_release(&q);
	problems_release(&ps);
	objects_release(&os);
	arena_release(&a);
	return 0;
}
