/*
 * The volumes of a pod. Those that PersistentVolumes are, too, are judged in
 * source.c.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "schema/limits.h"
#include "schema/values/common.h"
#include "schema/values/pod.h"
#include "schema/values/quantity.h"
#include "schema/values/storage.h"

#define ISCSI_NAME_MAX 64

/* ---- files with keys of something ---- */

void judge_file_mode(struct judge *j, const struct place *p)
{
	int64_t v;

	if (at_int(p, &v) && (v < 0 || v > 0777))
		at_error(j, p, "value-range", "must be between 0 and 0777 "
			 "(511), not %lld", (long long)v);
}

void judge_file_path(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);

	judge_descending(j, p);
	if (s && !strncmp(s, "..", 2) && s[2] && s[2] != '/')
		at_error(j, p, "value-format", "must not begin with '..'");
}

static void judge_item(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "key", NULL, FILLED },
		{ "mode", judge_file_mode, ANY },
		{ "path", judge_file_path, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_items(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_item);
}

static void judge_secret(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "defaultMode", judge_file_mode, ANY },
		{ "items", judge_items, ANY },
		{ "secretName", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_config_map(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "defaultMode", judge_file_mode, ANY },
		{ "items", judge_items, ANY },
		{ "name", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* ---- files with fields of the pod ---- */

static void judge_downward_file(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "fieldRef", judge_volume_field, ANY },
		{ "mode", judge_file_mode, ANY },
		{ "path", judge_file_path, FILLED },
		{ "resourceFieldRef", judge_volume_resource, ANY },
	};
	static const char *const sources[] = {
		"fieldRef", "resourceFieldRef", NULL
	};
	struct place one;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	at_one_of(j, p, sources, false, &one);
}

static void judge_downward_files(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_downward_file);
}

void judge_downward(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "defaultMode", judge_file_mode, ANY },
		{ "items", judge_downward_files, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* ---- other volumes of pods alone ---- */

static void judge_empty_dir(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "sizeLimit", judge_quantity_not_negative, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_claim_volume(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "claimName", NULL, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* Nothing but labels and annotations is taken over. */
static void judge_claim_metadata(struct judge *j, const struct place *p)
{
	static const char *const others[] = {
		"name", "generateName", "namespace", "selfLink", "uid",
		"resourceVersion", "generation", "creationTimestamp",
		"deletionTimestamp", "deletionGracePeriodSeconds",
		"ownerReferences", "finalizers", "managedFields", NULL
	};

	judge_template_metadata(j, p);
	at_forbid(j, p, others, "here: the claim has them from its pod");
}

static void judge_claim_template(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "metadata", judge_claim_metadata, ANY },
		{ "spec", judge_claim_spec, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_ephemeral(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "volumeClaimTemplate", judge_claim_template, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at_is_map(p) && !at_has(p, "volumeClaimTemplate"))
		at_missing(j, p, "volumeClaimTemplate", "");
}

static void judge_secret_name(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_dns_subdomain, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_csi(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "driver", judge_csi_driver_name, FILLED },
		{ "nodePublishSecretRef", judge_secret_name, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* A template may leave it to what makes the pods. */
static void judge_image(struct judge *j, const struct place *p)
{
	if (at_is_map(p) && !j->pod->is_template &&
	    !at_filled(p, "reference"))
		at_missing(j, p, "reference", "");
}

static void judge_git_repo(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "directory", judge_descending, ANY },
		{ "repository", NULL, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* ---- of the old drivers, where a Secret is in the pod's namespace ---- */

static void judge_named(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_azure_file(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "secretName", NULL, FILLED },
		{ "shareName", NULL, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_cinder(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "secretRef", judge_named, ANY },
		{ "volumeID", NULL, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_glusterfs(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "endpoints", NULL, FILLED },
		{ "path", NULL, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_storage_os(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "secretRef", judge_named, ANY },
		{ "volumeName", judge_dns_label, MUST },
		{ "volumeNamespace", judge_dns_label, OR_EMPTY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_pod_iscsi(struct judge *j, const struct place *p)
{
	const char *portal = at_key_text(p, "targetPortal", "");
	const char *name = at_key_text(p->up, "name", "");
	struct place initiator;

	judge_iscsi(j, p);
	if (at(p, "initiatorName", &initiator) &&
	    strlen(name) + 1 + strlen(portal) > ISCSI_NAME_MAX)
		at_error(j, p, "value-range", "has an initiatorName: the "
			 "volume's name and the targetPortal can have %d bytes "
			 "together", ISCSI_NAME_MAX - 1);
}

/* ---- a volume ---- */

static const struct field sources[] = {
	{ "awsElasticBlockStore", judge_aws_disk, ANY },
	{ "azureDisk", judge_azure_disk, ANY },
	{ "azureFile", judge_azure_file, ANY },
	{ "cephfs", judge_cephfs, ANY },
	{ "cinder", judge_cinder, ANY },
	{ "configMap", judge_config_map, ANY },
	{ "csi", judge_csi, ANY },
	{ "downwardAPI", judge_downward, ANY },
	{ "emptyDir", judge_empty_dir, ANY },
	{ "ephemeral", judge_ephemeral, ANY },
	{ "fc", judge_fibre_channel, ANY },
	{ "flexVolume", judge_flex, ANY },
	{ "flocker", judge_flocker, ANY },
	{ "gcePersistentDisk", judge_gce_disk, ANY },
	{ "gitRepo", judge_git_repo, ANY },
	{ "glusterfs", judge_glusterfs, ANY },
	{ "hostPath", judge_host_path, ANY },
	{ "image", judge_image, ANY },
	{ "iscsi", judge_pod_iscsi, ANY },
	{ "name", judge_dns_label, FILLED },
	{ "nfs", judge_nfs, ANY },
	{ "persistentVolumeClaim", judge_claim_volume, ANY },
	{ "photonPersistentDisk", judge_photon, ANY },
	{ "portworxVolume", judge_portworx, ANY },
	{ "projected", judge_projected, ANY },
	{ "quobyte", judge_quobyte, ANY },
	{ "rbd", judge_rbd, ANY },
	{ "scaleIO", judge_scale_io, ANY },
	{ "secret", judge_secret, ANY },
	{ "storageos", judge_storage_os, ANY },
	{ "vsphereVolume", judge_vsphere, ANY },
};

/* Of a source and a name there can be one each. A volume of nothing is an
 * emptyDir. */
static void judge_sources(struct judge *j, const struct place *volume)
{
	const char *first = NULL;
	struct place p;

	for (uint32_t i = 0; i < volume->node->n; i++) {
		const char *key = volume->node->pairs[i].key;

		if (!strcmp(key, "name") || !at(volume, key, &p))
			continue;
		if (first)
			at_key_error(j, &p, "value-conflict", "cannot be set "
				     "beside '%s': a volume is of one kind",
				     first);
		else
			first = key;
	}
}

/* The claim that is made for it has the pod's name and the volume's. */
static void judge_claim_length(struct judge *j, const struct place *volume)
{
	char name[2 * LIMIT_NAME_BYTES + 2];
	struct place p;

	if (j->pod->is_template || !at_has(volume, "ephemeral") ||
	    !at(volume, "name", &p) || !at_text(&p) ||
	    !is_dns_label(at_text(&p)))
		return;
	snprintf(name, sizeof(name), "%s-%s", j->o->id.name, at_text(&p));
	if (!is_dns_subdomain(name))
		at_error(j, &p, "value-range", "is too long: the name of its "
			 "claim is that of the pod, - and this");
}

static void judge_volume(struct judge *j, const struct place *p)
{
	if (!at_is_map(p))
		return;
	at_fields(j, p, sources, ARRAY_SIZE(sources));
	judge_sources(j, p);
	judge_claim_length(j, p);
}

void judge_volumes(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_volume);
}
