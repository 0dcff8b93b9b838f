/*
 * Approvals. See approval.h. A tag comes from a pusher, later from a Git
 * host that may be hostile, so nothing of it is believed before it was
 * parsed strictly and its signature verified; the principal comes from the
 * key alone, never from the tagger or a ref. Refused is what
 * approval_message_write and `git tag -s` cannot have written, but for the
 * subject, which is the approver's own.
 */
#include "config.h"
#include "schema/approval.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/num.h"
#include "schema/object.h"
#include "schema/sshsig.h"

#define ARMOUR_LINE "\n" SSHSIG_BEGIN "\n"
/* of a tag's SHA-256, in its ref: this much of the hex */
#define REF_DIGEST_HEX 16

static const char *verdict_name(bool reject)
{
	return reject ? "reject" : "approve";
}

void approval_of(const char *id, const struct bundle *b, bool reject,
		 int64_t not_after, struct approval *ret)
{
	*ret = (struct approval){
		.epoch = b->epoch, .sequence = b->sequence,
		.content = b->content, .reject = reject,
		.not_after = not_after,
	};
	memcpy(ret->bundle, id, GIT_HEX_SIZE);
	memcpy(ret->channel, b->channel, sizeof(ret->channel));
	memcpy(ret->channel_id, b->channel_id, sizeof(ret->channel_id));
}

/* ---- writing ---- */

void approval_tag_name(const struct approval *a, struct buf *out)
{
	buf_addf(out, "windlass/%s/%" PRIu64 "/%" PRIu64 "/%s", a->channel,
		 a->epoch, a->sequence, verdict_name(a->reject));
}

void approval_message_write(const struct approval *a, const char *subject,
			    struct buf *out)
{
	char hex[SHA256_HEX_SIZE], when[CLOCK_TEXT_SIZE];

	sha256_hex(&a->content, hex);
	clock_format(a->not_after, when);
	if (subject)
		buf_adds(out, subject);
	else
		buf_addf(out, "%s %s %" PRIu64 ".%" PRIu64,
			 verdict_name(a->reject), a->channel, a->epoch,
			 a->sequence);
	buf_addf(out, "\n\nWindlass-Approval: 1\nChannel-Id: %s\nEpoch: %"
		 PRIu64 "\nSequence: %" PRIu64 "\nContent-SHA256: %s\n"
		 "Verdict: %s\nNot-After: %s\n", a->channel_id, a->epoch,
		 a->sequence, hex, verdict_name(a->reject), when);
}

void approval_refs(const char *channel, uint64_t epoch, uint64_t sequence,
		   struct buf *out)
{
	buf_addf(out, APPROVAL_REF_PREFIX "%s/%" PRIu64 "/%" PRIu64 "/",
		 channel, epoch, sequence);
}

void approval_ref(const struct approval *a, const char *principal,
		  const char *raw, size_t len, struct buf *out)
{
	struct sha256 digest;
	char hex[SHA256_HEX_SIZE];

	sha256_of(raw, len, &digest);
	sha256_hex(&digest, hex);
	approval_refs(a->channel, a->epoch, a->sequence, out);
	buf_addf(out, "%s/%.*s", principal, REF_DIGEST_HEX, hex);
}

const char *approval_ref_principal(const char *ref, size_t len,
				   size_t *ret_len)
{
	const size_t prefix = strlen(APPROVAL_REF_PREFIX);
	const char *at = ref + prefix, *end = ref + len, *slash;

	if (len <= prefix || memcmp(ref, APPROVAL_REF_PREFIX, prefix))
		return NULL;
	/* the channel, the epoch, the sequence */
	for (int i = 0; i < 3; i++) {
		slash = memchr(at, '/', (size_t)(end - at));
		if (!slash)
			return NULL;
		at = slash + 1;
	}
	slash = memchr(at, '/', (size_t)(end - at));
	if (!slash || memchr(slash + 1, '/', (size_t)(end - slash - 1)))
		return NULL;
	*ret_len = (size_t)(slash - at);
	return at;
}

/* ---- reading ---- */

static int read_tagger(struct lines *l, struct approval *a, struct err *err)
{
	const char *v;
	size_t len;

	if (lines_value(l, "tagger ", &v, &len, err) < 0)
		return -1;
	if (!bundle_ident_ok(v, len))
		return lines_error(l, err, "is not 'tagger Name <mail> "
				   "seconds zone'");
	memcpy(a->tagger, v, len);
	a->tagger[len] = '\0';
	return 0;
}

/* The next part of a tag's name, up to a slash or the end; moves *v on. */
static size_t take_part(const char **v, const char *end, const char **ret)
{
	const char *slash = memchr(*v, '/', (size_t)(end - *v));
	size_t n = (size_t)((slash ? slash : end) - *v);

	*ret = *v;
	*v += n + (slash != NULL);
	return n;
}

/* "windlass/<channel>/<epoch>/<sequence>/<verdict>": the channel, which no
 * trailer says; the rest is compared when the trailers are known. */
static int read_name(struct lines *l, struct approval *a, const char **ret,
		     size_t *ret_len, struct err *err)
{
	const char *v, *part;
	size_t len, n;

	if (lines_value(l, "tag ", &v, &len, err) < 0)
		return -1;
	*ret = v;
	*ret_len = len;
	n = take_part(&v, v + len, &part);
	if (n == strlen("windlass") && !memcmp(part, "windlass", n)) {
		n = take_part(&v, *ret + len, &part);
		if (n <= LIMIT_CHANNEL_BYTES) {
			memcpy(a->channel, part, n);
			a->channel[n] = '\0';
			if (is_channel_name(a->channel))
				return 0;
		}
	}
	return lines_error(l, err, "is not the name of an approval, such as "
			   "'windlass/prod/1/42/approve'");
}

static int check_name(const struct approval *a, const char *name, size_t len,
		      struct err *err)
{
	struct buf want = BUF_INIT(APPROVAL_NAME_BYTES);
	int rc = 0;

	approval_tag_name(a, &want);
	if (want.len != len || memcmp(want.data, name, len))
		rc = err_set(err, ERR_DENIED, "line 3: the tag must be called "
			     "'%s', as its trailers say", want.data);
	buf_release(&want);
	return rc;
}

static int read_verdict(struct lines *l, struct approval *a, struct err *err)
{
	char text[16];

	if (lines_ascii(l, "Verdict: ", text, sizeof(text), err) < 0)
		return -1;
	a->reject = !strcmp(text, verdict_name(true));
	if (!a->reject && strcmp(text, verdict_name(false)))
		return lines_error(l, err, "'%s' is neither approve nor "
				   "reject", text);
	return 0;
}

static int read_trailers(struct lines *l, struct approval *a, struct err *err)
{
	if (lines_format(l, "Windlass-Approval: ", "1", err) < 0 ||
	    lines_channel_id(l, "Channel-Id: ", a->channel_id, err) < 0 ||
	    lines_u64(l, "Epoch: ", 1, LIMIT_SEQUENCE, &a->epoch, err) < 0 ||
	    lines_u64(l, "Sequence: ", 1, LIMIT_SEQUENCE, &a->sequence,
		      err) < 0 ||
	    lines_sha256(l, "Content-SHA256: ", &a->content, err) < 0 ||
	    read_verdict(l, a, err) < 0 ||
	    lines_time(l, "Not-After: ", &a->not_after, err) < 0)
		return -1;
	return lines_end(l, err);
}

static int read_payload(const char *raw, size_t len, struct approval *a,
			struct err *err)
{
	struct lines l = LINES_INIT(raw, len, ERR_DENIED);
	const char *name, *subject;
	size_t name_len, subject_len;

	if (lines_git_id(&l, "object ", a->bundle, err) < 0 ||
	    lines_literal(&l, "type commit", err) < 0 ||
	    read_name(&l, a, &name, &name_len, err) < 0 ||
	    read_tagger(&l, a, err) < 0 ||
	    lines_literal(&l, "", err) < 0 ||
	    lines_value(&l, "", &subject, &subject_len, err) < 0 ||
	    lines_literal(&l, "", err) < 0 ||
	    read_trailers(&l, a, err) < 0)
		return -1;
	return check_name(a, name, name_len, err);
}

int approval_parse(const char *raw, size_t len, struct approval *ret,
		   size_t *ret_payload, struct err *err)
{
	struct approval a = { 0 };
	const char *armour;
	size_t payload;

	if (len > LIMIT_APPROVAL_BYTES)
		return err_set(err, ERR_DENIED, "the approval is larger than "
			       "%d bytes", LIMIT_APPROVAL_BYTES);
	armour = memmem(raw, len, ARMOUR_LINE, strlen(ARMOUR_LINE));
	if (!armour)
		return err_set(err, ERR_DENIED, "the tag has no SSH "
			       "signature: make it with `git tag -s` and "
			       "gpg.format=ssh");
	payload = (size_t)(armour - raw) + 1;
	if (read_payload(raw, payload, &a, err) < 0)
		return err_wrap(err, "the approval");
	*ret = a;
	*ret_payload = payload;
	return 0;
}

/* ---- judging one ---- */

static int check_bundle(const struct approval *a, const char *bundle,
			const struct bundle *b, struct err *err)
{
	if (strcmp(a->bundle, bundle))
		return err_set(err, ERR_DENIED, "the approval is of commit "
			       "%.12s, not of bundle %.12s", a->bundle, bundle);
	if (strcmp(a->channel, b->channel) ||
	    strcmp(a->channel_id, b->channel_id) || a->epoch != b->epoch ||
	    a->sequence != b->sequence ||
	    !sha256_equal(&a->content, &b->content))
		return err_set(err, ERR_DENIED, "the approval states another "
			       "channel, place or content than bundle %.12s "
			       "has", bundle);
	return 0;
}

static int has_expired(const struct approval *a, const char *principal,
		       int64_t now, struct err *err)
{
	char when[CLOCK_TEXT_SIZE];

	if (a->reject || now <= a->not_after)
		return 0;
	clock_format(a->not_after, when);
	err_set(err, ERR_TRANSIENT, "the approval by '%s' ended at %s",
		principal, when);
	return 1;
}

int approval_judge(const char *raw, size_t len, const char *bundle,
		   const struct bundle *b, const struct trust *approvers,
		   int64_t now, struct vote *ret, struct err *err)
{
	const struct trust_key *holder;
	struct approval a;
	struct sshkey key;
	size_t payload;

	if (approval_parse(raw, len, &a, &payload, err) < 0 ||
	    check_bundle(&a, bundle, b, err) < 0)
		return -1;
	if (sshsig_verify(raw + payload, len - payload, APPROVAL_NAMESPACE,
			  raw, payload, &key, NULL, err) < 0)
		return err_wrap(err, "the approval");
	holder = trust_find(approvers, &key, a.reject ? TRUST_ANY_TIME : now,
			    err);
	if (!holder) {
		err_wrap(err, "the approval");
		return 1;
	}
	if (has_expired(&a, holder->principal, now, err))
		return 1;
	*ret = (struct vote){
		.key = key, .touch = key.type == SSHKEY_ED25519_SK,
		.reject = a.reject,
		.not_after = a.not_after,
		.valid_before = holder->valid_before,
	};
	memcpy(ret->principal, holder->principal, sizeof(ret->principal));
	return 0;
}

/* ---- all of one bundle ---- */

static void digest_of(const struct approvals_tag *t, struct sha256 *ret)
{
	sha256_of(t->raw, t->len, ret);
}

static int by_digest(const void *a, const void *b)
{
	struct sha256 x, y;

	digest_of(a, &x);
	digest_of(b, &y);
	return memcmp(x.b, y.b, SHA256_SIZE);
}

void approvals_write(struct approvals *tags, struct buf *out)
{
	qsort(tags->v, tags->n, sizeof(tags->v[0]), by_digest);
	for (size_t i = 0; i < tags->n; i++) {
		const struct approvals_tag *t = &tags->v[i];

		if (i && !by_digest(&tags->v[i - 1], t))
			continue;
		buf_addf(out, "tag %zu\n", t->len);
		buf_add(out, t->raw, t->len);
	}
}

/* One tag from the text, which begins with its line. */
static int take_tag(const char **at, const char *end, struct approvals *ret,
		    struct err *err)
{
	const char *lf = memchr(*at, '\n', (size_t)(end - *at));
	size_t line = lf ? (size_t)(lf - *at) : 0;
	uint64_t bytes;

	if (ret->n == LIMIT_APPROVALS)
		return err_set(err, ERR_DENIED, "has more than %d tags",
			       LIMIT_APPROVALS);
	if (line < 5 || memcmp(*at, "tag ", 4) ||
	    parse_u64n(*at + 4, line - 4, 1, LIMIT_APPROVAL_BYTES, &bytes) < 0)
		return err_set(err, ERR_DENIED, "tag %zu does not begin with "
			       "'tag <bytes>'", ret->n + 1);
	if (bytes > (size_t)(end - lf - 1))
		return err_set(err, ERR_DENIED, "tag %zu is cut off",
			       ret->n + 1);
	ret->v[ret->n++] = (struct approvals_tag){ lf + 1, (size_t)bytes };
	*at = lf + 1 + bytes;
	return 0;
}

int approvals_parse(const char *text, size_t len, struct approvals *ret,
		    struct err *err)
{
	const char *end = text + len;

	ret->n = 0;
	while (text < end) {
		if (take_tag(&text, end, ret, err) < 0)
			return err_wrap(err, "approvals");
		if (ret->n > 1 && by_digest(&ret->v[ret->n - 2],
					    &ret->v[ret->n - 1]) >= 0)
			return err_set(err, ERR_DENIED, "approvals: tag %zu "
				       "is not in order", ret->n);
	}
	if (!ret->n)
		return err_set(err, ERR_DENIED, "approvals: has no tag");
	return 0;
}

static int add_vote(struct votes *vs, const struct vote *v, struct err *err)
{
	for (size_t i = 0; i < vs->n; i++)
		if (vs->v[i].reject == v->reject &&
		    !strcmp(vs->v[i].principal, v->principal))
			return err_set(err, ERR_DENIED, "approvals: '%s' "
				       "%ss the bundle twice", v->principal,
				       verdict_name(v->reject));
	vs->v[vs->n++] = *v;
	return 0;
}

int approvals_judge(const struct approvals *tags, const char *bundle,
		    const struct bundle *b, const struct trust *approvers,
		    int64_t now, struct votes *ret, struct err *err)
{
	struct votes vs = { .why = ERR_INIT };

	for (size_t i = 0; i < tags->n; i++) {
		const struct approvals_tag *t = &tags->v[i];
		struct err why = ERR_INIT;
		struct vote v;
		int rc = approval_judge(t->raw, t->len, bundle, b, approvers,
					now, &v, &why);

		if (rc < 0)
			return err_set(err, why.class, "%s", why.msg);
		if (rc > 0) {
			vs.passed_over++;
			vs.why = why;
		} else if (add_vote(&vs, &v, err) < 0) {
			return -1;
		}
	}
	*ret = vs;
	return 0;
}
