/*
 * Checks of the machine. See host-check.h. Trusts nothing but stat; what
 * cannot be looked at is not complained of here but by whoever needs it.
 */
#include "config.h"
#include "hooks/host-check.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"

#define MIB (1024ull * 1024)

int host_check_owner(const char *git_dir, struct err *err)
{
	const struct passwd *pw;
	char name[64];
	struct stat st;

	if (stat(git_dir, &st) < 0)
		return err_sys(err, "cannot look at '%s'", git_dir);
	if (st.st_uid == geteuid())
		return 0;
	pw = getpwuid(st.st_uid);
	if (pw)
		snprintf(name, sizeof(name), "%s", pw->pw_name);
	else
		snprintf(name, sizeof(name), "#%u", (unsigned)st.st_uid);
	return err_set(err, ERR_INVALID, "repository '%s' belongs to user %s, "
		       "and what user %u, who runs this, writes there its "
		       "hooks could not replace; run it as the owner: sudo -u "
		       "'%s' windlass-hook ...", git_dir, name,
		       (unsigned)geteuid(), name);
}

static int check_mode(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0 || !(st.st_mode & S_IWOTH))
		return 0;
	return err_set(err, ERR_INVALID, "'%s' can be written by every user "
		       "of this machine, who could so have anything signed; "
		       "run chmod o-w on it", path);
}

int host_check_modes(const char *git_dir, const char *publish_dir,
		     struct err *err)
{
	static const char *const names[] = {
		"", "/config", "/hooks", "/hooks/pre-receive",
		"/hooks/post-receive", "/hooks/pre-receive.d",
		"/hooks/post-receive.d", "/custom_hooks",
		"/custom_hooks/pre-receive.d", "/custom_hooks/post-receive.d",
		"/refs", "/objects", "/windlass",
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(names); i++) {
		char *path = xasprintf("%s%s", git_dir, names[i]);

		rc = check_mode(path, err);
		free(path);
	}
	return rc || !publish_dir ? rc : check_mode(publish_dir, err);
}

/* statvfs of it, or of the next folder above that there is. */
static int look(const char *dir, struct statvfs *ret)
{
	char *part = xstrdup(dir), *slash;
	int rc;

	while ((rc = statvfs(*part ? part : "/", ret)) < 0 &&
	       errno == ENOENT && (slash = strrchr(part, '/')))
		*slash = '\0';
	free(part);
	return rc;
}

int host_check_writable(const char *dir, struct err *err)
{
	struct statvfs s;

	if (look(dir, &s) < 0)
		return 0;
	if (s.f_flag & ST_RDONLY)
		return err_set(err, ERR_INVALID, "'%s' is on a file system "
			       "that is mounted read-only; mount it writable "
			       "(the kernel's log says if a fault made it so)",
			       dir);
	if (!s.f_blocks)
		return err_set(err, ERR_INVALID, "'%s' is on a file system "
			       "that keeps no files, as /proc; name a folder "
			       "on a disk", dir);
	return 0;
}

int host_check_space(const char *dir, struct err *err)
{
	struct statvfs s;
	uint64_t room;

	if (host_check_writable(dir, err) < 0)
		return -1;
	if (look(dir, &s) < 0)
		return 0;
	room = (uint64_t)s.f_bavail * s.f_frsize;
	if (room < HOST_SPACE_BYTES)
		return err_set(err, ERR_INVALID, "only %" PRIu64 " MiB are "
			       "free at '%s', and publishing may need %" PRIu64
			       "; make room", (uint64_t)(room / MIB), dir,
			       (uint64_t)(HOST_SPACE_BYTES / MIB));
	if (s.f_files && s.f_favail < HOST_SPACE_FILES)
		return err_set(err, ERR_INVALID, "only %" PRIu64 " files can "
			       "be made at '%s', and publishing may need %d; "
			       "make room", (uint64_t)s.f_favail, dir,
			       HOST_SPACE_FILES);
	return 0;
}

int host_check_clock(struct err *err)
{
	int64_t now = clock_now();
	char text[CLOCK_TEXT_SIZE];

	if (now >= LIMIT_CLOCK_FLOOR && now < CLOCK_TIME_END)
		return 0;
	clock_format(now < 0 || now >= CLOCK_TIME_END ? 0 : now, text);
	return err_set(err, ERR_INVALID, "the clock of this machine says %s, "
		       "which cannot be; set it, or no cluster will take what "
		       "is signed", text);
}
