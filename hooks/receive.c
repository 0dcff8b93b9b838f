/*
 * The input of a hook. See receive.h. Git checked the names and ids, but a
 * dispatcher in between may have passed them through a shell's echo, and
 * commands that git itself will refuse are among them.
 */
#include "config.h"
#include "hooks/receive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/limits.h"
#include "schema/repo.h"

#define SHA1_HEX (GIT_HEX_SIZE - 1)
#define SHA256_HEX 64

static const char *const closed[] = {
	"refs/windlass/",
	"refs/windlass-status/",
	"refs/notes/windlass",
	"refs/replace/",
};

bool ref_is_closed(const char *ref)
{
	size_t len = strlen(ref);

	/* a ref where one of these folders is to be would keep all in it out */
	for (size_t i = 0; i < ARRAY_SIZE(closed); i++)
		if (!strncmp(ref, closed[i], strlen(closed[i])) ||
		    (!strncmp(ref, closed[i], len) && closed[i][len] == '/'))
			return true;
	return false;
}

/* An id and the space behind it; *at moves on. */
static int take_id(const char *line, size_t len, size_t *at,
		   char ret[GIT_HEX_SIZE], struct err *err)
{
	const char *id = line + *at;
	const char *space = memchr(id, ' ', len - *at);
	size_t n = space ? (size_t)(space - id) : 0;

	if (is_hex(id, n, SHA256_HEX))
		return err_set(err, ERR_INVALID, "this repository names its "
			       "objects by SHA-256, which windlass cannot read "
			       "yet; use one that was made with "
			       "--object-format=sha1");
	if (!is_hex(id, n, SHA1_HEX))
		return err_set(err, ERR_INVALID, "a line of the push is not "
			       "'<old> <new> <ref>'");
	ret[0] = '\0';
	if (strspn(id, "0") < SHA1_HEX) {
		memcpy(ret, id, SHA1_HEX);
		ret[SHA1_HEX] = '\0';
	}
	*at += n + 1;
	return 0;
}

static int take_line(const char *line, size_t len, struct updates *us,
		     struct err *err)
{
	struct update u;
	size_t at = 0;

	if (take_id(line, len, &at, u.old_id, err) < 0 ||
	    take_id(line, len, &at, u.new_id, err) < 0)
		return -1;
	if (at == len || memchr(line + at, '\0', len - at))
		return err_set(err, ERR_INVALID,
			       "a line of the push names no ref");
	if (us->n == LIMIT_PUSH_REFS)
		return err_set(err, ERR_INVALID, "more than %d refs in one "
			       "push; push them in several", LIMIT_PUSH_REFS);
	u.ref = u.target = arena_strndup(&us->arena, line + at, len - at);
	if (us->n == us->alloc) {
		us->alloc = us->alloc ? us->alloc * 2 : 8;
		us->v = xreallocarray(us->v, us->alloc, sizeof(*us->v));
	}
	us->v[us->n++] = u;
	return 0;
}

int updates_parse(const char *text, size_t len, struct updates *ret,
		  struct err *err)
{
	struct updates us = UPDATES_INIT;

	while (len) {
		const char *lf = memchr(text, '\n', len);
		size_t line = lf ? (size_t)(lf - text) : len;

		if (line && take_line(text, line, &us, err) < 0) {
			updates_release(&us);
			return -1;
		}
		text += line + (lf != NULL);
		len -= line + (lf != NULL);
	}
	*ret = us;
	return 0;
}

int updates_read(int fd, struct updates *ret, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_PUSH_BYTES);
	int rc = fs_read_fd(fd, "the push", &text, err);

	if (!rc)
		rc = updates_parse(text.data, text.len, ret, err);
	buf_release(&text);
	return rc;
}

int updates_resolve(git_repository *repo, struct updates *us, struct err *err)
{
	for (size_t i = 0; i < us->n; i++) {
		struct update *u = &us->v[i];
		char *target;

		if (repo_ref_target(repo, u->ref, &target, err) < 0)
			return -1;
		if (strcmp(target, u->ref))
			u->target = arena_strdup(&us->arena, target);
		free(target);
	}
	return 0;
}

int updates_find(git_repository *repo, const struct updates *us,
		 const char *ref, const struct update **ret, struct err *err)
{
	const struct update *found = NULL;
	char *target;

	if (repo_ref_target(repo, ref, &target, err) < 0)
		return -1;
	for (size_t i = 0; !found && i < us->n; i++)
		if (!strcmp(us->v[i].target, target))
			found = &us->v[i];
	free(target);
	*ret = found;
	return 0;
}

void updates_release(struct updates *us)
{
	free(us->v);
	arena_release(&us->arena);
	*us = (struct updates)UPDATES_INIT;
}

const char *receive_option_value(const char *name)
{
	const char *count = getenv("GIT_PUSH_OPTION_COUNT"), *found = NULL;
	size_t len = strlen(name);
	uint64_t n;

	if (!count || parse_u64(count, 0, LIMIT_PUSH_OPTIONS, &n) < 0)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		char key[sizeof("GIT_PUSH_OPTION_4294967295")];
		const char *v;

		snprintf(key, sizeof(key), "GIT_PUSH_OPTION_%u", i);
		v = getenv(key);
		if (v && !strncmp(v, name, len) && (!v[len] || v[len] == '='))
			found = v + len + (v[len] == '=');
	}
	return found;
}

bool receive_option(const char *name)
{
	const char *value = receive_option_value(name);

	return value && !*value;
}
