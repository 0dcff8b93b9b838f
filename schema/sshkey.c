/*
 * Public keys in OpenSSH's forms. See sshkey.h. A key comes from a trust
 * file that somebody edited or from a signature that anybody made, so
 * nothing about it is trusted. Refused are other key types, and points with
 * which a signature means nothing: those of small order (they verify any
 * message), those outside the main subgroup and those with two encodings.
 */
#include "config.h"
#include "schema/sshkey.h"

#include <sodium.h>
#include <string.h>

#include "schema/base/digest.h"
#include "schema/base/mem.h"
#include "schema/sshwire.h"

/* an SK blob: 4 + 26, 4 + 32, 4 + 63 */
#define BLOB_BYTES 160
#define BLOB_TEXT_BYTES 216

static const char *const type_names[] = {
	[SSHKEY_ED25519] = "ssh-ed25519",
	[SSHKEY_ED25519_SK] = "sk-ssh-ed25519@openssh.com",
};

const char *sshkey_type_name(enum sshkey_type type)
{
	return type_names[type];
}

bool sshkey_equal(const struct sshkey *a, const struct sshkey *b)
{
	return a->type == b->type && !memcmp(a->pk, b->pk, sizeof(a->pk)) &&
		!strcmp(a->application, b->application);
}

static int type_of(const struct sshr *name, enum sshkey_type *ret,
		   struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(type_names); i++)
		if (sshr_is(name, type_names[i])) {
			*ret = (enum sshkey_type)i;
			return 0;
		}
	return err_set(err, ERR_DENIED, "key type '%.*s' is not taken: only "
		       "ssh-ed25519 and sk-ssh-ed25519@openssh.com are",
		       name->len < 60 ? (int)name->len : 60,
		       (const char *)name->p);
}

/* The FIDO application, "ssh:" by default: printable, short. */
static int read_application(struct sshr *r, struct sshkey *k,
			    struct err *err)
{
	struct sshr s = sshr_string(r);

	if (s.bad || !s.len || s.len >= sizeof(k->application))
		return err_set(err, ERR_DENIED, "key has no application of 1 "
			       "to %zu bytes", sizeof(k->application) - 1);
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return err_set(err, ERR_DENIED, "key has an "
				       "application that is not plain ASCII");
	memcpy(k->application, s.p, s.len);
	return 0;
}

int sshkey_parse_blob(const uint8_t *blob, size_t len, struct sshkey *ret,
		      struct err *err)
{
	struct sshr r = SSHR_INIT(blob, len), name = sshr_string(&r);
	struct sshkey k = { 0 };
	const uint8_t *pk;

	if (name.bad)
		return err_set(err, ERR_DENIED, "key is cut short");
	if (type_of(&name, &k.type, err) < 0)
		return -1;
	pk = sshr_fixed(&r, sizeof(k.pk));
	if (!pk)
		return err_set(err, ERR_DENIED, "key is not %zu bytes long",
			       sizeof(k.pk));
	memcpy(k.pk, pk, sizeof(k.pk));
	if (k.type == SSHKEY_ED25519_SK && read_application(&r, &k, err) < 0)
		return -1;
	if (!sshr_done(&r))
		return err_set(err, ERR_DENIED, "key has bytes after its end");
	if (!crypto_core_ed25519_is_valid_point(k.pk))
		return err_set(err, ERR_DENIED, "key is weak or malformed: "
			       "make a new one with ssh-keygen");
	*ret = k;
	return 0;
}

void sshkey_write_blob(const struct sshkey *k, struct buf *out)
{
	sshw_text(out, type_names[k->type]);
	sshw_string(out, k->pk, sizeof(k->pk));
	if (k->type == SSHKEY_ED25519_SK)
		sshw_text(out, k->application);
}

int sshkey_parse_text(const char *text, size_t len, struct sshkey *ret,
		      struct err *err)
{
	struct buf blob = BUF_INIT(BLOB_BYTES);
	const char *b64, *end;
	struct sshr name = { 0 };
	enum sshkey_type type;
	struct sshkey k;
	int rc = -1;

	if (len && text[len - 1] == '\n')
		len--;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return err_set(err, ERR_DENIED,
				       "key holds a control byte");
	b64 = memchr(text, ' ', len);
	name.p = (const uint8_t *)text;
	name.len = b64 ? (size_t)(b64 - text) : len;
	if (type_of(&name, &type, err) < 0)
		return -1;
	len -= name.len + (b64 != NULL);
	b64 = b64 ? b64 + 1 : text + name.len;
	end = memchr(b64, ' ', len);
	len = end ? (size_t)(end - b64) : len;
	if (!len || len > BLOB_TEXT_BYTES ||
	    base64_decode(&blob, b64, len) < 0)
		err_set(err, ERR_DENIED, "key is not in base64 after its type");
	else if (!sshkey_parse_blob((uint8_t *)blob.data, blob.len, &k, err))
		rc = k.type == type ? 0 :
			err_set(err, ERR_DENIED, "key is not of the type that "
				"is written before it");
	if (!rc)
		*ret = k;
	buf_release(&blob);
	return rc;
}

void sshkey_write_text(const struct sshkey *k, struct buf *out)
{
	struct buf blob = BUF_INIT(BLOB_BYTES);

	sshkey_write_blob(k, &blob);
	buf_addf(out, "%s ", type_names[k->type]);
	base64_encode(out, blob.data, blob.len);
	buf_release(&blob);
}

void sshkey_fingerprint(const struct sshkey *k, struct buf *out)
{
	struct buf blob = BUF_INIT(BLOB_BYTES), b64 = BUF_INIT(64);
	struct sha256 d;

	sshkey_write_blob(k, &blob);
	sha256_of(blob.data, blob.len, &d);
	base64_encode(&b64, d.b, sizeof(d.b));
	while (b64.len && b64.data[b64.len - 1] == '=')
		buf_truncate(&b64, b64.len - 1);
	buf_addf(out, "SHA256:%s", b64.data);
	buf_release(&b64);
	buf_release(&blob);
}
