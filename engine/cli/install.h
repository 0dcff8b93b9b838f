/*
 * What `windlass install` puts into a cluster, and `windlass uninstall` takes
 * out again. All of it is text first: what is printed is what is applied.
 */
#ifndef ENGINE_CLI_INSTALL_H
#define ENGINE_CLI_INSTALL_H

#include <stdbool.h>

#include "engine/cli/cluster.h"
#include "schema/base/buf.h"
#include "schema/base/strvec.h"
#include "schema/bundle.h"
#include "schema/object.h"
#include "schema/repo.h"
#include "schema/scope.h"

/* The labels of what is ours alone, by which it is found again. */
#define INSTALL_MANAGED_BY "app.kubernetes.io/managed-by"
#define INSTALL_NAME "windlass-install"
/* "engine", or the channel's name below INSTALL_CHANNEL */
#define INSTALL_PART "windlass.dev/part"
#define INSTALL_CHANNEL "windlass.dev/channel"

/* Of the engine's arguments the one with the cluster's name, which stays as
 * it is where an installation gives none. */
#define INSTALL_CLUSTER_ARG "--cluster="

/* ---- rights ---- */

/*
 * What a channel's account may do: everything, some kinds, or what a bundle
 * needs. "Inside" is in each of its namespaces, "everywhere" in the cluster.
 */
struct rights {
	bool all_inside;		/* all kinds in its namespaces */
	bool pods;			/* some of those inside have pods, or
					   may have */
	struct strvec inside, everywhere;	/* "<group>/<plural>" */
	struct buf more_inside, more_everywhere;	/* rules, as YAML */
	/* what a bundle names, for the Channel's spec */
	struct strvec namespaces, cluster_scoped;
};

void rights_init(struct rights *r);
void rights_release(struct rights *r);
/*
 * Adds a kind, "Kind" or "Kind.group". ERR_INVALID if nothing says how its
 * resource is called: it is neither built in nor of the scopes.
 */
int rights_add_kind(struct rights *r, const struct scopes *s,
		    const char *name, struct err *err);
/*
 * Adds all that applying and pruning this bundle needs. Kinds come from the
 * bundle's own CRDs too, which are learnt into s. Roles need what they grant,
 * bindings the right to bind; one in the cluster that gives every right, or
 * a way to it, is refused.
 */
int rights_add_bundle(struct rights *r, struct scopes *s,
		      git_repository *repo, const char *bundle,
		      struct err *err);
/* The rules of the channel's account, and of the engine that watches; as
 * a YAML list. Nothing if there are none. */
void rights_write(const struct rights *r, bool everywhere, struct buf *out);
void rights_write_seen(const struct rights *r, bool everywhere,
		       struct buf *out);

/* ---- manifests ---- */

struct install {
	/* the engine; image NULL: none */
	const char *image;
	const char *replicas;		/* NULL: 2, or as they are */
	const char *api_port;
	const char *cluster;		/* its name in reports; NULL: made of
					   the key */
	bool protect;			/* from the hands of others */

	/* the channel; NULL: none */
	const char *channel, *url;
	char id[CHANNEL_ID_SIZE];
	struct buf publishers;
	struct buf approvers;		/* empty: none */
	uint64_t approvals;		/* so many must approve, */
	bool not_by_pusher;		/* and none of them has pushed it */
	bool cluster_admin;
	struct strvec namespaces;
	struct strvec cluster_scoped;
	struct rights rights;
};

/* Appends YAML documents, each begun by "---". */
void install_write_engine(const struct install *in, struct buf *out);
void install_write_channel(const struct install *in, struct buf *out);

/* ---- the cluster ---- */

/* The live object; NULL if there is none. */
int install_get(struct cluster *c, const struct object_id *id,
		struct arena *a, struct node **ret, struct err *err);
/*
 * Applies one manifest after the other, each told on stdout as created,
 * changed or unchanged. `keep_replicas`: those of a Deployment that is live.
 * *done is how many there were, also on failure.
 */
int install_apply(struct cluster *c, const struct objects *os,
		  bool keep_replicas, size_t *done, struct err *err);
/*
 * Deletes what an installation before made with this label (key=value), and
 * this one has not: rights, above all.
 */
int install_sweep(struct cluster *c, const struct objects *os,
		  const char *key, const char *value, struct err *err);

/*
 * Calls fn for each object that bears our label, in the order in which they
 * are to be deleted; only those with the label key=value, unless key is NULL.
 */
int install_each(struct cluster *c, const char *key, const char *value,
		 int (*fn)(void *arg, const struct object_id *id,
			   struct err *err),
		 void *arg, struct err *err);
/* Deletes it, and tells so on stdout; what is gone already is fine. `wait`:
 * until it is gone, with all that it owns. */
int install_delete(struct cluster *c, const struct object_id *id, bool wait,
		   struct err *err);

#endif
