/*
 * The hook's side of publishing on request. See ask.h and serve-ask.c.
 * Trusts the socket because of where it is: in the repository's own folder.
 * Bounds what comes back and how long it takes.
 */
#include "config.h"
#include "hooks/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hooks/listen.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"

static int no_answer(const char *folder, struct err *err)
{
	int sys = errno;

	if (sys == EACCES || sys == EPERM)
		return err_set(err, ERR_DENIED, "may not use '%s/" ASK_SOCKET
			       "'; ask the admin to put you in its group",
			       folder);
	return err_set(err, ERR_TRANSIENT, "nobody answers at '%s/" ASK_SOCKET
		       "' (%s); `windlass-hook serve` must run there", folder,
		       strerror(sys));
}

static int connect_to(const char *folder, int *ret_fd, struct err *err)
{
	int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, rc;
	struct listen_addr addr;
	char *name;

	if (dir < 0)
		return no_answer(folder, err);
	name = xasprintf("unix:/proc/self/fd/%d/" ASK_SOCKET, dir);
	rc = listen_parse(name, &addr, err);
	free(name);
	fd = rc < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (rc == 0 && fd < 0)
		rc = err_sys(err, "cannot make a socket");
	if (rc == 0 && connect(fd, (const struct sockaddr *)&addr.sa,
			       addr.len) < 0)
		rc = no_answer(folder, err);
	close(dir);
	if (rc < 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*ret_fd = fd;
	return 0;
}

bool ask_is_served(const struct host_config *host)
{
	struct err none = ERR_INIT;
	int fd;

	if (connect_to(host->state_dir, &fd, &none) < 0)
		return false;
	close(fd);
	return true;
}

/* Reads until the other side closes. */
static int read_answer(int fd, struct buf *out, struct err *err)
{
	int64_t deadline = clock_mono_ms() + LIMIT_ASK_SECONDS * 1000;

	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - clock_mono_ms();
		char chunk[4096];
		ssize_t n;

		if (left <= 0)
			return err_set(err, ERR_TRANSIENT, "publishing takes "
				       "more than %d s; serve goes on with it",
				       LIMIT_ASK_SECONDS);
		if (poll(&pfd, 1, (int)left) <= 0)
			continue;
		n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n == 0)
			return buf_check(out, "the answer of serve", err);
		if (n > 0)
			buf_add(out, chunk, (size_t)n);
		else if (errno != EINTR && errno != EAGAIN)
			return err_sys(err, "cannot read from serve");
	}
}

/* Passes the lines on. The status at the end, or -1 when there is none. */
static int pass_on(const char *text, struct feedback *fb)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		uint64_t status;

		if (!strncmp(text, "say ", 4))
			feedback_line(fb, "%.*s", (int)(len - 4), text + 4);
		else if (!strncmp(text, "end ", 4) &&
			 !parse_u64n(text + 4, len - 4, 0, 255, &status))
			return (int)status;
		text += len + (text[len] == '\n');
	}
	return -1;
}

int ask_publish(const struct host_config *host, const char *channel,
		struct feedback *fb, struct err *err)
{
	struct buf text = BUF_INIT(8 * LIMIT_FEEDBACK_BYTES);
	char *request = xasprintf("publish %s\n", channel);
	int fd = -1, rc = -1, status;

	if (connect_to(host->state_dir, &fd, err) < 0 ||
	    fs_write_fd(fd, "the socket of serve", request, strlen(request),
			err) < 0 ||
	    read_answer(fd, &text, err) < 0)
		goto out;
	status = pass_on(text.data, fb);
	if (status == 0)
		rc = 0;
	else if (status == 1)
		err_set(err, ERR_INVALID, "channel '%s' was not published",
			channel);
	else
		err_set(err, ERR_TRANSIENT, "serve could not publish channel "
			"'%s'; it tries again", channel);
out:
	if (fd >= 0)
		close(fd);
	buf_release(&text);
	free(request);
	return rc;
}
