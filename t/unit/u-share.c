/*
 * Fields that are given away, fields that were lost, lists that are mended,
 * and what is remembered of drift. t/t5630 and t/t5635 have the server itself.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "engine/live-diff.h"
#include "engine/mend.h"
#include "engine/share.h"
#include "engine/status.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "t/unit/tree.h"

#define MANAGER "windlass-prod"

static const char *text(const struct node *n)
{
	struct buf b = BUF_INIT(100000);
	const char *s;

	if (!n)
		return "none";
	json_write_compact(n, &b);
	s = arena_strdup(&arena, b.data);
	buf_release(&b);
	return s;
}

static struct node *desired_of(const char *pointers, const char *spec)
{
	return tree(arena_printf(&arena, "{\"apiVersion\":\"v1\",\"kind\":"
				 "\"T\",\"metadata\":{\"name\":\"a\","
				 "\"annotations\":{\"windlass.dev/"
				 "ignore-fields\":\"%s\"}},\"spec\":%s}",
				 pointers, spec));
}

/* With our entry, and one of an autoscaler that has f:replicas. */
static struct node *live_of(const char *fields)
{
	return tree(arena_printf(&arena, "{\"metadata\":{\"resourceVersion\":"
		"\"7\",\"managedFields\":[{\"manager\":\"" MANAGER "\","
		"\"operation\":\"Apply\",\"apiVersion\":\"v1\",\"fieldsV1\":"
		"{\"f:spec\":%s}},{\"manager\":\"hpa\",\"operation\":"
		"\"Update\",\"apiVersion\":\"v1\",\"fieldsV1\":{\"f:spec\":{"
		"\"f:replicas\":{}}}}]}}", fields));
}

#define SPEC "{\"replicas\":3,\"list\":[{\"name\":\"x\",\"v\":1}]," \
	"\"whole\":{\"a\":1}}"
#define FIELDS "{\"f:replicas\":{},\"f:list\":{\"k:{\\\"name\\\":\\\"x\\\"}\":" \
	"{\".\":{},\"f:name\":{},\"f:v\":{}}},\"f:whole\":{}}"

static void gives(const char *pointers, const char *fields, const char *want,
		  const char *what)
{
	struct err err = ERR_INIT;
	struct node *patch = NULL, *list;
	int rc = share_disown(desired_of(pointers, SPEC), live_of(fields),
			      MANAGER, &arena, &patch, &err);

	if (rc < 0) {
		is_str(err.msg, want, what);
		return;
	}
	list = patch ? node_get(patch->items[1], "value") : NULL;
	is_str(text(list ? node_path(list->items[0], "fieldsV1", "f:spec",
				     NULL) : NULL), want, what);
}

static void test_share(void)
{
	gives("/spec/replicas", FIELDS, "{\"f:list\":{\"k:{\\\"name\\\":\\\"x"
	      "\\\"}\":{\".\":{},\"f:name\":{},\"f:v\":{}}},\"f:whole\":{}}",
	      "a field");
	gives("/spec/list/0/v", FIELDS, "{\"f:list\":{\"k:{\\\"name\\\":\\\"x"
	      "\\\"}\":{\".\":{},\"f:name\":{}}},\"f:replicas\":{},"
	      "\"f:whole\":{}}", "of a list's item");
	gives("/spec/list/0 /spec/whole", FIELDS, "{\"f:replicas\":{}}",
	      "an item, and a whole");
	gives("/spec/replicas", "{\"f:list\":{}}", "none",
	      "what is not ours any more");
	gives("/spec/whole/a", FIELDS, "spec.whole.a cannot be ignored: "
	      "Kubernetes applies spec.whole as a whole; name that in "
	      "windlass.dev/ignore-fields", "a part of a whole");
}

static void add(void *arg, const struct live_difference *d)
{
	buf_addf(arg, "%s by %s; ", d->path, d->n_owners ?
		 node_text(node_get(d->owners[0], "manager")) : "nobody");
}

static void loses(const char *fields, const char *want, const char *what)
{
	struct buf out = BUF_INIT(10000);
	struct node *desired = tree("{\"spec\":" SPEC "}");

	live_lost(desired, live_of(fields), MANAGER, &arena, add, &out);
	is_str(out.data, want, what);
	buf_release(&out);
}

static void test_lost(void)
{
	loses(FIELDS, "", "nothing was lost");
	loses("{\"f:list\":{\"k:{\\\"name\\\":\\\"x\\\"}\":{\".\":{},"
	      "\"f:name\":{}}},\"f:whole\":{}}",
	      "spec.replicas by hpa; spec.list[name=\"x\"].v by nobody; ",
	      "to another, and because it was removed");
	loses("{\"f:replicas\":{},\"f:whole\":{}}", "spec.list by nobody; ",
	      "a whole list");
}

static void mends(const char *live, const char *want, const char *what)
{
	struct node *l = tree(arena_printf(&arena, "{\"metadata\":{"
		"\"resourceVersion\":\"7\"},\"spec\":%s}", live));
	struct node *patch = mend_patch(tree(
		"{\"spec\":{\"n\":1,\"volumes\":[{\"name\":\"v\",\"emptyDir\":"
		"{}}],\"c\":[{\"name\":\"a\",\"env~/\":[{\"name\":\"E\"}]}]}}"),
		l, &arena);

	is_str(patch ? text(patch->items[patch->n - 1]) : "none", want, what);
}

#define C ",\"c\":[{\"name\":\"a\",\"env~/\":[{\"name\":\"E\"}]}]}"

static void test_mend(void)
{
	mends("{\"n\":1,\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]" C,
	      "none", "nothing to mend");
	mends("{\"n\":2,\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]" C,
	      "none", "what is in no list an apply repairs");
	mends("{\"n\":1,\"volumes\":[{\"name\":\"v\",\"hostPath\":{}}]" C,
	      "{\"op\":\"replace\",\"path\":\"/spec/volumes\",\"value\":["
	      "{\"emptyDir\":{},\"name\":\"v\"}]}", "a member of a union");
	mends("{\"n\":1,\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}],\"c\":["
	      "{\"name\":\"a\",\"env~/\":[]}]}", "{\"op\":\"replace\","
	      "\"path\":\"/spec/c/0/env~0~1\",\"value\":[{\"name\":\"E\"}]}",
	      "the smallest list, by its pointer");
}

static void drift(struct channel_status *s, const char *object, int64_t at)
{
	struct drift_record d = {
		.object = (char *)object, .at = at, .times = 1,
		.action = DRIFT_REPORTED,
	};

	strvec_push(&d.fields, "spec.a");
	status_add_drift(s, &d);
	strvec_release(&d.fields);
}

static void test_history(void)
{
	struct channel_status s = { 0 }, back = { 0 };
	struct err err = ERR_INIT;
	struct node *channel = node_map(&arena);

	for (int i = 0; i < 2 * STATUS_DRIFTS; i++)
		drift(&s, arena_printf(&arena, "T n/%d", i), 1000 + i);
	is_int(s.n_drifts, STATUS_DRIFTS, "no more than so many are kept");
	is_str(s.drifts[0].object, "T n/19", "the last one is the first");
	drift(&s, "T n/15", 2000);
	is_int(s.n_drifts, STATUS_DRIFTS, "the same again is no other one");
	is_str(s.drifts[0].object, "T n/15", "it is the first,");
	is_int(s.drifts[0].times, 2, "and happened twice");
	is_str(s.drifts[1].object, "T n/19", "the others follow");
	node_set(&arena, channel, "status", status_write(&s, &arena));
	ok(status_read(channel, &back, &err) == 0 &&
	   back.n_drifts == STATUS_DRIFTS &&
	   !strcmp(back.drifts[0].object, "T n/15") &&
	   back.drifts[0].times == 2 && back.drifts[0].at == 2000 &&
	   back.drifts[0].action == DRIFT_REPORTED &&
	   !strcmp(back.drifts[0].fields.v[0], "spec.a") &&
	   !strcmp(back.drifts[9].object, s.drifts[9].object),
	   "what is written is read back");
	channel_status_release(&s);
	channel_status_release(&back);
}

int main(void)
{
	test_share();
	test_lost();
	test_mend();
	test_history();
	arena_release(&arena);
	return tap_done();
}
