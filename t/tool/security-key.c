/*
 * A security key made in software, as a provider for stock OpenSSH
 * ($SSH_SK_PROVIDER; the interface is that of its sk-api.h, version 10): what
 * ssh-keygen, ssh-agent and git then sign is what a token would have signed
 * whose owner touches it whenever it asks. Ed25519 only. The handle of a key
 * is its secret, so that nothing is kept; the counter stands still.
 */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define API_VERSION 0x000a0000u
#define ALG_ED25519 1u
#define USER_PRESENCE 0x01
#define ERR_GENERAL (-1)
#define ERR_UNSUPPORTED (-2)

/* The layout of these three is OpenSSH's. */
struct sk_enroll_response {
	uint8_t flags;
	uint8_t *public_key;
	size_t public_key_len;
	uint8_t *key_handle;
	size_t key_handle_len;
	uint8_t *signature;
	size_t signature_len;
	uint8_t *attestation_cert;
	size_t attestation_cert_len;
	uint8_t *authdata;
	size_t authdata_len;
};

struct sk_sign_response {
	uint8_t flags;
	uint32_t counter;
	uint8_t *sig_r;
	size_t sig_r_len;
	uint8_t *sig_s;
	size_t sig_s_len;
};

struct sk_option {
	char *name;
	char *value;
	uint8_t required;
};

uint32_t sk_api_version(void);
int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len,
	      const char *application, uint8_t flags, const char *pin,
	      struct sk_option **options, struct sk_enroll_response **ret);
int sk_sign(uint32_t alg, const uint8_t *data, size_t len,
	    const char *application, const uint8_t *handle, size_t handle_len,
	    uint8_t flags, const char *pin, struct sk_option **options,
	    struct sk_sign_response **ret);
int sk_load_resident_keys(const char *pin, struct sk_option **options,
			  void ***ret, size_t *ret_n);

/* The caller frees it by free(); a tool may end for want of memory. */
static void *room(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

uint32_t sk_api_version(void)
{
	return API_VERSION;
}

int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len,
	      const char *application, uint8_t flags, const char *pin,
	      struct sk_option **options, struct sk_enroll_response **ret)
{
	struct sk_enroll_response *r;

	(void)challenge, (void)challenge_len, (void)application, (void)pin;
	(void)options;
	if (alg != ALG_ED25519)
		return ERR_UNSUPPORTED;
	if (sodium_init() < 0)
		return ERR_GENERAL;
	r = room(sizeof(*r));
	r->flags = flags;
	r->public_key_len = crypto_sign_PUBLICKEYBYTES;
	r->public_key = room(r->public_key_len);
	r->key_handle_len = crypto_sign_SECRETKEYBYTES;
	r->key_handle = room(r->key_handle_len);
	crypto_sign_keypair(r->public_key, r->key_handle);
	/* who asks for an attestation gets one that proves nothing */
	r->signature_len = r->attestation_cert_len = r->authdata_len = 1;
	r->signature = room(1);
	r->attestation_cert = room(1);
	r->authdata = room(1);
	*ret = r;
	return 0;
}

/* What a token signs: who asks, what its owner did, how often, and what. */
int sk_sign(uint32_t alg, const uint8_t *data, size_t len,
	    const char *application, const uint8_t *handle, size_t handle_len,
	    uint8_t flags, const char *pin, struct sk_option **options,
	    struct sk_sign_response **ret)
{
	uint8_t text[2 * crypto_hash_sha256_BYTES + 5] = { 0 };
	uint8_t *at = text + crypto_hash_sha256_BYTES;
	struct sk_sign_response *r;

	(void)pin, (void)options;
	if (alg != ALG_ED25519 || handle_len != crypto_sign_SECRETKEYBYTES)
		return ERR_UNSUPPORTED;
	if (sodium_init() < 0)
		return ERR_GENERAL;
	r = room(sizeof(*r));
	r->flags = flags & USER_PRESENCE;
	r->counter = 1;
	crypto_hash_sha256(text, (const uint8_t *)application,
			   strlen(application));
	at[0] = r->flags;
	at[4] = (uint8_t)r->counter;
	crypto_hash_sha256(at + 5, data, len);
	r->sig_r_len = crypto_sign_BYTES;
	r->sig_r = room(r->sig_r_len);
	crypto_sign_detached(r->sig_r, NULL, text, sizeof(text), handle);
	*ret = r;
	return 0;
}

/* It keeps none. */
int sk_load_resident_keys(const char *pin, struct sk_option **options,
			  void ***ret, size_t *ret_n)
{
	(void)pin, (void)options, (void)ret, (void)ret_n;
	return ERR_UNSUPPORTED;
}
