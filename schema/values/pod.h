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
	struct lookup volumes;		/* by name, as all of these */
	struct lookup containers, init_containers;
	struct lookup claims;		/* spec.resourceClaims */
	int64_t grace_period;
	const char *restart_policy;	/* "Always" by default */
	const char *os;			/* "" if it does not say */
	bool host_users, host_network;
};

/* A pod's spec; parts see it as j->pod. */
void judge_pod_spec(struct judge *j, const struct place *spec,
		    bool is_template);
/* The spec and metadata of a template. */
judge_fn judge_pod_template;

/* Says that an item of `by` has that name already. */
void judge_not_named(struct judge *j, const struct place *name,
		     const struct lookup *by, const char *what);

judge_fn judge_container;		/* container.c */
judge_fn judge_init_container;
judge_fn judge_ephemeral_container;
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

#endif
