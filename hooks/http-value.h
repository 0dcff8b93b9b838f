/*
 * The two request headers that `serve` understands beyond what the HTTP
 * library does for it. Both come from strangers; what does not follow the
 * grammar is as if it were not there.
 */
#ifndef HOOKS_HTTP_VALUE_H
#define HOOKS_HTTP_VALUE_H

#include <stdbool.h>

/*
 * The seconds of `wait=N` in a Prefer field (RFC 7240): preferences
 * separated by commas, names without regard to case, the value bare or
 * quoted, parameters after ';' ignored. -1 when there is none.
 */
int prefer_wait(const char *field);

/*
 * True if an If-None-Match field (RFC 9110, 13.1.2) names the entity tag:
 * "*", or a list of tags, compared weakly. etag has its quotes.
 */
bool etag_matches(const char *field, const char *etag);

#endif
