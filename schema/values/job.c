/*
 * Jobs, and the templates of Jobs in CronJobs. As batch/validation has them.
 */
#include "config.h"
#include "schema/values/job.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/num.h"
#include "schema/limits.h"
#include "schema/values/common.h"
#include "schema/values/kinds.h"
#include "schema/values/pod.h"

/* of Jobs with an index for each pod */
#define PARALLELISM_MAX 100000
#define FAILED_INDEXES_MAX 100000
/* with more completions than this, and a limit for each of them */
#define MANY_COMPLETIONS 100000
#define PARALLELISM_MAX_MANY 10000
#define FAILED_INDEXES_MAX_MANY 10000

#define FAILURE_RULES_MAX 20
#define EXIT_CODES_MAX 255
#define CONDITIONS_MAX 20
#define SUCCESS_RULES_MAX 20
#define INDEXES_BYTES_MAX (64 * 1024)
#define MANAGER_MAX 63

static bool is_indexed(const struct place *spec)
{
	return !strcmp(at_key_text(spec, "completionMode", ""), "Indexed");
}

static void judge_most(struct judge *j, const struct place *list, unsigned most)
{
	if (at_count(list) > most)
		at_error(j, list, "value-range", "has %u items: %u are the "
			 "most", at_count(list), most);
}

/* ---- what to do when a pod fails ---- */

/* spec.podFailurePolicy.rules[i] and deeper */
static const struct place *spec_above(const struct place *p)
{
	while (p->up && (!p->key || strcmp(p->key, "podFailurePolicy")))
		p = p->up;
	return p->up;
}

static bool has_container(const struct place *spec, const char *list,
			  const char *name)
{
	const struct node *all = node_path(spec->node, "template", "spec",
					   list, NULL);

	for (uint32_t i = 0; all && all->type == NODE_SEQ && i < all->n; i++) {
		const char *s = node_path_str(all->items[i], "name", NULL);

		if (s && !strcmp(s, name))
			return true;
	}
	return false;
}

static void judge_exit_container(struct judge *j, const struct place *p)
{
	const struct place *spec = spec_above(p);
	const char *s = at_text(p);

	if (s && spec && !has_container(spec, "containers", s) &&
	    !has_container(spec, "initContainers", s))
		at_error(j, p, "value-reference", "is '%s', but the template "
			 "has no such container", s);
}

static void judge_exit_codes(struct judge *j, const struct place *p)
{
	bool in = !strcmp(at_key_text(p->up, "operator", ""), "In");
	int64_t last = INT64_MIN, v;
	struct place item;

	judge_most(j, p, EXIT_CODES_MAX);
	for (uint32_t i = 0; at_is_list(p) && i < p->node->n; i++) {
		if (!at_item(p, i, &item) || !at_int(&item, &v))
			continue;
		if (in && !v)
			at_error(j, &item, "value-range", "must not be 0 "
				 "where the operator is In: that is no "
				 "failure");
		else if (v < last)
			at_error(j, &item, "value-conflict", "must not stand "
				 "behind %lld: the codes are sorted",
				 (long long)last);
		last = v;
	}
}

static void judge_on_exit(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "containerName", judge_exit_container, ANY },
		{ "values", judge_exit_codes, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_condition(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "type", judge_label_key, ANY },
	};
	struct place status;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at(p, "status", &status) && at_filled(p, "status"))
		JUDGE_WORDS(j, &status, "True", "False", "Unknown");
}

static void judge_conditions(struct judge *j, const struct place *p)
{
	judge_most(j, p, CONDITIONS_MAX);
	at_items(j, p, judge_condition);
}

static void judge_action(struct judge *j, const struct place *p)
{
	const struct place *spec = spec_above(p);
	const char *s = at_text(p);

	if (s && !strcmp(s, "FailIndex") && spec &&
	    !at_has(spec, "backoffLimitPerIndex"))
		at_error(j, p, "value-conflict", "can be FailIndex only "
			 "beside backoffLimitPerIndex");
}

static void judge_failure_rule(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "action", judge_action, FILLED },
		{ "onExitCodes", judge_on_exit, ANY },
		{ "onPodConditions", judge_conditions, ANY },
	};
	bool codes = at_has(p, "onExitCodes");
	bool conditions = at_filled(p, "onPodConditions");
	struct place other;

	if (!at_is_map(p))
		return;
	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (codes && conditions && at(p, "onPodConditions", &other))
		at_key_error(j, &other, "value-conflict", "cannot be set "
			     "beside 'onExitCodes': only one of the two can "
			     "be");
	else if (!codes && !conditions)
		at_error(j, p, "value-required", "must have one of "
			 "onExitCodes, onPodConditions");
}

static void judge_failure_rules(struct judge *j, const struct place *p)
{
	judge_most(j, p, FAILURE_RULES_MAX);
	at_items(j, p, judge_failure_rule);
}

static void judge_failure_policy(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "rules", judge_failure_rules, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* ---- when it is done early ---- */

/* One of "1,3-5": two numbers, or one twice. */
static bool parse_interval(const char *s, size_t n, int64_t completions,
			   int64_t *ret_low, int64_t *ret_high)
{
	const char *dash = memchr(s, '-', n);
	size_t first = dash ? (size_t)(dash - s) : n;
	char low[24], high[24];
	unsigned long long a, b;
	int end;

	if (!first || first >= sizeof(low) || n - first > sizeof(high))
		return false;
	memcpy(low, s, first);
	low[first] = '\0';
	if (sscanf(low, "%llu%n", &a, &end) != 1 || low[end] ||
	    !strchr("0123456789", low[0]))
		return false;
	b = a;
	if (dash) {
		memcpy(high, dash + 1, n - first - 1);
		high[n - first - 1] = '\0';
		if (sscanf(high, "%llu%n", &b, &end) != 1 || high[end] ||
		    !strchr("0123456789", high[0]) || b <= a)
			return false;
	}
	*ret_low = (int64_t)a;
	*ret_high = (int64_t)b;
	return a < (unsigned long long)completions &&
	       b < (unsigned long long)completions;
}

/* How many indexes a text names; -1 if it names none in order. */
static int64_t count_indexes(const char *s, int64_t completions)
{
	int64_t total = 0, last = -1, low = 0, high = 0;

	if (!*s)
		return 0;
	for (;;) {
		size_t n = strcspn(s, ",");

		if (!parse_interval(s, n, completions, &low, &high) ||
		    low <= last)
			return -1;
		total += high - low + 1;
		last = high;
		if (!s[n])
			return total;
		s += n + 1;
	}
}

static void judge_success_rule(struct judge *j, const struct place *p)
{
	/* spec.successPolicy.rules[i] */
	const struct place *spec = p->up->up->up;
	int64_t completions = at_key_int(spec, "completions", -1);
	int64_t named = INT64_MAX, count;
	struct place at_count, indexes;

	if (!at_is_map(p) || completions < 0)
		return;
	if (at(p, "succeededIndexes", &indexes) && at_text(&indexes)) {
		named = count_indexes(at_text(&indexes), completions);
		if (named < 0 || indexes.node->n > INDEXES_BYTES_MAX)
			at_error(j, &indexes, "value-format", "must be "
				 "indexes below %lld in order, such as 0,2-4",
				 (long long)completions);
	}
	if (at(p, "succeededCount", &at_count) && at_int(&at_count, &count)) {
		judge_not_negative(j, &at_count);
		if (count > completions || (named >= 0 && count > named))
			at_error(j, &at_count, "value-range", "must be at "
				 "most %lld, which is how many indexes there "
				 "are", (long long)(named >= 0 &&
				 named < completions ? named : completions));
	}
	if (!indexes.node && !at_count.node)
		at_error(j, p, "value-required", "must have one of "
			 "succeededCount, succeededIndexes");
}

static void judge_success_rules(struct judge *j, const struct place *p)
{
	judge_most(j, p, SUCCESS_RULES_MAX);
	at_items(j, p, judge_success_rule);
}

static void judge_success_policy(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "rules", judge_success_rules, MUST },
	};

	if (!is_indexed(p->up))
		at_key_error(j, p, "value-forbidden", "cannot be set unless "
			     "completionMode is Indexed");
	else
		at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* ---- numbers ---- */

static void judge_limit(struct judge *j, const struct place *spec,
			const char *key, int64_t most, const char *why)
{
	struct place p;
	int64_t v;

	if (at(spec, key, &p) && at_int(&p, &v) && v > most)
		at_error(j, &p, "value-range", "must be at most %lld %s, not "
			 "%lld", (long long)most, why, (long long)v);
}

static void judge_indexed(struct judge *j, const struct place *spec)
{
	static const char many[] = "with so many completions and a "
				   "backoffLimitPerIndex";
	int64_t completions = at_key_int(spec, "completions", -1);

	if (!at_has(spec, "completions") && at_has(spec, "parallelism"))
		at_missing(j, spec, "completions", " where completionMode is "
			   "Indexed");
	judge_limit(j, spec, "parallelism", PARALLELISM_MAX,
		    "where completionMode is Indexed");
	if (completions >= 0)
		judge_limit(j, spec, "maxFailedIndexes", completions,
			    "with so many completions");
	judge_limit(j, spec, "maxFailedIndexes", FAILED_INDEXES_MAX,
		    "at all");
	if (completions <= MANY_COMPLETIONS ||
	    !at_has(spec, "backoffLimitPerIndex"))
		return;
	if (!at_has(spec, "maxFailedIndexes"))
		at_missing(j, spec, "maxFailedIndexes", " with so many "
			   "completions and a backoffLimitPerIndex");
	judge_limit(j, spec, "parallelism", PARALLELISM_MAX_MANY, many);
	judge_limit(j, spec, "maxFailedIndexes", FAILED_INDEXES_MAX_MANY,
		    many);
}


static void judge_mode(struct judge *j, const struct place *spec)
{
	static const char *const of_indexes[] = {
		"backoffLimitPerIndex", "maxFailedIndexes", NULL
	};

	if (is_indexed(spec))
		judge_indexed(j, spec);
	else
		at_forbid(j, spec, of_indexes, "unless completionMode is "
			  "Indexed");
	if (at_has(spec, "maxFailedIndexes") &&
	    !at_has(spec, "backoffLimitPerIndex"))
		at_missing(j, spec, "backoffLimitPerIndex", " beside "
			   "maxFailedIndexes");
}

/* ---- the template ---- */

static void judge_restart(struct judge *j, const struct place *spec)
{
	struct place template, pod, policy;
	const char *s;

	if (!at(spec, "template", &template) || !at(&template, "spec", &pod) ||
	    !at_is_map(&pod))
		return;
	s = at(&pod, "restartPolicy", &policy) ? at_text(&policy) : "";
	if (s && !*s)
		at_error(j, policy.node ? &policy : &pod, "value-required",
			 "%s", policy.node ? "must be OnFailure or Never in a "
			 "Job" : "has no 'restartPolicy', which is required in "
			 "a Job: OnFailure or Never");
	else if (s && !strcmp(s, "Always"))
		at_error(j, &policy, "value-enum", "must be OnFailure or Never "
			 "in a Job, not 'Always'");
	else if (s && !strcmp(s, "OnFailure") && at_has(spec,
							"podFailurePolicy"))
		at_error(j, &policy, "value-conflict", "must be Never beside "
			 "a podFailurePolicy");
}

static void judge_replacement(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);

	if (s && !strcmp(s, "TerminatingOrFailed") &&
	    at_has(p->up, "podFailurePolicy"))
		at_error(j, p, "value-conflict", "must be Failed beside a "
			 "podFailurePolicy");
}

/* "example.org/controller" */
static bool is_manager(const char *s)
{
	const char *slash = strchr(s, '/');
	char domain[MANAGER_MAX + 1];
	size_t n = slash ? (size_t)(slash - s) : 0;

	if (!n || !slash[1] || strlen(s) > MANAGER_MAX)
		return false;
	memcpy(domain, s, n);
	domain[n] = '\0';
	return is_dns_subdomain(domain) &&
	       !slash[1 + strspn(slash + 1, "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-._~%!"
				 "$&'()*+,;=:")];
}

static void judge_manager(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_manager, "manager of Jobs: a domain, / and a "
		   "name, 63 bytes at most");
}

static const struct field fields[] = {
	{ "activeDeadlineSeconds", judge_not_negative, ANY },
	{ "backoffLimit", judge_not_negative, ANY },
	{ "backoffLimitPerIndex", judge_not_negative, ANY },
	{ "completions", judge_not_negative, ANY },
	{ "managedBy", judge_manager, FILLED },
	{ "maxFailedIndexes", judge_not_negative, ANY },
	{ "parallelism", judge_not_negative, ANY },
	{ "podFailurePolicy", judge_failure_policy, ANY },
	{ "podReplacementPolicy", judge_replacement, FILLED },
	{ "successPolicy", judge_success_policy, ANY },
	{ "template", judge_pod_template, ANY },
	{ "ttlSecondsAfterFinished", judge_not_negative, ANY },
};

void judge_job_spec(struct judge *j, const struct place *spec)
{
	if (!at_is_map(spec))
		return;
	at_fields(j, spec, fields, ARRAY_SIZE(fields));
	judge_mode(j, spec);
	judge_restart(j, spec);
}

/* ---- a Job ---- */

/* The labels that Kubernetes gives the pods of a Job, and selects. */
static bool is_generated(const char *key)
{
	return !strcmp(key, "controller-uid") || !strcmp(key, "job-name") ||
	       !strcmp(key, "batch.kubernetes.io/controller-uid") ||
	       !strcmp(key, "batch.kubernetes.io/job-name");
}

/* Without manualSelector only the generated labels can be selected. */
static void judge_generated(struct judge *j, const struct place *selector)
{
	const struct node *labels = node_get(selector->node, "matchLabels");
	const struct node *rules = node_get(selector->node,
					    "matchExpressions");
	bool other = false;

	for (uint32_t i = 0; labels && labels->type == NODE_MAP &&
	     i < labels->n; i++)
		other |= !is_generated(labels->pairs[i].key);
	for (uint32_t i = 0; rules && rules->type == NODE_SEQ && i < rules->n;
	     i++) {
		const char *key = node_path_str(rules->items[i], "key", NULL);
		const char *operator = node_path_str(rules->items[i],
						     "operator", NULL);

		other |= key && !is_generated(key) && operator &&
			 (!strcmp(operator, "In") ||
			  !strcmp(operator, "Exists"));
	}
	if (other)
		at_key_error(j, selector, "value-forbidden", "cannot be set "
			     "unless manualSelector is true: Kubernetes makes "
			     "one");
}

/* Labels that Kubernetes sets where they are not: as it would, or not. */
static void judge_name_labels(struct judge *j, const struct place *spec)
{
	static const char *const keys[] = {
		"batch.kubernetes.io/job-name", "job-name",
	};
	struct place template, metadata, labels, label;

	if (!at(spec, "template", &template) ||
	    !at(&template, "metadata", &metadata) ||
	    !at(&metadata, "labels", &labels))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (at(&labels, keys[i], &label) && at_text(&label) &&
		    strcmp(at_text(&label), j->o->id.name))
			at_error(j, &label, "value-conflict", "must be the "
				 "Job's name '%s', or not there: Kubernetes "
				 "sets it, unless manualSelector is true",
				 j->o->id.name);
}

static void judge_job_selector(struct judge *j, const struct place *spec)
{
	bool manual = at_key_true(spec, "manualSelector");
	const struct node *labels = node_path(spec->node, "template",
					      "metadata", "labels", NULL);
	struct place selector;

	if (!manual)
		judge_name_labels(j, spec);
	if (!at(spec, "selector", &selector)) {
		if (manual)
			at_missing(j, spec, "selector", " where "
				   "manualSelector is true");
		return;
	}
	judge_selector(j, &selector);
	if (!manual)
		judge_generated(j, &selector);
	else if (at_is_map(&selector))
		judge_matches(j, &selector, labels);
}

/* The name of the last pod of an indexed Job is a DNS label. */
static void judge_job_name(struct judge *j, const struct place *root,
			   const struct place *spec)
{
	int64_t completions = at_key_int(spec, "completions",
		at_has(spec, "parallelism") ? 0 : 1);
	char last[LIMIT_NAME_BYTES + 32];
	struct place metadata, name;

	if (!is_indexed(spec) || completions <= 0 ||
	    !at(root, "metadata", &metadata) || !at(&metadata, "name", &name))
		return;
	snprintf(last, sizeof(last), "%s-%lld", j->o->id.name,
		 (long long)completions - 1);
	if (is_dns_subdomain(j->o->id.name) && !is_dns_label(last))
		at_error(j, &name, "value-format", "makes '%s' the name of "
			 "the last pod, which is no DNS label: at most 63 of "
			 "a-z, 0-9 and -", last);
}

void judge_job(struct judge *j, const struct place *root)
{
	struct place spec;

	if (!at(root, "spec", &spec)) {
		at_missing(j, root, "spec", "");
		return;
	}
	if (!at_is_map(&spec))
		return;
	judge_job_spec(j, &spec);
	judge_job_selector(j, &spec);
	judge_job_name(j, root, &spec);
}
