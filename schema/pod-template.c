/*
 * Finding the pods of a workload. See pod-template.h. The tree is a
 * stranger's and may be anything.
 */
#include "config.h"
#include "schema/pod-template.h"

#include <string.h>

#include "schema/base/mem.h"

enum where { ROOT, TEMPLATE, SPEC_TEMPLATE, JOB_TEMPLATE };

static const struct {
	const char *group, *kind;
	enum where where;
} kinds[] = {
	{ "", "Pod", ROOT },
	{ "", "PodTemplate", TEMPLATE },
	{ "", "ReplicationController", SPEC_TEMPLATE },
	{ "apps", "DaemonSet", SPEC_TEMPLATE },
	{ "apps", "Deployment", SPEC_TEMPLATE },
	{ "apps", "ReplicaSet", SPEC_TEMPLATE },
	{ "apps", "StatefulSet", SPEC_TEMPLATE },
	{ "argoproj.io", "Rollout", SPEC_TEMPLATE },
	{ "batch", "CronJob", JOB_TEMPLATE },
	{ "batch", "Job", SPEC_TEMPLATE },
};

const struct node *pod_template_of(const struct object *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].kind, o->id.kind) ||
		    strcmp(kinds[i].group, o->id.group))
			continue;
		switch (kinds[i].where) {
		case ROOT:
			return o->root;
		case TEMPLATE:
			return node_get(o->root, "template");
		case SPEC_TEMPLATE:
			return node_path(o->root, "spec", "template", NULL);
		case JOB_TEMPLATE:
			return node_path(o->root, "spec", "jobTemplate",
					 "spec", "template", NULL);
		}
	}
	return NULL;
}
