/*
 * PersistentVolumes. As core/validation has them.
 */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "schema/values/common.h"
#include "schema/values/kinds.h"
#include "schema/values/quantity.h"
#include "schema/values/storage.h"

#define ISCSI_NAME_MAX 64

/* ---- Secrets in a namespace ---- */

static void judge_secret_ref(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_dns_subdomain, MUST },
		{ "namespace", judge_dns_label, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* One of an older kind, whose name may be anything. */
static void judge_old_secret(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", NULL, MUST },
		{ "namespace", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* ---- sources that only a PersistentVolume has ---- */

static void judge_local(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "path", judge_no_backsteps, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_csi(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "controllerExpandSecretRef", judge_secret_ref, ANY },
		{ "controllerPublishSecretRef", judge_secret_ref, ANY },
		{ "driver", judge_csi_driver_name, FILLED },
		{ "nodeExpandSecretRef", judge_secret_ref, ANY },
		{ "nodePublishSecretRef", judge_secret_ref, ANY },
		{ "volumeHandle", NULL, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_glusterfs(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "endpoints", NULL, MUST },
		{ "endpointsNamespace", judge_dns_label, ANY },
		{ "path", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_cinder(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "secretRef", judge_old_secret, ANY },
		{ "volumeID", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_azure_file(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "secretName", NULL, MUST },
		{ "secretNamespace", NULL, FILLED },
		{ "shareName", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_storage_os(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "secretRef", judge_old_secret, ANY },
		{ "volumeName", judge_dns_label, MUST },
		{ "volumeNamespace", judge_dns_label, OR_EMPTY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_named(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_volume_iscsi(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "secretRef", judge_named, ANY },
	};
	const char *portal = at_key_text(p, "targetPortal", "");
	struct place at_portal;

	judge_iscsi(j, p);
	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at_has(p, "initiatorName") && at(p, "targetPortal", &at_portal) &&
	    strlen(j->o->id.name) + 1 + strlen(portal) > ISCSI_NAME_MAX)
		at_error(j, &at_portal, "value-range", "and the volume's name "
			 "can have %d bytes together beside an initiatorName",
			 ISCSI_NAME_MAX - 1);
}

/* ---- the spec ---- */

static const struct {
	const char *key;
	judge_fn *judge;
} sources[] = {
	{ "awsElasticBlockStore", judge_aws_disk },
	{ "azureDisk", judge_azure_disk },
	{ "azureFile", judge_azure_file },
	{ "cephfs", judge_cephfs },
	{ "cinder", judge_cinder },
	{ "csi", judge_csi },
	{ "fc", judge_fibre_channel },
	{ "flexVolume", judge_flex },
	{ "flocker", judge_flocker },
	{ "gcePersistentDisk", judge_gce_disk },
	{ "glusterfs", judge_glusterfs },
	{ "hostPath", judge_host_path },
	{ "iscsi", judge_volume_iscsi },
	{ "local", judge_local },
	{ "nfs", judge_nfs },
	{ "photonPersistentDisk", judge_photon },
	{ "portworxVolume", judge_portworx },
	{ "quobyte", judge_quobyte },
	{ "rbd", judge_rbd },
	{ "scaleIO", judge_scale_io },
	{ "storageos", judge_storage_os },
	{ "vsphereVolume", judge_vsphere },
};

static void check_source(struct judge *j, const struct place *spec)
{
	const char *first = NULL;
	struct place p;

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		if (!at(spec, sources[i].key, &p))
			continue;
		sources[i].judge(j, &p);
		if (first)
			at_key_error(j, &p, "value-conflict", "cannot be set "
				     "beside '%s': a volume is in one place",
				     first);
		else
			first = sources[i].key;
	}
	if (!first && at_is_map(spec))
		at_error(j, spec, "value-required", "must say where the "
			 "volume is: csi, nfs, local, hostPath or the like");
	if (at_has(spec, "local") && !at_has(spec, "nodeAffinity"))
		at_missing(j, spec, "nodeAffinity", ": a local volume is on "
			   "one node");
}

static void judge_node_affinity(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "required", judge_node_selector, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at_is_map(p) && !at_has(p, "required"))
		at_missing(j, p, "required", "");
}

static void judge_capacity(struct judge *j, const struct place *p)
{
	at_values(j, p, judge_quantity_positive);
	if (!at_is_map(p))
		return;
	if (!at_has(p, "storage"))
		at_missing(j, p, "storage", ": how much space there is");
	else if (p->node->n > 1)
		at_error(j, p, "value-forbidden", "can have nothing but "
			 "'storage'");
}

static bool is_root(const char *path)
{
	if (*path != '/')
		return false;
	while (*path == '/' || (*path == '.' && strchr("/", path[1])))
		path++;
	return !*path;
}

static void check_recycle(struct judge *j, const struct place *spec)
{
	const char *policy = at_key_text(spec, "persistentVolumeReclaimPolicy",
					 "");
	struct place host, p;

	if (strcmp(policy, "Recycle") || !at(spec, "hostPath", &host) ||
	    !at(spec, "persistentVolumeReclaimPolicy", &p))
		return;
	if (is_root(at_key_text(&host, "path", "")))
		at_error(j, &p, "value-forbidden", "cannot be Recycle for "
			 "the whole of a node's disk");
}

static void check_attributes(struct judge *j, const struct place *spec)
{
	static const struct field fields[] = {
		{ "volumeAttributesClassName", judge_class_name, FILLED },
	};

	at_fields(j, spec, fields, ARRAY_SIZE(fields));
	if (at_has(spec, "volumeAttributesClassName") && !at_has(spec, "csi"))
		at_missing(j, spec, "csi",
			   " beside volumeAttributesClassName");
}

void judge_persistent_volume(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "accessModes", judge_access_modes, MUST },
		{ "capacity", judge_capacity, MUST },
		{ "nodeAffinity", judge_node_affinity, ANY },
		{ "storageClassName", judge_class_name, OR_EMPTY },
	};
	struct place spec, mode;

	if (!at(root, "spec", &spec)) {
		at_missing(j, root, "spec", "");
		return;
	}
	at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	check_source(j, &spec);
	check_recycle(j, &spec);
	check_attributes(j, &spec);
	/* "" is no default here */
	if (at(&spec, "volumeMode", &mode) && node_text(mode.node))
		JUDGE_WORDS(j, &mode, "Filesystem", "Block");
}
