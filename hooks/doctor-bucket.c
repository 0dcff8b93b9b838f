/*
 * What doctor says of buckets. See doctor.h. Only a program that is linked
 * with an HTTP client can ask them: `upload --check`, whose lines are read
 * here. A store that hangs does not hang doctor.
 */
#include "config.h"
#include "hooks/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "hooks/bucket.h"
#include "schema/base/mem.h"
#include "schema/base/proc.h"

#define CHECK "s3"
#define TIMEOUT_MS (120 * 1000)
#define LIMIT_FINDINGS_BYTES (1024u * 1024)

static enum finding_level level_of(const char *s, size_t len)
{
	if (len == 2 && !strncmp(s, "ok", len))
		return FINDING_OK;
	return len == 4 && !strncmp(s, "warn", len) ? FINDING_WARN
						    : FINDING_FAIL;
}

/* "LEVEL\tCHANNEL\tMESSAGE" */
static void take_line(struct doctor *d, const char *s, size_t len)
{
	const char *channel = memchr(s, '\t', len);
	const char *message = channel ?
		memchr(channel + 1, '\t', len - (size_t)(channel + 1 - s))
		: NULL;
	char *name;

	if (!message)
		return;
	name = xstrndup(channel + 1, (size_t)(message - channel - 1));
	doctor_say(d, level_of(s, (size_t)(channel - s)), CHECK, name, "%.*s",
		   (int)(s + len - message - 1), message + 1);
	free(name);
}

void doctor_check_buckets(struct doctor *d, const struct host_config *host)
{
	const char *const argv[] = {
		"/proc/self/exe", "upload", "--check", "--repo", host->git_dir,
		NULL,
	};
	struct buf out = BUF_INIT(LIMIT_FINDINGS_BYTES);
	struct buf diag = BUF_INIT(LIMIT_FINDINGS_BYTES);
	const struct proc p = {
		.argv = argv, .out = &out, .diag = &diag,
		.timeout_ms = TIMEOUT_MS,
	};
	struct err err = ERR_INIT;
	size_t before = d->n;
	int status;

	if (!host->n_buckets)
		return;
	if (proc_run(&p, &status, &err) < 0)
		doctor_say(d, FINDING_FAIL, CHECK, NULL, "%s", err.msg);
	for (const char *s = out.data; *s; ) {
		size_t len = strcspn(s, "\n");

		take_line(d, s, len);
		s += len + (s[len] == '\n');
	}
	if (err.class == ERR_NONE && d->n == before && status)
		doctor_say(d, FINDING_FAIL, CHECK, NULL, "%.*s",
			   (int)strcspn(diag.data, "\n"), diag.data);
	buf_release(&out);
	buf_release(&diag);
}
