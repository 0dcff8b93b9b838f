/*
 * windlass uninstall: takes out what `windlass install` put in, and nothing
 * that a channel deployed. The engine goes first, and is seen to be gone: as
 * long as one works, deleting a Channel may mean deleting all that it has.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/channel-spec.h"
#include "engine/cli/install.h"
#include "engine/discovery.h"
#include "engine/parent.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/options.h"
#include "schema/json.h"

static const char usage[] =
"usage: windlass uninstall [--apply] [OPTION]... [CHANNEL]\n"
"\n"
"Lists what `windlass install` put into the cluster, and what would be left.\n"
"With --apply it is removed: the engine, the Channels with their kind, their\n"
"accounts and rights; of CHANNEL, if one is named, that is the Channel with its\n"
"account and rights alone. What the channels deployed stays as it is.\n"
"\n"
"  --keep-channels    only the engine goes; Channels stay with what they\n"
"                     accepted, for the next engine\n"
"  --apply            remove instead of listing\n"
"  --kubeconfig FILE  as kubectl has it (default: $KUBECONFIG)\n"
"  --context NAME\n"
"\n"
"Exit status: 0, 1 if something cannot be removed, 2 if the cluster cannot be\n"
"asked.\n";

/* pods have 30 s to end; a lease of an engine that was killed lasts 15 s */
#define ENGINE_WAIT_MS 60000
#define LEASE_QUIET_MS 6000

struct options {
	const char *kubeconfig, *context, *channel;
	bool apply, keep_channels;
};

struct removal {
	const struct options *o;
	struct cluster cluster;
	size_t left;			/* what keeps the namespace */
	size_t taken;
};

static const struct object_id lease_id = {
	"coordination.k8s.io", "v1", "Lease", OWN_NAMESPACE, "windlassd",
};
static const struct object_id namespace_id = {
	"", "v1", "Namespace", "", OWN_NAMESPACE,
};
static const struct object_id crd_id = {
	"apiextensions.k8s.io", "v1", "CustomResourceDefinition", "",
	"channels.windlass.dev",
};

static int take_one(struct removal *r, const struct object_id *id, bool wait,
		    struct err *err)
{
	struct buf what = BUF_INIT(1024);

	r->taken++;
	if (r->o->apply)
		return install_delete(&r->cluster, id, wait, err);
	object_describe(id, &what);
	printf("%s would be removed\n", what.data);
	buf_release(&what);
	return 0;
}

/* ---- the engine ---- */

static int take_deployment(void *arg, const struct object_id *id,
			   struct err *err)
{
	return strcmp(id->kind, "Deployment") ? 0
	       : take_one(arg, id, true, err);
}

static int count_pods(struct removal *r, size_t *ret, struct err *err)
{
	const struct kube_request get = {
		.method = "GET",
		.target = { .version = "v1", .plural = "pods",
			    .namespace = OWN_NAMESPACE },
		.query = "labelSelector=app.kubernetes.io%2Fname%3Dwindlassd",
	};
	struct arena a = ARENA_INIT;
	struct node *list;
	const struct node *items;
	int rc = cluster_call(&r->cluster, &get, &a, &list, NULL, err);

	items = rc ? NULL : node_get(list, "items");
	*ret = items && items->type == NODE_SEQ ? items->n : 0;
	arena_release(&a);
	return rc;
}

static int wait_pods(struct removal *r, struct err *err)
{
	const struct timespec pause = { 0, 200 * 1000000L };
	int64_t deadline = clock_mono_ms() + ENGINE_WAIT_MS;
	size_t n;

	for (;;) {
		if (count_pods(r, &n, err) < 0)
			return -1;
		if (n == 0)
			return 0;
		if (clock_mono_ms() > deadline)
			return err_set(err, ERR_TRANSIENT, "pods of the engine "
				       "still run in " OWN_NAMESPACE "; see why, "
				       "and run this again");
		nanosleep(&pause, NULL);
	}
}

/* Who holds the Lease, and when that was renewed; "" for nobody. */
static int read_lease(struct removal *r, char **ret, struct err *err)
{
	struct arena a = ARENA_INIT;
	struct node *lease;
	const char *holder, *renewed;
	int rc = install_get(&r->cluster, &lease_id, &a, &lease, err);

	if (!rc) {
		holder = node_path_str(lease, "spec", "holderIdentity", NULL);
		renewed = node_path_str(lease, "spec", "renewTime", NULL);
		*ret = xasprintf("%s%s%s", holder ? holder : "",
				 holder && *holder ? " " : "",
				 holder && *holder && renewed ? renewed : "");
	}
	arena_release(&a);
	return rc;
}

/* An engine outside of the cluster is not ours to stop. */
static int check_lease(struct removal *r, struct err *err)
{
	const struct timespec pause = { LEASE_QUIET_MS / 1000, 0 };
	char *before = NULL, *after = NULL;
	int rc = read_lease(r, &before, err);

	if (!rc && *before) {
		nanosleep(&pause, NULL);
		rc = read_lease(r, &after, err);
		if (!rc && strcmp(before, after))
			rc = err_set(err, ERR_INVALID, "an engine still "
				     "works: %.*s; stop it first",
				     (int)strcspn(after, " "), after);
	}
	free(before);
	free(after);
	return rc;
}

static int take_engine(struct removal *r, struct err *err)
{
	if (install_each(&r->cluster, INSTALL_PART, "engine", take_deployment,
			 r, err) < 0)
		return -1;
	if (!r->o->apply)
		return 0;
	return wait_pods(r, err) < 0 ? -1 : check_lease(r, err);
}

/* ---- the channels ---- */

/*
 * What it has stays: also where an engine works that has no Lease, which
 * would delete it all, and put the finalizer back until then. Where none works
 * nobody will do what our finalizer waits for.
 */
static int make_orphans(struct removal *r, const struct node *channel,
			  const char *name, struct err *err)
{
	const struct node *list = node_path(channel, "metadata", "finalizers",
					    NULL);
	struct kube_request patch = {
		.method = "PATCH", .target = cluster_channels(name),
		.content_type = KUBE_MERGE_PATCH,
	};
	struct buf body = BUF_INIT(1024 * 1024);
	const char *policy = node_path_str(channel, "spec", "deletionPolicy",
					   NULL);
	size_t n = 0;
	int rc = 0;

	buf_adds(&body, "{\"spec\":{\"deletionPolicy\":\"Orphan\"},"
		 "\"metadata\":{\"finalizers\":[");
	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++) {
		const char *s = node_text(list->items[i]);

		if (!s || !strcmp(s, PRUNE_FINALIZER))
			continue;
		buf_adds(&body, n++ ? "," : "");
		json_write_string(s, strlen(s), &body);
	}
	buf_adds(&body, "]}}");
	patch.body = body.data;
	patch.body_len = body.len;
	if ((list && list->type == NODE_SEQ && n < list->n) ||
	    (policy && !strcmp(policy, "Prune")))
		rc = cluster_call(&r->cluster, &patch, NULL, NULL, NULL, err);
	buf_release(&body);
	return rc;
}

static int take_channel(struct removal *r, const struct node *channel,
			struct err *err)
{
	struct object_id id = { "windlass.dev", "v1alpha1", "Channel", "",
				node_path_str(channel, "metadata", "name",
					      NULL) };

	if (!id.name)
		return 0;
	if (r->o->apply && make_orphans(r, channel, id.name, err) < 0)
		return -1;
	return take_one(r, &id, true, err);
}

static int take_channels(struct removal *r, struct err *err)
{
	const struct kube_request get = {
		.method = "GET", .target = cluster_channels(NULL),
	};
	enum kube_why why = KUBE_DONE;
	struct arena a = ARENA_INIT;
	struct err mine = ERR_INIT;
	struct node *list = NULL;
	const struct node *items;
	int rc = cluster_call(&r->cluster, &get, &a, &list, &why, &mine);

	if (rc < 0 && (why == KUBE_NO_RESOURCE || why == KUBE_NOT_FOUND)) {
		arena_release(&a);
		return 0;
	}
	if (rc < 0)
		*err = mine;
	items = rc ? NULL : node_get(list, "items");
	for (uint32_t i = 0; !rc && items && items->type == NODE_SEQ &&
	     i < items->n; i++)
		rc = take_channel(r, items->items[i], err);
	arena_release(&a);
	return rc ? rc : take_one(r, &crd_id, true, err);
}

/* ---- the rest ---- */

static int take_rest(void *arg, const struct object_id *id, struct err *err)
{
	const struct removal *r = arg;

	/* the next engine reports by the key that Git hosts know */
	if (!strcmp(id->kind, "Deployment") ||
	    (!strcmp(id->kind, "Secret") && r->o->keep_channels))
		return 0;
	return take_one(arg, id, false, err);
}

/* What goes with the namespace unasked: what Kubernetes itself puts into each,
 * or makes of what is there, and the engine's Lease. */
static bool is_nobodys(const char *plural, const struct node *o)
{
	const char *name = node_path_str(o, "metadata", "name", NULL);

	return !name || node_path(o, "metadata", "ownerReferences", NULL) ||
	       !strcmp(plural, "events") || !strcmp(plural, "endpoints") ||
	       !strcmp(plural, "endpointslices") ||
	       (!strcmp(plural, "leases") && !strcmp(name, lease_id.name)) ||
	       (!strcmp(plural, "serviceaccounts") &&
		!strcmp(name, "default")) ||
	       (!strcmp(plural, "configmaps") &&
		!strcmp(name, "kube-root-ca.crt"));
}

/* Objects of one kind that are in the namespace and not ours. */
static int look_for(struct removal *r, const struct resource *kind,
		    struct err *err)
{
	const struct kube_request get = {
		.method = "GET",
		.target = { .group = kind->group, .version = kind->version,
			    .plural = kind->plural,
			    .namespace = OWN_NAMESPACE },
		.as = KUBE_AS_METADATA_LIST,
	};
	struct arena a = ARENA_INIT;
	struct node *list;
	const struct node *items;
	int rc = cluster_call(&r->cluster, &get, &a, &list, NULL, err);

	items = rc ? NULL : node_get(list, "items");
	for (uint32_t i = 0; items && items->type == NODE_SEQ && i < items->n;
	     i++) {
		const struct node *o = items->items[i];
		const char *by = node_path_str(o, "metadata", "labels",
					       INSTALL_MANAGED_BY, NULL);

		if (is_nobodys(kind->plural, o) ||
		    (by && !strcmp(by, INSTALL_NAME)))
			continue;
		printf("%s%s%s " OWN_NAMESPACE "/%s stays\n", kind->plural,
		       *kind->group ? "." : "", kind->group,
		       node_path_str(o, "metadata", "name", NULL));
		r->left++;
	}
	arena_release(&a);
	return rc;
}

/* Every kind that the cluster has: what is not looked for would be lost with
 * the namespace, and so would what cannot be looked for just now. */
static int look_for_all(struct removal *r, const struct discovery *d,
			struct err *err)
{
	const struct resource *kind;
	int rc = 0;

	for (size_t i = 0; !rc && (kind = discovery_at(d, i)); i++) {
		const struct resource *first =
			discovery_find(d, kind->group, NULL, kind->kind);

		if (!kind->namespaced ||
		    (first && first->namespaced && first != kind &&
		     !strcmp(first->plural, kind->plural)))
			continue;
		if (kind->stale) {
			printf("%s.%s cannot be looked for: its API server "
			       "does not answer\n", kind->plural,
			       kind->group);
			r->left++;
		} else if ((kind->verbs & VERB_LIST) &&
			   (kind->verbs & VERB_DELETE)) {
			rc = look_for(r, kind, err);
		}
	}
	return rc;
}

/* What others put there, such as the Secrets of Channels, is theirs. */
static int take_namespace(struct removal *r, struct err *err)
{
	struct discovery *d = NULL;
	struct arena a = ARENA_INIT;
	struct node *live;
	int rc = install_get(&r->cluster, &namespace_id, &a, &live, err);

	if (rc < 0 || !live)
		goto out;
	rc = cluster_discover(&r->cluster, &d, err);
	if (!rc)
		rc = look_for_all(r, d, err);
	if (!rc && r->left)
		printf("Namespace " OWN_NAMESPACE " stays, for what is in "
		       "it\n");
	else if (!rc)
		rc = take_one(r, &namespace_id, true, err);
out:
	discovery_free(d);
	arena_release(&a);
	return rc;
}

/* Engines go on with the others: this one is an orphan before it goes. */
static int take_the_channel(struct removal *r, struct err *err)
{
	const char *name = r->o->channel;
	const struct kube_request get = {
		.method = "GET", .target = cluster_channels(name),
	};
	enum kube_why why = KUBE_DONE;
	struct arena a = ARENA_INIT;
	struct err mine = ERR_INIT;
	struct node *channel;
	int rc = cluster_call(&r->cluster, &get, &a, &channel, &why, &mine);

	if (!rc)
		rc = take_channel(r, channel, err);
	else if (why == KUBE_NO_RESOURCE || why == KUBE_NOT_FOUND)
		rc = 0;
	else
		*err = mine;
	arena_release(&a);
	if (!rc)
		rc = install_each(&r->cluster, INSTALL_CHANNEL, name,
				  take_rest, r, err);
	if (!rc && !r->taken)
		rc = err_set(err, ERR_INVALID, "there is no channel '%s', and "
			     "nothing that was installed for one", name);
	return rc;
}

static int uninstall(struct removal *r, struct err *err)
{
	const char *part = r->o->keep_channels ? INSTALL_PART : NULL;

	if (r->o->channel)
		return take_the_channel(r, err);
	if (take_engine(r, err) < 0)
		return -1;
	if (!r->o->keep_channels && take_channels(r, err) < 0)
		return -1;
	if (install_each(&r->cluster, part, "engine", take_rest, r, err) < 0)
		return -1;
	if (r->o->keep_channels)
		return 0;
	if (r->o->apply &&
	    install_delete(&r->cluster, &lease_id, false, err) < 0)
		return -1;
	return take_namespace(r, err);
}

static int parse_options(int argc, char **argv, struct options *o)
{
	const struct option_spec specs[] = {
		OPTION_FLAG("keep-channels", &o->keep_channels),
		OPTION_FLAG("apply", &o->apply),
		OPTION_TEXT("kubeconfig", &o->kubeconfig),
		OPTION_TEXT("context", &o->context),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status < 0)
		status = cli_channel_or_all(usage, argc, argv, &o->channel);
	if (status >= 0)
		return status;
	if (o->channel && o->keep_channels)
		return usage_error(usage, "--keep-channels keeps the one that "
				   "is named");
	return -1;
}

int cmd_uninstall(int argc, char **argv)
{
	struct options o = { 0 };
	struct removal r = { .o = &o, .cluster = CLUSTER_INIT };
	struct err err = ERR_INIT;
	int status = parse_options(argc, argv, &o);

	if (status >= 0)
		return status;
	status = EXIT_OK;
	if (cluster_open(&r.cluster, o.kubeconfig, o.context, &err) < 0 ||
	    uninstall(&r, &err) < 0)
		status = command_fail(&err);
	cluster_close(&r.cluster);
	return status;
}
