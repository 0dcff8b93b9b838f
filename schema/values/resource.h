/*
 * Names of resources: cpu, memory, hugepages-2Mi, nvidia.com/gpu, and those
 * that only a quota counts: requests.cpu, count/deployments.apps. As
 * core/helper and core/validation have them.
 */
#ifndef SCHEMA_VALUES_RESOURCE_H
#define SCHEMA_VALUES_RESOURCE_H

#include "schema/values/at.h"

enum resource_use {
	RESOURCE_ANY,		/* a limit of whatever there is */
	RESOURCE_CONTAINER,	/* that a container can ask for */
	RESOURCE_QUOTA,		/* that a namespace can be limited in */
};

/* What is wrong with it: "is no ..."; NULL if nothing. */
const char *resource_fault(const char *name, enum resource_use use);
/* There can be no half of it. */
bool resource_is_whole(const char *name);
/* More of it can be promised than there is: its limit may be above what is
 * requested. */
bool resource_overcommits(const char *name);

/* "value-enum" at each key of a map of amounts that is no such name. */
void judge_resource_keys(struct judge *j, const struct place *map,
			 enum resource_use use);
/* The same of a name that is a value. */
judge_fn judge_container_resource_name;

#endif
