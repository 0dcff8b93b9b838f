/*
 * Containers of a pod: those that run, and those before them.
 */
#include "config.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/pod.h"

/* older servers drop them */
#define RESTART_RULES_MINOR 35
/* from here on an init container must not be restarted for new resources */
#define NO_RESTART_MINOR 36

/* ---- ports ---- */

static void judge_host_port(struct judge *j, const struct place *p)
{
	const struct pod *pod = j->pod;
	int64_t port, container = at_key_int(p->up, "containerPort", 0);

	judge_range(j, p, 0, 65535);
	if (at_int(p, &port) && pod->host_network && port && port <= 65535 &&
	    port != container)
		at_error(j, p, "value-conflict", "must be the containerPort "
			 "%lld where hostNetwork is true, not %lld",
			 (long long)container, (long long)port);
}

static void judge_container_port(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "containerPort", judge_port, ANY },
		{ "hostPort", judge_host_port, ANY },
		{ "name", judge_port_name, OR_EMPTY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_ports(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_container_port);
	at_unique(j, p, "name");
}

/* ---- how it is restarted ---- */

static void judge_restart_policy(struct judge *j, const struct place *p)
{
	if (j->minor >= RESTART_RULES_MINOR)
		JUDGE_WORDS(j, p, "Always", "OnFailure", "Never");
}

static void judge_restart_action(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "Restart", "RestartAllContainers");
}

static void judge_restart_operator(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "In", "NotIn");
}

static void judge_restart_codes(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "operator", judge_restart_operator, FILLED },
	};
	struct place values;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	at(p, "values", &values);
	if (at_count(&values) > 255)
		at_error(j, &values, "value-range", "has %u codes: 255 are "
			 "the most", at_count(&values));
}

static void judge_restart_rule(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "action", judge_restart_action, FILLED },
		{ "exitCodes", judge_restart_codes, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_restart_rules(struct judge *j, const struct place *p)
{
	if (j->minor < RESTART_RULES_MINOR)
		return;
	if (at_count(p) && !at_filled(p->up, "restartPolicy"))
		at_missing(j, p->up, "restartPolicy", " beside "
			   "restartPolicyRules");
	if (at_count(p) > 20)
		at_error(j, p, "value-range", "has %u rules: 20 are the most",
			 at_count(p));
	at_items(j, p, judge_restart_rule);
}

static void judge_resized(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "cpu", "memory");
}

static void judge_resize_word(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "NotRequired", "RestartContainer");
}

static void judge_resize_policy(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "resourceName", judge_resized, FILLED },
		{ "restartPolicy", judge_resize_word, FILLED },
	};
	struct place policy;
	const char *s;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (!at(p, "restartPolicy", &policy))
		return;
	s = at_text(&policy);
	if (s && strcmp(s, "NotRequired") &&
	    !strcmp(j->pod->restart_policy, "Never"))
		at_error(j, &policy, "value-conflict", "must be NotRequired "
			 "where the pod's restartPolicy is Never");
}

/* of an init container that comes to an end */
static void judge_no_restart(struct judge *j, const struct place *container)
{
	struct place list, item, policy;

	at(container, "resizePolicy", &list);
	for (uint32_t i = 0; at_is_list(&list) && i < list.node->n; i++)
		if (at_item(&list, i, &item) &&
		    !strcmp(at_key_text(&item, "restartPolicy", ""),
			    "RestartContainer") &&
		    at(&item, "restartPolicy", &policy))
			at_error(j, &policy, "value-conflict", "cannot be "
				 "RestartContainer in an init container whose "
				 "restartPolicy is not Always");
}

static void judge_resize_policies(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_resize_policy);
	at_unique(j, p, "resourceName");
}

/* ---- all containers ---- */

/* Templates may have an image of blanks; what makes pods fills it in. */
static void judge_image(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);
	size_t n = s ? strlen(s) : 0;

	if (!n || j->pod->is_template)
		return;
	if (strchr(" \t\n\r\v\f", s[0]) || strchr(" \t\n\r\v\f", s[n - 1]))
		at_error(j, p, "value-format", "must not begin or end with a "
			 "blank");
}

static void judge_common(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "env", judge_env, ANY },
		{ "envFrom", judge_env_from, ANY },
		{ "image", judge_image, MUST },
		{ "name", judge_dns_label, FILLED },
		{ "ports", judge_ports, ANY },
		{ "resizePolicy", judge_resize_policies, ANY },
		{ "resources", judge_resources, ANY },
		{ "restartPolicy", judge_restart_policy, FILLED },
		{ "restartPolicyRules", judge_restart_rules, ANY },
		{ "securityContext", judge_security_context, ANY },
		{ "volumeDevices", judge_devices, ANY },
		{ "volumeMounts", judge_mounts, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_life(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "lifecycle", judge_lifecycle, ANY },
		{ "livenessProbe", judge_liveness_probe, ANY },
		{ "readinessProbe", judge_readiness_probe, ANY },
		{ "startupProbe", judge_liveness_probe, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_container(struct judge *j, const struct place *p)
{
	judge_common(j, p);
	judge_life(j, p);
}

void judge_init_container(struct judge *j, const struct place *p)
{
	static const char *const life[] = {
		"lifecycle", "livenessProbe", "readinessProbe",
		"startupProbe", NULL
	};
	struct place name;

	if (!at_is_map(p))
		return;
	judge_common(j, p);
	if (at(p, "name", &name))
		judge_not_named(j, &name, &j->pod->containers, "a container");
	if (!strcmp(at_key_text(p, "restartPolicy", ""), "Always"))
		judge_life(j, p);
	else
		at_forbid(j, p, life, "in an init container whose "
			  "restartPolicy is not Always");
	if (j->minor >= NO_RESTART_MINOR &&
	    strcmp(at_key_text(p, "restartPolicy", ""), "Always"))
		judge_no_restart(j, p);
}
