/*
 * windlass events: what the engine told of its channels, by Kubernetes'
 * Events, the oldest first. The API server keeps them for an hour, or as long
 * as its admin wants.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "engine/cli/cluster.h"
#include "schema/base/mem.h"
#include "schema/base/options.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/object.h"

static const char usage[] =
"usage: windlass events [--follow] [--output json] [CHANNEL]\n"
"\n"
"Prints the Events of CHANNEL, or of all channels, the oldest first.\n"
"\n"
"  --follow           and those to come, until it is interrupted\n"
"  --output json      the Event objects, one a line\n"
"  --kubeconfig FILE  as kubectl has it (default: $KUBECONFIG)\n"
"  --context NAME\n"
"\n"
"Exit status: 0, 1 if the API server refuses, 2 if the cluster cannot be\n"
"asked.\n";

#define TIME_MAX 40

struct options {
	const char *kubeconfig, *context, *channel;
	enum cli_output output;
	bool follow, color;
	/* the newest that was printed: older ones are told again when a watch
	 * begins */
	char newest[TIME_MAX];
};

/* Events of other makers may have no eventTime. */
static const char *time_of(const struct node *event)
{
	static const char *const fields[] = {
		"eventTime", "deprecatedLastTimestamp",
	};
	const char *s = NULL;

	for (size_t i = 0; !s && i < ARRAY_SIZE(fields); i++)
		s = node_text(node_get(event, fields[i]));
	if (!s)
		s = node_path_str(event, "metadata", "creationTimestamp",
				  NULL);
	return s ? s : "";
}

static int by_time(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;

	return strcmp(time_of(*x), time_of(*y));
}

static void print_field(const struct node *event, const char *field,
			int width)
{
	const char *s = node_text(node_get(event, field));
	struct buf out = BUF_INIT(65536);

	buf_add_scrubbed(&out, s ? s : "", s ? strlen(s) : 0);
	printf("%-*s", width, out.data);
	buf_release(&out);
}

static void print_event(struct options *o, const struct node *event)
{
	const char *time = time_of(event);
	const char *type = node_text(node_get(event, "type"));
	bool warn = type && !strcmp(type, "Warning");
	struct buf line = BUF_INIT(LIMIT_OBJECT_BYTES);

	snprintf(o->newest, sizeof(o->newest), "%s", time);
	if (o->output == OUTPUT_JSON) {
		json_write_compact(event, &line);
		puts(line.data);
	} else {
		printf("%.19s%s  %s", time, *time ? "Z" : "",
		       warn && o->color ? "\033[33m" : "");
		print_field(event, "type", 7);
		printf("%s  ", warn && o->color ? "\033[m" : "");
		print_field(node_get(event, "regarding"), "name", 0);
		printf("  ");
		print_field(event, "reason", 0);
		printf(": ");
		print_field(event, "note", 0);
		putchar('\n');
	}
	buf_release(&line);
}

static void on_event(void *arg, const struct node *event, bool gone,
		     bool again)
{
	struct options *o = arg;

	if (!gone && (!again || strcmp(time_of(event), o->newest) > 0))
		print_event(o, event);
}

/* Events outlive their Channel; with neither, the name may be mistyped. Who
 * may see Events only is not asked for more. */
static int check_channel(struct cluster *c, const struct options *o,
			 struct arena *a, struct err *err)
{
	struct err mine = ERR_INIT;
	struct node *ignored;

	if (!o->channel ||
	    cluster_channel(c, o->channel, a, &ignored, &mine) == 0 ||
	    mine.class != ERR_INVALID)
		return 0;
	*err = mine;
	return -1;
}

static int show(struct cluster *c, struct options *o, struct arena *a,
		struct err *err)
{
	const struct kube_target target = {
		.group = "events.k8s.io", .version = "v1", .plural = "events",
		.namespace = "default",
	};
	char *fields = xasprintf("regarding.kind=Channel%s%s", o->channel ?
				 ",regarding.name=" : "",
				 o->channel ? o->channel : "");
	struct buf query = BUF_INIT(4096);
	struct kube_request get = { .method = "GET", .target = target };
	struct node *list, *items;
	int rc;

	kube_query(&query, "fieldSelector", fields);
	get.query = query.data;
	rc = cluster_call(c, &get, a, &list, NULL, err);
	items = rc ? NULL : node_get(list, "items");
	if (items && items->type == NODE_SEQ && items->n) {
		qsort(items->items, items->n, sizeof(*items->items), by_time);
		for (uint32_t i = 0; i < items->n; i++)
			print_event(o, items->items[i]);
	}
	else if (!rc && check_channel(c, o, a, err) < 0)
		rc = -1;
	else if (!rc && o->output == OUTPUT_TEXT)
		fprintf(stderr, "windlass: no events%s%s; the API server keeps "
			"them for an hour or so\n", o->channel ? " of " : "",
			o->channel ? o->channel : "");
	if (!rc && o->follow && !fflush(stdout))
		rc = cluster_watch(c, &target, fields, on_event, o, err);
	buf_release(&query);
	free(fields);
	return rc;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	const struct option_spec specs[] = {
		OPTION_FLAG("follow", &o->follow),
		OPTION_TAKE("output", cli_take_output, &o->output),
		OPTION_TEXT("kubeconfig", &o->kubeconfig),
		OPTION_TEXT("context", &o->context),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status < 0)
		status = cli_channel_or_all(usage, argc, argv, &o->channel);
	return status;
}

int cmd_events(int argc, char **argv)
{
	struct options o = { .color = cli_color(stdout) };
	struct cluster c = CLUSTER_INIT;
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	int status = parse_options(argc, argv, &o);

	if (status >= 0)
		return status;
	status = EXIT_OK;
	if (cluster_open(&c, o.kubeconfig, o.context, &err) < 0 ||
	    show(&c, &o, &a, &err) < 0)
		status = command_fail(&err);
	cluster_close(&c);
	arena_release(&a);
	return status;
}
