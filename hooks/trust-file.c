/*
 * Reading a channel's list of keys. See trust-file.h. Trusts the admin who
 * wrote the file, not their spelling: one bad line refuses all of it.
 */
#include "config.h"
#include "hooks/trust-file.h"

#include <fcntl.h>

#include "schema/base/fs.h"

static int read_file(const struct channel_config *ch, const char *key,
		     const char *path, const char *namespaces,
		     struct trust *ret, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_TRUST_BYTES);
	int rc = fs_read(AT_FDCWD, path, &text, err);

	if (!rc && trust_parse(text.data, text.len, namespaces, ret, err) < 0)
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

int trust_file_read(const struct channel_config *ch, const char *key,
		    const char *path, struct trust *ret, struct err *err)
{
	/* approvals, commits and pushes are all signed for namespace "git" */
	return read_file(ch, key, path, TRUST_APPROVERS, ret, err);
}

static int check_roles(const struct channel_config *ch,
		       const struct sshkey *publisher,
		       const struct trust *reporters, struct err *err)
{
	struct trust approvers = TRUST_INIT;
	struct err none = ERR_INIT, unread = ERR_INIT;
	int rc = 0;

	if (publisher && trust_find(reporters, publisher, TRUST_ANY_TIME,
				    &none))
		return err_set(err, ERR_INVALID, "windlass.%s.reporters: '%s' "
			       "lists the key of the publisher, which signs "
			       "bundles and nothing else", ch->name,
			       ch->reporters);
	/* a list that cannot be read lets nobody approve */
	if (ch->approvers && !trust_file_read(ch, "approvers", ch->approvers,
					      &approvers, &unread))
		rc = trust_disjoint(reporters, &approvers, err);
	if (rc)
		err_wrap(err, "windlass.%s.reporters and .approvers",
			 ch->name);
	trust_release(&approvers);
	return rc;
}

int trust_read_reporters(const struct channel_config *ch,
			 const struct sshkey *publisher, struct trust *ret,
			 struct err *err)
{
	struct trust t = TRUST_INIT;

	if (!ch->reporters)
		return err_set(err, ERR_INVALID, "windlass.%s.reporters is not "
			       "set", ch->name);
	if (read_file(ch, "reporters", ch->reporters, TRUST_REPORTERS, &t,
		      err) < 0)
		return -1;
	if (check_roles(ch, publisher, &t, err) < 0) {
		trust_release(&t);
		return -1;
	}
	*ret = t;
	return 0;
}

int trust_reporter_names(const struct channel_config *ch, struct strvec *ret,
			 struct err *err)
{
	struct trust t = TRUST_INIT;

	if (trust_read_reporters(ch, NULL, &t, err) < 0)
		return -1;
	for (size_t i = 0; i < t.n; i++)
		if (!strvec_has(ret, t.v[i].principal))
			strvec_push(ret, t.v[i].principal);
	trust_release(&t);
	strvec_sort(ret);
	return ret->n ? 0 : err_set(err, ERR_INVALID, "windlass.%s.reporters "
				    "lists nobody", ch->name);
}
