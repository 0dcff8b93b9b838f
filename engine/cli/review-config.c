/*
 * The settings of a channel, out of a file in the grammar of git config: what
 * decides at the Git host whether a manifest is valid decides here, too. See
 * review.h. The file is the user's, mostly a copy of the host's section.
 */
#include "config.h"
#include "engine/cli/review.h"

#include <git2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/base/mem.h"
#include "schema/manifest-files.h"
#include "schema/repo.h"

static int set_namespace(struct review *r, const char *v, struct err *err)
{
	if (*v && !is_dns_label(v))
		return err_set(err, ERR_INVALID, "must be a namespace's name");
	/* an option comes before the file */
	if (!*r->rules.default_namespace)
		r->rules.default_namespace = arena_strdup(&r->arena, v);
	return 0;
}

static int set_secrets(struct review *r, const char *v, struct err *err)
{
	if (strcasecmp(v, "allow") && strcasecmp(v, "refuse"))
		return err_set(err, ERR_INVALID, "must be allow or refuse");
	r->rules.allow_secrets |= !strcasecmp(v, "allow");
	return 0;
}

static int set_unknown_kinds(struct review *r, const char *v,
			     struct err *err)
{
	if (strcasecmp(v, "allow") && strcasecmp(v, "refuse"))
		return err_set(err, ERR_INVALID, "must be allow or refuse");
	r->rules.unknown_kinds |= !strcasecmp(v, "allow");
	return 0;
}

static int set_strict(struct review *r, const char *v, struct err *err)
{
	int strict;

	if (git_config_parse_bool(&strict, v) < 0)
		return err_set(err, ERR_INVALID, "must be true or false");
	r->rules.strict |= strict;
	return 0;
}

static int set_kubernetes(struct review *r, const char *v, struct err *err)
{
	if (!openapi_is_minor(v))
		return err_set(err, ERR_INVALID, "must be a Kubernetes "
			       "version, as %s", OPENAPI_NEWEST);
	if (!r->kubernetes)
		r->kubernetes = arena_strdup(&r->arena, v);
	return 0;
}

/* Where the manifests and definitions of a commit are; 1: it is not that. */
static int set_place(struct review *r, const char *key, const char *v,
		     struct err *err)
{
	if (!strcasecmp(key, "path"))
		return r->commit->paths_given ? 0 :
		       manifest_path_take(v, &r->commit->paths, err);
	if (strcasecmp(key, "crds"))
		return 1;
	return review_take_crds(r, v, err);
}

/* 0, or 1: the key says nothing of what is valid. */
static int set(struct review *r, const char *key, const char *v,
	       struct err *err)
{
	if (!strcasecmp(key, "strict"))
		return set_strict(r, v, err);
	if (!v)
		return err_set(err, ERR_INVALID, "has no value");
	if (!strcasecmp(key, "defaultNamespace"))
		return set_namespace(r, v, err);
	if (!strcasecmp(key, "secrets"))
		return set_secrets(r, v, err);
	if (!strcasecmp(key, "unknownKinds"))
		return set_unknown_kinds(r, v, err);
	if (!strcasecmp(key, "kubernetes"))
		return set_kubernetes(r, v, err);
	/* what a policy would say of a commit is not asked */
	return r->commit ? set_place(r, key, v, err) :
	       policy_set(&r->policy, key, v, err);
}

static int read_entries(struct review *r, git_config *config, size_t *found,
			struct err *err)
{
	char *section = arena_printf(&r->arena, "windlass.%s.",
				     r->rules.channel);
	size_t len = strlen(section);
	git_config_iterator *it = NULL;
	git_config_entry *e;
	int rc = 0;

	if (git_config_iterator_new(&it, config) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read it");
	while (rc >= 0 && git_config_next(&e, it) == 0) {
		if (strncmp(e->name, section, len))
			continue;
		++*found;
		rc = set(r, e->name + len, e->value, err);
		if (rc < 0)
			err_wrap(err, "%s = '%s'", e->name,
				 e->value ? e->value : "");
	}
	git_config_iterator_free(it);
	return rc < 0 ? -1 : 0;
}

int review_read_config(struct review *r, struct err *err)
{
	git_config *config = NULL;
	size_t found = 0;
	int rc = -1;

	if (!r->config)
		return 0;
	if (git_config_open_ondisk(&config, r->config) < 0)
		repo_err(err, ERR_INVALID, "cannot read the settings");
	else
		rc = read_entries(r, config, &found, err);
	git_config_free(config);
	if (!rc && !found)
		rc = err_set(err, ERR_INVALID, "there is nothing of channel "
			     "'%s': name another one by --channel, or write "
			     "[windlass \"%s\"]", r->rules.channel,
			     r->rules.channel);
	return rc ? err_wrap(err, "'%s'", r->config) : 0;
}

int review_find_settings(struct review *r, const char *channel,
			 struct err *err)
{
	const char *dir = git_repository_path(r->commit->repo);
	char *key = xasprintf("windlass.%s.path", channel);
	git_config *config = NULL;
	git_buf value = GIT_BUF_INIT;
	int rc = 0;

	r->rules.channel = channel;
	if (r->config || r->commit->paths_given)
		goto out;
	r->config = arena_printf(&r->arena, "%sconfig", dir);
	if (git_config_open_ondisk(&config, r->config) < 0 ||
	    git_config_get_string_buf(&value, config, key) < 0)
		rc = err_set(err, ERR_INVALID, "nothing here says what channel "
			     "'%s' reads: say it by --path and what else its "
			     "settings at the Git host say, or by --config",
			     channel);
out:
	git_buf_dispose(&value);
	git_config_free(config);
	free(key);
	return rc;
}
