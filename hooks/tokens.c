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

bool tokens_allow(const struct tokens *t, const char *authorization)
{
	static const char scheme[] = "Bearer ";
	struct sha256 got;
	int found = 0;

	if (!authorization ||
	    strncasecmp(authorization, scheme, strlen(scheme)))
		return false;
	authorization += strlen(scheme);
	authorization += strspn(authorization, " ");
	sha256_of(authorization, strlen(authorization), &got);
	for (size_t i = 0; i < t->n; i++)
		found |= !sodium_memcmp(&got, &t->v[i], sizeof(got));
	return found;
}

void tokens_release(struct tokens *t)
{
	free(t->v);
	*t = (struct tokens)TOKENS_INIT;
}
