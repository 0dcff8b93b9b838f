/*
 * Durable, bounded file access. See fs.h. Trusts the folder it is given;
 * refuses symlinks as files, because a pusher or a tenant may place one.
 */
#include "config.h"
#include "schema/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"

#define READ_CHUNK 65536
#define LOCK_RETRY_MS 5

int fs_read_fd(int fd, const char *name, struct buf *ret, struct err *err)
{
	for (;;) {
		char chunk[READ_CHUNK];
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "cannot read '%s'", name);
		if (n == 0)
			return 0;
		buf_add(ret, chunk, (size_t)n);
		if (!buf_ok(ret))
			return err_set(err, ERR_INVALID,
				       "'%s' is larger than %zu bytes", name,
				       ret->max);
	}
}

/* Nothing waits for whoever may write into a pipe: fd is not blocking. */
static int check_regular(int fd, const char *path, off_t *ret_size,
			 struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "cannot stat '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "'%s' is not a regular file",
			       path);
	if (ret_size)
		*ret_size = st.st_size;
	return 0;
}

/*
 * Most files are read whole by one call, which asks for a byte more than
 * they have and so sees their end too.
 */
static int read_sized(int fd, const char *path, off_t size, struct buf *ret,
		      struct err *err)
{
	size_t left = ret->max - ret->len;
	char *room = size > 0 && (uint64_t)size < left ?
		     buf_reserve(ret, (size_t)size + 1) : NULL;
	ssize_t n = room ? read(fd, room, (size_t)size + 1) : 0;

	if (n > 0)
		buf_commit(ret, (size_t)n);
	/* whatever else came of it, the loop meets it again */
	return n > 0 && n == size ? 0 : fs_read_fd(fd, path, ret, err);
}

static int read_regular(int fd, const char *path, struct buf *ret,
			struct err *err)
{
	off_t size;
	int rc = check_regular(fd, path, &size, err);

	if (rc == 0)
		rc = read_sized(fd, path, size, ret, err);
	close(fd);
	return rc;
}

int fs_read(int dirfd, const char *path, struct buf *ret, struct err *err)
{
	int fd = openat(dirfd, path,
			O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == ELOOP)
		return err_set(err, ERR_INVALID,
			       "'%s' is a symbolic link, which is not followed",
			       path);
	if (fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	return read_regular(fd, path, ret, err);
}

int fs_read_follow(const char *path, struct buf *ret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	return read_regular(fd, path, ret, err);
}

int fs_read_any(const char *path, struct buf *ret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	rc = fs_read_fd(fd, path, ret, err);
	close(fd);
	return rc;
}

int fs_check_readable(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc;

	if (fd < 0)
		return err_sys(err, "cannot read '%s'", path);
	rc = check_regular(fd, path, NULL, err);
	close(fd);
	return rc;
}

int fs_write_fd(int fd, const char *name, const void *data, size_t len,
		struct err *err)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "cannot write '%s'", name);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The folder part of path, "." when there is none. Owned by the caller. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
}

int fs_sync_dir(int dirfd, const char *path, struct err *err)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return err_sys(err, "cannot open folder '%s'", path);
	if (fsync(fd) < 0)
		rc = err_sys(err, "cannot sync folder '%s'", path);
	close(fd);
	return rc;
}

static int write_temp(int dirfd, const char *temp, const void *data,
		      size_t len, mode_t mode, bool durable, struct err *err)
{
	int fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
			O_CLOEXEC, mode);
	int rc;

	if (fd < 0)
		return err_sys(err, "cannot create '%s'", temp);
	rc = fs_write_fd(fd, temp, data, len, err);
	if (!rc && fchmod(fd, mode) < 0)
		rc = err_sys(err, "cannot set the mode of '%s'", temp);
	if (!rc && durable && fsync(fd) < 0)
		rc = err_sys(err, "cannot sync '%s'", temp);
	if (close(fd) < 0 && !rc)
		rc = err_sys(err, "cannot close '%s'", temp);
	return rc;
}

static int replace(int dirfd, const char *path, const void *data, size_t len,
		   mode_t mode, bool durable, struct err *err)
{
	char *folder = folder_of(path);
	char *temp;
	uint64_t salt;
	int rc;

	if (getrandom(&salt, sizeof(salt), 0) != sizeof(salt))
		salt = (uint64_t)clock_mono_ms() ^ ((uint64_t)getpid() << 32);
	temp = xasprintf("%s.tmp-%016llx", path, (unsigned long long)salt);
	rc = write_temp(dirfd, temp, data, len, mode, durable, err);
	if (!rc && renameat(dirfd, temp, dirfd, path) < 0)
		rc = err_sys(err, "cannot rename '%s' to '%s'", temp, path);
	if (rc)
		unlinkat(dirfd, temp, 0);
	else if (durable)
		rc = fs_sync_dir(dirfd, folder, err);
	free(temp);
	free(folder);
	return rc;
}

int fs_write(int dirfd, const char *path, const void *data, size_t len,
	     mode_t mode, struct err *err)
{
	return replace(dirfd, path, data, len, mode, true, err);
}

int fs_write_cache(int dirfd, const char *path, const void *data, size_t len,
		   mode_t mode, struct err *err)
{
	return replace(dirfd, path, data, len, mode, false, err);
}

/* The mode that was asked for, whatever our umask is; setgid is inherited. */
static int make_folder(const char *path, mode_t mode, struct err *err)
{
	struct stat st;

	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 :
		       err_sys(err, "cannot make folder '%s'", path);
	if (stat(path, &st) < 0 ||
	    ((st.st_mode & 0777) != mode &&
	     chmod(path, mode | (st.st_mode & S_ISGID)) < 0))
		return err_sys(err, "cannot set the mode of '%s'", path);
	return 0;
}

int fs_mkdirs(const char *path, mode_t mode, struct err *err)
{
	char *copy;
	int rc = 0;

	/* mostly it is there, and so are all above it */
	if (fs_exists(AT_FDCWD, path))
		return 0;
	copy = xstrdup(path);
	for (char *p = copy + 1; !rc; p++) {
		char saved = *p;

		if (saved != '/' && saved != '\0')
			continue;
		*p = '\0';
		rc = make_folder(copy, mode, err);
		*p = saved;
		if (!saved)
			break;
	}
	free(copy);
	return rc;
}

bool fs_exists(int dirfd, const char *path)
{
	return faccessat(dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int wait_for_lock(int fd, const char *path, int timeout_ms,
			 struct err *err)
{
	int64_t deadline = clock_mono_ms() + timeout_ms;

	while (flock(fd, timeout_ms < 0 ? LOCK_EX : LOCK_EX | LOCK_NB) < 0) {
		struct timespec pause = { 0, LOCK_RETRY_MS * 1000000L };

		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return err_sys(err, "cannot lock '%s'", path);
		if (clock_mono_ms() >= deadline)
			return err_set(err, ERR_TRANSIENT,
				       "'%s' is locked by another process",
				       path);
		nanosleep(&pause, NULL);
	}
	return 0;
}

int fs_lock_dir(const char *path, int timeout_ms, int *ret_fd,
		struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	if (wait_for_lock(fd, path, timeout_ms, err) < 0) {
		close(fd);
		return -1;
	}
	*ret_fd = fd;
	return 0;
}

int fs_lock(int dirfd, const char *path, int timeout_ms, int *ret_fd,
	    struct err *err)
{
	int fd = openat(dirfd, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			0660);
	struct stat st;

	if (fd < 0)
		return err_sys(err, "cannot open lock '%s'", path);
	/* whoever may use the folder may lock, whatever our umask is */
	if (!fstat(fd, &st) && st.st_uid == geteuid() &&
	    (st.st_mode & 0777) != 0660 && fchmod(fd, 0660) < 0) {
		err_sys(err, "cannot set the mode of lock '%s'", path);
		close(fd);
		return -1;
	}
	if (wait_for_lock(fd, path, timeout_ms, err) < 0) {
		close(fd);
		return -1;
	}
	*ret_fd = fd;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int fs_remove_tree(const char *path, struct err *err)
{
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0 &&
	    errno != ENOENT)
		return err_sys(err, "cannot remove '%s'", path);
	return 0;
}
