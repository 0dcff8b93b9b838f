/*
 * What developers sign: a raw commit, the certificate of a push. Neither may
 * be read past its end, and a certificate that is read has what it says of
 * the push and no more.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "hooks/push-cert.h"
#include "hooks/signed-commit.h"
#include "t/fuzz/fuzz.h"

static void check_commit(const char *raw, size_t len)
{
	const struct trust nobody = TRUST_INIT;
	struct buf who = BUF_INIT(4096);
	struct err err = ERR_INIT;

	/* nobody's key is listed */
	if (!signed_commit_check(raw, len, &nobody, TRUST_ANY_TIME, &err) ||
	    err.class != ERR_DENIED)
		abort();
	signed_commit_describe(raw, len, &who);
	buf_release(&who);
}

static void check_certificate(const char *text, size_t len)
{
	const struct trust nobody = TRUST_INIT;
	char principal[LIMIT_PRINCIPAL_BYTES + 1];
	struct push_cert c = PUSH_CERT_INIT;
	struct err err = ERR_INIT;

	if (push_cert_parse(text, len, &c, &err) < 0) {
		if (err.class != ERR_DENIED || c.updates.n || c.options.n)
			abort();
		return;
	}
	if (!c.updates.n || !c.nonce_len || c.payload >= len ||
	    !push_cert_signer(text, len, &c, &nobody, TRUST_ANY_TIME,
			      principal, &err))
		abort();
	push_cert_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	check_commit(text, size);
	check_certificate(text, size);
	return 0;
}
