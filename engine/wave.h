/*
 * In which order objects come up (DESIGN.md 4.3). Pure.
 *
 * A wave is a stage by kind, refined by a number that the author may give:
 * `windlass.dev/wave: "<n>"`, or `argocd.argoproj.io/sync-wave`. Order is by
 * number first, then by stage; without annotations every number is 0, and
 * the stages alone decide.
 */
#ifndef ENGINE_WAVE_H
#define ENGINE_WAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/err.h"
#include "schema/node.h"

enum wave_stage {
	STAGE_NAMESPACES,	/* Namespace */
	STAGE_CRDS,		/* and wait for Established */
	STAGE_FOUNDATIONS,	/* roles, accounts, quotas, config, storage,
				   services: what others stand on */
	STAGE_WORKLOADS,	/* workloads and all the rest */
	STAGE_HOOKS,		/* webhook configurations and API services */
};

/* The stage of a kind. */
enum wave_stage wave_stage(const char *group, const char *kind);

/*
 * Order as one comparable number: (number - WAVE_MIN) * 8 + stage.
 */
uint16_t wave_order(int number, enum wave_stage stage);

/*
 * The author's number from an object's annotations: 0 if none is given,
 * windlass.dev/wave before Argo CD's. ERR_INVALID if it is no whole number
 * from WAVE_MIN to WAVE_MAX.
 */
int wave_number(const struct node *object, int *ret, struct err *err);

#endif
