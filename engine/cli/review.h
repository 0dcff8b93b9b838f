/*
 * Judging manifests outside of a push: what `windlass check` and `windlass
 * render` share. The rules are those of the Git host's gate (schema/rules.h);
 * what only the host can know, the current bundle and its settings, is left
 * out or comes from options.
 */
#ifndef ENGINE_CLI_REVIEW_H
#define ENGINE_CLI_REVIEW_H

#include <git2.h>
#include <stdbool.h>

#include "engine/cli/against.h"
#include "schema/base/arena.h"
#include "schema/base/options.h"
#include "schema/base/strvec.h"
#include "schema/object.h"
#include "schema/problem.h"
#include "schema/references/index.h"
#include "schema/rules.h"

/* The tree of a source commit, with the manifests of a bundle. */
struct review_commit {
	git_repository *repo;
	git_oid tree;
	struct strvec paths;		/* that the channel reads */
	bool paths_given;		/* by options, not by --config */
	bool may_lack;			/* what is not there is empty; these */
	struct strvec lacks;		/* of the paths are not */
};

struct review {
	/* Judge what is in it instead of files on the disk, and of --config
	 * take what says where that is; NULL: files. It was good once: all
	 * that is asked is what its objects are. */
	struct review_commit *commit;
	struct rules rules;
	const char *kubernetes;		/* the minor; NULL: the newest */
	const char *config;		/* file of settings, or NULL */
	struct policy policy;
	struct openapi openapi;
	struct strvec crds;		/* --crds, files and directories */
	const char *against_path;	/* --against, or NULL */
	struct against against;		/* what is there */
	struct scopes scopes;

	struct problems problems;	/* sorted after review_run */
	struct strvec files;		/* that were read, once each */
	struct strvec troubles;		/* what could not be looked at */
	struct objects objects;		/* the good ones; no trees */
	struct arena arena;		/* holds their strings */
	struct arena text;		/* the file that is judged */
	struct object_index index;	/* of them, for references */
	char *input;			/* standard input, once it was read */
	size_t input_len;

	/* Gets each good object as it will be signed; may be NULL. `path` is
	 * the bundle's. The strings of *o live as long as the review, path
	 * and bytes do not. */
	void (*take)(void *arg, const struct object *o, const char *path,
		     const struct buf *bytes);
	void *arg;
};

/* The options that set the rules of r, for a table and for usage texts. */
#define REVIEW_OPTIONS(r) \
	OPTION_TAKE("channel", review_take_channel, (r)), \
	OPTION_TAKE("namespace", review_take_namespace, (r)), \
	OPTION_FLAG("allow-secrets", &(r)->rules.allow_secrets), \
	OPTION_TAKE("kubernetes", review_take_kubernetes, (r)), \
	OPTION_TAKE("crds", review_take_crds, (r)), \
	OPTION_TAKE("unknown-kinds", review_take_unknown, (r)), \
	OPTION_TEXT("config", &(r)->config), \
	OPTION_FLAG("strict", &(r)->rules.strict)

#define REVIEW_OPTIONS_HELP \
"  --kubernetes VERSION\n" \
"                   of the cluster (default: " OPENAPI_NEWEST ")\n" \
"  --channel NAME   the channel they are for (default: default)\n" \
"  --namespace NS   for namespaced objects that name none\n" \
"  --allow-secrets  as a channel with secrets = allow\n" \
"  --crds PATH      CustomResourceDefinitions of kinds that are used but not\n" \
"                   defined here: a file or a directory; repeatable\n" \
"  --unknown-kinds allow\n" \
"                   take objects of kinds that nobody defines\n" \
"  --config FILE    settings of the channel, as its section in the Git host's\n" \
"                   git config has them\n" \
"  --strict         a reference to what is not there is an error\n"

void review_init(struct review *r);
/* Each takes one of REVIEW_OPTIONS; target is a struct review. */
int review_take_channel(void *target, const char *value, struct err *err);
int review_take_namespace(void *target, const char *value, struct err *err);
int review_take_kubernetes(void *target, const char *value, struct err *err);
int review_take_crds(void *target, const char *value, struct err *err);
int review_take_unknown(void *target, const char *value, struct err *err);

/* Reads --config, if there is one; what an option said stays. */
int review_read_config(struct review *r, struct err *err);

/*
 * Where neither options nor --config say what the channel reads, for r->commit:
 * the settings of its repository, as a Git host's has them. ERR_INVALID where
 * these do not say it either.
 */
int review_find_settings(struct review *r, const char *channel,
			 struct err *err);

/*
 * Judges files, directories and standard input ("-"). What cannot be read is
 * said on standard error. EXIT_OK, EXIT_REFUSED if a rule is broken, or
 * EXIT_TROUBLE if something could not be looked at.
 */
int review_run(struct review *r, char *const *paths, size_t n);
/* The same for the manifests of r->commit. */
int review_run_commit(struct review *r);
/* The text of a file that was judged, for who shows its lines. */
int review_read(struct review *r, const char *path, struct buf *text,
		struct err *err);
void review_release(struct review *r);

#endif
