/*
 * Where credentials come from and how they are kept fresh. See
 * kube-config.h; kubeconfig files themselves are read by kube-config-file.c.
 * Trusts the files that the user names; says which one is wrong, and never
 * what is in it.
 */
#include "config.h"
#include "engine/kube-config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/kube-config-file.h"
#include "engine/kube-exec.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/secret.h"
#include "schema/limits.h"

#define SERVICE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"
/* client-go keeps a token for a minute less ten seconds */
#define TOKEN_MS 50000
#define FILES_MS (5 * 60 * 1000)
/* and when something makes us doubt them */
#define FILES_SOON_MS 1000
/* so long before it expires a plugin's credential is asked for again */
#define RENEW_S 120

void kube_config_free(struct kube_config *c)
{
	if (!c)
		return;
	free(c->source);
	free(c->server);
	free(c->namespace);
	free(c->ca_file);
	free(c->ca_pem);
	free(c->cert_file);
	free(c->cert_pem);
	free(c->key_file);
	secret_free(c->key_pem);
	free(c->server_name);
	secret_free(c->proxy);
	free(c->token_file);
	secret_free(c->token);
	free(c->as_user);
	free(c->as_uid);
	strvec_release(&c->as_groups);
	strvec_release(&c->as_extra);
	kube_exec_free(c->exec);
	free(c);
}

/* Without the white space around it; -1 if that is nothing. */
static int read_word(const char *path, struct buf *ret, struct err *err)
{
	size_t lead;

	if (fs_read_follow(path, ret, err) < 0)
		return -1;
	while (ret->len && strchr(" \t\r\n", ret->data[ret->len - 1]))
		buf_truncate(ret, ret->len - 1);
	lead = strspn(ret->data, " \t\r\n");
	memmove(ret->data, ret->data + lead, ret->len - lead);
	buf_truncate(ret, ret->len - lead);
	if (!ret->len)
		return err_set(err, ERR_INVALID, "'%s' is empty", path);
	if (memchr(ret->data, '\0', ret->len) || strpbrk(ret->data, "\r\n"))
		return err_set(err, ERR_INVALID,
			       "'%s' has more than one line", path);
	return 0;
}

static int read_token(struct kube_config *c, bool *ret_new, struct err *err)
{
	struct buf word = BUF_INIT(LIMIT_TOKEN_BYTES);
	int rc = read_word(c->token_file, &word, err);

	if (rc == 0 && (!c->token || strcmp(c->token, word.data))) {
		secret_free(c->token);
		c->token = secret_strndup(word.data, word.len);
		*ret_new = true;
	}
	buf_wipe(&word);
	c->token_read = clock_mono_ms();
	return rc;
}

bool kube_config_refresh_token(struct kube_config *c, bool now)
{
	struct err err = ERR_INIT;
	bool is_new = false;

	if (!c->token_file ||
	    (!now && clock_mono_ms() - c->token_read < TOKEN_MS))
		return false;
	/* one that cannot be read now may be there the next time */
	(void)read_token(c, &is_new, &err);
	return is_new;
}

/* True if the file is another one than when `seen` was set. */
static bool file_changed(const char *path, struct timespec *seen)
{
	struct stat st;
	bool changed;

	if (!path || stat(path, &st) < 0)
		return false;
	changed = st.st_mtim.tv_sec != seen->tv_sec ||
		  st.st_mtim.tv_nsec != seen->tv_nsec;
	*seen = st.st_mtim;
	return changed;
}

static bool look_at_files(struct kube_config *c)
{
	bool ca = file_changed(c->ca_file, &c->ca_changed);
	bool cert = file_changed(c->cert_file, &c->cert_changed);
	bool key = file_changed(c->key_file, &c->key_changed);

	c->files_seen = clock_mono_ms();
	return ca || cert || key;
}

bool kube_config_files_changed(struct kube_config *c, bool soon)
{
	return clock_mono_ms() - c->files_seen >=
	       (soon ? FILES_SOON_MS : FILES_MS) && look_at_files(c);
}

/* ---- what an exec plugin gives ---- */

bool kube_config_exec_due(const struct kube_config *c)
{
	return c->exec && c->expires && clock_now() >= c->renew;
}

bool kube_config_take(struct kube_config *c, struct kube_credential *new)
{
	int64_t now = clock_now(), left = new->expires - now;
	bool cert = new->cert_pem &&
		    (!c->cert_pem || strcmp(new->cert_pem, c->cert_pem));

	secret_free(c->token);
	c->token = new->token;
	new->token = NULL;
	if (new->cert_pem) {
		free(c->cert_pem);
		secret_free(c->key_pem);
		c->cert_pem = new->cert_pem;
		c->key_pem = new->key_pem;
		new->cert_pem = new->key_pem = NULL;
		c->peer.cert_pem = c->cert_pem;
		c->peer.key_pem = c->key_pem;
	}
	c->expires = new->expires;
	/* early enough to fail a few times, and never all the time */
	c->renew = new->expires -
		   (left / 4 < RENEW_S ? left / 4 : RENEW_S);
	return cert;
}

static int first_credential(struct kube_config *c, struct err *err)
{
	struct kube_credential new = KUBE_CREDENTIAL_INIT;
	int rc = kube_exec_run(c->exec, &new, err);

	if (rc == 0)
		(void)kube_config_take(c, &new);
	kube_credential_release(&new);
	return rc;
}

/* ---- the service account of our pod ---- */

static char *in_dir(const char *dir, const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static int read_account(struct kube_config *c, const char *dir,
			struct err *err)
{
	struct buf ns = BUF_INIT(LIMIT_NAME_BYTES);
	char *path = in_dir(dir, "namespace");
	bool is_new;
	int rc = -1;

	c->ca_file = in_dir(dir, "ca.crt");
	c->token_file = in_dir(dir, "token");
	if (read_token(c, &is_new, err) < 0)
		goto out;
	if (fs_check_readable(c->ca_file, err) < 0 ||
	    read_word(path, &ns, err) < 0)
		goto out;
	c->namespace = xstrdup(ns.data);
	rc = 0;
out:
	if (rc < 0)
		err_wrap(err, "service account");
	buf_release(&ns);
	free(path);
	return rc;
}

static int load_in_cluster(struct kube_config *c, const char *host,
			   struct err *err)
{
	const char *dir = getenv("WINDLASS_SERVICE_ACCOUNT_DIR");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	bool v6 = strchr(host, ':') && host[0] != '[';

	c->source = xstrdup("in-cluster");
	c->server = xasprintf(v6 ? "https://[%s]:%s" : "https://%s:%s", host,
			      port && *port ? port : "443");
	return read_account(c, dir && *dir ? dir : SERVICE_ACCOUNT_DIR, err);
}

/* ---- which of them ---- */

static void split_list(const char *list, struct strvec *ret)
{
	for (const char *p = list; *p;) {
		size_t len = strcspn(p, ":");

		if (len)
			strvec_pushn(ret, p, len);
		p += len + (p[len] == ':');
	}
}

/* Reads what there is of the list; a file that was named must be there. */
static int load_files(const struct strvec *paths, bool must_exist,
		      const char *context, struct kube_config *c,
		      struct err *err)
{
	struct kube_config_files *files = kube_config_files_new();
	size_t found = 0;
	int rc = -1;

	for (size_t i = 0; i < paths->n; i++) {
		struct buf text = BUF_INIT(LIMIT_KUBECONFIG_BYTES);
		/* a pipe, too: --kubeconfig <(...) */
		int one = fs_read_any(paths->v[i], &text, err);

		if (one == 0)
			one = kube_config_files_add(files, paths->v[i],
						    text.data, text.len, err);
		buf_wipe(&text);
		if (one < 0 && (must_exist || err->sys != ENOENT)) {
			err_wrap(err, "kubeconfig");
			goto out;
		}
		found += one == 0;
	}
	if (!found) {
		err_set(err, ERR_INVALID, "no kubeconfig at '%s': name one by "
			"--kubeconfig or KUBECONFIG",
			paths->n ? paths->v[0] : "");
		goto out;
	}
	rc = kube_config_files_choose(files, context, c, err);
out:
	kube_config_files_free(files);
	return rc;
}

static int load_any(const struct kube_config_options *o,
		    struct kube_config *c, struct err *err)
{
	const char *list = getenv("KUBECONFIG");
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *home = getenv("HOME");
	struct strvec paths = STRVEC_INIT;
	int rc;

	if (o->path)
		strvec_push(&paths, o->path);
	else if (list && *list)
		split_list(list, &paths);
	else if (host && *host)
		return load_in_cluster(c, host, err);
	else
		strvec_pushf(&paths, "%s/.kube/config", home ? home : "");
	rc = load_files(&paths, o->path != NULL, o->context, c, err);
	strvec_release(&paths);
	return rc;
}

/* ---- what must hold wherever it came from ---- */

static int check_server(struct kube_config *c, struct err *err)
{
	size_t len = strlen(c->server);
	bool https = !strncasecmp(c->server, "https://", 8);
	const char *host = c->server + (https ? 8 : 7);

	if (!https && strncasecmp(c->server, "http://", 7))
		return err_set(err, ERR_INVALID, "%s: the server is no http "
			       "or https URL", c->source);
	if (strpbrk(c->server, "?#@ ") || !*host)
		return err_set(err, ERR_INVALID, "%s: the server's URL may "
			       "only have a host, a port and a path",
			       c->source);
	if (!https && c->token && !http_is_loopback(host))
		return err_set(err, ERR_INVALID, "%s: credentials are not "
			       "sent over http:// to '%s': use https://",
			       c->source, c->server);
	if (c->proxy && http_check_proxy(c->proxy, err) < 0)
		return err_wrap(err, "%s: proxy-url", c->source);
	while (len && c->server[len - 1] == '/')
		c->server[--len] = '\0';
	return 0;
}

static int check_tls(const struct kube_config *c, struct err *err)
{
	const char *files[] = { c->ca_pem ? NULL : c->ca_file,
				c->cert_pem ? NULL : c->cert_file,
				c->key_pem ? NULL : c->key_file };
	bool cert = c->cert_pem || c->cert_file;
	bool key = c->key_pem || c->key_file;

	if (cert != key)
		return err_set(err, ERR_INVALID, "%s: a client certificate "
			       "and its key are needed both", c->source);
	if (c->peer.insecure && (c->ca_pem || c->ca_file))
		return err_set(err, ERR_INVALID, "%s: a certificate authority "
			       "is given and insecure-skip-tls-verify too: "
			       "remove one", c->source);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (files[i] && fs_check_readable(files[i], err) < 0)
			return err_wrap(err, "%s", c->source);
	return 0;
}

static void point_peer(struct kube_config *c)
{
	struct http_peer *p = &c->peer;

	p->ca_file = c->ca_file;
	p->ca_pem = c->ca_pem;
	p->cert_file = c->cert_file;
	p->cert_pem = c->cert_pem;
	p->key_file = c->key_file;
	p->key_pem = c->key_pem;
	p->server_name = c->server_name;
	p->proxy = c->proxy;
	p->renewed = c->exec != NULL;
}

int kube_config_load(const struct kube_config_options *o,
		     struct kube_config **ret, struct err *err)
{
	struct kube_config *c = xcalloc(1, sizeof(*c));
	bool is_new;

	if (load_any(o, c, err) < 0)
		goto fail;
	if (c->token_file && !c->token && read_token(c, &is_new, err) < 0) {
		err_wrap(err, "%s: token", c->source);
		goto fail;
	}
	if (c->exec && first_credential(c, err) < 0) {
		err_wrap(err, "%s", c->source);
		goto fail;
	}
	if (check_server(c, err) < 0 || check_tls(c, err) < 0)
		goto fail;
	if (!c->namespace)
		c->namespace = xstrdup("default");
	point_peer(c);
	(void)look_at_files(c);
	*ret = c;
	return 0;
fail:
	kube_config_free(c);
	return -1;
}
