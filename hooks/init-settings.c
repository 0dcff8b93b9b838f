/*
 * Writing the settings of a channel into the repository's own config. See
 * init.h. Other sections and comments stay as they are; libgit2 edits a copy
 * of the file as `git config` would, and the copy is renamed under the lock
 * that `git config` takes.
 */
#include "config.h"
#include "hooks/init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/config-value.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"

/* a config file is a page of text, the largest forges' too */
#define LIMIT_CONFIG_BYTES (4u * 1024 * 1024)
/* seconds from when git offers a nonce to when it gets it back signed: a
 * touch of a key, and a large push on a slow line */
#define NONCE_SLOP "300"
/* longer than any init takes */
#define LOCK_MS 10000

const char *const init_hidden_refs[] = {
	"refs/windlass", "refs/windlass-status", "refs/notes/windlass",
	"refs/replace", NULL,
};

int init_lock(git_repository *repo, int *ret_fd, struct err *err)
{
	/* not a file: --remove leaves none behind */
	return fs_lock_dir(git_repository_path(repo), LOCK_MS, ret_fd, err);
}

void init_drop_draft(git_repository *repo)
{
	const char *dir = git_repository_path(repo);
	DIR *d = opendir(dir);
	struct dirent *e;

	/* with the lock on it, and the file that should have become it */
	while (d && (e = readdir(d)))
		if (!strncmp(e->d_name, INIT_DRAFT, strlen(INIT_DRAFT)))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

/* Writes the draft, with the mode that the settings have. */
static int write_draft(struct init_settings *s, const struct buf *text,
		       struct err *err)
{
	struct stat st;

	if (stat(s->file, &st) < 0)
		return err_sys(err, "cannot look at '%s'", s->file);
	return fs_write(AT_FDCWD, s->draft, text->data, text->len,
			st.st_mode & 0777, err);
}

static int read_from(struct init_settings *s, const char *file,
		     struct err *err)
{
	git_config_free(s->local);
	s->local = NULL;
	if (git_config_new(&s->local) < 0 ||
	    git_config_add_file_ondisk(s->local, file, GIT_CONFIG_LEVEL_LOCAL,
				       s->repo, false) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read '%s'", file);
	return 0;
}

/* From here on it is the draft that is read and written. */
static int begin_draft(struct init_settings *s, struct err *err)
{
	s->draft = xasprintf("%s" INIT_DRAFT, git_repository_path(s->repo));
	init_drop_draft(s->repo);
	if (write_draft(s, &s->before, err) < 0)
		return -1;
	return read_from(s, s->draft, err);
}

int init_settings_open(git_repository *repo, struct init_settings *ret,
		       struct err *err)
{
	struct init_settings s = {
		.repo = repo, .before = BUF_INIT(LIMIT_CONFIG_BYTES),
	};

	s.file = xasprintf("%sconfig", git_repository_path(repo));
	if (fs_read(AT_FDCWD, s.file, &s.before, err) < 0)
		goto fail;
	if (read_from(&s, s.file, err) < 0)
		goto fail;
	*ret = s;
	return 0;
fail:
	init_settings_release(&s);
	return -1;
}

static char *get(const struct init_settings *s, const char *name)
{
	git_buf value = GIT_BUF_INIT;
	char *copy = NULL;

	if (!git_config_get_string_buf(&value, s->local, name))
		copy = xstrdup(value.ptr);
	git_buf_dispose(&value);
	return copy;
}

char *init_settings_get(const struct init_settings *s, const char *channel,
			const char *key)
{
	char *name = xasprintf("windlass.%s.%s", channel, key);
	char *value = get(s, name);

	free(name);
	return value;
}

static int add_value(const git_config_entry *e, void *arg)
{
	strvec_push(arg, e->value ? e->value : "");
	return 0;
}

static size_t count(const struct init_settings *s, const char *name)
{
	struct strvec values = STRVEC_INIT;
	size_t n;

	git_config_get_multivar_foreach(s->local, name, NULL, add_value,
					&values);
	n = values.n;
	strvec_release(&values);
	return n;
}

/* NULL leaves the setting alone. */
static int set(struct init_settings *s, const char *name, const char *value,
	       struct err *err)
{
	char *now;
	int rc = 0;

	if (!value)
		return 0;
	now = get(s, name);
	if (!now || strcmp(now, value)) {
		s->changes++;
		if (count(s, name) > 1)
			rc = err_set(err, ERR_INVALID, "'%s' has %zu values in "
				     "'%s', and only one counts; leave one: "
				     "git config --file %s --replace-all %s %s",
				     name, count(s, name), s->file, s->file,
				     name, value);
		else if (git_config_set_string(s->local, name, value) < 0)
			rc = repo_err(err, ERR_INTERNAL, "cannot set '%s' in "
				      "'%s'", name, s->file);
	}
	free(now);
	return rc;
}

static int set_channel(struct init_settings *s, const char *channel,
		       const char *key, const char *value, struct err *err)
{
	char *name = xasprintf("windlass.%s.%s", channel, key);
	int rc = set(s, name, value, err);

	free(name);
	return rc;
}

static int append(struct init_settings *s, const char *name,
		  const char *value, struct err *err)
{
	s->changes++;
	/* a pattern that no value matches makes this an addition */
	if (git_config_set_multivar(s->local, name, "^$.", value) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot set '%s' in '%s'",
				name, s->file);
	return 0;
}

/* All values of one key: those that were there are replaced. */
static int set_all(struct init_settings *s, const char *name,
		   const struct strvec *values, struct err *err)
{
	struct strvec now = STRVEC_INIT;
	bool same;
	int rc = 0;

	if (!values->n)
		return 0;
	git_config_get_multivar_foreach(s->local, name, NULL, add_value, &now);
	same = now.n == values->n;
	for (size_t i = 0; same && i < now.n; i++)
		same = !strcmp(now.v[i], values->v[i]);
	if (!same && now.n &&
	    git_config_delete_multivar(s->local, name, ".*") < 0)
		rc = repo_err(err, ERR_INTERNAL, "cannot replace '%s' in '%s'",
			      name, s->file);
	for (size_t i = 0; !rc && !same && i < values->n; i++)
		rc = append(s, name, values->v[i], err);
	strvec_release(&now);
	return rc;
}

/* Kept in mind for --remove, where a backup of the settings has it too. */
static int note(struct init_settings *s, const char *name, const char *value,
		const char *before, struct err *err)
{
	char *line = xasprintf("%s %s%s%s", name, value, before ? " " : "",
			       before ? before : "");
	int rc = append(s, INIT_REPLACED, line, err);

	free(line);
	return rc;
}

/* A setting that is not windlass' own, switched on. */
static int set_shared(struct init_settings *s, const char *name,
		      struct err *err)
{
	static const char value[] = "true";
	char *now = get(s, name);
	int on = 0, rc;

	/* "yes", "1" or a name alone say it as well */
	if (!git_config_get_bool(&on, s->local, name) && on) {
		free(now);
		return 0;
	}
	rc = set(s, name, value, err);
	if (!rc && (!now || strcmp(now, value)))
		rc = note(s, name, value, now, err);
	free(now);
	return rc;
}

/* A setting that is not windlass' own, where it has no value yet. `noted` is
 * the pattern of what --remove may take away. */
static int set_unset(struct init_settings *s, const char *name,
		     const char *value, const char *noted, struct err *err)
{
	char *now = get(s, name);
	int rc = now ? 0 : set(s, name, value, err);

	if (!rc && !now)
		rc = note(s, name, noted, NULL, err);
	free(now);
	return rc;
}

/* What git needs to take signed pushes: a secret that it makes nonces from,
 * and for HTTP, where another process takes the push, how old they may be. */
static int offer_signed_push(struct init_settings *s, struct err *err)
{
	uint8_t random[32];
	char seed[2 * sizeof(random) + 1];
	int rc;

	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(seed, sizeof(seed), random, sizeof(random));
	rc = set_unset(s, "receive.certNonceSeed", seed, ".*", err);
	if (!rc)
		rc = set_unset(s, "receive.certNonceSlop", NONCE_SLOP,
			       NONCE_SLOP, err);
	sodium_memzero(seed, sizeof(seed));
	return rc;
}

static int hide_refs(struct init_settings *s, struct err *err)
{
	static const char name[] = "receive.hideRefs";
	struct strvec now = STRVEC_INIT;
	int rc = 0;

	git_config_get_multivar_foreach(s->local, name, NULL, add_value, &now);
	for (const char *const *ref = init_hidden_refs; !rc && *ref; ref++)
		if (!strvec_has(&now, *ref)) {
			rc = append(s, name, *ref, err);
			if (!rc)
				rc = note(s, name, *ref, NULL, err);
		}
	strvec_release(&now);
	return rc;
}

/* A value that is written once and left alone when it is there. */
static int set_default(struct init_settings *s, const char *channel,
		       const char *key, const char *asked,
		       const char *fallback, struct err *err)
{
	char *now = init_settings_get(s, channel, key);
	int rc = set_channel(s, channel, key,
			     asked ? asked : now ? NULL : fallback, err);

	free(now);
	return rc;
}

static int set_paths(struct init_settings *s, const struct init_options *o,
		     struct err *err)
{
	char *name = xasprintf("windlass.%s.path", o->channel);
	int rc = set_all(s, name, &o->paths, err);

	free(name);
	return rc;
}

int init_settings_write(struct init_settings *s,
			const struct init_options *o, struct err *err)
{
	const char *ch = o->channel;
	char epoch[24] = "1";

	if (*o->found.id)
		snprintf(epoch, sizeof(epoch), "%" PRIu64,
			 o->found.commit.bundle.epoch);
	if (begin_draft(s, err) < 0 ||
	    set_shared(s, "receive.advertisePushOptions", err) < 0 ||
	    set_shared(s, "transfer.fsckObjects", err) < 0 ||
	    hide_refs(s, err) < 0 ||
	    set(s, "windlass.publish", o->publish, err) < 0 ||
	    set(s, "windlass.serve", o->serve, err) < 0 ||
	    set_channel(s, ch, "id", o->id, err) < 0 ||
	    set_default(s, ch, "epoch", NULL, epoch, err) < 0 ||
	    set_channel(s, ch, "ref", o->ref, err) < 0 ||
	    set_paths(s, o, err) < 0 ||
	    set_channel(s, ch, "signingKey", o->key, err) < 0 ||
	    set_default(s, ch, "kubernetes", o->kubernetes,
			KUBERNETES_DEFAULT, err) < 0 ||
	    set_channel(s, ch, "defaultNamespace", o->default_namespace,
			err) < 0 ||
	    set_channel(s, ch, "deleteLimit", o->delete_limit, err) < 0 ||
	    set_channel(s, ch, "secrets", o->allow_secrets ? "allow" : NULL,
			err) < 0 ||
	    set_channel(s, ch, "developers", o->developers, err) < 0 ||
	    set_channel(s, ch, "requireSignedCommits",
			o->signed_commits ? "true" : NULL, err) < 0 ||
	    set_channel(s, ch, "requireSignedPush",
			o->signed_push ? "true" : NULL, err) < 0)
		return -1;
	return o->signed_push ? offer_signed_push(s, err) : 0;
}

/* With git's lock: what is there is what the draft was made of. */
static int replace(struct init_settings *s, const char *lock, struct err *err)
{
	struct buf now = BUF_INIT(LIMIT_CONFIG_BYTES);
	int rc = fs_read(AT_FDCWD, s->file, &now, err);

	if (!rc && (now.len != s->before.len ||
		    memcmp(now.data, s->before.data, now.len)))
		rc = err_set(err, ERR_TRANSIENT, "'%s' was changed by another "
			     "process just now; run this again", s->file);
	if (!rc && rename(lock, s->file) < 0)
		rc = err_sys(err, "cannot replace '%s'", s->file);
	buf_release(&now);
	return rc;
}

int init_settings_commit(struct init_settings *s, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_CONFIG_BYTES);
	char *lock = xasprintf("%s.lock", s->file);
	int rc = 0;

	if (!s->changes)
		goto out;
	rc = fs_read(AT_FDCWD, s->draft, &text, err);
	if (!rc)
		rc = write_draft(s, &text, err);
	if (rc)
		goto out;
	if (link(s->draft, lock) < 0) {
		rc = errno == EEXIST
			? err_set(err, ERR_TRANSIENT, "'%s' is there, so "
				  "another process changes these settings, or "
				  "was killed while it did; wait for it, or "
				  "remove that file", lock)
			: err_sys(err, "cannot make '%s'", lock);
		goto out;
	}
	rc = replace(s, lock, err);
	if (rc < 0)
		unlink(lock);
	else
		rc = fs_sync_dir(AT_FDCWD, git_repository_path(s->repo), err);
out:
	free(lock);
	buf_release(&text);
	return rc;
}

void init_settings_release(struct init_settings *s)
{
	git_config_free(s->local);
	if (s->draft)
		init_drop_draft(s->repo);
	free(s->draft);
	free(s->file);
	buf_release(&s->before);
	*s = (struct init_settings){ .before = BUF_INIT(0) };
}
