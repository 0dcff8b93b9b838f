/*
 * The hook files of a repository: where ours belong beside those of others,
 * putting them there, and seeing whether git will run them. Ours are small
 * shell scripts that exec this program by its absolute path, so an upgrade
 * in place is an upgrade of every hook, and a program that has gone refuses
 * pushes instead of letting them through.
 */
#ifndef HOOKS_INSTALL_H
#define HOOKS_INSTALL_H

#include <stdbool.h>

#include "hooks/host-config.h"

enum hook_layout {
	HOOK_PLAIN,	/* hooks/NAME is ours or nobody's */
	HOOK_BESIDE,	/* hooks/NAME is somebody else's: ours stands beside
			   it as NAME.windlass and must be called by it */
	HOOK_FOLDER,	/* a dispatcher runs all of NAME.d (Gitea, Forgejo) */
	HOOK_GITLAB,	/* Gitaly runs custom_hooks/NAME.d */
	HOOK_GITOLITE,	/* gitolite's driver runs NAME.h*, links that it makes
			   anew from what its own configuration says */
	HOOK_ELSEWHERE,	/* core.hooksPath, or a folder of hooks that is a
			   link, leads out of the repository: the admin must
			   put it there */
};

struct hook_place {
	enum hook_layout layout;
	const char *name;	/* "pre-receive" or "post-receive" */
	char *main;		/* the file that git or the dispatcher runs */
	char *file;		/* where ours is, or belongs */
};

/* Finds the place of one hook. `name` is kept, not copied. */
void hook_place_find(git_repository *repo, const struct host_config *host,
		     const char *name, struct hook_place *ret);
void hook_place_release(struct hook_place *p);

/*
 * Writes our script. *ret_changed says whether anything had to be. For
 * HOOK_ELSEWHERE nothing is written.
 */
int hook_install(const struct hook_place *p, bool *ret_changed,
		 struct err *err);
/* Appends our script's text, of this path of the program: it execs that, or
 * says that it is gone. */
void hook_script_of(const char *name, const char *program, struct buf *out);
/* The same of this very program. */
int hook_script(const char *name, struct buf *out, struct err *err);
/*
 * Takes our script away; the folder that only it needed goes too. What is
 * not ours stays, so where hook_needed says yes nothing is done.
 */
int hook_remove(const struct hook_place *p, struct err *err);
/* True if somebody else's hook calls ours, and would fail without it. */
bool hook_needed(const struct hook_place *p);
/* For HOOK_BESIDE: the line that the other hook, a shell script, needs. */
void hook_chain_line(const struct hook_place *p, struct buf *out);

/*
 * 0 when git will run our hook; else -1, the message saying what is wrong
 * and what to do. `others` are the bits of a mode that a file must have for
 * all who push (share_rights), 0 where all of them are the owner.
 */
int hook_check(const struct hook_place *p, unsigned others, struct err *err);
/*
 * What stock git says about where its hooks are. 0 when that is where
 * hook_place_find looked; it reads what libgit2 does not know (includeIf,
 * settings by the environment).
 */
int hook_check_git(git_repository *repo, const struct host_config *host,
		   struct err *err);

/* ---- for the two files of this ---- */

/* What the script of ours says of itself. */
extern const char hook_mark[];
/* core.hooksPath as libgit2 resolves it, or <git_dir>/hooks. Malloced. */
char *hooks_folder(git_repository *repo, const struct host_config *host);
/* True if it is a file with this text; links are followed. */
bool hook_file_has(const char *path, const char *text);
/* True if a line of it that is no comment has the text. */
bool hook_file_says(const char *path, const char *text);
bool hook_is_executable(const char *path);

#endif
