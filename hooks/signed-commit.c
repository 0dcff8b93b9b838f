/*
 * A commit's signature. See signed-commit.h. The commit is a pusher's: only
 * the ids in it were checked. What is signed is the commit without its gpgsig
 * header, as git makes it. Refused is what would leave a doubt about that:
 * two signatures, headers that git has for other hashes, NUL bytes, which end
 * what git shows.
 */
#include "config.h"
#include "hooks/signed-commit.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/sshsig.h"

/* as much of a name and of a subject as one error has room for */
#define SHOWN_AUTHOR 80
#define SHOWN_SUBJECT 60

/* One line of a text that is left. */
struct line {
	const char *text;
	size_t len;			/* without its LF */
};

static bool take_line(const char **p, const char *end, struct line *ret)
{
	const char *lf = memchr(*p, '\n', (size_t)(end - *p));

	if (!lf)
		return false;
	*ret = (struct line){ *p, (size_t)(lf - *p) };
	*p = lf + 1;
	return true;
}

static bool begins(const struct line *l, const char *prefix)
{
	size_t n = strlen(prefix);

	return l->len >= n && !memcmp(l->text, prefix, n);
}

static int denied(struct err *err, const char *what)
{
	return err_set(err, ERR_DENIED, "%s", what);
}

/* The value of a gpgsig header, its first line. */
static int check_form(const struct line *l, struct err *err)
{
	if (begins(l, "gpgsig " SSHSIG_BEGIN))
		return 0;
	if (begins(l, "gpgsig -----BEGIN PGP"))
		return denied(err, "is signed by GPG, and only signatures by "
			      "SSH keys count here");
	if (begins(l, "gpgsig -----BEGIN SIGNED MESSAGE"))
		return denied(err, "is signed by X.509, and only signatures "
			      "by SSH keys count here");
	if (begins(l, "gpgsig-"))
		return denied(err, "has a signature for another hash");
	return denied(err, "has a signature that is not by SSH");
}

/* The signature, and the commit without it. */
static int split(const char *raw, size_t len, struct buf *armour,
		 struct buf *payload, struct err *err)
{
	const char *p = raw, *end = raw + len;
	bool in_signature = false, found = false;
	struct line l = { raw, len };

	if (memchr(raw, '\0', len))
		return denied(err, "holds a NUL byte, so that git shows less "
			      "than was signed");
	while (take_line(&p, end, &l) && l.len) {
		in_signature = in_signature && l.text[0] == ' ';
		if (begins(&l, "gpgsig")) {
			if (found)
				return denied(err, "has two signatures");
			if (check_form(&l, err) < 0)
				return -1;
			found = in_signature = true;
			l.text += strlen("gpgsig");
			l.len -= strlen("gpgsig");
		}
		if (in_signature)
			buf_add(armour, l.text + 1, l.len);
		else
			buf_add(payload, l.text, l.len + 1);
	}
	if (!found)
		return denied(err, "is not signed");
	/* the blank line, and the message */
	if (p[-1] == '\n' && !l.len)
		p--;
	buf_add(payload, p, (size_t)(end - p));
	if (!buf_ok(armour))
		return denied(err, "has a signature that is too long");
	return buf_check(payload, "a commit", err);
}

int signed_commit_check(const char *raw, size_t len,
			const struct trust *developers, int64_t now,
			struct err *err)
{
	struct buf armour = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct buf payload = BUF_INIT(len);
	struct sshkey key;
	int rc = -1;

	if (split(raw, len, &armour, &payload, err) < 0)
		goto out;
	if (sshsig_verify(armour.data, armour.len, "git", payload.data,
			  payload.len, &key, NULL, err) < 0)
		goto wrap;
	if (!trust_find(developers, &key, now, err))
		goto wrap;
	rc = 0;
	goto out;
wrap:
	err_wrap(err, "is not signed as it must be");
out:
	buf_release(&armour);
	buf_release(&payload);
	return rc;
}

/* ---- for people ---- */

static size_t at_most(size_t n, size_t max)
{
	return n < max ? n : max;
}

void signed_commit_describe(const char *raw, size_t len, struct buf *out)
{
	const char *p = raw, *end = raw + len, *close;
	struct line l, subject = { "", 0 };

	while (take_line(&p, end, &l) && l.len) {
		if (!begins(&l, "author "))
			continue;
		close = memrchr(l.text, '>', l.len);
		l.text += strlen("author ");
		l.len = close && close > l.text ?
			(size_t)(close + 1 - l.text) : 0;
		buf_add_scrubbed(out, l.text, at_most(l.len, SHOWN_AUTHOR));
	}
	while (p < end && *p == '\n')
		p++;
	subject.text = p;
	subject.len = (size_t)(end - p);
	close = memchr(p, '\n', subject.len);
	if (close)
		subject.len = (size_t)(close - p);
	buf_adds(out, ", \"");
	buf_add_scrubbed(out, subject.text,
			 at_most(subject.len, SHOWN_SUBJECT));
	buf_adds(out, "\",");
}
