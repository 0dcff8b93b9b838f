/*
 * The ApplySet parent. See parent.h. Only keys that are ours are written;
 * those of others stay as they are.
 */
#include "config.h"
#include "engine/parent.h"

#include <stdlib.h>
#include <string.h>

#include "engine/channel-private.h"
#include "engine/drift.h"
#include "engine/kube.h"
#include "engine/machine.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/strvec.h"
#include "schema/json.h"

#define ID_LABEL "applyset.kubernetes.io/id"
#define TOOLING "applyset.kubernetes.io/tooling"
#define GROUP_KINDS "applyset.kubernetes.io/contains-group-kinds"
#define NAMESPACES "applyset.kubernetes.io/additional-namespaces"

/* all annotations of an object may have 256 KiB; ours stay well below */
#define LIST_MAX (64u * 1024)
#define PAUSE_MS 1000
#define RETRY_MS 5000

struct parent {
	struct channel *channel;
	struct arena arena;
	const struct node *metadata;	/* as last seen; NULL: not yet */
	struct kube_call *call;
	struct timer timer;
	bool dirty;
	bool stale;			/* metadata is, whatever its version */
	bool shrink;			/* at the next patch */
	bool shrinks;			/* the one that is sent does */
	struct strvec drop;		/* annotations to take off */
};

static void on_timer(void *arg);

struct parent *parent_new(struct channel *c)
{
	struct parent *p = xcalloc(1, sizeof(*p));

	p->channel = c;
	timer_init(&p->timer, c->engine->loop, on_timer, p);
	return p;
}

void parent_free(struct parent *p)
{
	if (!p)
		return;
	kube_cancel(p->call);
	timer_stop(&p->timer);
	strvec_release(&p->drop);
	arena_release(&p->arena);
	free(p);
}

/* What is off was taken off: one that is set again is another wish. */
static void forget_dropped(struct parent *p)
{
	struct strvec left = STRVEC_INIT;

	for (size_t i = 0; i < p->drop.n; i++)
		if (parent_annotation(p, p->drop.v[i]))
			strvec_push(&left, p->drop.v[i]);
	strvec_release(&p->drop);
	p->drop = left;
}

/* From before what is known already, by a watch that is behind. */
static bool is_old(const struct parent *p, const struct node *object)
{
	const char *version = node_path_str(p->metadata, "resourceVersion",
					    NULL);
	uint64_t had;

	return version && !p->stale &&
	       parse_u64(version, 1, UINT64_MAX, &had) == 0 &&
	       version_is_before(object_version(object), had);
}

void parent_seen(struct parent *p, const struct node *object)
{
	const struct node *metadata = node_get(object, "metadata");
	struct node *copy;

	if (is_old(p, object))
		return;
	p->stale = false;
	arena_reset(&p->arena);
	copy = node_copy(&p->arena, metadata);
	node_del(copy, "managedFields");
	p->metadata = copy;
	forget_dropped(p);
}

const char *parent_annotation(const struct parent *p, const char *name)
{
	return node_path_str(p->metadata, "annotations", name, NULL);
}

bool parent_has_finalizer(const struct parent *p)
{
	const struct node *list = node_get(p->metadata, "finalizers");

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++) {
		const char *name = node_text(list->items[i]);

		if (name && !strcmp(name, PRUNE_FINALIZER))
			return true;
	}
	return false;
}

bool parent_is_writing(const struct parent *p)
{
	return p->call != NULL;
}

void parent_continue(struct parent *p)
{
	if (p->dirty && !p->call && !timer_armed(&p->timer))
		timer_set(&p->timer, 1);
}

void parent_touch(struct parent *p, bool shrink)
{
	p->dirty = true;
	p->shrink = p->shrink || shrink;
	if (!p->call && !timer_armed(&p->timer))
		timer_set(&p->timer, 1);
}

void parent_grow(struct parent *p)
{
	p->shrink = p->shrinks = false;
	parent_touch(p, false);
}

void parent_drop_annotation(struct parent *p, const char *name)
{
	if (!strvec_has(&p->drop, name))
		strvec_push(&p->drop, name);
	parent_touch(p, false);
}

/* ---- lists ---- */

/* Kind or Kind.group, as the annotation has them. */
static void kind_text(const struct kind *k, struct buf *out)
{
	buf_adds(out, k->name);
	if (*k->group)
		buf_addf(out, ".%s", k->group);
}

static void add_old(const struct parent *p, const char *annotation,
		    struct map *out)
{
	const char *at = parent_annotation(p, annotation);

	while (at && *at) {
		size_t len = strcspn(at, ",");

		if (len)
			map_putn(out, at, len, p->channel);
		at += len + (at[len] == ',');
	}
}

/* "" if it would be too long. */
static char *join(const struct map *names)
{
	struct strvec sorted = STRVEC_INIT;
	struct buf text = BUF_INIT(LIST_MAX);

	for (map_each(names, e))
		strvec_push(&sorted, e->key);
	strvec_sort(&sorted);
	for (size_t i = 0; i < sorted.n; i++)
		buf_addf(&text, "%s%s", i ? "," : "", sorted.v[i]);
	strvec_release(&sorted);
	if (!buf_ok(&text))
		buf_reset(&text);
	return buf_detach(&text, NULL);
}

static void lists(const struct parent *p, char **ret_kinds,
		  char **ret_namespaces)
{
	struct map kinds = MAP_INIT, namespaces = MAP_INIT;
	const struct kind *last = NULL;
	struct buf text = BUF_INIT(1000);

	if (!p->shrink) {
		add_old(p, GROUP_KINDS, &kinds);
		add_old(p, NAMESPACES, &namespaces);
	}
	for (struct tracked *t = p->channel->inventory.first; t;
	     t = t->next) {
		if (t->kind != last) {
			buf_reset(&text);
			kind_text(t->kind, &text);
			map_put(&kinds, text.data, p->channel);
			last = t->kind;
		}
		if (*t->namespace)
			map_put(&namespaces, t->namespace, p->channel);
	}
	buf_release(&text);
	*ret_kinds = join(&kinds);
	*ret_namespaces = join(&namespaces);
	map_release(&kinds, NULL);
	map_release(&namespaces, NULL);
}

void parent_kinds(const struct parent *p,
		  void (*fn)(struct channel *c, struct kind *k))
{
	const char *at = parent_annotation(p, GROUP_KINDS);

	while (at && *at) {
		size_t len = strcspn(at, ",");
		char *item = xstrndup(at, len), *dot = strchr(item, '.');

		if (dot)
			*dot = '\0';
		if (*item)
			fn(p->channel,
			   kinds_get(&p->channel->engine->kinds,
				     dot ? dot + 1 : "", item));
		free(item);
		at += len + (at[len] == ',');
	}
}

/* ---- the patch ---- */

static void set_if_other(struct arena *a, const struct node *now,
			 struct node *patch, const char *key,
			 const char *value)
{
	const char *have = node_text(node_get(now, key));

	if (!have || strcmp(have, value))
		node_set(a, patch, key, node_str(a, value));
}

static void set_finalizers(struct arena *a, const struct parent *p,
			   struct node *patch, bool want)
{
	const struct node *have = node_get(p->metadata, "finalizers");
	struct node *list = node_seq(a);

	if (parent_has_finalizer(p) == want)
		return;
	for (uint32_t i = 0; have && have->type == NODE_SEQ && i < have->n;
	     i++) {
		const char *name = node_text(have->items[i]);

		if (name && strcmp(name, PRUNE_FINALIZER))
			node_append(a, list, node_str(a, name));
	}
	if (want)
		node_append(a, list, node_str(a, PRUNE_FINALIZER));
	node_set(a, patch, "finalizers", list);
}

static struct node *make_patch(struct parent *p, struct arena *a)
{
	struct channel *c = p->channel;
	struct node *metadata = node_map(a), *labels = node_map(a);
	struct node *annotations = node_map(a), *root = node_map(a);
	const struct node *have = node_get(p->metadata, "annotations");
	char *kinds, *namespaces;
	bool finalizer = machine_wants_finalizer(c);

	lists(p, &kinds, &namespaces);
	set_if_other(a, node_get(p->metadata, "labels"), labels, ID_LABEL,
		     c->applyset);
	set_if_other(a, have, annotations, TOOLING,
		     "windlass/" PACKAGE_VERSION);
	set_if_other(a, have, annotations, GROUP_KINDS, kinds);
	set_if_other(a, have, annotations, NAMESPACES, namespaces);
	for (size_t i = 0; i < p->drop.n; i++)
		if (node_get(have, p->drop.v[i]))
			node_set(a, annotations, p->drop.v[i], node_null(a));
	free(kinds);
	free(namespaces);
	if (labels->n)
		node_set(a, metadata, "labels", labels);
	if (annotations->n)
		node_set(a, metadata, "annotations", annotations);
	/* an object that is going takes no new finalizer */
	if (!c->deleting || !finalizer)
		set_finalizers(a, p, metadata, finalizer);
	if (!metadata->n)
		return NULL;
	node_set(a, metadata, "resourceVersion",
		 node_copy(a, node_get(p->metadata, "resourceVersion")));
	node_set(a, root, "metadata", metadata);
	return root;
}

static void end_patch(struct parent *p, const struct kube_answer *a)
{
	struct arena scratch = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *object;

	if (a->status->why == KUBE_NOT_FOUND)
		return;
	if (a->err) {
		/* stale: the watch brings what changed, or has already */
		if (a->status->why != KUBE_STALE)
			log_warn("channel-patch-failed",
				 LOG_S("channel", p->channel->name),
				 LOG_S("error", a->err->msg));
		/* an etcd that was restored counts from lower again */
		p->stale = a->status->why == KUBE_STALE;
		p->dirty = true;
		p->shrink = p->shrink || p->shrinks;
		timer_set(&p->timer, a->status->why == KUBE_STALE ? PAUSE_MS :
			  RETRY_MS);
		return;
	}
	if (kube_answer_object(a, &scratch, &object, &err) == 0) {
		parent_seen(p, object);
		report_version(p->channel->private->report, object);
	}
	arena_release(&scratch);
	if (p->dirty)
		timer_set(&p->timer, PAUSE_MS);
}

static void on_patched(void *arg, const struct kube_answer *a)
{
	struct parent *p = arg;

	p->call = NULL;
	end_patch(p, a);
	report_continue(p->channel->private->report);
}

static void on_timer(void *arg)
{
	struct parent *p = arg;
	struct arena scratch = ARENA_INIT;
	struct buf body = BUF_INIT(1024 * 1024);
	struct kube_request q = {
		.method = "PATCH",
		.target = {
			.group = "windlass.dev", .version = "v1alpha1",
			.plural = "channels", .name = p->channel->name,
		},
		.content_type = KUBE_MERGE_PATCH, .as = KUBE_AS_METADATA,
		.on_done = on_patched, .arg = p,
	};
	struct node *patch;
	struct err err = ERR_INIT;

	if (p->call || !p->metadata || !p->channel->engine->leading ||
	    report_is_writing(p->channel->private->report))
		return;
	p->dirty = false;
	patch = make_patch(p, &scratch);
	/* one that was not needed is done, too */
	p->shrinks = p->shrink && patch;
	p->shrink = false;
	if (patch) {
		json_write_compact(patch, &body);
		q.body = body.data;
		q.body_len = body.len;
		if (kube_send(p->channel->engine->kube, &q, &p->call,
			      &err) < 0) {
			p->dirty = true;
			p->shrink = p->shrinks;
			timer_set(&p->timer, RETRY_MS);
		}
	}
	buf_release(&body);
	arena_release(&scratch);
}
