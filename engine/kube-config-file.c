/*
 * kubeconfig files. See kube-config-file.h; the format is
 * k8s.io/client-go/tools/clientcmd/api/v1. Fields that we do not know are
 * left alone, as kubectl does; those that would change who we are and that
 * we cannot honour are refused.
 */
#include "config.h"
#include "engine/kube-config-file.h"

#include <stdlib.h>
#include <string.h>

#include "engine/kube-config.h"
#include "engine/kube-exec.h"
#include "schema/base/digest.h"
#include "schema/base/mem.h"
#include "schema/base/secret.h"
#include "schema/limits.h"
#include "schema/yaml.h"

struct file {
	char *path, *dir;
	struct node *root;
};

struct kube_config_files {
	struct arena arena;
	struct file *v;
	size_t n;
};

/* One named cluster, user or context, and the file that defines it. */
struct entry {
	const struct file *file;
	const struct node *node;
	const char *what, *name;
};

struct kube_config_files *kube_config_files_new(void)
{
	return xcalloc(1, sizeof(struct kube_config_files));
}

void kube_config_files_free(struct kube_config_files *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].path);
		free(f->v[i].dir);
	}
	free(f->v);
	arena_wipe(&f->arena);
	free(f);
}

static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/")
			     : xstrndup(path, (size_t)(slash - path));
}

/* Only the place and the rule: the message could quote a secret. */
static int yaml_error(const char *path, const struct problems *ps,
		      struct err *err)
{
	const struct problem *p = NULL;

	for (size_t i = 0; !p && i < ps->n; i++)
		if (ps->v[i].severity == SEVERITY_ERROR)
			p = &ps->v[i];
	return err_set(err, ERR_INVALID, "'%s' line %u column %u is not what "
		       "Kubernetes reads as YAML (%s)", path,
		       p ? p->mark.line : 0, p ? p->mark.column : 0,
		       p ? p->rule : "yaml");
}

int kube_config_files_add(struct kube_config_files *f, const char *path,
			  const char *text, size_t len, struct err *err)
{
	struct documents docs = { 0 };
	struct problems ps = PROBLEMS_INIT;
	const char *kind;
	struct file *one;
	int rc;

	rc = yaml_read(path, text, len, &f->arena, &docs, &ps);
	if (rc < 0)
		yaml_error(path, &ps, err);
	problems_release(&ps);
	if (rc < 0)
		return -1;
	if (docs.n > 1)
		return err_set(err, ERR_INVALID,
			       "'%s' has more than one YAML document", path);
	if (docs.n == 1 && docs.v[0]->type != NODE_MAP)
		return err_set(err, ERR_INVALID, "'%s' is no kubeconfig",
			       path);
	kind = docs.n ? node_path_str(docs.v[0], "kind", NULL) : NULL;
	if (kind && strcmp(kind, "Config"))
		return err_set(err, ERR_INVALID,
			       "'%s' is a %s, not a kubeconfig", path, kind);
	f->v = xreallocarray(f->v, f->n + 1, sizeof(*f->v));
	one = &f->v[f->n++];
	*one = (struct file){ xstrdup(path), dir_of(path),
			      docs.n ? docs.v[0] : NULL };
	return 0;
}

/* The first file that defines the name wins. */
static int find(const struct kube_config_files *f, const char *list,
		const char *what, const char *name, struct entry *ret,
		struct err *err)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct node *items = node_get(f->v[i].root, list);
		bool found = false;

		if (!items || items->type != NODE_SEQ)
			continue;
		for (uint32_t j = 0; j < items->n; j++) {
			const char *n = node_path_str(items->items[j], "name",
						      NULL);

			if (!n || strcmp(n, name))
				continue;
			if (found)
				return err_set(err, ERR_INVALID, "'%s' line "
					       "%u: there are two %s named "
					       "'%s'", f->v[i].path,
					       items->items[j]->mark.line,
					       list, name);
			*ret = (struct entry){ &f->v[i],
				node_get(items->items[j], what), what, name };
			found = true;
		}
		if (found)
			return 0;
	}
	return err_set(err, ERR_INVALID, "'%s' has no %s named '%s'",
		       f->v[0].path, what, name);
}

/* A string of the entry; NULL if it is missing or empty. */
static int get_str(const struct entry *e, const char *key, const char **ret,
		   struct err *err)
{
	const struct node *n = node_get(e->node, key);

	*ret = NULL;
	if (!n || n->type == NODE_NULL)
		return 0;
	if (n->type != NODE_STR || strlen(n->str) != n->n)
		return err_set(err, ERR_INVALID, "'%s' line %u: %s of %s '%s' "
			       "must be a string", e->file->path,
			       n->mark.line, key, e->what, e->name);
	if (n->n)
		*ret = n->str;
	return 0;
}

static int dup_str(const struct entry *e, const char *key, char **ret,
		   struct err *err)
{
	const char *s;

	if (get_str(e, key, &s, err) < 0)
		return -1;
	*ret = s ? xstrdup(s) : NULL;
	return 0;
}

static int dup_path(const struct entry *e, const char *key, char **ret,
		    struct err *err)
{
	const char *s;

	if (get_str(e, key, &s, err) < 0)
		return -1;
	if (s)
		*ret = s[0] == '/' ? xstrdup(s)
				   : xasprintf("%s/%s", e->file->dir, s);
	return 0;
}

static int dup_secret(const struct entry *e, const char *key, char **ret,
		      struct err *err)
{
	const char *s;

	if (get_str(e, key, &s, err) < 0)
		return -1;
	*ret = s ? secret_strndup(s, strlen(s)) : NULL;
	return 0;
}

/* base64 of PEM, with the line breaks that people leave in it. */
static int dup_pem(const struct entry *e, const char *key, char **ret,
		   struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_KUBECONFIG_BYTES);
	struct buf pem = BUF_INIT(LIMIT_KUBECONFIG_BYTES);
	const char *s;
	int rc = -1;

	if (get_str(e, key, &s, err) < 0)
		return -1;
	if (!s)
		return 0;
	for (; *s; s++)
		if (*s != '\n' && *s != '\r')
			buf_addc(&text, *s);
	if (base64_decode(&pem, text.data, text.len) < 0 ||
	    !strstr(pem.data, "-----BEGIN ")) {
		err_set(err, ERR_INVALID, "'%s': %s of %s '%s' is not the "
			"base64 of a PEM text", e->file->path, key, e->what,
			e->name);
		goto out;
	}
	*ret = secret_strndup(pem.data, pem.len);
	rc = 0;
out:
	buf_wipe(&text);
	buf_wipe(&pem);
	return rc;
}

/* As dup_pem, for what is no secret. */
static int dup_cert(const struct entry *e, const char *key, char **ret,
		    struct err *err)
{
	char *pem = NULL;

	if (dup_pem(e, key, &pem, err) < 0)
		return -1;
	*ret = pem ? xstrdup(pem) : NULL;
	secret_free(pem);
	return 0;
}

static int read_cluster(const struct entry *e, struct kube_config *c,
			struct err *err)
{
	const struct node *skip = node_get(e->node,
					   "insecure-skip-tls-verify");

	if (dup_str(e, "server", &c->server, err) < 0 ||
	    dup_str(e, "tls-server-name", &c->server_name, err) < 0 ||
	    dup_secret(e, "proxy-url", &c->proxy, err) < 0 ||
	    dup_path(e, "certificate-authority", &c->ca_file, err) < 0 ||
	    dup_cert(e, "certificate-authority-data", &c->ca_pem, err) < 0)
		return -1;
	if (!c->server)
		return err_set(err, ERR_INVALID,
			       "'%s': cluster '%s' has no server",
			       e->file->path, e->name);
	if (skip && skip->type != NODE_BOOL && skip->type != NODE_NULL)
		return err_set(err, ERR_INVALID, "'%s' line %u: "
			       "insecure-skip-tls-verify must be true or "
			       "false", e->file->path, skip->mark.line);
	c->peer.insecure = skip && skip->type == NODE_BOOL && skip->boolean;
	return 0;
}

static int bad_as(const struct entry *e, const struct node *n,
		  const char *key, struct err *err)
{
	return err_set(err, ERR_INVALID, "'%s' line %u: %s of user '%s' must "
		       "be %s of strings", e->file->path, n->mark.line, key,
		       e->name, !strcmp(key, "as-groups") ? "a list"
							  : "lists");
}

/* Each string of the list, behind the prefix. */
static int add_strings(const struct entry *e, const struct node *list,
		       const char *key, const char *prefix,
		       struct strvec *ret, struct err *err)
{
	if (!list || list->type == NODE_NULL)
		return 0;
	if (list->type != NODE_SEQ)
		return bad_as(e, list, key, err);
	for (uint32_t i = 0; i < list->n; i++) {
		const char *s = node_text(list->items[i]);

		if (!s || strlen(s) != list->items[i]->n)
			return bad_as(e, list->items[i], key, err);
		strvec_pushf(ret, "%s%s", prefix, s);
	}
	return 0;
}

static int read_extra(const struct entry *e, struct strvec *ret,
		      struct err *err)
{
	const struct node *extra = node_get(e->node, "as-user-extra");

	if (!extra || extra->type == NODE_NULL)
		return 0;
	if (extra->type != NODE_MAP)
		return bad_as(e, extra, "as-user-extra", err);
	for (uint32_t i = 0; i < extra->n; i++) {
		char *prefix = xasprintf("%s=", extra->pairs[i].key);
		int rc = add_strings(e, extra->pairs[i].value,
				     "as-user-extra", prefix, ret, err);

		free(prefix);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int read_as(const struct entry *e, struct kube_config *c,
		   struct err *err)
{
	if (dup_str(e, "as", &c->as_user, err) < 0 ||
	    dup_str(e, "as-uid", &c->as_uid, err) < 0 ||
	    add_strings(e, node_get(e->node, "as-groups"), "as-groups", "",
			&c->as_groups, err) < 0 ||
	    read_extra(e, &c->as_extra, err) < 0)
		return -1;
	if (!c->as_user && (c->as_uid || c->as_groups.n || c->as_extra.n))
		return err_set(err, ERR_INVALID, "'%s': user '%s' has as-uid, "
			       "as-groups or as-user-extra without as",
			       e->file->path, e->name);
	return 0;
}

/* As in client-go, a token beats a plugin. */
static int read_exec(const struct entry *e, const struct entry *cluster,
		     struct kube_config *c, struct err *err)
{
	const struct node *exec = node_get(e->node, "exec");
	const struct kube_exec_place at = { e->file->path, e->file->dir,
					    e->name };

	if (!exec || exec->type == NODE_NULL || c->token || c->token_file)
		return 0;
	return kube_exec_read(exec, &at, cluster->node, c, &c->exec, err);
}

/* An API server overlooks it, and one would be nobody without knowing why. */
static int check_password(const struct entry *e, const struct kube_config *c,
			  struct err *err)
{
	const struct node *n = node_get(e->node, "username");

	if (!n || n->type == NODE_NULL || c->token || c->token_file ||
	    c->cert_file || c->cert_pem || c->exec)
		return 0;
	return err_set(err, ERR_INVALID, "'%s' line %u: user '%s' logs in by "
		       "a user name and password, which no API server takes "
		       "any more: use exec, a token or a client certificate",
		       e->file->path, n->mark.line, e->name);
}

static int read_user(const struct entry *e, const struct entry *cluster,
		     struct kube_config *c, struct err *err)
{
	const struct node *old = node_get(e->node, "auth-provider");

	if (old && old->type != NODE_NULL)
		return err_set(err, ERR_INVALID, "'%s' line %u: user '%s' "
			       "logs in by 'auth-provider', which Kubernetes "
			       "no longer has: use exec, a token or a client "
			       "certificate", e->file->path, old->mark.line,
			       e->name);
	if (dup_path(e, "client-certificate", &c->cert_file, err) < 0 ||
	    dup_cert(e, "client-certificate-data", &c->cert_pem, err) < 0 ||
	    dup_path(e, "client-key", &c->key_file, err) < 0 ||
	    dup_pem(e, "client-key-data", &c->key_pem, err) < 0 ||
	    dup_path(e, "tokenFile", &c->token_file, err) < 0)
		return -1;
	if (!c->token_file && dup_secret(e, "token", &c->token, err) < 0)
		return -1;
	if (read_exec(e, cluster, c, err) < 0 ||
	    check_password(e, c, err) < 0)
		return -1;
	return read_as(e, c, err);
}

/* The first that is set. */
static int current_context(const struct kube_config_files *f,
			   const char **ret, struct err *err)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct node *n = node_get(f->v[i].root,
						"current-context");

		if (!n || n->type == NODE_NULL)
			continue;
		if (n->type != NODE_STR)
			return err_set(err, ERR_INVALID, "'%s' line %u: "
				       "current-context must be a string",
				       f->v[i].path, n->mark.line);
		if (!n->n)
			continue;
		*ret = n->str;
		return 0;
	}
	return err_set(err, ERR_INVALID, "'%s' has no current-context: choose "
		       "one by --context", f->v[0].path);
}

int kube_config_files_choose(struct kube_config_files *f, const char *context,
			     struct kube_config *ret, struct err *err)
{
	struct entry ctx, cluster, user;
	const char *cluster_name, *user_name;

	ret->source = xstrdup(f->v[0].path);
	if (!context && current_context(f, &context, err) < 0)
		return -1;
	if (find(f, "contexts", "context", context, &ctx, err) < 0 ||
	    get_str(&ctx, "cluster", &cluster_name, err) < 0 ||
	    get_str(&ctx, "user", &user_name, err) < 0 ||
	    dup_str(&ctx, "namespace", &ret->namespace, err) < 0)
		return -1;
	if (!cluster_name)
		return err_set(err, ERR_INVALID, "'%s': context '%s' names no "
			       "cluster", ctx.file->path, context);
	if (find(f, "clusters", "cluster", cluster_name, &cluster, err) < 0 ||
	    read_cluster(&cluster, ret, err) < 0)
		return -1;
	if (!user_name)
		return 0;
	if (find(f, "users", "user", user_name, &user, err) < 0)
		return -1;
	return read_user(&user, &cluster, ret, err);
}
