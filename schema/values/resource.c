/*
 * Names of resources. See resource.h. One without a / is one of a list; with
 * a / it is anybody's, but for what a quota needs of it.
 */
#include "config.h"
#include "schema/values/resource.h"

#include <stdio.h>
#include <string.h>

/* before a name that a quota counts the requests of; the longest one that is
 * a qualified name after that */
#define REQUESTS "requests."
#define NAME_MAX_BYTES 400

static bool among(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

static bool begins(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool is_hugepages(const char *s)
{
	return begins(s, "hugepages-");
}

/* Of objects, which are counted. */
static bool is_counted(const char *s)
{
	static const char *const names[] = {
		"pods", "resourcequotas", "services", "replicationcontrollers",
		"secrets", "configmaps", "persistentvolumeclaims",
		"services.nodeports", "services.loadbalancers", NULL
	};

	return among(s, names);
}

static bool is_container_name(const char *s)
{
	static const char *const names[] = {
		"cpu", "memory", "ephemeral-storage", NULL
	};

	return among(s, names) || is_hugepages(s);
}

static bool is_quota_name(const char *s)
{
	static const char *const names[] = {
		"cpu", "memory", "ephemeral-storage", "requests.cpu",
		"requests.memory", "requests.storage",
		"requests.ephemeral-storage", "limits.cpu", "limits.memory",
		"limits.ephemeral-storage", NULL
	};

	return among(s, names) || is_counted(s) || is_hugepages(s) ||
	       begins(s, "requests.hugepages-");
}

/* Kubernetes' own: without a domain, or in one of its domains. */
static bool is_native(const char *s)
{
	return !strchr(s, '/') || strstr(s, "kubernetes.io/");
}

static bool is_extended(const char *s)
{
	char counted[NAME_MAX_BYTES];

	if (is_native(s) || begins(s, REQUESTS) ||
	    strlen(s) + sizeof(REQUESTS) > sizeof(counted))
		return false;
	snprintf(counted, sizeof(counted), REQUESTS "%s", s);
	return is_qualified_name(counted);
}

const char *resource_fault(const char *s, enum resource_use use)
{
	if (!is_qualified_name(s))
		return "is no name of a resource: a name such as cpu, or with "
		       "a domain, such as example.org/gpu";
	if (use == RESOURCE_CONTAINER && !strchr(s, '/') &&
	    !is_container_name(s))
		return "is nothing that a container has: cpu, memory, "
		       "ephemeral-storage, hugepages-2Mi or the like, or "
		       "something with a domain, such as example.org/gpu";
	if (use == RESOURCE_CONTAINER && !is_native(s) && !is_extended(s))
		return "is no name of a resource that a quota could count: it "
		       "begins with requests., or its domain is too long";
	if (use == RESOURCE_QUOTA && !strchr(s, '/') && !is_quota_name(s))
		return "is nothing that a quota counts: cpu, requests.memory, "
		       "pods or the like, or something with a domain, such as "
		       "count/deployments.apps";
	if (use == RESOURCE_ANY && !strchr(s, '/') && !is_quota_name(s) &&
	    strcmp(s, "storage"))
		return "is no resource of Kubernetes: it is cpu, memory, "
		       "storage or the like, or something with a domain, such "
		       "as example.org/gpu";
	return NULL;
}

bool resource_is_whole(const char *s)
{
	return is_counted(s) || is_extended(s);
}

bool resource_overcommits(const char *s)
{
	return is_native(s) && !is_hugepages(s);
}

void judge_resource_keys(struct judge *j, const struct place *map,
			 enum resource_use use)
{
	for (uint32_t i = 0; at_is_map(map) && i < map->node->n; i++) {
		const struct node_pair *pair = &map->node->pairs[i];
		const char *fault = resource_fault(pair->key, use);

		if (fault)
			place_error(j, map, pair->mark, "value-enum",
				    "has '%s', which %s", pair->key, fault);
	}
}

void judge_container_resource_name(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);
	const char *fault = s ? resource_fault(s, RESOURCE_CONTAINER) : NULL;

	if (fault)
		at_error(j, p, "value-enum", "cannot be '%s', which %s", s,
			 fault);
}
