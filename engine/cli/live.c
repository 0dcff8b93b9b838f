/*
 * A bundle beside the cluster. See live.h. The bundle is read from Git
 * without judging it, as by the other commands; the API server is asked with
 * the user's own rights, and only to read. What cannot be looked at is said,
 * and is never called missing.
 */
#include "config.h"
#include "engine/cli/live.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/discovery.h"
#include "engine/list.h"
#include "engine/managed.h"
#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/strvec.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/object.h"
#include "schema/render.h"
#include "schema/wishes.h"

#define KINDS "applyset.kubernetes.io/contains-group-kinds"
/* so many that are not in a list are asked for one by one, else all objects
 * of the kind are listed, whatever their labels */
#define ASK_MAX 20

/* A kind in one version, as its objects in the bundle have it. */
struct group {
	char *group, *kind, *version;	/* version NULL: none in the bundle */
	const struct resource *resource;	/* NULL: the cluster has none */
	bool first;			/* of its kind: counts leftovers */
	bool unknown;			/* something could not be listed */
};

struct entry {
	char *path;
	git_oid blob;
	size_t group;
	bool seen;
};

struct live {
	struct cluster *cluster;
	git_repository *repo;
	struct bundle_at at;
	char *manager, *selector;
	struct discovery *discovery;
	struct group *groups;
	size_t n_groups;
	struct entry *entries;		/* by path */
	size_t n_entries, alloc_entries;
	struct map by_path;		/* to index + 1 */
	struct live_out *out;
	size_t troubles;
};

/* ---- the bundle ---- */

static size_t group_of(struct live *l, const char *group, const char *kind,
		       const char *version)
{
	struct group *g;

	for (size_t i = 0; i < l->n_groups; i++) {
		g = &l->groups[i];
		if (!strcmp(g->kind, kind) && !strcmp(g->group, group) &&
		    (!version || !strcmp(g->version, version)))
			return i;
	}
	l->groups = xreallocarray(l->groups, l->n_groups + 1,
				  sizeof(*l->groups));
	g = &l->groups[l->n_groups];
	*g = (struct group){
		.group = xstrdup(group), .kind = xstrdup(kind),
		.version = version ? xstrdup(version) : NULL, .first = true,
	};
	for (size_t i = 0; i < l->n_groups; i++)
		if (!strcmp(l->groups[i].kind, kind) &&
		    !strcmp(l->groups[i].group, group))
			g->first = false;
	return l->n_groups++;
}

static int read_object(struct live *l, const git_oid *blob, struct arena *a,
		       struct node **ret, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_OBJECT_BYTES);
	char id[GIT_HEX_SIZE];
	int rc;

	git_oid_tostr(id, sizeof(id), blob);
	rc = repo_read(l->repo, id, GIT_OBJECT_BLOB, &text, err);
	if (rc == 0)
		rc = json_read(text.data, text.len, a, ret, err);
	buf_wipe(&text);
	return rc;
}

static int add_entry(void *arg, char op, const char *path,
		     const git_oid *old_id, const git_oid *blob,
		     struct err *err)
{
	struct live *l = arg;
	struct arena a = ARENA_INIT;
	struct object_id id;
	struct node *root;
	int rc = read_object(l, blob, &a, &root, err);

	if (rc == 0)
		rc = object_id_of(root, &a, &id, err);
	if (rc == 0) {
		if (l->n_entries == l->alloc_entries) {
			l->alloc_entries = l->alloc_entries * 2 + 64;
			l->entries = xreallocarray(l->entries,
						   l->alloc_entries,
						   sizeof(*l->entries));
		}
		l->entries[l->n_entries++] = (struct entry){
			xstrdup(path), *blob,
			group_of(l, id.group, id.kind, id.version), false,
		};
		map_put(&l->by_path, path, (void *)(uintptr_t)l->n_entries);
	}
	arena_wipe(&a);
	return rc ? err_wrap(err, "'%s'", path) : 0;
}

static struct entry *find_entry(struct live *l, const char *path)
{
	size_t at = (size_t)(uintptr_t)map_get(&l->by_path, path);

	return at ? &l->entries[at - 1] : NULL;
}

/* ---- which bundle ---- */

/* The Channel, or NULL if the cluster has none: it may be compared before
 * there is one. */
static int read_channel(struct live *l, const char *name, struct arena *a,
			struct node **ret, struct err *err)
{
	const struct kube_request get = {
		.method = "GET", .target = cluster_channels(name),
	};
	enum kube_why why = KUBE_DONE;

	*ret = NULL;
	if (cluster_call(l->cluster, &get, a, ret, &why, err) == 0)
		return 0;
	*ret = NULL;
	return why == KUBE_NOT_FOUND || why == KUBE_NO_RESOURCE ? 0 : -1;
}

static int find_accepted(struct live *l, const char *channel,
			 const struct node *accepted, struct err *err)
{
	uint64_t epoch = (uint64_t)node_path_int(accepted, 0, "epoch", NULL);
	uint64_t seq = (uint64_t)node_path_int(accepted, 0, "sequence", NULL);
	const char *id = node_path_str(accepted, "bundle", NULL);
	char *name = xasprintf("%s@%" PRIu64 ".%" PRIu64, channel, epoch, seq);
	int rc = bundle_find(l->repo, name, &l->at, err);

	if (rc)
		err_wrap(err, "the cluster has accepted %s %" PRIu64 ".%"
			 PRIu64, channel, epoch, seq);
	else if (id && strcmp(id, l->at.id))
		rc = err_set(err, ERR_INTERNAL, "the cluster has accepted "
			     "another bundle %s %" PRIu64 ".%" PRIu64 ", %.12s "
			     "and not %.12s: is this its repository?", channel,
			     epoch, seq, id, l->at.id);
	free(name);
	return rc;
}

static int choose_bundle(struct live *l, const char *name, char *ret_channel,
			 const struct node **ret_object, struct arena *a,
			 struct err *err)
{
	uint64_t epoch = 0, sequence = 0;
	const struct node *accepted;
	struct node *object;
	char *channel;
	int rc;

	if (bundle_parse_name(name, &channel, &epoch, &sequence, err) < 0)
		return -1;
	rc = read_channel(l, channel, a, &object, err);
	accepted = node_path(object, "status", "accepted", NULL);
	if (rc == 0 && !sequence && accepted &&
	    node_path_int(accepted, 0, "sequence", NULL) > 0)
		rc = find_accepted(l, channel, accepted, err);
	else if (rc == 0)
		rc = bundle_find(l->repo, name, &l->at, err);
	snprintf(ret_channel, LIMIT_NAME_BYTES, "%s", channel);
	*ret_object = object;
	free(channel);
	return rc;
}

/* Kinds that the channel had objects of: leftovers may be among them. */
static void add_kinds(struct live *l, const struct node *channel)
{
	const char *at = node_path_str(channel, "metadata", "annotations",
				       KINDS, NULL);

	while (at && *at) {
		size_t len = strcspn(at, ",");
		char *item = xstrndup(at, len), *dot = strchr(item, '.');

		if (dot)
			*dot = '\0';
		if (*item)
			group_of(l, dot ? dot + 1 : "", item, NULL);
		free(item);
		at += len + (at[len] == ',');
	}
}

/* ---- one live object ---- */

struct comparison {
	struct live *l;
	const char *path;
	bool begun;
};

static void on_difference(void *arg, const struct live_difference *d)
{
	struct comparison *k = arg;

	if (!k->begun)
		live_out_object(k->l->out, LIVE_CHANGED, k->path, NULL);
	k->begun = true;
	live_out_field(k->l->out, k->path, d);
}

static int compare(struct live *l, struct entry *e, const struct node *live,
		   struct err *err)
{
	struct comparison k = { .l = l, .path = e->path };
	const char *going = node_path_str(live, "metadata",
					  "deletionTimestamp", NULL);
	struct arena a = ARENA_INIT;
	struct node *want;
	char why[80];
	int rc = 0;

	e->seen = true;
	if (going) {
		snprintf(why, sizeof(why), "being deleted since %s", going);
		live_out_object(l->out, LIVE_GOING, e->path, why);
		live_out_end(l->out);
		return 0;
	}
	rc = read_object(l, &e->blob, &a, &want, err);
	if (rc == 0)
		live_diff(wish_reduced(want, &a), live, l->manager, &a,
			  on_difference, &k);
	if (k.begun)
		live_out_end(l->out);
	arena_wipe(&a);
	return rc;
}

/* Ours by its label, and by an apply of ours: controllers copy labels. */
static void left_over(struct live *l, const char *path,
		      const struct node *object)
{
	if (!managed_entry(object, l->manager))
		return;
	live_out_object(l->out, LIVE_LEFT_OVER, path, "not in the bundle");
	live_out_end(l->out);
}

/* ---- lists ---- */

struct listing {
	struct live *l;
	size_t group;
	bool ours;			/* by label: the rest is left over */
	enum kube_why why;
	struct err *err;
	int rc;
};

/* Where an object of the bundle with this identity would stand. */
static int path_of(const struct group *g, const struct node *object,
		   struct buf *path)
{
	const char *name = node_path_str(object, "metadata", "name", NULL);
	const char *ns = node_path_str(object, "metadata", "namespace", NULL);
	const struct object_id id = {
		.group = g->group, .kind = g->kind, .name = name ? name : "",
		.namespace = ns ? ns : "",
	};
	struct err err = ERR_INIT;

	return object_path(&id, path, &err);
}

static int on_object(void *arg, struct node *object, struct err *err)
{
	struct listing *k = arg;
	struct live *l = k->l;
	const struct group *g = &l->groups[k->group];
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct entry *e;
	int rc = 0;

	/* a name that no bundle can have is nobody's here */
	if (path_of(g, object, &path) == 0) {
		e = find_entry(l, path.data);
		if (e && e->group == k->group && !e->seen)
			rc = compare(l, e, object, err);
		else if (!e && k->ours && g->first)
			left_over(l, path.data, object);
	}
	buf_release(&path);
	return rc;
}

static void on_listed(void *arg, const char *version, bool consistent,
		      const struct err *err, const struct kube_status *status)
{
	struct listing *k = arg;

	k->why = status->why;
	k->rc = err ? -1 : 0;
	if (err)
		*k->err = *err;
	loop_stop(kube_loop(k->l->cluster->kube));
}

static int list_in(struct listing *k, const char *namespace, struct err *err)
{
	struct live *l = k->l;
	const struct resource *r = l->groups[k->group].resource;
	const struct list_options o = {
		.target = { .group = r->group, .version = r->version,
			    .plural = r->plural, .namespace = namespace },
		.label_selector = k->ours ? l->selector : NULL,
		.on_object = on_object, .on_done = on_listed, .arg = k,
	};

	k->err = err;
	k->rc = -1;
	if (list_start(l->cluster->kube, &o, NULL, err) < 0 ||
	    loop_run(l->cluster->loop, err) < 0)
		return -1;
	return k->rc;
}

/* What could not be looked at. */
static void trouble(struct live *l, struct group *g, const struct err *err)
{
	g->unknown = true;
	l->troubles++;
	fprintf(stderr, "windlass: cannot compare %s%s%s: %s\n", g->kind,
		*g->group ? "." : "", g->group, err->msg);
}

static void namespaces_of(const struct live *l, size_t group,
			  struct strvec *ret)
{
	for (size_t i = 0; i < l->n_entries; i++) {
		const char *p = l->entries[i].path + strlen("objects/");
		char *ns;

		if (l->entries[i].group != group)
			continue;
		ns = xstrndup(p, strcspn(p, "/"));
		if (!strvec_has(ret, ns))
			strvec_push(ret, ns);
		free(ns);
	}
}

/* All of the kind; where that is forbidden, of the bundle's namespaces. */
static void list_kind(struct live *l, size_t group, bool ours)
{
	struct listing k = { .l = l, .group = group, .ours = ours };
	struct group *g = &l->groups[group];
	struct strvec in = STRVEC_INIT;
	struct err err = ERR_INIT;

	if (list_in(&k, NULL, &err) == 0)
		return;
	if (k.why == KUBE_FORBIDDEN && g->resource->namespaced)
		namespaces_of(l, group, &in);
	if (!in.n)
		trouble(l, g, &err);
	for (size_t i = 0; i < in.n; i++)
		if (list_in(&k, in.v[i], &err) < 0)
			trouble(l, g, &err);
	strvec_release(&in);
}

static void ask(struct live *l, struct entry *e)
{
	struct group *g = &l->groups[e->group];
	struct kube_request get = { .method = "GET" };
	struct arena a = ARENA_INIT;
	enum kube_why why = KUBE_DONE;
	struct err err = ERR_INIT;
	struct object_id id;
	struct node *object;
	int rc = object_path_parse(e->path, &a, &id, &err);

	if (rc == 0) {
		get.target = (struct kube_target){
			.group = g->resource->group,
			.version = g->resource->version,
			.plural = g->resource->plural,
			.namespace = id.namespace, .name = id.name,
		};
		rc = cluster_call(l->cluster, &get, &a, &object, &why, &err);
	}
	if (rc == 0)
		rc = compare(l, e, object, &err);
	if (rc < 0 && why != KUBE_NOT_FOUND)
		trouble(l, g, &err);
	arena_wipe(&a);
}

/* Objects without our label: taken off, or of somebody else until now. */
static void look_for_the_rest(struct live *l, size_t group)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_entries; i++)
		n += l->entries[i].group == group && !l->entries[i].seen;
	if (n > ASK_MAX)
		list_kind(l, group, false);
	for (size_t i = 0; n && n <= ASK_MAX && i < l->n_entries; i++)
		if (l->entries[i].group == group && !l->entries[i].seen)
			ask(l, &l->entries[i]);
}

static void report_missing(struct live *l, size_t group)
{
	const struct group *g = &l->groups[group];

	for (size_t i = 0; i < l->n_entries && !g->unknown; i++) {
		const struct entry *e = &l->entries[i];

		if (e->group != group || e->seen)
			continue;
		live_out_object(l->out, LIVE_MISSING, e->path, g->resource ?
				"not in the cluster" :
				"the cluster does not know its kind");
		live_out_end(l->out);
	}
}

/* ---- kinds ---- */

static int by_kind(const void *a, const void *b)
{
	const struct group *x = *(struct group *const *)a;
	const struct group *y = *(struct group *const *)b;
	int c = strcmp(x->group, y->group);

	if (!c)
		c = strcmp(x->kind, y->kind);
	return c ? c : strcmp(x->version ? x->version : "",
			      y->version ? y->version : "");
}

static void look_at(struct live *l, struct group *g)
{
	size_t i = (size_t)(g - l->groups);
	struct err err = ERR_INIT;

	g->resource = discovery_find(l->discovery, g->group, g->version,
				     g->kind);
	if (g->resource) {
		list_kind(l, i, true);
		look_for_the_rest(l, i);
	} else if (discovery_group_stale(l->discovery, g->group)) {
		err_set(&err, ERR_TRANSIENT, "the API server has no answer "
			"from the server of group '%s'", g->group);
		trouble(l, g, &err);
	}
	report_missing(l, i);
}

static void look_at_all(struct live *l)
{
	struct group **order = xcalloc(l->n_groups, sizeof(*order));

	for (size_t i = 0; i < l->n_groups; i++)
		order[i] = &l->groups[i];
	if (l->n_groups)
		qsort(order, l->n_groups, sizeof(*order), by_kind);
	for (size_t i = 0; i < l->n_groups; i++)
		look_at(l, order[i]);
	free(order);
}

/* ---- all of it ---- */

static void release(struct live *l)
{
	for (size_t i = 0; i < l->n_entries; i++)
		free(l->entries[i].path);
	free(l->entries);
	map_release(&l->by_path, NULL);
	for (size_t i = 0; i < l->n_groups; i++) {
		free(l->groups[i].group);
		free(l->groups[i].kind);
		free(l->groups[i].version);
	}
	free(l->groups);
	free(l->manager);
	free(l->selector);
	discovery_free(l->discovery);
}

static void name_things(struct live *l, const char *channel)
{
	struct buf id = BUF_INIT(256);

	render_applyset_id(channel, &id);
	l->selector = xasprintf(APPLYSET_PART_OF "=%s", id.data);
	l->manager = xasprintf("windlass-%s", channel);
	buf_release(&id);
}

static int run(struct live *l, const char *bundle, struct err *err)
{
	const struct bundle *b = &l->at.commit.bundle;
	char channel[LIMIT_NAME_BYTES];
	const struct node *object;
	struct arena a = ARENA_INIT;
	char *from = NULL;
	int rc = choose_bundle(l, bundle, channel, &object, &a, err);

	if (rc == 0) {
		name_things(l, channel);
		rc = bundle_changes(l->repo, NULL, &l->at, add_entry, l, err);
	}
	if (rc == 0) {
		add_kinds(l, object);
		rc = repo_commit_tree(l->repo, l->at.id, &l->out->tree, err);
	}
	if (rc == 0)
		rc = cluster_discover(l->cluster, &l->discovery, err);
	if (rc == 0) {
		from = xasprintf("%s %" PRIu64 ".%" PRIu64, b->channel,
				 b->epoch, b->sequence);
		l->out->from = from;
		l->out->to = kube_server(l->cluster->kube);
		look_at_all(l);
		live_out_summary(l->out, l->n_entries);
		if (l->out->err.class != ERR_NONE) {
			*err = l->out->err;
			rc = -1;
		}
	}
	free(from);
	arena_release(&a);
	return rc;
}

int live_compare(struct cluster *c, git_repository *repo, const char *bundle,
		 struct live_out *out)
{
	struct live l = { .cluster = c, .repo = repo, .out = out };
	struct err err = ERR_INIT;
	int status;

	out->repo = repo;
	err_clear(&out->err);
	if (run(&l, bundle, &err) < 0) {
		command_fail(&err);
		status = EXIT_TROUBLE;
	} else if (l.troubles) {
		status = EXIT_TROUBLE;
	} else {
		status = out->counts[LIVE_CHANGED] ||
			 out->counts[LIVE_MISSING] ||
			 out->counts[LIVE_LEFT_OVER] ||
			 out->counts[LIVE_GOING] ? EXIT_REFUSED : EXIT_OK;
	}
	release(&l);
	live_out_release(out);
	return status;
}
