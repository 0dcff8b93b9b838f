/*
 * What the parts of a pod need to know of the whole, and the judges of these
 * parts, a file for each.
 */
#ifndef SCHEMA_VALUES_POD_H
#define SCHEMA_VALUES_POD_H

#include "schema/values/at.h"

struct pod {
	struct place spec;
	bool is_template;		/* no Pod, but what makes some */
	/* a StatefulSet's, which gives each pod its name, and a volume for
	 * each of these claims */
	bool is_set;
	struct lookup claimed;		/* by name, as all of these */
	struct lookup volumes;
	struct lookup containers, init_containers;
	struct lookup claims;		/* spec.resourceClaims */
	int64_t grace_period;
	const char *restart_policy;	/* "Always" by default */
	const char *os;			/* "" if it does not say */
	bool host_users, host_network;
};

/* The spec and metadata of a template; parts see its pod as j->pod. */
judge_fn judge_pod_template;
/* That of a StatefulSet with these volumeClaimTemplates (node NULL: none). */
void judge_set_template(struct judge *j, const struct place *template,
			const struct place *claims);
/* Is there such a volume? *ret is that of the pod, or NULL if it is made for
 * a claim. */
bool pod_has_volume(const struct pod *pod, const char *name,
		    const struct node **ret);

/* Says that an item of `by` has that name already. */
void judge_not_named(struct judge *j, const struct place *name,
		     const struct lookup *by, const char *what);

judge_fn judge_container;		/* container.c */
judge_fn judge_init_container;
judge_fn judge_env;			/* env.c: lists */
judge_fn judge_env_from;
judge_fn judge_pod_field;		/* fieldRef of an environment */
judge_fn judge_volume_field;		/* of a volume */
judge_fn judge_container_resource;	/* resourceFieldRef */
judge_fn judge_volume_resource;
judge_fn judge_mounts;			/* mount.c: lists */
judge_fn judge_devices;
judge_fn judge_liveness_probe;		/* probe.c; startup probes, too */
judge_fn judge_readiness_probe;
judge_fn judge_lifecycle;
judge_fn judge_resources;		/* resources.c: of a container */
judge_fn judge_pod_resources;
judge_fn judge_pod_totals;		/* pod-total.c: of all containers */
judge_fn judge_security_context;	/* security.c: of a container */
judge_fn judge_pod_security;
judge_fn judge_volumes;			/* pod-volume.c */
judge_fn judge_items;			/* keys and their files */
judge_fn judge_downward;		/* downwardAPI */
judge_fn judge_file_mode;
judge_fn judge_file_path;
judge_fn judge_projected;		/* projected.c */
judge_fn judge_affinity;		/* affinity.c */
judge_fn judge_spread;
judge_fn judge_tolerations;
judge_fn judge_dns_config;		/* pod-network.c */
judge_fn judge_host_aliases;
judge_fn judge_pod_annotations;		/* pod-annotation.c */

#endif
