/*
 * The Git host's configuration: `git config` of the bare repository
 * (DESIGN.md section 3). Every value is checked when it is read; a bad one
 * is one clear error that names the key, what it says and what it may say.
 *
 *   [windlass]         publish, serve, imageInterval, pushUrl, reviewRefs, pushee (repeatable)
 *   [windlass "prod"]  id, epoch, ref, path (repeatable), kubernetes,
 *                      signingKey, publisher, editor, editorKey,
 *                      deleteLimit, headLifetime, defaultNamespace, secrets, crds (repeatable),
 *                      approvers, developers, requireSignedCommits,
 *                      requireSignedPush, reporters, after, rollback, page,
 *                      notify (repeatable), silentAfter,
 *                      unknownKinds, strict,
 *                      and those of schema/policy.h
 *   [windlass-s3 "eu"] see bucket.h
 *   [windlass-notify "chat"] see receiver.h
 *   [windlass-image "flux-system:web"] see tag-policy.h
 */
#ifndef HOOKS_HOST_CONFIG_H
#define HOOKS_HOST_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/strvec.h"
#include "schema/policy.h"
#include "schema/repo.h"

#define DELETE_LIMIT_DEFAULT 10
#define HEAD_LIFETIME_DEFAULT (24 * 3600)
/* clusters report every ten minutes: two of their reports may be lost */
#define SILENT_AFTER_DEFAULT (25 * 60)
#define LIMIT_SILENT_AFTER (7 * 24 * 3600)
#define IMAGE_INTERVAL_DEFAULT (5 * 60)
#define LIMIT_IMAGE_INTERVAL (24 * 3600)
#define REVIEW_REFS_DEFAULT "refs/for-review/"
#define REVIEW_REFS_MAX 100

struct channel_config {
	char name[LIMIT_CHANNEL_BYTES + 1];
	char id[CHANNEL_ID_SIZE];
	uint64_t epoch;
	char *ref;			/* "refs/heads/main" */
	struct strvec paths;		/* no leading or trailing '/'; "" is
					   the whole tree */
	char *kubernetes;		/* "1.36" */
	char *signing_key;		/* for signer_open */
	char *publisher;		/* "Name <mail>": committer of bundles */
	char *editor;			/* the same, of commits to the source
					   that are made here (edit.h) */
	char *editor_key;		/* which signs them, or NULL */
	uint64_t delete_limit;
	int64_t head_lifetime;		/* seconds */
	char *default_namespace;	/* "" if there is none */
	bool allow_secrets;
	bool unknown_kinds;		/* those of no definition are taken */
	bool strict;			/* dangling references are errors */
	struct policy policy;		/* what the admin allows in it */
	bool suspend_images;		/* `images` changes nothing of it */
	struct strvec crds;		/* paths in the tree or on the host */
	char *approvers;		/* allowed_signers file, or NULL */
	char *developers;		/* the same, of who writes the source */
	bool require_signed_commits;	/* all by these */
	bool require_signed_push;	/* each by one of these */
	char *reporters;		/* the same, of clusters; or NULL */
	char *after;			/* the channel that must have been
					   healthy before, or NULL (after.h) */
	int64_t after_seconds;		/* for so long */
	bool no_page;			/* for people (page.h) */
	struct strvec notify;		/* who is told of it: receiver.h */
	int64_t silent_after;		/* seconds until a cluster that does
					   not report is told of */
	int64_t rollback_seconds;	/* after which a bundle that failed
					   everywhere is rolled back; 0:
					   never (rollback-failed.h) */
};

struct host_config {
	char *git_dir;			/* absolute, no trailing slash */
	char *state_dir;		/* <git_dir>/windlass */
	char *publish_dir;		/* absolute */
	char *serve;			/* "127.0.0.1:8420", or NULL */
	char *push_url;			/* where these are pushed to, or NULL:
					   into the repository itself */
	char *review_refs;		/* prefix of refs for review */
	int64_t image_interval;		/* seconds */
	struct strvec pushees;		/* urls that signed pushes may be
					   for; none: any */
	struct channel_config *channels;	/* sorted by name */
	size_t n;
	struct bucket *buckets;		/* bucket.h */
	size_t n_buckets;
	struct receiver *receivers;	/* receiver.h */
	size_t n_receivers;
};

/*
 * Reads it from an open repository. ERR_INVALID for a bad value. Two
 * channels of one id, or with one (ref, path), are refused, and folders that
 * would be shared (places.h).
 */
int config_read(git_repository *repo, struct host_config *ret,
		struct err *err);
/* What else it asks of a repository: that it is not the own folder of one of
 * its linked working trees, which has no settings and another state. */
int config_check_place(git_repository *repo, struct err *err);
/* As if the repository's own settings were in that file: before they are. */
int config_read_draft(git_repository *repo, const char *file,
		      struct host_config *ret, struct err *err);
const struct channel_config *config_channel(const struct host_config *c,
					    const char *name);
void config_release(struct host_config *c);

/*
 * Files of a channel, each below host->state_dir; the folder is made when
 * missing, 0750, or 02770 where the repository's group may write to it.
 * `lock` is only ever locked, never unlinked.
 *   <channel>/lock          the publishing lock (flock)
 *   <channel>/settings      digest of the settings the tip was rendered by
 *   <channel>/allow/<tip>   allowances of pre-receive for publish
 *   <channel>/pushed/<old>-<new>  certificates of pushes (pushes.h)
 *   <channel>/page          the lock of who makes its page (page.h)
 *   <channel>/taken         the tip, where no bundle says it (taken.h)
 *   <channel>/s3/<bucket>   what was uploaded there (upload-record.h)
 *   <channel>/proven        what it saw of the channel before it (proven.h)
 *   <channel>/rollback.lock  one run at a time (rollback-failed.h)
 *   <channel>/rolled-back   the commits that went back (rolled-back.h)
 *   <channel>/rollback-told  what others are to be told of (rollback-told.h)
 *   <channel>/reports/<cluster>  the last that it reported (reports.h)
 *   <channel>/notified/<receiver>  what that was told (told.h)
 *   <channel>/notified.lock  one run at a time tells them (flock)
 */
int config_channel_dir(const struct host_config *c, const char *channel,
		       struct buf *ret_path, struct err *err);
/* The path of one of these by its name, appended. */
int config_channel_file(const struct host_config *c,
			const struct channel_config *ch, const char *name,
			struct buf *ret_path, struct err *err);

#endif
