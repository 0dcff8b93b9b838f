/*
 * What is news to a receiver, and what is not: events that begin and end,
 * what may have arrived, silence, commit statuses, how much is told; where a
 * status goes.
 */
#include "config.h"
#include "hooks/notify.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "t/unit/tap.h"

#define ONE "1111111111111111111111111111111111111111"
#define TWO "2222222222222222222222222222222222222222"
#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define BIT(event) (1u << (event))

static struct cluster_report report(enum cluster_phase phase,
				    const char *bundle)
{
	struct cluster_report r = CLUSTER_REPORT_INIT;

	r.phase = phase;
	r.epoch = 1;
	r.sequence = 7;
	memcpy(r.bundle, bundle, GIT_HEX_SIZE);
	cluster_report_set_reason(&r, "Reason", "message");
	return r;
}

/* What is told of that, as if it arrived. */
static unsigned tell(struct told_cluster *t, enum cluster_phase phase,
		     const char *bundle)
{
	struct cluster_report r = report(phase, bundle);
	struct news n;

	news_find(t, &r, SILENCE_NO, &n);
	*t = n.then;
	return n.events;
}

static void test_phases(void)
{
	struct told_cluster t = { .there = true };

	ok(!tell(&t, CLUSTER_HEALTHY, ONE), "healthy is no news");
	ok(tell(&t, CLUSTER_FAILED, ONE) == BIT(NEWS_FAILED), "failed is");
	ok(!tell(&t, CLUSTER_FAILED, ONE), "once");
	ok(!tell(&t, CLUSTER_APPLYING, TWO), "the next is applied");
	ok(!tell(&t, CLUSTER_SUSPENDED, TWO), "or suspended");
	ok(tell(&t, CLUSTER_HEALTHY, TWO) == BIT(NEWS_RECOVERED),
	   "and only healthy is the end of it");
	ok(!tell(&t, CLUSTER_HEALTHY, TWO), "once");
	ok(tell(&t, CLUSTER_FAILED, ONE) == BIT(NEWS_FAILED) &&
	   tell(&t, CLUSTER_FAILED, TWO) == BIT(NEWS_FAILED),
	   "each bundle fails for itself");
	ok(tell(&t, CLUSTER_WAITING, ONE) == BIT(NEWS_WAITING),
	   "one that waits is news");
	ok(!tell(&t, CLUSTER_APPLYING, ONE), "that it goes on is not");
	ok(tell(&t, CLUSTER_HEALTHY, ONE) == BIT(NEWS_RECOVERED),
	   "what failed before it waited is over then");
	ok(tell(&t, CLUSTER_WAITING, TWO) == BIT(NEWS_WAITING) &&
	   !tell(&t, CLUSTER_HEALTHY, TWO), "no longer waiting is no news");
	ok(tell(&t, CLUSTER_REFUSED, ONE) == BIT(NEWS_FAILED),
	   "a refusal is a failure");
}

static void test_others(void)
{
	struct told_cluster t = { .there = true };
	struct cluster_report r = report(CLUSTER_FAILED, ONE);
	struct news n;

	r.fighting = 2;
	r.stale = true;
	news_find(&t, &r, SILENCE_NO, &n);
	ok(n.events == (BIT(NEWS_FAILED) | BIT(NEWS_FIGHTING) |
			BIT(NEWS_STALE)) && !n.ended, "all at once");
	t = n.then;
	ok(!news_find(&t, &r, SILENCE_YES, &n), "silence is stale too");
	r.fighting = 0;
	r.stale = false;
	ok(!news_find(&t, &r, SILENCE_UNKNOWN, &n) ||
	   !(n.ended & BIT(NEWS_STALE)),
	   "it is not over because nobody listened");
	news_find(&t, &r, SILENCE_NO, &n);
	ok(n.events == BIT(NEWS_RECOVERED) &&
	   n.ended == (BIT(NEWS_FIGHTING) | BIT(NEWS_STALE)),
	   "what ended, and not what goes on");
}

/* Sent, and nobody knows whether it arrived. */
static void send(struct told_cluster *t, enum cluster_phase phase,
		 const char *bundle)
{
	struct cluster_report r = report(phase, bundle);
	struct news n;

	news_find(t, &r, SILENCE_NO, &n);
	news_may_arrive(t, &n);
}

static void test_perhaps(void)
{
	struct told_cluster t = { .there = true };

	send(&t, CLUSTER_FAILED, ONE);
	ok(tell(&t, CLUSTER_FAILED, ONE) == BIT(NEWS_FAILED),
	   "what may not have arrived is told again");
	t = (struct told_cluster){ .there = true };
	send(&t, CLUSTER_FAILED, ONE);
	ok(!tell(&t, CLUSTER_APPLYING, TWO),
	   "if it is not so any more, it is open");
	ok(tell(&t, CLUSTER_HEALTHY, TWO) == BIT(NEWS_RECOVERED),
	   "until it is over, which is told");
	ok(!tell(&t, CLUSTER_HEALTHY, TWO), "once");
	tell(&t, CLUSTER_FAILED, ONE);
	send(&t, CLUSTER_HEALTHY, ONE);
	ok(tell(&t, CLUSTER_FAILED, ONE) == BIT(NEWS_FAILED),
	   "whoever may have heard the end hears of the next beginning");
	send(&t, CLUSTER_HEALTHY, ONE);
	ok(tell(&t, CLUSTER_HEALTHY, ONE) == BIT(NEWS_RECOVERED),
	   "and of the end again");
	t = (struct told_cluster){ .there = true };
	send(&t, CLUSTER_WAITING, ONE);
	ok(tell(&t, CLUSTER_WAITING, ONE) == BIT(NEWS_WAITING),
	   "a wait is told again too");
	send(&t, CLUSTER_WAITING, TWO);
	ok(!tell(&t, CLUSTER_HEALTHY, TWO) && !t.perhaps,
	   "and is over in silence");
}

static void test_silence(void)
{
	ok(news_silence(1000, 0, 60, 1059) == SILENCE_NO &&
	   news_silence(1000, 0, 60, 1060) == SILENCE_YES,
	   "silent after that time");
	ok(news_silence(1000, 1030, 60, 1089) == SILENCE_UNKNOWN &&
	   news_silence(1000, 1030, 60, 1090) == SILENCE_YES,
	   "if somebody listened for as long");
	ok(news_silence_at(1000, 0, 60, 1010) == 1060 &&
	   news_silence_at(1000, 1030, 60, 1070) == 1090 &&
	   !news_silence_at(1000, 0, 60, 2000), "when that will be");
}

static void test_shares(void)
{
	int64_t until = 0;
	int n = 0;

	while (told_may(until, 3, 10, 1000) <= 1000 && n < 100) {
		told_take(&until, 3, 10, 1000);
		n++;
	}
	ok(n == 3, "three at once");
	ok(told_may(until, 3, 10, 1000) == 1010, "the next ten seconds later");
	told_take(&until, 3, 10, 1010);
	ok(told_may(until, 3, 10, 1010) == 1020, "and so on");
	ok(told_may(until, 3, 10, 5000) <= 5000 - 20, "all are back in time");
	ok(told_may(until, 3, 10, 10) <= 10 + 10,
	   "a clock that is set back costs no more than one");
}

/* ---- commit statuses ---- */

static bool status(const struct told_cluster *t, enum cluster_phase phase,
		   const char *bundle, const char *commit,
		   struct status_news *ret)
{
	struct cluster_report r = report(phase, bundle);

	if (phase == CLUSTER_FAILED)
		cluster_report_add_failure(&r, "Deployment.apps shop/web",
					   "web.yaml:3", "Bad",
					   "\xc3\xa4\xc3\xa4\xc3\xa4 "
					   "and so on and so on and so on "
					   "and so on and so on and so on "
					   "and so on and so on and so on");
	bool news = status_news_find(t, RECEIVER_GITHUB, &r, commit, ret);

	cluster_report_release(&r);
	return news;
}

static void test_statuses(void)
{
	struct told_cluster t = { .there = true };
	struct status_news s;

	ok(!status(&t, CLUSTER_HEALTHY, ONE, "", &s), "no commit, no status");
	ok(status(&t, CLUSTER_APPLYING, ONE, A, &s) &&
	   s.state == STATUS_RUNNING && !strcmp(s.commit, A), "pending");
	status_news_tell(&t, RECEIVER_GITHUB, &s, false);
	ok(status(&t, CLUSTER_APPLYING, ONE, A, &s), "again, if not sure");
	status_news_tell(&t, RECEIVER_GITHUB, &s, true);
	ok(!status(&t, CLUSTER_APPLYING, ONE, A, &s), "and then no more");
	ok(status(&t, CLUSTER_APPLYING, TWO, B, &s) &&
	   s.state == STATUS_OVERTAKEN && !strcmp(s.commit, A) &&
	   !strcmp(s.description, "overtaken by 1.7"),
	   "the next commit ends what was pending");
	status_news_tell(&t, RECEIVER_GITHUB, &s, false);
	ok(status(&t, CLUSTER_FAILED, TWO, B, &s) &&
	   s.state == STATUS_OVERTAKEN, "until that is sure");
	status_news_tell(&t, RECEIVER_GITHUB, &s, true);
	ok(status(&t, CLUSTER_FAILED, TWO, B, &s) &&
	   s.state == STATUS_FAILURE && !strcmp(s.commit, B),
	   "then comes its own");
	ok(strlen(s.description) <= 140 &&
	   !strncmp(s.description, "failed (1.7): web.yaml:3: Deployment.apps "
		    "shop/web: Bad: \xc3\xa4", 59),
	   "with file and line, no longer than may be");
	status_news_tell(&t, RECEIVER_GITHUB, &s, true);
	ok(!status(&t, CLUSTER_FAILED, TWO, B, &s), "once");
	ok(status(&t, CLUSTER_HEALTHY, ONE, A, &s) &&
	   s.state == STATUS_SUCCESS && !strcmp(s.commit, A),
	   "one that failed stays so");
	ok(!strcmp(status_state_name(RECEIVER_GITLAB, STATUS_FAILURE),
		   "failed") &&
	   !strcmp(status_state_name(RECEIVER_GITEA, STATUS_OVERTAKEN),
		   "warning"), "in each forge's words");
}

static bool url_is(enum receiver_form form, const char *repository,
		   const char *want)
{
	struct buf b = BUF_INIT(LIMIT_POST_URL_BYTES);
	bool same;

	status_url(form, repository, "SHA", &b);
	same = !strcmp(b.data, want);
	if (!same)
		ok(false, "%s: %s", repository, b.data);
	buf_release(&b);
	return same;
}

static void test_urls(void)
{
	ok(url_is(RECEIVER_GITEA, "https://git.example.org/ada/app",
		  "https://git.example.org/api/v1/repos/ada/app/statuses/"
		  "SHA") &&
	   url_is(RECEIVER_GITEA, "https://example.org/git/ada/app.git",
		  "https://example.org/git/api/v1/repos/ada/app/statuses/SHA"),
	   "Gitea's, also below a path");
	ok(url_is(RECEIVER_GITHUB, "https://github.com/ada/app",
		  "https://api.github.com/repos/ada/app/statuses/SHA") &&
	   url_is(RECEIVER_GITHUB, "https://github.com.example.org/ada/app",
		  "https://github.com.example.org/api/v3/repos/ada/app/"
		  "statuses/SHA"), "GitHub's, and one of one's own");
	ok(url_is(RECEIVER_GITLAB, "https://gitlab.com/shop/web/app",
		  "https://gitlab.com/api/v4/projects/shop%2Fweb%2Fapp/"
		  "statuses/SHA"), "GitLab's, below groups");
}

static bool good(enum receiver_form form, const char *url)
{
	const struct receiver r = { .form = form };
	struct err err = ERR_INIT;

	return !receiver_check_url(&r, url, &err);
}

static void test_receivers(void)
{
	char *longest = xmalloc(LIMIT_RECEIVER_URL_BYTES + 2);
	size_t n = strlen("https://x.example/");

	memset(longest, 'a', LIMIT_RECEIVER_URL_BYTES + 1);
	memcpy(longest, "https://x.example/", n);
	longest[LIMIT_RECEIVER_URL_BYTES] = '\0';
	ok(good(RECEIVER_GENERIC, longest), "an url of the limit");
	longest[LIMIT_RECEIVER_URL_BYTES] = 'a';
	longest[LIMIT_RECEIVER_URL_BYTES + 1] = '\0';
	ok(!good(RECEIVER_GENERIC, longest), "and one byte more");
	free(longest);
	ok(good(RECEIVER_GENERIC, "https://x.example/a?b=c%20d") &&
	   good(RECEIVER_SLACK, "http://127.0.0.1:80/x") &&
	   good(RECEIVER_GENERIC, "http://[::1]/"), "good ones");
	ok(!good(RECEIVER_GENERIC, "http://x.example/") &&
	   !good(RECEIVER_GENERIC, "https://u:p@x.example/") &&
	   !good(RECEIVER_GENERIC, "https://x.example/a b") &&
	   !good(RECEIVER_GENERIC, "https://x.example/#f") &&
	   !good(RECEIVER_GENERIC, "https://x.example/\xc3\xa4") &&
	   !good(RECEIVER_GENERIC, "file:///etc/passwd") &&
	   !good(RECEIVER_GENERIC, "https://") &&
	   !good(RECEIVER_GENERIC, "ftp://x.example/"), "bad ones");
	ok(good(RECEIVER_GITHUB, "https://github.com/a/b.c") &&
	   good(RECEIVER_GITLAB, "https://x.example/a/b/c/d") &&
	   !good(RECEIVER_GITHUB, "https://github.com/a/b/c") &&
	   !good(RECEIVER_GITEA, "https://x.example/a") &&
	   !good(RECEIVER_GITEA, "https://x.example/a/b/") &&
	   !good(RECEIVER_GITEA, "https://x.example/a/../b") &&
	   !good(RECEIVER_GITEA, "https://x.example/a/b?c"),
	   "those of repositories");
}

int main(void)
{
	test_phases();
	test_others();
	test_perhaps();
	test_silence();
	test_shares();
	test_statuses();
	test_urls();
	test_receivers();
	return tap_done();
}
