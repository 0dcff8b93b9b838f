/*
 * NetworkPolicies, and the addresses of Services as objects: ServiceCIDRs
 * and IPAddresses. As networking/validation has them.
 */
#include "config.h"

#include <string.h>

#include "schema/values/address.h"
#include "schema/values/common.h"
#include "schema/values/kinds.h"

/* ---- NetworkPolicy ---- */

static void judge_end_port(struct judge *j, const struct place *port,
			   const struct place *end)
{
	int64_t from, to;

	if (!at_has(port, "port")) {
		at_key_error(j, end, "value-forbidden", "cannot be set "
			     "without a port, where the range begins");
		return;
	}
	judge_port(j, end);
	from = at_key_int(port, "port", 0);
	if (node_text(node_get(port->node, "port")))
		at_key_error(j, end, "value-forbidden", "cannot be set where "
			     "the port is a name");
	else if (from && at_int(end, &to) && to < from)
		at_error(j, end, "value-range", "is %lld, which is before the "
			 "range begins: the port is %lld", (long long)to,
			 (long long)from);
}

static void judge_policy_port(struct judge *j, const struct place *p)
{
	struct place down;

	if (at(p, "port", &down))
		judge_port_or_name(j, &down);
	if (at(p, "endPort", &down))
		judge_end_port(j, p, &down);
	/* "" is no default here */
	if (at(p, "protocol", &down) && node_text(down.node))
		JUDGE_WORDS(j, &down, "TCP", "UDP", "SCTP");
}

static void judge_ip_block(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "cidr", judge_cidr, FILLED },
	};
	struct place cidr, excepts, except;
	struct cidr outer, inner;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	at(p, "cidr", &cidr);
	at(p, "except", &excepts);
	at_texts(j, &excepts, judge_cidr);
	if (!at_text(&cidr) || !cidr_parse(at_text(&cidr), j->minor, &outer))
		return;
	for (uint32_t i = 0; at_is_list(&excepts) && i < excepts.node->n; i++)
		if (at_item(&excepts, i, &except) && at_text(&except) &&
		    cidr_parse(at_text(&except), j->minor, &inner) &&
		    !cidr_contains(&outer, &inner))
			at_error(j, &except, "value-range", "'%s' is no part "
				 "of '%s', from which it is excepted",
				 at_text(&except), at_text(&cidr));
}

static void judge_peer(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "ipBlock", judge_ip_block, ANY },
		{ "namespaceSelector", judge_selector, ANY },
		{ "podSelector", judge_selector, ANY },
	};
	bool others = at_has(p, "namespaceSelector") ||
		      at_has(p, "podSelector");
	struct place block;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at(p, "ipBlock", &block) && others)
		at_key_error(j, &block, "value-conflict", "cannot be set "
			     "beside a selector: make it a peer of its own, "
			     "with a '- ' before it");
	else if (at_is_map(p) && !block.node && !others)
		at_error(j, p, "value-required", "must have a podSelector, a "
			 "namespaceSelector or an ipBlock");
}

static void judge_ports(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_policy_port);
}

static void judge_peers(struct judge *j, const struct place *p)
{
	struct place peer;

	/* an empty item is nothing, and selects nothing */
	for (uint32_t i = 0; at_is_list(p) && i < p->node->n; i++)
		if (at_item(p, i, &peer))
			judge_peer(j, &peer);
}

static void judge_policy_rule(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "from", judge_peers, ANY },
		{ "ports", judge_ports, ANY },
		{ "to", judge_peers, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_policy_rules(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_policy_rule);
}

static void judge_policy_type(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "Ingress", "Egress");
}

static void judge_policy_types(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_policy_type);
	if (at_count(p) > 2)
		at_error(j, p, "value-range", "can have two items at most: "
			 "Ingress and Egress");
}

void judge_network_policy(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "egress", judge_policy_rules, ANY },
		{ "ingress", judge_policy_rules, ANY },
		{ "podSelector", judge_selector, ANY },
		{ "policyTypes", judge_policy_types, ANY },
	};
	struct place spec;

	if (at(root, "spec", &spec))
		at_fields(j, &spec, fields, ARRAY_SIZE(fields));
}

/* ---- ServiceCIDR, IPAddress ---- */

static bool is_v6(const struct node *n)
{
	const char *s = node_text(n);

	return s && strchr(s, ':');
}

static void judge_cidrs(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_canonical_cidr);
	if (at_is_list(p) && p->node->n > 2)
		at_error(j, p, "value-range", "can have two networks at most, "
			 "one of each IP family");
	else if (at_is_list(p) && p->node->n == 2 &&
		 is_v6(p->node->items[0]) == is_v6(p->node->items[1]))
		at_error(j, p, "value-conflict", "has two networks of one IP "
			 "family: there can be one of each");
}

void judge_service_cidr(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "cidrs", judge_cidrs, MUST },
	};
	struct place spec;

	if (at(root, "spec", &spec))
		at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	else
		at_missing(j, root, "spec", ": it has the networks");
}

static void judge_parent(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "group", judge_dns_subdomain, OR_EMPTY },
		{ "name", judge_segment, FILLED },
		{ "namespace", judge_segment, OR_EMPTY },
		{ "resource", judge_segment, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_ip_address(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "parentRef", judge_parent, ANY },
	};
	struct place spec;

	if (at(root, "spec", &spec))
		at_fields(j, &spec, fields, ARRAY_SIZE(fields));
}
