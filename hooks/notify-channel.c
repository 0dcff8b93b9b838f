/*
 * What there is to be told of a channel: the reports that its clusters made
 * last. See notify.h. Trusts kept reports, which serve verified; who wrote a
 * source commit is what that commit says.
 */
#include "config.h"
#include "hooks/notify.h"

#include <stdlib.h>
#include <string.h>

#include "hooks/kept-report.h"
#include "schema/base/mem.h"
#include "schema/base/utf8.h"

/* of a subject that is shown */
#define SUBJECT_BYTES 100

void notify_look_at(struct notify_channel *c, int64_t when)
{
	if (when && (!c->next || when < c->next))
		c->next = when;
}

static char *clean(const char *s)
{
	struct buf b = BUF_INIT(4 * SUBJECT_BYTES);

	if (!s)
		s = "";
	buf_add_scrubbed(&b, s, utf8_cut(s, SUBJECT_BYTES));
	return buf_detach(&b, NULL);
}

void notify_commit(git_repository *repo, const char *commit, char **ret_author,
		   char **ret_subject)
{
	git_commit *c = NULL;
	git_oid id;

	if (*commit && !git_oid_fromstr(&id, commit) &&
	    !git_commit_lookup(&c, repo, &id)) {
		*ret_author = clean(git_commit_author(c)->name);
		*ret_subject = clean(git_commit_summary(c));
	} else {
		*ret_author = xstrdup("");
		*ret_subject = xstrdup("");
	}
	git_commit_free(c);
}

/* 1 if it has none of this channel. */
static int read_cluster(struct notify_channel *c, const char *name,
			int64_t listening, struct err *err)
{
	struct notify_cluster k = { .heard = 0 };
	int rc = kept_report_read(c->host, c->ch, name, NULL, &k.report, err);

	if (rc)
		return rc;
	k.heard = kept_report_heard(c->host, c->ch, name);
	snprintf(k.name, sizeof(k.name), "%s", name);
	cluster_sources_read(c->repo, &k.report, &k.from);
	notify_commit(c->repo, k.from.commit, &k.author, &k.subject);
	k.silence = news_silence(k.heard, listening, c->ch->silent_after,
				 c->now);
	notify_look_at(c, news_silence_at(k.heard, listening,
					  c->ch->silent_after, c->now));
	c->v = xreallocarray(c->v, c->n + 1, sizeof(*c->v));
	c->v[c->n++] = k;
	return 0;
}

int notify_channel_read(struct notify_channel *c, int64_t listening,
			struct err *err)
{
	struct strvec names = STRVEC_INIT;
	struct err one = ERR_INIT;
	int rc = kept_report_clusters(c->host, c->ch, &names, err);

	for (size_t i = 0; i < names.n; i++) {
		err_clear(&one);
		if (read_cluster(c, names.v[i], listening, &one) >= 0)
			continue;
		if (!rc)
			*err = one;
		rc = -1;
	}
	strvec_release(&names);
	err_clear(&one);
	if (happened_read(c, &one) < 0 && !rc) {
		*err = one;
		rc = 1;
	}
	return rc;
}

void notify_channel_release(struct notify_channel *c)
{
	for (size_t i = 0; i < c->n; i++) {
		cluster_report_release(&c->v[i].report);
		free(c->v[i].author);
		free(c->v[i].subject);
	}
	happened_release(c);
	free(c->v);
	c->v = NULL;
	c->n = 0;
}
