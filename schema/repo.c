/*
 * Reading objects and moving refs. See repo.h. Trusts the repository's
 * owner with its files, not a pusher with its names: ids and ref names are
 * checked by libgit2, objects are bounded before they are read.
 */
#include "config.h"
#include "schema/repo.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "schema/base/mem.h"

/* symbolic refs behind each other, as git has it (SYMREF_MAXDEPTH) */
#define SYMREF_DEPTH 5

int repo_err(struct err *err, enum err_class class, const char *fmt, ...)
{
	const git_error *last = git_error_last();
	char what[sizeof(err->msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(err, class, "%s: %s", what,
		       last && last->message ? last->message :
					       "libgit2 does not say why");
}

static int parse_id(const char *id, git_oid *ret, struct err *err)
{
	if (!is_hex(id, strlen(id), GIT_HEX_SIZE - 1) ||
	    git_oid_fromstr(ret, id) < 0)
		return err_set(err, ERR_INVALID, "'%s' is no object id of 40 "
			       "hex digits", id);
	return 0;
}

/* libgit2's answer when an object could not be had. */
static int object_err(int code, const char *id, struct err *err)
{
	if (code == GIT_ENOTFOUND)
		return err_set(err, ERR_INVALID,
			       "object %s is not in the repository", id);
	return repo_err(err, ERR_INTERNAL, "cannot read object %s", id);
}

int repo_ref(git_repository *repo, const char *ref, char ret[GIT_HEX_SIZE],
	     struct err *err)
{
	git_oid id;
	int code = git_reference_name_to_id(&id, repo, ref);

	if (code == GIT_ENOTFOUND) {
		ret[0] = '\0';
		return 0;
	}
	if (code < 0)
		return repo_err(err, code == GIT_EINVALIDSPEC ? ERR_INVALID :
				ERR_INTERNAL, "cannot read ref '%s'", ref);
	git_oid_tostr(ret, GIT_HEX_SIZE, &id);
	return 0;
}

int repo_ref_target(git_repository *repo, const char *ref, char **ret,
		    struct err *err)
{
	char *at = xstrdup(ref);

	for (int depth = 0; depth <= SYMREF_DEPTH; depth++) {
		git_reference *r = NULL;
		int code = git_reference_lookup(&r, repo, at);
		const char *next = code < 0 ? NULL :
				   git_reference_symbolic_target(r);

		/* a name that only git takes is none of ours */
		if (code < 0 && code != GIT_ENOTFOUND &&
		    code != GIT_EINVALIDSPEC) {
			repo_err(err, ERR_INVALID, "cannot read ref '%s'", at);
			free(at);
			return -1;
		}
		if (!next) {
			git_reference_free(r);
			*ret = at;
			return 0;
		}
		free(at);
		at = xstrdup(next);
		git_reference_free(r);
	}
	free(at);
	return err_set(err, ERR_INVALID, "ref '%s' is symbolic and leads on "
		       "more than %d times, as git does not allow", ref,
		       SYMREF_DEPTH);
}

/* Under the ref's lock: is it what the caller thinks, and may it move? */
static int check_update(git_repository *repo, const char *ref,
			const char *old, const git_oid *id, struct err *err)
{
	char now[GIT_HEX_SIZE], hex[GIT_HEX_SIZE];
	git_odb *odb = NULL;
	int there;

	if (repo_ref(repo, ref, now, err) < 0)
		return -1;
	if (strcmp(now, old))
		return err_set(err, ERR_TRANSIENT,
			       "ref '%s' was moved by somebody else: it is at "
			       "%s, not at %s", ref, *now ? now : "nothing",
			       *old ? old : "nothing");
	if (git_repository_odb(&odb, repo) < 0)
		return repo_err(err, ERR_INTERNAL,
				"cannot open the object store");
	there = git_odb_exists(odb, id);
	git_odb_free(odb);
	git_oid_tostr(hex, sizeof(hex), id);
	return there ? 0 : object_err(GIT_ENOTFOUND, hex, err);
}

bool repo_ref_break_lock(git_repository *repo, const char *ref, int seconds)
{
	char *file = xasprintf("%s%s.lock", git_repository_commondir(repo),
			       ref);
	struct stat st;
	bool broken = stat(file, &st) == 0 && S_ISREG(st.st_mode) &&
		      time(NULL) - st.st_mtime >= seconds &&
		      unlink(file) == 0;

	free(file);
	return broken;
}

/* With the lock that git takes, too; see repo.h for one that was left. */
static int lock_ref(git_transaction *tx, git_repository *repo,
		    const char *ref)
{
	int code = git_transaction_lock_ref(tx, ref);

	if (code == GIT_ELOCKED &&
	    repo_ref_break_lock(repo, ref, REPO_LOCK_STALE_S))
		code = git_transaction_lock_ref(tx, ref);
	return code;
}

int repo_ref_update(git_repository *repo, const char *ref, const char *old,
		    const char *new_id, const char *message, struct err *err)
{
	git_transaction *tx = NULL;
	git_oid id;
	int code, rc = -1;

	/* git itself refuses this, libgit2 knows nothing of quarantines */
	if (getenv("GIT_QUARANTINE_PATH"))
		return err_set(err, ERR_INTERNAL,
			       "ref '%s' cannot move inside a pre-receive hook",
			       ref);
	if (parse_id(new_id, &id, err) < 0)
		return -1;
	code = git_transaction_new(&tx, repo);
	if (!code)
		code = lock_ref(tx, repo, ref);
	if (code < 0) {
		repo_err(err, code == GIT_ELOCKED ? ERR_TRANSIENT :
			 code == GIT_EINVALIDSPEC ? ERR_INVALID : ERR_INTERNAL,
			 "cannot lock ref '%s'", ref);
		goto out;
	}
	if (check_update(repo, ref, old, &id, err) < 0)
		goto out;
	if (git_transaction_set_target(tx, ref, &id, NULL, message) < 0 ||
	    git_transaction_commit(tx) < 0) {
		repo_err(err, ERR_INTERNAL, "cannot move ref '%s'", ref);
		goto out;
	}
	rc = 0;
out:
	git_transaction_free(tx);
	return rc;
}

int repo_read(git_repository *repo, const char *id, git_object_t type,
	      struct buf *ret, struct err *err)
{
	git_odb *odb = NULL;
	git_odb_object *o = NULL;
	git_object_t got;
	git_oid oid;
	size_t len;
	int code, rc = -1;

	if (parse_id(id, &oid, err) < 0)
		return -1;
	code = git_repository_odb(&odb, repo);
	if (!code)
		code = git_odb_read_header(&len, &got, odb, &oid);
	if (code < 0) {
		object_err(code, id, err);
		goto out;
	}
	if (got != type) {
		err_set(err, ERR_INVALID, "object %s is a %s, not a %s", id,
			git_object_type2string(got),
			git_object_type2string(type));
		goto out;
	}
	if (len > ret->max - ret->len) {
		err_set(err, ERR_INVALID, "object %s has %zu bytes, and %zu "
			"are the most", id, len, ret->max);
		err->sys = EFBIG;
		goto out;
	}
	code = git_odb_read(&o, odb, &oid);
	if (code < 0) {
		object_err(code, id, err);
		goto out;
	}
	buf_add(ret, git_odb_object_data(o), git_odb_object_size(o));
	rc = buf_check(ret, "a Git object", err);
out:
	git_odb_object_free(o);
	git_odb_free(odb);
	return rc;
}

static int tell_tag(git_repository *repo, const git_reference *ref,
		    size_t max_bytes,
		    int (*fn)(void *arg, const char *ref,
			      const struct buf *raw, struct err *err),
		    void *arg, struct err *err)
{
	const git_oid *id = git_reference_target(ref);
	struct buf raw = BUF_INIT(max_bytes);
	struct err unread = ERR_INIT;
	char hex[GIT_HEX_SIZE];
	int rc = 0;

	if (id && git_oid_tostr(hex, sizeof(hex), id) &&
	    !repo_read(repo, hex, GIT_OBJECT_TAG, &raw, &unread))
		rc = fn(arg, git_reference_name(ref), &raw, err);
	buf_release(&raw);
	return rc;
}

int repo_each_tag(git_repository *repo, const char *prefix, size_t max_bytes,
		  int (*fn)(void *arg, const char *ref, const struct buf *raw,
			    struct err *err),
		  void *arg, struct err *err)
{
	git_reference_iterator *it = NULL;
	char *glob = xasprintf("%s*", prefix);
	git_reference *ref;
	int rc = 0;

	if (git_reference_iterator_glob_new(&it, repo, glob) < 0)
		rc = repo_err(err, ERR_INTERNAL, "cannot list '%s'", glob);
	while (!rc && !git_reference_next(&ref, it)) {
		rc = tell_tag(repo, ref, max_bytes, fn, arg, err);
		git_reference_free(ref);
	}
	git_reference_iterator_free(it);
	free(glob);
	return rc;
}

int repo_commit_tree(git_repository *repo, const char *commit,
		     git_oid *ret, struct err *err)
{
	git_commit *c = NULL;
	git_oid id;
	int code;

	if (parse_id(commit, &id, err) < 0)
		return -1;
	code = git_commit_lookup(&c, repo, &id);
	if (code < 0)
		return object_err(code, commit, err);
	git_oid_cpy(ret, git_commit_tree_id(c));
	git_commit_free(c);
	return 0;
}

bool repo_leads_to(git_repository *repo, const char *commit,
		   const char *earlier)
{
	git_oid a, b;

	return !strcmp(commit, earlier) ||
	       (!git_oid_fromstr(&a, commit) && !git_oid_fromstr(&b, earlier) &&
		git_graph_descendant_of(repo, &a, &b) == 1);
}

int repo_tree_entry(git_repository *repo, const git_oid *tree,
		    const char *path, git_oid *ret, unsigned *ret_mode,
		    struct err *err)
{
	git_tree_entry *entry = NULL;
	git_tree *t = NULL;
	char hex[GIT_HEX_SIZE];
	int code;

	git_oid_tostr(hex, sizeof(hex), tree);
	code = git_tree_lookup(&t, repo, tree);
	if (code < 0)
		return object_err(code, hex, err);
	if (!*path) {
		git_tree_free(t);
		git_oid_cpy(ret, tree);
		*ret_mode = GIT_FILEMODE_TREE;
		return 0;
	}
	code = git_tree_entry_bypath(&entry, t, path);
	git_tree_free(t);
	if (code == GIT_ENOTFOUND)
		return 1;
	if (code < 0)
		return repo_err(err, ERR_INTERNAL, "cannot find '%s' in tree %s",
				path, hex);
	git_oid_cpy(ret, git_tree_entry_id(entry));
	*ret_mode = git_tree_entry_filemode_raw(entry);
	git_tree_entry_free(entry);
	return 0;
}
