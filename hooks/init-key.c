/*
 * A channel's publisher key. See init.h. The key is made by stock ssh-keygen
 * without a passphrase, because it signs unattended; who wants more keeps it
 * in an ssh-agent and says key::. It never lies inside the repository, where
 * a web server or a clone by file could hand it out.
 */
#include "config.h"
#include "hooks/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/proc.h"

#define KEYGEN_MS 30000

static char *key_folder(struct err *err)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	if (geteuid() == 0)
		return xstrdup("/etc/windlass");
	if (config && config[0] == '/')
		return xasprintf("%s/windlass", config);
	if (home && home[0] == '/')
		return xasprintf("%s/.config/windlass", home);
	err_set(err, ERR_INVALID, "HOME is not set, so there is no place for "
		"the key; name one with --key FILE");
	return NULL;
}

char *init_key_default(const char *channel, const char *id, struct err *err)
{
	char *folder = key_folder(err), *file;

	if (!folder)
		return NULL;
	file = xasprintf("%s/%s_ed25519", folder, channel);
	if (fs_exists(AT_FDCWD, file)) {
		free(file);
		file = xasprintf("%s/%s-%.8s_ed25519", folder, channel, id);
	}
	free(folder);
	return file;
}

static int make_folder(const char *file, struct err *err)
{
	char *folder = xstrndup(file, (size_t)(strrchr(file, '/') - file));
	int rc = 0;

	if (*folder && !fs_exists(AT_FDCWD, folder))
		rc = fs_mkdirs(folder, 0700, err);
	free(folder);
	return rc;
}

int init_key_generate(const char *file, const char *channel, struct err *err)
{
	char *comment = xasprintf("windlass %s", channel);
	const char *argv[] = {
		"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment,
		"-f", file, NULL,
	};
	struct proc p = { .argv = argv, .timeout_ms = KEYGEN_MS };
	int rc = make_folder(file, err);

	if (!rc)
		rc = proc_check(&p, err);
	free(comment);
	return rc;
}
