/*
 * Pods, and the templates of pods in other kinds: what concerns the pod as a
 * whole. Its parts have files of their own, see pod.h.
 */
#include "config.h"
#include "schema/values/pod.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/kinds.h"

#define GRACE_PERIOD 30
#define HOSTNAME_MAX 64
/* older servers drop it */
#define HOSTNAME_OVERRIDE_MINOR 35

void judge_not_named(struct judge *j, const struct place *name,
		     const struct lookup *by, const char *what)
{
	const char *s = at_text(name);
	const struct node *other = s && *s ? lookup_find(by, s) : NULL;

	if (other)
		at_error(j, name, "value-duplicate", "is '%s', which is the "
			 "name of %s in line %u, too", s, what,
			 other->mark.line);
}

/* ---- containers ---- */

static void judge_containers(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_container);
}

static void judge_init_containers(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_init_container);
}

static void judge_debugging(struct judge *j, const struct place *p)
{
	if (at_count(p))
		at_key_error(j, p, "value-forbidden", "cannot be set in a "
			     "manifest: they are put into a pod that runs");
}

bool pod_has_volume(const struct pod *pod, const char *name,
		    const struct node **ret)
{
	bool claimed = pod->is_set && lookup_find(&pod->claimed, name);

	*ret = claimed ? NULL : lookup_find(&pod->volumes, name);
	return claimed || *ret;
}

/* ---- names and the like ---- */

/* A StatefulSet puts its own in their place. */
static void judge_pod_name(struct judge *j, const struct place *p)
{
	if (!j->pod->is_set)
		judge_dns_label(j, p);
}

static void judge_deadline(struct judge *j, const struct place *p)
{
	judge_range(j, p, 1, INT32_MAX);
}

static void judge_hostname_override(struct judge *j, const struct place *p)
{
	const struct place *spec = &j->pod->spec;

	if (j->minor < HOSTNAME_OVERRIDE_MINOR)
		return;
	if (at_key_true(spec, "setHostnameAsFQDN"))
		at_key_error(j, p, "value-conflict", "cannot be set where "
			     "setHostnameAsFQDN is true");
	else if (j->pod->host_network)
		at_key_error(j, p, "value-conflict", "cannot be set where "
			     "hostNetwork is true");
	else if (p->node->type == NODE_STR && p->node->n > HOSTNAME_MAX)
		at_error(j, p, "value-range", "has %u bytes: %d are the most",
			 p->node->n, HOSTNAME_MAX);
	else
		judge_dns_subdomain(j, p);
}

static void judge_readiness_gate(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "conditionType", judge_label_key, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_readiness_gates(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_readiness_gate);
}

static void judge_scheduling_gate(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_label_key, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_scheduling_gates(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_scheduling_gate);
}

static void judge_node_name(struct judge *j, const struct place *p)
{
	judge_dns_subdomain(j, p);
	if (!j->pod->is_template && at_filled(p->up, "schedulingGates"))
		at_key_error(j, p, "value-conflict", "cannot be set while "
			     "there are schedulingGates");
}

static void judge_os_name(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "linux", "windows");
}

static void judge_os(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_os_name, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_claim(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_dns_label, FILLED },
		{ "resourceClaimName", judge_dns_subdomain, ANY },
		{ "resourceClaimTemplateName", judge_dns_subdomain, ANY },
	};
	static const char *const ways[] = {
		"resourceClaimName", "resourceClaimTemplateName", NULL
	};
	struct place one;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	at_one_of(j, p, ways, false, &one);
}

static void judge_claims(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_claim);
}

/* ---- what goes with what ---- */

/* Users of its own are of no use in the namespaces of the host. */
static void judge_host_users(struct judge *j, const struct place *p)
{
	static const char *const shared[] = {
		"hostNetwork", "hostPID", "hostIPC",
	};
	struct place other;

	if (p->node->type != NODE_BOOL || p->node->boolean)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		if (at_key_true(p->up, shared[i]) &&
		    at(p->up, shared[i], &other))
			at_error(j, &other, "value-conflict", "cannot be true "
				 "where hostUsers is false");
}

static void judge_shared_processes(struct judge *j, const struct place *p)
{
	if (at_key_true(p->up, p->key) && at_key_true(p->up, "hostPID"))
		at_error(j, p, "value-conflict", "cannot be true where hostPID "
			 "is true");
}

static void judge_no_dns(struct judge *j, const struct place *spec)
{
	struct place config;

	if (strcmp(at_key_text(spec, "dnsPolicy", ""), "None"))
		return;
	if (!at(spec, "dnsConfig", &config))
		at_missing(j, spec, "dnsConfig", " where dnsPolicy is None");
	else if (!at_filled(&config, "nameservers"))
		at_missing(j, &config, "nameservers", " where dnsPolicy is "
			   "None");
}

static void judge_windows_pod(struct judge *j, const struct place *spec)
{
	static const char *const others[] = {
		"hostUsers", "shareProcessNamespace", "resources", NULL
	};

	if (!strcmp(j->pod->os, "windows"))
		at_forbid(j, spec, others, "in a pod of Windows");
}

/* ---- the spec ---- */

static const struct field fields[] = {
	{ "activeDeadlineSeconds", judge_deadline, ANY },
	{ "affinity", judge_affinity, ANY },
	{ "containers", judge_containers, FILLED },
	{ "dnsConfig", judge_dns_config, ANY },
	{ "ephemeralContainers", judge_debugging, ANY },
	{ "hostAliases", judge_host_aliases, ANY },
	{ "hostUsers", judge_host_users, ANY },
	{ "hostname", judge_pod_name, OR_EMPTY },
	{ "hostnameOverride", judge_hostname_override, ANY },
	{ "initContainers", judge_init_containers, ANY },
	{ "nodeName", judge_node_name, OR_EMPTY },
	{ "nodeSelector", judge_labels, ANY },
	{ "os", judge_os, ANY },
	{ "preemptionPolicy", NULL, FILLED },
	{ "priorityClassName", judge_dns_subdomain, OR_EMPTY },
	{ "readinessGates", judge_readiness_gates, ANY },
	{ "resourceClaims", judge_claims, ANY },
	{ "resources", judge_pod_resources, ANY },
	{ "runtimeClassName", judge_dns_subdomain, ANY },
	{ "schedulingGates", judge_scheduling_gates, ANY },
	{ "securityContext", judge_pod_security, ANY },
	{ "serviceAccountName", judge_dns_subdomain, OR_EMPTY },
	{ "shareProcessNamespace", judge_shared_processes, ANY },
	{ "subdomain", judge_pod_name, OR_EMPTY },
	{ "tolerations", judge_tolerations, ANY },
	{ "topologySpreadConstraints", judge_spread, ANY },
	{ "volumes", judge_volumes, ANY },
};

static void pod_init(struct pod *pod, const struct place *spec,
		     bool is_template)
{
	static const char *const keys[] = {
		"volumes", "containers", "initContainers", "resourceClaims",
	};
	struct lookup *lookups[] = {
		&pod->volumes, &pod->containers, &pod->init_containers,
		&pod->claims,
	};
	const struct node *host_users = node_get(spec->node, "hostUsers");
	struct place list, os;

	*pod = (struct pod){
		.spec = *spec, .is_template = is_template,
		.grace_period = at_key_int(spec,
					   "terminationGracePeriodSeconds",
					   GRACE_PERIOD),
		.restart_policy = at_key_text(spec, "restartPolicy", "Always"),
		.os = at(spec, "os", &os) ? at_key_text(&os, "name", "") : "",
		.host_users = !host_users || host_users->type != NODE_BOOL ||
			      host_users->boolean,
		.host_network = at_key_true(spec, "hostNetwork"),
	};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		at(spec, keys[i], &list);
		lookup_init(lookups[i], &list, "name");
	}
}

static void pod_release(struct pod *pod)
{
	lookup_release(&pod->claimed);
	lookup_release(&pod->volumes);
	lookup_release(&pod->containers);
	lookup_release(&pod->init_containers);
	lookup_release(&pod->claims);
}

/* owner: the pod or template, with metadata and spec */
static void judge_owner(struct judge *j, const struct place *owner,
			bool is_template, const struct place *set_claims)
{
	struct place spec, metadata, annotations;
	struct pod pod;

	if (!at(owner, "spec", &spec)) {
		if (at_is_map(owner))
			at_missing(j, owner, "spec", "");
		return;
	}
	if (!at_is_map(&spec))
		return;
	pod_init(&pod, &spec, is_template);
	pod.is_set = set_claims != NULL;
	if (set_claims)
		lookup_init_within(&pod.claimed, set_claims, "metadata",
				   "name");
	j->pod = &pod;
	at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	judge_no_dns(j, &spec);
	judge_windows_pod(j, &spec);
	if (at(owner, "metadata", &metadata) &&
	    at(&metadata, "annotations", &annotations))
		judge_pod_annotations(j, &annotations);
	j->pod = NULL;
	pod_release(&pod);
}

void judge_pod_template(struct judge *j, const struct place *p)
{
	struct place metadata;

	if (at(p, "metadata", &metadata))
		judge_template_metadata(j, &metadata);
	judge_owner(j, p, true, NULL);
}

void judge_set_template(struct judge *j, const struct place *p,
			const struct place *claims)
{
	struct place metadata;

	if (at(p, "metadata", &metadata))
		judge_template_metadata(j, &metadata);
	judge_owner(j, p, true, claims);
}

void judge_pod(struct judge *j, const struct place *root)
{
	judge_owner(j, root, false, NULL);
}
