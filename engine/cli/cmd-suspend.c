/*
 * windlass suspend, windlass resume: an engine's hands off one channel, and
 * on again. Both wait until the engine has said so, because until then it may
 * still write.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <string.h>
#include <time.h>

#include "engine/cli/cluster.h"
#include "schema/base/clock.h"
#include "schema/base/num.h"
#include "schema/base/options.h"
#include "schema/object.h"

static const char suspend_usage[] =
"usage: windlass suspend [OPTION]... CHANNEL\n"
"\n"
"Nothing of CHANNEL is applied, deleted or repaired any more, until\n"
"`windlass resume`. Waits until the engine has said so.\n"
"\n"
"  --timeout TIME     how long (default: 30s)\n"
"  --kubeconfig FILE  as kubectl has it (default: $KUBECONFIG)\n"
"  --context NAME\n"
"\n"
"Exit status: 0, 1 if there is no such channel or no engine answers in time,\n"
"2 if the cluster cannot be asked.\n";

static const char resume_usage[] =
"usage: windlass resume [OPTION]... CHANNEL\n"
"\n"
"CHANNEL is applied and repaired again. Waits until the engine has said so.\n"
"\n"
"  --timeout TIME     how long (default: 30s)\n"
"  --kubeconfig FILE  as kubectl has it (default: $KUBECONFIG)\n"
"  --context NAME\n"
"\n"
"Exit status: 0, 1 if there is no such channel or no engine answers in time,\n"
"2 if the cluster cannot be asked.\n";

struct options {
	const char *kubeconfig, *context, *channel;
	int64_t timeout;
	bool suspend;
};

/* Until the condition says what the spec does. */
static int wait_said(struct cluster *c, const struct options *o,
		     struct err *err)
{
	const struct timespec pause = { 0, 200 * 1000000L };
	const char *want = o->suspend ? "True" : "False";
	int64_t deadline = clock_mono_ms() + o->timeout * 1000;

	for (;;) {
		struct arena a = ARENA_INIT;
		struct node *channel;
		int rc = cluster_channel(c, o->channel, &a, &channel, err);
		bool said = !rc && !strcmp(cluster_condition(channel,
					"Suspended", NULL, NULL), want);

		arena_release(&a);
		if (rc || said)
			return rc;
		if (clock_mono_ms() > deadline)
			return err_set(err, ERR_INVALID, "the Channel says it, "
				       "but no engine has answered in %d s; "
				       "does one run?", (int)o->timeout);
		nanosleep(&pause, NULL);
	}
}

static int change(struct cluster *c, const struct options *o, struct err *err)
{
	struct arena a = ARENA_INIT;
	struct node *channel;
	int rc = cluster_channel_patch(c, o->channel, o->suspend ?
				       "{\"spec\":{\"suspend\":true}}" :
				       "{\"spec\":{\"suspend\":false}}",
				       &a, &channel, err);

	arena_release(&a);
	if (rc || wait_said(c, o, err) < 0)
		return -1;
	printf("%s is %s\n", o->channel,
	       o->suspend ? "suspended" : "worked on again");
	return 0;
}

static int parse_options(int argc, char **argv, const char *usage,
			 struct options *o)
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

static int run(int argc, char **argv, const char *usage, bool suspend)
{
	struct options o = { .suspend = suspend, .timeout = 30 };
	struct cluster c = CLUSTER_INIT;
	struct err err = ERR_INIT;
	int status = parse_options(argc, argv, usage, &o);

	if (status >= 0)
		return status;
	status = EXIT_OK;
	if (cluster_open(&c, o.kubeconfig, o.context, &err) < 0 ||
	    change(&c, &o, &err) < 0)
		status = command_fail(&err);
	cluster_close(&c);
	return status;
}

int cmd_suspend(int argc, char **argv)
{
	return run(argc, argv, suspend_usage, true);
}

int cmd_resume(int argc, char **argv)
{
	return run(argc, argv, resume_usage, false);
}
