/*
 * See http-server.h. Speaks just enough HTTP/1.1 for libcurl.
 */
#include "config.h"
#include "t/unit/http-server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/num.h"

struct buf server_file = BUF_INIT(1 << 20);

static int out_fd;

static void put(const char *data, size_t len)
{
	struct err err = ERR_INIT;

	if (fs_write_fd(out_fd, "a client", data, len, &err) < 0)
		_exit(0);
}

static void answer(const char *status, const char *more, const char *body,
		   size_t len)
{
	struct buf b = BUF_INIT(65536);

	buf_addf(&b, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nX-Test: yes\r\n"
		 "%s\r\n", status, len, more);
	put(b.data, b.len);
	put(body, len);
	buf_release(&b);
}

/* The number behind the first slash after the one that path begins with. */
static uint64_t number_in(const char *path)
{
	const char *slash = strchr(path + 1, '/');
	uint64_t n = 0;

	if (parse_u64n(slash + 1, strcspn(slash + 1, " /"), 0, 1 << 30,
		       &n) < 0)
		_exit(1);
	return n;
}

static void serve_changed(const char *path)
{
	uint64_t at = number_in(path), x = number_in(strchr(path + 1, '/'));

	server_file.data[at] ^= (char)x;
	answer("200 OK", "", server_file.data, server_file.len);
	server_file.data[at] ^= (char)x;
}

static void serve_bytes(uint64_t n)
{
	char *body = malloc(n + 1);

	memset(body, 'b', n);
	answer("200 OK", "", body, n);
	free(body);
}

static void serve_chunks(uint64_t n)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n"
		"Transfer-Encoding: chunked\r\n\r\n";

	put(head, strlen(head));
	while (n--) {
		put("6\r\nchunk\n\r\n", 11);
		usleep(10000);
	}
	put("0\r\n\r\n", 5);
}

static void serve_status(const char *path)
{
	char line[64];

	snprintf(line, sizeof(line), "%d Whatever", (int)number_in(path));
	answer(line, "Retry-After: 7\r\n", "status\n", 7);
}

static void serve_page(const char *request)
{
	static const char as[] = "\r\nImpersonate-User: ";
	const char *user = strstr(request, as);
	bool first = !memmem(request, strcspn(request, "\r"), "continue=", 9);
	struct buf b = BUF_INIT(65536);

	user = user ? user + strlen(as) : "";
	buf_addf(&b, "{\"kind\":\"List\",\"metadata\":{\"resourceVersion\":"
		 "\"1\",\"continue\":\"%s\"},\"items\":[{\"metadata\":{"
		 "\"name\":\"%.*s\"}}]}", first ? "more" : "",
		 (int)strcspn(user, "\r"), user);
	answer("200 OK", "", b.data, b.len);
	buf_release(&b);
}

static void serve(const char *request, size_t len)
{
	static const char stall[] = "HTTP/1.1 200 OK\r\n"
		"Content-Length: 100\r\n\r\nsome\n";
	const char *path = strchr(request, ' ');
	char text[32];

	if (!path++)
		_exit(1);
	if (!strncmp(path, "/hello", 6))
		answer("200 OK", "", "hello\n", 6);
	else if (!strncmp(path, "/bytes/", 7))
		serve_bytes(number_in(path));
	else if (!strncmp(path, "/chunks/", 8))
		serve_chunks(number_in(path));
	else if (!strncmp(path, "/flip/", 6))
		serve_changed(path);
	else if (!strncmp(path, "/cut/", 5))
		answer("200 OK", "", server_file.data, number_in(path));
	else if (!strncmp(path, "/status/", 8))
		serve_status(path);
	else if (!strncmp(path, "/redirect", 9))
		answer("302 Found", "Location: /hello\r\n", "", 0);
	else if (!strncmp(path, "/echo", 5))
		answer("200 OK", "", request, len);
	else if (!strncmp(path, "/connection", 11))
		answer("200 OK", "", text, (size_t)snprintf(text, sizeof(text),
						    "%d", (int)getpid()));
	else if (!strncmp(path, "/api/v1/as?", 11))
		serve_page(request);
	else if (!strncmp(path, "/close", 6))
		answer("200 OK", "Connection: close\r\n", "closed\n", 7);
	else if (!strncmp(path, "/stall", 6))
		put(stall, strlen(stall));
	else if (!strncmp(path, "/drop", 5))
		_exit(0);
	else if (strncmp(path, "/hang", 5))
		answer("404 Not Found", "", "", 0);
}

/* The length of the whole first request in b, or 0 if there is more to come */
static size_t whole_request(const struct buf *b)
{
	const char *end = strstr(b->data, "\r\n\r\n");
	const char *cl = strcasestr(b->data, "\r\nContent-Length: ");
	uint64_t body = 0;
	size_t need;

	if (!end)
		return 0;
	if (cl && cl < end && parse_u64n(cl + 18, strcspn(cl + 18, "\r"), 0,
					 1 << 30, &body) < 0)
		_exit(1);
	need = (size_t)(end + 4 - b->data) + body;
	return b->len >= need ? need : 0;
}

static void serve_connection(void)
{
	struct buf in = BUF_INIT(32 << 20);

	for (;;) {
		char *room = buf_reserve(&in, 65536);
		ssize_t n = read(out_fd, room, 65536);
		size_t len;

		if (n <= 0)
			_exit(0);
		buf_commit(&in, (size_t)n);
		while ((len = whole_request(&in))) {
			struct buf rest = BUF_INIT(32 << 20);

			buf_add(&rest, in.data + len, in.len - len);
			buf_truncate(&in, len);
			serve(in.data, len);
			buf_release(&in);
			in = rest;
		}
	}
}

static _Noreturn void serve_all(int listener)
{
	const int on = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(1);
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(listener);
			/* a head and its body are two writes */
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
				   sizeof(on));
			out_fd = fd;
			serve_connection();
		}
		close(fd);
	}
}

pid_t server_start(int *ret_port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	pid_t pid;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0) {
		perror("cannot start the test's server");
		exit(1);
	}
	pid = fork();
	if (pid == 0)
		serve_all(fd);
	close(fd);
	*ret_port = ntohs(sin.sin_port);
	return pid;
}

void server_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
