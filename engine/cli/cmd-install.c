/*
 * windlass install: what a cluster needs before its first bundle. Prints the
 * manifests, or applies them; both from the same bytes, so that what an
 * admin reads is what would be done.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/channel-spec.h"
#include "engine/cli/cluster.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/options.h"
#include "schema/json.h"
#include "schema/manifest.h"
#include "schema/render.h"
#include "schema/repo.h"
#include "schema/scope.h"

static const char usage[] =
"usage: windlass install [OPTION]... CHANNEL\n"
"\n"
"Prints the manifests that a channel needs in the cluster: the Channel kind,\n"
"the namespace " OWN_NAMESPACE ", an account with its rights, and the Channel\n"
"itself. With --apply it applies them; doing so again is an update.\n"
"\n"
"Where bundles come from:\n"
"  --url URL            where the Git host publishes\n"
"  --from REPOSITORY    take id and public key from this repository's own\n"
"                       configuration; else give them:\n"
"  --id HEX             the channel's id, as windlass-hook init prints it\n"
"  --publisher-key KEY  its public key, 'ssh-ed25519 AAAA...'\n"
"  --publishers FILE    or an allowed_signers file with several\n"
"\n"
"What it may do in the cluster (one of them):\n"
"  --namespaces A,B     everything, in these namespaces\n"
"  --cluster-admin      everything, everywhere\n"
"  --cluster-scoped K,L kinds without a namespace that it may have\n"
"                       (default: none; * with --cluster-admin)\n"
"\n"
"  --apply              apply instead of printing\n"
"  --kubeconfig FILE    as kubectl has it (default: $KUBECONFIG)\n"
"  --context NAME\n";

#define MANIFESTS_MAX (1024u * 1024)
/* a new kind is served within a second or two; a busy or fresh API server was
 * seen to take more than a minute */
#define KIND_WAIT_MS 180000

static const char crd_yaml[] =
#include "engine/install/channels-crd.inc"
;

struct options {
	const char *channel, *url, *from, *publishers_file, *publisher_key;
	const char *namespaces, *cluster_scoped;
	const char *kubeconfig, *context;
	char id[CHANNEL_ID_SIZE];
	bool cluster_admin, apply;
	struct buf publishers;
};

/* ---- what to say of the Git host ---- */

static int config_string(git_config *config, const char *channel,
			 const char *key, struct buf *ret, struct err *err)
{
	char *name = xasprintf("windlass.%s.%s", channel, key);
	git_buf value = GIT_BUF_INIT;
	int rc = git_config_get_string_buf(&value, config, name);

	if (rc == 0)
		buf_add(ret, value.ptr, value.size);
	else
		rc = err_set(err, ERR_INVALID, "the repository has no '%s'; "
			     "run windlass-hook init there first", name);
	git_buf_dispose(&value);
	free(name);
	return rc;
}

/* One line of allowed_signers, with the channel's name as principal. */
static void add_publisher(struct options *o, const struct sshkey *key)
{
	buf_addf(&o->publishers, "%s namespaces=\"" TRUST_PUBLISHERS "\" ",
		 o->channel);
	sshkey_write_text(key, &o->publishers);
	buf_addc(&o->publishers, '\n');
}

static int read_repository(struct options *o, struct err *err)
{
	git_repository *repo = NULL;
	git_config *config = NULL;
	struct buf id = BUF_INIT(256), key = BUF_INIT(LIMIT_PATH_BYTES);
	struct signer *signer = NULL;
	int rc = -1;

	if (repo_open(o->from, false, &repo, err) < 0)
		goto out;
	if (git_repository_config_snapshot(&config, repo) < 0) {
		repo_err(err, ERR_INVALID, "cannot read the configuration of "
			 "'%s'", o->from);
		goto out;
	}
	if (config_string(config, o->channel, "id", &id, err) < 0 ||
	    config_string(config, o->channel, "signingKey", &key, err) < 0 ||
	    signer_open(key.data, &signer, err) < 0)
		goto out;
	snprintf(o->id, sizeof(o->id), "%s", id.data);
	add_publisher(o, signer_key(signer));
	rc = 0;
out:
	signer_free(signer);
	buf_release(&id);
	buf_release(&key);
	git_config_free(config);
	git_repository_free(repo);
	return rc;
}

static int read_publishers(struct options *o, struct err *err)
{
	struct sshkey key;

	if (o->from && read_repository(o, err) < 0)
		return -1;
	if (o->publisher_key) {
		if (sshkey_parse_text(o->publisher_key,
				      strlen(o->publisher_key), &key,
				      err) < 0)
			return err_wrap(err, "--publisher-key");
		buf_reset(&o->publishers);
		add_publisher(o, &key);
	}
	if (o->publishers_file) {
		buf_reset(&o->publishers);
		return fs_read(AT_FDCWD, o->publishers_file, &o->publishers,
			       err);
	}
	return 0;
}

/* ---- the manifests ---- */

static void add_list(struct buf *out, const char *field, const char *names)
{
	buf_addf(out, "  %s:", field);
	if (!*names)
		buf_adds(out, " []");
	buf_addc(out, '\n');
	while (*names) {
		size_t len = strcspn(names, ",");

		if (len) {
			buf_adds(out, "  - ");
			json_write_string(names, len, out);
			buf_addc(out, '\n');
		}
		names += len + (names[len] == ',');
	}
}

static void add_account(struct buf *out, const struct options *o)
{
	buf_addf(out, "---\napiVersion: v1\nkind: Namespace\nmetadata:\n"
		 "  name: " OWN_NAMESPACE "\n"
		 "---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n"
		 "  name: channel-%s\n  namespace: " OWN_NAMESPACE "\n"
		 "automountServiceAccountToken: false\n", o->channel);
}

static void add_subject(struct buf *out, const struct options *o,
			const char *role)
{
	buf_addf(out, "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n"
		 "  kind: ClusterRole\n  name: %s\nsubjects:\n"
		 "- kind: ServiceAccount\n  name: channel-%s\n"
		 "  namespace: " OWN_NAMESPACE "\n", role, o->channel);
}

static void add_rights(struct buf *out, const struct options *o)
{
	const char *names = o->namespaces ? o->namespaces : "";
	char *role = xasprintf("windlass-channel-%s", o->channel);

	if (o->cluster_admin) {
		buf_addf(out, "---\n"
			 "apiVersion: rbac.authorization.k8s.io/v1\n"
			 "kind: ClusterRoleBinding\nmetadata:\n  name: %s\n",
			 role);
		add_subject(out, o, "cluster-admin");
		free(role);
		return;
	}
	buf_addf(out, "---\napiVersion: rbac.authorization.k8s.io/v1\n"
		 "kind: ClusterRole\nmetadata:\n  name: %s\nrules:\n"
		 "- apiGroups: [\"*\"]\n  resources: [\"*\"]\n"
		 "  verbs: [get, list, watch, create, update, patch, delete]\n",
		 role);
	while (*names) {
		size_t len = strcspn(names, ",");

		buf_addf(out, "---\napiVersion: v1\nkind: Namespace\n"
			 "metadata:\n  name: %.*s\n", (int)len, names);
		buf_addf(out, "---\n"
			 "apiVersion: rbac.authorization.k8s.io/v1\n"
			 "kind: RoleBinding\nmetadata:\n  name: %s\n"
			 "  namespace: %.*s\n", role, (int)len, names);
		add_subject(out, o, role);
		names += len + (names[len] == ',');
	}
	free(role);
}

static void add_channel(struct buf *out, const struct options *o)
{
	const char *cluster_scoped = o->cluster_scoped ? o->cluster_scoped
				   : o->cluster_admin ? "*" : "";

	buf_addf(out, "---\napiVersion: windlass.dev/v1alpha1\nkind: Channel\n"
		 "metadata:\n  name: %s\nspec:\n  url: ", o->channel);
	json_write_string(o->url, strlen(o->url), out);
	buf_addf(out, "\n  channelID: %s\n  publishers: ", o->id);
	json_write_string(o->publishers.data, o->publishers.len, out);
	buf_addf(out, "\n  serviceAccount:\n    namespace: " OWN_NAMESPACE
		 "\n    name: channel-%s\n", o->channel);
	add_list(out, "namespaces", o->cluster_admin && !o->namespaces
		 ? "*" : o->namespaces);
	add_list(out, "clusterScoped", cluster_scoped);
}

static void write_manifests(const struct options *o, struct buf *out)
{
	buf_adds(out, crd_yaml);
	add_account(out, o);
	add_rights(out, o);
	add_channel(out, o);
}

/* The same checks that the engine makes, before anything is printed. */
static int check_channel(const struct objects *os, struct err *err)
{
	struct channel_spec spec;

	if (channel_spec_read(os->v[os->n - 1].root, &spec, err) < 0)
		return -1;
	channel_spec_release(&spec);
	return 0;
}

/* ---- applying ---- */

static int apply_one(struct cluster *cluster, const struct object *o,
		     struct arena *a, struct err *err)
{
	const struct scopes none = SCOPES_INIT;
	const struct kind_info *kind = scope_lookup(&none, o->id.group,
						    o->id.kind);
	int64_t deadline = clock_mono_ms() + KIND_WAIT_MS;
	struct buf body = BUF_INIT(LIMIT_OBJECT_BYTES), what = BUF_INIT(1024);
	struct kube_request patch = {
		.method = "PATCH",
		.target = {
			.group = o->id.group, .version = o->id.version,
			.plural = kind ? kind->plural : "channels",
			.namespace = o->id.namespace, .name = o->id.name,
		},
		.query = "fieldManager=windlass-install&force=true"
			 "&fieldValidation=Strict",
		.content_type = KUBE_APPLY,
	};
	enum kube_why why = KUBE_DONE;
	int rc;

	object_describe(&o->id, &what);
	json_write_canonical(o->root, &body);
	patch.body = body.data;
	patch.body_len = body.len;
	for (;;) {
		const struct timespec pause = { 0, 100 * 1000000L };

		rc = cluster_call(cluster, &patch, a, NULL, &why, err);
		/* a kind that was made a moment ago is not served yet */
		if (rc == 0 || kind || why != KUBE_NO_RESOURCE ||
		    clock_mono_ms() > deadline)
			break;
		nanosleep(&pause, NULL);
	}
	if (rc < 0)
		err_wrap(err, "%s", what.data);
	else
		printf("%s applied\n", what.data);
	buf_release(&body);
	buf_release(&what);
	return rc;
}

static int apply_all(const struct options *o, const struct objects *os,
		     struct arena *a, struct err *err)
{
	struct cluster cluster = CLUSTER_INIT;
	int rc = cluster_open(&cluster, o->kubeconfig, o->context, err);

	for (size_t i = 0; rc == 0 && i < os->n; i++)
		rc = apply_one(&cluster, &os->v[i], a, err);
	cluster_close(&cluster);
	return rc;
}

/* ---- the command ---- */

static int install(struct options *o, struct err *err)
{
	struct buf text = BUF_INIT(MANIFESTS_MAX);
	struct objects os = OBJECTS_INIT;
	struct problems ps = PROBLEMS_INIT;
	struct arena a = ARENA_INIT;
	int rc = -1;

	if (read_publishers(o, err) < 0)
		goto out;
	write_manifests(o, &text);
	if (buf_check(&text, "the manifests", err) < 0)
		goto out;
	if (manifest_read("manifests", text.data, text.len, &a, &os,
			  &ps) < 0) {
		err_set(err, ERR_INVALID, "an option cannot be meant: %s",
			ps.v[0].message);
		goto out;
	}
	if (check_channel(&os, err) < 0)
		goto out;
	rc = 0;
	if (o->apply)
		rc = apply_all(o, &os, &a, err);
	else
		fwrite(text.data, 1, text.len, stdout);
out:
	buf_release(&text);
	objects_release(&os);
	problems_release(&ps);
	arena_release(&a);
	return rc;
}

/* They are written into manifests: nothing but names, and each of them. */
static int check_namespaces(const char *names)
{
	while (*names) {
		size_t len = strcspn(names, ",");
		char *name = xstrndup(names, len);
		bool good = is_dns_label(name) &&
			    (!names[len] || names[len + 1]);

		free(name);
		if (!good)
			return usage_error(usage, "--namespaces '%.*s' must be "
					   "names of namespaces with commas "
					   "between them", (int)len, names);
		names += len + (names[len] == ',');
	}
	return -1;
}

static int check_options(const struct options *o)
{
	if (!o->url)
		return usage_error(usage, "--url is missing: where the Git host "
				   "publishes");
	if (!o->from && (!o->id[0] || (!o->publishers_file &&
				       !o->publisher_key)))
		return usage_error(usage, "give --from, or --id and "
				   "--publisher-key");
	if (!o->cluster_admin && !o->namespaces)
		return usage_error(usage, "give --namespaces or "
				   "--cluster-admin");
	if (!is_channel_name(o->channel))
		return usage_error(usage, "'%s' is no channel's name: lower-case "
				   "letters, digits and -", o->channel);
	if (o->namespaces && !*o->namespaces)
		return usage_error(usage, "--namespaces names none");
	return o->namespaces ? check_namespaces(o->namespaces) : -1;
}

static int take_id(void *target, const char *value, struct err *err)
{
	if (!is_hex(value, strlen(value), CHANNEL_ID_SIZE - 1))
		return err_set(err, ERR_INVALID, "must be the 32 lower-case "
			       "hex digits that `windlass-hook init` printed");
	memcpy(target, value, CHANNEL_ID_SIZE);
	return 0;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	const struct option_spec specs[] = {
		OPTION_TEXT("url", &o->url),
		OPTION_TEXT("from", &o->from),
		OPTION_TAKE("id", take_id, o->id),
		OPTION_TEXT("publisher-key", &o->publisher_key),
		OPTION_TEXT("publishers", &o->publishers_file),
		OPTION_TEXT("namespaces", &o->namespaces),
		OPTION_TEXT("cluster-scoped", &o->cluster_scoped),
		OPTION_FLAG("cluster-admin", &o->cluster_admin),
		OPTION_FLAG("apply", &o->apply),
		OPTION_TEXT("kubeconfig", &o->kubeconfig),
		OPTION_TEXT("context", &o->context),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status >= 0)
		return status;
	if (optind != argc - 1)
		return usage_error(usage, "name one channel");
	o->channel = argv[optind];
	return check_options(o);
}

int cmd_install(int argc, char **argv)
{
	struct options o = { .publishers = BUF_INIT(LIMIT_TRUST_BYTES) };
	struct err err = ERR_INIT;
	int status = parse_options(argc, argv, &o);

	if (status < 0)
		status = install(&o, &err) < 0 ? command_fail(&err) : EXIT_OK;
	buf_release(&o.publishers);
	return status;
}
