/*
 * Frames between windlassd and its fetching child, over a socketpair, and
 * the encoding of what is in them. The messages themselves are in
 * engine/source-msg.h.
 *
 *   u32 length of the payload | u16 type | u32 channel | payload
 *
 * Integers are little-endian. A payload is a fixed row of fields: integers,
 * raw digests, and strings with a u32 length before them; nothing optional,
 * nothing self-describing. Decoding is strict: a field beyond its bound, a
 * NUL in a text, a payload that is too short or too long is a protocol error,
 * and a protocol error ends the connection.
 */
#ifndef ENGINE_IPC_H
#define ENGINE_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/loop.h"
#include "schema/base/buf.h"
#include "schema/base/digest.h"
#include "schema/base/err.h"

#define IPC_HEADER_SIZE 10

struct ipc;

struct ipc_frame {
	uint16_t type;
	uint32_t channel;
	const uint8_t *data;	/* valid during the callback */
	size_t len;
};

struct ipc_ops {
	/* One whole frame. -1 is a protocol error: on_closed follows. */
	int (*on_frame)(void *arg, const struct ipc_frame *f, struct err *err);
	/* ipc_has_room is true again. May be NULL. */
	void (*on_room)(void *arg);
	/*
	 * Once, and the last callback: the peer closed between two frames
	 * (err is NULL), broke the protocol, or does not read what is sent.
	 */
	void (*on_closed)(void *arg, const struct err *err);
	void *arg;
};

/* Takes the descriptor, also on failure. ops is copied. */
int ipc_new(struct loop *l, int fd, const struct ipc_ops *ops,
	    struct ipc **ret, struct err *err);
/* Closes; what is still queued is dropped. Allowed inside callbacks. */
void ipc_free(struct ipc *ipc);

/*
 * Queues a frame and sends what the socket takes. Never blocks. A payload
 * that overflowed its buffer or LIMIT_IPC_FRAME is a BUG: senders bound what
 * they put in. When more than LIMIT_IPC_QUEUE waits, the peer counts as dead
 * and on_closed is called from the loop.
 */
void ipc_send(struct ipc *ipc, uint16_t type, uint32_t channel,
	      const struct buf *payload);
/*
 * False when a quarter of LIMIT_IPC_QUEUE waits: whoever streams stops until
 * on_room.
 */
bool ipc_has_room(const struct ipc *ipc);

/* Encoding: append to a payload. */
void ipc_put_u8(struct buf *b, uint8_t v);
void ipc_put_bool(struct buf *b, bool v);
void ipc_put_u32(struct buf *b, uint32_t v);
void ipc_put_u64(struct buf *b, uint64_t v);
void ipc_put_i64(struct buf *b, int64_t v);
void ipc_put_digest(struct buf *b, const struct sha256 *d);
void ipc_put_str(struct buf *b, const char *s);	/* NULL is sent as "" */
void ipc_put_bytes(struct buf *b, const void *data, size_t len);

/*
 * Decoding: read the fields in order, then ask once, by ipc_in_end, whether
 * all was well. After the first fault every field reads as zero or "".
 */
struct ipc_in {
	const uint8_t *p;
	size_t left;
	bool bad;
};

void ipc_in_init(struct ipc_in *in, const struct ipc_frame *f);
uint8_t ipc_get_u8(struct ipc_in *in);
bool ipc_get_bool(struct ipc_in *in);
uint32_t ipc_get_u32(struct ipc_in *in);
uint64_t ipc_get_u64(struct ipc_in *in);
int64_t ipc_get_i64(struct ipc_in *in);
void ipc_get_digest(struct ipc_in *in, struct sha256 *ret);
/* Into an array of `size` bytes, its NUL counted. */
void ipc_get_str(struct ipc_in *in, char *ret, size_t size);
/* Allocated; at most max bytes; no NUL inside. Never NULL. */
char *ipc_get_strdup(struct ipc_in *in, size_t max);
/* Bytes inside the frame, at most max of them. */
const uint8_t *ipc_get_bytes(struct ipc_in *in, size_t max, size_t *ret_len);
/* 0 if everything was there and nothing is left; else ERR_INVALID. */
int ipc_in_end(const struct ipc_in *in, const char *what, struct err *err);

#endif
