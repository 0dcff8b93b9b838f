/*
 * What clusters report of a channel: POST of /<channel>/report. A report that
 * is taken is on the disk before the cluster hears so (kept-report.h); what
 * becomes of it in Git is a child's work (serve-work.c).
 *
 * Whoever can connect may send anything. The body is bounded, and so is how
 * many are on their way; the signature is judged before a word of it is read,
 * once; a report that was taken before, or is of another channel or cluster
 * or of a bundle that was never published here, is refused, and a cluster
 * that sends too many is asked to wait. None of that changes what is served.
 */
#include "config.h"
#include "hooks/serve.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/current.h"
#include "hooks/kept-report.h"
#include "hooks/trust-file.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/head.h"
#include "schema/sshsig.h"

#define REPORT "/report"

/* of one cluster about one channel: so many at once, then one in a second */
#define REPORTS_AT_ONCE 20
#define REPORT_MS 1000
/* bundles before the current one that are looked through for one that is
 * signed by a key that the channel does not have any more: 20 us each */
#define BEHIND_MAX 1000
/* that a cluster says nothing new is for the page, and now and then for the
 * record (record.h); engines report every ten minutes */
#define HEARD_MS (9 * 60 * 1000)

/* that are judged between two looks at everything else, 1 ms each */
#define JUDGED_A_TURN 4

enum body_state {
	BODY_NEW,		/* nothing was decided */
	BODY_WAITS,		/* nor is it its turn */
	BODY_TURN,		/* it is now */
	BODY_KEPT,		/* it is being written */
	BODY_DONE		/* and that is over: there is an answer */
};

/* What there is only so much of is held in pieces of this size. */
#define PLACE_BYTES 1024

/* What it hears. */
struct reply {
	unsigned status;
	unsigned retry;			/* seconds; 0: not said */
	char text[600];
};

struct report_body {
	struct buf text;
	size_t places;
	enum body_state state;
	struct request *request;
	struct report_body *next;	/* of those that wait */
	struct cluster_report report;	/* from BODY_KEPT on */
	struct keeping keeping;
	struct reply reply;
};

/* One cluster, as far as it was heard of one channel. */
struct reporter {
	uint64_t counter;		/* the highest that was taken; or 0 */
	uint64_t epoch, sequence;	/* of the report that was taken last */
	char bundle[GIT_HEX_SIZE];
	struct sha256 state;		/* and what of it counts */
	bool fighting;
	int64_t heard;			/* when that came, monotonic ms; 0: not
					   by this process */
	int64_t noted;			/* when it was to be recorded last,
					   monotonic ms; 0: never */
	int64_t until;			/* what it used up, monotonic ms */
	bool writing;			/* one is on its way to the disk */
};

__attribute__((format(printf, 3, 4)))
static int say(struct reply *a, unsigned status, const char *fmt, ...)
{
	struct buf b = BUF_INIT(sizeof(a->text) - 1);
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	memcpy(a->text, b.data, b.len + 1);
	a->status = status;
	buf_release(&b);
	return -1;
}

static enum MHD_Result send_reply(struct request *r, const struct reply *a)
{
	struct MHD_Response *res = MHD_create_response_from_buffer(
		strlen(a->text), (void *)(uintptr_t)a->text,
		MHD_RESPMEM_MUST_COPY);
	char seconds[16];

	if (!res)
		return MHD_NO;
	if (*a->text)
		MHD_add_response_header(res, "Content-Type",
					"text/plain; charset=utf-8");
	snprintf(seconds, sizeof(seconds), "%u", a->retry);
	if (a->retry)
		MHD_add_response_header(res, "Retry-After", seconds);
	return serve_reply(r, a->status, res);
}

bool serve_report_path(const char *url, size_t *ret_len)
{
	size_t len;

	if (url[0] != '/')
		return false;
	len = strcspn(url + 1, "/");
	if (!len || strcmp(url + 1 + len, REPORT))
		return false;
	*ret_len = len;
	return true;
}

/* ---- the body ---- */

void serve_report_end(struct serve *s, struct request *r)
{
	if (!r->report)
		return;
	serve_client_give_back(s, r->client, PLACE_REPORT, r->report->places);
	if (r->report->state >= BODY_KEPT)
		cluster_report_release(&r->report->report);
	kept_write_release(&r->report->keeping.write);
	buf_release(&r->report->text);
	free(r->report);
	r->report = NULL;
}

enum MHD_Result serve_report_begin(struct serve *s, struct request *r)
{
	const char *length = MHD_lookup_connection_value(
		r->connection, MHD_HEADER_KIND, "Content-Length");
	uint64_t bytes;
	size_t places;

	if (!length || parse_u64(length, 0, UINT64_MAX, &bytes) < 0)
		return serve_reply_text(r, MHD_HTTP_LENGTH_REQUIRED, NULL,
					NULL, "a length is needed\n");
	if (bytes > LIMIT_REPORT_BYTES)
		return serve_reply_text(r, MHD_HTTP_CONTENT_TOO_LARGE, NULL,
					NULL, "a report is smaller\n");
	/* what it is held in by us is about as much again */
	places = (bytes + sizeof(*r->report) + PLACE_BYTES) / PLACE_BYTES;
	if (!serve_client_hold(s, r->client, PLACE_REPORT, places))
		return serve_not_now(r);
	r->report = xcalloc(1, sizeof(*r->report));
	r->report->places = places;
	r->report->request = r;
	buf_init(&r->report->text, LIMIT_REPORT_BYTES);
	return MHD_YES;
}

void serve_report_add(struct request *r, const char *data, size_t len)
{
	buf_add(&r->report->text, data, len);
}

/* ---- whose turn it is ---- */

/* All clusters may report at once: who asks for a head meanwhile does not wait
 * for all of these. True if it was put off. */
static bool must_wait(struct serve *s, struct report_body *b)
{
	if (b->state == BODY_TURN || s->stop)
		return false;
	if (s->judged < JUDGED_A_TURN) {
		s->judged++;
		return false;
	}
	b->state = BODY_WAITS;
	b->next = NULL;
	if (s->unjudged)
		s->unjudged_last->next = b;
	else
		s->unjudged = b;
	s->unjudged_last = b;
	serve_client_state(s, b->request->client, CLIENT_KEPT);
	MHD_suspend_connection(b->request->connection);
	return true;
}

void serve_report_turn(struct serve *s)
{
	struct report_body *b;

	s->judged = 0;
	while ((b = s->unjudged) && (s->judged < JUDGED_A_TURN || s->stop)) {
		s->unjudged = b->next;
		s->judged++;
		b->state = BODY_TURN;
		serve_client_state(s, b->request->client, CLIENT_ASKED);
		s->resumed = true;
		MHD_resume_connection(b->request->connection);
	}
}

/* ---- who may report ---- */

/* The key that signed what is served now, found once for each head; no report
 * may be by it. NULL: there is none. */
static const struct sshkey *publisher_key(struct served *ch)
{
	struct err none = ERR_INIT;
	size_t text;

	if (strcmp(ch->signer_of, ch->etag)) {
		memcpy(ch->signer_of, ch->etag, sizeof(ch->signer_of));
		ch->has_signer = ch->there &&
			head_split(ch->head, ch->head_len, &text, &none) == 0 &&
			sshsig_verify(ch->head + text, ch->head_len - text,
				      HEAD_NAMESPACE, ch->head, text,
				      &ch->signer, NULL, &none) == 0;
	}
	return ch->there && ch->has_signer ? &ch->signer : NULL;
}

static int read_reporters(struct served *ch,
			  const struct channel_config *cfg, struct trust *ret,
			  struct reply *a)
{
	struct err err = ERR_INIT;

	if (trust_read_reporters(cfg, publisher_key(ch), ret, &err) == 0)
		return 0;
	log_error("reporters-refused", LOG_S("channel", ch->name),
		  LOG_S("error", err.msg));
	a->retry = 60;
	return say(a, MHD_HTTP_SERVICE_UNAVAILABLE,
		   "not now: the list of reporters cannot be used\n");
}

static int open_report(struct served *ch,
		       const struct channel_config *cfg,
		       const struct buf *body, struct cluster_report *ret,
		       struct reply *a)
{
	struct trust trust = TRUST_INIT;
	struct err err = ERR_INIT;
	size_t text;
	int rc;

	/* for what is no report at all no list is read */
	rc = buf_check(body, "report", &err);
	if (!rc)
		rc = cluster_report_split(body->data, body->len, &text, &err);
	if (!rc && read_reporters(ch, cfg, &trust, a) < 0)
		return -1;
	if (!rc)
		rc = cluster_report_open(body->data, body->len, &trust,
					 clock_now(), ret, &err);
	trust_release(&trust);
	if (!rc)
		return 0;
	return say(a, err.class == ERR_INVALID ? MHD_HTTP_BAD_REQUEST :
		   MHD_HTTP_FORBIDDEN, "%s\n", err.msg);
}

static int check_channel(const struct channel_config *cfg,
			 const struct cluster_report *r, struct reply *a)
{
	if (strcmp(r->channel, cfg->name))
		return say(a, MHD_HTTP_FORBIDDEN, "report of channel '%s' came "
			   "for '%s'\n", r->channel, cfg->name);
	if (strcmp(r->channel_id, cfg->id))
		return say(a, MHD_HTTP_FORBIDDEN, "report is of another "
			   "channel '%s': its id is %s, not %s\n", r->channel,
			   cfg->id, r->channel_id);
	return 0;
}

/* ---- what was taken before ---- */

static void remember(struct reporter *who, const struct cluster_report *r)
{
	who->counter = r->counter;
	who->epoch = r->epoch;
	who->sequence = r->sequence;
	memcpy(who->bundle, r->bundle, sizeof(who->bundle));
	who->fighting = r->fighting > 0;
	kept_report_state(r, &who->state);
}

/* As this process or one before has heard it last; NULL with the answer. */
static struct reporter *reporter_of(struct serve *s, struct served *ch,
				    const struct channel_config *cfg,
				    const char *cluster, struct reply *a)
{
	struct reporter *who = map_get(&ch->reporters, cluster);
	struct cluster_report last;
	struct err err = ERR_INIT;
	int rc;

	if (who)
		return who;
	rc = kept_report_read(&s->host.config, cfg, cluster, NULL, &last,
			      &err);
	if (rc < 0) {
		log_error("report-unreadable", LOG_S("channel", ch->name),
			  LOG_S("cluster", cluster), LOG_S("error", err.msg));
		a->retry = 60;
		say(a, MHD_HTTP_SERVICE_UNAVAILABLE,
		    "not now: the report before it cannot be read\n");
		return NULL;
	}
	who = xcalloc(1, sizeof(*who));
	if (rc == 0) {
		remember(who, &last);
		cluster_report_release(&last);
	}
	map_put(&ch->reporters, cluster, who);
	return who;
}

/* One that comes again costs its cluster nothing: anybody may send it. */
static int check_counter(const struct reporter *who,
			 const struct cluster_report *r, struct reply *a)
{
	if (r->counter > who->counter)
		return 0;
	return say(a, MHD_HTTP_CONFLICT, "counter %" PRIu64 "\n",
		   who->counter);
}

static int check_rate(struct reporter *who, struct reply *a)
{
	int64_t now = clock_mono_ms(), over;

	if (who->until < now)
		who->until = now;
	over = who->until - now - (REPORTS_AT_ONCE - 1) * REPORT_MS;
	if (over <= 0) {
		who->until += REPORT_MS;
		return 0;
	}
	a->retry = (unsigned)((over + 999) / 1000);
	return say(a, MHD_HTTP_TOO_MANY_REQUESTS, "one report in a second is "
		   "enough\n");
}

/* ---- the bundle ---- */

/* Is it among those that a ref leads to, not too far back? */
static bool leads_to(git_repository *repo, const char *ref, const char *id)
{
	struct err none = ERR_INIT;
	char at[GIT_HEX_SIZE];

	if (repo_ref(repo, ref, at, &none) < 0)
		return false;
	for (int i = 0; i < BEHIND_MAX && *at; i++) {
		struct bundle_commit c;

		if (!strcmp(at, id))
			return true;
		if (repo_read_bundle(repo, at, &c, NULL, NULL, &none) < 0)
			return false;
		memcpy(at, c.parent, sizeof(at));
	}
	return false;
}

/*
 * A commit of this form and place that the channel's key signed is one of its
 * history; others would have had to be made with that key.
 */
static bool in_history(git_repository *repo, const struct channel_config *cfg,
		       const struct cluster_report *r)
{
	char *ref = current_ref(cfg), *old = current_epoch_ref(cfg, r->epoch);
	struct current named, now;
	struct err none = ERR_INIT;
	bool known = false;

	if (current_read_id(repo, cfg, r->bundle, &named, &none) == 0 &&
	    named.commit.bundle.epoch == r->epoch &&
	    named.commit.bundle.sequence == r->sequence)
		known = (current_read(repo, cfg, &now, &none) == 0 &&
			 *now.id && sshkey_equal(&now.key, &named.key)) ||
			leads_to(repo, ref, r->bundle) ||
			leads_to(repo, old, r->bundle);
	free(ref);
	free(old);
	return known;
}

static int check_bundle(struct serve *s, struct served *ch,
			const struct channel_config *cfg,
			const struct reporter *who,
			const struct cluster_report *r, struct reply *a)
{
	git_repository *repo = NULL;
	struct err err = ERR_INIT;
	bool known;

	serve_head_check(s, ch);
	/* most are of what is served, or what was heard of before */
	if ((who->epoch == r->epoch && who->sequence == r->sequence &&
	     !strcmp(r->bundle, who->bundle)) ||
	    (ch->epoch == r->epoch && ch->sequence == r->sequence &&
	     !strcmp(r->bundle, ch->bundle)))
		return 0;
	/* one of its own: see check_repo of serve-work.c */
	if (repo_open(s->host.config.git_dir, false, &repo, &err) < 0) {
		log_error("repository-unreadable", LOG_S("error", err.msg));
		a->retry = 5;
		return say(a, MHD_HTTP_SERVICE_UNAVAILABLE, "not now, try "
			   "again\n");
	}
	known = in_history(repo, cfg, r);
	git_repository_free(repo);
	/* the admin must hear of it, whatever the cluster does */
	if (!known && (r->epoch > ch->epoch ||
		       (r->epoch == ch->epoch && r->sequence > ch->sequence)))
		log_warn("report-ahead", LOG_S("channel", ch->name),
			 LOG_S("cluster", r->cluster),
			 LOG_N("epoch", r->epoch),
			 LOG_N("sequence", r->sequence),
			 LOG_S("bundle", r->bundle));
	return known ? 0 : say(a, MHD_HTTP_BAD_REQUEST, "unknown bundle\n");
}

/* ---- taking it ---- */

/* That there is nothing new is told too, so that silence can be seen. Others
 * than Git are told of more: that it is heard of again, and of fights. */
static void note_news(struct serve *s, struct served *ch,
		      const struct channel_config *cfg, struct reporter *who,
		      const struct cluster_report *r)
{
	const struct reporter before = *who;
	int64_t now = clock_mono_ms();
	bool same;

	remember(who, r);
	who->heard = now;
	same = sha256_equal(&before.state, &who->state);
	if (!same || before.fighting != who->fighting || !before.heard ||
	    now - before.heard >= cfg->silent_after * 1000) {
		ch->notify_due = true;
		s->next_record = 0;
	}
	if (same && who->noted && now - who->noted < HEARD_MS)
		return;
	who->noted = now;
	ch->record_due = true;
	s->next_record = 0;
	serve_heard(s, ch->name, false);
}

static int not_kept(struct reply *a, const struct cluster_report *r,
		    const struct err *err)
{
	log_error("report-not-kept", LOG_S("channel", r->channel),
		  LOG_S("cluster", r->cluster), LOG_S("error", err->msg));
	a->retry = 5;
	return say(a, MHD_HTTP_SERVICE_UNAVAILABLE, "not now, try again\n");
}

/* Hands it to who writes; the request goes on when that is done. */
static int keep(struct serve *s, const struct channel_config *cfg,
		struct reporter *who, struct report_body *b, struct reply *a)
{
	struct err err = ERR_INIT;

	/* of one cluster one at a time, as engines send them; and none that
	 * the end of serve would leave half taken */
	if (who->writing || s->stop) {
		a->retry = 1;
		return say(a, MHD_HTTP_SERVICE_UNAVAILABLE,
			   "not now, try again\n");
	}
	if (kept_write_prepare(&s->host.config, cfg, &b->report, &b->text,
			       &b->keeping.write, &err) < 0 ||
	    serve_keep(s, &b->keeping, &err) < 0)
		return not_kept(a, &b->report, &err);
	who->writing = true;
	b->state = BODY_KEPT;
	serve_client_state(s, b->request->client, CLIENT_KEPT);
	MHD_suspend_connection(b->request->connection);
	return 0;
}

/* The settings may be others by now. */
static void take_in(struct serve *s, struct report_body *b)
{
	const struct cluster_report *r = &b->report;
	struct served *ch = serve_find(s, r->channel, strlen(r->channel));
	const struct channel_config *cfg =
		config_channel(&s->host.config, r->channel);
	struct reporter *who = ch ? map_get(&ch->reporters, r->cluster) : NULL;

	if (who)
		who->writing = false;
	if (b->keeping.rc < 0) {
		not_kept(&b->reply, r, &b->keeping.err);
		return;
	}
	log_debug("report-taken", LOG_S("channel", r->channel),
		  LOG_S("cluster", r->cluster), LOG_N("counter", r->counter),
		  LOG_S("phase", cluster_phase_name(r->phase)));
	if (who && cfg)
		note_news(s, ch, cfg, who, r);
	b->reply.status = MHD_HTTP_NO_CONTENT;
}

void serve_report_kept(struct serve *s, struct keeping *k)
{
	struct report_body *b = (struct report_body *)
		((char *)k - offsetof(struct report_body, keeping));
	struct request *r = b->request;

	take_in(s, b);
	b->state = BODY_DONE;
	serve_client_state(s, r->client, CLIENT_ASKED);
	s->resumed = true;
	MHD_resume_connection(r->connection);
}

/* 0: it is handed on, and body has the report. */
static int take(struct serve *s, struct served *ch,
		const struct channel_config *cfg, struct report_body *b,
		struct reply *a)
{
	struct cluster_report *r = &b->report;
	struct reporter *who;

	if (open_report(ch, cfg, &b->text, r, a) < 0)
		return -1;
	if (check_channel(cfg, r, a) == 0 &&
	    (who = reporter_of(s, ch, cfg, r->cluster, a)) &&
	    check_counter(who, r, a) == 0 && check_rate(who, a) == 0 &&
	    check_bundle(s, ch, cfg, who, r, a) == 0 &&
	    keep(s, cfg, who, b, a) == 0)
		return 0;
	cluster_report_release(r);
	return -1;
}

/* The channel, if it is one that takes reports by the settings of now. */
static struct served *find(struct serve *s, const char *name, size_t len,
			   const struct channel_config **ret)
{
	struct served *ch = serve_find(s, name, len);

	*ret = ch ? config_channel(&s->host.config, ch->name) : NULL;
	if (*ret && (*ret)->reporters)
		return ch;
	ch = serve_look_again(s, &s->http_looks, name, len);
	if (!ch)
		ch = serve_find(s, name, len);
	*ret = ch ? config_channel(&s->host.config, ch->name) : NULL;
	return ch;
}

enum MHD_Result serve_report_answer(struct serve *s, struct request *r,
				    const char *name, size_t len)
{
	struct report_body *b = r->report;
	struct reply *a = &b->reply;
	const struct channel_config *cfg;
	struct served *ch;

	if (b->state == BODY_DONE)
		return send_reply(r, a);
	if (must_wait(s, b))
		return MHD_YES;
	ch = find(s, name, len, &cfg);
	if (!ch || !cfg)
		say(a, MHD_HTTP_NOT_FOUND, "not found\n");
	else if (!cfg->reporters)
		say(a, MHD_HTTP_NOT_FOUND, "reports are not taken\n");
	else if (take(s, ch, cfg, b, a) == 0)
		return MHD_YES;
	else
		log_debug("report-refused", LOG_S("channel", ch->name),
			  LOG_N("status", a->status), LOG_S("why", a->text));
	return send_reply(r, a);
}
