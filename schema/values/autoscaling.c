/*
 * HorizontalPodAutoscalers. As autoscaling/validation has them. Version 1 has
 * one metric, in a field of its own, and no behavior.
 */
#include "config.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/kinds.h"
#include "schema/values/quantity.h"
#include "schema/values/resource.h"

#define WINDOW_SECONDS_MAX 3600
#define PERIOD_SECONDS_MAX 1800

/* ---- what is scaled, and measured ---- */

/* "apps/v1" has a group; "v1" is that of nothing that can be scaled. */
static bool is_scalable_version(const char *s)
{
	const char *slash = strchr(s, '/');

	return slash && slash != s && !strchr(slash + 1, '/');
}

static bool is_version(const char *s)
{
	const char *slash = strchr(s, '/');

	return !slash || !strchr(slash + 1, '/');
}

static void judge_target_version(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_scalable_version, "version with a group, such as "
		   "apps/v1");
}

static void judge_metric_version(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_version, "version such as v1 or apps/v1");
}

static void judge_scale_target(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "apiVersion", judge_target_version, ANY },
		{ "kind", judge_segment, FILLED },
		{ "name", judge_segment, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at_is_map(p) && !at_has(p, "apiVersion"))
		at_missing(j, p, "apiVersion", ", such as apps/v1");
}

static void judge_described(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "apiVersion", judge_metric_version, ANY },
		{ "kind", judge_segment, FILLED },
		{ "name", judge_segment, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_metric_name(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_segment, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* ---- targets ---- */

static void judge_target(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "averageUtilization", judge_positive, ANY },
		{ "averageValue", judge_quantity_positive, ANY },
		{ "value", judge_quantity_positive, ANY },
	};
	struct place type;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at(p, "type", &type) && node_text(type.node))
		JUDGE_WORDS(j, &type, "Utilization", "Value", "AverageValue");
}

/* One of the two must say how much; both cannot if `apart`. */
static void check_amounts(struct judge *j, const struct place *source,
			  const char *a, const char *b, bool apart)
{
	const char *const ways[] = { a, b, NULL };
	struct place target, one;

	if (!at(source, "target", &target) || !at_is_map(&target))
		return;
	if (apart)
		at_one_of(j, &target, ways, false, &one);
	else if (b && !at_has(&target, a) && !at_has(&target, b))
		at_error(j, &target, "value-required", "must have one of %s, "
			 "%s", a, b);
	else if (!b && !at_has(&target, a))
		at_missing(j, &target, a, " here");
}

static const struct field metric_fields[] = {
	{ "describedObject", judge_described, ANY },
	{ "metric", judge_metric_name, ANY },
	{ "target", judge_target, ANY },
};

static void judge_object(struct judge *j, const struct place *p)
{
	at_fields(j, p, metric_fields, ARRAY_SIZE(metric_fields));
	check_amounts(j, p, "value", "averageValue", false);
}

static void judge_external(struct judge *j, const struct place *p)
{
	at_fields(j, p, metric_fields, ARRAY_SIZE(metric_fields));
	check_amounts(j, p, "value", "averageValue", true);
}

static void judge_pods(struct judge *j, const struct place *p)
{
	at_fields(j, p, metric_fields, ARRAY_SIZE(metric_fields));
	check_amounts(j, p, "averageValue", NULL, false);
}

static void judge_resource(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", NULL, FILLED },
		{ "target", judge_target, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	check_amounts(j, p, "averageUtilization", "averageValue", true);
}

static void judge_container_resource(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "container", judge_dns_label, FILLED },
		{ "name", judge_container_resource_name, FILLED },
		{ "target", judge_target, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	check_amounts(j, p, "averageUtilization", "averageValue", true);
}

/* ---- metrics ---- */

/* A metric's type is the name of its field, with another first letter. */
static const struct {
	const char *type, *key;
	judge_fn *judge;
} sources[] = {
	{ "Object", "object", judge_object },
	{ "External", "external", judge_external },
	{ "Pods", "pods", judge_pods },
	{ "Resource", "resource", judge_resource },
	{ "ContainerResource", "containerResource",
	  judge_container_resource },
};

static void judge_metric(struct judge *j, const struct place *p)
{
	const char *type = at_key_text(p, "type", "");
	bool any = false, known = false;
	struct place source, at_type;

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		bool meant = !strcmp(type, sources[i].type);

		known |= meant;
		if (!at(p, sources[i].key, &source)) {
			if (meant && at_is_map(p))
				at_missing(j, p, sources[i].key,
					   " by its type");
			continue;
		}
		if (!any)
			sources[i].judge(j, &source);
		any = true;
	}
	if (!known && at(p, "type", &at_type) && node_text(at_type.node))
		JUDGE_WORDS(j, &at_type, "Resource", "ContainerResource",
			    "Pods", "Object", "External");
	for (size_t i = 0; known && i < ARRAY_SIZE(sources); i++)
		if (strcmp(type, sources[i].type) &&
		    at(p, sources[i].key, &source))
			at_key_error(j, &source, "value-conflict", "cannot be "
				     "set where the type is %s", type);
}

static bool has_outer_metric(const struct place *metrics)
{
	struct place metric;

	for (uint32_t i = 0; at_is_list(metrics) && i < metrics->node->n; i++)
		if (at_item(metrics, i, &metric) &&
		    (!strcmp(at_key_text(&metric, "type", ""), "Object") ||
		     !strcmp(at_key_text(&metric, "type", ""), "External")))
			return true;
	return false;
}

/* ---- behavior ---- */

static void judge_window(struct judge *j, const struct place *p)
{
	judge_range(j, p, 0, WINDOW_SECONDS_MAX);
}

static void judge_period(struct judge *j, const struct place *p)
{
	judge_range(j, p, 1, PERIOD_SECONDS_MAX);
}

static void judge_policy_type(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "Pods", "Percent");
}

static void judge_policy(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "periodSeconds", judge_period, ANY },
		{ "type", judge_policy_type, ANY },
		{ "value", judge_positive, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_policies(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_policy);
}

static void judge_scaling(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "policies", judge_policies, FILLED },
		{ "stabilizationWindowSeconds", judge_window, ANY },
		{ "tolerance", judge_quantity_not_negative, ANY },
	};
	struct place select;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	/* "" is no default here */
	if (at(p, "selectPolicy", &select) && node_text(select.node))
		JUDGE_WORDS(j, &select, "Max", "Min", "Disabled");
}

static void judge_behavior(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "scaleDown", judge_scaling, ANY },
		{ "scaleUp", judge_scaling, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* ---- replicas ---- */

static void check_replicas(struct judge *j, const struct place *spec)
{
	struct place min, max, metrics;
	int64_t low = 1, high;
	bool outer;

	at(spec, "metrics", &metrics);
	outer = has_outer_metric(&metrics);
	if (at(spec, "minReplicas", &min) && at_int(&min, &low) && low < 0)
		judge_not_negative(j, &min);
	else if (min.node && !low && !outer)
		at_error(j, &min, "value-range", "can be 0 only with a metric "
			 "of type Object or External, and where the cluster "
			 "has the feature HPAScaleToZero");
	if (!at(spec, "maxReplicas", &max) || !at_int(&max, &high))
		return;
	if (high < 1)
		judge_positive(j, &max);
	else if (high < low)
		at_error(j, &max, "value-range", "is %lld, which is less than "
			 "minReplicas, %lld", (long long)high,
			 (long long)low);
}

static void judge_metrics(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_metric);
}

void judge_autoscaler(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "behavior", judge_behavior, ANY },
		{ "metrics", judge_metrics, ANY },
		{ "scaleTargetRef", judge_scale_target, ANY },
		{ "targetCPUUtilizationPercentage", judge_positive, ANY },
	};
	struct place spec;

	if (!at(root, "spec", &spec))
		return;
	at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	check_replicas(j, &spec);
}
