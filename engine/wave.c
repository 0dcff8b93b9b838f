/*
 * Waves. See wave.h. Annotations are what the developer wrote: refused when
 * they are not exactly a number, because guessing an order breaks rollouts.
 */
#include "config.h"
#include "engine/wave.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/wishes.h"

static const struct { const char *group, *kind; enum wave_stage stage; }
stages[] = {
	{ "", "Namespace", STAGE_NAMESPACES },
	{ "apiextensions.k8s.io", "CustomResourceDefinition", STAGE_CRDS },
	{ "", "ConfigMap", STAGE_FOUNDATIONS },
	{ "", "LimitRange", STAGE_FOUNDATIONS },
	{ "", "PersistentVolume", STAGE_FOUNDATIONS },
	{ "", "PersistentVolumeClaim", STAGE_FOUNDATIONS },
	{ "", "ResourceQuota", STAGE_FOUNDATIONS },
	{ "", "Secret", STAGE_FOUNDATIONS },
	{ "", "Service", STAGE_FOUNDATIONS },
	{ "", "ServiceAccount", STAGE_FOUNDATIONS },
	{ "admissionregistration.k8s.io", "ValidatingAdmissionPolicy",
	  STAGE_FOUNDATIONS },
	{ "networking.k8s.io", "IngressClass", STAGE_FOUNDATIONS },
	{ "networking.k8s.io", "NetworkPolicy", STAGE_FOUNDATIONS },
	{ "node.k8s.io", "RuntimeClass", STAGE_FOUNDATIONS },
	{ "rbac.authorization.k8s.io", "ClusterRole", STAGE_FOUNDATIONS },
	{ "rbac.authorization.k8s.io", "ClusterRoleBinding",
	  STAGE_FOUNDATIONS },
	{ "rbac.authorization.k8s.io", "Role", STAGE_FOUNDATIONS },
	{ "rbac.authorization.k8s.io", "RoleBinding", STAGE_FOUNDATIONS },
	{ "scheduling.k8s.io", "PriorityClass", STAGE_FOUNDATIONS },
	{ "storage.k8s.io", "CSIDriver", STAGE_FOUNDATIONS },
	{ "storage.k8s.io", "StorageClass", STAGE_FOUNDATIONS },
	{ "storage.k8s.io", "VolumeAttributesClass", STAGE_FOUNDATIONS },
	{ "admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding",
	  STAGE_HOOKS },
	{ "admissionregistration.k8s.io", "MutatingWebhookConfiguration",
	  STAGE_HOOKS },
	{ "admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding",
	  STAGE_HOOKS },
	{ "admissionregistration.k8s.io", "ValidatingWebhookConfiguration",
	  STAGE_HOOKS },
	{ "apiregistration.k8s.io", "APIService", STAGE_HOOKS },
};

static const char *const annotations[] = {
	WISH_WAVE, "argocd.argoproj.io/sync-wave",
};

enum wave_stage wave_stage(const char *group, const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (!strcmp(group, stages[i].group) &&
		    !strcmp(kind, stages[i].kind))
			return stages[i].stage;
	return STAGE_WORKLOADS;
}

uint16_t wave_order(int number, enum wave_stage stage)
{
	if (number < WAVE_MIN || number > WAVE_MAX)
		BUG("wave number out of range");
	return (uint16_t)((number - WAVE_MIN) * 8 + (int)stage);
}

int wave_number(const struct node *object, int *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(annotations); i++) {
		const char *text = node_path_str(object, "metadata",
						 "annotations", annotations[i],
						 NULL);

		if (!text)
			continue;
		if (wish_wave(text, ret) < 0)
			return err_set(err, ERR_INVALID, "annotation '%s' is "
				       "\"%s\"; it must be a whole number from "
				       "%d to %d", annotations[i], text,
				       WAVE_MIN, WAVE_MAX);
		return 0;
	}
	*ret = 0;
	return 0;
}
