/*
 * Changes that the API server refuses. See immutable.h; as the Validate*Update
 * functions of k8s.io/kubernetes have them. What is there now is taken from
 * what was signed before: what the cluster filled in or somebody changed there
 * by hand is not known, so that whatever depends on it is let through.
 */
#include "config.h"
#include "schema/values/immutable.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/wishes.h"
#include "schema/values/at.h"
#include "schema/values/immutable-kinds.h"
#include "schema/values/same.h"

/* A value in a message; longer ones are cut. */
#define SHOWN_MAX 80

/* ---- what is said ---- */

static void add_shown(const struct node *n, struct buf *out)
{
	struct buf text = BUF_INIT(SHOWN_MAX);

	json_write_compact(n, &text);
	if (buf_ok(&text))
		buf_adds(out, text.data);
	else
		buf_adds(out, node_type_name(n->type));
	buf_release(&text);
}

static bool is_there(const struct node *n)
{
	return n && n->type != NODE_NULL;
}

/* "it was 1 and would be 2" */
static void add_both(const struct node *old, const struct node *new,
		     struct buf *out)
{
	if (is_there(old)) {
		buf_adds(out, "it was ");
		add_shown(old, out);
	} else {
		buf_adds(out, "it was not there");
	}
	if (is_there(new)) {
		buf_adds(out, " and would be ");
		add_shown(new, out);
	} else {
		buf_adds(out, " and would be gone");
	}
}

/* Its author wants that: the push goes on, and says what will happen. */
static void say_recreated(struct judge *j, const struct place *p,
			  struct mark mark, const char *both)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);

	place_path(p, &path);
	problem_warning(j->ps, j->o->path, mark, "value-immutable", "%s "
			"cannot be changed in place: %s; the %s will be "
			"deleted and made again (" WISH_RECREATE ")",
			path.data, both, j->o->id.kind);
	buf_release(&path);
}

void say_fixed(struct judge *j, const struct place *p, const struct node *old)
{
	const char *kind = j->o->id.kind;
	struct place up = *p;
	struct buf both = BUF_INIT(8 * SHOWN_MAX);

	while (!up.node && up.up)
		up = *up.up;
	if (strcmp(kind, "Secret"))
		add_both(old, p->node, &both);
	else
		buf_adds(&both, "it would be another one");
	if (wish_recreate(j->o->root))
		say_recreated(j, p, up.node ? up.node->mark : j->o->mark,
			      both.data);
	else
		place_error(j, p, up.node ? up.node->mark : j->o->mark,
			    "value-immutable", "cannot be changed: %s; a %s "
			    "keeps this for life, so undo that, give it "
			    "another name, or let it be deleted and made "
			    "again: annotate it with " WISH_RECREATE ": "
			    "\"true\"", both.data, kind);
	buf_release(&both);
}

/* ---- where ---- */

static bool both_are(const struct place *p, const struct node *old,
		     enum node_type type)
{
	return p->node && old && p->node->type == type && old->type == type;
}

/* The only key that differs, or NULL. */
static const char *only_key(const struct node *a, const struct node *b)
{
	const char *key = NULL;
	unsigned n = 0;

	for (uint32_t i = 0; i < a->n && n < 2; i++) {
		const struct node_pair *p = &a->pairs[i];

		if (same_value(p->key, p->value,
			       node_getn(b, p->key, p->key_len)))
			continue;
		key = p->key;
		n++;
	}
	for (uint32_t i = 0; i < b->n && n < 2; i++) {
		const struct node_pair *p = &b->pairs[i];

		if (node_getn(a, p->key, p->key_len) ||
		    same_value(p->key, NULL, p->value))
			continue;
		key = p->key;
		n++;
	}
	return n == 1 ? key : NULL;
}

/* The only item that differs of lists of one length, or -1. */
static int64_t only_item(const struct node *a, const struct node *b)
{
	int64_t at = -1;

	for (uint32_t i = 0; a->n == b->n && i < a->n; i++) {
		if (same_value("", a->items[i], b->items[i]))
			continue;
		if (at >= 0)
			return -1;
		at = i;
	}
	return at;
}

/* Down to the one value that is other, as far as there is but one. */
void check_same(struct judge *j, const struct place *p, const struct node *old)
{
	struct place down;
	const char *key;
	int64_t i;

	if (same_value(p->key ? p->key : "", p->node, old))
		return;
	if (both_are(p, old, NODE_MAP) &&
	    (key = only_key(p->node, old)) != NULL) {
		at(p, key, &down);
		check_same(j, &down, node_get(old, key));
	} else if (both_are(p, old, NODE_SEQ) &&
		   (i = only_item(p->node, old)) >= 0 &&
		   at_item(p, (uint32_t)i, &down)) {
		check_same(j, &down, old->items[i]);
	} else {
		say_fixed(j, p, old);
	}
}

void check_same_key(struct judge *j, const struct place *map,
		    const struct node *old, const char *key)
{
	struct place p;

	at(map, key, &p);
	check_same(j, &p, node_get(old, key));
}

/* Keys of both but those of the list, which may change. */
void check_all_but(struct judge *j, const struct place *map,
		   const struct node *old, const char *const *free)
{
	const struct node *both[] = { map->node, old };

	for (int k = 0; k < 2; k++)
		for (uint32_t i = 0; both[k] && both[k]->type == NODE_MAP &&
		     i < both[k]->n; i++) {
			const char *key = both[k]->pairs[i].key;
			const char *const *f = free;

			while (*f && strcmp(*f, key))
				f++;
			if (!*f && (!k || !at_has(map, key)))
				check_same_key(j, map, old, key);
		}
}

/* ---- kinds of which some fields are fixed, and nothing else is to say ---- */

static const struct {
	const char *kind, *group, *map, *key;
} fixed[] = {
	{ "CSIDriver", "storage.k8s.io", "spec", "attachRequired" },
	{ "CSIDriver", "storage.k8s.io", "spec", "volumeLifecycleModes" },
	{ "CSIStorageCapacity", "storage.k8s.io", NULL, "nodeTopology" },
	{ "CSIStorageCapacity", "storage.k8s.io", NULL, "storageClassName" },
	{ "ClusterRoleBinding", "rbac.authorization.k8s.io", NULL, "roleRef" },
	{ "ControllerRevision", "apps", NULL, "data" },
	{ "DaemonSet", "apps", "spec", "selector" },
	{ "Deployment", "apps", "spec", "selector" },
	{ "EndpointSlice", "discovery.k8s.io", NULL, "addressType" },
	{ "IPAddress", "networking.k8s.io", "spec", "parentRef" },
	{ "IngressClass", "networking.k8s.io", "spec", "controller" },
	{ "LeaseCandidate", "coordination.k8s.io", "spec", "leaseName" },
	{ "PriorityClass", "scheduling.k8s.io", NULL, "preemptionPolicy" },
	{ "PriorityClass", "scheduling.k8s.io", NULL, "value" },
	{ "ReplicaSet", "apps", "spec", "selector" },
	{ "ResourceClaim", "resource.k8s.io", NULL, "spec" },
	{ "ResourceClaimTemplate", "resource.k8s.io", NULL, "spec" },
	{ "RoleBinding", "rbac.authorization.k8s.io", NULL, "roleRef" },
	{ "RuntimeClass", "node.k8s.io", NULL, "handler" },
	{ "StorageClass", "storage.k8s.io", NULL, "parameters" },
	{ "StorageClass", "storage.k8s.io", NULL, "provisioner" },
	{ "StorageClass", "storage.k8s.io", NULL, "reclaimPolicy" },
	{ "StorageClass", "storage.k8s.io", NULL, "volumeBindingMode" },
	{ "VolumeAttachment", "storage.k8s.io", NULL, "spec" },
	{ "VolumeAttributesClass", "storage.k8s.io", NULL, "driverName" },
	{ "VolumeAttributesClass", "storage.k8s.io", NULL, "parameters" },
};

static const struct {
	const char *kind, *group;
	fixed_fn *check;
} others[] = {
	{ "ConfigMap", "", check_fixed_data },
	{ "Job", "batch", check_fixed_job },
	{ "PersistentVolume", "", check_fixed_volume },
	{ "PersistentVolumeClaim", "", check_fixed_claim },
	{ "Pod", "", check_fixed_pod },
	{ "ResourceQuota", "", check_fixed_quota },
	{ "Secret", "", check_fixed_data },
	{ "Service", "", check_fixed_service },
	{ "ServiceCIDR", "networking.k8s.io", check_fixed_cidrs },
	{ "StatefulSet", "apps", check_fixed_stateful_set },
};

static bool is(const struct object_id *id, const char *kind,
	       const char *group)
{
	return !strcmp(id->kind, kind) && !strcmp(id->group, group);
}

bool immutable_has(const struct object_id *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (is(id, fixed[i].kind, fixed[i].group))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (is(id, others[i].kind, others[i].group))
			return true;
	return false;
}

int immutable_check(const struct node *old, const struct object *o,
		    struct problems *ps)
{
	struct judge j = { .o = o, .ps = ps, .said = ps->n,
			   .said_end = ps->n };
	struct place root = { .node = o->root }, map;

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		if (!is(&o->id, fixed[i].kind, fixed[i].group))
			continue;
		if (!fixed[i].map) {
			check_same_key(&j, &root, old, fixed[i].key);
			continue;
		}
		at(&root, fixed[i].map, &map);
		check_same_key(&j, &map, node_get(old, fixed[i].map),
			       fixed[i].key);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (is(&o->id, others[i].kind, others[i].group))
			others[i].check(&j, &root, old);
	return j.rc;
}
