/*
 * Where schema tables are: openapi_open_minor of openapi.h. The directory
 * has one file for each minor, named by it, and nothing else.
 */
#include "config.h"
#include "schema/openapi.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/base/fs.h"
#include "schema/base/num.h"
#include "schema/base/strvec.h"
#include "schema/limits.h"

/* dozens of minors, in a message */
#define KNOWN_MAX 256

/* What a build leaves beside its programs. */
#define BESIDE "/windlass-openapi"

/* The program's own directory and BESIDE; false if that is not there. */
static bool beside(struct buf *out)
{
	char self[LIMIT_PATH_BYTES];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self));
	const char *slash;

	if (len <= 0 || (size_t)len == sizeof(self))
		return false;
	slash = memrchr(self, '/', (size_t)len);
	if (!slash)
		return false;
	buf_add(out, self, (size_t)(slash - self));
	buf_adds(out, BESIDE);
	if (buf_ok(out) && fs_exists(AT_FDCWD, out->data))
		return true;
	buf_reset(out);
	return false;
}

static void directory(struct buf *out)
{
	const char *set = secure_getenv("WINDLASS_OPENAPI");

	if (set && *set)
		buf_adds(out, set);
	else if (!beside(out))
		buf_adds(out, PKGDATADIR "/openapi");
}

bool openapi_is_minor(const char *s)
{
	uint64_t minor;

	return !strncmp(s, "1.", 2) && !parse_u64(s + 2, 1, 999, &minor);
}

static int is_table(const struct dirent *e)
{
	return openapi_is_minor(e->d_name);
}

/* Those that dir has, the oldest first. */
static void minors_of(const char *dir, struct strvec *ret)
{
	struct dirent **names = NULL;
	int n = scandir(dir, &names, is_table, versionsort);

	for (int i = 0; i < n; i++) {
		strvec_push(ret, names[i]->d_name);
		free(names[i]);
	}
	free(names);
}

void openapi_complete(struct completion *c)
{
	struct buf dir = BUF_INIT(LIMIT_PATH_BYTES);
	struct strvec minors = STRVEC_INIT;

	directory(&dir);
	if (buf_ok(&dir))
		minors_of(dir.data, &minors);
	for (size_t i = 0; i < minors.n; i++)
		completion_add(c, minors.v[i], NULL);
	strvec_release(&minors);
	buf_release(&dir);
}

static int unknown_minor(const char *dir, const char *minor, struct err *err)
{
	struct buf known = BUF_INIT(KNOWN_MAX);
	struct strvec minors = STRVEC_INIT;

	minors_of(dir, &minors);
	for (size_t i = 0; i < minors.n; i++)
		buf_addf(&known, "%s%s", i ? ", " : "", minors.v[i]);
	if (minors.n)
		err_set(err, ERR_INVALID, "this windlass does not know "
			"Kubernetes %s, but %s", minor, known.data);
	else
		err_set(err, ERR_INTERNAL, "no schema tables are in '%s': "
			"install windlass, or name the directory that has "
			"them in WINDLASS_OPENAPI", dir);
	strvec_release(&minors);
	buf_release(&known);
	return -1;
}

int openapi_open_minor(const char *minor, struct openapi *ret,
		       struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf dir = BUF_INIT(LIMIT_PATH_BYTES);
	int rc;

	if (!openapi_is_minor(minor))
		return err_set(err, ERR_INVALID, "'%s' is no Kubernetes "
			       "version, as %s", minor, OPENAPI_NEWEST);
	directory(&dir);
	buf_addf(&path, "%s/%s", dir.data, minor);
	rc = buf_check(&path, "a path", err);
	if (!rc)
		rc = openapi_open(path.data, ret, err);
	if (rc && err->sys == ENOENT) {
		err_clear(err);
		unknown_minor(dir.data, minor, err);
	}
	buf_release(&dir);
	buf_release(&path);
	return rc;
}
