/*
 * A client of ssh-agent (RFC 9987) that knows one request: sign.
 */
#ifndef SCHEMA_AGENT_H
#define SCHEMA_AGENT_H

#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/sshkey.h"

/*
 * Asks the agent at a Unix socket to sign data with the key and appends the
 * inner signature blob that it answers with. For SK keys data is what it is
 * for others, never a hash: the agent hashes, and asks for the touch. What
 * comes back is bounded in time (LIMIT_AGENT_MS for all of it) and size, and
 * otherwise unverified: the caller must check the signature.
 */
int agent_sign(const char *socket_path, const struct sshkey *key,
	       const void *data, size_t len, struct buf *ret_inner,
	       struct err *err);

#endif
