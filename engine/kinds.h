/*
 * The kinds that the engine deals with, one struct each for the life of the
 * process, shared by all channels: tracked objects point at them. Where a
 * kind lives (plural, scope, served version) comes from the API server's
 * discovery, and for kinds that a bundle brings itself from its
 * CustomResourceDefinition, because discovery lags behind.
 */
#ifndef ENGINE_KINDS_H
#define ENGINE_KINDS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/loop.h"
#include "schema/base/err.h"
#include "schema/base/map.h"
#include "schema/node.h"

struct discovery;
struct engine;

struct kind {
	char *group, *name;		/* "apps", "Deployment" */
	char *version;			/* for GET, watch and DELETE: one that
					   is served; NULL until resolved */
	char *plural;			/* NULL until resolved */
	bool resolved;			/* the four above are known */
	bool namespaced;
	bool custom;			/* made by a CRD */
	bool generation_trusted;	/* drift_trusts_generation */
	bool has_health;		/* may be unhealthy: await_object makes
					   sense (health_has_rule, or custom) */
	bool has_conditions;		/* custom: its schema declares status
					   conditions or observedGeneration */
	int64_t schema_changed;		/* loop_now() when its CRD was last
					   created or changed; 0: not that we know */
	int64_t crd_generation;		/* of its CRD, when last seen; 0 */
	int64_t crd_watched;		/* the same, as definitions.c saw it */
	bool crd_moved;			/* its objects are to be applied again */
	bool news;			/* while on_change is told: it came, */
	bool moved;			/* or came to live elsewhere */
	int64_t missed;			/* loop_now() since when discovery has
					   it not, though its group's server
					   answers; 0 */
	uint32_t objects;		/* tracked, by all channels */
	struct kind_watch *watch;	/* of engine/observe.c alone */
};

struct kinds {
	struct engine *engine;
	struct map by_name;		/* "group/Kind" to struct kind * */
	struct discovery *discovery;
	struct timer refresh;
	int64_t refreshed, pause;	/* loop_now() of the last; ms between */
	bool asking;
	struct work told;
	/* Kinds were resolved, or a CRD changed; from the loop. Set by the
	 * controller. */
	void (*on_change)(void *arg);
	void *arg;
};

/* Asks discovery at once. */
void kinds_init(struct kinds *ks, struct engine *e);
void kinds_release(struct kinds *ks);
/* Discovery was answered at least once. */
bool kinds_known(const struct kinds *ks);

/* The kind; made if it is new, and resolved if it can be. Never NULL, never
 * freed before kinds_release. */
struct kind *kinds_get(struct kinds *ks, const char *group, const char *name);
bool kind_is(const struct kind *k, const char *group, const char *name);
bool kind_is_crd(const struct kind *k);	/* CustomResourceDefinition */
/* As the name of its CRD has it: "widgets" and "example.com". NULL if no such
 * kind is known and resolved. */
struct kind *kinds_by_plural(struct kinds *ks, const char *group,
			     const char *plural);

/*
 * Asks discovery again, soon and once for many callers; on_change is called
 * when it was answered. With growing pauses while nothing new comes of it.
 */
void kinds_refresh(struct kinds *ks);
/* The same at once, if objects wait for a kind that is not known: something
 * came that may be it. */
void kinds_missing(struct kinds *ks);

/*
 * Resolves a kind from a whole CustomResourceDefinition: of a bundle, before
 * it is applied, or `live`, of the cluster. A live one of another generation
 * than the last sets schema_changed. True if the kind was not resolved before
 * or its schema changed.
 */
bool kinds_learn_crd(struct kinds *ks, const struct node *crd, bool live);

#endif
