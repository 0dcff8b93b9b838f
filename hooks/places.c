/*
 * Folders that must not meet. See places.h. Trusts the admin who wrote the
 * settings, not that two of them were written with each other in mind.
 */
#include "config.h"
#include "hooks/places.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"

/* True if b is folder a or inside of it. */
static bool holds(const char *a, const char *b)
{
	size_t len = strlen(a);

	return !strncmp(a, b, len) && (!b[len] || b[len] == '/');
}

/* True if a component of the path is "..". */
static bool climbs(const char *path)
{
	for (const char *s = path; *s;) {
		size_t len = strcspn(s, "/");

		if (len == 2 && !strncmp(s, "..", 2))
			return true;
		s += len + (s[len] == '/');
	}
	return false;
}

/* Appends what is not there yet, with one '/' between its components. */
static char *join(const char *there, const char *rest)
{
	char *out = xstrdup(strcmp(there, "/") ? there : "");

	while (*rest) {
		size_t len = strcspn(rest, "/");

		if (len && !(len == 1 && rest[0] == '.')) {
			char *longer = xasprintf("%s/%.*s", out, (int)len,
						 rest);

			free(out);
			out = longer;
		}
		rest += len + (rest[len] == '/');
	}
	return out;
}

/*
 * An absolute path in its one form: symlinks resolved as far as it exists.
 * NULL if that cannot be told, as with .. behind what does not exist.
 */
static char *one_form(const char *path)
{
	char *head = xstrdup(path), *out = NULL;
	size_t len = strlen(head);

	for (;;) {
		char *there = realpath(len ? head : "/", NULL);

		if (there) {
			if (!climbs(path + len))
				out = join(there, path + len);
			free(there);
			break;
		}
		if (!len)
			break;
		while (len && head[len - 1] == '/')
			head[--len] = '\0';
		while (len && head[len - 1] != '/')
			head[--len] = '\0';
	}
	free(head);
	return out;
}

static int check_channel(const char *name, const char *git_dir,
			 const char *publish, struct err *err)
{
	char *own = xasprintf("%s/windlass/%s", git_dir, name);
	char *shown = xasprintf("%s/%s", publish, name);
	int rc = 0;

	if (holds(own, publish))
		rc = err_set(err, ERR_INVALID, "channel '%s' keeps its own "
			     "files in '%s', where '%s' is published; give "
			     "the channel another name, or set "
			     "windlass.publish to another folder", name, own,
			     publish);
	else if (holds(shown, git_dir))
		rc = err_set(err, ERR_INVALID, "channel '%s' would be "
			     "published in '%s', which is where the "
			     "repository is; set windlass.publish to another "
			     "folder", name, shown);
	free(own);
	free(shown);
	return rc;
}

int places_apart(const struct host_config *c, struct err *err)
{
	char *git_dir = one_form(c->git_dir);
	char *publish = one_form(c->publish_dir);
	char *own = xasprintf("%s/windlass/", git_dir ? git_dir : "");
	int rc = 0;

	if (!git_dir || !publish)
		rc = err_set(err, ERR_INVALID, "windlass.publish = '%s': must "
			     "be a path without .. behind what does not exist",
			     c->publish_dir);
	else if (holds(git_dir, publish) &&
		 strncmp(publish, own, strlen(own)))
		rc = err_set(err, ERR_INVALID, "windlass.publish = '%s' lies "
			     "among the repository's own files; choose a "
			     "folder outside of '%s', or leave it unset",
			     c->publish_dir, git_dir);
	for (size_t i = 0; !rc && i < c->n; i++)
		rc = check_channel(c->channels[i].name, git_dir, publish, err);
	free(git_dir);
	free(publish);
	free(own);
	return rc;
}
