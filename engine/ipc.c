/*
 * Frames over a socketpair. See ipc.h.
 *
 * Neither side trusts the other: the child reads hostile bytes and may have
 * been taken over, so the parent takes nothing from it but exact frames with
 * bounded fields, and buffers a bounded number of bytes for it.
 */
#include "config.h"
#include "engine/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "schema/base/mem.h"
#include "schema/limits.h"

#define READ_CHUNK 65536
/* read in one turn of the loop, so that one busy peer does not fill it */
#define READ_TURN (4 * READ_CHUNK)
#define ROOM (LIMIT_IPC_QUEUE / 4)

struct ipc {
	struct loop *loop;
	struct loop_io *io;
	int fd;
	struct ipc_ops ops;
	struct buf in;
	size_t in_used;		/* bytes of `in` that were handed over */
	struct buf out;
	size_t out_sent;
	bool was_full;		/* ipc_has_room was false: on_room is owed */
	struct work closing;	/* tells on_closed from the loop */
	struct err why;
	bool dead;		/* on_closed is due or done */
	int depth;		/* callbacks under way */
	bool freed;		/* ipc_free was called in one of them */
};

static void on_io(void *arg, uint32_t events);

static size_t queued(const struct ipc *ipc)
{
	return ipc->out.len - ipc->out_sent;
}

bool ipc_has_room(const struct ipc *ipc)
{
	return queued(ipc) < ROOM;
}

static void destroy(struct ipc *ipc)
{
	loop_undefer(ipc->loop, &ipc->closing);
	if (ipc->io)
		loop_del_fd(ipc->io);
	close(ipc->fd);
	buf_wipe(&ipc->in);
	buf_wipe(&ipc->out);
	free(ipc);
}

void ipc_free(struct ipc *ipc)
{
	if (!ipc)
		return;
	if (ipc->depth)
		ipc->freed = true;
	else
		destroy(ipc);
}

/* Ends a callback; true if the ipc was freed in it, and is gone. */
static bool leave(struct ipc *ipc)
{
	if (--ipc->depth || !ipc->freed)
		return ipc->freed;
	destroy(ipc);
	return true;
}

static void tell_closed(void *arg)
{
	struct ipc *ipc = arg;

	ipc->depth++;
	ipc->ops.on_closed(ipc->ops.arg,
			   ipc->why.class == ERR_NONE ? NULL : &ipc->why);
	leave(ipc);
}

/* From here on nothing is read or sent; on_closed comes from the loop. */
static void die(struct ipc *ipc)
{
	if (ipc->dead)
		return;
	ipc->dead = true;
	loop_del_fd(ipc->io);
	ipc->io = NULL;
	loop_defer(ipc->loop, &ipc->closing);
}

static void want(struct ipc *ipc)
{
	if (!ipc->dead)
		loop_mod_fd(ipc->io, EPOLLIN | (queued(ipc) ? EPOLLOUT : 0));
}

int ipc_new(struct loop *l, int fd, const struct ipc_ops *ops,
	    struct ipc **ret, struct err *err)
{
	struct ipc *ipc;

	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		err_sys(err, "cannot make a socket non-blocking");
		close(fd);
		return -1;
	}
	ipc = xcalloc(1, sizeof(*ipc));
	ipc->loop = l;
	ipc->fd = fd;
	ipc->ops = *ops;
	buf_init(&ipc->in, IPC_HEADER_SIZE + LIMIT_IPC_FRAME + READ_CHUNK);
	buf_init(&ipc->out, 2 * (size_t)LIMIT_IPC_QUEUE);
	work_init(&ipc->closing, tell_closed, ipc);
	ipc->io = loop_add_fd(l, fd, EPOLLIN, on_io, ipc);
	*ret = ipc;
	return 0;
}

/* ---- sending ---- */

static void flush(struct ipc *ipc)
{
	while (queued(ipc)) {
		ssize_t n = send(ipc->fd, ipc->out.data + ipc->out_sent,
				 queued(ipc), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			err_sys(&ipc->why, "cannot write to the other process");
			die(ipc);
			return;
		}
		ipc->out_sent += (size_t)n;
	}
	if (ipc->out_sent == ipc->out.len) {
		/* may hold a token or a key: nothing stays behind */
		if (ipc->out.alloc > READ_CHUNK)
			buf_wipe(&ipc->out);
		else
			buf_reset(&ipc->out);
		ipc->out_sent = 0;
	}
	want(ipc);
}

/* Moves what is not sent yet to the front, when that is worth it. */
static void compact(struct ipc *ipc)
{
	size_t left = queued(ipc);

	if (ipc->out_sent < left || !ipc->out_sent)
		return;
	memmove(ipc->out.data, ipc->out.data + ipc->out_sent, left);
	buf_truncate(&ipc->out, left);
	ipc->out_sent = 0;
}

static void put_le(uint8_t *p, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = n - 1; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

void ipc_send(struct ipc *ipc, uint16_t type, uint32_t channel,
	      const struct buf *payload)
{
	uint8_t header[IPC_HEADER_SIZE];
	size_t len = payload ? payload->len : 0;

	if (len > LIMIT_IPC_FRAME || (payload && !buf_ok(payload)))
		BUG("an ipc frame is too large");
	if (ipc->dead)
		return;
	if (queued(ipc) + len > LIMIT_IPC_QUEUE) {
		err_set(&ipc->why, ERR_TRANSIENT,
			"the other process does not read what it is sent");
		die(ipc);
		return;
	}
	put_le(header, len, 4);
	put_le(header + 4, type, 2);
	put_le(header + 6, channel, 4);
	compact(ipc);
	buf_add(&ipc->out, header, sizeof(header));
	if (len)
		buf_add(&ipc->out, payload->data, len);
	flush(ipc);
	if (!ipc_has_room(ipc))
		ipc->was_full = true;
}

/* ---- receiving ---- */

/* Hands over one frame if it is complete. 1, 0 when not, -1 at the end. */
static int hand_over(struct ipc *ipc)
{
	const uint8_t *p = (const uint8_t *)ipc->in.data + ipc->in_used;
	size_t left = ipc->in.len - ipc->in_used;
	struct ipc_frame f;
	int rc;

	if (left < IPC_HEADER_SIZE)
		return 0;
	f.len = (size_t)get_le(p, 4);
	f.type = (uint16_t)get_le(p + 4, 2);
	f.channel = (uint32_t)get_le(p + 6, 4);
	f.data = p + IPC_HEADER_SIZE;
	if (f.len > LIMIT_IPC_FRAME) {
		err_set(&ipc->why, ERR_INVALID,
			"protocol error: a message of %zu bytes", f.len);
		die(ipc);
		return -1;
	}
	if (left < IPC_HEADER_SIZE + f.len)
		return 0;
	ipc->in_used += IPC_HEADER_SIZE + f.len;
	ipc->depth++;
	rc = ipc->ops.on_frame(ipc->ops.arg, &f, &ipc->why);
	if (leave(ipc))
		return -1;
	if (rc < 0)
		die(ipc);
	return ipc->dead ? -1 : 1;
}

/* -1 when there is nothing more to do with this ipc, which may be gone. */
static int hand_over_all(struct ipc *ipc)
{
	size_t left;
	int rc;

	while ((rc = hand_over(ipc)) > 0)
		;
	if (rc < 0)
		return -1;
	left = ipc->in.len - ipc->in_used;
	if (ipc->in_used) {
		memmove(ipc->in.data, ipc->in.data + ipc->in_used, left);
		buf_truncate(&ipc->in, left);
		ipc->in_used = 0;
	}
	if (!left && ipc->in.alloc > READ_CHUNK * 2)
		buf_wipe(&ipc->in);
	return 0;
}

static void at_end(struct ipc *ipc, ssize_t n)
{
	if (n < 0)
		err_sys(&ipc->why, "cannot read from the other process");
	else if (ipc->in.len)
		err_set(&ipc->why, ERR_INVALID,
			"protocol error: the other process ended inside a message");
	die(ipc);
}

static void receive(struct ipc *ipc)
{
	for (size_t total = 0; total < READ_TURN;) {
		char *p = buf_reserve(&ipc->in, READ_CHUNK);
		ssize_t n;

		if (!p)
			BUG("an ipc buffer is full");
		n = recv(ipc->fd, p, READ_CHUNK, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			at_end(ipc, n);
			return;
		}
		buf_commit(&ipc->in, (size_t)n);
		total += (size_t)n;
		if (hand_over_all(ipc) < 0)
			return;
	}
}

static void on_io(void *arg, uint32_t events)
{
	struct ipc *ipc = arg;

	ipc->depth++;
	if (events & EPOLLOUT)
		flush(ipc);
	if (!ipc->dead && ipc->was_full && ipc_has_room(ipc)) {
		ipc->was_full = false;
		if (ipc->ops.on_room)
			ipc->ops.on_room(ipc->ops.arg);
	}
	if (!ipc->dead && !ipc->freed && (events & ~(uint32_t)EPOLLOUT))
		receive(ipc);
	leave(ipc);
}

/* ---- fields ---- */

static void put_int(struct buf *b, uint64_t v, int n)
{
	uint8_t p[8];

	put_le(p, v, n);
	buf_add(b, p, (size_t)n);
}

void ipc_put_u8(struct buf *b, uint8_t v)
{
	put_int(b, v, 1);
}

void ipc_put_bool(struct buf *b, bool v)
{
	put_int(b, v, 1);
}

void ipc_put_u32(struct buf *b, uint32_t v)
{
	put_int(b, v, 4);
}

void ipc_put_u64(struct buf *b, uint64_t v)
{
	put_int(b, v, 8);
}

void ipc_put_i64(struct buf *b, int64_t v)
{
	put_int(b, (uint64_t)v, 8);
}

void ipc_put_digest(struct buf *b, const struct sha256 *d)
{
	buf_add(b, d->b, SHA256_SIZE);
}

void ipc_put_bytes(struct buf *b, const void *data, size_t len)
{
	if (len > LIMIT_IPC_FRAME)
		BUG("an ipc field is too large");
	ipc_put_u32(b, (uint32_t)len);
	buf_add(b, data, len);
}

void ipc_put_str(struct buf *b, const char *s)
{
	ipc_put_bytes(b, s ? s : "", s ? strlen(s) : 0);
}

void ipc_in_init(struct ipc_in *in, const struct ipc_frame *f)
{
	*in = (struct ipc_in){ f->data, f->len, false };
}

/* The next n bytes, or NULL. */
static const uint8_t *take(struct ipc_in *in, size_t n)
{
	const uint8_t *p = in->p;

	if (in->bad || n > in->left) {
		in->bad = true;
		return NULL;
	}
	in->p += n;
	in->left -= n;
	return p;
}

static uint64_t get_int(struct ipc_in *in, int n)
{
	const uint8_t *p = take(in, (size_t)n);

	return p ? get_le(p, n) : 0;
}

uint8_t ipc_get_u8(struct ipc_in *in)
{
	return (uint8_t)get_int(in, 1);
}

bool ipc_get_bool(struct ipc_in *in)
{
	uint64_t v = get_int(in, 1);

	if (v > 1)
		in->bad = true;
	return v == 1;
}

uint32_t ipc_get_u32(struct ipc_in *in)
{
	return (uint32_t)get_int(in, 4);
}

uint64_t ipc_get_u64(struct ipc_in *in)
{
	return get_int(in, 8);
}

int64_t ipc_get_i64(struct ipc_in *in)
{
	return (int64_t)get_int(in, 8);
}

void ipc_get_digest(struct ipc_in *in, struct sha256 *ret)
{
	const uint8_t *p = take(in, SHA256_SIZE);

	memset(ret, 0, sizeof(*ret));
	if (p)
		memcpy(ret->b, p, SHA256_SIZE);
}

const uint8_t *ipc_get_bytes(struct ipc_in *in, size_t max, size_t *ret_len)
{
	size_t len = ipc_get_u32(in);
	const uint8_t *p;

	if (len > max)
		in->bad = true;
	p = take(in, len);
	*ret_len = p ? len : 0;
	return p ? p : (const uint8_t *)"";
}

static const uint8_t *get_text(struct ipc_in *in, size_t max, size_t *ret_len)
{
	const uint8_t *p = ipc_get_bytes(in, max, ret_len);

	if (*ret_len && memchr(p, '\0', *ret_len)) {
		in->bad = true;
		*ret_len = 0;
	}
	return p;
}

void ipc_get_str(struct ipc_in *in, char *ret, size_t size)
{
	size_t len;
	const uint8_t *p = get_text(in, size - 1, &len);

	memcpy(ret, p, len);
	ret[len] = '\0';
}

char *ipc_get_strdup(struct ipc_in *in, size_t max)
{
	size_t len;
	const uint8_t *p = get_text(in, max, &len);

	return xstrndup((const char *)p, len);
}

int ipc_in_end(const struct ipc_in *in, const char *what, struct err *err)
{
	if (in->bad)
		return err_set(err, ERR_INVALID,
			       "protocol error: '%s' is malformed", what);
	if (in->left)
		return err_set(err, ERR_INVALID,
			       "protocol error: '%s' has %zu bytes too many",
			       what, in->left);
	return 0;
}
