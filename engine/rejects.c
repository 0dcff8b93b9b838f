/*
 * Rejected bundles on disk. See rejects.h. The folder is ours alone; the
 * file is read as strictly as any text, since it may come from a backup.
 */
#include "config.h"
#include "engine/rejects.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/fs.h"
#include "schema/base/lines.h"

#define REJECTS_FILE "rejected"
/* an id, a space, a name and the LF */
#define LINE_MAX_BYTES (GIT_HEX_SIZE + LIMIT_PRINCIPAL_BYTES + 1)

struct rejects {
	struct reject {
		char bundle[GIT_HEX_SIZE];
		char principal[LIMIT_PRINCIPAL_BYTES + 1];
	} v[REJECTS_MAX];
	size_t n;
};

static int read_line(struct lines *l, struct reject *ret, struct err *err)
{
	const size_t id = GIT_HEX_SIZE - 1;
	const char *v;
	size_t len;

	if (lines_value(l, "", &v, &len, err) < 0)
		return -1;
	if (len < id + 2 || !is_git_id(v, id) || v[id] != ' ' ||
	    len - id - 1 > LIMIT_PRINCIPAL_BYTES)
		return lines_error(l, err, "is not '<bundle> <principal>'");
	memcpy(ret->bundle, v, id);
	ret->bundle[id] = '\0';
	memcpy(ret->principal, v + id + 1, len - id - 1);
	ret->principal[len - id - 1] = '\0';
	return 0;
}

static int parse(const struct buf *text, struct rejects *ret, struct err *err)
{
	struct lines l = LINES_INIT(text->data, text->len, ERR_INVALID);

	for (ret->n = 0; l.next < l.end && ret->n < REJECTS_MAX; ret->n++)
		if (read_line(&l, &ret->v[ret->n], err) < 0)
			return -1;
	return 0;
}

static int read_all(const struct state *s, struct rejects *ret,
		    struct err *err)
{
	struct buf text = BUF_INIT(REJECTS_MAX * LINE_MAX_BYTES);
	char *path = state_path(s, REJECTS_FILE);
	int rc = 0;

	ret->n = 0;
	if (fs_exists(AT_FDCWD, path))
		rc = fs_read(AT_FDCWD, path, &text, err);
	if (!rc && parse(&text, ret, err) < 0)
		rc = err_wrap(err, "'%s' is damaged and may be deleted; it "
			      "says which bundles were rejected", path);
	free(path);
	buf_release(&text);
	return rc;
}

static int write_all(const struct state *s, const struct rejects *r,
		     struct err *err)
{
	struct buf text = BUF_INIT(REJECTS_MAX * LINE_MAX_BYTES);
	char *path = state_path(s, REJECTS_FILE);
	int rc;

	for (size_t i = 0; i < r->n; i++)
		buf_addf(&text, "%s %s\n", r->v[i].bundle, r->v[i].principal);
	rc = fs_write(AT_FDCWD, path, text.data, text.len, 0600, err);
	free(path);
	buf_release(&text);
	return rc;
}

static const struct reject *find(const struct rejects *r, const char *bundle)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i].bundle, bundle))
			return &r->v[i];
	return NULL;
}

int rejects_add(const struct state *s, const char *bundle,
		const char *principal, struct err *err)
{
	struct rejects r;
	struct err damaged = ERR_INIT;
	struct reject *to;

	/* a file that says nothing any more is made anew, one that cannot be
	 * read just now is not */
	if (read_all(s, &r, &damaged) < 0) {
		if (damaged.class != ERR_INVALID)
			return err_set(err, damaged.class, "%s", damaged.msg);
		r.n = 0;
	}
	if (find(&r, bundle))
		return 0;
	if (r.n == REJECTS_MAX)
		memmove(&r.v[0], &r.v[1], --r.n * sizeof(r.v[0]));
	to = &r.v[r.n++];
	snprintf(to->bundle, sizeof(to->bundle), "%s", bundle);
	snprintf(to->principal, sizeof(to->principal), "%s", principal);
	return write_all(s, &r, err);
}

int rejects_find(const struct state *s, const char *bundle,
		 char ret[LIMIT_PRINCIPAL_BYTES + 1], struct err *err)
{
	const struct reject *found;
	struct rejects r;

	if (read_all(s, &r, err) < 0)
		return -1;
	found = find(&r, bundle);
	if (!found)
		return 0;
	memcpy(ret, found->principal, sizeof(found->principal));
	return 1;
}
