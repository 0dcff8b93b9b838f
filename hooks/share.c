/*
 * What a shared repository gives to others than its owner. See share.h.
 * Trusts the admin who wrote the setting; a value that git would not
 * understand gives nothing.
 */
#include "config.h"
#include "hooks/share.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/mem.h"

/* group, and group and readers: folders, where files lack the x */
#define GROUP 0070
#define EVERYBODY 0075

static unsigned octal(const char *s)
{
	unsigned mode = 0;
	size_t len = strspn(s, "01234567");

	if (len < 3 || len > 5 || s[len])
		return 0;
	for (; *s; s++)
		mode = mode << 3 | (unsigned)(*s - '0');
	return mode;
}

unsigned share_rights(const char *value)
{
	static const struct {
		const char *name;
		unsigned rights;
	} names[] = {
		{ "group", GROUP }, { "true", GROUP }, { "yes", GROUP },
		{ "on", GROUP }, { "1", GROUP },
		{ "all", EVERYBODY }, { "world", EVERYBODY },
		{ "everybody", EVERYBODY }, { "2", EVERYBODY },
	};
	unsigned mode = octal(value);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcasecmp(value, names[i].name))
			return names[i].rights;
	/* who may read a file may look into its folder */
	return (mode & 066) | (mode & 044) >> 2;
}

unsigned share_of(git_repository *repo)
{
	git_buf value = GIT_BUF_INIT;
	git_config *config = NULL;
	unsigned rights = 0;

	if (!git_repository_config_snapshot(&config, repo) &&
	    !git_config_get_string_buf(&value, config,
				       "core.sharedRepository"))
		rights = share_rights(value.ptr);
	git_buf_dispose(&value);
	git_config_free(config);
	return rights;
}

void share_umask(git_repository *repo)
{
	mode_t rights = share_of(repo), mask;

	if (rights) {
		mask = umask(0777);
		umask(mask & ~rights);
	}
}

bool share_is_ours(const char *git_dir)
{
	struct stat st;

	return !stat(git_dir, &st) && st.st_uid == geteuid();
}

bool share_is_owners(const char *git_dir, const char *path)
{
	struct stat repo, file;

	return !stat(git_dir, &repo) && !lstat(path, &file) &&
	       S_ISREG(file.st_mode) && file.st_uid == repo.st_uid;
}

bool share_is_owners_folder(const char *git_dir, const char *path)
{
	struct stat repo, folder;

	if (lstat(path, &folder))
		return errno == ENOENT;
	return !stat(git_dir, &repo) && S_ISDIR(folder.st_mode) &&
	       folder.st_uid == repo.st_uid &&
	       !(folder.st_mode & (S_IWGRP | S_IWOTH));
}
