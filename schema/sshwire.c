/*
 * SSH's data encoding. See sshwire.h. Every byte may be a stranger's: all
 * lengths are compared with what is left before anything is read.
 */
#include "config.h"
#include "schema/sshwire.h"

#include <string.h>

#include "schema/base/mem.h"

const uint8_t *sshr_bytes(struct sshr *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || n > r->len) {
		r->bad = true;
		r->len = 0;
		return NULL;
	}
	r->p += n;
	r->len -= n;
	return p;
}

uint8_t sshr_u8(struct sshr *r)
{
	const uint8_t *p = sshr_bytes(r, 1);

	return p ? *p : 0;
}

uint32_t sshr_u32(struct sshr *r)
{
	const uint8_t *p = sshr_bytes(r, 4);

	if (!p)
		return 0;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		(uint32_t)p[2] << 8 | p[3];
}

struct sshr sshr_string(struct sshr *r)
{
	uint32_t len = sshr_u32(r);
	struct sshr s = SSHR_INIT(sshr_bytes(r, len), len);

	if (!s.p) {
		s.p = (const uint8_t *)"";
		s.len = 0;
		s.bad = true;
	}
	return s;
}

bool sshr_is(const struct sshr *r, const char *text)
{
	size_t len = strlen(text);

	return !r->bad && r->len == len && !memcmp(r->p, text, len);
}

bool sshr_expect(struct sshr *r, const char *text)
{
	struct sshr s = sshr_string(r);

	if (!sshr_is(&s, text))
		r->bad = true;
	return !r->bad;
}

const uint8_t *sshr_fixed(struct sshr *r, size_t n)
{
	struct sshr s = sshr_string(r);

	if (s.bad || s.len != n)
		r->bad = true;
	return r->bad ? NULL : s.p;
}

bool sshr_done(const struct sshr *r)
{
	return !r->bad && !r->len;
}

void sshw_u32(struct buf *out, uint32_t v)
{
	uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16),
			 (uint8_t)(v >> 8), (uint8_t)v };

	buf_add(out, b, sizeof(b));
}

void sshw_string(struct buf *out, const void *data, size_t len)
{
	if (len > UINT32_MAX)
		BUG("sshw_string");
	sshw_u32(out, (uint32_t)len);
	buf_add(out, data, len);
}

void sshw_text(struct buf *out, const char *text)
{
	sshw_string(out, text, strlen(text));
}
