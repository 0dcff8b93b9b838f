/*
 * `windlass-hook images`: newer images into the source of each channel, as
 * policies in the settings say ([windlass-image]), where markers in the
 * manifests ask for it. It runs at the Git host, as the Git user: clusters
 * need no key that writes to Git, and nobody needs a clone.
 */
#include "config.h"
#include "hooks/commands.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hooks/image-update.h"
#include "schema/base/options.h"

static const char usage[] =
"usage: windlass-hook images [OPTIONS] [CHANNEL...]\n"
"\n"
"Asks registries for newer images, and commits those that the policies of\n"
"[windlass-image] sections allow to the source of each channel (default: all\n"
"of them), in the fields that have a marker. Every windlass.imageInterval,\n"
"until it is stopped.\n"
"\n"
"  --repo DIR   the bare repository (default: $GIT_DIR or .)\n"
"  --once       end after one round\n"
"  --dry-run    say what would change, change nothing, and end\n"
"  --check      change nothing; say what `doctor` says, and end\n";

struct images {
	const char *repo;
	bool once, dry_run, check;
	int n;
	char **names;
	int64_t interval;	/* as it was read last */
	struct image_history *history;	/* not to be read again each round */
};

static bool is_asked_for(const struct images *im,
			 const struct channel_config *ch)
{
	for (int i = 0; i < im->n; i++)
		if (!strcmp(im->names[i], ch->name))
			return true;
	return !im->n;
}

static int check_names(const struct images *im, const struct host_config *c,
		       struct err *err)
{
	for (int i = 0; i < im->n; i++)
		if (!config_channel(c, im->names[i]))
			return err_set(err, ERR_INVALID, "no channel '%s' is "
				       "configured in '%s'", im->names[i],
				       c->git_dir);
	return 0;
}

static int update_all(const struct images *im, const struct host *host,
		      const struct tag_policies *ps)
{
	struct image_update u = { .host = host, .policies = ps,
				  .latest = latest_new(ps),
				  .history = im->history,
				  .dry_run = im->dry_run };
	int status = EXIT_OK;

	for (size_t i = 0; i < host->config.n; i++) {
		const struct channel_config *ch = &host->config.channels[i];
		struct err err = ERR_INIT;
		int worse;

		if (!is_asked_for(im, ch) || ch->suspend_images ||
		    !image_update_channel(&u, ch, &err))
			continue;
		err_wrap(&err, "%s", ch->name);
		worse = command_fail(&err);
		status = worse > status ? worse : status;
	}
	latest_free(u.latest);
	return u.status > status ? u.status : status;
}

static int check_all(const struct host *host, const struct tag_policies *ps)
{
	struct doctor d = DOCTOR_INIT;
	int status;

	image_check(host, ps, &d);
	doctor_put_lines(&d);
	status = d.failed ? EXIT_REFUSED : EXIT_OK;
	doctor_release(&d);
	return status;
}

/* One round, with the settings of now. */
static int run(struct images *im)
{
	struct tag_policies ps = TAG_POLICIES_INIT;
	struct host host = HOST_INIT;
	struct err err = ERR_INIT;
	int status;

	if (host_open(im->repo, false, &host, &err) < 0)
		return command_fail(&err);
	im->interval = host.config.image_interval;
	if (check_names(im, &host.config, &err) < 0 ||
	    tag_policies_read(host.repo, &ps, &err) < 0)
		status = command_fail(&err);
	else
		status = im->check ? check_all(&host, &ps)
				   : update_all(im, &host, &ps);
	tag_policies_release(&ps);
	host_close(&host);
	return status;
}

/* Until a signal ends it. Trouble may pass, and is said each time. */
static void run_on(struct images *im)
{
	for (;;) {
		const struct timespec t = { .tv_sec = (time_t)im->interval };

		nanosleep(&t, NULL);
		run(im);
	}
}

int cmd_images(int argc, char **argv)
{
	struct images im = { .interval = IMAGE_INTERVAL_DEFAULT };
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &im.repo),
		OPTION_FLAG("once", &im.once),
		OPTION_FLAG("dry-run", &im.dry_run),
		OPTION_FLAG("check", &im.check),
		OPTION_END
	};
	struct err err = ERR_INIT;
	int status = options_parse(specs, usage, argc, argv);

	if (status >= 0)
		return status;
	im.n = argc - optind;
	im.names = argv + optind;
	if (im.check && (im.once || im.dry_run || im.n))
		return usage_error(usage, "--check goes with --repo and "
				   "nothing else");
	signal(SIGPIPE, SIG_IGN);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		err_set(&err, ERR_INTERNAL, "libcurl does not start");
		return command_fail(&err);
	}
	im.history = image_history_new();
	status = run(&im);
	if (!im.once && !im.dry_run && !im.check)
		run_on(&im);
	image_history_free(im.history);
	curl_global_cleanup();
	return status;
}
