/*
 * Aggregated discovery. See discovery.h. Two documents, /api (the core
 * group) and /apis (all others), each with its ETag and decoded group by
 * group as it arrives; a document replaces its part of the table only when
 * all of it was read.
 */
#include "config.h"
#include "engine/discovery.h"

#include <stdlib.h>
#include <string.h>

#include "engine/json-split.h"
#include "engine/kube-internal.h"
#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"

#define ACCEPT "application/json;g=apidiscovery.k8s.io;v=v2;" \
	"as=APIGroupDiscoveryList,application/json"
#define SILENT_MS 30000

/* one document, read */
struct part {
	struct arena arena;
	struct resource *v;
	size_t n, alloc;
	struct map index;	/* see key_of */
	struct map stale;	/* groups */
};

struct fetch {
	struct discovery *d;
	const char *path;
	struct kube_call *call;
	struct json_split split;
	struct part *read;	/* what comes in */
	struct part *part;	/* what is known; NULL: nothing */
	char *etag;		/* of part */
};

struct waiter {
	struct waiter *next;
	void (*done)(void *arg, const struct err *err);
	void *arg;
};

struct discovery {
	struct kube *kube;
	struct fetch fetch[2];
	unsigned running;
	struct waiter *waiters, **last_waiter;
	struct work soon;	/* a failure to send is told from the loop */
	struct err err;
};

static void part_free(struct part *p)
{
	if (!p)
		return;
	map_release(&p->index, NULL);
	map_release(&p->stale, NULL);
	arena_release(&p->arena);
	free(p->v);
	free(p);
}

/* ---- reading ---- */

static unsigned verbs_of(const struct node *list)
{
	static const char *const names[] = {
		"get", "list", "watch", "create", "update", "patch", "delete"
	};
	unsigned verbs = 0;

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++)
		for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
			const char *s = node_text(list->items[i]);

			if (s && !strcmp(s, names[j]))
				verbs |= 1u << j;
		}
	return verbs;
}

static bool has_subresource(const struct node *resource, const char *name)
{
	const struct node *list = node_get(resource, "subresources");

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++) {
		const char *s = node_path_str(list->items[i], "subresource",
					      NULL);

		if (s && !strcmp(s, name))
			return true;
	}
	return false;
}

static void add_resource(struct part *p, const char *group,
			 const char *version, bool stale,
			 const struct node *n)
{
	const char *plural = node_path_str(n, "resource", NULL);
	const char *kind = node_path_str(n, "responseKind", "kind", NULL);
	const char *scope = node_path_str(n, "scope", NULL);

	if (!plural || !kind || !scope)
		return;
	if (p->n == p->alloc) {
		p->alloc = p->alloc ? 2 * p->alloc : 128;
		p->v = xreallocarray(p->v, p->alloc, sizeof(*p->v));
	}
	p->v[p->n++] = (struct resource){
		.group = group, .version = version,
		.kind = arena_strdup(&p->arena, kind),
		.plural = arena_strdup(&p->arena, plural),
		.namespaced = !strcmp(scope, "Namespaced"),
		.has_status = has_subresource(n, "status"),
		.stale = stale,
		.verbs = verbs_of(node_get(n, "verbs")),
	};
}

static void add_version(struct part *p, const char *group,
			const struct node *n)
{
	const char *version = node_path_str(n, "version", NULL);
	const char *fresh = node_path_str(n, "freshness", NULL);
	const struct node *list = node_get(n, "resources");
	bool stale = fresh && strcmp(fresh, "Current");

	if (!version)
		return;
	if (stale)
		map_put(&p->stale, group, p);
	version = arena_strdup(&p->arena, version);
	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++)
		add_resource(p, group, version, stale, list->items[i]);
}

static int on_group(void *arg, const char *json, size_t len, struct err *err)
{
	struct fetch *f = arg;
	struct part *p = f->read;
	const struct node *versions;
	struct node *n;
	const char *name;

	if (json_read(json, len, kube_scratch(f->d->kube), &n, err) < 0)
		return err_wrap(err, "discovery");
	name = node_path_str(n, "metadata", "name", NULL);
	versions = node_get(n, "versions");
	name = arena_strdup(&p->arena, name ? name : "");
	for (uint32_t i = 0; versions && versions->type == NODE_SEQ &&
			     i < versions->n; i++)
		add_version(p, name, versions->items[i]);
	return 0;
}

static int on_data(void *arg, const char *data, size_t len, struct err *err)
{
	struct fetch *f = arg;

	return json_split_feed(&f->split, data, len, err);
}

/* "group/version/Kind", "group//Kind" for the preferred version; with a
 * colon instead of the last slash for the plural. False: does not fit. */
static bool key_of(char key[1024], const char *group, const char *version,
		   char sep, const char *name)
{
	int n = snprintf(key, 1024, "%s/%s%c%s", group,
			 version ? version : "", sep, name);

	return n > 0 && n < 1024;
}

/* A version that lacks a kind must not hide one that has it: the first that
 * is put stays, and versions come preferred first. */
static void put_first(struct map *m, const char *key, struct resource *r)
{
	if (!map_get(m, key))
		map_put(m, key, r);
}

static void make_index(struct part *p)
{
	char key[1024];

	for (size_t i = 0; i < p->n; i++) {
		struct resource *r = &p->v[i];
		const char *versions[] = { r->version, NULL };

		for (int j = 0; j < 2; j++) {
			if (key_of(key, r->group, versions[j], '/', r->kind))
				put_first(&p->index, key, r);
			if (key_of(key, r->group, versions[j], ':',
				   r->plural))
				put_first(&p->index, key, r);
		}
	}
}

/* ---- asking ---- */

static void tell(struct discovery *d)
{
	struct err err = d->err;

	while (d->waiters) {
		struct waiter *w = d->waiters;

		d->waiters = w->next;
		if (!d->waiters)
			d->last_waiter = &d->waiters;
		w->done(w->arg, err.class == ERR_NONE ? NULL : &err);
		free(w);
		/* who asked anew inside waits for that answer */
		if (d->running)
			return;
	}
}

static int finish(struct fetch *f, const struct kube_answer *a,
		  struct err *err)
{
	const char *type = a->http ? http_header(a->http, "Content-Type")
				   : NULL;
	const char *etag = a->http ? http_header(a->http, "ETag") : NULL;

	if (a->code == 304)
		return 0;
	if (a->code == 200 && (!type || !strstr(type,
						"APIGroupDiscoveryList")))
		return err_set(err, ERR_INVALID, "the API server at '%s' has "
			       "no aggregated discovery: it is older than "
			       "Kubernetes 1.30", kube_server(f->d->kube));
	if (a->err) {
		*err = *a->err;
		return err_wrap(err, "discovery");
	}
	if (json_split_end(&f->split, err) < 0)
		return err_wrap(err, "discovery");
	make_index(f->read);
	part_free(f->part);
	f->part = f->read;
	f->read = NULL;
	free(f->etag);
	f->etag = etag ? xstrdup(etag) : NULL;
	return 0;
}

static void on_done(void *arg, const struct kube_answer *a)
{
	struct fetch *f = arg;
	struct discovery *d = f->d;
	struct err err = ERR_INIT;

	f->call = NULL;
	if (finish(f, a, &err) < 0)
		d->err = err;
	part_free(f->read);
	f->read = NULL;
	if (--d->running == 0)
		loop_defer(kube_loop(d->kube), &d->soon);
}

static void on_soon(void *arg)
{
	tell(arg);
}

static int fetch_start(struct fetch *f, struct err *err)
{
	struct kube_request r = {
		.method = "GET", .path = f->path, .accept = ACCEPT,
		.etag = f->part ? f->etag : NULL, .idle_ms = SILENT_MS,
		.on_data = on_data, .on_done = on_done, .arg = f,
	};

	json_split_release(&f->split);
	json_split_init(&f->split, SPLIT_ITEMS, LIMIT_KUBE_ANSWER_BYTES,
			on_group, f);
	f->read = xcalloc(1, sizeof(*f->read));
	if (kube_send(f->d->kube, &r, &f->call, err) < 0) {
		part_free(f->read);
		f->read = NULL;
		return -1;
	}
	f->d->running++;
	return 0;
}

void discovery_refresh(struct discovery *d,
		       void (*done)(void *arg, const struct err *err),
		       void *arg)
{
	struct waiter *w = xcalloc(1, sizeof(*w));

	w->done = done;
	w->arg = arg;
	*d->last_waiter = w;
	d->last_waiter = &w->next;
	if (d->running || d->soon.queued)
		return;
	err_clear(&d->err);
	for (size_t i = 0; i < ARRAY_SIZE(d->fetch); i++)
		if (fetch_start(&d->fetch[i], &d->err) < 0)
			break;
	if (!d->running)
		loop_defer(kube_loop(d->kube), &d->soon);
}

void discovery_forget(struct discovery *d, void *arg)
{
	for (struct waiter **p = &d->waiters; *p;) {
		struct waiter *w = *p;

		if (w->arg != arg) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		free(w);
	}
	for (d->last_waiter = &d->waiters; *d->last_waiter;)
		d->last_waiter = &(*d->last_waiter)->next;
}

void discovery_new(struct kube *k, struct discovery **ret)
{
	static const char *const paths[] = { "/api", "/apis" };
	struct discovery *d = xcalloc(1, sizeof(*d));

	d->kube = k;
	d->last_waiter = &d->waiters;
	work_init(&d->soon, on_soon, d);
	for (size_t i = 0; i < ARRAY_SIZE(d->fetch); i++) {
		d->fetch[i].d = d;
		d->fetch[i].path = paths[i];
	}
	*ret = d;
}

void discovery_free(struct discovery *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(d->fetch); i++) {
		struct fetch *f = &d->fetch[i];

		kube_cancel(f->call);
		json_split_release(&f->split);
		part_free(f->read);
		part_free(f->part);
		free(f->etag);
	}
	loop_undefer(kube_loop(d->kube), &d->soon);
	while (d->waiters) {
		struct waiter *w = d->waiters;

		d->waiters = w->next;
		free(w);
	}
	free(d);
}

/* ---- looking up ---- */

bool discovery_known(const struct discovery *d)
{
	return d->fetch[0].part && d->fetch[1].part;
}

static const struct part *part_of(const struct discovery *d,
				  const char *group)
{
	return d->fetch[*group != '\0'].part;
}

static const struct resource *find(const struct discovery *d,
				   const char *group, const char *version,
				   char sep, const char *name)
{
	const struct part *p = part_of(d, group);
	char key[1024];

	if (!p || !key_of(key, group, version, sep, name))
		return NULL;
	return map_get(&p->index, key);
}

const struct resource *discovery_find(const struct discovery *d,
				      const char *group, const char *version,
				      const char *kind)
{
	return find(d, group, version, '/', kind);
}

const struct resource *discovery_find_plural(const struct discovery *d,
					     const char *group,
					     const char *version,
					     const char *plural)
{
	return find(d, group, version, ':', plural);
}

bool discovery_group_stale(const struct discovery *d, const char *group)
{
	const struct part *p = part_of(d, group);

	return p && map_get(&p->stale, group);
}

const struct resource *discovery_at(const struct discovery *d, size_t i)
{
	for (size_t j = 0; j < ARRAY_SIZE(d->fetch); j++) {
		const struct part *p = d->fetch[j].part;

		if (p && i < p->n)
			return &p->v[i];
		i -= p ? p->n : 0;
	}
	return NULL;
}
