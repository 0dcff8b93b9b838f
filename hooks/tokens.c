/*
 * Bearer tokens. See tokens.h. The tokens themselves are wiped as soon as
 * their digests are known, and appear in no message.
 */
#include "config.h"
#include "hooks/tokens.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"

#define TOKEN_CHARS \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="

/* a browser sends a name too, which means nothing, and a colon */
#define USER_MAX_BYTES 256

static int add_line(struct tokens *t, const char *s, size_t len,
		    const char *path, size_t line, struct err *err)
{
	if (len < TOKEN_MIN_BYTES || len > TOKEN_MAX_BYTES)
		return err_set(err, ERR_INVALID, "'%s' line %zu: a token has "
			       "%d to %d characters", path, line,
			       TOKEN_MIN_BYTES, TOKEN_MAX_BYTES);
	if (strspn(s, TOKEN_CHARS) < len)
		return err_set(err, ERR_INVALID, "'%s' line %zu: a token has "
			       "letters, digits and -._~+/= only", path, line);
	if (t->n == LIMIT_TOKENS)
		return err_set(err, ERR_INVALID, "'%s' has more than %d "
			       "tokens", path, LIMIT_TOKENS);
	t->v = xreallocarray(t->v, t->n + 1, sizeof(*t->v));
	sha256_of(s, len, &t->v[t->n++]);
	return 0;
}

static int add_lines(struct tokens *t, const char *s, const char *path,
		     struct err *err)
{
	for (size_t line = 1; *s; line++) {
		size_t len = strcspn(s, "\n");
		size_t used = len && s[len - 1] == '\r' ? len - 1 : len;

		if (used && s[0] != '#' &&
		    add_line(t, s, used, path, line, err) < 0)
			return -1;
		s += len + (s[len] == '\n');
	}
	if (!t->n)
		return err_set(err, ERR_INVALID, "'%s' has no token", path);
	return 0;
}

static int check_mode(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(err, "cannot open '%s'", path);
	if (st.st_mode & (S_IRWXO | S_IWGRP))
		return err_set(err, ERR_INVALID, "'%s' is accessible to "
			       "others; run chmod 600 on it", path);
	return 0;
}

int tokens_read(const char *path, struct tokens *ret, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_TOKENS_BYTES);
	struct tokens t = TOKENS_INIT;
	int rc = -1;

	if (check_mode(path, err) < 0 ||
	    fs_read(AT_FDCWD, path, &text, err) < 0 ||
	    add_lines(&t, text.data, path, err) < 0)
		goto out;
	*ret = t;
	t = (struct tokens)TOKENS_INIT;
	rc = 0;
out:
	buf_wipe(&text);
	tokens_release(&t);
	return rc;
}

static bool is_one(const struct tokens *t, const char *token)
{
	struct sha256 got;
	int found = 0;

	sha256_of(token, strlen(token), &got);
	for (size_t i = 0; i < t->n; i++)
		found |= !sodium_memcmp(&got, &t->v[i], sizeof(got));
	return found;
}

/* What stands behind the scheme, or NULL. */
static const char *credentials(const char *authorization, const char *scheme)
{
	size_t len = strlen(scheme);

	if (!authorization || strncasecmp(authorization, scheme, len))
		return NULL;
	return authorization + len + strspn(authorization + len, " ");
}

bool tokens_allow(const struct tokens *t, const char *authorization)
{
	const char *token = credentials(authorization, "Bearer ");

	return token && is_one(t, token);
}

bool tokens_allow_password(const struct tokens *t, const char *authorization)
{
	const char *text = credentials(authorization, "Basic ");
	struct buf pair = BUF_INIT(USER_MAX_BYTES + TOKEN_MAX_BYTES);
	const char *password = NULL;
	bool allowed;

	if (text && base64_decode(&pair, text, strlen(text)) == 0)
		password = memchr(pair.data, ':', pair.len);
	allowed = password && is_one(t, password + 1);
	buf_wipe(&pair);
	return allowed;
}

void tokens_release(struct tokens *t)
{
	free(t->v);
	*t = (struct tokens)TOKENS_INIT;
}
