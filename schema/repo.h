/*
 * Git repositories by libgit2, opened the way windlass needs them: exactly
 * the folder that was named, no discovery, no replace refs, objects fsynced
 * when written. The Git host's bare repository and an engine's cache are
 * both read through here. Ids are 40-hex strings at this border.
 */
#ifndef SCHEMA_REPO_H
#define SCHEMA_REPO_H

#include <git2.h>
#include <stdbool.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/bundle.h"

/*
 * Opens a bare repository. With `from_env` the quarantine of a running
 * pre-receive hook is honoured (GIT_OBJECT_DIRECTORY and
 * GIT_ALTERNATE_OBJECT_DIRECTORIES), and objects that are written stay in
 * memory: nothing reaches the disk. No other variable of Git's is read.
 * What libgit2 cannot read is named: SHA-256, reftable, unknown extensions,
 * a foreign owner, with what to do. A relative path is resolved at once.
 */
int repo_open(const char *path, bool from_env, git_repository **ret,
	      struct err *err);

/* Starts libgit2 with our settings, once; for whoever calls it without a
 * repository. repo_open does it by itself. */
int repo_init_library(struct err *err);

/* Turns libgit2's last error into ours: "what: <its message>". -1. */
int repo_err(struct err *err, enum err_class class, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What a ref points at, as 40 hex; "" if there is no such ref. */
int repo_ref(git_repository *repo, const char *ref, char ret[GIT_HEX_SIZE],
	     struct err *err);
/*
 * The ref that a push to `ref` moves: itself, or where it leads if it is
 * symbolic; the last one need not exist. Malloced. -1 for a chain that git
 * does not follow either.
 */
int repo_ref_target(git_repository *repo, const char *ref, char **ret,
		    struct err *err);
/*
 * Moves a ref from exactly `old` ("": it must not exist) to `new_id`, which
 * must be in the repository. -1 with ERR_TRANSIENT if somebody else moved it
 * in between or holds its lock. Refused inside a quarantine. Writes a reflog
 * entry with the message if the repository keeps one.
 *
 * For refs of ours, by who holds our own lock for them: a lock file of git's
 * beside one is another git's for moments (pack-refs), and one that has stood
 * for REPO_LOCK_STALE_S was left by a process of ours that was killed, and is
 * taken away.
 */
int repo_ref_update(git_repository *repo, const char *ref, const char *old,
		    const char *new_id, const char *message, struct err *err);

/* git waits 0.1 s for one (core.filesRefLockTimeout) */
#define REPO_LOCK_STALE_S 10
/* Removes the ref's lock file if it has stood for so long. True if it did. */
bool repo_ref_break_lock(git_repository *repo, const char *ref, int seconds);

/*
 * Appends the raw bytes of an object, which must be of the given type and
 * fit into ret. ERR_INVALID if it is missing, of another type, or too large.
 */
int repo_read(git_repository *repo, const char *id, git_object_t type,
	      struct buf *ret, struct err *err);
/*
 * Calls fn with the raw bytes of each annotated tag, of at most max_bytes,
 * that a ref below `prefix` ("refs/x/") points at; others are passed over.
 * fn returns 0, or -1 to stop with *err.
 */
int repo_each_tag(git_repository *repo, const char *prefix, size_t max_bytes,
		  int (*fn)(void *arg, const char *ref, const struct buf *raw,
			    struct err *err),
		  void *arg, struct err *err);
/* The id of the tree of a commit (peels no tags). */
int repo_commit_tree(git_repository *repo, const char *commit,
		     git_oid *ret, struct err *err);
/* True if a commit is the other one, or comes after it. It takes as long as
 * there are commits between them. */
bool repo_leads_to(git_repository *repo, const char *commit,
		   const char *earlier);
/*
 * What stands at a path below a tree ("": the tree itself): its id and its
 * mode as the tree has it (GIT_FILEMODE_*, or an odd one of old writers).
 * 0 found, 1 not there, -1 error.
 */
int repo_tree_entry(git_repository *repo, const git_oid *tree,
		    const char *path, git_oid *ret, unsigned *ret_mode,
		    struct err *err);

/* Reads a bundle commit by id and parses it; buffers may be NULL. */
int repo_read_bundle(git_repository *repo, const char *id,
		     struct bundle_commit *ret, struct buf *ret_armour,
		     struct buf *ret_payload, struct err *err);

#endif
