/*
 * What differs between a bundle's object and a live one, and who did it:
 * objects that a real API server returned (t/fixtures/live), and small ones
 * with the managedFields that it writes. t/t6010 has the server itself.
 */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "engine/live-diff.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "t/unit/tap.h"

#define MANAGER "windlass-prod"

static struct arena arena;

static struct node *read_text(const char *text, size_t len)
{
	struct err err = ERR_INIT;
	struct node *n = NULL;

	if (json_read(text, len, &arena, &n, &err) < 0) {
		printf("Bail out! %s: %s\n", err.msg, text);
		exit(1);
	}
	return n;
}

static struct node *parse(const char *text)
{
	return read_text(text, strlen(text));
}

static struct node *load(const char *name)
{
	struct buf text = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;
	struct node *n;
	char *path = xasprintf("%s/live/%s.json", FIXTURES, name);

	if (fs_read(AT_FDCWD, path, &text, &err) < 0) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	n = read_text(text.data, text.len);
	buf_release(&text);
	free(path);
	return n;
}

/* "path: want -> live by manager manager; " */
static void add(void *arg, const struct live_difference *d)
{
	struct buf *out = arg;

	buf_addf(out, "%s:", d->path);
	if (d->order) {
		buf_adds(out, " order");
	} else {
		buf_addc(out, ' ');
		if (d->want)
			json_write_compact(d->want, out);
		buf_adds(out, " -> ");
		if (d->live)
			json_write_compact(d->live, out);
	}
	for (size_t i = 0; i < d->n_owners; i++)
		buf_addf(out, "%s%s", i ? " " : " by ", node_text(
			 node_get(d->owners[i], "manager")));
	buf_adds(out, "; ");
}

static void is_diff(struct node *want, struct node *live, const char *expect,
		    const char *what)
{
	struct buf out = BUF_INIT(1 << 20);

	live_diff(want, live, MANAGER, &arena, add, &out);
	is_str(out.data, expect, what);
	buf_release(&out);
}

/* Both as spec; entries: "manager/operation time fieldsV1-of-spec"... */
static void is_spec(const char *want, const char *live, const char *entries,
		    const char *expect, const char *what)
{
	struct node *w = node_map(&arena), *l = node_map(&arena);
	struct node *metadata = node_map(&arena);

	node_set(&arena, w, "spec", parse(want));
	node_set(&arena, l, "spec", parse(live));
	node_set(&arena, l, "metadata", metadata);
	node_set(&arena, metadata, "managedFields", parse(entries));
	is_diff(w, l, expect, what);
}

#define ENTRY(who, op, time, fields) \
	"{\"manager\":\"" who "\",\"operation\":\"" op "\",\"time\":\"" time \
	"\",\"fieldsV1\":{\"f:spec\":{" fields "}}}"
#define OURS(fields) \
	ENTRY(MANAGER, "Apply", "2026-11-23T10:00:00Z", fields)
#define EDIT(fields) \
	ENTRY("kubectl-edit", "Update", "2026-11-23T11:00:00Z", fields)
#define LATER(fields) \
	ENTRY("later", "Update", "2026-11-23T12:00:00Z", fields)

static void test_real(void)
{
	struct node *want = load("deployment-desired"), *live;

	is_diff(want, load("deployment"), "", "a Deployment as it was applied: "
		"defaults, status, 1000m and 1 are no difference");
	is_diff(want, load("deployment-edited"),
		"spec.template.spec.containers[name=\"app\"].env[name=\"B\"]"
		".value: \"2\" -> \"x\" by kubectl-edit; ",
		"one that was edited: which field, and by whom");
	live = load("deployment-edited");
	node_del(node_get(live, "metadata"), "managedFields");
	is_diff(want, live,
		"spec.template.spec.containers[name=\"app\"].env[name=\"B\"]"
		".value: \"2\" -> \"x\"; ", "nobody's fields: items by name");
}

static void test_maps(void)
{
	is_spec("{\"a\":1}", "{\"a\":1,\"b\":2}",
		"[" OURS("\"f:a\":{}") "," EDIT("\"f:b\":{}") "]", "",
		"a field of others is no difference");
	is_spec("{\"a\":1}", "{\"a\":2}",
		"[" OURS("\"f:x\":{}") "," EDIT("\"f:a\":{}") ","
		LATER("\"f:a\":{}") "]",
		"spec.a: 1 -> 2 by later kubectl-edit; ",
		"who changed it: the latest first");
	is_spec("{\"a\":1}", "{}", "[" OURS("\"f:x\":{}") "]",
		"spec.a: 1 -> ; ", "a field that was removed is nobody's");
	is_spec("{\"a\":1}", "{\"a\":1,\"old\":{\"deep\":2,\"other\":3}}",
		"[" OURS("\"f:a\":{},\"f:old\":{\"f:deep\":{}}") ","
		EDIT("\"f:old\":{\"f:other\":{}}") "]",
		"spec.old.deep:  -> 2 by windlass-prod; ",
		"what is ours and not wanted any more, and nothing else");
	is_spec("{\"a\":1}", "{\"a\":1,\"old\":2}",
		"[" OURS("\"f:a\":{},\"f:old\":{}") ","
		EDIT("\"f:old\":{}") "]", "",
		"but what another owns too would stay");
	is_spec("{\"sel\":{\"app\":\"a\"}}",
		"{\"sel\":{\"app\":\"a\",\"x\":\"y\"}}",
		"[" OURS("\"f:a\":{}") "," EDIT("\"f:sel\":{}") "]",
		"spec.sel.x:  -> \"y\" by kubectl-edit; ",
		"a map that is owned as a whole: one key too many");
	is_spec("{\"dir\":{}}", "{\"dir\":{\"medium\":\"Memory\"}}",
		"[" OURS("\"f:dir\":{}") ","
		EDIT("\"f:dir\":{\"f:medium\":{}}") "]", "",
		"an empty map takes what others put in");
	is_spec("{\"a\":0,\"b\":\"\",\"c\":[],\"d\":{},\"e\":false}", "{}",
		"[" OURS("\"f:x\":{}") "]", "",
		"empty values that the server leaves out");
	is_spec("{\"a.b/c\":{\"d e\":1}}", "{\"a.b/c\":{\"d e\":2}}",
		"[" OURS("\"f:a.b/c\":{\"f:d e\":{}}") "]",
		"spec[\"a.b/c\"][\"d e\"]: 1 -> 2 by windlass-prod; ",
		"names that need quotes; a change under our own name");
	is_spec("{\"a\":{\"b\":1}}", "{\"a\":\"text\"}", "[]",
		"spec.a: {\"b\":1} -> \"text\"; ", "another type");
}

#define NAMED(n, v) "{\"name\":\"" n "\",\"v\":" v "}"
#define KEY(n, fields) \
	"\"k:{\\\"name\\\":\\\"" n "\\\"}\":{\".\":{},\"f:name\":{}" fields "}"

static void test_lists(void)
{
	const char *both = "[" OURS("\"f:l\":{" KEY("a", ",\"f:v\":{}") ","
				   KEY("b", ",\"f:v\":{}") "}") ","
		EDIT("\"f:l\":{" KEY("c", ",\"f:v\":{}") "}") "]";

	is_spec("{\"l\":[" NAMED("a", "1") "," NAMED("b", "2") "]}",
		"{\"l\":[" NAMED("c", "9") "," NAMED("a", "1") ","
		NAMED("b", "3") "]}", both,
		"spec.l[name=\"b\"].v: 2 -> 3 by windlass-prod; ",
		"items by their key, those of others between them");
	is_spec("{\"l\":[" NAMED("a", "1") "," NAMED("b", "2") "]}",
		"{\"l\":[" NAMED("b", "2") "," NAMED("a", "1") "]}", both,
		"spec.l: order by kubectl-edit; ", "in another order");
	is_spec("{\"l\":[" NAMED("a", "1") "," NAMED("b", "2") "]}",
		"{\"l\":[" NAMED("b", "2") "]}", both,
		"spec.l[name=\"a\"]: {\"name\":\"a\",\"v\":1} -> ; ",
		"an item that is gone");
	is_spec("{\"l\":[" NAMED("a", "1") "]}",
		"{\"l\":[" NAMED("a", "1") "," NAMED("b", "2") "]}", both,
		"spec.l[name=\"b\"]:  -> {\"name\":\"b\",\"v\":2} "
		"by windlass-prod; ", "an item of ours that is not wanted");
	is_spec("{\"l\":[]}", "{\"l\":[" NAMED("c", "1") "]}", both, "",
		"items of others only");
	is_spec("{\"f\":[\"x\",\"y\"]}", "{\"f\":[\"z\",\"x\"]}",
		"[" OURS("\"f:f\":{\"v:\\\"x\\\"\":{}}") ","
		EDIT("\"f:f\":{\"v:\\\"z\\\"\":{}}") "]",
		"spec.f[1]: \"y\" -> ; ", "a set: what is missing");
	is_spec("{\"f\":[\"x\"]}", "{\"f\":[\"x\",\"old\"]}",
		"[" OURS("\"f:f\":{\"v:\\\"x\\\"\":{},\"v:\\\"old\\\"\":{}}")
		"]", "spec.f[\"old\"]:  -> \"old\" by windlass-prod; ",
		"a set: what is ours and not wanted");
	is_spec("{\"args\":[\"a\",\"b\"]}", "{\"args\":[\"a\",\"c\"]}",
		"[" EDIT("\"f:args\":{}") "]",
		"spec.args[1]: \"b\" -> \"c\" by kubectl-edit; ",
		"a list that is owned as a whole, item by item");
	is_spec("{\"args\":[\"a\"]}", "{\"args\":[\"a\",\"c\"]}",
		"[" EDIT("\"f:args\":{}") "]",
		"spec.args: [\"a\"] -> [\"a\",\"c\"] by kubectl-edit; ",
		"or all of it, where the length differs");
	is_spec("{\"p\":[{\"port\":80}]}",
		"{\"p\":[{\"port\":80,\"protocol\":\"TCP\",\"x\":1}]}",
		"[" OURS("\"f:p\":{\"k:{\\\"port\\\":80,\\\"protocol\\\":"
			 "\\\"TCP\\\"}\":{\".\":{},\"f:port\":{}}}") "]", "",
		"a key that the server filled in");
}

/* What is no managedFields costs the owners, not the comparison. */
static void test_nonsense(void)
{
	static const char *const entries[] = {
		"[]", "{}", "1", "[1,null,{}]", "[{\"fieldsV1\":\"text\"}]",
		"[" OURS("\"f:a\":\"text\"") "]",
		"[" OURS("\"f:a\":[1,2]") "]",
		"[" OURS("\"f:l\":{\"k:{\":{},\"k:\":{},\"x\":{},\"v:\":{}}")
		"]",
	};
	struct buf many = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		struct node *w = parse("{\"spec\":{\"a\":1,\"l\":[1]}}");
		struct node *l = parse("{\"spec\":{\"a\":2,\"l\":[2]},"
				       "\"metadata\":{}}");

		node_set(&arena, node_get(l, "metadata"), "managedFields",
			 parse(entries[i]));
		buf_reset(&out);
		ok(live_diff(w, l, MANAGER, &arena, add, &out) == 2 &&
		   strstr(out.data, "spec.a: 1 -> 2"), "%s: %s", entries[i],
		   out.data);
	}
	buf_addc(&many, '[');
	for (int i = 0; i < 2 * LIVE_OWNERS; i++)
		buf_adds(&many, EDIT("\"f:a\":{}") ",");
	buf_adds(&many, OURS("\"f:gone\":{}") "]");
	is_spec("{\"b\":1}", "{\"b\":1,\"gone\":1}", many.data,
		"spec.gone:  -> 1 by windlass-prod; ",
		"more managers than are looked at: ours is never left out");
	buf_release(&many);
	buf_release(&out);
}

int main(void)
{
	test_real();
	test_maps();
	test_lists();
	test_nonsense();
	arena_release(&arena);
	return tap_done();
}
