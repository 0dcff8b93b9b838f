/*
 * Reports of clusters. See cluster-report.h. A report comes over the network
 * from who may be a stranger: until its signature is known to be good only
 * the frame is looked at, and after that the text is read only as exactly
 * what cluster_report_write writes. What it says is its cluster's word, and
 * printed to people: free text is one line of printable UTF-8.
 */
#include "config.h"
#include "schema/cluster-report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/utf8.h"
#include "schema/object.h"
#include "schema/sshsig.h"

#define NOTHING "-"	/* the value of a field whose text is empty */
#define UNKNOWN "Unknown"	/* a reason that nobody gave */

static const char *const phases[CLUSTER_PHASES] = {
	[CLUSTER_WAITING] = "waiting",
	[CLUSTER_REFUSED] = "refused",
	[CLUSTER_APPLYING] = "applying",
	[CLUSTER_HEALTHY] = "healthy",
	[CLUSTER_FAILED] = "failed",
	[CLUSTER_SUSPENDED] = "suspended",
};

const char *cluster_phase_name(enum cluster_phase phase)
{
	return phases[phase];
}

void cluster_report_release(struct cluster_report *r)
{
	for (size_t i = 0; i < r->n_failures; i++) {
		free(r->failures[i].object);
		free(r->failures[i].source);
		free(r->failures[i].reason);
		free(r->failures[i].message);
	}
	*r = (struct cluster_report)CLUSTER_REPORT_INIT;
}

/* ---- texts made to fit ---- */

/* One line of at most max bytes, without white space at its ends. "-" alone
 * would be read back as nothing. */
static char *fit_text(const char *s, size_t max)
{
	struct buf out = BUF_INIT(max + 4);
	size_t len = s ? strlen(s) : 0, i = 0;

	while (i < len && out.len < max) {
		size_t n = utf8_printable(s + i, len - i);
		size_t skip = utf8_length(s + i, len - i);

		if (n && out.len + n > max)
			break;
		if (n && !(s[i] == ' ' && !out.len))
			buf_add(&out, s + i, n);
		else if (!n && out.len)
			buf_addc(&out, ' ');
		i += skip ? skip : 1;
	}
	while (out.len && out.data[out.len - 1] == ' ')
		buf_truncate(&out, out.len - 1);
	if (!strcmp(out.data, NOTHING))
		buf_reset(&out);
	return buf_detach(&out, NULL);
}

static bool is_reason_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9');
}

/* Letters and digits, a letter first. */
static bool is_reason(const char *s)
{
	if (!*s || (*s >= '0' && *s <= '9'))
		return false;
	while (is_reason_char(*s))
		s++;
	return !*s;
}

static char *fit_reason(const char *s)
{
	struct buf out = BUF_INIT(LIMIT_REPORT_REASON_BYTES);

	for (; s && *s && out.len < LIMIT_REPORT_REASON_BYTES; s++)
		if (is_reason_char(*s) &&
		    (out.len || *s < '0' || *s > '9'))
			buf_addc(&out, *s);
	if (!out.len)
		buf_adds(&out, UNKNOWN);
	return buf_detach(&out, NULL);
}

/* An object's name is ASCII in any bundle, and of what stands here. */
static char *fit_object(const char *s)
{
	char *text = fit_text(s, LIMIT_REPORT_OBJECT_BYTES);

	for (char *p = text; *p; p++)
		if ((unsigned char)*p >= 0x7f)
			*p = '?';
	return text;
}

static bool is_source(const char *s)
{
	const char *colon = strrchr(s, ':');
	uint64_t line;

	return colon && colon != s &&
	       !parse_u64(colon + 1, 1, UINT32_MAX, &line);
}

static char *fit_source(const char *s)
{
	char *text = fit_text(s, LIMIT_REPORT_SOURCE_BYTES);

	if (!is_source(text) || strlen(s) > LIMIT_REPORT_SOURCE_BYTES)
		*text = '\0';
	return text;
}

void cluster_report_set_reason(struct cluster_report *r, const char *reason,
			       const char *message)
{
	char *fit = fit_reason(reason);
	char *text = fit_text(message, LIMIT_REPORT_MESSAGE_BYTES);

	memcpy(r->reason, fit, strlen(fit) + 1);
	memcpy(r->message, text, strlen(text) + 1);
	free(fit);
	free(text);
}

void cluster_report_add_failure(struct cluster_report *r, const char *object,
				const char *source, const char *reason,
				const char *message)
{
	if (r->n_failures == LIMIT_REPORT_FAILURES)
		return;
	r->failures[r->n_failures++] = (struct cluster_failure){
		.object = fit_object(object),
		.source = fit_source(source),
		.reason = fit_reason(reason),
		.message = fit_text(message, LIMIT_REPORT_MESSAGE_BYTES),
	};
}

void cluster_failure_line(const struct cluster_failure *f, struct buf *out)
{
	buf_addf(out, "%s: %s: %s", *f->source ? f->source :
		 "(source unknown)", f->object, f->reason);
	if (*f->message)
		buf_addf(out, ": %s", f->message);
}

/* ---- writing ---- */

static void write_text(const char *field, const char *text, struct buf *out)
{
	buf_addf(out, "%s %s\n", field, *text ? text : NOTHING);
}

static void write_counts(const struct cluster_report *r, struct buf *out)
{
	const uint64_t v[] = { r->total, r->ready, r->progressing, r->failed,
			       r->drifted, r->fighting };

	buf_adds(out, "objects");
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		buf_addf(out, " %" PRIu64, v[i] < LIMIT_REPORT_OBJECTS ?
			 v[i] : (uint64_t)LIMIT_REPORT_OBJECTS);
	buf_addc(out, '\n');
}

void cluster_report_write(const struct cluster_report *r, struct buf *out)
{
	char issued[CLOCK_TEXT_SIZE], since[CLOCK_TEXT_SIZE];

	clock_format(r->issued, issued);
	clock_format(r->since, since);
	buf_addf(out, "windlass-report 1\nchannel %s\nchannel-id %s\n",
		 r->channel, r->channel_id);
	buf_addf(out, "cluster %s\ncounter %" PRIu64 "\nissued %s\n",
		 r->cluster, r->counter, issued);
	buf_addf(out, "epoch %" PRIu64 "\nsequence %" PRIu64 "\nbundle %s\n",
		 r->epoch, r->sequence, r->bundle);
	buf_addf(out, "phase %s\nsince %s\n", phases[r->phase], since);
	if (*r->applied_bundle)
		buf_addf(out, "applied %" PRIu64 ".%" PRIu64 " %s\n",
			 r->applied_epoch, r->applied_sequence,
			 r->applied_bundle);
	else
		buf_adds(out, "applied none\n");
	write_counts(r, out);
	buf_addf(out, "stale %s\n", r->stale ? "yes" : "no");
	buf_addf(out, "reason %s\n", *r->reason ? r->reason : UNKNOWN);
	write_text("message", r->message, out);
	buf_addf(out, "failures %zu\n", r->n_failures);
	for (size_t i = 0; i < r->n_failures; i++) {
		const struct cluster_failure *f = &r->failures[i];

		write_text("failure", f->object, out);
		write_text("at", f->source, out);
		buf_addf(out, "reason %s\n", f->reason);
		write_text("message", f->message, out);
	}
}

/* ---- reading ---- */

int cluster_report_split(const char *data, size_t len, size_t *ret_text_len,
			 struct err *err)
{
	if (sshsig_split("report", LIMIT_REPORT_BYTES, data, len,
			 ret_text_len, err) == 0)
		return 0;
	err->class = ERR_INVALID;
	return -1;
}

static int read_cluster(struct lines *l, struct cluster_report *r,
			struct err *err)
{
	char name[sizeof(r->cluster)];

	if (lines_ascii(l, "cluster ", name, sizeof(name), err) < 0)
		return -1;
	if (!is_dns_label(name))
		return lines_error(l, err, "'%s' is not a cluster's name: "
				   "lower-case letters, digits and '-'", name);
	memcpy(r->cluster, name, sizeof(name));
	return 0;
}

static int read_phase(struct lines *l, struct cluster_report *r,
		      struct err *err)
{
	char name[16];

	if (lines_ascii(l, "phase ", name, sizeof(name), err) < 0)
		return -1;
	for (int i = 0; i < CLUSTER_PHASES; i++)
		if (!strcmp(name, phases[i])) {
			r->phase = (enum cluster_phase)i;
			return 0;
		}
	return lines_error(l, err, "'%s' is no phase", name);
}

/* The part of a value up to the separator, or all of it; NULL past the end. */
static const char *part(const char **at, const char *end, char separator,
			size_t *ret_len)
{
	const char *p = *at, *stop;

	if (!p)
		return NULL;
	stop = memchr(p, separator, (size_t)(end - p));
	*ret_len = (size_t)((stop ? stop : end) - p);
	*at = stop ? stop + 1 : NULL;
	return p;
}

/* "1.41 <40 hex>" or "none" */
static int read_applied(struct lines *l, struct cluster_report *r,
			struct err *err)
{
	const char *v, *at, *p;
	size_t len, n;

	if (lines_value(l, "applied ", &v, &len, err) < 0)
		return -1;
	if (len == strlen("none") && !memcmp(v, "none", len))
		return 0;
	at = v;
	p = part(&at, v + len, '.', &n);
	if (!p || parse_u64n(p, n, 1, LIMIT_SEQUENCE, &r->applied_epoch) < 0)
		goto bad;
	p = part(&at, v + len, ' ', &n);
	if (!p || parse_u64n(p, n, 1, LIMIT_SEQUENCE,
			     &r->applied_sequence) < 0 ||
	    !at || !is_git_id(at, (size_t)(v + len - at)))
		goto bad;
	memcpy(r->applied_bundle, at, GIT_HEX_SIZE - 1);
	return 0;
bad:
	return lines_error(l, err, "is neither 'applied none' nor 'applied "
			   "<epoch>.<sequence> <bundle>'");
}

static int read_counts(struct lines *l, struct cluster_report *r,
		       struct err *err)
{
	uint64_t *const fields[] = { &r->total, &r->ready, &r->progressing,
				     &r->failed, &r->drifted, &r->fighting };
	const char *v, *at, *p;
	size_t len, n;

	if (lines_value(l, "objects ", &v, &len, err) < 0)
		return -1;
	at = v;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		p = part(&at, v + len, ' ', &n);
		if (!p || parse_u64n(p, n, 0, LIMIT_REPORT_OBJECTS,
				     fields[i]) < 0)
			return lines_error(l, err, "does not have %zu numbers "
					   "from 0 to %u", ARRAY_SIZE(fields),
					   LIMIT_REPORT_OBJECTS);
	}
	return at ? lines_error(l, err, "has more than %zu numbers",
				ARRAY_SIZE(fields)) : 0;
}

static int read_stale(struct lines *l, struct cluster_report *r,
		      struct err *err)
{
	char word[4];

	if (lines_ascii(l, "stale ", word, sizeof(word), err) < 0)
		return -1;
	r->stale = !strcmp(word, "yes");
	if (!r->stale && strcmp(word, "no"))
		return lines_error(l, err, "says neither yes nor no");
	return 0;
}

static int read_reason(struct lines *l, char *ret, struct err *err)
{
	char reason[LIMIT_REPORT_REASON_BYTES + 1];

	if (lines_ascii(l, "reason ", reason, sizeof(reason), err) < 0)
		return -1;
	if (!is_reason(reason))
		return lines_error(l, err, "'%s' is no reason: letters and "
				   "digits, a letter first", reason);
	memcpy(ret, reason, strlen(reason) + 1);
	return 0;
}

/* Free text: printable, one line, no space at its ends. "" for nothing. */
static int read_text(struct lines *l, const char *prefix, size_t max,
		     const char **ret, size_t *ret_len, struct err *err)
{
	const char *v;
	size_t len;

	if (lines_value(l, prefix, &v, &len, err) < 0)
		return -1;
	if (len > max)
		return lines_error(l, err, "'%s' has more than %zu bytes",
				   prefix, max);
	if (v[0] == ' ' || v[len - 1] == ' ')
		return lines_error(l, err, "'%s' has a space too many",
				   prefix);
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_printable(v + i, len - i);
		if (!n)
			return lines_error(l, err, "'%s' is not printable "
					   "UTF-8", prefix);
	}
	*ret = v;
	*ret_len = len == 1 && *v == *NOTHING ? 0 : len;
	return 0;
}

static int read_message(struct lines *l, struct cluster_report *r,
			struct err *err)
{
	const char *v;
	size_t len;

	if (read_text(l, "message ", LIMIT_REPORT_MESSAGE_BYTES, &v, &len,
		      err) < 0)
		return -1;
	memcpy(r->message, v, len);
	r->message[len] = '\0';
	return 0;
}

static int read_copy(struct lines *l, const char *prefix, size_t max,
		     char **ret, struct err *err)
{
	const char *v;
	size_t len;

	if (read_text(l, prefix, max, &v, &len, err) < 0)
		return -1;
	*ret = xstrndup(v, len);
	return 0;
}

static int read_failure(struct lines *l, struct cluster_failure *f,
			struct err *err)
{
	char reason[LIMIT_REPORT_REASON_BYTES + 1];

	if (read_copy(l, "failure ", LIMIT_REPORT_OBJECT_BYTES, &f->object,
		      err) < 0)
		return -1;
	for (const char *p = f->object; *p; p++)
		if ((unsigned char)*p >= 0x7f)
			return lines_error(l, err, "'failure ' is not ASCII");
	if (read_copy(l, "at ", LIMIT_REPORT_SOURCE_BYTES, &f->source,
		      err) < 0)
		return -1;
	if (*f->source && !is_source(f->source))
		return lines_error(l, err, "is neither 'at -' nor "
				   "'at <path>:<line>'");
	if (read_reason(l, reason, err) < 0)
		return -1;
	f->reason = xstrdup(reason);
	return read_copy(l, "message ", LIMIT_REPORT_MESSAGE_BYTES,
			 &f->message, err);
}

static int read_failures(struct lines *l, struct cluster_report *r,
			 struct err *err)
{
	uint64_t n;

	if (lines_u64(l, "failures ", 0, LIMIT_REPORT_FAILURES, &n, err) < 0)
		return -1;
	while (r->n_failures < n)
		if (read_failure(l, &r->failures[r->n_failures++], err) < 0)
			return -1;
	return 0;
}

static int read_fields(struct lines *l, struct cluster_report *r,
		       struct err *err)
{
	if (lines_format(l, "windlass-report ", "1", err) < 0 ||
	    lines_channel(l, "channel ", r->channel, err) < 0 ||
	    lines_channel_id(l, "channel-id ", r->channel_id, err) < 0 ||
	    read_cluster(l, r, err) < 0 ||
	    lines_u64(l, "counter ", 1, LIMIT_REPORT_COUNTER, &r->counter,
		      err) < 0 ||
	    lines_time(l, "issued ", &r->issued, err) < 0 ||
	    lines_u64(l, "epoch ", 1, LIMIT_SEQUENCE, &r->epoch, err) < 0 ||
	    lines_u64(l, "sequence ", 1, LIMIT_SEQUENCE, &r->sequence,
		      err) < 0 ||
	    lines_git_id(l, "bundle ", r->bundle, err) < 0 ||
	    read_phase(l, r, err) < 0 ||
	    lines_time(l, "since ", &r->since, err) < 0 ||
	    read_applied(l, r, err) < 0 ||
	    read_counts(l, r, err) < 0 ||
	    read_stale(l, r, err) < 0 ||
	    read_reason(l, r->reason, err) < 0 ||
	    read_message(l, r, err) < 0 ||
	    read_failures(l, r, err) < 0)
		return -1;
	return lines_end(l, err);
}

int cluster_report_parse(const char *text, size_t len,
			 struct cluster_report *ret, struct err *err)
{
	struct lines l = LINES_INIT(text, len, ERR_INVALID);
	struct cluster_report r = CLUSTER_REPORT_INIT;

	if (read_fields(&l, &r, err) < 0) {
		cluster_report_release(&r);
		return err_wrap(err, "report");
	}
	*ret = r;
	return 0;
}

int cluster_report_open(const char *data, size_t len,
			const struct trust *trust, int64_t now,
			struct cluster_report *ret, struct err *err)
{
	const struct trust_key *who;
	struct cluster_report r;
	struct sshkey key;
	size_t text_len;

	if (cluster_report_split(data, len, &text_len, err) < 0 ||
	    sshsig_verify(data + text_len, len - text_len, TRUST_REPORTERS,
			  data, text_len, &key, NULL, err) < 0)
		return -1;
	who = trust_find(trust, &key, now, err);
	if (!who || cluster_report_parse(data, text_len, &r, err) < 0)
		return -1;
	if (!strcmp(r.cluster, who->principal)) {
		*ret = r;
		return 0;
	}
	err_set(err, ERR_DENIED, "report of '%s' is signed by the key of "
		"'%s'", r.cluster, who->principal);
	cluster_report_release(&r);
	return -1;
}
