/*
 * The parts of `windlass-hook init`: what was asked for, the key, the
 * settings. Each part leaves alone what is already as it should be, so that
 * a second run changes nothing.
 */
#ifndef HOOKS_INIT_H
#define HOOKS_INIT_H

#include <stdbool.h>

#include "hooks/current.h"

/* What the command line asks for; NULL where it does not say. */
struct init_options {
	const char *channel;
	const char *repo;
	char *ref;
	struct strvec paths;	/* in their one form */
	char *key;		/* absolute path, or key::... */
	char *publish;		/* absolute */
	char *serve;
	char *kubernetes;
	char *default_namespace;
	char *delete_limit;
	bool allow_secrets;
	char *developers;	/* absolute */
	bool signed_commits, signed_push;
	bool remove, force;
	char id[CHANNEL_ID_SIZE];	/* the channel's; found or new */
	struct current found;		/* the bundle that is there without
					   settings; id "": none */
	bool found_key;			/* the key made its signature */
};

/*
 * The repository's own settings while init works on them: on a draft, which
 * takes their place at once and whole. A hook that runs meanwhile, and whoever
 * comes after an init that was killed, reads them as they were or as they
 * shall be.
 */
struct init_settings {
	git_repository *repo;
	git_config *local;	/* of the one or the other, and no more */
	char *file;		/* <git_dir>/config */
	char *draft;		/* <git_dir>/config.windlass, or NULL: none yet */
	struct buf before;
	size_t changes;
};

/* beside the settings; one that an init left that was killed is nothing */
#define INIT_DRAFT "config.windlass"

/* Removes a draft, whosever it is: with the lock only. */
void init_drop_draft(git_repository *repo);

/* Waits until nobody else changes settings here; until ret_fd is closed. */
int init_lock(git_repository *repo, int *ret_fd, struct err *err);

/*
 * What init changed of settings that git has for everybody, so that --remove
 * can put it back: a value each, "<name> <value>", and where it replaced
 * another one " <that value>".
 */
#define INIT_REPLACED "windlass.replaced"

/*
 * What receive.hideRefs is given, NULL at the end: refs that a push must not
 * touch. pre-receive refuses them once more.
 */
extern const char *const init_hidden_refs[];

int init_settings_open(git_repository *repo, struct init_settings *ret,
		       struct err *err);
/* One value, "" and NULL if it is not set. Malloced. */
char *init_settings_get(const struct init_settings *s, const char *channel,
			const char *key);
/* Writes what differs to the draft. o->id and o->key must be there. */
int init_settings_write(struct init_settings *s,
			const struct init_options *o, struct err *err);
/* Puts the draft in the place of the settings, if it differs. Refused if
 * these are not what they were at init_settings_open. */
int init_settings_commit(struct init_settings *s, struct err *err);
/* Removes a draft that is not wanted. */
void init_settings_release(struct init_settings *s);

/*
 * Undoes init for one channel: its settings, bundles, what is published of
 * it. With the last one goes all that windlass put into the repository. Says
 * on stdout what it does. Refused, before anything is changed, while
 * something still needs it: `serve` that runs, a hook that calls ours, and
 * without o->force bundles that were signed.
 */
int init_remove(git_repository *repo, const struct init_options *o,
		struct err *err);

/*
 * The key file's default: <channel>_ed25519 in /etc/windlass for root, else
 * in ~/.config/windlass; with the id's first digits where that is another
 * channel's. Malloced, or NULL with an error.
 */
char *init_key_default(const char *channel, const char *id, struct err *err);
/*
 * Makes an ed25519 key without a passphrase by ssh-keygen, mode 0600, its
 * folder 0700. The file must not exist.
 */
int init_key_generate(const char *file, const char *channel,
		      struct err *err);

/* a path in quotes, each byte of which may be one */
#define LIMIT_WORD_BYTES (LIMIT_PATH_BYTES * 4 + 2)

/* Tells the admin what is left to do. */
int init_print_next(const struct host_config *host,
		    const struct channel_config *ch, struct err *err);

#endif
