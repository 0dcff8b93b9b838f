/*
 * One question for the heads of many channels (schema/heads.h): what is
 * another one than the asker has comes at once, else the request waits for
 * any of them. So a thousand channels of an engine are one connection here.
 *
 * The question comes from a stranger. It holds as many places as it can have
 * channels from the first byte of its body on, so that the memory of all
 * questions together is bounded, and is shared out among those who ask.
 */
#include "config.h"
#include "hooks/serve.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/heads.h"

/* a line of the question: a name of one byte, a space, "none" and its end */
#define LINE_MIN 7

struct many {
	struct buf text;		/* the question, as it comes */
	struct heads_line *lines;
	struct wish *wishes;		/* one for each line */
	size_t n;
	size_t places;			/* that it holds */
	bool unknown;			/* of some channels nothing is known */
};

struct wish *serve_many_wishes(struct many *m, size_t *ret_n)
{
	*ret_n = m->n;
	return m->wishes;
}

bool serve_many_unknown(const struct many *m)
{
	return m->unknown;
}

void serve_many_end(struct serve *s, struct request *r)
{
	struct many *m = r->many;

	if (!m)
		return;
	serve_client_give_back(s, r->client, PLACE_HEAD, m->places);
	buf_release(&m->text);
	free(m->lines);
	free(m->wishes);
	free(m);
	r->many = NULL;
}

/* ---- the question ---- */

enum MHD_Result serve_many_begin(struct serve *s, struct request *r)
{
	const char *length = MHD_lookup_connection_value(
		r->connection, MHD_HEADER_KIND, "Content-Length");
	uint64_t bytes, lines;

	if (!length || parse_u64(length, 0, UINT64_MAX, &bytes) < 0)
		return serve_reply_text(r, MHD_HTTP_LENGTH_REQUIRED, NULL,
					NULL, "a length is needed\n");
	if (bytes > LIMIT_HEADS_ASK_BYTES)
		return serve_reply_text(r, MHD_HTTP_CONTENT_TOO_LARGE, NULL,
					NULL, "too many channels\n");
	lines = bytes / LINE_MIN + 1;
	if (lines > LIMIT_HEADS_ASKED)
		lines = LIMIT_HEADS_ASKED;
	if (!serve_client_hold(s, r->client, PLACE_HEAD, lines))
		return serve_not_now(r);
	r->many = xcalloc(1, sizeof(*r->many));
	r->many->places = lines;
	buf_init(&r->many->text, LIMIT_HEADS_ASK_BYTES);
	return MHD_YES;
}

void serve_many_add(struct request *r, const char *data, size_t len)
{
	buf_add(&r->many->text, data, len);
}

/* How many lines may be in it, the first one not counted. */
static size_t count_lines(const struct buf *text)
{
	size_t n = 0;

	for (size_t i = 0; i < text->len; i++)
		n += text->data[i] == '\n';
	return n ? n - 1 : 0;
}

static int parse(struct many *m, struct err *err)
{
	struct heads_line line = { .has = false };
	struct lines l;
	size_t n;
	int rc;

	if (buf_check(&m->text, "the question", err) < 0 ||
	    heads_ask_open(&l, m->text.data, m->text.len, err) < 0)
		return -1;
	n = count_lines(&m->text);
	if (n > m->places)
		return err_set(err, ERR_INVALID, "it asks for more than %d "
			       "channels", LIMIT_HEADS_ASKED);
	m->lines = xcalloc(n + 1, sizeof(*m->lines));
	m->wishes = xcalloc(n + 1, sizeof(*m->wishes));
	while ((rc = heads_ask_next(&l, &line, err)) > 0)
		m->lines[m->n++] = line;
	buf_release(&m->text);
	return rc;
}

/* ---- the answer ---- */

/* Some may have been made since the settings were read; that frees others. */
static void look_for_unknown(struct serve *s, const struct many *m)
{
	for (size_t i = 0; i < m->n; i++) {
		const char *name = m->lines[i].channel;
		size_t len = strlen(name);

		if (serve_find(s, name, len))
			continue;
		serve_look_again(s, &s->http_looks, name, len);
		return;
	}
}

static void tag_of(const struct heads_line *line, char tag[ETAG_SIZE])
{
	char hex[SHA256_HEX_SIZE];

	tag[0] = '\0';
	if (!line->has)
		return;
	sha256_hex(&line->known, hex);
	snprintf(tag, ETAG_SIZE, "\"%s\"", hex);
}

/* Fills the wishes, and writes what is new while it fits. How many are. */
static size_t compare(struct serve *s, struct request *r, struct buf *out)
{
	struct many *m = r->many;
	size_t news = 0;

	heads_answer_begin(out);
	m->unknown = false;
	for (size_t i = 0; i < m->n; i++) {
		struct heads_line *line = &m->lines[i];
		struct wish *w = &m->wishes[i];
		struct served *ch = map_get(&s->by_name, line->channel);

		if (ch)
			serve_head_check(s, ch);
		m->unknown = m->unknown || !ch;
		*w = (struct wish){ .request = r, .channel = ch };
		tag_of(line, w->known);
		if (!strcmp(w->known, ch ? ch->etag : ""))
			continue;
		/* what has no room is asked for once more, and comes then */
		if (out->max - out->len < LIMIT_HEAD_BYTES + 128)
			break;
		news++;
		if (ch && ch->there)
			heads_answer_head(out, line->channel, ch->head,
					  ch->head_len);
		else
			heads_answer_none(out, line->channel);
	}
	return news;
}

static enum MHD_Result answer(struct request *r, struct buf *text,
			      size_t news)
{
	size_t len = 0;
	char *body = news ? buf_detach(text, &len) : NULL;
	struct MHD_Response *res = MHD_create_response_from_buffer(
		len, body, MHD_RESPMEM_MUST_FREE);

	buf_release(text);
	if (!res) {
		free(body);
		return MHD_NO;
	}
	if (news)
		MHD_add_response_header(res, "Content-Type",
					"application/octet-stream");
	MHD_add_response_header(res, "Cache-Control", "no-store");
	serve_say_waited(r, res);
	return serve_reply(r, news ? MHD_HTTP_OK : MHD_HTTP_NO_CONTENT, res);
}

/* Channels were made: it may be those that it asks for. */
static void go_on_waiting(struct request *r)
{
	int64_t left = r->deadline - clock_mono_ms();

	r->again = false;
	if (left <= 0)
		return;
	r->answered_wait = false;
	r->wait = (int)((left + 999) / 1000);
}

enum MHD_Result serve_many_answer(struct serve *s, struct request *r)
{
	struct buf text = BUF_INIT(LIMIT_HEADS_ANSWER_BYTES);
	struct many *m = r->many;
	struct err err = ERR_INIT;
	size_t news;

	if (!m->lines) {
		if (parse(m, &err) < 0) {
			log_debug("question-refused",
				  LOG_S("error", err.msg));
			return serve_reply_text(r, MHD_HTTP_BAD_REQUEST, NULL,
						NULL, "it is no question for "
						"heads\n");
		}
		serve_wait_prefer(r);
		look_for_unknown(s, m);
	}
	if (r->again)
		go_on_waiting(r);
	news = compare(s, r, &text);
	if (news || r->answered_wait || !serve_wait_hold(s, r))
		return answer(r, &text, news);
	buf_release(&text);
	serve_wait_begin(s, r);
	return MHD_YES;
}
