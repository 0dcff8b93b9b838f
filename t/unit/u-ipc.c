/*
 * Frames over a socketpair: what goes in comes out, in any pieces; what is
 * no frame ends the connection; a peer that does not read costs a bounded
 * amount of memory.
 */
#include "config.h"
#include "engine/ipc.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "schema/base/mem.h"
#include "schema/limits.h"
#include "t/unit/tap.h"

struct side {
	struct ipc *ipc;
	int frames, closed, rooms;
	uint16_t type;
	uint32_t channel;
	size_t len;
	struct buf last;
	struct err err;
	bool refuse;		/* on_frame returns an error */
	bool free_in_frame;
	struct loop *stop;	/* stopped by on_frame and on_closed */
};

static struct loop *loop;

static int on_frame(void *arg, const struct ipc_frame *f, struct err *err)
{
	struct side *s = arg;

	s->frames++;
	s->type = f->type;
	s->channel = f->channel;
	s->len = f->len;
	buf_reset(&s->last);
	buf_add(&s->last, f->data, f->len);
	if (s->stop)
		loop_stop(s->stop);
	if (s->free_in_frame) {
		ipc_free(s->ipc);
		s->ipc = NULL;
	}
	return s->refuse ? err_set(err, ERR_INVALID, "not wanted") : 0;
}

static void on_room(void *arg)
{
	((struct side *)arg)->rooms++;
}

static void on_closed(void *arg, const struct err *err)
{
	struct side *s = arg;

	s->closed++;
	if (err)
		s->err = *err;
	loop_stop(loop);
}

static void side_open(struct side *s, int fd)
{
	struct ipc_ops ops = { on_frame, on_room, on_closed, s };
	struct err err = ERR_INIT;

	*s = (struct side){ .stop = loop };
	buf_init(&s->last, LIMIT_IPC_FRAME);
	if (ipc_new(loop, fd, &ops, &s->ipc, &err) < 0)
		BUG("ipc_new");
}

static void side_close(struct side *s)
{
	ipc_free(s->ipc);
	buf_release(&s->last);
}

static void on_late(void *arg)
{
	loop_stop(loop);
}

/* Runs until something stops the loop, at most for ms. */
static void run(int ms)
{
	struct timer late;
	struct err err = ERR_INIT;

	timer_init(&late, loop, on_late, NULL);
	timer_set(&late, ms);
	loop_run(loop, &err);
	timer_stop(&late);
}

static void pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		BUG("socketpair");
}

static void put_all(struct buf *b)
{
	struct sha256 d;

	memset(d.b, 7, sizeof(d.b));
	ipc_put_u8(b, 200);
	ipc_put_bool(b, true);
	ipc_put_u32(b, 0xfedcba98);
	ipc_put_u64(b, UINT64_MAX - 1);
	ipc_put_i64(b, INT64_MIN);
	ipc_put_digest(b, &d);
	ipc_put_str(b, "hello");
	ipc_put_str(b, NULL);
	ipc_put_str(b, "copied");
	ipc_put_bytes(b, "a\0b", 3);
}

static int get_all(const void *data, size_t len, bool *ret_same)
{
	struct ipc_frame f = { 1, 2, data, len };
	struct err err = ERR_INIT;
	struct sha256 d;
	struct ipc_in in;
	char five[6], none[1], *copy;
	const uint8_t *bytes;
	size_t n;
	bool same = true;

	ipc_in_init(&in, &f);
	same &= ipc_get_u8(&in) == 200;
	same &= ipc_get_bool(&in);
	same &= ipc_get_u32(&in) == 0xfedcba98;
	same &= ipc_get_u64(&in) == UINT64_MAX - 1;
	same &= ipc_get_i64(&in) == INT64_MIN;
	ipc_get_digest(&in, &d);
	same &= d.b[0] == 7 && d.b[31] == 7;
	ipc_get_str(&in, five, sizeof(five));
	same &= !strcmp(five, "hello");
	ipc_get_str(&in, none, sizeof(none));
	same &= !*none;
	copy = ipc_get_strdup(&in, 6);
	same &= !strcmp(copy, "copied");
	free(copy);
	bytes = ipc_get_bytes(&in, 3, &n);
	same &= n == 3 && !memcmp(bytes, "a\0b", 3);
	*ret_same = same;
	return ipc_in_end(&in, "test", &err);
}

static void test_fields(void)
{
	struct buf b = BUF_INIT(1000);
	struct ipc_frame f;
	struct ipc_in in;
	struct err err = ERR_INIT;
	char small[5], *copy;
	int accepted = 0;
	size_t n;
	bool same;

	put_all(&b);
	ok(!get_all(b.data, b.len, &same) && same, "every field comes back");
	for (size_t i = 0; i < b.len; i++)
		accepted += get_all(b.data, i, &same) == 0;
	is_int(accepted, 0, "a payload that is cut off anywhere");
	buf_addc(&b, 'x');
	ok(get_all(b.data, b.len, &same) < 0, "a payload of one byte more");

	buf_reset(&b);
	ipc_put_str(&b, "hello");
	f = (struct ipc_frame){ 1, 2, (uint8_t *)b.data, b.len };
	ipc_in_init(&in, &f);
	ipc_get_str(&in, small, sizeof(small));
	ok(ipc_in_end(&in, "x", &err) < 0 && !*small,
	   "a text beyond its array");
	ipc_in_init(&in, &f);
	copy = ipc_get_strdup(&in, 4);
	ok(ipc_in_end(&in, "x", &err) < 0 && !*copy, "a text beyond its limit");
	free(copy);
	ipc_in_init(&in, &f);
	ipc_get_bytes(&in, 4, &n);
	ok(ipc_in_end(&in, "x", &err) < 0 && !n, "bytes beyond their limit");
	buf_reset(&b);
	ipc_put_bytes(&b, "a\0b", 3);
	f = (struct ipc_frame){ 1, 2, (uint8_t *)b.data, b.len };
	ipc_in_init(&in, &f);
	ipc_get_str(&in, small, sizeof(small));
	ok(ipc_in_end(&in, "x", &err) < 0, "a NUL in a text");
	f = (struct ipc_frame){ 1, 2, (const uint8_t *)"\002", 1 };
	ipc_in_init(&in, &f);
	ipc_get_bool(&in);
	ok(ipc_in_end(&in, "x", &err) < 0, "a truth value of 2");
	f = (struct ipc_frame){ 1, 2, (const uint8_t *)"\377\377\377\377", 4 };
	ipc_in_init(&in, &f);
	copy = ipc_get_strdup(&in, SIZE_MAX);
	ok(ipc_in_end(&in, "x", &err) < 0, "a length of 2^32-1");
	free(copy);
	buf_release(&b);
}

static void test_frames(void)
{
	struct buf b = BUF_INIT(LIMIT_IPC_FRAME + 64ull);
	struct side a, z;
	int fds[2];

	pair(fds);
	side_open(&a, fds[0]);
	side_open(&z, fds[1]);
	ipc_send(a.ipc, 7, 99, NULL);
	run(2000);
	ok(z.frames == 1 && z.type == 7 && z.channel == 99 && !z.len,
	   "an empty frame");
	while (b.len < LIMIT_IPC_FRAME)
		buf_addf(&b, "%zu ", b.len);
	buf_truncate(&b, LIMIT_IPC_FRAME);
	ipc_send(a.ipc, 8, 100, &b);
	while (z.frames < 2 && !z.closed)
		run(2000);
	ok(z.frames == 2 && z.len == LIMIT_IPC_FRAME &&
	   !memcmp(z.last.data, b.data, b.len), "a frame of LIMIT_IPC_FRAME");
	ipc_send(a.ipc, 9, 101, NULL);
	ipc_send(a.ipc, 10, 102, NULL);
	while (z.frames < 4 && !z.closed)
		run(2000);
	is_int(z.type, 10, "two in one packet");
	z.refuse = true;
	ipc_send(a.ipc, 11, 0, NULL);
	while (!z.closed)
		run(2000);
	is_str(z.err.msg, "not wanted", "a refused frame closes");
	side_close(&z);
	while (!a.closed)
		run(2000);
	ok(a.err.class == ERR_NONE, "the other side sees an end");
	ipc_send(a.ipc, 12, 0, NULL);
	ok(a.closed == 1, "sending to nobody is harmless");
	side_close(&a);
	buf_release(&b);
}

/* Raw bytes on the wire, by hand. */
static void raw(const void *data, size_t len, bool then_close, struct side *z)
{
	int fds[2];

	pair(fds);
	side_open(z, fds[1]);
	for (size_t i = 0; i < len; i++) {
		if (write(fds[0], (const char *)data + i, 1) != 1)
			BUG("write");
		run(i % 4 ? 0 : 1);
	}
	if (then_close)
		close(fds[0]);
	while (!z->closed && then_close)
		run(2000);
	run(5);
	if (!then_close)
		close(fds[0]);
}

static void test_wire(void)
{
	uint8_t frame[] = { 2, 0, 0, 0, 5, 1, 4, 3, 2, 1, 'h', 'i' };
	uint8_t big[] = { 0, 0, 0, 0, 1, 0, 0, 0, 0, 0 };
	struct side z;
	uint32_t n = LIMIT_IPC_FRAME + 1;

	raw(frame, sizeof(frame), true, &z);
	ok(z.frames == 1 && z.type == 0x105 && z.channel == 0x01020304 &&
	   !strcmp(z.last.data, "hi"), "little-endian, byte by byte");
	ok(z.closed == 1 && z.err.class == ERR_NONE, "an end between frames");
	side_close(&z);
	raw(frame, sizeof(frame) - 1, true, &z);
	ok(!z.frames && strstr(z.err.msg, "inside a message"),
	   "an end inside a frame");
	side_close(&z);
	for (int i = 0; i < 4; i++)
		big[i] = (uint8_t)(n >> (8 * i));
	raw(big, sizeof(big), false, &z);
	ok(z.closed == 1 && strstr(z.err.msg, "protocol error"),
	   "a frame of one byte more than the limit");
	side_close(&z);
}

static void test_pressure(void)
{
	struct buf b = BUF_INIT(65536);
	struct side a, z;
	int fds[2];
	char chunk[65536];
	size_t sent = 0;

	memset(buf_reserve(&b, 65536), 'x', 65536);
	buf_commit(&b, 65536);
	pair(fds);
	side_open(&a, fds[0]);
	while (ipc_has_room(a.ipc)) {
		ipc_send(a.ipc, 1, 1, &b);
		sent += b.len;
	}
	ok(sent < LIMIT_IPC_QUEUE / 2, "no room after a bounded number of bytes");
	for (int i = 0; i < 1000 && !a.rooms; i++) {
		if (read(fds[1], chunk, sizeof(chunk)) < 0)
			BUG("read");
		run(0);
	}
	ok(a.rooms == 1 && ipc_has_room(a.ipc), "room again once it is read");
	for (size_t i = 0; i <= LIMIT_IPC_QUEUE / b.len + 10; i++)
		ipc_send(a.ipc, 1, 1, &b);
	run(100);
	ok(a.closed == 1 && strstr(a.err.msg, "does not read"),
	   "who does not read at all is given up");
	side_close(&a);
	close(fds[1]);

	pair(fds);
	side_open(&a, fds[0]);
	side_open(&z, fds[1]);
	z.free_in_frame = true;
	ipc_send(a.ipc, 1, 1, &b);
	ipc_send(a.ipc, 1, 1, &b);
	while (!a.closed)
		run(2000);
	ok(z.frames == 1 && !z.closed, "freed inside its own callback");
	side_close(&a);
	side_close(&z);
	buf_release(&b);
}

int main(void)
{
	struct err err = ERR_INIT;

	if (loop_new(&loop, &err) < 0)
		BUG("loop_new");
	test_fields();
	test_frames();
	test_wire();
	test_pressure();
	loop_free(loop);
	return tap_done();
}
