/*
 * windlassd: the engine in the cluster. It pulls signed bundles and makes the
 * cluster what they say. This file reads the command line, puts the parts
 * together and takes them apart again.
 */
#include "config.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/controller.h"
#include "engine/definitions.h"
#include "engine/endpoint.h"
#include "engine/kube.h"
#include "engine/lease.h"
#include "engine/measures.h"
#include "engine/reporter-key.h"
#include "engine/role.h"
#include "engine/source.h"
#include "engine/writes.h"
#include "schema/base/buf.h"
#include "schema/base/fs.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/base/options.h"
#include "schema/base/program.h"

#define STATE_DIR "/var/lib/windlass/engine"
#define LEASE_NAME "windlassd"

struct options {
	struct kube_config_options kube;
	const char *state, *metrics, *namespace, *cluster;
	enum log_level level;
	bool elect;
};

struct daemon {
	struct options o;
	struct engine engine;
	struct controller *controller;
	struct lease *lease;
	struct metrics *metrics;
	struct measures *measures;
	struct endpoint *endpoint;
	char instance[200];
	bool elected;
	bool ready;			/* and said so */
};

static const char usage_text[] =
"usage: windlassd [OPTION]...\n"
"\n"
"Pulls signed bundles of the cluster's Channels and applies them.\n"
"\n"
"  --kubeconfig FILE   how to reach the cluster (default: $KUBECONFIG, the\n"
"                      service account of our pod, ~/.kube/config)\n"
"  --context NAME      a context of the kubeconfig\n"
"  --namespace NAME    our own namespace, with the Secrets that Channels name\n"
"                      (default: that of our pod, or " OWN_NAMESPACE ")\n"
"  --cluster NAME      what reports call this cluster, a DNS label (default:\n"
"                      cluster- and the beginning of their key's fingerprint)\n"
"  --state DIR         cache and records (default: " STATE_DIR ")\n"
"  --metrics ADDR:PORT where /healthz, /readyz and /metrics are, or off\n"
"                      (default: " ENDPOINT_ADDRESS ")\n"
"  --leader-elect      of several engines one writes (the default)\n"
"  --no-leader-elect   there is no other engine\n"
"  --log-level LEVEL   debug, info, warn or error (default: info)\n"
"  --help, --version\n"
"\n"
"Manual: man 8 windlassd\n";

/* ---- the command line ---- */

static int take_metrics(void *target, const char *text, struct err *err)
{
	const char **metrics = target;
	struct err why = ERR_INIT;

	/* which names the value, as whoever reports this does too */
	if (strcmp(text, "off") != 0 && endpoint_check(text, &why) < 0)
		return err_set(err, ERR_INVALID, "must be an address to listen "
			       "on, as 127.0.0.1:8421, or off");
	*metrics = text;
	return 0;
}

static int take_level(void *target, const char *text, struct err *err)
{
	static const char *const names[] = { "debug", "info", "warn",
					     "error" };
	enum log_level *level = target;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(text, names[i])) {
			*level = (enum log_level)i;
			return 0;
		}
	return err_set(err, ERR_INVALID, "must be debug, info, warn or error");
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct options *o)
{
	const struct option_spec specs[] = {
		OPTION_TEXT("kubeconfig", &o->kube.path),
		OPTION_TEXT("context", &o->kube.context),
		OPTION_TEXT("namespace", &o->namespace),
		OPTION_TAKE("cluster", reporter_take_cluster, &o->cluster),
		OPTION_TEXT("state", &o->state),
		OPTION_TAKE("metrics", take_metrics, &o->metrics),
		OPTION_FLAG("leader-elect", &o->elect),
		OPTION_OFF("no-leader-elect", &o->elect),
		OPTION_TAKE("log-level", take_level, &o->level),
		OPTION_END
	};

	*o = (struct options){
		.state = STATE_DIR, .metrics = ENDPOINT_ADDRESS,
		.level = LOG_INFO, .elect = true,
	};
	return options_parse_alone(specs, usage_text, argc, argv);
}

/* ---- who writes ---- */

static void lead(struct daemon *d)
{
	bool may = d->elected && controller_current(d->controller);

	/* which channels there are decides whose objects are whose, and what
	 * was accepted what they are: nothing is written before all is known,
	 * as it is now and not as the engine that led before found it */
	if (may == d->engine.leading)
		return;
	controller_lead(d->controller, may);
	reporter_key_lead(d->engine.reporter);
}

static void on_reporter(void *arg)
{
	struct daemon *d = arg;

	controller_reporter_changed(d->controller);
}

static void on_lead(void *arg)
{
	struct daemon *d = arg;
	struct err err = ERR_INIT;

	log_info("leading", LOG_S("instance", d->instance));
	d->elected = true;
	if (controller_look_again(d->controller, &err) < 0)
		log_error("channels-watch-failed", LOG_S("error", err.msg));
}

static void on_lost(void *arg)
{
	struct daemon *d = arg;

	log_warn("leading-lost", LOG_S("instance", d->instance));
	d->elected = false;
	lead(d);
}

static void on_synced(void *arg)
{
	struct daemon *d = arg;

	if (!d->ready)
		log_info("ready",
			 LOG_N("channels", controller_count(d->controller)),
			 LOG_S("server", kube_server(d->engine.kube)));
	d->ready = true;
	lead(d);
}

static bool is_ready(void *arg, struct buf *why)
{
	struct daemon *d = arg;

	if (d->engine.stopping)
		buf_adds(why, "stopping\n");
	else if (!controller_synced(d->controller))
		buf_adds(why, "the Channels are not known yet\n");
	else
		return true;
	return false;
}

static void on_released(void *arg)
{
	struct daemon *d = arg;

	loop_stop(d->engine.loop);
}

static void on_term(void *arg)
{
	struct daemon *d = arg;

	if (d->engine.stopping)
		return;
	log_info("stopping");
	d->engine.stopping = true;
	controller_lead(d->controller, false);
	if (d->lease)
		lease_release(d->lease, on_released, d);
	else
		loop_stop(d->engine.loop);
}

/* ---- putting it together ---- */

static void name_us(struct daemon *d)
{
	char host[100] = "windlassd";
	uint8_t suffix[4];

	gethostname(host, sizeof(host) - 1);
	randombytes_buf(suffix, sizeof(suffix));
	snprintf(d->instance, sizeof(d->instance), "%s_%02x%02x%02x%02x",
		 host, suffix[0], suffix[1], suffix[2], suffix[3]);
	d->engine.instance = d->instance;
}

static int connect_cluster(struct daemon *d, struct err *err)
{
	struct kube_config *config;
	bool in_cluster;

	if (kube_config_load(&d->o.kube, &config, err) < 0)
		return -1;
	in_cluster = !strcmp(config->source, "in-cluster");
	if (config->peer.insecure)
		log_warn("server-not-verified", LOG_S("config", config->source),
			 LOG_S("server", config->server),
			 LOG_S("because", "insecure-skip-tls-verify"));
	if (kube_new(d->engine.loop, config, &d->engine.kube, err) < 0)
		return -1;
	d->engine.namespace = d->o.namespace ? d->o.namespace :
			      in_cluster ? kube_namespace(d->engine.kube) :
			      OWN_NAMESPACE;
	return 0;
}

static int open_endpoint(struct daemon *d, struct err *err)
{
	struct endpoint_options o = {
		.address = d->o.metrics, .metrics = d->metrics,
		.ready = is_ready, .arg = d,
	};

	if (!strcmp(d->o.metrics, "off"))
		return 0;
	return endpoint_new(d->engine.loop, &o, &d->endpoint, err);
}

static int start_election(struct daemon *d, struct err *err)
{
	struct lease_options o = {
		.namespace = d->engine.namespace, .name = LEASE_NAME,
		.identity = d->instance, .on_lead = on_lead,
		.on_lost = on_lost, .arg = d,
	};

	d->elected = !d->o.elect;
	if (!d->o.elect)
		return 0;
	if (lease_new(d->engine.kube, &o, &d->lease, err) < 0)
		return -1;
	d->engine.lease = d->lease;
	return 0;
}

static char *absolute(const char *path)
{
	char *dir, *full;

	if (*path == '/')
		return xstrdup(path);
	dir = getcwd(NULL, 0);
	full = xasprintf("%s/%s", dir ? dir : "", path);
	free(dir);
	return full;
}

static int start(struct daemon *d, struct err *err)
{
	struct engine *e = &d->engine;
	struct controller_options co = {
		.engine = e, .on_synced = on_synced, .arg = d,
	};
	char *state = absolute(d->o.state);
	int rc = -1;

	name_us(d);
	if (loop_new(&e->loop, err) < 0 ||
	    loop_on_signal(e->loop, SIGTERM, on_term, d, err) < 0 ||
	    loop_on_signal(e->loop, SIGINT, on_term, d, err) < 0 ||
	    connect_cluster(d, err) < 0 ||
	    sources_new(e->loop, state, d->o.level, &e->sources, err) < 0)
		goto out;
	writes_new(e->loop, &e->writes);
	trim_init(&e->trim, e->loop);
	kinds_init(&e->kinds, e);
	metrics_new(&d->metrics);
	d->measures = measures_new(e, d->metrics);
	e->definitions = definitions_new(e);
	e->reporter = reporter_key_new(e, d->o.cluster, on_reporter, d);
	if (observe_new(e, &e->observe, err) < 0 ||
	    controller_new(&co, &d->controller, err) < 0 ||
	    open_endpoint(d, err) < 0 || start_election(d, err) < 0)
		goto out;
	rc = 0;
out:
	free(state);
	return rc;
}

static void end(struct daemon *d)
{
	struct engine *e = &d->engine;

	lease_free(d->lease);
	e->lease = NULL;
	endpoint_free(d->endpoint);
	controller_free(d->controller);
	events_end(e);
	measures_free(d->measures);
	if (d->metrics)
		metrics_free(d->metrics);
	if (e->observe)
		observe_free(e->observe);
	definitions_free(e->definitions);
	reporter_key_free(e->reporter);
	kinds_release(&e->kinds);
	writes_free(e->writes);
	trim_stop(&e->trim);
	sources_free(e->sources);
	kube_free(e->kube);
	loop_free(e->loop);
}

static int run(int argc, char **argv)
{
	struct daemon d = { 0 };
	struct err err = ERR_INIT;
	int status = read_options(argc, argv, &d.o);

	if (status >= 0)
		return status;
	if (sodium_init() < 0) {
		fputs("windlassd: libsodium does not start\n", stderr);
		return EXIT_TROUBLE;
	}
	log_set_level(d.o.level);
	status = EXIT_OK;
	if (start(&d, &err) < 0 || loop_run(d.engine.loop, &err) < 0) {
		fprintf(stderr, "windlassd: %s\n", err.msg);
		status = EXIT_TROUBLE;
	} else {
		log_info("stopped");
	}
	end(&d);
	return status;
}

static const struct program windlassd = {
	.name = "windlassd", .run = run,
};

int main(int argc, char **argv)
{
	int status;

	if (!program_streams())
		return EXIT_TROUBLE;
	program_no_core();
	if (role_play(argc, argv, &status))
		return status;
	return program_run(&windlassd, argc, argv);
}
