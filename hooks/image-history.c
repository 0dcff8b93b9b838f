/*
 * Updates that were taken back. See image-history.h. There is no state beside
 * the repository's history: a clone has it, and who rewrites it rewrites this
 * too. Trusts a trailer as far as the file at that commit bears it out.
 */
#include "config.h"
#include "hooks/image-history.h"

#include <stdlib.h>
#include <string.h>

#include "hooks/image-marker.h"
#include "schema/base/mem.h"
#include "schema/base/strvec.h"
#include "schema/limits.h"

/* commits that are looked at, the newest first: 10 us each */
#define LIMIT_COMMITS 500000
/* updates in whose files an older name of ours is looked for, files that all
 * of these changed, 3 us each, and of each update those that may be ours: more
 * alike than git's own half make it the same file */
#define LIMIT_RENAMES 100
#define LIMIT_CHANGED 50000
#define LIMIT_CANDIDATES 200
#define ALIKE_PERCENT 50

/* A commit whose message has the trailer. */
struct update {
	git_oid id;
	char *message;		/* from there on */
};

struct updates {
	struct update *v;	/* the newest first */
	size_t n, alloc;
};

struct image_history {
	git_oid tip;		/* all zero: nothing was read yet */
	struct updates updates;
};

/* Does a line of the message say that this policy got this tag, or newer? */
static bool says(const char *message, const struct tag_policy *p,
		 const char *tag, char ret[LIMIT_TAG_BYTES + 1])
{
	const size_t name = strlen(p->name);

	for (const char *s = message; (s = strstr(s, IMAGE_TRAILER)); ) {
		bool begins = s == message || s[-1] == '\n';
		size_t len;

		s += strlen(IMAGE_TRAILER);
		if (!begins || strncmp(s, p->name, name) || s[name] != ' ')
			continue;
		s += name + 1;
		len = strcspn(s, "\n");
		if (!is_image_tag(s, len))
			continue;
		memcpy(ret, s, len);
		ret[len] = '\0';
		if (tag_policy_newer(p, tag, ret) <= 0)
			return true;
	}
	return false;
}

/* An image of another name is no matter of this policy any more. */
static bool is_image_of(const char *text, const struct image_marker *m,
			const struct tag_policy *p)
{
	size_t len = strlen(p->image);

	return m->field != FIELD_IMAGE ||
	       (m->len > len && !memcmp(text + m->at, p->image, len) &&
		text[m->at + len] == ':');
}

/* Has the text a value of that policy with that tag? */
static bool has_tag(const struct buf *text, const struct tag_policy *p,
		    const char *tag)
{
	struct image_markers ms = IMAGE_MARKERS_INIT;
	struct err ignored = ERR_INIT;
	bool has = false;

	if (image_markers_find(text->data, text->len, &ms, &ignored) < 0)
		return false;
	for (size_t i = 0; !has && i < ms.n; i++) {
		char there[LIMIT_TAG_BYTES + 1];

		has = !strcmp(ms.v[i].policy, p->name) &&
		      is_image_of(text->data, &ms.v[i], p) &&
		      image_marker_tag(text->data, &ms.v[i], there) &&
		      !strcmp(there, tag);
	}
	image_markers_release(&ms);
	return has;
}

static int had_tag(git_repository *repo, const git_oid *blob,
		   const struct image_question *q, const char *was, bool *ret,
		   struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES);
	char hex[GIT_HEX_SIZE];
	int rc;

	git_oid_tostr(hex, sizeof(hex), blob);
	rc = repo_read(repo, hex, GIT_OBJECT_BLOB, &text, err);
	if (!rc)
		*ret = image_markers_maybe(text.data, text.len) &&
		       has_tag(&text, q->policy, was);
	buf_release(&text);
	return rc;
}

static bool is_file(unsigned mode)
{
	return mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE;
}

/* ---- under an older name ---- */

/* A walk, for one file and one tag. */
struct search {
	git_repository *repo;
	const struct image_question *q;
	git_tree *now;			/* of the tip */
	int renames;
	size_t changed;			/* files of updates, so far */
	bool cut;			/* there are more */

	/* of one update */
	const char *was;		/* the tag that it set */
	struct strvec names;		/* what may be our file */
	char *dir;			/* the one that was looked into last */
	git_tree *dir_now;		/* what the tip has there, or NULL */
	struct err *err;
};

static void look_into(struct search *s, const char *path, size_t len)
{
	git_tree_entry *e = NULL;

	git_tree_free(s->dir_now);
	s->dir_now = NULL;
	free(s->dir);
	s->dir = xstrndup(path, len);
	if (!len)
		(void)!git_tree_dup(&s->dir_now, s->now);
	else if (!git_tree_entry_bypath(&e, s->now, s->dir) &&
		 git_tree_entry_type(e) == GIT_OBJECT_TREE)
		(void)!git_tree_lookup(&s->dir_now, s->repo,
				       git_tree_entry_id(e));
	git_tree_entry_free(e);
}

/* Files come sorted: a folder is read once, whatever it holds. */
static bool is_there_now(struct search *s, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (!s->dir || strncmp(s->dir, path, len) || s->dir[len])
		look_into(s, path, len);
	return s->dir_now &&
	       git_tree_entry_byname(s->dir_now, slash ? slash + 1 : path);
}

/* Takes those names that got the tag and are gone by now. No delta is kept. */
static int see_changed(const git_diff *diff, const git_diff_delta *d,
		       const char *pathspec, void *arg)
{
	const git_diff_file *f = &d->new_file;
	struct search *s = arg;
	bool had = false;

	(void)diff;
	(void)pathspec;
	if (s->changed == LIMIT_CHANGED || s->names.n == LIMIT_CANDIDATES) {
		s->cut = true;
		return GIT_EUSER;
	}
	s->changed++;
	if (d->status == GIT_DELTA_DELETED || !is_file(f->mode) ||
	    is_there_now(s, f->path))
		return 1;
	if (had_tag(s->repo, &f->id, s->q, s->was, &had, s->err) < 0)
		return GIT_EUSER;
	if (had)
		strvec_push(&s->names, f->path);
	return 1;
}

/* Looks at the files of an update, against its first parent, below the
 * channel's paths; at none where that is not there any more. */
static int find_names(struct search *s, const git_commit *c, git_tree *tree)
{
	const struct strvec *below = s->q->below;
	git_diff_options opts;
	git_commit *parent = NULL;
	git_tree *before = NULL;
	git_diff *none = NULL;
	int rc = git_diff_options_init(&opts, GIT_DIFF_OPTIONS_VERSION);

	if (!rc && git_commit_parentcount(c)) {
		if (git_commit_parent(&parent, c, 0) < 0)
			return 0;
		rc = git_commit_tree(&before, parent);
	}
	opts.flags = GIT_DIFF_DISABLE_PATHSPEC_MATCH;
	if (!strvec_has(below, ""))
		opts.pathspec = (git_strarray){ below->v, below->n };
	opts.notify_cb = see_changed;
	opts.payload = s;
	if (!rc)
		rc = git_diff_tree_to_tree(&none, s->repo, before, tree, &opts);
	git_diff_free(none);
	git_tree_free(before);
	git_commit_free(parent);
	return rc == GIT_EUSER && s->err->class == ERR_NONE ? 0 : rc;
}

/* Is one of these, as they were then, our file of now? */
static int became(struct search *s, git_tree *then, bool *ret)
{
	git_diff_options opts;
	git_diff_find_options find;
	git_diff *diff = NULL;
	int rc = git_diff_options_init(&opts, GIT_DIFF_OPTIONS_VERSION);

	rc = rc < 0 ? rc : git_diff_find_options_init(
				&find, GIT_DIFF_FIND_OPTIONS_VERSION);
	if (rc < 0)
		return rc;
	strvec_push(&s->names, s->q->path);
	opts.flags = GIT_DIFF_DISABLE_PATHSPEC_MATCH;
	opts.pathspec = (git_strarray){ s->names.v, s->names.n };
	find.flags = GIT_DIFF_FIND_RENAMES;
	find.rename_threshold = ALIKE_PERCENT;
	find.rename_limit = LIMIT_CANDIDATES + 1;
	rc = git_diff_tree_to_tree(&diff, s->repo, then, s->now, &opts);
	rc = rc < 0 ? rc : git_diff_find_similar(diff, &find);
	for (size_t i = 0; !rc && i < git_diff_num_deltas(diff); i++) {
		const git_diff_delta *d = git_diff_get_delta(diff, i);

		*ret |= d->status == GIT_DELTA_RENAMED &&
			!strcmp(d->new_file.path, s->q->path);
	}
	git_diff_free(diff);
	return rc;
}

/* Did this update set our file, by the name that it had then? */
static int had_renamed(struct search *s, const git_commit *c, const char *was,
		       bool *ret, struct err *err)
{
	git_tree *tree = NULL;
	int rc = git_commit_tree(&tree, c);

	s->was = was;
	s->err = err;
	if (!rc)
		rc = find_names(s, c, tree);
	if (!rc && s->names.n)
		rc = became(s, tree, ret);
	if (rc < 0 && err->class == ERR_NONE)
		repo_err(err, ERR_INTERNAL, "cannot compare %s with an update "
			 "of it", s->q->path);
	strvec_release(&s->names);
	git_tree_free(tree);
	return rc < 0 ? -1 : 0;
}

/* ---- all updates ---- */

static void updates_release(struct updates *us)
{
	for (size_t i = 0; i < us->n; i++)
		free(us->v[i].message);
	free(us->v);
	*us = (struct updates){ 0 };
}

static void add_update(struct updates *us, const git_oid *id,
		       const char *message)
{
	if (us->n == us->alloc) {
		us->alloc = us->alloc ? 2 * us->alloc : 64;
		us->v = xreallocarray(us->v, us->alloc, sizeof(*us->v));
	}
	us->v[us->n++] = (struct update){ *id, xstrdup(message) };
}

/* The first trailer at the beginning of a line, or NULL. */
static const char *first_trailer(const char *message)
{
	const char *s = message;

	while ((s = strstr(s, IMAGE_TRAILER)) && s != message && s[-1] != '\n')
		s += strlen(IMAGE_TRAILER);
	return s;
}

static bool has_parent(const git_commit *c, const git_oid *id)
{
	for (unsigned i = 0; i < git_commit_parentcount(c); i++)
		if (git_oid_equal(git_commit_parent_id(c, i), id))
			return true;
	return false;
}

/* Those of a walk. *ret_follows: a commit of it comes right after that one. */
static void collect(git_repository *repo, git_revwalk *walk,
		    const git_oid *before, struct updates *us,
		    bool *ret_follows)
{
	git_oid id;

	*ret_follows = false;
	for (int n = 0; n < LIMIT_COMMITS &&
			git_revwalk_next(&id, walk) == 0; n++) {
		const char *trailer;
		git_commit *c;

		/* where history ends, as in a shallow clone */
		if (git_commit_lookup(&c, repo, &id) < 0)
			break;
		*ret_follows |= has_parent(c, before);
		trailer = first_trailer(git_commit_message(c));
		if (trailer)
			add_update(us, &id, trailer);
		git_commit_free(c);
	}
}

static int read_from(const struct image_history *h, git_repository *repo,
		     const git_oid *tip, bool is_known, struct updates *us,
		     bool *ret_follows)
{
	git_revwalk *walk = NULL;
	int rc = git_revwalk_new(&walk, repo);

	rc = rc < 0 ? rc : git_revwalk_push(walk, tip);
	if (!rc && is_known)
		rc = git_revwalk_hide(walk, &h->tip);
	if (!rc)
		collect(repo, walk, &h->tip, us, ret_follows);
	git_revwalk_free(walk);
	return rc;
}

/* All of the tip; if what was read before comes before it, only the new. */
static int read_updates(struct image_history *h, git_repository *repo,
			const git_oid *tip)
{
	struct updates us = { 0 };
	bool is_known = !git_oid_is_zero(&h->tip), follows = false;
	int rc;

	if (git_oid_equal(&h->tip, tip))
		return 0;
	rc = read_from(h, repo, tip, is_known, &us, &follows);
	if (!rc && is_known && !follows) {
		updates_release(&us);
		rc = read_from(h, repo, tip, false, &us, &follows);
	} else if (!rc && is_known) {
		for (size_t i = 0; i < h->updates.n; i++)
			add_update(&us, &h->updates.v[i].id,
				   h->updates.v[i].message);
	}
	if (rc < 0) {
		updates_release(&us);
		return rc;
	}
	updates_release(&h->updates);
	h->updates = us;
	h->tip = *tip;
	return 0;
}

struct image_history *image_history_new(void)
{
	return xcalloc(1, sizeof(struct image_history));
}

void image_history_free(struct image_history *h)
{
	if (!h)
		return;
	updates_release(&h->updates);
	free(h);
}

/* ---- one of them ---- */

static int look_at(struct search *s, const struct update *u, bool *ret,
		   struct err *err)
{
	char was[LIMIT_TAG_BYTES + 1];
	git_commit *c;
	git_oid id;
	unsigned mode;
	int rc;

	if (!says(u->message, s->q->policy, s->q->tag, was))
		return 0;
	if (git_commit_lookup(&c, s->repo, &u->id) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot read an update "
				"of %s", s->q->path);
	rc = repo_tree_entry(s->repo, git_commit_tree_id(c), s->q->path, &id,
			     &mode, err);
	if (!rc && is_file(mode))
		rc = had_tag(s->repo, &id, s->q, was, ret, err);
	else if (rc > 0 && s->renames++ < LIMIT_RENAMES)
		rc = had_renamed(s, c, was, ret, err);
	else if (rc > 0)
		s->cut = true;
	git_commit_free(c);
	return rc < 0 ? -1 : 0;
}

static int open_search(struct search *s, const git_oid *tip)
{
	git_commit *c = NULL;
	int rc = git_commit_lookup(&c, s->repo, tip);

	rc = rc < 0 ? rc : git_commit_tree(&s->now, c);
	git_commit_free(c);
	return rc;
}

int image_history_ask(struct image_history *h, git_repository *repo,
		      const struct image_question *q,
		      enum image_history_answer *ret, struct err *err)
{
	struct search s = { .repo = repo, .q = q, .names = STRVEC_INIT };
	git_oid id;
	bool found = false;
	int rc = git_oid_fromstr(&id, q->tip);

	rc = rc < 0 ? rc : read_updates(h, repo, &id);
	rc = rc < 0 ? rc : open_search(&s, &id);
	if (rc < 0)
		rc = repo_err(err, ERR_INTERNAL, "cannot walk from %s",
			      q->tip);
	for (size_t i = 0; !rc && !found && i < h->updates.n; i++)
		rc = look_at(&s, &h->updates.v[i], &found, err);
	git_tree_free(s.dir_now);
	free(s.dir);
	git_tree_free(s.now);
	if (!rc)
		*ret = found ? IMAGE_TAKEN_BACK :
		       s.cut ? IMAGE_MAYBE_TAKEN_BACK : IMAGE_NOT_TAKEN_BACK;
	return rc;
}
