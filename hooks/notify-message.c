/*
 * Messages, in our own form and in Slack's. See notify.h. What clusters and
 * pushers wrote is text in them and nothing else: JSON by the writer that all
 * use, and for Slack without what it would take for a link or a mention.
 */
#include "config.h"
#include "hooks/notify.h"

#include <inttypes.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/num.h"
#include "schema/base/utf8.h"
#include "schema/json.h"

#define MESSAGE_VERSION 1
#define TEXT_BYTES (64u * 1024)
/* of one cluster in a text */
#define TEXT_FAILURES 5
#define TEXT_LINE_BYTES 400

/* ---- for people ---- */

static void add_bundle(const struct notify_cluster *k, struct buf *text)
{
	buf_addf(text, "%" PRIu64 ".%" PRIu64, k->report.epoch,
		 k->report.sequence);
	if (*k->from.commit)
		buf_addf(text, " of %.12s", k->from.commit);
	if (*k->subject)
		buf_addf(text, " (%s: %s)", k->author, k->subject);
}

static void add_reason(const struct cluster_report *r, struct buf *text)
{
	buf_addf(text, ": %s%s%s", r->reason, *r->message ? ": " : "",
		 r->message);
}

static void add_failures(const struct cluster_report *r, struct buf *text)
{
	for (size_t i = 0; i < r->n_failures && i < TEXT_FAILURES; i++) {
		struct buf line = BUF_INIT(LIMIT_REPORT_BYTES);

		cluster_failure_line(&r->failures[i], &line);
		buf_adds(text, "\n  ");
		buf_add(text, line.data,
			utf8_cut(line.data, TEXT_LINE_BYTES));
		buf_release(&line);
	}
	if (r->n_failures > TEXT_FAILURES)
		buf_addf(text, "\n  and %zu more",
			 r->n_failures - TEXT_FAILURES);
}

static void add_ended(const struct news *n, const struct cluster_report *r,
		      struct buf *text)
{
	const char *comma = "";

	if (n->ended & (1u << NEWS_FAILED)) {
		buf_addf(text, "%s again", cluster_phase_name(r->phase));
		comma = ", ";
	}
	if (n->ended & (1u << NEWS_FIGHTING)) {
		buf_addf(text, "%snobody fights over its objects any more",
			 comma);
		comma = ", ";
	}
	if (n->ended & (1u << NEWS_STALE))
		buf_addf(text, "%sis heard of again", comma);
}

static void add_stale(const struct notify_cluster *k, struct buf *text)
{
	char since[CLOCK_TEXT_SIZE];

	if (k->silence != SILENCE_NO) {
		clock_format(k->heard, since);
		buf_addf(text, "has not reported since %s", since);
	} else {
		buf_adds(text, "the head that it has is past its expiry");
	}
}

/* "prod@eu-1: failed: 1.2 of 1a2b3c4d5e6f (Ada: more replicas)" */
static void add_text(const struct notify_channel *c,
		     const struct message_part *p, enum news_event event,
		     struct buf *text)
{
	const struct notify_cluster *k = p->cluster;
	const struct cluster_report *r = &k->report;

	buf_addf(text, "%s@%s: ", c->ch->name, k->name);
	switch (event) {
	case NEWS_FAILED:
		buf_addf(text, "%s: ", cluster_phase_name(r->phase));
		break;
	case NEWS_WAITING:
		buf_adds(text, "waits for approval: ");
		break;
	case NEWS_FIGHTING:
		buf_addf(text, "somebody else keeps changing %" PRIu64
			 " object%s back: ", r->fighting, plural(r->fighting));
		break;
	case NEWS_STALE:
		add_stale(k, text);
		buf_adds(text, ": ");
		break;
	default:
		add_ended(&p->news, r, text);
		buf_adds(text, ": ");
		break;
	}
	add_bundle(k, text);
	if (event == NEWS_FAILED || event == NEWS_WAITING)
		add_reason(r, text);
	if (event == NEWS_FAILED)
		add_failures(r, text);
}

/* ---- our own form ---- */

static struct node *ended_node(struct arena *a, unsigned ended)
{
	struct node *list = node_seq(a);

	for (int i = 0; i < NEWS_EVENTS; i++)
		if (ended & (1u << i))
			node_append(a, list, node_str(a, news_name(
					(enum news_event)i)));
	return list;
}

/* Of what happened, whatever else is told with it: the same when it is told
 * once more, and another one for what came instead by then. */
static void add_id(const struct notify_channel *c,
		   const struct message_part *p, enum news_event event,
		   struct buf *id)
{
	buf_addf(id, "%s.%s.%" PRIu64 ".%s", c->ch->id, p->cluster->name,
		 p->before.events + 1, news_name(event));
	if (event == NEWS_FAILED)
		buf_addf(id, ".%.12s", p->news.then.failed);
	else if (event == NEWS_WAITING)
		buf_addf(id, ".%.12s", p->news.then.waiting);
	else if (event == NEWS_RECOVERED)
		buf_addf(id, ".%x", p->news.ended);
}

static struct node *event_node(struct arena *a, const struct notify_channel *c,
			       const struct message_part *p,
			       enum news_event event)
{
	const struct notify_cluster *k = p->cluster;
	struct buf text = BUF_INIT(TEXT_BYTES);
	struct buf id = BUF_INIT(256);
	struct node *n = cluster_status_node(a, &k->report, &k->from);
	char heard[CLOCK_TEXT_SIZE];

	add_text(c, p, event, &text);
	add_id(c, p, event, &id);
	clock_format(k->heard, heard);
	/* what a status says of itself, or is of no use here */
	node_del(n, "version");
	node_del(n, "counter");
	node_set(a, n, "author", node_str_clean(a, k->author));
	node_set(a, n, "event", node_str(a, news_name(event)));
	node_set(a, n, "heard", node_str(a, heard));
	node_set(a, n, "id", node_str(a, id.data));
	node_set(a, n, "subject", node_str_clean(a, k->subject));
	node_set(a, n, "text", node_str_clean(a, text.data));
	if (event == NEWS_RECOVERED)
		node_set(a, n, "ended", ended_node(a, p->news.ended));
	buf_release(&id);
	buf_release(&text);
	return n;
}

static void write_generic(const struct notify_channel *c,
			  const struct receiver *r, struct arena *a,
			  struct node *events, struct buf *out)
{
	struct node *n = node_map(a);
	char now[CLOCK_TEXT_SIZE];

	clock_format(c->now, now);
	node_set(a, n, "version", node_int(a, MESSAGE_VERSION));
	node_set(a, n, "channel", node_str(a, c->ch->name));
	node_set(a, n, "channelId", node_str(a, c->ch->id));
	node_set(a, n, "time", node_str(a, now));
	if (r->link)
		node_set(a, n, "link", node_str(a, r->link));
	node_set(a, n, "events", events);
	json_write_compact(n, out);
}

/* ---- Slack's ---- */

/* U+200B: nobody sees it, and no name goes on over it */
#define NO_NAME "\xe2\x80\x8b"

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

/*
 * Slack's mentions and links are in <>, but for bare urls; who else reads its
 * form, as Mattermost does, takes @all, @here or a name for one, unless a
 * letter or number stands before it, and [text](url) for a link.
 */
static void without_mentions(const char *text, struct buf *out)
{
	for (const char *s = text; *s; s++) {
		buf_addc(out, *s);
		if ((*s == '@' && (s == text || !is_word(s[-1]))) ||
		    (*s == ']' && s[1] == '(') ||
		    (*s == ':' && s[1] == '/' && s[2] == '/'))
			buf_adds(out, NO_NAME);
	}
}

static void add_escaped(const char *s, struct buf *out)
{
	for (; *s; s++) {
		if (*s == '&')
			buf_adds(out, "&amp;");
		else if (*s == '<')
			buf_adds(out, "&lt;");
		else if (*s == '>')
			buf_adds(out, "&gt;");
		else
			buf_addc(out, *s);
	}
}

static void write_slack(const struct receiver *r, struct arena *a,
			const struct buf *text, struct buf *out)
{
	struct buf plain = BUF_INIT(4 * TEXT_BYTES);
	struct buf escaped = BUF_INIT(5 * plain.max);
	struct node *n = node_map(a);

	without_mentions(text->data, &plain);
	add_escaped(plain.data, &escaped);
	if (r->link) {
		buf_addc(&escaped, '\n');
		add_escaped(r->link, &escaped);
	}
	node_set(a, n, "text", node_str_clean(a, escaped.data));
	json_write_compact(n, out);
	buf_release(&plain);
	buf_release(&escaped);
}

/* ---- both ---- */

void message_write(const struct notify_channel *c, const struct receiver *r,
		   const struct message_part *parts, size_t n,
		   struct buf *out)
{
	struct buf text = BUF_INIT(TEXT_BYTES);
	struct arena a = ARENA_INIT;
	struct node *events = node_seq(&a);

	for (size_t i = 0; i < n; i++) {
		const struct message_part *p = &parts[i];

		for (int e = 0; e < NEWS_EVENTS; e++) {
			if (!(p->news.events & r->events & (1u << e)))
				continue;
			if (text.len)
				buf_addc(&text, '\n');
			if (r->form == RECEIVER_SLACK)
				add_text(c, p, (enum news_event)e, &text);
			else
				node_append(&a, events, event_node(&a, c, p,
						(enum news_event)e));
		}
	}
	if (r->form == RECEIVER_SLACK)
		write_slack(r, &a, &text, out);
	else
		write_generic(c, r, &a, events, out);
	arena_release(&a);
	buf_release(&text);
}

static struct node *happened_node(struct arena *a,
				  const struct notify_channel *c,
				  const struct happened *h)
{
	struct node *n = node_map(a);
	struct buf id = BUF_INIT(256);

	buf_addf(&id, "%s.%.16s", c->ch->id, h->id);
	node_set(a, n, "event", node_str(a, news_name(h->event)));
	node_set(a, n, "id", node_str(a, id.data));
	node_set(a, n, "channel", node_str(a, c->ch->name));
	node_set(a, n, "text", node_str_clean(a, h->text));
	if (h->event == NEWS_HELD) {
		node_set(a, n, "after", node_str(a, c->ch->after));
		node_set(a, n, "author", node_str_clean(a, c->waits.author));
		node_set(a, n, "sourceCommit", node_str(a, c->waits.commit));
		node_set(a, n, "subject", node_str_clean(a, c->waits.subject));
	} else if (h->event == NEWS_ROLLBACK) {
		node_set(a, n, "bundle", node_str(a, c->rolled.bundle));
		node_set(a, n, "epoch", node_int(a, (int64_t)c->rolled.epoch));
		node_set(a, n, "sequence",
			 node_int(a, (int64_t)c->rolled.sequence));
		node_set(a, n, "made", node_bool(a, c->rolled.made));
		node_set(a, n, "sourceCommit", node_str(a, c->rolled.commit));
	} else {
		node_set(a, n, "ended", ended_node(a, 1u << NEWS_HELD));
	}
	buf_release(&id);
	return n;
}

void message_write_happened(const struct notify_channel *c,
			    const struct receiver *r,
			    const struct happened *h, struct buf *out)
{
	struct buf text = BUF_INIT(TEXT_BYTES);
	struct arena a = ARENA_INIT;
	struct node *events = node_seq(&a);

	if (r->form == RECEIVER_SLACK) {
		buf_adds(&text, h->text);
		write_slack(r, &a, &text, out);
	} else {
		node_append(&a, events, happened_node(&a, c, h));
		write_generic(c, r, &a, events, out);
	}
	arena_release(&a);
	buf_release(&text);
}

void message_write_test(const struct notify_channel *c,
			const struct receiver *r, struct buf *out)
{
	struct buf text = BUF_INIT(TEXT_BYTES);
	struct arena a = ARENA_INIT;
	struct node *events = node_seq(&a), *n = node_map(&a);

	buf_addf(&text, "%s: windlass can reach you: this is a test",
		 c->ch->name);
	node_set(&a, n, "event", node_str(&a, "test"));
	node_set(&a, n, "text", node_str(&a, text.data));
	node_append(&a, events, n);
	if (r->form == RECEIVER_SLACK)
		write_slack(r, &a, &text, out);
	else
		write_generic(c, r, &a, events, out);
	arena_release(&a);
	buf_release(&text);
}
