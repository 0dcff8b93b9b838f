/*
 * kubeconfigs: which file and which entry counts, what is refused, and that
 * no message has a secret in it. Servers that accept them are in t/t5000.
 */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/kube-config.h"
#include "schema/base/digest.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "t/unit/tap.h"

static char dir[] = "/tmp/u-kube-config-XXXXXX";

static void put(const char *name, const char *text, size_t len)
{
	struct err err = ERR_INIT;
	char *path = xasprintf("%s/%s", dir, name);

	if (fs_write(AT_FDCWD, path, text, len, 0600, &err) < 0)
		ok(false, "%s", err.msg);
	free(path);
}

static struct err last;

static struct kube_config *load(const char *path, const char *context)
{
	struct kube_config_options o = { .path = path, .context = context };
	struct kube_config *c = NULL;

	err_clear(&last);
	if (kube_config_load(&o, &c, &last) < 0)
		return NULL;
	return c;
}

static const char first[] =
	"apiVersion: v1\n"
	"kind: Config\n"
	"current-context: ''\n"
	"clusters:\n"
	"- name: one\n"
	"  cluster: {server: 'https://first:1/', certificate-authority: ca}\n"
	"users:\n"
	"- {name: ada, user: {token: hunter2, unknown: [field]}}\n"
	"contexts:\n"
	"- {name: x, context: {cluster: one, user: ada}}\n";

static const char second[] =
	"current-context: why\n"
	"clusters:\n"
	"- {name: one, cluster: {server: 'https://second:2'}}\n"
	"- {name: two, cluster: {server: 'http://localhost:8080///',\n"
	"    proxy-url: 'http://u:hunter2@p:3'}}\n"
	"users:\n"
	"- {name: ada, user: {token: other}}\n"
	"- {name: bob, user: {username: bob, password: hunter2, token: t}}\n"
	"- {name: nobody, user: }\n"
	"contexts:\n"
	"- {name: x, context: {cluster: two, user: bob}}\n"
	"- {name: why, context: {cluster: one, user: ada, namespace: ns}}\n"
	"- {name: z, context: {cluster: two, user: bob}}\n"
	"- {name: w, context: {cluster: two}}\n"
	"- {name: v, context: {cluster: two, user: nobody}}\n";

static void test_list(void)
{
	char *list = xasprintf("%s/missing::%s/first:%s/second", dir, dir,
			       dir);
	struct kube_config *c;

	put("ca", "-----BEGIN CERTIFICATE-----\n", 28);
	put("first", first, strlen(first));
	put("second", second, strlen(second));
	setenv("KUBECONFIG", list, 1);
	c = load(NULL, NULL);
	if (!ok(c != NULL, "a list with a file that is missing: %s",
		last.msg))
		return;
	is_str(c->server, "https://first:1", "the first that defines a "
	       "cluster wins; no slash behind");
	is_str(c->token, "hunter2", "a user, too");
	is_str(c->namespace, "ns", "the first current-context that is set");
	ok(!strncmp(c->ca_file, dir, strlen(dir)), "a path beside its file");
	is_str(c->peer.ca_file, c->ca_file, "the peer has it");
	kube_config_free(c);

	c = load(NULL, "x");
	is_str(c->namespace, "default", "--context: the first x; no namespace "
	       "is \"default\"");
	kube_config_free(c);
	c = load(NULL, "z");
	is_str(c->server, "http://localhost:8080", "http to this machine");
	is_str(c->token, "t", "a token, and a password that nobody wants");
	is_str(c->proxy, "http://u:hunter2@p:3", "a proxy");
	kube_config_free(c);
	c = load(NULL, "w");
	ok(c && !c->token, "a context without a user");
	kube_config_free(c);
	c = load(NULL, "v");
	ok(c && !c->token, "a user of nothing");
	kube_config_free(c);

	c = load(NULL, "nope");
	ok(!c && strstr(last.msg, "no context named 'nope'"), "%s", last.msg);
	free(list);
	list = xasprintf("%s/missing:%s/gone", dir, dir);
	setenv("KUBECONFIG", list, 1);
	c = load(NULL, NULL);
	ok(!c && strstr(last.msg, "--kubeconfig or KUBECONFIG"), "%s",
	   last.msg);
	free(list);
}

/* A config of one cluster and one user. */
static struct kube_config *one(const char *cluster, const char *user)
{
	char *text = xasprintf("current-context: c\n"
		"clusters: [{name: c, cluster: {%s}}]\n"
		"users: [{name: u, user: {%s}}]\n"
		"contexts: [{name: c, context: {cluster: c, user: u}}]\n",
		cluster, user);
	char *path = xasprintf("%s/one", dir);
	struct kube_config *c;

	put("one", text, strlen(text));
	c = load(path, NULL);
	free(path);
	free(text);
	return c;
}

static void refused(const char *cluster, const char *user, const char *want)
{
	struct kube_config *c = one(cluster, user);

	ok(!c && strstr(last.msg, want), "refused: %s", last.msg);
	ok(!strstr(last.msg, "hunter2") && !strstr(last.msg, "aHVudGVy"),
	   "without a secret");
	kube_config_free(c);
}

#define GOOD "server: 'https://h'"

static void test_refusals(void)
{
	refused("a: b", "", "has no server");
	refused("server: [x]", "", "server of cluster 'c' must be a string");
	refused("server: h:6443", "", "no http or https URL");
	refused("server: 'https://'", "", "may only have a host");
	refused("server: 'https://a:hunter2@h'", "", "may only have a host");
	refused("server: 'https://h/?a=b'", "", "may only have a host");
	refused("server: 'http://h'", "token: hunter2",
		"credentials are not sent over http://");
	refused("server: 'http://localhost.evil.example'", "token: hunter2",
		"credentials are not sent over http://");
	refused("server: 'http://127.evil.example:80'", "token: hunter2",
		"credentials are not sent over http://");
	refused(GOOD, "token: 12345", "token of user 'u' must be a string");
	refused(GOOD, "token: \"hunter2\\0x\"", "must be a string");
	refused(GOOD, "exec: {command: x, env: [{value: hunter2}]}",
		"env needs a name");
	refused(GOOD, "exec: [hunter2]", "it must be a mapping");
	refused(GOOD, "exec: {command: x}", "its apiVersion must be");
	refused(GOOD, "exec: {command: x, interactiveMode: Always, apiVersion: "
		"client.authentication.k8s.io/v1}", "needs a terminal");
	refused(GOOD, "auth-provider: {name: gcp}", "'auth-provider'");
	refused(GOOD, "username: a, password: hunter2",
		"line 3: user 'u' logs in by a user name and password");
	refused(GOOD, "client-certificate-data: aHVudGVyMg==",
		"not the base64 of a PEM text");
	refused(GOOD, "client-key-data: 'hunter2!'",
		"not the base64 of a PEM text");
	refused(GOOD, "client-key: /nowhere/key", "are needed both");
	refused(GOOD, "client-key: /nowhere/key, client-certificate: nope",
		"cannot read");
	refused(GOOD, "tokenFile: nope", "cannot open");
	refused(GOOD ", certificate-authority: nope", "", "cannot read");
	refused(GOOD ", insecure-skip-tls-verify: 'yes'", "",
		"must be true or false");
	refused(GOOD ", insecure-skip-tls-verify: true, "
		"certificate-authority: ca", "", "remove one");
	refused(GOOD ", proxy-url: 'ftp://a:hunter2@p'", "", "proxy-url: the "
		"proxy must be http://");
	refused(GOOD ", proxy-url: 'http://a:hunter2@p:1:2'", "",
		"proxy-url: the proxy must be http://");
	refused(GOOD ", proxy-url: 'hunter2'", "", "the proxy must be http://");
	refused(GOOD, "token: hunter2}}, {name: u, user: {token: hunter2",
		"line 3: there are two users named 'u'");
	refused(GOOD, "as-uid: x", "without as");
	refused(GOOD, "as: x, as-groups: y", "must be a list of strings");
	refused(GOOD, "as: x, as-groups: [y]", "must be a list of strings");
	refused(GOOD, "as: x, as-user-extra: {a: b}", "lists of strings");
	refused(GOOD, "token: hunter2, [", "not what Kubernetes reads");
	refused(GOOD, "token: hunter2, token: hunter2", "line 3 column");
}

static void test_whole_files(void)
{
	static const char json[] = "{\"current-context\":\"c\",\"clusters\":"
		"[{\"name\":\"c\",\"cluster\":{\"server\":\"https://h\"}}],"
		"\"contexts\":[{\"name\":\"c\",\"context\":{\"cluster\":"
		"\"c\"}}]}";
	struct kube_config *c;
	char *path = xasprintf("%s/whole", dir);

	put("whole", "[1]\n", 4);
	ok(!load(path, NULL) && strstr(last.msg, "line 1 column 1"), "%s",
	   last.msg);
	put("whole", "a: b\n---\na: b\n", 14);
	ok(!load(path, NULL) && strstr(last.msg, "more than one"), "%s",
	   last.msg);
	put("whole", "current-context: yes\n", 21);
	ok(!load(path, NULL) && strstr(last.msg, "must be a string"), "%s",
	   last.msg);
	put("whole", "kind: Deployment\n", 17);
	ok(!load(path, NULL) && strstr(last.msg, "is a Deployment"), "%s",
	   last.msg);
	put("whole", "", 0);
	ok(!load(path, NULL) && strstr(last.msg, "no current-context"),
	   "%s", last.msg);
	put("whole", json, strlen(json));
	c = load(path, NULL);
	ok(c != NULL, "JSON: %s", last.msg);
	kube_config_free(c);
	kube_config_free(NULL);
	free(path);
}

static void test_data(void)
{
	static const char pem[] = "-----BEGIN TEST-----\nhunter2\n";
	struct buf b64 = BUF_INIT(4096), user = BUF_INIT(4096);
	struct kube_config *c;

	base64_encode(&b64, pem, strlen(pem));
	/* folded, as people paste it */
	buf_addf(&user, "client-certificate-data: \"%.20s\\n%s\\n\", "
		 "client-key-data: %s, client-key: /nowhere", b64.data,
		 b64.data + 20, b64.data);
	c = one(GOOD, user.data);
	ok(c != NULL, "certificate data: %s", last.msg);
	if (c) {
		is_str(c->cert_pem, pem, "base64 with line breaks");
		is_str(c->key_pem, pem, "data beats a file");
	}
	kube_config_free(c);
	buf_wipe(&user);
	buf_release(&b64);
}

static void test_token(void)
{
	char *big = malloc(LIMIT_TOKEN_BYTES + 2);
	struct kube_config *c;

	put("token", " hunter2 \n", 10);
	c = one(GOOD, "tokenFile: token, token: not-this");
	if (!ok(c != NULL, "tokenFile: %s", last.msg))
		return;
	is_str(c->token, "hunter2", "beats token, and is trimmed");
	put("token", "hunter3\n", 8);
	ok(!kube_config_refresh_token(c, false), "read a moment ago");
	is_str(c->token, "hunter2", "so it is not read again");
	ok(kube_config_refresh_token(c, true), "told to: it is another one");
	is_str(c->token, "hunter3", "the new one");
	ok(!kube_config_refresh_token(c, true), "again: the same");
	put("token", "", 0);
	ok(!kube_config_refresh_token(c, true), "empty: the old one stays");
	is_str(c->token, "hunter3", "the old one");
	kube_config_free(c);
	refused(GOOD, "tokenFile: token", "is empty");
	put("token", "hunter2\nhunter2\n", 16);
	refused(GOOD, "tokenFile: token", "more than one line");

	memset(big, 't', LIMIT_TOKEN_BYTES + 1);
	put("token", big, LIMIT_TOKEN_BYTES);
	c = one(GOOD, "tokenFile: token");
	ok(c && strlen(c->token) == LIMIT_TOKEN_BYTES,
	   "a token at its limit: %s", last.msg);
	kube_config_free(c);
	put("token", big, LIMIT_TOKEN_BYTES + 1);
	ok(!one(GOOD, "tokenFile: token"), "one byte beyond: %s", last.msg);
	free(big);
}

/* Nobody writes into "pipe": who opens it as a file waits for ever. */
static void test_pipes(void)
{
	char *pipe_path = xasprintf("%s/pipe", dir);
	char *token = xasprintf("%s/token", dir), here[40];
	struct kube_config *c;
	int fds[2];

	put("cert", "x", 1);
	ok(mkfifo(pipe_path, 0600) == 0, "a FIFO");
	alarm(20);
	refused(GOOD, "tokenFile: pipe", "/pipe' is not a regular file");
	refused(GOOD, "client-certificate: pipe, client-key: cert",
		"/pipe' is not a regular file");
	refused(GOOD, "client-certificate: cert, client-key: pipe",
		"/pipe' is not a regular file");
	refused(GOOD ", certificate-authority: pipe", "",
		"/pipe' is not a regular file");
	refused(GOOD ", certificate-authority: pipe", "exec: {command: x, "
		"apiVersion: client.authentication.k8s.io/v1, "
		"provideClusterInfo: true}", "/pipe' is not a regular file");
	refused(GOOD ", certificate-authority: .", "", "not a regular file");
	put("token", "hunter2", 7);
	c = one(GOOD, "tokenFile: token");
	ok(c && rename(pipe_path, token) == 0 &&
	   !kube_config_refresh_token(c, true) && !strcmp(c->token, "hunter2"),
	   "a token that becomes a FIFO: the old one stays");
	kube_config_free(c);
	unlink(token);

	/* but the kubeconfig itself may come by <(...) */
	ok(pipe(fds) == 0 && write(fds[1], first, strlen(first)) > 0,
	   "a kubeconfig in a pipe");
	close(fds[1]);
	snprintf(here, sizeof(here), "/dev/fd/%d", fds[0]);
	c = load(here, "x");
	ok(!c && strstr(last.msg, "cannot read '/dev/fd/ca'"),
	   "is read: %s", last.msg);
	close(fds[0]);
	kube_config_free(c);
	alarm(0);
	free(token);
	free(pipe_path);
}

static void test_size(void)
{
	static const char text[] = "current-context: c\n"
		"clusters: [{name: c, cluster: {server: 'https://h'}}]\n"
		"contexts: [{name: c, context: {cluster: c}}]\n# ";
	char *big = malloc(LIMIT_KUBECONFIG_BYTES + 1);
	char *path = xasprintf("%s/big", dir);
	struct kube_config *c;

	memset(big, 'x', LIMIT_KUBECONFIG_BYTES + 1);
	memcpy(big, text, strlen(text));
	put("big", big, LIMIT_KUBECONFIG_BYTES);
	c = load(path, NULL);
	ok(c != NULL, "a kubeconfig at its limit: %s", last.msg);
	kube_config_free(c);
	put("big", big, LIMIT_KUBECONFIG_BYTES + 1);
	ok(!load(path, NULL), "one byte beyond: %s", last.msg);
	free(path);
	free(big);
}

static void test_files_change(void)
{
	struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	char *path = xasprintf("%s/ca", dir);
	struct kube_config *c = one(GOOD ", certificate-authority: ca", "");

	if (!ok(c != NULL, "a certificate file: %s", last.msg))
		return;
	ok(!kube_config_files_changed(c, false), "not looked at so soon");
	c->files_seen -= 6 * 60 * 1000;
	ok(!kube_config_files_changed(c, false), "after six minutes: the same");
	c->files_seen -= 6 * 60 * 1000;
	ok(utimensat(AT_FDCWD, path, times, 0) == 0 &&
	   kube_config_files_changed(c, false), "replaced: connections are made anew");
	times[0].tv_sec = times[1].tv_sec = 2;
	ok(utimensat(AT_FDCWD, path, times, 0) == 0 &&
	   !kube_config_files_changed(c, true), "again within a second");
	c->files_seen -= 1001;
	ok(!kube_config_files_changed(c, false) &&
	   kube_config_files_changed(c, true), "after it, for who doubts them");
	kube_config_free(c);
	free(path);
}

static void test_proxies(void)
{
	static const char *const good[] = {
		"http://p", "http://p:3128", "https://a:hunter2@p:1",
		"socks5://p:1080", "socks5h://[::1]:1080",
	};
	static const char *const here[] = {
		"localhost", "localhost:1", "127.0.0.1/x", "127.9.9.9:1",
		"[::1]", "[::1]:1/x",
	};
	static const char *const elsewhere[] = {
		"localhost.example", "127.0.0.1.example", "[::2]:1", "[::1",
		"128.0.0.1", "", "10.0.0.1:1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		char *cluster = xasprintf(GOOD ", proxy-url: '%s'", good[i]);
		struct kube_config *c = one(cluster, "");

		ok(c && !strcmp(c->peer.proxy, good[i]), "%s", good[i]);
		kube_config_free(c);
		free(cluster);
	}
	for (size_t i = 0; i < ARRAY_SIZE(here); i++)
		ok(http_is_loopback(here[i]), "'%s' is here", here[i]);
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		ok(!http_is_loopback(elsewhere[i]), "'%s' is not",
		   elsewhere[i]);
}

static void test_in_cluster(void)
{
	struct kube_config *c;

	unsetenv("KUBECONFIG");
	setenv("HOME", dir, 1);
	ok(!load(NULL, NULL) && strstr(last.msg, "/.kube/config"), "%s",
	   last.msg);
	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	setenv("WINDLASS_SERVICE_ACCOUNT_DIR", dir, 1);
	put("token", "hunter2\n", 8);
	put("ca.crt", "x", 1);
	ok(!load(NULL, NULL) && strstr(last.msg, "/namespace'"), "%s",
	   last.msg);
	put("namespace", "windlass-system\n", 16);
	c = load(NULL, NULL);
	if (!ok(c != NULL, "in a pod: %s", last.msg))
		return;
	is_str(c->server, "https://[fd00::1]:443", "IPv6 in brackets");
	is_str(c->namespace, "windlass-system", "its namespace");
	is_str(c->source, "in-cluster", "its name in messages");
	kube_config_free(c);
}

int main(void)
{
	struct err err = ERR_INIT;

	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	test_list();
	test_refusals();
	test_whole_files();
	test_data();
	test_token();
	test_pipes();
	test_size();
	test_files_change();
	test_proxies();
	test_in_cluster();
	fs_remove_tree(dir, &err);
	return tap_done();
}
