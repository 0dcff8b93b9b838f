/*
 * Noticing that the rules of a channel changed. See settings.h. Trusts the
 * clock of the file system for the host's CRD files: one that is edited in
 * place without a new size or time is not noticed.
 */
#include "config.h"
#include "hooks/settings.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/render.h"

/* the settings of one channel as a text; a few paths make up most of it */
#define SETTINGS_TEXT_MAX (1024u * 1024)

static void add_stat(const char *path, const char *name, struct buf *out)
{
	struct stat st;

	buf_addf(out, "file %s", name);
	if (stat(path, &st) == 0)
		buf_addf(out, " %lld %lld.%09ld", (long long)st.st_size,
			 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	buf_addc(out, '\n');
}

static void add_host_path(const char *path, struct buf *out)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, NULL, alphasort);

	add_stat(path, path, out);
	for (int i = 0; i < n; i++) {
		char *full = xasprintf("%s/%s", path, names[i]->d_name);

		if (names[i]->d_name[0] != '.')
			add_stat(full, full, out);
		free(full);
		free(names[i]);
	}
	free(names);
}

static int add_tree_path(git_repository *repo, const git_oid *tree,
			 const char *path, struct buf *out, struct err *err)
{
	char hex[GIT_HEX_SIZE] = "none";
	unsigned mode;
	git_oid id;
	int rc = repo_tree_entry(repo, tree, path, &id, &mode, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		git_oid_tostr(hex, sizeof(hex), &id);
	buf_addf(out, "tree %s %s\n", path, hex);
	return 0;
}

int settings_digest(git_repository *repo, const struct channel_config *ch,
		    const git_oid *tree, struct sha256 *ret, struct err *err)
{
	struct buf text = BUF_INIT(SETTINGS_TEXT_MAX);
	int rc = 0;

	buf_addf(&text, "windlass %s\nrenderer %s\nchannel %s\nref %s\n"
		 "kubernetes %s\nnamespace %s\nsecrets %d\nunknown %d\n",
		 PACKAGE_VERSION,
		 RENDERER, ch->name, ch->ref, ch->kubernetes,
		 ch->default_namespace, ch->allow_secrets, ch->unknown_kinds);
	policy_text(&ch->policy, &text);
	for (size_t i = 0; i < ch->paths.n; i++)
		buf_addf(&text, "path %s\n", ch->paths.v[i]);
	for (size_t i = 0; !rc && i < ch->crds.n; i++) {
		if (ch->crds.v[i][0] == '/')
			add_host_path(ch->crds.v[i], &text);
		else
			rc = add_tree_path(repo, tree, ch->crds.v[i], &text,
					   err);
	}
	if (!rc)
		rc = buf_check(&text, "the list of a channel's crds", err);
	if (!rc)
		sha256_of(text.data, text.len, ret);
	buf_release(&text);
	return rc;
}

static void settings_text(const char *bundle, const struct sha256 *digest,
			  struct buf *out)
{
	char hex[SHA256_HEX_SIZE];

	sha256_hex(digest, hex);
	buf_addf(out, "%s %s\n", bundle, hex);
}

bool settings_match(const struct host_config *host,
		    const struct channel_config *ch, const char *bundle,
		    const struct sha256 *digest)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES), want = BUF_INIT(256),
		   got = BUF_INIT(256);
	struct err err = ERR_INIT;
	bool match;

	settings_text(bundle, digest, &want);
	match = !config_channel_file(host, ch, "settings", &path, &err) &&
		!fs_read(AT_FDCWD, path.data, &got, &err) &&
		got.len == want.len && !memcmp(got.data, want.data, got.len);
	buf_release(&path);
	buf_release(&want);
	buf_release(&got);
	return match;
}

int settings_keep(const struct host_config *host,
		  const struct channel_config *ch, const char *bundle,
		  const struct sha256 *digest, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES), text = BUF_INIT(256);
	int rc = config_channel_file(host, ch, "settings", &path, err);

	settings_text(bundle, digest, &text);
	if (!rc)
		rc = fs_write_cache(AT_FDCWD, path.data, text.data, text.len,
				    0640, err);
	buf_release(&path);
	buf_release(&text);
	return rc;
}
