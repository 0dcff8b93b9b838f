/*
 * Bounded byte buffers. See buf.h.
 */
#include "config.h"
#include "schema/base/buf.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/utf8.h"

char buf_empty[1];

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf)BUF_INIT(max);
}

void buf_release(struct buf *b)
{
	if (b->alloc)
		free(b->data);
	buf_init(b, b->max);
}

void buf_wipe(struct buf *b)
{
	if (b->alloc)
		sodium_memzero(b->data, b->alloc);
	buf_release(b);
}

void buf_reset(struct buf *b)
{
	b->toobig = false;
	buf_truncate(b, 0);
}

void buf_truncate(struct buf *b, size_t len)
{
	if (len > b->len)
		BUG("buf_truncate beyond the end");
	b->len = len;
	if (b->alloc)
		b->data[len] = '\0';
}

char *buf_reserve(struct buf *b, size_t n)
{
	if (b->toobig || n > b->max - b->len) {
		b->toobig = true;
		return NULL;
	}
	if (b->len + n + 1 > b->alloc) {
		size_t alloc = b->alloc ? b->alloc * 2 : 64;

		if (alloc < b->len + n + 1)
			alloc = b->len + n + 1;
		if (alloc - 1 > b->max)
			alloc = b->max + 1;
		b->data = xreallocarray(b->alloc ? b->data : NULL, alloc, 1);
		b->alloc = alloc;
		b->data[b->len] = '\0';
	}
	return b->data + b->len;
}

void buf_commit(struct buf *b, size_t n)
{
	if (n >= b->alloc - b->len)
		BUG("buf_commit beyond what was reserved");
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_add_growing(struct buf *b, const void *data, size_t len)
{
	char *p = buf_reserve(b, len);

	if (!p)
		return;
	if (len)
		memcpy(p, data, len);
	buf_commit(b, len);
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	char *p;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	if (len < 0)
		BUG("buf_addf format");
	p = buf_reserve(b, (size_t)len);
	if (p) {
		vsnprintf(p, (size_t)len + 1, fmt, again);
		buf_commit(b, (size_t)len);
	}
	va_end(again);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

void buf_add_scrubbed(struct buf *b, const char *s, size_t len)
{
	while (len) {
		size_t good = utf8_printable(s, len);
		size_t n = good ? good : utf8_length(s, len);

		n += !n;	/* a byte that is no UTF-8 */
		if (good)
			buf_add(b, s, n);
		for (size_t i = 0; !good && i < n; i++)
			buf_addf(b, "\\x%02x", (unsigned char)s[i]);
		s += n;
		len -= n;
	}
}

int buf_check(const struct buf *b, const char *what, struct err *err)
{
	if (b->toobig)
		return err_set(err, ERR_INVALID, "%s is larger than %zu bytes",
			       what, b->max);
	return 0;
}

char *buf_detach(struct buf *b, size_t *ret_len)
{
	char *data = b->alloc ? b->data : xstrdup("");

	if (ret_len)
		*ret_len = b->len;
	buf_init(b, b->max);
	return data;
}

void buf_add_quoted(struct buf *b, const char *s)
{
	buf_addc(b, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(b, "'\\''");
		else
			buf_addc(b, *s);
	}
	buf_addc(b, '\'');
}

void buf_add_word(struct buf *b, const char *s)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789/._-+:@%,";

	if (*s && !s[strspn(s, plain)])
		buf_adds(b, s);
	else
		buf_add_quoted(b, s);
}
