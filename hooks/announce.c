/*
 * Reading and writing heads. See announce.h. The folder may be another
 * user's (a web server's), so what lies there counts only with a good
 * signature; a bad one is not silently replaced, because a head is also the
 * record of how far this channel got.
 */
#include "config.h"
#include "hooks/announce.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "hooks/faults.h"
#include "hooks/pack.h"
#include "hooks/sign.h"
#include "schema/base/fs.h"
#include "schema/sshsig.h"

static int check_owner(const struct channel_config *ch, const struct head *h,
		       struct err *err)
{
	if (strcmp(h->channel, ch->name) || strcmp(h->channel_id, ch->id))
		return err_set(err, ERR_DENIED, "it is of channel '%s' with id "
			       "%s, not of '%s' with id %s", h->channel,
			       h->channel_id, ch->name, ch->id);
	return 0;
}

int announce_verify(const char *data, size_t len,
		    const struct channel_config *ch, struct head *ret,
		    struct sshkey *ret_key, struct err *err)
{
	struct sshkey key;
	struct head h;
	size_t text;

	if (head_split(data, len, &text, err) < 0 ||
	    sshsig_verify(data + text, len - text, HEAD_NAMESPACE, data, text,
			  &key, NULL, err) < 0 ||
	    head_parse(data, text, &h, err) < 0 ||
	    check_owner(ch, &h, err) < 0)
		return -1;
	*ret = h;
	if (ret_key)
		*ret_key = key;
	return 0;
}

int announce_load(const struct host_config *host,
		  const struct channel_config *ch, struct buf *data,
		  struct head *ret, struct sshkey *ret_key, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = -1;

	buf_addf(&path, "%s/%s/head", host->publish_dir, ch->name);
	if (buf_check(&path, "a path", err) < 0)
		goto out;
	if (fs_read(AT_FDCWD, path.data, data, err) < 0) {
		rc = err->sys == ENOENT ? 1 : -1;
		goto out;
	}
	rc = announce_verify(data->data, data->len, ch, ret, ret_key, err);
	if (rc < 0)
		err_wrap(err, "the published head '%s' is not to be trusted, "
			 "find out who wrote it, then remove it", path.data);
out:
	buf_release(&path);
	return rc;
}

int announce_read(const struct host_config *host,
		  const struct channel_config *ch, struct head *ret,
		  struct sshkey *ret_key, struct err *err)
{
	struct buf data = BUF_INIT(LIMIT_HEAD_BYTES);
	int rc = announce_load(host, ch, &data, ret, ret_key, err);

	buf_release(&data);
	return rc;
}

int announce_write(const struct host_config *host,
		   const struct channel_config *ch, struct signer *signer,
		   const struct head *h, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf text = BUF_INIT(LIMIT_HEAD_BYTES);
	struct buf armour = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct head again;
	int rc = pack_dir(host, ch, &path, err);

	if (rc < 0)
		goto out;
	buf_adds(&path, "/head");
	head_write(h, &text);
	rc = sign_text(signer, HEAD_NAMESPACE, text.data, text.len, &armour,
		       err);
	if (rc < 0)
		goto out;
	buf_add(&text, armour.data, armour.len);
	rc = buf_check(&text, "a head", err);
	if (!rc)
		rc = announce_verify(text.data, text.len, ch, &again, NULL,
				     err);
	if (!rc)
		rc = fs_write(AT_FDCWD, path.data, text.data, text.len, 0640,
			      err);
	if (!rc)
		fault_step(FAULT_head_renamed);
out:
	buf_release(&path);
	buf_release(&text);
	buf_release(&armour);
	return rc;
}
