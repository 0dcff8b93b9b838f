/*
 * Kinds that keep a number of pods: Deployment, ReplicaSet, StatefulSet,
 * DaemonSet, ReplicationController; and PodTemplate.
 */
#include "config.h"

#include "schema/values/common.h"
#include "schema/values/kinds.h"
#include "schema/values/pod.h"

/* A selector that selects something, among it what the template makes. */
static void judge_own_selector(struct judge *j, const struct place *spec)
{
	struct place selector, template;
	const struct node *labels;

	if (!at(spec, "selector", &selector) || !at_is_map(&selector))
		return;
	if (selector_is_empty(&selector)) {
		at_error(j, &selector, "value-required", "must not be empty: "
			 "it selects the pods by their labels");
		return;
	}
	judge_selector(j, &selector);
	if (!at(spec, "template", &template))
		return;
	labels = node_path(template.node, "metadata", "labels", NULL);
	if (!selector_matches(&selector, labels))
		at_error(j, &selector, "selector-mismatch", "does not match "
			 "the labels of its own pods in template.metadata."
			 "labels");
}

void judge_deployment(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "minReadySeconds", judge_not_negative, ANY },
		{ "replicas", judge_not_negative, ANY },
		{ "template", judge_pod_template, ANY },
	};
	struct place spec;

	if (!at(root, "spec", &spec))
		return;
	at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	judge_own_selector(j, &spec);
}
