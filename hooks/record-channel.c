/*
 * The channel's own status ref. See record.h. Trusts the settings and the
 * lock of who calls; what stands there before is windlass's own, and if it
 * cannot be read it is made anew. It has no history: each commit takes the
 * place of the one before.
 */
#include "config.h"
#include "hooks/record.h"

#include <stdlib.h>
#include <string.h>

#include "hooks/after.h"
#include "hooks/trust-file.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/channel-record.h"
#include "schema/json.h"

/* another writer of the same ref goes first so often, before we give up */
#define TRIES 5

static void copy_list(const struct strvec *from, struct strvec *ret)
{
	for (size_t i = 0; i < from->n; i++)
		strvec_push(ret, from->v[i]);
}

/* A list that cannot be read, as while it is being edited, says nothing. */
static void list_clusters(const struct channel_config *ch,
			  const struct channel_record *was,
			  struct channel_record *s)
{
	struct strvec names = STRVEC_INIT;
	struct err unread = ERR_INIT;

	if (!ch->reporters)
		return;
	if (trust_reporter_names(ch, &names, &unread) == 0) {
		s->listed = true;
		for (size_t i = 0; i < names.n; i++)
			if (is_dns_label(names.v[i]))
				strvec_push(&s->clusters, names.v[i]);
	} else if (was->listed) {
		s->listed = true;
		copy_list(&was->clusters, &s->clusters);
	}
	strvec_release(&names);
}

static void set_taken(const char *commit, const char *bundle,
		      struct channel_record *s)
{
	if (!*commit || !*bundle)
		return;
	memcpy(s->taken, commit, sizeof(s->taken));
	memcpy(s->bundle, bundle, sizeof(s->bundle));
}

/* By the setting of now: without one nothing waits. */
static void set_waiting(const struct channel_config *ch, const char *commit,
			struct channel_record *s)
{
	struct buf after = BUF_INIT(1024);

	if (*commit && ch->after) {
		memcpy(s->waiting, commit, sizeof(s->waiting));
		buf_addf(&after, "%s for ", ch->after);
		after_duration(ch->after_seconds, &after);
		s->after = xstrdup(after.data);
	}
	buf_release(&after);
}

static void compose(const struct channel_config *ch,
		    const struct channel_record *was,
		    const struct channel_news *news, struct channel_record *ret)
{
	struct channel_record s = CHANNEL_RECORD_INIT;

	s.ref = xstrdup(ch->ref);
	copy_list(&ch->paths, &s.paths);
	/* definitions that are in the tree are read, too */
	for (size_t i = 0; i < ch->crds.n; i++)
		if (ch->crds.v[i][0] != '/')
			strvec_push(&s.paths, ch->crds.v[i]);
	list_clusters(ch, was, &s);
	if (news && !news->refused)
		set_taken(news->taken, news->bundle, &s);
	else
		set_taken(was->taken, was->bundle, &s);
	set_waiting(ch, news ? news->waiting : was->waiting, &s);
	*ret = s;
}

static int write_text(const char *channel, const struct channel_record *s,
		      struct buf *out, struct err *err)
{
	struct arena arena = ARENA_INIT;

	json_write_canonical(channel_record_node(&arena, channel, s), out);
	arena_release(&arena);
	return buf_check(out, CHANNEL_RECORD_FILE, err);
}

static int write_tree(git_repository *repo, const struct buf *text,
		      git_oid *ret, struct err *err)
{
	git_treebuilder *tree = NULL;
	git_oid blob;
	int rc = 0;

	if (git_blob_create_from_buffer(&blob, repo, text->data,
					text->len) < 0 ||
	    git_treebuilder_new(&tree, repo, NULL) < 0 ||
	    git_treebuilder_insert(NULL, tree, CHANNEL_RECORD_FILE, &blob,
				   GIT_FILEMODE_BLOB) < 0 ||
	    git_treebuilder_write(ret, tree) < 0)
		rc = repo_err(err, ERR_INTERNAL, "cannot keep '"
			      CHANNEL_RECORD_FILE "'");
	git_treebuilder_free(tree);
	return rc;
}

static int move_ref(git_repository *repo, const struct channel_config *ch,
		    const char *old, const struct buf *text, struct err *err)
{
	const struct record r = { .repo = repo, .ch = ch };
	char *ref = xasprintf(CLUSTER_STATUS_REF "%s/" CHANNEL_RECORD_NAME,
			      ch->name);
	char *message = xasprintf("%s: what the Git host says\n", ch->name);
	char id[GIT_HEX_SIZE];
	git_oid tree;
	int rc = write_tree(repo, text, &tree, err);

	if (!rc)
		rc = record_commit(&r, &tree, clock_now(), "", false, message,
				   id, err);
	if (!rc)
		rc = repo_ref_update(repo, ref, old, id, "windlass: status",
				     err);
	free(message);
	free(ref);
	return rc;
}

/* 0, or 1 if the ref was moved by somebody else meanwhile. */
static int try_status(git_repository *repo, const struct channel_config *ch,
		      const struct channel_news *news, struct err *err)
{
	struct channel_record was = CHANNEL_RECORD_INIT, s;
	struct buf before = BUF_INIT(CHANNEL_RECORD_BYTES);
	struct buf now = BUF_INIT(CHANNEL_RECORD_BYTES);
	struct err unread = ERR_INIT;
	char *ref = xasprintf(CLUSTER_STATUS_REF "%s/" CHANNEL_RECORD_NAME,
			      ch->name);
	char id[GIT_HEX_SIZE];
	int rc = repo_ref(repo, ref, id, err);

	free(ref);
	if (rc < 0)
		return -1;
	if (*id && (channel_record_read(repo, ch->name, &was, &unread) ||
		    write_text(ch->name, &was, &before, &unread) < 0))
		buf_reset(&before);
	compose(ch, &was, news, &s);
	/* nobody would look at what says nothing */
	if (*id || ch->reporters || ch->after)
		rc = write_text(ch->name, &s, &now, err);
	if (!rc && now.len && (now.len != before.len ||
			       memcmp(now.data, before.data, now.len)))
		rc = move_ref(repo, ch, id, &now, err);
	channel_record_release(&was);
	channel_record_release(&s);
	buf_release(&before);
	buf_release(&now);
	return rc < 0 && err->class == ERR_TRANSIENT ? 1 : rc;
}

int record_status(git_repository *repo, const struct channel_config *ch,
		  const struct channel_news *news, struct err *err)
{
	int rc = 1;

	for (int i = 0; rc > 0 && i < TRIES; i++) {
		err_clear(err);
		rc = try_status(repo, ch, news, err);
	}
	return rc ? -1 : 0;
}

bool record_says_waits(git_repository *repo, const struct channel_config *ch)
{
	struct channel_record r = CHANNEL_RECORD_INIT;
	struct err unread = ERR_INIT;
	int rc = channel_record_read(repo, ch->name, &r, &unread);
	bool waits = rc < 0 || (!rc && *r.waiting);

	channel_record_release(&r);
	return waits;
}
