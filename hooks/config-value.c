/*
 * Values of the configuration. See config-value.h.
 */
#include "config.h"
#include "hooks/config-value.h"

#include <ctype.h>
#include <git2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/bundle.h"
#include "schema/limits.h"
#include "schema/repo.h"
#include "schema/sshkey.h"

static void keep(char **ret, const char *v)
{
	free(*ret);
	*ret = xstrdup(v);
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static bool is_own_ref(const char *ref)
{
	static const char *const own[] = {
		"refs/windlass/", "refs/windlass-status/",
		"refs/windlass-approvals/", "refs/notes/windlass/",
		"refs/replace/",
	};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (!strncmp(ref, own[i], strlen(own[i])))
			return true;
	return !strcmp(ref, "refs/notes/windlass");
}

int value_ref(const char *v, char **ret, struct err *err)
{
	int valid = 0;

	if (strncmp(v, "refs/", 5) ||
	    git_reference_name_is_valid(&valid, v) < 0 || !valid)
		return err_set(err, ERR_INVALID, "must be a full ref name, "
			       "as refs/heads/main");
	for (const char *s = v; *s; s++)
		if ((unsigned char)*s < 0x21 || (unsigned char)*s > 0x7e)
			return err_set(err, ERR_INVALID, "must be a ref name "
				       "in printable ASCII");
	if (strlen(v) > SOURCE_REF_MAX)
		return err_set(err, ERR_INVALID, "must be at most %d bytes "
			       "long", SOURCE_REF_MAX);
	if (is_own_ref(v))
		return err_set(err, ERR_INVALID, "must not be a ref that "
			       "windlass keeps for itself");
	keep(ret, v);
	return 0;
}

/* True if b is inside folder a. */
static bool is_inside(const char *a, const char *b)
{
	size_t len = strlen(a);

	return len == 0 || (!strncmp(a, b, len) && b[len] == '/');
}

int value_paths_apart(const struct strvec *paths, struct err *err)
{
	for (size_t i = 0; i < paths->n; i++)
		for (size_t j = 0; j < paths->n; j++)
			if (i != j && is_inside(paths->v[i], paths->v[j]))
				return err_set(err, ERR_INVALID, "path '%s' "
					       "lies inside path '%s', which "
					       "is read whole; drop one",
					       paths->v[j], paths->v[i]);
	return 0;
}

int value_host_path(const char *v, const char *base, char **ret,
		    struct err *err)
{
	git_buf home = GIT_BUF_INIT;
	int rc = 0;

	if (!*v || !is_printable(v) || strlen(v) > LIMIT_PATH_BYTES)
		return err_set(err, ERR_INVALID, "must be a path");
	if (v[0] == '/') {
		keep(ret, v);
	} else if (v[0] == '~') {
		if (git_config_parse_path(&home, v) < 0)
			rc = repo_err(err, ERR_INVALID, "must be a path");
		else
			keep(ret, home.ptr);
		git_buf_dispose(&home);
	} else if (base) {
		free(*ret);
		*ret = xasprintf("%s/%s", base, v);
	} else {
		rc = err_set(err, ERR_INVALID, "must be an absolute path, "
			     "beginning with / or ~/");
	}
	return rc;
}

int value_signing_key(const char *v, char **ret, struct err *err)
{
	static const char agent[] = "key::";
	const char *text = v + strlen(agent);
	struct sshkey key;

	if (strncmp(v, agent, strlen(agent)))
		return value_host_path(v, NULL, ret, err);
	if (sshkey_parse_text(text, strlen(text), &key, err) < 0) {
		/* nobody attacked: somebody wrote it wrong */
		err->class = ERR_INVALID;
		return -1;
	}
	keep(ret, v);
	return 0;
}

int value_kubernetes(const char *v, char **ret, struct err *err)
{
	if (!openapi_is_minor(v))
		return err_set(err, ERR_INVALID, "must be a Kubernetes "
			       "version, as %s", KUBERNETES_DEFAULT);
	keep(ret, v);
	return 0;
}

int value_bool(const char *v, bool *ret, struct err *err)
{
	int value;

	if (git_config_parse_bool(&value, v) < 0)
		return err_set(err, ERR_INVALID, "must be true or false");
	*ret = value;
	return 0;
}

int value_identity(const char *v, char **ret, struct err *err)
{
	const char *open = strchr(v, '<');
	size_t len = strlen(v);

	if (!is_printable(v) || len > LIMIT_IDENTITY_BYTES || !open ||
	    open - v < 2 || open[-1] != ' ' || open[-2] == ' ' ||
	    v[0] == ' ' || strcspn(open + 1, "<> ") == 0 ||
	    open + 1 + strcspn(open + 1, "<> ") != v + len - 1 ||
	    v[len - 1] != '>' || memchr(v, '>', (size_t)(open - v)))
		return err_set(err, ERR_INVALID, "must be Name <mail>, at "
			       "most %d bytes", LIMIT_IDENTITY_BYTES);
	keep(ret, v);
	return 0;
}

char *value_default_identity(const char *channel)
{
	char host[65] = "";

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	for (char *s = host; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '-' && *s != '.')
			*s = '-';
	return xasprintf("windlass <%s@%s>", channel,
			 *host ? host : "localhost");
}

size_t value_distance(const char *a, const char *b)
{
	size_t row[65], la = strlen(a), lb = strlen(b);

	if (la > 64 || lb > 64)
		return 64;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t keep_or_swap = corner +
				(tolower((unsigned char)a[i - 1]) !=
				 tolower((unsigned char)b[j - 1]));
			size_t add = row[j - 1] + 1, drop = row[j] + 1;

			corner = row[j];
			row[j] = keep_or_swap < add ? keep_or_swap : add;
			if (drop < row[j])
				row[j] = drop;
		}
	}
	return row[lb];
}

#define HOST_CHARS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" \
	".-_:[]"

bool value_is_loopback(const char *host, size_t len)
{
	static const char localhost[] = "localhost";
	size_t n = sizeof(localhost) - 1;
	const char *port = memrchr(host, ':', len);

	if (port && !memchr(port, ']', (size_t)(host + len - port)))
		len = (size_t)(port - host);
	if ((len == 9 && !strncmp(host, "127.0.0.1", len)) ||
	    (len == 5 && !strncmp(host, "[::1]", len)))
		return true;
	return len >= n && !strncmp(host + len - n, localhost, n) &&
	       (len == n || host[len - n - 1] == '.');
}

bool value_is_safe_url(const char *url)
{
	bool tls = !strncmp(url, "https://", 8);
	const char *host = url + (tls ? 8 : 7);
	size_t len = strcspn(host, "/?#");

	/* no user@, which could look like a host */
	if ((!tls && strncmp(url, "http://", 7)) || !len ||
	    strspn(host, HOST_CHARS) < len)
		return false;
	return tls || value_is_loopback(host, len);
}
