/*
 * Who can sign: a key file or an ssh-agent. See sshkey.h. What was signed is
 * verified before anybody sees it, with the code that the other side uses:
 * an agent may lie, and a fault in one signature would give a key away.
 */
#include "config.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/agent.h"
#include "schema/base/mem.h"
#include "schema/keyfile.h"
#include "schema/limits.h"
#include "schema/sshkey.h"
#include "schema/sshsig.h"
#include "schema/sshwire.h"

#define AGENT_PREFIX "key::"

struct signer {
	struct sshkey key;
	uint8_t *secret;	/* guarded; NULL when the agent has it */
	char *agent;		/* its socket */
};

static int open_agent(const char *text, struct signer *s, struct err *err)
{
	const char *path = getenv("SSH_AUTH_SOCK");

	if (sshkey_parse_text(text, strlen(text), &s->key, err) < 0) {
		err->class = ERR_INVALID;
		return err_wrap(err, "'" AGENT_PREFIX "%.60s'", text);
	}
	if (!path || !*path)
		return err_set(err, ERR_INVALID, "the key is in ssh-agent but "
			       "SSH_AUTH_SOCK is not set: start ssh-agent, or "
			       "name a key file");
	s->agent = xstrdup(path);
	return 0;
}

int signer_open(const char *spec, struct signer **ret, struct err *err)
{
	struct signer *s = xcalloc(1, sizeof(*s));
	const size_t n = strlen(AGENT_PREFIX);
	int rc;

	if (sodium_init() < 0)
		rc = err_set(err, ERR_INTERNAL, "libsodium does not start");
	else if (!strncmp(spec, AGENT_PREFIX, n))
		rc = open_agent(spec + n, s, err);
	else
		rc = keyfile_read(spec, &s->key, &s->secret, err);
	if (rc) {
		signer_free(s);
		return -1;
	}
	*ret = s;
	return 0;
}

int signer_check(const char *spec, struct err *err)
{
	struct err why = ERR_INIT;
	int fd;

	if (!strncmp(spec, AGENT_PREFIX, strlen(AGENT_PREFIX)))
		return 0;
	if (keyfile_open(spec, "key file", &fd, &why) == 0) {
		close(fd);
		return 0;
	}
	/* what a system call says is of the moment */
	if (why.sys)
		return 0;
	*err = why;
	return -1;
}

int signer_from_text(const char *text, size_t len, struct signer **ret,
		     struct err *err)
{
	struct signer *s = xcalloc(1, sizeof(*s));

	if (keyfile_parse(text, len, &s->key, &s->secret, err) < 0) {
		signer_free(s);
		return -1;
	}
	*ret = s;
	return 0;
}

const struct sshkey *signer_key(const struct signer *s)
{
	return &s->key;
}

void signer_free(struct signer *s)
{
	if (!s)
		return;
	sodium_free(s->secret);
	free(s->agent);
	free(s);
}

/* The inner signature: type and 64 bytes, for SK also flags and counter. */
static int make_inner(struct signer *s, const struct buf *pre,
		      struct buf *ret_inner, struct err *err)
{
	uint8_t sig[crypto_sign_BYTES];

	if (!s->secret)
		return agent_sign(s->agent, &s->key, pre->data, pre->len,
				  ret_inner, err);
	crypto_sign_detached(sig, NULL, (uint8_t *)pre->data, pre->len,
			     s->secret);
	sshw_text(ret_inner, sshkey_type_name(s->key.type));
	sshw_string(ret_inner, sig, sizeof(sig));
	return 0;
}

static int verify_own(struct signer *s, const struct buf *armour,
		      const char *namespace, const void *msg, size_t len,
		      struct err *err)
{
	struct sshkey by;

	if (sshsig_verify(armour->data, armour->len, namespace, msg, len, &by,
			  NULL, err) < 0)
		return err_wrap(err, s->secret ? "own signature" :
				"ssh-agent's answer");
	if (!sshkey_equal(&by, &s->key))
		return err_set(err, ERR_DENIED, "ssh-agent signed with "
			       "another key");
	return 0;
}

int signer_sign(struct signer *s, const char *namespace, const void *msg,
		size_t len, struct buf *ret_armour, struct err *err)
{
	struct buf pre = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct buf inner = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct buf armour = BUF_INIT(LIMIT_ARMOUR_BYTES);
	int rc = -1;

	sshsig_preimage(namespace, msg, len, &pre);
	if (buf_check(&pre, "the namespace", err) < 0 ||
	    make_inner(s, &pre, &inner, err) < 0)
		goto out;
	sshsig_armour(&s->key, namespace, (uint8_t *)inner.data, inner.len,
		      &armour);
	if (!buf_ok(&armour)) {
		err_set(err, ERR_DENIED, "ssh-agent's answer is too long");
		goto out;
	}
	if (verify_own(s, &armour, namespace, msg, len, err) < 0)
		goto out;
	buf_add(ret_armour, armour.data, armour.len);
	rc = buf_check(ret_armour, "the signature", err);
out:
	buf_release(&pre);
	buf_release(&inner);
	buf_release(&armour);
	return rc;
}
