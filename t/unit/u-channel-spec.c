/*
 * What a Channel may say of itself: its account, and the objects that it may
 * have. Types are the API server's to check; trust files are in u-trust.
 */
#include "config.h"

#include <string.h>

#include "engine/channel-spec.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "t/unit/tap.h"

static struct err last;

/* The Channel "prod" whose writes are made as this account. */
static bool reads(const char *namespace, const char *name,
		  struct channel_spec *ret)
{
	struct arena a = ARENA_INIT;
	struct buf text = BUF_INIT(4096);
	struct node *root;
	bool good;

	buf_addf(&text, "{\"metadata\":{\"name\":\"prod\"},\"spec\":{"
		 "\"url\":\"https://h\",\"channelID\":"
		 "\"00000000000000000000000000000000\",\"publishers\":"
		 "\"prod namespaces=\\\"" TRUST_PUBLISHERS "\\\" ssh-ed25519 "
		 "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0d"
		 "h2l9GKJl\",\"namespaces\":[\"*\"],\"clusterScoped\":[\"*\"],"
		 "\"serviceAccount\":{\"namespace\":\"%s\",\"name\":\"%s\"}}}",
		 namespace, name);
	err_clear(&last);
	good = json_read(text.data, text.len, &a, &root, &last) == 0 &&
	       channel_spec_read(root, ret, &last) == 0;
	arena_release(&a);
	buf_release(&text);
	return good;
}

static void test_account(void)
{
	static const char *const bad[] = {
		"channel-staging", "channel-prod2", "channel", "windlassd",
		"prod", "default",
	};
	struct channel_spec s;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(!reads(OWN_NAMESPACE, bad[i], &s) &&
		   strstr(last.msg, "account is 'channel-prod'"), "%s: %s",
		   bad[i], last.msg);
	if (ok(reads("shop", "default", &s), "another namespace's: %s",
	       last.msg))
		channel_spec_release(&s);
}

/* The channel may have everything, and yet not this. */
static void test_own(const struct channel_spec *s)
{
	static const char rbac[] = "rbac.authorization.k8s.io";
	static const struct object_id own[] = {
		{ "", "v1", "Namespace", "", OWN_NAMESPACE },
		{ "", "v1", "ConfigMap", OWN_NAMESPACE, "a" },
		{ "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "",
		  "channels.windlass.dev" },
		{ "windlass.dev", "v1alpha1", "Channel", "", "prod" },
		{ rbac, "v1", "ClusterRole", "", "windlassd" },
		{ rbac, "v1", "ClusterRoleBinding", "", "windlassd" },
		{ rbac, "v1", "Role", "default", "windlassd" },
		{ rbac, "v1", "RoleBinding", "default", "windlassd" },
		{ rbac, "v1", "ClusterRole", "", "windlass-channel-prod" },
		{ rbac, "v1", "ClusterRoleBinding", "",
		  "windlass-engine-staging.cluster" },
		{ rbac, "v1", "RoleBinding", "shop", "windlass-engine-prod" },
		{ "admissionregistration.k8s.io", "v1",
		  "ValidatingAdmissionPolicy", "", "windlass-protect" },
		{ "admissionregistration.k8s.io", "v1",
		  "ValidatingAdmissionPolicyBinding", "", "windlass-protect" },
		{ "flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", "",
		  "windlass" },
		{ "flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", "",
		  "windlass-lease" },
		{ "flowcontrol.apiserver.k8s.io", "v1",
		  "PriorityLevelConfiguration", "", "windlass" },
	};
	static const struct object_id others[] = {
		{ "", "v1", "ConfigMap", "default", "windlassd" },
		{ rbac, "v1", "ClusterRole", "", "windlass" },
		{ rbac, "v1", "Role", "shop", "windlassd" },
		{ "example.org", "v1", "ClusterRole", "", "windlassd" },
		{ "flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", "",
		  "windlass-shop" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		err_clear(&last);
		ok(channel_spec_allows(s, "prod", &own[i], &last) < 0 &&
		   last.class == ERR_DENIED &&
		   strstr(last.msg, "is windlass's own"), "%s", last.msg);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		ok(channel_spec_allows(s, "prod", &others[i], &last) == 0,
		   "%s '%s' is not: %s", others[i].kind, others[i].name,
		   last.msg);
}

int main(void)
{
	struct channel_spec s;

	test_account();
	if (ok(reads(OWN_NAMESPACE, "channel-prod", &s), "its own: %s",
	       last.msg)) {
		test_own(&s);
		channel_spec_release(&s);
	}
	return tap_done();
}
