/*
 * windlass status: what the engine in the cluster says of its channels.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cluster.h"
#include "engine/cli/records.h"
#include "engine/reporter-key.h"
#include "engine/status.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/options.h"
#include "schema/json.h"

static const char usage[] =
"usage: windlass status [--watch | --repo DIR] [--output json] [CHANNEL]\n"
"\n"
"Shows what is live: for each channel its bundle, objects and source commit,\n"
"the conditions that need a person, and what failed, with file and line; and\n"
"the line for a Git host's file of reporters.\n"
"\n"
"  --watch            and again at each change, until it is interrupted\n"
"  --repo DIR         ask no cluster: what clusters reported to the Git host,\n"
"                     out of its repository or a clone that has fetched\n"
"                     refs/windlass and refs/windlass-status\n"
"  --kubeconfig FILE  as kubectl has it (default: $KUBECONFIG)\n"
"  --context NAME\n"
"  --output json      the Channel objects, one a line; with --repo what is\n"
"                     known of each channel\n"
"\n"
"Exit status: 0 if every channel shown is Ready, 1 if one is not, 2 if the\n"
"cluster or the repository cannot be asked.\n";

#define COMMIT_SHOWN 12
/* how long before approvals end that is said */
#define ENDS_SOON_S (14 * 24 * 60 * 60)

struct options {
	const char *kubeconfig, *context, *channel, *repo;
	enum cli_output output;
	bool watch;
};

/* Conditions whose normal value is False. */
static bool is_alarm(const char *type)
{
	static const enum condition_type alarms[] = {
		CONDITION_STALE, CONDITION_FORKED, CONDITION_CLOCK,
		CONDITION_PRUNE_BLOCKED, CONDITION_DRIFTED,
		CONDITION_SUSPENDED,
	};

	for (size_t i = 0; i < sizeof(alarms) / sizeof(alarms[0]); i++)
		if (!strcmp(type, condition_name(alarms[i])))
			return true;
	return false;
}

static const char *text(const struct node *map, const char *field)
{
	const char *s = node_text(node_get(map, field));

	return s ? s : "";
}

/* What strangers wrote (messages, names) on one line of a terminal. */
static void print_scrubbed(const char *s)
{
	struct buf out = BUF_INIT(1 << 20);

	buf_add_scrubbed(&out, s, strlen(s));
	fputs(out.data, stdout);
	buf_release(&out);
}

static bool print_conditions(const struct node *status, bool color)
{
	const struct node *list = node_get(status, "conditions");
	bool ready = false;

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++) {
		const struct node *c = list->items[i];
		const char *type = text(c, "type");
		const char *value = text(c, "status");
		bool good = !strcmp(value, is_alarm(type) ? "False" : "True");

		if (!strcmp(type, "Ready"))
			ready = good;
		if (good && strcmp(type, "Ready"))
			continue;
		printf("  %s", color ? (good ? "\033[32m" : "\033[33m") : "");
		print_scrubbed(type);
		putchar('=');
		print_scrubbed(value);
		printf("%s  ", color ? "\033[m" : "");
		print_scrubbed(text(c, "reason"));
		fputs(": ", stdout);
		print_scrubbed(text(c, "message"));
		putchar('\n');
	}
	return ready;
}

static void print_failures(const struct node *status)
{
	const struct node *list = node_get(status, "failures");

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++) {
		const struct node *f = list->items[i];
		const char *source = text(f, "source");

		fputs("  ", stdout);
		print_scrubbed(*source ? source : "(source unknown)");
		fputs(": ", stdout);
		print_scrubbed(text(f, "object"));
		fputs(": ", stdout);
		print_scrubbed(text(f, "reason"));
		fputs(": ", stdout);
		print_scrubbed(text(f, "message"));
		putchar('\n');
	}
}

static void print_applied(const struct node *applied)
{
	const char *commit = text(applied, "sourceCommit");
	char *shown = xstrndup(commit, strnlen(commit, COMMIT_SHOWN));

	printf("%" PRId64 ".%" PRId64 "  source ",
	       node_path_int(applied, 0, "epoch", NULL),
	       node_path_int(applied, 0, "sequence", NULL));
	print_scrubbed(shown);
	fputs("  applied ", stdout);
	print_scrubbed(text(applied, "at"));
	putchar('\n');
	free(shown);
}

/* Who approved what is accepted; and in time, that it would not be accepted
 * any more by an engine that has to begin from nothing. */
static void print_approvals(const struct node *channel)
{
	int64_t required = node_path_int(channel, 0, "spec", "approvals",
					 "required", NULL);
	struct consents cs;
	char until[CLOCK_TEXT_SIZE];
	int64_t end;

	consents_read(node_path(channel, "status", "accepted", "approvals",
				NULL), &cs);
	for (size_t i = 0; i < cs.n; i++) {
		fputs(i ? ", " : "  approved by ", stdout);
		print_scrubbed(cs.v[i].principal);
	}
	end = consents_until(&cs, required > 0 ? (uint64_t)required : 0);
	if (cs.n)
		putchar('\n');
	if (end && end < clock_now() + ENDS_SOON_S) {
		clock_format(end, until);
		printf("  approvals %s at %s: an engine that begins from "
		       "nothing accepts the bundle only if they are renewed "
		       "(windlass approve)\n",
		       end < clock_now() ? "ended" : "end", until);
	}
	consents_release(&cs);
}

/* Why no reports are sent, or taken. */
static void print_reporter_problem(const struct node *status)
{
	const char *message = text(node_get(status, "reporter"), "message");

	if (!*message)
		return;
	fputs("  reports: ", stdout);
	print_scrubbed(message);
	putchar('\n');
}

/* True if the channel is Ready. */
static bool print_channel(const struct node *channel, bool color)
{
	const struct node *status = node_get(channel, "status");
	const struct node *applied = node_get(status, "applied");
	const struct node *objects = node_get(status, "objects");

	printf("%s%s%s  ", color ? "\033[1m" : "",
	       text(node_get(channel, "metadata"), "name"),
	       color ? "\033[m" : "");
	if (!applied || applied->type != NODE_MAP)
		printf("nothing applied yet\n");
	else
		print_applied(applied);
	if (objects)
		printf("  objects: %" PRId64 ", ready %" PRId64
		       ", progressing %" PRId64 ", failed %" PRId64
		       ", drifted %" PRId64 "\n",
		       node_path_int(objects, 0, "total", NULL),
		       node_path_int(objects, 0, "ready", NULL),
		       node_path_int(objects, 0, "progressing", NULL),
		       node_path_int(objects, 0, "failed", NULL),
		       node_path_int(objects, 0, "drifted", NULL));
	print_approvals(channel);
	print_failures(status);
	print_reporter_problem(status);
	return print_conditions(status, color);
}

/* Who signs the reports, for the file `reporters` of a Git host. It is one
 * engine's: of all channels the same. */
static void print_reporter(const struct node *channel)
{
	const struct node *r = node_path(channel, "status", "reporter", NULL);
	const char *cluster = text(r, "cluster"), *key = text(r, "key");
	struct buf line = BUF_INIT(1 << 20);

	if (!*cluster || !*key)
		return;
	reporter_line(cluster, key, &line);
	fputs("reports are signed by:\n", stdout);
	print_scrubbed(line.data);
	putchar('\n');
	buf_release(&line);
}

static void print_json(const struct node *channel)
{
	struct buf out = BUF_INIT(16u * 1024 * 1024);

	json_write_compact(channel, &out);
	puts(out.data);
	buf_release(&out);
}

static bool print_one(const struct node *channel, const struct options *o)
{
	const struct node *status = node_get(channel, "status");
	const struct node *list = node_get(status, "conditions");

	if (o->output == OUTPUT_TEXT)
		return print_channel(channel, cli_color(stdout));
	print_json(channel);
	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++)
		if (!strcmp(text(list->items[i], "type"), "Ready"))
			return !strcmp(text(list->items[i], "status"), "True");
	return false;
}

static void on_change(void *arg, const struct node *channel, bool gone,
		      bool again)
{
	const struct options *o = arg;
	char now[CLOCK_TEXT_SIZE];

	if (o->output == OUTPUT_TEXT) {
		clock_format(clock_now(), now);
		printf("%s  ", now);
	}
	if (!gone)
		print_one(channel, o);
	else if (o->output == OUTPUT_TEXT)
		printf("%s  is deleted\n",
		       text(node_get(channel, "metadata"), "name"));
}

static int follow(struct cluster *cluster, const struct options *o,
		  struct arena *a, struct err *err)
{
	const struct kube_target target = cluster_channels(NULL);
	const struct kube_request get = {
		.method = "GET", .target = cluster_channels(o->channel),
	};
	char *fields = o->channel ? xasprintf("metadata.name=%s", o->channel)
				  : NULL;
	/* what is not there would be waited for in silence */
	int rc = cluster_channel_call(cluster, &get, a, NULL, err);

	if (!rc)
		rc = cluster_watch(cluster, &target, fields, on_change,
				   (void *)o, err);
	free(fields);
	return rc;
}

static int show(struct cluster *cluster, const struct options *o,
		struct arena *a, struct err *err)
{
	const struct kube_request get = {
		.method = "GET",
		.target = cluster_channels(o->channel),
	};
	struct node *answer;
	const struct node *items, *one;
	bool ready = true;

	if (cluster_channel_call(cluster, &get, a, &answer, err) < 0)
		return -1;
	items = node_get(answer, "items");
	one = o->channel ? answer : items && items->type == NODE_SEQ &&
	      items->n ? items->items[0] : NULL;
	if (o->channel)
		ready = print_one(answer, o);
	for (uint32_t i = 0; !o->channel && one && i < items->n; i++)
		ready &= print_one(items->items[i], o);
	if (o->output == OUTPUT_TEXT && !one)
		puts("no channels");
	else if (o->output == OUTPUT_TEXT)
		print_reporter(one);
	return ready ? EXIT_OK : EXIT_REFUSED;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	const struct option_spec specs[] = {
		OPTION_TEXT("kubeconfig", &o->kubeconfig),
		OPTION_TEXT("context", &o->context),
		OPTION_TAKE("output", cli_take_output, &o->output),
		OPTION_FLAG("watch", &o->watch),
		OPTION_TEXT("repo", &o->repo),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status < 0)
		status = cli_channel_or_all(usage, argc, argv, &o->channel);
	if (status < 0 && o->repo && (o->watch || o->kubeconfig || o->context))
		return usage_error(usage, "--repo asks no cluster, so --watch, "
				   "--kubeconfig and --context do not go with "
				   "it");
	return status;
}

int cmd_status(int argc, char **argv)
{
	struct options o = { 0 };
	struct cluster cluster = CLUSTER_INIT;
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	int status = parse_options(argc, argv, &o);

	if (status >= 0)
		return status;
	if (o.repo) {
		status = status_from_repo(o.repo, o.channel,
					  o.output == OUTPUT_JSON, &err);
	} else if (cluster_open(&cluster, o.kubeconfig, o.context, &err) < 0) {
		command_fail(&err);
		status = EXIT_TROUBLE;
	} else {
		status = o.watch ? follow(&cluster, &o, &a, &err)
				 : show(&cluster, &o, &a, &err);
	}
	if (status < 0) {
		command_fail(&err);
		/* not there is an answer, as to all who ask for a channel */
		status = err.class == ERR_INVALID ? EXIT_REFUSED
						  : EXIT_TROUBLE;
	}
	cluster_close(&cluster);
	arena_release(&a);
	return status;
}
