/*
 * What doctor says of buckets and registries. See doctor.h. Only a program
 * that is linked with an HTTP client can ask them: `upload --check` and
 * `images --check`, whose lines are read here. A server that hangs does not
 * hang doctor.
 */
#include "config.h"
#include "hooks/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "hooks/bucket.h"
#include "hooks/tag-policy.h"
#include "schema/base/mem.h"
#include "schema/base/proc.h"

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
static void take_line(struct doctor *d, const char *check, const char *s,
		      size_t len)
{
	const char *channel = memchr(s, '\t', len);
	const char *message = channel ?
		memchr(channel + 1, '\t', len - (size_t)(channel + 1 - s))
		: NULL;
	char *name;

	if (!message)
		return;
	name = xstrndup(channel + 1, (size_t)(message - channel - 1));
	doctor_say(d, level_of(s, (size_t)(channel - s)), check, name, "%.*s",
		   (int)(s + len - message - 1), message + 1);
	free(name);
}

/* `windlass-hook COMMAND --check` */
static void ask(struct doctor *d, const char *check, const char *command,
		const char *git_dir)
{
	const char *const argv[] = {
		"/proc/self/exe", command, "--check", "--repo", git_dir, NULL,
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

	if (proc_run(&p, &status, &err) < 0)
		doctor_say(d, FINDING_FAIL, check, NULL, "%s", err.msg);
	for (const char *s = out.data; *s; ) {
		size_t len = strcspn(s, "\n");

		take_line(d, check, s, len);
		s += len + (s[len] == '\n');
	}
	if (err.class == ERR_NONE && d->n == before && status)
		doctor_say(d, FINDING_FAIL, check, NULL, "%.*s",
			   (int)strcspn(diag.data, "\n"), diag.data);
	buf_release(&out);
	buf_release(&diag);
}

void doctor_check_buckets(struct doctor *d, const struct host_config *host)
{
	if (host->n_buckets)
		ask(d, "s3", "upload", host->git_dir);
}

static bool has_policies(git_repository *repo)
{
	git_config *config = NULL;
	git_config_iterator *it = NULL;
	git_config_entry *e;
	bool any = false, open = !git_repository_config_snapshot(&config,
								  repo) &&
				 !git_config_iterator_new(&it, config);

	/* libgit2's own filter leaks memory for each name it passes over */
	while (open && !any && !git_config_next(&e, it))
		any = !strncmp(e->name, IMAGE_SECTION ".",
			       strlen(IMAGE_SECTION "."));
	git_config_iterator_free(it);
	git_config_free(config);
	return any;
}

void doctor_check_images(struct doctor *d, git_repository *repo,
			 const struct host_config *host)
{
	if (has_policies(repo))
		ask(d, "images", "images", host->git_dir);
}
