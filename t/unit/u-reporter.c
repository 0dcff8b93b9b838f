/*
 * What a report is about, and what is news: from the state of a channel,
 * without a cluster. What is sent, and when, is for t7030 and t7031.
 */
#include "config.h"

#include "engine/reporter-text.h"
#include "schema/base/mem.h"
#include "t/unit/idle-engine.h"
#include "t/unit/tap.h"

#define OLD "1111111111111111111111111111111111111111"
#define NEW "2222222222222222222222222222222222222222"
#define NEXT "3333333333333333333333333333333333333333"

static struct channel channel;
static struct channel_private private;
static struct settle_counts counts;

static void set_bundle(struct status_bundle *b, uint64_t sequence,
		       const char *id)
{
	*b = (struct status_bundle){ .epoch = 1, .sequence = sequence };
	snprintf(b->bundle, sizeof(b->bundle), "%s", id);
}

/* Bundle 1.2 is live, all of its three objects. */
static void begin(void)
{
	private = (struct channel_private){ .intake = INTAKE_IDLE };
	counts = (struct settle_counts){ .total = 3, .applied = 3,
					 .ready = 3 };
	channel.spec = (struct channel_spec){ 0 };
	set_bundle(&channel.status.accepted, 2, NEW);
	set_bundle(&channel.status.applied, 2, NEW);
	snprintf(private.loaded, sizeof(private.loaded), "%s", NEW);
}

static void set_candidate(uint64_t sequence, const char *id)
{
	struct source_pin *pin = &private.candidate.pin;

	private.has_candidate = true;
	pin->epoch = 1;
	pin->sequence = sequence;
	snprintf(pin->bundle, sizeof(pin->bundle), "%s", id);
}

/* "healthy 2 2222", or "nothing" */
static const char *topic(void)
{
	static char text[100];
	struct report_topic t;

	if (!report_topic_find(&channel, &counts, &t))
		return "nothing";
	snprintf(text, sizeof(text), "%s %d %.4s",
		 cluster_phase_name(t.phase), (int)t.sequence, t.bundle);
	return text;
}

static void test_phases(void)
{
	begin();
	is_str(topic(), "healthy 2 2222", "all is live and ready");
	counts.ready = 2;
	is_str(topic(), "applying 2 2222", "one is not ready");
	counts.failing = 1;
	is_str(topic(), "failed 2 2222", "one fails");
	counts = (struct settle_counts){ .total = 3, .applied = 3,
					 .ready = 3 };
	private.settling = true;
	is_str(topic(), "applying 2 2222", "something is still to be done");
	private.settling = false;
	set_bundle(&channel.status.applied, 1, OLD);
	is_str(topic(), "applying 2 2222", "another one was applied last");
	channel.spec.suspend = true;
	is_str(topic(), "suspended 2 2222", "suspended");
	set_candidate(3, NEXT);
	is_str(topic(), "suspended 3 3333", "with the newest in view");
	channel.spec.suspend = false;
	is_str(topic(), "applying 2 2222", "a candidate is not yet judged");
	private.refused_why = "WaitingForApproval";
	is_str(topic(), "waiting 3 3333", "it needs an approval");
	private.refused_why = "Rejected";
	is_str(topic(), "refused 3 3333", "it is rejected");
	private.refused_why = "PolicyViolation";
	channel.spec.suspend = true;
	is_str(topic(), "refused 3 3333", "it is not allowed, at any time");
}

static void test_between(void)
{
	static const enum intake busy[] = {
		INTAKE_ACCEPTING, INTAKE_RECORDING, INTAKE_LOADING,
		INTAKE_MERGING, INTAKE_PENDING,
	};

	for (size_t i = 0; i < ARRAY_SIZE(busy); i++) {
		begin();
		private.intake = busy[i];
		is_str(topic(), "nothing", "while a bundle is taken in");
	}
	begin();
	private.intake = INTAKE_READING;
	is_str(topic(), "healthy 2 2222", "what is only read changes nothing");
	begin();
	private.loaded[0] = '\0';
	is_str(topic(), "nothing", "nothing is known of the objects yet");
	set_bundle(&channel.status.accepted, 0, "");
	private.loaded[0] = '\0';
	is_str(topic(), "nothing", "no bundle yet");
	channel.spec.suspend = true;
	is_str(topic(), "nothing", "nor in a channel that is suspended");
	set_candidate(1, OLD);
	is_str(topic(), "suspended 1 1111", "but for the one that waits");
}

/* 2: it matters; 1: it moves on; 0: nothing is new. */
static int news_since(const struct report_digest *before)
{
	struct report_digest now;
	struct report_topic t;

	if (!report_topic_find(&channel, &counts, &t))
		return -1;
	report_digest_of(&channel, &t, 1000, &now);
	return now.matter != before->matter ? 2 :
	       !report_digest_equal(&now, before);
}

static struct report_digest now(void)
{
	struct report_digest d = { 0 };
	struct report_topic t;

	if (report_topic_find(&channel, &counts, &t))
		report_digest_of(&channel, &t, 1000, &d);
	return d;
}

static void set_ready(const char *reason, const char *message)
{
	condition_set(&channel.status, CONDITION_READY, STATUS_FALSE, 1000,
		      reason, "%s", message);
}

static void test_news(void)
{
	struct channel_status *s = &channel.status;
	struct report_digest d;

	begin();
	private.settling = true;
	set_ready("Progressing", "1 of 3 objects are applied");
	s->total = 3;
	s->ready = 1;
	d = now();
	ok(d.matter && news_since(&d) == 0, "the same is no news");
	s->ready = 2;
	is_int(news_since(&d), 1, "counts move on");
	set_ready("Progressing", "2 of 3 objects are applied");
	is_int(news_since(&d), 1, "and the words for them");
	set_ready("Loading", "2 of 3 objects are applied");
	is_int(news_since(&d), 2, "another reason matters");
	set_ready("Progressing", "2 of 3 objects are applied");
	s->failed = 1;
	is_int(news_since(&d), 2, "and that one fails");
	s->failed = 0;
	status_add_failure(s, "Service a/b", "", "Invalid", "no");
	is_int(news_since(&d), 2, "and which");
	d = now();
	status_clear_failures(s);
	status_add_failure(s, "Service a/b", "x.yaml:1", "Invalid", "no");
	is_int(news_since(&d), 2, "and where it was written");
	status_clear_failures(s);
	d = now();
	set_bundle(&s->accepted, 3, NEXT);
	is_int(news_since(&d), 2, "and another bundle");
	private.settling = false;
	set_bundle(&s->applied, 3, NEXT);
	d = now();
	condition_set(s, CONDITION_STALE, STATUS_TRUE, 1000, "HeadExpired",
		      "old");
	is_int(news_since(&d), 2, "and that the head is stale");
	set_ready("HeadExpired", "old");
	d = now();
	set_ready("HeadExpired", "older");
	is_int(news_since(&d), 2, "and why it is not well");
	s->drifted = 1;
	d = now();
	s->drifted = 2;
	is_int(news_since(&d), 1, "drift that is only counted moves on");
}

int main(void)
{
	idle_engine_begin();
	channel.engine = &idle;
	channel.name = xstrdup("prod");
	channel.private = &private;
	test_phases();
	test_between();
	test_news();
	channel_status_release(&channel.status);
	free(channel.name);
	idle_engine_end();
	return tap_done();
}
