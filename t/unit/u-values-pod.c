/*
 * Pods and the kinds that make them: each rule, what breaks it, where that
 * is and what is said of it; and what must not be refused. That it is what
 * the API server says is t/t2310-values.sh's to find out.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/manifest.h"
#include "schema/values/cron.h"
#include "schema/values/values.h"
#include "t/unit/judged.h"
#include "t/unit/tap.h"

static int by_values(const struct object *o, struct problems *ps)
{
	return values_check(o, 36, ps->n, ps);
}

#define HEAD(api, kind) \
	"apiVersion: " api "\nkind: " kind "\nmetadata: {name: a}\n"
/* the container begins in line 6, what follows it in line 7 */
#define POD(rest) HEAD("v1", "Pod") "spec:\n  containers:\n" \
	"  - {name: c, image: i}\n" rest
#define CONTAINER(rest) HEAD("v1", "Pod") "spec:\n  containers:\n" \
	"  - name: c\n    image: i\n" rest

static void test_containers(void)
{
	bad(HEAD("v1", "Pod") "spec:\n  containers:\n  - name: c\n",
	    "6:5: error: spec.containers[0] has no 'image', which is required "
	    "[value-required]");
	bad(CONTAINER("    ports: [{containerPort: 70000}]\n"), "8:29: error: "
	    "spec.containers[0].ports[0].containerPort must be between 1 and "
	    "65535, not 70000 [value-range]");
	bad(CONTAINER("    ports:\n    - {name: a, containerPort: 1}\n"
		      "    - {name: a, containerPort: 2}\n"), "10:14: error: "
	    "spec.containers[0].ports[1].name 'a' is there twice: the first "
	    "is in line 9 [value-duplicate]");
	bad(CONTAINER("    env: [{name: a, value: b, valueFrom: {fieldRef: "
		      "{fieldPath: metadata.name}}}]\n"), "8:31: error: "
	    "spec.containers[0].env[0].valueFrom cannot be set beside "
	    "'value': only one of the two can be [value-conflict]");
	bad(CONTAINER("    env: [{name: a, valueFrom: {fieldRef: {fieldPath: "
		      "metadata.nam}}}]\n"), "8:55: error: spec.containers[0]"
	    ".env[0].valueFrom.fieldRef.fieldPath cannot be 'metadata.nam': "
	    "did you mean metadata.name? (It is one of metadata.name, "
	    "metadata.namespace, metadata.uid, metadata.labels['<KEY>'], "
	    "metadata.annotations['<KEY>'], spec.nodeName, "
	    "spec.serviceAccountName, status.hostIP, status.hostIPs, "
	    "status.podIP, status.podIPs.) [value-enum]");
	bad(CONTAINER("    volumeMounts: [{name: v, mountPath: /v}]\n"),
	    "8:27: error: spec.containers[0].volumeMounts[0].name is 'v', but "
	    "the pod has no such volume [value-reference]");
	bad(CONTAINER("    volumeMounts: [{name: cahce, mountPath: /v}]\n"
		      "  volumes:\n  - {name: cache}\n"),
	    "8:27: error: spec.containers[0].volumeMounts[0].name is 'cahce', "
	    "but the pod has no such volume: did you mean 'cache' (in line "
	    "10)? [value-reference]");
	good(CONTAINER("    volumeMounts: [{name: v, mountPath: /v}]\n"
		       "  volumes: [{name: v}]\n"), "a volume of nothing");
	bad(POD("  initContainers:\n  - {name: c, image: i}\n"), "8:12: error: "
	    "spec.initContainers[0].name is 'c', which is the name of a "
	    "container in line 6, too [value-duplicate]");
	bad(POD("  initContainers:\n  - {name: d, image: i, lifecycle: {}}\n"),
	    "8:25: error: spec.initContainers[0].lifecycle cannot be set in "
	    "an init container whose restartPolicy is not Always "
	    "[value-forbidden]");
}

static void test_probes(void)
{
	bad(CONTAINER("    livenessProbe: {}\n"), "8:20: error: "
	    "spec.containers[0].livenessProbe must have one of exec, httpGet, "
	    "tcpSocket, grpc [value-required]");
	bad(CONTAINER("    livenessProbe: {successThreshold: 2, grpc: "
		      "{port: 1}}\n"), "8:39: error: spec.containers[0]."
	    "livenessProbe.successThreshold must be 1, not 2: only a "
	    "readiness probe counts successes [value-range]");
	good(CONTAINER("    readinessProbe: {successThreshold: 2, grpc: "
		       "{port: 1}}\n"), "which it does");
	bad(CONTAINER("    lifecycle: {preStop: {sleep: {seconds: 31}}}\n"),
	    "8:44: error: spec.containers[0].lifecycle.preStop.sleep.seconds "
	    "must be between 0 and terminationGracePeriodSeconds, which is "
	    "30, not 31 [value-range]");
	bad(CONTAINER("    livenessProbe: {tcpSocket: {port: Http}}\n"),
	    "8:39: error: spec.containers[0].livenessProbe.tcpSocket.port "
	    "'Http' is no name of a port: at most 15 of a-z, 0-9 and single "
	    "-, not at an end, with at least one letter [value-format]");
}

static void test_resources(void)
{
	bad(CONTAINER("    resources: {requests: {cpu: 2}, limits: "
		      "{cpu: 1500m}}\n"), "8:33: error: spec.containers[0]."
	    "resources.requests.cpu must not be more than the limit, which is "
	    "1500m (in line 8) [value-conflict]");
	good(CONTAINER("    resources: {requests: {cpu: 1.5}, limits: "
		       "{cpu: 1500m}}\n"), "the same in other words");
	good(CONTAINER("    resources: {requests: {cpu: 1000.2m}, limits: "
		       "{cpu: 1000.1m}}\n"), "the same in thousandths");
	bad(CONTAINER("    resources: {requests: {cpu: -1}}\n"), "8:33: "
	    "error: spec.containers[0].resources.requests.cpu must not be "
	    "negative, as -1 is [value-range]");
	bad(CONTAINER("    resources: {limits: {hugepages-2Mi: 3Mi, "
		      "cpu: 1}}\n"), "8:41: error: spec.containers[0]."
	    "resources.limits.hugepages-2Mi must be a number of whole pages "
	    "of 2Mi [value-range]");
	bad(CONTAINER("    resources: {limits: {hugepages-2Mi: 4Mi}}\n"),
	    "8:16: error: spec.containers[0].resources has huge pages: they "
	    "are used only beside cpu or memory [value-required]");
}

/* A pod's own resources beside those of its containers. */
static void test_totals(void)
{
#define TWO(pod) HEAD("v1", "Pod") "spec:\n  resources: {" pod "}\n" \
	"  initContainers:\n" \
	"  - {name: i, image: i, resources: {requests: {cpu: 3}}}\n" \
	"  - {name: s, image: i, restartPolicy: Always, resources: " \
	"{requests: {cpu: 1}}}\n" \
	"  containers:\n" \
	"  - {name: a, image: i, resources: {requests: {cpu: 1}}}\n" \
	"  - {name: b, image: i, resources: {limits: {cpu: 500m}}}\n"

	good(TWO("requests: {cpu: 3}"), "3 before, 2.5 together");
	bad(TWO("requests: {cpu: 2900m}"), "5:31: error: spec.resources."
	    "requests.cpu must be at least what the containers request "
	    "together, which is 3 [value-conflict]");
	bad(TWO("limits: {cpu: 400m}"), "11:51: error: spec.containers[1]."
	    "resources.limits.cpu must not be more than the limit of the pod, "
	    "which is in line 5 [value-conflict]");
}

static void test_volumes(void)
{
	bad(POD("  volumes: [{name: v, emptyDir: {}, hostPath: {path: /}}]\n"),
	    "7:37: error: spec.volumes[0].hostPath cannot be set beside "
	    "'emptyDir': a volume is of one kind [value-conflict]");
	bad(POD("  volumes: [{name: v, configMap: {name: a, defaultMode: "
		"1000}}]\n"), "7:57: error: spec.volumes[0].configMap."
	    "defaultMode must be between 0 and 0777 (511), not 1000 "
	    "[value-range]");
	bad(POD("  volumes: [{name: v, secret: {secretName: a, items: [{key: "
		"a, path: ../a}]}}]\n"), "7:70: error: spec.volumes[0].secret."
	    "items[0].path must not have '..' among its parts "
	    "[value-format]");
	bad(POD("  volumes:\n  - name: v\n    projected:\n      sources:\n"
		"      - secret: {name: a, items: [{key: a, path: p}]}\n"
		"      - configMap: {name: a, items: [{key: a, path: p}]}\n"),
	    "12:53: error: spec.volumes[0].projected.sources[1].configMap."
	    "items[0].path 'p' is there twice: the first is in line 11 "
	    "[value-duplicate]");
}

static void test_pods(void)
{
	bad(POD("  dnsPolicy: None\n"), "5:3: error: spec has no 'dnsConfig', "
	    "which is required where dnsPolicy is None [value-required]");
	bad(POD("  hostAliases: [{ip: 1.2.3}]\n"), "7:22: error: spec."
	    "hostAliases[0].ip '1.2.3' is no IP address such as 10.9.8.7 or "
	    "2001:db8::1 [value-format]");
	bad(POD("  hostUsers: false\n  hostPID: true\n"), "8:12: error: "
	    "spec.hostPID cannot be true where hostUsers is false "
	    "[value-conflict]");
	bad(POD("  securityContext: {seccompProfile: {type: Localhost}}\n"),
	    "7:37: error: spec.securityContext.seccompProfile has no "
	    "'localhostProfile', which is required where the type is "
	    "Localhost [value-required]");
	bad(POD("  tolerations: [{key: a, tolerationSeconds: 1}]\n"), "7:26: "
	    "error: spec.tolerations[0].tolerationSeconds cannot be set "
	    "unless the effect is NoExecute [value-forbidden]");
	bad(POD("  topologySpreadConstraints:\n  - {maxSkew: 0, topologyKey: "
		"a, whenUnsatisfiable: DoNotSchedule}\n"), "8:15: error: "
	    "spec.topologySpreadConstraints[0].maxSkew must be at least 1, "
	    "not 0 [value-range]");
	bad(POD("  affinity: {nodeAffinity: {preferredDuringScheduling"
		"IgnoredDuringExecution: [{weight: 0, preference: {}}]}}\n"),
	    "7:88: error: spec.affinity.nodeAffinity.preferredDuringScheduling"
	    "IgnoredDuringExecution[0].weight must be between 1 and 100, not "
	    "0 [value-range]");
	bad(POD("  ephemeralContainers: [{name: e, image: i}]\n"), "7:3: "
	    "error: spec.ephemeralContainers cannot be set in a manifest: "
	    "they are put into a pod that runs [value-forbidden]");
}

#define KIND(api, kind, rest) HEAD(api, kind) "spec:\n" rest
#define TEMPLATE "  template: {metadata: {labels: {a: b}}, spec: " \
	"{containers: [{name: c, image: i}]}}\n"

static void test_workloads(void)
{
	good(KIND("apps/v1", "Deployment", TEMPLATE
		  "  selector: {matchLabels: {a: b}}\n"), "a Deployment");
	bad(KIND("apps/v1", "Deployment", TEMPLATE
		 "  selector: {matchLabels: {a: c}}\n"), "6:31: error: "
	    "spec.selector.matchLabels.a wants 'c', but label 'a' of its own "
	    "pods is 'b' (in line 5) [selector-mismatch]");
	bad(KIND("apps/v1", "ReplicaSet", TEMPLATE
		 "  selector: {matchExpressions: [{key: x, operator: "
		 "Exists}]}\n"), "6:33: error: spec.selector."
	    "matchExpressions[0] is not met, but its own pods have no label "
	    "'x' in template.metadata.labels [selector-mismatch]");
	bad(KIND("apps/v1", "DaemonSet", TEMPLATE "  selector: {}\n"),
	    "6:13: error: spec.selector must not be empty: it selects the "
	    "pods by their labels [value-required]");
	bad(KIND("apps/v1", "Deployment", TEMPLATE "  selector: {matchLabels: "
		 "{a: b}}\n  strategy: {type: Recreate, rollingUpdate: {}}\n"),
	    "7:30: error: spec.strategy.rollingUpdate cannot be set where the "
	    "type is not RollingUpdate [value-forbidden]");
	bad(KIND("apps/v1", "Deployment", TEMPLATE "  selector: {matchLabels: "
		 "{a: b}}\n  strategy: {rollingUpdate: {maxSurge: 0, "
		 "maxUnavailable: 0%}}\n"), "7:29: error: spec.strategy."
	    "rollingUpdate has 0 for maxUnavailable and for maxSurge: nothing "
	    "could be replaced [value-conflict]");
	good(KIND("apps/v1", "StatefulSet", "  selector: {matchLabels: "
		  "{a: b}}\n  template:\n    metadata: {labels: {a: b}}\n"
		  "    spec: {hostname: A.B, containers: [{name: c, image: i, "
		  "volumeMounts: [{name: d, mountPath: /d}]}]}\n"
		  "  volumeClaimTemplates: [{metadata: {name: d}, spec: "
		  "{accessModes: [ReadWriteOnce], resources: {requests: "
		  "{storage: 1Gi}}}}]\n"), "claims are volumes");
	bad(KIND("v1", "ReplicationController", TEMPLATE
		 "  selector: {a: c}\n"), "6:17: error: spec.selector.a wants "
	    "'c', but label 'a' of its own pods is 'b' (in line 5) "
	    "[selector-mismatch]");
	good(KIND("v1", "ReplicationController", TEMPLATE), "or its labels");
}

#define JOB(rest, pod) KIND("batch/v1", "Job", rest \
	"  template: {spec: {" pod "containers: [{name: c, image: i}]}}\n")

static void test_jobs(void)
{
	good(JOB("", "restartPolicy: Never, "), "a Job");
	bad(JOB("", ""), "5:20: error: spec.template.spec has no "
	    "'restartPolicy', which is required in a Job: OnFailure or Never "
	    "[value-required]");
	bad(JOB("", "restartPolicy: Always, "), "5:36: error: spec.template."
	    "spec.restartPolicy must be OnFailure or Never in a Job, not "
	    "'Always' [value-enum]");
	bad(JOB("  completionMode: Indexed\n  completions: 3\n  successPolicy: "
		"{rules: [{succeededIndexes: '1-3'}]}\n",
		"restartPolicy: Never, "), "7:46: error: spec.successPolicy."
	    "rules[0].succeededIndexes must be indexes below 3 in order, such "
	    "as 0,2-4 [value-format]");
	bad(JOB("  podFailurePolicy: {rules: [{action: Ignore, onExitCodes: "
		"{operator: In, values: [0]}}]}\n", "restartPolicy: Never, "),
	    "5:84: error: spec.podFailurePolicy.rules[0].onExitCodes.values[0]"
	    " must not be 0 where the operator is In: that is no failure "
	    "[value-range]");
	bad(KIND("batch/v1", "CronJob", "  schedule: 0 24 * * *\n"
		 "  jobTemplate: {spec: {template: {spec: {restartPolicy: "
		 "Never, containers: [{name: c, image: i}]}}}}\n"), "5:13: "
	    "error: spec.schedule has '24' for the hour, which is 0 to 23 "
	    "[value-format]");
	bad(KIND("batch/v1", "CronJob", "  schedule: 0 0 * * *\n"
		 "  timeZone: Europe/Berln\n"
		 "  jobTemplate: {spec: {template: {spec: {restartPolicy: "
		 "Never, containers: [{name: c, image: i}]}}}}\n"), "6:13: "
	    "error: spec.timeZone is 'Europe/Berln', which is no time zone: "
	    "did you mean 'Europe/Berlin'? [value-enum]");
}

static void test_schedules(void)
{
	static const char *const good_ones[] = {
		"* * * * *", "*/5 0-6,12 1,15 JAN-mar ?", "0 0 * * sun",
		" 0  0 * *\t0 ", "5/15 * * * *", "@daily", "@every 1h30m",
		"@every 1.5s", "1,,2 * * * *", "0 0 31 12 6",
	};
	static const char *const bad_ones[] = {
		"", "* * * *", "* * * * * *", "60 * * * *", "* * 0 * *",
		"* * * 13 *", "* * * * 7", "*/0 * * * *", "5-1 * * * *",
		"a * * * *", "-1 * * * *", "1-2-3 * * * *", "1/2/3 * * * *",
		"TZ=UTC * * * * *", "@dayly", "@every", "@every 5",
		"* * * mon *",
	};
	char buf[256];

	for (size_t i = 0; i < ARRAY_SIZE(good_ones); i++)
		ok(!cron_fault(good_ones[i], buf, sizeof(buf)), "'%s'",
		   good_ones[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad_ones); i++)
		ok(cron_fault(bad_ones[i], buf, sizeof(buf)), "not '%s'",
		   bad_ones[i]);
}

/* Whatever is of another type is passed over: it has been said. */
static void test_other_types(void)
{
	good(HEAD("v1", "Pod") "spec: []\n", "a spec that is a list");
	good(HEAD("v1", "Pod") "spec: {containers: {a: 1}, volumes: 5}\n",
	     "lists that are none");
	good(CONTAINER("    ports: [a, 5, {containerPort: x}]\n    env: {}\n"
		       "    resources: {limits: 5, requests: {cpu: []}}\n"
		       "    livenessProbe: 5\n    volumeMounts: x\n"),
	     "parts of a container");
	good(KIND("apps/v1", "Deployment", "  selector: 5\n  template: 5\n"
		  "  strategy: 5\n"), "parts of a Deployment");
}

int main(void)
{
	check = by_values;
	test_containers();
	test_probes();
	test_resources();
	test_totals();
	test_volumes();
	test_pods();
	test_workloads();
	test_jobs();
	test_schedules();
	test_other_types();
	return tap_done();
}
