/*
 * Guarded memory by libsodium. See secret.h.
 */
#include "config.h"
#include "schema/base/secret.h"

#include <sodium.h>
#include <string.h>

#include "schema/base/mem.h"

char *secret_strndup(const char *s, size_t len)
{
	char *copy;

	if (sodium_init() < 0)
		BUG("libsodium does not start");
	copy = sodium_malloc(len + 1);
	if (!copy)
		BUG("out of memory for a secret");
	memcpy(copy, s, len);
	copy[len] = '\0';
	sodium_mprotect_readonly(copy);
	return copy;
}

void secret_free(char *secret)
{
	sodium_free(secret);
}
