/*
 * Reading credentials. See credentials.h. Trusts a file that only its owner
 * can read; refuses values that could not stand in a header, and knows
 * nothing of assumed roles or helper programs: whoever has these writes
 * their result into such a file.
 */
#include "config.h"
#include "hooks/credentials.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/keyfile.h"

#define WHAT "credentials file"
#define BLANKS " \t\r"

static void wipe(char **s)
{
	if (*s)
		sodium_memzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

void credentials_release(struct credentials *c)
{
	free(c->id);
	c->id = NULL;
	wipe(&c->secret);
	wipe(&c->token);
}

struct known {
	const char *key, *variable;
	size_t max;
	size_t at;		/* of the member */
};

static const struct known known[] = {
	{ "aws_access_key_id", "AWS_ACCESS_KEY_ID", 128,
	  offsetof(struct credentials, id) },
	{ "aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", 256,
	  offsetof(struct credentials, secret) },
	{ "aws_session_token", "AWS_SESSION_TOKEN", LIMIT_SESSION_TOKEN_BYTES,
	  offsetof(struct credentials, token) },
};

/* False where the value cannot be one. */
static bool take(struct credentials *c, const struct known *k,
		 const char *v, size_t len)
{
	char **member = (char **)(void *)((char *)c + k->at);

	if (!len || len > k->max)
		return false;
	for (size_t i = 0; i < len; i++)
		if (v[i] <= ' ' || v[i] > '~')
			return false;
	wipe(member);
	*member = xstrndup(v, len);
	return true;
}

static const char *skip_blanks(const char *s, const char *end)
{
	while (s < end && strchr(BLANKS, *s))
		s++;
	return s;
}

static const char *trim_end(const char *s, const char *end)
{
	while (end > s && strchr(BLANKS, end[-1]))
		end--;
	return end;
}

static int take_line(struct credentials *c, const char *s, const char *end,
		     const char *path, size_t line, struct err *err)
{
	const char *is = memchr(s, '=', (size_t)(end - s)), *value;
	size_t len;

	if (!is)
		return err_set(err, ERR_INVALID, WHAT " '%s' line %zu: must "
			       "be KEY = VALUE", path, line);
	len = (size_t)(trim_end(s, is) - s);
	value = skip_blanks(is + 1, end);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i].key) == len &&
		    !strncmp(known[i].key, s, len) &&
		    !take(c, &known[i], value, (size_t)(end - value)))
			return err_set(err, ERR_INVALID, WHAT " '%s' line "
				       "%zu: the value of %s must be 1 to %zu "
				       "printable characters", path, line,
				       known[i].key, known[i].max);
	return 0;
}

static bool is_section(const char *s, const char *end, const char *name)
{
	size_t len = strlen(name);

	return (size_t)(end - s) == len + 2 && !strncmp(s + 1, name, len) &&
	       end[-1] == ']';
}

/* What the profile's section says; other programs' keys are passed over. */
static int take_text(struct credentials *c, const char *s,
		     const struct bucket *b, struct err *err)
{
	bool ours = false, found = false;

	for (size_t line = 1; *s; line++) {
		const char *end = s + strcspn(s, "\n");
		const char *from = skip_blanks(s, end);
		const char *to = trim_end(from, end);

		if (from < to && *from == '[') {
			ours = is_section(from, to, b->profile);
			found |= ours;
		} else if (from < to && ours && *from != '#' && *from != ';' &&
			   take_line(c, from, to, b->credentials, line,
				     err) < 0) {
			return -1;
		}
		s = end + (*end == '\n');
	}
	if (!found)
		return err_set(err, ERR_INVALID, WHAT " '%s' has no section "
			       "[%s]", b->credentials, b->profile);
	return 0;
}

static int from_file(const struct bucket *b, struct credentials *c,
		     struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_KEY_FILE_BYTES);
	int fd, rc;

	if (keyfile_open(b->credentials, WHAT, &fd, err) < 0)
		return -1;
	/* at once, so that no copy is left behind as it grows */
	buf_reserve(&text, LIMIT_KEY_FILE_BYTES);
	rc = fs_read_fd(fd, b->credentials, &text, err);
	close(fd);
	if (!rc)
		rc = take_text(c, text.data, b, err);
	if (!rc && (!c->id || !c->secret))
		rc = err_set(err, ERR_INVALID, WHAT " '%s': section [%s] needs "
			     "aws_access_key_id and aws_secret_access_key",
			     b->credentials, b->profile);
	buf_wipe(&text);
	return rc;
}

static int from_environment(const struct bucket *b, struct credentials *c,
			    struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		const char *v = getenv(known[i].variable);

		if (v && *v && !take(c, &known[i], v, strlen(v)))
			return err_set(err, ERR_INVALID, "%s must be 1 to %zu "
				       "printable characters",
				       known[i].variable, known[i].max);
	}
	if (!c->id || !c->secret)
		return err_set(err, ERR_INVALID, "there are no credentials for "
			       "it: set " BUCKET_SECTION ".%s.credentials to a "
			       "file, or AWS_ACCESS_KEY_ID and "
			       "AWS_SECRET_ACCESS_KEY in the environment of "
			       "the hooks", b->name);
	return 0;
}

int credentials_read(const struct bucket *b, struct credentials *ret,
		     struct err *err)
{
	struct credentials c = CREDENTIALS_INIT;
	int rc = b->credentials ? from_file(b, &c, err)
				: from_environment(b, &c, err);

	if (rc < 0)
		credentials_release(&c);
	else
		*ret = c;
	return rc;
}
