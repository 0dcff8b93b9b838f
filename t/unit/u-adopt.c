/*
 * Sets of fields, and the patches that make other tools' leavings ours. The
 * shapes are those that kubectl and an API server (1.36) leave.
 */
#include "config.h"

#include "engine/adopt.h"
#include "engine/managed.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "t/unit/tree.h"

static const char *text(const struct node *n)
{
	struct buf b = BUF_INIT(100000);
	const char *s;

	if (!n)
		return NULL;
	json_write_compact(n, &b);
	s = arena_strdup(&arena, b.data);
	buf_release(&b);
	return s;
}

static void test_sets(void)
{
	struct node *a = tree("{\"f:a\":{},\"f:m\":{\".\":{},\"f:x\":{}}}");
	struct node *b = tree("{\"f:b\":{},\"f:m\":{\"f:x\":{},\"f:y\":{}}}");

	is_str(text(fields_union(a, b, &arena)),
	       "{\"f:a\":{},\"f:b\":{},\"f:m\":{\".\":{},\"f:x\":{},"
	       "\"f:y\":{}}}", "a union has both");
	is_str(text(fields_union(tree("{\"f:m\":{}}"),
				 tree("{\"f:m\":{\"f:x\":{}}}"), &arena)),
	       "{\"f:m\":{\".\":{},\"f:x\":{}}}",
	       "a leaf stays a member beside what is below it");
	is_str(text(fields_minus(a, b, &arena)),
	       "{\"f:a\":{},\"f:m\":{\".\":{}}}", "minus takes away leaves");
	ok(!fields_minus(a, a, &arena), "a set minus itself is empty");
	is_str(text(fields_minus(tree("{\"f:m\":{}}"),
				 tree("{\"f:m\":{\"f:x\":{}}}"), &arena)),
	       "{\"f:m\":{}}", "who owns what is below owns not the whole");
	is_str(text(fields_minus(tree("{\"f:m\":{\"f:x\":{},\"f:z\":{}}}"),
				 tree("{\"f:m\":{}}"), &arena)),
	       "{\"f:m\":{\"f:x\":{},\"f:z\":{}}}",
	       "who owns the whole owns not what is below");
}

#define OBJECT(entries) \
	"{\"metadata\":{\"resourceVersion\":\"7\",\"managedFields\":[" \
	entries "]}}"
#define ENTRY(manager, op, fields) \
	"{\"manager\":\"" manager "\",\"operation\":\"" op \
	"\",\"apiVersion\":\"v1\",\"fieldsType\":\"FieldsV1\"," \
	"\"fieldsV1\":" fields "}"

static bool has_gone(void *arg, const char *name)
{
	return strcmp(name, "gone") != 0;
}

static const struct adopter us = {
	.manager = "windlass-prod", .channel_exists = has_gone,
};

static const struct node *list_of(const struct node *patch)
{
	return patch ? node_get(patch->items[1], "value") : NULL;
}

static void test_take_over(void)
{
	struct node *o = tree(OBJECT(
		ENTRY("kubectl-client-side-apply", "Update",
		      "{\"f:data\":{\"f:a\":{},\"f:c\":{}}}") ","
		ENTRY("hpa", "Update", "{\"f:spec\":{}}")));
	struct node *patch = adopt_take_over(&us, o, &arena);

	is_str(node_text(node_get(patch->items[0], "op")), "test",
	       "the patch tests the version first");
	is_str(node_text(node_get(patch->items[0], "value")), "7",
	       "... that was looked at");
	is_int(list_of(patch)->n, 2, "kubectl's entry became ours");
	is_str(text(node_get(list_of(patch)->items[1], "fieldsV1")),
	       "{\"f:data\":{\"f:a\":{},\"f:c\":{}}}", "with all its fields");
	is_str(node_text(node_get(list_of(patch)->items[1], "operation")),
	       "Apply", "as an apply");
	is_str(node_text(node_get(list_of(patch)->items[0], "manager")),
	       "hpa", "other managers keep theirs");

	o = tree(OBJECT(ENTRY("windlass-prod", "Apply", "{\"f:a\":{}}") ","
			ENTRY("kubectl-create", "Update", "{\"f:b\":{}}") ","
			ENTRY("before-first-apply", "Update",
			      "{\"f:c\":{}}")));
	patch = adopt_take_over(&us, o, &arena);
	is_int(list_of(patch)->n, 1, "several become one");
	is_str(text(node_get(list_of(patch)->items[0], "fieldsV1")),
	       "{\"f:a\":{},\"f:b\":{},\"f:c\":{}}", "with the fields of all");
	o = tree(OBJECT(
		"{\"manager\":\"windlass-prod\",\"operation\":\"Apply\","
		"\"apiVersion\":\"v1\",\"time\":\"2026-01-01T10:00:00Z\","
		"\"fieldsV1\":{\"f:a\":{}}},"
		"{\"manager\":\"kubectl-replace\",\"operation\":\"Update\","
		"\"apiVersion\":\"v1\",\"time\":\"2026-01-01T10:00:01Z\","
		"\"fieldsV1\":{\"f:b\":{}}}"));
	ok(!adopt_take_over(&us, o, &arena),
	   "what came to our object later is not taken");
	o = tree(OBJECT(ENTRY("kubectl-annotate", "Update", "{\"f:a\":{}}") ","
			ENTRY("kubectl-edit", "Update", "{\"f:b\":{}}")));
	ok(!adopt_take_over(&us, o, &arena),
	   "nor what people do to an object");
	ok(!adopt_take_over(&us, tree(OBJECT(ENTRY("hpa", "Update",
						   "{\"f:a\":{}}"))), &arena),
	   "nothing to take: no patch");
}

/* Flux and Argo CD, in each of their ways. */
static void test_predecessors(void)
{
	static const char *const controllers[] = {
		ENTRY("kustomize-controller", "Apply", "{\"f:a\":{}}"),
		ENTRY("helm-controller", "Update", "{\"f:a\":{}}"),
		ENTRY("helm-controller", "Apply", "{\"f:a\":{}}"),
		ENTRY("argocd-controller", "Update", "{\"f:a\":{}}"),
		ENTRY("argocd-controller", "Apply", "{\"f:a\":{}}"),
		ENTRY("argocd-application-controller", "Update",
		      "{\"f:a\":{}}"),
	};
	struct node *o, *patch;
	char json[1000];

	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		snprintf(json, sizeof(json), OBJECT("%s,%s"), controllers[i],
			 ENTRY("windlass-prod", "Apply", "{\"f:b\":{}}"));
		patch = adopt_take_over(&us, tree(json), &arena);
		is_int(patch ? list_of(patch)->n : 0, 1,
		       "a controller's entry becomes ours");
		is_str(patch ? text(node_get(list_of(patch)->items[0],
					     "fieldsV1")) : NULL,
		       "{\"f:a\":{},\"f:b\":{}}", "with its fields");
	}
	o = tree(OBJECT(ENTRY("argocd-server", "Update", "{\"f:a\":{}}") ","
			ENTRY("flux-client-side-apply", "Other",
			      "{\"f:a\":{}}")));
	ok(!adopt_take_over(&us, o, &arena),
	   "a restart by Argo CD's buttons is a person's");
	o = tree(OBJECT(
		"{\"manager\":\"argocd-controller\",\"operation\":\"Update\","
		"\"subresource\":\"status\",\"apiVersion\":\"v1\","
		"\"fieldsV1\":{\"f:status\":{}}}"));
	ok(!adopt_take_over(&us, o, &arena), "nor is a status taken");
	o = tree(OBJECT(
		"{\"manager\":\"windlass-prod\",\"operation\":\"Apply\","
		"\"apiVersion\":\"v1\",\"time\":\"2026-01-01T10:00:00Z\","
		"\"fieldsV1\":{\"f:a\":{}}},"
		"{\"manager\":\"kustomize-controller\","
		"\"operation\":\"Apply\",\"apiVersion\":\"v1\","
		"\"time\":\"2026-01-01T10:00:01Z\","
		"\"fieldsV1\":{\"f:b\":{}}}"));
	ok(!adopt_take_over(&us, o, &arena),
	   "one that still works keeps what it writes");
	o = tree(OBJECT(
		ENTRY("windlass-prod", "Apply", "{\"f:a\":{}}") ","
		ENTRY("argocd-controller", "Update", "{\"f:a\":{}}")));
	ok(!adopt_disown(&us, o, &arena),
	   "and is not written against after each apply");
}

static void test_channels(void)
{
	struct node *o = tree(OBJECT(ENTRY("windlass-other", "Apply",
					   "{\"f:a\":{}}")));
	struct node *patch;

	is_str(adopt_rival(&us, o), "other", "another channel is named");
	ok(!adopt_take_over(&us, o, &arena), "and nothing taken from it");
	o = tree(OBJECT(ENTRY("windlass-gone", "Apply", "{\"f:a\":{}}")));
	ok(!adopt_rival(&us, o), "a channel that is gone is no rival");
	patch = adopt_take_over(&us, o, &arena);
	is_int(list_of(patch)->n, 1, "what it left is taken over");
	ok(!adopt_rival(&us, tree(OBJECT(ENTRY("windlass-prod", "Apply",
					       "{\"f:a\":{}}")))),
	   "we are not our own rival");
}

static void test_disown(void)
{
	struct node *o = tree(OBJECT(
		ENTRY("windlass-prod", "Apply", "{\"f:data\":{\"f:a\":{}}}") ","
		ENTRY("kubectl-edit", "Update",
		      "{\"f:data\":{\"f:a\":{},\"f:mine\":{}}}") ","
		ENTRY("kubectl-create", "Update",
		      "{\"f:data\":{\"f:a\":{}}}")));
	struct node *patch = adopt_disown(&us, o, &arena);

	is_int(list_of(patch)->n, 2, "an entry that had only ours is gone");
	is_str(text(node_get(list_of(patch)->items[1], "fieldsV1")),
	       "{\"f:data\":{\"f:mine\":{}}}",
	       "a person's own field stays theirs");
	o = tree(OBJECT(
		ENTRY("windlass-prod", "Apply", "{\"f:data\":{\"f:a\":{}}}") ","
		ENTRY("kubectl-rollout", "Update", "{\"f:spec\":{}}")));
	ok(!adopt_disown(&us, o, &arena), "nothing in common: no patch");
	o = tree(OBJECT(ENTRY("kubectl-create", "Update", "{\"f:a\":{}}")));
	ok(!adopt_disown(&us, o, &arena), "not without an entry of ours");
}

int main(void)
{
	test_sets();
	test_take_over();
	test_predecessors();
	test_channels();
	test_disown();
	arena_release(&arena);
	return tap_done();
}
