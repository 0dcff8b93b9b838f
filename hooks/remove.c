/*
 * windlass-hook init --remove. See init.h. What init wrote is taken away by
 * stock git where git keeps it, so that the settings file is as it was, and
 * in an order in which an interrupted run can be run again: the channel's
 * own settings go last, and after them only the folder that has the lock,
 * by which a run that was killed in between is known. Trusts the admin who
 * asked; what was signed is gone for good, so that needs a second word.
 */
#include "config.h"
#include "hooks/init.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks/ask.h"
#include "hooks/bucket.h"
#include "hooks/current.h"
#include "hooks/install.h"
#include "hooks/job.h"
#include "hooks/receiver.h"
#include "hooks/tag-policy.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/proc.h"
#include "schema/base/strvec.h"
#include "schema/cluster-status.h"

#define LOCK_MS 5000
#define GIT_MS 60000
#define LIMIT_REFS_BYTES (64u * 1024 * 1024)
#define LIMIT_NOTE_BYTES (1024u * 1024)

static const char *const hook_names[] = { "pre-receive", "post-receive" };

/* What is taken away, and of which repository. */
struct removal {
	git_repository *repo;
	const struct host_config *host;
	const struct channel_config *ch;
	bool last;		/* the repository has no other channel */
	struct err *err;
};

/* `git ARGUMENT...` there; out may be NULL. */
static int git(const struct removal *r, const char *in, struct buf *out,
	       const char *const *argv)
{
	char *dir = xasprintf("GIT_DIR=%s", r->host->git_dir);
	const char *const env[] = {
		dir, "LC_ALL=C", "GIT_NO_REPLACE_OBJECTS=1",
		"GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_CONFIG_COUNT",
		"GIT_CONFIG_PARAMETERS", NULL,
	};
	struct proc p = {
		.argv = argv, .env = env, .dir = r->host->git_dir,
		.in = in, .in_len = in ? strlen(in) : 0, .out = out,
		.timeout_ms = GIT_MS,
	};
	int rc = proc_check(&p, r->err);

	free(dir);
	return rc;
}

/* ---- what speaks against it ---- */

static int check_hooks(const struct removal *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(hook_names); i++) {
		struct hook_place p;
		bool called;

		hook_place_find(r->repo, r->host, hook_names[i], &p);
		called = hook_needed(&p);
		if (called)
			err_set(r->err, ERR_INVALID, "'%s' still runs "
				"windlass' %s hook; take that out first, or "
				"every push would fail", p.main,
				hook_names[i]);
		hook_place_release(&p);
		if (called)
			return -1;
	}
	return 0;
}

static int check_bundles(const struct removal *r, const char *refs)
{
	if (!*refs)
		return 0;
	return err_set(r->err, ERR_INVALID, "channel '%s' has signed bundles, "
		       "which cannot be made again; keep them by `git push "
		       "OTHER 'refs/windlass/*'`, or say --force", r->ch->name);
}

/* ---- the steps ---- */

static int remove_hooks(const struct removal *r)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(hook_names); i++) {
		struct hook_place p;
		bool there;

		hook_place_find(r->repo, r->host, hook_names[i], &p);
		there = fs_exists(AT_FDCWD, p.file);
		rc = hook_remove(&p, r->err) < 0 ? -1 : 0;
		if (!rc && there && !fs_exists(AT_FDCWD, p.file))
			printf("hook     %s (removed)\n", p.file);
		hook_place_release(&p);
	}
	return rc;
}

/* One ref a line. */
static int list_refs(const struct removal *r, struct buf *out)
{
	char *bundles = current_ref(r->ch);
	char *epochs = xasprintf(BUNDLE_EPOCHS_PREFIX "%s", r->ch->name);
	char *approvals = xasprintf("refs/windlass-approvals/%s", r->ch->name);
	char *statuses = xasprintf(CLUSTER_STATUS_REF "%s", r->ch->name);
	const char *argv[] = {
		"git", "for-each-ref", "--format=%(refname)", bundles, epochs,
		approvals, statuses, NULL,
	};
	int rc = git(r, NULL, out, argv);

	free(bundles);
	free(epochs);
	free(approvals);
	free(statuses);
	return rc;
}

static int remove_refs(const struct removal *r, struct buf *refs)
{
	static const char *const argv[] = {
		"git", "update-ref", "--stdin", NULL,
	};
	struct buf commands = BUF_INIT(LIMIT_REFS_BYTES);
	char *line, *rest;
	size_t n = 0;
	int rc = 0;

	for (line = strtok_r(refs->data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest), n++)
		buf_addf(&commands, "delete %s\n", line);
	if (n)
		rc = git(r, commands.data, NULL, argv);
	if (n && !rc)
		printf("refs     %zu (removed; git gc drops their objects)\n",
		       n);
	buf_release(&commands);
	return rc;
}

/* A folder that git leaves when the last ref below it goes. */
static void drop_ref_folders(const struct removal *r)
{
	static const char *const names[] = {
		"refs/windlass/_epochs", "refs/windlass",
		"refs/windlass-approvals", "refs/windlass-status",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *own = xasprintf("%s/%s/%s", r->host->git_dir, names[i],
				      r->ch->name);
		char *all = xasprintf("%s/%s", r->host->git_dir, names[i]);

		/* what is not empty stays */
		rmdir(own);
		rmdir(all);
		free(own);
		free(all);
	}
}

static int remove_published(const struct removal *r)
{
	char *folder = xasprintf("%s/%s", r->host->publish_dir, r->ch->name);
	int rc = 0;

	if (fs_exists(AT_FDCWD, folder)) {
		rc = fs_remove_tree(folder, r->err);
		if (!rc)
			printf("publish  %s (removed)\n", folder);
	}
	if (!rc && r->last)
		rmdir(r->host->publish_dir);
	free(folder);
	return rc;
}

/* "<name> <value>[ <value before>]": as it was, unless changed since. */
static void put_back(const struct removal *r, char *line)
{
	char *value = strchr(line, ' '), *before, *only, *file;
	int rc;

	if (!value)
		return;
	*value++ = '\0';
	before = strchr(value, ' ');
	if (before)
		*before++ = '\0';
	file = xasprintf("%s/config", r->host->git_dir);
	only = xasprintf("^%s$", value);
	if (before) {
		const char *argv[] = { "git", "config", "--file", file, line,
				       before, only, NULL };

		rc = git(r, NULL, NULL, argv);
	} else {
		const char *argv[] = { "git", "config", "--file", file,
				       "--unset", line, only, NULL };

		rc = git(r, NULL, NULL, argv);
	}
	/* somebody else changed or removed it: then it is theirs */
	if (rc < 0)
		printf("         %s was changed since and stays\n", line);
	free(file);
	free(only);
}

static void restore_settings(const struct removal *r)
{
	char *file = xasprintf("%s/config", r->host->git_dir);
	const char *argv[] = {
		"git", "config", "--file", file, "--get-all", INIT_REPLACED,
		NULL,
	};
	struct buf text = BUF_INIT(LIMIT_NOTE_BYTES);
	struct removal quiet = *r;
	struct err none = ERR_INIT;
	char *line, *rest;

	quiet.err = &none;
	/* it fails where there is none: written before there were any */
	if (git(&quiet, NULL, &text, argv) < 0)
		printf("         receive.* and transfer.fsckObjects stay as "
		       "they are\n");
	else
		for (line = strtok_r(text.data, "\n", &rest); line;
		     line = strtok_r(NULL, "\n", &rest))
			put_back(&quiet, line);
	buf_release(&text);
	free(file);
}

static int remove_section(const struct removal *r, const char *name)
{
	char *file = xasprintf("%s/config", r->host->git_dir);
	const char *argv[] = {
		"git", "config", "--file", file, "--remove-section", name,
		NULL,
	};
	int rc = git(r, NULL, NULL, argv);

	free(file);
	return rc;
}

/* The sections [KIND "..."], as names for git; appends each once. */
static void list_sections(const struct removal *r, const char *kind,
			  struct strvec *ret)
{
	char *file = xasprintf("%s/config", r->host->git_dir);
	char *pattern = xasprintf("^%s\\.", kind);
	const char *argv[] = {
		"git", "config", "--file", file, "--name-only", "--get-regexp",
		pattern, NULL,
	};
	struct buf text = BUF_INIT(LIMIT_NOTE_BYTES);
	struct removal quiet = *r;
	struct err none = ERR_INIT;
	char *line, *rest, *dot;

	quiet.err = &none;
	/* it fails where there is none */
	if (!git(&quiet, NULL, &text, argv))
		for (line = strtok_r(text.data, "\n", &rest); line;
		     line = strtok_r(NULL, "\n", &rest)) {
			dot = strrchr(line, '.');
			*dot = '\0';
			if (!strvec_has(ret, line))
				strvec_push(ret, line);
		}
	buf_release(&text);
	free(pattern);
	free(file);
}

/* What an admin wrote of all channels means nothing without one. */
static int remove_shared(const struct removal *r)
{
	struct strvec sections = STRVEC_INIT;
	size_t policies, buckets, receivers;
	int rc = 0;

	list_sections(r, IMAGE_SECTION, &sections);
	policies = sections.n;
	list_sections(r, BUCKET_SECTION, &sections);
	buckets = sections.n - policies;
	list_sections(r, RECEIVER_SECTION, &sections);
	receivers = sections.n - policies - buckets;
	for (size_t i = 0; !rc && i < sections.n; i++)
		rc = remove_section(r, sections.v[i]);
	if (!rc && sections.n)
		printf("settings %s/config: %zu image polic%s, %zu bucket%s, "
		       "%zu receiver%s (removed)\n", r->host->git_dir,
		       policies, policies == 1 ? "y" : "ies",
		       buckets, plural(buckets), receivers, plural(receivers));
	strvec_release(&sections);
	return rc;
}

static int remove_settings(const struct removal *r)
{
	char *name = xasprintf("windlass.%s", r->ch->name);
	struct err none = ERR_INIT;
	struct removal quiet = *r;
	int rc;

	quiet.err = &none;
	if (r->last) {
		if (remove_shared(r) < 0) {
			free(name);
			return -1;
		}
		restore_settings(r);
		/* publish and serve, where they were set, and the note */
		remove_section(&quiet, "windlass");
	}
	rc = remove_section(r, name);
	if (!rc)
		printf("settings %s/config (removed)\n", r->host->git_dir);
	free(name);
	return rc;
}

static int remove_state(const struct removal *r)
{
	char *own = xasprintf("%s/%s", r->host->state_dir, r->ch->name);
	const char *folder = r->last ? r->host->state_dir : own;
	int rc = 0;

	init_drop_draft(r->repo);
	if (fs_exists(AT_FDCWD, folder))
		rc = fs_remove_tree(folder, r->err);
	free(own);
	return rc;
}

static void print_key(const char *key)
{
	struct buf word = BUF_INIT(LIMIT_WORD_BYTES);

	buf_add_quoted(&word, key);
	printf("key      %s is left; when no cluster trusts it any more:\n\n"
	       "    rm %s %s.pub\n", key, word.data, word.data);
	buf_release(&word);
}

/* No credentials are at hand here that may remove what clusters still read. */
static void print_buckets(const struct removal *r)
{
	for (size_t i = 0; i < r->host->n_buckets; i++) {
		const struct bucket *b = &r->host->buckets[i];

		if (bucket_takes(b, r->ch))
			printf("bucket   what is below %s/%s stays there until "
			       "you remove it\n", b->url, r->ch->name);
	}
}

/* They are about commits of the source, and of all channels. */
static void print_notes(const struct removal *r)
{
	static const char *const argv[] = {
		"git", "for-each-ref", "--format=x", CLUSTER_NOTES_REF, NULL,
	};
	struct buf refs = BUF_INIT(LIMIT_REFS_BYTES);
	struct removal quiet = *r;
	struct err none = ERR_INIT;

	quiet.err = &none;
	if (r->last && !git(&quiet, NULL, &refs, argv) && refs.len)
		printf("notes    " CLUSTER_NOTES_REF "* are left: what ran "
		       "where; when nobody wants to know any more:\n\n"
		       "    git for-each-ref --format='delete %%(refname)' "
		       CLUSTER_NOTES_REF " |\n"
		       "        git update-ref --stdin\n\n");
	buf_release(&refs);
}

static int take_apart(const struct removal *r, struct buf *refs)
{
	if (r->last && remove_hooks(r) < 0)
		return -1;
	if (remove_refs(r, refs) < 0 || remove_published(r) < 0)
		return -1;
	drop_ref_folders(r);
	if (remove_settings(r) < 0 || remove_state(r) < 0)
		return -1;
	print_buckets(r);
	print_notes(r);
	if (r->ch->signing_key[0] == '/')
		print_key(r->ch->signing_key);
	return 0;
}

/* A run of before was killed after the settings were gone. */
static int finish_removal(struct removal *r, const char *name)
{
	struct channel_config ch = { 0 };
	char *own = xasprintf("%s/%s", r->host->state_dir, name);
	int lock = -1, rc = -1;

	if (!fs_exists(AT_FDCWD, own)) {
		err_set(r->err, ERR_INVALID, "there is no channel '%s' in "
			"'%s'", name, r->host->git_dir);
		goto out;
	}
	snprintf(ch.name, sizeof(ch.name), "%s", name);
	r->ch = &ch;
	r->last = !r->host->n;
	if (job_lock(r->host, &ch, LOCK_MS, &lock, r->err) < 0)
		goto out;
	rc = remove_state(r);
	close(lock);
	if (!rc)
		printf("state    %s (removed; the rest was gone)\n", own);
out:
	free(own);
	return rc;
}

int init_remove(git_repository *repo, const struct init_options *o,
		struct err *err)
{
	struct buf refs = BUF_INIT(LIMIT_REFS_BYTES);
	struct host_config host = { 0 };
	struct removal r = { .repo = repo, .host = &host, .err = err };
	int lock = -1, rc = -1;

	if (config_read(repo, &host, err) < 0)
		return -1;
	r.ch = config_channel(&host, o->channel);
	r.last = host.n == 1;
	if (!r.ch) {
		rc = finish_removal(&r, o->channel);
		goto out;
	}
	if (r.last && ask_is_served(&host)) {
		err_set(err, ERR_INVALID, "`windlass-hook serve` runs for "
			"'%s'; stop it first", host.git_dir);
		goto out;
	}
	if ((r.last && check_hooks(&r) < 0) || list_refs(&r, &refs) < 0 ||
	    (!o->force && check_bundles(&r, refs.data) < 0) ||
	    job_lock(&host, r.ch, LOCK_MS, &lock, err) < 0)
		goto out;
	rc = take_apart(&r, &refs);
	close(lock);
out:
	buf_release(&refs);
	config_release(&host);
	return rc;
}
