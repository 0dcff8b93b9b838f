/*
 * Bundles: the commit message and the raw commit around it. See bundle.h.
 * What is read here comes from a Git host that may be hostile, mostly after
 * a signature over it was verified and sometimes (log, show) before, so
 * nothing is trusted. Refused is everything that bundle_commit_write cannot
 * have written: another order, another spelling of a number, a header too
 * many, a count that contradicts another.
 */
#include "config.h"
#include "schema/bundle.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/num.h"
#include "schema/base/utf8.h"
#include "schema/object.h"
#include "schema/sshsig.h"
#include "schema/trust.h"

#define SUBJECT_BYTES 128	/* "windlass ", 63, and two 19-digit numbers */
#define PUSHED_BY "Pushed-By: "

/* ---- who pushed ---- */

bool pushers_have(const struct pushers *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->v[i], name))
			return true;
	return false;
}

int pushers_add(struct pushers *p, const char *name)
{
	size_t i = p->n;

	if (pushers_have(p, name))
		return 0;
	if (p->n == LIMIT_PUSHERS)
		return -1;
	for (; i && strcmp(p->v[i - 1], name) > 0; i--)
		memcpy(p->v[i], p->v[i - 1], sizeof(p->v[i]));
	snprintf(p->v[i], sizeof(p->v[i]), "%s", name);
	p->n++;
	return 0;
}

bool is_git_id(const char *s, size_t len)
{
	return is_hex(s, len, GIT_HEX_SIZE - 1) && strspn(s, "0") < len;
}

int lines_channel(struct lines *l, const char *prefix,
		  char ret[LIMIT_CHANNEL_BYTES + 1], struct err *err)
{
	char name[LIMIT_CHANNEL_BYTES + 1];

	if (lines_ascii(l, prefix, name, sizeof(name), err) < 0)
		return -1;
	if (!is_channel_name(name))
		return lines_error(l, err, "'%s' is not a channel's name: "
				   "lower-case letters, digits and '-'", name);
	memcpy(ret, name, sizeof(name));
	return 0;
}

int lines_channel_id(struct lines *l, const char *prefix,
		     char ret[CHANNEL_ID_SIZE], struct err *err)
{
	return lines_hex(l, prefix, CHANNEL_ID_SIZE - 1, ret, err);
}

int lines_git_id(struct lines *l, const char *prefix, char ret[GIT_HEX_SIZE],
		 struct err *err)
{
	const char *v;
	size_t len;

	if (lines_value(l, prefix, &v, &len, err) < 0)
		return -1;
	if (!is_git_id(v, len))
		return lines_error(l, err, "'%s' is not a Git object id",
				   prefix);
	memcpy(ret, v, len);
	ret[len] = '\0';
	return 0;
}

/* ---- the message ---- */

static void write_subject(const struct bundle *b, struct buf *out)
{
	buf_addf(out, "windlass %s %llu.%llu", b->channel,
		 (unsigned long long)b->epoch,
		 (unsigned long long)b->sequence);
}

void bundle_message_write(const struct bundle *b, struct buf *out)
{
	char hex[SHA256_HEX_SIZE], issued[CLOCK_TEXT_SIZE];

	sha256_hex(&b->content, hex);
	clock_format(b->issued, issued);
	write_subject(b, out);
	buf_addf(out, "\n\nWindlass-Bundle: %d\nChannel: %s\nChannel-Id: "
		 "%s\n", b->pushers.n ? 2 : 1, b->channel, b->channel_id);
	buf_addf(out, "Epoch: %llu\nSequence: %llu\n",
		 (unsigned long long)b->epoch,
		 (unsigned long long)b->sequence);
	buf_addf(out, "Source-Ref: %s\nSource-Commit: %s\n", b->source_ref,
		 b->source_commit);
	buf_addf(out, "Content-SHA256: %s\nObjects: %llu\n", hex,
		 (unsigned long long)b->objects);
	buf_addf(out, "Changes: +%llu ~%llu -%llu\n",
		 (unsigned long long)b->created,
		 (unsigned long long)b->changed,
		 (unsigned long long)b->deleted);
	buf_addf(out, "Renderer: %s\nIssued: %s\n", b->renderer, issued);
	for (size_t i = 0; i < b->pushers.n; i++)
		buf_addf(out, PUSHED_BY "%s\n", b->pushers.v[i]);
}

/* One component of a ref, by git-check-ref-format(1). */
static bool ref_part_ok(const char *s, size_t len)
{
	if (!len || s[0] == '.' || s[len - 1] == '.')
		return false;
	if (len >= 5 && !memcmp(s + len - 5, ".lock", 5))
		return false;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)s[i] <= ' ' || strchr("~^:?*[\\\x7f", s[i]))
			return false;
		if (i && ((s[i - 1] == '.' && s[i] == '.') ||
			  (s[i - 1] == '@' && s[i] == '{')))
			return false;
	}
	return true;
}

static bool is_utf8(const char *s, size_t len)
{
	size_t n = 1;

	for (; len && n; s += n, len -= n)
		n = utf8_length(s, len);
	return n != 0;
}

bool bundle_source_ref_ok(const char *s, size_t len)
{
	if (len > SOURCE_REF_MAX || len < 6 || memcmp(s, "refs/", 5) ||
	    !is_utf8(s, len))
		return false;
	for (;;) {
		const char *slash = memchr(s, '/', len);
		size_t part = slash ? (size_t)(slash - s) : len;

		if (!ref_part_ok(s, part))
			return false;
		if (!slash)
			return true;
		s += part + 1;
		len -= part + 1;
	}
}

static int read_source_ref(struct lines *l, struct bundle *b, struct err *err)
{
	const char *v;
	size_t len;

	if (lines_value(l, "Source-Ref: ", &v, &len, err) < 0)
		return -1;
	if (!bundle_source_ref_ok(v, len))
		return lines_error(l, err, "'%.*s' is not the full name of a "
				   "ref", len < 80 ? (int)len : 80, v);
	memcpy(b->source_ref, v, len);
	b->source_ref[len] = '\0';
	return 0;
}

/* Takes "<sign><number>" and the byte that must follow from *s. */
static int take_count(const char **s, char sign, char after, uint64_t *ret)
{
	size_t digits;

	if (**s != sign)
		return -1;
	digits = strspn(*s + 1, "0123456789");
	if ((*s)[1 + digits] != after ||
	    parse_u64n(*s + 1, digits, 0, LIMIT_BUNDLE_OBJECTS, ret) < 0)
		return -1;
	*s += 1 + digits + (after != '\0');
	return 0;
}

static int read_changes(struct lines *l, struct bundle *b, struct err *err)
{
	char text[64];
	const char *s = text;

	if (lines_ascii(l, "Changes: ", text, sizeof(text), err) < 0)
		return -1;
	if (take_count(&s, '+', ' ', &b->created) < 0 ||
	    take_count(&s, '~', ' ', &b->changed) < 0 ||
	    take_count(&s, '-', '\0', &b->deleted) < 0)
		return lines_error(l, err, "'%s' is not such as '+2 ~1 -0'",
				   text);
	if (b->created + b->changed > b->objects)
		return lines_error(l, err, "'%s' changes more than the "
				   "bundle's %llu objects", text,
				   (unsigned long long)b->objects);
	if (b->sequence == 1 &&
	    (b->created != b->objects || b->changed || b->deleted))
		return lines_error(l, err, "the first bundle of an epoch "
				   "creates all its objects and changes none, "
				   "not '%s'", text);
	return 0;
}

/* "name/version": what made the objects. */
static int read_renderer(struct lines *l, struct bundle *b, struct err *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	uint64_t version;
	size_t name;

	if (lines_ascii(l, "Renderer: ", b->renderer, sizeof(b->renderer),
			err) < 0)
		return -1;
	name = strspn(b->renderer, letters);
	if (!name || b->renderer[name] != '/' ||
	    parse_u64(b->renderer + name + 1, 1, UINT32_MAX, &version) < 0)
		return lines_error(l, err, "'%s' is not a renderer such as "
				   "'plain/1'", b->renderer);
	return 0;
}

/* The subject repeats the trailers, so it is compared when they are known. */
static int check_subject(const struct bundle *b, const char *text, size_t len,
			 struct err *err)
{
	struct buf want = BUF_INIT(SUBJECT_BYTES);
	int rc = 0;

	write_subject(b, &want);
	if (want.len != len || memcmp(want.data, text, len))
		rc = err_set(err, ERR_DENIED,
			     "line 1: is not '%s', as the trailers say",
			     want.data);
	buf_release(&want);
	return rc;
}

/* Which version it is, by whether it says who pushed. */
static int read_version(struct lines *l, bool *ret_pushed, struct err *err)
{
	static const char name[] = "Windlass-Bundle: ";

	*ret_pushed = lines_begins(l, "Windlass-Bundle: 2\n");
	return lines_format(l, name, *ret_pushed ? "2" : "1", err);
}

/* One name a line, at least one, in rising order. */
static int read_pushers(struct lines *l, struct bundle *b, struct err *err)
{
	do {
		char name[LIMIT_PRINCIPAL_BYTES + 1];
		struct pushers *p = &b->pushers;

		if (lines_ascii(l, PUSHED_BY, name, sizeof(name), err) < 0)
			return -1;
		if (!is_principal(name, strlen(name)))
			return lines_error(l, err, "'%s' cannot be a name in "
					   "a list of keys", name);
		if (p->n && strcmp(p->v[p->n - 1], name) >= 0)
			return lines_error(l, err, "'%s' is out of order",
					   name);
		if (pushers_add(p, name) < 0)
			return lines_error(l, err, "is beyond %d people who "
					   "pushed", LIMIT_PUSHERS);
	} while (lines_begins(l, PUSHED_BY));
	return 0;
}

static int read_trailers(struct lines *l, struct bundle *b, struct err *err)
{
	bool pushed;

	if (lines_literal(l, "", err) < 0 ||
	    read_version(l, &pushed, err) < 0 ||
	    lines_channel(l, "Channel: ", b->channel, err) < 0 ||
	    lines_channel_id(l, "Channel-Id: ", b->channel_id, err) < 0 ||
	    lines_u64(l, "Epoch: ", 1, LIMIT_SEQUENCE, &b->epoch, err) < 0 ||
	    lines_u64(l, "Sequence: ", 1, LIMIT_SEQUENCE, &b->sequence,
		      err) < 0 ||
	    read_source_ref(l, b, err) < 0 ||
	    lines_git_id(l, "Source-Commit: ", b->source_commit, err) < 0 ||
	    lines_sha256(l, "Content-SHA256: ", &b->content, err) < 0 ||
	    lines_u64(l, "Objects: ", 1, LIMIT_BUNDLE_OBJECTS, &b->objects,
		      err) < 0 ||
	    read_changes(l, b, err) < 0 ||
	    read_renderer(l, b, err) < 0 ||
	    lines_time(l, "Issued: ", &b->issued, err) < 0 ||
	    (pushed && read_pushers(l, b, err) < 0))
		return -1;
	return lines_end(l, err);
}

int bundle_message_parse(const char *text, size_t len, struct bundle *ret,
			 struct err *err)
{
	struct lines l = LINES_INIT(text, len, ERR_DENIED);
	struct bundle b = { 0 };
	const char *subject;
	size_t subject_len;

	if (lines_value(&l, "windlass ", &subject, &subject_len, err) < 0)
		return -1;
	subject = l.text;
	subject_len = l.len;
	if (read_trailers(&l, &b, err) < 0 ||
	    check_subject(&b, subject, subject_len, err) < 0)
		return -1;
	*ret = b;
	return 0;
}

/* ---- author and committer ---- */

/* "<seconds> <+|-><4 digits>", the whole string. */
static bool ident_date_ok(const char *s, size_t len)
{
	const char *space = memchr(s, ' ', len);
	size_t digits = space ? (size_t)(space - s) : 0;
	uint64_t when;

	if (!space || parse_u64n(s, digits, 0, INT64_MAX, &when) < 0 ||
	    len - digits != 6)
		return false;
	s = space + 1;
	return (s[0] == '+' || s[0] == '-') &&
		s[1] >= '0' && s[1] <= '9' && s[2] >= '0' && s[2] <= '9' &&
		s[3] >= '0' && s[3] <= '9' && s[4] >= '0' && s[4] <= '9';
}

bool bundle_ident_ok(const char *ident, size_t len)
{
	const char *open, *close;

	if (len >= BUNDLE_IDENT_SIZE)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)ident[i] < 0x20 || ident[i] == 0x7f)
			return false;
	open = memchr(ident, '<', len);
	close = memchr(ident, '>', len);
	if (!open || open == ident || open[-1] != ' ' || !close ||
	    close < open)
		return false;
	len -= (size_t)(open + 1 - ident);
	if (memchr(open + 1, '<', len))
		return false;
	len -= (size_t)(close - open);
	/* what stands behind '>': a space and the date */
	return len && close[1] == ' ' && ident_date_ok(close + 2, len - 1);
}

size_t bundle_ident_person(const char *ident)
{
	const char *end = strrchr(ident, '>');

	return end ? (size_t)(end - ident + 1) : strlen(ident);
}

/* ---- the commit ---- */

static void write_headers(const struct bundle_commit *c, struct buf *out)
{
	buf_addf(out, "tree %s\n", c->tree);
	if (c->parent[0])
		buf_addf(out, "parent %s\n", c->parent);
	buf_addf(out, "author %s\ncommitter %s\n", c->author, c->committer);
}

void bundle_commit_payload(const struct bundle_commit *c, struct buf *out)
{
	write_headers(c, out);
	buf_addc(out, '\n');
	bundle_message_write(&c->bundle, out);
}

void bundle_commit_write(const struct bundle_commit *c, const char *armour,
			 struct buf *out)
{
	write_headers(c, out);
	buf_adds(out, "gpgsig");
	while (*armour) {
		size_t len = strcspn(armour, "\n");

		buf_addc(out, ' ');
		buf_add(out, armour, len);
		buf_addc(out, '\n');
		armour += len + (armour[len] == '\n');
	}
	buf_addc(out, '\n');
	bundle_message_write(&c->bundle, out);
}

static int read_ident(struct lines *l, const char *prefix,
		      char ret[BUNDLE_IDENT_SIZE], struct err *err)
{
	const char *v;
	size_t len;

	if (lines_value(l, prefix, &v, &len, err) < 0)
		return -1;
	if (!bundle_ident_ok(v, len))
		return lines_error(l, err, "'%s' is not 'Name <mail> seconds "
				   "zone'", prefix);
	memcpy(ret, v, len);
	ret[len] = '\0';
	return 0;
}

/* The gpgsig header and its continuation lines; the armour goes to out. */
static int read_gpgsig(struct lines *l, struct buf *out, struct err *err)
{
	int rc;

	if (lines_literal(l, "gpgsig " SSHSIG_BEGIN, err) < 0)
		return -1;
	buf_adds(out, SSHSIG_BEGIN "\n");
	while (lines_begins(l, " ")) {
		rc = lines_next(l, err);
		if (rc <= 0)
			return -1;
		if (l->len > out->max - out->len)
			return lines_error(l, err, "makes gpgsig larger than %d "
					   "bytes", LIMIT_ARMOUR_BYTES);
		buf_add(out, l->text + 1, l->len - 1);
		buf_addc(out, '\n');
	}
	if (l->len != strlen(" " SSHSIG_END) ||
	    memcmp(l->text, " " SSHSIG_END, l->len))
		return lines_error(l, err, "is not '" SSHSIG_END "', the end "
				   "of gpgsig");
	return buf_check(out, "gpgsig", err);
}

static int read_headers(struct lines *l, struct bundle_commit *c,
			struct err *err)
{
	if (lines_git_id(l, "tree ", c->tree, err) < 0)
		return -1;
	if (lines_begins(l, "parent ") &&
	    lines_git_id(l, "parent ", c->parent, err) < 0)
		return -1;
	if (read_ident(l, "author ", c->author, err) < 0)
		return -1;
	return read_ident(l, "committer ", c->committer, err);
}

/* Headers, signature and message; the offsets are those around gpgsig. */
static int read_commit(const char *raw, size_t len, struct bundle_commit *c,
		       struct buf *armour, size_t *ret_sig, size_t *ret_rest,
		       struct err *err)
{
	struct lines l = LINES_INIT(raw, len, ERR_DENIED);

	if (read_headers(&l, c, err) < 0)
		return -1;
	*ret_sig = (size_t)(l.next - raw);
	if (read_gpgsig(&l, armour, err) < 0)
		return -1;
	*ret_rest = (size_t)(l.next - raw);
	if (lines_literal(&l, "", err) < 0)
		return -1;
	if (bundle_message_parse(l.next, (size_t)(l.end - l.next), &c->bundle,
				 err) < 0)
		return err_wrap(err, "message");
	if ((c->bundle.sequence == 1) != !c->parent[0])
		return err_set(err, ERR_DENIED, c->parent[0] ?
			       "the first bundle of an epoch has a parent" :
			       "a bundle after the first has no parent");
	return 0;
}

int bundle_commit_parse(const char *raw, size_t len,
			struct bundle_commit *ret, struct buf *ret_armour,
			struct buf *ret_payload, struct err *err)
{
	struct buf armour = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct bundle_commit c = { 0 };
	size_t sig = 0, rest = 0;
	int rc = -1;

	if (len > LIMIT_COMMIT_BYTES) {
		err_set(err, ERR_DENIED, "is larger than %d bytes",
			LIMIT_COMMIT_BYTES);
		goto out;
	}
	if (read_commit(raw, len, &c, &armour, &sig, &rest, err) < 0)
		goto out;
	if (ret_armour)
		buf_add(ret_armour, armour.data, armour.len);
	if (ret_payload) {
		buf_add(ret_payload, raw, sig);
		buf_add(ret_payload, raw + rest, len - rest);
	}
	if ((ret_armour && buf_check(ret_armour, "the signature", err) < 0) ||
	    (ret_payload && buf_check(ret_payload, "the payload", err) < 0))
		goto out;
	*ret = c;
	rc = 0;
out:
	if (rc)
		err_wrap(err, "bundle commit");
	buf_release(&armour);
	return rc;
}
