/*
 * waiters: as many engines as are asked for, of which each waits for the next
 * head of one channel, and how soon each of them has it. What an engine does
 * besides waiting is left out: the question is what so many of them cost the
 * Git host.
 *
 *   waiters COUNT PORT PATH ETAG FILE
 *
 * Opens COUNT connections to 127.0.0.1:PORT, a thousand from each of
 * 127.0.1.1, 127.0.2.1 and so on as if they came from many places, asks on
 * each for PATH with `If-None-Match: ETAG` and a wait, and prints "waiting"
 * when all are asked. When all are answered it prints the milliseconds from
 * the change of FILE, the published head, to the first byte of an answer: the
 * median, the 99th percentile and the last. An answer that is no new head, or
 * a connection that ends, is an error.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "schema/base/mem.h"
#include "schema/base/num.h"

#define FROM_ONE_ADDRESS 1000
#define WAIT_S 50

struct crowd {
	uint64_t count, port;
	const char *path, *etag;
	int epoll;
	int64_t *told;		/* us of the real-time clock */
	uint64_t n_told;
};

static void fail(const char *what)
{
	fprintf(stderr, "waiters: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int64_t in_us(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000 + t->tv_nsec / 1000;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return in_us(&t);
}

static void want_descriptors(uint64_t count)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		fail("getrlimit");
	r.rlim_cur = r.rlim_max;
	if (r.rlim_cur < count + 16 || setrlimit(RLIMIT_NOFILE, &r)) {
		errno = EMFILE;
		fail("so many connections");
	}
}

/* The i-th waiter: connected and asked. Its socket. */
static int ask(const struct crowd *c, uint64_t i)
{
	uint32_t net = (uint32_t)(i / FROM_ONE_ADDRESS + 1);
	struct sockaddr_in from = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (net << 8)),
	};
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)c->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[512];
	int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n"
			   "Host: 127.0.0.1\r\nIf-None-Match: %s\r\n"
			   "Prefer: wait=%d\r\n\r\n", c->path, c->etag, WAIT_S);

	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)))
		fail("connect");
	if (len >= (int)sizeof(text) || write(fd, text, (size_t)len) != len)
		fail("write");
	return fd;
}

static void hear(struct crowd *c, int fd)
{
	static const char good[] = "HTTP/1.1 200 ";
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	if (n < (ssize_t)sizeof(good) || memcmp(text, good, sizeof(good) - 1)) {
		text[n > 0 ? n : 0] = '\0';
		text[strcspn(text, "\r\n")] = '\0';
		fprintf(stderr, "waiters: after %ju answers, instead of a head: "
			"%s\n", (uintmax_t)c->n_told, *text ? text : "the end");
		exit(1);
	}
	c->told[c->n_told++] = now_us();
	/* the rest of the answer is nobody's concern */
	if (epoll_ctl(c->epoll, EPOLL_CTL_DEL, fd, NULL))
		fail("epoll_ctl");
}

static void hear_all(struct crowd *c)
{
	struct epoll_event v[256];

	while (c->n_told < c->count) {
		int n = epoll_wait(c->epoll, v, ARRAY_SIZE(v), -1);

		if (n < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < n; i++)
			hear(c, v[i].data.fd);
	}
}

static void ask_all(struct crowd *c)
{
	for (uint64_t i = 0; i < c->count; i++) {
		struct epoll_event e = {
			.events = EPOLLIN, .data.fd = ask(c, i),
		};

		if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, e.data.fd, &e))
			fail("epoll_ctl");
	}
}

/* They are told in the order in which they are written down. */
static double after_ms(const struct crowd *c, int64_t began, uint64_t percent)
{
	uint64_t at = (c->count * percent + 99) / 100;

	return (double)(c->told[at - 1] - began) / 1000;
}

int main(int argc, char **argv)
{
	struct crowd c = { 0 };
	struct stat st;
	int64_t began;

	if (argc != 6 || parse_u64(argv[1], 1, 50000, &c.count) ||
	    parse_u64(argv[2], 1, 65535, &c.port)) {
		fputs("usage: waiters COUNT PORT PATH ETAG FILE\n", stderr);
		return 129;
	}
	c.path = argv[3];
	c.etag = argv[4];
	want_descriptors(c.count);
	c.told = xcalloc(c.count, sizeof(*c.told));
	c.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c.epoll < 0)
		fail("epoll_create1");
	ask_all(&c);
	puts("waiting");
	fflush(stdout);
	hear_all(&c);
	if (stat(argv[5], &st))
		fail(argv[5]);
	began = in_us(&st.st_ctim);
	printf("%.0f %.0f %.0f\n", after_ms(&c, began, 50),
	       after_ms(&c, began, 99), after_ms(&c, began, 100));
	free(c.told);
	return 0;
}
