/*
 * What may be in a channel: the rules that look at one object, and at the
 * set of objects that one push brings. Pure: no Git, no cluster, no clock.
 * The hook, `windlass check` and `windlass render` all judge by these.
 */
#ifndef SCHEMA_RULES_H
#define SCHEMA_RULES_H

#include <stdbool.h>

#include "schema/object.h"
#include "schema/problem.h"
#include "schema/scope.h"

/* A channel's settings that decide what is valid and how it is rendered. */
struct rules {
	const char *channel;		/* its name */
	const char *default_namespace;	/* "" if there is none */
	bool allow_secrets;
	const struct scopes *scopes;
};

/*
 * Judges one object and completes its identity: fills a missing namespace
 * from default_namespace into o->id (not into the tree). Rules: scope-*,
 * namespace-*, secret-refused, applyset-label, own-channel, name-*.
 * 0, or -1 with errors added to ps.
 */
int rules_check(const struct rules *r, struct object *o, struct problems *ps);

/*
 * Objects that stand twice in os: an error at the second, naming the first.
 * 0 if there are none, else -1.
 */
int rules_check_duplicates(const struct objects *os, struct problems *ps);

#endif
