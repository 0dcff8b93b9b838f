/*
 * Judging references. See references.h. A warning that is wrong teaches
 * people not to read warnings, so one is given only where the channel is who
 * should have the object:
 *
 * - what Kubernetes makes by itself (the ServiceAccount default, the
 *   ConfigMap kube-root-ca.crt, cluster roles of its own, all of kube-system)
 *   is not missing;
 * - in a namespace where the channel has custom resources whose controllers
 *   may make anything, nothing is missing; those of a list of kinds known to
 *   make no such objects do not count;
 * - across namespaces, and for ServiceAccounts, cluster roles and Secrets,
 *   the channel must have others of the kind there;
 * - where a channel refuses Secrets they are made elsewhere: only a name that
 *   is nearly the one that a controller makes of an object of the channel is
 *   taken for a mistake;
 * - pods are missing only where the channel has some in that namespace.
 */
#include "config.h"
#include "schema/references/references.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/near.h"
#include "schema/values/common.h"

#define WORDS_MAX 512
/* steps, as of rules: to find an object, to see how near a name is */
#define STEPS_FIND 20
#define STEPS_NEAR 10

struct ask {
	const struct view *v;
	const struct rules *r;
	const struct reference *ref;
	const char *path, *name;	/* of who asks */
	struct problems *ps;
	struct err *err;
};

/* One finding, a warning unless the channel is strict. */
#define say(q, rule, ...) \
	problem_add((q)->ps, (q)->path, (q)->ref->mark, severity((q)->r), \
		    (rule), __VA_ARGS__)

static enum severity severity(const struct rules *r)
{
	return r->strict ? SEVERITY_ERROR : SEVERITY_WARNING;
}

/* ---- what others make ---- */

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* What is there in every cluster. */
static bool is_kubernetes_own(const struct object_id *id)
{
	static const char *const maps[] = {
		"kube-root-ca.crt", "istio-ca-root-cert",
		"openshift-service-ca.crt",
	};
	static const char *const roles[] = {
		"admin", "cluster-admin", "edit", "view",
	};

	if (begins(id->namespace, "kube-"))
		return true;
	if (!strcmp(id->kind, "ServiceAccount"))
		return !strcmp(id->name, "default");
	if (!strcmp(id->kind, "Service"))
		return !strcmp(id->name, "kubernetes") &&
		       !strcmp(id->namespace, "default");
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		if (!strcmp(id->kind, "ConfigMap") &&
		    !strcmp(id->name, maps[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		if (!strcmp(id->kind, "ClusterRole") &&
		    !strcmp(id->name, roles[i]))
			return true;
	return !strcmp(id->kind, "ClusterRole") && begins(id->name, "system:");
}

/* Custom kinds whose controllers make no pods, ConfigMaps and the like: a
 * whole group, or "group/Kind". */
static bool makes_nothing(const char *kind)
{
	static const char *const known[] = {
		"argoproj.io/Rollout", "autoscaling.k8s.io/",
		"bitnami.com/SealedSecret", "cert-manager.io/",
		"acme.cert-manager.io/", "cilium.io/",
		"crd.projectcalico.org/", "external-secrets.io/",
		"gateway.networking.k8s.io/", "keda.sh/",
		"monitoring.coreos.com/PodMonitor",
		"monitoring.coreos.com/Probe",
		"monitoring.coreos.com/PrometheusRule",
		"monitoring.coreos.com/ScrapeConfig",
		"monitoring.coreos.com/ServiceMonitor",
		"networking.gke.io/", "networking.istio.io/",
		"projectcontour.io/", "security.istio.io/",
		"secrets-store.csi.x-k8s.io/", "snapshot.storage.k8s.io/",
		"telemetry.istio.io/", "traefik.containo.us/", "traefik.io/",
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		size_t len = strlen(known[i]);

		if (known[i][len - 1] == '/' ? begins(kind, known[i]) :
					       !strcmp(kind, known[i]))
			return true;
	}
	return false;
}

static bool is_builtin(const struct ask *q, const char *kind)
{
	const char *slash = strchr(kind, '/');
	char group[LIMIT_NAME_BYTES + 1];
	const struct kind_info *k;
	size_t len = (size_t)(slash - kind);

	if (len > LIMIT_NAME_BYTES)
		return false;
	memcpy(group, kind, len);
	group[len] = '\0';
	k = scope_lookup(q->r->scopes, group, slash + 1);
	return k && scope_is_builtin(k);
}

/* 1 if controllers of the channel's custom resources may make anything in
 * the namespace, else 0; -1. */
static int is_open(const struct ask *q, const char *namespace)
{
	struct arena a = ARENA_INIT;
	struct name_list kinds = { 0 };
	int rc = q->v->kinds(q->v->arg, namespace, &a, &kinds, q->err);

	problems_steps(q->ps, kinds.n);
	for (size_t i = 0; !rc && i < kinds.n; i++)
		rc = !is_builtin(q, kinds.v[i]) && !makes_nothing(kinds.v[i]);
	arena_release(&a);
	return rc;
}

/* ---- names ---- */

static bool is_among(const char *name, const struct name_list *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->v[i], name))
			return true;
	return false;
}

/* The nearest of some names; NULL if none is near. */
static const char *nearest(const struct ask *q, const char *name,
			   const struct name_list *among)
{
	size_t least = near_limit(strlen(name)) + 1;
	const char *best = NULL;

	if (!problems_steps(q->ps, among->n * STEPS_NEAR))
		return NULL;
	for (size_t i = 0; i < among->n; i++) {
		size_t d = near_distance(name, among->v[i], least);

		if (d < least) {
			least = d;
			best = among->v[i];
		}
	}
	return best;
}

/* Adds the Secrets that controllers make of the namespace's objects. 1 if
 * there are too many to say. */
static int made_secrets(const struct ask *q, struct arena *a,
			struct name_list *ret)
{
	static const struct object_id makers[] = {
		{ .group = "bitnami.com", .kind = "SealedSecret" },
		{ .group = "cert-manager.io", .kind = "Certificate" },
		{ .group = "external-secrets.io", .kind = "ExternalSecret" },
		{ .group = "secrets-store.csi.x-k8s.io",
		  .kind = "SecretProviderClass" },
	};
	int rc = 0;

	for (size_t m = 0; !rc && m < ARRAY_SIZE(makers); m++) {
		struct object_id id = makers[m];
		struct name_list names = { 0 };

		id.version = "";
		id.namespace = q->ref->target.namespace;
		rc = q->v->names(q->v->arg, &id, REFERENCES_READ_MAX + 1, a,
				 &names, q->err);
		if (!rc && names.n > REFERENCES_READ_MAX)
			rc = 1;
		for (size_t i = 0; !rc && i < names.n; i++) {
			struct facts f = { 0 };

			id.name = names.v[i];
			rc = q->v->facts(q->v->arg, &id, a, &f, q->err);
			for (uint32_t k = 0; !rc && f.secrets &&
			     k < f.secrets->n; k++)
				name_list_push(a, ret,
					       f.secrets->items[k]->str);
		}
	}
	return rc;
}

/* ---- is the object there? ---- */

static void say_missing(const struct ask *q, const char *near)
{
	struct buf what = BUF_INIT(LIMIT_PATH_BYTES);

	object_describe(&q->ref->target, &what);
	say(q, "reference-missing", "this channel has no %s%s%s%s", what.data,
	    near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
	buf_release(&what);
}

/* Must the channel have others of the kind, to be who has this one? */
static bool needs_others(const struct ask *q, const struct object_id *from)
{
	const struct object_id *id = &q->ref->target;

	return strcmp(id->namespace, from->namespace) ||
	       !strcmp(id->kind, "ServiceAccount") ||
	       !strcmp(id->kind, "Secret");
}

static int ask_missing(const struct ask *q, const struct object_id *from)
{
	const struct object_id *id = &q->ref->target;
	bool secret = !strcmp(id->kind, "Secret"), made = false;
	struct name_list names = { 0 }, makes = { 0 };
	struct arena a = ARENA_INIT;
	const char *near;
	int rc = is_open(q, id->namespace);

	if (!rc)
		rc = q->v->names(q->v->arg, id, REFERENCES_NAMES_MAX, &a,
				 &names, q->err);
	if (!rc && secret)
		rc = made_secrets(q, &a, &makes);
	if (rc)
		goto out;
	made = is_among(id->name, &makes);
	near = nearest(q, id->name, &makes);
	if (!near)
		near = nearest(q, id->name, &names);
	if (made || (secret && !q->r->allow_secrets && !near))
		goto out;
	if (names.n || makes.n || !needs_others(q, from))
		say_missing(q, near);
out:
	arena_release(&a);
	return rc < 0 ? -1 : 0;
}

static int ask_object(const struct ask *q, const struct object_id *from)
{
	const struct object_id *id = &q->ref->target;
	const struct kind_info *k = scope_lookup(q->r->scopes, id->group,
						 id->kind);
	int rc;

	/* of a custom kind the definition may be anywhere */
	if (!k || !scope_is_builtin(k) || is_kubernetes_own(id))
		return 0;
	rc = q->v->find(q->v->arg, id, q->err);
	return rc == 1 ? ask_missing(q, from) : rc;
}

/* ---- what of it? ---- */

static int ask_key(const struct ask *q)
{
	struct name_list names = { 0 };
	struct arena a = ARENA_INIT;
	struct facts f = { 0 };
	int rc = q->v->find(q->v->arg, &q->ref->target, q->err);

	if (!rc)
		rc = q->v->facts(q->v->arg, &q->ref->target, &a, &f, q->err);
	if (!rc && f.keys)
		problems_steps(q->ps, f.keys->n);
	for (uint32_t i = 0; !rc && f.keys && i < f.keys->n; i++)
		name_list_push(&a, &names, f.keys->items[i]->str);
	/* one without any is filled by somebody else */
	if (!rc && names.n && !is_among(q->ref->detail, &names)) {
		const char *near = nearest(q, q->ref->detail, &names);

		say(q, "reference-key", "%s '%s' has no key '%s'%s%s%s",
		    q->ref->target.kind, q->ref->target.name, q->ref->detail,
		    near ? ": did you mean '" : "", near ? near : "",
		    near ? "'?" : "");
	}
	arena_release(&a);
	return rc < 0 ? -1 : 0;
}

static bool has_port(const struct node *ports, const char *want,
		     struct buf *others)
{
	for (uint32_t i = 0; i < ports->n; i++) {
		const struct node *port = node_get(ports->items[i], "port");
		const char *name = node_text(node_get(ports->items[i],
						      "name"));
		char number[24] = "";

		if (port && port->type == NODE_INT)
			snprintf(number, sizeof(number), "%lld",
				 (long long)port->integer);
		if (!strcmp(number, want) || (name && !strcmp(name, want)))
			return true;
		buf_addf(others, "%s%s%s%s%s", others->len ? ", " : "", number,
			 name ? " (" : "", name ? name : "", name ? ")" : "");
	}
	return false;
}

static int ask_port(const struct ask *q)
{
	struct buf others = BUF_INIT(WORDS_MAX);
	struct arena a = ARENA_INIT;
	struct facts f = { 0 };
	int rc = q->v->find(q->v->arg, &q->ref->target, q->err);

	if (!rc)
		rc = q->v->facts(q->v->arg, &q->ref->target, &a, &f, q->err);
	if (!rc && f.ports && !has_port(f.ports, q->ref->detail, &others))
		say(q, "reference-port", "Service '%s' has no port %s%s%s",
		    q->ref->target.name, q->ref->detail,
		    others.len ? ", but " : "", others.data);
	buf_release(&others);
	arena_release(&a);
	return rc < 0 ? -1 : 0;
}

/* ---- does it select anything? ---- */

/* What a selector asks of each pod. */
static uint64_t terms(const struct node *selector)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < selector->n; i++)
		n += selector->pairs[i].value->n;
	return n;
}

/* The pods of one object: 1 if they are selected, or that cannot be said. */
static int selects_of(const struct ask *q, const struct object_id *id)
{
	const struct place selector = { .node = q->ref->selector };
	struct arena a = ARENA_INIT;
	struct facts f = { 0 };
	int rc = q->v->facts(q->v->arg, id, &a, &f, q->err);

	if (!rc && f.pod_labels)
		problems_steps(q->ps, f.pod_labels->n + terms(q->ref->selector));
	if (!rc && f.pod_labels)
		rc = selector_matches(&selector, f.pod_labels);
	arena_release(&a);
	return rc;
}

/* Pods of one kind: 1 if some are selected, or that cannot be said. */
static int selects(const struct ask *q, const struct object_id *kind,
		   size_t *seen)
{
	struct name_list names = { 0 };
	struct object_id id = *kind;
	struct arena a = ARENA_INIT;
	int rc;

	id.version = "";
	id.namespace = q->ref->target.namespace;
	/* what is called as who asks is mostly what it means */
	id.name = q->name;
	rc = q->v->find(q->v->arg, &id, q->err);
	if (!rc)
		rc = selects_of(q, &id);
	else if (rc == 1)
		rc = 0;
	if (!rc)
		rc = q->v->names(q->v->arg, &id, REFERENCES_READ_MAX + 1, &a,
				 &names, q->err);
	for (size_t i = 0; !rc && i < names.n; i++) {
		id.name = names.v[i];
		problems_steps(q->ps, STEPS_FIND);
		rc = ++*seen > REFERENCES_READ_MAX ? 1 : selects_of(q, &id);
	}
	arena_release(&a);
	return rc;
}

static void describe_selector(const struct node *selector, struct buf *out)
{
	const struct node *all = node_get(selector, "matchLabels");

	for (uint32_t i = 0; all && all->type == NODE_MAP && i < all->n; i++)
		buf_addf(out, "%s%s=%s", out->len ? "," : "",
			 all->pairs[i].key, node_text(all->pairs[i].value) ?
			 all->pairs[i].value->str : "");
}

static int ask_pods(const struct ask *q)
{
	static const struct object_id kinds[] = {
		{ .group = "apps", .kind = "Deployment" },
		{ .group = "apps", .kind = "StatefulSet" },
		{ .group = "apps", .kind = "DaemonSet" },
		{ .group = "", .kind = "Pod" },
		{ .group = "batch", .kind = "Job" },
		{ .group = "batch", .kind = "CronJob" },
		{ .group = "apps", .kind = "ReplicaSet" },
		{ .group = "", .kind = "ReplicationController" },
		{ .group = "argoproj.io", .kind = "Rollout" },
	};
	const char *namespace = q->ref->target.namespace;
	struct buf labels = BUF_INIT(WORDS_MAX);
	size_t seen = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(kinds); i++)
		rc = selects(q, &kinds[i], &seen);
	if (!rc && seen)
		rc = is_open(q, namespace);
	if (!rc && seen && !begins(namespace, "kube-")) {
		describe_selector(q->ref->selector, &labels);
		say(q, "reference-selector", "no pod of this channel in "
		    "namespace '%s' is selected%s%s", namespace,
		    labels.len ? ": none has the labels " : "",
		    buf_ok(&labels) ? labels.data : "of this selector");
	}
	buf_release(&labels);
	return rc < 0 ? -1 : 0;
}

/* ---- is it there first? ---- */

/* What the engine does not find is never waited for in vain: it fails. */
static int ask_before(const struct ask *q, const struct object *o)
{
	int rc = q->v->find(q->v->arg, &q->ref->target, q->err);

	if (rc < 0)
		return -1;
	if (rc) {
		say_missing(q, NULL);
		return 0;
	}
	return references_order(q->v, o, q->ref, q->ps, q->err);
}

int references_check(const struct view *v, const struct rules *r,
		     const struct object *o, const struct facts *f,
		     struct problems *ps, struct err *err)
{
	struct ask q = { .v = v, .r = r, .path = o->path,
			 .name = o->id.name, .ps = ps, .err = err };
	int rc = 0;

	for (size_t i = 0; !rc && i < f->n_refs &&
	     !problems_full(ps, severity(r)); i++) {
		if (!problems_steps(ps, STEPS_FIND))
			break;
		q.ref = &f->refs[i];
		switch (q.ref->to) {
		case TO_OBJECT:
			rc = ask_object(&q, &o->id);
			break;
		case TO_KEY:
			rc = ask_key(&q);
			break;
		case TO_PORT:
			rc = ask_port(&q);
			break;
		case TO_PODS:
			rc = ask_pods(&q);
			break;
		case TO_BEFORE:
			rc = ask_before(&q, o);
			break;
		}
	}
	return rc;
}
