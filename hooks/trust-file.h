/*
 * A file of keys at the Git host that a channel's setting names: approvers,
 * developers. Read anew each time, so that who was taken out counts no more.
 */
#ifndef HOOKS_TRUST_FILE_H
#define HOOKS_TRUST_FILE_H

#include "hooks/host-config.h"
#include "schema/trust.h"

/*
 * Reads it; the keys are those of namespace "git". `key` is the setting's
 * name, for errors. ERR_INVALID where the file cannot be read or one line of
 * it is bad.
 */
int trust_file_read(const struct channel_config *ch, const char *key,
		    const char *path, struct trust *ret, struct err *err);

#endif
