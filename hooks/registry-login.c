/*
 * Credentials for registries, and what registries ask for. See
 * registry-login.h. Trusts a file that only its owner can read; programs that
 * hand out credentials (credHelpers) are not run.
 */
#include "config.h"
#include "hooks/registry-login.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/json.h"
#include "schema/keyfile.h"
#include "schema/limits.h"

#define WHAT "credentials file"

/* Docker's own registry has an odd name in such files. */
static const struct node *find_auth(const struct node *auths, const char *host)
{
	static const char hub[] = "registry-1.docker.io";
	const struct node *n = node_get(auths, host);

	if (!n && !strcmp(host, hub))
		n = node_get(auths, "https://index.docker.io/v1/");
	if (!n && !strcmp(host, hub))
		n = node_get(auths, "docker.io");
	return n;
}

static bool is_login(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return false;
	return memchr(s, ':', len) != NULL;
}

static int take_auth(const struct node *auth, const char *path,
		     const char *host, struct buf *ret, struct err *err)
{
	const char *user = node_path_str(auth, "username", NULL);
	const char *password = node_path_str(auth, "password", NULL);
	const char *base64 = node_path_str(auth, "auth", NULL);
	size_t len = 0;
	char *room;

	if (user && password) {
		buf_addf(ret, "%s:%s", user, password);
	} else if (base64) {
		room = buf_reserve(ret, LIMIT_LOGIN_BYTES);
		if (!room || sodium_base642bin(
				(unsigned char *)room, LIMIT_LOGIN_BYTES,
				base64, strlen(base64), NULL, &len, NULL,
				sodium_base64_VARIANT_ORIGINAL))
			len = 0;
		buf_commit(ret, len);
	}
	if (!buf_ok(ret) || !is_login(ret->data, ret->len))
		return err_set(err, ERR_INVALID, WHAT " '%s' has no user and "
			       "password for %s: want {\"auths\": {\"%s\": "
			       "{\"auth\": BASE64 of USER:PASSWORD}}}", path,
			       host, host);
	return 0;
}

int registry_login_read(const char *path, const char *host, struct buf *ret,
			struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_KEY_FILE_BYTES);
	struct arena arena = ARENA_INIT;
	struct node *root = NULL;
	const struct node *auth;
	int fd, rc;

	if (keyfile_open(path, WHAT, &fd, err) < 0)
		return -1;
	/* at once, so that no copy is left behind as it grows */
	buf_reserve(&text, LIMIT_KEY_FILE_BYTES);
	rc = fs_read_fd(fd, path, &text, err);
	close(fd);
	if (!rc && json_read(text.data, text.len, &arena, &root, err) < 0)
		/* the reader's message might quote */
		rc = err_set(err, ERR_INVALID, WHAT " '%s' is no JSON", path);
	auth = rc < 0 ? NULL : find_auth(node_get(root, "auths"), host);
	if (auth)
		rc = take_auth(auth, path, host, ret, err);
	arena_wipe(&arena);
	buf_wipe(&text);
	return rc;
}

/* ---- challenges ---- */

static const char *skip(const char *s, const char *what)
{
	return s + strspn(s, what);
}

/* key="value" or key=value; NULL at the end, or where it is none. */
static const char *take_parameter(const char *s, const char **key,
				  size_t *key_len, struct buf *value)
{
	s = skip(s, " \t,");
	*key = s;
	*key_len = strcspn(s, "= \t,\"");
	s += *key_len;
	if (!*key_len || *s != '=')
		return NULL;
	buf_reset(value);
	if (*++s != '"') {
		size_t n = strcspn(s, " \t,");

		buf_add(value, s, n);
		return s + n;
	}
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
		buf_addc(value, *s);
	}
	return *s ? s + 1 : NULL;
}

static bool keep(const char *key, size_t key_len, const char *name,
		 const struct buf *value, char *ret, size_t size)
{
	if (key_len != strlen(name) || strncasecmp(key, name, key_len))
		return true;
	if (!buf_ok(value) || value->len >= size)
		return false;
	memcpy(ret, value->data, value->len + 1);
	return true;
}

bool registry_challenge_parse(const char *s, struct challenge *ret)
{
	struct challenge c = { .bearer = true };
	struct buf value = BUF_INIT(sizeof(c.realm));
	const char *key;
	size_t key_len;
	bool good = true;

	s = skip(s, " \t");
	if (!strncasecmp(s, "Basic", 5) && (!s[5] || s[5] == ' ')) {
		*ret = (struct challenge){ .bearer = false };
		return true;
	}
	if (strncasecmp(s, "Bearer ", 7))
		return false;
	s += 7;
	while (good && (s = take_parameter(s, &key, &key_len, &value)))
		good = keep(key, key_len, "realm", &value, c.realm,
			    sizeof(c.realm)) &&
		       keep(key, key_len, "service", &value, c.service,
			    sizeof(c.service));
	buf_release(&value);
	if (!good || !*c.realm)
		return false;
	*ret = c;
	return true;
}
