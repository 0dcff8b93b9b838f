/*
 * What happens to a channel as a whole, whatever its clusters say of it: what
 * was pushed waits for another channel (after.h) that failed, or longer than
 * that should take; and a rollback (rollback-failed.h). See notify.h. Trusts
 * kept reports, which serve verified, and what was noted of a rollback.
 */
#include "config.h"
#include "hooks/notify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/kept-report.h"
#include "hooks/promotion.h"
#include "hooks/trust-file.h"
#include "schema/base/clock.h"
#include "schema/base/utf8.h"

/* of a report's message */
#define WHY_BYTES 600
/* a rollback that is older is no news to a receiver that is new */
#define ROLLBACK_SECONDS (24 * 60 * 60)

/* ---- reading ---- */

/* Did a cluster of the channel before say that what it has now failed? */
static void read_block(struct notify_channel *c,
		       const struct channel_config *before)
{
	struct notify_waits *w = &c->waits;
	struct strvec names = STRVEC_INIT;
	struct current there;
	struct err unread = ERR_INIT;

	if (current_read(c->repo, before, &there, &unread) == 0 && *there.id)
		trust_reporter_names(before, &names, &unread);
	for (size_t i = 0; i < names.n && !*w->blocked; i++) {
		struct cluster_report r;

		if (kept_report_read(c->host, before, names.v[i], NULL, &r,
				     &unread))
			continue;
		if (!strcmp(r.bundle, there.id) &&
		    (r.phase == CLUSTER_FAILED || r.phase == CLUSTER_REFUSED)) {
			memcpy(w->blocked, there.id, sizeof(w->blocked));
			snprintf(w->why, sizeof(w->why), "%s@%s %s "
				 "%" PRIu64 ".%" PRIu64 ": %s%s%.*s",
				 before->name, names.v[i],
				 r.phase == CLUSTER_FAILED ? "failed with" :
				 "refuses", r.epoch, r.sequence, r.reason,
				 *r.message ? ": " : "",
				 (int)utf8_cut(r.message, WHY_BYTES),
				 r.message);
		}
		cluster_report_release(&r);
	}
	strvec_release(&names);
}

static int read_waits(struct notify_channel *c, struct err *err)
{
	struct notify_waits *w = &c->waits;
	struct promotion_wait m;
	int rc = promotion_waits(c->repo, c->host, c->ch, &m, err);

	w->unknown = rc < 0;
	if (rc < 0)
		return err_wrap(err, "what waits for channel '%s'",
				c->ch->after);
	if (!rc)
		return 0;
	memcpy(w->commit, m.tip, sizeof(w->commit));
	snprintf(w->why, sizeof(w->why), "%s", m.why);
	notify_commit(c->repo, w->commit, &w->author, &w->subject);
	read_block(c, config_channel(c->host, c->ch->after));
	return 0;
}

/* What is noted before it is pushed may not have come in. */
static bool is_in(const struct notify_channel *c, const char *commit)
{
	struct err unread = ERR_INIT;
	char tip[GIT_HEX_SIZE];

	return repo_ref(c->repo, c->ch->ref, tip, &unread) == 0 && *tip &&
	       repo_leads_to(c->repo, tip, commit);
}

static void read_rollback(struct notify_channel *c)
{
	struct rollback_told *r = &c->rolled;
	struct err unread = ERR_INIT;

	if (rollback_told_read(c->host, c->ch, r, &unread) ||
	    c->now - r->at > ROLLBACK_SECONDS) {
		r->at = 0;
	} else if (r->made && is_in(c, r->commit)) {
		r->trouble[0] = '\0';
	} else if (*r->trouble) {
		r->made = false;
		r->commit[0] = '\0';
		memcpy(r->text, r->trouble, sizeof(r->text));
	} else if (r->made || !*r->text) {
		r->at = 0;
	}
}

int happened_read(struct notify_channel *c, struct err *err)
{
	read_rollback(c);
	return read_waits(c, err);
}

void happened_release(struct notify_channel *c)
{
	free(c->waits.author);
	free(c->waits.subject);
	c->waits = (struct notify_waits){ .why = "" };
}

/* ---- what of it is news ---- */

static void key_of(const char *what, const char *of, char ret[SHA256_HEX_SIZE])
{
	struct sha256_ctx ctx;
	struct sha256 digest;

	sha256_start(&ctx);
	sha256_add(&ctx, what, strlen(what) + 1);
	sha256_add(&ctx, of, strlen(of));
	sha256_end(&ctx, &digest);
	sha256_hex(&digest, ret);
}

/* What waits once more, after it did not, is another thing: so the time is a
 * part of it, which is kept before anything is sent. */
static void key_of_wait(const char *what, const char *of,
			const struct told *told, char ret[SHA256_HEX_SIZE])
{
	char since[sizeof("-9223372036854775808")];
	char begun[SHA256_HEX_SIZE];

	snprintf(since, sizeof(since), "%" PRId64, told->waits_since);
	key_of(since, of, begun);
	key_of(what, begun, ret);
}

/* "1a2b3c4d5e6f (Ada: more replicas)" */
static void add_commit(const struct notify_waits *w, struct buf *text)
{
	buf_addf(text, "%.12s", w->commit);
	if (*w->subject)
		buf_addf(text, " (%s: %s)", w->author, w->subject);
}

static void say_held(const struct notify_channel *c, const struct told *told,
		     struct happened *h)
{
	const struct notify_waits *w = &c->waits;
	struct buf text = BUF_INIT(4 * sizeof(h->text));
	char since[CLOCK_TEXT_SIZE];

	clock_format(told->waits_since, since);
	buf_addf(&text, "%s: ", c->ch->name);
	add_commit(w, &text);
	if (*w->blocked)
		buf_addf(&text, " waits for %s: %s", c->ch->after, w->why);
	else
		buf_addf(&text, " has waited for %s since %s: %s",
			 c->ch->after, since, w->why);
	snprintf(h->text, sizeof(h->text), "%s", text.data);
	buf_release(&text);
}

static bool find_held(struct notify_channel *c, struct told *told,
		      struct happened *h)
{
	const struct notify_waits *w = &c->waits;
	int64_t due;

	if (!*w->commit)
		return false;
	/* one to come is of a clock that was ahead; once told it stays */
	if (!told->waits_since || (told->waits_since > c->now && !*told->held))
		told->waits_since = c->now;
	/* as long as it takes, and as nobody would call silence */
	due = told->waits_since + c->ch->after_seconds + c->ch->silent_after;
	*h = (struct happened){ .event = NEWS_HELD };
	if (*w->blocked)
		key_of_wait("failed", w->blocked, told, h->key);
	else if (c->now >= due && !*told->held)
		key_of_wait("late", "", told, h->key);
	if (c->now < due)
		notify_look_at(c, due);
	if (!*h->key || !strcmp(h->key, told->held))
		return false;
	say_held(c, told, h);
	return true;
}

/* What waited does not any more: it is there, or something else was pushed. */
static bool find_release(const struct notify_channel *c, struct told *told,
			 struct happened *h)
{
	if (*c->waits.commit || c->waits.unknown)
		return false;
	told->waits_since = 0;
	if (!*told->held)
		return false;
	*h = (struct happened){ .event = NEWS_RECOVERED };
	memcpy(h->key, told->held, sizeof(h->key));
	snprintf(h->text, sizeof(h->text), "%s: nothing waits for %s any more",
		 c->ch->name, c->ch->after ? c->ch->after : "another channel");
	return true;
}

static bool find_rollback(const struct notify_channel *c,
			  const struct told *told, struct happened *h)
{
	const struct rollback_told *r = &c->rolled;

	if (!r->at)
		return false;
	*h = (struct happened){ .event = NEWS_ROLLBACK };
	/* a refusal after trouble is another thing */
	key_of(r->made ? "made" : *r->trouble ? "trouble" : "refused",
	       r->bundle, h->key);
	snprintf(h->text, sizeof(h->text), "%s: %s: %s", c->ch->name,
		 r->made ? "rolled back" : "not rolled back", r->text);
	return strcmp(h->key, told->rolled) != 0;
}

size_t happened_find(struct notify_channel *c, struct told *told,
		     struct happened v[HAPPENED_MAX])
{
	size_t n = 0;

	n += find_rollback(c, told, &v[n]);
	n += find_held(c, told, &v[n]);
	n += find_release(c, told, &v[n]);
	/* the end of a thing has its key, and is another thing */
	for (size_t i = 0; i < n; i++)
		key_of(news_name(v[i].event), v[i].key, v[i].id);
	return n;
}

void happened_told(struct told *told, const struct happened *h)
{
	if (h->event == NEWS_ROLLBACK)
		memcpy(told->rolled, h->key, sizeof(told->rolled));
	else if (h->event == NEWS_HELD)
		memcpy(told->held, h->key, sizeof(told->held));
	else
		told->held[0] = '\0';
}
