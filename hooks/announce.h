/*
 * The published head of a channel: <publish>/<channel>/head.
 */
#ifndef HOOKS_ANNOUNCE_H
#define HOOKS_ANNOUNCE_H

#include "hooks/host-config.h"
#include "schema/head.h"
#include "schema/sshkey.h"

/*
 * Reads it and verifies its signature: *ret_key made it (NULL: whoever).
 * 0, 1 if there is none, -1 with ERR_DENIED if it is not a good head of this
 * channel and id.
 */
int announce_read(const struct host_config *host,
		  const struct channel_config *ch, struct head *ret,
		  struct sshkey *ret_key, struct err *err);
/* The same, and its bytes: data has room for LIMIT_HEAD_BYTES. */
int announce_load(const struct host_config *host,
		  const struct channel_config *ch, struct buf *data,
		  struct head *ret, struct sshkey *ret_key, struct err *err);
/* The same of bytes that came from elsewhere. */
int announce_verify(const char *data, size_t len,
		    const struct channel_config *ch, struct head *ret,
		    struct sshkey *ret_key, struct err *err);
/* Signs it and puts it in place of the one before, durably. */
int announce_write(const struct host_config *host,
		   const struct channel_config *ch, struct signer *signer,
		   const struct head *h, struct err *err);

#endif
