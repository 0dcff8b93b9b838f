/*
 * Printing them. See said.h.
 */
#include "config.h"
#include "engine/cli/said.h"

#include <stdio.h>
#include <string.h>

#include "schema/approval.h"
#include "schema/repo.h"

/* whoever may have made them up */
#define NAMES_SHOWN 16

static void print_names(const char *before, const char *what,
			const struct strvec *names, const char *after)
{
	for (size_t i = 0; i < names->n && i < NAMES_SHOWN; i++)
		printf("%s%s%s", i ? "" : before, i ? ", " : what,
		       names->v[i]);
	if (names->n > NAMES_SHOWN)
		printf(" and %zu more", names->n - NAMES_SHOWN);
	if (names->n)
		puts(after);
}

static void print_said(const struct said *s, const char *before,
		       const char *after)
{
	print_names(before, "approved by ", &s->approved, after);
	print_names(before, "rejected by ", &s->rejected, after);
	if (s->more)
		printf("%smore was said than the %zu tags that were looked "
		       "at\n", before, s->n);
}

void said_print(git_repository *repo, const struct bundle *b,
		const char *before, const char *after)
{
	struct said s;

	said_read(repo, b, &s);
	print_said(&s, before, after);
	said_release(&s);
}

/* ---- by a list of one's own ---- */

bool said_is_by(const char *ref, size_t len, const struct trust *approvers)
{
	size_t n;
	const char *name = approval_ref_principal(ref, len, &n);

	for (size_t i = 0; name && i < approvers->n; i++) {
		const char *known = approvers->v[i].principal;

		if (strlen(known) == n && !memcmp(known, name, n))
			return true;
	}
	return false;
}

struct listed {
	const char *id;
	const struct bundle *bundle;
	const struct trust *approvers;
	int64_t now;
	struct said said;
};

/* The ref only says what need not be looked at; the key says who it was. */
static int add_listed(void *arg, const char *ref, const struct buf *raw,
		      struct err *err)
{
	struct listed *l = arg;
	struct strvec *names;
	struct err why = ERR_INIT;
	struct vote v;

	if (!said_is_by(ref, strlen(ref), l->approvers))
		return 0;
	if (l->said.n == LIMIT_APPROVALS) {
		l->said.more = true;
		return err_set(err, ERR_INVALID, "too many");
	}
	l->said.n++;
	if (approval_judge(raw->data, raw->len, l->id, l->bundle,
			   l->approvers, l->now, &v, &why))
		return 0;
	names = v.reject ? &l->said.rejected : &l->said.approved;
	if (!strvec_has(names, v.principal))
		strvec_push(names, v.principal);
	return 0;
}

void said_print_by(git_repository *repo, const char *id,
		   const struct bundle *b, const struct trust *approvers,
		   int64_t now, const char *before, const char *after)
{
	struct listed l = {
		.id = id, .bundle = b, .approvers = approvers, .now = now,
		.said = { STRVEC_INIT, STRVEC_INIT, 0, false },
	};
	struct buf prefix = BUF_INIT(APPROVAL_NAME_BYTES);
	struct err none = ERR_INIT;

	approval_refs(b->channel, b->epoch, b->sequence, &prefix);
	repo_each_tag(repo, prefix.data, LIMIT_APPROVAL_BYTES, add_listed, &l,
		      &none);
	print_said(&l.said, before, after);
	said_release(&l.said);
	buf_release(&prefix);
}
