/*
 * Heads. See head.h. The frame is found before the signature is known to be
 * good, so head_split looks at nothing but the frame; the text is read after
 * that, and only as exactly what head_write writes.
 */
#include "config.h"
#include "schema/head.h"

#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/num.h"
#include "schema/sshsig.h"

static void write_ref(const struct pack_ref *r, struct buf *out)
{
	char hex[SHA256_HEX_SIZE];

	sha256_hex(&r->digest, hex);
	buf_addf(out, "sha256:%s %llu\n", hex, (unsigned long long)r->bytes);
}

bool head_same_approvals(const struct head *a, const struct head *b)
{
	return a->has_approvals == b->has_approvals &&
	       (!a->has_approvals ||
		sha256_equal(&a->approvals.digest, &b->approvals.digest));
}

void head_write(const struct head *h, struct buf *out)
{
	char hex[SHA256_HEX_SIZE];
	char issued[CLOCK_TEXT_SIZE], expires[CLOCK_TEXT_SIZE];

	sha256_hex(&h->content, hex);
	clock_format(h->issued, issued);
	clock_format(h->expires, expires);
	buf_addf(out, "windlass-head 1\nchannel %s\nchannel-id %s\n",
		 h->channel, h->channel_id);
	buf_addf(out, "epoch %llu\nsequence %llu\nbundle %s\n",
		 (unsigned long long)h->epoch,
		 (unsigned long long)h->sequence, h->bundle);
	buf_addf(out, "content sha256:%s\nissued %s\nexpires %s\nindex ", hex,
		 issued, expires);
	write_ref(&h->index, out);
	buf_adds(out, "delta ");
	if (h->has_delta) {
		buf_addf(out, "%s ", h->delta_from);
		write_ref(&h->delta, out);
	} else {
		buf_adds(out, "none\n");
	}
	buf_adds(out, "approvals ");
	if (h->has_approvals)
		write_ref(&h->approvals, out);
	else
		buf_adds(out, "none\n");
}

int head_split(const char *data, size_t len, size_t *ret_text_len,
	       struct err *err)
{
	return sshsig_split("head", LIMIT_HEAD_BYTES, data, len, ret_text_len,
			    err);
}

int pack_ref_parse(const struct lines *l, const char *text, size_t len,
		   uint64_t max, struct pack_ref *ret, struct err *err)
{
	static const char prefix[] = "sha256:";
	const size_t before = sizeof(prefix) - 1;
	const size_t bytes = before + SHA256_SIZE * 2 + 1;
	struct pack_ref r;

	if (len <= bytes || memcmp(text, prefix, before) ||
	    text[bytes - 1] != ' ' ||
	    sha256_parse(text + before, SHA256_SIZE * 2, &r.digest) < 0)
		return lines_error(l, err, "has no 'sha256:<64 hex digits> "
				   "<bytes>' at its end");
	if (parse_u64n(text + bytes, len - bytes, 1, max, &r.bytes) < 0)
		return lines_error(l, err, "has a length that is not from 1 "
				   "to %llu", (unsigned long long)max);
	*ret = r;
	return 0;
}

static int read_ref(struct lines *l, const char *prefix, uint64_t max,
		    struct pack_ref *ret, struct err *err)
{
	const char *v;
	size_t len;

	if (lines_value(l, prefix, &v, &len, err) < 0)
		return -1;
	return pack_ref_parse(l, v, len, max, ret, err);
}

/* The next line is "<prefix>none". */
static bool is_none(const struct lines *l, const char *line)
{
	size_t n = strlen(line);

	return (size_t)(l->end - l->next) >= n && !memcmp(l->next, line, n);
}

static int read_delta(struct lines *l, struct head *h, struct err *err)
{
	const size_t id = GIT_HEX_SIZE - 1;
	const char *v;
	size_t len;

	h->has_delta = !is_none(l, "delta none\n");
	if (!h->has_delta)
		return lines_literal(l, "delta none", err);
	if (lines_value(l, "delta ", &v, &len, err) < 0)
		return -1;
	if (len <= id || !is_git_id(v, id) || v[id] != ' ')
		return lines_error(l, err, "names no bundle that the delta "
				   "begins with");
	memcpy(h->delta_from, v, id);
	h->delta_from[id] = '\0';
	if (h->sequence == 1 || !strcmp(h->delta_from, h->bundle))
		return lines_error(l, err, "is a delta from a bundle that "
				   "cannot be the one before");
	return pack_ref_parse(l, v + id + 1, len - id - 1, LIMIT_PACK_BYTES,
			      &h->delta, err);
}

static int read_times(struct lines *l, struct head *h, struct err *err)
{
	if (lines_time(l, "issued ", &h->issued, err) < 0 ||
	    lines_time(l, "expires ", &h->expires, err) < 0)
		return -1;
	if (h->expires <= h->issued ||
	    h->expires - h->issued > LIMIT_HEAD_LIFE)
		return lines_error(l, err, "expires must be after issued, by "
				   "at most %d days", LIMIT_HEAD_LIFE / 86400);
	return 0;
}

static int read_approvals(struct lines *l, struct head *h, struct err *err)
{
	h->has_approvals = !is_none(l, "approvals none\n");
	if (!h->has_approvals)
		return lines_literal(l, "approvals none", err);
	return read_ref(l, "approvals ", LIMIT_APPROVALS_BYTES, &h->approvals,
			err);
}

static int read_fields(struct lines *l, struct head *h, struct err *err)
{
	if (lines_format(l, "windlass-head ", "1", err) < 0 ||
	    lines_channel(l, "channel ", h->channel, err) < 0 ||
	    lines_channel_id(l, "channel-id ", h->channel_id, err) < 0 ||
	    lines_u64(l, "epoch ", 1, LIMIT_SEQUENCE, &h->epoch, err) < 0 ||
	    lines_u64(l, "sequence ", 1, LIMIT_SEQUENCE, &h->sequence,
		      err) < 0 ||
	    lines_git_id(l, "bundle ", h->bundle, err) < 0 ||
	    lines_sha256(l, "content sha256:", &h->content, err) < 0 ||
	    read_times(l, h, err) < 0 ||
	    read_ref(l, "index ", LIMIT_INDEX_BYTES, &h->index, err) < 0 ||
	    read_delta(l, h, err) < 0 ||
	    read_approvals(l, h, err) < 0)
		return -1;
	return lines_end(l, err);
}

int head_parse(const char *text, size_t len, struct head *ret,
	       struct err *err)
{
	struct lines l = LINES_INIT(text, len, ERR_DENIED);
	struct head h = { 0 };

	if (read_fields(&l, &h, err) < 0)
		return err_wrap(err, "head");
	*ret = h;
	return 0;
}
