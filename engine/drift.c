/*
 * The drift rule. See drift.h; drift-matrix.md says why each line is as it
 * is. It errs towards asking: a wrong SUSPECT costs one GET, a missed change
 * would break the product's promise.
 */
#include "config.h"
#include "engine/drift.h"

#include <sodium.h>
#include <string.h>

#include "engine/compare.h"
#include "engine/managed.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/scope.h"

static void read_uid(const struct node *object, uint8_t uid[16])
{
	const char *text = node_path_str(object, "metadata", "uid", NULL);
	size_t got;

	memset(uid, 0, 16);
	if (text)
		sodium_hex2bin(uid, 16, text, strlen(text), "-", &got, NULL);
}

#define OPAQUE_VERSION (UINT64_C(1) << 63)

uint64_t object_version(const struct node *object)
{
	const struct node *n = node_path(object, "metadata",
					 "resourceVersion", NULL);
	const char *text = node_text(n);
	uint64_t v;

	if (!text || !*text)
		return 0;
	if (parse_u64(text, 1, OPAQUE_VERSION - 1, &v) == 0)
		return v;
	return node_hash(n) | OPAQUE_VERSION;
}

bool version_is_before(uint64_t a, uint64_t b)
{
	return a && b && !(a & OPAQUE_VERSION) && !(b & OPAQUE_VERSION) &&
	       a < b;
}

/* Owned labels and annotations: their values, by our entry's paths. */
static uint64_t hash_labels(const struct node *object,
			    const struct node *entry, struct arena *scratch)
{
	const struct node *fields = node_get(managed_fields(entry),
					     "f:metadata");

	return managed_values_hash(node_get(object, "metadata"), fields,
				   scratch);
}

/* managedFields split by whether an entry is of a subresource. */
static struct node *entries(const struct node *metadata, bool subresource,
			    struct arena *scratch)
{
	const struct node *list = node_get(metadata, "managedFields");
	struct node *out = node_seq(scratch);

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++) {
		const char *sub = node_text(node_get(list->items[i],
						     "subresource"));
		if ((sub && *sub) == subresource)
			node_append(scratch, out, list->items[i]);
	}
	return out;
}

static uint64_t hash_metadata(const struct node *object,
			      struct arena *scratch)
{
	const struct node *metadata = node_get(object, "metadata");
	struct node *copy = node_map(scratch);

	for (uint32_t i = 0; metadata && metadata->type == NODE_MAP &&
	     i < metadata->n; i++) {
		const struct node_pair *p = &metadata->pairs[i];

		if (strcmp(p->key, "resourceVersion") &&
		    strcmp(p->key, "generation") &&
		    strcmp(p->key, "managedFields"))
			node_set(scratch, copy, p->key, p->value);
	}
	node_set(scratch, copy, "managedFields",
		 entries(metadata, false, scratch));
	return node_hash(copy);
}

static uint64_t hash_status(const struct node *object, struct arena *scratch)
{
	return node_hash(entries(node_get(object, "metadata"), true, scratch));
}

int baseline_take(struct baseline *b, const struct node *object,
		  const char *manager, bool full, struct arena *scratch)
{
	const struct node *entry = managed_entry(object, manager);
	struct baseline now = { 0 };

	if (!entry)
		return -1;
	read_uid(object, now.uid);
	now.generation = node_path_int(object, 0, "metadata", "generation",
				       NULL);
	now.version = object_version(object);
	now.entry = managed_entry_hash(entry);
	now.fields = node_hash(managed_fields(entry));
	now.labels = hash_labels(object, entry, scratch);
	now.metadata = hash_metadata(object, scratch);
	now.status = hash_status(object, scratch);
	if (full)
		now.values = managed_values_hash(object, managed_fields(entry),
						 scratch);
	else if (b->fields == now.fields)
		now.values = b->values;
	*b = now;
	return 0;
}

enum drift drift_judge(const struct baseline *b, const struct node *object,
		       const char *manager, bool generation_is_trusted,
		       struct arena *scratch)
{
	const struct node *entry = managed_entry(object, manager);
	uint64_t version = object_version(object);
	uint8_t uid[16];
	bool status_moved, metadata_same;

	/* our answer may come before the events that led up to it */
	if (version_is_before(version, b->version))
		return DRIFT_ECHO;
	read_uid(object, uid);
	if (memcmp(uid, b->uid, sizeof(uid)))
		return DRIFT_RECREATED;
	if (node_path_str(object, "metadata", "deletionTimestamp", NULL))
		return DRIFT_TERMINATING;
	if (version == b->version)
		return DRIFT_ECHO;
	if (!entry || managed_entry_hash(entry) != b->entry ||
	    hash_labels(object, entry, scratch) != b->labels)
		return DRIFT_CERTAIN;

	status_moved = hash_status(object, scratch) != b->status;
	metadata_same = hash_metadata(object, scratch) == b->metadata;
	if (generation_is_trusted) {
		int64_t generation = node_path_int(object, 0, "metadata",
						   "generation", NULL);
		if (generation != b->generation)
			return DRIFT_SUSPECT;
		/* of two status writes in one second only the version tells:
		 * an entry's time has no fraction */
		return status_moved || metadata_same ? DRIFT_STATUS
						     : DRIFT_NONE;
	}
	/* the same metadata and no status write, yet a new version: a write
	 * that nobody is named for */
	if (status_moved && metadata_same)
		return DRIFT_STATUS;
	return DRIFT_SUSPECT;
}

bool drift_unchanged(const struct baseline *b, const struct node *object,
		     const char *manager, const struct node *desired,
		     struct arena *scratch)
{
	const struct node *entry = managed_entry(object, manager);

	if (!entry)
		return false;
	if (b->values && b->fields == node_hash(managed_fields(entry)))
		return managed_values_hash(object, managed_fields(entry),
					   scratch) == b->values;
	return desired && live_matches(desired, object, managed_fields(entry),
				       scratch);
}

/* Measured on a real API server: drift-matrix.md section 6. */
static const struct { const char *group, *kind; } trusted[] = {
	{ "", "Pod" },
	{ "", "PodTemplate" },
	{ "", "ReplicationController" },
	{ "admissionregistration.k8s.io", "MutatingWebhookConfiguration" },
	{ "admissionregistration.k8s.io", "ValidatingAdmissionPolicy" },
	{ "admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding" },
	{ "admissionregistration.k8s.io", "ValidatingWebhookConfiguration" },
	{ "apiextensions.k8s.io", "CustomResourceDefinition" },
	{ "apps", "DaemonSet" },
	{ "apps", "Deployment" },
	{ "apps", "ReplicaSet" },
	{ "apps", "StatefulSet" },
	{ "batch", "Job" },
	{ "discovery.k8s.io", "EndpointSlice" },
	{ "flowcontrol.apiserver.k8s.io", "FlowSchema" },
	{ "networking.k8s.io", "Ingress" },
	{ "networking.k8s.io", "IngressClass" },
	{ "networking.k8s.io", "NetworkPolicy" },
	{ "policy", "PodDisruptionBudget" },
};

bool drift_trusts_generation(const char *group, const char *kind)
{
	const struct scopes none = SCOPES_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(trusted); i++)
		if (!strcmp(group, trusted[i].group) &&
		    !strcmp(kind, trusted[i].kind))
			return true;
	return !scope_lookup(&none, group, kind);
}
