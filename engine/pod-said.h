/*
 * What `kubectl describe` would show of a workload that does not come up, in
 * one line: what the workload itself says, its worst pod, and the events of
 * either. Pure. Only what Kubernetes says goes in: what runs in a container
 * may say anything, so the output of a probe's command, or what a container
 * answers to a probe, of a hook, and the termination message of a container
 * stay out.
 */
#ifndef ENGINE_POD_SAID_H
#define ENGINE_POD_SAID_H

#include <stdbool.h>

#include "schema/base/buf.h"
#include "schema/node.h"

/* Is it the kind Pod, or one that Kubernetes itself makes pods for? */
bool kind_has_pods(const char *group, const char *kind);

/* Its pods cannot be made (condition ReplicaFailure: quota, admission): the
 * controller's words. False: it does not say so. */
bool workload_said(const struct node *workload, struct buf *out);

/* The one of a PodList's items that is worst, the newest of several; NULL if
 * none is ill. */
const struct node *pod_worst(const struct node *items);

/*
 * "pod web-1: container web: ImagePullBackOff: Back-off pulling ...". False
 * where that does not tell why: then its events may.
 */
bool pod_said(const struct node *pod, struct buf *out);

/*
 * The newest of an EventList's items that says why, as "FailedMount: ...", or
 * false. `pod` is the pod that they are about; NULL: they are about its
 * workload. `since`: none that is older counts ("" or a time as Kubernetes
 * writes it).
 */
bool event_said(const struct node *items, const struct node *pod,
		const char *since, struct buf *out);

#endif
