/*
 * Is a live object doing what it is there for? kstatus rules, and Argo CD's
 * where kstatus is too lenient (kubernetes.md section 5; sources:
 * sigs.k8s.io/cli-utils pkg/kstatus, argo-cd resource_customizations). Pure.
 */
#ifndef ENGINE_HEALTH_H
#define ENGINE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/node.h"

enum health {
	HEALTH_UNKNOWN,		/* not looked at yet */
	HEALTH_PROGRESSING,	/* on its way */
	HEALTH_HEALTHY,
	HEALTH_SUSPENDED,	/* paused on purpose; counts as settled */
	HEALTH_FAILED,		/* will not get there by itself */
};

#define HEALTH_REASON_MAX 400

const char *health_name(enum health h);

/*
 * Judges a whole object. `reason` gets a short text for people ("2 of 3
 * replicas are available"), "" when healthy. `has_conditions`: for custom
 * resources, that the CRD's schema declares status conditions or
 * observedGeneration, so their absence means that nobody has looked at the
 * object yet.
 */
enum health health_judge(const char *group, const char *kind,
			 const struct node *object, bool has_conditions,
			 char reason[HEALTH_REASON_MAX]);

/* False for kinds that are healthy by existing (ConfigMap, Role, ...): no
 * GET is ever spent on their health. */
bool health_has_rule(const char *group, const char *kind);

#endif
