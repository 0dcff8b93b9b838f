/*
 * windlass-hook doctor: whether pushes will be checked, published and kept
 * fresh, one line a check. Reads only.
 */
#include "config.h"
#include "hooks/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/commands.h"
#include "schema/base/options.h"

static const char usage[] =
"usage: windlass-hook doctor [--repo DIR] [--output json]\n"
"\n"
"Checks everything that publishing depends on; a line for each check says\n"
"ok, warn or FAIL, and what to do. Exits with 1 if any check failed.\n"
"\n"
"  --repo DIR      the bare repository (default: $GIT_DIR or .)\n"
"  --output json   one JSON object with all checks\n";

void doctor_put_lines(const struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++)
		printf("%s\t%s\t%s\n", finding_level_name(d->v[i].level),
		       d->v[i].channel, d->v[i].message);
}

/* Repository and settings; 0 when the other checks can be made. */
static int check_open(struct doctor *d, const char *dir, struct host *ret)
{
	struct err err = ERR_INIT;

	if (repo_open(dir, false, &ret->repo, &err) < 0) {
		doctor_say(d, FINDING_FAIL, "repository", NULL, "%s", err.msg);
		return -1;
	}
	doctor_say(d, FINDING_OK, "repository", NULL, "%s can be read",
		   git_repository_path(ret->repo));
	if (config_read(ret->repo, &ret->config, &err) < 0) {
		doctor_say(d, FINDING_FAIL, "settings", NULL, "%s", err.msg);
		return -1;
	}
	if (!ret->config.n) {
		doctor_say(d, FINDING_FAIL, "settings", NULL, "no channel is "
			   "configured; run `windlass-hook init`");
		return -1;
	}
	doctor_say(d, FINDING_OK, "settings", NULL, "%zu channel%s",
		   ret->config.n, ret->config.n == 1 ? "" : "s");
	return 0;
}

static int run(const char *dir, bool json)
{
	struct doctor d = DOCTOR_INIT;
	struct host host = HOST_INIT;
	struct buf out = BUF_INIT(DOCTOR_BYTES);
	struct err err = ERR_INIT;
	int status;

	if (!dir)
		dir = getenv("GIT_DIR");
	if (!dir)
		dir = ".";
	if (!check_open(&d, dir, &host)) {
		doctor_check_host(&d, host.repo, &host.config);
		for (size_t i = 0; i < host.config.n; i++) {
			doctor_check_channel(&d, host.repo, &host.config,
					     &host.config.channels[i]);
			doctor_check_notify(&d, &host.config,
					    &host.config.channels[i]);
		}
		doctor_check_buckets(&d, &host.config);
		doctor_check_images(&d, host.repo, &host.config);
	}
	if (json)
		doctor_write_json(&d, "repository", dir, &out);
	else
		doctor_write(&d, &out);
	fputs(out.data, stdout);
	status = d.failed ? EXIT_REFUSED : 0;
	if (buf_check(&out, "what was found", &err) < 0)
		status = command_fail(&err);
	buf_release(&out);
	doctor_release(&d);
	host_close(&host);
	return status;
}

static int take_output(void *target, const char *value, struct err *err)
{
	bool *json = target;

	if (strcmp(value, "json"))
		return err_set(err, ERR_INVALID, "must be json");
	*json = true;
	return 0;
}

int cmd_doctor(int argc, char **argv)
{
	const char *dir = NULL;
	bool json = false;
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &dir),
		OPTION_TAKE("output", take_output, &json),
		OPTION_END
	};
	int status = options_parse_alone(specs, usage, argc, argv);

	if (status >= 0)
		return status;
	return run(dir, json);
}
