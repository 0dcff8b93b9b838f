/*
 * `windlass-hook notify`: tells the receivers of a channel what clusters
 * report. serve runs it as its child; by hand it catches up, which is all
 * that it ever does.
 */
#include "config.h"
#include "hooks/notify.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hooks/commands.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/options.h"

static const char usage[] =
"usage: windlass-hook notify [OPTIONS] [CHANNEL...]\n"
"\n"
"Tells those that windlass.CHANNEL.notify names what clusters report and they\n"
"do not know yet: what failed, recovered, waits, is changed back or is not\n"
"heard of, and the status of commits. `windlass-hook serve` does that by\n"
"itself.\n"
"\n"
"  --repo DIR           the bare repository (default: $GIT_DIR or .)\n"
"  --test               send a message to be seen, and nothing else\n"
"  --background         as a child of serve: say when to look again\n"
"  --listening SECONDS  serve has listened for so long (default: always)\n";

/* a run by hand waits for one of serve */
#define LOCK_MS (90 * 1000)
#define BUSY_SECONDS 5
/* until what waits can be told again, which others' news do not wait for */
#define UNKNOWN_SECONDS 60
#define LIMIT_LINES_BYTES (256u * 1024)

struct notifying {
	const char *repo;
	bool test, background;
	uint64_t listened;		/* seconds; 0: always */
	struct host host;
	int status;
};

static int take_seconds(void *target, const char *value, struct err *err)
{
	uint64_t *seconds = target;

	if (parse_u64(value, 0, INT32_MAX, seconds) < 0)
		return err_set(err, ERR_INVALID, "must be a number of seconds");
	/* 0 is no time, and not for ever */
	*seconds += !*seconds;
	return 0;
}

static void failed(struct notifying *n, struct err *err)
{
	int status = command_fail(err);

	if (status > n->status)
		n->status = status;
}

/* One run at a time tells the receivers of a channel. 1 if another is at it. */
static int take_turn(struct notifying *n, const struct channel_config *ch,
		     int *ret_fd, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = config_channel_file(&n->host.config, ch, "notified.lock",
				     &path, err);

	if (!rc)
		rc = fs_lock(AT_FDCWD, path.data,
			     n->background ? 0 : LOCK_MS, ret_fd, err);
	buf_release(&path);
	return rc && n->background && err->class == ERR_TRANSIENT ? 1 : rc;
}

static void tell_all(struct notify_channel *c, struct notify_result *result)
{
	for (size_t i = 0; i < c->ch->notify.n; i++) {
		struct receiver own;

		notify_receiver(c, receiver_of(c->host, c->ch, i, &own),
				result);
	}
}

static void print_result(struct notifying *n, const struct notify_result *r)
{
	if (!n->background)
		fputs(r->said.data, stdout);
	fflush(stdout);
	fputs(r->wrong.data, stderr);
	/* by hand it counts; for serve what matters is in its log */
	if (!n->background && r->worst != ERR_NONE) {
		int status = r->worst == ERR_TRANSIENT ? EXIT_TROUBLE
						       : EXIT_REFUSED;

		n->status = status > n->status ? status : n->status;
	}
}

static void say_again(const struct notifying *n, int64_t seconds)
{
	if (!n->background)
		return;
	printf("again %" PRId64 "\n", seconds > 0 ? seconds : 1);
	fflush(stdout);
}

static void notify(struct notifying *n, const struct channel_config *ch)
{
	struct notify_channel c = {
		.repo = n->host.repo, .host = &n->host.config, .ch = ch,
		.now = clock_now(), .by_hand = !n->background,
	};
	struct notify_result result = {
		.said = BUF_INIT(LIMIT_LINES_BYTES),
		.wrong = BUF_INIT(LIMIT_LINES_BYTES),
	};
	struct err err = ERR_INIT;
	int lock = -1, rc;

	if (!ch->notify.n)
		return;
	rc = take_turn(n, ch, &lock, &err);
	if (rc > 0) {
		say_again(n, BUSY_SECONDS);
		return;
	}
	if (!rc)
		rc = notify_channel_read(&c, n->listened ? c.now -
					 (int64_t)n->listened : 0, &err);
	if (lock >= 0)
		tell_all(&c, &result);
	print_result(n, &result);
	if (rc)
		err_wrap(&err, "%s: not all is told", ch->name);
	if (rc > 0 && n->background) {
		command_fail(&err);
		notify_look_at(&c, clock_now() + UNKNOWN_SECONDS);
	} else if (rc) {
		failed(n, &err);
	}
	if (c.next)
		say_again(n, c.next - clock_now());
	if (lock >= 0)
		close(lock);
	buf_release(&result.said);
	buf_release(&result.wrong);
	notify_channel_release(&c);
}

static void test(struct notifying *n, const struct channel_config *ch)
{
	const struct notify_channel c = {
		.repo = n->host.repo, .host = &n->host.config, .ch = ch,
		.now = clock_now(),
	};

	for (size_t i = 0; i < ch->notify.n; i++) {
		struct buf title = BUF_INIT(LIMIT_RECEIVER_URL_BYTES);
		struct receiver own;
		const struct receiver *r = receiver_of(c.host, ch, i, &own);
		struct err err = ERR_INIT;

		receiver_title(r, &title);
		if (receiver_is_forge(r))
			printf("%s: %s: not tested: it takes the status of a "
			       "commit, at the next report\n", ch->name,
			       title.data);
		else if (notify_receiver_test(&c, r, &err) < 0)
			failed(n, &err);
		else
			printf("%s: %s took the message\n", ch->name,
			       title.data);
		fflush(stdout);
		buf_release(&title);
	}
}

static void run(struct notifying *n, int argc, char **names)
{
	const struct host_config *config = &n->host.config;

	for (size_t i = 0; !argc && i < config->n; i++)
		(n->test ? test : notify)(n, &config->channels[i]);
	for (int i = 0; i < argc; i++) {
		const struct channel_config *ch =
			config_channel(config, names[i]);
		struct err err = ERR_INIT;

		if (!ch) {
			err_set(&err, ERR_INVALID, "no channel '%s' is "
				"configured in '%s'", names[i],
				config->git_dir);
			failed(n, &err);
		} else if (!ch->notify.n && !n->background) {
			err_set(&err, ERR_INVALID, "channel '%s' tells nobody: "
				"git config windlass.%s.notify "
				"https://HOST/...", ch->name, ch->name);
			failed(n, &err);
		} else {
			(n->test ? test : notify)(n, ch);
		}
	}
}

int cmd_notify(int argc, char **argv)
{
	struct notifying n = { .host = HOST_INIT };
	struct err err = ERR_INIT;
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &n.repo),
		OPTION_FLAG("test", &n.test),
		OPTION_FLAG("background", &n.background),
		OPTION_TAKE("listening", take_seconds, &n.listened),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		err_set(&err, ERR_INTERNAL, "libcurl does not start");
	else
		host_open(n.repo, false, &n.host, &err);
	if (err.class != ERR_NONE)
		return command_fail(&err);
	run(&n, argc - optind, argv + optind);
	host_close(&n.host);
	curl_global_cleanup();
	return n.status;
}
