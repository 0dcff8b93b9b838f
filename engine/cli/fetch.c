/*
 * Fetching. See fetch.h. The host may have any number of refs, with any
 * names: they are listed first, and those of approvals are fetched one by
 * one, as many as can count. A name that no approval can have is passed over.
 */
#include "config.h"
#include "engine/cli/fetch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/git-run.h"
#include "engine/cli/said.h"
#include "schema/approval.h"
#include "schema/base/mem.h"
#include "schema/base/strvec.h"

int fetch_from(const char *dir, const char *remote, const char *const *options,
	       const struct strvec *refspecs, bool aloud, struct err *err)
{
	struct strvec argv = STRVEC_INIT;
	struct buf unread = BUF_INIT(65536);
	int rc;

	strvec_pushl(&argv, "fetch", "--quiet", "--no-tags",
		     "--no-write-fetch-head", NULL);
	for (; options && *options; options++)
		strvec_push(&argv, *options);
	strvec_pushl(&argv, "--end-of-options", remote, NULL);
	for (size_t i = 0; i < refspecs->n; i++)
		strvec_push(&argv, refspecs->v[i]);
	if (aloud)
		rc = git_attended(dir, (const char *const *)argv.v, NULL, err);
	else
		rc = git_output(dir, (const char *const *)argv.v, &unread, err);
	if (rc > 0)
		rc = err_set(err, ERR_INVALID, "git fetch failed");
	buf_release(&unread);
	strvec_release(&argv);
	return rc;
}

int fetch_list(const char *dir, const char *remote, const struct strvec *refs,
	       struct buf *ret, struct err *err)
{
	struct strvec argv = STRVEC_INIT;
	int rc;

	strvec_pushl(&argv, "ls-remote", "--refs", "--end-of-options", remote,
		     NULL);
	for (size_t i = 0; i < refs->n; i++)
		strvec_push(&argv, refs->v[i]);
	rc = git_output(dir, (const char *const *)argv.v, ret, err);
	strvec_release(&argv);
	return rc > 0 ? err_set(err, ERR_INVALID, "git ls-remote failed") : rc;
}

static int fetch_refs(const struct fetch *f, const struct strvec *refs,
		      struct err *err)
{
	struct strvec specs = STRVEC_INIT;
	int rc;

	for (size_t i = 0; i < refs->n; i++)
		strvec_pushf(&specs, "+%s:%s", refs->v[i], refs->v[i]);
	rc = fetch_from(f->dir, f->remote, NULL, &specs, true, err);
	strvec_release(&specs);
	return rc;
}

int fetch_bundles(const struct fetch *f, struct err *err)
{
	struct strvec refs = STRVEC_INIT;
	int rc;

	strvec_pushf(&refs, BUNDLE_REF_PREFIX "%s", f->channel);
	rc = fetch_refs(f, &refs, err);
	strvec_release(&refs);
	return rc;
}

int fetch_epoch(const struct fetch *f, git_repository *repo, uint64_t epoch,
		struct err *err)
{
	struct strvec refs = STRVEC_INIT;
	char id[GIT_HEX_SIZE];
	int rc;

	strvec_pushf(&refs, BUNDLE_EPOCHS_PREFIX "%s/%" PRIu64, f->channel,
		     epoch);
	rc = repo_ref(repo, refs.v[0], id, err);
	if (rc == 0 && !id[0] && fetch_refs(f, &refs, err) < 0)
		rc = err_wrap(err, "epoch %" PRIu64 " of channel '%s'", epoch,
			      f->channel);
	strvec_release(&refs);
	return rc;
}

/* Only what an approval's ref is made of, and no refspec. */
static bool is_plain(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || strchr("._@+-/", c)))
			return false;
	}
	return len > 0;
}

/* Lines "<id>TAB<ref>" of those below the prefix that count; how many. */
static size_t read_list(const char *list, const char *prefix,
			const struct trust *approvers, struct strvec *ret)
{
	size_t all = 0, skip = strlen(prefix);

	for (const char *at = list; *at;) {
		size_t len = strcspn(at, "\n");
		const char *ref = memchr(at, '\t', len);
		size_t n = ref ? len - (size_t)(++ref - at) : 0;

		if (n > skip && n <= APPROVAL_NAME_BYTES &&
		    !strncmp(ref, prefix, skip) &&
		    is_plain(ref + skip, n - skip) &&
		    (!approvers || said_is_by(ref, n, approvers))) {
			if (all++ < LIMIT_APPROVALS)
				strvec_pushn(ret, ref, n);
		}
		at += len + (at[len] == '\n');
	}
	return all;
}

int fetch_approvals(const struct fetch *f, const struct bundle *b,
		    const struct trust *approvers, size_t *ret_all,
		    struct err *err)
{
	struct buf prefix = BUF_INIT(APPROVAL_NAME_BYTES);
	struct buf list = BUF_INIT(FETCH_LIST_BYTES);
	struct strvec refs = STRVEC_INIT, patterns = STRVEC_INIT;
	int rc;

	approval_refs(b->channel, b->epoch, b->sequence, &prefix);
	strvec_pushf(&patterns, "%s*", prefix.data);
	rc = fetch_list(f->dir, f->remote, &patterns, &list, err);
	*ret_all = 0;
	if (rc == 0)
		*ret_all = read_list(list.data, prefix.data, approvers,
				     &refs);
	if (rc == 0 && refs.n)
		rc = fetch_refs(f, &refs, err);
	strvec_release(&refs);
	strvec_release(&patterns);
	buf_release(&list);
	buf_release(&prefix);
	return rc < 0 ? err_wrap(err, "approvals") : 0;
}
