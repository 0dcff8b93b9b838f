/*
 * Questions to the fetching child, and its answers. See source.h. A request
 * is found again by its number, never by a pointer that went through the
 * child; an answer to a number that nobody waits for was cancelled.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/source-private.h"
#include "schema/base/mem.h"
#include "schema/base/strvec.h"
#include "schema/limits.h"

struct source_request {
	struct source *source;
	struct source_request *next;	/* of those that fail soon */
	uint32_t number;
	enum source_msg kind;		/* DIFF, OBJECT, ORIGINS, REPORT */
	const char *failing;		/* why it fails soon; NULL: it lives */
	char bundle[GIT_HEX_SIZE];
	struct sha256 digest;		/* OBJECT */
	struct strvec paths;		/* ORIGINS */
	size_t asked;			/* of the paths */
	void (*on_items)(void *arg, const struct source_item *items, size_t n);
	void (*on_place)(void *arg, const char *path, const char *place);
	void (*on_body)(void *arg, const char *body, size_t len,
			const struct err *err);
	void (*on_reply)(void *arg, const struct source_reply *reply,
			 const struct err *err);
	void (*on_done)(void *arg, const struct err *err);
	void *arg;
};

struct number_key {
	char text[16];
};

static struct number_key key_of(uint32_t number)
{
	struct number_key k;

	snprintf(k.text, sizeof(k.text), "%" PRIu32, number);
	return k;
}

static struct source_request *find(const struct source *s, uint32_t number)
{
	return map_get(&s->by_number, key_of(number).text);
}

/* Takes it out of all lists; the caller frees it. */
static void detach(struct source_request *r)
{
	struct source *s = r->source;
	struct source_request **at;

	map_del(&s->by_number, key_of(r->number).text);
	if (!r->failing)
		return;
	for (at = &s->failed; *at != r; at = &(*at)->next)
		;
	*at = r->next;
	if (!*at)
		s->failed_tail = at;
}

static void destroy(struct source_request *r)
{
	strvec_release(&r->paths);
	free(r);
}

/* Its end. The source may be gone afterwards. */
static void finish(struct source_request *r, const char *body, size_t len,
		   const struct err *err)
{
	detach(r);
	if (r->on_body)
		r->on_body(r->arg, body, len, err);
	else if (r->on_reply)
		r->on_reply(r->arg, NULL, err);
	else if (r->on_done)
		r->on_done(r->arg, err);
	destroy(r);
}

/* ---- failing ---- */

static void fail_soon(struct source_request *r, const char *why)
{
	struct source *s = r->source;

	if (r->failing)
		return;
	r->failing = why;
	r->next = NULL;
	*s->failed_tail = r;
	s->failed_tail = &r->next;
	loop_defer(s->sources->loop, &s->fail);
}

static void fail_all(void *arg)
{
	struct source *s = arg;

	source_enter(s);
	while (!s->closed && s->failed) {
		struct err err = ERR_INIT;

		err_set(&err, ERR_TRANSIENT, "the fetching process %s",
			s->failed->failing);
		finish(s->failed, NULL, 0, &err);
	}
	source_leave(s);
}

void requests_init(struct source *s)
{
	s->failed_tail = &s->failed;
	work_init(&s->fail, fail_all, s);
}

void requests_fail(struct source *s)
{
	for (map_each(&s->by_number, e))
		fail_soon(e->value, "was started again");
}

static void free_request(void *arg)
{
	destroy(arg);
}

void requests_release(struct source *s)
{
	loop_undefer(s->sources->loop, &s->fail);
	map_release(&s->by_number, free_request);
	s->failed = NULL;
	s->failed_tail = &s->failed;
}

/* ---- asking ---- */

static void send_question(struct source_request *r, const char *from,
			  const char *path)
{
	struct source *s = r->source;
	struct buf b = BUF_INIT(LIMIT_IPC_FRAME);
	size_t n = r->paths.n - r->asked;

	ipc_put_u32(&b, r->number);
	if (r->kind == SOURCE_DIFF)
		ipc_put_str(&b, from);
	ipc_put_str(&b, r->bundle);
	if (r->kind == SOURCE_OBJECT) {
		ipc_put_str(&b, path);
		ipc_put_digest(&b, &r->digest);
	} else if (r->kind == SOURCE_ORIGINS) {
		n = n < SOURCE_BATCH ? n : SOURCE_BATCH;
		ipc_put_u32(&b, (uint32_t)n);
		while (n--)
			ipc_put_str(&b, r->paths.v[r->asked++]);
	}
	ipc_send(s->sources->ipc, (uint16_t)r->kind, s->handle, &b);
	buf_release(&b);
}

static struct source_request *ask(struct source *s, enum source_msg kind,
				  const char *bundle, void *arg)
{
	struct source_request *r = xcalloc(1, sizeof(*r));

	r->source = s;
	r->kind = kind;
	r->arg = arg;
	snprintf(r->bundle, sizeof(r->bundle), "%s", bundle);
	do
		r->number = s->next_request++;
	while (find(s, r->number));
	map_put(&s->by_number, key_of(r->number).text, r);
	return r;
}

/* False where sending it makes no sense: then it fails. */
static bool may_begin(struct source_request *r)
{
	struct source *s = r->source;

	if (!s->sources->ipc)
		fail_soon(r, "is not running");
	else if (!s->told)
		fail_soon(r, "does not know this channel");
	else if (s->by_number.count > LIMIT_REQUESTS)
		fail_soon(r, "has too many questions to answer");
	return !r->failing;
}

static struct source_request *begin(struct source_request *r,
				    const char *from, const char *path)
{
	if (may_begin(r))
		send_question(r, from, path);
	return r;
}

struct source_request *source_diff(struct source *s, const char *from,
				   const char *to,
	void (*on_items)(void *arg, const struct source_item *items, size_t n),
	void (*on_done)(void *arg, const struct err *err), void *arg)
{
	struct source_request *r = ask(s, SOURCE_DIFF, to, arg);

	r->on_items = on_items;
	r->on_done = on_done;
	return begin(r, from, NULL);
}

struct source_request *source_list(struct source *s, const char *bundle,
	void (*on_items)(void *arg, const struct source_item *items, size_t n),
	void (*on_done)(void *arg, const struct err *err), void *arg)
{
	return source_diff(s, "", bundle, on_items, on_done, arg);
}

struct source_request *source_object(struct source *s, const char *bundle,
				     const char *path,
				     const struct sha256 *digest,
	void (*on_done)(void *arg, const char *body, size_t len,
			const struct err *err), void *arg)
{
	struct source_request *r = ask(s, SOURCE_OBJECT, bundle, arg);

	r->on_body = on_done;
	r->digest = *digest;
	return begin(r, NULL, path);
}

struct source_request *source_origins(struct source *s, const char *bundle,
				      const char *const *paths, size_t n,
	void (*on_place)(void *arg, const char *path, const char *place),
	void (*on_done)(void *arg, const struct err *err), void *arg)
{
	struct source_request *r = ask(s, SOURCE_ORIGINS, bundle, arg);

	r->on_place = on_place;
	r->on_done = on_done;
	for (size_t i = 0; i < n; i++)
		strvec_push(&r->paths, paths[i]);
	return begin(r, NULL, NULL);
}

struct source_request *source_report(struct source *s,
				     const struct source_report *report,
	void (*on_reply)(void *arg, const struct source_reply *reply,
			 const struct err *err), void *arg)
{
	struct source_request *r = ask(s, SOURCE_REPORT, "", arg);
	struct buf b = BUF_INIT(LIMIT_IPC_FRAME);

	r->on_reply = on_reply;
	if (may_begin(r)) {
		ipc_put_u32(&b, r->number);
		ipc_put_str(&b, report->url);
		ipc_put_bool(&b, report->credentials);
		ipc_put_bytes(&b, report->text, report->len);
		ipc_send(s->sources->ipc, SOURCE_REPORT, s->handle, &b);
	}
	buf_release(&b);
	return r;
}

void source_cancel(struct source_request *r)
{
	struct source *s;
	struct buf b = BUF_INIT(8);

	if (!r)
		return;
	s = r->source;
	if (s->sources->ipc && !r->failing) {
		ipc_put_u32(&b, r->number);
		ipc_send(s->sources->ipc, SOURCE_CANCEL, s->handle, &b);
	}
	buf_release(&b);
	detach(r);
	destroy(r);
}

/* ---- answers ---- */

static int on_items(struct source_request *r, struct ipc_in *in,
		    struct err *err)
{
	uint32_t n = ipc_get_u32(in);
	struct source_item *items;
	char (*paths)[SOURCE_PATH_SIZE];
	int rc;

	if (n > SOURCE_BATCH)
		return err_set(err, ERR_INVALID, "protocol error: ITEMS");
	items = xcalloc(n, sizeof(*items));
	paths = xcalloc(n, sizeof(*paths));
	for (uint32_t i = 0; i < n; i++)
		source_get_item(in, paths[i], &items[i]);
	rc = ipc_in_end(in, "ITEMS", err);
	if (!rc && r && r->kind == SOURCE_DIFF && r->on_items)
		r->on_items(r->arg, items, n);
	free(items);
	free(paths);
	return rc;
}

static int on_places(struct source *s, uint32_t number, struct ipc_in *in,
		     struct err *err)
{
	uint32_t n = ipc_get_u32(in);
	struct strvec v = STRVEC_INIT;
	int rc;

	if (n > SOURCE_BATCH)
		return err_set(err, ERR_INVALID, "protocol error: PLACES");
	for (uint32_t i = 0; i < 2 * n && !in->bad; i++) {
		char *text = ipc_get_strdup(in, LIMIT_PATH_BYTES + 16);

		strvec_push(&v, text);
		free(text);
	}
	rc = ipc_in_end(in, "PLACES", err);
	source_enter(s);
	for (uint32_t i = 0; !rc && i < n && !s->closed; i++) {
		/* a callback may cancel the request, or close the channel */
		struct source_request *r = find(s, number);

		if (r && r->kind == SOURCE_ORIGINS && r->on_place)
			r->on_place(r->arg, v.v[2 * i], v.v[2 * i + 1]);
	}
	source_leave(s);
	strvec_release(&v);
	return rc;
}

static int on_body(struct source_request *r, struct ipc_in *in,
		   struct err *err)
{
	struct err wrong = ERR_INIT;
	struct sha256 got;
	const uint8_t *body;
	size_t len;

	body = ipc_get_bytes(in, LIMIT_OBJECT_BYTES, &len);
	if (ipc_in_end(in, "BODY", err) < 0)
		return -1;
	if (!r || r->kind != SOURCE_OBJECT)
		return 0;
	sha256_of(body, len, &got);
	if (!sha256_equal(&got, &r->digest)) {
		err_set(&wrong, ERR_DENIED, "the fetching process sent other "
			"bytes than were asked for");
		finish(r, NULL, 0, &wrong);
	} else {
		finish(r, (const char *)body, len, NULL);
	}
	return 0;
}

static int on_done(struct source_request *r, struct ipc_in *in,
		   struct err *err)
{
	if (ipc_in_end(in, "DONE", err) < 0)
		return -1;
	if (!r || (r->kind != SOURCE_DIFF && r->kind != SOURCE_ORIGINS))
		return 0;
	if (r->asked < r->paths.n)
		begin(r, NULL, NULL);
	else
		finish(r, NULL, 0, NULL);
	return 0;
}

static int on_reply(struct source_request *r, struct ipc_in *in,
		    struct err *err)
{
	struct source_reply reply;

	source_get_reply(in, &reply);
	if (ipc_in_end(in, "REPLY", err) < 0)
		return -1;
	if (!r || r->kind != SOURCE_REPORT)
		return 0;
	detach(r);
	r->on_reply(r->arg, &reply, NULL);
	destroy(r);
	return 0;
}

static int on_failed(struct source_request *r, struct ipc_in *in,
		     struct err *err)
{
	struct err why = ERR_INIT;
	uint8_t class = ipc_get_u8(in);
	char message[SOURCE_MESSAGE_SIZE];

	ipc_get_str(in, message, sizeof(message));
	if (ipc_in_end(in, "FAILED", err) < 0)
		return -1;
	if (class < ERR_INVALID || class > ERR_INTERNAL)
		return err_set(err, ERR_INVALID, "protocol error: FAILED");
	err_set(&why, (enum err_class)class, "%s", message);
	if (r)
		finish(r, NULL, 0, &why);
	return 0;
}

int request_frame(struct source *s, const struct ipc_frame *f,
		  struct err *err)
{
	struct source_request *r;
	struct ipc_in in;
	uint32_t number;

	ipc_in_init(&in, f);
	number = ipc_get_u32(&in);
	r = find(s, number);
	if (r && r->failing)
		r = NULL;
	switch (f->type) {
	case SOURCE_ITEMS:
		return on_items(r, &in, err);
	case SOURCE_BODY:
		return on_body(r, &in, err);
	case SOURCE_PLACES:
		return on_places(s, number, &in, err);
	case SOURCE_DONE:
		return on_done(r, &in, err);
	case SOURCE_FAILED:
		return on_failed(r, &in, err);
	case SOURCE_REPLY:
		return on_reply(r, &in, err);
	}
	return err_set(err, ERR_INVALID, "protocol error: message %u",
		       f->type);
}
