/*
 * windlass: anybody's terminal. A table of commands; each does one thing.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <git2.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/base/fs.h"
#include "schema/base/num.h"
#include "schema/object.h"
#include "schema/repo.h"
#include "schema/trust.h"

/* NULL-terminated; what a developer needs first, then what an admin does. */
static const struct command commands[] = {
	{ "check", cmd_check, "check manifests as a push would" },
	{ "explain", cmd_explain, "explain a rule, and how to repair" },
	{ "render", cmd_render, "print manifests as a bundle has them" },
	{ "approve", cmd_approve, "approve or reject what would run" },
	{ "diff", cmd_diff, "compare two bundles, or one and the cluster" },
	{ "doctor", cmd_doctor, "check the cluster's side" },
	{ "events", cmd_events, "list what the engine told of channels" },
	{ "install", cmd_install, "print or apply what a cluster needs" },
	{ "log", cmd_log, "list a channel's bundles, the newest first" },
	{ "reconcile", cmd_reconcile, "have the engine look at everything" },
	{ "resume", cmd_resume, "have the engine work on a channel again" },
	{ "show", cmd_show, "show one bundle, or an object of it" },
	{ "status", cmd_status, "show what is live, and what failed" },
	{ "suspend", cmd_suspend, "have the engine leave a channel alone" },
	{ "uninstall", cmd_uninstall, "take out what install put in" },
	{ "verify", cmd_verify, "check bundles: signatures, chain, content" },
	{ "wait", cmd_wait, "wait until what was pushed is live" },
	{ "yaml", cmd_yaml, "print what Kubernetes reads in a file" },
	{ NULL, NULL, NULL },
};

static const struct program windlass = {
	.name = "windlass",
	.manual = "man 1 windlass",
	.purpose = "Looks at manifests, bundles and channels.",
	.commands = commands,
	.values = cli_complete,
};

bool cli_color(FILE *out)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return isatty(fileno(out)) && !(no && *no) &&
	       term && strcmp(term, "dumb") != 0;
}

void cli_scrub(FILE *to, const char *s, size_t len)
{
	struct buf out = BUF_INIT(4 * 4096);

	while (len) {
		size_t n = len < 4096 ? len : 4096;

		/* not within a character */
		for (int i = 0; i < 3 && n < len && (s[n] & 0xc0) == 0x80; i++)
			n--;
		buf_reset(&out);
		buf_add_scrubbed(&out, s, n);
		fwrite(out.data, 1, out.len, to);
		s += n;
		len -= n;
	}
	buf_release(&out);
}

void cli_print_scrubbed(const char *s, size_t len)
{
	cli_scrub(stdout, s, len);
}

int cli_take_output(void *target, const char *word, struct err *err)
{
	enum cli_output *output = target;

	if (strcmp(word, "text") && strcmp(word, "json"))
		return err_set(err, ERR_INVALID, "must be text or json");
	*output = strcmp(word, "json") ? OUTPUT_TEXT : OUTPUT_JSON;
	return 0;
}

int cli_take_time(void *target, const char *word, struct err *err)
{
	int64_t *seconds = target, n;

	if (parse_duration(word, &n) < 0 || n < 1 || n > 3600)
		return err_set(err, ERR_INVALID, "must be a time from 1s to "
			       "1h, such as 90s");
	*seconds = n;
	return 0;
}

int cli_read_trust(const char *option, const char *path,
		   const char *namespaces, struct trust *ret, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_TRUST_BYTES);
	int rc = fs_read_follow(path, &text, err);

	if (rc == 0)
		rc = trust_parse(text.data, text.len, namespaces, ret, err);
	if (rc == 0 && ret->n == 0)
		rc = err_set(err, ERR_INVALID, "it names no key");
	if (rc)
		err_wrap(err, "--%s '%s'", option, path);
	buf_release(&text);
	return rc;
}

int cli_channel(const char *usage, int argc, char **argv, const char **ret)
{
	if (argc - optind != 1)
		return usage_error(usage, "name one channel");
	*ret = argv[optind];
	if (!is_channel_name(*ret))
		return usage_error(usage, "'%s' is no channel's name", *ret);
	return -1;
}

int cli_channel_or_all(const char *usage, int argc, char **argv,
		       const char **ret)
{
	if (argc - optind > 1)
		return usage_error(usage, "name one channel, or none for all");
	*ret = NULL;
	return argc > optind ? cli_channel(usage, argc, argv, ret) : -1;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	int status;

	if (argc < 1 || !program_streams())
		return EXIT_USAGE;
	program_no_core();
	if (sodium_init() < 0 || repo_init_library(&err) < 0) {
		fputs("windlass: cannot start its libraries\n", stderr);
		return EXIT_TROUBLE;
	}
	status = program_run(&windlass, argc, argv);
	git_libgit2_shutdown();
	return status;
}
