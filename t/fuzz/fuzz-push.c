/*
 * What git tells a hook on stdin, which a dispatcher may have garbled: what
 * is read is written as git writes it, and that is read as the same.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "hooks/receive.h"
#include "schema/limits.h"
#include "t/fuzz/fuzz.h"

#define NO_ID "0000000000000000000000000000000000000000"

static void add_id(struct buf *b, const char *id)
{
	if (*id && (strlen(id) != GIT_HEX_SIZE - 1 || !strcmp(id, NO_ID) ||
		    strspn(id, "0123456789abcdef") != GIT_HEX_SIZE - 1))
		abort();
	buf_adds(b, *id ? id : NO_ID);
	buf_addc(b, ' ');
}

static void write_updates(const struct updates *us, struct buf *b)
{
	if (us->n > LIMIT_PUSH_REFS)
		abort();
	for (size_t i = 0; i < us->n; i++) {
		const struct update *u = &us->v[i];

		if (!*u->ref || strchr(u->ref, '\n') || u->target != u->ref)
			abort();
		add_id(b, u->old_id);
		add_id(b, u->new_id);
		buf_adds(b, u->ref);
		buf_addc(b, '\n');
		ref_is_closed(u->ref);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = BUF_INIT(LIMIT_PUSH_BYTES);
	struct buf again = BUF_INIT(LIMIT_PUSH_BYTES);
	struct updates us = UPDATES_INIT, them = UPDATES_INIT;
	struct err err = ERR_INIT;

	if (updates_parse((const char *)data, size, &us, &err)) {
		if (err.class != ERR_INVALID || us.n)
			abort();
		return 0;
	}
	write_updates(&us, &b);
	/* blank lines, and a last LF that may be missing, are all it loses */
	if (b.len > size + 1 ||
	    updates_parse(b.data, b.len, &them, &err) || them.n != us.n)
		abort();
	write_updates(&them, &again);
	if (again.len != b.len || memcmp(again.data, b.data, b.len))
		abort();
	updates_release(&us);
	updates_release(&them);
	buf_release(&b);
	buf_release(&again);
	return 0;
}
