/*
 * What a channel's page says. See page.h. Bundles are read from the chain and
 * told only with a good signature; reports are those that serve took. A source
 * commit is whatever was pushed: its subject and its author are texts, of
 * which the first bytes are kept. What cannot be read is told as that, and the
 * rest of the page is made all the same.
 */
#include "config.h"
#include "hooks/page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks/current.h"
#include "hooks/kept-report.h"
#include "hooks/promotion.h"
#include "hooks/trust-file.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/cluster-status.h"

/* a commit beyond this is not looked into */
#define COMMIT_BYTES (1024u * 1024)
/* what is kept of a line: more than is shown, so that it is told */
#define KEPT_BYTES (PAGE_LINE_BYTES + 8)
/* another run is done long before */
#define LOCK_MS (60 * 1000)

/* ---- a source commit ---- */

static char *cut(const char *s, size_t len)
{
	return xstrndup(s, len < KEPT_BYTES ? len : KEPT_BYTES);
}

/* "Ada <ada@example.org> 1700000000 +0000" */
static void take_author(struct page_source *s, const char *v, size_t len)
{
	char *line = xstrndup(v, len);
	size_t person = bundle_ident_person(line);
	const char *when = line + person;
	uint64_t t;

	when += strspn(when, " ");
	s->author = cut(line, person);
	if (parse_u64n(when, strcspn(when, " "), 0, INT64_MAX, &t) == 0)
		s->when = (int64_t)t;
	free(line);
}

static void take_commit(struct page_source *s, const char *raw)
{
	static const char author[] = "author ";
	const char *line = raw;

	for (; *line && *line != '\n'; line += strcspn(line, "\n"),
	     line += *line == '\n')
		if (!strncmp(line, author, strlen(author)))
			take_author(s, line + strlen(author),
				    strcspn(line, "\n") - strlen(author));
	line += strspn(line, "\n");
	s->subject = cut(line, strcspn(line, "\n"));
}

static void read_source(git_repository *repo, const char *id,
			struct page_source *ret)
{
	struct buf raw = BUF_INIT(COMMIT_BYTES);
	struct err none = ERR_INIT;

	*ret = (struct page_source){ .when = -1 };
	memcpy(ret->id, id, strlen(id) + 1);
	if (*id && repo_read(repo, id, GIT_OBJECT_COMMIT, &raw, &none) == 0)
		take_commit(ret, raw.data);
	buf_release(&raw);
}

static void source_release(struct page_source *s)
{
	free(s->subject);
	free(s->author);
}

/* ---- bundles ---- */

static void read_bundle(git_repository *repo, const struct channel_config *ch,
			const char *id, struct page_bundle *ret)
{
	struct current c;
	struct err err = ERR_INIT;

	*ret = (struct page_bundle){ .source = { .when = -1 } };
	memcpy(ret->id, id, sizeof(ret->id));
	if (current_read_id(repo, ch, id, &c, &err) < 0) {
		ret->broken = xstrdup(err.msg);
		return;
	}
	ret->commit = c.commit;
	ret->key = c.key;
	read_source(repo, c.commit.bundle.source_commit, &ret->source);
	said_read(repo, &c.commit.bundle, &ret->said);
}

static int read_chain(git_repository *repo, const struct channel_config *ch,
		      struct page *p, struct err *err)
{
	char *ref = current_ref(ch), at[GIT_HEX_SIZE];
	int rc = repo_ref(repo, ref, at, err);

	free(ref);
	while (!rc && *at && p->n_chain < PAGE_CHAIN) {
		struct page_bundle *b = &p->chain[p->n_chain++];

		read_bundle(repo, ch, at, b);
		/* behind one that is not good stands nothing */
		memcpy(at, b->commit.parent, sizeof(at));
	}
	return rc;
}

/* ---- clusters ---- */

static void read_cluster(git_repository *repo, const struct host_config *host,
			 const struct channel_config *ch,
			 struct page_cluster *c)
{
	struct cluster_sources from;
	struct err err = ERR_INIT;
	int rc = kept_report_read(host, ch, c->name, NULL, &c->report, &err);

	c->source.when = c->applied.when = -1;
	if (rc < 0)
		c->broken = xstrdup(err.msg);
	if (rc)
		return;
	c->reported = true;
	cluster_sources_read(repo, &c->report, &from);
	read_source(repo, from.commit, &c->source);
	if (strcmp(from.commit, from.applied))
		read_source(repo, from.applied, &c->applied);
}

/* Those that have reported, and those that are to. */
static int list_clusters(const struct host_config *host,
			 const struct channel_config *ch, struct page *p,
			 struct strvec *names, struct err *err)
{
	const struct sshkey *publisher = p->n_chain && !p->chain[0].broken ?
					 &p->chain[0].key : NULL;
	struct trust trust = TRUST_INIT;
	struct err unread = ERR_INIT;
	int rc = kept_report_clusters(host, ch, names, err);

	if (rc || !ch->reporters)
		return rc;
	if (trust_read_reporters(ch, publisher, &trust, &unread) < 0)
		p->reporters_broken = xstrdup(unread.msg);
	for (size_t i = 0; i < trust.n; i++)
		if (!strvec_has(names, trust.v[i].principal))
			strvec_push(names, trust.v[i].principal);
	trust_release(&trust);
	strvec_sort(names);
	return 0;
}

enum page_state page_state(const struct page *p, const struct page_cluster *c)
{
	const struct cluster_report *r = &c->report;

	if (c->broken)
		return PAGE_BROKEN;
	if (!c->reported)
		return PAGE_UNHEARD;
	switch (r->phase) {
	case CLUSTER_FAILED:
		return PAGE_FAILED;
	case CLUSTER_REFUSED:
		return PAGE_REFUSED;
	case CLUSTER_WAITING:
		return PAGE_WAITING;
	case CLUSTER_SUSPENDED:
		return PAGE_SUSPENDED;
	case CLUSTER_APPLYING:
		return PAGE_APPLYING;
	default:
		break;
	}
	return p->n_chain && strcmp(r->bundle, p->chain[0].id) ? PAGE_BEHIND
							       : PAGE_HEALTHY;
}

/* Clusters by their names are in order already. */
static int read_clusters(git_repository *repo, const struct host_config *host,
			 const struct channel_config *ch, struct page *p,
			 struct err *err)
{
	struct strvec names = STRVEC_INIT;
	struct page_cluster *all;
	int rc = list_clusters(host, ch, p, &names, err);

	all = xcalloc(names.n + 1, sizeof(*all));
	p->clusters = xcalloc(names.n + 1, sizeof(*p->clusters));
	for (size_t i = 0; i < names.n; i++) {
		size_t len = strlen(names.v[i]);

		memcpy(all[i].name, names.v[i],
		       len < sizeof(all[i].name) ? len + 1 : 0);
		read_cluster(repo, host, ch, &all[i]);
	}
	for (int state = PAGE_BROKEN; state <= PAGE_HEALTHY; state++)
		for (size_t i = 0; i < names.n; i++)
			if ((int)page_state(p, &all[i]) == state)
				p->clusters[p->n_clusters++] = all[i];
	free(all);
	strvec_release(&names);
	return rc;
}

/* ---- what waits for another channel ---- */

static void read_waits(git_repository *repo, const struct host_config *host,
		       const struct channel_config *ch, struct page *p)
{
	struct err unread = ERR_INIT;
	struct promotion_wait m;
	int rc = promotion_waits(repo, host, ch, &m, &unread);

	if (rc > 0)
		read_source(repo, m.tip, &p->waits);
	else if (rc < 0)
		p->waits_broken = xstrdup(unread.msg);
}

/* ---- all of it ---- */

static void page_release(struct page *p)
{
	for (size_t i = 0; i < p->n_chain; i++) {
		free(p->chain[i].broken);
		source_release(&p->chain[i].source);
		said_release(&p->chain[i].said);
	}
	for (size_t i = 0; i < p->n_clusters; i++) {
		struct page_cluster *c = &p->clusters[i];

		free(c->broken);
		if (c->reported)
			cluster_report_release(&c->report);
		source_release(&c->source);
		source_release(&c->applied);
	}
	free(p->clusters);
	free(p->reporters_broken);
	free(p->waits_broken);
	source_release(&p->waits);
}

static int make(git_repository *repo, const struct host_config *host,
		const struct channel_config *ch, struct buf *out,
		struct err *err)
{
	struct page *p = xcalloc(1, sizeof(*p));
	int rc;

	p->ch = ch;
	rc = read_chain(repo, ch, p, err);
	if (!rc)
		rc = read_clusters(repo, host, ch, p, err);
	if (!rc) {
		read_waits(repo, host, ch, p);
		page_html(p, out);
		rc = buf_check(out, "the page", err);
	}
	page_release(p);
	free(p);
	return rc;
}

static bool is_same(const char *path, const struct buf *text)
{
	struct buf old = BUF_INIT(LIMIT_PAGE_BYTES);
	struct err none = ERR_INIT;
	bool same = fs_read(AT_FDCWD, path, &old, &none) == 0 &&
		    old.len == text->len &&
		    !memcmp(old.data, text->data, old.len);

	buf_release(&old);
	return same;
}

static int renew(git_repository *repo, const struct host_config *host,
		 const struct channel_config *ch, const char *path,
		 struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_PAGE_BYTES);
	int rc = make(repo, host, ch, &text, err);

	if (!rc && !is_same(path, &text))
		rc = fs_write_cache(AT_FDCWD, path, text.data, text.len, 0640,
				    err);
	buf_release(&text);
	return rc;
}

static int remove_page(const char *path, struct err *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, "cannot remove '%s'", path);
	return 0;
}

/* What is read must not be older than what another run has written. */
static int take_turn(const struct host_config *host,
		     const struct channel_config *ch, int *ret_fd,
		     struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = config_channel_file(host, ch, "page", &path, err);

	if (!rc)
		rc = fs_lock(AT_FDCWD, path.data, LOCK_MS, ret_fd, err);
	buf_release(&path);
	return rc;
}

int page_write(git_repository *repo, const struct host_config *host,
	       const struct channel_config *ch, struct err *err)
{
	char *folder = xasprintf("%s/%s", host->publish_dir, ch->name);
	char *path = xasprintf("%s/" PAGE_FILE, folder);
	int lock = -1, rc = 0;

	if (!fs_exists(AT_FDCWD, folder))
		goto out;
	rc = take_turn(host, ch, &lock, err);
	if (!rc)
		rc = ch->no_page ? remove_page(path, err)
				 : renew(repo, host, ch, path, err);
	if (rc < 0)
		err_wrap(err, "the page of '%s'", ch->name);
	if (lock >= 0)
		close(lock);
out:
	free(path);
	free(folder);
	return rc;
}
