/*
 * A rollback that was made, or was not to be. See rollback-told.h. What others
 * who share the repository wrote in its place is not told.
 */
#include "config.h"
#include "hooks/rollback-told.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "hooks/share.h"
#include "schema/base/fs.h"
#include "schema/json.h"

#define ROLLBACK_TOLD_VERSION 1
#define LIMIT_ROLLBACK_TOLD (16u * 1024)

static int parse(const struct channel_config *ch, const struct buf *text,
		 struct rollback_told *ret, struct err *err)
{
	struct arena a = ARENA_INIT;
	struct node *n = NULL;
	const struct node *made;
	const char *id;
	int rc = json_read(text->data, text->len, &a, &n, err);

	id = rc ? NULL : node_path_str(n, "channelId", NULL);
	if (!rc && (!id || node_path_int(n, 0, "version", NULL) !=
		    ROLLBACK_TOLD_VERSION))
		rc = err_set(err, ERR_INVALID, "it is of another version");
	if (!rc && strcmp(id, ch->id))
		rc = 1;
	if (!rc) {
		*ret = (struct rollback_told){
			.epoch = (uint64_t)node_path_int(n, 0, "epoch", NULL),
			.sequence = (uint64_t)node_path_int(n, 0, "sequence",
							    NULL),
			.at = node_path_int(n, 0, "at", NULL),
			.since = node_path_int(n, 0, "since", NULL),
		};
		made = node_get(n, "made");
		ret->made = made && made->type == NODE_BOOL && made->boolean;
		node_copy_str(n, "bundle", ret->bundle, sizeof(ret->bundle));
		node_copy_str(n, "commit", ret->commit, sizeof(ret->commit));
		node_copy_str(n, "text", ret->text, sizeof(ret->text));
		node_copy_str(n, "trouble", ret->trouble,
			      sizeof(ret->trouble));
	}
	arena_release(&a);
	return rc;
}

int rollback_told_read(const struct host_config *host,
		const struct channel_config *ch, struct rollback_told *ret,
		struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf text = BUF_INIT(LIMIT_ROLLBACK_TOLD);
	int rc = config_channel_file(host, ch, "rollback-told", &path, err);

	if (!rc)
		rc = fs_read(AT_FDCWD, path.data, &text, err);
	if (!rc && !share_is_owners(host->git_dir, path.data))
		rc = err_set(err, ERR_DENIED, "is not the repository's owner's");
	if (!rc)
		rc = parse(ch, &text, ret, err);
	if (rc < 0 && err->sys == ENOENT) {
		err_clear(err);
		rc = 1;
	} else if (rc < 0) {
		err_wrap(err, "'%s'", path.data);
	}
	buf_release(&text);
	buf_release(&path);
	return rc;
}

int rollback_told_write(const struct host_config *host,
		 const struct channel_config *ch, const struct rollback_told *r,
		 struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf text = BUF_INIT(LIMIT_ROLLBACK_TOLD);
	struct arena a = ARENA_INIT;
	struct node *n = node_map(&a);
	struct err unread = ERR_INIT;
	struct rollback_told before;
	int64_t since = r->at;
	int rc = 0;

	if (rollback_told_read(host, ch, &before, &unread) == 0 &&
	    !strcmp(before.bundle, r->bundle)) {
		if (before.made == r->made && !strcmp(before.text, r->text) &&
		    !strcmp(before.trouble, r->trouble))
			goto out;
		since = before.since ? before.since : since;
	}
	node_set(&a, n, "version", node_int(&a, ROLLBACK_TOLD_VERSION));
	node_set(&a, n, "channelId", node_str(&a, ch->id));
	node_set(&a, n, "bundle", node_str(&a, r->bundle));
	node_set(&a, n, "epoch", node_int(&a, (int64_t)r->epoch));
	node_set(&a, n, "sequence", node_int(&a, (int64_t)r->sequence));
	node_set(&a, n, "made", node_bool(&a, r->made));
	node_set(&a, n, "commit", node_str(&a, r->commit));
	node_set(&a, n, "text", node_str_clean(&a, r->text));
	node_set(&a, n, "trouble", node_str_clean(&a, r->trouble));
	node_set(&a, n, "at", node_int(&a, r->at));
	node_set(&a, n, "since", node_int(&a, since));
	json_write_canonical(n, &text);
	rc = config_channel_file(host, ch, "rollback-told", &path, err);
	if (!rc)
		rc = buf_check(&text, "what was rolled back", err);
	if (!rc)
		rc = fs_write(AT_FDCWD, path.data, text.data, text.len, 0640,
			      err);
out:
	arena_release(&a);
	buf_release(&text);
	buf_release(&path);
	return rc;
}
