/*
 * Noting accepted tips. See taken.h. The file <channel>/taken holds a commit
 * id and the names of who pushed, one a line; anything else in it, or
 * another's file, is as good as none: then more is judged, not less.
 */
#include "config.h"
#include "hooks/taken.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "hooks/share.h"
#include "schema/base/fs.h"
#include "schema/trust.h"

/* an id, and as many names as a bundle has */
#define NOTE_BYTES (GIT_HEX_SIZE + LIMIT_PUSHERS * (LIMIT_PRINCIPAL_BYTES + 1))

/* The names that follow the id. */
static int read_names(struct lines *l, struct pushers *ret, struct err *err)
{
	const char *name;
	size_t len;

	while (l->next < l->end) {
		char text[LIMIT_PRINCIPAL_BYTES + 1];

		if (lines_value(l, "", &name, &len, err) < 0 ||
		    !is_principal(name, len))
			return -1;
		memcpy(text, name, len);
		text[len] = '\0';
		if (pushers_add(ret, text) < 0)
			return -1;
	}
	return 0;
}

static void parse_note(const struct buf *text, struct taken *t)
{
	struct lines l = LINES_INIT(text->data, text->len, ERR_INVALID);
	struct err malformed = ERR_INIT;
	struct pushers who = { .n = 0 };
	char id[GIT_HEX_SIZE];

	if (lines_git_id(&l, "", id, &malformed) < 0 ||
	    read_names(&l, &who, &malformed) < 0)
		return;
	memcpy(t->v[t->n++], id, sizeof(id));
	t->noted = true;
	t->pushers = who;
}

int taken_read(const struct host_config *host,
	       const struct channel_config *ch, const struct current *current,
	       struct taken *ret, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf text = BUF_INIT(NOTE_BYTES);
	struct err unread = ERR_INIT;
	struct taken t = { .n = 0 };
	int rc = config_channel_file(host, ch, "taken", &path, err);

	if (*current->id)
		memcpy(t.v[t.n++], current->commit.bundle.source_commit,
		       GIT_HEX_SIZE);
	if (!rc && share_is_owners(host->git_dir, path.data) &&
	    !fs_read(AT_FDCWD, path.data, &text, &unread))
		parse_note(&text, &t);
	buf_release(&path);
	buf_release(&text);
	if (!rc)
		*ret = t;
	return rc;
}

bool taken_has(const struct taken *t, const char *commit)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->v[i], commit))
			return true;
	return false;
}

static int write_note(const char *path, const char *tip,
		      const struct pushers *pushers, struct err *err)
{
	struct buf text = BUF_INIT(NOTE_BYTES);
	int rc;

	buf_addf(&text, "%s\n", tip);
	for (size_t i = 0; i < pushers->n; i++)
		buf_addf(&text, "%s\n", pushers->v[i]);
	rc = buf_check(&text, "a note", err);
	if (!rc)
		rc = fs_write(AT_FDCWD, path, text.data, text.len, 0640, err);
	buf_release(&text);
	return rc;
}

int taken_keep(const struct host_config *host,
	       const struct channel_config *ch, const struct current *current,
	       const char *tip, const struct pushers *pushers,
	       struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct taken t;
	int rc = taken_read(host, ch, current, &t, err);

	if (!rc)
		rc = config_channel_file(host, ch, "taken", &path, err);
	if (rc)
		goto out;
	if (*current->id &&
	    !strcmp(current->commit.bundle.source_commit, tip)) {
		if (unlink(path.data) < 0 && errno != ENOENT)
			rc = err_sys(err, "cannot remove '%s'", path.data);
	} else if (!t.noted || strcmp(t.v[t.n - 1], tip)) {
		rc = write_note(path.data, tip, pushers, err);
	}
out:
	buf_release(&path);
	return rc;
}
