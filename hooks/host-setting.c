/*
 * What each key of the Git host's configuration may say. See host-setting.h.
 * Trusts the admin who wrote it, not their spelling: a value is checked when
 * it is read, and never guessed at.
 */
#include "config.h"
#include "hooks/host-setting.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hooks/after.h"
#include "hooks/config-value.h"
#include "hooks/host-config.h"
#include "hooks/listen.h"
#include "hooks/receiver.h"
#include "hooks/rollback-failed.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/manifest-files.h"
#include "schema/object.h"

/* ---- of the host ---- */

static int set_publish(void *target, const char *v, struct err *err)
{
	struct host_config *c = target;

	return value_host_path(v, c->git_dir, &c->publish_dir, err);
}

static int set_serve(void *target, const char *v, struct err *err)
{
	struct host_config *c = target;
	struct listen_addr a;

	if (listen_parse(v, &a, err) < 0)
		return -1;
	free(c->serve);
	c->serve = xstrdup(v);
	return 0;
}

static int set_pushee(void *target, const char *v, struct err *err)
{
	struct host_config *c = target;

	if (!*v)
		return err_set(err, ERR_INVALID, "must be a url that people "
			       "push to");
	strvec_push(&c->pushees, v);
	return 0;
}

static int set_push_url(void *target, const char *v, struct err *err)
{
	struct host_config *c = target;

	if (!*v || *v == '-')
		return err_set(err, ERR_INVALID, "must be a url to push to");
	free(c->push_url);
	c->push_url = xstrdup(v);
	return 0;
}

/* The refs below it are removed after a push to one. */
static int set_review_refs(void *target, const char *v, struct err *err)
{
	static const char *const taken[] = {
		"refs/heads/", "refs/tags/", "refs/notes/", "refs/remotes/",
		"refs/windlass/", "refs/windlass-status/",
		"refs/windlass-approvals/",
	};
	struct host_config *c = target;
	char *ref = xasprintf("%sx", v);
	bool bad = strncmp(v, "refs/", 5) || strlen(v) < 7 ||
		   v[strlen(v) - 1] != '/' || strlen(v) > REVIEW_REFS_MAX;
	int valid = 0;

	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		bad |= !strcmp(v, taken[i]);
	if (git_reference_name_is_valid(&valid, ref) < 0 || !valid)
		bad = true;
	free(ref);
	if (bad)
		return err_set(err, ERR_INVALID, "must be a folder of refs "
			       "for nothing else, as refs/for-review/");
	free(c->review_refs);
	c->review_refs = xstrdup(v);
	return 0;
}

static int set_image_interval(void *target, const char *v, struct err *err)
{
	struct host_config *c = target;
	int64_t seconds;

	if (parse_duration(v, &seconds) < 0 || seconds < 1 ||
	    seconds > LIMIT_IMAGE_INTERVAL)
		return err_set(err, ERR_INVALID, "must be a duration from 1s "
			       "to %dh, as 5m", LIMIT_IMAGE_INTERVAL / 3600);
	c->image_interval = seconds;
	return 0;
}

/* What init notes for its own undoing. */
static int set_replaced(void *target, const char *v, struct err *err)
{
	(void)target;
	(void)v;
	(void)err;
	return 0;
}

/* ---- of a channel ---- */

static int set_suspend_images(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	return value_bool(v, &c->suspend_images, err);
}

static int set_id(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	if (!is_hex(v, strlen(v), CHANNEL_ID_SIZE - 1))
		return err_set(err, ERR_INVALID, "must be the 32 lower-case "
			       "hex digits that `windlass-hook init` made");
	memcpy(c->id, v, CHANNEL_ID_SIZE);
	return 0;
}

static int set_epoch(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	if (parse_u64(v, 1, LIMIT_SEQUENCE, &c->epoch) < 0)
		return err_set(err, ERR_INVALID, "must be a number from 1");
	return 0;
}

static int set_ref(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	return value_ref(v, &c->ref, err);
}

static int set_path(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	return manifest_path_take(v, &c->paths, err);
}

static int set_kubernetes(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	return value_kubernetes(v, &c->kubernetes, err);
}

static int set_signing_key(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	return value_signing_key(v, &c->signing_key, err);
}

static int set_publisher(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	return value_identity(v, &c->publisher, err);
}

static int set_editor(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	return value_identity(v, &c->editor, err);
}

static int set_editor_key(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	return value_signing_key(v, &c->editor_key, err);
}

static int set_delete_limit(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	if (parse_u64(v, 0, LIMIT_BUNDLE_OBJECTS, &c->delete_limit) < 0)
		return err_set(err, ERR_INVALID,
			       "must be a number from 0 to %u",
			       (unsigned)LIMIT_BUNDLE_OBJECTS);
	return 0;
}

static int set_head_lifetime(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;
	int64_t seconds;

	if (parse_duration(v, &seconds) < 0 || seconds < 1 ||
	    seconds > LIMIT_HEAD_LIFE)
		return err_set(err, ERR_INVALID,
			       "must be a duration from 1s to %dd, as 24h",
			       LIMIT_HEAD_LIFE / 86400);
	c->head_lifetime = seconds;
	return 0;
}

static int set_default_namespace(void *target, const char *v,
				 struct err *err)
{
	struct channel_config *c = target;

	if (*v && !is_dns_label(v))
		return err_set(err, ERR_INVALID, "must be a namespace's name");
	free(c->default_namespace);
	c->default_namespace = xstrdup(v);
	return 0;
}

static int set_secrets(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	if (strcasecmp(v, "allow") && strcasecmp(v, "refuse"))
		return err_set(err, ERR_INVALID, "must be allow or refuse");
	c->allow_secrets = !strcasecmp(v, "allow");
	return 0;
}

static int set_crds(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;
	char *host_path = NULL;

	if (v[0] != '/' && v[0] != '~')
		return manifest_path_take(v, &c->crds, err);
	if (value_host_path(v, NULL, &host_path, err) < 0)
		return -1;
	if (!strvec_has(&c->crds, host_path))
		strvec_push(&c->crds, host_path);
	free(host_path);
	return 0;
}

static int set_approvers(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	return value_host_path(v, NULL, &c->approvers, err);
}

static int set_developers(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	return value_host_path(v, NULL, &c->developers, err);
}

static int set_reporters(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	return value_host_path(v, NULL, &c->reporters, err);
}

/* Looked at when all is read: one that is refused here would be quoted. */
static int set_notify(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	if (!*v)
		return err_set(err, ERR_INVALID, "must be a url, or the name "
			       "of a section " RECEIVER_SECTION);
	if (!strvec_has(&c->notify, v))
		strvec_push(&c->notify, v);
	return 0;
}

static int set_silent_after(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;
	int64_t seconds;

	if (parse_duration(v, &seconds) < 0 || seconds < 1 ||
	    seconds > LIMIT_SILENT_AFTER)
		return err_set(err, ERR_INVALID, "must be a duration from 1s "
			       "to %dd, as 25m", LIMIT_SILENT_AFTER / 86400);
	c->silent_after = seconds;
	return 0;
}

static int set_after(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	return after_parse(v, &c->after, &c->after_seconds, err);
}

static int set_rollback(void *target, const char *v, struct err *err)
{
	static const char on[] = "on-failure", word[] = " for ";
	struct channel_config *c = target;
	int64_t seconds = ROLLBACK_SECONDS_DEFAULT;
	const char *rest = NULL;

	if (!strncmp(v, on, strlen(on)))
		rest = v + strlen(on);
	if (!strcmp(v, "never"))
		seconds = 0;
	else if (!rest || (*rest && (strncmp(rest, word, strlen(word)) ||
				     parse_duration(rest + strlen(word),
						    &seconds) < 0 ||
				     seconds < 1 ||
				     seconds > LIMIT_ROLLBACK_SECONDS)))
		return err_set(err, ERR_INVALID, "must be never, on-failure, "
			       "or also say how long it must have failed, "
			       "from 1s to %dd, as: on-failure for 10m",
			       LIMIT_ROLLBACK_SECONDS / 86400);
	c->rollback_seconds = seconds;
	return 0;
}

static int set_signed_commits(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	return value_bool(v, &c->require_signed_commits, err);
}

static int set_signed_push(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	return value_bool(v, &c->require_signed_push, err);
}

static int set_unknown_kinds(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	if (strcasecmp(v, "allow") && strcasecmp(v, "refuse"))
		return err_set(err, ERR_INVALID, "must be allow or refuse");
	c->unknown_kinds = !strcasecmp(v, "allow");
	return 0;
}

static int set_strict(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;

	return value_bool(v, &c->strict, err);
}

static int set_page(void *target, const char *v, struct err *err)
{
	struct channel_config *c = target;
	bool page;

	if (value_bool(v, &page, err) < 0)
		return -1;
	c->no_page = !page;
	return 0;
}

#define POLICY_SETTING(name, key) \
	static int name(void *target, const char *v, struct err *err) \
	{ \
		struct channel_config *c = target; \
		return policy_set(&c->policy, (key), v, err) ? -1 : 0; \
	}
POLICY_SETTING(set_namespaces, "namespaces")
POLICY_SETTING(set_kinds, "kinds")
POLICY_SETTING(set_cluster_scoped, "clusterScoped")
POLICY_SETTING(set_image_policy, "imagePolicy")
POLICY_SETTING(set_required_labels, "requiredLabels")

/* ---- the tables ---- */

const struct setting host_settings[] = {
	{ "imageInterval", set_image_interval },
	{ "publish", set_publish },
	{ "pushee", set_pushee },
	{ "pushUrl", set_push_url },
	{ "replaced", set_replaced },
	{ "reviewRefs", set_review_refs },
	{ "serve", set_serve },
	{ NULL, NULL },
};

const struct setting channel_settings[] = {
	{ "id", set_id },
	{ "epoch", set_epoch },
	{ "ref", set_ref },
	{ "path", set_path },
	{ "kubernetes", set_kubernetes },
	{ "signingKey", set_signing_key },
	{ "publisher", set_publisher },
	{ "editor", set_editor },
	{ "editorKey", set_editor_key },
	{ "deleteLimit", set_delete_limit },
	{ "headLifetime", set_head_lifetime },
	{ "defaultNamespace", set_default_namespace },
	{ "secrets", set_secrets },
	{ "crds", set_crds },
	{ "approvers", set_approvers },
	{ "developers", set_developers },
	{ "requireSignedCommits", set_signed_commits },
	{ "requireSignedPush", set_signed_push },
	{ "reporters", set_reporters },
	{ "after", set_after },
	{ "notify", set_notify },
	{ "silentAfter", set_silent_after },
	{ "rollback", set_rollback },
	{ "unknownKinds", set_unknown_kinds },
	{ "strict", set_strict },
	{ "page", set_page },
	{ "suspendImages", set_suspend_images },
	{ "namespaces", set_namespaces },
	{ "kinds", set_kinds },
	{ "clusterScoped", set_cluster_scoped },
	{ "imagePolicy", set_image_policy },
	{ "requiredLabels", set_required_labels },
	{ NULL, NULL },
};
