/*
 * Who we are to a registry: a user and a password out of a file in the form
 * of Docker's config.json ({"auths": {"HOST": {"auth": BASE64}}}).
 */
#ifndef HOOKS_REGISTRY_LOGIN_H
#define HOOKS_REGISTRY_LOGIN_H

#include <stdbool.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"

/* of a password, or a token that stands for one */
#define LIMIT_LOGIN_BYTES 8192

/*
 * Appends "user:password" for the host ("registry.example.org:5000"); nothing
 * where the file has none for it. The file must be closed to others
 * (keyfile_open). ERR_INVALID quotes nothing of it.
 */
int registry_login_read(const char *path, const char *host, struct buf *ret,
			struct err *err);

struct challenge {
	bool bearer;		/* else Basic */
	char realm[512], service[256];
};

/*
 * Reads the value of a WWW-Authenticate header. False for what is neither
 * Bearer with a realm nor Basic.
 */
bool registry_challenge_parse(const char *s, struct challenge *ret);

#endif
