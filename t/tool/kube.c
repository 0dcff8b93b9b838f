/*
 * The engine's client of the API server, by hand: for the tests, which drive
 * it against a real control plane.
 *
 *   kube [--kubeconfig FILE] [--context NAME] [--as NAMESPACE/NAME]
 *        [--silent MS] COMMAND ARGUMENT...
 *
 *   config                         who and where, without secrets
 *   METHOD RESOURCE [QUERY]        GET, PUT, POST, DELETE: the body is stdin
 *   META RESOURCE                  GET as PartialObjectMetadata
 *   APPLY RESOURCE [QUERY]         server-side apply of stdin, the answer as
 *                                  PartialObjectMetadata
 *   MERGE RESOURCE [QUERY]         merge patch of stdin
 *   repeat N METHOD RESOURCE       the same, N times, 1 s apart
 *   discovery [GROUP KIND]         the table, or one kind of it; twice
 *   list RESOURCE [SELECTOR [PAGE]]  namespace/name a line
 *   watch RESOURCE [SELECTOR]      events as they come; a line "state" on
 *                                  stdin prints what is known; ends with it
 *   many N RESOURCE                N watches at once
 *   burst N RESOURCE-PREFIX        N applies at once, of ConfigMaps
 *   lease NAMESPACE/NAME IDENTITY [SECONDS SECONDS SECONDS]
 *                                  a line on stdin prints who holds it; "q"
 *                                  or its end gives the lease back
 *   endpoint ADDRESS               /healthz, /readyz, /metrics
 *
 * RESOURCE is GROUP/VERSION/PLURAL[/NAMESPACE[/NAME[/SUBRESOURCE]]], with
 * "core" and "-" for nothing; a name's own slashes are written as they are.
 */
#include "config.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/discovery.h"
#include "engine/endpoint.h"
#include "engine/kube.h"
#include "engine/lease.h"
#include "engine/list.h"
#include "engine/metrics.h"
#include "engine/watch.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/strvec.h"
#include "schema/json.h"

static struct loop *l;
static struct kube *kube;
static struct kube_account *account;
static struct arena words = ARENA_INIT;	/* of the command line */
static int silent_ms;
static int failures;

static _Noreturn void die(const char *what, const struct err *err)
{
	fprintf(stderr, "kube: %s: %s (%s)\n", what, err->msg,
		err_class_name(err->class));
	exit(1);
}

static void run(void)
{
	struct err err = ERR_INIT;

	if (loop_run(l, &err) < 0)
		die("loop", &err);
}

/* ---- resources ---- */

static char *next_part(char **p, bool last)
{
	char *part = *p, *slash = part && !last ? strchr(part, '/') : NULL;

	*p = slash ? slash + 1 : NULL;
	if (slash)
		*slash = '\0';
	return part && strcmp(part, "-") ? part : NULL;
}

static struct kube_target target_of(const char *text)
{
	char *p = arena_strdup(&words, text);
	struct kube_target t = { 0 };

	t.group = next_part(&p, false);
	t.version = next_part(&p, false);
	t.plural = next_part(&p, false);
	t.namespace = next_part(&p, false);
	t.name = next_part(&p, false);
	t.subresource = next_part(&p, true);
	if (!t.plural) {
		fprintf(stderr, "kube: '%s' is no resource\n", text);
		exit(129);
	}
	if (t.group && !strcmp(t.group, "core"))
		t.group = "";
	return t;
}

static void read_stdin(struct buf *b)
{
	struct err err = ERR_INIT;

	if (fs_read_fd(0, "stdin", b, &err) < 0)
		die("stdin", &err);
}

/* ---- one request ---- */

static const char *const why_names[] = {
	"done", "no-answer", "busy", "unauthorized", "forbidden",
	"terminating", "not-found", "no-resource", "exists", "stale",
	"conflict", "expired", "undeclared", "invalid",
};

static void print_answer(void *arg, const struct kube_answer *a)
{
	const struct kube_status *s = a->status;
	struct buf text = BUF_INIT(64 << 20);
	struct arena arena = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *object;

	printf("%ld %s %s reason=%s retry=%lld kind=%s\n", a->code,
	       why_names[s->why], a->err ? err_class_name(a->err->class)
					 : "ok", s->reason,
	       (long long)s->retry_after_ms, s->details_kind);
	for (size_t i = 0; i < s->n_causes; i++)
		printf("cause %s %s %s\n", s->causes[i].reason,
		       s->causes[i].field, s->causes[i].message);
	if (a->err) {
		printf("error %s\n", a->err->msg);
		failures++;
	} else if (kube_answer_object(a, &arena, &object, &err) == 0) {
		json_write_compact(object, &text);
		printf("%s\n", text.data);
	} else {
		printf("text %.*s\n", (int)a->len, a->body);
	}
	arena_release(&arena);
	buf_release(&text);
	loop_stop(l);
}

static void stop(void *arg)
{
	loop_stop(l);
}

static void request(const char *method, const char *resource,
		    const char *query, int times)
{
	struct buf body = BUF_INIT(64 << 20);
	struct kube_request r = {
		.method = method, .target = target_of(resource),
		.query = query, .account = account, .on_done = print_answer,
	};
	struct err err = ERR_INIT;
	struct timer pause;

	if (!strcmp(method, "META")) {
		r.method = "GET";
		r.as = KUBE_AS_METADATA;
	} else if (!strcmp(method, "APPLY")) {
		r.method = "PATCH";
		r.as = KUBE_AS_METADATA;
		r.content_type = KUBE_APPLY;
	} else if (!strcmp(method, "MERGE")) {
		r.method = "PATCH";
		r.content_type = KUBE_MERGE_PATCH;
	}
	if (strcmp(r.method, "GET"))
		read_stdin(&body);
	r.body = body.data;
	r.body_len = body.len;
	timer_init(&pause, l, stop, NULL);
	while (times--) {
		if (kube_send(kube, &r, NULL, &err) < 0)
			die("cannot send", &err);
		run();
		if (!times)
			break;
		timer_set(&pause, 1000);
		run();
	}
	buf_release(&body);
}

/* ---- discovery ---- */

static void on_discovery(void *arg, const struct err *err)
{
	if (err) {
		printf("error %s\n", err->msg);
		failures++;
	}
	loop_stop(l);
}

static void print_resource(const struct resource *r)
{
	if (!r) {
		printf("none\n");
		return;
	}
	printf("%s %s %s %s %s%s%s verbs=%x\n", *r->group ? r->group : "core",
	       r->version, r->kind, r->plural,
	       r->namespaced ? "namespaced" : "cluster",
	       r->has_status ? " status" : "", r->stale ? " stale" : "",
	       r->verbs);
}

static void discovery(int argc, char **argv)
{
	struct discovery *d;
	const struct resource *r;
	const char *group;
	uint64_t bytes;

	discovery_new(kube, &d);
	discovery_refresh(d, on_discovery, NULL);
	run();
	if (argc == 0)
		for (size_t i = 0; (r = discovery_at(d, i)); i++)
			print_resource(r);
	if (argc >= 2) {
		group = strcmp(argv[0], "core") ? argv[0] : "";
		print_resource(discovery_find(d, group, NULL, argv[1]));
		r = discovery_find(d, group, NULL, argv[1]);
		if (r && r != discovery_find_plural(d, group, NULL,
						    r->plural))
			printf("plural disagrees\n");
		if (discovery_group_stale(d, group))
			printf("group is stale\n");
	}
	bytes = kube_http_stats(kube, true)->bytes_in;
	discovery_refresh(d, on_discovery, NULL);
	run();
	bytes = kube_http_stats(kube, true)->bytes_in - bytes;
	printf("again %s\n", bytes < 3000 ? "cheap" : "dear");
	discovery_free(d);
}

/* ---- list ---- */

static void print_name(const char *what, const struct node *object)
{
	const char *ns = node_path_str(object, "metadata", "namespace", NULL);

	printf("%s %s/%s\n", what, ns ? ns : "-",
	       node_path_str(object, "metadata", "name", NULL));
}

static size_t listed;

static int on_listed(void *arg, struct node *object, struct err *err)
{
	listed++;
	print_name("item", object);
	return 0;
}

static void on_list_done(void *arg, const char *version, bool consistent,
			 const struct err *err, const struct kube_status *s)
{
	if (err) {
		printf("error %s\n", err->msg);
		failures++;
	} else {
		printf("listed %zu%s\n", listed, consistent ? "" :
		       " inconsistent");
	}
	loop_stop(l);
}

static void list(int argc, char **argv)
{
	struct list_options o = {
		.target = target_of(argv[0]), .metadata_only = true,
		.label_selector = argc > 1 && *argv[1] ? argv[1] : NULL,
		.page = argc > 2 ? (int)strtoll(argv[2], NULL, 10) : 0,
		.account = account, .on_object = on_listed,
		.on_done = on_list_done,
	};
	struct err err = ERR_INIT;

	if (list_start(kube, &o, NULL, &err) < 0)
		die("list", &err);
	run();
}

/* ---- watch: a consumer that keeps names and versions ---- */

struct known {
	char *version;
	int epoch;
};

struct consumer {
	struct watch *watch;
	struct map objects;	/* "namespace/name" to struct known * */
	int epoch;
	bool quiet;
};

static int synced_watches;

static void known_free(void *arg)
{
	struct known *k = arg;

	free(k->version);
	free(k);
}

static void on_begin(void *arg)
{
	struct consumer *c = arg;

	c->epoch++;
	if (!c->quiet)
		printf("BEGIN\n");
}

static void on_event(void *arg, enum watch_event what, struct node *object)
{
	static const char *const names[] = { "ADDED", "MODIFIED", "DELETED" };
	struct consumer *c = arg;
	const char *ns = node_path_str(object, "metadata", "namespace", NULL);
	char *key = xasprintf("%s/%s", ns ? ns : "-",
			      node_path_str(object, "metadata", "name",
					    NULL));
	struct known *k = map_get(&c->objects, key);

	if (what == WATCH_DELETED && k)
		known_free(map_del(&c->objects, key));
	if (what != WATCH_DELETED) {
		if (!k)
			map_put(&c->objects, key,
				k = xcalloc(1, sizeof(*k)));
		free(k->version);
		k->version = xstrdup(node_path_str(object, "metadata",
						   "resourceVersion", NULL));
		k->epoch = c->epoch;
	}
	if (!c->quiet)
		print_name(names[what], object);
	free(key);
}

static void on_synced(void *arg)
{
	struct consumer *c = arg;

	for (map_each(&c->objects, e)) {
		struct known *k = e->value;

		if (k->epoch == c->epoch)
			continue;
		if (!c->quiet)
			printf("SWEPT %s\n", e->key);
		known_free(map_del(&c->objects, e->key));
	}
	synced_watches++;
	if (!c->quiet)
		printf("SYNCED %zu\n", c->objects.count);
}

static void on_watch_error(void *arg, const struct err *err,
			   const struct kube_status *s, int64_t retry_ms)
{
	printf("ERROR %s %s\n", why_names[s->why], err->msg);
}

static struct consumer *watch_start(const char *resource,
				    const char *selector, bool quiet)
{
	struct consumer *c = xcalloc(1, sizeof(*c));
	struct watch_options o = {
		.target = target_of(resource), .label_selector = selector,
		.metadata_only = true, .account = account,
		.silent_ms = silent_ms, .on_begin = on_begin,
		.on_event = on_event, .on_synced = on_synced,
		.on_error = on_watch_error, .arg = c,
	};
	struct err err = ERR_INIT;

	c->quiet = quiet;
	if (watch_new(kube, &o, &c->watch, &err) < 0)
		die("watch", &err);
	return c;
}

static void watch_end(struct consumer *c)
{
	watch_free(c->watch);
	map_release(&c->objects, known_free);
	free(c);
}

/* Turns of the loop that took longer than one slice may. */
static uint64_t slow_turns(void)
{
	uint64_t n = 0;

	for (int i = 0; i < LOOP_BUCKETS; i++)
		if (i && loop_bucket_ms[i - 1] >= LOOP_SLICE_MS)
			n += loop_stats(l)->turns[i];
	return n;
}

static void on_stdin(void *arg, uint32_t events)
{
	struct consumer *c = arg;
	const struct watch_stats *s = watch_stats(c->watch);
	char line[256];
	ssize_t n = read(0, line, sizeof(line));

	if (n <= 0) {
		loop_stop(l);
		return;
	}
	for (map_each(&c->objects, e))
		printf("STATE %s %s\n", e->key,
		       ((struct known *)e->value)->version);
	printf("STATS starts=%llu relists=%llu silent=%llu errors=%llu "
	       "synced=%d slow=%llu\nEND\n", (unsigned long long)s->starts,
	       (unsigned long long)s->relists, (unsigned long long)s->silent,
	       (unsigned long long)s->errors, watch_synced(c->watch),
	       (unsigned long long)slow_turns());
}

static void watch(int argc, char **argv)
{
	struct consumer *c = watch_start(argv[0], argc > 1 ? argv[1] : NULL,
					 false);

	loop_add_fd(l, 0, EPOLLIN, on_stdin, c);
	run();
	watch_end(c);
}

/* sockets that are connected to somebody else */
static int connections(void)
{
	int n = 0;

	for (int fd = 3; fd < 1024; fd++) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
		    peer.ss_family != AF_UNIX)
			n++;
	}
	return n;
}

static void many(char **argv)
{
	int n = (int)strtoll(argv[0], NULL, 10);
	struct consumer **c = xcalloc((size_t)n, sizeof(struct consumer *));
	struct timer tick;
	int64_t end = clock_mono_ms() + 20000;

	for (int i = 0; i < n; i++)
		c[i] = watch_start(argv[1], NULL, true);
	timer_init(&tick, l, stop, NULL);
	while (synced_watches < n && clock_mono_ms() < end) {
		timer_set(&tick, 50);
		run();
	}
	printf("synced %d connections %d http2 %llu of %llu\n",
	       synced_watches, connections(),
	       (unsigned long long)kube_http_stats(kube, true)->http2,
	       (unsigned long long)kube_http_stats(kube, true)->calls);
	for (int i = 0; i < n; i++)
		watch_end(c[i]);
	free(c);
}

/* ---- many writes ---- */

static int burst_done, burst_good;

static void on_burst(void *arg, const struct kube_answer *a)
{
	burst_done++;
	burst_good += !a->err;
	if (a->err)
		printf("error %s\n", a->err->msg);
	loop_stop(l);
}

static void burst(char **argv)
{
	int n = (int)strtoll(argv[0], NULL, 10), sent = 0;
	struct kube_target t = target_of(argv[1]);
	int64_t began = clock_mono_ms();

	while (burst_done < n) {
		while (sent < n && sent - burst_done < 32) {
			struct err err = ERR_INIT;
			char *name = xasprintf("%s-%d", t.name, sent++);
			char *body = xasprintf("{\"apiVersion\":\"v1\","
				"\"kind\":\"ConfigMap\",\"metadata\":"
				"{\"name\":\"%s\"},\"data\":{\"a\":\"b\"}}",
				name);
			struct kube_request r = {
				.method = "PATCH", .target = t,
				.query = "fieldManager=burst&force=true",
				.content_type = KUBE_APPLY, .body = body,
				.body_len = strlen(body),
				.as = KUBE_AS_METADATA, .on_done = on_burst,
			};

			r.target.name = name;
			if (kube_send(kube, &r, NULL, &err) < 0)
				die("burst", &err);
			free(name);
			free(body);
		}
		run();
	}
	printf("burst %d good %d connections %llu\n", n, burst_good,
	       (unsigned long long)kube_http_stats(kube, false)->connections);
	fprintf(stderr, "%lld ms, %lld a second\n",
		(long long)(clock_mono_ms() - began),
		1000LL * n / (clock_mono_ms() - began + 1));
}

/* ---- lease ---- */

static struct lease *lease;

static void on_lead(void *arg)
{
	printf("LEAD can-write=%d\n", lease_can_write(lease));
}

static void on_lost(void *arg)
{
	printf("LOST can-write=%d holder=%s\n", lease_can_write(lease),
	       lease_holder(lease));
}

static void on_released(void *arg)
{
	printf("RELEASED can-write=%d\n", lease_can_write(lease));
	loop_stop(l);
}

static void lease_stdin(void *arg, uint32_t events)
{
	char line[64];

	if (read(0, line, sizeof(line)) <= 0 || line[0] == 'q') {
		loop_del_fd(*(struct loop_io **)arg);
		lease_release(lease, on_released, NULL);
	} else {
		printf("HOLDER %s can-write=%d\n", lease_holder(lease),
		       lease_can_write(lease));
	}
}

static void elect(int argc, char **argv)
{
	char *ns = argv[0], *name = strchr(ns, '/');
	struct lease_options o = {
		.namespace = ns, .identity = argv[1], .on_lead = on_lead,
		.on_lost = on_lost,
		.lease_s = argc > 2 ? (int)strtoll(argv[2], NULL, 10) : 0,
		.renew_s = argc > 3 ? (int)strtoll(argv[3], NULL, 10) : 0,
		.retry_s = argc > 4 ? (int)strtoll(argv[4], NULL, 10) : 0,
	};
	struct err err = ERR_INIT;
	struct loop_io *io;

	*name++ = '\0';
	o.name = name;
	if (lease_new(kube, &o, &lease, &err) < 0)
		die("lease", &err);
	io = loop_add_fd(l, 0, EPOLLIN, lease_stdin, &io);
	run();
	lease_free(lease);
}

/* ---- the rest ---- */

static bool is_ready(void *arg, struct buf *why)
{
	buf_adds(why, "the tool is never ready");
	return false;
}

static void serve(const char *address)
{
	struct endpoint_options o = { .address = address,
				      .ready = is_ready };
	struct endpoint *e;
	struct err err = ERR_INIT;

	metrics_new(&o.metrics);
	series_add(metric_series(metrics_family(o.metrics, METRIC_COUNTER,
						"tool_runs", "Runs of it.",
						""), NULL), 1);
	if (endpoint_new(l, &o, &e, &err) < 0)
		die("endpoint", &err);
	printf("port %d\n", endpoint_port(e));
	run();
	endpoint_free(e);
	metrics_free(o.metrics);
}

static void show_config(const struct kube_config *c)
{
	printf("source=%s server=%s namespace=%s token=%d token-file=%d "
	       "cert=%d key=%d ca=%d insecure=%d as=%s "
	       "server-name=%s proxy=%d\n", c->source, c->server,
	       c->namespace, c->token != NULL, c->token_file != NULL,
	       c->cert_pem || c->cert_file,
	       c->key_pem || c->key_file, c->ca_pem || c->ca_file,
	       c->peer.insecure, c->as_user ? c->as_user : "",
	       c->server_name ? c->server_name : "", c->proxy != NULL);
}

static void command(int argc, char **argv)
{
	const char *name = argv[0];

	if (!strcmp(name, "discovery"))
		discovery(argc - 1, argv + 1);
	else if (!strcmp(name, "list") && argc > 1)
		list(argc - 1, argv + 1);
	else if (!strcmp(name, "watch") && argc > 1)
		watch(argc - 1, argv + 1);
	else if (!strcmp(name, "many") && argc > 2)
		many(argv + 1);
	else if (!strcmp(name, "burst") && argc > 2)
		burst(argv + 1);
	else if (!strcmp(name, "lease") && argc > 2)
		elect(argc - 1, argv + 1);
	else if (!strcmp(name, "repeat") && argc > 3)
		request(argv[2], argv[3], NULL,
			(int)strtoll(argv[1], NULL, 10));
	else if (argc > 1 && name[0] >= 'A' && name[0] <= 'Z')
		request(name, argv[1], argc > 2 ? argv[2] : NULL, 1);
	else
		exit(129);
}

static void set_account(const char *text)
{
	char *ns = xstrdup(text), *name = strchr(ns, '/');

	if (!name)
		exit(129);
	*name++ = '\0';
	account = kube_account_new(ns, name);
	free(ns);
}

int main(int argc, char **argv)
{
	struct kube_config_options o = { 0 };
	struct kube_config *config;
	struct err err = ERR_INIT;
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 1; i + 1 < argc && !strncmp(argv[i], "--", 2); i += 2) {
		if (!strcmp(argv[i], "--kubeconfig"))
			o.path = argv[i + 1];
		else if (!strcmp(argv[i], "--context"))
			o.context = argv[i + 1];
		else if (!strcmp(argv[i], "--as"))
			set_account(argv[i + 1]);
		else if (!strcmp(argv[i], "--silent"))
			silent_ms = (int)strtoll(argv[i + 1], NULL, 10);
		else
			return 129;
	}
	if (i >= argc)
		return 129;
	if (loop_new(&l, &err) < 0)
		die("loop", &err);
	if (!strcmp(argv[i], "endpoint") && i + 1 < argc) {
		serve(argv[i + 1]);
		loop_free(l);
		return 0;
	}
	if (kube_config_load(&o, &config, &err) < 0)
		die("config", &err);
	if (!strcmp(argv[i], "config")) {
		show_config(config);
		kube_config_free(config);
	} else {
		if (kube_new(l, config, &kube, &err) < 0)
			die("kube", &err);
		command(argc - i, argv + i);
		kube_free(kube);
	}
	kube_account_free(account);
	arena_release(&words);
	loop_free(l);
	return failures ? 1 : 0;
}
