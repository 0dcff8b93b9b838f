/*
 * Applying, finding and deleting what an installation consists of. See
 * install.h. Only what bears our label is ever deleted; a Namespace never is
 * here.
 */
#include "config.h"
#include "engine/cli/install.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/json.h"

/* a new kind is served within a second or two; a busy or fresh API server was
 * seen to take more than a minute */
#define KIND_WAIT_MS 180000
/* the pods of a Deployment have 30 s to end, a CRD's objects are few */
#define GONE_WAIT_MS 120000

static const struct timespec pause_time = { 0, 100 * 1000000L };

static struct kube_target target_of(const struct object_id *id)
{
	const struct scopes none = SCOPES_INIT;
	const struct kind_info *kind = scope_lookup(&none, id->group,
						    id->kind);

	return (struct kube_target){
		.group = id->group, .version = id->version,
		.plural = kind ? kind->plural : "channels",
		.namespace = id->namespace, .name = id->name,
	};
}

static bool is_missing(enum kube_why why)
{
	return why == KUBE_NOT_FOUND || why == KUBE_NO_RESOURCE;
}

int install_get(struct cluster *c, const struct object_id *id,
		struct arena *a, struct node **ret, struct err *err)
{
	const struct kube_request get = {
		.method = "GET", .target = target_of(id),
	};
	enum kube_why why = KUBE_DONE;
	struct err mine = ERR_INIT;

	*ret = NULL;
	if (cluster_call(c, &get, a, ret, &why, &mine) == 0 || is_missing(why))
		return 0;
	*err = mine;
	return -1;
}

static const char *version_of(const struct node *object)
{
	const char *s = node_path_str(object, "metadata", "resourceVersion",
				      NULL);

	return s ? s : "";
}

/* ---- applying ---- */

static void take_replicas(const struct object *o, const struct node *live,
			  struct arena *a)
{
	struct node *spec = node_get(o->root, "spec");
	const struct node *n = node_path(live, "spec", "replicas", NULL);

	if (spec && n && n->type == NODE_INT)
		node_set(a, spec, "replicas", node_int(a, n->integer));
}

static struct node *engine_args(const struct node *deployment)
{
	const struct node *list = node_path(deployment, "spec", "template",
					    "spec", "containers", NULL);

	return list && list->type == NODE_SEQ && list->n ?
	       node_get(list->items[0], "args") : NULL;
}

static const char *cluster_arg(const struct node *args)
{
	for (uint32_t i = 0; args && args->type == NODE_SEQ && i < args->n;
	     i++) {
		const char *s = node_text(args->items[i]);

		if (s && !strncmp(s, INSTALL_CLUSTER_ARG,
				  strlen(INSTALL_CLUSTER_ARG)))
			return s;
	}
	return NULL;
}

/* Git hosts know the cluster by its name: an update keeps it. */
static void take_cluster(const struct object *o, const struct node *live,
			 struct arena *a)
{
	struct node *args = engine_args(o->root);
	const char *had = cluster_arg(engine_args(live));

	if (args && had && !cluster_arg(args))
		node_append(a, args, node_str(a, had));
}

/* A kind that was made a moment ago is not served yet. */
static int send_patch(struct cluster *c, const struct object *o,
		      struct arena *a, struct node **ret, struct err *err)
{
	int64_t deadline = clock_mono_ms() + KIND_WAIT_MS;
	bool custom = !strcmp(o->id.kind, "Channel");
	struct buf body = BUF_INIT(LIMIT_OBJECT_BYTES);
	struct kube_request patch = {
		.method = "PATCH", .target = target_of(&o->id),
		.query = "fieldManager=" INSTALL_NAME "&force=true"
			 "&fieldValidation=Strict",
		.content_type = KUBE_APPLY,
	};
	enum kube_why why = KUBE_DONE;
	int rc;

	json_write_canonical(o->root, &body);
	patch.body = body.data;
	patch.body_len = body.len;
	while ((rc = cluster_call(c, &patch, a, ret, &why, err)) < 0 &&
	       custom && why == KUBE_NO_RESOURCE && clock_mono_ms() < deadline)
		nanosleep(&pause_time, NULL);
	buf_release(&body);
	return rc;
}

/* A Namespace that is only to be there: what it is like is not ours to say. */
static bool is_only_named(const struct object *o)
{
	const struct node *metadata = node_get(o->root, "metadata");

	return !strcmp(o->id.kind, "Namespace") && metadata &&
	       metadata->n == 1;
}

static int apply_one(struct cluster *c, const struct object *o,
		     bool keep_replicas, struct err *err)
{
	struct arena a = ARENA_INIT;
	struct buf what = BUF_INIT(1024);
	struct node *before, *after = NULL;
	int rc = install_get(c, &o->id, &a, &before, err);

	object_describe(&o->id, &what);
	if (!rc && before && keep_replicas &&
	    !strcmp(o->id.kind, "Deployment"))
		take_replicas(o, before, &a);
	if (!rc && before && !strcmp(o->id.kind, "Deployment"))
		take_cluster(o, before, &a);
	if (!rc && before && is_only_named(o))
		after = before;
	else if (!rc)
		rc = send_patch(c, o, &a, &after, err);
	if (rc < 0)
		err_wrap(err, "%s", what.data);
	else
		printf("%s %s\n", what.data, !before ? "created" :
		       strcmp(version_of(before), version_of(after)) ?
		       "changed" : "unchanged");
	buf_release(&what);
	/* of a Secret it has the values */
	arena_wipe(&a);
	return rc;
}

int install_apply(struct cluster *c, const struct objects *os,
		  bool keep_replicas, size_t *done, struct err *err)
{
	for (*done = 0; *done < os->n; (*done)++)
		if (apply_one(c, &os->v[*done], keep_replicas, err) < 0)
			return -1;
	return 0;
}

/* ---- finding ---- */

static int each_of(struct cluster *c, const struct object_id *kind,
		   const char *selector,
		   int (*fn)(void *arg, const struct object_id *id,
			     struct err *err),
		   void *arg, struct err *err)
{
	struct kube_request get = {
		.method = "GET", .target = target_of(kind),
	};
	struct buf query = BUF_INIT(1024);
	struct arena a = ARENA_INIT;
	struct node *list;
	const struct node *items;
	enum kube_why why = KUBE_DONE;
	struct err mine = ERR_INIT;
	int rc;

	kube_query(&query, "labelSelector", selector);
	get.query = query.data;
	rc = cluster_call(c, &get, &a, &list, &why, &mine);
	/* policies of admission came with 1.30 */
	if (rc < 0 && why == KUBE_NO_RESOURCE)
		goto out;
	if (rc < 0)
		*err = mine;
	items = rc ? NULL : node_get(list, "items");
	for (uint32_t i = 0; !rc && items && items->type == NODE_SEQ &&
	     i < items->n; i++) {
		const struct node *o = items->items[i];
		const char *ns = node_path_str(o, "metadata", "namespace",
					       NULL);
		const char *name = node_path_str(o, "metadata", "name", NULL);
		struct object_id id = *kind;

		id.namespace = ns ? ns : "";
		id.name = name;
		if (name)
			rc = fn(arg, &id, err);
	}
out:
	buf_release(&query);
	arena_release(&a);
	return why == KUBE_NO_RESOURCE ? 0 : rc;
}

int install_each(struct cluster *c, const char *key, const char *value,
		 int (*fn)(void *arg, const struct object_id *id,
			   struct err *err),
		 void *arg, struct err *err)
{
	/* who works first, then what it works with */
	static const struct object_id kinds[] = {
		{ "apps", "v1", "Deployment", "", NULL },
		{ "policy", "v1", "PodDisruptionBudget", "", NULL },
		{ "networking.k8s.io", "v1", "NetworkPolicy", "", NULL },
		{ "rbac.authorization.k8s.io", "v1", "RoleBinding", "", NULL },
		{ "rbac.authorization.k8s.io", "v1", "Role", "", NULL },
		{ "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "",
		  NULL },
		{ "rbac.authorization.k8s.io", "v1", "ClusterRole", "", NULL },
		{ "", "v1", "ServiceAccount", "", NULL },
		{ "", "v1", "Secret", "", NULL },
		{ "admissionregistration.k8s.io", "v1",
		  "ValidatingAdmissionPolicyBinding", "", NULL },
		{ "admissionregistration.k8s.io", "v1",
		  "ValidatingAdmissionPolicy", "", NULL },
		{ "flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", "",
		  NULL },
		{ "flowcontrol.apiserver.k8s.io", "v1",
		  "PriorityLevelConfiguration", "", NULL },
	};
	char *selector = key ? xasprintf(INSTALL_MANAGED_BY "=" INSTALL_NAME
					 ",%s=%s", key, value)
			     : xstrdup(INSTALL_MANAGED_BY "=" INSTALL_NAME);
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(kinds); i++)
		rc = each_of(c, &kinds[i], selector, fn, arg, err);
	free(selector);
	return rc;
}

/* ---- deleting ---- */

static int wait_gone(struct cluster *c, const struct object_id *id,
		     struct err *err)
{
	int64_t deadline = clock_mono_ms() + GONE_WAIT_MS;
	struct node *live;
	int rc;

	do {
		struct arena a = ARENA_INIT;

		rc = install_get(c, id, &a, &live, err);
		arena_release(&a);
		if (rc < 0 || !live)
			return rc;
		nanosleep(&pause_time, NULL);
	} while (clock_mono_ms() < deadline);
	return err_set(err, ERR_TRANSIENT, "it is still there after %d s; "
		       "look at its finalizers", GONE_WAIT_MS / 1000);
}

int install_delete(struct cluster *c, const struct object_id *id, bool wait,
		   struct err *err)
{
	const struct kube_request del = {
		.method = "DELETE", .target = target_of(id),
		.query = wait ? "propagationPolicy=Foreground"
			      : "propagationPolicy=Background",
	};
	struct buf what = BUF_INIT(1024);
	enum kube_why why = KUBE_DONE;
	struct err mine = ERR_INIT;
	struct arena a = ARENA_INIT;
	int rc = cluster_call(c, &del, &a, NULL, &why, &mine);

	object_describe(id, &what);
	if (rc < 0 && is_missing(why)) {
		rc = 0;
		goto out;
	}
	if (!rc && wait)
		rc = wait_gone(c, id, &mine);
	if (rc < 0) {
		*err = mine;
		err_wrap(err, "%s", what.data);
	} else {
		printf("%s removed\n", what.data);
	}
out:
	buf_release(&what);
	arena_release(&a);
	return rc;
}

struct sweep {
	struct cluster *cluster;
	const struct objects *keep;
};

static int sweep_one(void *arg, const struct object_id *id, struct err *err)
{
	struct sweep *s = arg;

	for (size_t i = 0; i < s->keep->n; i++)
		if (object_id_equal(&s->keep->v[i].id, id))
			return 0;
	return install_delete(s->cluster, id, false, err);
}

int install_sweep(struct cluster *c, const struct objects *os,
		  const char *key, const char *value, struct err *err)
{
	struct sweep s = { c, os };

	return install_each(c, key, value, sweep_one, &s, err);
}
