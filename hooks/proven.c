/*
 * The file of proofs. See proven.h. A line "<bundle> <seconds>" each; one bad
 * line and none of it counts.
 */
#include "config.h"
#include "hooks/proven.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "hooks/share.h"
#include "schema/base/fs.h"
#include "schema/base/lines.h"
#include "schema/base/num.h"

/* an id, and a number of at most 19 digits */
#define PROVEN_BYTES (PROVEN_MAX * (GIT_HEX_SIZE + 21))

static int parse_line(struct lines *l, struct proof *ret, struct err *err)
{
	const size_t id = GIT_HEX_SIZE - 1;
	const char *text;
	uint64_t seconds;
	size_t len;

	if (lines_value(l, "", &text, &len, err) < 0)
		return -1;
	if (len < id + 2 || !is_hex(text, id, id) || text[id] != ' ' ||
	    parse_u64n(text + id + 1, len - id - 1, 0, INT64_MAX,
		       &seconds) < 0)
		return lines_error(l, err, "is no proof");
	memcpy(ret->bundle, text, id);
	ret->bundle[id] = '\0';
	ret->seconds = (int64_t)seconds;
	return 0;
}

int proven_read(const struct host_config *host,
		const struct channel_config *ch, struct proven *ret,
		struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf text = BUF_INIT(PROVEN_BYTES);
	struct err unread = ERR_INIT;
	int rc = config_channel_file(host, ch, "proven", &path, err);

	ret->n = 0;
	if (!rc && share_is_owners(host->git_dir, path.data) &&
	    !fs_read(AT_FDCWD, path.data, &text, &unread)) {
		struct lines l = LINES_INIT(text.data, text.len, ERR_INVALID);

		while (l.next < l.end && ret->n < PROVEN_MAX)
			if (parse_line(&l, &ret->v[ret->n], &unread) == 0) {
				ret->n++;
			} else {
				ret->n = 0;
				break;
			}
	}
	buf_release(&path);
	buf_release(&text);
	return rc;
}

bool proven_add(struct proven *p, const char *bundle, int64_t seconds)
{
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->v[i].bundle, bundle))
			continue;
		if (p->v[i].seconds >= seconds)
			return false;
		p->v[i].seconds = seconds;
		return true;
	}
	if (p->n == PROVEN_MAX)
		memmove(p->v, p->v + 1, --p->n * sizeof(*p->v));
	memcpy(p->v[p->n].bundle, bundle, GIT_HEX_SIZE);
	p->v[p->n++].seconds = seconds;
	return true;
}

int proven_write(const struct host_config *host,
		 const struct channel_config *ch, const struct proven *p,
		 struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf text = BUF_INIT(PROVEN_BYTES);
	int rc = config_channel_file(host, ch, "proven", &path, err);

	for (size_t i = 0; i < p->n; i++)
		buf_addf(&text, "%s %" PRId64 "\n", p->v[i].bundle,
			 p->v[i].seconds);
	if (!rc)
		rc = buf_check(&text, "the list of proofs", err);
	if (!rc)
		rc = fs_write(AT_FDCWD, path.data, text.data, text.len, 0640,
			      err);
	buf_release(&path);
	buf_release(&text);
	return rc;
}
