/*
 * Keeping reports. See kept-report.h. Only who keeps one makes the folder, so
 * that it is the publisher's. Trusts a folder that only the owner of the
 * repository can write to, and the owner's files in it, to hold what serve put
 * there after it had verified it. Any other folder and file, and one that is no
 * report, is an error and not as good as none, since reports that were taken
 * before could then be sent once more.
 */
#include "config.h"
#include "hooks/kept-report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hooks/kept-since.h"
#include "hooks/share.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/object.h"

void kept_report_dir(const struct host_config *host,
		     const struct channel_config *ch, struct buf *ret)
{
	buf_addf(ret, "%s/%s/reports", host->state_dir, ch->name);
}

static int path_of(const struct host_config *host,
		   const struct channel_config *ch, const char *cluster,
		   struct buf *path, struct err *err)
{
	kept_report_dir(host, ch, path);
	buf_addf(path, "/%s", cluster);
	return buf_check(path, "a path", err);
}

/* Who shares a repository can move a folder away and make another. */
static int check_folder(const struct host_config *host,
			const struct channel_config *ch, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = 0;

	kept_report_dir(host, ch, &path);
	if (!share_is_owners_folder(host->git_dir, path.data))
		rc = err_set(err, ERR_DENIED, "others than the owner of the "
			     "repository can write into '%s': no report in it "
			     "counts; move it away", path.data);
	buf_release(&path);
	return rc;
}

static int read_file(const struct host_config *host, const char *path,
		     struct buf *ret, struct err *err)
{
	int rc = fs_read(AT_FDCWD, path, ret, err);

	if (!rc && !share_is_owners(host->git_dir, path))
		rc = err_set(err, ERR_DENIED, "it is not of the owner of the "
			     "repository");
	return rc;
}

static int make_folder(const struct host_config *host,
		       const struct channel_config *ch, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = config_channel_dir(host, ch->name, &path, err);
	struct stat above;
	mode_t mode = 0750;

	/* where a group shares the repository its pushers read what is kept */
	if (!rc && !stat(path.data, &above))
		mode |= above.st_mode & S_ISGID;
	buf_reset(&path);
	kept_report_dir(host, ch, &path);
	if (!rc)
		rc = buf_check(&path, "a path", err);
	if (!rc)
		rc = fs_mkdirs(path.data, mode, err);
	if (!rc)
		rc = check_folder(host, ch, err);
	buf_release(&path);
	return rc;
}

int kept_write_prepare(const struct host_config *host,
		       const struct channel_config *ch,
		       const struct cluster_report *r, const struct buf *raw,
		       struct kept_write *ret, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = make_folder(host, ch, err);

	if (!rc)
		rc = path_of(host, ch, r->cluster, &path, err);
	if (!rc) {
		ret->path = buf_detach(&path, NULL);
		ret->since = kept_since_news(host, ch, r);
		ret->raw = raw;
	}
	buf_release(&path);
	return rc;
}

int kept_write_do(const struct kept_write *w, struct err *err)
{
	char *since = xasprintf("%s" KEPT_SINCE_SUFFIX, w->path);
	/* first, and as durable: without it what is so would have begun when
	 * the report came last */
	int rc = !w->since ? 0 :
		fs_write(AT_FDCWD, since, w->since, strlen(w->since), 0640,
			 err);

	free(since);
	return rc ? rc : fs_write(AT_FDCWD, w->path, w->raw->data,
				  w->raw->len, 0640, err);
}

void kept_write_release(struct kept_write *w)
{
	free(w->path);
	free(w->since);
	*w = (struct kept_write){ NULL };
}

static int parse_kept(const struct buf *raw, const char *cluster,
		      struct cluster_report *ret, struct err *err)
{
	struct cluster_report r;
	size_t text;

	if (cluster_report_split(raw->data, raw->len, &text, err) < 0 ||
	    cluster_report_parse(raw->data, text, &r, err) < 0)
		return -1;
	if (!strcmp(r.cluster, cluster)) {
		*ret = r;
		return 0;
	}
	cluster_report_release(&r);
	return err_set(err, ERR_INVALID, "it is of another cluster");
}

int kept_report_read(const struct host_config *host,
		     const struct channel_config *ch, const char *cluster,
		     struct buf *raw, struct cluster_report *ret,
		     struct err *err)
{
	struct buf own = BUF_INIT(LIMIT_REPORT_BYTES);
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf *data = raw ? raw : &own;
	struct cluster_report r;
	int rc = check_folder(host, ch, err);

	if (!rc)
		rc = path_of(host, ch, cluster, &path, err);
	if (rc)
		goto out;
	rc = read_file(host, path.data, data, err);
	if (rc && err->sys == ENOENT) {
		err_clear(err);
		rc = 1;
		goto out;
	}
	if (!rc)
		rc = parse_kept(data, cluster, &r, err);
	if (rc) {
		rc = err_wrap(err, "'%s', which can be removed", path.data);
		goto out;
	}
	if (strcmp(r.channel, ch->name) || strcmp(r.channel_id, ch->id)) {
		cluster_report_release(&r);
		rc = 1;
	} else {
		*ret = r;
	}
out:
	buf_release(&path);
	buf_release(&own);
	return rc;
}

int64_t kept_report_heard(const struct host_config *host,
			  const struct channel_config *ch,
			  const char *cluster)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct err none = ERR_INIT;
	int64_t heard = 0;
	struct stat st;

	if (!check_folder(host, ch, &none) &&
	    !path_of(host, ch, cluster, &path, &none) &&
	    share_is_owners(host->git_dir, path.data) &&
	    !stat(path.data, &st))
		heard = st.st_mtime;
	buf_release(&path);
	return heard;
}

int64_t kept_report_first(const struct host_config *host,
			  const struct channel_config *ch,
			  const struct cluster_report *r)
{
	int64_t first = kept_since_read(host, ch, r);

	return first ? first : kept_report_heard(host, ch, r->cluster);
}

int64_t kept_report_held(const struct host_config *host,
			 const struct channel_config *ch,
			 const struct cluster_report *r)
{
	int64_t first = kept_report_first(host, ch, r), now = clock_now();

	return first && first < now ? now - first : 0;
}

int kept_report_clusters(const struct host_config *host,
			 const struct channel_config *ch, struct strvec *ret,
			 struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct dirent *e;
	DIR *d = NULL;
	int rc = check_folder(host, ch, err);

	kept_report_dir(host, ch, &path);
	if (!rc)
		d = opendir(path.data);
	if (!rc && !d && errno != ENOENT)
		rc = err_sys(err, "cannot read '%s'", path.data);
	/* others are temporary files, or somebody else's */
	while (d && (e = readdir(d)))
		if (is_dns_label(e->d_name) &&
		    ret->n < 4 * LIMIT_TRUST_KEYS)
			strvec_push(ret, e->d_name);
	if (d)
		closedir(d);
	strvec_sort(ret);
	buf_release(&path);
	return rc;
}

/* True if what it is about comes after the current bundle, or is another one
 * in its place. */
static bool is_ahead(const struct cluster_report *r,
		     const struct current *current)
{
	const struct bundle *b = &current->commit.bundle;

	if (!*current->id || r->epoch > b->epoch)
		return true;
	if (r->epoch < b->epoch || r->sequence < b->sequence)
		return false;
	return r->sequence > b->sequence || strcmp(r->bundle, current->id);
}

static int check_one(const struct channel_config *ch,
		     const struct current *current,
		     const struct cluster_report *r, struct err *err)
{
	if (ch->epoch > r->epoch || !is_ahead(r, current))
		return 0;
	return err_set(err, ERR_DENIED, "cluster '%s' has bundle %" PRIu64
		       ".%" PRIu64 " of channel '%s', %.12s, but "
		       BUNDLE_REF_PREFIX "%s does not: was the repository "
		       "restored from a backup? Bring that ref back, or start "
		       "a new epoch: git config windlass.%s.epoch %" PRIu64,
		       r->cluster, r->epoch, r->sequence, ch->name, r->bundle,
		       ch->name, ch->name, r->epoch + 1);
}

int kept_report_check(const struct host_config *host,
		      const struct channel_config *ch,
		      const struct current *current, struct err *err)
{
	struct strvec clusters = STRVEC_INIT;
	struct err unread = ERR_INIT;
	int rc = 0;

	if (!ch->reporters)
		return 0;
	kept_report_clusters(host, ch, &clusters, &unread);
	for (size_t i = 0; !rc && i < clusters.n; i++) {
		struct cluster_report r;

		if (kept_report_read(host, ch, clusters.v[i], NULL, &r,
				     &unread))
			continue;
		rc = check_one(ch, current, &r, err);
		cluster_report_release(&r);
	}
	strvec_release(&clusters);
	return rc;
}

void kept_report_state(const struct cluster_report *r, struct sha256 *ret)
{
	bool told = r->phase == CLUSTER_WAITING || r->phase == CLUSTER_REFUSED;
	struct buf b = BUF_INIT(2 * LIMIT_REPORT_BYTES);

	buf_addf(&b, "%s %s %d %" PRId64 " %s %d\n", r->channel_id, r->bundle,
		 r->phase, r->since, r->applied_bundle, r->stale);
	/* of the others it has numbers in it that move */
	if (told)
		buf_addf(&b, "%s %s\n", r->reason, r->message);
	for (size_t i = 0; i < r->n_failures; i++)
		buf_addf(&b, "%s\n%s\n%s\n", r->failures[i].object,
			 r->failures[i].source, r->failures[i].reason);
	sha256_of(b.data, b.len, ret);
	buf_release(&b);
}
