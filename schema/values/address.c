/*
 * IP addresses and networks. See address.h; as apimachinery's
 * util/validation/ip.go reads them, and its wrappers in core/validation.
 */
#include "config.h"
#include "schema/values/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/num.h"

/* From when on leading zeros and IPv4 in IPv6 are refused. */
#define STRICT_MINOR 36

#define ADDRESS_MAX 64

/* ---- reading ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Without the zeros before the numbers of IPv4, as older servers read it. */
static const char *without_zeros(const char *s, char *buf, size_t size)
{
	size_t n = 0;

	for (; *s && n + 1 < size; s++)
		if (*s != '0' || (n && is_digit(buf[n - 1])) || !is_digit(s[1]))
			buf[n++] = *s;
	buf[n] = '\0';
	return buf;
}

int ip_parse(const char *s, unsigned minor, unsigned char raw[16])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	char plain[ADDRESS_MAX];

	if (strlen(s) >= sizeof(plain))
		return 0;
	if (strchr(s, ':')) {
		if (inet_pton(AF_INET6, s, raw) != 1)
			return 0;
		return minor >= STRICT_MINOR && !memcmp(raw, mapped, 12) ?
			0 : AF_INET6;
	}
	if (minor < STRICT_MINOR)
		s = without_zeros(s, plain, sizeof(plain));
	return inet_pton(AF_INET, s, raw) == 1 ? AF_INET : 0;
}

bool is_ip(const char *s, unsigned minor)
{
	unsigned char raw[16];

	return ip_parse(s, minor, raw) != 0;
}

/* The bits of a byte that are behind the prefix. */
static unsigned behind(size_t byte, unsigned bits)
{
	if (bits >= 8 * (byte + 1))
		return 0;
	return bits <= 8 * byte ? 0xff : 0xffu >> (bits - 8 * byte);
}

static bool has_bits_beyond(const struct cidr *c)
{
	for (size_t i = 0; i < (c->family == AF_INET ? 4 : 16); i++)
		if (c->raw[i] & behind(i, c->bits))
			return true;
	return false;
}

bool cidr_parse(const char *s, unsigned minor, struct cidr *ret)
{
	const char *slash = strchr(s, '/');
	char address[ADDRESS_MAX];
	struct cidr c;
	uint64_t bits;

	if (!slash || (size_t)(slash - s) >= sizeof(address))
		return false;
	memcpy(address, s, (size_t)(slash - s));
	address[slash - s] = '\0';
	c.family = ip_parse(address, minor, c.raw);
	slash++;
	if (minor < STRICT_MINOR)
		while (slash[0] == '0' && slash[1])
			slash++;
	if (!c.family || parse_u64(slash, 0, c.family == AF_INET ? 32 : 128,
				   &bits) < 0)
		return false;
	c.bits = (unsigned)bits;
	if (minor >= STRICT_MINOR && has_bits_beyond(&c))
		return false;
	*ret = c;
	return true;
}

bool is_cidr(const char *s, unsigned minor)
{
	struct cidr c;

	return cidr_parse(s, minor, &c);
}

bool cidr_contains(const struct cidr *outer, const struct cidr *inner)
{
	if (outer->family != inner->family || outer->bits >= inner->bits)
		return false;
	for (size_t i = 0; i < (outer->family == AF_INET ? 4 : 16); i++)
		if ((outer->raw[i] ^ inner->raw[i]) & ~behind(i, outer->bits) &
		    0xff)
			return false;
	return true;
}

/* ---- judges ---- */

void judge_ip(struct judge *j, const struct place *p)
{
	const char *s = node_text(p->node);

	if (s && (!at_text(p) || !is_ip(s, j->minor)))
		at_error(j, p, "value-format", "'%s' is no IP address such as "
			 "10.9.8.7 or 2001:db8::1", s);
}

void judge_cidr(struct judge *j, const struct place *p)
{
	const char *s = node_text(p->node);

	if (s && (!at_text(p) || !is_cidr(s, j->minor)))
		at_error(j, p, "value-format", "'%s' is no network such as "
			 "10.9.8.0/24 or 2001:db8::/64, all bits behind the "
			 "prefix being 0", s);
}

/* What an address is for, if not to be reached at; NULL if it is. */
static const char *special_use(int family, const unsigned char *raw)
{
	static const unsigned char zero[16];

	if (!memcmp(raw, zero, family == AF_INET ? 4 : 16))
		return "is unspecified";
	if (family == AF_INET ? raw[0] == 127 :
	    !memcmp(raw, zero, 15) && raw[15] == 1)
		return "is a loopback address";
	if (family == AF_INET ? raw[0] == 169 && raw[1] == 254 :
	    raw[0] == 0xfe && (raw[1] & 0xc0) == 0x80)
		return "is a link-local address";
	if (family == AF_INET ? raw[0] == 224 && !raw[1] && !raw[2] :
	    raw[0] == 0xff && (raw[1] & 0x0f) == 0x02)
		return "is a link-local multicast address";
	return NULL;
}

void judge_endpoint_ip(struct judge *j, const struct place *p)
{
	const char *s = at_text(p), *use;
	unsigned char raw[16];
	int family = s ? ip_parse(s, j->minor, raw) : 0;

	judge_ip(j, p);
	use = family ? special_use(family, raw) : NULL;
	if (use)
		at_error(j, p, "value-range", "'%s' %s: nothing can be reached "
			 "at it from elsewhere", s, use);
}

/* IPv4 at the end of IPv6: here Go writes hexadecimal and libc does not. */
static bool is_compatible(int family, const unsigned char *raw)
{
	static const unsigned char zero[12];

	return family == AF_INET6 && !memcmp(raw, zero, sizeof(zero));
}

void judge_canonical_ip(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);
	char text[ADDRESS_MAX];
	unsigned char raw[16];
	int family = s ? ip_parse(s, STRICT_MINOR, raw) : 0;

	if (!family) {
		judge_ip(j, p);
		return;
	}
	inet_ntop(family, raw, text, sizeof(text));
	if (!is_compatible(family, raw) && strcmp(text, s))
		at_error(j, p, "value-format", "must be written as '%s', not "
			 "'%s'", text, s);
}

void judge_canonical_cidr(struct judge *j, const struct place *p)
{
	const char *s = at_text(p);
	char text[ADDRESS_MAX];
	struct cidr c;
	size_t n;

	if (!s || !cidr_parse(s, STRICT_MINOR, &c)) {
		judge_cidr(j, p);
		return;
	}
	inet_ntop(c.family, c.raw, text, sizeof(text));
	n = strlen(text);
	snprintf(text + n, sizeof(text) - n, "/%u", c.bits);
	if (!is_compatible(c.family, c.raw) && strcmp(text, s))
		at_error(j, p, "value-format", "must be written as '%s', not "
			 "'%s'", text, s);
}
