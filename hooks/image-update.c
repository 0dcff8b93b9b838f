/*
 * Image updates of one channel. See image-update.h. Trusts no registry: a tag
 * is plain letters when it gets here, never replaces a newer one, and what
 * somebody took back stays so until there is a newer one still. What is
 * committed is judged by the hooks as everybody's push.
 */
#include "config.h"
#include "hooks/image-update.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/edit.h"
#include "hooks/image-history.h"
#include "hooks/image-marker.h"
#include "hooks/registry.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/limits.h"
#include "schema/manifest-files.h"

/* the ref moved under us so often: the next run will do it */
#define ROUNDS 5
#define MESSAGE_BYTES (64u * 1024)
/* of a message, for what programs read of it; more images are another commit */
#define TRAILERS_BYTES (48u * 1024)
/* changes that a commit's message names, as far as there is room */
#define NAMED_CHANGES 100
/* with room for "and N more" */
#define NAMES_BYTES (MESSAGE_BYTES - TRAILERS_BYTES - 64u)

/* ---- what registries say ---- */

struct answer {
	bool asked, failed, has_digest;
	char *tag;		/* NULL: none that the policy allows */
	char digest[IMAGE_DIGEST_SIZE];
};

struct latest {
	const struct tag_policies *ps;
	struct answer *v;	/* one for each policy */
	struct registries registries;
};

struct latest *latest_new(const struct tag_policies *ps)
{
	struct latest *l = xcalloc(1, sizeof(*l));

	l->ps = ps;
	l->v = xcalloc(ps->n + 1, sizeof(*l->v));
	return l;
}

void latest_free(struct latest *l)
{
	for (size_t i = 0; i < l->ps->n; i++)
		free(l->v[i].tag);
	registries_release(&l->registries);
	free(l->v);
	free(l);
}

static void note_failure(struct image_update *u, const struct tag_policy *p,
			 struct answer *a, struct err *err)
{
	int status;

	a->failed = true;
	err_wrap(err, "%s", p->name);
	status = command_fail(err);
	u->status = status > u->status ? status : u->status;
	err_clear(err);
}

static void say_warnings(struct registries *rs)
{
	for (size_t i = 0; i < rs->warnings.n; i++)
		fprintf(stderr, "%s\n", rs->warnings.v[i]);
	strvec_release(&rs->warnings);
}

/* NULL where it could not be asked, or has no tag for us. */
static struct answer *ask(struct image_update *u, const struct tag_policy *p)
{
	struct answer *a = &u->latest->v[p - u->policies->v];
	struct strvec tags = STRVEC_INIT;
	struct err err = ERR_INIT;
	const char *tag;

	if (!a->asked) {
		a->asked = true;
		if (registry_tags(&u->latest->registries, p, &tags, &err) < 0) {
			note_failure(u, p, a, &err);
		} else {
			tag = tag_policy_select(p, &tags);
			a->tag = tag ? xstrdup(tag) : NULL;
			if (!tag)
				fprintf(stderr, "%s: %s has no tag of which "
					"the policy says that it is one\n",
					p->name, p->image);
		}
		say_warnings(&u->latest->registries);
		strvec_release(&tags);
	}
	return a->failed || !a->tag ? NULL : a;
}

static const char *digest_of(struct image_update *u,
			     const struct tag_policy *p)
{
	struct answer *a = ask(u, p);
	struct err err = ERR_INIT;

	if (!a)
		return NULL;
	if (!a->has_digest &&
	    registry_digest(&u->latest->registries, p, a->tag, a->digest,
			    &err) < 0) {
		note_failure(u, p, a, &err);
		return NULL;
	}
	a->has_digest = true;
	return a->digest;
}

/* ---- one round: from a tip to a tree ---- */

struct change {
	const char *path;
	uint32_t line;
	const struct tag_policy *policy;
	const char *from, *to;
	const char *tag;	/* the new one */
};

struct round {
	struct image_update *u;
	const struct channel_config *ch;
	char tip[GIT_HEX_SIZE];
	git_oid tree;
	struct arena arena;
	struct change *v;
	size_t n;
	size_t trailers;	/* bytes */
	bool more;		/* there is, for another commit */
};

static bool is_first_of(const struct round *r, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (r->v[j].policy == r->v[i].policy)
			return false;
	return true;
}

/* Has the message room for the policy whose changes begin there? */
static bool take_room(struct round *r, size_t first)
{
	size_t bytes = strlen(IMAGE_TRAILER " \n") +
		       strlen(r->v[first].policy->name) +
		       strlen(r->v[first].tag);

	if (!is_first_of(r, first) || r->u->dry_run)
		return true;
	if (r->trailers + bytes > TRAILERS_BYTES) {
		r->more = true;
		return false;
	}
	r->trailers += bytes;
	return true;
}

static void add_change(struct round *r, const struct change *c)
{
	r->v = xreallocarray(r->v, r->n + 1, sizeof(*r->v));
	r->v[r->n++] = *c;
}

/* One file of it. */
struct file {
	struct round *r;
	const char *path;
	struct buf text;
	struct image_markers ms;
	const char **values;	/* of each marker; NULL: stays */
};

static bool is_of(const struct image_marker *m, const struct tag_policy *p)
{
	return m->is_value && !strcmp(m->policy, p->name);
}

enum verdict {
	TAGS_STAY,	/* newer ones, or somebody's will */
	TAGS_GO_UP,
	TAGS_THERE,	/* it is the newest one that stands there */
	TAGS_NONE,	/* the file has none of the policy */
};

/* Whether somebody took that tag back before. */
static int ask_history(struct file *f, const struct tag_policy *p,
		       const char *tag, enum verdict *ret, struct err *err)
{
	const struct image_update *u = f->r->u;
	const struct image_question q = {
		.tip = f->r->tip, .below = &f->r->ch->paths, .policy = p,
		.tag = tag, .path = f->path,
	};
	enum image_history_answer answer;

	if (image_history_ask(u->history, u->host->repo, &q, &answer, err) < 0)
		return -1;
	if (answer == IMAGE_MAYBE_TAKEN_BACK)
		fprintf(stderr, "%s: %s stays without %s: set it by hand if "
			"it is wanted; whether it was taken back under an "
			"older name of the file cannot be told, for updates "
			"changed too many files\n", f->path, p->image, tag);
	if (answer != IMAGE_NOT_TAKEN_BACK)
		*ret = TAGS_STAY;
	return 0;
}

/* What becomes of the tags that the policy has in this file. */
static int judge_tags(struct file *f, const struct tag_policy *p,
		      const char *tag, enum verdict *ret, struct err *err)
{
	*ret = TAGS_NONE;
	for (size_t i = 0; i < f->ms.n; i++) {
		char there[LIMIT_TAG_BYTES + 1];
		const struct image_marker *m = &f->ms.v[i];

		if (!is_of(m, p) || !image_marker_tag(f->text.data, m, there))
			continue;
		if (!strcmp(there, tag)) {
			*ret = *ret == TAGS_NONE ? TAGS_THERE : *ret;
		} else if (tag_policy_newer(p, tag, there) > 0) {
			*ret = TAGS_GO_UP;
		} else {
			*ret = TAGS_STAY;
			return 0;
		}
	}
	return *ret == TAGS_GO_UP ? ask_history(f, p, tag, ret, err) : 0;
}

/* A digest that is there already stays as long as the tag does. */
static const char *with_digest(struct file *f, const struct tag_policy *p,
			       const struct image_marker *m, const char *tag,
			       enum verdict verdict)
{
	struct arena *a = &f->r->arena;
	const char *digest;

	if (!p->pin_digest)
		return arena_printf(a, "%s:%s", p->image, tag);
	if (verdict == TAGS_THERE && memchr(f->text.data + m->at, '@', m->len))
		return NULL;
	digest = digest_of(f->r->u, p);
	return digest ? arena_printf(a, "%s:%s@%s", p->image, tag, digest)
		      : NULL;
}

/* What is to stand there, or NULL. */
static const char *new_value(struct file *f, const struct tag_policy *p,
			     const struct image_marker *m, const char *tag,
			     enum verdict verdict)
{
	switch (m->field) {
	case FIELD_NAME:
		return p->image;
	case FIELD_TAG:
		return tag;
	case FIELD_DIGEST:
		if (!p->pin_digest ||
		    (verdict == TAGS_THERE && m->len == IMAGE_DIGEST_SIZE - 1))
			return NULL;
		return digest_of(f->r->u, p);
	default:
		return with_digest(f, p, m, tag, verdict);
	}
}

static void set_value(struct file *f, size_t i, const struct tag_policy *p,
		      const char *tag, enum verdict verdict)
{
	const struct image_marker *m = &f->ms.v[i];
	const char *old = arena_strndup(&f->r->arena, f->text.data + m->at,
					m->len);
	const char *value = new_value(f, p, m, tag, verdict);

	if (!value || !strcmp(value, old))
		return;
	f->values[i] = value;
	add_change(f->r, &(struct change){
		.path = f->path, .line = m->line, .policy = p, .from = old,
		.to = value, .tag = tag,
	});
}

/* All markers of a policy in the file. */
static int follow(struct file *f, const struct tag_policy *p,
		  struct err *err)
{
	struct answer *a = ask(f->r->u, p);
	struct round *r = f->r;
	size_t before = r->n;
	enum verdict verdict;

	if (!a)
		return 0;
	if (judge_tags(f, p, a->tag, &verdict, err) < 0)
		return -1;
	if (verdict == TAGS_STAY)
		return 0;
	for (size_t i = 0; i < f->ms.n; i++)
		if (is_of(&f->ms.v[i], p))
			set_value(f, i, p, a->tag, verdict);
	if (!a->failed && (r->n == before || take_room(r, before)))
		return 0;
	/* without the digest, or room, there is no half of an update */
	r->n = before;
	for (size_t i = 0; i < f->ms.n; i++)
		if (is_of(&f->ms.v[i], p))
			f->values[i] = NULL;
	return 0;
}

static int store(struct file *f, struct err *err)
{
	git_repository *repo = f->r->u->host->repo;
	struct buf out = BUF_INIT(LIMIT_FILE_BYTES);
	git_oid id, had;
	unsigned mode;
	int rc = image_markers_set(f->text.data, f->text.len, &f->ms,
				   f->values, &out, err);

	if (!rc)
		rc = repo_tree_entry(repo, &f->r->tree, f->path, &had, &mode,
				     err);
	if (!rc && git_blob_create_from_buffer(&id, repo, out.data,
					       out.len) < 0)
		rc = repo_err(err, ERR_INTERNAL, "cannot write %s", f->path);
	if (!rc)
		rc = edit_tree(repo, &f->r->tree, f->path, &id, mode, err);
	buf_release(&out);
	return rc;
}

/* Each policy once, at its first marker. */
static int follow_all(struct file *f, struct err *err)
{
	for (size_t i = 0; i < f->ms.n; i++) {
		const struct image_marker *m = &f->ms.v[i];
		const struct tag_policy *p;
		bool first = true;

		for (size_t j = 0; j < i; j++)
			first = first && strcmp(f->ms.v[j].policy, m->policy);
		if (!m->is_value)
			fprintf(stderr, "%s:%" PRIu32 ": the marker follows "
				"no value that it could set\n", f->path,
				m->line);
		if (!first)
			continue;
		p = tag_policies_find(f->r->u->policies, m->policy);
		if (!p)
			fprintf(stderr, "%s:%" PRIu32 ": no policy '%s' is "
				"configured: there is no [" IMAGE_SECTION
				" \"%s\"]\n", f->path, m->line, m->policy,
				m->policy);
		else if (!p->suspend && follow(f, p, err) < 0)
			return -1;
	}
	return 0;
}

static int update_file(struct round *r, const struct manifest_file *mf,
		       struct err *err)
{
	struct file f = { .r = r, .path = arena_strdup(&r->arena, mf->path),
			  .text = BUF_INIT(LIMIT_FILE_BYTES) };
	size_t before = r->n;
	char hex[GIT_HEX_SIZE];
	int rc;

	git_oid_tostr(hex, sizeof(hex), &mf->new_id);
	rc = repo_read(r->u->host->repo, hex, GIT_OBJECT_BLOB, &f.text, err);
	if (!rc && image_markers_maybe(f.text.data, f.text.len)) {
		if (image_markers_find(f.text.data, f.text.len, &f.ms,
				       err) < 0) {
			fprintf(stderr, "%s: %s\n", f.path, err->msg);
			err_clear(err);
		}
		f.values = xcalloc(f.ms.n + 1, sizeof(*f.values));
		rc = follow_all(&f, err);
		if (!rc && r->n > before)
			rc = store(&f, err);
	}
	free(f.values);
	image_markers_release(&f.ms);
	buf_release(&f.text);
	return rc < 0 ? err_wrap(err, "%s", mf->path) : 0;
}

static int make_tree(struct round *r, struct err *err)
{
	struct manifest_files files = MANIFEST_FILES_INIT;
	struct problems ps = PROBLEMS_INIT;
	git_oid tree;
	int rc = repo_commit_tree(r->u->host->repo, r->tip, &tree, err);

	r->tree = tree;
	if (!rc)
		rc = manifest_files_diff(r->u->host->repo, r->ch->name,
					 &r->ch->paths, NULL, &tree, &files,
					 &ps, err);
	for (size_t i = 0; !rc && i < files.n; i++)
		if (files.v[i].has_new)
			rc = update_file(r, &files.v[i], err);
	manifest_files_release(&files);
	problems_release(&ps);
	return rc;
}

/* ---- the commit ---- */

static size_t count_policies(const struct round *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += is_first_of(r, i);
	return n;
}

/* Each in a line, the first ones. */
static void add_changes(const struct round *r, struct buf *out)
{
	struct buf line = BUF_INIT(MESSAGE_BYTES);
	size_t i;

	for (i = 0; i < r->n && i < NAMED_CHANGES; i++) {
		const struct change *c = &r->v[i];

		buf_reset(&line);
		buf_add_scrubbed(&line, c->path, strlen(c->path));
		buf_addf(&line, ":%" PRIu32 ": ", c->line);
		buf_add_scrubbed(&line, c->from, strlen(c->from));
		buf_addf(&line, " -> %s\n", c->to);
		if (!buf_ok(&line) || out->len + line.len > NAMES_BYTES)
			break;
		buf_add(out, line.data, line.len);
	}
	if (i < r->n)
		buf_addf(out, "and %zu more\n", r->n - i);
	buf_release(&line);
}

static int write_message(const struct round *r, struct buf *out,
			 struct err *err)
{
	size_t n = count_policies(r);

	if (n == 1)
		buf_addf(out, "Update %s to %s\n\n", r->v[0].policy->image,
			 r->v[0].tag);
	else
		buf_addf(out, "Update %zu images of %s\n\n", n, r->ch->name);
	add_changes(r, out);
	buf_addc(out, '\n');
	for (size_t i = 0; i < r->n; i++)
		if (is_first_of(r, i))
			buf_addf(out, IMAGE_TRAILER "%s %s\n",
				 r->v[i].policy->name, r->v[i].tag);
	return buf_check(out, "the commit's message", err);
}

static void show(const struct round *r, const char *id)
{
	struct buf line = BUF_INIT(LIMIT_PATH_BYTES * 4 + 4096);

	for (size_t i = 0; i < r->n; i++) {
		const struct change *c = &r->v[i];

		buf_reset(&line);
		buf_add_scrubbed(&line, c->path, strlen(c->path));
		printf("%s %s:%" PRIu32 ": %s -> %s\n", r->ch->name, line.data,
		       c->line, c->from, c->to);
	}
	if (id)
		printf("%s %s is %.12s: %zu value%s of %zu image%s\n",
		       r->ch->name, r->ch->ref, id, r->n, plural(r->n),
		       count_policies(r), plural(count_policies(r)));
	fflush(stdout);
	buf_release(&line);
}

/* 1 if the ref is another by now. */
static int push(struct round *r, struct err *err)
{
	const struct host *host = r->u->host;
	struct buf message = BUF_INIT(MESSAGE_BYTES);
	struct buf words = BUF_INIT(EDIT_WORDS_BYTES);
	struct err ignored = ERR_INIT;
	char id[GIT_HEX_SIZE], now[GIT_HEX_SIZE];
	int rc = write_message(r, &message, err);

	if (!rc)
		rc = edit_commit(host, r->ch, r->tip, &r->tree, message.data,
				 id, err);
	if (!rc) {
		rc = edit_push(host, r->ch, id, 0, &words, err);
		if (rc < 0 && err->class == ERR_DENIED &&
		    !repo_ref(host->repo, r->ch->ref, now, &ignored) &&
		    strcmp(now, r->tip))
			rc = 1;
	}
	if (rc <= 0 && words.len)
		fputs(words.data, stderr);
	if (!rc)
		show(r, id);
	buf_release(&message);
	buf_release(&words);
	return rc;
}

/* 1 if the ref is another by now; *ret_more if another commit is to follow. */
static int run_round(struct image_update *u, const struct channel_config *ch,
		     bool *ret_more, struct err *err)
{
	struct round r = { .u = u, .ch = ch, .arena = ARENA_INIT };
	int rc = repo_ref(u->host->repo, ch->ref, r.tip, err);

	if (!rc && *r.tip)
		rc = make_tree(&r, err);
	if (!rc && r.n && u->dry_run)
		show(&r, NULL);
	else if (!rc && r.n)
		rc = push(&r, err);
	*ret_more = r.more && r.n;
	free(r.v);
	arena_release(&r.arena);
	return rc;
}

int image_update_channel(struct image_update *u,
			 const struct channel_config *ch, struct err *err)
{
	bool more = true;
	int rc = 1;

	for (int round = 0; (rc == 1 || more) && round < ROUNDS; round++) {
		err_clear(err);
		rc = run_round(u, ch, &more, err);
		if (rc < 0)
			break;
		if (!rc && more)
			round = -1;
	}
	return rc ? -1 : 0;
}
