/*
 * How to reach the API server and as whom: from a kubeconfig or from the
 * service account of our own pod (kubernetes.md section 7).
 *
 * Secrets (keys, tokens, a proxy's password) live in guarded memory, are wiped on
 * release and appear in no message. What changes on disk while we run (a
 * rotated token or certificate) is noticed by the functions at the end.
 */
#ifndef ENGINE_KUBE_CONFIG_H
#define ENGINE_KUBE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "engine/http.h"
#include "schema/base/err.h"
#include "schema/base/strvec.h"

struct kube_credential;
struct kube_exec;

struct kube_config {
	char *source;		/* for messages: a path, or "in-cluster" */
	char *server;		/* "https://10.0.0.1:443", no slash behind */
	char *namespace;	/* the context's, or our pod's; never NULL */
	struct http_peer peer;	/* points at what follows */

	char *ca_file, *ca_pem, *cert_file, *cert_pem, *key_file;
	char *key_pem;		/* secret */
	char *server_name;
	char *proxy;		/* may hold a password: secret */

	char *token_file;	/* the token is re-read from here */
	char *token;		/* secret; NULL: no token */
	int64_t token_read;	/* clock_mono_ms() */

	struct kube_exec *exec;	/* the user's plugin, or NULL */
	int64_t expires;	/* of what it gave, Unix seconds; 0: not said */
	int64_t renew;		/* ask it again from here on */

	/* a kubeconfig's as, as-uid, as-groups, as-user-extra */
	char *as_user, *as_uid;
	struct strvec as_groups, as_extra;	/* "key=value", value as is */

	struct timespec cert_changed, key_changed, ca_changed;
	int64_t files_seen;	/* clock_mono_ms() */
};

struct kube_config_options {
	const char *path;	/* of --kubeconfig; NULL: see below */
	const char *context;	/* NULL: the current one */
};

/*
 * --kubeconfig, else the list in $KUBECONFIG, else the service account if
 * KUBERNETES_SERVICE_HOST is set, else ~/.kube/config. In a list the first
 * file that defines a name wins, and files that do not exist are skipped.
 * Relative paths are relative to their own file; *-data beats a file;
 * tokenFile beats token. The service account is read from
 * $WINDLASS_SERVICE_ACCOUNT_DIR, if set (for tests), else from
 * /var/run/secrets/kubernetes.io/serviceaccount.
 *
 * ERR_INVALID naming the file and what is wrong. Refused:
 * auth-provider (client-go has dropped it), a user name and password and
 * nothing else (API servers have dropped it), http:// with credentials to
 * another machine, certificates or keys that are no PEM.
 *
 * A user with an exec plugin and without a token: the plugin
 * is run, and waited for. ERR_DENIED if it gives nothing.
 */
int kube_config_load(const struct kube_config_options *o,
		     struct kube_config **ret, struct err *err);
void kube_config_free(struct kube_config *c);

/*
 * Reads the token's file again if that was more than a minute ago, or at
 * once with `now`. A file that cannot be read keeps the old token. True if
 * the token is another one than before.
 */
bool kube_config_refresh_token(struct kube_config *c, bool now);
/*
 * Looks at the certificate files if that was more than five minutes ago;
 * with `soon`, more than a second. True if one was replaced: connections are
 * to be made anew.
 */
bool kube_config_files_changed(struct kube_config *c, bool soon);

/* It is time to ask the exec plugin again. */
bool kube_config_exec_due(const struct kube_config *c);
/* What the plugin gave now counts; new is emptied. True if the certificate
 * is another one: connections are to be made anew. */
bool kube_config_take(struct kube_config *c, struct kube_credential *new);

#endif
