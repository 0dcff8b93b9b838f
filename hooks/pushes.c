/*
 * Kept certificates. See pushes.h. The folder may be written by whoever may
 * push to a shared repository, so a file is worth its signature and no more.
 * Moves are followed back from the tip; all that could have led there are
 * counted, so that nobody is left out.
 */
#include "config.h"
#include "hooks/pushes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/trust-file.h"
#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"

static const char no_id[] = "0000000000000000000000000000000000000000";

/* The moves of the files' names. */
struct moves {
	struct push_move v[LIMIT_KEPT_PUSHES];
	size_t n;
};

static int file_path(const struct host_config *host,
		     const struct channel_config *ch, const char *old_id,
		     const char *new_id, struct buf *path, struct err *err)
{
	if (config_channel_file(host, ch, "pushed", path, err) < 0)
		return -1;
	buf_addf(path, "/%s-%s", *old_id ? old_id : no_id, new_id);
	return buf_check(path, "a path", err);
}

/* "<old>-<new>" */
static bool parse_name(const char *name, struct push_move *ret)
{
	const size_t id = GIT_HEX_SIZE - 1;

	if (strlen(name) != 2 * id + 1 || name[id] != '-' ||
	    !is_hex(name, id, id) || !is_git_id(name + id + 1, id))
		return false;
	*ret = (struct push_move){ .old_id = "" };
	if (memcmp(name, no_id, id))
		memcpy(ret->old_id, name, id);
	memcpy(ret->new_id, name + id + 1, id);
	return true;
}

static int list(const struct host_config *host,
		const struct channel_config *ch, struct moves *ret,
		struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = config_channel_file(host, ch, "pushed", &path, err);
	DIR *d = rc ? NULL : opendir(path.data);
	struct dirent *e;

	ret->n = 0;
	if (!rc && !d && errno != ENOENT)
		rc = err_sys(err, "cannot read '%s'", path.data);
	while (d && ret->n < LIMIT_KEPT_PUSHES && (e = readdir(d)))
		if (parse_name(e->d_name, &ret->v[ret->n]))
			ret->n++;
	if (d)
		closedir(d);
	buf_release(&path);
	return rc;
}

/* ---- keeping ---- */

static int remove_file(const char *path, struct err *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, "cannot remove '%s'", path);
	return 0;
}

static int check_room(const struct host_config *host,
		      const struct channel_config *ch, struct err *err)
{
	struct moves *m = xcalloc(1, sizeof(*m));
	int rc = list(host, ch, m, err);

	if (!rc && m->n == LIMIT_KEPT_PUSHES)
		rc = err_set(err, ERR_TRANSIENT, "%d signed pushes wait to be "
			     "published; at the Git host, `windlass-hook "
			     "publish %s`", LIMIT_KEPT_PUSHES, ch->name);
	free(m);
	return rc;
}

int pushes_keep(const struct host_config *host,
		const struct channel_config *ch, const struct update *u,
		const struct buf *text, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = file_path(host, ch, u->old_id, u->new_id, &path, err);

	if (!rc && !text)
		rc = remove_file(path.data, err);
	else if (!rc && check_room(host, ch, err) < 0)
		rc = -1;
	else if (!rc)
		rc = fs_write(AT_FDCWD, path.data, text->data, text->len,
			      0640, err);
	buf_release(&path);
	return rc;
}

/* What waits for another channel to be healthy may wait for days. */
static int64_t kept_seconds(const struct channel_config *ch)
{
	return ch->after ? LIMIT_WAITING_SECONDS : LIMIT_KEPT_SECONDS;
}

int pushes_drop(const struct host_config *host,
		const struct channel_config *ch, const char *tip,
		struct err *err)
{
	struct moves *m = xcalloc(1, sizeof(*m));
	struct strvec reached = STRVEC_INIT;
	int rc = list(host, ch, m, err);

	strvec_push(&reached, tip);
	/* it grows while it is gone through */
	for (size_t i = 0; i < reached.n; i++)
		for (size_t k = 0; k < m->n; k++)
			if (!strcmp(m->v[k].new_id, reached.v[i]) &&
			    !strvec_has(&reached, m->v[k].old_id))
				strvec_push(&reached, m->v[k].old_id);
	for (size_t i = 0; !rc && i < m->n; i++) {
		struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
		struct stat st;

		rc = file_path(host, ch, m->v[i].old_id, m->v[i].new_id, &path,
			       err);
		if (!rc && (strvec_has(&reached, m->v[i].new_id) ||
			    (!stat(path.data, &st) &&
			     st.st_mtime + kept_seconds(ch) < clock_now())))
			rc = remove_file(path.data, err);
		buf_release(&path);
	}
	strvec_release(&reached);
	free(m);
	return rc;
}

/* ---- finding ---- */

struct search {
	git_repository *repo;
	const struct host_config *host;
	const struct channel_config *ch;
	const struct taken *taken;
	const char *tip;
	struct trust trust;
	int64_t now;
	struct moves *moves;
	struct strvec reached;		/* commits, from the tip back */
	bool whole;			/* one way leads to what was published */
	bool crowd;			/* not all can be named */
	struct pushers *who;
};

/* True if the certificate says that the channel's ref made this move. */
static bool says_move(struct search *s, struct push_cert *c,
		      const struct push_move *m, struct err *err)
{
	const struct update *u = NULL;

	if (updates_resolve(s->repo, &c->updates, err) < 0 ||
	    updates_find(s->repo, &c->updates, s->ch->ref, &u, err) < 0)
		return false;
	if (u && !strcmp(u->old_id, m->old_id) &&
	    !strcmp(u->new_id, m->new_id))
		return true;
	err_set(err, ERR_DENIED, "the certificate is not of that push");
	return false;
}

/* Fills m->principal. */
static int verify(struct search *s, struct push_move *m, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	struct buf text = BUF_INIT(LIMIT_PUSH_CERT_BYTES);
	struct push_cert c = PUSH_CERT_INIT;
	int rc = file_path(s->host, s->ch, m->old_id, m->new_id, &path, err);

	if (!rc)
		rc = fs_read(AT_FDCWD, path.data, &text, err);
	if (!rc)
		rc = push_cert_parse(text.data, text.len, &c, err);
	if (!rc)
		rc = push_cert_signer(text.data, text.len, &c, &s->trust,
				      s->now, m->principal, err);
	if (!rc && !says_move(s, &c, m, err))
		rc = -1;
	push_cert_release(&c);
	buf_release(&path);
	buf_release(&text);
	return rc;
}

static void take_move(struct search *s, const struct push_move *m)
{
	s->crowd |= pushers_add(s->who, m->principal) < 0;
	/* where nothing was published, who signs the tip stands for all */
	s->whole |= !s->taken->n;
	if (!strvec_has(&s->reached, m->old_id))
		strvec_push(&s->reached, m->old_id);
}

static void follow(struct search *s, const struct push_move *news,
		   struct err *ret_why)
{
	strvec_push(&s->reached, s->tip);
	/* the list grows while it is gone through */
	for (size_t i = 0; i < s->reached.n; i++) {
		char at[GIT_HEX_SIZE];

		snprintf(at, sizeof(at), "%s", s->reached.v[i]);
		if (taken_has(s->taken, at)) {
			s->whole = true;
			continue;
		}
		if (news && !strcmp(news->new_id, at))
			take_move(s, news);
		for (size_t k = 0; k < s->moves->n; k++) {
			struct push_move *m = &s->moves->v[k];

			if (!strcmp(m->new_id, at) &&
			    verify(s, m, ret_why) == 0)
				take_move(s, m);
		}
	}
}

/* Where the way back ends that should lead on. */
static void say_broken(const struct search *s, const struct err *why,
		       struct err *err)
{
	const char *end = s->reached.v[s->reached.n - 1];
	const char *first = *end ? end : s->tip;

	err_set(err, ERR_INVALID, "'%s' came to %.12s by a push that no "
		"developer signed%s%.200s; push it again by git push --signed, "
		"from a state that was published", s->ch->ref,
		first, why->msg[0] ? ": " : "", why->msg);
}

/* Together with who pushed what stands in no bundle yet. Nobody is named
 * where one would be left out. */
static void add_noted(struct search *s)
{
	const struct pushers *noted = &s->taken->pushers;

	if (s->taken->noted) {
		s->crowd |= !noted->n;
		for (size_t i = 0; i < noted->n; i++)
			s->crowd |= pushers_add(s->who, noted->v[i]) < 0;
	}
	if (s->crowd)
		s->who->n = 0;
}

static int search(struct search *s, const struct push_move *news,
		  struct err *err)
{
	struct err why = ERR_INIT;

	if (list(s->host, s->ch, s->moves, err) < 0)
		return -1;
	follow(s, news, &why);
	if (s->whole) {
		add_noted(s);
		return 0;
	}
	s->who->n = 0;
	if (!s->ch->require_signed_push)
		return 0;
	say_broken(s, &why, err);
	return -1;
}

static int find(git_repository *repo, const struct host_config *host,
		const struct channel_config *ch, const struct taken *taken,
		const char *tip, const struct push_move *news,
		struct pushers *who, struct err *err)
{
	struct search s = {
		.repo = repo, .host = host, .ch = ch, .taken = taken,
		.tip = tip, .trust = TRUST_INIT, .now = clock_now(),
		.reached = STRVEC_INIT, .who = who,
	};
	int rc;

	if (trust_file_read(ch, "developers", ch->developers, &s.trust,
			    err) < 0)
		return -1;
	s.moves = xcalloc(1, sizeof(*s.moves));
	rc = search(&s, news, err);
	free(s.moves);
	strvec_release(&s.reached);
	trust_release(&s.trust);
	return rc;
}

int pushes_check(git_repository *repo, const struct host_config *host,
		 const struct channel_config *ch,
		 const struct current *current, const char *tip,
		 const struct push_move *news, struct pushers *ret,
		 struct err *err)
{
	const struct bundle *b = &current->commit.bundle;
	struct pushers who = { .n = 0 };
	struct taken taken;

	if (*current->id && !strcmp(b->source_commit, tip)) {
		/* the same source, once more: as it was */
		who = b->pushers;
	} else if (ch->developers) {
		if (taken_read(host, ch, current, &taken, err) < 0 ||
		    find(repo, host, ch, &taken, tip, news, &who, err) < 0)
			return -1;
	}
	*ret = who;
	return 0;
}
