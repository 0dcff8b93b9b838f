/*
 * One value of the configuration: check it, bring it into its one form, and
 * keep it. Each replaces what the target held. ERR_INVALID says what the
 * value must be; the caller names the key and quotes the value.
 */
#ifndef HOOKS_CONFIG_VALUE_H
#define HOOKS_CONFIG_VALUE_H

#include <stdbool.h>

#include "schema/base/err.h"
#include "schema/base/strvec.h"
#include "schema/openapi.h"

#define KUBERNETES_DEFAULT OPENAPI_NEWEST

/* "Name <mail>" that a commit's committer line can hold. */
#define LIMIT_IDENTITY_BYTES 255

/* A full ref name that a channel may follow: none of windlass' own. */
int value_ref(const char *v, char **ret, struct err *err);
/* Refuses a list in which one path lies inside another. */
int value_paths_apart(const struct strvec *paths, struct err *err);
/*
 * A path on this host, absolute afterwards; ~ is the home folder, a relative
 * one begins at `base`, or is refused where that is NULL.
 */
int value_host_path(const char *v, const char *base, char **ret,
		    struct err *err);
/* A host path, or key::<public key>. */
int value_signing_key(const char *v, char **ret, struct err *err);
/* "true", "yes", "on", 1 and their opposites, as git has it. */
int value_bool(const char *v, bool *ret, struct err *err);
/* "1.36" */
int value_kubernetes(const char *v, char **ret, struct err *err);
/* "Name <mail>" */
int value_identity(const char *v, char **ret, struct err *err);
/* "windlass <prod@HOSTNAME>", malloced. */
char *value_default_identity(const char *channel);
/* "localhost", "127.0.0.1:5000": this machine, as libcurl has it, which asks
 * no resolver for any of these. */
bool value_is_loopback(const char *host, size_t len);
/* By TLS, or to this machine. */
bool value_is_safe_url(const char *url);
/* Edit distance without regard to case, of names below 64 bytes. */
size_t value_distance(const char *a, const char *b);

#endif
