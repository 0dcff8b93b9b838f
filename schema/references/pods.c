/*
 * What pods need of others: see references.h. The tree may be anything that
 * YAML can hold; where it is not what it should be, other rules say so.
 */
#include "config.h"
#include "schema/references/references.h"

#include <string.h>

static bool is_true(const struct node *n)
{
	return n && n->type == NODE_BOOL && n->boolean;
}

static const struct node *item(const struct node *list, uint32_t i)
{
	return list && list->type == NODE_SEQ && i < list->n ? list->items[i] :
							       NULL;
}

/* A ConfigMap or Secret of which items of a volume are taken. */
static void find_source(struct finder *f, const char *kind,
			const struct node *source, const char *name_key)
{
	const struct node *items = node_get(source, "items"), *n;
	const struct node *name = node_get(source, name_key);

	if (!source || is_true(node_get(source, "optional")))
		return;
	find_object(f, "", kind, f->o->id.namespace, name);
	for (uint32_t i = 0; (n = item(items, i)); i++)
		find_key(f, kind, name, node_get(n, "key"));
}

static void find_in_volume(struct finder *f, const struct node *v)
{
	const struct node *sources = node_path(v, "projected", "sources",
					       NULL), *n;
	const struct node *claim = node_get(v, "persistentVolumeClaim");

	find_source(f, "ConfigMap", node_get(v, "configMap"), "name");
	find_source(f, "Secret", node_get(v, "secret"), "secretName");
	find_object(f, "", "PersistentVolumeClaim", f->o->id.namespace,
		    node_get(claim, "claimName"));
	for (uint32_t i = 0; (n = item(sources, i)); i++) {
		find_source(f, "ConfigMap", node_get(n, "configMap"), "name");
		find_source(f, "Secret", node_get(n, "secret"), "name");
	}
}

static void find_selected_key(struct finder *f, const char *kind,
			      const struct node *ref)
{
	if (!ref || is_true(node_get(ref, "optional")))
		return;
	find_object(f, "", kind, f->o->id.namespace, node_get(ref, "name"));
	find_key(f, kind, node_get(ref, "name"), node_get(ref, "key"));
}

static void find_in_container(struct finder *f, const struct node *c)
{
	const struct node *from = node_get(c, "envFrom"), *n;
	const struct node *env = node_get(c, "env");

	for (uint32_t i = 0; (n = item(from, i)); i++) {
		find_source(f, "ConfigMap", node_get(n, "configMapRef"),
			    "name");
		find_source(f, "Secret", node_get(n, "secretRef"), "name");
	}
	for (uint32_t i = 0; (n = item(env, i)); i++) {
		const struct node *v = node_get(n, "valueFrom");

		find_selected_key(f, "ConfigMap",
				  node_get(v, "configMapKeyRef"));
		find_selected_key(f, "Secret", node_get(v, "secretKeyRef"));
	}
}

void find_in_pod(struct finder *f, const struct node *spec)
{
	static const char *const lists[] = {
		"initContainers", "containers", "ephemeralContainers",
	};
	const struct node *account = node_get(spec, "serviceAccountName"), *n;
	const struct node *pull = node_get(spec, "imagePullSecrets");
	const struct node *volumes = node_get(spec, "volumes");

	if (!node_text(account))
		account = node_get(spec, "serviceAccount");
	find_object(f, "", "ServiceAccount", f->o->id.namespace, account);
	for (uint32_t i = 0; (n = item(pull, i)); i++)
		find_object(f, "", "Secret", f->o->id.namespace,
			    node_get(n, "name"));
	for (uint32_t i = 0; (n = item(volumes, i)); i++)
		find_in_volume(f, n);
	for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++) {
		const struct node *list = node_get(spec, lists[k]);

		for (uint32_t i = 0; (n = item(list, i)); i++)
			find_in_container(f, n);
	}
}
