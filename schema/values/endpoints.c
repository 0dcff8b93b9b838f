/*
 * Endpoints and EndpointSlices: addresses that somebody wrote by hand. As
 * core/validation and discovery/validation have them.
 */
#include "config.h"

#include <string.h>

#include "schema/values/address.h"
#include "schema/values/common.h"
#include "schema/values/kinds.h"

#define SLICE_ENDPOINTS_MAX 1000
#define SLICE_ADDRESSES_MAX 100
#define SLICE_PORTS_MAX 20000
#define SLICE_HINTS_MAX 8
#define SLICE_TOPOLOGY_MAX 16

/* ---- Endpoints ---- */

static void judge_address(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "hostname", judge_dns_label, OR_EMPTY },
		{ "ip", judge_endpoint_ip, FILLED },
		{ "nodeName", judge_dns_subdomain, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_endpoint_port(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "appProtocol", judge_label_key, ANY },
		{ "name", judge_dns_label, OR_EMPTY },
		{ "port", judge_port, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (p->up->node->n > 1 && at_is_map(p) && !at_filled(p, "name"))
		at_missing(j, p, "name", ": there is more than one port");
}

static void judge_subset(struct judge *j, const struct place *p)
{
	struct place addresses, others, ports;

	at(p, "addresses", &addresses);
	at(p, "notReadyAddresses", &others);
	at(p, "ports", &ports);
	if (at_is_map(p) && !at_count(&addresses) && !at_count(&others))
		at_error(j, p, "value-required", "must have addresses or "
			 "notReadyAddresses");
	at_items(j, &addresses, judge_address);
	at_items(j, &others, judge_address);
	at_items(j, &ports, judge_endpoint_port);
}

void judge_endpoints(struct judge *j, const struct place *root)
{
	struct place subsets;

	if (at(root, "subsets", &subsets))
		at_items(j, &subsets, judge_subset);
}

/* ---- EndpointSlice ---- */

static void judge_at_most(struct judge *j, const struct place *p,
			  uint32_t most)
{
	if (at_count(p) > most)
		at_error(j, p, "value-range", "has %u items: it can have %u "
			 "at most", at_count(p), most);
}

static void judge_ipv4(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);

	if (s && strchr(s, ':') && is_ip(s, j->minor))
		at_error(j, p, "value-format", "'%s' is no IPv4 address, but "
			 "that is the slice's addressType", s);
	else
		judge_endpoint_ip(j, p);
}

static void judge_ipv6(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);

	if (s && !strchr(s, ':') && is_ip(s, j->minor)) {
		at_error(j, p, "value-format", "'%s' is no IPv6 address, but "
			 "that is the slice's addressType", s);
		return;
	}
	judge_canonical_ip(j, p);
	judge_endpoint_ip(j, p);
}

static bool is_dotted_labels(const char *name)
{
	for (const char *part = name;; part++) {
		size_t len = strcspn(part, ".");

		if (len > 63)
			return false;
		part += len;
		if (!*part)
			break;
	}
	return strchr(name, '.') && is_dns_subdomain(name);
}

static bool is_domain(const char *s)
{
	return is_without_dot(s, is_dotted_labels);
}

static void judge_fqdn(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_domain, "domain: DNS labels, at least two of "
		   "them, with dots between");
}

static void judge_hint_zone(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_label_value, OR_EMPTY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_hint_node(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_dns_subdomain, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_zones(struct judge *j, const struct place *p)
{
	judge_at_most(j, p, SLICE_HINTS_MAX);
	at_items(j, p, judge_hint_zone);
	at_unique(j, p, "name");
}

static void judge_nodes(struct judge *j, const struct place *p)
{
	judge_at_most(j, p, SLICE_HINTS_MAX);
	at_items(j, p, judge_hint_node);
	at_unique(j, p, "name");
}

static void judge_hints(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "forNodes", judge_nodes, ANY },
		{ "forZones", judge_zones, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_topology(struct judge *j, const struct place *p)
{
	judge_at_most(j, p, SLICE_TOPOLOGY_MAX);
	judge_labels(j, p);
}

static void judge_endpoint(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "deprecatedTopology", judge_topology, ANY },
		{ "hints", judge_hints, ANY },
		{ "hostname", judge_dns_label, ANY },
		{ "nodeName", judge_dns_subdomain, ANY },
	};
	struct place addresses;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	at(p, "addresses", &addresses);
	if (at_is_list(&addresses) && !at_count(&addresses))
		at_error(j, &addresses, "value-required", "must not be empty");
	judge_at_most(j, &addresses, SLICE_ADDRESSES_MAX);
}

/* "" is no default here */
static void judge_protocol(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "TCP", "UDP", "SCTP");
}

static void judge_slice_port(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "appProtocol", judge_label_key, ANY },
		{ "name", judge_dns_label, OR_EMPTY },
		{ "protocol", judge_protocol, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* A port without a name has the name "", which can be there once, too. */
static void check_unnamed(struct judge *j, const struct place *ports)
{
	const struct node *first = NULL;
	struct place p;

	for (uint32_t i = 0; at_is_list(ports) && i < ports->node->n; i++) {
		if (!at_item(ports, i, &p) || !at_is_map(&p) ||
		    at_filled(&p, "name"))
			continue;
		if (first)
			at_error(j, &p, "value-duplicate", "is a second port "
				 "without a name: the first is in line %u",
				 first->mark.line);
		else
			first = p.node;
	}
}

void judge_endpoint_slice(struct judge *j, const struct place *root)
{
	const char *type = at_key_text(root, "addressType", "");
	judge_fn *judge = !strcmp(type, "IPv4") ? judge_ipv4 :
			  !strcmp(type, "IPv6") ? judge_ipv6 :
			  !strcmp(type, "FQDN") ? judge_fqdn : NULL;
	struct place ports, endpoints, endpoint, addresses;

	if (at(root, "ports", &ports)) {
		judge_at_most(j, &ports, SLICE_PORTS_MAX);
		at_items(j, &ports, judge_slice_port);
		at_unique(j, &ports, "name");
		check_unnamed(j, &ports);
	}
	if (!at(root, "endpoints", &endpoints))
		return;
	judge_at_most(j, &endpoints, SLICE_ENDPOINTS_MAX);
	at_items(j, &endpoints, judge_endpoint);
	for (uint32_t i = 0; judge && at_is_list(&endpoints) &&
	     i < endpoints.node->n; i++)
		if (at_item(&endpoints, i, &endpoint) &&
		    at(&endpoint, "addresses", &addresses))
			at_items(j, &addresses, judge);
}
