/*
 * Who judges which kind. See values.h. All served versions of a kind have
 * the same fields under the same names, so the judges do not ask for it.
 */
#include "config.h"
#include "schema/values/values.h"

#include <string.h>

#include "schema/values/kinds.h"

/* Sorted by kind, then group. */
static const struct {
	const char *kind, *group;
	judge_fn *judge;
} kinds[] = {
	{ "APIService", "apiregistration.k8s.io", judge_api_service },
	{ "CSIDriver", "storage.k8s.io", judge_csi_driver },
	{ "CSINode", "storage.k8s.io", judge_csi_node },
	{ "CSIStorageCapacity", "storage.k8s.io", judge_storage_capacity },
	{ "ClusterRole", "rbac.authorization.k8s.io", judge_cluster_role },
	{ "ClusterRoleBinding", "rbac.authorization.k8s.io",
	  judge_cluster_role_binding },
	{ "CronJob", "batch", judge_cron_job },
	{ "DaemonSet", "apps", judge_daemon_set },
	{ "Deployment", "apps", judge_deployment },
	{ "EndpointSlice", "discovery.k8s.io", judge_endpoint_slice },
	{ "Endpoints", "", judge_endpoints },
	{ "FlowSchema", "flowcontrol.apiserver.k8s.io", judge_flow_schema },
	{ "HorizontalPodAutoscaler", "autoscaling", judge_autoscaler },
	{ "IPAddress", "networking.k8s.io", judge_ip_address },
	{ "Ingress", "networking.k8s.io", judge_ingress },
	{ "IngressClass", "networking.k8s.io", judge_ingress_class },
	{ "Job", "batch", judge_job },
	{ "Lease", "coordination.k8s.io", judge_lease },
	{ "LimitRange", "", judge_limit_range },
	{ "MutatingAdmissionPolicy", "admissionregistration.k8s.io",
	  judge_mutating_policy },
	{ "MutatingAdmissionPolicyBinding", "admissionregistration.k8s.io",
	  judge_mutating_binding },
	{ "MutatingWebhookConfiguration", "admissionregistration.k8s.io",
	  judge_webhooks },
	{ "Namespace", "", judge_namespace },
	{ "NetworkPolicy", "networking.k8s.io", judge_network_policy },
	{ "PersistentVolume", "", judge_persistent_volume },
	{ "PersistentVolumeClaim", "", judge_persistent_volume_claim },
	{ "Pod", "", judge_pod },
	{ "PodDisruptionBudget", "policy", judge_disruption_budget },
	{ "PodTemplate", "", judge_pod_template_object },
	{ "PriorityClass", "scheduling.k8s.io", judge_priority_class },
	{ "PriorityLevelConfiguration", "flowcontrol.apiserver.k8s.io",
	  judge_priority_level },
	{ "ReplicaSet", "apps", judge_replica_set },
	{ "ReplicationController", "", judge_replication_controller },
	{ "ResourceQuota", "", judge_resource_quota },
	{ "Role", "rbac.authorization.k8s.io", judge_role },
	{ "RoleBinding", "rbac.authorization.k8s.io", judge_role_binding },
	{ "RuntimeClass", "node.k8s.io", judge_runtime_class },
	{ "Secret", "", judge_secret },
	{ "Service", "", judge_service },
	{ "ServiceCIDR", "networking.k8s.io", judge_service_cidr },
	{ "StatefulSet", "apps", judge_stateful_set },
	{ "StorageClass", "storage.k8s.io", judge_storage_class },
	{ "ValidatingAdmissionPolicy", "admissionregistration.k8s.io",
	  judge_validating_policy },
	{ "ValidatingAdmissionPolicyBinding", "admissionregistration.k8s.io",
	  judge_validating_binding },
	{ "ValidatingWebhookConfiguration", "admissionregistration.k8s.io",
	  judge_webhooks },
	{ "VolumeAttachment", "storage.k8s.io", judge_attachment },
	{ "VolumeAttributesClass", "storage.k8s.io", judge_attributes_class },
};

static judge_fn *judge_of(const struct object_id *id)
{
	size_t lo = 0, hi = ARRAY_SIZE(kinds);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(id->kind, kinds[mid].kind);

		if (!order)
			order = strcmp(id->group, kinds[mid].group);
		if (!order)
			return kinds[mid].judge;
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

int values_check(const struct object *o, unsigned minor, size_t first,
		 struct problems *ps)
{
	struct judge j = { .o = o, .ps = ps, .minor = minor, .said = first,
			   .said_end = ps->n };
	struct place root = { .node = o->root };
	judge_fn *judge = judge_of(&o->id);

	if (judge)
		judge(&j, &root);
	return j.rc;
}
