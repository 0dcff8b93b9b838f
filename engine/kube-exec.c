/*
 * Credentials that a program prints. See kube-exec.h; the reference is
 * k8s.io/client-go/plugin/pkg/client/auth/exec. Differences: there is a time
 * limit, and the program is never given a terminal, since the engine has
 * none. A message may quote the program's stderr, which is meant for people,
 * and never its stdout.
 */
#include "config.h"
#include "engine/kube-exec.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/kube-config.h"
#include "schema/base/clock.h"
#include "schema/base/digest.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/proc.h"
#include "schema/base/secret.h"
#include "schema/base/strvec.h"
#include "schema/json.h"
#include "schema/limits.h"

#define API_GROUP "client.authentication.k8s.io/"
#define EXTENSION "client.authentication.k8s.io/exec"
/* what of the program's stderr is shown */
#define WORDS_BYTES 300

struct kube_exec {
	char *user;		/* for messages */
	char *api_version;
	char *hint;		/* installHint, or NULL */
	struct strvec argv, env;
};

/* ---- the entry ---- */

struct reading {
	const struct node *exec;
	const struct kube_exec_place *at;
	struct err *err;
};

static int bad(const struct reading *r, const struct node *n,
	       const char *what)
{
	return err_set(r->err, ERR_INVALID, "'%s' line %u: exec of user '%s': "
		       "%s", r->at->path, n->mark.line, r->at->user, what);
}

/* A string without NUL bytes; NULL if it is missing, null or empty. */
static int get(const struct reading *r, const struct node *map,
	       const char *key, const char **ret)
{
	const struct node *n = node_get(map, key);
	char what[80];

	*ret = NULL;
	if (!n || n->type == NODE_NULL)
		return 0;
	if (n->type != NODE_STR || strlen(n->str) != n->n) {
		snprintf(what, sizeof(what), "%s must be a string", key);
		return bad(r, n, what);
	}
	if (n->n)
		*ret = n->str;
	return 0;
}

static int read_args(const struct reading *r, struct strvec *argv)
{
	const struct node *args = node_get(r->exec, "args");

	if (!args || args->type == NODE_NULL)
		return 0;
	if (args->type != NODE_SEQ)
		return bad(r, args, "args must be a list of strings");
	for (uint32_t i = 0; i < args->n; i++) {
		const struct node *n = args->items[i];

		if (n->type != NODE_STR || strlen(n->str) != n->n)
			return bad(r, n, "args must be a list of strings");
		strvec_push(argv, n->str);
	}
	return 0;
}

static int read_env(const struct reading *r, struct strvec *out)
{
	const struct node *env = node_get(r->exec, "env");

	if (!env || env->type == NODE_NULL)
		return 0;
	if (env->type != NODE_SEQ)
		return bad(r, env, "env must be a list");
	for (uint32_t i = 0; i < env->n; i++) {
		const char *name, *value;

		if (get(r, env->items[i], "name", &name) < 0 ||
		    get(r, env->items[i], "value", &value) < 0)
			return -1;
		if (!name || strchr(name, '='))
			return bad(r, env->items[i], "env needs a name, "
				   "without '='");
		strvec_pushf(out, "%s=%s", name, value ? value : "");
	}
	return 0;
}

/* As kubectl: with a slash it is beside the kubeconfig, else in PATH. */
static int read_command(const struct reading *r, struct strvec *argv)
{
	bool in_path = false;
	const char *command;

	if (get(r, r->exec, "command", &command) < 0)
		return -1;
	if (!command)
		return bad(r, r->exec, "it has no command");
	if (!strncmp(command, "./", 2))
		command += 2;
	else if (!strchr(command, '/'))
		in_path = true;
	if (in_path || command[0] == '/')
		strvec_push(argv, command);
	else
		strvec_pushf(argv, "%s/%s", r->at->dir, command);
	return read_args(r, argv);
}

static int read_version(const struct reading *r, char **ret)
{
	const char *version, *mode;

	if (get(r, r->exec, "apiVersion", &version) < 0 ||
	    get(r, r->exec, "interactiveMode", &mode) < 0)
		return -1;
	if (!version || (strcmp(version, API_GROUP "v1") &&
			 strcmp(version, API_GROUP "v1beta1")))
		return bad(r, r->exec, "its apiVersion must be " API_GROUP
			   "v1 or v1beta1");
	if (mode && !strcmp(mode, "Always"))
		return bad(r, r->exec, "interactiveMode Always needs a "
			   "terminal, which windlass does not give it: use a "
			   "token or a client certificate");
	*ret = xstrdup(version);
	return 0;
}

/* ---- what the program is told: KUBERNETES_EXEC_INFO ---- */

static void add_member(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	if (out->data[out->len - 1] != '{')
		buf_addc(out, ',');
	buf_addf(out, "\"%s\":", name);
	json_write_string(value, strlen(value), out);
}

static int add_ca(const struct kube_config *c, struct buf *out,
		  struct err *err)
{
	struct buf pem = BUF_INIT(LIMIT_KUBECONFIG_BYTES);
	struct buf text = BUF_INIT(2 * LIMIT_KUBECONFIG_BYTES);
	int rc = 0;

	if (c->ca_pem)
		buf_adds(&pem, c->ca_pem);
	else if (c->ca_file)
		rc = fs_read_follow(c->ca_file, &pem, err);
	if (rc == 0 && pem.len) {
		base64_encode(&text, pem.data, pem.len);
		add_member(out, "certificate-authority-data", text.data);
	}
	buf_release(&pem);
	buf_release(&text);
	return rc;
}

static const struct node *find_extension(const struct node *cluster)
{
	const struct node *list = node_get(cluster, "extensions");

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++) {
		const char *name = node_path_str(list->items[i], "name",
						 NULL);

		if (name && !strcmp(name, EXTENSION))
			return node_get(list->items[i], "extension");
	}
	return NULL;
}

static int add_cluster(const struct node *cluster,
		       const struct kube_config *c, struct buf *out,
		       struct err *err)
{
	const struct node *config = find_extension(cluster);

	buf_adds(out, ",\"cluster\":{");
	add_member(out, "server", c->server);
	add_member(out, "tls-server-name", c->server_name);
	add_member(out, "proxy-url", c->proxy);
	if (c->peer.insecure)
		buf_adds(out, ",\"insecure-skip-tls-verify\":true");
	if (add_ca(c, out, err) < 0)
		return -1;
	if (config) {
		buf_adds(out, ",\"config\":");
		json_write_canonical(config, out);
	}
	buf_addc(out, '}');
	return 0;
}

static int add_info(const struct reading *r, const char *version,
		    const struct node *cluster, const struct kube_config *c,
		    struct strvec *env)
{
	const struct node *wants = node_get(r->exec, "provideClusterInfo");
	struct buf info = BUF_INIT(4 * LIMIT_KUBECONFIG_BYTES);
	int rc = 0;

	if (wants && wants->type != NODE_BOOL && wants->type != NODE_NULL)
		return bad(r, wants,
			   "provideClusterInfo must be true or false");
	buf_addf(&info, "{\"apiVersion\":\"%s\",\"kind\":\"ExecCredential\","
		 "\"spec\":{\"interactive\":false", version);
	if (wants && wants->type == NODE_BOOL && wants->boolean)
		rc = add_cluster(cluster, c, &info, r->err);
	buf_adds(&info, "}}");
	if (rc == 0)
		strvec_pushf(env, "KUBERNETES_EXEC_INFO=%s", info.data);
	buf_wipe(&info);
	return rc;
}

int kube_exec_read(const struct node *exec, const struct kube_exec_place *at,
		   const struct node *cluster, const struct kube_config *c,
		   struct kube_exec **ret, struct err *err)
{
	const struct reading r = { exec, at, err };
	struct kube_exec *x = xcalloc(1, sizeof(*x));
	const char *hint;

	x->user = xstrdup(at->user);
	if (exec->type != NODE_MAP) {
		bad(&r, exec, "it must be a mapping");
		goto fail;
	}
	if (read_command(&r, &x->argv) < 0 || read_env(&r, &x->env) < 0 ||
	    read_version(&r, &x->api_version) < 0 ||
	    get(&r, exec, "installHint", &hint) < 0 ||
	    add_info(&r, x->api_version, cluster, c, &x->env) < 0)
		goto fail;
	x->hint = hint ? xstrdup(hint) : NULL;
	*ret = x;
	return 0;
fail:
	kube_exec_free(x);
	return -1;
}

void kube_exec_free(struct kube_exec *x)
{
	if (!x)
		return;
	free(x->user);
	free(x->api_version);
	free(x->hint);
	strvec_release(&x->argv);
	strvec_release(&x->env);
	free(x);
}

/* ---- what the program says ---- */

void kube_credential_release(struct kube_credential *c)
{
	secret_free(c->token);
	free(c->cert_pem);
	secret_free(c->key_pem);
	*c = (struct kube_credential)KUBE_CREDENTIAL_INIT;
}

/* "+hh:mm" in seconds, or -1. */
static int read_offset(const char *p, int64_t *ret)
{
	int d[4];

	if (strlen(p) != 6 || (*p != '+' && *p != '-') || p[3] != ':')
		return -1;
	for (int i = 0; i < 4; i++) {
		d[i] = p[(int[]){ 1, 2, 4, 5 }[i]] - '0';
		if (d[i] < 0 || d[i] > 9)
			return -1;
	}
	if (d[0] * 10 + d[1] > 23 || d[2] > 5)
		return -1;
	*ret = (d[0] * 10 + d[1]) * 3600 + (d[2] * 10 + d[3]) * 60;
	if (*p == '-')
		*ret = -*ret;
	return 0;
}

/* RFC 3339 as programs write it: with a fraction or an offset. */
static int read_time(const char *text, int64_t *ret)
{
	const size_t seconds = strlen("2026-11-23T10:00:00");
	char whole[CLOCK_TEXT_SIZE];
	const char *p = text + seconds;
	int64_t t, offset = 0;

	if (strlen(text) <= seconds)
		return -1;
	memcpy(whole, text, seconds);
	memcpy(whole + seconds, "Z", 2);
	if (clock_parse(whole, &t) < 0)
		return -1;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	if (strcmp(p, "Z") && read_offset(p, &offset) < 0)
		return -1;
	*ret = t - offset;
	return 0;
}

static int unusable(const struct kube_exec *x, const char *what,
		    struct err *err)
{
	return err_set(err, ERR_DENIED, "the exec plugin '%s' of user '%s' %s",
		       x->argv.v[0], x->user, what);
}

/* A text of the status, or NULL. */
static const char *text_of(const struct node *status, const char *key)
{
	const struct node *n = node_get(status, key);

	return n && n->type == NODE_STR && n->n && strlen(n->str) == n->n
	       ? n->str : NULL;
}

static int take(const struct kube_exec *x, const struct node *root,
		struct kube_credential *ret, struct err *err)
{
	const struct node *status = node_get(root, "status");
	const char *version = text_of(root, "apiVersion");
	const char *kind = text_of(root, "kind");
	const char *token = text_of(status, "token");
	const char *cert = text_of(status, "clientCertificateData");
	const char *key = text_of(status, "clientKeyData");
	const char *expires = text_of(status, "expirationTimestamp");

	if (!kind || strcmp(kind, "ExecCredential") || !version ||
	    strcmp(version, x->api_version))
		return err_set(err, ERR_DENIED, "the exec plugin '%s' of user "
			       "'%s' printed no ExecCredential of %s",
			       x->argv.v[0], x->user, x->api_version);
	if (!token && !cert && !key)
		return unusable(x, "gave neither a token nor a certificate",
				err);
	if (!cert != !key)
		return unusable(x, "gave a certificate without its key, or "
				"the other way round", err);
	if (token && strpbrk(token, "\r\n"))
		return unusable(x, "gave a token of more than one line", err);
	if (cert && (!strstr(cert, "-----BEGIN ") ||
		     !strstr(key, "-----BEGIN ")))
		return unusable(x, "gave a certificate or key that is no PEM",
				err);
	if (expires && read_time(expires, &ret->expires) < 0)
		return unusable(x, "gave an expirationTimestamp that is not "
				"RFC 3339", err);
	ret->token = token ? secret_strndup(token, strlen(token)) : NULL;
	ret->cert_pem = cert ? xstrdup(cert) : NULL;
	ret->key_pem = key ? secret_strndup(key, strlen(key)) : NULL;
	return 0;
}

static int read_output(const struct kube_exec *x, const struct buf *out,
		       struct kube_credential *ret, struct err *err)
{
	struct arena a = ARENA_INIT;
	struct err ignored = ERR_INIT;
	struct node *root;
	int rc;

	/* what is wrong with it is not said: it could quote a secret */
	if (!buf_ok(out) ||
	    json_read(out->data, out->len, &a, &root, &ignored) < 0)
		rc = unusable(x, "printed what is no JSON text", err);
	else
		rc = take(x, root, ret, err);
	arena_wipe(&a);
	return rc;
}

/* ---- running it ---- */

/* Exit status 127: it could not be run. diag may be empty. */
static int failed(const struct kube_exec *x, int code, const char *diag,
		  struct err *err)
{
	size_t len = strcspn(diag, "\r\n");
	int shown = (int)(len < WORDS_BYTES ? len : WORDS_BYTES);

	return err_set(err, ERR_DENIED, "the exec plugin '%s' of user '%s' "
		       "failed (%d)%s%.*s%s%s", x->argv.v[0], x->user, code,
		       shown ? ": " : "", shown, diag,
		       code == 127 && x->hint ? "; " : "",
		       code == 127 && x->hint ? x->hint : "");
}

int kube_exec_run(const struct kube_exec *x, struct kube_credential *ret,
		  struct err *err)
{
	struct buf out = BUF_INIT(LIMIT_EXEC_CREDENTIAL_BYTES);
	struct buf diag = BUF_INIT(64 * 1024);
	const struct proc p = {
		.argv = (const char *const *)x->argv.v,
		.env = (const char *const *)x->env.v,
		.out = &out, .diag = &diag,
		.timeout_ms = KUBE_EXEC_MS,
	};
	int status, rc = proc_run(&p, &status, err);

	if (rc < 0)
		err_wrap(err, "exec plugin of user '%s'", x->user);
	else if (status)
		rc = failed(x, status, diag.data, err);
	else
		rc = read_output(x, &out, ret, err);
	buf_wipe(&out);
	buf_release(&diag);
	return rc;
}

int kube_exec_start(const struct kube_exec *x, pid_t *ret_pid, int *ret_out,
		    int *ret_diag, struct err *err)
{
	const struct proc p = {
		.argv = (const char *const *)x->argv.v,
		.env = (const char *const *)x->env.v,
	};

	return proc_start(&p, ret_pid, ret_out, ret_diag, err);
}

int kube_exec_judge(const struct kube_exec *x, int status,
		    const struct buf *out, const struct buf *diag,
		    struct kube_credential *ret, struct err *err)
{
	if (WIFSIGNALED(status))
		return failed(x, 128 + WTERMSIG(status), diag->data, err);
	if (WEXITSTATUS(status))
		return failed(x, WEXITSTATUS(status), diag->data, err);
	return read_output(x, out, ret, err);
}
