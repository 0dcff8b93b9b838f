/*
 * Reading a channel's list of keys. See trust-file.h. Trusts the admin who
 * wrote the file, not their spelling: one bad line refuses all of it.
 */
#include "config.h"
#include "hooks/trust-file.h"

#include <fcntl.h>

#include "schema/base/fs.h"

int trust_file_read(const struct channel_config *ch, const char *key,
		    const char *path, struct trust *ret, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_TRUST_BYTES);
	int rc = fs_read(AT_FDCWD, path, &text, err);

	/* approvals, commits and pushes are all signed for namespace "git" */
	if (!rc && trust_parse(text.data, text.len, TRUST_APPROVERS, ret,
			       err) < 0)
		rc = err_wrap(err, "%s", path);
	if (rc) {
		/* for the admin to repair, whatever it is: heads that only
		 * need new times get them */
		err->class = ERR_INVALID;
		err_wrap(err, "windlass.%s.%s", ch->name, key);
	}
	buf_release(&text);
	return rc;
}
