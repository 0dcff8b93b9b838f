/*
 * windlass diff: what one bundle would change against another, as the lines
 * of the objects that are applied; or what is other in the cluster. Secrets
 * show which keys moved, never a value.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include "engine/cli/bundle-diff.h"
#include "engine/cli/live.h"
#include "schema/base/options.h"

static const char usage[] =
"usage: windlass diff [OPTION]... BUNDLE [BUNDLE]\n"
"       windlass diff --live [OPTION]... BUNDLE\n"
"\n"
"Shows what differs between two bundles, object by object; with one BUNDLE,\n"
"between it and the one before. Of Secrets only the names of the keys that\n"
"changed are shown.\n"
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
"  --kubeconfig FILE  with --live: as kubectl has it (default: $KUBECONFIG)\n"
"  --context NAME     with --live\n"
"\n"
"Exit status: 0 if nothing differs, 1 if something does, 2 for any trouble.\n"
"With neither --exit-code nor --live, 0, or 1 if there is no such bundle.\n";

struct diff {
	struct bundle_diff between;
	const char *dir;
	bool exit_code, live;
	const char *kubeconfig, *context;	/* these with live */
	enum cli_output output;
};

static int parse_options(int argc, char **argv, struct diff *d)
{
	const struct option_spec specs[] = {
		OPTION_TEXT("repo", &d->dir),
		OPTION_FLAG("name-only", &d->between.name_only),
		OPTION_FLAG("exit-code", &d->exit_code),
		OPTION_FLAG("live", &d->live),
		OPTION_TAKE("output", cli_take_output, &d->output),
		OPTION_TEXT("kubeconfig", &d->kubeconfig),
		OPTION_TEXT("context", &d->context),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);
	int n = argc - optind;

	if (status >= 0)
		return status;
	if (d->live && n != 1)
		return usage_error(usage, "name one bundle or channel to "
				   "compare with the cluster");
	if (n < 1 || n > 2)
		return usage_error(usage, "name one bundle or two");
	if (!d->live && (d->kubeconfig || d->context))
		return usage_error(usage, "--kubeconfig and --context are for "
				   "--live");
	if (!d->live && d->output != OUTPUT_TEXT)
		return usage_error(usage, "--output json is for --live");
	return -1;
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

int cmd_diff(int argc, char **argv)
{
	struct diff d = { .between.color = cli_color(stdout) };
	int status = parse_options(argc, argv, &d);

	if (status >= 0)
		return status;
	status = d.live ? compare_live(&d, argv[optind])
			: compare_bundles(&d, argv + optind, argc - optind);
	git_repository_free(d.between.repo);
	return status;
}
