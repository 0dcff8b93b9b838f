/*
 * Who may ask the API server how much: FlowSchema and
 * PriorityLevelConfiguration. As flowcontrol/validation has them. Those that
 * Kubernetes itself makes must stay what they are, which is not judged here.
 */
#include "config.h"

#include <string.h>

#include "schema/values/admission.h"
#include "schema/values/common.h"
#include "schema/values/kinds.h"

#define PRECEDENCE_MAX 10000
#define QUEUES_MAX 10000000
#define QUEUES_DEFAULT 64
#define HASH_BITS 60

/* ---- FlowSchema ---- */

static void judge_verb(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "*", "get", "list", "create", "update", "delete",
		    "deletecollection", "patch", "watch", "proxy");
}

static void judge_verbs(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_verb);
	judge_wildcard_list(j, p, "*");
}

static void judge_all(struct judge *j, const struct place *p)
{
	judge_wildcard_list(j, p, "*");
}

static void judge_flow_namespace(struct judge *j, const struct place *p)
{
	if (!at_text(p) || strcmp(at_text(p), "*"))
		judge_dns_label(j, p);
}

static void judge_namespaces(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_flow_namespace);
	judge_wildcard_list(j, p, "*");
}

static void judge_resource_rule(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "apiGroups", judge_all, FILLED },
		{ "namespaces", judge_namespaces, ANY },
		{ "resources", judge_all, FILLED },
		{ "verbs", judge_verbs, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at_is_map(p) && !at_filled(p, "namespaces") &&
	    !at_key_true(p, "clusterScope"))
		at_missing(j, p, "namespaces", ": \"*\" is all of them, and "
			   "clusterScope: true is what has none");
}

static bool is_url_path(const char *s)
{
	const char *star = strchr(s, '*');

	if (!strcmp(s, "*") || !strcmp(s, "/"))
		return true;
	if (*s != '/' || strchr(s, ' ') || strstr(s, "//"))
		return false;
	return !star || (!star[1] && star[-1] == '/');
}

static void judge_url_path(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_url_path, "path: it begins with /, has no space "
		   "and no two / in a row, and * only as the whole last part");
}

static void judge_url_paths(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_url_path);
	judge_wildcard_list(j, p, "*");
}

static void judge_url_rule(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "nonResourceURLs", judge_url_paths, FILLED },
		{ "verbs", judge_verbs, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_account_name(struct judge *j, const struct place *p)
{
	if (!at_text(p) || strcmp(at_text(p), "*"))
		judge_dns_subdomain(j, p);
}

static void judge_account(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_account_name, FILLED },
		{ "namespace", judge_dns_label, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_named(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", NULL, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_subject(struct judge *j, const struct place *p)
{
	static const struct {
		const char *kind, *key;
		judge_fn *judge;
	} ways[] = {
		{ "ServiceAccount", "serviceAccount", judge_account },
		{ "User", "user", judge_named },
		{ "Group", "group", judge_named },
	};
	const char *kind = at_key_text(p, "kind", "");
	bool known = false;
	struct place down;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		known |= !strcmp(kind, ways[i].kind);
	if (!known) {
		if (at(p, "kind", &down) && node_text(down.node))
			JUDGE_WORDS(j, &down, "ServiceAccount", "User",
				    "Group");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		bool meant = !strcmp(kind, ways[i].kind);
		bool there = at(p, ways[i].key, &down);

		if (meant && there)
			ways[i].judge(j, &down);
		else if (meant)
			at_missing(j, p, ways[i].key, " by its kind");
		else if (there)
			at_key_error(j, &down, "value-forbidden", "cannot be "
				     "set where the kind is %s", kind);
	}
}

static void judge_flow_rule(struct judge *j, const struct place *p)
{
	struct place subjects, rules, urls;

	if (!at_is_map(p))
		return;
	at(p, "resourceRules", &rules);
	at(p, "nonResourceRules", &urls);
	if (at(p, "subjects", &subjects) && at_is_list(&subjects) &&
	    !at_count(&subjects))
		at_error(j, &subjects, "value-required", "must not be empty");
	at_items(j, &subjects, judge_subject);
	at_items(j, &rules, judge_resource_rule);
	at_items(j, &urls, judge_url_rule);
	if (!at_count(&rules) && !at_count(&urls))
		at_error(j, p, "value-required", "must have resourceRules or "
			 "nonResourceRules");
}

static void judge_flow_rules(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_flow_rule);
}

static void judge_precedence(struct judge *j, const struct place *p)
{
	int64_t v;

	if (at_int(p, &v) && !v)
		return;		/* the default */
	if (at_int(p, &v) && v == 1 && strcmp(j->o->id.name, "exempt"))
		at_error(j, p, "value-range", "can be 1 for the FlowSchema "
			 "'exempt' only");
	else
		judge_range(j, p, 1, PRECEDENCE_MAX);
}

static void judge_level_name(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_dns_subdomain, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_method(struct judge *j, const struct place *p)
{
	struct place type;

	if (at(p, "type", &type) && node_text(type.node))
		JUDGE_WORDS(j, &type, "ByUser", "ByNamespace");
}

void judge_flow_schema(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "distinguisherMethod", judge_method, ANY },
		{ "matchingPrecedence", judge_precedence, ANY },
		{ "priorityLevelConfiguration", judge_level_name, ANY },
		{ "rules", judge_flow_rules, ANY },
	};
	struct place spec;

	if (at(root, "spec", &spec))
		at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	else
		at_missing(j, root, "spec", "");
}

/* ---- PriorityLevelConfiguration ---- */

static void judge_lendable(struct judge *j, const struct place *p)
{
	judge_range(j, p, 0, 100);
}

/* 0 is the default. */
static void judge_queues(struct judge *j, const struct place *p)
{
	judge_range(j, p, 0, QUEUES_MAX);
}

/* Dealing a hand of a deck must not take more bits than a hash has. */
static bool too_many_bits(int64_t deck, int64_t hand)
{
	int64_t states = 1;

	for (int64_t i = 0; deck > 1 && i < hand; i++) {
		if (states > (INT64_C(1) << HASH_BITS) / deck)
			return true;
		states *= deck;
	}
	return false;
}

static void judge_queuing(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "queueLengthLimit", judge_not_negative, ANY },
		{ "queues", judge_queues, ANY },
	};
	int64_t queues = at_key_int(p, "queues", 0);
	struct place at_hand;
	int64_t hand;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (!at(p, "handSize", &at_hand) || !at_int(&at_hand, &hand) || !hand)
		return;
	if (!queues)
		queues = QUEUES_DEFAULT;
	if (hand < 0)
		judge_not_negative(j, &at_hand);
	else if (hand > queues)
		at_error(j, &at_hand, "value-range", "cannot be more than "
			 "queues, which are %lld", (long long)queues);
	else if (too_many_bits(queues, hand))
		at_error(j, &at_hand, "value-range", "is too much for %lld "
			 "queues: fewer of either", (long long)queues);
}

static void judge_response(struct judge *j, const struct place *p)
{
	static const char *const queuing[] = { "queuing", NULL };
	const char *type = at_key_text(p, "type", "");
	struct place down;

	if (at(p, "queuing", &down) && !strcmp(type, "Queue"))
		judge_queuing(j, &down);
	if (!strcmp(type, "Queue") && !at_has(p, "queuing"))
		at_missing(j, p, "queuing", " where the type is Queue");
	else if (!strcmp(type, "Reject"))
		at_forbid(j, p, queuing, "where the type is Reject");
	else if (at(p, "type", &down) && node_text(down.node))
		JUDGE_WORDS(j, &down, "Queue", "Reject");
	else if (at_is_map(p) && !at_has(p, "type"))
		at_missing(j, p, "type", ": Queue or Reject");
}

static void judge_limited(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "borrowingLimitPercent", judge_not_negative, ANY },
		{ "lendablePercent", judge_lendable, ANY },
		{ "limitResponse", judge_response, ANY },
		{ "nominalConcurrencyShares", judge_not_negative, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at_is_map(p) && !at_has(p, "limitResponse"))
		at_missing(j, p, "limitResponse", "");
}

static void judge_exempt(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "lendablePercent", judge_lendable, ANY },
		{ "nominalConcurrencyShares", judge_not_negative, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_priority_level(struct judge *j, const struct place *root)
{
	static const char *const no_exempt[] = { "exempt", NULL };
	static const char *const no_limited[] = { "limited", NULL };
	bool named = !strcmp(j->o->id.name, "exempt");
	struct place spec, p;
	const char *type;

	if (!at(root, "spec", &spec)) {
		at_missing(j, root, "spec", "");
		return;
	}
	type = at_key_text(&spec, "type", "");
	if (at(&spec, "limited", &p))
		judge_limited(j, &p);
	if (at(&spec, "exempt", &p))
		judge_exempt(j, &p);
	if (!strcmp(type, "Limited")) {
		at_forbid(j, &spec, no_exempt, "where the type is Limited");
		if (!at_has(&spec, "limited"))
			at_missing(j, &spec, "limited",
				   " where the type is Limited");
	} else if (!strcmp(type, "Exempt")) {
		at_forbid(j, &spec, no_limited, "where the type is Exempt");
	}
	if (!at(&spec, "type", &p) || !node_text(p.node))
		return;
	JUDGE_WORDS(j, &p, "Exempt", "Limited");
	if (named != !strcmp(type, "Exempt") &&
	    (!strcmp(type, "Exempt") || !strcmp(type, "Limited")))
		at_error(j, &p, "value-conflict", "%s: Exempt is for the one "
			 "that is named 'exempt'", named ? "must be Exempt" :
			 "cannot be Exempt");
}
