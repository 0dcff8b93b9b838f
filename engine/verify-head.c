/*
 * Judging a head. See verify.h. The order matters: our own clock, the frame,
 * the signature, who made it, and only then what the text says. A head that
 * a publisher did sign may still be a replay, so it is compared with all
 * that is remembered.
 */
#include "config.h"
#include "engine/verify.h"

#include <inttypes.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/limits.h"
#include "schema/sshsig.h"

static int refuse(struct verdict *v, enum source_condition c,
		  enum source_reason r)
{
	*v = (struct verdict){ c, r };
	return -1;
}

/* Times are judged by our clock, so it must not be known to be wrong. */
static int check_clock(const struct verify_rules *r, struct verdict *v,
		       struct err *err)
{
	int64_t seen = r->clock_seen > r->accepted.head_issued ?
		       r->clock_seen : r->accepted.head_issued;
	char now_text[CLOCK_TEXT_SIZE], seen_text[CLOCK_TEXT_SIZE];

	if (r->now >= seen - LIMIT_HEAD_AHEAD)
		return 0;
	clock_format(r->now < 0 ? 0 : r->now, now_text);
	clock_format(seen, seen_text);
	err_set(err, ERR_DENIED, "our clock says %s, and was at %s before: "
		"no head can be judged until it is set right", now_text,
		seen_text);
	return refuse(v, SOURCE_CLOCK, SOURCE_CLOCK_BACK);
}

static int check_signature(const char *data, size_t len,
			   const struct verify_rules *r, size_t *ret_text_len,
			   struct verified_head *ret, struct verdict *v,
			   struct err *err)
{
	const struct trust_key *holder;
	struct sshkey key;
	size_t text;

	if (len > LIMIT_HEAD_BYTES) {
		err_set(err, ERR_DENIED, "head is larger than %d bytes",
			LIMIT_HEAD_BYTES);
		return refuse(v, SOURCE_VERIFIED, SOURCE_HEAD_MALFORMED);
	}
	if (head_split(data, len, &text, err) < 0)
		return refuse(v, SOURCE_VERIFIED, SOURCE_HEAD_MALFORMED);
	if (sshsig_verify(data + text, len - text, HEAD_NAMESPACE, data, text,
			  &key, NULL, err) < 0) {
		err_wrap(err, "head");
		return refuse(v, SOURCE_VERIFIED, SOURCE_SIGNATURE);
	}
	holder = trust_find(r->publishers, &key, r->now, err);
	if (!holder) {
		err_wrap(err, "head");
		return refuse(v, SOURCE_VERIFIED, SOURCE_UNKNOWN_KEY);
	}
	memcpy(ret->publisher, holder->principal, sizeof(holder->principal));
	ret->key_until = holder->valid_before;
	*ret_text_len = text;
	return 0;
}

static int check_channel(const struct head *h, const struct verify_rules *r,
			 struct verdict *v, struct err *err)
{
	if (strcmp(h->channel, r->channel))
		err_set(err, ERR_DENIED, "head is for channel '%s', not '%s'",
			h->channel, r->channel);
	else if (strcmp(h->channel_id, r->channel_id))
		err_set(err, ERR_DENIED, "head has channel id %s, "
			"spec.channelID is %s", h->channel_id, r->channel_id);
	else
		return 0;
	return refuse(v, SOURCE_VERIFIED, SOURCE_WRONG_CHANNEL);
}

static int check_ahead(const struct head *h, const struct verify_rules *r,
		       struct verdict *v, struct err *err)
{
	char now[CLOCK_TEXT_SIZE], issued[CLOCK_TEXT_SIZE];

	if (h->issued <= r->now + LIMIT_HEAD_AHEAD)
		return 0;
	clock_format(r->now, now);
	clock_format(h->issued, issued);
	err_set(err, ERR_DENIED, "head was issued at %s, our clock says %s: "
		"one of the two is wrong", issued, now);
	return refuse(v, SOURCE_CLOCK, SOURCE_HEAD_AHEAD);
}

/* What a rollback is, if it is no attack, and where it says what to do. */
#define WAS_RESTORED \
	"; was the Git host restored from a backup? The runbook " \
	"git-host-restored.md says what to do"

static int check_epoch(const struct head *h, const struct verify_rules *r,
		       struct verdict *v, struct err *err)
{
	uint64_t accepted = r->accepted.bundle[0] ? r->accepted.epoch : 0;
	uint64_t want = accepted > r->epoch_floor ? accepted : r->epoch_floor;

	if (!want || h->epoch == want)
		return 0;
	if (h->epoch < accepted) {
		err_set(err, ERR_DENIED, "head is of epoch %" PRIu64
			", epoch %" PRIu64 " was accepted" WAS_RESTORED,
			h->epoch, accepted);
		return refuse(v, SOURCE_VERIFIED, SOURCE_ROLLBACK);
	}
	err_set(err, ERR_DENIED, "head is of epoch %" PRIu64 ", only epoch %"
		PRIu64 " is taken: %s", h->epoch, want, h->epoch > want ?
		"if the epoch was changed on purpose, set spec.epochFloor" :
		"spec.epochFloor forbids it");
	return refuse(v, SOURCE_VERIFIED, SOURCE_EPOCH);
}

/* Within the accepted epoch. */
static int check_sequence(const struct head *h, const struct verify_rules *r,
			  struct verdict *v, struct err *err)
{
	const struct source_pin *a = &r->accepted;
	char had[CLOCK_TEXT_SIZE], got[CLOCK_TEXT_SIZE];

	if (h->sequence < a->sequence) {
		err_set(err, ERR_DENIED, "head names bundle %" PRIu64 ".%"
			PRIu64 ", and %" PRIu64 ".%" PRIu64 " was accepted"
			WAS_RESTORED, h->epoch, h->sequence, a->epoch,
			a->sequence);
		return refuse(v, SOURCE_VERIFIED, SOURCE_ROLLBACK);
	}
	if (h->sequence == a->sequence &&
	    (strcmp(h->bundle, a->bundle) ||
	     !sha256_equal(&h->content, &a->content))) {
		err_set(err, ERR_DENIED, "head names %s as bundle %" PRIu64
			".%" PRIu64 ", and %s was accepted as that", h->bundle,
			h->epoch, h->sequence, a->bundle);
		return refuse(v, SOURCE_FORKED, SOURCE_SAME_SEQUENCE);
	}
	if (h->issued >= a->head_issued)
		return 0;
	clock_format(a->head_issued, had);
	clock_format(h->issued, got);
	err_set(err, ERR_DENIED, "head was issued at %s, the accepted one at "
		"%s" WAS_RESTORED, got, had);
	return refuse(v, SOURCE_VERIFIED, SOURCE_ROLLBACK);
}

int verify_head(const char *data, size_t len, const struct verify_rules *r,
		struct verified_head *ret, struct verdict *ret_verdict,
		struct err *err)
{
	struct verified_head v = { 0 };
	size_t text;

	if (check_clock(r, ret_verdict, err) < 0 ||
	    check_signature(data, len, r, &text, &v, ret_verdict, err) < 0)
		return -1;
	if (head_parse(data, text, &v.head, err) < 0)
		return refuse(ret_verdict, SOURCE_VERIFIED,
			      SOURCE_HEAD_MALFORMED);
	if (check_channel(&v.head, r, ret_verdict, err) < 0 ||
	    check_ahead(&v.head, r, ret_verdict, err) < 0 ||
	    check_epoch(&v.head, r, ret_verdict, err) < 0)
		return -1;
	v.expired = v.head.expires <= r->now;
	if (!r->accepted.bundle[0]) {
		v.relation = HEAD_FIRST;
	} else if (v.head.epoch != r->accepted.epoch) {
		v.relation = HEAD_CROSSES;
	} else {
		if (check_sequence(&v.head, r, ret_verdict, err) < 0)
			return -1;
		v.relation = v.head.sequence == r->accepted.sequence ?
			     HEAD_CURRENT : HEAD_NEWER;
	}
	*ret = v;
	return 0;
}
