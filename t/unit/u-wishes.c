/*
 * Annotations of windlass: what is refused, and what an object is without the
 * fields that it ignores.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/wishes.h"
#include "t/unit/tap.h"

static struct arena arena;

/* An object of the kind, with more of it than metadata, and annotations. */
static struct object object_in(const char *api, const char *kind,
			       const char *annotations, const char *rest)
{
	struct object o = { .path = "a.yaml", .mark = { 1, 1 } };
	struct err err = ERR_INIT;
	char *json = xasprintf("{\"apiVersion\":\"%s\",\"kind\":\"%s\","
			       "\"metadata\":{\"name\":\"a\",\"labels\":{"
			       "\"x\":\"y\"},\"annotations\":{%s}}%s}", api,
			       kind, annotations, rest);

	if (json_read(json, strlen(json), &arena, &o.root, &err) ||
	    object_id_of(o.root, &arena, &o.id, &err)) {
		printf("Bail out! %s: %s\n", err.msg, json);
		exit(1);
	}
	free(json);
	return o;
}

static struct object object_of(const char *kind, const char *annotations,
			       const char *rest)
{
	return object_in("v1", kind, annotations, rest);
}

static void check_object(struct object o, const char *annotations,
			 const char *want)
{
	struct problems ps = PROBLEMS_INIT;
	struct buf out = BUF_INIT(65536);
	int rc = wishes_check(&o, &ps);

	for (size_t i = 0; i < ps.n; i++)
		problem_format(&ps.v[i], &out);
	if (!ok((*want ? strstr(out.data, want) != NULL : !ps.n) &&
		(rc < 0) == (ps.errors > 0), "%s %s: %s", o.id.kind,
		annotations, *want ? want : "fine"))
		printf("#  got: %s\n", out.data);
	buf_release(&out);
	problems_release(&ps);
}

static void check(const char *kind, const char *annotations, const char *rest,
		  const char *want)
{
	check_object(object_of(kind, annotations, rest), annotations, want);
}

#define SPEC ",\"spec\":{\"replicas\":1,\"list\":[{\"a\":1,\"b\":2},\"c\"]," \
	"\"a/b~c\":1}"

static void test_check(void)
{
	static const char *const fine[] = {
		"", "\"other/drift\":\"x\"",
		"\"windlass.dev/drift\":\"correct\"",
		"\"windlass.dev/drift\":\"report\"",
		"\"windlass.dev/drift\":\"ignore\"",
		"\"windlass.dev/prune\":\"false\"",
		"\"windlass.dev/prune\":\"true\"",
		"\"windlass.dev/recreate\":\"true\"",
		"\"windlass.dev/recreate\":\"false\"",
		"\"windlass.dev/wave\":\"-1000\"",
		("\"windlass.dev/ignore-fields\":\"/spec/replicas,\\n"
		 "/spec/list/0/a /metadata/labels/x\""),
		"\"windlass.dev/ignore-fields\":\"/spec/a~1b~0c\"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(fine); i++)
		check("Thing", fine[i], SPEC, "");
	check("Thing", "\"windlass.dev/drfit\":\"report\"", SPEC,
	      "error: there is no annotation 'windlass.dev/drfit': did you "
	      "mean 'windlass.dev/drift'? [wish-unknown]");
	check("Thing", "\"windlass.dev/drift\":\"Report\"", SPEC,
	      "is \"Report\"; it must be correct, report or ignore "
	      "[wish-value]");
	check("Thing", "\"windlass.dev/wave\":\"1001\"", SPEC, "[wish-value]");
	check("Thing", "\"windlass.dev/wave\":\"\"", SPEC, "[wish-value]");
	check("Thing", "\"windlass.dev/prune\":\"no\"", SPEC, "[wish-value]");
	check("Thing", "\"windlass.dev/prune\":\"cascade\"", SPEC,
	      "nothing is in a Thing");
	check("Namespace", "\"windlass.dev/prune\":\"cascade\"", "", "");
	check("Namespace", "\"windlass.dev/recreate\":\"true\"", "",
	      "all that is in it would go [wish-value]");
	check("Thing", "\"windlass.dev/recreate\":\"yes\"", SPEC,
	      "[wish-value]");
}

static void test_pointers(void)
{
	static const struct { const char *pointer, *want; } bad[] = {
		{ "", "names no field" },
		{ "spec.replicas", "is no JSON pointer" },
		{ "/spec/~2", "is no JSON pointer" },
		{ "/spec/a~", "is no JSON pointer" },
		{ "/", "[wish-field]" },
		{ "/kind", "[wish-field]" },
		{ "/metadata", "[wish-field]" },
		{ "/metadata/name", "[wish-field]" },
		{ "/metadata/labels", "[wish-field]" },
		{ "/metadata/labels/", "[wish-field]" },
		{ "/metadata/labels/applyset.kubernetes.io~1part-of",
		  "[wish-field]" },
		{ "/metadata/annotations/windlass.dev~1drift",
		  "[wish-field]" },
		{ "/status/x", "[wish-field]" },
		{ "/statusx", "warning: '/statusx' is not in this object" },
		{ "/spec/other", "[wish-nothing]" },
		{ "/spec/list/2", "[wish-nothing]" },
		{ "/spec/list/-", "[wish-nothing]" },
		{ "/spec/replicas/0", "[wish-nothing]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *a = xasprintf("\"windlass.dev/ignore-fields\":\"%s\"",
				    bad[i].pointer);

		check("Thing", a, SPEC, bad[i].want);
		free(a);
	}
	check("Secret", "\"windlass.dev/ignore-fields\":\"/stringData/a\"",
	      ",\"stringData\":{\"a\":\"b\"}", "write /data/KEY");
	check("Secret", "\"windlass.dev/ignore-fields\":\"/data/a\"",
	      ",\"stringData\":{\"a\":\"b\"}", "");
	check("Thing", "\"windlass.dev/other\":\"x\"", "", "wish-unknown");
}

static void test_job(void)
{
	static const struct {
		const char *api, *kind, *annotations, *spec, *want;
	} jobs[] = {
		{ "batch/v1", "Job", "", "\"ttlSecondsAfterFinished\":60",
		  "a.yaml:1:133: warning: the cluster deletes this Job" },
		{ "batch/v1", "Job", "", "\"ttlSecondsAfterFinished\":0",
		  "[wish-job]" },
		{ "batch/v1", "Job", "\"windlass.dev/drift\":\"correct\"",
		  "\"ttlSecondsAfterFinished\":60", "[wish-job]" },
		{ "batch/v1", "Job", "\"windlass.dev/drift\":\"ignore\"",
		  "\"ttlSecondsAfterFinished\":60", "" },
		{ "batch/v1", "Job", "\"windlass.dev/drift\":\"report\"",
		  "\"ttlSecondsAfterFinished\":60", "" },
		{ "batch/v1", "Job", "", "\"ttlSecondsAfterFinished\":null",
		  "" },
		{ "batch/v1", "Job", "", "\"completions\":1", "" },
		{ "batch/v1", "CronJob", "", "\"jobTemplate\":{\"spec\":{"
		  "\"ttlSecondsAfterFinished\":60}}", "" },
		{ "example.org/v1", "Job", "",
		  "\"ttlSecondsAfterFinished\":60", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		char *spec = xasprintf(",\"spec\":{%s}", jobs[i].spec);

		check_object(object_in(jobs[i].api, jobs[i].kind,
				       jobs[i].annotations, spec),
			     jobs[i].annotations, jobs[i].want);
		free(spec);
	}
}

static void reduced(const char *pointers, const char *want)
{
	char *a = xasprintf("\"windlass.dev/ignore-fields\":\"%s\"", pointers);
	struct object o = object_of("Thing", a, SPEC);
	struct buf text = BUF_INIT(65536);
	const struct node *left = wish_reduced(o.root, &arena);

	left = node_get(left, "spec");
	json_write_compact(left ? left : node_null(&arena), &text);
	is_str(text.data, want, pointers);
	ok(wish_ignores(o.root), "... is a wish");
	buf_release(&text);
	free(a);
}

static void test_reduced(void)
{
	struct object o = object_of("Thing", "", SPEC);

	ok(wish_reduced(o.root, &arena) == o.root && !wish_ignores(o.root),
	   "without the wish it is the same");
	reduced("/spec/replicas", "{\"a/b~c\":1,\"list\":[{\"a\":1,\"b\":2},"
		"\"c\"]}");
	reduced("/spec/list/0/a /spec/a~1b~0c",
		"{\"list\":[{\"b\":2},\"c\"],\"replicas\":1}");
	reduced("/spec/list/0/a,/spec/list/0/b,/spec/list/1",
		"{\"a/b~c\":1,\"replicas\":1}");
	reduced("/spec/list/0 /spec/list/1 /spec/list",
		"{\"a/b~c\":1,\"replicas\":1}");
	reduced("/spec", "null");
	reduced("/kind /metadata/name",
		"{\"a/b~c\":1,\"list\":[{\"a\":1,\"b\":2},\"c\"],"
		"\"replicas\":1}");
}

static void test_words(void)
{
	struct object o = object_of("Namespace", "\"windlass.dev/recreate\":"
				    "\"true\",\"windlass.dev/drift\":\"x\"",
				    "");
	int n;

	ok(!wish_recreate(o.root), "a Namespace is never made anew");
	is_int(wish_drift(o.root), WISH_DRIFT_UNSAID, "no word, no wish");
	is_int(wish_prune(o.root), WISH_PRUNE_UNSAID, "nor without one");
	ok(!wish_wave("-7", &n) && n == -7 && wish_wave("--7", &n) &&
	   wish_wave("-", &n), "waves");
}

int main(void)
{
	test_check();
	test_pointers();
	test_job();
	test_reduced();
	test_words();
	arena_release(&arena);
	return tap_done();
}
