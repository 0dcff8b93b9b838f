/*
 * Which kinds the API server has, from aggregated discovery (kubernetes.md
 * section 6; Kubernetes 1.30 and newer, older ones are refused clearly).
 * One table: (group, kind, version) to plural, scope and verbs.
 */
#ifndef ENGINE_DISCOVERY_H
#define ENGINE_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/kube.h"
#include "schema/base/err.h"

enum resource_verb {
	VERB_GET = 1 << 0,
	VERB_LIST = 1 << 1,
	VERB_WATCH = 1 << 2,
	VERB_CREATE = 1 << 3,
	VERB_UPDATE = 1 << 4,
	VERB_PATCH = 1 << 5,
	VERB_DELETE = 1 << 6,
};

/* One kind in one version. */
struct resource {
	const char *group;		/* "" is the core group */
	const char *version;
	const char *kind;
	const char *plural;
	bool namespaced;
	bool has_status;		/* a status subresource */
	bool stale;			/* its API server does not answer: old
					   news. Never prune such a kind */
	unsigned verbs;			/* enum resource_verb */
};

struct discovery;

void discovery_new(struct kube *k, struct discovery **ret);
void discovery_free(struct discovery *d);

/*
 * Asks the API server. One request runs for all that ask while it runs; done
 * is called once for each, with NULL or why it failed (the table is then as
 * it was). With ETags: no change costs a few bytes.
 */
void discovery_refresh(struct discovery *d,
		       void (*done)(void *arg, const struct err *err),
		       void *arg);
/* Forgets those callbacks with this arg: its owner goes away. */
void discovery_forget(struct discovery *d, void *arg);
/* False until a refresh was answered. */
bool discovery_known(const struct discovery *d);

/*
 * The kind in this version, or in the group's preferred version that has it
 * (version NULL). NULL if there is none. Valid until a refresh is answered.
 */
const struct resource *discovery_find(const struct discovery *d,
				      const char *group, const char *version,
				      const char *kind);
const struct resource *discovery_find_plural(const struct discovery *d,
					     const char *group,
					     const char *version,
					     const char *plural);
/* True if a version of the group is stale: what is not found may be there. */
bool discovery_group_stale(const struct discovery *d, const char *group);

/* All of them, by group, preferred version first: index from 0, NULL at the
 * end. */
const struct resource *discovery_at(const struct discovery *d, size_t i);

#endif
