/*
 * Choosing what is promoted. See promotion.h. Trusts signed reports for what
 * they say of their cluster, and bundles, whose signatures are verified, for
 * what they were made of. Whatever it chooses goes through the whole gate.
 */
#include "config.h"
#include "hooks/promotion.h"

#include <inttypes.h>
#include <string.h>

#include "hooks/after.h"
#include "hooks/concern.h"
#include "hooks/consensus.h"
#include "hooks/proven.h"
#include "hooks/pushes.h"
#include "hooks/taken.h"
#include "hooks/trust-file.h"
#include "schema/base/mem.h"

/* bundles that are looked through, the newest first: 20 us each */
#define NEWER_MAX 1000

/* A bundle of the channel before that was healthy for long enough. */
struct source {
	const char *bundle;
	char commit[GIT_HEX_SIZE];
	struct sha256 content;
};

struct choice {
	git_repository *repo;
	const struct host_config *host;
	const struct channel_config *ch, *before;
	const struct current *current;		/* of ch */
	const char *tip;
	struct sha256 tip_content;		/* of it, for ch */
	char base[GIT_HEX_SIZE];		/* is published, or "" */
	bool forward;				/* the tip comes after that */
	struct current there;			/* the bundle of before */
	/* what it took without making a bundle of it, or equal to that */
	struct sha256 there_content, there_noted;
	struct proven proven;
	struct source sources[PROVEN_MAX];
	size_t n;
};

/* ---- what is known of the channel before ---- */

/* The last commit that a channel took, whether it made a bundle or not. */
static int read_taken(const struct choice *c, const struct channel_config *ch,
		      const struct current *current, char ret[GIT_HEX_SIZE],
		      struct err *err)
{
	struct taken t;

	if (taken_read(c->host, ch, current, &t, err) < 0)
		return -1;
	ret[0] = '\0';
	if (t.n)
		memcpy(ret, t.v[t.n - 1], GIT_HEX_SIZE);
	return 0;
}

static int read_there(struct choice *c, struct err *err)
{
	const char *source = c->there.commit.bundle.source_commit;
	struct err gone = ERR_INIT;
	char noted[GIT_HEX_SIZE];

	if (current_read(c->repo, c->before, &c->there, err) < 0)
		return err_wrap(err, "channel '%s'", c->before->name);
	if (!*c->there.id)
		return 0;
	if (read_taken(c, c->before, &c->there, noted, err) < 0)
		return -1;
	/* a source that history does not have any more is nobody's */
	if (concern_content(c->repo, c->before, source, &c->there_content,
			    &gone) < 0)
		c->there_content = (struct sha256){ { 0 } };
	if (concern_content(c->repo, c->before, noted, &c->there_noted,
			    &gone) < 0)
		c->there_noted = c->there_content;
	return 0;
}

/* Whether its bundle is proven by now. */
static int prove(struct choice *c, bool keep, struct err *err)
{
	struct buf why = BUF_INIT(PROMOTION_TEXT);
	int rc = proven_read(c->host, c->ch, &c->proven, err);

	if (!rc && *c->there.id &&
	    consensus_held(c->host, c->before, c->there.id, CLUSTER_HEALTHY,
			   &why) >= c->ch->after_seconds &&
	    proven_add(&c->proven, c->there.id, c->ch->after_seconds) && keep)
		rc = proven_write(c->host, c->ch, &c->proven, err);
	buf_release(&why);
	return rc;
}

static void read_sources(struct choice *c)
{
	for (size_t i = 0; i < c->proven.n; i++) {
		const struct proof *p = &c->proven.v[i];
		struct source *s = &c->sources[c->n];
		struct err gone = ERR_INIT;
		struct current b;

		if (p->seconds < c->ch->after_seconds ||
		    current_read_id(c->repo, c->before, p->bundle, &b,
				    &gone) < 0 ||
		    concern_content(c->repo, c->before,
				    b.commit.bundle.source_commit,
				    &s->content, &gone) < 0)
			continue;
		s->bundle = p->bundle;
		memcpy(s->commit, b.commit.bundle.source_commit,
		       sizeof(s->commit));
		c->n++;
	}
}

/* ---- one commit ---- */

/* True if a commit is the other one, or comes after it. */
static bool leads_to(git_repository *repo, const char *commit,
		     const char *earlier)
{
	git_oid a, b;

	return !strcmp(commit, earlier) ||
	       (!git_oid_fromstr(&a, commit) && !git_oid_fromstr(&b, earlier) &&
		git_graph_descendant_of(repo, &a, &b) == 1);
}

/* Did the channel before make another bundle on the way, after that one? */
static bool is_outdated(const struct choice *c, const struct source *s,
			const char *commit)
{
	char at[GIT_HEX_SIZE];

	memcpy(at, c->there.id, sizeof(at));
	for (int i = 0; i < NEWER_MAX && *at && strcmp(at, s->bundle); i++) {
		struct bundle_commit b;
		struct err unread = ERR_INIT;

		if (repo_read_bundle(c->repo, at, &b, NULL, NULL, &unread) < 0)
			return true;
		if (leads_to(c->repo, commit, b.bundle.source_commit))
			return true;
		memcpy(at, b.parent, sizeof(at));
	}
	return false;
}

static bool has_content(const struct choice *c, const struct source *s,
			const struct sha256 *content)
{
	return sha256_equal(content, &s->content) ||
	       (!strcmp(s->bundle, c->there.id) &&
		sha256_equal(content, &c->there_noted));
}

static bool is_proven(const struct choice *c, const char *commit)
{
	struct err unread = ERR_INIT;
	struct sha256 content;

	if (concern_content(c->repo, c->before, commit, &content, &unread) < 0)
		return false;
	for (size_t i = c->n; i-- > 0; )
		if (has_content(c, &c->sources[i], &content) &&
		    leads_to(c->repo, commit, c->sources[i].commit) &&
		    !is_outdated(c, &c->sources[i], commit))
			return true;
	return false;
}

/* Inside of what was pushed at once no certificate says who pushed. */
static bool is_certified(const struct choice *c, const char *commit)
{
	struct err why = ERR_INIT;
	struct pushers who;

	return !c->ch->require_signed_push ||
	       pushes_check(c->repo, c->host, c->ch, c->current, commit, NULL,
			    &who, &why) == 0;
}

/* ---- what was published ---- */

/* Calls fn with the source of each bundle, the newest first, until it is
 * true. */
static bool any_published(const struct choice *c,
			  bool (*fn)(const struct choice *c, const char *source,
				     void *arg), void *arg)
{
	char at[GIT_HEX_SIZE];

	memcpy(at, c->current->id, sizeof(at));
	for (int i = 0; i < NEWER_MAX && *at; i++) {
		struct bundle_commit b;
		struct err unread = ERR_INIT;

		if (repo_read_bundle(c->repo, at, &b, NULL, NULL, &unread) < 0)
			return false;
		if (fn(c, b.bundle.source_commit, arg))
			return true;
		memcpy(at, b.parent, sizeof(at));
	}
	return false;
}

/* ---- the choice ---- */

/* True if a commit has for this channel what the tip has. */
static bool is_tips(const struct choice *c, const char *commit, void *arg)
{
	struct err unread = ERR_INIT;
	struct sha256 content;

	(void)arg;
	return !concern_content(c->repo, c->ch, commit, &content, &unread) &&
	       sha256_equal(&content, &c->tip_content);
}

/* They may be gone after history was made anew. */
static void hide(git_revwalk *walk, const char *commit)
{
	git_oid id;

	if (*commit && !git_oid_fromstr(&id, commit))
		(void)!git_revwalk_hide(walk, &id);
}

static bool hide_one(const struct choice *c, const char *source, void *arg)
{
	(void)c;
	hide(arg, source);
	return false;
}

/* The commits after what was published, the newest first. */
static int open_walk(const struct choice *c, git_revwalk **ret,
		     struct err *err)
{
	git_revwalk *walk = NULL;
	git_oid tip;
	int rc = git_revwalk_new(&walk, c->repo);

	rc = rc < 0 ? rc : git_oid_fromstr(&tip, c->tip);
	rc = rc < 0 ? rc : git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL |
					       GIT_SORT_TIME);
	rc = rc < 0 ? rc : git_revwalk_push(walk, &tip);
	if (rc < 0) {
		git_revwalk_free(walk);
		return repo_err(err, ERR_INTERNAL, "cannot walk from %s",
				c->tip);
	}
	hide(walk, c->base);
	/* after history was made anew, what came before the base too */
	if (!c->forward)
		any_published(c, hide_one, walk);
	*ret = walk;
	return 0;
}

static bool may_be(const struct choice *c, const char *commit)
{
	return is_proven(c, commit) && is_certified(c, commit);
}

static int find_newest(const struct choice *c, char ret[GIT_HEX_SIZE],
		       struct err *err)
{
	git_revwalk *walk = NULL;
	git_oid id;
	int rc = 0;

	if (!c->n)
		return 0;
	if (open_walk(c, &walk, err) < 0)
		return -1;
	for (int i = 0; i < LIMIT_PROMOTION_COMMITS; i++) {
		char at[GIT_HEX_SIZE];

		rc = git_revwalk_next(&id, walk);
		if (rc)
			break;
		git_oid_tostr(at, sizeof(at), &id);
		if ((c->forward && !leads_to(c->repo, at, c->base)) ||
		    !may_be(c, at))
			continue;
		memcpy(ret, at, sizeof(at));
		break;
	}
	git_revwalk_free(walk);
	if (rc < 0 && rc != GIT_ITEROVER)
		return repo_err(err, ERR_INTERNAL, "cannot walk from %s",
				c->tip);
	return 0;
}

/* Why it is not yet, as far as that can be said in a few words. */
static void add_reason(const struct choice *c, struct buf *out)
{
	struct buf why = BUF_INIT(PROMOTION_TEXT);
	struct err unread = ERR_INIT;
	struct sha256 content;
	int64_t held;

	if (!*c->there.id ||
	    concern_content(c->repo, c->before, c->tip, &content,
			    &unread) < 0 ||
	    (!sha256_equal(&content, &c->there_content) &&
	     !sha256_equal(&content, &c->there_noted))) {
		buf_addf(out, "; %s does not have it", c->before->name);
		return;
	}
	held = consensus_held(c->host, c->before, c->there.id,
			      CLUSTER_HEALTHY, &why);
	buf_adds(out, "; ");
	if (held < 0) {
		buf_adds(out, why.data);
	} else {
		buf_addf(out, "%s has been for ", c->before->name);
		after_duration(held, out);
	}
	buf_release(&why);
}

static void say_waits(const struct choice *c, char ret[PROMOTION_TEXT])
{
	struct buf text = BUF_INIT(2 * PROMOTION_TEXT);

	buf_addf(&text, "%s must be healthy for ", c->before->name);
	after_duration(c->ch->after_seconds, &text);
	buf_addf(&text, " with %.12s", c->tip);
	add_reason(c, &text);
	snprintf(ret, PROMOTION_TEXT, "%s", text.data);
	buf_release(&text);
}

static int choose(struct choice *c, bool keep, struct promotion *ret,
		  struct err *err)
{
	if (read_taken(c, c->ch, c->current, c->base, err) < 0 ||
	    read_there(c, err) < 0 || prove(c, keep, err) < 0)
		return -1;
	/* what is proven now may be pushed to it later */
	if (!*c->tip)
		return 0;
	c->forward = *c->base && leads_to(c->repo, c->tip, c->base);
	/* what changes nothing here has nothing to wait for, and what was
	 * live before has waited */
	if (concern_content(c->repo, c->ch, c->tip, &c->tip_content, err) < 0)
		return -1;
	if ((*c->base && is_tips(c, c->base, NULL)) ||
	    any_published(c, is_tips, NULL)) {
		memcpy(ret->commit, c->tip, sizeof(ret->commit));
		return 0;
	}
	read_sources(c);
	if (c->forward)
		memcpy(ret->commit, c->base, sizeof(ret->commit));
	if (find_newest(c, ret->commit, err) < 0)
		return -1;
	if (strcmp(ret->commit, c->tip))
		say_waits(c, ret->waits);
	return 0;
}

int promotion_choose(git_repository *repo, const struct host_config *host,
		     const struct channel_config *ch,
		     const struct current *current, const char *tip, bool keep,
		     struct promotion *ret, struct err *err)
{
	struct choice *c = xcalloc(1, sizeof(*c));
	struct promotion chosen = { .commit = "" };
	int rc;

	c->repo = repo;
	c->host = host;
	c->ch = ch;
	c->before = config_channel(host, ch->after);
	c->current = current;
	c->tip = tip;
	rc = choose(c, keep, &chosen, err);
	free(c);
	if (!rc)
		*ret = chosen;
	return rc;
}

int promotion_check(const struct host_config *host,
		    const struct channel_config *ch, struct err *err)
{
	struct strvec names = STRVEC_INIT;
	int rc = trust_reporter_names(config_channel(host, ch->after), &names,
				      err);

	if (rc < 0)
		err_wrap(err, "windlass.%s.after: nobody would hear that "
			 "channel '%s' is healthy", ch->name, ch->after);
	strvec_release(&names);
	return rc;
}
