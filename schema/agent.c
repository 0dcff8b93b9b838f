/*
 * ssh-agent. See agent.h. The socket may be somebody else's (a forwarded
 * agent, a hostile local user): the answer is read with a deadline and a
 * cap, and believed in no way but its frame.
 */
#include "config.h"
#include "schema/agent.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/limits.h"
#include "schema/sshwire.h"

#define MSG_FAILURE 5
#define MSG_SIGN_REQUEST 13
#define MSG_SIGN_RESPONSE 14
#define BUSY_RETRY_MS 10

struct agent {
	int fd;
	int64_t deadline;	/* monotonic milliseconds */
};

static int too_slow(struct err *err)
{
	return err_set(err, ERR_TRANSIENT, "ssh-agent did not answer within "
		       "%d ms", LIMIT_AGENT_MS);
}

/* Waits until the socket is ready for events, or the deadline. */
static int wait_for(struct agent *a, short events, struct err *err)
{
	for (;;) {
		struct pollfd p = { .fd = a->fd, .events = events };
		int64_t left = a->deadline - clock_mono_ms();
		int n;

		if (left <= 0)
			return too_slow(err);
		n = poll(&p, 1, (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys(err, "cannot wait for ssh-agent");
	}
}

static int dial(struct agent *a, const char *path, struct err *err)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(err, ERR_INVALID, "SSH_AUTH_SOCK is longer "
			       "than a socket's path can be: '%s'", path);
	memcpy(sa.sun_path, path, strlen(path));
	a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->fd < 0)
		return err_sys(err, "cannot make a socket");
	while (connect(a->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		struct timespec pause = { 0, BUSY_RETRY_MS * 1000000L };

		/* EAGAIN is a full backlog; a Unix socket gives no event */
		if (errno != EAGAIN && errno != EINTR) {
			err_sys(err, "cannot connect to ssh-agent at '%s'",
				path);
			err->class = ERR_TRANSIENT;
			return -1;
		}
		if (clock_mono_ms() >= a->deadline)
			return too_slow(err);
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int send_all(struct agent *a, const struct buf *b, struct err *err)
{
	for (size_t done = 0; done < b->len;) {
		ssize_t n = send(a->fd, b->data + done, b->len - done,
				 MSG_NOSIGNAL);

		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_sys(err, "cannot write to ssh-agent");
		if (wait_for(a, POLLOUT, err) < 0)
			return -1;
	}
	return 0;
}

static int receive(struct agent *a, struct buf *b, size_t n, struct err *err)
{
	char *p = buf_reserve(b, n);

	if (!p)
		return err_set(err, ERR_DENIED, "ssh-agent's answer is too "
			       "long");
	for (size_t done = 0; done < n;) {
		ssize_t got;

		/* first the deadline: a drip of bytes is always readable */
		if (wait_for(a, POLLIN, err) < 0)
			return -1;
		got = recv(a->fd, p + done, n - done, 0);
		if (got == 0)
			return err_set(err, ERR_TRANSIENT, "ssh-agent closed "
				       "the connection without an answer");
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return err_sys(err, "cannot read from ssh-agent");
		done += got > 0 ? (size_t)got : 0;
	}
	buf_commit(b, n);
	return 0;
}

/* One frame: its length, then so many bytes. */
static int receive_message(struct agent *a, struct buf *b, struct err *err)
{
	struct buf head = BUF_INIT(4);
	struct sshr r;
	uint32_t len;

	if (receive(a, &head, 4, err) < 0) {
		buf_release(&head);
		return -1;
	}
	r = (struct sshr)SSHR_INIT((uint8_t *)head.data, head.len);
	len = sshr_u32(&r);
	buf_release(&head);
	if (!len || len > LIMIT_AGENT_MESSAGE)
		return err_set(err, ERR_DENIED, "ssh-agent's answer has a "
			       "length of %u, not 1 to %u", len,
			       LIMIT_AGENT_MESSAGE);
	return receive(a, b, len, err);
}

static int read_answer(const struct buf *b, const struct sshkey *key,
		       struct buf *ret_inner, struct err *err)
{
	struct sshr r = SSHR_INIT((uint8_t *)b->data, b->len), inner;
	uint8_t type = sshr_u8(&r);

	if (type == MSG_FAILURE) {
		struct buf fp = BUF_INIT(64);

		sshkey_fingerprint(key, &fp);
		err_set(err, ERR_DENIED, "ssh-agent refused to sign with key "
			"%s: is it there (ssh-add -l), and was the request "
			"confirmed?", fp.data);
		buf_release(&fp);
		return -1;
	}
	if (type != MSG_SIGN_RESPONSE)
		return err_set(err, ERR_DENIED, "ssh-agent answered with "
			       "message %u instead of a signature", type);
	inner = sshr_string(&r);
	if (!sshr_done(&r))
		return err_set(err, ERR_DENIED, "ssh-agent's answer is "
			       "malformed");
	buf_add(ret_inner, inner.p, inner.len);
	return buf_check(ret_inner, "ssh-agent's signature", err);
}

static void write_request(const struct sshkey *key, const void *data,
			  size_t len, struct buf *out)
{
	struct buf body = BUF_INIT(LIMIT_AGENT_MESSAGE);
	struct buf blob = BUF_INIT(LIMIT_AGENT_MESSAGE);

	sshkey_write_blob(key, &blob);
	buf_addc(&body, MSG_SIGN_REQUEST);
	sshw_string(&body, blob.data, blob.len);
	sshw_string(&body, data, len);
	sshw_u32(&body, 0);
	if (body.toobig)
		out->toobig = true;
	sshw_string(out, body.data, body.len);
	buf_release(&blob);
	buf_release(&body);
}

int agent_sign(const char *socket_path, const struct sshkey *key,
	       const void *data, size_t len, struct buf *ret_inner,
	       struct err *err)
{
	struct agent a = {
		.fd = -1,
		.deadline = clock_mono_ms() + LIMIT_AGENT_MS,
	};
	struct buf out = BUF_INIT(LIMIT_AGENT_MESSAGE + 4);
	struct buf in = BUF_INIT(LIMIT_AGENT_MESSAGE);
	int rc = -1;

	write_request(key, data, len, &out);
	if (buf_check(&out, "a request to ssh-agent", err) < 0 ||
	    dial(&a, socket_path, err) < 0 ||
	    send_all(&a, &out, err) < 0 ||
	    receive_message(&a, &in, err) < 0)
		goto out;
	rc = read_answer(&in, key, ret_inner, err);
out:
	if (a.fd >= 0)
		close(a.fd);
	buf_release(&out);
	buf_release(&in);
	return rc;
}
