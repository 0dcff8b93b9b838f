/*
 * The question for many heads and its answer. See heads.h. Both come from
 * strangers: read strictly, bounded by what the caller took in, and nothing is
 * copied but names.
 */
#include "config.h"
#include "schema/heads.h"

#include <string.h>

#include "schema/base/num.h"
#include "schema/object.h"

#define FIRST "windlass-heads " HEADS_VERSION "\n"

/* Takes the name, which is len bytes at text, if it follows the one in ret. */
static int take_name(const char *text, size_t len,
		     char ret[LIMIT_CHANNEL_BYTES + 1])
{
	char name[LIMIT_CHANNEL_BYTES + 1] = "";

	if (len > LIMIT_CHANNEL_BYTES)
		return -1;
	memcpy(name, text, len);
	if (strlen(name) != len || !is_channel_name(name) ||
	    strcmp(name, ret) <= 0)
		return -1;
	memcpy(ret, name, sizeof(name));
	return 0;
}

/* ---- the question ---- */

void heads_ask_begin(struct buf *out)
{
	buf_adds(out, FIRST);
}

void heads_ask_add(struct buf *out, const char *channel,
		   const struct sha256 *known)
{
	char hex[SHA256_HEX_SIZE] = "none";

	if (known)
		sha256_hex(known, hex);
	buf_addf(out, "%s %s\n", channel, hex);
}

int heads_ask_open(struct lines *ret, const char *text, size_t len,
		   struct err *err)
{
	*ret = (struct lines)LINES_INIT(text, len, ERR_INVALID);
	return lines_format(ret, "windlass-heads ", HEADS_VERSION, err);
}

int heads_ask_next(struct lines *l, struct heads_line *ret, struct err *err)
{
	int rc = lines_next(l, err);
	const char *space, *known;
	size_t len;

	if (rc <= 0)
		return rc;
	space = memchr(l->text, ' ', l->len);
	if (!space || take_name(l->text, (size_t)(space - l->text),
				ret->channel) < 0)
		return lines_error(l, err, "names no channel, or not one "
				   "that follows the one before");
	known = space + 1;
	len = l->len - (size_t)(known - l->text);
	ret->has = !(len == 4 && !memcmp(known, "none", 4));
	if (ret->has && sha256_parse(known, len, &ret->known) < 0)
		return lines_error(l, err, "has no SHA-256 of 64 hex digits, "
				   "nor 'none'");
	return 1;
}

/* ---- the answer ---- */

void heads_answer_begin(struct buf *out)
{
	buf_adds(out, FIRST);
}

void heads_answer_head(struct buf *out, const char *channel, const void *head,
		       size_t len)
{
	buf_addf(out, "head %s %zu\n", channel, len);
	buf_add(out, head, len);
}

void heads_answer_none(struct buf *out, const char *channel)
{
	buf_addf(out, "none %s\n", channel);
}

static int is_no_answer(struct err *err)
{
	return err_set(err, ERR_TRANSIENT, "it is no answer to a question for "
		       "heads");
}

int heads_answer_open(struct heads_reader *ret, const char *text, size_t len,
		      struct err *err)
{
	size_t first = strlen(FIRST);

	if (len < first || memcmp(text, FIRST, first))
		return is_no_answer(err);
	ret->next = text + first;
	ret->end = text + len;
	return 0;
}

/* "<channel> <bytes>", and the bytes behind the line. */
static int take_head(struct heads_reader *r, const char *line, size_t len,
		     struct heads_item *ret)
{
	const char *space = memchr(line, ' ', len);
	uint64_t bytes;

	if (!space ||
	    take_name(line, (size_t)(space - line), ret->channel) < 0 ||
	    parse_u64n(space + 1, len - (size_t)(space + 1 - line), 0,
		       LIMIT_HEAD_BYTES, &bytes) < 0 ||
	    bytes > (uint64_t)(r->end - r->next))
		return -1;
	ret->head = r->next;
	ret->len = (size_t)bytes;
	r->next += bytes;
	return 0;
}

int heads_answer_next(struct heads_reader *r, struct heads_item *ret,
		      struct err *err)
{
	const char *line = r->next, *end;
	size_t len;

	if (r->next == r->end)
		return 0;
	end = memchr(line, '\n', (size_t)(r->end - line));
	if (!end)
		return is_no_answer(err);
	len = (size_t)(end - line);
	r->next = end + 1;
	if (len > 5 && !memcmp(line, "head ", 5)) {
		if (take_head(r, line + 5, len - 5, ret) < 0)
			return is_no_answer(err);
		return 1;
	}
	if (len <= 5 || memcmp(line, "none ", 5) ||
	    take_name(line + 5, len - 5, ret->channel) < 0)
		return is_no_answer(err);
	ret->head = NULL;
	ret->len = 0;
	return 1;
}
