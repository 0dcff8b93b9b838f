/*
 * The pure judgements of the engine, on objects that a real API server
 * (1.36) returned: t/fixtures/live.
 */
#include "config.h"

#include <fcntl.h>
#include <unistd.h>

#include "engine/compare.h"
#include "engine/drift.h"
#include "engine/health.h"
#include "engine/live-diff.h"
#include "engine/managed.h"
#include "engine/wave.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "t/unit/tree.h"

#define MANAGER "windlass-prod"

static struct node *load(const char *name)
{
	struct buf text = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;
	struct node *n = NULL;
	char *path = xasprintf("%s/live/%s.json", FIXTURES, name);

	if (fs_read(AT_FDCWD, path, &text, &err) < 0 ||
	    json_read(text.data, text.len, &arena, &n, &err) < 0) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	buf_release(&text);
	free(path);
	return n;
}

static enum drift judge(const struct baseline *b, const struct node *o,
			bool trusted)
{
	return drift_judge(b, o, MANAGER, trusted, &arena);
}

static struct node *metadata(struct node *object)
{
	return node_get(object, "metadata");
}

static void bump(struct node *object)
{
	node_set(&arena, metadata(object), "resourceVersion",
		 node_str(&arena, "999999"));
}

static void test_managed(void)
{
	struct node *d = load("deployment");
	const struct node *entry = managed_entry(d, MANAGER);
	const struct node *containers = node_path(d, "spec", "template",
						  "spec", "containers", NULL);
	struct managed_list *l = managed_list(containers, &arena);
	int64_t at = managed_list_find(l, "k:{\"name\":\"side\"}", 17, false);

	ok(entry != NULL, "our entry is found");
	ok(!managed_entry(d, "windlass-other"), "and nobody else's");
	is_str(at < 0 ? NULL : node_text(node_get(containers->items[at],
						  "name")), "side",
	       "an item by its key");
	ok(managed_list_find(l, "k:{\"name\":\"x\"}", 14, false) < 0 &&
	   managed_list_find(l, "k:{", 3, false) < 0 &&
	   managed_list_find(l, "i:7", 3, false) < 0 &&
	   managed_list_find(managed_list(NULL, &arena), "i:0", 3, false) < 0,
	   "no such item");
}

/* A container with so many variables, as the API server has it. */
#define MANY 20000

static struct node *many(bool live, uint32_t swapped)
{
	struct buf text = BUF_INIT(16 << 20);
	struct node *n = NULL;
	struct err err;

	buf_addf(&text, "{\"metadata\":{%s\"labels\":{\"a\":\"b\"}},\"env\":[",
		 live ? "\"uid\":\"1\",\"resourceVersion\":\"1\"," : "");
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t at = i == swapped ? i + 1 :
			      i == swapped + 1 ? i - 1 : i;

		buf_addf(&text, "%s{\"name\":\"V%u\",\"value\":\"%u\"}",
			 i ? "," : "", at, at);
	}
	/* one of somebody else's among them */
	buf_addf(&text, "%s],\"set\":[\"y\",\"x\"],\"ports\":[{\"port\":80%s}]}",
		 live ? ",{\"name\":\"theirs\"}" : "",
		 live ? ",\"protocol\":\"TCP\"" : "");
	if (json_read(text.data, text.len, &arena, &n, &err) < 0)
		ok(false, "%s", err.msg);
	buf_release(&text);
	return n;
}

static struct node *fields_of_many(void)
{
	struct buf text = BUF_INIT(16 << 20);
	struct node *n = NULL;
	struct err err;

	buf_adds(&text, "{\"f:metadata\":{\"f:labels\":{\"f:a\":{}}},\"f:env\":{");
	for (uint32_t i = 0; i < MANY; i++)
		buf_addf(&text, "%s\"k:{\\\"name\\\":\\\"V%u\\\"}\":{\".\":{},"
			 "\"f:name\":{},\"f:value\":{}}", i ? "," : "", i);
	buf_adds(&text, "},\"f:set\":{\"v:\\\"x\\\"\":{},\"v:\\\"y\\\"\":{}},"
		 "\"f:ports\":{\"k:{\\\"port\\\":80,\\\"protocol\\\":\\\"TCP"
		 "\\\"}\":{\".\":{},\"f:port\":{}}}}");
	if (json_read(text.data, text.len, &arena, &n, &err) < 0)
		ok(false, "%s", err.msg);
	buf_release(&text);
	return n;
}

static void note_path(void *arg, const struct live_difference *d)
{
	buf_addf(arg, "%s%s\n", d->path, d->order ? " order" : "");
}

/* One object must not hold up all others: twice as many items may take twice
 * as long. */
static void test_many(void)
{
	struct node *want = many(false, MANY), *live = many(true, MANY);
	struct node *fields = fields_of_many(), *other = many(true, 7);
	struct buf paths = BUF_INIT(4096);
	int64_t began = clock_mono_ms(), took;

	alarm(120);
	ok(live_matches(want, live, fields, &arena), "%d items match", MANY);
	ok(!live_matches(want, other, fields, &arena),
	   "in another order they do not");
	ok(managed_values_hash(live, fields, &arena) ==
	   managed_values_hash(many(true, MANY), fields, &arena),
	   "the same values have the same hash");
	ok(managed_values_hash(live, fields, &arena) !=
	   managed_values_hash(other, fields, &arena), "not in another order");
	is_int(live_diff(want, other, MANAGER, &arena, note_path, &paths), 1,
	       "the order is the only difference");
	is_str(paths.data, "env order\n", "and is said");
	took = clock_mono_ms() - began;
	ok(took < 10000, "all of it takes %lld ms, not minutes",
	   (long long)took);
	alarm(0);
	buf_release(&paths);
}

static void test_configmap(void)
{
	struct node *o = load("configmap");
	struct baseline b = { 0 };

	ok(!baseline_known(&b) &&
	   baseline_take(&b, o, MANAGER, true, &arena) == 0 &&
	   baseline_known(&b), "a baseline is taken");
	is_int(judge(&b, o, false), DRIFT_ECHO, "our own write is an echo");
	is_int(judge(&b, load("configmap-labelled"), false), DRIFT_SUSPECT,
	       "a foreign label on a kind without generation is suspect");
	ok(drift_unchanged(&b, load("configmap-labelled"), MANAGER, NULL,
			   &arena), "and one look shows that it is nothing");
	is_int(judge(&b, load("configmap-edited"), false), DRIFT_CERTAIN,
	       "an edited value is drift");
	ok(!drift_unchanged(&b, load("configmap-edited"), MANAGER, NULL,
			    &arena), "the edited value differs");

	/* an event that was on its way when our own answer came */
	node_set(&arena, metadata(o), "resourceVersion", node_str(&arena, "1"));
	node_set(&arena, node_get(o, "data"), "a", node_str(&arena, "8"));
	is_int(judge(&b, o, false), DRIFT_ECHO,
	       "what was before our write is none of our business");
	o = load("configmap");

	/* a write that nobody is named for: only the version moved */
	bump(o);
	is_int(judge(&b, o, false), DRIFT_SUSPECT,
	       "an unattributed write is suspect");
	node_set(&arena, node_get(o, "data"), "a", node_str(&arena, "9"));
	ok(!drift_unchanged(&b, o, MANAGER, NULL, &arena),
	   "and its value is noticed");

	o = load("configmap");
	node_set(&arena, metadata(o), "uid",
		 node_str(&arena, "00000000-0000-0000-0000-000000000001"));
	is_int(judge(&b, o, false), DRIFT_RECREATED, "another uid");
	o = load("configmap");
	node_set(&arena, metadata(o), "deletionTimestamp",
		 node_str(&arena, "2026-11-23T10:00:00Z"));
	is_int(judge(&b, o, false), DRIFT_TERMINATING, "terminating");
	o = load("configmap");
	bump(o);
	node_set(&arena, node_get(metadata(o), "labels"),
		 "applyset.kubernetes.io/part-of", node_str(&arena, "other"));
	is_int(judge(&b, o, false), DRIFT_CERTAIN, "an owned label differs");
	node_del(metadata(o), "managedFields");
	is_int(judge(&b, o, false), DRIFT_CERTAIN, "managedFields stripped");
	ok(baseline_take(&b, o, MANAGER, true, &arena) < 0,
	   "no entry, no baseline");
}

static void test_versions(void)
{
	struct node *o = node_map(&arena), *m = node_map(&arena);

	node_set(&arena, o, "metadata", m);
	ok(!object_version(o), "no version");
	node_set(&arena, m, "resourceVersion", node_str(&arena, "9"));
	is_int(object_version(o), 9, "a number");
	ok(version_is_before(9, 10) && !version_is_before(10, 10) &&
	   !version_is_before(11, 10), "numbers have an order");
	ok(!version_is_before(0, 10) && !version_is_before(9, 0),
	   "what is not known has none");
	node_set(&arena, m, "resourceVersion", node_str(&arena, "a9"));
	ok(object_version(o) && !version_is_before(object_version(o), 10) &&
	   !version_is_before(10, object_version(o)),
	   "nor has another API server's text");
}

static void test_deployment(void)
{
	struct node *o = load("deployment"), *desired;
	struct baseline b = { 0 };
	struct node *containers, *swap;

	ok(!baseline_take(&b, o, MANAGER, true, &arena), "deployment baseline");
	bump(o);
	is_int(judge(&b, o, true), DRIFT_STATUS,
	       "a new version alone: a second status write in one second");
	node_set(&arena, metadata(o), "finalizers", node_seq(&arena));
	is_int(judge(&b, o, true), DRIFT_NONE,
	       "with other metadata it is somebody's who writes that");
	node_del(metadata(o), "finalizers");
	is_int(judge(&b, load("deployment-edited"), true), DRIFT_CERTAIN,
	       "an edited env value is drift");
	node_set(&arena, metadata(o), "generation", node_int(&arena, 7));
	is_int(judge(&b, o, true), DRIFT_SUSPECT, "generation moved");
	ok(drift_unchanged(&b, o, MANAGER, NULL, &arena), "values did not");
	containers = node_path(o, "spec", "template", "spec", "containers",
			       NULL);
	swap = containers->items[0];
	containers->items[0] = containers->items[1];
	containers->items[1] = swap;
	ok(!drift_unchanged(&b, o, MANAGER, NULL, &arena),
	   "the order of our containers counts");
	o = load("deployment");
	containers = node_path(o, "spec", "template", "spec", "containers",
			       NULL);
	swap = node_map(&arena);
	node_set(&arena, swap, "name", node_str(&arena, "injected"));
	node_append(&arena, containers, swap);
	ok(drift_unchanged(&b, o, MANAGER, NULL, &arena),
	   "a container of somebody else does not");

	desired = load("deployment-desired");
	o = load("deployment");
	ok(live_matches(desired, o, managed_fields(managed_entry(o, MANAGER)),
			&arena), "1000m is 1, 1024Mi is 1Gi, defaults are ours");
	o = load("deployment-edited");
	ok(!live_matches(desired, o, managed_fields(managed_entry(o, MANAGER)),
			 &arena), "an edited field does not match");
	o = load("deployment");
	node_set(&arena, node_get(desired, "spec"), "paused",
		 node_bool(&arena, true));
	ok(!live_matches(desired, o, managed_fields(managed_entry(o, MANAGER)),
			 &arena), "a field that we do not own yet");
	desired = load("deployment-desired");
	node_del(node_get(desired, "spec"), "replicas");
	ok(!live_matches(desired, o, managed_fields(managed_entry(o, MANAGER)),
			 &arena), "a field that we own and no longer want");
}

/* replicas: 0, which somebody scaled: the field is not in our entry then. */
static void test_zero(void)
{
	struct node *fields = tree("{\"f:spec\":{\"f:image\":{}}}");
	struct node *desired = tree("{\"spec\":{\"replicas\":0,\"labels\":{},"
				    "\"image\":\"i\"}}");

	ok(live_matches(desired, tree("{\"spec\":{\"image\":\"i\"}}"), fields,
			&arena), "a zero that the server dropped");
	ok(live_matches(desired, tree("{\"spec\":{\"image\":\"i\","
				      "\"replicas\":0,\"labels\":{\"a\":\"b\"}}}"),
			fields, &arena),
	   "or that is somebody else's too; a map that others fill");
	ok(!live_matches(desired, tree("{\"spec\":{\"image\":\"i\","
				       "\"replicas\":7}}"), fields, &arena),
	   "a zero that somebody took over");
}

static void test_null(void)
{
	struct node *fields = tree("{\"f:metadata\":{\"f:labels\":{"
				   "\"f:a\":{},\"f:b\":{}}}}");
	struct node *desired = tree("{\"metadata\":{\"labels\":{"
				    "\"a\":null,\"b\":\"x\"}}}");

	ok(live_matches(desired, tree("{\"metadata\":{\"labels\":{"
				      "\"a\":\"\",\"b\":\"x\"}}}"),
			fields, &arena), "a null label is stored as \"\"");
	ok(live_matches(desired, tree("{\"metadata\":{\"labels\":{"
				      "\"b\":\"x\"}}}"), fields, &arena),
	   "or not at all");
	ok(!live_matches(desired, tree("{\"metadata\":{\"labels\":{"
				       "\"a\":\"y\",\"b\":\"x\"}}}"),
			 fields, &arena), "any other value differs");
	ok(!live_matches(tree("{\"metadata\":{\"labels\":{"
			      "\"a\":\"\",\"b\":null}}}"),
			 tree("{\"metadata\":{\"labels\":{"
			      "\"a\":\"\",\"b\":\"x\"}}}"),
			 fields, &arena), "also where null is wanted");
}

static void test_quantity(void)
{
	ok(quantity_equal("1000m", "1") && quantity_equal("1Gi", "1024Mi") &&
	   quantity_equal("0.5", "500m") && quantity_equal("1e3", "1k"),
	   "equal quantities");
	ok(!quantity_equal("1", "2") && !quantity_equal("1M", "1Mi") &&
	   !quantity_equal("abc", "abc") && !quantity_equal("", "") &&
	   !quantity_equal("1.2.3", "1.2"), "and unequal ones");
}

static void test_health(void)
{
	struct node *o = load("deployment");
	char reason[HEALTH_REASON_MAX];
	struct node *status = node_get(o, "status");

	is_int(health_judge("apps", "Deployment", o, false, reason),
	       HEALTH_HEALTHY, "an available deployment is healthy");
	node_set(&arena, status, "availableReplicas", node_int(&arena, 1));
	is_int(health_judge("apps", "Deployment", o, false, reason),
	       HEALTH_PROGRESSING, "one of two is not");
	is_str(reason, "1 of 2 replicas are available", "and says so");
	node_set(&arena, status, "observedGeneration", node_int(&arena, 0));
	is_int(health_judge("apps", "Deployment", o, false, reason),
	       HEALTH_PROGRESSING, "a status from before the change");
	ok(!health_has_rule("", "ConfigMap") &&
	   health_has_rule("example.org", "Thing"), "who needs a look");
	o = node_map(&arena);
	is_int(health_judge("example.org", "Thing", o, true, reason),
	       HEALTH_PROGRESSING, "a custom resource nobody looked at");
	is_int(health_judge("example.org", "Thing", o, false, reason),
	       HEALTH_HEALTHY, "one without conditions is healthy");
	is_int(health_judge("batch", "Job", o, false, reason),
	       HEALTH_PROGRESSING, "an empty job is on its way");
}

static void test_wave(void)
{
	struct node *o = load("configmap"), *annotations = node_map(&arena);
	struct err err = ERR_INIT;
	int n = 7;

	ok(!wave_number(o, &n, &err) && n == 0, "no annotation, wave 0");
	node_set(&arena, metadata(o), "annotations", annotations);
	node_set(&arena, annotations, "argocd.argoproj.io/sync-wave",
		 node_str(&arena, "-5"));
	ok(!wave_number(o, &n, &err) && n == -5, "Argo CD's is understood");
	node_set(&arena, annotations, "windlass.dev/wave",
		 node_str(&arena, "1000"));
	ok(!wave_number(o, &n, &err) && n == 1000, "ours comes first");
	node_set(&arena, annotations, "windlass.dev/wave",
		 node_str(&arena, "1001"));
	ok(wave_number(o, &n, &err) < 0, "beyond the limit");
	ok(wave_order(-1, STAGE_HOOKS) < wave_order(0, STAGE_NAMESPACES) &&
	   wave_order(0, STAGE_CRDS) < wave_order(0, STAGE_WORKLOADS),
	   "numbers first, then stages");
	ok(wave_stage("", "Secret") == STAGE_FOUNDATIONS &&
	   wave_stage("example.org", "Secret") == STAGE_WORKLOADS,
	   "stages go by group and kind");
}

int main(void)
{
	test_managed();
	test_many();
	test_versions();
	test_configmap();
	test_deployment();
	test_zero();
	test_null();
	test_quantity();
	test_health();
	test_wave();
	arena_release(&arena);
	return tap_done();
}
