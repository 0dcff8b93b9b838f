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

static void judge_containers(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_container);
}

static void judge_init_containers(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_init_container);
}

static void judge_ephemeral_containers(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_ephemeral_container);
}

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
	lookup_release(&pod->volumes);
	lookup_release(&pod->containers);
	lookup_release(&pod->init_containers);
	lookup_release(&pod->claims);
}

void judge_pod_spec(struct judge *j, const struct place *spec,
		    bool is_template)
{
	static const struct field fields[] = {
		{ "containers", judge_containers, FILLED },
		{ "ephemeralContainers", judge_ephemeral_containers, ANY },
		{ "initContainers", judge_init_containers, ANY },
	};
	struct pod pod;

	if (!at_is_map(spec))
		return;
	pod_init(&pod, spec, is_template);
	j->pod = &pod;
	at_fields(j, spec, fields, ARRAY_SIZE(fields));
	j->pod = NULL;
	pod_release(&pod);
}

void judge_pod_template(struct judge *j, const struct place *p)
{
	struct place part;

	if (at(p, "metadata", &part))
		judge_template_metadata(j, &part);
	if (at(p, "spec", &part))
		judge_pod_spec(j, &part, true);
}

void judge_pod(struct judge *j, const struct place *root)
{
	struct place spec;

	if (at(root, "spec", &spec))
		judge_pod_spec(j, &spec, false);
}
