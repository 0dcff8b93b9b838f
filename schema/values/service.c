/*
 * Services. As ValidateServiceCreate of core/validation has it, after its
 * defaults: type ClusterIP, no affinity, TCP, a target port that is the port.
 * What only the cluster knows is not asked: its ranges of addresses and node
 * ports, whether it has both IP families.
 */
#include "config.h"

#include <string.h>
#include <sys/socket.h>

#include "schema/values/address.h"
#include "schema/values/common.h"
#include "schema/values/kinds.h"

#define ANNOTATION_RANGES "service.beta.kubernetes.io/load-balancer-source-ranges"
#define ANNOTATION_HINTS "service.kubernetes.io/topology-aware-hints"
#define ANNOTATION_MODE "service.kubernetes.io/topology-mode"
#define AFFINITY_SECONDS_MAX 86400

/* A Service as far as several of its rules ask for it. */
struct service {
	const char *type;
	bool headless;
};

static bool is_type(const struct service *s, const char *type)
{
	return !strcmp(s->type, type);
}

static struct service service_of(const struct place *spec)
{
	const struct node *ips = node_get(spec->node, "clusterIPs");
	const char *ip = at_key_text(spec, "clusterIP", "");

	if (!*ip && ips && ips->type == NODE_SEQ && ips->n == 1 &&
	    node_text(ips->items[0]))
		ip = node_text(ips->items[0]);
	return (struct service){
		.type = at_key_text(spec, "type", "ClusterIP"),
		.headless = !strcmp(ip, "None"),
	};
}

/* ---- ports ---- */

static void judge_target_port(struct judge *j, const struct place *p)
{
	int64_t n;

	if (!at_int(p, &n) || n)
		judge_port_or_name(j, p);
}

static void judge_node_port(struct judge *j, const struct place *p)
{
	int64_t n;

	if (at_int(p, &n) && n)
		judge_port(j, p);
}

static void judge_service_port(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "appProtocol", judge_label_key, ANY },
		{ "name", judge_dns_label, OR_EMPTY },
		{ "nodePort", judge_node_port, ANY },
		{ "port", judge_port, ANY },
		{ "targetPort", judge_target_port, OR_EMPTY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* Two ports of one protocol at one port of every node. */
static void check_node_ports(struct judge *j, const struct place *ports)
{
	for (uint32_t i = 0; at_is_list(ports) && i < ports->node->n; i++) {
		struct place a, p;
		int64_t n;

		if (!at_item(ports, i, &a) || !at(&a, "nodePort", &p) ||
		    !at_int(&p, &n) || !n)
			continue;
		for (uint32_t k = 0; k < i && k < 1000; k++) {
			struct place b;

			if (!at_item(ports, k, &b) ||
			    at_key_int(&b, "nodePort", 0) != n ||
			    strcmp(at_key_text(&a, "protocol", "TCP"),
				   at_key_text(&b, "protocol", "TCP")))
				continue;
			at_error(j, &p, "value-duplicate", "%lld is the node "
				 "port of another port, too (line %u)",
				 (long long)n, b.node->mark.line);
			break;
		}
	}
}

static void check_ports(struct judge *j, const struct place *spec,
			const struct service *s)
{
	static const char *const node_port[] = { "nodePort", NULL };
	struct place ports, port;
	int64_t n;

	at(spec, "ports", &ports);
	if (!at_count(&ports) && !s->headless && !is_type(s, "ExternalName"))
		at_missing(j, spec, "ports", ": only a headless Service "
			   "(clusterIP: None) can do without");
	at_items(j, &ports, judge_service_port);
	at_unique(j, &ports, "name");
	check_node_ports(j, &ports);
	for (uint32_t i = 0; at_is_list(&ports) && i < ports.node->n; i++) {
		if (!at_item(&ports, i, &port))
			continue;
		if (ports.node->n > 1 && at_is_map(&port) &&
		    !at_filled(&port, "name"))
			at_missing(j, &port, "name",
				   ": there is more than one port");
		n = at_key_int(&port, "nodePort", 0);
		if (n && is_type(s, "ClusterIP"))
			at_forbid(j, &port, node_port, "for a Service of type "
				  "ClusterIP: say type: NodePort, or "
				  "LoadBalancer");
	}
}

/* ---- addresses ---- */

static void judge_cluster_ip(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);

	if (!s || strcmp(s, "None"))
		judge_ip(j, p);
}

static int family_at(const struct judge *j, const struct place *list,
		     uint32_t i)
{
	const char *s = i < at_count(list) ?
		node_text(list->node->items[i]) : NULL;
	unsigned char raw[16];

	return s ? ip_parse(s, j->minor, raw) : 0;
}

/* The list, whose first one is the other field, too. */
static void check_cluster_ips(struct judge *j, const struct place *spec,
			      const struct service *s)
{
	const char *first = at_key_text(spec, "clusterIP", "");
	struct place ips, p;

	if (!at(spec, "clusterIPs", &ips) || !at_count(&ips) ||
	    !at_is_list(&ips))
		return;
	at_items(j, &ips, judge_cluster_ip);
	if (!*first)
		at_key_error(j, &ips, "value-conflict", "can only be set "
			     "together with clusterIP, which is its first");
	else if (at_item(&ips, 0, &p) && at_text(&p) &&
		 strcmp(at_text(&p), first))
		at_error(j, &p, "value-conflict", "is '%s', but clusterIP is "
			 "'%s': the two must be the same", at_text(&p), first);
	if (s->headless && ips.node->n > 1)
		at_error(j, &ips, "value-conflict", "must have nothing beside "
			 "None");
	else if (ips.node->n > 2)
		at_error(j, &ips, "value-range", "can have 2 addresses at "
			 "most, one of each IP family");
	else if (ips.node->n == 2 && family_at(j, &ips, 0) &&
		 family_at(j, &ips, 0) == family_at(j, &ips, 1))
		at_error(j, &ips, "value-conflict", "has two addresses of one "
			 "IP family: there can be one of each");
}

static void judge_family(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "IPv4", "IPv6");
}

/* A family says of which kind the address in the same place is. */
static void check_families(struct judge *j, const struct place *spec)
{
	struct place ips, families, p;

	at(spec, "clusterIPs", &ips);
	if (!at(spec, "ipFamilies", &families) || !at_is_list(&families))
		return;
	at_items(j, &families, judge_family);
	at_unique(j, &families, NULL);
	for (uint32_t i = 0; i < families.node->n && i < 2; i++) {
		const char *family = at_item(&families, i, &p) ? at_text(&p) :
								 NULL;
		const char *ip = node_text(i < at_count(&ips) ?
			ips.node->items[i] : NULL);
		unsigned char raw[16];
		int got;

		if (!ip && !i)
			ip = at_key_text(spec, "clusterIP", NULL);
		got = ip ? ip_parse(ip, j->minor, raw) : 0;
		if (family && got &&
		    ((got == AF_INET && !strcmp(family, "IPv6")) ||
		     (got == AF_INET6 && !strcmp(family, "IPv4"))))
			at_error(j, &p, "value-conflict", "is %s, but '%s' is "
				 "no such address", family, ip);
	}
}

static void check_addresses(struct judge *j, const struct place *spec,
			    const struct service *s)
{
	struct place p;

	if (at(spec, "externalIPs", &p))
		at_items(j, &p, judge_endpoint_ip);
	if (is_type(s, "ExternalName"))
		return;
	if (at(spec, "clusterIP", &p) && at_filled(spec, "clusterIP"))
		judge_cluster_ip(j, &p);
	check_cluster_ips(j, spec, s);
	check_families(j, spec);
	if (s->headless && at(spec, "clusterIP", &p) &&
	    (is_type(s, "NodePort") || is_type(s, "LoadBalancer")))
		at_error(j, &p, "value-conflict", "cannot be None: a Service "
			 "of type %s needs an address", s->type);
}

/* ---- types ---- */

static bool is_absolute_name(const char *s)
{
	return is_without_dot(s, is_dns_subdomain);
}

static void check_external_name(struct judge *j, const struct place *spec,
				const struct service *s)
{
	static const char *const addresses[] = {
		"clusterIP", "clusterIPs", "ipFamilies", NULL
	};
	static const char *const policy[] = { "ipFamilyPolicy", NULL };
	const char *why = "for a Service of type ExternalName: it is but a "
			  "name in DNS";
	struct place p;

	if (!is_type(s, "ExternalName"))
		return;
	if (!at_filled(spec, "externalName"))
		at_missing(j, spec, "externalName",
			   " for a Service of type ExternalName");
	else if (at(spec, "externalName", &p))
		judge_text(j, &p, is_absolute_name, "DNS name: at most 253 of "
			   "a-z, 0-9, - and .");
	at_forbid_filled(j, spec, addresses, why);
	at_forbid(j, spec, policy, why);
}

static void judge_source_range(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);
	char text[128];
	size_t n;

	if (!s) {
		judge_cidr(j, p);
		return;
	}
	s += strspn(s, " \t\n\v\f\r");
	for (n = strlen(s); n && strchr(" \t\n\v\f\r", s[n - 1]); n--)
		;
	if (n >= sizeof(text))
		n = sizeof(text) - 1;
	memcpy(text, s, n);
	text[n] = '\0';
	if (!is_cidr(text, j->minor))
		judge_cidr(j, p);
}

static void check_load_balancer(struct judge *j, const struct place *spec,
				const struct service *s)
{
	static const char *const only[] = {
		"allocateLoadBalancerNodePorts", "loadBalancerClass", NULL
	};
	struct place p;

	if (at(spec, "loadBalancerSourceRanges", &p) && at_count(&p)) {
		at_items(j, &p, judge_source_range);
		if (!is_type(s, "LoadBalancer"))
			at_key_error(j, &p, "value-forbidden", "cannot be set "
				     "but for a Service of type "
				     "LoadBalancer");
	}
	if (!is_type(s, "LoadBalancer"))
		at_forbid(j, spec, only,
			  "but for a Service of type LoadBalancer");
	else if (at(spec, "loadBalancerClass", &p))
		judge_label_key(j, &p);
}

/* ---- traffic ---- */

static void judge_timeout(struct judge *j, const struct place *p)
{
	judge_range(j, p, 1, AFFINITY_SECONDS_MAX);
}

static void check_affinity(struct judge *j, const struct place *spec)
{
	static const struct field fields[] = {
		{ "timeoutSeconds", judge_timeout, ANY },
	};
	struct place config, client;

	if (strcmp(at_key_text(spec, "sessionAffinity", ""), "ClientIP") ||
	    !at(spec, "sessionAffinityConfig", &config) ||
	    !at(&config, "clientIP", &client))
		return;
	at_fields(j, &client, fields, ARRAY_SIZE(fields));
}

static void check_traffic(struct judge *j, const struct place *spec,
			  const struct service *s)
{
	const char *policy = at_key_text(spec, "externalTrafficPolicy", "");
	bool outside = is_type(s, "NodePort") || is_type(s, "LoadBalancer") ||
		       (is_type(s, "ClusterIP") &&
			at_filled(spec, "externalIPs"));
	struct place p;

	if (*policy && !outside && at(spec, "externalTrafficPolicy", &p))
		at_key_error(j, &p, "value-forbidden", "cannot be set but for "
			     "a Service that is reached from outside: type "
			     "NodePort or LoadBalancer, or with externalIPs");
	if (at_key_int(spec, "healthCheckNodePort", 0) &&
	    at(spec, "healthCheckNodePort", &p)) {
		if (is_type(s, "LoadBalancer") && !strcmp(policy, "Local"))
			judge_port(j, &p);
		else
			at_key_error(j, &p, "value-forbidden", "cannot be set "
				     "but for a Service of type LoadBalancer "
				     "with externalTrafficPolicy: Local");
	}
	if (at(spec, "trafficDistribution", &p))
		JUDGE_WORDS(j, &p, "PreferClose", "PreferSameZone",
			    "PreferSameNode");
}

/* ---- annotations ---- */

static void check_range_list(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);

	if (!s || !s[strspn(s, " \t\n")])
		return;
	for (;;) {
		size_t len = strcspn(s, ","), from = strspn(s, " \t\n");
		size_t end = len;
		char text[128];

		while (end > from && strchr(" \t\n", s[end - 1]))
			end--;
		if (end >= from && end - from < sizeof(text)) {
			memcpy(text, s + from, end - from);
			text[end - from] = '\0';
			if (!is_cidr(text, j->minor))
				at_error(j, p, "value-format", "has '%s', "
					 "which is no network such as "
					 "10.9.8.0/24", text);
		}
		if (!s[len])
			return;
		s += len + 1;
	}
}

static void check_annotations(struct judge *j, const struct place *root,
			      const struct place *spec,
			      const struct service *s)
{
	struct place metadata, annotations, hints, mode, ranges;

	if (!at(root, "metadata", &metadata) ||
	    !at(&metadata, "annotations", &annotations))
		return;
	if (at(&annotations, ANNOTATION_HINTS, &hints) &&
	    at(&annotations, ANNOTATION_MODE, &mode) && at_text(&hints) &&
	    at_text(&mode) && strcmp(at_text(&hints), at_text(&mode)))
		at_error(j, &mode, "value-conflict", "is not what "
			 ANNOTATION_HINTS " says: remove that one");
	if (at_filled(spec, "loadBalancerSourceRanges") ||
	    !at(&annotations, ANNOTATION_RANGES, &ranges))
		return;
	if (!is_type(s, "LoadBalancer"))
		at_key_error(j, &ranges, "value-forbidden", "cannot be set "
			     "but for a Service of type LoadBalancer");
	check_range_list(j, &ranges);
}

/* "" is no default here */
static void judge_internal_policy(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "Cluster", "Local");
}

static void judge_family_policy(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "SingleStack", "PreferDualStack",
		    "RequireDualStack");
}

void judge_service(struct judge *j, const struct place *root)
{
	static const struct field fields[] = {
		{ "internalTrafficPolicy", judge_internal_policy, ANY },
		{ "ipFamilyPolicy", judge_family_policy, ANY },
		{ "selector", judge_labels, ANY },
	};
	struct place spec;
	struct service s;

	if (!at(root, "spec", &spec)) {
		at_missing(j, root, "spec", ": a Service needs ports");
		return;
	}
	s = service_of(&spec);
	at_fields(j, &spec, fields, ARRAY_SIZE(fields));
	check_ports(j, &spec, &s);
	check_external_name(j, &spec, &s);
	check_addresses(j, &spec, &s);
	check_load_balancer(j, &spec, &s);
	check_affinity(j, &spec);
	check_traffic(j, &spec, &s);
	check_annotations(j, root, &spec, &s);
}
