/*
 * reporters: as many clusters as there are files in a folder, of which each
 * posts its report to `serve` at once, and what a head costs somebody else
 * meanwhile.
 *
 *   reporters PORT PATH FOLDER
 *
 * Each file of FOLDER is a signed report, named as its channel. All of them
 * are posted to 127.0.0.1:PORT at the same time, each on a connection of its
 * own from an address of its own, and once more after RETRY_MS where the
 * answer is 503 or 429. One more connection asks for PATH, a head, every
 * PROBE_MS: for a second before, and until the last report is taken. Prints
 * the median, the 99th percentile and the longest of the milliseconds that a
 * head took before and meanwhile, the milliseconds until the last report was
 * taken, and how many answers said "not now". Any other answer is an error.
 */
#include "config.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/limits.h"

#define RETRY_MS 200
#define PROBE_MS 5
#define BEFORE_MS 1000
#define PROBES_MAX 200000

/* One of them; the one who asks for heads is one without a report. */
struct peer {
	int fd;			/* -1: it waits until `at` */
	int64_t at;		/* monotonic ms */
	uint32_t address;
	char *text;		/* the request */
	size_t len;
	bool done;
};

struct times {
	double *ms;
	size_t n;
};

static int epoll;
static uint16_t port;

static void fail(const char *what)
{
	fprintf(stderr, "reporters: %s: %s\n", what, strerror(errno));
	exit(2);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1000000;
}

static void start(struct peer *p)
{
	struct sockaddr_in from = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + p->address),
	};
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = p };

	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&from, sizeof(from)) ||
	    connect(p->fd, (struct sockaddr *)&to, sizeof(to)))
		fail("connect");
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &e))
		fail("epoll_ctl");
}

static void ask(const struct peer *p)
{
	if (write(p->fd, p->text, p->len) != (ssize_t)p->len)
		fail("write");
}

/* The status of an answer, all of which comes at once. */
static int hear(const struct peer *p)
{
	char text[16384];
	ssize_t n = read(p->fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	if (n < 13 || strncmp(text, "HTTP/1.1 ", 9)) {
		fprintf(stderr, "reporters: no answer: %s\n", text);
		exit(1);
	}
	return (text[9] - '0') * 100 + (text[10] - '0') * 10 + text[11] - '0';
}

static void read_report(struct peer *p, const char *folder, const char *name)
{
	char *path = xasprintf("%s/%s", folder, name);
	struct buf report = BUF_INIT(LIMIT_REPORT_BYTES);
	struct buf text = BUF_INIT(LIMIT_REPORT_BYTES + 512);
	struct err err = ERR_INIT;

	if (fs_read(AT_FDCWD, path, &report, &err) < 0) {
		fprintf(stderr, "reporters: %s\n", err.msg);
		exit(2);
	}
	buf_addf(&text, "POST /%s/report HTTP/1.1\r\nHost: 127.0.0.1\r\n"
		 "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
		 name, report.len);
	buf_add(&text, report.data, report.len);
	p->text = buf_detach(&text, &p->len);
	buf_release(&report);
	free(path);
}

static struct peer *read_folder(const char *folder, size_t *ret_n)
{
	size_t n = 0, alloc = 0;
	struct peer *v = NULL;
	struct dirent *e;
	DIR *d = opendir(folder);

	if (!d)
		fail(folder);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if (n == alloc) {
			alloc = alloc ? 2 * alloc : 64;
			v = xreallocarray(v, alloc, sizeof(*v));
		}
		v[n] = (struct peer){ .fd = -1, .address = (uint32_t)n + 256 };
		read_report(&v[n++], folder, e->d_name);
	}
	closedir(d);
	*ret_n = n;
	return v;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print(struct times *t)
{
	qsort(t->ms, t->n, sizeof(*t->ms), by_size);
	printf("%.1f %.1f %.1f ", t->ms[t->n / 2], t->ms[t->n * 99 / 100],
	       t->ms[t->n - 1]);
}

/* An answer to who asks for heads, or time to ask once more. */
static void probe(struct peer *p, bool answered, struct times *t, double *asked)
{
	double now = now_ms();

	if (answered) {
		if (hear(p) != 200) {
			fputs("reporters: no head\n", stderr);
			exit(1);
		}
		if (t->n < PROBES_MAX)
			t->ms[t->n++] = now - *asked;
		p->at = (int64_t)now + PROBE_MS;
		*asked = 0;
	} else if (!*asked && now >= (double)p->at) {
		*asked = now;
		ask(p);
	}
}

/* An answer to a report; 1 where it was taken. */
static size_t settle(struct peer *p, size_t *refused)
{
	int status = hear(p);

	close(p->fd);
	p->fd = -1;
	if (status == 204) {
		p->done = true;
		return 1;
	}
	if (status != 503 && status != 429) {
		fprintf(stderr, "reporters: answer %d\n", status);
		exit(1);
	}
	++*refused;
	p->at = clock_mono_ms() + RETRY_MS;
	return 0;
}

static void begin_due(struct peer *v, size_t n)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < n; i++)
		if (!v[i].done && v[i].fd < 0 && v[i].at <= now) {
			start(&v[i]);
			ask(&v[i]);
		}
}

/* Until all of n are taken, or without any until a time. */
static void run(struct peer *asker, struct peer *v, size_t n, int64_t until,
		struct times *t, size_t *refused)
{
	struct epoll_event e[256];
	double asked = 0;
	size_t taken = 0;

	while ((n && taken < n) || (!n && clock_mono_ms() < until) || asked) {
		int k;

		begin_due(v, n);
		if (taken < n || !n)
			probe(asker, false, t, &asked);
		k = epoll_wait(epoll, e, ARRAY_SIZE(e), 1);
		if (k < 0 && errno != EINTR)
			fail("epoll_wait");
		/* first, or its answer would seem to come late */
		for (int i = 0; i < k; i++)
			if (e[i].data.ptr == asker)
				probe(asker, true, t, &asked);
		for (int i = 0; i < k; i++)
			if (e[i].data.ptr != asker)
				taken += settle(e[i].data.ptr, refused);
	}
}

int main(int argc, char **argv)
{
	struct times before = { .n = 0 }, meanwhile = { .n = 0 };
	struct peer asker = { .address = 1 }, *v;
	size_t n, refused = 0;
	int64_t began;
	uint64_t number;

	if (argc != 4 || parse_u64(argv[1], 1, 65535, &number)) {
		fputs("usage: reporters PORT PATH FOLDER\n", stderr);
		return 129;
	}
	port = (uint16_t)number;
	before.ms = xcalloc(PROBES_MAX, sizeof(double));
	meanwhile.ms = xcalloc(PROBES_MAX, sizeof(double));
	v = read_folder(argv[3], &n);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0 || !n)
		fail(argv[3]);
	asker.text = xasprintf("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
			       argv[2]);
	asker.len = strlen(asker.text);
	start(&asker);
	run(&asker, NULL, 0, clock_mono_ms() + BEFORE_MS, &before, NULL);
	began = clock_mono_ms();
	run(&asker, v, n, 0, &meanwhile, &refused);
	print(&before);
	print(&meanwhile);
	printf("%jd %zu\n", (intmax_t)(clock_mono_ms() - began), refused);
	return 0;
}
