/*
 * SSHSIG: the input as armour, as the blob inside it, as a public key in
 * text and in bytes. A signature over a message that nobody signed must
 * never verify.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/digest.h"
#include "schema/sshsig.h"
#include "t/fuzz/fuzz.h"

/* The corpus signs "a chain\n"; nobody has signed this. */
static const char unsigned_msg[] = "a message that nobody has signed";

static void check_armour(const char *armour, size_t len)
{
	struct err err = ERR_INIT;
	struct sshkey k;
	uint8_t flags;

	if (!sshsig_verify(armour, len, "git", unsigned_msg,
			   sizeof(unsigned_msg), &k, &flags, &err) ||
	    err.class != ERR_DENIED)
		abort();
	if (!sshsig_verify(armour, len, "git", "a chain\n", 8, &k, &flags,
			   &err) &&
	    k.type == SSHKEY_ED25519_SK && !(flags & 1))
		abort();
}

static void check_blob(const uint8_t *blob, size_t len)
{
	struct buf b = BUF_INIT(1 << 20);

	buf_adds(&b, SSHSIG_BEGIN "\n");
	base64_encode(&b, blob, len);
	buf_adds(&b, "\n" SSHSIG_END "\n");
	if (buf_ok(&b))
		check_armour(b.data, b.len);
	buf_release(&b);
}

static void check_key(const uint8_t *data, size_t len)
{
	struct buf text = BUF_INIT(1024), blob = BUF_INIT(1024);
	struct sshkey k, again;
	struct err err = ERR_INIT;

	if (!sshkey_parse_text((const char *)data, len, &k, &err)) {
		sshkey_write_text(&k, &text);
		if (sshkey_parse_text(text.data, text.len, &again, &err) ||
		    !sshkey_equal(&k, &again))
			abort();
	}
	if (!sshkey_parse_blob(data, len, &k, &err)) {
		sshkey_write_blob(&k, &blob);
		if (blob.len != len || memcmp(blob.data, data, len))
			abort();
	}
	buf_release(&text);
	buf_release(&blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_armour((const char *)data, size);
	check_blob(data, size);
	check_key(data, size);
	return 0;
}
