/*
 * What Kubernetes gave up. See retired.h. Most of the table is made from
 * Kubernetes' own sources; those whose types are not even there any more are
 * from its deprecation guide (kubernetes.io/docs/reference/using-api) and its
 * release notes.
 */
#include "config.h"
#include "schema/retired.h"

#include <string.h>

#include "schema/base/mem.h"

#define RETIRED(g, v, k, d, r, instead) \
	{ .group = g, .version = v, .kind = k, .deprecated = d, \
	  .removed = r, .replacement = instead },
static const struct retired table[] = {
#include "schema/retired.inc"
	RETIRED("", "v1", "ComponentStatus", 19, 0, "")
	RETIRED("", "v1", "Endpoints", 33, 0,
		"discovery.k8s.io/v1 EndpointSlice")
	RETIRED("autoscaling", "v2beta1", "HorizontalPodAutoscaler", 22, 25,
		"autoscaling/v2 HorizontalPodAutoscaler")
	RETIRED("autoscaling", "v2beta2", "HorizontalPodAutoscaler", 23, 26,
		"autoscaling/v2 HorizontalPodAutoscaler")
	RETIRED("batch", "v2alpha1", "CronJob", 0, 21, "batch/v1 CronJob")
	RETIRED("extensions", "v1beta1", "PodSecurityPolicy", 10, 16,
		"the pod-security.kubernetes.io labels of a Namespace")
	RETIRED("policy", "v1beta1", "PodSecurityPolicy", 21, 25,
		"the pod-security.kubernetes.io labels of a Namespace")
	RETIRED("rbac.authorization.k8s.io", "v1alpha1", "ClusterRole", 17,
		23, "rbac.authorization.k8s.io/v1 ClusterRole")
	RETIRED("rbac.authorization.k8s.io", "v1alpha1", "ClusterRoleBinding",
		17, 23, "rbac.authorization.k8s.io/v1 ClusterRoleBinding")
	RETIRED("rbac.authorization.k8s.io", "v1alpha1", "Role", 17, 23,
		"rbac.authorization.k8s.io/v1 Role")
	RETIRED("rbac.authorization.k8s.io", "v1alpha1", "RoleBinding", 17,
		23, "rbac.authorization.k8s.io/v1 RoleBinding")
	RETIRED("scheduling.k8s.io", "v1alpha1", "PriorityClass", 14, 23,
		"scheduling.k8s.io/v1 PriorityClass")
	RETIRED("settings.k8s.io", "v1alpha1", "PodPreset", 0, 20,
		"a mutating webhook")
};
#undef RETIRED

const struct retired *retired_lookup(const struct object_id *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (*table[i].kind == *id->kind &&
		    !strcmp(table[i].kind, id->kind) &&
		    !strcmp(table[i].version, id->version) &&
		    !strcmp(table[i].group, id->group))
			return &table[i];
	return NULL;
}
