/*
 * Texts with their deltas. See patch.h. The form is that of gitformat-pack:
 * a copy instruction has bit 7 set and names up to four bytes of offset and
 * three of length; an insertion is its length, 1 to 127, and the bytes.
 */
#include "config.h"
#include "hooks/patch.h"

#include <stdint.h>
#include <string.h>

#define COPY 0x80
#define COPY_MAX 0xffffu	/* bytes of one copy; old readers know no more */
#define INSERT_MAX 127

void patch_init(struct patch *p, const char *old, size_t old_len, size_t max)
{
	*p = (struct patch){ .old = old, .old_len = old_len };
	buf_init(&p->text, max);
	/* every byte inserted, each 127 with a length byte */
	buf_init(&p->delta, max + max / INSERT_MAX + 64);
}

static void emit_copy(struct buf *out, size_t at, size_t len)
{
	while (len) {
		size_t n = len < COPY_MAX ? len : COPY_MAX;
		uint8_t op[8], *q = op + 1;

		op[0] = COPY;
		for (int i = 0; i < 4; i++)
			if (at >> (8 * i) & 0xff) {
				op[0] |= (uint8_t)(1 << i);
				*q++ = (uint8_t)(at >> (8 * i));
			}
		for (int i = 0; i < 3; i++)
			if (n >> (8 * i) & 0xff) {
				op[0] |= (uint8_t)(0x10 << i);
				*q++ = (uint8_t)(n >> (8 * i));
			}
		buf_add(out, op, (size_t)(q - op));
		at += n;
		len -= n;
	}
}

static void end_copy(struct patch *p)
{
	emit_copy(&p->delta, p->copy_at, p->copy_len);
	p->copy_len = 0;
}

void patch_copy(struct patch *p, size_t at, size_t len)
{
	if (!len)
		return;
	buf_add(&p->text, p->old + at, len);
	p->insert_len = 0;
	if (p->copy_len && p->copy_at + p->copy_len == at) {
		p->copy_len += len;
		return;
	}
	end_copy(p);
	p->copy_at = at;
	p->copy_len = len;
}

static void emit_insert(struct patch *p, const char *data, size_t len)
{
	while (len && buf_ok(&p->delta)) {
		size_t n = INSERT_MAX - p->insert_len;

		if (!p->insert_len || !n) {
			p->insert_at = p->delta.len;
			p->insert_len = 0;
			buf_addc(&p->delta, 0);
			n = INSERT_MAX;
		}
		n = n < len ? n : len;
		buf_add(&p->delta, data, n);
		if (!buf_ok(&p->delta))
			return;
		p->insert_len += n;
		p->delta.data[p->insert_at] = (char)p->insert_len;
		data += n;
		len -= n;
	}
}

void patch_insert(struct patch *p, const void *data, size_t len)
{
	buf_add(&p->text, data, len);
	end_copy(p);
	emit_insert(p, data, len);
}

void patch_hole(struct patch *p, size_t len, struct patch_hole *ret)
{
	static const char zeros[INSERT_MAX];

	/* an instruction of its own, so that it is in one piece */
	p->insert_len = 0;
	patch_insert(p, zeros, len);
	*ret = (struct patch_hole){ p->text.len - len, p->delta.len - len,
				    len };
}

void patch_fill(struct patch *p, const struct patch_hole *hole,
		const void *data)
{
	if (!buf_ok(&p->text) || !buf_ok(&p->delta))
		return;
	memcpy(p->text.data + hole->in_text, data, hole->len);
	memcpy(p->delta.data + hole->in_delta, data, hole->len);
}

bool patch_same(const struct patch *p)
{
	return p->text.len == p->old_len && !p->delta.len &&
	       p->copy_len == p->old_len && p->copy_at == 0;
}

static void add_size(struct buf *out, size_t v)
{
	while (v >= 0x80) {
		buf_addc(out, (char)(v | 0x80));
		v >>= 7;
	}
	buf_addc(out, (char)v);
}

void patch_delta(struct patch *p, struct buf *out)
{
	end_copy(p);
	add_size(out, p->old_len);
	add_size(out, p->text.len);
	buf_add(out, p->delta.data, p->delta.len);
}

void patch_release(struct patch *p)
{
	buf_release(&p->text);
	buf_release(&p->delta);
}

void patch_between(const char *old, size_t old_len, const char *text,
		   size_t len, struct buf *out)
{
	size_t most = old_len < len ? old_len : len, head = 0, tail = 0;
	struct patch p;

	while (head < most && old[head] == text[head])
		head++;
	while (tail < most - head &&
	       old[old_len - 1 - tail] == text[len - 1 - tail])
		tail++;
	patch_init(&p, old, old_len, len);
	patch_copy(&p, 0, head);
	patch_insert(&p, text + head, len - head - tail);
	patch_copy(&p, old_len - tail, tail);
	patch_delta(&p, out);
	patch_release(&p);
}
