/*
 * `windlass-hook upload`: what is published, into the buckets of
 * [windlass-s3]. The hooks, publish, refresh and serve start it; by hand and
 * by a timer it catches up. One bucket that cannot be reached does not keep
 * the others waiting, and is left for the next run.
 */
#include "config.h"
#include "hooks/commands.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "hooks/doctor.h"
#include "hooks/upload.h"
#include "schema/base/num.h"
#include "schema/base/options.h"

static const char usage[] =
"usage: windlass-hook upload [OPTIONS] [CHANNEL...]\n"
"\n"
"Brings what is published of each channel (default: all of them) into the\n"
"buckets that [windlass-s3] sections name, and removes from them what is not\n"
"needed any more.\n"
"\n"
"  --repo DIR   the bare repository (default: $GIT_DIR or .)\n"
"  --verify     ask the store for each file, and send again what it lacks\n"
"  --check      change nothing; say what `doctor` says\n";

struct uploading {
	const char *repo;
	bool verify, check;
	struct host host;
	struct doctor findings;
	int status;
};

static void failed(struct uploading *u, const struct channel_config *ch,
		   const struct bucket *b, struct err *err)
{
	int status;

	if (u->check) {
		doctor_say(&u->findings, FINDING_FAIL, "s3", ch->name,
			   "'%s': %s", b->name, err->msg);
		return;
	}
	err_wrap(err, "%s: not in '%s'", ch->name, b->name);
	status = command_fail(err);
	u->status = status > u->status ? status : u->status;
}

static void say(const struct channel_config *ch, const struct bucket *b,
		const struct upload_result *r)
{
	if (r->nothing) {
		printf("%s: nothing is published yet\n", ch->name);
		return;
	}
	printf("%s %" PRIu64 ".%" PRIu64 " is in '%s'", ch->name,
	       r->head.epoch, r->head.sequence, b->name);
	if (!r->sent && !r->sent_head && !r->removed)
		printf(" already");
	if (r->sent)
		printf(", %zu file%s sent", r->sent, plural(r->sent));
	if (r->removed)
		printf(", %zu removed", r->removed);
	putchar('\n');
	fflush(stdout);
}

/* False if the bucket cannot be reached now. */
static bool run_one(struct uploading *u, const struct channel_config *ch,
		    const struct bucket *b, struct s3 *s)
{
	struct upload_result r;
	struct err err = ERR_INIT;

	if (u->check)
		return !upload_check(&u->host.config, ch, b, s, &u->findings);
	if (!upload_channel(&u->host.config, ch, b, s, u->verify, &r, &err)) {
		say(ch, b, &r);
		return true;
	}
	failed(u, ch, b, &err);
	return err.class != ERR_TRANSIENT;
}

static bool is_asked_for(const struct channel_config *ch, int n, char **names)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], ch->name))
			return true;
	return !n;
}

static void run_bucket(struct uploading *u, const struct bucket *b, int n,
		       char **names)
{
	const struct host_config *c = &u->host.config;
	struct err err = ERR_INIT;
	struct s3 *s = NULL;
	bool reached = true;

	for (size_t i = 0; reached && i < c->n; i++) {
		const struct channel_config *ch = &c->channels[i];

		if (!is_asked_for(ch, n, names) || !bucket_takes(b, ch))
			continue;
		if (!s && s3_open(b, &s, &err) < 0) {
			failed(u, ch, b, &err);
			return;
		}
		reached = run_one(u, ch, b, s);
	}
	s3_free(s);
}

/* Settings that are taken and mean nothing. */
static void check_settings(struct uploading *u)
{
	const struct host_config *c = &u->host.config;

	for (size_t i = 0; i < c->n_buckets; i++) {
		const struct bucket *b = &c->buckets[i];

		for (size_t j = 0; j < b->channels.n; j++)
			if (!config_channel(c, b->channels.v[j]))
				doctor_say(&u->findings, FINDING_WARN, "s3",
					   NULL, BUCKET_SECTION ".%s.channel "
					   "names '%s', which is no channel "
					   "here", b->name, b->channels.v[j]);
	}
	for (size_t i = 0; i < c->n; i++)
		if (c->channels[i].allow_secrets &&
		    !bucket_any(c, &c->channels[i]))
			doctor_say(&u->findings, FINDING_WARN, "s3",
				   c->channels[i].name, "is in no bucket, "
				   "because it takes Secrets: if nobody but "
				   "your engines can read one, name the "
				   "channel in its section");
}

static int check_names(const struct host_config *c, int n, char **names)
{
	struct err err = ERR_INIT;

	for (int i = 0; i < n; i++)
		if (!config_channel(c, names[i])) {
			err_set(&err, ERR_INVALID, "no channel '%s' is "
				"configured in '%s'", names[i], c->git_dir);
			return command_fail(&err);
		}
	if (!c->n_buckets) {
		err_set(&err, ERR_INVALID, "no bucket is configured in '%s': "
			"git config " BUCKET_SECTION ".NAME.url "
			"https://HOST/BUCKET", c->git_dir);
		return command_fail(&err);
	}
	return 0;
}

static void run(struct uploading *u, int n, char **names)
{
	const struct host_config *c = &u->host.config;

	u->status = check_names(c, n, names);
	if (u->status)
		return;
	if (u->check)
		check_settings(u);
	for (size_t i = 0; i < c->n_buckets; i++)
		run_bucket(u, &c->buckets[i], n, names);
	if (u->check) {
		doctor_put_lines(&u->findings);
		u->status = u->findings.failed ? EXIT_REFUSED : EXIT_OK;
	}
}

int cmd_upload(int argc, char **argv)
{
	struct uploading u = { .host = HOST_INIT, .findings = DOCTOR_INIT };
	struct err err = ERR_INIT;
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &u.repo),
		OPTION_FLAG("verify", &u.verify),
		OPTION_FLAG("check", &u.check),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status >= 0)
		return status;
	/* a push that started it may be over long before it is */
	signal(SIGPIPE, SIG_IGN);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		err_set(&err, ERR_INTERNAL, "libcurl does not start");
	else
		host_open(u.repo, false, &u.host, &err);
	if (err.class != ERR_NONE)
		return command_fail(&err);
	run(&u, argc - optind, argv + optind);
	doctor_release(&u.findings);
	host_close(&u.host);
	curl_global_cleanup();
	return u.status;
}
