/*
 * windlass-hook: the Git host's program, one command a job. Git may run it
 * under the name of a hook, so argv[0] chooses a command too.
 */
#include "config.h"

#include <git2.h>
#include <sodium.h>
#include <stdio.h>

#include "hooks/commands.h"
#include "schema/repo.h"

/* NULL-terminated, in the order in which an admin meets them. */
static const struct command commands[] = {
	{ "init", cmd_init, "make a repository publish a channel" },
	{ "serve", cmd_serve, "hand out heads and packs, keep heads fresh" },
	{ "doctor", cmd_doctor, "check everything that publishing depends on" },
	{ "publish", cmd_publish, "publish what is not published yet" },
	{ "refresh", cmd_refresh, "sign heads again before they expire" },
	{ "rollback", cmd_rollback, "make the source what it was, and push that" },
	{ "rollback-failed", cmd_rollback_failed,
	  "roll back what failed in every cluster" },
	{ "images", cmd_images, "bring newer images into the source" },
	{ "upload", cmd_upload, "bring what is published into buckets" },
	{ "record-reports", cmd_record_reports,
	  "write what clusters report into the repository" },
	{ "notify", cmd_notify, "tell others what clusters report" },
	{ "pre-receive", cmd_pre_receive, "run by git: check a push" },
	{ "post-receive", cmd_post_receive, "run by git: publish a push" },
	{ NULL, NULL, NULL },
};

static const struct program windlass_hook = {
	.name = "windlass-hook",
	.manual = "man 8 windlass-hook",
	.purpose = "Turns pushes to a bare Git repository into signed "
		   "bundles for clusters.",
	.commands = commands,
	.values = hook_complete,
};

/* the largest tree that stays parsed: 20,000 entries */
#define TREE_KEPT_BYTES (1024 * 1024)

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	int status;

	if (argc < 1 || !program_streams())
		return EXIT_USAGE;
	program_no_core();
	if (sodium_init() < 0 || repo_init_library(&err) < 0) {
		fputs("windlass-hook: cannot start its libraries\n", stderr);
		return EXIT_TROUBLE;
	}
	/*
	 * Every object here went through git's index-pack or our own hands,
	 * which hashed it. Hashing all that is read once more, as stock git
	 * does not either, is a tenth of a push to a large channel; what
	 * counts is checked by SHA-256 before it is signed again.
	 */
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
	/* a folder with one of a thousand channels is looked up for each of
	 * them; libgit2 keeps no tree above 4 KiB by itself */
	git_libgit2_opts(GIT_OPT_SET_CACHE_OBJECT_LIMIT, GIT_OBJECT_TREE,
			 (size_t)TREE_KEPT_BYTES);
	status = program_run(&windlass_hook, argc, argv);
	git_libgit2_shutdown();
	return status;
}
