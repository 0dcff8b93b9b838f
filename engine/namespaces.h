/*
 * Namespaces that objects of a channel are to be in and that do not exist.
 * For as long as one is missing one of these objects asks for all of them,
 * ever more seldom: what many wait for costs no more than what one does.
 * Nothing here sends anything.
 */
#ifndef ENGINE_NAMESPACES_H
#define ENGINE_NAMESPACES_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/map.h"

#define NAMESPACE_ASK_MIN_MS 250
#define NAMESPACE_ASK_MAX_MS 60000

struct namespaces {
	struct map missing;
};

#define NAMESPACES_INIT { .missing = MAP_INIT }

/*
 * An object that failed for want of this namespace would be tried now. 0: it
 * asks for all. Else another one has asked: the time (loop_now(), as now is)
 * when somebody is to ask again.
 */
int64_t namespaces_ask(struct namespaces *n, const char *name, int64_t now);
/* It exists, or that is not known any more. False if it was not missing. */
bool namespaces_came(struct namespaces *n, const char *name);
/* Whoever comes next asks, whichever is missing: something else has changed,
 * or an admin wants to know. */
void namespaces_ask_soon(struct namespaces *n);
void namespaces_release(struct namespaces *n);

#endif
