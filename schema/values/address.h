/*
 * IP addresses and networks, as Kubernetes 1.<minor> reads them: from 1.36 on
 * without leading zeros, IPv4 in IPv6, and bits behind a network's prefix.
 */
#ifndef SCHEMA_VALUES_ADDRESS_H
#define SCHEMA_VALUES_ADDRESS_H

#include "schema/values/at.h"

struct cidr {
	int family;		/* AF_INET, AF_INET6 */
	unsigned char raw[16];
	unsigned bits;
};

/* AF_INET, AF_INET6, or 0 if it is none; *raw has the bytes. */
int ip_parse(const char *s, unsigned minor, unsigned char raw[16]);
bool is_ip(const char *s, unsigned minor);
bool cidr_parse(const char *s, unsigned minor, struct cidr *ret);
bool is_cidr(const char *s, unsigned minor);
/* Everything in `inner`, and more. */
bool cidr_contains(const struct cidr *outer, const struct cidr *inner);

/* ---- judges: value-format ---- */

judge_fn judge_ip;
judge_fn judge_cidr;
/* One that somebody else can be reached at: not 0.0.0.0, loopback or
 * link-local. */
judge_fn judge_endpoint_ip;
/* The one way to write it, as newer fields want it. */
judge_fn judge_canonical_ip;
judge_fn judge_canonical_cidr;

#endif
