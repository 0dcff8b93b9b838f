/*
 * The certificate authorities that the environment names in place of the
 * system's: SSL_CERT_FILE and SSL_CERT_DIR, as OpenSSL's own programs, Go's
 * and curl(1) have them; libcurl does not look. A setting of a request's own
 * comes before them.
 */
#ifndef SCHEMA_BASE_AUTHORITIES_H
#define SCHEMA_BASE_AUTHORITIES_H

#include <stdbool.h>

struct authorities {
	const char *file, *dir;		/* of the environment; NULL: none */
};

/* False where it names neither, and the system's count. */
bool authorities_named(struct authorities *ret);

#endif
