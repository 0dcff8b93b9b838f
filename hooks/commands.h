/*
 * The commands of windlass-hook. Each gets argv from its own name on, prints
 * for people, and returns the exit status of the program
 * (schema/base/program.h).
 */
#ifndef HOOKS_COMMANDS_H
#define HOOKS_COMMANDS_H

#include "hooks/host-config.h"
#include "schema/base/program.h"

/*
 * publish, refresh, rollback-failed, record-reports and notify take
 * [--repo DIR] [CHANNEL...]; without a channel they mean all. `serve` runs
 * them so, as its children.
 */
int cmd_init(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_pre_receive(int argc, char **argv);
int cmd_post_receive(int argc, char **argv);
int cmd_publish(int argc, char **argv);
int cmd_refresh(int argc, char **argv);
int cmd_rollback(int argc, char **argv);
int cmd_rollback_failed(int argc, char **argv);
int cmd_upload(int argc, char **argv);
int cmd_images(int argc, char **argv);
int cmd_record_reports(int argc, char **argv);
int cmd_notify(int argc, char **argv);

/* What a shell is told at a prompt: complete.c, for schema/base/complete.h. */
complete_fn hook_complete;

/*
 * What every command works on: the repository `dir` (NULL: $GIT_DIR, else
 * the current folder) and its configuration. With `from_env` the quarantine
 * of a running pre-receive is honoured. On failure nothing stays open; on
 * success release both with host_close.
 */
struct host {
	git_repository *repo;
	struct host_config config;
};

#define HOST_INIT { 0 }

int host_open(const char *dir, bool from_env, struct host *ret,
	      struct err *err);
void host_close(struct host *h);

/*
 * Calls run with each channel that is named, or with n = 0 with all, going on
 * after one that fails. The worst of the exit statuses; a name that no channel
 * has is one too.
 */
int host_each(const struct host *h, int n, char **names,
	      int (*run)(const void *arg, const struct host *h,
			 const struct channel_config *ch), const void *arg);

#endif
