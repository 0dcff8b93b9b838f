/*
 * `windlass-hook post-receive`: publishes each channel whose ref moved. The
 * event is only a reason to look: what is published is the tip, whatever
 * this push was about, since two pushes may finish in either order. Git no
 * longer listens to the exit status, so a failure says what to do instead.
 */
#include "config.h"
#include "hooks/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks/after.h"
#include "hooks/approvals.h"
#include "hooks/ask.h"
#include "hooks/concern.h"
#include "hooks/current.h"
#include "hooks/feedback.h"
#include "hooks/follow.h"
#include "hooks/job.h"
#include "hooks/promotion.h"
#include "hooks/receive.h"
#include "hooks/report.h"
#include "hooks/review.h"
#include "hooks/tidy.h"
#include "hooks/upload-start.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/options.h"
#include "schema/sshkey.h"

/* the longest first publish of another push may take, and then some */
#define LOCK_MS (120 * 1000)

static const char usage[] =
"usage: windlass-hook post-receive\n"
"\n"
"Git's post-receive hook: publishes the channels whose refs moved.\n"
"Reads '<old> <new> <ref>' lines.\n";

/*
 * True if this user cannot sign: the key is a file that it may not read, or
 * in an agent that is not at hand (the hook may have been given the agent of
 * the pusher, by ssh -A).
 */
static bool key_is_others(const struct host_config *host,
			  const struct channel_config *ch)
{
	struct signer *signer = NULL;
	struct err none = ERR_INIT;

	if (ch->signing_key[0] != '/') {
		if (!signer_open(ch->signing_key, &signer, &none)) {
			signer_free(signer);
			return false;
		}
		/* otherwise what is wrong with the agent is worth saying */
		return ask_is_served(host);
	}
	return access(ch->signing_key, R_OK) && errno == EACCES;
}

static void failed(struct feedback *fb, const struct channel_config *ch,
		   const struct err *err)
{
	feedback_line(fb, "windlass: %s: not published: %s", ch->name,
		      err->msg);
	feedback_line(fb, "windlass: %s: the push itself is in; at the Git "
		      "host, `windlass-hook publish %s` publishes it", ch->name,
		      ch->name);
}

/* 1: what the channel has now was published; 0: it has nothing yet; -1: it was
 * said why not. */
static int publish(const struct host *host, const struct channel_config *ch,
		    struct feedback *fb)
{
	static const struct publish_options opts = {
		.push = true, .lock_ms = LOCK_MS,
	};
	struct publish_result result;
	struct buf line = BUF_INIT(1024);
	struct err err = ERR_INIT;

	if (key_is_others(&host->config, ch)) {
		if (ask_publish(&host->config, ch->name, fb, &err) == 0)
			return 1;
		failed(fb, ch, &err);
		return -1;
	}
	if (publish_channel(host->repo, &host->config, ch, &opts, fb, &result,
			    &err) < 0) {
		failed(fb, ch, &err);
		return -1;
	}
	/* the gate said so already */
	if (result.outcome == PUBLISH_NOTHING_YET)
		return 0;
	report_line(host->repo, ch, &result, &line);
	feedback_line(fb, "windlass: %s", line.data);
	buf_reset(&line);
	if (report_waits(ch, &result, &line))
		feedback_line(fb, "windlass: %s", line.data);
	if (tidy_due(&host->config, ch))
		tidy_start(&host->config, ch);
	upload_after_push(&host->config, ch, fb);
	buf_release(&line);
	return 1;
}

/* True if the push brought an approval for the channel. */
static bool has_approval(const struct updates *us,
			 const struct channel_config *ch)
{
	char name[LIMIT_CHANNEL_BYTES + 1];

	for (size_t i = 0; i < us->n; i++)
		if (approvals_channel(us->v[i].ref, name) &&
		    !strcmp(name, ch->name))
			return true;
	return false;
}

/* ---- who is waited for ---- */

static void read_current(const struct host *host,
			 const struct channel_config *ch,
			 char ret[GIT_HEX_SIZE])
{
	char *ref = current_ref(ch);
	struct err unread = ERR_INIT;

	if (repo_ref(host->repo, ref, ret, &unread) < 0)
		ret[0] = '\0';
	free(ref);
}

/* True unless there is the same for the channel before and after the push. */
static bool changes_content(const struct host *host, const struct update *u,
			    const struct channel_config *ch)
{
	struct err unread = ERR_INIT;
	struct sha256 before, after;

	return !*u->old_id ||
	       concern_content(host->repo, ch, u->old_id, &before,
			       &unread) < 0 ||
	       concern_content(host->repo, ch, u->new_id, &after,
			       &unread) < 0 ||
	       !sha256_equal(&before, &after);
}

/* A channel that waits for another one comes behind that. */
static void order_channels(const struct host_config *c, size_t *order)
{
	size_t n = 0;

	for (unsigned depth = 0; n < c->n; depth++)
		for (size_t i = 0; i < c->n; i++)
			if (after_depth(c, &c->channels[i]) == depth)
				order[n++] = i;
}

/* True, and says so, where what was pushed is not published yet: no cluster
 * can say anything of it. */
static bool still_waits(const struct host *host,
			const struct channel_config *ch, struct feedback *fb)
{
	struct promotion_wait m;
	struct err err = ERR_INIT;
	int rc = promotion_waits(host->repo, &host->config, ch, &m, &err);

	/* then what clusters say is the best that there is */
	if (rc < 0)
		feedback_line(fb, "windlass: %s: whether it waits for %s "
			      "cannot be told: %s", ch->name, ch->after,
			      err.msg);
	if (rc <= 0)
		return false;
	feedback_line(fb, "windlass: %s: -o " WAIT_OPTION " does not wait for "
		      "%s: it is published by itself when it was healthy "
		      "there", ch->name, ch->after);
	return true;
}

/* What became of one channel. */
enum became {
	IS_NOT_MEANT,		/* by the push, or has nothing yet */
	IS_NOT_DONE,		/* it could not be published, as was said */
	IS_AS_IT_WAS,		/* and its clusters were not told anything */
	HAS_NEWS,
};

/* Who does not wait need not know whether there are news. */
static enum became publish_one(const struct host *host,
			       const struct updates *us,
			       const struct channel_config *ch, bool waits,
			       struct feedback *fb)
{
	char before[GIT_HEX_SIZE], after[GIT_HEX_SIZE];
	bool approval = has_approval(us, ch);
	const struct update *u = NULL;
	struct err err = ERR_INIT;
	int done;

	if (updates_find(host->repo, us, ch->ref, &u, &err) < 0) {
		failed(fb, ch, &err);
		return IS_NOT_DONE;
	}
	if (u && !*u->new_id)
		u = NULL;
	if (!approval && !u)
		return IS_NOT_MEANT;
	/* as when serve has published it meanwhile: that is news too */
	if (!approval && host->config.n > CONCERN_FEW &&
	    concern_nothing_now(host->repo, &host->config, ch))
		return waits && changes_content(host, u, ch) ? HAS_NEWS
							     : IS_AS_IT_WAS;
	read_current(host, ch, before);
	done = publish(host, ch, fb);
	if (done <= 0)
		return done < 0 ? IS_NOT_DONE : IS_NOT_MEANT;
	read_current(host, ch, after);
	return approval || strcmp(before, after) ||
	       changes_content(host, u, ch) ? HAS_NEWS : IS_AS_IT_WAS;
}

/* Waits for those clusters that the push has something for. */
static void follow(const struct host *host, const enum became *became,
		   int64_t deadline, struct feedback *fb)
{
	const struct host_config *c = &host->config;
	const struct channel_config **followed =
		xcalloc(c->n + 1, sizeof(*followed));
	bool news = false, meant = false, all = true;
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		meant |= became[i] != IS_NOT_MEANT;
		all &= became[i] != IS_NOT_DONE;
		if (became[i] != HAS_NEWS)
			continue;
		news = true;
		if (!still_waits(host, &c->channels[i], fb))
			followed[n++] = &c->channels[i];
	}
	/* of one that could not be published there may be */
	if (meant && all && !news)
		feedback_line(fb, "windlass: -o " WAIT_OPTION ": the push has "
			      "nothing that clusters would be told");
	if (n)
		follow_rollouts(host->repo, c, followed, n, deadline, fb);
	free(followed);
}

static void publish_all(const struct host *host, const struct updates *us,
			struct feedback *fb)
{
	const struct host_config *c = &host->config;
	enum became *became = xcalloc(c->n + 1, sizeof(*became));
	size_t *order = xcalloc(c->n + 1, sizeof(*order));
	struct err err = ERR_INIT;
	int seconds;

	/* pre-receive has refused what is no time */
	if (follow_option(&seconds, &err) < 0)
		seconds = 0;
	order_channels(c, order);
	for (size_t k = 0; k < c->n; k++)
		became[order[k]] = publish_one(host, us,
					       &c->channels[order[k]],
					       seconds > 0, fb);
	free(order);
	if (seconds)
		follow(host, became,
		       clock_mono_ms() + seconds * (int64_t)1000, fb);
	free(became);
}

int cmd_post_receive(int argc, char **argv)
{
	struct updates updates = UPDATES_INIT;
	struct host host = HOST_INIT;
	struct err err = ERR_INIT;
	struct feedback fb;
	int status = options_parse_alone(options_none, usage, argc, argv);

	if (status >= 0)
		return status;
	feedback_init(&fb, STDERR_FILENO);
	if (updates_read(STDIN_FILENO, &updates, &err) < 0 ||
	    host_open(NULL, false, &host, &err) < 0 ||
	    updates_resolve(host.repo, &updates, &err) < 0) {
		feedback_line(&fb, "windlass: not published: %s", err.msg);
		updates_release(&updates);
		host_close(&host);
		return 0;
	}
	review_forget(&host, &updates, &fb);
	publish_all(&host, &updates, &fb);
	updates_release(&updates);
	host_close(&host);
	return 0;
}
