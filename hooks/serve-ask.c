/*
 * Publishing on request: the unix socket <state_dir>/publish.sock. Who may
 * connect is decided by the folder's and the socket's modes; who it was is
 * logged. All that a request can do is what the timer would do a little
 * later: publish the tip of a channel that is configured.
 *
 * A request is the line "publish <channel>". The answer is a line
 * "say <text>" for each line of output, and at last "end <exit status>".
 */
#include "config.h"
#include "hooks/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/ask.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"

#define MAX_ASKERS 256
/* to send one line, or to take the answer */
#define ASKER_MS 5000

static void asker_end(struct serve *s, struct asker *a)
{
	int fd = a->io.fd;

	/* freed by serve_ask_expire, when nothing points to it any more */
	if (fd < 0)
		return;
	serve_unwatch(s, &a->io);
	close(fd);
}

static void send_answer(struct serve *s, struct asker *a)
{
	while (a->sent < a->answer.len) {
		ssize_t n = send(a->io.fd, a->answer.data + a->sent,
				 a->answer.len - a->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			serve_rewatch(s, &a->io, EPOLLOUT);
			return;
		}
		if (n <= 0)
			break;
		a->sent += (size_t)n;
	}
	asker_end(s, a);
}

static void answer(struct serve *s, struct asker *a, int status,
		   const char *output)
{
	while (*output) {
		size_t len = strcspn(output, "\n");

		buf_adds(&a->answer, "say ");
		buf_add(&a->answer, output, len);
		buf_addc(&a->answer, '\n');
		output += len + (output[len] == '\n');
	}
	buf_addf(&a->answer, "end %d\n", status);
	a->deadline = clock_mono_ms() + ASKER_MS;
	send_answer(s, a);
}

/* "publish <channel>\n" and nothing else. */
static void take_request(struct serve *s, struct asker *a)
{
	static const char verb[] = "publish ";
	char *name = a->request + strlen(verb);
	size_t len = a->len - 1;
	bool good;

	a->request[len] = '\0';
	good = strlen(a->request) == len &&
	       !strncmp(a->request, verb, strlen(verb));
	if (!good || (!serve_find(s, name, strlen(name)) &&
		      !serve_look_again(s, &s->ask_looks, name,
					strlen(name)))) {
		answer(s, a, EXIT_REFUSED, "no such channel here");
		return;
	}
	memcpy(a->channel, name, strlen(name) + 1);
	a->deadline = 0;
	s->next_check = 0;
	log_info("asked", LOG_S("channel", a->channel), LOG_N("uid", a->uid));
}

static void asker_ready(struct serve *s, struct source *src, uint32_t events)
{
	struct asker *a = (struct asker *)
		((char *)src - offsetof(struct asker, io));
	ssize_t n;

	if (a->answer.len) {
		send_answer(s, a);
		return;
	}
	(void)events;
	n = recv(src->fd, a->request + a->len, sizeof(a->request) - a->len,
		 MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || a->channel[0]) {
		/* gone, or talking out of turn */
		asker_end(s, a);
		return;
	}
	a->len += (size_t)n;
	if (a->request[a->len - 1] == '\n')
		take_request(s, a);
	else if (a->len == sizeof(a->request))
		asker_end(s, a);
}

static void accept_one(struct serve *s, int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);
	struct err err = ERR_INIT;
	struct asker *a;
	size_t n = 0;

	for (a = s->askers; a; a = a->next)
		n++;
	if (n >= MAX_ASKERS ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
		close(fd);
		return;
	}
	a = xcalloc(1, sizeof(*a));
	a->uid = peer.uid;
	a->io.fd = fd;
	a->io.ready = asker_ready;
	a->deadline = clock_mono_ms() + ASKER_MS;
	buf_init(&a->answer, 8 * LIMIT_FEEDBACK_BYTES);
	a->next = s->askers;
	s->askers = a;
	if (serve_watch(s, &a->io, EPOLLIN, &err) < 0)
		asker_end(s, a);
}

static void listen_ready(struct serve *s, struct source *src,
			 uint32_t events)
{
	int fd;

	(void)events;
	while ((fd = accept4(src->fd, NULL, NULL,
			     SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		accept_one(s, fd);
}

bool serve_ask_wanted(const struct serve *s, const char *channel)
{
	for (const struct asker *a = s->askers; a; a = a->next)
		if (a->io.fd >= 0 && !a->started &&
		    !strcmp(a->channel, channel))
			return true;
	return false;
}

void serve_ask_started(struct serve *s, const char *channel)
{
	for (struct asker *a = s->askers; a; a = a->next)
		if (!strcmp(a->channel, channel))
			a->started = true;
}

void serve_ask_done(struct serve *s, const char *channel, int status,
		    const char *output)
{
	for (struct asker *a = s->askers; a; a = a->next)
		if (a->io.fd >= 0 && a->started && !a->answer.len &&
		    !strcmp(a->channel, channel))
			answer(s, a, status, output);
}

static void asker_free(struct asker *a)
{
	buf_release(&a->answer);
	free(a);
}

int64_t serve_ask_expire(struct serve *s, int64_t now)
{
	int64_t next = -1;

	for (struct asker **p = &s->askers; *p;) {
		struct asker *a = *p;

		if (a->io.fd >= 0 && a->deadline && a->deadline <= now)
			asker_end(s, a);
		if (a->io.fd < 0) {
			*p = a->next;
			asker_free(a);
			continue;
		}
		if (a->deadline && (next < 0 || a->deadline < next))
			next = a->deadline;
		p = &a->next;
	}
	return next;
}

/* Members of the repository's group may ask. */
static void give_to_group(const struct serve *s)
{
	struct stat st, now;

	if (stat(s->host.config.git_dir, &st) < 0 ||
	    stat(s->ask_path, &now) < 0 ||
	    (now.st_gid != st.st_gid &&
	     chown(s->ask_path, (uid_t)-1, st.st_gid) < 0))
		log_warn("socket-group", LOG_S("path", s->ask_path));
}

static int open_socket(struct serve *s, struct err *err)
{
	const char *folder = s->host.config.state_dir;
	struct listen_addr addr;
	char *name;
	int dir, rc;

	if (fs_mkdirs(folder, 0750, err) < 0)
		return -1;
	dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, "cannot open '%s'", folder);
	/* a socket's path is short, a repository's may be long */
	name = xasprintf("unix:/proc/self/fd/%d/" ASK_SOCKET, dir);
	s->ask_path = xasprintf("%s/" ASK_SOCKET, folder);
	rc = listen_parse(name, &addr, err);
	addr.shown = s->ask_path;
	if (!rc)
		rc = listen_open(&addr, 0660, &s->ask.fd, err);
	free(name);
	close(dir);
	if (rc < 0) {
		/* it is not ours to remove */
		free(s->ask_path);
		s->ask_path = NULL;
	}
	if (rc < 0)
		return err_wrap(err, "does `windlass-hook serve` run for '%s' "
				"already?", s->host.config.git_dir);
	give_to_group(s);
	return 0;
}

int serve_ask_start(struct serve *s, struct err *err)
{
	if (s->given.ask >= 0)
		s->ask.fd = s->given.ask;
	else if (open_socket(s, err) < 0)
		return -1;
	s->ask.ready = listen_ready;
	return serve_watch(s, &s->ask, EPOLLIN, err);
}

void serve_ask_stop(struct serve *s)
{
	while (s->askers) {
		struct asker *a = s->askers;

		s->askers = a->next;
		asker_end(s, a);
		asker_free(a);
	}
	if (s->ask.fd >= 0)
		close(s->ask.fd);
	if (s->ask_path)
		unlink(s->ask_path);
	free(s->ask_path);
}
