/*
 * What pods and their events say. See pod-said.h. All of it is somebody
 * else's text (a kubelet's, a registry's, an admission policy's): bounded
 * here, scrubbed where it is noted.
 */
#include "config.h"
#include "engine/pod-said.h"

#include <string.h>

#include "engine/health.h"
#include "schema/base/mem.h"
#include "schema/base/utf8.h"

/* of what another program wrote: a registry's answer can be a page */
#define SAID_BYTES 400

static const char *text_at(const struct node *n, const char *field)
{
	const char *s = node_text(node_get(n, field));

	return s ? s : "";
}

static void add_said(struct buf *out, const char *text)
{
	size_t len = utf8_cut(text, SAID_BYTES);

	buf_add(out, text, len);
	if (text[len])
		buf_adds(out, "...");
}

static const struct node *items_of(const struct node *list, uint32_t *ret_n)
{
	*ret_n = list && list->type == NODE_SEQ ? list->n : 0;
	return list;
}

static const struct node *condition_of(const struct node *object,
				       const char *type)
{
	uint32_t n;
	const struct node *list = items_of(node_path(object, "status",
						     "conditions", NULL), &n);

	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(text_at(list->items[i], "type"), type))
			return list->items[i];
	return NULL;
}

/* ---- the workload ---- */

bool kind_has_pods(const char *group, const char *kind)
{
	static const char *const kinds[][2] = {
		{ "", "Pod" }, { "", "ReplicationController" },
		{ "apps", "DaemonSet" }, { "apps", "Deployment" },
		{ "apps", "ReplicaSet" }, { "apps", "StatefulSet" },
		{ "batch", "CronJob" }, { "batch", "Job" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(group, kinds[i][0]) && !strcmp(kind, kinds[i][1]))
			return true;
	return false;
}

bool workload_said(const struct node *workload, struct buf *out)
{
	const struct node *c = condition_of(workload, "ReplicaFailure");
	const char *message = text_at(c, "message");

	if (strcmp(text_at(c, "status"), "True") || !*message)
		return false;
	add_said(out, message);
	return true;
}

/* ---- a pod ---- */

static int badness(const struct node *pod)
{
	char reason[HEALTH_REASON_MAX];

	/* it makes room for another one */
	if (node_path_str(pod, "metadata", "deletionTimestamp", NULL))
		return 0;
	switch (health_judge("", "Pod", pod, false, reason)) {
	case HEALTH_FAILED:
		return 2;
	case HEALTH_PROGRESSING:
		return 1;
	default:
		return 0;
	}
}

static const char *created(const struct node *object)
{
	const char *s = node_path_str(object, "metadata", "creationTimestamp",
				      NULL);

	return s ? s : "";
}

const struct node *pod_worst(const struct node *items)
{
	const struct node *worst = NULL;
	int most = 0;
	uint32_t n;

	items_of(items, &n);
	for (uint32_t i = 0; i < n; i++) {
		const struct node *pod = items->items[i];
		int bad = badness(pod);

		if (!bad || bad < most ||
		    (bad == most && strcmp(created(pod), created(worst)) <= 0))
			continue;
		worst = pod;
		most = bad;
	}
	return worst;
}

/* " (it ended with exit code 137, OOMKilled)" */
static void add_end(const struct node *state, struct buf *out)
{
	const struct node *end = node_get(state, "terminated");

	if (!end)
		return;
	buf_addf(out, "it ended with exit code %lld",
		 (long long)node_path_int(end, 0, "exitCode", NULL));
	if (*text_at(end, "reason"))
		buf_addf(out, ", %.80s", text_at(end, "reason"));
}

/* That of a hook has the hook's command and what it wrote. */
static bool is_own_message(const char *reason)
{
	static const char *const reasons[] = {
		"CrashLoopBackOff", "CreateContainerConfigError",
		"CreateContainerError", "ErrImageNeverPull", "ErrImagePull",
		"ImageInspectError", "ImagePullBackOff", "InvalidImageName",
		"RegistryUnavailable", "RunContainerError",
		"SignatureValidationFailed",
	};

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (!strcmp(reason, reasons[i]))
			return true;
	return false;
}

/* False: nothing is the matter with it, or it does not say what. */
static bool container_said(const struct node *c, struct buf *out)
{
	const struct node *state = node_get(c, "state");
	const struct node *waiting = node_get(state, "waiting");
	const char *reason = text_at(waiting, "reason");
	const char *message = text_at(waiting, "message");

	if (*reason && (*message || (strcmp(reason, "ContainerCreating") &&
				     strcmp(reason, "PodInitializing")))) {
		buf_addf(out, "container %s: %s", text_at(c, "name"), reason);
		if (*message && is_own_message(reason)) {
			buf_adds(out, ": ");
			add_said(out, message);
		}
		if (node_path(c, "lastState", "terminated", NULL)) {
			buf_adds(out, "; ");
			add_end(node_get(c, "lastState"), out);
		}
		return true;
	}
	if (node_path_int(state, 0, "terminated", "exitCode", NULL)) {
		buf_addf(out, "container %s: ", text_at(c, "name"));
		add_end(state, out);
		return true;
	}
	return false;
}

static bool containers_said(const struct node *pod, struct buf *out)
{
	static const char *const lists[] = {
		"initContainerStatuses", "containerStatuses",
	};

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		uint32_t n;
		const struct node *list = items_of(node_path(pod, "status",
							     lists[l], NULL),
						   &n);

		for (uint32_t i = 0; i < n; i++)
			if (container_said(list->items[i], out))
				return true;
	}
	return false;
}

/* The scheduler says in a condition why no node takes it. */
static bool is_unscheduled(const struct node *pod)
{
	const struct node *c = condition_of(pod, "PodScheduled");

	return !strcmp(text_at(c, "status"), "False");
}

bool pod_said(const struct node *pod, struct buf *out)
{
	char reason[HEALTH_REASON_MAX];
	enum health h = health_judge("", "Pod", pod, false, reason);

	buf_addf(out, "pod %s: ", text_at(node_get(pod, "metadata"), "name"));
	if (containers_said(pod, out))
		return true;
	add_said(out, reason);
	return h == HEALTH_FAILED || is_unscheduled(pod);
}

/* ---- events ---- */

/* The last time that it was seen, to the second, as it is written. */
static const char *seen_at(const struct node *event)
{
	const char *series = node_path_str(event, "series", "lastObservedTime",
					   NULL);

	if (series)
		return series;
	if (*text_at(event, "lastTimestamp"))
		return text_at(event, "lastTimestamp");
	if (*text_at(event, "eventTime"))
		return text_at(event, "eventTime");
	return created(event);
}

#define SECONDS_BYTES 19	/* 2026-11-29T23:29:58 */

/* Those whose words are Kubernetes' own. */
static bool says_why(const struct node *event)
{
	static const char *const reasons[] = {
		"BackOff", "ErrImageNeverPull", "Failed", "FailedAttachVolume",
		"FailedCreate", "FailedCreatePodContainer",
		"FailedCreatePodSandBox", "FailedMapVolume", "FailedMount",
		"FailedPrepareDynamicResources", "FailedScheduling",
		"InspectFailed", "NetworkNotReady", "Unhealthy",
	};

	if (strcmp(text_at(event, "type"), "Warning") ||
	    !*text_at(event, "message"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (!strcmp(text_at(event, "reason"), reasons[i]))
			return true;
	return false;
}

/* The container of an event's fieldPath "spec.containers{web}". */
static const struct node *container_of(const struct node *pod,
				       const char *path)
{
	static const char *const lists[] = { "initContainers", "containers" };
	const char *name = strchr(path, '{');

	for (size_t l = 0; name && l < ARRAY_SIZE(lists); l++) {
		uint32_t n;
		const struct node *list = items_of(node_path(pod, "spec",
							     lists[l], NULL),
						   &n);

		for (uint32_t i = 0; i < n; i++) {
			const char *is = text_at(list->items[i], "name");
			size_t len = strlen(is);

			if (!strncmp(name + 1, is, len) &&
			    !strcmp(name + 1 + len, "}"))
				return list->items[i];
		}
	}
	return NULL;
}

/* How it ended, in words that can only be those of whoever asked. */
static void add_probe_end(const char *said, struct buf *out)
{
	static const char status[] = "HTTP probe failed with statuscode: ";
	static const char *const ends[] = {
		"connection refused", "connection reset by peer",
		"context deadline exceeded", "EOF", "i/o timeout",
		"no route to host", "network is unreachable",
		"server gave HTTP response to HTTPS client",
		"Client.Timeout exceeded while awaiting headers)",
		"(responded with \"NOT_SERVING\")",
	};
	size_t len = strlen(said);

	if (len == strlen(status) + 3 &&
	    !strncmp(said, status, strlen(status)) &&
	    strspn(said + strlen(status), "0123456789") == 3) {
		buf_addf(out, ": %s", said);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t n = strlen(ends[i]);

		if (len >= n && !strcmp(said + len - n, ends[i])) {
			buf_addf(out, ": %s", ends[i]);
			return;
		}
	}
}

/*
 * "Readiness probe failed: HTTP probe failed with statuscode: 503". After
 * the colon of a command's probe stands what the command wrote, and after
 * that of another one there may be the first bytes of a bad answer, or where
 * one has pointed to.
 */
static void add_unhealthy(const struct node *event, const struct node *pod,
			  struct buf *out)
{
	static const struct { const char *begin, *field; } probes[] = {
		{ "Readiness probe failed", "readinessProbe" },
		{ "Liveness probe failed", "livenessProbe" },
		{ "Startup probe failed", "startupProbe" },
	};
	const char *path = node_path_str(event, "involvedObject", "fieldPath",
					 NULL);
	const struct node *c = path ? container_of(pod, path) : NULL;
	const char *message = text_at(event, "message");

	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		const struct node *probe = node_get(c, probes[i].field);
		size_t len = strlen(probes[i].begin);

		if (strncmp(message, probes[i].begin, len))
			continue;
		buf_adds(out, probes[i].begin);
		/* else nobody knows what it is of */
		if (probe && !node_get(probe, "exec") &&
		    !strncmp(message + len, ": ", 2))
			add_probe_end(message + len + 2, out);
		return;
	}
	buf_adds(out, "a probe failed");
}

bool event_said(const struct node *items, const struct node *pod,
		const char *since, struct buf *out)
{
	const struct node *newest = NULL;
	uint32_t n;

	items_of(items, &n);
	for (uint32_t i = 0; i < n; i++) {
		const struct node *e = items->items[i];

		if (says_why(e) &&
		    strncmp(seen_at(e), since, SECONDS_BYTES) >= 0 &&
		    (!newest || strncmp(seen_at(e), seen_at(newest),
					SECONDS_BYTES) >= 0))
			newest = e;
	}
	if (!newest)
		return false;
	if (!strcmp(text_at(newest, "reason"), "Unhealthy")) {
		add_unhealthy(newest, pod, out);
	} else {
		buf_addf(out, "%s: ", text_at(newest, "reason"));
		add_said(out, text_at(newest, "message"));
	}
	return true;
}
