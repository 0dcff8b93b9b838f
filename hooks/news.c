/*
 * Finding what is news. See news.h. Trusts reports for what they say of
 * their cluster. What a report says in between (applying, suspended) neither
 * fails nor mends anything, so that a rollout does not count as the end of
 * the failure that it is to end.
 */
#include "config.h"
#include "hooks/news.h"

#include <inttypes.h>
#include <string.h>

#include "schema/base/utf8.h"

/* ---- silence ---- */

enum silence news_silence(int64_t heard, int64_t listening,
			  int64_t silent_after, int64_t now)
{
	if (now - heard < silent_after)
		return SILENCE_NO;
	return now - listening < silent_after ? SILENCE_UNKNOWN : SILENCE_YES;
}

int64_t news_silence_at(int64_t heard, int64_t listening,
			int64_t silent_after, int64_t now)
{
	switch (news_silence(heard, listening, silent_after, now)) {
	case SILENCE_NO:
		return heard + silent_after;
	case SILENCE_UNKNOWN:
		return listening + silent_after;
	default:
		return 0;
	}
}

/* ---- messages ---- */

static void note_phase(struct told_cluster *then,
		       const struct cluster_report *r)
{
	switch (r->phase) {
	case CLUSTER_FAILED:
	case CLUSTER_REFUSED:
		memcpy(then->failed, r->bundle, sizeof(then->failed));
		then->waiting[0] = '\0';
		break;
	case CLUSTER_WAITING:
		memcpy(then->waiting, r->bundle, sizeof(then->waiting));
		break;
	case CLUSTER_HEALTHY:
		then->failed[0] = '\0';
		then->waiting[0] = '\0';
		break;
	default:
		then->waiting[0] = '\0';
		break;
	}
}

static unsigned begun(bool was, bool is, enum news_event event)
{
	return is && !was ? 1u << event : 0;
}

/* Is this one over, that it was told or may have been told of? */
static unsigned ended(const struct told_cluster *told, bool was, bool is_over,
		      enum news_event event)
{
	unsigned bit = 1u << event;

	return (was || (told->perhaps & bit)) && is_over ? bit : 0;
}

bool news_find(const struct told_cluster *told,
	       const struct cluster_report *r, enum silence silence,
	       struct news *ret)
{
	const bool well = r->phase == CLUSTER_HEALTHY;
	struct told_cluster then = *told;
	struct news n = { .events = 0 };
	bool failed, waits;

	note_phase(&then, r);
	then.fighting = r->fighting > 0;
	then.stale = r->stale || silence == SILENCE_YES ||
		     (silence == SILENCE_UNKNOWN && told->stale);
	failed = *then.failed && strcmp(then.failed, told->failed);
	waits = *then.waiting && strcmp(then.waiting, told->waiting);
	n.events = begun(false, failed, NEWS_FAILED) |
		   begun(false, waits, NEWS_WAITING) |
		   begun(told->fighting, then.fighting, NEWS_FIGHTING) |
		   begun(told->stale, then.stale, NEWS_STALE);
	n.ended = ended(told, *told->failed, well, NEWS_FAILED) |
		  ended(told, told->fighting, !then.fighting, NEWS_FIGHTING) |
		  ended(told, told->stale, !then.stale, NEWS_STALE);
	if (n.ended)
		n.events |= 1u << NEWS_RECOVERED;
	/* what is neither said nor over stays open */
	then.perhaps = *then.failed || well ? 0 :
		       told->perhaps & (1u << NEWS_FAILED);
	n.then = then;
	*ret = n;
	return n.events || then.perhaps != told->perhaps ||
	       strcmp(then.waiting, told->waiting);
}

void news_may_arrive(struct told_cluster *told, const struct news *n)
{
	told->perhaps |= (n->events | n->ended) & ~(1u << NEWS_RECOVERED);
	/* whoever may have heard the end has to hear of another beginning */
	if (n->ended & (1u << NEWS_FAILED))
		told->failed[0] = '\0';
	if (n->ended & (1u << NEWS_FIGHTING))
		told->fighting = false;
	if (n->ended & (1u << NEWS_STALE))
		told->stale = false;
	if (n->events & (1u << NEWS_WAITING))
		told->waiting[0] = '\0';
}

/* ---- commit statuses ---- */

static const char *const state_names[STATUS_STATES][3] = {
	/* Gitea, GitHub, GitLab */
	[STATUS_PENDING] = { "pending", "pending", "pending" },
	[STATUS_RUNNING] = { "pending", "pending", "running" },
	[STATUS_SUCCESS] = { "success", "success", "success" },
	[STATUS_FAILURE] = { "failure", "failure", "failed" },
	[STATUS_OVERTAKEN] = { "warning", "error", "canceled" },
};

const char *status_state_name(enum receiver_form form,
			      enum status_state state)
{
	return state_names[state][form - RECEIVER_GITEA];
}

static enum status_state state_of(const struct cluster_report *r)
{
	switch (r->phase) {
	case CLUSTER_HEALTHY:
		return STATUS_SUCCESS;
	case CLUSTER_FAILED:
	case CLUSTER_REFUSED:
		return STATUS_FAILURE;
	case CLUSTER_APPLYING:
		return STATUS_RUNNING;
	default:
		return STATUS_PENDING;
	}
}

static bool is_open(enum receiver_form form, const char *state)
{
	return !strcmp(state, status_state_name(form, STATUS_PENDING)) ||
	       !strcmp(state, status_state_name(form, STATUS_RUNNING));
}

/* What failed first says more than "2 objects failed". */
static void describe(const struct cluster_report *r, struct buf *text)
{
	buf_addf(text, "%s (%" PRIu64 ".%" PRIu64 ")",
		 cluster_phase_name(r->phase), r->epoch, r->sequence);
	if (r->phase == CLUSTER_HEALTHY || r->phase == CLUSTER_APPLYING ||
	    r->phase == CLUSTER_SUSPENDED)
		return;
	buf_adds(text, ": ");
	if (r->n_failures)
		cluster_failure_line(&r->failures[0], text);
	else
		buf_addf(text, "%s%s%s", r->reason, *r->message ? ": " : "",
			 r->message);
}

/* Of what stays the same while waits and numbers in messages move. */
static void key_of(const struct cluster_report *r, enum status_state state,
		   char ret[SHA256_HEX_SIZE])
{
	struct buf b = BUF_INIT(LIMIT_REPORT_BYTES);
	struct sha256 digest;

	buf_addf(&b, "%d %d %s %s\n", (int)state, (int)r->phase, r->bundle,
		 r->phase == CLUSTER_APPLYING ? "" : r->reason);
	if (state == STATUS_FAILURE && r->n_failures)
		buf_addf(&b, "%s\n%s\n%s\n", r->failures[0].object,
			 r->failures[0].source, r->failures[0].reason);
	sha256_of(b.data, b.len, &digest);
	sha256_hex(&digest, ret);
	buf_release(&b);
}

/* The commit before would stay as it is for good. */
static bool find_overtaken(const struct told_cluster *told,
			   enum receiver_form form,
			   const struct cluster_report *r, const char *commit,
			   struct status_news *ret)
{
	struct status_news s = { .state = STATUS_OVERTAKEN };

	if (!*told->commit || !strcmp(told->commit, commit) ||
	    !is_open(form, told->state))
		return false;
	memcpy(s.commit, told->commit, sizeof(s.commit));
	snprintf(s.description, sizeof(s.description),
		 "overtaken by %" PRIu64 ".%" PRIu64, r->epoch, r->sequence);
	*ret = s;
	return true;
}

bool status_news_find(const struct told_cluster *told,
		      enum receiver_form form,
		      const struct cluster_report *r, const char *commit,
		      struct status_news *ret)
{
	struct buf text = BUF_INIT(LIMIT_REPORT_BYTES);
	struct status_news s = { .state = state_of(r) };

	if (!*commit)
		return false;
	if (find_overtaken(told, form, r, commit, ret))
		return true;
	snprintf(s.commit, sizeof(s.commit), "%s", commit);
	key_of(r, s.state, s.key);
	if (told->sure && !strcmp(told->commit, s.commit) &&
	    !strcmp(told->key, s.key))
		return false;
	describe(r, &text);
	snprintf(s.description, sizeof(s.description), "%.*s",
		 (int)utf8_cut(text.data, STATUS_DESCRIPTION_BYTES),
		 text.data);
	buf_release(&text);
	*ret = s;
	return true;
}

void status_news_tell(struct told_cluster *told, enum receiver_form form,
		      const struct status_news *s, bool sure)
{
	/* until the end of the one before is sure, it is what is known */
	memcpy(told->commit, s->commit, sizeof(told->commit));
	if (s->state != STATUS_OVERTAKEN || sure) {
		snprintf(told->state, sizeof(told->state), "%s",
			 status_state_name(form, s->state));
		memcpy(told->key, s->key, sizeof(told->key));
	}
	told->sure = sure;
}
