/*
 * windlass reconcile: has the engine look for a new head now, and at every
 * object that a channel has. The wish is an annotation of the Channel; the
 * engine takes it off when everything was compared.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "engine/cli/cluster.h"
#include "engine/parent.h"
#include "schema/base/clock.h"
#include "schema/base/options.h"
#include "schema/json.h"
#include "schema/object.h"

static const char usage[] =
"usage: windlass reconcile [OPTION]... CHANNEL\n"
"\n"
"Has the engine look for a new head now, compare every object of CHANNEL with\n"
"what is live, and try again what failed. Waits until it is done and the\n"
"channel is Ready.\n"
"\n"
"  --timeout TIME     how long (default: 60s)\n"
"  --kubeconfig FILE  as kubectl has it (default: $KUBECONFIG)\n"
"  --context NAME\n"
"\n"
"Exit status: 0 if the channel is Ready then, 1 if it is not or no engine\n"
"answers in time, 2 if the cluster cannot be asked.\n";

/* the engine writes a changed status within a second */
#define STATUS_MS 1500

struct options {
	const char *kubeconfig, *context, *channel;
	int64_t timeout;
};

struct wish {
	struct cluster cluster;
	const struct options *o;
	int64_t deadline;
};

static int ask(struct wish *w, struct err *err)
{
	struct buf patch = BUF_INIT(1000);
	char now[CLOCK_TEXT_SIZE];
	struct arena a = ARENA_INIT;
	struct node *channel;
	int rc;

	clock_format(clock_now(), now);
	buf_addf(&patch, "{\"metadata\":{\"annotations\":{\""
		 RECONCILE_ANNOTATION "\":\"%s\"}}}", now);
	rc = cluster_channel_patch(&w->cluster, w->o->channel, patch.data, &a,
				   &channel, err);
	arena_release(&a);
	buf_release(&patch);
	return rc;
}

static bool is_done(const struct node *channel)
{
	return !node_path_str(channel, "metadata", "annotations",
			      RECONCILE_ANNOTATION, NULL);
}

static bool is_ready(const struct node *channel)
{
	return !strcmp(cluster_condition(channel, "Ready", NULL, NULL),
		       "True");
}

/* 1: so; 0: not in time, with the last reason; -1: it cannot be asked. */
static int wait_until(struct wish *w, bool (*so)(const struct node *channel),
		      struct buf *why, struct err *err)
{
	const struct timespec pause = { 0, 200 * 1000000L };
	const char *reason, *message;

	for (;;) {
		struct arena a = ARENA_INIT;
		struct node *channel;
		int rc = cluster_channel(&w->cluster, w->o->channel, &a,
					 &channel, err);
		bool yes = !rc && so(channel);

		if (!rc) {
			cluster_condition(channel, "Ready", &reason, &message);
			buf_reset(why);
			buf_addf(why, "%s: ", reason);
			buf_add_scrubbed(why, message, strlen(message));
		}
		arena_release(&a);
		if (rc || yes)
			return rc ? rc : 1;
		if (clock_mono_ms() > w->deadline)
			return 0;
		nanosleep(&pause, NULL);
	}
}

static int reconcile(struct wish *w, struct err *err)
{
	const struct timespec pause = { STATUS_MS / 1000,
					STATUS_MS % 1000 * 1000000L };
	struct buf why = BUF_INIT(65536);
	int rc = ask(w, err);

	if (rc == 0 && (rc = wait_until(w, is_done, &why, err)) == 0)
		rc = err_set(err, ERR_INVALID, "no engine has done it in "
			     "%" PRId64 " s; does one run?", w->o->timeout);
	if (rc > 0) {
		nanosleep(&pause, NULL);
		rc = wait_until(w, is_ready, &why, err);
		if (rc == 0)
			rc = err_set(err, ERR_INVALID, "channel %s is not Ready: "
				     "%s", w->o->channel, why.data);
	}
	buf_release(&why);
	if (rc < 0)
		return -1;
	printf("%s is Ready\n", w->o->channel);
	return 0;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	const struct option_spec specs[] = {
		OPTION_TAKE("timeout", cli_take_time, &o->timeout),
		OPTION_TEXT("kubeconfig", &o->kubeconfig),
		OPTION_TEXT("context", &o->context),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status < 0)
		status = cli_channel(usage, argc, argv, &o->channel);
	return status;
}

int cmd_reconcile(int argc, char **argv)
{
	struct options o = { .timeout = 60 };
	struct wish w = { .cluster = CLUSTER_INIT, .o = &o };
	struct err err = ERR_INIT;
	int status = parse_options(argc, argv, &o);

	if (status >= 0)
		return status;
	w.deadline = clock_mono_ms() + o.timeout * 1000;
	status = EXIT_OK;
	if (cluster_open(&w.cluster, o.kubeconfig, o.context, &err) < 0 ||
	    reconcile(&w, &err) < 0)
		status = command_fail(&err);
	cluster_close(&w.cluster);
	return status;
}
