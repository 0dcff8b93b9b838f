/*
 * Payloads of the protocol as encode and decode pairs. See source-msg.h.
 * Decoders bound every field by the same constants as the senders, so that a
 * child that was taken over can lie, but not make its parent grow or read
 * beyond a buffer.
 */
#include "config.h"
#include "engine/source-msg.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"

const char *source_msg_name(uint16_t type)
{
	static const char *const names[] = {
		[SOURCE_HELLO] = "HELLO", [SOURCE_OPEN] = "OPEN",
		[SOURCE_UPDATE] = "UPDATE", [SOURCE_CLOSE] = "CLOSE",
		[SOURCE_ACCEPT] = "ACCEPT", [SOURCE_APPLIED] = "APPLIED",
		[SOURCE_POLL] = "POLL", [SOURCE_DIFF] = "DIFF",
		[SOURCE_OBJECT] = "OBJECT", [SOURCE_ORIGINS] = "ORIGINS",
		[SOURCE_CANCEL] = "CANCEL", [SOURCE_REPORT] = "REPORT",
		[SOURCE_READY] = "READY",
		[SOURCE_OPENED] = "OPENED", [SOURCE_STATE] = "STATE",
		[SOURCE_CANDIDATE] = "CANDIDATE",
		[SOURCE_CONSENTS] = "CONSENTS",
		[SOURCE_AT_HAND] = "AT_HAND",
		[SOURCE_LOST] = "LOST",
		[SOURCE_ACCEPTED] = "ACCEPTED", [SOURCE_ITEMS] = "ITEMS",
		[SOURCE_BODY] = "BODY", [SOURCE_PLACES] = "PLACES",
		[SOURCE_DONE] = "DONE", [SOURCE_FAILED] = "FAILED",
		[SOURCE_REPLY] = "REPLY",
	};
	const char *name = type < ARRAY_SIZE(names) ? names[type] : NULL;

	return name ? name : "?";
}

const char *source_reason_name(enum source_condition c, enum source_reason r)
{
	static const char *const good[SOURCE_CONDITIONS] = {
		[SOURCE_FETCHED] = "Fetched", [SOURCE_VERIFIED] = "Verified",
		[SOURCE_STALE] = "Fresh", [SOURCE_FORKED] = "OneHistory",
		[SOURCE_CLOCK] = "ClockGood",
	};
	static const char *const names[SOURCE_REASONS] = {
		[SOURCE_UNKNOWN] = "NotYetKnown",
		[SOURCE_UNREACHABLE] = "Unreachable",
		[SOURCE_NO_PATH] = "NoPackLeadsThere",
		[SOURCE_STATE_DIR] = "StateDirectoryFails",
		[SOURCE_SETTINGS] = "SettingsInvalid",
		[SOURCE_HEAD_MALFORMED] = "HeadMalformed",
		[SOURCE_SIGNATURE] = "SignatureInvalid",
		[SOURCE_UNKNOWN_KEY] = "KeyNotTrusted",
		[SOURCE_WRONG_CHANNEL] = "WrongChannel",
		[SOURCE_ROLLBACK] = "Rollback",
		[SOURCE_EPOCH] = "EpochRefused",
		[SOURCE_PACK] = "PackInvalid",
		[SOURCE_BUNDLE] = "BundleInvalid",
		[SOURCE_EXPIRED] = "HeadExpired",
		[SOURCE_SAME_SEQUENCE] = "SameSequence",
		[SOURCE_NOT_DESCENDING] = "NotDescending",
		[SOURCE_CLOCK_BACK] = "ClockWentBack",
		[SOURCE_HEAD_AHEAD] = "HeadFromTheFuture",
	};

	return r == SOURCE_GOOD ? good[c] : names[r];
}

/* An enum as one byte; a value beyond the last is a fault. */
static uint8_t get_enum(struct ipc_in *in, unsigned count)
{
	uint8_t v = ipc_get_u8(in);

	if (v >= count) {
		in->bad = true;
		return 0;
	}
	return v;
}

/* A Git id or "". */
static void get_id(struct ipc_in *in, char ret[GIT_HEX_SIZE])
{
	ipc_get_str(in, ret, GIT_HEX_SIZE);
	if (*ret && !is_hex(ret, strlen(ret), GIT_HEX_SIZE - 1)) {
		in->bad = true;
		*ret = '\0';
	}
}

/* A time that clock_format takes. */
static int64_t get_time(struct ipc_in *in)
{
	int64_t t = ipc_get_i64(in);

	if (t < 0 || t >= CLOCK_TIME_END) {
		in->bad = true;
		return 0;
	}
	return t;
}

static uint64_t get_sequence(struct ipc_in *in)
{
	uint64_t v = ipc_get_u64(in);

	if (v > LIMIT_SEQUENCE)
		in->bad = true;
	return v;
}

void source_put_pin(struct buf *b, const struct source_pin *p)
{
	ipc_put_u64(b, p->epoch);
	ipc_put_u64(b, p->sequence);
	ipc_put_str(b, p->bundle);
	ipc_put_digest(b, &p->content);
	ipc_put_i64(b, p->head_issued);
}

void source_get_pin(struct ipc_in *in, struct source_pin *ret)
{
	ret->epoch = get_sequence(in);
	ret->sequence = get_sequence(in);
	get_id(in, ret->bundle);
	ipc_get_digest(in, &ret->content);
	ret->head_issued = get_time(in);
}

/* ---- settings ---- */

/* Where each string of the settings is, and how long it may be. */
static const char **string_at(struct source_settings *s, int i, size_t *ret_max)
{
	static const size_t max[SOURCE_STRINGS] = {
		LIMIT_CHANNEL_BYTES, CHANNEL_ID_SIZE - 1, LIMIT_URL_BYTES,
		LIMIT_TRUST_BYTES, LIMIT_PEM_BYTES, LIMIT_PEM_BYTES,
		LIMIT_PEM_BYTES, LIMIT_URL_BYTES, LIMIT_URL_BYTES,
		LIMIT_TRUST_BYTES,
	};
	const char **at[SOURCE_STRINGS] = {
		&s->name, &s->channel_id, &s->url, &s->publishers, &s->ca_pem,
		&s->cert_pem, &s->key_pem, &s->server_name, &s->proxy,
		&s->approvers,
	};

	*ret_max = max[i];
	return at[i];
}

/* The first four are always there; the others are NULL when empty. */
#define REQUIRED_STRINGS 4

static int check_headers(const struct source_settings *s, struct err *err)
{
	size_t n = 0;

	for (; s->headers && s->headers[n]; n++)
		if (strlen(s->headers[n]) > LIMIT_HEADER_BYTES)
			return err_set(err, ERR_INVALID, "header %zu of the "
				       "Channel's Secret is longer than %d "
				       "bytes", n + 1, LIMIT_HEADER_BYTES);
	if (n > LIMIT_HEADERS)
		return err_set(err, ERR_INVALID, "the Channel's Secret has "
			       "more than %d headers", LIMIT_HEADERS);
	return 0;
}

int source_check_settings(const struct source_settings *s, struct err *err)
{
	static const char *const what[SOURCE_STRINGS] = {
		"the channel's name", "spec.channelID", "spec.url",
		"spec.publishers", "the CA certificate",
		"the client certificate", "the client key",
		"the server's name", "the proxy", "spec.approvals.approvers",
	};
	struct source_settings copy = *s;

	for (int i = 0; i < SOURCE_STRINGS; i++) {
		size_t max;
		const char *v = *string_at(&copy, i, &max);

		if (v && strlen(v) > max)
			return err_set(err, ERR_INVALID, "%s is longer than "
				       "%zu bytes", what[i], max);
		if (!v && i < REQUIRED_STRINGS)
			return err_set(err, ERR_INVALID, "%s is missing",
				       what[i]);
	}
	if (s->interval < 1 || s->interval > INT32_MAX)
		return err_set(err, ERR_INVALID, "spec.interval is not from "
			       "1 s to %d s", INT32_MAX);
	if (s->epoch_floor > LIMIT_SEQUENCE)
		return err_set(err, ERR_INVALID, "spec.epochFloor is larger "
			       "than 2^63 - 1");
	return check_headers(s, err);
}

void source_put_settings(struct buf *b, const struct source_settings *s)
{
	struct source_settings copy = *s;
	uint32_t n = 0;
	size_t max;

	for (int i = 0; i < SOURCE_STRINGS; i++)
		ipc_put_str(b, *string_at(&copy, i, &max));
	while (s->headers && s->headers[n])
		n++;
	ipc_put_u32(b, n);
	for (uint32_t i = 0; i < n; i++)
		ipc_put_str(b, s->headers[i]);
	ipc_put_bool(b, s->insecure);
	ipc_put_bool(b, s->require_touch);
	ipc_put_bool(b, s->not_by_pusher);
	ipc_put_i64(b, s->interval);
	ipc_put_u64(b, s->epoch_floor);
	source_put_pin(b, &s->accepted);
	source_put_pin(b, &s->applied);
	ipc_put_u32(b, s->serial);
}

static void keep_string(struct source_config *c, int i, char *owned)
{
	size_t max;

	c->strings[i] = owned;
	*string_at(&c->s, i, &max) =
		i < REQUIRED_STRINGS || *owned ? owned : NULL;
}

void source_get_settings(struct ipc_in *in, struct source_config *ret)
{
	struct source_config c = { 0 };
	uint32_t n;

	for (int i = 0; i < SOURCE_STRINGS; i++) {
		size_t max;

		string_at(&c.s, i, &max);
		keep_string(&c, i, ipc_get_strdup(in, max));
	}
	n = ipc_get_u32(in);
	if (n > LIMIT_HEADERS) {
		in->bad = true;
		n = 0;
	}
	c.headers = xcalloc(n + 1, sizeof(*c.headers));
	for (uint32_t i = 0; i < n; i++)
		c.headers[i] = ipc_get_strdup(in, LIMIT_HEADER_BYTES);
	c.s.headers = (const char *const *)c.headers;
	c.s.insecure = ipc_get_bool(in);
	c.s.require_touch = ipc_get_bool(in);
	c.s.not_by_pusher = ipc_get_bool(in);
	c.s.interval = ipc_get_i64(in);
	if (c.s.interval < 1 || c.s.interval > INT32_MAX)
		in->bad = true;
	c.s.epoch_floor = get_sequence(in);
	source_get_pin(in, &c.s.accepted);
	source_get_pin(in, &c.s.applied);
	c.s.serial = ipc_get_u32(in);
	*ret = c;
}

void source_config_copy(struct source_config *ret,
			const struct source_settings *s)
{
	struct source_config c = { .s = *s };
	struct source_settings from = *s;
	size_t n = 0, max;

	for (int i = 0; i < SOURCE_STRINGS; i++) {
		const char *v = *string_at(&from, i, &max);

		keep_string(&c, i, xstrdup(v ? v : ""));
	}
	while (s->headers && s->headers[n])
		n++;
	c.headers = xcalloc(n + 1, sizeof(*c.headers));
	for (size_t i = 0; i < n; i++)
		c.headers[i] = xstrdup(s->headers[i]);
	c.s.headers = (const char *const *)c.headers;
	*ret = c;
}

static void wipe_string(char *s)
{
	if (s)
		sodium_memzero(s, strlen(s));
	free(s);
}

void source_config_release(struct source_config *c)
{
	for (int i = 0; i < SOURCE_STRINGS; i++)
		wipe_string(c->strings[i]);
	for (char **h = c->headers; h && *h; h++)
		wipe_string(*h);
	free(c->headers);
	*c = (struct source_config){ 0 };
}

/* ---- state, candidate, items ---- */

void source_put_state(struct buf *b, const struct source_state *s)
{
	for (int i = 0; i < SOURCE_CONDITIONS; i++) {
		ipc_put_u8(b, (uint8_t)s->v[i].reason);
		ipc_put_str(b, s->v[i].message);
	}
	ipc_put_u64(b, s->epoch);
	ipc_put_u64(b, s->sequence);
	ipc_put_str(b, s->bundle);
	ipc_put_i64(b, s->issued);
	ipc_put_i64(b, s->expires);
	ipc_put_bool(b, s->long_poll);
}

void source_get_state(struct ipc_in *in, struct source_state *ret)
{
	for (int i = 0; i < SOURCE_CONDITIONS; i++) {
		ret->v[i].reason = (enum source_reason)
				   get_enum(in, SOURCE_REASONS);
		ipc_get_str(in, ret->v[i].message, SOURCE_MESSAGE_SIZE);
	}
	ret->epoch = get_sequence(in);
	ret->sequence = get_sequence(in);
	get_id(in, ret->bundle);
	ret->issued = get_time(in);
	ret->expires = get_time(in);
	ret->long_poll = ipc_get_bool(in);
}

void source_put_consents(struct buf *b, const struct consents *cs)
{
	ipc_put_u32(b, (uint32_t)cs->n);
	for (size_t i = 0; i < cs->n; i++) {
		ipc_put_str(b, cs->v[i].principal);
		ipc_put_str(b, cs->v[i].key);
		ipc_put_i64(b, cs->v[i].until);
	}
}

void source_get_consents(struct ipc_in *in, struct consents *ret)
{
	uint32_t n = ipc_get_u32(in);

	*ret = (struct consents)CONSENTS_INIT;
	if (n > LIMIT_APPROVALS)
		in->bad = true;
	for (uint32_t i = 0; i < n && !in->bad; i++) {
		struct consent c;

		ipc_get_str(in, c.principal, sizeof(c.principal));
		ipc_get_str(in, c.key, sizeof(c.key));
		c.until = get_time(in);
		consents_add(ret, &c);
	}
}

static void put_votes(struct buf *b, const struct source_votes *v)
{
	ipc_put_u32(b, v->approved);
	ipc_put_i64(b, v->until);
	ipc_put_str(b, v->names);
	ipc_put_str(b, v->missing);
	ipc_put_str(b, v->rejected_by);
	ipc_put_str(b, v->problem);
	ipc_put_bool(b, v->unread);
}

static void get_votes(struct ipc_in *in, struct source_votes *ret)
{
	ret->approved = ipc_get_u32(in);
	ret->until = get_time(in);
	ipc_get_str(in, ret->names, sizeof(ret->names));
	ipc_get_str(in, ret->missing, sizeof(ret->missing));
	ipc_get_str(in, ret->rejected_by, sizeof(ret->rejected_by));
	ipc_get_str(in, ret->problem, sizeof(ret->problem));
	ret->unread = ipc_get_bool(in);
}

void source_put_candidate(struct buf *b, const struct source_candidate *c)
{
	source_put_pin(b, &c->pin);
	ipc_put_str(b, c->source_commit);
	ipc_put_str(b, c->source_ref);
	ipc_put_str(b, c->renderer);
	ipc_put_str(b, c->publisher);
	ipc_put_i64(b, c->issued);
	ipc_put_i64(b, c->head_expires);
	ipc_put_u64(b, c->objects);
	ipc_put_u64(b, c->commits);
	ipc_put_bool(b, c->epoch_crossed);
	ipc_put_str(b, c->since);
	ipc_put_u64(b, c->created);
	ipc_put_u64(b, c->changed);
	ipc_put_u64(b, c->deleted);
	ipc_put_bool(b, c->since_at_hand);
	put_votes(b, &c->votes);
	ipc_put_u32(b, c->serial);
}

void source_get_candidate(struct ipc_in *in, struct source_candidate *ret)
{
	source_get_pin(in, &ret->pin);
	get_id(in, ret->source_commit);
	ipc_get_str(in, ret->source_ref, sizeof(ret->source_ref));
	ipc_get_str(in, ret->renderer, sizeof(ret->renderer));
	ipc_get_str(in, ret->publisher, sizeof(ret->publisher));
	ret->issued = get_time(in);
	ret->head_expires = get_time(in);
	ret->objects = ipc_get_u64(in);
	ret->commits = ipc_get_u64(in);
	ret->epoch_crossed = ipc_get_bool(in);
	get_id(in, ret->since);
	ret->created = ipc_get_u64(in);
	ret->changed = ipc_get_u64(in);
	ret->deleted = ipc_get_u64(in);
	ret->since_at_hand = ipc_get_bool(in);
	get_votes(in, &ret->votes);
	ret->serial = ipc_get_u32(in);
	if (!ret->pin.bundle[0] || !ret->pin.sequence || !ret->pin.epoch)
		in->bad = true;
}

void source_put_reply(struct buf *b, const struct source_reply *r)
{
	ipc_put_u32(b, r->status);
	ipc_put_i64(b, r->retry_after_ms);
	ipc_put_str(b, r->message);
}

void source_get_reply(struct ipc_in *in, struct source_reply *ret)
{
	ret->status = ipc_get_u32(in);
	ret->retry_after_ms = ipc_get_i64(in);
	ipc_get_str(in, ret->message, sizeof(ret->message));
	if (ret->status < 100 || ret->status > 999 ||
	    ret->retry_after_ms < 0 ||
	    ret->retry_after_ms > SOURCE_RETRY_AFTER_S * 1000)
		in->bad = true;
}

void source_put_item(struct buf *b, const struct source_item *item)
{
	ipc_put_u8(b, (uint8_t)item->op);
	ipc_put_str(b, item->path);
	ipc_put_digest(b, &item->digest);
	ipc_put_u64(b, item->size);
	ipc_put_bool(b, item->ordered);
}

void source_get_item(struct ipc_in *in, char path[SOURCE_PATH_SIZE],
		     struct source_item *ret)
{
	ret->op = (enum source_op)get_enum(in, SOURCE_DELETE + 1);
	ipc_get_str(in, path, SOURCE_PATH_SIZE);
	ret->path = path;
	ipc_get_digest(in, &ret->digest);
	ret->size = ipc_get_u64(in);
	ret->ordered = ipc_get_bool(in);
	if (ret->size > LIMIT_OBJECT_BYTES)
		in->bad = true;
}
