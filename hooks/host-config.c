/*
 * The Git host's configuration out of `git config`. See host-config.h; what
 * each key may say is in host-setting.c. Trusts the admin who wrote it.
 */
#include "config.h"
#include "hooks/host-config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/after.h"
#include "hooks/bucket.h"
#include "hooks/config-value.h"
#include "hooks/places.h"
#include "hooks/host-setting.h"
#include "hooks/receiver.h"
#include "hooks/rollback-failed.h"
#include "schema/base/fs.h"
#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/object.h"

#define SECTION "windlass"

static struct channel_config *channel_add(struct host_config *c,
					  const char *name)
{
	struct channel_config *ch;

	/* mostly of the same section as the one before */
	for (size_t i = c->n; i-- > 0; )
		if (!strcmp(c->channels[i].name, name))
			return &c->channels[i];
	c->channels = xreallocarray(c->channels, c->n + 1,
				    sizeof(*c->channels));
	ch = &c->channels[c->n++];
	*ch = (struct channel_config){
		.epoch = 1,
		.delete_limit = DELETE_LIMIT_DEFAULT,
		.head_lifetime = HEAD_LIFETIME_DEFAULT,
		.silent_after = SILENT_AFTER_DEFAULT,
	};
	memcpy(ch->name, name, strlen(name) + 1);
	return ch;
}

/* An entry's name is "windlass.<key>" or "windlass.<channel>.<key>". */
static int read_entry(struct host_config *c, const git_config_entry *e,
		      struct err *err)
{
	const char *rest = e->name + strlen(SECTION ".");
	const char *dot = strrchr(rest, '.');
	char *channel, *section;
	int rc;

	if (!dot)
		return setting_apply(host_settings, c, SECTION, rest, e->value,
				     err);
	channel = xstrndup(rest, (size_t)(dot - rest));
	section = xasprintf(SECTION ".%s", channel);
	if (!is_channel_name(channel))
		rc = err_set(err, ERR_INVALID, "'%s' cannot be a channel's "
			     "name: use lower-case letters, digits and -, at "
			     "most %d", channel, LIMIT_CHANNEL_BYTES);
	else
		rc = setting_apply(channel_settings, channel_add(c, channel),
				   section, dot + 1, e->value, err);
	free(section);
	free(channel);
	return rc;
}

/* "windlass-s3.<name>.<key>", and so on. */
static int read_named_entry(struct host_config *c, const git_config_entry *e,
			    const char *section,
			    int (*take)(struct host_config *c,
					const char *name, const char *key,
					const char *value, struct err *err),
			    struct err *err)
{
	const char *rest = e->name + strlen(section) + 1;
	const char *dot = strrchr(rest, '.');
	char *name;
	int rc;

	if (!dot)
		return err_set(err, ERR_INVALID, "'%s' is in a section without "
			       "a name; write [%s \"NAME\"]", e->name, section);
	name = xstrndup(rest, (size_t)(dot - rest));
	rc = take(c, name, dot + 1, e->value, err);
	free(name);
	return rc;
}

static bool in_section(const git_config_entry *e, const char *section)
{
	return !strncmp(e->name, section, strlen(section));
}

static int read_entries(struct host_config *c, git_config *config,
			struct err *err)
{
	git_config_iterator *it = NULL;
	git_config_entry *e;
	int rc = -1, git_rc;

	/* not by a pattern: libgit2 1.5 leaks 20 KB for each key that a
	 * pattern does not match, and serve reads the settings often */
	if (git_config_iterator_new(&it, config) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read the settings");
	while ((git_rc = git_config_next(&e, it)) == 0)
		if ((in_section(e, SECTION ".") &&
		     read_entry(c, e, err) < 0) ||
		    (in_section(e, BUCKET_SECTION ".") &&
		     read_named_entry(c, e, BUCKET_SECTION, bucket_setting,
				      err) < 0) ||
		    (in_section(e, RECEIVER_SECTION ".") &&
		     read_named_entry(c, e, RECEIVER_SECTION,
				      receiver_setting, err) < 0))
			goto out;
	if (git_rc != GIT_ITEROVER)
		repo_err(err, ERR_INTERNAL, "cannot read the settings");
	else
		rc = 0;
out:
	git_config_iterator_free(it);
	return rc;
}

static int missing(const struct channel_config *ch, const char *key,
		   const char *example, struct err *err)
{
	return err_set(err, ERR_INVALID, "channel '%s' has no %s; set it with "
		       "`git config %s.%s.%s %s`", ch->name, key, SECTION,
		       ch->name, key, example);
}

static int complete_channel(struct channel_config *ch, struct err *err)
{
	if (!ch->id[0])
		return missing(ch, "id", "\"$(openssl rand -hex 16)\"", err);
	if (!ch->ref)
		return missing(ch, "ref", "refs/heads/main", err);
	if (!ch->paths.n)
		return missing(ch, "path", "deploy", err);
	if (!ch->signing_key)
		return missing(ch, "signingKey", "/etc/windlass/KEY", err);
	if ((ch->require_signed_commits || ch->require_signed_push) &&
	    !ch->developers)
		return missing(ch, "developers", "/etc/windlass/developers",
			       err);
	if (ch->editor_key && !strcmp(ch->editor_key, ch->signing_key))
		return err_set(err, ERR_INVALID, "%s.%s.editorKey is the "
			       "signingKey: a publisher's key signs bundles "
			       "and heads, nothing else", SECTION, ch->name);
	if (rollback_complete(ch, err) < 0)
		return -1;
	if (value_paths_apart(&ch->paths, err) < 0)
		return err_wrap(err, "channel '%s'", ch->name);
	if (!ch->kubernetes)
		ch->kubernetes = xstrdup(KUBERNETES_DEFAULT);
	if (!ch->default_namespace)
		ch->default_namespace = xstrdup("");
	if (!ch->publisher)
		ch->publisher = value_default_identity(ch->name);
	if (!ch->editor)
		ch->editor = xstrdup(ch->publisher);
	return 0;
}

/* Under which id, and which path of which ref, a channel is there. */
struct seen {
	struct map ids, paths;
};

static int see_channel(struct seen *seen, struct channel_config *ch,
		       struct err *err)
{
	const struct channel_config *other = map_put(&seen->ids, ch->id, ch);

	if (other)
		return err_set(err, ERR_INVALID, "channels '%s' and '%s' have "
			       "one id; each needs its own", other->name,
			       ch->name);
	for (size_t i = 0; i < ch->paths.n; i++) {
		/* no ref has a space */
		char *place = xasprintf("%s %s", ch->ref, ch->paths.v[i]);

		other = map_put(&seen->paths, place, ch);
		free(place);
		if (other)
			return err_set(err, ERR_INVALID, "channels '%s' and "
				       "'%s' both read path '%s' of '%s'",
				       other->name, ch->name, ch->paths.v[i],
				       ch->ref);
	}
	return 0;
}

/* No two of them are one, or have one folder. */
static int channels_apart(struct host_config *c, struct err *err)
{
	struct seen seen = { MAP_INIT, MAP_INIT };
	int rc = 0;

	for (size_t i = 0; !rc && i < c->n; i++)
		rc = see_channel(&seen, &c->channels[i], err);
	map_release(&seen.ids, NULL);
	map_release(&seen.paths, NULL);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	const struct channel_config *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int complete(struct host_config *c, struct err *err)
{
	if (!c->publish_dir)
		c->publish_dir = xasprintf("%s/public", c->state_dir);
	if (!c->review_refs)
		c->review_refs = xstrdup(REVIEW_REFS_DEFAULT);
	if (c->n)
		qsort(c->channels, c->n, sizeof(*c->channels), by_name);
	for (size_t i = 0; i < c->n; i++) {
		if (complete_channel(&c->channels[i], err) < 0)
			return -1;
		if (!strncmp(c->channels[i].ref, c->review_refs,
			     strlen(c->review_refs)))
			return err_set(err, ERR_INVALID, "channel '%s' follows "
				       "'%s', which is a ref for review and "
				       "would be removed (%s.reviewRefs)",
				       c->channels[i].name, c->channels[i].ref,
				       SECTION);
	}
	if (channels_apart(c, err) < 0 || after_complete(c, err) < 0 ||
	    bucket_complete(c, err) < 0 || receiver_complete(c, err) < 0)
		return -1;
	return places_apart(c, err);
}

static int read_all(git_repository *repo, git_config *config,
		    struct host_config *ret, struct err *err)
{
	const char *dir = git_repository_path(repo);
	struct host_config c = { 0 };
	size_t len = strlen(dir);
	int rc;

	while (len > 1 && dir[len - 1] == '/')
		len--;
	c.git_dir = xstrndup(dir, len);
	c.state_dir = xasprintf("%s/windlass", c.git_dir);
	c.image_interval = IMAGE_INTERVAL_DEFAULT;
	rc = read_entries(&c, config, err);
	if (!rc)
		rc = complete(&c, err);
	if (rc < 0)
		config_release(&c);
	else
		*ret = c;
	return rc;
}

int config_check_place(git_repository *repo, struct err *err)
{
	if (!git_repository_is_worktree(repo))
		return 0;
	return err_set(err, ERR_INVALID, "'%s' belongs to a linked working "
		       "tree: name the repository itself, '%s'",
		       git_repository_path(repo),
		       git_repository_commondir(repo));
}

int config_read(git_repository *repo, struct host_config *ret,
		struct err *err)
{
	git_config *config = NULL;
	int rc;

	if (config_check_place(repo, err) < 0)
		return -1;
	if (git_repository_config_snapshot(&config, repo) < 0)
		return repo_err(err, ERR_INVALID, "cannot read the "
				"configuration of '%s'",
				git_repository_path(repo));
	rc = read_all(repo, config, ret, err);
	git_config_free(config);
	return rc;
}

int config_read_draft(git_repository *repo, const char *file,
		      struct host_config *ret, struct err *err)
{
	git_config *config = NULL;
	int rc = -1;

	if (git_config_open_default(&config) < 0 ||
	    git_config_add_file_ondisk(config, file, GIT_CONFIG_LEVEL_LOCAL,
				       repo, true) < 0)
		repo_err(err, ERR_INVALID, "cannot read '%s'", file);
	else
		rc = read_all(repo, config, ret, err);
	git_config_free(config);
	return rc;
}

static int is_of_name(const void *name, const void *ch)
{
	return strcmp(name, ((const struct channel_config *)ch)->name);
}

/* Asked for each channel again and again, so not one after the other. */
const struct channel_config *config_channel(const struct host_config *c,
					    const char *name)
{
	return c->n ? bsearch(name, c->channels, c->n, sizeof(*c->channels),
			      is_of_name) : NULL;
}

static void channel_release(struct channel_config *ch)
{
	free(ch->ref);
	strvec_release(&ch->paths);
	free(ch->kubernetes);
	free(ch->signing_key);
	free(ch->publisher);
	free(ch->editor);
	free(ch->editor_key);
	free(ch->default_namespace);
	strvec_release(&ch->crds);
	free(ch->approvers);
	free(ch->developers);
	free(ch->reporters);
	free(ch->after);
	strvec_release(&ch->notify);
	policy_release(&ch->policy);
}

void config_release(struct host_config *c)
{
	for (size_t i = 0; i < c->n; i++)
		channel_release(&c->channels[i]);
	free(c->channels);
	for (size_t i = 0; i < c->n_buckets; i++)
		bucket_release(&c->buckets[i]);
	free(c->buckets);
	for (size_t i = 0; i < c->n_receivers; i++)
		receiver_release(&c->receivers[i]);
	free(c->receivers);
	free(c->git_dir);
	free(c->state_dir);
	free(c->publish_dir);
	free(c->serve);
	strvec_release(&c->pushees);
	free(c->push_url);
	free(c->review_refs);
	*c = (struct host_config){ 0 };
}

/*
 * In a repository that its group shares (core.sharedRepository), pushers who
 * are not the publisher take the lock and leave allowances too.
 */
static int make_dir(const char *path, bool shared, struct err *err)
{
	struct stat st;

	if (fs_mkdirs(path, 0750, err) < 0)
		return -1;
	if (!shared || stat(path, &st) < 0 || st.st_uid != geteuid() ||
	    (st.st_mode & 02070) == 02070)
		return 0;
	if (chmod(path, 02770) < 0)
		return err_sys(err, "cannot set the mode of '%s'", path);
	return 0;
}

int config_channel_dir(const struct host_config *c, const char *channel,
		       struct buf *ret_path, struct err *err)
{
	char *path = xasprintf("%s/%s", c->state_dir, channel);
	char *allow = xasprintf("%s/allow", path);
	char *pushed = xasprintf("%s/pushed", path);
	struct stat st;
	bool shared = !stat(c->git_dir, &st) && (st.st_mode & S_IWGRP);
	int rc = -1;

	if (!make_dir(c->state_dir, shared, err) &&
	    !make_dir(path, shared, err) && !make_dir(allow, shared, err) &&
	    !make_dir(pushed, shared, err)) {
		buf_adds(ret_path, path);
		rc = 0;
	}
	free(pushed);
	free(allow);
	free(path);
	return rc;
}

int config_channel_file(const struct host_config *c,
			const struct channel_config *ch, const char *name,
			struct buf *ret_path, struct err *err)
{
	if (config_channel_dir(c, ch->name, ret_path, err) < 0)
		return -1;
	buf_addf(ret_path, "/%s", name);
	return buf_check(ret_path, "a path", err);
}
