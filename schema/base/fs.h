/*
 * Files. Reading is bounded and follows no symlink in the last component;
 * writing is atomic and durable: a temporary file beside the target, fsync,
 * rename, fsync of the folder. dirfd may be AT_FDCWD.
 */
#ifndef SCHEMA_BASE_FS_H
#define SCHEMA_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"

/*
 * Appends the whole file to ret. -1 if it cannot be read, is no regular
 * file, or is larger than the buffer's maximum; err->sys is ENOENT when it
 * does not exist.
 */
int fs_read(int dirfd, const char *path, struct buf *ret, struct err *err);

/* As fs_read, but through symbolic links: what Kubernetes mounts into a pod,
 * and what a user's own files name. */
int fs_read_follow(const char *path, struct buf *ret, struct err *err);

/* As fs_read_follow, but from any kind of file, waiting for who writes into
 * a pipe: only for what the caller of a program names, as by <(...). */
int fs_read_any(const char *path, struct buf *ret, struct err *err);

/* That fs_read_follow could read it, for what a library is to open. */
int fs_check_readable(const char *path, struct err *err);

/* As fs_read, from the start of an open descriptor of any kind to its end. */
int fs_read_fd(int fd, const char *name, struct buf *ret, struct err *err);

/* Replaces path by data, atomically and durably. */
int fs_write(int dirfd, const char *path, const void *data, size_t len,
	     mode_t mode, struct err *err);

/* The same, atomically but not durably: for what can be made again. */
int fs_write_cache(int dirfd, const char *path, const void *data, size_t len,
		   mode_t mode, struct err *err);

/* Writes all of it, over EINTR and short writes. */
int fs_write_fd(int fd, const char *name, const void *data, size_t len,
		struct err *err);

/* Makes a folder and those above it, with exactly this mode, as files that
 * are written get it. Existing ones are left as they are. */
int fs_mkdirs(const char *path, mode_t mode, struct err *err);

/* Makes entries of the folder durable. */
int fs_sync_dir(int dirfd, const char *path, struct err *err);

bool fs_exists(int dirfd, const char *path);

/*
 * Takes an exclusive flock on the file, which is created and never unlinked
 * (a lock on a file that somebody else unlinks is no lock). Waits at most
 * timeout_ms; 0 tries once, -1 waits for ever. On time-out -1 with
 * ERR_TRANSIENT. Release by closing the descriptor.
 */
int fs_lock(int dirfd, const char *path, int timeout_ms, int *ret_fd,
	    struct err *err);

/* The same on a folder that is there: for who may leave no file in it. */
int fs_lock_dir(const char *path, int timeout_ms, int *ret_fd,
		struct err *err);

/* Removes a folder and all in it; symlinks are removed, not followed. */
int fs_remove_tree(const char *path, struct err *err);

#endif
