/*
 * The file of when it began. See kept-since.h. One line: "<bundle> <phase>
 * <since> <time>", the last two in seconds, its own and ours. What is no such
 * line says nothing, and then it begins anew: that holds a promotion or a
 * rollback back. A health that is recorded goes by its record (record.h).
 */
#include "config.h"
#include "hooks/kept-since.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "hooks/kept-report.h"
#include "hooks/share.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/num.h"

/* an id, a phase, two numbers of at most 19 digits */
#define SINCE_BYTES 128

static int path_of(const struct host_config *host,
		   const struct channel_config *ch,
		   const struct cluster_report *r, struct buf *path,
		   struct err *err)
{
	kept_report_dir(host, ch, path);
	buf_addf(path, "/%s" KEPT_SINCE_SUFFIX, r->cluster);
	return buf_check(path, "a path", err);
}

/* What is the same as long as nothing is news, and the space behind it. */
static void write_state(const struct cluster_report *r, struct buf *out)
{
	buf_addf(out, "%s %s %" PRId64 " ", r->bundle,
		 cluster_phase_name(r->phase), r->since);
}

int64_t kept_since_read(const struct host_config *host,
			const struct channel_config *ch,
			const struct cluster_report *r)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf text = BUF_INIT(SINCE_BYTES), state = BUF_INIT(SINCE_BYTES);
	struct err unread = ERR_INIT;
	uint64_t first = 0;

	write_state(r, &state);
	if (path_of(host, ch, r, &path, &unread) < 0 ||
	    !share_is_owners(host->git_dir, path.data) ||
	    fs_read(AT_FDCWD, path.data, &text, &unread) < 0 ||
	    text.len < state.len + 2 || text.data[text.len - 1] != '\n' ||
	    memcmp(text.data, state.data, state.len) ||
	    parse_u64n(text.data + state.len, text.len - state.len - 1, 1,
		       INT64_MAX, &first) < 0)
		first = 0;
	buf_release(&path);
	buf_release(&text);
	buf_release(&state);
	return (int64_t)first;
}

char *kept_since_news(const struct host_config *host,
		      const struct channel_config *ch,
		      const struct cluster_report *r)
{
	int64_t now = clock_now(), first = kept_since_read(host, ch, r);
	struct buf text = BUF_INIT(SINCE_BYTES);

	/* one to come is of a clock that was ahead, and is right by now */
	if (first && first <= now)
		return NULL;
	write_state(r, &text);
	buf_addf(&text, "%" PRId64 "\n", now);
	return buf_detach(&text, NULL);
}
