/*
 * The certificate of `serve`, which is renewed while it runs: other files
 * under the same names are taken for the connections that begin after that.
 * Files that are wrong change nothing.
 */
#ifndef HOOKS_TLS_H
#define HOOKS_TLS_H

#include <gnutls/abstract.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/err.h"

struct tls;

/*
 * Reads a certificate chain and its key, both PEM, the server's own
 * certificate first. ERR_INVALID if they are not that, do not belong
 * together, or the key is encrypted. The names are kept, not copied. One at
 * a time in a process: the TLS library hands tls_retrieve nothing of ours.
 */
int tls_open(const char *cert, const char *key, struct tls **ret,
	     struct err *err);
/*
 * Looks whether the files are others than when it last looked, and takes
 * them if they are good: *ret_renewed. -1 if they are not; asked again,
 * without another change, it says nothing more of it.
 */
int tls_renew(struct tls *t, bool *ret_renewed, struct err *err);
/* When the certificate in use expires, seconds. */
int64_t tls_expires(const struct tls *t);
/* For the TLS library: the chain and the key of a connection that begins. */
gnutls_certificate_retrieve_function2 tls_retrieve;
/* When no connection is left. */
void tls_free(struct tls *t);

#endif
