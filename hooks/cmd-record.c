/*
 * `windlass-hook record-reports`: writes what clusters reported into the
 * repository's record, and with it the channel's page. serve runs it as its
 * child; by hand it catches up, which is all that it ever does.
 */
#include "config.h"
#include "hooks/commands.h"

#include <stdio.h>

#include "hooks/page.h"
#include "hooks/record.h"
#include "hooks/tidy.h"
#include "schema/base/options.h"

static const char usage[] =
"usage: windlass-hook record-reports [--repo DIR] [CHANNEL...]\n"
"\n"
"Writes what clusters reported last of each channel (default: all of them)\n"
"into refs/windlass-status and refs/notes/windlass, and makes the page of the\n"
"channel anew. `windlass-hook serve` does that by itself.\n"
"\n"
"  --repo DIR           the bare repository (default: $GIT_DIR or .)\n"
"  --background         as a child of serve\n";

/* one line for each of a trust file's clusters */
#define SAID_BYTES (LIMIT_TRUST_KEYS * 256u)

static int record(const void *arg, const struct host *host,
		  const struct channel_config *ch)
{
	struct buf said = BUF_INIT(SAID_BYTES);
	struct err err = ERR_INIT;
	int rc = record_channel(host->repo, &host->config, ch, &said, &err);
	int status = 0;

	(void)arg;
	fputs(said.data, stdout);
	fflush(stdout);
	buf_release(&said);
	if (tidy_due(&host->config, ch))
		tidy_start(&host->config, ch);
	if (rc < 0) {
		err_wrap(&err, "not recorded");
		status = command_fail(&err);
		err_clear(&err);
	}
	if (page_write(host->repo, &host->config, ch, &err) < 0)
		status = command_fail(&err);
	return status;
}

int cmd_record_reports(int argc, char **argv)
{
	struct host host = HOST_INIT;
	struct err err = ERR_INIT;
	const char *repo = NULL;
	bool background = false;
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
	status = host_each(&host, argc - optind, argv + optind, record, NULL);
	host_close(&host);
	return status;
}
