/*
 * Messages of the fetching child and its parent. The first byte says which
 * (the numbers of enum source_msg), the rest is its payload. What decodes is
 * encoded again to the same bytes. 0 is the stream of frames itself.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/source-msg.h"
#include "schema/limits.h"
#include "t/fuzz/fuzz.h"

struct stream {
	struct loop *loop;
	size_t bytes, frames;
};

static int on_frame(void *arg, const struct ipc_frame *f, struct err *err)
{
	struct stream *s = arg;

	s->frames++;
	s->bytes += IPC_HEADER_SIZE + f->len;
	/* a sanitizer sees what is no memory of the frame */
	for (size_t i = 0; i < f->len; i++)
		s->bytes += f->data[i] & 0;
	return 0;
}

static void on_closed(void *arg, const struct err *err)
{
	loop_stop(((struct stream *)arg)->loop);
}

static void run_stream(const uint8_t *data, size_t size)
{
	struct stream s = { NULL, 0, 0 };
	struct ipc_ops ops = { on_frame, NULL, on_closed, &s };
	struct err err = ERR_INIT;
	struct ipc *ipc;
	int fds[2];

	/* what a socket takes at once, so that nobody has to read meanwhile */
	if (size > 4096)
		size = 4096;
	if (loop_new(&s.loop, &err) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
	    (size && write(fds[0], data, size) != (ssize_t)size) ||
	    ipc_new(s.loop, fds[1], &ops, &ipc, &err) < 0)
		abort();
	close(fds[0]);
	if (loop_run(s.loop, &err) < 0 || s.bytes > size)
		abort();
	ipc_free(ipc);
	loop_free(s.loop);
}

/* Decodes one payload and encodes it again. */
static int again(uint8_t type, struct ipc_in *in, struct buf *out)
{
	char path[SOURCE_PATH_SIZE];
	struct source_candidate candidate;
	struct source_config config;
	struct source_state state;
	struct consents consents;
	struct source_item item;
	struct source_pin pin;
	struct err err = ERR_INIT;
	int rc;

	switch (type) {
	case SOURCE_OPEN:
		source_get_settings(in, &config);
		rc = ipc_in_end(in, "OPEN", &err);
		if (!rc)
			source_put_settings(out, &config.s);
		source_config_release(&config);
		return rc;
	case SOURCE_ACCEPT:
		source_get_pin(in, &pin);
		source_put_pin(out, &pin);
		break;
	case SOURCE_STATE:
		source_get_state(in, &state);
		source_put_state(out, &state);
		break;
	case SOURCE_CANDIDATE:
		source_get_candidate(in, &candidate);
		source_put_candidate(out, &candidate);
		break;
	case SOURCE_CONSENTS:
		source_get_consents(in, &consents);
		source_put_consents(out, &consents);
		consents_release(&consents);
		break;
	case SOURCE_ITEMS:
		source_get_item(in, path, &item);
		source_put_item(out, &item);
		break;
	default:
		return -1;
	}
	return ipc_in_end(in, "x", &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = BUF_INIT(LIMIT_IPC_FRAME);
	struct ipc_frame f;
	struct ipc_in in;

	if (!size)
		return 0;
	if (data[0] == 0) {
		run_stream(data + 1, size - 1);
		return 0;
	}
	f = (struct ipc_frame){ data[0], 1, data + 1, size - 1 };
	ipc_in_init(&in, &f);
	if (!again(data[0], &in, &out) &&
	    (out.len != f.len || memcmp(out.data, f.data, f.len)))
		abort();
	buf_release(&out);
	return 0;
}
