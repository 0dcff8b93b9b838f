/*
 * A file of keys at the Git host that a channel's setting names: approvers,
 * developers, reporters. Read anew each time, so that who was taken out counts
 * no more.
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
/*
 * The channel's clusters. ERR_INVALID where it has no list of them, and where
 * one of their keys is `publisher` (NULL: that is not known) or an approver's:
 * a key has one role.
 */
int trust_read_reporters(const struct channel_config *ch,
			 const struct sshkey *publisher, struct trust *ret,
			 struct err *err);
/*
 * Their names alone, each once, sorted, whatever keys they have. ERR_INVALID
 * where there is no list, or nobody on it.
 */
int trust_reporter_names(const struct channel_config *ch, struct strvec *ret,
			 struct err *err);

#endif
