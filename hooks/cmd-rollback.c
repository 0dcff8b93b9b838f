/*
 * `windlass-hook rollback CHANNEL SEQUENCE`: going back to an earlier bundle,
 * for the night when nobody has a clone. What that is, rollback.h says.
 */
#include "config.h"
#include "hooks/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks/edit.h"
#include "hooks/git.h"
#include "hooks/guard.h"
#include "hooks/rollback.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/options.h"

static const char usage[] =
"usage: windlass-hook rollback [OPTIONS] CHANNEL SEQUENCE\n"
"\n"
"Makes the files of the channel again what an earlier bundle was made of, by a\n"
"new commit on its ref, and pushes that through the hooks. SEQUENCE is a\n"
"number, or EPOCH.SEQUENCE.\n"
"\n"
"  --repo DIR           the bare repository (default: $GIT_DIR or .)\n"
"  --dry-run            say which files would change, and push nothing\n"
"  --reason=TEXT        stands in the commit's message\n"
"  --allow-deletes=N    it may delete N objects\n";

struct wish {
	const char *repo;
	bool dry_run;
	const char *reason;
	uint64_t allow_deletes;
	uint64_t epoch, sequence;	/* 0: the epoch of now */
};

static int parse_sequence(const char *s, struct wish *w)
{
	const char *dot = strchr(s, '.');

	if (dot && parse_u64n(s, (size_t)(dot - s), 1, LIMIT_SEQUENCE,
			      &w->epoch) < 0)
		return -1;
	return parse_u64(dot ? dot + 1 : s, 1, LIMIT_SEQUENCE, &w->sequence);
}

/* Which files would be other ones. */
static int show(const struct rollback *r, struct err *err)
{
	char from[GIT_HEX_SIZE], to[GIT_HEX_SIZE];
	const char *const argv[] = {
		"diff", "--no-color", "--no-ext-diff", "--no-renames",
		"--name-status", from, to, "--", NULL,
	};

	git_oid_tostr(from, sizeof(from), &r->tip_tree);
	git_oid_tostr(to, sizeof(to), &r->tree);
	fflush(stdout);
	return git_run(&r->host->config, argv, NULL, 0, STDOUT_FILENO, err);
}

/* The reason in one line. */
static char *flat(const char *reason)
{
	char *line = reason ? xstrdup(reason) : NULL;

	for (char *p = line; p && *p; p++)
		if (*p == '\n')
			*p = ' ';
	return line;
}

static int push(const struct rollback *r, const struct wish *w,
		struct err *err)
{
	const struct bundle *b = &r->bundle.bundle;
	struct buf words = BUF_INIT(EDIT_WORDS_BYTES);
	char *reason = flat(w->reason);
	char id[GIT_HEX_SIZE];
	int rc = rollback_make(r, reason, id, err);

	if (!rc)
		rc = rollback_push(r, id, w->allow_deletes, &words, err);
	if (words.len)
		fputs(words.data, stderr);
	if (!rc)
		printf("%s %s is %.12s: the source of %" PRIu64 ".%" PRIu64
		       "\n", r->ch->name, r->ch->ref, id, b->epoch,
		       b->sequence);
	free(reason);
	buf_release(&words);
	return rc;
}

static int roll_back(const struct wish *w, const struct host *host,
		     const char *name, struct err *err)
{
	const struct channel_config *ch = config_channel(&host->config, name);
	const struct bundle *b;
	struct rollback r;

	if (!ch)
		return err_set(err, ERR_INVALID, "no channel '%s' is "
			       "configured in '%s'", name,
			       host->config.git_dir);
	if (rollback_open(host, ch, w->epoch, w->sequence, &r, err) < 0)
		return -1;
	b = &r.bundle.bundle;
	if (rollback_is_done(&r)) {
		printf("%s is what it was at %" PRIu64 ".%" PRIu64 " already: "
		       "nothing to do\n", ch->name, b->epoch, b->sequence);
		return 0;
	}
	return w->dry_run ? show(&r, err) : push(&r, w, err);
}

static int take_allowance(void *target, const char *value, struct err *err)
{
	struct wish *w = target;

	if (parse_u64(value, 1, LIMIT_BUNDLE_OBJECTS, &w->allow_deletes) < 0)
		return err_set(err, ERR_INVALID, "must be a number from 1");
	return 0;
}

int cmd_rollback(int argc, char **argv)
{
	struct wish w = { .dry_run = false };
	struct host host = HOST_INIT;
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &w.repo),
		OPTION_FLAG("dry-run", &w.dry_run),
		OPTION_TEXT("reason", &w.reason),
		OPTION_TAKE(ALLOW_OPTION, take_allowance, &w),
		OPTION_END
	};
	struct err err = ERR_INIT;
	int status = options_parse(specs, usage, argc, argv);

	if (status >= 0)
		return status;
	if (argc - optind != 2)
		return usage_error(usage, "it wants a channel and a sequence");
	if (parse_sequence(argv[optind + 1], &w) < 0)
		return usage_error(usage, "'%s' is no sequence: 41, or 1.41 "
				   "with its epoch", argv[optind + 1]);
	if (w.reason && strlen(w.reason) > ROLLBACK_REASON_BYTES)
		return usage_error(usage, "--reason is longer than %d bytes",
				   ROLLBACK_REASON_BYTES);
	if (host_open(w.repo, false, &host, &err) < 0)
		return command_fail(&err);
	status = roll_back(&w, &host, argv[optind], &err) < 0 ?
		command_fail(&err) : EXIT_OK;
	host_close(&host);
	return status;
}
