/*
 * windlass doctor: what the engine's side depends on, looked at from outside
 * with the admin's own rights. Changes nothing. windlass-hook doctor is the
 * same for the Git host.
 */
#include "config.h"
#include "engine/cli/doctor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/channel-spec.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/options.h"
#include "schema/limits.h"
#include "schema/object.h"

static const char usage[] =
"usage: windlass doctor [--output json] [CHANNEL]\n"
"\n"
"Checks what the engine in the cluster depends on: the API server, clocks, the\n"
"kind Channel, the engine and its Lease, its rights, and each channel (or the\n"
"one that is named) with its account. A line each, with what to do.\n"
"\n"
"  --output json      one JSON document\n"
"  --kubeconfig FILE  as kubectl has it (default: $KUBECONFIG)\n"
"  --context NAME\n"
"\n"
"Exit status: 0, 1 if a check failed, 2 if the cluster cannot be asked.\n";

/* a header has whole seconds, and takes time to come */
#define CLOCK_WARN 5
/* a Lease lasts 15 s and is renewed each 2 s */
#define LEASE_OLD 20

struct options {
	const char *kubeconfig, *context, *channel;
	enum cli_output output;
};

/* ---- the cluster ---- */

static int get(struct examination *c, const struct kube_target *target,
	       struct arena *a, struct node **ret, enum kube_why *why,
	       struct err *err)
{
	const struct kube_request r = { .method = "GET", .target = *target };

	return cluster_call(&c->cluster, &r, a, ret, why, err);
}

static int check_api(struct examination *c, struct err *err)
{
	const struct kube_request r = { .method = "GET", .path = "/version" };
	struct arena a = ARENA_INIT;
	struct node *version;
	const char *text = NULL;
	int rc = cluster_call(&c->cluster, &r, &a, &version, NULL, err);

	if (!rc)
		text = node_path_str(version, "gitVersion", NULL);
	if (!rc && !text)
		rc = err_set(err, ERR_INTERNAL, "what answers as '%s' seems "
			     "to be something else: it has no version of "
			     "Kubernetes", kube_server(c->cluster.kube));
	if (rc) {
		examine_say(c, FINDING_FAIL, "api", NULL, "%s", err->msg);
	} else {
		examine_say(c, FINDING_OK, "api", NULL, "%s answers: "
			    "Kubernetes %s", kube_server(c->cluster.kube),
			    text);
	}
	if (!rc && c->cluster.insecure)
		examine_say(c, FINDING_WARN, "api", NULL, "its certificate is "
			    "not verified; put certificate-authority into the "
			    "kubeconfig, not insecure-skip-tls-verify");
	arena_release(&a);
	return rc;
}

static void check_clock(struct examination *c)
{
	int64_t off = c->cluster.date - clock_now();
	int64_t by = off < 0 ? -off : off;

	if (!c->cluster.date)
		return;
	if (by <= CLOCK_WARN)
		examine_say(c, FINDING_OK, "clock", NULL, "the API server's "
			    "and this machine's agree");
	else
		examine_say(c, by > LIMIT_HEAD_AHEAD ? FINDING_FAIL :
			    FINDING_WARN, "clock", NULL, "the API server's is "
			    "%" PRId64 " s %s of this machine's; heads more "
			    "than %d s ahead are refused: set the wrong one",
			    by, off > 0 ? "ahead" : "behind",
			    LIMIT_HEAD_AHEAD);
}

static bool check_kind(struct examination *c)
{
	const struct kube_target target = {
		.group = "apiextensions.k8s.io", .version = "v1",
		.plural = "customresourcedefinitions",
		.name = "channels.windlass.dev",
	};
	struct err err = ERR_INIT;
	struct arena a = ARENA_INIT;
	enum kube_why why = KUBE_DONE;
	struct node *crd;
	int rc = get(c, &target, &a, &crd, &why, &err);

	arena_release(&a);
	if (!rc)
		examine_say(c, FINDING_OK, "kind", NULL,
			    "Channels are known");
	else if (why == KUBE_NOT_FOUND)
		examine_say(c, FINDING_FAIL, "kind", NULL, "the cluster does "
			    "not know Channels; run `windlass install`");
	else
		examine_say(c, FINDING_WARN, "kind", NULL, "cannot look: %s",
			    err.msg);
	return !rc || why != KUBE_NOT_FOUND;
}

/* ---- the engine ---- */

static void check_deployment(struct examination *c)
{
	const struct kube_target target = {
		.group = "apps", .version = "v1", .plural = "deployments",
		.namespace = OWN_NAMESPACE, .name = "windlassd",
	};
	struct err err = ERR_INIT;
	struct arena a = ARENA_INIT;
	enum kube_why why = KUBE_DONE;
	struct node *deployment;
	int64_t ready, wanted;

	if (get(c, &target, &a, &deployment, &why, &err) < 0) {
		examine_say(c, FINDING_WARN, "engine", NULL,
			    why == KUBE_NOT_FOUND ? "there is no Deployment "
			    OWN_NAMESPACE "/windlassd; `windlass install "
			    "--image` makes it, unless the engine runs "
			    "elsewhere" : "cannot look: %s", err.msg);
		arena_release(&a);
		return;
	}
	c->installed = true;
	ready = node_path_int(deployment, 0, "status", "availableReplicas",
			      NULL);
	wanted = node_path_int(deployment, 1, "spec", "replicas", NULL);
	if (ready >= wanted && ready > 0)
		examine_say(c, FINDING_OK, "engine", NULL, "%" PRId64 " of %"
			    PRId64 " pods are available", ready, wanted);
	else
		examine_say(c, ready ? FINDING_WARN : FINDING_FAIL, "engine",
			    NULL, "%" PRId64 " of %" PRId64 " pods are "
			    "available; kubectl -n " OWN_NAMESPACE " describe "
			    "pods says why", ready, wanted);
	arena_release(&a);
}

/* "2026-11-24T04:00:00.123456Z" without its fraction. */
static int64_t micro_time(const char *text)
{
	char whole[CLOCK_TEXT_SIZE];
	int64_t t;

	if (!text || strlen(text) < 20)
		return 0;
	snprintf(whole, sizeof(whole), "%.19sZ", text);
	return clock_parse(whole, &t) < 0 ? 0 : t;
}

static void check_lease(struct examination *c)
{
	const struct kube_target target = {
		.group = "coordination.k8s.io", .version = "v1",
		.plural = "leases", .namespace = OWN_NAMESPACE,
		.name = "windlassd",
	};
	struct err err = ERR_INIT;
	struct arena a = ARENA_INIT;
	enum kube_why why = KUBE_DONE;
	struct node *lease;
	const char *holder = NULL;
	int64_t age = 0, now;

	if (get(c, &target, &a, &lease, &why, &err) == 0) {
		holder = node_path_str(lease, "spec", "holderIdentity", NULL);
		now = c->cluster.date ? c->cluster.date : clock_now();
		age = now - micro_time(node_path_str(lease, "spec",
						     "renewTime", NULL));
	}
	if (why != KUBE_DONE && why != KUBE_NOT_FOUND)
		examine_say(c, FINDING_WARN, "lease", NULL, "cannot look: %s",
			    err.msg);
	else if (holder && *holder && age <= LEASE_OLD)
		examine_say(c, FINDING_OK, "lease", NULL, "%s leads", holder);
	else if (holder && *holder)
		examine_say(c, FINDING_FAIL, "lease", NULL, "%s led until %"
			    PRId64 " s ago, and nobody does now; see why no "
			    "engine runs", holder, age);
	else
		examine_say(c, c->installed ? FINDING_FAIL : FINDING_WARN,
			    "lease", NULL, "nobody leads: no engine runs, or "
			    "one with --no-leader-elect");
	arena_release(&a);
}

/* ---- rights ---- */

static void write_review(const struct doctor_right *r, struct buf *out)
{
	const char *slash = strchr(r->resource, '/');
	size_t len = slash ? (size_t)(slash - r->resource)
			   : strlen(r->resource);

	buf_addf(out, "{\"apiVersion\":\"authorization.k8s.io/v1\","
		 "\"kind\":\"SubjectAccessReview\",\"spec\":{\"user\":"
		 "\"system:serviceaccount:%s:%s\",\"groups\":["
		 "\"system:serviceaccounts\",\"system:serviceaccounts:%s\","
		 "\"system:authenticated\"],\"resourceAttributes\":{",
		 r->namespace_of, r->account, r->namespace_of);
	buf_addf(out, "\"verb\":\"%s\",\"group\":\"%s\",\"resource\":\"%.*s\","
		 "\"subresource\":\"%s\",\"namespace\":\"%s\",\"name\":\"%s\""
		 "}}}", r->verb, r->group, (int)len, r->resource,
		 slash ? slash + 1 : "", r->namespace, r->name);
}

bool doctor_may(struct examination *c, const struct doctor_right *r,
		bool *ret_allowed)
{
	struct kube_request ask = {
		.method = "POST",
		.target = { .group = "authorization.k8s.io", .version = "v1",
			    .plural = "subjectaccessreviews" },
	};
	struct buf body = BUF_INIT(8192);
	struct err err = ERR_INIT;
	struct arena a = ARENA_INIT;
	struct node *answer;
	const struct node *allowed;

	if (!c->may_ask)
		return false;
	write_review(r, &body);
	ask.body = body.data;
	ask.body_len = body.len;
	c->asked++;
	if (cluster_call(&c->cluster, &ask, &a, &answer, NULL, &err) < 0) {
		c->may_ask = false;
		examine_say(c, FINDING_WARN, "rights", NULL, "cannot ask what "
			    "accounts may do: %s", err.msg);
	} else {
		allowed = node_path(answer, "status", "allowed", NULL);
		*ret_allowed = allowed && allowed->type == NODE_BOOL &&
			       allowed->boolean;
	}
	buf_release(&body);
	arena_release(&a);
	return c->may_ask;
}

void doctor_check_right(struct examination *c, const char *channel,
			const struct doctor_right *r)
{
	bool allowed;

	if (doctor_may(c, r, &allowed) && !allowed)
		examine_say(c, FINDING_FAIL, "rights", channel, "account %s/%s "
			    "may not %s %s%s%s%s%s%s; run `windlass install` "
			    "again", r->namespace_of, r->account, r->verb,
			    r->resource, *r->group ? "." : "", r->group,
			    *r->name ? " " : "", r->name,
			    *r->namespace ? " there" : "");
}

static void check_rights(struct examination *c)
{
	static const struct doctor_right rights[] = {
		{ OWN_NAMESPACE, "windlassd", "watch", "windlass.dev",
		  "channels", "", "" },
		{ OWN_NAMESPACE, "windlassd", "patch", "windlass.dev",
		  "channels", "", "" },
		{ OWN_NAMESPACE, "windlassd", "patch", "windlass.dev",
		  "channels/status", "", "" },
		{ OWN_NAMESPACE, "windlassd", "create", "coordination.k8s.io",
		  "leases", OWN_NAMESPACE, "" },
		{ OWN_NAMESPACE, "windlassd", "patch", "coordination.k8s.io",
		  "leases", OWN_NAMESPACE, "windlassd" },
		{ OWN_NAMESPACE, "windlassd", "get", "", "secrets",
		  OWN_NAMESPACE, "" },
		{ OWN_NAMESPACE, "windlassd", "create", "events.k8s.io",
		  "events", "default", "" },
	};
	size_t failed = c->found.failed;

	if (!c->installed)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++)
		doctor_check_right(c, NULL, &rights[i]);
	if (c->may_ask && failed == c->found.failed)
		examine_say(c, FINDING_OK, "rights", NULL,
			    "the engine has what it needs");
}

/* ---- channels ---- */

static void check_channel(struct examination *c, const char *name)
{
	struct err err = ERR_INIT;
	struct arena a = ARENA_INIT;
	struct node *channel;

	if (cluster_channel(&c->cluster, name, &a, &channel, &err) == 0)
		doctor_channel(c, channel);
	else
		examine_say(c, FINDING_FAIL, "channel", name, "%s", err.msg);
	arena_release(&a);
}

static void check_channels(struct examination *c)
{
	const struct kube_target target = cluster_channels(NULL);
	struct err err = ERR_INIT;
	struct arena a = ARENA_INIT;
	struct node *answer;
	const struct node *items = NULL;

	if (get(c, &target, &a, &answer, NULL, &err) == 0)
		items = node_get(answer, "items");
	else
		examine_say(c, FINDING_FAIL, "channels", NULL,
			    "cannot look: %s", err.msg);
	if (items && items->type == NODE_SEQ && !items->n)
		examine_say(c, FINDING_WARN, "channels", NULL, "there are "
			    "none; `windlass install CHANNEL` makes one");
	for (uint32_t i = 0; items && items->type == NODE_SEQ && i < items->n;
	     i++)
		doctor_channel(c, items->items[i]);
	arena_release(&a);
}

/* ---- the command ---- */

/* An exit status. */
static int examine(struct examination *c, const struct options *o)
{
	struct err err = ERR_INIT;

	if (cluster_open(&c->cluster, o->kubeconfig, o->context, &err) < 0) {
		examine_say(c, FINDING_FAIL, "kubeconfig", NULL, "%s", err.msg);
		return EXIT_TROUBLE;
	}
	if (check_api(c, &err) < 0)
		return EXIT_TROUBLE;
	check_clock(c);
	if (check_kind(c)) {
		check_deployment(c);
		check_lease(c);
		check_rights(c);
		if (o->channel)
			check_channel(c, o->channel);
		else
			check_channels(c);
	}
	return c->found.failed ? EXIT_REFUSED : EXIT_OK;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	const struct option_spec specs[] = {
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

int cmd_doctor(int argc, char **argv)
{
	struct options o = { 0 };
	struct examination c = { .cluster = CLUSTER_INIT, .may_ask = true };
	struct buf out = BUF_INIT(DOCTOR_BYTES);
	struct err err = ERR_INIT;
	int status = parse_options(argc, argv, &o);

	if (status >= 0)
		return status;
	status = examine(&c, &o);
	if (o.output == OUTPUT_JSON)
		doctor_write_json(&c.found, "server", c.cluster.kube ?
				  kube_server(c.cluster.kube) : NULL, &out);
	else
		doctor_write(&c.found, &out);
	fputs(out.data, stdout);
	if (buf_check(&out, "what was found", &err) < 0)
		status = command_fail(&err);
	buf_release(&out);
	doctor_release(&c.found);
	cluster_close(&c.cluster);
	return status;
}
