/* Addresses of networks, mail and the web, for str-format.c. */
#ifndef SCHEMA_CRD_STR_NET_H
#define SCHEMA_CRD_STR_NET_H

#include "schema/crd/pattern.h"

/* As net.ParseIP of Go before 1.17: parts may begin with zeros. */
enum pattern_verdict str_ipv4(const char *s, size_t len);
enum pattern_verdict str_ipv6(const char *s, size_t len);
enum pattern_verdict str_cidr(const char *s, size_t len);
/* net.ParseMAC: 6, 8 or 20 bytes */
enum pattern_verdict str_mac(const char *s, size_t len);
/* mail.ParseAddress; unknown for what is not simply a@b. */
enum pattern_verdict str_email(const char *s, size_t len);
/* url.ParseRequestURI; unknown for odd hosts and users. */
enum pattern_verdict str_uri(const char *s, size_t len);

#endif
