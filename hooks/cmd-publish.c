/*
 * `windlass-hook publish` and `windlass-hook refresh`: what the hooks and
 * serve do, by hand or by a timer, for the channels that are named or for
 * all. Idempotent: catching up with what a killed hook left is all they do.
 */
#include "config.h"
#include "hooks/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hooks/guard.h"
#include "hooks/page.h"
#include "hooks/report.h"
#include "hooks/tidy.h"
#include "hooks/upload-start.h"
#include "schema/base/num.h"
#include "schema/base/options.h"

static const char publish_usage[] =
"usage: windlass-hook publish [OPTIONS] [CHANNEL...]\n"
"\n"
"Publishes the tip of each channel (default: all of them) if it is not, and\n"
"finishes what a hook that was killed left undone.\n"
"\n"
"  --repo DIR           the bare repository (default: $GIT_DIR or .)\n"
"  --allow-deletes=N    the tip of the one channel may delete N objects\n"
"  --rerender           render every file again, by this version's renderer\n"
"  --background         do not wait for uploads to buckets\n"
"  --tidy               only make base packs and remove what is not needed\n";

static const char refresh_usage[] =
"usage: windlass-hook refresh [OPTIONS] [CHANNEL...]\n"
"\n"
"Signs the head of each channel (default: all of them) again when a third of\n"
"its life is over.\n"
"\n"
"  --repo DIR           the bare repository (default: $GIT_DIR or .)\n"
"  --background         do not wait for uploads to buckets\n"
"  --force              however long it is still good\n";

struct work {
	const char *usage, *repo;
	struct publish_options opts;
	bool force, tidy, background;
	int (*run)(const void *arg, const struct host *host,
		   const struct channel_config *ch);
};

static void say(const struct host *host, const struct channel_config *ch,
		const struct publish_result *r)
{
	struct buf line = BUF_INIT(1024);

	report_line(host->repo, ch, r, &line);
	puts(line.data);
	buf_reset(&line);
	if (report_waits(ch, r, &line))
		puts(line.data);
	buf_release(&line);
}

/* Also where nothing was published now: an upload may have failed before. */
static int upload(const struct work *w, const struct host *host,
		  const struct channel_config *ch)
{
	fflush(stdout);
	if (!w->background)
		return upload_now(&host->config, ch);
	upload_in_background(&host->config, ch);
	return 0;
}

static int worse(int a, int b)
{
	return a > b ? a : b;
}

/* serve makes it by itself. */
static int renew_page(const struct work *w, const struct host *host,
		      const struct channel_config *ch)
{
	struct err err = ERR_INIT;

	if (w->background ||
	    page_write(host->repo, &host->config, ch, &err) == 0)
		return 0;
	return command_fail(&err);
}

static int run_publish(const void *arg, const struct host *host,
		       const struct channel_config *ch)
{
	const struct work *w = arg;
	struct publish_result r;
	struct err err = ERR_INIT;
	struct feedback fb;

	feedback_init(&fb, STDERR_FILENO);
	if (publish_channel(host->repo, &host->config, ch, &w->opts, &fb, &r,
			    &err) < 0) {
		err_wrap(&err, "%s: not published", ch->name);
		return worse(command_fail(&err), upload(w, host, ch));
	}
	say(host, ch, &r);
	fflush(stdout);
	if (tidy_due(&host->config, ch))
		tidy_start(&host->config, ch);
	return worse(renew_page(w, host, ch), upload(w, host, ch));
}

static int run_refresh(const void *arg, const struct host *host,
		       const struct channel_config *ch)
{
	const struct work *w = arg;
	struct publish_result r;
	struct err err = ERR_INIT;

	if (refresh_channel(host->repo, &host->config, ch, w->force, &r,
			    &err) < 0) {
		err_wrap(&err, "%s: not refreshed", ch->name);
		return worse(command_fail(&err), upload(w, host, ch));
	}
	say(host, ch, &r);
	return worse(renew_page(w, host, ch), upload(w, host, ch));
}

static int run_tidy(const void *arg, const struct host *host,
		    const struct channel_config *ch)
{
	struct err err = ERR_INIT;

	(void)arg;
	if (tidy_channel(host->repo, &host->config, ch, &err) < 0) {
		err_wrap(&err, "%s: not tidied", ch->name);
		return command_fail(&err);
	}
	return 0;
}

static int take_allowance(void *target, const char *value, struct err *err)
{
	struct publish_options *o = target;

	if (parse_u64(value, 1, LIMIT_BUNDLE_OBJECTS, &o->allow_deletes) < 0)
		return err_set(err, ERR_INVALID, "must be a number from 1");
	o->has_allow_deletes = true;
	return 0;
}

static int run_work(struct work *w, const struct option_spec *specs, int argc,
		    char **argv)
{
	struct host host = HOST_INIT;
	struct err err = ERR_INIT;
	int status = options_parse(specs, w->usage, argc, argv);

	if (status >= 0)
		return status;
	if (w->opts.has_allow_deletes && argc - optind != 1)
		return usage_error(w->usage, "--" ALLOW_OPTION " needs the "
				   "name of one channel");
	if (w->tidy)
		w->run = run_tidy;
	if (host_open(w->repo, false, &host, &err) < 0)
		return command_fail(&err);
	status = host_each(&host, argc - optind, argv + optind, w->run, w);
	host_close(&host);
	return status;
}

int cmd_publish(int argc, char **argv)
{
	struct work w = {
		.usage = publish_usage, .opts = { .lock_ms = -1 },
		.run = run_publish,
	};
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &w.repo),
		OPTION_TAKE(ALLOW_OPTION, take_allowance, &w.opts),
		OPTION_FLAG("rerender", &w.opts.rerender),
		OPTION_FLAG("background", &w.background),
		OPTION_FLAG("tidy", &w.tidy),
		OPTION_END
	};

	return run_work(&w, specs, argc, argv);
}

int cmd_refresh(int argc, char **argv)
{
	struct work w = { .usage = refresh_usage, .run = run_refresh };
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &w.repo),
		OPTION_FLAG("background", &w.background),
		OPTION_FLAG("force", &w.force),
		OPTION_END
	};

	return run_work(&w, specs, argc, argv);
}
