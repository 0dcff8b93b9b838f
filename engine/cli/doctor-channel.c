/*
 * One Channel, for `windlass doctor`: its spec, what that names, the rights
 * of its account for the kinds and namespaces that it has objects in, and
 * what the engine says of it.
 */
#include "config.h"
#include "engine/cli/doctor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/channel-spec.h"
#include "engine/pod-said.h"
#include "engine/status.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/scope.h"

#define KINDS "applyset.kubernetes.io/contains-group-kinds"
#define NAMESPACES "applyset.kubernetes.io/additional-namespaces"
/* questions of rights of one run; each takes a millisecond or two */
#define ASK_MAX 1000

struct checkup {
	struct examination *c;
	const struct node *channel;
	const char *name;
	struct channel_spec spec;
};

static void check_there(struct checkup *k, const char *check,
			const char *plural, const char *namespace,
			const char *name, const char *repair)
{
	const struct kube_request get = {
		.method = "GET",
		.target = { .version = "v1", .plural = plural,
			    .namespace = namespace, .name = name },
		.as = KUBE_AS_METADATA,
	};
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	enum kube_why why = KUBE_DONE;

	if (cluster_call(&k->c->cluster, &get, &a, NULL, &why, &err) == 0)
		examine_say(k->c, FINDING_OK, check, k->name, "%s/%s is there",
			    namespace, name);
	else if (why == KUBE_NOT_FOUND)
		examine_say(k->c, FINDING_FAIL, check, k->name, "%s/%s is not "
			    "there; %s", namespace, name, repair);
	else
		examine_say(k->c, FINDING_WARN, check, k->name, "cannot look: "
			    "%s", err.msg);
	arena_release(&a);
}

/* ---- rights ---- */

/* The channel's account writes, the engine's watches. */
static void check_kind_in(struct checkup *k, const struct kind_info *kind,
			  const char *namespace)
{
	static const char *const verbs[] = { "get", "create", "patch",
					     "delete" };
	struct doctor_right r = {
		.namespace_of = k->spec.account_namespace,
		.account = k->spec.account_name, .group = kind->group,
		.resource = kind->plural, .namespace = namespace, .name = "",
	};

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		r.verb = verbs[i];
		doctor_check_right(k->c, k->name, &r);
	}
	if (!k->c->installed)
		return;
	r.namespace_of = OWN_NAMESPACE;
	r.account = "windlassd";
	r.verb = "watch";
	doctor_check_right(k->c, k->name, &r);
}

static void check_kind(struct checkup *k, const struct kind_info *kind,
		       const char *namespaces)
{
	if (kind->scope == SCOPE_CLUSTER) {
		check_kind_in(k, kind, "");
		return;
	}
	while (namespaces && *namespaces && k->c->asked < ASK_MAX) {
		size_t len = strcspn(namespaces, ",");
		char *ns = xstrndup(namespaces, len);

		check_kind_in(k, kind, ns);
		free(ns);
		namespaces += len + (namespaces[len] == ',');
	}
}

static const char *annotation(const struct checkup *k, const char *name)
{
	return node_path_str(k->channel, "metadata", "annotations", name,
			     NULL);
}

static void check_account(struct checkup *k)
{
	const struct doctor_right be = {
		OWN_NAMESPACE, "windlassd", "impersonate", "",
		"serviceaccounts", k->spec.account_namespace,
		k->spec.account_name,
	};

	check_there(k, "account", "serviceaccounts",
		    k->spec.account_namespace, k->spec.account_name,
		    "run `windlass install` for the channel again");
	if (k->c->installed)
		doctor_check_right(k->c, k->name, &be);
}

/* Without that all goes on, but one who installed it long ago does not know
 * what is missing. */
static void check_reasons(struct checkup *k, const char *namespaces)
{
	static const char *const resources[] = { "pods", "events" };
	struct doctor_right r = {
		.namespace_of = k->spec.account_namespace,
		.account = k->spec.account_name, .verb = "list", .group = "",
		.name = "",
	};
	bool allowed = true;

	while (namespaces && *namespaces && k->c->asked < ASK_MAX) {
		size_t len = strcspn(namespaces, ",");
		char *ns = xstrndup(namespaces, len);

		r.namespace = ns;
		for (size_t i = 0; i < ARRAY_SIZE(resources) && allowed; i++) {
			r.resource = resources[i];
			if (!doctor_may(k->c, &r, &allowed))
				break;
		}
		if (!allowed)
			examine_say(k->c, FINDING_WARN, "rights", k->name,
				    "account %s/%s may not list %s in %s, so "
				    "nobody is told why a workload does not "
				    "come up; run `windlass install` for the "
				    "channel again", r.namespace_of, r.account,
				    r.resource, ns);
		free(ns);
		if (!allowed || !k->c->may_ask)
			return;
		namespaces += len + (namespaces[len] == ',');
	}
}

/* Kinds of which only a CRD knows the resource are left out. */
static void check_rights(struct checkup *k)
{
	const struct scopes none = SCOPES_INIT;
	const char *kinds = annotation(k, KINDS);
	const char *namespaces = annotation(k, NAMESPACES);
	size_t failed = k->c->found.failed, asked = k->c->asked;
	bool pods = false;

	while (kinds && *kinds && k->c->asked < ASK_MAX) {
		size_t len = strcspn(kinds, ","), dot = strcspn(kinds, ".,");
		char *kind = xstrndup(kinds, dot);
		char *group = xstrndup(kinds + dot + (dot < len),
				       len - dot - (dot < len));
		const struct kind_info *info = scope_lookup(&none, group,
							    kind);

		if (info)
			check_kind(k, info, namespaces);
		pods |= info && kind_has_pods(info->group, info->kind);
		free(kind);
		free(group);
		kinds += len + (kinds[len] == ',');
	}
	if (pods)
		check_reasons(k, namespaces);
	if (k->c->asked >= ASK_MAX)
		examine_say(k->c, FINDING_WARN, "rights", k->name, "not all of "
			    "its kinds and namespaces were looked at, for one "
			    "run asks %d times at most: `windlass doctor %s` "
			    "looks at no other channel", ASK_MAX, k->name);
	else if (k->c->may_ask && k->c->found.failed == failed &&
		 k->c->asked > asked)
		examine_say(k->c, FINDING_OK, "rights", k->name, "its account "
			    "may write what it has");
}

/* ---- what the engine says ---- */

static void check_seen(struct checkup *k)
{
	int64_t seen = node_path_int(k->channel, 0, "status",
				     "observedGeneration", NULL);
	int64_t newest = node_path_int(k->channel, 0, "metadata",
				       "generation", NULL);

	if (seen < newest)
		examine_say(k->c, FINDING_WARN, "seen", k->name, "no engine "
			    "has seen its newest spec yet");
}

static void check_head(struct checkup *k)
{
	const struct node *accepted = node_path(k->channel, "status",
						"accepted", NULL);
	const char *issued = node_path_str(accepted, "headIssued", NULL);
	int64_t t, age;

	if (!issued || clock_parse(issued, &t) < 0) {
		examine_say(k->c, FINDING_WARN, "head", k->name, "no bundle "
			    "was accepted yet");
		return;
	}
	age = (k->c->cluster.date ? k->c->cluster.date : clock_now()) - t;
	examine_say(k->c, age > LIMIT_HEAD_LIFE ? FINDING_FAIL : FINDING_OK,
		    "head", k->name, "bundle %" PRId64 ".%" PRId64 " was "
		    "accepted by a head that is %" PRId64 " h %" PRId64
		    " min old", node_path_int(accepted, 0, "epoch", NULL),
		    node_path_int(accepted, 0, "sequence", NULL),
		    age / 3600, age / 60 % 60);
}

static void check_conditions(struct checkup *k)
{
	static const struct {
		enum condition_type type;
		const char *good;
		enum finding_level level;
	} all[] = {
		{ CONDITION_READY, "True", FINDING_FAIL },
		{ CONDITION_FETCHED, "True", FINDING_FAIL },
		{ CONDITION_VERIFIED, "True", FINDING_FAIL },
		{ CONDITION_STALE, "False", FINDING_FAIL },
		{ CONDITION_FORKED, "False", FINDING_FAIL },
		{ CONDITION_CLOCK, "False", FINDING_FAIL },
		{ CONDITION_PRUNE_BLOCKED, "False", FINDING_WARN },
		{ CONDITION_DRIFTED, "False", FINDING_WARN },
		{ CONDITION_SUSPENDED, "False", FINDING_WARN },
	};
	const char *reason, *message;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		const char *type = condition_name(all[i].type);
		const char *status = cluster_condition(k->channel, type,
						       &reason, &message);
		bool good = !strcmp(status, all[i].good);
		/* meant to be so, or not known yet */
		bool mild = !strcmp(reason, "Suspended") ||
			    !strcmp(status, "Unknown");

		if (good && all[i].type == CONDITION_READY)
			examine_say(k->c, FINDING_OK, "ready", k->name, "%s",
				    message);
		else if (!good && *status)
			examine_say(k->c, mild ? FINDING_WARN : all[i].level,
				    all[i].type == CONDITION_READY ? "ready"
				    : "condition", k->name, "%s=%s, %s: %s",
				    type, status, reason, message);
	}
}

void doctor_channel(struct examination *c, const struct node *channel)
{
	struct checkup k = {
		.c = c, .channel = channel,
		.name = node_path_str(channel, "metadata", "name", NULL),
	};
	struct err err = ERR_INIT;

	if (channel_spec_read(channel, &k.spec, &err) < 0) {
		examine_say(c, FINDING_FAIL, "spec", k.name, "%s", err.msg);
		return;
	}
	check_account(&k);
	if (k.spec.secret_name)
		check_there(&k, "secret", "secrets", OWN_NAMESPACE,
			    k.spec.secret_name, "make it, with the keys url "
			    "and token");
	check_rights(&k);
	check_seen(&k);
	check_head(&k);
	check_conditions(&k);
	channel_spec_release(&k.spec);
}
