/*
 * What containers, and pods, ask for and may use.
 */
#include "config.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/pod.h"
#include "schema/values/quantity.h"
#include "schema/values/resource.h"

#define HUGE "hugepages-"

/* ---- one amount ---- */

static bool is_huge(const char *name)
{
	return !strncmp(name, HUGE, strlen(HUGE));
}

/* A number of whole pages of the size in the name. */
static void judge_pages(struct judge *j, const struct place *p)
{
	const char *size = p->key + strlen(HUGE);
	struct node text = { .type = NODE_STR, .str = size,
			     .n = (uint32_t)strlen(size) };
	quantity page, v;

	if (!quantity_of(&text, &page) || page <= 0 || page % QUANTITY_ONE)
		at_key_error(j, p, "value-format", "has '%s', which is no "
			     "size of a page such as 2Mi", size);
	else if (quantity_of(p->node, &v) && v % page)
		at_error(j, p, "value-range", "must be a number of whole "
			 "pages of %s", size);
}

static void judge_amount(struct judge *j, const struct place *p)
{
	quantity v;

	judge_quantity_not_negative(j, p);
	if (resource_is_whole(p->key) && amount_of(p->node, &v) &&
	    v % QUANTITY_ONE)
		judge_quantity_whole(j, p);
	if (is_huge(p->key))
		judge_pages(j, p);
}

static void judge_amounts(struct judge *j, const struct place *p)
{
	at_values(j, p, judge_amount);
}

/* ---- requests and limits ---- */

static void judge_request(struct judge *j, const struct place *p,
			  const struct place *limits)
{
	bool over = resource_overcommits(p->key);
	char buf[32];
	struct place limit;
	quantity v, most;

	if (!limits->node || !at(limits, p->key, &limit)) {
		/* null is 0 */
		if (limits->node && node_get(limits->node, p->key) &&
		    quantity_of(p->node, &v) && v > 0)
			at_error(j, p, "value-conflict", "must not be more "
				 "than the limit, which is empty");
		else if (!over)
			at_error(j, p, "value-required", "needs a limit of "
				 "the same amount: there cannot be more of it "
				 "promised than there is");
		return;
	}
	if (!amount_of(p->node, &v) || !amount_of(limit.node, &most))
		return;
	if (!over && v != most)
		at_error(j, p, "value-conflict", "must be the limit, which is "
			 "%s (in line %u)", quantity_text(limit.node, buf,
			 sizeof(buf)), limit.node->mark.line);
	else if (v > most)
		at_error(j, p, "value-conflict", "must not be more than the "
			 "limit, which is %s (in line %u)",
			 quantity_text(limit.node, buf, sizeof(buf)),
			 limit.node->mark.line);
}

/* Does a map of amounts have huge pages, or cpu or memory? */
static void look(const struct place *amounts, bool *huge, bool *usual)
{
	for (uint32_t i = 0; at_is_map(amounts) && i < amounts->node->n; i++) {
		const char *name = amounts->node->pairs[i].key;

		*huge |= is_huge(name);
		*usual |= !strcmp(name, "cpu") || !strcmp(name, "memory");
	}
}

static void judge_both(struct judge *j, const struct place *p)
{
	struct place requests, limits, amount;
	bool huge = false, usual = false;

	at(p, "limits", &limits);
	at(p, "requests", &requests);
	for (uint32_t i = 0; at_is_map(&requests) && i < requests.node->n;
	     i++) {
		const struct node_pair *pair = &requests.node->pairs[i];
		/* null is 0 */
		struct node zero = { .type = NODE_INT, .mark = pair->mark };

		if (!at(&requests, pair->key, &amount))
			amount.node = &zero;
		judge_request(j, &amount, &limits);
	}
	look(&limits, &huge, &usual);
	look(&requests, &huge, &usual);
	if (huge && !usual)
		at_error(j, p, "value-required", "has huge pages: they are "
			 "used only beside cpu or memory");
}

/* ---- claims ---- */

static void judge_claim_name(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);

	if (s && !lookup_find(&j->pod->claims, s))
		at_error(j, p, "value-reference", "is '%s', which is none of "
			 "the pod's resourceClaims", s);
}

static void judge_claim(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_claim_name, FILLED },
		{ "request", judge_dns_label, OR_EMPTY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_claims(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_claim);
}

/* ---- containers, and pods ---- */

void judge_resources(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "claims", judge_claims, ANY },
		{ "limits", judge_amounts, ANY },
		{ "requests", judge_amounts, ANY },
	};
	struct place amounts;

	if (!at_is_map(p))
		return;
	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at(p, "limits", &amounts))
		judge_resource_keys(j, &amounts, RESOURCE_CONTAINER);
	if (at(p, "requests", &amounts))
		judge_resource_keys(j, &amounts, RESOURCE_CONTAINER);
	judge_both(j, p);
}

static void judge_pod_keys(struct judge *j, const struct place *amounts)
{
	for (uint32_t i = 0; at_is_map(amounts) && i < amounts->node->n; i++) {
		const char *name = amounts->node->pairs[i].key;

		if (strcmp(name, "cpu") && strcmp(name, "memory") &&
		    !is_huge(name))
			place_error(j, amounts, amounts->node->pairs[i].mark,
				    "value-enum", "has '%s', but only cpu, "
				    "memory and huge pages are of a pod as a "
				    "whole", name);
	}
}

void judge_pod_resources(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "limits", judge_amounts, ANY },
		{ "requests", judge_amounts, ANY },
	};
	static const char *const claims[] = { "claims", NULL };
	struct place amounts;

	if (!at_is_map(p))
		return;
	at_fields(j, p, fields, ARRAY_SIZE(fields));
	at_forbid(j, p, claims, "for a pod as a whole");
	if (at(p, "limits", &amounts))
		judge_pod_keys(j, &amounts);
	if (at(p, "requests", &amounts))
		judge_pod_keys(j, &amounts);
	judge_both(j, p);
	judge_pod_totals(j, p);
}
