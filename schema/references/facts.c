/*
 * Reading an object for its references, and for what others may rely on in
 * it. See references.h. Only built-in kinds, and the custom ones that make
 * Secrets or pods in a way that everybody uses.
 */
#include "config.h"
#include "schema/references/references.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/depends.h"
#include "schema/pod-template.h"

#define RBAC "rbac.authorization.k8s.io"
#define ADMISSION "admissionregistration.k8s.io"

/* ---- adding references ---- */

static struct reference *add(struct finder *f, enum reference_to to,
			     struct mark mark)
{
	struct facts *out = f->out;
	struct reference *more;

	if (out->n_refs == f->alloc) {
		/* it grows by doubling: what is left in the arena is no more
		 * than what is used */
		f->alloc = f->alloc ? 2 * f->alloc : 4;
		more = arena_array(f->a, f->alloc, sizeof(*more));
		if (out->n_refs)
			memcpy(more, out->refs, out->n_refs * sizeof(*more));
		out->refs = more;
	}
	more = &out->refs[out->n_refs++];
	*more = (struct reference){ .to = to, .mark = mark };
	return more;
}

static void set_target(struct finder *f, struct reference *r,
		       const char *group, const char *kind,
		       const char *namespace, const char *name)
{
	r->target = (struct object_id){
		.group = arena_strdup(f->a, group), .version = "",
		.kind = arena_strdup(f->a, kind),
		.namespace = arena_strdup(f->a, namespace),
		.name = arena_strdup(f->a, name),
	};
}

void find_object(struct finder *f, const char *group, const char *kind,
		 const char *namespace, const struct node *n)
{
	const char *name = node_text(n);

	if (name && *name)
		set_target(f, add(f, TO_OBJECT, n->mark), group, kind,
			   namespace, name);
}

void find_key(struct finder *f, const char *kind, const struct node *name,
	      const struct node *key)
{
	struct reference *r;

	if (!node_text(name) || !node_text(key))
		return;
	r = add(f, TO_KEY, key->mark);
	set_target(f, r, "", kind, f->o->id.namespace, name->str);
	r->detail = arena_strdup(f->a, key->str);
}

void find_port(struct finder *f, const char *namespace,
	       const struct node *service, const struct node *port)
{
	struct reference *r;

	find_object(f, "", "Service", namespace, service);
	if (!node_text(service) || !port ||
	    (port->type != NODE_INT && port->type != NODE_STR))
		return;
	r = add(f, TO_PORT, port->mark);
	set_target(f, r, "", "Service", namespace, service->str);
	r->detail = port->type == NODE_STR ? arena_strdup(f->a, port->str) :
		    arena_printf(f->a, "%lld", (long long)port->integer);
}

/* ---- selectors ---- */

static void find_pods(struct finder *f, const struct node *selector)
{
	struct reference *r;

	if (!selector || selector->type != NODE_MAP || !selector->n)
		return;
	r = add(f, TO_PODS, selector->mark);
	set_target(f, r, "", "Pod", f->o->id.namespace, "");
	r->selector = node_copy(f->a, selector);
}

static void read_service(struct finder *f)
{
	const struct node *spec = node_get(f->o->root, "spec");
	const struct node *selector = node_get(spec, "selector");
	const struct node *ports = node_get(spec, "ports");
	const char *type = node_text(node_get(spec, "type"));
	struct node *labels;

	if (ports && ports->type == NODE_SEQ)
		f->out->ports = node_copy(f->a, ports);
	if ((type && !strcmp(type, "ExternalName")) || !selector ||
	    selector->type != NODE_MAP || !selector->n)
		return;
	labels = node_map(f->a);
	labels->mark = selector->mark;
	node_set(f->a, labels, "matchLabels", node_copy(f->a, selector));
	find_pods(f, labels);
}

static void read_budget(struct finder *f)
{
	find_pods(f, node_path(f->o->root, "spec", "selector", NULL));
}

/* ---- pods ---- */

static void read_workload(struct finder *f)
{
	const struct node *template = pod_template_of(f->o);
	const struct node *labels = node_path(template, "metadata", "labels",
					      NULL);

	f->out->pod_labels = labels ? node_copy(f->a, labels) :
				      node_map(f->a);
	find_in_pod(f, node_get(template, "spec"));
	if (!strcmp(f->o->id.kind, "StatefulSet"))
		find_object(f, "", "Service", f->o->id.namespace,
			    node_path(f->o->root, "spec", "serviceName",
				      NULL));
}

/* ---- data ---- */

static void add_keys(struct finder *f, struct node *list, const char *field)
{
	const struct node *map = node_get(f->o->root, field);

	for (uint32_t i = 0; map && map->type == NODE_MAP && i < map->n; i++)
		node_append(f->a, list, node_strn(f->a, map->pairs[i].key,
						  map->pairs[i].key_len));
}

static void read_data(struct finder *f)
{
	struct node *list = node_seq(f->a);

	add_keys(f, list, "data");
	add_keys(f, list, "binaryData");
	add_keys(f, list, "stringData");
	f->out->keys = list;
}

/* ---- the others ---- */

static void find_backend(struct finder *f, const struct node *backend)
{
	const struct node *s = node_get(backend, "service");
	const struct node *port = node_get(s, "port");
	const struct node *name = node_get(port, "name");

	find_port(f, f->o->id.namespace, node_get(s, "name"),
		  node_text(name) ? name : node_get(port, "number"));
}

static void read_ingress(struct finder *f)
{
	const struct node *spec = node_get(f->o->root, "spec");
	const struct node *rules = node_get(spec, "rules");

	find_backend(f, node_get(spec, "defaultBackend"));
	for (uint32_t i = 0; rules && rules->type == NODE_SEQ && i < rules->n;
	     i++) {
		const struct node *paths = node_path(rules->items[i], "http",
						     "paths", NULL);

		for (uint32_t k = 0; paths && paths->type == NODE_SEQ &&
		     k < paths->n; k++)
			find_backend(f, node_get(paths->items[k], "backend"));
	}
	/* certificates are made by whoever serves them */
}

static void read_autoscaler(struct finder *f)
{
	const struct node *target = node_path(f->o->root, "spec",
					      "scaleTargetRef", NULL);
	const char *version = node_text(node_get(target, "apiVersion"));
	const char *kind = node_text(node_get(target, "kind"));
	const char *group, *v;

	if (version && kind && is_kind_name(kind) &&
	    !api_version_split(version, f->a, &group, &v))
		find_object(f, group, kind, f->o->id.namespace,
			    node_get(target, "name"));
}

static void read_binding(struct finder *f)
{
	const struct node *role = node_get(f->o->root, "roleRef");
	const struct node *subjects = node_get(f->o->root, "subjects");
	const char *kind = node_text(node_get(role, "kind"));

	if (kind && !strcmp(kind, "Role"))
		find_object(f, RBAC, "Role", f->o->id.namespace,
			    node_get(role, "name"));
	if (kind && !strcmp(kind, "ClusterRole"))
		find_object(f, RBAC, "ClusterRole", "",
			    node_get(role, "name"));
	for (uint32_t i = 0; subjects && subjects->type == NODE_SEQ &&
	     i < subjects->n; i++) {
		const struct node *s = subjects->items[i];
		const char *is = node_text(node_get(s, "kind"));
		const char *ns = node_text(node_get(s, "namespace"));

		if (is && !strcmp(is, "ServiceAccount"))
			find_object(f, "", is,
				    ns && *ns ? ns : f->o->id.namespace,
				    node_get(s, "name"));
	}
}

/* A {namespace, name, port} of who calls a webhook; 443 by default. */
static void find_called(struct finder *f, const struct node *service)
{
	const char *ns = node_text(node_get(service, "namespace"));
	const struct node *port = node_get(service, "port");
	struct node https;

	if (!ns)
		return;
	if (!port) {
		https = (struct node){ .type = NODE_INT, .integer = 443,
				       .mark = service->mark };
		port = &https;
	}
	find_port(f, ns, node_get(service, "name"), port);
}

static void read_webhooks(struct finder *f)
{
	const struct node *list = node_get(f->o->root, "webhooks");

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n; i++)
		find_called(f, node_path(list->items[i], "clientConfig",
					 "service", NULL));
}

static void read_api_service(struct finder *f)
{
	find_called(f, node_path(f->o->root, "spec", "service", NULL));
}

static void read_definition(struct finder *f)
{
	find_called(f, node_path(f->o->root, "spec", "conversion", "webhook",
				 "clientConfig", "service", NULL));
}

/* ---- who makes Secrets ---- */

static void makes_secret(struct finder *f, const char *name)
{
	if (!name || !*name)
		return;
	if (!f->secrets)
		f->out->secrets = f->secrets = node_seq(f->a);
	node_append(f->a, f->secrets, node_str(f->a, name));
}

static void read_certificate(struct finder *f)
{
	makes_secret(f, node_path_str(f->o->root, "spec", "secretName", NULL));
}

static void read_external_secret(struct finder *f)
{
	const char *name = node_path_str(f->o->root, "spec", "target", "name",
					 NULL);

	makes_secret(f, name ? name : f->o->id.name);
}

static void read_sealed_secret(struct finder *f)
{
	const char *name = node_path_str(f->o->root, "spec", "template",
					 "metadata", "name", NULL);

	makes_secret(f, name ? name : f->o->id.name);
}

static void read_provider_class(struct finder *f)
{
	const struct node *list = node_path(f->o->root, "spec",
					    "secretObjects", NULL);

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n; i++)
		makes_secret(f, node_text(node_get(list->items[i],
						   "secretName")));
}

/* ---- by depends-on ---- */

static void find_before(struct finder *f)
{
	const struct node *list = node_path(f->o->root, "metadata",
					    "annotations", DEPENDS_ON, NULL);
	const char *at = node_text(list);
	struct depends_item item;

	while (at && depends_next(&at, &item))
		if (item.good)
			set_target(f, add(f, TO_BEFORE, list->mark),
				   item.id.group, item.id.kind,
				   item.id.namespace, item.id.name);
}

/* ---- by kind ---- */

static const struct {
	const char *group, *kind;
	void (*read)(struct finder *f);
} readers[] = {
	{ "", "ConfigMap", read_data },
	{ "", "Pod", read_workload },
	{ "", "ReplicationController", read_workload },
	{ "", "Secret", read_data },
	{ "", "Service", read_service },
	{ ADMISSION, "MutatingWebhookConfiguration", read_webhooks },
	{ ADMISSION, "ValidatingWebhookConfiguration", read_webhooks },
	{ "apiextensions.k8s.io", "CustomResourceDefinition",
	  read_definition },
	{ "apiregistration.k8s.io", "APIService", read_api_service },
	{ "apps", "DaemonSet", read_workload },
	{ "apps", "Deployment", read_workload },
	{ "apps", "ReplicaSet", read_workload },
	{ "apps", "StatefulSet", read_workload },
	{ "argoproj.io", "Rollout", read_workload },
	{ "autoscaling", "HorizontalPodAutoscaler", read_autoscaler },
	{ "batch", "CronJob", read_workload },
	{ "batch", "Job", read_workload },
	{ "bitnami.com", "SealedSecret", read_sealed_secret },
	{ "cert-manager.io", "Certificate", read_certificate },
	{ "external-secrets.io", "ExternalSecret", read_external_secret },
	{ "networking.k8s.io", "Ingress", read_ingress },
	{ "policy", "PodDisruptionBudget", read_budget },
	{ RBAC, "ClusterRoleBinding", read_binding },
	{ RBAC, "RoleBinding", read_binding },
	{ "secrets-store.csi.x-k8s.io", "SecretProviderClass",
	  read_provider_class },
};

void facts_of(const struct object *o, struct arena *a, struct facts *ret)
{
	struct finder f = { .o = o, .a = a, .out = ret };

	*ret = (struct facts){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		if (!strcmp(readers[i].kind, o->id.kind) &&
		    !strcmp(readers[i].group, o->id.group))
			readers[i].read(&f);
	find_before(&f);
}

bool facts_are_empty(const struct facts *f)
{
	return !f->n_refs && !f->pod_labels && !f->keys && !f->ports &&
	       !f->secrets;
}
