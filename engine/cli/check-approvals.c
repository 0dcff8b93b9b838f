/*
 * Judging approvals for a person who looks. See check-approvals.h. Trusts the
 * caller's list of approvers, and nothing that a repository or a Git host
 * says.
 */
#include "config.h"
#include "engine/cli/check-approvals.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/num.h"
#include "schema/repo.h"

#define OF_SIZE 128

struct tally {
	const struct approvals_check *c;
	const char *id;
	const struct bundle *bundle;
	char of[OF_SIZE];
	/* who consents, each once */
	char people[LIMIT_APPROVALS][LIMIT_PRINCIPAL_BYTES + 1];
	size_t n;
	/* of a repository: tags that were judged, or there were too many */
	size_t judged;
	bool too_many;
};

static void begin(struct tally *t, const struct approvals_check *c,
		  const char *id, const struct bundle *b)
{
	*t = (struct tally){ .c = c, .id = id, .bundle = b };
	snprintf(t->of, sizeof(t->of), "%s %" PRIu64 ".%" PRIu64, b->channel,
		 b->epoch, b->sequence);
}

static struct subject about(const struct tally *t)
{
	return (struct subject){ t->of, t->id, "approval" };
}

static void add_person(struct tally *t, const char *name)
{
	size_t i = 0;

	while (i < t->n && strcmp(t->people[i], name))
		i++;
	if (i == t->n && t->n < LIMIT_APPROVALS)
		snprintf(t->people[t->n++], sizeof(t->people[0]), "%s", name);
}

static void count(struct tally *t, const struct vote *v)
{
	static const struct verdict bad = { SOURCE_VERIFIED, SOURCE_BUNDLE };
	const struct subject what = about(t);
	char until[CLOCK_TEXT_SIZE];
	struct err err = ERR_INIT;

	if (v->reject) {
		err_set(&err, ERR_DENIED, "rejected by %s", v->principal);
		result_refused(t->c->results, &what, &bad, &err);
		return;
	}
	if (t->c->touch && !v->touch) {
		err_set(&err, ERR_DENIED, "the key of '%s' wants no touch",
			v->principal);
		result_skipped(t->c->results, &what, err.msg);
		return;
	}
	if (t->c->not_by_pusher && !t->bundle->pushers.n) {
		result_skipped(t->c->results, &what, "the bundle does not say "
			       "who pushed: it could be anybody");
		return;
	}
	if (t->c->not_by_pusher &&
	    pushers_have(&t->bundle->pushers, v->principal)) {
		err_set(&err, ERR_DENIED, "'%s' pushed what is new in it",
			v->principal);
		result_skipped(t->c->results, &what, err.msg);
		return;
	}
	clock_format(v->not_after, until);
	add_person(t, v->principal);
	result_ok(t->c->results, &what, "by %s, until %s%s", v->principal,
		  until, v->touch ? ", with a security key" : "");
}

static int judge(void *arg, const char *ref, const struct buf *raw,
		 struct err *err)
{
	static const struct verdict bad = { SOURCE_VERIFIED, SOURCE_BUNDLE };
	struct tally *t = arg;
	const struct subject what = about(t);
	struct err why = ERR_INIT;
	struct vote v;
	int rc = approval_judge(raw->data, raw->len, t->id, t->bundle,
				t->c->approvers, t->c->now, &v, &why);

	(void)ref;
	(void)err;
	if (rc == 0)
		count(t, &v);
	else if (rc > 0)
		result_skipped(t->c->results, &what, why.msg);
	else
		result_refused(t->c->results, &what, &bad, &why);
	return 0;
}

/* Are they enough? */
static void conclude(struct tally *t)
{
	static const struct verdict bad = { SOURCE_VERIFIED, SOURCE_BUNDLE };
	const struct subject what = { t->of, t->id, "approvals" };
	uint64_t needed = t->c->needed;
	struct err err = ERR_INIT;

	if (t->n >= needed) {
		result_ok(t->c->results, &what, "%zu %s", t->n,
			  t->n == 1 ? "person" : "people");
		return;
	}
	err_set(&err, ERR_DENIED, "%zu of the %" PRIu64 " people that it "
		"needs", t->n, needed);
	result_refused(t->c->results, &what, &bad, &err);
}

/* Anybody may have filled a repository, and one of the rest may be a reject:
 * that is not good. */
static int judge_some(void *arg, const char *ref, const struct buf *raw,
		      struct err *err)
{
	struct tally *t = arg;

	t->too_many = t->judged == LIMIT_APPROVALS_JUDGED;
	if (t->too_many)
		return err_set(err, ERR_DENIED, "more than %d tags are said "
			       "of it; the others were not looked at",
			       LIMIT_APPROVALS_JUDGED);
	t->judged++;
	return judge(arg, ref, raw, err);
}

int check_approvals_repo(const struct approvals_check *c,
			 git_repository *repo, const char *id,
			 const struct bundle *b, struct err *err)
{
	static const struct verdict bad = { SOURCE_VERIFIED, SOURCE_BUNDLE };
	struct buf prefix = BUF_INIT(APPROVAL_NAME_BYTES);
	struct tally t;
	int rc;

	begin(&t, c, id, b);
	approval_refs(b->channel, b->epoch, b->sequence, &prefix);
	rc = repo_each_tag(repo, prefix.data, LIMIT_APPROVAL_BYTES, judge_some,
			   &t, err);
	if (rc < 0 && t.too_many) {
		const struct subject what = { t.of, t.id, "approvals" };

		result_refused(c->results, &what, &bad, err);
		err_clear(err);
		rc = 0;
	} else if (rc == 0) {
		conclude(&t);
	}
	buf_release(&prefix);
	return rc;
}

void check_approvals_text(const struct approvals_check *c, const char *text,
			  size_t len, const char *id, const struct bundle *b)
{
	static const struct verdict bad = { SOURCE_VERIFIED, SOURCE_BUNDLE };
	struct approvals tags = { .n = 0 };
	struct err err = ERR_INIT;
	struct votes votes;
	struct tally t;

	begin(&t, c, id, b);
	/* what an engine refuses as a whole counts nothing */
	if (text && (approvals_parse(text, len, &tags, &err) < 0 ||
		     approvals_judge(&tags, id, b, c->approvers, c->now,
				     &votes, &err) < 0)) {
		const struct subject what = about(&t);

		result_refused(c->results, &what, &bad, &err);
		tags.n = 0;
	}
	for (size_t i = 0; i < tags.n; i++) {
		struct buf raw = BUF_INIT(LIMIT_APPROVAL_BYTES);

		buf_add(&raw, tags.v[i].raw, tags.v[i].len);
		judge(&t, NULL, &raw, &err);
		buf_release(&raw);
	}
	conclude(&t);
}
