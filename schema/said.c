/*
 * Names in refs of approvals. See said.h. A tag that does not parse says
 * nothing; whose it is, is what the host wrote, and what it wrote is a
 * stranger's text.
 */
#include "config.h"
#include "schema/said.h"

#include <string.h>

#include "schema/approval.h"
#include "schema/repo.h"

static int add_said(void *arg, const char *ref, const struct buf *raw,
		    struct err *err)
{
	struct said *s = arg;
	size_t payload, len = 0;
	const char *name = approval_ref_principal(ref, strlen(ref), &len);
	struct buf clean = BUF_INIT(1024);
	struct approval a;
	struct err none = ERR_INIT;
	struct strvec *names;

	if (s->n == LIMIT_APPROVALS) {
		s->more = true;
		return err_set(err, ERR_INVALID, "too many");
	}
	s->n++;
	if (!name || approval_parse(raw->data, raw->len, &a, &payload, &none))
		return 0;
	buf_add_scrubbed(&clean, name, len);
	names = a.reject ? &s->rejected : &s->approved;
	if (!strvec_has(names, clean.data))
		strvec_push(names, clean.data);
	buf_release(&clean);
	return 0;
}

void said_read(git_repository *repo, const struct bundle *b, struct said *ret)
{
	struct buf prefix = BUF_INIT(APPROVAL_NAME_BYTES);
	struct err none = ERR_INIT;

	*ret = (struct said){ STRVEC_INIT, STRVEC_INIT, 0, false };
	approval_refs(b->channel, b->epoch, b->sequence, &prefix);
	repo_each_tag(repo, prefix.data, LIMIT_APPROVAL_BYTES, add_said, ret,
		      &none);
	buf_release(&prefix);
}

void said_release(struct said *s)
{
	strvec_release(&s->approved);
	strvec_release(&s->rejected);
}
