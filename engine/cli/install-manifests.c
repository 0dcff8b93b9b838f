/*
 * The manifests. See install.h. Names that an admin chose are checked before
 * they come here, or are written as JSON strings, so that no option can say
 * more than it should; names such as 123, on and null, which YAML would take
 * for something else, are quoted. Names of rights have a dot before their last word
 * where a channel's name, which has none, could otherwise clash.
 */
#include "config.h"
#include "engine/cli/install.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/channel-spec.h"
#include "engine/reporter-key.h"
#include "schema/base/mem.h"
#include "schema/json.h"

static const char crd_yaml[] =
#include "engine/install/channels-crd.inc"
;
static const char engine_yaml[] =
#include "engine/install/engine.inc"
;
static const char protect_yaml[] =
#include "engine/install/protect.inc"
;

#define RBAC "apiVersion: rbac.authorization.k8s.io/v1\n"

/* The same whoever writes it: both engine and channel do. */
static void add_namespace(struct buf *out)
{
	buf_adds(out, "---\napiVersion: v1\nkind: Namespace\nmetadata:\n"
		 "  name: " OWN_NAMESPACE "\n  labels:\n"
		 "    pod-security.kubernetes.io/enforce: restricted\n");
}

/*
 * Where the engine keeps the key of its reports: empty, which it fills, and
 * which is left alone when it is applied again. An engine outside of the
 * cluster has it too.
 */
static void add_reporter(struct buf *out)
{
	buf_adds(out, "---\n# The key of the engine's reports, which it makes: "
		 "`windlass status` shows the\n# public half, for the Git "
		 "host's file of reporters.\n"
		 "apiVersion: v1\nkind: Secret\nmetadata:\n"
		 "  name: " REPORTER_SECRET "\n"
		 "  namespace: " OWN_NAMESPACE "\n  labels:\n"
		 "    " INSTALL_MANAGED_BY ": " INSTALL_NAME "\n"
		 "    " INSTALL_PART ": engine\n"
		 "type: Opaque\n");
}

/* ---- the engine ---- */

static void add_value(struct buf *out, const struct install *in,
		      const char *name, size_t len)
{
	if (!strncmp(name, "IMAGE", len))
		buf_adds(out, in->image);
	else if (!strncmp(name, "REPLICAS", len))
		buf_adds(out, in->replicas ? in->replicas : "2");
	else if (!strncmp(name, "API_PORT", len))
		buf_adds(out, in->api_port ? in->api_port : "6443");
	else if (in->cluster)
		buf_addf(out, ", " INSTALL_CLUSTER_ARG "%s", in->cluster);
}

/* Puts values where the manifest has @NAME@, and labels on all that is ours
 * alone. */
static void add_template(struct buf *out, const struct install *in,
			 const char *s)
{
	static const char labels[] =
		"  labels:\n"
		"    " INSTALL_MANAGED_BY ": " INSTALL_NAME "\n"
		"    " INSTALL_PART ": engine\n";

	buf_adds(out, "---\n");
	while (*s) {
		size_t line = strcspn(s, "\n") + 1;
		const char *at = memchr(s, '@', line);
		size_t name = at ? strcspn(at + 1, "@\n") : 0;

		if (at && at[1 + name] == '@') {
			const char *rest = at + name + 2;

			buf_add(out, s, (size_t)(at - s));
			add_value(out, in, at + 1, name);
			buf_add(out, rest, (size_t)(s + line - rest));
		} else {
			buf_add(out, s, line);
		}
		if (!strncmp(s, "metadata:\n", line))
			buf_adds(out, labels);
		s += line;
	}
}

void install_write_engine(const struct install *in, struct buf *out)
{
	buf_adds(out, crd_yaml);
	add_namespace(out);
	add_reporter(out);
	add_template(out, in, engine_yaml);
	if (in->protect)
		add_template(out, in, protect_yaml);
}

/* ---- a channel ---- */

static void add_metadata(struct buf *out, const struct install *in,
			 const char *name, const char *namespace)
{
	buf_addf(out, "metadata:\n  name: \"%s\"\n", name);
	if (namespace)
		buf_addf(out, "  namespace: \"%s\"\n", namespace);
	buf_addf(out, "  labels:\n"
		 "    " INSTALL_MANAGED_BY ": " INSTALL_NAME "\n"
		 "    " INSTALL_CHANNEL ": \"%s\"\n", in->channel);
}

static void add_account(struct buf *out, const struct install *in)
{
	char *name = xasprintf("channel-%s", in->channel);

	buf_adds(out, "---\napiVersion: v1\nkind: ServiceAccount\n");
	add_metadata(out, in, name, OWN_NAMESPACE);
	buf_adds(out, "automountServiceAccountToken: false\n");
	free(name);
}

static void add_role(struct buf *out, const struct install *in,
		     const char *name, const struct buf *rules)
{
	buf_adds(out, "---\n" RBAC "kind: ClusterRole\n");
	add_metadata(out, in, name, NULL);
	buf_adds(out, "rules:\n");
	buf_add(out, rules->data, rules->len);
}

/* In a namespace, or with NULL in the whole cluster. */
static void add_binding(struct buf *out, const struct install *in,
			const char *name, const char *namespace,
			const char *role, const char *account)
{
	buf_addf(out, "---\n" RBAC "kind: %s\n",
		 namespace ? "RoleBinding" : "ClusterRoleBinding");
	add_metadata(out, in, name, namespace);
	buf_addf(out, "roleRef: {apiGroup: rbac.authorization.k8s.io, "
		 "kind: ClusterRole, name: %s}\nsubjects:\n"
		 "- {kind: ServiceAccount, name: %s, namespace: "
		 OWN_NAMESPACE "}\n", role, account);
}

/* A role that is bound in each namespace, and one for the cluster. */
static void add_rights(struct buf *out, const struct install *in,
		       const char *whose, const char *account,
		       void (*write)(const struct rights *r, bool everywhere,
				     struct buf *out))
{
	struct buf rules = BUF_INIT(out->max);
	char *name = xasprintf("windlass-%s-%s", whose, in->channel);
	char *wide = xasprintf("%s.cluster", name);

	write(&in->rights, false, &rules);
	if (rules.len) {
		add_role(out, in, name, &rules);
		for (size_t i = 0; i < in->namespaces.n; i++)
			add_binding(out, in, name, in->namespaces.v[i], name,
				    account);
	}
	buf_reset(&rules);
	write(&in->rights, true, &rules);
	if (rules.len) {
		add_role(out, in, wide, &rules);
		add_binding(out, in, wide, NULL, wide, account);
	}
	buf_release(&rules);
	free(name);
	free(wide);
}

static void see_all(const struct rights *r, bool everywhere, struct buf *out)
{
	if (everywhere)
		buf_adds(out, "- apiGroups: [\"*\"]\n  resources: [\"*\"]\n"
			 "  verbs: [list, watch]\n");
}

static void add_all_rights(struct buf *out, const struct install *in)
{
	char *account = xasprintf("channel-%s", in->channel);
	char *name = xasprintf("windlass-channel-%s", in->channel);

	if (in->cluster_admin) {
		add_binding(out, in, name, NULL, "cluster-admin", account);
		add_rights(out, in, "engine", "windlassd", see_all);
	} else {
		add_rights(out, in, "channel", account, rights_write);
		add_rights(out, in, "engine", "windlassd", rights_write_seen);
	}
	free(account);
	free(name);
}

/* The engine may be the channel's account: that one, and no other. */
static void add_impersonation(struct buf *out, const struct install *in)
{
	char *name = xasprintf("windlass-engine-%s", in->channel);

	buf_adds(out, "---\n" RBAC "kind: Role\n");
	add_metadata(out, in, name, OWN_NAMESPACE);
	buf_addf(out, "rules:\n- apiGroups: [\"\"]\n"
		 "  resources: [serviceaccounts]\n"
		 "  resourceNames: [channel-%s]\n  verbs: [impersonate]\n",
		 in->channel);
	buf_adds(out, "---\n" RBAC "kind: RoleBinding\n");
	add_metadata(out, in, name, OWN_NAMESPACE);
	buf_addf(out, "roleRef: {apiGroup: rbac.authorization.k8s.io, "
		 "kind: Role, name: %s}\nsubjects:\n"
		 "- {kind: ServiceAccount, name: windlassd, namespace: "
		 OWN_NAMESPACE "}\n", name);
	free(name);
}

/* The port of "http[s]://HOST[:PORT]/..."; HOST may be [IPv6]. */
static const char *port_of(const char *url, size_t *ret_len)
{
	bool tls = !strncmp(url, "https:", 6);
	const char *host = strstr(url, "://"), *end, *port;

	host = host ? host + 3 : url;
	end = host + strcspn(host, "/?#");
	for (port = end; port > host && port[-1] >= '0' && port[-1] <= '9';)
		port--;
	if (port > host && port[-1] == ':' && port < end) {
		*ret_len = (size_t)(end - port);
		return port;
	}
	*ret_len = tls ? 3 : 2;
	return tls ? "443" : "80";
}

static void add_way_out(struct buf *out, const struct install *in)
{
	char *name = xasprintf("windlassd.%s", in->channel);
	size_t len;
	const char *port = port_of(in->url, &len);

	buf_adds(out, "---\napiVersion: networking.k8s.io/v1\n"
		 "kind: NetworkPolicy\n");
	add_metadata(out, in, name, OWN_NAMESPACE);
	buf_addf(out, "spec:\n  podSelector:\n    matchLabels: "
		 "{app.kubernetes.io/name: windlassd}\n"
		 "  policyTypes: [Egress]\n  egress:\n  - ports:\n"
		 "    - {protocol: TCP, port: %.*s}\n", (int)len, port);
	free(name);
}

static void add_list(struct buf *out, const char *field,
		     const struct strvec *names)
{
	buf_addf(out, "  %s:%s\n", field, names->n ? "" : " []");
	for (size_t i = 0; i < names->n; i++) {
		buf_adds(out, "  - ");
		json_write_string(names->v[i], strlen(names->v[i]), out);
		buf_addc(out, '\n');
	}
}

static void add_channel(struct buf *out, const struct install *in)
{
	struct strvec all = STRVEC_INIT;

	strvec_push(&all, "*");
	buf_adds(out, "---\napiVersion: windlass.dev/v1alpha1\nkind: Channel\n");
	buf_addf(out, "metadata:\n  name: \"%s\"\nspec:\n  url: ", in->channel);
	json_write_string(in->url, strlen(in->url), out);
	buf_addf(out, "\n  channelID: \"%s\"\n  publishers: ", in->id);
	json_write_string(in->publishers.data, in->publishers.len, out);
	if (in->approvers.len) {
		buf_addf(out, "\n  approvals:\n    required: %" PRIu64
			 "\n    approvers: ", in->approvals);
		json_write_string(in->approvers.data, in->approvers.len, out);
		if (in->not_by_pusher)
			buf_adds(out, "\n    notByPusher: true");
	}
	buf_addf(out, "\n  serviceAccount:\n    namespace: " OWN_NAMESPACE
		 "\n    name: channel-%s\n", in->channel);
	add_list(out, "namespaces", in->cluster_admin && !in->namespaces.n
		 ? &all : &in->namespaces);
	add_list(out, "clusterScoped", in->cluster_admin &&
		 !in->cluster_scoped.n ? &all : &in->cluster_scoped);
	strvec_release(&all);
}

void install_write_channel(const struct install *in, struct buf *out)
{
	if (!in->image) {
		buf_adds(out, crd_yaml);
		add_namespace(out);
		add_reporter(out);
	}
	for (size_t i = 0; i < in->namespaces.n; i++)
		buf_addf(out, "---\napiVersion: v1\nkind: Namespace\n"
			 "metadata:\n  name: \"%s\"\n", in->namespaces.v[i]);
	add_account(out, in);
	add_all_rights(out, in);
	add_impersonation(out, in);
	add_way_out(out, in);
	add_channel(out, in);
}
