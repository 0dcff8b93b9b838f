/*
 * The file of rollbacks. See rolled-back.h. Its first line is one that no
 * other file of the owner's has, for who shares the repository can move files
 * of others within it; then an id a line. One bad line and none of it counts.
 */
#include "config.h"
#include "hooks/rolled-back.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "hooks/share.h"
#include "schema/base/fs.h"
#include "schema/base/lines.h"

#define FIRST_LINE "windlass-rolled-back 1"
#define FILE_BYTES (sizeof(FIRST_LINE) + ROLLED_BACK_MAX * GIT_HEX_SIZE)
#define LOCK_MS 10000

static void parse(const struct buf *text, struct rolled_back *ret)
{
	struct lines l = LINES_INIT(text->data, text->len, ERR_INVALID);
	struct err bad = ERR_INIT;
	size_t n = 0;

	if (lines_literal(&l, FIRST_LINE, &bad) < 0)
		return;
	while (l.next < l.end && n < ROLLED_BACK_MAX)
		if (lines_hex(&l, "", GIT_HEX_SIZE - 1, ret->v[n++], &bad) < 0)
			return;
	ret->n = n;
}

static void read_file(const struct host_config *host, const char *path,
		      struct rolled_back *ret)
{
	struct buf text = BUF_INIT(FILE_BYTES);
	struct err unread = ERR_INIT;

	ret->n = 0;
	if (share_is_owners(host->git_dir, path) &&
	    !fs_read(AT_FDCWD, path, &text, &unread))
		parse(&text, ret);
	buf_release(&text);
}

int rolled_back_read(const struct host_config *host,
		     const struct channel_config *ch, struct rolled_back *ret,
		     struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = config_channel_file(host, ch, "rolled-back", &path, err);

	if (!rc)
		read_file(host, path.data, ret);
	buf_release(&path);
	return rc;
}

bool rolled_back_has(const struct rolled_back *r, const char *commit)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i], commit))
			return true;
	return false;
}

static int write_file(const char *path, const struct rolled_back *r,
		      struct err *err)
{
	struct buf text = BUF_INIT(FILE_BYTES);
	int rc;

	buf_adds(&text, FIRST_LINE "\n");
	for (size_t i = 0; i < r->n; i++)
		buf_addf(&text, "%s\n", r->v[i]);
	rc = buf_check(&text, "the list of rollbacks", err);
	if (!rc)
		rc = fs_write(AT_FDCWD, path, text.data, text.len, 0640, err);
	buf_release(&text);
	return rc;
}

int rolled_back_add(const struct host_config *host,
		    const struct channel_config *ch, const char *commit,
		    struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf lock = BUF_INIT(LIMIT_PATH_BYTES);
	struct rolled_back r;
	int fd = -1, rc;

	if (!share_is_ours(host->git_dir))
		return 0;
	rc = config_channel_file(host, ch, "rolled-back", &path, err);
	if (!rc)
		rc = config_channel_file(host, ch, "rolled-back.lock", &lock,
					 err);
	if (!rc)
		rc = fs_lock(AT_FDCWD, lock.data, LOCK_MS, &fd, err);
	if (!rc) {
		read_file(host, path.data, &r);
		if (r.n == ROLLED_BACK_MAX)
			memmove(r.v, r.v + 1, --r.n * sizeof(*r.v));
		memcpy(r.v[r.n++], commit, GIT_HEX_SIZE);
		rc = write_file(path.data, &r, err);
	}
	if (fd >= 0)
		close(fd);
	buf_release(&lock);
	buf_release(&path);
	return rc;
}
