/*
 * Kubernetes' IP addresses and CIDRs, by the grammar of Go's net/netip: no
 * leading zeros, no zones, and no IPv4 inside of IPv6.
 */
#include "config.h"
#include "schema/cel/function.h"

#include <arpa/inet.h>
#include <string.h>

#include "schema/base/num.h"

struct cel_net {
	unsigned bytes;		/* 4 or 16 */
	uint8_t a[16];
	unsigned bits;		/* of a CIDR */
};

/* ---- reading ---- */

static bool read_address(const char *s, size_t len, struct cel_net *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];

	*ret = (struct cel_net){ 0 };
	if (!len || len >= sizeof(text) || memchr(s, '\0', len))
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	if (inet_pton(AF_INET, text, ret->a) == 1) {
		ret->bytes = 4;
		return true;
	}
	ret->bytes = 16;
	return inet_pton(AF_INET6, text, ret->a) == 1 &&
	       memcmp(ret->a, mapped, sizeof(mapped)) != 0;
}

static bool read_prefix(const char *s, size_t len, struct cel_net *ret)
{
	const char *slash = memrchr(s, '/', len);
	uint64_t bits;

	if (!slash || !read_address(s, (size_t)(slash - s), ret) ||
	    parse_u64n(slash + 1, len - (size_t)(slash + 1 - s), 0,
		       ret->bytes * 8, &bits) < 0)
		return false;
	ret->bits = (unsigned)bits;
	return true;
}

static struct cel_value net_value(struct cel_run *r, enum cel_tag tag,
				  const struct cel_net *net)
{
	struct cel_net *copy = cel_room(r, sizeof(*copy));

	if (!copy)
		return cel_too_much();
	*copy = *net;
	return (struct cel_value){ .tag = (uint8_t)tag, .net = copy };
}

static struct cel_value bad_address(void)
{
	return cel_error("IP Address parse error during conversion from "
			 "string");
}

static struct cel_value bad_prefix(void)
{
	return cel_error("network address parse error during conversion from "
			 "string");
}

static struct cel_value ip(struct cel_run *r,
			   const struct cel_value *args, size_t n)
{
	struct cel_net net;

	(void)n;
	return read_address(args[0].str, args[0].n, &net) ?
	       net_value(r, VAL_IP, &net) : bad_address();
}

static struct cel_value cidr(struct cel_run *r,
			     const struct cel_value *args, size_t n)
{
	struct cel_net net;

	(void)n;
	return read_prefix(args[0].str, args[0].n, &net) ?
	       net_value(r, VAL_CIDR, &net) : bad_prefix();
}

static struct cel_value is_ip(struct cel_run *r,
			      const struct cel_value *args, size_t n)
{
	struct cel_net net;

	(void)r;
	(void)n;
	return cel_bool(read_address(args[0].str, args[0].n, &net));
}

static struct cel_value is_cidr(struct cel_run *r,
				const struct cel_value *args, size_t n)
{
	struct cel_net net;

	(void)r;
	(void)n;
	return cel_bool(read_prefix(args[0].str, args[0].n, &net));
}

bool cel_net_same(const struct cel_net *a, const struct cel_net *b)
{
	return a->bytes == b->bytes && a->bits == b->bits &&
	       !memcmp(a->a, b->a, a->bytes);
}

/* ---- writing ---- */

static unsigned group(const struct cel_net *net, int i)
{
	return (unsigned)net->a[2 * i] << 8 | net->a[2 * i + 1];
}

/* The longest run of two or more zero groups, the first one of its length. */
static void longest_zeros(const struct cel_net *net, int *ret_from,
			  int *ret_to)
{
	*ret_from = *ret_to = -1;
	for (int i = 0, j; i < 8; i = j + 1) {
		for (j = i; j < 8 && !group(net, j); )
			j++;
		if (j - i >= 2 && j - i > *ret_to - *ret_from) {
			*ret_from = i;
			*ret_to = j;
		}
	}
}

static void add_address(const struct cel_net *net, struct buf *out)
{
	int from, to;

	if (net->bytes == 4) {
		buf_addf(out, "%u.%u.%u.%u", net->a[0], net->a[1], net->a[2],
			 net->a[3]);
		return;
	}
	longest_zeros(net, &from, &to);
	for (int i = 0; i < 8; i++) {
		if (i == from) {
			buf_adds(out, "::");
			i = to;
			if (i >= 8)
				break;
		} else if (i) {
			buf_addc(out, ':');
		}
		buf_addf(out, "%x", group(net, i));
	}
}

static struct cel_value to_string(struct cel_run *r,
				  const struct cel_value *args, size_t n)
{
	struct buf b = BUF_INIT(INET6_ADDRSTRLEN + 8);
	struct cel_value v;

	(void)n;
	add_address(args[0].net, &b);
	if (args[0].tag == VAL_CIDR)
		buf_addf(&b, "/%u", args[0].net->bits);
	v = cel_text_of(r, &b);
	buf_release(&b);
	return v;
}

static struct cel_value is_canonical(struct cel_run *r,
				     const struct cel_value *args, size_t n)
{
	struct buf b = BUF_INIT(INET6_ADDRSTRLEN);
	struct cel_net net;
	bool same;

	(void)r;
	(void)n;
	if (!read_address(args[0].str, args[0].n, &net))
		return bad_address();
	add_address(&net, &b);
	same = b.len == args[0].n && !memcmp(b.data, args[0].str, b.len);
	buf_release(&b);
	return cel_bool(same);
}

/* ---- addresses ---- */

static bool all_zero(const struct cel_net *net, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		if (net->a[i])
			return false;
	return true;
}

static bool unspecified(const struct cel_net *net)
{
	return all_zero(net, net->bytes);
}

static bool loopback(const struct cel_net *net)
{
	return net->bytes == 4 ? net->a[0] == 127 :
	       all_zero(net, 15) && net->a[15] == 1;
}

static bool multicast(const struct cel_net *net)
{
	return net->bytes == 4 ? (net->a[0] & 0xf0) == 0xe0 :
	       net->a[0] == 0xff;
}

static bool local_multicast(const struct cel_net *net)
{
	return net->bytes == 4 ? net->a[0] == 224 && !net->a[1] &&
	       !net->a[2] : net->a[0] == 0xff && (net->a[1] & 0xf) == 2;
}

static bool local_unicast(const struct cel_net *net)
{
	return net->bytes == 4 ? net->a[0] == 169 && net->a[1] == 254 :
	       net->a[0] == 0xfe && (net->a[1] & 0xc0) == 0x80;
}

static bool global_unicast(const struct cel_net *net)
{
	static const uint8_t broadcast[4] = { 255, 255, 255, 255 };

	return !unspecified(net) && !loopback(net) && !multicast(net) &&
	       !local_unicast(net) &&
	       (net->bytes == 16 || memcmp(net->a, broadcast, 4) != 0);
}

static struct cel_value family(struct cel_run *r,
			       const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return cel_int(args[0].net->bytes == 4 ? 4 : 6);
}

static struct cel_value is_kind(struct cel_run *r,
				const struct cel_value *args, size_t n)
{
	static const struct {
		const char *name;
		bool (*is)(const struct cel_net *net);
	} kinds[] = {
		{ "isUnspecified", unspecified },
		{ "isLoopback", loopback },
		{ "isLinkLocalMulticast", local_multicast },
		{ "isLinkLocalUnicast", local_unicast },
	};

	(void)n;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, cel_call_name(r)))
			return cel_bool(kinds[i].is(args[0].net));
	return cel_bool(global_unicast(args[0].net));
}

/* ---- prefixes ---- */

static void mask(struct cel_net *net)
{
	for (unsigned i = 0; i < net->bytes; i++) {
		unsigned keep = net->bits > i * 8 ? net->bits - i * 8 : 0;

		if (keep < 8)
			net->a[i] &= (uint8_t)(0xff00 >> keep);
	}
}

/* Are the first `bits` of both the same? */
static bool same_prefix(const struct cel_net *a, const struct cel_net *b,
			unsigned bits)
{
	struct cel_net x = *a, y = *b;

	x.bits = y.bits = bits;
	mask(&x);
	mask(&y);
	return cel_net_same(&x, &y);
}

static struct cel_value contains_ip(struct cel_run *r,
				    const struct cel_value *args, size_t n)
{
	const struct cel_net *of = args[0].net;
	struct cel_net net;

	(void)r;
	(void)n;
	if (args[1].tag == VAL_IP)
		net = *args[1].net;
	else if (!read_address(args[1].str, args[1].n, &net))
		return bad_address();
	return cel_bool(of->bytes == net.bytes &&
			same_prefix(of, &net, of->bits));
}

static struct cel_value contains_cidr(struct cel_run *r,
				      const struct cel_value *args, size_t n)
{
	const struct cel_net *of = args[0].net;
	struct cel_net net;

	(void)r;
	(void)n;
	if (args[1].tag == VAL_CIDR)
		net = *args[1].net;
	else if (!read_prefix(args[1].str, args[1].n, &net))
		return bad_prefix();
	return cel_bool(of->bytes == net.bytes && of->bits <= net.bits &&
			same_prefix(of, &net, of->bits));
}

static struct cel_value cidr_ip(struct cel_run *r,
				const struct cel_value *args, size_t n)
{
	struct cel_net net = *args[0].net;

	(void)n;
	net.bits = 0;
	return net_value(r, VAL_IP, &net);
}

static struct cel_value masked(struct cel_run *r,
			       const struct cel_value *args, size_t n)
{
	struct cel_net net = *args[0].net;

	(void)n;
	mask(&net);
	return net_value(r, VAL_CIDR, &net);
}

static struct cel_value prefix_length(struct cel_run *r,
				      const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return cel_int(args[0].net->bits);
}

const struct cel_function cel_net_functions[] = {
	{ "ip", false, "s", ip },
	{ "isIP", false, "s", is_ip },
	{ "ip.isCanonical", false, "s", is_canonical },
	{ "string", false, "I", to_string },
	{ "family", true, "I", family },
	{ "isUnspecified", true, "I", is_kind },
	{ "isLoopback", true, "I", is_kind },
	{ "isLinkLocalMulticast", true, "I", is_kind },
	{ "isLinkLocalUnicast", true, "I", is_kind },
	{ "isGlobalUnicast", true, "I", is_kind },
	{ "cidr", false, "s", cidr },
	{ "isCIDR", false, "s", is_cidr },
	{ "string", false, "C", to_string },
	{ "containsIP", true, "Cs", contains_ip },
	{ "containsIP", true, "CI", contains_ip },
	{ "containsCIDR", true, "Cs", contains_cidr },
	{ "containsCIDR", true, "CC", contains_cidr },
	{ "ip", true, "C", cidr_ip },
	{ "prefixLength", true, "C", prefix_length },
	{ "masked", true, "C", masked },
	{ 0 },
};
