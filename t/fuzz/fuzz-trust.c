/*
 * Trust files in each of the three roles. Every key that is read is found
 * again, under a name that may stand in a ref, and a file is for one role.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/trust.h"
#include "t/fuzz/fuzz.h"

static void check_keys(const struct trust *t)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; i < t->n; i++) {
		const struct trust_key *k = &t->v[i];

		if (trust_find(t, &k->key, TRUST_ANY_TIME, &err) != k ||
		    k->valid_before <= k->valid_after || !k->principal[0] ||
		    strpbrk(k->principal, "/ *?!\"'\\~^:[\n"))
			abort();
	}
	if (t->n && !trust_disjoint(t, t, &err))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const roles[] = {
		TRUST_PUBLISHERS, TRUST_APPROVERS, TRUST_REPORTERS,
	};
	int taken = 0;

	for (size_t i = 0; i < 3; i++) {
		struct trust t = TRUST_INIT;
		struct err err = ERR_INIT;

		if (trust_parse((const char *)data, size, roles[i], &t, &err))
			continue;
		taken += t.n > 0;
		check_keys(&t);
		trust_release(&t);
	}
	if (taken > 1)
		abort();
	return 0;
}
