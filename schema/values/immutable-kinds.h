/*
 * Kinds whose fixed values take more than a look: between immutable.c and
 * immutable-kinds.c. Nobody else includes this.
 */
#ifndef SCHEMA_VALUES_IMMUTABLE_KINDS_H
#define SCHEMA_VALUES_IMMUTABLE_KINDS_H

#include "schema/values/at.h"

/* ---- immutable.c ---- */

/* An error at p, or where it would be, unless it is what it was. */
void check_same(struct judge *j, const struct place *p,
		const struct node *old);
void check_same_key(struct judge *j, const struct place *map,
		    const struct node *old, const char *key);
void check_all_but(struct judge *j, const struct place *map,
		   const struct node *old, const char *const *free);
/* The error. */
void say_fixed(struct judge *j, const struct place *p,
	       const struct node *old);

/* ---- immutable-kinds.c: root, and the old one ---- */

typedef void fixed_fn(struct judge *j, const struct place *root,
		      const struct node *old);

fixed_fn check_fixed_cidrs;
fixed_fn check_fixed_claim;
fixed_fn check_fixed_data;		/* of ConfigMaps and Secrets */
fixed_fn check_fixed_job;
fixed_fn check_fixed_pod;
fixed_fn check_fixed_quota;
fixed_fn check_fixed_service;
fixed_fn check_fixed_stateful_set;
fixed_fn check_fixed_volume;

#endif
