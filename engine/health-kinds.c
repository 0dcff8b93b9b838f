/*
 * Kinds whose status speaks in words of its own: which field, and what its
 * words mean. What is not here is judged by habit (health-custom.c). Facts
 * are those of the kinds' own documentation and of Argo CD's tables.
 */
#include "config.h"
#include "engine/health-judged.h"

#include <string.h>

#include "schema/base/mem.h"

/* without the field */
#define P HEALTH_PROGRESSING	/* nobody has looked at the object yet */
#define H HEALTH_HEALTHY	/* nothing to wait for */
#define U HEALTH_UNKNOWN	/* the other rows and the habits decide */

/* group, kind, path, then the words: failed, progressing, suspended, healthy */
static const struct health_kind kinds[] = {
	{ "*.cnrm.cloud.google.com", "*",
	  "status.healthy",
	  "false", NULL, NULL, NULL, U },
	{ "*.elastic.co", "*",
	  "status.health",
	  "red", "yellow|unknown", NULL, "green", P },
	{ "*.elastic.co", "*",
	  "status.phase",
	  "Invalid", "ApplyingChanges|MigratingData|Stalled", NULL,
	  "Ready", U },
	{ "*.solo.io", "*",
	  "status.statuses.*.state",
	  "Rejected|Warning|2|3", NULL, "Pending|0", "Accepted|1", U },
	{ "*.solo.io", "*",
	  "status.state",
	  "Rejected|Warning|2|3", NULL, "Pending|0", "Accepted|1", U },
	{ "acid.zalan.do", "postgresql",
	  "status.PostgresClusterStatus",
	  "CreateFailed|UpdateFailed|SyncFailed|Invalid",
	  "Creating|Updating", NULL, "Running", P },
	{ "apps.kruise.io", "BroadcastJob",
	  "status.phase",
	  "failed", "running", "paused", "completed", P },
	{ "argoproj.io", "AnalysisRun",
	  "status.phase",
	  "Failed|Error", "Pending|Running", NULL, "Successful", P },
	{ "argoproj.io", "Application",
	  "status.health.status",
	  "Degraded", "Progressing|Missing", "Suspended", "Healthy|Unknown",
	  P },
	{ "argoproj.io", "ApplicationSet",
	  "status.conditions.RolloutProgressing.status",
	  NULL, "True", NULL, NULL, U },
	{ "argoproj.io", "CronWorkflow",
	  "status.conditions",
	  NULL, NULL, NULL, NULL, H },
	{ "argoproj.io", "Experiment",
	  "status.phase",
	  "Failed|Error", "Pending|Running", NULL, "Successful", P },
	{ "argoproj.io", "Rollout",
	  "status.phase",
	  "Degraded", "Progressing", "Paused", "Healthy", U },
	{ "argoproj.io", "Rollout",
	  "status.controllerPause",
	  NULL, NULL, "true", NULL, U },
	{ "argoproj.io", "Workflow",
	  "status.phase",
	  "Failed|Error", "Pending|Running", NULL, "Succeeded", P },
	{ "astra.netapp.io", "AppVault",
	  "status.state",
	  "failed|error", "pending", NULL, "available", P },
	{ "astra.netapp.io", "*",
	  "status.state",
	  "Failed|Error", "Running", NULL, "Completed|available", U },
	{ "bitnami.com", "SealedSecret",
	  "status.conditions.Synced.status",
	  "False", NULL, NULL, NULL, U },
	{ "ceph.rook.io", "CephCluster",
	  "status.ceph.health",
	  "HEALTH_ERR|HEALTH_WARN", NULL, NULL, "HEALTH_OK", U },
	{ "ceph.rook.io", "CephCluster",
	  "status.state",
	  "Error", "Creating|Connecting|Updating", NULL,
	  "Created|Connected", P },
	{ "clickhouse-keeper.altinity.com", "*",
	  "status.status",
	  "Failed|Aborted", "InProgress|Terminating", NULL, "Completed", P },
	{ "clickhouse.altinity.com", "*",
	  "status.status",
	  "Failed|Aborted", "InProgress|Terminating", NULL, "Completed", P },
	{ "cluster.x-k8s.io", "MachinePool",
	  "status.phase",
	  "Failed", "Pending|Provisioning|ScalingUp|ScalingDown|Deleting",
	  NULL, "Running|Provisioned|Scaling", U },
	{ "core.gardener.cloud", "Shoot",
	  "status.lastOperation.state",
	  "Error|Failed|Aborted", "Pending|Processing", NULL, NULL, U },
	{ "core.humio.com", "*",
	  "status.state",
	  "ConfigError", "NotFound|Pending|Restarting|Upgrading", NULL,
	  "Exists|Running", P },
	{ "external-secrets.io", "ClusterExternalSecret",
	  "status.conditions.NotReady.status",
	  "True", NULL, NULL, NULL, U },
	{ "flink.apache.org", "FlinkDeployment",
	  "status.jobManagerDeploymentStatus",
	  "ERROR", "DEPLOYING|DEPLOYED_NOT_READY", "MISSING", "READY", P },
	{ "grafana.integreatly.org", "Grafana",
	  "status.stageStatus",
	  "failed", NULL, NULL, "success", P },
	{ "grafana.integreatly.org", "Grafana",
	  "status.stage",
	  NULL, "config|deployment|ingress|admin user|persistent volume|"
	  "pvc|service account|service|plugins", NULL, "complete", U },
	{ "iammanager.keikoproj.io", "Iamrole",
	  "status.state",
	  "Error|PolicyNotAllowed|RolesMaxLimitReached|"
	  "RoleNameNotAvailable", "CreateInProgress|DeleteInProgress", NULL,
	  "Ready", P },
	{ "jaegertracing.io", "Jaeger",
	  "status.phase",
	  "Failed", NULL, NULL, "Running", P },
	{ "k8s.mariadb.com", "*",
	  "status.conditions.Complete.message",
	  "Failed", NULL, NULL, NULL, U },
	{ "kafka.banzaicloud.io", "KafkaCluster",
	  "status.state",
	  "ClusterRollingUpgradeFailed",
	  "ClusterReconciling|ClusterRollingUpgrading", NULL,
	  "ClusterRunning", P },
	{ "kafka.strimzi.io", "*",
	  "status.conditions.NotReady.status",
	  "True", NULL, NULL, NULL, U },
	{ "karpenter.sh", "NodeClaim",
	  "status.conditions.Disrupting.status",
	  NULL, NULL, "True", NULL, U },
	{ "karpenter.sh", "NodeClaim",
	  "status.conditions.Ready.status", NULL, NULL, NULL, NULL, P },
	{ "keda.sh", "ScaledObject",
	  "status.conditions.Fallback.status",
	  "True", NULL, NULL, NULL, U },
	{ "kiali.io", "Kiali",
	  "status.conditions.Successful.status",
	  NULL, "False", NULL, NULL, U },
	{ "kubevirt.io", "VirtualMachine",
	  "status.printableStatus",
	  "CrashLoopBackOff|ErrorUnschedulable|ErrImagePull|"
	  "ImagePullBackOff|ErrorPvcNotFound|DataVolumeError",
	  "Starting|Provisioning|WaitingForVolumeBinding|Migrating|"
	  "Stopping|Terminating",
	  "Stopped|Paused", "Running", U },
	{ "lifecycle.keptn.sh", "KeptnEvaluation",
	  "status.overallStatus",
	  "Failed", "Pending|Progressing", NULL, "Succeeded|Passed", P },
	{ "metrics.keptn.sh", "KeptnMetric",
	  "status.errMsg", "*", NULL, NULL, NULL, U },
	{ "metrics.keptn.sh", "KeptnMetric",
	  "status", NULL, NULL, NULL, NULL, P },
	{ "minio.min.io", "Tenant",
	  "status.currentState",
	  "Another MinIO Tenant already exists in the namespace|"
	  "Different versions across MinIO Pools|"
	  "Pool Decommissioning Not Allowed|"
	  "Tenant credentials are not set properly|"
	  "Statefulset not controlled by operator", NULL, NULL,
	  "Initialized", P },
	{ "monitoring.coreos.com", "*",
	  "status.conditions.Available.status",
	  "False", "Degraded|Unknown", NULL, NULL, U },
	{ "networking.gke.io", "ManagedCertificate",
	  "status.certificateStatus",
	  "ProvisioningFailed|ProvisioningFailedPermanently|"
	  "RenewalFailed", "Provisioning", NULL, "Active", P },
	{ "onepassword.com", "OnePasswordItem",
	  "status.conditions.Ready.status",
	  "False", NULL, NULL, NULL, U },
	{ "operator.victoriametrics.com", "*",
	  "status.updateStatus",
	  "failed", "expanding", "paused", "operational", P },
	{ "policy.open-cluster-management.io", "*",
	  "status.compliant",
	  "NonCompliant", "Pending", NULL, "Compliant", U },
	{ "policy.open-cluster-management.io", "ConfigurationPolicy",
	  "status.compliant", NULL, NULL, NULL, NULL, P },
	{ "policy.open-cluster-management.io", "CertificatePolicy",
	  "status.compliant", NULL, NULL, NULL, NULL, P },
	{ "promoter.argoproj.io", "*",
	  "status.conditions.Ready.status",
	  NULL, NULL, NULL, NULL, P },
	{ "snapshot.storage.k8s.io", "*",
	  "status.error.message",
	  "*", NULL, NULL, NULL, U },
	{ "snapshot.storage.k8s.io", "*",
	  "status.readyToUse",
	  NULL, "false", NULL, "true", P },
	{ "source.toolkit.fluxcd.io", "HelmRepository",
	  "spec.type",
	  NULL, NULL, NULL, "oci", U },
	{ "sparkoperator.k8s.io", "SparkApplication",
	  "status.applicationState.state",
	  "FAILED|FAILED_SUBMISSION|SUBMISSION_FAILED|FAILING",
	  "NEW|SUBMITTED|PENDING_RERUN|INVALIDATING|SUCCEEDING|"
	  "PENDING_SUBMISSION", NULL, "RUNNING|COMPLETED", P },
	{ "tower.ansible.com", "AnsibleJob",
	  "status.ansibleJobResult.status",
	  "failed|error|canceled", "new|pending|waiting|running", NULL,
	  "successful", P },
	{ "trident.netapp.io", "TridentBackendConfig",
	  "status.lastOperationStatus",
	  "Failed", "Progressing", NULL, "Success", U },
	{ "*.solo.io", "*",
	  "status", NULL, NULL, NULL, NULL, P },
	{ "zookeeper.pravega.io", "ZookeeperCluster",
	  "status", NULL, NULL, NULL, NULL, P },
	{ "solr.apache.org", "SolrCloud",
	  "status", NULL, NULL, NULL, NULL, P },
	{ "game.kruise.io", "*",
	  "status", NULL, NULL, NULL, NULL, P },
	{ "numaflow.numaproj.io", "*",
	  "status", NULL, NULL, NULL, NULL, P },
	{ "argoproj.io", "Rollout",
	  "status", NULL, NULL, NULL, NULL, P },
	{ "grafana.integreatly.org", "*",
	  "status", NULL, NULL, NULL, NULL, P },
};

static bool is_group(const char *want, const char *group)
{
	size_t w = strlen(want), g = strlen(group);

	if (want[0] != '*')
		return !strcmp(want, group);
	return g >= w && !strcmp(group + g - (w - 1), want + 1);
}

const struct health_kind *health_kind_next(const char *group,
					   const char *kind, size_t *at)
{
	while (*at < ARRAY_SIZE(kinds)) {
		const struct health_kind *k = &kinds[(*at)++];

		if (is_group(k->group, group) &&
		    (!strcmp(k->kind, "*") || !strcmp(k->kind, kind)))
			return k;
	}
	return NULL;
}
