/*
 * windlass' own objects, by name. See own.h; `windlass install` makes them
 * (engine/install, engine/cli/install-manifests.c). Trusts that whoever made
 * an object of these names by hand gives it another one.
 */
#include "config.h"
#include "schema/own.h"

#include <stdbool.h>
#include <string.h>

#include "schema/base/mem.h"

#define RBAC "rbac.authorization.k8s.io"
#define ADMISSION "admissionregistration.k8s.io"
#define FLOWCONTROL "flowcontrol.apiserver.k8s.io"

static bool is(const struct object_id *id, const char *group, const char *kind)
{
	return !strcmp(id->group, group) && !strcmp(id->kind, kind);
}

static bool is_rbac(const struct object_id *id)
{
	return is(id, RBAC, "ClusterRole") || is(id, RBAC, "Role") ||
	       is(id, RBAC, "ClusterRoleBinding") ||
	       is(id, RBAC, "RoleBinding");
}

/* "windlass-engine-prod", "windlass-channel-prod.cluster": what the engine
 * may for a channel, and the channel's account. */
static bool is_of_a_channel(const char *name)
{
	static const char *const whose[] = {
		"windlass-channel-", "windlass-engine-",
	};

	for (size_t i = 0; i < ARRAY_SIZE(whose); i++)
		if (!strncmp(name, whose[i], strlen(whose[i])))
			return true;
	return false;
}

static bool is_part(const struct object_id *id)
{
	static const struct {
		const char *group, *kind, *namespace, *name;
	} parts[] = {
		{ RBAC, "ClusterRole", "", "windlassd" },
		{ RBAC, "ClusterRoleBinding", "", "windlassd" },
		{ RBAC, "Role", "default", "windlassd" },
		{ RBAC, "RoleBinding", "default", "windlassd" },
		{ ADMISSION, "ValidatingAdmissionPolicy", "",
		  "windlass-protect" },
		{ ADMISSION, "ValidatingAdmissionPolicyBinding", "",
		  "windlass-protect" },
		{ FLOWCONTROL, "PriorityLevelConfiguration", "", "windlass" },
		{ FLOWCONTROL, "FlowSchema", "", "windlass" },
		{ FLOWCONTROL, "FlowSchema", "", "windlass-lease" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (is(id, parts[i].group, parts[i].kind) &&
		    !strcmp(id->namespace, parts[i].namespace) &&
		    !strcmp(id->name, parts[i].name))
			return true;
	return is_rbac(id) && is_of_a_channel(id->name);
}

enum own own_judge(const struct object_id *id, const char *channel)
{
	if ((is(id, "apiextensions.k8s.io", "CustomResourceDefinition") &&
	     !strcmp(id->name, "channels.windlass.dev")) ||
	    (is(id, "windlass.dev", "Channel") && !strcmp(id->name, channel)))
		return OWN_CHANNEL;
	if (!strcmp(id->namespace, OWN_NAMESPACE) ||
	    (is(id, "", "Namespace") && !strcmp(id->name, OWN_NAMESPACE)))
		return OWN_PLACE;
	return is_part(id) ? OWN_PART : OWN_NOT;
}
