/*
 * A look inside. See prune-look.h. Lists are metadata only; what was seen is
 * kept until all is known, because an object may be owned by one that comes
 * later. It is the channel's account that looks; the engine's own may see no
 * kinds but those in use. What that account may not list, and more objects
 * than LOOK_OBJECTS, are not judged: the delete then stays blocked, which errs
 * on the safe side.
 */
#include "config.h"
#include "engine/prune-look.h"

#include <stdlib.h>
#include <string.h>

#include "engine/discovery.h"
#include "engine/kube.h"
#include "engine/list.h"
#include "schema/base/mem.h"
#include "schema/render.h"

/* objects of one namespace that are judged */
#define LOOK_OBJECTS 100000
#define UID_SIZE 40

struct seen {
	char uid[UID_SIZE];
	char owner[UID_SIZE];		/* "" if it has none */
	char *name;			/* described */
	bool fine;
};

/* A kind that is looked for; discovery's own table may be made anew. */
struct place {
	char *group, *version, *kind, *plural;
};

struct look {
	struct channel *channel;
	struct tracked *t;		/* held */
	void (*done)(void *arg, const struct err *err,
		     const struct strvec *foreign, size_t n);
	void *arg;
	bool crd, asking;
	struct place *places;		/* what is to be listed */
	size_t n_places, next_place;
	const struct place *at;
	struct list *list;
	struct seen *v;
	size_t n, alloc;
	struct work next;
};

static void look_next(void *arg);

void look_free(struct look *l)
{
	if (!l)
		return;
	if (l->asking)
		discovery_forget(l->channel->engine->kinds.discovery, l);
	list_free(l->list);
	for (size_t i = 0; i < l->n_places; i++) {
		free(l->places[i].group);
		free(l->places[i].version);
		free(l->places[i].kind);
		free(l->places[i].plural);
	}
	free(l->places);
	loop_undefer(l->channel->engine->loop, &l->next);
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].name);
	free(l->v);
	tracked_put(l->t);
	free(l);
}

static void finish(struct look *l, const struct err *err,
		   const struct strvec *foreign, size_t n)
{
	void (*done)(void *arg, const struct err *err,
		     const struct strvec *foreign, size_t n) = l->done;
	void *arg = l->arg;

	look_free(l);
	done(arg, err, foreign, n);
}

/* ---- one object ---- */

/* What Kubernetes puts into every namespace by itself, or keeps beside an
 * object without saying that it is owned. */
static bool is_kubernetes_own(const char *kind, const char *name,
			      const struct node *object)
{
	if (!strcmp(kind, "Event"))
		return true;
	if (!strcmp(kind, "ServiceAccount"))
		return !strcmp(name, "default");
	if (!strcmp(kind, "ConfigMap"))
		return !strcmp(name, "kube-root-ca.crt");
	return !strcmp(kind, "Endpoints") &&
	       node_path(object, "metadata", "labels",
			 "endpoints.kubernetes.io/managed-by", NULL);
}

/* Ours, and to be deleted too: not if the bundle still names it. */
static bool is_going(const struct look *l, const struct node *object,
		     const char *namespace, const char *name)
{
	const char *label = node_path_str(object, "metadata", "labels",
					  APPLYSET_PART_OF, NULL);
	struct engine *e = l->channel->engine;
	const struct tracked *t;

	if (node_path_str(object, "metadata", "deletionTimestamp", NULL))
		return true;
	if (!label || strcmp(label, l->channel->applyset))
		return false;
	t = inventory_find(&l->channel->inventory,
			   kinds_get(&e->kinds, l->at->group, l->at->kind),
			   namespace, name);
	return !t || t->state == TRACKED_DELETING;
}

/* The uid of its first owner, if that is of a namespaced kind: one that is
 * not cannot be in here. "" otherwise. */
static const char *owner_of(const struct look *l, const struct node *object,
			    struct arena *a)
{
	const struct node *list = node_path(object, "metadata",
					    "ownerReferences", NULL);
	const struct node *owner = list && list->type == NODE_SEQ && list->n ?
				   list->items[0] : NULL;
	const char *uid = node_text(node_get(owner, "uid"));
	const char *api = node_text(node_get(owner, "apiVersion"));
	const char *kind = node_text(node_get(owner, "kind")), *group, *version;
	const struct resource *r;

	if (!uid || !api || !kind ||
	    api_version_split(api, a, &group, &version) < 0)
		return "";
	r = discovery_find(l->channel->engine->kinds.discovery, group, NULL,
			   kind);
	return r && r->namespaced ? uid : "";
}

static int on_object(void *arg, struct node *object, struct err *err)
{
	struct look *l = arg;
	const char *uid = node_path_str(object, "metadata", "uid", NULL);
	const char *ns = node_path_str(object, "metadata", "namespace", NULL);
	const char *name = node_path_str(object, "metadata", "name", NULL);
	struct arena scratch = ARENA_INIT;
	struct object_id id = { .group = l->at->group, .version = "",
				.kind = l->at->kind, .namespace = ns ? ns : "",
				.name = name ? name : "" };
	struct buf what = BUF_INIT(2000);
	struct seen *s;

	if (!uid || !name)
		return 0;
	if (l->n == LOOK_OBJECTS)
		return err_set(err, ERR_INVALID, "more than %d objects are in "
			       "it", LOOK_OBJECTS);
	if (l->n == l->alloc) {
		l->alloc = l->alloc * 2 + 64;
		l->v = xreallocarray(l->v, l->alloc, sizeof(*l->v));
	}
	object_describe(&id, &what);
	s = &l->v[l->n++];
	*s = (struct seen){ .name = xstrdup(what.data) };
	snprintf(s->uid, sizeof(s->uid), "%s", uid);
	snprintf(s->owner, sizeof(s->owner), "%s",
		 owner_of(l, object, &scratch));
	arena_release(&scratch);
	s->fine = is_kubernetes_own(l->at->kind, name, object) ||
		  is_going(l, object, id.namespace, name);
	buf_release(&what);
	return 0;
}

/* ---- the verdict ---- */

/* An owner that is fine takes its own with it; one of the same namespace that
 * is gone already has done so. */
static void spread(struct look *l)
{
	struct map by_uid = MAP_INIT;
	bool moved = true;

	for (size_t i = 0; i < l->n; i++)
		map_put(&by_uid, l->v[i].uid, &l->v[i]);
	while (moved) {
		moved = false;
		for (size_t i = 0; i < l->n; i++) {
			struct seen *s = &l->v[i];
			struct seen *owner;

			if (s->fine || !*s->owner)
				continue;
			owner = map_get(&by_uid, s->owner);
			if (owner ? owner->fine : !l->crd)
				moved = s->fine = true;
		}
	}
	map_release(&by_uid, NULL);
}

static void judge(struct look *l)
{
	struct strvec foreign = STRVEC_INIT;
	size_t n = 0;

	spread(l);
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].fine)
			continue;
		if (n++ < LOOK_NAMES)
			strvec_push(&foreign, l->v[i].name);
	}
	finish(l, NULL, &foreign, n);
	strvec_release(&foreign);
}

/* ---- one resource after the other ---- */

static void on_listed(void *arg, const char *version, bool consistent,
		      const struct err *err, const struct kube_status *status)
{
	struct look *l = arg;

	l->list = NULL;
	/* a kind that went in the meantime has nothing in there */
	if (err && !(status && status->why == KUBE_NO_RESOURCE))
		finish(l, err, NULL, 0);
	else
		loop_defer(l->channel->engine->loop, &l->next);
}

static bool is_to_be_listed(const struct look *l, const struct resource *r)
{
	const unsigned verbs = VERB_LIST | VERB_DELETE;
	const struct discovery *d = l->channel->engine->kinds.discovery;

	if ((r->verbs & verbs) != verbs)
		return false;
	/* each kind once: in the version that is preferred */
	if (discovery_find(d, r->group, NULL, r->kind) != r)
		return false;
	if (l->crd) {
		size_t len = strlen(r->plural);

		return !strncmp(l->t->name, r->plural, len) &&
		       l->t->name[len] == '.' &&
		       !strcmp(l->t->name + len + 1, r->group);
	}
	/* the same objects under another name */
	if (!strcmp(r->kind, "Event") && *r->group)
		return false;
	return r->namespaced;
}

static void look_next(void *arg)
{
	struct look *l = arg;
	struct list_options o = {
		.metadata_only = true, .on_object = on_object,
		.on_done = on_listed, .arg = l,
		.account = l->channel->account,
	};
	struct err err = ERR_INIT;

	if (l->next_place == l->n_places) {
		judge(l);
		return;
	}
	l->at = &l->places[l->next_place++];
	o.target = (struct kube_target){
		.group = l->at->group, .version = l->at->version,
		.plural = l->at->plural,
		.namespace = l->crd ? NULL : l->t->name,
	};
	if (list_start(l->channel->engine->kube, &o, &l->list, &err) < 0)
		finish(l, &err, NULL, 0);
}

/* What is to be listed, from discovery as it is now. */
static int find_places(struct look *l, struct err *err)
{
	const struct discovery *d = l->channel->engine->kinds.discovery;
	const struct resource *r;

	for (size_t i = 0; (r = discovery_at(d, i)); i++) {
		if (!is_to_be_listed(l, r))
			continue;
		if (r->stale)
			return err_set(err, ERR_TRANSIENT, "the API server of "
				       "'%s' does not answer", r->group);
		l->places = xreallocarray(l->places, l->n_places + 1,
					  sizeof(*l->places));
		l->places[l->n_places++] = (struct place){
			.group = xstrdup(r->group),
			.version = xstrdup(r->version),
			.kind = xstrdup(r->kind),
			.plural = xstrdup(r->plural),
		};
	}
	return 0;
}

static void on_fresh(void *arg, const struct err *err)
{
	struct look *l = arg;
	struct err mine = ERR_INIT;

	l->asking = false;
	if (err)
		finish(l, err, NULL, 0);
	else if (find_places(l, &mine) < 0)
		finish(l, &mine, NULL, 0);
	else
		look_next(l);
}

struct look *look_into(struct channel *c, struct tracked *t,
		       void (*done)(void *arg, const struct err *err,
				    const struct strvec *foreign, size_t n),
		       void *arg)
{
	struct look *l = xcalloc(1, sizeof(*l));

	l->channel = c;
	l->t = tracked_hold(t);
	l->done = done;
	l->arg = arg;
	l->crd = kind_is_crd(t->kind);
	work_init(&l->next, look_next, l);
	/* kinds that came since then would not be looked at */
	l->asking = true;
	discovery_refresh(c->engine->kinds.discovery, on_fresh, l);
	return l;
}
