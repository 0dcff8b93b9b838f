/*
 * Repositories that several users of one machine share by their group
 * (core.sharedRepository, git-config(1)).
 */
#ifndef HOOKS_SHARE_H
#define HOOKS_SHARE_H

#include <stdbool.h>

#include "schema/repo.h"

/*
 * Lets this process's umask give others what core.sharedRepository says, as
 * git does for what it writes: libgit2 does not, and a ref or folder that
 * the publisher made with a strict umask would be one that no pusher's hook
 * can read. Never takes a right away.
 */
void share_umask(git_repository *repo);

/* What core.sharedRepository gives others here, as share_rights says it. */
unsigned share_of(git_repository *repo);
/* What a value of core.sharedRepository gives others, as bits of a mode. */
unsigned share_rights(const char *value);
/* Is the repository this user's? */
bool share_is_ours(const char *git_dir);
/* A plain file of the owner of the repository: others who may push can write
 * beside it, and what they wrote says nothing. */
bool share_is_owners(const char *git_dir, const char *path);
/* A folder of the owner's that nobody else can write into; also where there is
 * none. */
bool share_is_owners_folder(const char *git_dir, const char *path);

#endif
