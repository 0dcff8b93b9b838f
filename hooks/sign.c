/*
 * Signing. See sign.h. Trusts the key, and not the way to it: an ssh-agent
 * may sign something else, memory may be bad, and a bundle that no engine
 * takes would stop its channel. So whatever was signed is read back and
 * verified by the code that the engine uses.
 */
#include "config.h"
#include "hooks/sign.h"

#include <inttypes.h>
#include <string.h>

#include "schema/base/utf8.h"
#include "schema/repo.h"
#include "schema/sshsig.h"

/* Appends a name or address without what ends it or garbles a line. */
static void add_clean(struct buf *out, const char *s, size_t max)
{
	size_t len = strlen(s), start = out->len;

	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_length(s + i, len - i);
		if (out->len - start + (n ? n : 1) > max)
			break;
		if (!n || (unsigned char)s[i] < ' ' || s[i] == 0x7f ||
		    strchr("<>", s[i]))
			buf_addc(out, '?');
		else
			buf_add(out, s + i, n);
		n = n ? n : 1;
	}
	while (out->len > start && out->data[out->len - 1] == ' ')
		buf_truncate(out, out->len - 1);
}

static int add_time(struct buf *out, int64_t when, int offset,
		    struct err *err)
{
	int minutes = offset < 0 ? -offset : offset;

	buf_addf(out, " %" PRId64 " %c%02d%02d", when < 0 ? 0 : when,
		 offset < 0 ? '-' : '+', minutes / 60 % 100, minutes % 60);
	return buf_check(out, "an identity", err);
}

int sign_author(git_repository *repo, const char *source_commit,
		char ret[SIGN_IDENTITY_MAX + 1], struct err *err)
{
	struct buf out = BUF_INIT(SIGN_IDENTITY_MAX);
	const git_signature *who;
	git_commit *c = NULL;
	const char *name;
	git_oid id;
	int rc = -1;

	if (git_oid_fromstr(&id, source_commit) < 0 ||
	    git_commit_lookup(&c, repo, &id) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read commit %s",
				source_commit);
	who = git_commit_committer(c);
	name = who->name;
	while (*name == ' ')
		name++;
	add_clean(&out, *name ? name : "unknown", 200);
	buf_adds(&out, " <");
	add_clean(&out, who->email, 200);
	buf_addc(&out, '>');
	rc = add_time(&out, who->when.time, who->when.offset, err);
	if (!rc)
		memcpy(ret, out.data, out.len + 1);
	git_commit_free(c);
	buf_release(&out);
	return rc;
}

int sign_committer(const char *publisher, int64_t when,
		   char ret[SIGN_IDENTITY_MAX + 1], struct err *err)
{
	struct buf out = BUF_INIT(SIGN_IDENTITY_MAX);
	int rc;

	buf_adds(&out, publisher);
	rc = add_time(&out, when, 0, err);
	if (!rc)
		memcpy(ret, out.data, out.len + 1);
	buf_release(&out);
	return rc;
}

int sign_text(struct signer *signer, const char *namespace, const char *text,
	      size_t len, struct buf *ret_armour, struct err *err)
{
	struct buf armour = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct sshkey key;
	int rc = -1;

	if (signer_sign(signer, namespace, text, len, &armour, err) < 0)
		goto out;
	if (sshsig_verify(armour.data, armour.len, namespace, text, len, &key,
			  NULL, err) < 0) {
		err_wrap(err, "our own signature does not verify");
		goto out;
	}
	if (!sshkey_equal(&key, signer_key(signer))) {
		err_set(err, ERR_INTERNAL,
			"our own signature is of another key");
		goto out;
	}
	buf_add(ret_armour, armour.data, armour.len);
	rc = buf_check(ret_armour, "a signature", err);
out:
	buf_release(&armour);
	return rc;
}

/* What was written must read back to the same payload. */
static int check_commit(const struct buf *raw, const struct buf *payload,
			struct err *err)
{
	struct buf armour = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct buf again = BUF_INIT(LIMIT_COMMIT_BYTES);
	struct bundle_commit c;
	int rc = bundle_commit_parse(raw->data, raw->len, &c, &armour, &again,
				     err);

	if (!rc && (again.len != payload->len ||
		    memcmp(again.data, payload->data, again.len)))
		rc = err_set(err, ERR_INTERNAL,
			     "the bundle does not read back as it was signed");
	buf_release(&armour);
	buf_release(&again);
	return rc;
}

int sign_bundle(struct store *store, const struct bundle_commit *c,
		struct signer *signer, char ret_id[GIT_HEX_SIZE],
		struct err *err)
{
	struct buf armour = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct buf payload = BUF_INIT(LIMIT_COMMIT_BYTES);
	struct buf raw = BUF_INIT(LIMIT_COMMIT_BYTES);
	struct store_object o = { .type = GIT_OBJECT_COMMIT };
	git_oid id;
	int rc = -1;

	bundle_commit_payload(c, &payload);
	if (buf_check(&payload, "a bundle", err) < 0 ||
	    sign_text(signer, "git", payload.data, payload.len, &armour,
		      err) < 0)
		goto out;
	bundle_commit_write(c, armour.data, &raw);
	o.data = raw.data;
	o.len = raw.len;
	if (buf_check(&raw, "a bundle", err) < 0 ||
	    check_commit(&raw, &payload, err) < 0 ||
	    store_write(store, &o, &id, err) < 0)
		goto out;
	git_oid_tostr(ret_id, GIT_HEX_SIZE, &id);
	rc = 0;
out:
	buf_release(&armour);
	buf_release(&payload);
	buf_release(&raw);
	return rc;
}
