/*
 * Judging manifests outside of a push: what `windlass check` and `windlass
 * render` share. The rules are those of the Git host's gate (schema/rules.h);
 * what only the host can know, the current bundle and its settings, is left
 * out or comes from options.
 */
#ifndef ENGINE_CLI_REVIEW_H
#define ENGINE_CLI_REVIEW_H

#include <getopt.h>
#include <stdbool.h>

#include "schema/base/arena.h"
#include "schema/base/strvec.h"
#include "schema/object.h"
#include "schema/problem.h"
#include "schema/rules.h"

struct review {
	struct rules rules;
	struct strvec crds;		/* --crds, files and directories */
	struct scopes scopes;

	struct problems problems;	/* sorted after review_run */
	size_t files;			/* that were read */
	struct objects objects;		/* the good ones; no trees */
	struct arena arena;		/* holds their strings */

	/* Gets each good object as it will be signed; may be NULL. `path` is
	 * the bundle's. The strings of *o live as long as the review, path
	 * and bytes do not. */
	void (*take)(void *arg, const struct object *o, const char *path,
		     const struct buf *bytes);
	void *arg;
};

/* The options that set the rules, for getopt_long and for usage texts. */
#define REVIEW_OPTIONS \
	{ "channel", required_argument, NULL, 'c' }, \
	{ "namespace", required_argument, NULL, 'n' }, \
	{ "allow-secrets", no_argument, NULL, 's' }, \
	{ "crds", required_argument, NULL, 'C' }

#define REVIEW_OPTIONS_HELP \
"  --channel NAME   the channel they are for (default: default)\n" \
"  --namespace NS   for namespaced objects that name none\n" \
"  --allow-secrets  as a channel with secrets = allow\n" \
"  --crds PATH      CustomResourceDefinitions of kinds that are used but not\n" \
"                   defined here: a file or a directory; repeatable\n"

void review_init(struct review *r);
/* Takes one of REVIEW_OPTIONS. -1 with a message if its argument is none. */
int review_option(struct review *r, int option, const char *arg,
		  struct err *err);

/*
 * Judges files, directories and standard input ("-"). What cannot be read is
 * said on standard error. EXIT_OK, EXIT_REFUSED if a rule is broken, or
 * EXIT_TROUBLE if something could not be looked at.
 */
int review_run(struct review *r, char *const *paths, size_t n);
void review_release(struct review *r);

#endif
