/*
 * A certificate that is renewed while it is served. See tls.h. Trusts the
 * files' owner, but not that both files are replaced at once: a chain whose
 * key has not come yet is refused, and taken when the key has changed too.
 */
#include "config.h"
#include "hooks/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/limits.h"

/* a handshake is over by then: serve closes who says nothing for 75 s */
#define RETIRED_MS (10 * 60 * 1000)

/* A chain and its key. A handshake may hold one that was replaced. */
struct pair {
	gnutls_pcert_st *chain;
	unsigned n;
	gnutls_privkey_t key;
	int64_t expires;
	int64_t retired;	/* monotonic ms */
	struct pair *older;
};

/* Tells a file from another one of its name; 0 where there is none. */
struct file_id {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

struct tls {
	const char *cert_file, *key_file;
	struct file_id cert_id, key_id;	/* when last looked at */
	struct pair *pair;	/* in use, and those before it */
};

static const struct tls *serving;

static struct file_id id_of(const char *path)
{
	struct file_id id = { 0 };
	struct stat st;

	/* links are followed: that is how certificates are renewed */
	if (stat(path, &st) < 0)
		return id;
	id.dev = st.st_dev;
	id.ino = st.st_ino;
	id.size = st.st_size;
	id.mtime = st.st_mtim;
	return id;
}

static bool same_file(const struct file_id *a, const struct file_id *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime.tv_sec == b->mtime.tv_sec &&
	       a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static void pair_free(struct pair *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->n; i++)
		gnutls_pcert_deinit(&p->chain[i]);
	free(p->chain);
	if (p->key)
		gnutls_privkey_deinit(p->key);
	free(p);
}

/* The id of the first certificate's key goes to id. */
static int take_chain(struct pair *p, const char *file, const struct buf *pem,
		      uint8_t id[32], struct err *err)
{
	gnutls_datum_t data = { (void *)pem->data, (unsigned)pem->len };
	gnutls_x509_crt_t *certs = NULL;
	size_t size = 32;
	unsigned n = 0;
	int rc = gnutls_x509_crt_list_import2(&certs, &n, &data,
					      GNUTLS_X509_FMT_PEM, 0);

	if (rc < 0)
		return err_set(err, ERR_INVALID, "'%s' is no chain of PEM "
			       "certificates: %s", file, gnutls_strerror(rc));
	rc = gnutls_x509_crt_get_key_id(certs[0], GNUTLS_KEYID_USE_SHA256, id,
					&size);
	p->expires = gnutls_x509_crt_get_expiration_time(certs[0]);
	p->chain = xcalloc(n, sizeof(*p->chain));
	for (unsigned i = 0; rc >= 0 && i < n; i++) {
		rc = gnutls_pcert_import_x509(&p->chain[i], certs[i], 0);
		p->n += rc >= 0;
	}
	for (unsigned i = 0; i < n; i++)
		gnutls_x509_crt_deinit(certs[i]);
	gnutls_free(certs);
	if (rc < 0)
		return err_set(err, ERR_INVALID, "cannot use certificate "
			       "'%s': %s", file, gnutls_strerror(rc));
	return 0;
}

static int take_key(struct pair *p, const char *file, const struct buf *pem,
		    uint8_t id[32], struct err *err)
{
	gnutls_datum_t data = { (void *)pem->data, (unsigned)pem->len };
	gnutls_pubkey_t public = NULL;
	size_t size = 32;
	int rc = gnutls_privkey_init(&p->key);

	if (rc >= 0)
		rc = gnutls_privkey_import_x509_raw(p->key, &data,
						    GNUTLS_X509_FMT_PEM, NULL,
						    0);
	if (rc >= 0)
		rc = gnutls_pubkey_init(&public);
	if (rc >= 0)
		rc = gnutls_pubkey_import_privkey(public, p->key, 0, 0);
	if (rc >= 0)
		rc = gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256,
					      id, &size);
	if (public)
		gnutls_pubkey_deinit(public);
	if (rc < 0)
		return err_set(err, ERR_INVALID, "'%s' is no unencrypted PEM "
			       "key: %s", file, gnutls_strerror(rc));
	return 0;
}

static int pair_read(const char *cert_file, const char *key_file,
		     struct pair **ret, struct err *err)
{
	struct buf cert = BUF_INIT(LIMIT_PEM_BYTES);
	struct buf key = BUF_INIT(LIMIT_PEM_BYTES);
	struct pair *p = xcalloc(1, sizeof(*p));
	uint8_t cert_id[32] = { 0 }, key_id[32] = { 1 };
	int rc = -1;

	if (fs_read_follow(cert_file, &cert, err) < 0 ||
	    fs_read_follow(key_file, &key, err) < 0 ||
	    take_chain(p, cert_file, &cert, cert_id, err) < 0 ||
	    take_key(p, key_file, &key, key_id, err) < 0)
		goto out;
	if (memcmp(cert_id, key_id, sizeof(key_id))) {
		err_set(err, ERR_INVALID, "certificate '%s' and key '%s' do "
			"not belong together", cert_file, key_file);
		goto out;
	}
	*ret = p;
	p = NULL;
	rc = 0;
out:
	pair_free(p);
	buf_release(&cert);
	buf_wipe(&key);
	return rc;
}

static void free_retired(struct tls *t, int64_t before)
{
	struct pair **at = &t->pair->older;

	while (*at) {
		struct pair *p = *at;

		if (p->retired > before) {
			at = &p->older;
			continue;
		}
		*at = p->older;
		pair_free(p);
	}
}

int tls_renew(struct tls *t, bool *ret_renewed, struct err *err)
{
	struct file_id cert = id_of(t->cert_file), key = id_of(t->key_file);
	struct pair *p = NULL;

	if (same_file(&cert, &t->cert_id) && same_file(&key, &t->key_id)) {
		*ret_renewed = false;
		return 0;
	}
	t->cert_id = cert;
	t->key_id = key;
	if (pair_read(t->cert_file, t->key_file, &p, err) < 0)
		return -1;
	p->older = t->pair;
	t->pair = p;
	if (p->older) {
		p->older->retired = clock_mono_ms();
		free_retired(t, p->older->retired - RETIRED_MS);
	}
	*ret_renewed = true;
	return 0;
}

int tls_open(const char *cert, const char *key, struct tls **ret,
	     struct err *err)
{
	struct tls *t = xcalloc(1, sizeof(*t));
	bool renewed;

	t->cert_file = cert;
	t->key_file = key;
	/* a file that is not there has no id yet, as none was looked at */
	if (tls_renew(t, &renewed, err) < 0) {
		free(t);
		return -1;
	}
	if (!t->pair) {
		free(t);
		errno = ENOENT;
		return err_sys(err, "cannot open '%s'", cert);
	}
	serving = t;
	*ret = t;
	return 0;
}

int64_t tls_expires(const struct tls *t)
{
	return t->pair->expires;
}

int tls_retrieve(gnutls_session_t session, const gnutls_datum_t *authorities,
		 int n_authorities, const gnutls_pk_algorithm_t *algorithms,
		 int n_algorithms, gnutls_pcert_st **ret_chain,
		 unsigned int *ret_n, gnutls_privkey_t *ret_key)
{
	(void)session;
	(void)authorities;
	(void)n_authorities;
	(void)algorithms;
	(void)n_algorithms;
	if (!serving)
		return -1;
	*ret_chain = serving->pair->chain;
	*ret_n = serving->pair->n;
	*ret_key = serving->pair->key;
	return 0;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	free_retired(t, INT64_MAX);
	pair_free(t->pair);
	if (serving == t)
		serving = NULL;
	free(t);
}
