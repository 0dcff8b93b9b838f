/*
 * windlass diff: what one bundle would change against another, as the lines
 * of the objects that are applied; what a change of the source comes to; or
 * what is other in the cluster. Secrets show which keys moved, never a value.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include "engine/cli/bundle-diff.h"
#include "engine/cli/live.h"
#include "engine/cli/source-diff.h"
#include "schema/base/options.h"
#include "schema/manifest-files.h"

static const char usage[] =
"usage: windlass diff [OPTION]... BUNDLE [BUNDLE]\n"
"       windlass diff [OPTION]... BASE..HEAD\n"
"       windlass diff --live [OPTION]... BUNDLE\n"
"\n"
"Shows what differs between two bundles, object by object; with one BUNDLE,\n"
"between it and the one before. Of Secrets only the names of the keys that\n"
"changed are shown.\n"
"\n"
"With two commits of the source, renders both and shows what differs between\n"
"their objects: what a merge would change. With ... between them, from where\n"
"they parted.\n"
"\n"
"With --live, shows what is other in the cluster than BUNDLE says: the fields\n"
"that it sets and their values there, who changed them and when, what is\n"
"missing, and what is left over. Lines with - are the bundle's, with + the\n"
"cluster's. CHANNEL alone is then the bundle that the cluster has accepted.\n"
"\n"
BUNDLE_NAME_HELP
"\n"
"  --repo DIR         the repository (default: $GIT_DIR, or here)\n"
"  --name-only        only the list of objects\n"
"  --exit-code        exit 1 if anything differs; always so with --live\n"
"  --live             compare with the cluster\n"
"  --output json      with --live: an object a line\n"
"  --output markdown  without --live: for the text of a pull request, of which\n"
"                     at most 60,000 bytes are printed\n"
"  --all              with --output markdown: all of it, however long\n"
"  --kubeconfig FILE  with --live: as kubectl has it (default: $KUBECONFIG)\n"
"  --context NAME     with --live\n"
"\n"
"Of commits, which the channel's settings at the Git host say for bundles:\n"
"\n"
"  --path PATH        what the channel reads; repeatable\n"
REVIEW_OPTIONS_HELP
"\n"
"Exit status: 0 if nothing differs, 1 if something does, 2 for any trouble.\n"
"With neither --exit-code nor --live, 0, or 1 if there is no such bundle.\n";

struct diff {
	struct bundle_diff between;
	const char *dir;
	bool exit_code, live;
	const char *kubeconfig, *context;	/* these with live */
	enum cli_output output;
	struct review sides[2];		/* of BASE..HEAD */
	struct review_commit commits[2];
};

static int take_output(void *target, const char *word, struct err *err)
{
	struct diff *d = target;

	if (!strcmp(word, "markdown"))
		d->between.markdown = true;
	else if (cli_take_output(&d->output, word, err) < 0)
		return err_set(err, ERR_INVALID, "must be text, json or "
			       "markdown");
	return 0;
}

static int take_path(void *target, const char *value, struct err *err)
{
	struct review_commit *c = target;

	c->paths_given = true;
	return manifest_path_take(value, &c->paths, err);
}

/* What the options mean for one side; the second time all else is the same. */
static int parse_side(int argc, char **argv, struct diff *d, int side)
{
	struct review *r = &d->sides[side];
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &d->dir),
		OPTION_FLAG("name-only", &d->between.name_only),
		OPTION_FLAG("exit-code", &d->exit_code),
		OPTION_FLAG("live", &d->live),
		OPTION_TAKE("output", take_output, d),
		OPTION_FLAG("all", &d->between.text.all),
		OPTION_TEXT("kubeconfig", &d->kubeconfig),
		OPTION_TEXT("context", &d->context),
		OPTION_TAKE("path", take_path, &d->commits[side]),
		REVIEW_OPTIONS(r),
		OPTION_END
	};

	review_init(r);
	r->commit = &d->commits[side];
	return options_parse(specs, usage, argc, argv);
}

/* Did anybody say what only counts for commits? */
static bool has_settings(const struct diff *d)
{
	const struct review *r = &d->sides[0];

	return d->commits[0].paths_given || r->config || r->crds.n ||
	       r->kubernetes || r->rules.unknown_kinds || r->rules.strict ||
	       r->rules.allow_secrets || *r->rules.default_namespace ||
	       strcmp(r->rules.channel, "default");
}

static int check_names(struct diff *d, int n, char **names)
{
	bool range = n == 1 && !d->live && source_range(names[0]);

	for (int i = 0; i < n; i++)
		if (source_range(names[i]) && !range)
			return usage_error(usage, "BASE..HEAD stands alone, "
					   "and not with --live");
	if (d->live && n != 1)
		return usage_error(usage, "name one bundle or channel to "
				   "compare with the cluster");
	if (n < 1 || n > 2)
		return usage_error(usage, "name one bundle or two, or "
				   "BASE..HEAD");
	if (!d->live && (d->kubeconfig || d->context))
		return usage_error(usage, "--kubeconfig and --context are for "
				   "--live");
	if (!d->live && d->output != OUTPUT_TEXT)
		return usage_error(usage, "--output json is for --live");
	if (d->live && d->between.markdown)
		return usage_error(usage, "--output markdown is not for "
				   "--live");
	if (d->between.text.all && !d->between.markdown)
		return usage_error(usage, "--all is for --output markdown");
	if (!range && has_settings(d))
		return usage_error(usage, "--path, --config and the like are "
				   "for BASE..HEAD");
	if (d->commits[0].paths_given && d->sides[0].config)
		return usage_error(usage, "give --path or --config, not both");
	return -1;
}

static int parse_options(int argc, char **argv, struct diff *d)
{
	int status = parse_side(argc, argv, d, 0);

	if (status < 0)
		status = parse_side(argc, argv, d, 1);
	if (status < 0)
		status = check_names(d, argc - optind, argv + optind);
	/* nobody pastes escape sequences */
	d->between.color = d->between.color && !d->between.markdown;
	return status;
}

static int compare_live(struct diff *d, const char *bundle)
{
	struct cluster c = CLUSTER_INIT;
	struct live_out out = {
		.output = d->output, .name_only = d->between.name_only,
		.color = d->between.color,
	};
	struct err err = ERR_INIT;
	int status = EXIT_TROUBLE;

	if (bundles_open(d->dir, &d->between.repo, &err) < 0 ||
	    cluster_open(&c, d->kubeconfig, d->context, &err) < 0)
		command_fail(&err);
	else
		status = live_compare(&c, d->between.repo, bundle, &out);
	cluster_close(&c);
	return status;
}

static int compare_bundles(struct diff *d, char **names, int n)
{
	struct bundle_at from, to;
	struct err err = ERR_INIT;
	int none = 0, status;

	if (bundles_open(d->dir, &d->between.repo, &err) < 0 ||
	    bundle_find(d->between.repo, names[n - 1], &to, &err) < 0)
		goto fail;
	if (n == 2)
		none = bundle_find(d->between.repo, names[0], &from, &err);
	else
		none = bundle_before(d->between.repo, &to, &from, &err);
	if (none < 0 || bundle_diff(&d->between, none ? NULL : &from, &to,
				    &err) < 0)
		goto fail;
	return d->exit_code && d->between.changes ? EXIT_REFUSED : EXIT_OK;
fail:
	status = command_fail(&err);
	/* 1 says that they differ */
	return d->exit_code ? EXIT_TROUBLE : status;
}

static int compare_commits(struct diff *d, const char *range)
{
	struct err err = ERR_INIT;
	int status;

	if (bundles_open(d->dir, &d->between.repo, &err) < 0)
		status = command_fail(&err);
	else
		status = source_diff(&d->between, d->sides, range);
	if (!d->exit_code)
		return status;
	/* 1 says that they differ */
	return status != EXIT_OK ? EXIT_TROUBLE :
	       d->between.changes ? EXIT_REFUSED : EXIT_OK;
}

int cmd_diff(int argc, char **argv)
{
	struct diff d = {
		.between = {
			.color = cli_color(stdout), .text = MARKDOWN_INIT,
		},
	};
	int status = parse_options(argc, argv, &d);

	if (status < 0 && d.live)
		status = compare_live(&d, argv[optind]);
	else if (status < 0 && argc - optind == 1 &&
		 source_range(argv[optind]))
		status = compare_commits(&d, argv[optind]);
	else if (status < 0)
		status = compare_bundles(&d, argv + optind, argc - optind);
	bundle_diff_end(&d.between);
	for (int i = 0; i < 2; i++) {
		review_release(&d.sides[i]);
		strvec_release(&d.commits[i].paths);
		strvec_release(&d.commits[i].lacks);
	}
	git_repository_free(d.between.repo);
	return status;
}
