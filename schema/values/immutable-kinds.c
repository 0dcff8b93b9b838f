/*
 * Kinds whose fixed values take more than a look. See immutable.h.
 */
#include "config.h"
#include "schema/values/immutable-kinds.h"

#include <string.h>

#include "schema/values/quantity.h"
#include "schema/values/same.h"

static const struct node *spec_of(const struct node *old)
{
	return node_get(old, "spec");
}

static const char *text_at(const struct node *map, const char *key,
			   const char *fallback)
{
	const char *s = node_text(node_get(map, key));

	return s && *s ? s : fallback;
}

static bool is_true(const struct node *n)
{
	return n && n->type == NODE_BOOL && n->boolean;
}

/* ---- ConfigMap, Secret ---- */

void check_fixed_data(struct judge *j, const struct place *root,
		      const struct node *old)
{
	static const char *const keys[] = { "data", "binaryData" };
	bool secret = !strcmp(j->o->id.kind, "Secret");
	struct place p;

	if (secret)
		check_same_key(j, root, old, "type");
	if (!is_true(node_get(old, "immutable")))
		return;
	at(root, "immutable", &p);
	if (!is_true(p.node))
		say_fixed(j, &p, node_get(old, "immutable"));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		check_same_key(j, root, old, keys[i]);
}

/* ---- Service ---- */

static bool is_headless(const struct node *spec)
{
	return !strcmp(text_at(spec, "clusterIP", ""), "None");
}

static bool is_type(const struct node *spec, const char *type)
{
	return !strcmp(text_at(spec, "type", "ClusterIP"), type);
}

/* The address that was, and the one that would be, if both are said. */
static void check_address(struct judge *j, const struct place *spec,
			  const struct node *old)
{
	const char *was = text_at(old, "clusterIP", "");
	const char *is = at_key_text(spec, "clusterIP", "");
	struct place p;

	/* without one it got one, whatever it is */
	if (!*is || !strcmp(was, is) || (!*was && strcmp(is, "None")))
		return;
	if (at(spec, "clusterIP", &p))
		say_fixed(j, &p, node_get(old, "clusterIP"));
}

static void check_family(struct judge *j, const struct place *spec,
			 const struct node *old)
{
	const struct node *list = node_get(old, "ipFamilies");
	struct place p, first;

	if (!list || list->type != NODE_SEQ || !list->n ||
	    !at(spec, "ipFamilies", &p) || !at_is_list(&p) ||
	    !at_count(&p) || !at_item(&p, 0, &first))
		return;
	check_same(j, &first, list->items[0]);
}

void check_fixed_service(struct judge *j, const struct place *root,
			 const struct node *old_root)
{
	const struct node *old = spec_of(old_root);
	struct place spec, p;

	if (!at(root, "spec", &spec) || !old ||
	    is_type(old, "ExternalName") ||
	    is_type(spec.node, "ExternalName"))
		return;
	if (!is_headless(old) || !is_headless(spec.node))
		check_address(j, &spec, old);
	if (!is_headless(old) && !is_headless(spec.node))
		check_family(j, &spec, old);
	if (!is_type(old, "LoadBalancer") ||
	    !is_type(spec.node, "LoadBalancer"))
		return;
	check_same_key(j, &spec, old, "loadBalancerClass");
	if (!strcmp(text_at(old, "externalTrafficPolicy", ""), "Local") &&
	    !strcmp(at_key_text(&spec, "externalTrafficPolicy", ""),
		    "Local") && node_get(old, "healthCheckNodePort") &&
	    at(&spec, "healthCheckNodePort", &p))
		check_same(j, &p, node_get(old, "healthCheckNodePort"));
}

void check_fixed_cidrs(struct judge *j, const struct place *root,
		       const struct node *old_root)
{
	const struct node *old = node_get(spec_of(old_root), "cidrs");
	struct place spec, list, first;

	if (!at(root, "spec", &spec) || !old || old->type != NODE_SEQ)
		return;
	at(&spec, "cidrs", &list);
	if (old->n == 1 && at_count(&list) == 2 && at_is_list(&list) &&
	    at_item(&list, 0, &first))
		check_same(j, &first, old->items[0]);
	else
		check_same(j, &list, old);
}

/* ---- workloads ---- */

void check_fixed_stateful_set(struct judge *j, const struct place *root,
			      const struct node *old)
{
	static const char *const free[] = {
		"minReadySeconds", "ordinals",
		"persistentVolumeClaimRetentionPolicy", "replicas",
		"revisionHistoryLimit", "template", "updateStrategy", NULL
	};
	struct place spec;

	if (at(root, "spec", &spec) && spec_of(old))
		check_all_but(j, &spec, spec_of(old), free);
}

/* Completions of an indexed Job go together with its parallelism. */
static void check_completions(struct judge *j, const struct place *spec,
			      const struct node *old)
{
	if (!strcmp(at_key_text(spec, "completionMode", ""), "Indexed") &&
	    at_key_int(spec, "completions", -1) ==
	    at_key_int(spec, "parallelism", 1))
		return;
	check_same_key(j, spec, old, "completions");
}

/* What a suspended one can still change, nobody else knows. */
void check_fixed_job(struct judge *j, const struct place *root,
		     const struct node *old_root)
{
	static const char *const fixed[] = {
		"completionMode", "podFailurePolicy", "backoffLimitPerIndex",
		"managedBy", "successPolicy",
	};
	const struct node *old = spec_of(old_root);
	struct place spec;

	if (!at(root, "spec", &spec) || !old)
		return;
	check_completions(j, &spec, old);
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		check_same_key(j, &spec, old, fixed[i]);
	if (at_has(&spec, "selector") && node_get(old, "selector"))
		check_same_key(j, &spec, old, "selector");
	if (!is_true(node_get(old, "suspend")))
		check_same_key(j, &spec, old, "template");
}

/* Of each container another image can be run. */
static void check_containers(struct judge *j, const struct place *spec,
			     const struct node *old, const char *key)
{
	static const char *const free[] = { "image", NULL };
	const struct node *was = node_get(old, key);
	struct place list, item;

	at(spec, key, &list);
	if (!at_is_list(&list) || !was || was->type != NODE_SEQ ||
	    list.node->n != was->n) {
		check_same(j, &list, was);
		return;
	}
	for (uint32_t i = 0; i < was->n; i++)
		if (at_item(&list, i, &item))
			check_all_but(j, &item, was->items[i], free);
}

/* One that waits to be scheduled can still be told where, and tolerations
 * can be added to any. */
void check_fixed_pod(struct judge *j, const struct place *root,
		     const struct node *old_root)
{
	static const char *const free[] = {
		"activeDeadlineSeconds", "containers", "ephemeralContainers",
		"initContainers", "schedulingGates",
		"terminationGracePeriodSeconds", "tolerations", NULL
	};
	const struct node *old = spec_of(old_root);
	struct place spec;

	if (!at(root, "spec", &spec) || !old ||
	    node_get(old, "schedulingGates"))
		return;
	check_all_but(j, &spec, old, free);
	check_containers(j, &spec, old, "containers");
	check_containers(j, &spec, old, "initContainers");
}

/* ---- storage ---- */

/* A size may grow; one that shrinks is taken only after a growth that
 * failed, which is not known here. */
static void check_size(struct judge *j, const struct place *spec,
		       const struct node *old)
{
	const struct node *was = node_path(old, "resources", "requests",
					   "storage", NULL);
	struct place resources, requests, is;
	char x[32], y[32];
	quantity v, w;

	at(spec, "resources", &resources);
	at(&resources, "requests", &requests);
	if (!at(&requests, "storage", &is) || !quantity_of(is.node, &v) ||
	    !quantity_of(was, &w) || v >= w)
		return;
	problem_warning(j->ps, j->o->path, is.node->mark, "value-immutable",
			"spec.resources.requests.storage would shrink from %s "
			"to %s: Kubernetes refuses that, but for a claim that "
			"could not grow", quantity_text(was, y, sizeof(y)),
			quantity_text(is.node, x, sizeof(x)));
}

static void check_claim_resources(struct judge *j, const struct place *spec,
				  const struct node *old)
{
	static const char *const free[] = { "requests", NULL };
	static const char *const grows[] = { "storage", NULL };
	const struct node *was = node_get(old, "resources");
	struct place resources, requests;

	if (!at(spec, "resources", &resources) || !was)
		return;
	check_all_but(j, &resources, was, free);
	if (at(&resources, "requests", &requests))
		check_all_but(j, &requests, node_get(was, "requests"), grows);
}

void check_fixed_claim(struct judge *j, const struct place *root,
		       const struct node *old_root)
{
	static const char *const free[] = {
		"dataSource", "dataSourceRef", "resources", "storageClassName",
		"volumeAttributesClassName", "volumeName", NULL
	};
	static const char *const given_once[] = {
		"storageClassName", "volumeName"
	};
	const struct node *old = spec_of(old_root), *source;
	struct place spec, p;

	if (!at(root, "spec", &spec) || !old)
		return;
	check_all_but(j, &spec, old, free);
	check_claim_resources(j, &spec, old);
	check_size(j, &spec, old);
	for (size_t i = 0; i < ARRAY_SIZE(given_once); i++)
		if (*text_at(old, given_once[i], ""))
			check_same_key(j, &spec, old, given_once[i]);
	/* each is filled in by the other */
	source = node_get(old, "dataSourceRef");
	if (!source)
		source = node_get(old, "dataSource");
	if (at(&spec, "dataSourceRef", &p) || at(&spec, "dataSource", &p))
		check_same(j, &p, source);
}

/* A Secret for growing may be added to what had none. */
static void check_csi(struct judge *j, const struct place *spec,
		      const struct node *old)
{
	static const char *const free[] = {
		"controllerExpandSecretRef", NULL
	};
	static const char *const none[] = { NULL };
	struct place p;

	if (at(spec, "csi", &p))
		check_all_but(j, &p, old, node_get(old, free[0]) ? none :
								   free);
}

void check_fixed_volume(struct judge *j, const struct place *root,
			const struct node *old_root)
{
	static const char *const free[] = {
		"accessModes", "capacity", "claimRef", "csi", "mountOptions",
		"nodeAffinity", "persistentVolumeReclaimPolicy",
		"storageClassName", "volumeAttributesClassName", NULL
	};
	const struct node *old = spec_of(old_root);
	struct place spec;

	if (!at(root, "spec", &spec) || !old)
		return;
	check_all_but(j, &spec, old, free);
	if (node_get(old, "csi") && at_has(&spec, "csi"))
		check_csi(j, &spec, node_get(old, "csi"));
	else
		check_same_key(j, &spec, old, "csi");
	if (node_get(old, "nodeAffinity"))
		check_same_key(j, &spec, old, "nodeAffinity");
	if (!at_has(&spec, "volumeAttributesClassName"))
		check_same_key(j, &spec, old, "volumeAttributesClassName");
}

/* ---- ResourceQuota ---- */

static bool has_text(const struct node *list, const char *s)
{
	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n; i++)
		if (node_text(list->items[i]) &&
		    !strcmp(node_text(list->items[i]), s))
			return true;
	return false;
}

static bool covers(const struct node *a, const struct node *b)
{
	for (uint32_t i = 0; b && b->type == NODE_SEQ && i < b->n; i++)
		if (node_text(b->items[i]) &&
		    !has_text(a, node_text(b->items[i])))
			return false;
	return true;
}

void check_fixed_quota(struct judge *j, const struct place *root,
		       const struct node *old_root)
{
	const struct node *old = node_get(spec_of(old_root), "scopes");
	struct place spec, scopes;

	at(root, "spec", &spec);
	at(&spec, "scopes", &scopes);
	if (!covers(old, scopes.node) || !covers(scopes.node, old))
		say_fixed(j, &scopes, old);
}
