/*
 * What a channel keeps on disk. See state.h. The folder is ours alone; what
 * is in it may be old, cut off by a crash, or restored from a backup, so the
 * record is read as strictly as a text from a stranger.
 */
#include "config.h"
#include "engine/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/lines.h"
#include "schema/base/mem.h"
#include "schema/limits.h"

#define RECORD "accepted"
#define RECORD_MAX 1024
#define HEAD_FILE "head"

char *state_path(const struct state *s, const char *name)
{
	return xasprintf("%s/%s", s->dir, name);
}

/* Empties tmp/, or makes it. */
static int fresh_tmp(const struct state *s, struct err *err)
{
	char *tmp = state_path(s, "tmp");
	int rc = 0;

	if (fs_exists(AT_FDCWD, tmp))
		rc = fs_remove_tree(tmp, err);
	if (!rc)
		rc = fs_mkdirs(tmp, 0700, err);
	free(tmp);
	return rc;
}

int state_open(const char *root, const char *channel_id, struct state *ret,
	       struct err *err)
{
	struct state s = STATE_INIT;
	char *lock = NULL;
	int rc = -1;

	if (!is_hex(channel_id, strlen(channel_id), CHANNEL_ID_SIZE - 1))
		return err_set(err, ERR_INVALID, "'%s' is no channel id of 32 "
			       "lower-case hex digits", channel_id);
	memcpy(s.channel_id, channel_id, CHANNEL_ID_SIZE);
	s.dir = xasprintf("%s/%s", root, channel_id);
	lock = state_path(&s, "lock");
	if (fs_mkdirs(s.dir, 0700, err) < 0 ||
	    fs_lock(AT_FDCWD, lock, 0, &s.lock_fd, err) < 0)
		goto out;
	if (fresh_tmp(&s, err) < 0)
		goto out;
	*ret = s;
	rc = 0;
out:
	free(lock);
	if (rc) {
		err_wrap(err, "state directory '%s'", s.dir);
		state_close(&s);
	}
	return rc;
}

void state_close(struct state *s)
{
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->dir);
	*s = (struct state)STATE_INIT;
}

/* ---- the record ---- */

void state_record_write(const char *channel_id, const struct source_pin *p,
			int64_t clock, struct buf *out)
{
	char hex[SHA256_HEX_SIZE], issued[CLOCK_TEXT_SIZE];
	char seen[CLOCK_TEXT_SIZE];

	sha256_hex(&p->content, hex);
	clock_format(p->head_issued, issued);
	clock_format(clock, seen);
	buf_addf(out, "windlass-accepted 1\nchannel-id %s\nepoch %" PRIu64
		 "\nsequence %" PRIu64 "\nbundle %s\ncontent sha256:%s\n"
		 "head-issued %s\nclock %s\n", channel_id, p->epoch,
		 p->sequence, p->bundle, hex, issued, seen);
}

static int read_id(struct lines *l, const char *want, struct err *err)
{
	char id[CHANNEL_ID_SIZE];

	if (lines_hex(l, "channel-id ", CHANNEL_ID_SIZE - 1, id, err) < 0)
		return -1;
	if (strcmp(id, want))
		return lines_error(l, err, "is of channel id %s", id);
	return 0;
}

int state_record_parse(const char *text, size_t len, const char *channel_id,
		       struct source_pin *ret, int64_t *ret_clock,
		       struct err *err)
{
	struct lines l = LINES_INIT(text, len, ERR_INVALID);
	struct source_pin p = { 0 };
	int64_t clock;

	if (lines_literal(&l, "windlass-accepted 1", err) < 0 ||
	    read_id(&l, channel_id, err) < 0 ||
	    lines_u64(&l, "epoch ", 1, LIMIT_SEQUENCE, &p.epoch, err) < 0 ||
	    lines_u64(&l, "sequence ", 1, LIMIT_SEQUENCE, &p.sequence,
		      err) < 0 ||
	    lines_hex(&l, "bundle ", GIT_HEX_SIZE - 1, p.bundle, err) < 0 ||
	    lines_sha256(&l, "content sha256:", &p.content, err) < 0 ||
	    lines_time(&l, "head-issued ", &p.head_issued, err) < 0 ||
	    lines_time(&l, "clock ", &clock, err) < 0 ||
	    lines_end(&l, err) < 0)
		return -1;
	*ret = p;
	*ret_clock = clock;
	return 0;
}

int state_read_accepted(const struct state *s, struct source_pin *ret,
			int64_t *ret_clock, struct err *err)
{
	struct buf text = BUF_INIT(RECORD_MAX);
	char *path = state_path(s, RECORD);
	int rc = fs_read(AT_FDCWD, path, &text, err);

	if (rc && err->sys == ENOENT) {
		/* nothing else is no record: what cannot be read may say that
		 * a later bundle was accepted than the one that is shown */
		err_clear(err);
		*ret = (struct source_pin){ 0 };
		*ret_clock = 0;
		rc = 0;
	} else if (rc) {
		err_wrap(err, "what was accepted is not known");
	} else if (state_record_parse(text.data, text.len, s->channel_id, ret,
				      ret_clock, err) < 0) {
		rc = err_wrap(err, "'%s' is damaged; if the Channel's status "
			      "says what was accepted it may be deleted",
			      path);
		err->class = ERR_INVALID;
	}
	free(path);
	buf_release(&text);
	return rc;
}

int state_write_accepted(const struct state *s, const struct source_pin *p,
			 int64_t clock, struct err *err)
{
	struct buf text = BUF_INIT(RECORD_MAX);
	char *path = state_path(s, RECORD);
	int rc;

	state_record_write(s->channel_id, p, clock, &text);
	rc = fs_write(AT_FDCWD, path, text.data, text.len, 0600, err);
	free(path);
	buf_release(&text);
	return rc;
}

/* ---- evidence ---- */

int state_keep_head(const struct state *s, const void *head, size_t len,
		    struct err *err)
{
	char *path = state_path(s, HEAD_FILE);
	int rc = fs_write(AT_FDCWD, path, head, len, 0600, err);

	free(path);
	return rc;
}

static size_t count_evidence(const struct state *s)
{
	DIR *d = opendir(s->dir);
	struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d)))
		n += !strncmp(e->d_name, "forked-", 7);
	if (d)
		closedir(d);
	return n;
}

/* A second link to the kept head, under a name that nothing replaces. */
static int link_kept_head(const struct state *s, struct err *err)
{
	char *from = state_path(s, HEAD_FILE);
	char *to = state_path(s, "forked-from");
	int rc = 0;

	if (link(from, to) < 0 && errno != EEXIST && errno != ENOENT)
		rc = err_sys(err, "cannot link '%s'", to);
	free(from);
	free(to);
	return rc;
}

int state_keep_evidence(const struct state *s, uint64_t epoch,
			uint64_t sequence, const char *bundle,
			const void *head, size_t len, struct err *err)
{
	char *path = xasprintf("%s/forked-%" PRIu64 "-%" PRIu64 "-%s", s->dir,
			       epoch, sequence, bundle);
	int rc = 0;

	/* a publisher's key in wrong hands can sign any number of them */
	if (!fs_exists(AT_FDCWD, path) && count_evidence(s) < LIMIT_EVIDENCE) {
		rc = link_kept_head(s, err);
		if (!rc)
			rc = fs_write(AT_FDCWD, path, head, len, 0600, err);
	}
	free(path);
	return rc;
}
