/*
 * Security contexts, of a pod and of its containers.
 */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "schema/values/common.h"
#include "schema/values/pod.h"

#define PROFILE_MAX 4095
#define SYSCTL_MAX 253
#define SPEC_MAX (64 * 1024)
#define USER_MAX 104
#define DOMAIN_MAX 255
#define NETBIOS_MAX 15

/* ---- profiles of the kernel ---- */

/* A profile of the node's own needs a path, the others have none. */
static bool judge_profile_type(struct judge *j, const struct place *p)
{
	const char *type = at_key_text(p, "type", "");
	bool local = !strcmp(type, "Localhost");
	struct place profile;

	if (at(p, "localhostProfile", &profile) && *type && !local)
		at_key_error(j, &profile, "value-forbidden", "cannot be set "
			     "where the type is %s", type);
	else if (!profile.node && local)
		at_missing(j, p, "localhostProfile", " where the type is "
			   "Localhost");
	return profile.node && local;
}

static void judge_seccomp(struct judge *j, const struct place *p)
{
	struct place profile;

	if (at_is_map(p) && judge_profile_type(j, p) &&
	    at(p, "localhostProfile", &profile))
		judge_descending(j, &profile);
}

static bool is_padded(const char *s)
{
	size_t n = strlen(s);

	return n && (strchr(" \t\n\r\v\f", s[0]) ||
		     strchr(" \t\n\r\v\f", s[n - 1]));
}

static void judge_app_armor(struct judge *j, const struct place *p)
{
	struct place profile;
	const char *s;

	if (!at_is_map(p) || !judge_profile_type(j, p) ||
	    !at(p, "localhostProfile", &profile))
		return;
	s = at_text(&profile);
	if (s && !*s)
		at_error(j, &profile, "value-required", "must not be empty");
	else if (s && is_padded(s))
		at_error(j, &profile, "value-format", "must not begin or end "
			 "with a blank");
	else if (s && strlen(s) > PROFILE_MAX)
		at_error(j, &profile, "value-range", "has %zu bytes: %d are "
			 "the most", strlen(s), PROFILE_MAX);
}

/* ---- Windows ---- */

static void judge_credential_spec(struct judge *j, const struct place *p)
{
	if (p->node->type == NODE_STR && p->node->n > SPEC_MAX)
		at_error(j, p, "value-range", "has %u bytes: %d are the most",
			 p->node->n, SPEC_MAX);
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return true;
	return false;
}

static bool is_windows_domain(const char *s, size_t n)
{
	char text[DOMAIN_MAX + 1];
	char *save = NULL;

	if (!n || n > DOMAIN_MAX)
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	/* NetBIOS */
	if (n <= NETBIOS_MAX && *text != '.' && !strpbrk(text, "\\/:*?\"<>|"))
		return true;
	if (text[n - 1] == '.' || *text == '.' || strstr(text, ".."))
		return false;
	for (char *part = strtok_r(text, ".", &save); part;
	     part = strtok_r(NULL, ".", &save)) {
		for (char *c = part; *c; c++)
			*c = (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
		if (!is_dns_label(part))
			return false;
	}
	return true;
}

static bool is_windows_user(const char *s)
{
	const char *slash = strchr(s, '\\');

	if (has_control(s) || (slash && strchr(slash + 1, '\\')) ||
	    (slash && !is_windows_domain(s, (size_t)(slash - s))))
		return false;
	s = slash ? slash + 1 : s;
	return *s && strlen(s) <= USER_MAX && s[strspn(s, ". ")] &&
	       !strpbrk(s, "\"/\\:;|=,+*?<>@[]");
}

static void judge_windows_user(struct judge *j, const struct place *p)
{
	const char *s = node_text(p->node);

	if (s && (!at_text(p) || !is_windows_user(s)))
		at_error(j, p, "value-format", "'%s' is no user of Windows: "
			 "a name, with a domain and a \\ before it if you "
			 "like", s);
}

/* In a pod with a container in the host's own processes all are. */
static void judge_host_process(struct judge *j, const struct place *p)
{
	if (p->node->type == NODE_BOOL && p->node->boolean &&
	    !j->pod->host_network)
		at_error(j, p, "value-conflict", "can be true only where "
			 "hostNetwork is");
}

static void judge_windows(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "gmsaCredentialSpec", judge_credential_spec, FILLED },
		{ "gmsaCredentialSpecName", judge_dns_subdomain, ANY },
		{ "hostProcess", judge_host_process, ANY },
		{ "runAsUserName", judge_windows_user, FILLED },
	};
	if (!strcmp(j->pod->os, "linux"))
		at_key_error(j, p, "value-forbidden", "cannot be set in a pod "
			     "of Linux");
	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* ---- containers ---- */

static void judge_proc_mount(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);

	if (s && !strcmp(s, "Unmasked") && j->pod->host_users)
		at_error(j, p, "value-conflict", "can be Unmasked only where "
			 "the pod's hostUsers is false");
}

static bool adds_sys_admin(const struct place *context)
{
	const struct node *add = node_path(context->node, "capabilities",
					   "add", NULL);

	for (uint32_t i = 0; add && add->type == NODE_SEQ && i < add->n; i++)
		if (node_text(add->items[i]) &&
		    !strcmp(node_text(add->items[i]), "CAP_SYS_ADMIN"))
			return true;
	return false;
}

static void judge_escalation(struct judge *j, const struct place *p)
{
	if (p->node->type != NODE_BOOL || p->node->boolean)
		return;
	if (at_key_true(p->up, "privileged"))
		at_error(j, p, "value-conflict", "cannot be false where "
			 "privileged is true");
	else if (adds_sys_admin(p->up))
		at_error(j, p, "value-conflict", "cannot be false where "
			 "CAP_SYS_ADMIN is added");
}

void judge_security_context(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "allowPrivilegeEscalation", judge_escalation, ANY },
		{ "appArmorProfile", judge_app_armor, ANY },
		{ "procMount", judge_proc_mount, FILLED },
		{ "runAsGroup", judge_user_id, ANY },
		{ "runAsUser", judge_user_id, ANY },
		{ "seccompProfile", judge_seccomp, ANY },
		{ "windowsOptions", judge_windows, ANY },
	};
	static const char *const not_of_windows[] = {
		"appArmorProfile", "seLinuxOptions", "seccompProfile",
		"capabilities", "readOnlyRootFilesystem", "privileged",
		"allowPrivilegeEscalation", "procMount", "runAsUser",
		"runAsGroup", NULL
	};

	if (!at_is_map(p))
		return;
	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (!strcmp(j->pod->os, "windows"))
		at_forbid(j, p, not_of_windows, "in a pod of Windows");
}

/* ---- the pod ---- */

/* Parts between dots or slashes: letters and digits at both ends, - and _
 * within. */
static bool is_sysctl(const char *s)
{
	static const char ends[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	if (strlen(s) > SYSCTL_MAX)
		return false;
	for (;;) {
		size_t n = strcspn(s, "./");

		if (!n || !strchr(ends, s[0]) || !strchr(ends, s[n - 1]))
			return false;
		for (size_t i = 0; i < n; i++)
			if (!strchr(ends, s[i]) && s[i] != '-' && s[i] != '_')
				return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

static bool is_of(const char *sysctl, const char *tree)
{
	size_t n = strlen(tree);

	return !strncmp(sysctl, tree, n) &&
	       (sysctl[n] == '.' || sysctl[n] == '/');
}

static void judge_sysctl_name(struct judge *j, const struct place *p)
{
	const struct place *spec = &j->pod->spec;
	const char *s = at_text(p);

	if (!s)
		return;
	if (!is_sysctl(s))
		at_error(j, p, "value-format", "'%s' is no sysctl such as "
			 "net.core.somaxconn", s);
	else if (is_of(s, "net") && at_key_true(spec, "hostNetwork"))
		at_error(j, p, "value-conflict", "cannot be '%s' where "
			 "hostNetwork is true", s);
	else if (at_key_true(spec, "hostIPC") &&
		 (!strncmp(s, "kernel.shm", 10) ||
		  !strncmp(s, "kernel.msg", 10) || !strcmp(s, "kernel.sem") ||
		  is_of(s, "fs.mqueue")))
		at_error(j, p, "value-conflict", "cannot be '%s' where "
			 "hostIPC is true", s);
}

static void judge_sysctl(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_sysctl_name, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_sysctls(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_sysctl);
	at_unique(j, p, "name");
}

static void judge_groups(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_user_id);
}

void judge_pod_security(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "appArmorProfile", judge_app_armor, ANY },
		{ "fsGroup", judge_user_id, ANY },
		{ "fsGroupChangePolicy", NULL, FILLED },
		{ "runAsGroup", judge_user_id, ANY },
		{ "runAsUser", judge_user_id, ANY },
		{ "seccompProfile", judge_seccomp, ANY },
		{ "supplementalGroups", judge_groups, ANY },
		{ "supplementalGroupsPolicy", NULL, FILLED },
		{ "sysctls", judge_sysctls, ANY },
		{ "windowsOptions", judge_windows, ANY },
	};
	static const char *const not_of_windows[] = {
		"appArmorProfile", "seLinuxOptions", "seccompProfile",
		"fsGroup", "fsGroupChangePolicy", "sysctls", "runAsUser",
		"runAsGroup", "supplementalGroups", "supplementalGroupsPolicy",
		"seLinuxChangePolicy", NULL
	};

	if (!at_is_map(p))
		return;
	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (!strcmp(j->pod->os, "windows"))
		at_forbid(j, p, not_of_windows, "in a pod of Windows");
}
