/*
 * A reverse proxy in front of a real API server that does to its answers
 * what networks, load balancers and busy servers do:
 *
 *   fault-proxy KUBECONFIG RULES
 *
 * prints "port N" and listens there on loopback, HTTP/1.1 without TLS, with
 * the kubeconfig's credentials for everybody; then a line "METHOD PATH" for
 * each request. RULES is a file that is read anew for each request; each
 * line is
 *
 *   COUNT MATCH ACTION [ARGUMENT...]
 *
 * and the first whose MATCH is part of "METHOD PATH?QUERY" (without spaces
 * in it: write _ for one) and whose COUNT is not used up is applied once:
 *
 *   status CODE [RETRY-AFTER]   a Status with that code, no request is made
 *   forbidden                   the 403 of who may not PATCH, the same
 *   expired                     a 410 that offers the list's own token anew
 *   frame JSON                  200, that line, and the end
 *   cut BYTES                   so much of the body, then a cut connection
 *   stall BYTES                 so much of the body, then silence
 *   mute                        a watch without its bookmarks
 *   wait FILE                   when that file is there, at most 30 s later
 *   slow MILLISECONDS           so much later
 *   late MILLISECONDS           done at once, answered so much later
 *   drop                        the connection is closed at once
 *   stamp                       nothing, but its line ends with the time in
 *                               milliseconds
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/http-easy.h"
#include "engine/kube-config.h"
#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/strvec.h"

#define BODY_MAX (16u << 20)

struct rule {
	char action[16];
	char *argument;		/* NULL: no rule */
};

static struct kube_config *config;
static const char *rules_path;
static int client;			/* the connection */

static _Noreturn void die(const char *what, const struct err *err)
{
	fprintf(stderr, "fault-proxy: %s: %s\n", what, err->msg);
	exit(1);
}

static uint64_t number(const char *s)
{
	uint64_t n = 0;

	if (parse_u64n(s, strcspn(s, " \r"), 0, UINT32_MAX, &n) < 0)
		fprintf(stderr, "fault-proxy: '%s' is no number\n", s);
	return n;
}

static void put(const char *data, size_t len)
{
	struct err err = ERR_INIT;

	if (fs_write_fd(client, "the client", data, len, &err) < 0)
		_exit(0);
}

/* ---- rules ---- */

static bool rule_is(const struct rule *r, const char *action)
{
	return r->argument && !strcmp(r->action, action);
}

/* True if the line applies; `left` then gets it with one less. */
static bool apply_line(const char *line, const char *what, struct rule *rule,
		       struct buf *left)
{
	uint64_t count = number(line);
	const char *match = line + strcspn(line, " ");
	const char *action, *argument;
	char *want;
	bool found;

	match += *match == ' ';
	action = match + strcspn(match, " ");
	want = xstrndup(match, (size_t)(action - match));
	for (char *p = want; *p; p++)
		if (*p == '_')
			*p = ' ';
	found = count && *action && strstr(what, want);
	free(want);
	if (!found)
		return false;
	buf_addf(left, "%llu %s\n", (unsigned long long)count - 1, match);
	action += *action == ' ';
	argument = action + strcspn(action, " ");
	snprintf(rule->action, sizeof(rule->action), "%.*s",
		 (int)(argument - action), action);
	rule->argument = xstrdup(argument + (*argument == ' '));
	return true;
}

static struct rule find_rule(const char *what)
{
	struct buf text = BUF_INIT(65536), left = BUF_INIT(65536);
	struct rule rule = { .argument = NULL };
	struct err err = ERR_INIT;
	int fd = open(rules_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX) < 0 ||
	    fs_read_fd(fd, rules_path, &text, &err) < 0)
		_exit(1);
	for (char *line = text.data; *line;) {
		size_t len = strcspn(line, "\n");
		char *next = line + len + (line[len] == '\n');

		line[len] = '\0';
		if (rule.argument || !apply_line(line, what, &rule, &left))
			buf_addf(&left, "%s\n", line);
		line = next;
	}
	if (rule.argument &&
	    (pwrite(fd, left.data, left.len, 0) != (ssize_t)left.len ||
	     ftruncate(fd, (off_t)left.len) < 0))
		_exit(1);
	close(fd);
	buf_release(&text);
	buf_release(&left);
	return rule;
}

/* ---- answers ---- */

#define BY_US "by fault-proxy"

/* `token` continues a list, or is NULL. */
static void put_status(const char *argument, const char *message,
		       const char *token)
{
	const char *space = strchr(argument, ' ');
	struct buf body = BUF_INIT(65536), head = BUF_INIT(4096);
	uint64_t code = number(argument);

	buf_addf(&body, "{\"kind\":\"Status\",\"apiVersion\":\"v1\","
		 "\"metadata\":{\"continue\":\"%s\"},\"status\":\"Failure\","
		 "\"message\":\"%s\",\"reason\":\"Fault\",\"code\":%d}",
		 token ? token : "", message, (int)code);
	buf_addf(&head, "HTTP/1.1 %d Fault\r\nContent-Type: "
		 "application/json\r\nContent-Length: %zu\r\n", (int)code,
		 body.len);
	if (space)
		buf_addf(&head, "Retry-After: %d\r\n",
			 (int)number(space + 1));
	buf_adds(&head, "\r\n");
	put(head.data, head.len);
	put(body.data, body.len);
	buf_release(&head);
	buf_release(&body);
}

/* What a server says of a token that it has forgotten; the one that it offers
 * in exchange is good: it is the same. */
static void put_expired(const char *path)
{
	const char *at = strstr(path, "&continue=");
	char *token = at ? xstrndup(at + 10, strcspn(at + 10, "&")) : NULL;

	put_status("410", BY_US, token);
	free(token);
}

static void put_chunk(const char *data, size_t len)
{
	char size[32];

	put(size, (size_t)snprintf(size, sizeof(size), "%zx\r\n", len));
	put(data, len);
	put("\r\n", 2);
}

static void put_frame(const char *json)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: "
		"application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

	put(head, strlen(head));
	put_chunk(json, strlen(json));
	put("0\r\n\r\n", 5);
}

/* what is done with the body that comes back */
struct relay {
	struct buf head, line;	/* line: of a watch, as far as it is here */
	bool head_sent, limited, stalls, mute;
	size_t left;
	useconds_t late;
};

static void send_head(struct relay *r)
{
	if (r->head_sent)
		return;
	r->head_sent = true;
	usleep(r->late);
	buf_adds(&r->head, "Transfer-Encoding: chunked\r\n\r\n");
	put(r->head.data, r->head.len);
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	static const char *const drop[] = { "transfer-encoding:",
		"content-length:", "connection:" };
	struct relay *r = arg;

	if (n >= 5 && !strncmp(line, "HTTP/", 5)) {
		const char *code = memchr(line, ' ', n);

		buf_reset(&r->head);
		buf_addf(&r->head, "HTTP/1.1 %.3s Relayed\r\n",
			 code ? code + 1 : "502");
		return n;
	}
	for (size_t i = 0; i < ARRAY_SIZE(drop); i++)
		if (!strncasecmp(line, drop[i], strlen(drop[i])))
			return n;
	if (line[0] != '\r')
		buf_add(&r->head, line, n);
	else
		/* a watch may have nothing to tell for long */
		send_head(r);
	return n;
}

/* A frame of a watch is a line. */
static void put_unless_bookmark(struct relay *r, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_addc(&r->line, data[i]);
		if (data[i] != '\n')
			continue;
		if (!strstr(r->line.data, "\"BOOKMARK\"") ||
		    strstr(r->line.data, "initial-events-end"))
			put_chunk(r->line.data, r->line.len);
		buf_reset(&r->line);
	}
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct relay *r = arg;
	size_t len = r->limited && n > r->left ? r->left : n;
	char c;

	send_head(r);
	if (r->mute) {
		put_unless_bookmark(r, data, n);
		return n;
	}
	if (len)
		put_chunk(data, len);
	r->left -= r->limited ? len : 0;
	if (!r->limited || r->left)
		return n;
	if (r->stalls)
		while (read(client, &c, 1) > 0)
			;
	_exit(0);
}

/* ---- requests ---- */

struct request {
	char *method, *path;
	struct strvec headers;
	const char *body;
	size_t body_len;
};

static void add_credentials(struct strvec *headers)
{
	kube_config_refresh_token(config, false);
	if (config->token)
		strvec_pushf(headers, "Authorization: Bearer %s",
			     config->token);
}

static void forward(struct request *q, const struct rule *rule)
{
	char *url = xasprintf("%s%s", config->server, q->path);
	struct relay r = {
		.head = BUF_INIT(65536), .line = BUF_INIT(BODY_MAX),
		.mute = rule_is(rule, "mute"),
	};
	struct http_request h = {
		.method = q->method, .url = url,
		.headers = (const char *const *)q->headers.v,
		.body_len = q->body_len, .peer = &config->peer,
	};
	struct err err = ERR_INIT;
	struct http_easy e;

	if (rule_is(rule, "cut") || rule_is(rule, "stall")) {
		r.limited = true;
		r.left = number(rule->argument);
		r.stalls = rule->action[0] == 's';
	}
	if (rule_is(rule, "late"))
		r.late = (useconds_t)number(rule->argument) * 1000;
	if (http_easy_init(&e, &h, q->body, &err) < 0)
		_exit(1);
	curl_easy_setopt(e.easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e.easy, CURLOPT_HEADERDATA, &r);
	curl_easy_setopt(e.easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e.easy, CURLOPT_WRITEDATA, &r);
	if (curl_easy_perform(e.easy) != CURLE_OK)
		_exit(0);
	send_head(&r);
	put("0\r\n\r\n", 5);
	http_easy_release(&e);
	buf_release(&r.head);
	buf_release(&r.line);
	free(url);
}

static void serve(struct request *q)
{
	char *what = xasprintf("%s %s", q->method, q->path);
	struct rule rule = find_rule(what);
	char *line = xasprintf("%s%s%s\n", what, rule.argument ? " # " : "",
			       rule.argument ? rule.action : "");

	if (rule_is(&rule, "stamp")) {
		free(line);
		line = xasprintf("%s # stamp %lld\n", what,
				 (long long)clock_mono_ms());
	}
	if (write(1, line, strlen(line)) < 0)
		_exit(1);
	if (rule_is(&rule, "drop"))
		_exit(0);
	if (rule_is(&rule, "slow"))
		usleep((useconds_t)number(rule.argument) * 1000);
	if (rule_is(&rule, "wait"))
		for (int i = 0; i < 1500 && access(rule.argument, F_OK); i++)
			usleep(20000);
	if (rule_is(&rule, "status"))
		put_status(rule.argument, BY_US, NULL);
	else if (rule_is(&rule, "forbidden"))
		put_status("403", "\\\"x\\\" is forbidden: User \\\"y\\\" "
			   "cannot patch resource \\\"z\\\"", NULL);
	else if (rule_is(&rule, "expired"))
		put_expired(q->path);
	else if (rule_is(&rule, "frame"))
		put_frame(rule.argument);
	else
		forward(q, &rule);
	free(line);
	free(what);
	free(rule.argument);
}

/* Takes the first request out of b, if it is whole; true then. */
static bool take_request(struct buf *b, struct request *q)
{
	char *end = strstr(b->data, "\r\n\r\n"), *p = b->data, *space;

	if (!end)
		return false;
	*q = (struct request){ .body = end + 4 };
	for (bool first = true; p <= end; first = false) {
		size_t len = strcspn(p, "\r");

		if (first) {
			space = memchr(p, ' ', len);
			if (!space)
				_exit(1);
			q->method = xstrndup(p, (size_t)(space - p));
			q->path = xstrndup(space + 1,
					   strcspn(space + 1, " \r"));
		} else if (!strncasecmp(p, "Content-Length:", 15)) {
			q->body_len = number(p + 15 + (p[15] == ' '));
		} else if (strncasecmp(p, "Host:", 5)) {
			strvec_pushn(&q->headers, p, len);
		}
		p += len + 2;
	}
	if (b->len >= (size_t)(q->body - b->data) + q->body_len)
		return true;
	free(q->method);
	free(q->path);
	strvec_release(&q->headers);
	return false;
}

static _Noreturn void serve_connection(void)
{
	struct buf in = BUF_INIT(BODY_MAX);

	for (;;) {
		char *room = buf_reserve(&in, 65536);
		ssize_t n = room ? read(client, room, 65536) : -1;
		struct request q;

		if (n <= 0)
			_exit(0);
		buf_commit(&in, (size_t)n);
		while (take_request(&in, &q)) {
			size_t used = (size_t)(q.body - in.data) + q.body_len;

			add_credentials(&q.headers);
			serve(&q);
			free(q.method);
			free(q.path);
			strvec_release(&q.headers);
			memmove(in.data, in.data + used, in.len - used);
			buf_truncate(&in, in.len - used);
		}
	}
}

static int listen_somewhere(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0) {
		perror("fault-proxy");
		exit(1);
	}
	printf("port %d\n", ntohs(sin.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	struct kube_config_options o = { .path = argc > 1 ? argv[1] : NULL };
	struct err err = ERR_INIT;
	int listener;

	if (argc != 3)
		return 129;
	rules_path = argv[2];
	if (kube_config_load(&o, &config, &err) < 0)
		die("config", &err);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	listener = listen_somewhere();
	for (;;) {
		client = accept(listener, NULL, NULL);
		if (client < 0)
			return 1;
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(listener);
			serve_connection();
		}
		close(client);
	}
}
