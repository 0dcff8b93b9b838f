/*
 * Reading a push certificate. See push-cert.h. It is a pusher's text, and so
 * are its names; of what git says of it only the nonce's status is believed,
 * which nobody else can know: git made the nonce from a secret of its own.
 */
#include "config.h"
#include "hooks/push-cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/lines.h"
#include "schema/base/num.h"
#include "schema/limits.h"
#include "schema/repo.h"
#include "schema/sshsig.h"

#define ARMOUR_LINE "\n" SSHSIG_BEGIN "\n"

/* ---- the text ---- */

static int find_signature(const char *text, size_t len, size_t *ret,
			  struct err *err)
{
	static const char gpg[] = "\n-----BEGIN PGP";
	const char *at = memmem(text, len, ARMOUR_LINE, strlen(ARMOUR_LINE));

	if (!at && memmem(text, len, gpg, strlen(gpg)))
		return err_set(err, ERR_DENIED, "it is signed by GPG, and only "
			       "SSH keys count here: git config gpg.format "
			       "ssh");
	if (!at)
		return err_set(err, ERR_DENIED, "it has no SSH signature: git "
			       "config gpg.format ssh");
	*ret = (size_t)(at + 1 - text);
	return 0;
}

static int read_option(struct lines *l, struct push_cert *c, struct err *err)
{
	const char *v;
	size_t len;

	if (c->options.n == LIMIT_PUSH_OPTIONS)
		return lines_error(l, err, "is beyond %d push options",
				   LIMIT_PUSH_OPTIONS);
	if (lines_value(l, "push-option ", &v, &len, err) < 0)
		return -1;
	strvec_pushn(&c->options, v, len);
	return 0;
}

static int read_headers(struct lines *l, struct push_cert *c, struct err *err)
{
	const char *pusher;
	size_t len;

	if (lines_literal(l, "certificate version 0.1", err) < 0 ||
	    lines_value(l, "pusher ", &pusher, &len, err) < 0)
		return -1;
	if (lines_begins(l, "pushee ") &&
	    lines_value(l, "pushee ", &c->pushee, &c->pushee_len, err) < 0)
		return -1;
	if (lines_value(l, "nonce ", &c->nonce, &c->nonce_len, err) < 0)
		return -1;
	while (lines_begins(l, "push-option "))
		if (read_option(l, c, err) < 0)
			return -1;
	return lines_literal(l, "", err);
}

/* A hook's stdin has the same lines, and may have blank ones. */
static int read_commands(struct lines *l, struct push_cert *c,
			 struct err *err)
{
	const char *first = l->next;
	unsigned n = 0;
	int rc;

	while ((rc = lines_next(l, err)) > 0) {
		if (!l->len)
			return lines_error(l, err, "is blank");
		n++;
	}
	if (rc < 0)
		return -1;
	if (!n)
		return err_set(err, ERR_DENIED, "it has no command");
	if (updates_parse(first, (size_t)(l->end - first), &c->updates,
			  err) < 0) {
		err->class = ERR_DENIED;
		return -1;
	}
	return 0;
}

int push_cert_parse(const char *text, size_t len, struct push_cert *ret,
		    struct err *err)
{
	struct push_cert c = PUSH_CERT_INIT;
	struct lines l;

	if (find_signature(text, len, &c.payload, err) < 0)
		return -1;
	l = (struct lines)LINES_INIT(text, c.payload, ERR_DENIED);
	if (read_headers(&l, &c, err) < 0 || read_commands(&l, &c, err) < 0) {
		push_cert_release(&c);
		return -1;
	}
	*ret = c;
	return 0;
}

void push_cert_release(struct push_cert *c)
{
	strvec_release(&c->options);
	updates_release(&c->updates);
	*c = (struct push_cert)PUSH_CERT_INIT;
}

int push_cert_signer(const char *text, size_t len, const struct push_cert *c,
		     const struct trust *developers, int64_t now,
		     char ret[LIMIT_PRINCIPAL_BYTES + 1], struct err *err)
{
	const struct trust_key *who;
	struct sshkey key;

	if (sshsig_verify(text + c->payload, len - c->payload, "git", text,
			  c->payload, &key, NULL, err) < 0)
		return -1;
	who = trust_find(developers, &key, now, err);
	if (!who)
		return -1;
	memcpy(ret, who->principal, sizeof(who->principal));
	return 0;
}

/* ---- of this push ---- */

static int check_nonce(const struct push_cert *c, struct err *err)
{
	const char *status = getenv("GIT_PUSH_CERT_NONCE_STATUS");
	const char *nonce = getenv("GIT_PUSH_CERT_NONCE");
	const char *slop = getenv("GIT_PUSH_CERT_NONCE_SLOP");

	if (!status || !nonce)
		return err_set(err, ERR_DENIED, "git gave no nonce for it: at "
			       "the Git host, set receive.certNonceSeed");
	if (!strcmp(status, "SLOP"))
		return err_set(err, ERR_DENIED, "its nonce is %.20s s old, "
			       "which receive.certNonceSlop at the Git host "
			       "does not allow; pushes by HTTP need some, as "
			       "300", slop ? slop : "?");
	if (strcmp(status, "OK"))
		return err_set(err, ERR_DENIED, "its nonce is %.20s: it was "
			       "not made for this push", status);
	if (strlen(nonce) != c->nonce_len ||
	    memcmp(nonce, c->nonce, c->nonce_len))
		return err_set(err, ERR_DENIED, "its nonce is not the one that "
			       "git gave");
	return 0;
}

static int check_commands(const struct push_cert *c,
			  const struct updates *us, struct err *err)
{
	const struct updates *said = &c->updates;

	for (size_t i = 0; i < us->n && i < said->n; i++)
		if (strcmp(us->v[i].old_id, said->v[i].old_id) ||
		    strcmp(us->v[i].new_id, said->v[i].new_id) ||
		    strcmp(us->v[i].ref, said->v[i].ref))
			return err_set(err, ERR_DENIED, "it says other things "
				       "of '%s' than this push does",
				       said->v[i].ref);
	if (us->n != said->n)
		return err_set(err, ERR_DENIED, "it has %zu commands, and this "
			       "push has %zu", said->n, us->n);
	return 0;
}

static int check_options(const struct push_cert *c, struct err *err)
{
	const char *count = getenv("GIT_PUSH_OPTION_COUNT");
	uint64_t n = 0;

	if (count && parse_u64(count, 0, LIMIT_PUSH_OPTIONS, &n) < 0)
		return err_set(err, ERR_DENIED, "this push has more than %d "
			       "options", LIMIT_PUSH_OPTIONS);
	if (n != c->options.n)
		return err_set(err, ERR_DENIED, "it has %zu push options, and "
			       "this push has %zu", c->options.n, (size_t)n);
	for (unsigned i = 0; i < n; i++) {
		char key[sizeof("GIT_PUSH_OPTION_4294967295")];
		const char *v;

		snprintf(key, sizeof(key), "GIT_PUSH_OPTION_%u", i);
		v = getenv(key);
		if (!v || strcmp(v, c->options.v[i]))
			return err_set(err, ERR_DENIED, "its push options are "
				       "not those of this push");
	}
	return 0;
}

static int check_pushee(const struct push_cert *c,
			const struct strvec *pushees, struct err *err)
{
	for (size_t i = 0; i < pushees->n; i++)
		if (c->pushee && strlen(pushees->v[i]) == c->pushee_len &&
		    !memcmp(pushees->v[i], c->pushee, c->pushee_len))
			return 0;
	if (!pushees->n)
		return 0;
	return err_set(err, ERR_DENIED, "it was made for '%.*s', which is no "
		       "windlass.pushee",
		       c->pushee_len < 200 ? (int)c->pushee_len : 200,
		       c->pushee ? c->pushee : "");
}

int push_cert_of_push(git_repository *repo, const struct updates *us,
		      const struct strvec *pushees, struct buf *text,
		      struct push_cert *ret, struct err *err)
{
	const char *id = getenv("GIT_PUSH_CERT");
	struct push_cert c;

	if (!id || !*id)
		return 1;
	if (!is_git_id(id, strlen(id)))
		return err_set(err, ERR_DENIED, "GIT_PUSH_CERT is no object");
	if (repo_read(repo, id, GIT_OBJECT_BLOB, text, err) < 0 ||
	    push_cert_parse(text->data, text->len, &c, err) < 0)
		return -1;
	if (check_nonce(&c, err) < 0 || check_commands(&c, us, err) < 0 ||
	    check_options(&c, err) < 0 ||
	    check_pushee(&c, pushees, err) < 0) {
		push_cert_release(&c);
		return -1;
	}
	*ret = c;
	return 0;
}
