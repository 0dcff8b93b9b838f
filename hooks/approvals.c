/*
 * Approvals at the Git host. See approvals.h. The pushed tag is hostile
 * until its signature was verified against windlass.<channel>.approvers; a
 * ref that is there already may have been written without the hook, so its
 * tag is judged again before it is published. Refused are changes and
 * deletions, tags on anything but the current bundle, and more tags of one
 * person than anybody needs.
 */
#include "config.h"
#include "hooks/approvals.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/pack.h"
#include "hooks/trust-file.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/object.h"

static int read_trust(const struct channel_config *ch, struct trust *ret,
		      struct err *err)
{
	if (!ch->approvers)
		return err_set(err, ERR_INVALID, "this channel takes no "
			       "approvals: windlass.%s.approvers is not set "
			       "at the Git host", ch->name);
	return trust_file_read(ch, "approvers", ch->approvers, ret, err);
}

bool approvals_channel(const char *ref, char ret[LIMIT_CHANNEL_BYTES + 1])
{
	size_t prefix = strlen(APPROVAL_REF_PREFIX), n;

	if (strncmp(ref, APPROVAL_REF_PREFIX, prefix))
		return false;
	n = strcspn(ref + prefix, "/");
	if (n > LIMIT_CHANNEL_BYTES)
		return false;
	memcpy(ret, ref + prefix, n);
	ret[n] = '\0';
	return is_channel_name(ret);
}

/* ---- a push ---- */

struct others {
	const struct current *current;
	const struct trust *trust;
	const struct vote *pushed;
	size_t n;
};

static int beside(void *arg, const char *ref, const struct buf *raw,
		  struct err *err)
{
	struct others *o = arg;
	const struct bundle *b = &o->current->commit.bundle;
	char until[CLOCK_TEXT_SIZE];
	struct err unread = ERR_INIT;
	struct vote v;

	(void)ref;
	/* who has consented so often may still change their mind */
	if (++o->n == APPROVALS_A_PERSON && !o->pushed->reject)
		return err_set(err, ERR_INVALID, "'%s' has spoken %d times "
			       "about %s %" PRIu64 ".%" PRIu64,
			       o->pushed->principal, APPROVALS_A_PERSON,
			       b->channel, b->epoch, b->sequence);
	if (approval_judge(raw->data, raw->len, o->current->id, b, o->trust,
			   clock_now(), &v, &unread) ||
	    v.reject != o->pushed->reject ||
	    (!v.reject && v.not_after < o->pushed->not_after))
		return 0;
	if (v.reject)
		return err_set(err, ERR_INVALID, "'%s' has rejected %s %"
			       PRIu64 ".%" PRIu64 " already", v.principal,
			       b->channel, b->epoch, b->sequence);
	clock_format(v.not_after, until);
	return err_set(err, ERR_INVALID, "'%s' approves %s %" PRIu64 ".%"
		       PRIu64 " already, until %s", v.principal, b->channel,
		       b->epoch, b->sequence, until);
}

/* One consent that lasts and one reject are enough for anybody. */
static int check_news(git_repository *repo, const struct trust *trust,
		      const struct current *current, const struct vote *v,
		      struct err *err)
{
	const struct bundle *b = &current->commit.bundle;
	struct others o = { current, trust, v, 0 };
	struct buf prefix = BUF_INIT(APPROVAL_NAME_BYTES);
	int rc;

	approval_refs(b->channel, b->epoch, b->sequence, &prefix);
	buf_addf(&prefix, "%s/", v->principal);
	rc = repo_each_tag(repo, prefix.data, LIMIT_APPROVAL_BYTES, beside, &o,
			   err);
	buf_release(&prefix);
	return rc;
}

/* An approval of what would not run changes nothing, and is a mistake. */
static int check_newest(const struct approval *a, const struct current *c,
			struct err *err)
{
	const struct bundle *b = &c->commit.bundle;

	if (!*c->id)
		return err_set(err, ERR_INVALID, "nothing was published yet");
	if (!strcmp(a->bundle, c->id))
		return 0;
	return err_set(err, ERR_INVALID, "the tag is on %.12s, but %s %" PRIu64
		       ".%" PRIu64 ", %.12s, is what would run: fetch it and "
		       "look at it", a->bundle, b->channel, b->epoch,
		       b->sequence, c->id);
}

static int check_ref(const struct update *u, const struct approval *a,
		     const char *principal, const struct buf *raw,
		     struct err *err)
{
	struct buf want = BUF_INIT(APPROVAL_NAME_BYTES);
	int rc = 0;

	approval_ref(a, principal, raw->data, raw->len, &want);
	if (strcmp(want.data, u->ref))
		rc = err_set(err, ERR_INVALID, "this tag must be pushed to %s",
			     want.data);
	buf_release(&want);
	return rc;
}

static void say(const struct vote *v, const struct bundle *b, struct buf *out)
{
	char until[CLOCK_TEXT_SIZE];

	buf_addf(out, "%s %s %s %" PRIu64 ".%" PRIu64, v->principal,
		 v->reject ? "rejects" : "approves", b->channel, b->epoch,
		 b->sequence);
	if (v->reject)
		return;
	clock_format(v->not_after, until);
	buf_addf(out, " until %s", until);
	if (pushers_have(&b->pushers, v->principal))
		buf_addf(out, "; %s pushed what is new in it, so a Channel "
			 "with notByPusher does not count that", v->principal);
}

static int check_tag(git_repository *repo, const struct trust *trust,
		     const struct current *current, const struct update *u,
		     const struct buf *raw, struct buf *ret_said,
		     struct err *err)
{
	const struct bundle *b = &current->commit.bundle;
	struct approval a;
	struct vote v;
	size_t payload;

	/* one that is good and does not count is no approval either */
	if (approval_parse(raw->data, raw->len, &a, &payload, err) < 0 ||
	    check_newest(&a, current, err) < 0 ||
	    approval_judge(raw->data, raw->len, current->id, b, trust,
			   clock_now(), &v, err) ||
	    check_ref(u, &a, v.principal, raw, err) < 0 ||
	    check_news(repo, trust, current, &v, err) < 0)
		return -1;
	say(&v, b, ret_said);
	return 0;
}

int approvals_check(git_repository *repo, const struct channel_config *ch,
		    const struct current *current, const struct update *u,
		    struct buf *ret_said, struct err *err)
{
	struct buf raw = BUF_INIT(LIMIT_APPROVAL_BYTES);
	struct trust trust = TRUST_INIT;
	int rc;

	if (*u->old_id || !*u->new_id)
		return err_set(err, ERR_INVALID, "an approval is never "
			       "changed or deleted; who changes their mind "
			       "pushes a reject");
	if (read_trust(ch, &trust, err) < 0)
		return -1;
	rc = repo_read(repo, u->new_id, GIT_OBJECT_TAG, &raw, err);
	if (rc)
		err_wrap(err, "an approval is a signed tag");
	else
		rc = check_tag(repo, &trust, current, u, &raw, ret_said, err);
	trust_release(&trust);
	buf_release(&raw);
	return rc;
}

/* ---- publishing ---- */

struct collection {
	const struct current *current;
	const struct trust *trust;
	int64_t now;
	struct approvals tags;		/* each raw is malloced */
	struct vote votes[LIMIT_APPROVALS];
};

/* Where this person's earlier tag of that kind is, or the next free place;
 * a reject takes that of a consent if there is none. LIMIT_APPROVALS: no
 * place. */
static size_t place_of(const struct collection *c, const struct vote *v)
{
	size_t i = 0;

	while (i < c->tags.n && (c->votes[i].reject != v->reject ||
				 strcmp(c->votes[i].principal, v->principal)))
		i++;
	if (i < LIMIT_APPROVALS || !v->reject)
		return i;
	for (i = 0; i < LIMIT_APPROVALS && c->votes[i].reject; i++)
		;
	return i;
}

static int collect(void *arg, const char *ref, const struct buf *raw,
		   struct err *err)
{
	struct collection *c = arg;
	struct err why = ERR_INIT;
	struct vote v;
	size_t at;

	(void)ref;
	(void)err;
	if (approval_judge(raw->data, raw->len, c->current->id,
			   &c->current->commit.bundle, c->trust, c->now, &v,
			   &why))
		return 0;
	at = place_of(c, &v);
	if (at == LIMIT_APPROVALS ||
	    (at < c->tags.n && c->votes[at].reject == v.reject &&
	     c->votes[at].not_after >= v.not_after))
		return 0;
	if (at == c->tags.n)
		c->tags.n++;
	else
		free((char *)(uintptr_t)c->tags.v[at].raw);
	c->tags.v[at].raw = xmemdup(raw->data, raw->len);
	c->tags.v[at].len = raw->len;
	c->votes[at] = v;
	return 0;
}

static int write_text(git_repository *repo, struct collection *c,
		      struct buf *out, struct err *err)
{
	const struct bundle *b = &c->current->commit.bundle;
	struct buf prefix = BUF_INIT(APPROVAL_NAME_BYTES);
	int rc;

	approval_refs(b->channel, b->epoch, b->sequence, &prefix);
	rc = repo_each_tag(repo, prefix.data, LIMIT_APPROVAL_BYTES, collect, c,
			   err);
	if (!rc)
		approvals_write(&c->tags, out);
	for (size_t i = 0; i < c->tags.n; i++)
		free((char *)(uintptr_t)c->tags.v[i].raw);
	buf_release(&prefix);
	return rc;
}

static int keep_text(const struct host_config *host,
		     const struct channel_config *ch, const struct buf *text,
		     struct head *h, struct err *err)
{
	struct pack_ref ref = { .bytes = text->len };

	sha256_of(text->data, text->len, &ref.digest);
	if (!pack_there(host, ch, &ref) &&
	    (pack_keep_text(host, ch, text->data, text->len, &ref, err) < 0 ||
	     pack_sync(host, ch, err) < 0))
		return -1;
	h->has_approvals = true;
	h->approvals = ref;
	return 0;
}

int approvals_publish(git_repository *repo, const struct host_config *host,
		      const struct channel_config *ch,
		      const struct current *current, int64_t now,
		      struct head *h, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_APPROVALS_BYTES);
	struct trust trust = TRUST_INIT;
	struct collection c = {
		.current = current, .trust = &trust, .now = now,
	};
	struct err unread = ERR_INIT;
	int rc;

	if (!ch->approvers) {
		h->has_approvals = false;
		return 0;
	}
	/* a list that cannot be read stops no bundle: doctor tells of it, and
	 * what was published stays */
	if (read_trust(ch, &trust, &unread) < 0)
		return 0;
	h->has_approvals = false;
	rc = write_text(repo, &c, &text, err);
	if (!rc && text.len)
		rc = keep_text(host, ch, &text, h, err);
	trust_release(&trust);
	buf_release(&text);
	return rc;
}
