/*
 * `windlass-hook rollback-failed`: what serve does by itself where a channel
 * says rollback = on-failure, by hand or by a timer.
 */
#include "config.h"
#include "hooks/commands.h"

#include <stdio.h>

#include "hooks/edit.h"
#include "hooks/rollback-failed.h"
#include "schema/base/options.h"

static const char usage[] =
"usage: windlass-hook rollback-failed [--repo DIR] [CHANNEL...]\n"
"\n"
"Rolls back each channel (default: all with rollback = on-failure) whose newest\n"
"bundle every cluster has called failed for long enough, once. `windlass-hook\n"
"serve` does that by itself.\n"
"\n"
"  --repo DIR           the bare repository (default: $GIT_DIR or .)\n"
"  --background         as a child of serve\n";

/* Of all channels only those that ask for it; of one that is named it is said
 * that it does not. */
static int run(const void *arg, const struct host *host,
	       const struct channel_config *ch)
{
	const bool *named = arg;
	struct buf said = BUF_INIT(EDIT_WORDS_BYTES + 1024);
	struct err err = ERR_INIT;
	int rc = 0;

	if (*named || ch->rollback_seconds)
		rc = rollback_failed(host, ch, &said, &err);
	if (said.len)
		puts(said.data);
	fflush(stdout);
	buf_release(&said);
	if (!rc)
		return EXIT_OK;
	err_wrap(&err, "%s: not rolled back", ch->name);
	return command_fail(&err);
}

int cmd_rollback_failed(int argc, char **argv)
{
	struct host host = HOST_INIT;
	struct err err = ERR_INIT;
	const char *repo = NULL;
	bool background = false, named;
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &repo),
		OPTION_FLAG("background", &background),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status >= 0)
		return status;
	if (host_open(repo, false, &host, &err) < 0)
		return command_fail(&err);
	named = argc > optind;
	status = host_each(&host, argc - optind, argv + optind, run, &named);
	host_close(&host);
	return status;
}
