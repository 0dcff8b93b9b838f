/*
 * Reading the environment for authorities. See authorities.h. Trusts whoever
 * started the program; whether there are any in what is named is for who
 * reads it to find out.
 */
#include "config.h"
#include "schema/base/authorities.h"

#include <stdlib.h>

static const char *named(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value ? value : NULL;
}

bool authorities_named(struct authorities *ret)
{
	ret->file = named("SSL_CERT_FILE");
	ret->dir = named("SSL_CERT_DIR");
	return ret->file || ret->dir;
}
