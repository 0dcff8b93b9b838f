/*
 * Kinds that volumes are made by: StorageClass, CSIDriver and their like. As
 * storage/validation has them.
 */
#include "config.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/kinds.h"
#include "schema/values/quantity.h"
#include "schema/values/storage.h"

#define PARAMETERS_MAX 512
#define PARAMETERS_BYTES_MAX (256 * 1024)
#define NODE_ID_MAX 256
#define TOKEN_SECONDS_MIN 600
#define TOKEN_SECONDS_MAX (INT64_C(1) << 32)
#define UPDATE_SECONDS_MIN 10

/* ---- StorageClass, VolumeAttributesClass ---- */

static bool is_provisioner(const char *s)
{
	return is_in_lower(s, is_qualified_name);
}

static void judge_provisioner(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_provisioner, "name of a driver: letters, digits, "
		   "-, _ and ., with a DNS name and a / before it if you like, "
		   "such as csi.example.org");
}

static void judge_parameters(struct judge *j, const struct place *p)
{
	size_t total = 0;

	if (!at_is_map(p))
		return;
	for (uint32_t i = 0; i < p->node->n; i++) {
		const struct node_pair *pair = &p->node->pairs[i];

		total += pair->key_len + (node_text(pair->value) ?
					  pair->value->n : 0);
		if (!pair->key_len)
			place_error(j, p, pair->mark, "value-required",
				    "has a parameter without a name");
	}
	if (p->node->n > PARAMETERS_MAX)
		at_error(j, p, "value-range", "has %u parameters: it can have "
			 "%d at most", p->node->n, PARAMETERS_MAX);
	else if (total > PARAMETERS_BYTES_MAX)
		at_error(j, p, "value-range", "has %zu bytes: it can have %d "
			 "at most", total, PARAMETERS_BYTES_MAX);
}

static void judge_topology_values(struct judge *j, const struct place *p)
{
	at_unique(j, p, NULL);
}

static void judge_topology(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "key", judge_label_key, ANY },
		{ "values", judge_topology_values, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* A term without conditions is the same as none, of which there is one. */
static void judge_topology_term(struct judge *j, const struct place *p)
{
	struct place list;

	at(p, "matchLabelExpressions", &list);
	if (at_is_map(p) && !at_count(&list))
		at_missing(j, p, "matchLabelExpressions", "");
	at_items(j, &list, judge_topology);
	at_unique(j, &list, "key");
}

static void judge_topologies(struct judge *j, const struct place *p)
{
	struct place term;

	at_items(j, p, judge_topology_term);
	for (uint32_t i = 1; at_is_list(p) && i < p->node->n && i < 100; i++)
		for (uint32_t k = 0; k < i; k++)
			if (at_item(p, i, &term) &&
			    node_equal(term.node, p->node->items[k]))
				at_error(j, &term, "value-duplicate", "is the "
					 "same as the item in line %u",
					 p->node->items[k]->mark.line);
}

void judge_storage_class(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "allowedTopologies", judge_topologies, ANY },
		{ "parameters", judge_parameters, ANY },
		{ "provisioner", judge_provisioner, FILLED },
	};
	struct place p;

	at_fields(j, root, fields, ARRAY_SIZE(fields));
	if (at(root, "reclaimPolicy", &p) && at_filled(root, "reclaimPolicy"))
		JUDGE_WORDS(j, &p, "Delete", "Retain");
	/* "" is no default here */
	if (at(root, "volumeBindingMode", &p) && node_text(p.node))
		JUDGE_WORDS(j, &p, "Immediate", "WaitForFirstConsumer");
}

void judge_attributes_class(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "driverName", judge_provisioner, FILLED },
		{ "parameters", judge_parameters, MUST },
	};

	at_fields(j, root, fields, ARRAY_SIZE(fields));
}

/* ---- CSIDriver ---- */

static void judge_token_seconds(struct judge *j, const struct place *p)
{
	judge_range(j, p, TOKEN_SECONDS_MIN, TOKEN_SECONDS_MAX);
}

static void judge_token(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "expirationSeconds", judge_token_seconds, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* No audience is one, too. */
static void judge_tokens(struct judge *j, const struct place *p)
{
	const struct node *first = NULL;
	struct place item;

	at_items(j, p, judge_token);
	at_unique(j, p, "audience");
	for (uint32_t i = 0; at_is_list(p) && i < p->node->n; i++) {
		if (!at_item(p, i, &item) || !at_is_map(&item) ||
		    at_filled(&item, "audience"))
			continue;
		if (first)
			at_error(j, &item, "value-duplicate", "is a second "
				 "one without an audience: the first is in "
				 "line %u", first->mark.line);
		else
			first = item.node;
	}
}

static void judge_lifecycle(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "Persistent", "Ephemeral");
}

static void judge_lifecycles(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_lifecycle);
}

static void judge_update_seconds(struct judge *j, const struct place *p)
{
	judge_range(j, p, UPDATE_SECONDS_MIN, INT64_MAX);
}

void judge_csi_driver(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "nodeAllocatableUpdatePeriodSeconds", judge_update_seconds,
		  ANY },
		{ "tokenRequests", judge_tokens, ANY },
		{ "volumeLifecycleModes", judge_lifecycles, ANY },
	};
	struct place spec, p;

	if (!at(root, "spec", &spec))
		return;
	at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	/* "" is no default here */
	if (at(&spec, "fsGroupPolicy", &p) && node_text(p.node))
		JUDGE_WORDS(j, &p, "ReadWriteOnceWithFSType", "File", "None");
	if (at(&spec, "serviceAccountTokenInSecrets", &p) &&
	    !at_filled(&spec, "tokenRequests"))
		at_key_error(j, &p, "value-forbidden", "cannot be set without "
			     "tokenRequests");
}

/* ---- what a driver itself writes ---- */

static void judge_node_id(struct judge *j, const struct place *p)
{
	if (p->node->n > NODE_ID_MAX)
		at_error(j, p, "value-range", "must be no longer than %d "
			 "bytes", NODE_ID_MAX);
}

static void judge_allocatable(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "count", judge_not_negative, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_topology_keys(struct judge *j, const struct place *p)
{
	at_texts(j, p, judge_label_key);
	at_unique(j, p, NULL);
}

static void judge_node_driver(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "allocatable", judge_allocatable, ANY },
		{ "name", judge_csi_driver_name, FILLED },
		{ "nodeID", judge_node_id, FILLED },
		{ "topologyKeys", judge_topology_keys, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_csi_node(struct judge *j, const struct place *root)
{
	struct place spec, drivers;

	if (!at(root, "spec", &spec) || !at(&spec, "drivers", &drivers))
		return;
	at_items(j, &drivers, judge_node_driver);
}

void judge_storage_capacity(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "capacity", judge_quantity_not_negative, ANY },
		{ "nodeTopology", judge_selector, ANY },
		{ "storageClassName", judge_class_name, ANY },
	};

	at_fields(j, root, fields, ARRAY_SIZE(fields));
}

static void judge_attachment_source(struct judge *j, const struct place *p)
{
	static const char *const ways[] = {
		"inlineVolumeSpec", "persistentVolumeName", NULL
	};
	static const struct field fields[] = {
		{ "persistentVolumeName", judge_dns_subdomain, FILLED },
	};
	struct place one;

	at_one_of(j, p, ways, false, &one);
	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_attachment(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "attacher", judge_csi_driver_name, FILLED },
		{ "nodeName", judge_dns_subdomain, ANY },
		{ "source", judge_attachment_source, ANY },
	};
	struct place spec;

	if (at(root, "spec", &spec))
		at_fields(j, &spec, fields, ARRAY_SIZE(fields));
}
