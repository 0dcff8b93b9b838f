/*
 * What a pod as a whole asks for and may use, beside what its containers do:
 * as the scheduler adds it up.
 */
#include "config.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/pod.h"
#include "schema/values/quantity.h"

/* What a container asks for; a Pod's own asks for its limit by default. */
static quantity asked(const struct judge *j, const struct node *container,
		      const char *of, const char *name)
{
	const struct node *resources = node_get(container, "resources");
	const struct node *n = node_path(resources, of, name, NULL);
	quantity v;

	if (!n && !j->pod->is_template)
		n = node_path(resources, "limits", name, NULL);
	return amount_of(n, &v) && v > 0 ? v : 0;
}

static bool runs_on(const struct node *init_container)
{
	const char *s = node_path_str(init_container, "restartPolicy", NULL);

	return s && !strcmp(s, "Always");
}

/*
 * All containers run together, and with them those init containers that go
 * on; each of the others runs before, with those that began before it.
 */
static quantity total(const struct judge *j, const char *of, const char *name)
{
	const struct node *spec = j->pod->spec.node;
	const struct node *all = node_get(spec, "containers");
	const struct node *init = node_get(spec, "initContainers");
	quantity sum = 0, going_on = 0, most = 0, v;

	for (uint32_t i = 0; all && all->type == NODE_SEQ && i < all->n; i++)
		sum += asked(j, all->items[i], of, name);
	for (uint32_t i = 0; init && init->type == NODE_SEQ && i < init->n;
	     i++) {
		v = asked(j, init->items[i], of, name);
		if (runs_on(init->items[i]))
			going_on += v;
		v = going_on + (runs_on(init->items[i]) ? 0 : v);
		most = v > most ? v : most;
	}
	return sum + going_on > most ? sum + going_on : most;
}

static void judge_request(struct judge *j, const struct place *p)
{
	quantity v, sum = total(j, "requests", p->key);

	if (amount_of(p->node, &v) && sum > v)
		at_error(j, p, "value-conflict", "must be at least what the "
			 "containers request together, which is %.15g",
			 (double)sum / 1e9);
}

static bool is_huge(const char *name)
{
	return !strncmp(name, "hugepages-", 10);
}

/* No container may use more than the pod. */
static void judge_limit(struct judge *j, const struct place *p)
{
	const struct place *spec = &j->pod->spec;
	struct place all, one, resources, limits, limit;
	quantity most, v;

	if (!amount_of(p->node, &most) || !at(spec, "containers", &all))
		return;
	if (is_huge(p->key) && total(j, "limits", p->key) > most)
		at_error(j, p, "value-conflict", "must be at least the limits "
			 "of the containers together");
	for (uint32_t i = 0; at_is_list(&all) && i < all.node->n; i++)
		if (at_item(&all, i, &one) && at(&one, "resources",
						 &resources) &&
		    at(&resources, "limits", &limits) &&
		    at(&limits, p->key, &limit) &&
		    amount_of(limit.node, &v) && v > most)
			at_error(j, &limit, "value-conflict", "must not be "
				 "more than the limit of the pod, which is in "
				 "line %u", p->node->mark.line);
}

void judge_pod_totals(struct judge *j, const struct place *p)
{
	struct place amounts;

	if (at(p, "requests", &amounts))
		at_values(j, &amounts, judge_request);
	if (at(p, "limits", &amounts))
		at_values(j, &amounts, judge_limit);
}
