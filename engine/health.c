/*
 * Health by kind. See health.h. One function a kind, all alike: they read
 * status fields, which a broken controller may leave in any state, and fall
 * back to "progressing" where a field is missing.
 */
#include "config.h"
#include "engine/health-judged.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/scope.h"

const char *health_name(enum health h)
{
	static const char *const names[] = {
		"Unknown", "Progressing", "Healthy", "Suspended", "Failed",
	};
	return names[h];
}

enum health health_say(const struct judged *j, enum health h,
		       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(j->reason, HEALTH_REASON_MAX, fmt, ap);
	va_end(ap);
	return h;
}

static const struct node *condition(const struct judged *j, const char *type)
{
	const struct node *list = node_get(j->status, "conditions");

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++) {
		const char *t = node_text(node_get(list->items[i], "type"));

		if (t && !strcmp(t, type))
			return list->items[i];
	}
	return NULL;
}

static bool is_true(const struct node *condition)
{
	const char *s = node_text(node_get(condition, "status"));

	return s && !strcmp(s, "True");
}

static bool is_false(const struct node *condition)
{
	const char *s = node_text(node_get(condition, "status"));

	return s && !strcmp(s, "False");
}

const char *health_why(const struct node *condition)
{
	const char *message = node_text(node_get(condition, "message"));
	const char *reason = node_text(node_get(condition, "reason"));

	if (message && *message)
		return message;
	return reason && *reason ? reason : "no reason given";
}

static bool has_reason(const struct node *condition, const char *want)
{
	const char *reason = node_text(node_get(condition, "reason"));

	return reason && !strcmp(reason, want);
}

static int64_t count(const struct node *map, const char *field)
{
	return node_path_int(map, 0, field, NULL);
}

static enum health judge_deployment(const struct judged *j)
{
	const struct node *progressing = condition(j, "Progressing");
	int64_t want = node_path_int(j->spec, 1, "replicas", NULL);
	int64_t have = count(j->status, "replicas");
	int64_t updated = count(j->status, "updatedReplicas");
	int64_t available = count(j->status, "availableReplicas");
	const struct node *paused = node_get(j->spec, "paused");

	if (has_reason(progressing, "ProgressDeadlineExceeded"))
		return health_say(j, HEALTH_FAILED, "%s",
				  health_why(progressing));
	if (paused && paused->type == NODE_BOOL && paused->boolean)
		return health_say(j, HEALTH_SUSPENDED,
				  "the deployment is paused");
	if (is_true(condition(j, "ReplicaFailure")))
		return health_say(j, HEALTH_PROGRESSING, "%s",
				  health_why(condition(j, "ReplicaFailure")));
	if (updated < want)
		return health_say(j, HEALTH_PROGRESSING,
				  "%lld of %lld replicas are updated",
				  (long long)updated, (long long)want);
	if (have > updated)
		return health_say(j, HEALTH_PROGRESSING,
				  "%lld old replicas are still there",
				  (long long)(have - updated));
	if (available < updated)
		return health_say(j, HEALTH_PROGRESSING,
				  "%lld of %lld replicas are available",
				  (long long)available, (long long)want);
	if (want > 0 && !is_true(condition(j, "Available")))
		return health_say(j, HEALTH_PROGRESSING, "not available yet");
	return HEALTH_HEALTHY;
}

static enum health judge_stateful_set(const struct judged *j)
{
	const char *strategy = node_path_str(j->spec, "updateStrategy", "type",
					     NULL);
	int64_t want = node_path_int(j->spec, 1, "replicas", NULL);
	int64_t ready = count(j->status, "readyReplicas");
	int64_t updated = count(j->status, "updatedReplicas");
	int64_t partition = node_path_int(j->spec, 0, "updateStrategy",
					  "rollingUpdate", "partition", NULL);
	const char *current = node_path_str(j->status, "currentRevision", NULL);
	const char *update = node_path_str(j->status, "updateRevision", NULL);

	if (ready < want)
		return health_say(j, HEALTH_PROGRESSING,
				  "%lld of %lld replicas are ready",
				  (long long)ready, (long long)want);
	if (count(j->status, "replicas") > want)
		return health_say(j, HEALTH_PROGRESSING,
				  "%lld replicas are still to go",
				  (long long)count(j->status, "replicas") -
				  (long long)want);
	if (strategy && !strcmp(strategy, "OnDelete"))
		return HEALTH_HEALTHY;
	if (partition > 0) {
		if (updated < want - partition)
			return health_say(j, HEALTH_PROGRESSING,
					  "%lld of %lld replicas are updated",
					  (long long)updated,
					  (long long)(want - partition));
		return HEALTH_HEALTHY;
	}
	if (current && update && strcmp(current, update))
		return health_say(j, HEALTH_PROGRESSING,
				  "%lld of %lld replicas are updated",
				  (long long)updated, (long long)want);
	return HEALTH_HEALTHY;
}

static enum health judge_daemon_set(const struct judged *j)
{
	const char *strategy = node_path_str(j->spec, "updateStrategy", "type",
					     NULL);
	int64_t want = count(j->status, "desiredNumberScheduled");
	int64_t updated = count(j->status, "updatedNumberScheduled");
	int64_t available = count(j->status, "numberAvailable");

	if (!node_get(j->status, "observedGeneration"))
		return health_say(j, HEALTH_PROGRESSING, "not looked at yet");
	if (updated < want && !(strategy && !strcmp(strategy, "OnDelete")))
		return health_say(j, HEALTH_PROGRESSING,
				  "%lld of %lld pods are updated",
				  (long long)updated, (long long)want);
	if (available < want)
		return health_say(j, HEALTH_PROGRESSING,
				  "%lld of %lld pods are available",
				  (long long)available, (long long)want);
	return HEALTH_HEALTHY;
}

static enum health judge_replica_set(const struct judged *j)
{
	int64_t want = node_path_int(j->spec, 1, "replicas", NULL);
	int64_t available = count(j->status, "availableReplicas");

	if (is_true(condition(j, "ReplicaFailure")))
		return health_say(j, HEALTH_PROGRESSING, "%s",
				  health_why(condition(j, "ReplicaFailure")));
	if (available < want || count(j->status, "replicas") > want)
		return health_say(j, HEALTH_PROGRESSING,
				  "%lld of %lld replicas are available",
				  (long long)available, (long long)want);
	return HEALTH_HEALTHY;
}

/* The reason why a container waits, if it will not come by itself. */
static const char *container_failure(const struct judged *j)
{
	static const char *const bad[] = {
		"CrashLoopBackOff", "ErrImagePull", "ImagePullBackOff",
		"InvalidImageName", "CreateContainerConfigError",
		"CreateContainerError", "RunContainerError",
	};
	static const char *const lists[] = {
		"initContainerStatuses", "containerStatuses",
	};

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		const struct node *list = node_get(j->status, lists[l]);

		for (uint32_t i = 0; list && list->type == NODE_SEQ &&
		     i < list->n; i++) {
			const char *reason = node_path_str(list->items[i],
				"state", "waiting", "reason", NULL);

			for (size_t b = 0; reason && b < ARRAY_SIZE(bad); b++)
				if (!strcmp(reason, bad[b]))
					return bad[b];
		}
	}
	return NULL;
}

static enum health judge_pod(const struct judged *j)
{
	const char *phase = node_path_str(j->status, "phase", NULL);
	const struct node *scheduled = condition(j, "PodScheduled");
	const struct node *ready = condition(j, "Ready");
	const char *failure = container_failure(j);

	if (!phase)
		return health_say(j, HEALTH_PROGRESSING, "not looked at yet");
	if (!strcmp(phase, "Succeeded"))
		return HEALTH_HEALTHY;
	if (!strcmp(phase, "Failed")) {
		const char *message = node_path_str(j->status, "message", NULL);

		return health_say(j, HEALTH_FAILED, "%s",
				  message ? message : "the pod failed");
	}
	if (failure)
		return health_say(j, HEALTH_FAILED, "%s", failure);
	if (is_false(scheduled) && has_reason(scheduled, "Unschedulable"))
		return health_say(j, HEALTH_PROGRESSING, "%s",
				  health_why(scheduled));
	if (!strcmp(phase, "Running") && is_true(ready))
		return HEALTH_HEALTHY;
	/* of a probe that fails nothing else tells in which container */
	if (!strcmp(phase, "Running") && ready)
		return health_say(j, HEALTH_PROGRESSING,
				  "running, not ready: %s", health_why(ready));
	return health_say(j, HEALTH_PROGRESSING, "the pod is %s", phase);
}

static enum health judge_job(const struct judged *j)
{
	const struct node *failed = condition(j, "Failed");
	const struct node *suspend = node_get(j->spec, "suspend");

	if (is_true(failed))
		return health_say(j, HEALTH_FAILED, "%s", health_why(failed));
	if (is_true(condition(j, "Complete")) ||
	    is_true(condition(j, "SuccessCriteriaMet")))
		return HEALTH_HEALTHY;
	if (suspend && suspend->type == NODE_BOOL && suspend->boolean)
		return health_say(j, HEALTH_SUSPENDED, "the job is suspended");
	return health_say(j, HEALTH_PROGRESSING, "the job is running");
}

static enum health judge_cron_job(const struct judged *j)
{
	const struct node *suspend = node_get(j->spec, "suspend");

	if (suspend && suspend->type == NODE_BOOL && suspend->boolean)
		return health_say(j, HEALTH_SUSPENDED,
				  "the cron job is suspended");
	return HEALTH_HEALTHY;
}

static enum health judge_pvc(const struct judged *j)
{
	const char *phase = node_path_str(j->status, "phase", NULL);

	if (phase && !strcmp(phase, "Bound"))
		return HEALTH_HEALTHY;
	if (phase && !strcmp(phase, "Lost"))
		return health_say(j, HEALTH_FAILED, "its volume is lost");
	return health_say(j, HEALTH_PROGRESSING, "not bound to a volume");
}

static bool has_ingress_address(const struct judged *j)
{
	const struct node *list = node_path(j->status, "loadBalancer",
					    "ingress", NULL);

	return list && list->type == NODE_SEQ && list->n > 0;
}

static enum health judge_service(const struct judged *j)
{
	const char *type = node_path_str(j->spec, "type", NULL);

	if (type && !strcmp(type, "LoadBalancer") && !has_ingress_address(j))
		return health_say(j, HEALTH_PROGRESSING,
				  "waiting for a load balancer");
	return HEALTH_HEALTHY;
}

static enum health judge_ingress(const struct judged *j)
{
	if (!has_ingress_address(j))
		return health_say(j, HEALTH_PROGRESSING,
				  "waiting for an ingress controller");
	return HEALTH_HEALTHY;
}

static enum health judge_crd(const struct judged *j)
{
	const struct node *names = condition(j, "NamesAccepted");
	const struct node *established = condition(j, "Established");

	if (is_false(names))
		return health_say(j, HEALTH_FAILED, "%s", health_why(names));
	if (is_true(established))
		return HEALTH_HEALTHY;
	return health_say(j, HEALTH_PROGRESSING, "not established yet");
}

static enum health judge_namespace(const struct judged *j)
{
	const char *phase = node_path_str(j->status, "phase", NULL);

	if (phase && !strcmp(phase, "Active"))
		return HEALTH_HEALTHY;
	return health_say(j, HEALTH_PROGRESSING, "the namespace is %s",
			  phase ? phase : "new");
}

static enum health judge_api_service(const struct judged *j)
{
	const struct node *available = condition(j, "Available");

	if (is_true(available))
		return HEALTH_HEALTHY;
	return health_say(j, HEALTH_PROGRESSING, "%s",
			  available ? health_why(available) :
			  "not available yet");
}

static enum health judge_autoscaler(const struct judged *j)
{
	const struct node *able = condition(j, "AbleToScale");
	const struct node *active = condition(j, "ScalingActive");

	if (is_false(able))
		return health_say(j, HEALTH_FAILED, "%s", health_why(able));
	/* version 1 has no conditions */
	if (!j->status || (!able && node_get(j->status, "conditions")))
		return health_say(j, HEALTH_PROGRESSING, "not looked at yet");
	if (is_false(active) && !has_reason(active, "ScalingDisabled"))
		return health_say(j, HEALTH_PROGRESSING, "%s",
				  health_why(active));
	return HEALTH_HEALTHY;
}

static enum health judge_disruption_budget(const struct judged *j)
{
	const struct node *allowed = condition(j, "DisruptionAllowed");

	if (!j->status)
		return health_say(j, HEALTH_PROGRESSING, "not looked at yet");
	if (is_false(allowed) && has_reason(allowed, "SyncFailed"))
		return health_say(j, HEALTH_FAILED, "%s", health_why(allowed));
	return HEALTH_HEALTHY;
}

static const struct rule {
	const char *group, *kind;
	enum health (*judge)(const struct judged *j);
} rules[] = {
	{ "", "Namespace", judge_namespace },
	{ "", "PersistentVolumeClaim", judge_pvc },
	{ "", "Pod", judge_pod },
	{ "", "ReplicationController", judge_replica_set },
	{ "", "Service", judge_service },
	{ "apiextensions.k8s.io", "CustomResourceDefinition", judge_crd },
	{ "apiregistration.k8s.io", "APIService", judge_api_service },
	{ "apps", "DaemonSet", judge_daemon_set },
	{ "apps", "Deployment", judge_deployment },
	{ "apps", "ReplicaSet", judge_replica_set },
	{ "apps", "StatefulSet", judge_stateful_set },
	{ "autoscaling", "HorizontalPodAutoscaler", judge_autoscaler },
	{ "batch", "CronJob", judge_cron_job },
	{ "batch", "Job", judge_job },
	{ "networking.k8s.io", "Ingress", judge_ingress },
	{ "policy", "PodDisruptionBudget", judge_disruption_budget },
};

static const struct rule *find_rule(const char *group, const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (!strcmp(group, rules[i].group) &&
		    !strcmp(kind, rules[i].kind))
			return &rules[i];
	return NULL;
}

static bool is_builtin(const char *group, const char *kind)
{
	const struct scopes none = SCOPES_INIT;

	return scope_lookup(&none, group, kind) != NULL;
}

bool health_has_rule(const char *group, const char *kind)
{
	return find_rule(group, kind) || !is_builtin(group, kind);
}

/* A number, or one as text; -1: neither. */
static int64_t generation_of(const struct node *n)
{
	const char *text = node_text(n);
	int64_t v = 0;

	if (n && n->type == NODE_INT)
		return n->integer;
	if (!text || !*text || strlen(text) > 18)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		v = v * 10 + (*text - '0');
	}
	return v;
}

enum health health_judge(const char *group, const char *kind,
			 const struct node *object, bool has_conditions,
			 char reason[HEALTH_REASON_MAX])
{
	const struct rule *rule = find_rule(group, kind);
	const struct judged j = {
		.object = object,
		.spec = node_get(object, "spec"),
		.status = node_get(object, "status"),
		.generation = node_path_int(object, -1, "metadata",
					    "generation", NULL),
		.has_conditions = has_conditions,
		.group = group,
		.kind = kind,
		.reason = reason,
	};
	int64_t seen = generation_of(node_get(j.status, "observedGeneration"));

	reason[0] = '\0';
	if (node_path_str(object, "metadata", "deletionTimestamp", NULL))
		return health_say(&j, HEALTH_PROGRESSING, "being deleted");
	if (seen >= 0 && seen < j.generation)
		return health_say(&j, HEALTH_PROGRESSING,
			   "its controller has not seen the change yet");
	if (rule)
		return rule->judge(&j);
	return is_builtin(group, kind) ? HEALTH_HEALTHY :
		health_judge_custom(&j);
}
