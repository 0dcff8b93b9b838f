/*
 * Kinds that keep a number of pods: Deployment, ReplicaSet, StatefulSet,
 * DaemonSet, ReplicationController; and PodTemplate. As apps/validation has
 * them.
 */
#include "config.h"
#include "schema/values/workload.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/kinds.h"
#include "schema/values/pod.h"
#include "schema/values/storage.h"

#define PROGRESS_DEADLINE 600

/* ---- selectors and templates ---- */

static const struct node *template_labels(const struct place *spec)
{
	return node_path(spec->node, "template", "metadata", "labels", NULL);
}

void judge_own_selector(struct judge *j, const struct place *spec)
{
	struct place selector;

	if (!at(spec, "selector", &selector)) {
		at_missing(j, spec, "selector", "");
		return;
	}
	if (!at_is_map(&selector))
		return;
	judge_selector(j, &selector);
	if (selector_is_empty(&selector))
		at_error(j, &selector, "value-required", "must not be empty: "
			 "it selects the pods by their labels");
	else
		judge_matches(j, &selector, template_labels(spec));
}

void judge_kept_template(struct judge *j, const struct place *template)
{
	static const char *const deadline[] = { "activeDeadlineSeconds", NULL };
	struct place spec, policy;
	const char *s;

	if (!at(template, "spec", &spec))
		return;
	s = at(&spec, "restartPolicy", &policy) ? at_text(&policy) : NULL;
	if (s && *s && strcmp(s, "Always"))
		at_error(j, &policy, "value-enum", "must be Always in a %s, "
			 "not '%s'", j->o->id.kind, s);
	at_forbid(j, &spec, deadline, "here: only a Pod or a Job has an end");
}

/* Its spec, or false if there is none, which is said. */
static bool spec_of(struct judge *j, const struct place *root,
		    struct place *ret)
{
	if (!at(root, "spec", ret)) {
		at_missing(j, root, "spec", "");
		return false;
	}
	return at_is_map(ret);
}

/*
 * What all have in common that keep pods by a selector and a template. True,
 * and *ret its spec, if there is one.
 */
static bool judge_keeper(struct judge *j, const struct place *root,
			 const struct field *fields, size_t n,
			 struct place *ret)
{
	struct place template;

	if (!spec_of(j, root, ret))
		return false;
	at_fields(j, ret, fields, n);
	judge_own_selector(j, ret);
	if (at(ret, "template", &template))
		judge_kept_template(j, &template);
	return true;
}

/* ---- Deployment ---- */

static bool is_none(const struct place *strategy, const char *key,
		    bool by_default)
{
	struct place p;
	int64_t v;

	if (!at(strategy, key, &p))
		return by_default;
	return at_int(&p, &v) ? !v : !at_percent(&p);
}

/* At most all of them. */
static void judge_share(struct judge *j, const struct place *p)
{
	judge_count_or_percent(j, p);
	if (at_percent(p) > 100)
		at_error(j, p, "value-range", "must not be more than 100%%");
}

static void judge_rolling(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "maxSurge", judge_count_or_percent, ANY },
		{ "maxUnavailable", judge_share, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at_is_map(p) && is_none(p, "maxSurge", false) &&
	    is_none(p, "maxUnavailable", false))
		at_error(j, p, "value-conflict", "has 0 for maxUnavailable "
			 "and for maxSurge: nothing could be replaced");
}

static void judge_strategy(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "rollingUpdate", judge_rolling, ANY },
	};
	static const char *const rolling[] = { "rollingUpdate", NULL };

	if (!at_is_map(p))
		return;
	if (strcmp(at_key_text(p, "type", "RollingUpdate"), "RollingUpdate"))
		at_forbid(j, p, rolling, "where the type is not "
			  "RollingUpdate");
	else
		at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_progress(struct judge *j, const struct place *spec)
{
	int64_t ready = at_key_int(spec, "minReadySeconds", 0);
	int64_t deadline = at_key_int(spec, "progressDeadlineSeconds",
				      PROGRESS_DEADLINE);
	struct place p;

	if (deadline > ready)
		return;
	if (!at(spec, "progressDeadlineSeconds", &p))
		at(spec, "minReadySeconds", &p);
	at_error(j, &p, "value-conflict", "makes progressDeadlineSeconds %lld "
		 "and minReadySeconds %lld: the first must be the greater "
		 "one", (long long)deadline, (long long)ready);
}

void judge_deployment(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "minReadySeconds", judge_not_negative, ANY },
		{ "progressDeadlineSeconds", judge_not_negative, ANY },
		{ "replicas", judge_not_negative, ANY },
		{ "revisionHistoryLimit", judge_not_negative, ANY },
		{ "strategy", judge_strategy, ANY },
		{ "template", judge_pod_template, ANY },
	};
	struct place spec;

	if (judge_keeper(j, root, fields, ARRAY_SIZE(fields), &spec))
		judge_progress(j, &spec);
}

/* ---- ReplicaSet ---- */

void judge_replica_set(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "minReadySeconds", judge_not_negative, ANY },
		{ "replicas", judge_not_negative, ANY },
		{ "template", judge_pod_template, ANY },
	};
	struct place spec;

	judge_keeper(j, root, fields, ARRAY_SIZE(fields), &spec);
}

/* ---- DaemonSet ---- */

/* On each node one is there before or after the other: not both. */
static void judge_daemon_rolling(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "maxSurge", judge_share, ANY },
		{ "maxUnavailable", judge_share, ANY },
	};
	bool surge, unavailable;

	if (!at_is_map(p))
		return;
	at_fields(j, p, fields, ARRAY_SIZE(fields));
	surge = !is_none(p, "maxSurge", true);
	unavailable = !is_none(p, "maxUnavailable", false);
	if (surge && unavailable)
		at_error(j, p, "value-conflict", "must have 0 for "
			 "maxUnavailable where it has a maxSurge%s",
			 at_has(p, "maxUnavailable") ? "" :
			 ": without it, it is 1");
	else if (!surge && !unavailable)
		at_error(j, p, "value-conflict", "has 0 for maxUnavailable "
			 "and for maxSurge: nothing could be replaced");
}

static void judge_daemon_strategy(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "rollingUpdate", judge_daemon_rolling, ANY },
	};

	if (!strcmp(at_key_text(p, "type", "RollingUpdate"), "RollingUpdate"))
		at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_daemon_set(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "minReadySeconds", judge_not_negative, ANY },
		{ "revisionHistoryLimit", judge_not_negative, ANY },
		{ "template", judge_pod_template, ANY },
		{ "updateStrategy", judge_daemon_strategy, ANY },
	};
	struct place spec;

	judge_keeper(j, root, fields, ARRAY_SIZE(fields), &spec);
}

/* ---- StatefulSet ---- */

static void judge_set_unavailable(struct judge *j, const struct place *p)
{
	judge_share(j, p);
	if (is_none(p->up, p->key, false))
		at_error(j, p, "value-range", "must not be 0");
}

static void judge_set_rolling(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "maxUnavailable", judge_set_unavailable, ANY },
		{ "partition", judge_not_negative, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_set_strategy(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "rollingUpdate", judge_set_rolling, ANY },
	};
	static const char *const rolling[] = { "rollingUpdate", NULL };

	if (!at_is_map(p))
		return;
	if (!strcmp(at_key_text(p, "type", "RollingUpdate"), "OnDelete"))
		at_forbid(j, p, rolling, "where the type is OnDelete");
	else
		at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_retention_word(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "Retain", "Delete");
}

static void judge_retention(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "whenDeleted", judge_retention_word, OR_EMPTY },
		{ "whenScaled", judge_retention_word, OR_EMPTY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_ordinals(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "start", judge_not_negative, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_claim_template(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "spec", judge_claim_spec, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at_is_map(p) && !at_has(p, "spec"))
		at_missing(j, p, "spec", "");
}

static void judge_claim_templates(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_claim_template);
}

void judge_stateful_set(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "minReadySeconds", judge_not_negative, ANY },
		{ "ordinals", judge_ordinals, ANY },
		{ "persistentVolumeClaimRetentionPolicy", judge_retention,
		  ANY },
		{ "replicas", judge_not_negative, ANY },
		{ "serviceName", judge_dns_label, OR_EMPTY },
		{ "updateStrategy", judge_set_strategy, ANY },
		{ "volumeClaimTemplates", judge_claim_templates, ANY },
	};
	struct place spec, template, claims;

	if (!spec_of(j, root, &spec))
		return;
	at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	judge_own_selector(j, &spec);
	if (!at(&spec, "template", &template))
		return;
	at(&spec, "volumeClaimTemplates", &claims);
	judge_set_template(j, &template, &claims);
	judge_kept_template(j, &template);
}

/* ---- ReplicationController, PodTemplate ---- */

/* Only labels; those of its pods by default. */
static void judge_old_selector(struct judge *j, const struct place *spec)
{
	const struct node *labels = template_labels(spec);
	struct place selector;

	if (!at_filled(spec, "selector")) {
		if (!labels || labels->type != NODE_MAP || !labels->n)
			at_missing(j, spec, "selector", " where the template "
				   "has no labels");
		return;
	}
	at(spec, "selector", &selector);
	judge_matches_labels(j, &selector, labels);
}

void judge_replication_controller(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "minReadySeconds", judge_not_negative, ANY },
		{ "replicas", judge_not_negative, ANY },
		{ "template", judge_pod_template, ANY },
	};
	struct place spec, template;

	if (!spec_of(j, root, &spec))
		return;
	at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	judge_old_selector(j, &spec);
	if (at(&spec, "template", &template))
		judge_kept_template(j, &template);
	else
		at_missing(j, &spec, "template", "");
}

void judge_pod_template_object(struct judge *j, const struct place *root)
{
	struct place template;

	if (at(root, "template", &template))
		judge_pod_template(j, &template);
	else
		at_missing(j, root, "template", "");
}
