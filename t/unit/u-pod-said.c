/*
 * Why a workload does not come up, of what kubelets and controllers write
 * into statuses and events.
 */
#include "config.h"

#include <string.h>

#include "engine/pod-said.h"
#include "t/unit/tree.h"

static struct buf out = BUF_INIT(4096);

static const char *of_pod(const char *json, bool *told)
{
	buf_reset(&out);
	*told = pod_said(tree(json), &out);
	return out.data;
}

static const char *of_events(const char *json, const char *pod,
			     const char *since)
{
	buf_reset(&out);
	return event_said(tree(json), pod ? tree(pod) : NULL, since, &out) ?
	       out.data : "(nothing)";
}

#define POD(status) "{\"metadata\":{\"name\":\"web-1\"},\"spec\":" \
	"{\"nodeName\":\"n\"},\"status\":" status "}"
#define CONTAINER(state) POD("{\"phase\":\"Running\"," \
	"\"containerStatuses\":[{\"name\":\"main\"," state "}]}")

static void test_workload(void)
{
	buf_reset(&out);
	ok(!workload_said(tree("{}"), &out), "a workload without a status");
	ok(!workload_said(tree("{\"status\":{\"conditions\":[{\"type\":"
		"\"ReplicaFailure\",\"status\":\"False\",\"message\":\"x\"}]}}"),
		&out), "one that could make its pods at last");
	ok(workload_said(tree("{\"status\":{\"conditions\":[{\"type\":"
		"\"ReplicaFailure\",\"status\":\"True\",\"reason\":"
		"\"FailedCreate\",\"message\":\"exceeded quota: small\"}]}}"),
		&out), "one that cannot");
	is_str(out.data, "exceeded quota: small", "says why");
}

static void test_pod(void)
{
	bool told;

	is_str(of_pod(CONTAINER("\"state\":{\"waiting\":{\"reason\":"
		"\"ImagePullBackOff\",\"message\":\"Back-off\"}}"), &told),
	       "pod web-1: container main: ImagePullBackOff: Back-off",
	       "an image that cannot be pulled");
	ok(told, "is all there is to say");
	is_str(of_pod(CONTAINER("\"state\":{\"waiting\":{\"reason\":"
		"\"CrashLoopBackOff\",\"message\":\"back-off 40s\"}},"
		"\"lastState\":{\"terminated\":{\"exitCode\":137,\"reason\":"
		"\"OOMKilled\",\"message\":\"swordfish\"}}"), &told),
	       "pod web-1: container main: CrashLoopBackOff: back-off 40s; "
	       "it ended with exit code 137, OOMKilled",
	       "a container that ends, without what it said at the end");
	is_str(of_pod(CONTAINER("\"state\":{\"waiting\":{\"reason\":"
		"\"PostStartHookError\",\"message\":\"swordfish\"}}"), &told),
	       "pod web-1: container main: PostStartHookError",
	       "a hook that failed, without what it wrote");
	is_str(of_pod(CONTAINER("\"state\":{\"terminated\":{\"exitCode\":3,"
		"\"reason\":\"Error\",\"message\":\"swordfish\"}}"), &told),
	       "pod web-1: container main: it ended with exit code 3, Error",
	       "one that has just ended");
	is_str(of_pod(POD("{\"phase\":\"Pending\",\"containerStatuses\":"
		"[{\"name\":\"main\",\"state\":{\"waiting\":{\"reason\":"
		"\"ContainerCreating\"}}}]}"), &told),
	       "pod web-1: the pod is Pending", "one that is being made");
	ok(!told, "is for events to explain");
	is_str(of_pod(CONTAINER("\"state\":{\"running\":{}}}],\"conditions\":"
		"[{\"type\":\"Ready\",\"status\":\"False\",\"message\":"
		"\"containers with unready status: [main]\""), &told),
	       "pod web-1: running, not ready: containers with unready "
	       "status: [main]", "one that is not ready");
	ok(!told, "is, too");
	is_str(of_pod("{\"metadata\":{\"name\":\"web-1\"},\"spec\":{},"
		"\"status\":{\"phase\":\"Pending\",\"conditions\":[{\"type\":"
		"\"PodScheduled\",\"status\":\"False\",\"reason\":"
		"\"Unschedulable\",\"message\":\"0/3 nodes\"}]}}", &told),
	       "pod web-1: 0/3 nodes", "one that no node takes");
	ok(told, "says so itself");
}

#define WAITS(name, at, why) "{\"metadata\":{\"name\":\"" name "\"," \
	"\"creationTimestamp\":\"2026-01-01T00:00:" at "Z\"},\"status\":{" \
	"\"phase\":\"Pending\",\"containerStatuses\":[{\"name\":\"m\"," \
	"\"state\":{\"waiting\":{\"reason\":\"" why "\"}}}]}}"

static const char *worst(const char *json)
{
	const struct node *pod = pod_worst(tree(json));

	return pod ? node_path_str(pod, "metadata", "name", NULL) : "none";
}

static void test_worst(void)
{
	is_str(worst("[]"), "none", "no pods");
	is_str(worst("[" WAITS("a", "01", "ErrImagePull") ","
		     WAITS("b", "03", "ContainerCreating") ","
		     WAITS("c", "02", "ErrImagePull") "]"), "c",
	       "the newest of the worst");
	is_str(worst("[{\"metadata\":{\"name\":\"a\",\"deletionTimestamp\":"
		     "\"2026-01-01T00:00:00Z\"},\"status\":{\"phase\":"
		     "\"Failed\"}}]"), "none", "one that goes is not one");
}

#define EVENT(reason, at, message) "{\"type\":\"Warning\",\"reason\":\"" \
	reason "\",\"lastTimestamp\":\"2026-01-01T00:00:" at "Z\"," \
	"\"message\":\"" message "\",\"involvedObject\":{\"fieldPath\":" \
	"\"spec.containers{main}\"}}"
#define PROBED(probe) "{\"spec\":{\"containers\":[{\"name\":\"mainly\"," \
	"\"readinessProbe\":{\"exec\":{}}},{\"name\":\"main\"," probe "}]}}"

static void test_events(void)
{
	static const char unready[] = "[" EVENT("Unhealthy", "05",
		"Readiness probe failed: HTTP probe failed with statuscode: "
		"503") "]";
	static const char http[] =
		PROBED("\"readinessProbe\":{\"httpGet\":{}}");

	is_str(of_events("[]", NULL, ""), "(nothing)", "no events");
	is_str(of_events("[" EVENT("FailedMount", "01", "secret x") ","
			 EVENT("FailedMount", "04", "secret y") ","
			 EVENT("Preempting", "09", "other") ","
			 EVENT("FailedPostStartHook", "09", "swordfish") ","
			 EVENT("ProbeWarning", "09", "swordfish") ","
			 "{\"type\":\"Normal\",\"reason\":\"BackOff\","
			 "\"message\":\"x\"}]", NULL, ""),
	       "FailedMount: secret y", "the newest one that says why");
	is_str(of_events("[" EVENT("FailedCreate", "04", "x") "]", NULL,
			 "2026-01-01T00:00:05Z"), "(nothing)",
	       "one that is over");
	is_str(of_events("[" EVENT("FailedCreate", "05", "x") "]", NULL,
			 "2026-01-01T00:00:05Z"), "FailedCreate: x",
	       "one that is not");
	is_str(of_events("[{\"type\":\"Warning\",\"reason\":\"FailedCreate\","
			 "\"series\":{\"lastObservedTime\":"
			 "\"2026-01-01T00:00:09.5Z\"},\"eventTime\":"
			 "\"2026-01-01T00:00:01.5Z\",\"message\":\"x\"}]",
			 NULL, "2026-01-01T00:00:05Z"), "FailedCreate: x",
	       "one that came again");
	is_str(of_events(unready, http, ""), "Readiness probe failed: HTTP "
	       "probe failed with statuscode: 503", "a probe that fails");
	is_str(of_events("[" EVENT("Unhealthy", "05", "Readiness probe failed: "
				   "Get \\\"http://10.0.0.9:80/?t=swordfish\\\": "
				   "dial tcp 10.0.0.9:80: connect: connection "
				   "refused") "]", http, ""),
	       "Readiness probe failed: connection refused",
	       "one that nobody answers");
	is_str(of_events("[" EVENT("Unhealthy", "05", "Readiness probe failed: "
				   "Get \\\"http://10.0.0.9:80/\\\": net/http: "
				   "malformed HTTP response \\\"swordfish\\\"")
			 "]", http, ""), "Readiness probe failed",
	       "what a container answers is not told");
	is_str(of_events("[" EVENT("Unhealthy", "05", "Readiness probe failed: "
				   "HTTP probe failed with statuscode: 503x")
			 "]", http, ""), "Readiness probe failed",
	       "nor what only looks like a status");
	is_str(of_events(unready, PROBED("\"readinessProbe\":{\"exec\":{}}"),
			 ""), "Readiness probe failed",
	       "what a command wrote is not told");
	is_str(of_events(unready, PROBED("\"livenessProbe\":{\"httpGet\":{}}"),
			 ""), "Readiness probe failed",
	       "nor where there is no such probe any more");
	is_str(of_events(unready, NULL, ""), "Readiness probe failed",
	       "nor where nobody knows what probe it is");
	is_str(of_events("[" EVENT("Unhealthy", "05", "swordfish") "]", NULL,
			 ""), "a probe failed", "nor what is of no known form");
}

static void test_long(void)
{
	char json[4096], message[2001];
	bool told;

	memset(message, 'x', 2000);
	message[2000] = '\0';
	snprintf(json, sizeof(json), CONTAINER("\"state\":{\"waiting\":{"
		 "\"reason\":\"ErrImagePull\",\"message\":\"%s\"}}"), message);
	ok(strlen(of_pod(json, &told)) < 500, "a page is cut");
	ok(strstr(out.data, "x...") != NULL, "and that is seen");
}

int main(void)
{
	test_workload();
	test_pod();
	test_worst();
	test_events();
	test_long();
	buf_release(&out);
	arena_release(&arena);
	return tap_done();
}
