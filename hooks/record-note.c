/*
 * Git notes on source commits. See record.h. A note has a part for each
 * channel that the commit went to: a line "prod@eu-1: healthy since ..." and
 * lines with two spaces before them for what fails. Notes are for people;
 * the parts of other channels are kept as they are.
 *
 * The tree is made here, with folders of two hex digits as git makes them
 * where there are many notes, so that one more note costs the same among ten
 * thousand. The history of the ref has one commit for each note.
 */
#include "config.h"
#include "hooks/record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/utf8.h"

/* a thousand channels of one commit, some with failures; what is beyond that
 * is left out, the longest first */
#define NOTE_BYTES (512u * 1024)
/* a note, and one more part of it before it is cut */
#define NOTE_ROOM (NOTE_BYTES + LIMIT_REPORT_BYTES)
#define LEFT_OUT "  what fails is left out: there is no room in this note\n"
/* behind all channels */
#define MORE "~ and more channels, for which there is no room in this note\n"
/* what is told of one channel: failures, and the bytes of a line */
#define NOTE_FAILURES 10
#define NOTE_LINE_BYTES 400
#define FAN_OUT 2	/* digits */
#define SINCE " since "

/* ---- the text ---- */

/* A text of at most NOTE_LINE_BYTES, cut where that is not within one of its
 * characters. */
static void add_cut(struct buf *out, const char *s)
{
	size_t len = utf8_cut(s, NOTE_LINE_BYTES);

	buf_add(out, s, len);
	buf_adds(out, s[len] ? "..." : "");
}

static void write_failures(const struct cluster_report *c, struct buf *out)
{
	struct buf line = BUF_INIT(LIMIT_REPORT_BYTES);
	size_t n = c->n_failures < NOTE_FAILURES ? c->n_failures
						 : NOTE_FAILURES;

	for (size_t i = 0; i < n; i++) {
		buf_reset(&line);
		cluster_failure_line(&c->failures[i], &line);
		buf_adds(out, "  ");
		add_cut(out, line.data);
		buf_addc(out, '\n');
	}
	if (c->n_failures > n)
		buf_addf(out, "  and %zu more\n", c->n_failures - n);
	buf_release(&line);
}

/* "prod@eu-1: healthy since 2026-11-29T23:30:00Z (1.42, 118 objects)" */
static void write_part(const struct cluster_report *c, struct buf *out)
{
	char since[CLOCK_TEXT_SIZE];

	clock_format(c->since, since);
	buf_addf(out, "%s@%s: %s" SINCE "%s (%" PRIu64 ".%" PRIu64,
		 c->channel, c->cluster, cluster_phase_name(c->phase), since,
		 c->epoch, c->sequence);
	if (c->phase == CLUSTER_HEALTHY)
		buf_addf(out, ", %" PRIu64 " objects)", c->total);
	else if (c->phase == CLUSTER_APPLYING || c->phase == CLUSTER_FAILED)
		buf_addf(out, ", %" PRIu64 " of %" PRIu64 " objects ready)",
			 c->ready, c->total);
	else
		buf_addc(out, ')');
	if (c->phase != CLUSTER_HEALTHY && c->phase != CLUSTER_APPLYING &&
	    *c->message) {
		buf_addf(out, ": %s: ", c->reason);
		add_cut(out, c->message);
	}
	buf_addc(out, '\n');
	write_failures(c, out);
}

/* The end of the part at p: its line, and those with spaces before them. */
static const char *part_end(const char *p, const char *end)
{
	do {
		const char *lf = memchr(p, '\n', (size_t)(end - p));

		p = lf ? lf + 1 : end;
	} while (p < end && *p == ' ');
	return p;
}

static bool is_part(const char *p, const char *end, const char *name)
{
	size_t n = strlen(name);

	return (size_t)(end - p) > n && !memcmp(p, name, n);
}

/*
 * The note with `part` in place of what it has for name ("prod@eu-1:"), or
 * where that belongs among the others, which are sorted.
 */
static void put_part(const struct buf *old, const char *name,
		     const struct buf *part, struct buf *out)
{
	const char *p = old->data, *end = p + old->len, *next;
	bool done = false;

	for (; p < end; p = next) {
		size_t n = strlen(name);

		next = part_end(p, end);
		if (is_part(p, end, name))
			continue;
		if (!done && strncmp(p, name, n) > 0) {
			buf_add(out, part->data, part->len);
			done = true;
		}
		buf_add(out, p, (size_t)(next - p));
	}
	if (!done)
		buf_add(out, part->data, part->len);
}

/* ---- what fits ---- */

/* The part, other than that of name, which tells most of what fails; NULL:
 * none does any more. Its first line ends at *ret_detail. */
static const char *longest_part(const struct buf *text, const char *name,
				const char **ret_detail, const char **ret_end)
{
	const char *p = text->data, *end = p + text->len, *next, *detail;
	const char *found = NULL;
	size_t most = strlen(LEFT_OUT);

	for (; p < end; p = next) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));

		next = part_end(p, end);
		detail = lf ? lf + 1 : end;
		if (is_part(p, end, name) || (size_t)(next - detail) <= most)
			continue;
		most = (size_t)(next - detail);
		found = p;
		*ret_detail = detail;
		*ret_end = next;
	}
	return found;
}

static void replace(struct buf *text, const char *from, const char *to,
		    const char *by)
{
	struct buf cut = BUF_INIT(NOTE_ROOM);

	buf_add(&cut, text->data, (size_t)(from - text->data));
	buf_adds(&cut, by);
	buf_add(&cut, to, (size_t)(text->data + text->len - to));
	buf_release(text);
	*text = cut;
}

/* Leaves out whole parts, from the end, but for that of name. */
static void drop_parts(struct buf *text, const char *name)
{
	const char *p = text->data, *end = p + text->len, *next;
	struct buf kept = BUF_INIT(NOTE_ROOM);
	size_t room = NOTE_BYTES - strlen(MORE), own = 0;
	bool more = false;

	for (; p < end; p = part_end(p, end))
		if (is_part(p, end, name))
			own = (size_t)(part_end(p, end) - p);
	for (p = text->data; p < end; p = next) {
		bool is_own = is_part(p, end, name);
		size_t len;

		next = part_end(p, end);
		len = (size_t)(next - p);
		more = more || (!is_own && kept.len + len + own > room);
		if (!is_own && more)
			continue;
		buf_add(&kept, p, len);
		if (is_own)
			own = 0;
	}
	buf_adds(&kept, MORE);
	buf_release(text);
	*text = kept;
}

/* Cuts a note to what there is room for; the part of name stays whole. */
static void fit(struct buf *text, const char *name)
{
	const char *detail = NULL, *end = NULL;

	while (text->len > NOTE_BYTES &&
	       longest_part(text, name, &detail, &end))
		replace(text, detail, end, LEFT_OUT);
	if (text->len > NOTE_BYTES)
		drop_parts(text, name);
}

/* The part of this name with "since A" made "from A to B"; empty if there is
 * none of which that can be said. */
static void close_part(const struct buf *old, const char *name, int64_t when,
		       struct buf *out)
{
	const char *p = old->data, *end = p + old->len, *next, *since;
	const size_t before = strlen(SINCE), len = CLOCK_TEXT_SIZE - 1;
	char until[CLOCK_TEXT_SIZE];

	for (; p < end && !is_part(p, end, name); p = part_end(p, end))
		;
	if (p == end)
		return;
	next = part_end(p, end);
	/* right behind the phase, or it has ended already */
	since = p + strlen(name) + 1;
	while (since < next && *since != ' ' && *since != '\n')
		since++;
	if ((size_t)(next - since) < before + len ||
	    memcmp(since, SINCE, before))
		return;
	clock_format(when, until);
	buf_add(out, p, (size_t)(since - p));
	buf_addf(out, " from %.*s to %s", (int)len, since + before, until);
	buf_add(out, since + before + len,
		(size_t)(next - since) - before - len);
}

/* ---- the tree ---- */

/* The tree of notes, as it is changed for one commit. */
struct notes {
	git_repository *repo;
	char tip[GIT_HEX_SIZE];
	git_treebuilder *root, *folder;
	char first[FAN_OUT + 1];
	const char *rest;		/* of the commit's id */
	const char *whole;
	bool there;			/* it has a note */
};

static void notes_close(struct notes *n)
{
	git_treebuilder_free(n->folder);
	git_treebuilder_free(n->root);
}

static int open_tree(git_repository *repo, const git_oid *id,
		     git_treebuilder **ret, struct err *err)
{
	git_tree *tree = NULL;
	int code = 0;

	if (id)
		code = git_tree_lookup(&tree, repo, id);
	if (!code)
		code = git_treebuilder_new(ret, repo, tree);
	git_tree_free(tree);
	return code < 0 ? repo_err(err, ERR_INTERNAL, "cannot read the tree "
				   "of notes") : 0;
}

static int notes_open(git_repository *repo, const char *ref,
		      const char *commit, struct notes *n, struct err *err)
{
	const git_tree_entry *e;
	git_oid root;

	*n = (struct notes){ .repo = repo, .whole = commit,
			     .rest = commit + FAN_OUT };
	memcpy(n->first, commit, FAN_OUT);
	if (repo_ref(repo, ref, n->tip, err) < 0 ||
	    (*n->tip && repo_commit_tree(repo, n->tip, &root, err) < 0) ||
	    open_tree(repo, *n->tip ? &root : NULL, &n->root, err) < 0)
		return -1;
	e = git_treebuilder_get(n->root, n->first);
	return open_tree(repo, e && git_tree_entry_type(e) == GIT_OBJECT_TREE ?
			 git_tree_entry_id(e) : NULL, &n->folder, err);
}

/* Appends the note. One that somebody else wrote may stand in the root. */
static int notes_read(struct notes *n, struct buf *ret, struct err *err)
{
	const git_tree_entry *e = git_treebuilder_get(n->folder, n->rest);
	char hex[GIT_HEX_SIZE];

	if (!e)
		e = git_treebuilder_get(n->root, n->whole);
	n->there = e != NULL;
	if (!e)
		return 0;
	git_oid_tostr(hex, sizeof(hex), git_tree_entry_id(e));
	if (repo_read(n->repo, hex, GIT_OBJECT_BLOB, ret, err) < 0)
		return -1;
	if (ret->len && ret->data[ret->len - 1] != '\n')
		buf_addc(ret, '\n');
	return 0;
}

static int notes_put(struct notes *n, const struct buf *text, git_oid *ret,
		     struct err *err)
{
	git_oid blob, folder;

	if (git_blob_create_from_buffer(&blob, n->repo, text->data,
					text->len) < 0 ||
	    git_treebuilder_insert(NULL, n->folder, n->rest, &blob,
				   GIT_FILEMODE_BLOB) < 0 ||
	    git_treebuilder_write(&folder, n->folder) < 0 ||
	    git_treebuilder_insert(NULL, n->root, n->first, &folder,
				   GIT_FILEMODE_TREE) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot keep a note");
	if (git_treebuilder_get(n->root, n->whole))
		git_treebuilder_remove(n->root, n->whole);
	if (git_treebuilder_write(ret, n->root) < 0)
		return repo_err(err, ERR_INTERNAL, "cannot keep the tree of "
				"notes");
	return 0;
}

/* ---- both ---- */

static int put_note(const struct record *r, const char *ref, struct notes *n,
		    const struct buf *text, struct err *err)
{
	char id[GIT_HEX_SIZE], *message;
	git_oid tree;
	int rc;

	if (notes_put(n, text, &tree, err) < 0)
		return -1;
	message = xasprintf("Notes by windlass, of %s at %s\n", r->ch->name,
			    r->report->cluster);
	rc = record_commit(r, &tree, clock_now(), n->tip, n->there, message, id, err);
	if (!rc)
		rc = repo_ref_update(r->repo, ref, n->tip, id,
				     "windlass: note", err);
	free(message);
	return rc;
}

/* when < 0: what the report says; else that it has ended. */
static int edit_note(const struct record *r, const char *commit,
		     int64_t when, struct err *err)
{
	char *ref = xasprintf(CLUSTER_NOTES_REF "%s", r->report->cluster);
	char *name = xasprintf("%s@%s:", r->ch->name, r->report->cluster);
	struct buf old = BUF_INIT(NOTE_BYTES), part = BUF_INIT(NOTE_BYTES);
	struct buf text = BUF_INIT(NOTE_ROOM);
	struct notes n;
	int rc = notes_open(r->repo, ref, commit, &n, err);

	if (!rc)
		rc = notes_read(&n, &old, err);
	if (rc)
		goto out;
	if (when < 0)
		write_part(r->report, &part);
	else
		close_part(&old, name, when, &part);
	put_part(&old, name, &part, &text);
	fit(&text, name);
	if (!part.len || (text.len == old.len &&
			  !memcmp(text.data, old.data, old.len)))
		goto out;
	rc = buf_check(&text, "a note", err);
	if (!rc)
		rc = put_note(r, ref, &n, &text, err);
out:
	notes_close(&n);
	buf_release(&old);
	buf_release(&part);
	buf_release(&text);
	free(name);
	free(ref);
	return rc;
}

int note_write(const struct record *r, struct err *err)
{
	return edit_note(r, r->from.commit, -1, err);
}

int note_close(const struct record *r, const char *source, int64_t when,
	       struct err *err)
{
	return edit_note(r, source, when, err);
}
