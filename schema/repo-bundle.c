/*
 * Reading a bundle commit out of a repository. See repo.h. Nothing is
 * verified here: that is for schema/sshsig.h and schema/trust.h.
 */
#include "config.h"
#include "schema/repo.h"

int repo_read_bundle(git_repository *repo, const char *id,
		     struct bundle_commit *ret, struct buf *ret_armour,
		     struct buf *ret_payload, struct err *err)
{
	struct buf raw = BUF_INIT(LIMIT_COMMIT_BYTES);
	struct buf armour = BUF_INIT(LIMIT_COMMIT_BYTES);
	struct buf payload = BUF_INIT(LIMIT_COMMIT_BYTES);
	int rc;

	rc = repo_read(repo, id, GIT_OBJECT_COMMIT, &raw, err);
	if (!rc && (bundle_commit_parse(raw.data, raw.len, ret,
					ret_armour ? ret_armour : &armour,
					ret_payload ? ret_payload : &payload,
					err) < 0))
		rc = err_wrap(err, "commit %s", id);
	buf_release(&raw);
	buf_release(&armour);
	buf_release(&payload);
	return rc;
}
