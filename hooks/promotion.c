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
#include "hooks/promotion-walk.h"
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
	size_t place;		/* in choice.made; their number: not there */
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
	struct strvec made;	/* what before's bundles were made of, the
				   newest first */
	struct strvec hidden;
	struct promotion_walk walk;
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

/*
 * The bundles of the channel before, back to the last one that is proven. A
 * proven one behind one that cannot be read does not count: what came after it
 * is not known.
 */
static void read_made(struct choice *c)
{
	char at[GIT_HEX_SIZE];
	size_t found = 0, kept = 0;
	bool broken = false;

	memcpy(at, c->there.id, sizeof(at));
	for (size_t i = 0; i < c->n; i++)
		c->sources[i].place = SIZE_MAX;
	for (int i = 0; i < NEWER_MAX && *at && found < c->n; i++) {
		struct bundle_commit b;
		struct err unread = ERR_INIT;

		for (size_t k = 0; k < c->n; k++)
			if (!strcmp(c->sources[k].bundle, at)) {
				c->sources[k].place = c->made.n;
				found++;
			}
		broken = repo_read_bundle(c->repo, at, &b, NULL, NULL,
					  &unread) < 0;
		if (broken)
			break;
		strvec_push(&c->made, b.bundle.source_commit);
		memcpy(at, b.parent, sizeof(at));
	}
	for (size_t k = 0; k < c->n; k++) {
		if (broken && c->sources[k].place == SIZE_MAX)
			continue;
		if (c->sources[k].place > c->made.n)
			c->sources[k].place = c->made.n;
		c->sources[kept++] = c->sources[k];
	}
	c->n = kept;
}

/* ---- one commit ---- */

static bool has_content(const struct choice *c, const struct source *s,
			const struct sha256 *content)
{
	return sha256_equal(content, &s->content) ||
	       (!strcmp(s->bundle, c->there.id) &&
		sha256_equal(content, &c->there_noted));
}

/* To look at the content of each commit would take long. */
static bool is_any_there(const struct choice *c, size_t place)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->sources[i].place == place)
			return true;
	return false;
}

/* Is its bundle the newest that the channel before made on the way? One that
 * is too old to have a place counts where there is none newer. */
static bool is_newest(const struct choice *c, const struct source *s,
		      const struct walked *w, const char *commit)
{
	return s->place == w->first &&
	       (w->first < c->made.n ||
		repo_leads_to(c->repo, commit, s->commit));
}

static bool is_proven(const struct choice *c, const struct walked *w,
		      const char *commit)
{
	struct err unread = ERR_INIT;
	struct sha256 content;

	if (!is_any_there(c, w->first) ||
	    concern_content(c->repo, c->before, commit, &content, &unread) < 0)
		return false;
	for (size_t i = c->n; i-- > 0; )
		if (has_content(c, &c->sources[i], &content) &&
		    is_newest(c, &c->sources[i], w, commit))
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

static bool hide_one(const struct choice *c, const char *source, void *arg)
{
	(void)c;
	strvec_push(arg, source);
	return false;
}

/* The commits after what was published, the newest first. */
static int walk(struct choice *c, struct err *err)
{
	const struct promotion_question q = {
		.tip = c->tip,
		.base = c->forward ? c->base : "",
		.hidden = &c->hidden,
		.sources = &c->made,
	};

	/* after history was made anew, what came before the base too */
	if (!c->forward && *c->base)
		strvec_push(&c->hidden, c->base);
	if (!c->forward)
		any_published(c, hide_one, &c->hidden);
	return promotion_walk(c->repo, &q, &c->walk, err);
}

static bool may_be(const struct choice *c, const struct walked *w,
		   const char *commit)
{
	return (!c->forward || w->after_base) && is_proven(c, w, commit) &&
	       is_certified(c, commit);
}

static int find_newest(struct choice *c, char ret[GIT_HEX_SIZE],
		       struct err *err)
{
	if (!c->n)
		return 0;
	read_made(c);
	if (walk(c, err) < 0)
		return -1;
	for (size_t i = 0; i < c->walk.n && i < LIMIT_PROMOTION_COMMITS; i++) {
		char at[GIT_HEX_SIZE];

		git_oid_tostr(at, sizeof(at), &c->walk.v[i].id);
		if (!may_be(c, &c->walk.v[i], at))
			continue;
		memcpy(ret, at, sizeof(at));
		break;
	}
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
		buf_addf(out, "%s has been so for ", c->before->name);
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
	c->forward = *c->base && repo_leads_to(c->repo, c->tip, c->base);
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
	promotion_walk_release(&c->walk);
	strvec_release(&c->made);
	strvec_release(&c->hidden);
	free(c);
	if (!rc)
		*ret = chosen;
	return rc;
}

int promotion_waits(git_repository *repo, const struct host_config *host,
		    const struct channel_config *ch,
		    struct promotion_wait *ret, struct err *err)
{
	struct current current;
	struct promotion m;
	char tip[GIT_HEX_SIZE];

	if (!ch->after)
		return 0;
	if (repo_ref(repo, ch->ref, tip, err) < 0 ||
	    current_read(repo, ch, &current, err) < 0)
		return -1;
	/* the usual case, and the cheap one */
	if (!*tip || (*current.id &&
		      !strcmp(tip, current.commit.bundle.source_commit)))
		return 0;
	if (promotion_choose(repo, host, ch, &current, tip, false, &m,
			     err) < 0)
		return -1;
	if (!*m.waits)
		return 0;
	memcpy(ret->tip, tip, sizeof(ret->tip));
	memcpy(ret->why, m.waits, sizeof(ret->why));
	return 1;
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
