/*
 * PersistentVolumeClaims, and the templates of them in other kinds. As
 * core/validation has them.
 */
#include "config.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/kinds.h"
#include "schema/values/quantity.h"
#include "schema/values/storage.h"

void judge_class_name(struct judge *j, const struct place *p)
{
	judge_dns_subdomain(j, p);
}

static void judge_access_mode(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany",
		    "ReadWriteOncePod");
}

void judge_access_modes(struct judge *j, const struct place *p)
{
	bool single = false, other = false;
	struct place mode;

	at_texts(j, p, judge_access_mode);
	for (uint32_t i = 0; at_is_list(p) && i < p->node->n; i++) {
		const char *s = at_item(p, i, &mode) ? at_text(&mode) : NULL;

		single |= s && !strcmp(s, "ReadWriteOncePod");
		other |= s && strcmp(s, "ReadWriteOncePod");
	}
	if (single && other)
		at_error(j, p, "value-conflict", "cannot have ReadWriteOncePod "
			 "together with other modes");
}

static void judge_data_source(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "apiGroup", judge_dns_subdomain, OR_EMPTY },
		{ "kind", NULL, MUST },
		{ "name", NULL, MUST },
		{ "namespace", judge_dns_label, OR_EMPTY },
	};
	const char *kind = at_key_text(p, "kind", NULL);

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (kind && !at_filled(p, "apiGroup") &&
	    strcmp(kind, "PersistentVolumeClaim"))
		at_missing(j, p, "apiGroup", " of all kinds but "
			   "PersistentVolumeClaim");
}

static bool same_text(const struct place *a, const struct place *b,
		      const char *key)
{
	const char *x = at_key_text(a, key, ""), *y = at_key_text(b, key, "");

	return !strcmp(x, y) && at_has(a, key) == at_has(b, key);
}

/* Of a claim itself, the API server drops any other one. */
static bool is_kept_source(const struct place *p)
{
	const char *kind = at_key_text(p, "kind", "");
	const char *group = at_key_text(p, "apiGroup", "");

	return *group ? !strcmp(group, "snapshot.storage.k8s.io") &&
			!strcmp(kind, "VolumeSnapshot") :
			!strcmp(kind, "PersistentVolumeClaim");
}

static void check_sources(struct judge *j, const struct place *spec)
{
	bool template = strcmp(j->o->id.kind, "PersistentVolumeClaim") != 0;
	struct place source, ref;

	if (!at(spec, "dataSource", &source) ||
	    (!template && !is_kept_source(&source)))
		return;
	judge_data_source(j, &source);
	if (!at(spec, "dataSourceRef", &ref))
		return;
	if (at_filled(&ref, "namespace"))
		at_key_error(j, &source, "value-conflict", "cannot be set "
			     "beside a dataSourceRef with a namespace");
	else if (!same_text(&source, &ref, "apiGroup") ||
		 !same_text(&source, &ref, "kind") ||
		 !same_text(&source, &ref, "name"))
		at_key_error(j, &source, "value-conflict", "is not what "
			     "dataSourceRef says: remove one of the two");
}

static void check_size(struct judge *j, const struct place *spec)
{
	struct place resources, requests, storage;

	at(spec, "resources", &resources);
	at(&resources, "requests", &requests);
	if (at(&requests, "storage", &storage))
		judge_quantity_positive(j, &storage);
	else
		at_error(j, requests.node ? &requests : resources.node ?
			 &resources : spec, "value-required", "has no %s, "
			 "which is required: how much space is asked for",
			 requests.node ? "'storage'" : resources.node ?
			 "'requests.storage'" :
			 "'resources.requests.storage'");
}

void judge_claim_spec(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "accessModes", judge_access_modes, MUST },
		{ "dataSourceRef", judge_data_source, ANY },
		{ "selector", judge_selector, ANY },
		{ "storageClassName", judge_class_name, OR_EMPTY },
		{ "volumeAttributesClassName", judge_class_name, OR_EMPTY },
	};
	struct place mode;

	if (!at_is_map(p))
		return;
	at_fields(j, p, fields, ARRAY_SIZE(fields));
	check_size(j, p);
	check_sources(j, p);
	/* "" is no default here */
	if (at(p, "volumeMode", &mode) && node_text(mode.node))
		JUDGE_WORDS(j, &mode, "Filesystem", "Block");
}

void judge_persistent_volume_claim(struct judge *j, const struct place *root)
{
	struct place spec;

	if (at(root, "spec", &spec))
		judge_claim_spec(j, &spec);
	else
		at_missing(j, root, "spec", "");
}
