/*
 * Updates that were taken back. See image-history.h. There is no state beside
 * the repository's history: a clone has it, and who rewrites it rewrites this
 * too. Trusts a trailer as far as the file at that commit bears it out.
 */
#include "config.h"
#include "hooks/image-history.h"

#include <string.h>

#include "hooks/image-marker.h"
#include "schema/limits.h"

/* commits that are looked at, the newest first */
#define LIMIT_COMMITS 50000

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

static int had_tag(git_repository *repo, const git_commit *c,
		   const struct tag_policy *p, const char *tag,
		   const char *path, bool *ret, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES);
	char hex[GIT_HEX_SIZE];
	unsigned mode;
	git_oid id;
	int rc = repo_tree_entry(repo, git_commit_tree_id(c), path, &id, &mode,
				 err);

	*ret = false;
	if (rc)
		return rc < 0 ? -1 : 0;
	git_oid_tostr(hex, sizeof(hex), &id);
	if (mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE)
		rc = repo_read(repo, hex, GIT_OBJECT_BLOB, &text, err);
	if (!rc)
		*ret = has_tag(&text, p, tag);
	buf_release(&text);
	return rc;
}

int image_history_taken_back(git_repository *repo, const char *tip,
			     const struct tag_policy *p, const char *tag,
			     const char *path, bool *ret, struct err *err)
{
	char was[LIMIT_TAG_BYTES + 1];
	git_revwalk *walk = NULL;
	git_oid id;
	bool found = false;
	int rc = git_revwalk_new(&walk, repo);

	rc = rc < 0 ? rc : git_oid_fromstr(&id, tip);
	rc = rc < 0 ? rc : git_revwalk_push(walk, &id);
	if (rc < 0)
		rc = repo_err(err, ERR_INTERNAL, "cannot walk from %s", tip);
	for (int n = 0; !rc && !found && n < LIMIT_COMMITS &&
			git_revwalk_next(&id, walk) == 0; n++) {
		git_commit *c;

		/* where history ends, as in a shallow clone */
		if (git_commit_lookup(&c, repo, &id) < 0)
			break;
		if (says(git_commit_message(c), p, tag, was))
			rc = had_tag(repo, c, p, was, path, &found, err);
		git_commit_free(c);
	}
	git_revwalk_free(walk);
	if (!rc)
		*ret = found;
	return rc;
}
