/*
 * What a shell is told at a prompt of windlass: channels, of the cluster for
 * commands that ask it, else of the repository; bundles; rules. The cluster has two
 * seconds. What cannot be found out is not said, and no error is printed:
 * somebody is typing.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/cli/bundles.h"
#include "engine/cli/cluster.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/explain.h"
#include "schema/openapi.h"

/* how long somebody waits for a completion, in seconds */
#define PATIENCE 2
/* how many bundles of a channel are offered, the newest */
#define BUNDLES_MAX 20

static void give_up(int signal)
{
	(void)signal;
	_exit(EXIT_TROUBLE);
}

static void cluster_names(struct completion *c)
{
	const struct kube_request get = {
		.method = "GET", .target = cluster_channels(NULL),
	};
	struct cluster cluster = CLUSTER_INIT;
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *answer = NULL;
	const struct node *items;

	signal(SIGALRM, give_up);
	alarm(PATIENCE);
	if (cluster_open(&cluster, completion_option(c, "kubeconfig"),
			 completion_option(c, "context"), &err) == 0)
		cluster_call(&cluster, &get, &a, &answer, NULL, &err);
	items = answer ? node_get(answer, "items") : NULL;
	for (uint32_t i = 0; items && items->type == NODE_SEQ && i < items->n;
	     i++) {
		const char *name = node_path_str(items->items[i], "metadata",
						 "name", NULL);
		const char *ready = NULL, *reason = NULL;

		ready = cluster_condition(items->items[i], "Ready", &reason,
					  NULL);
		if (name)
			completion_add(c, name, !strcmp(ready, "True") ?
				       "Ready" : reason);
	}
	alarm(0);
	cluster_close(&cluster);
	arena_release(&a);
}

static void repository_names(struct completion *c, git_repository *repo)
{
	git_reference_iterator *each;
	const char *ref;

	if (git_reference_iterator_glob_new(&each, repo,
					    BUNDLE_REF_PREFIX "*") < 0)
		return;
	while (git_reference_next_name(&ref, each) == 0) {
		const char *name = ref + strlen(BUNDLE_REF_PREFIX);

		if (!strchr(name, '/'))
			completion_add(c, name, NULL);
	}
	git_reference_iterator_free(each);
}

/* "prod@" was typed: its bundles, the newest first. */
static void bundles(struct completion *c, git_repository *repo)
{
	const char *prefix = completion_prefix(c);
	char *channel = xstrndup(prefix, strcspn(prefix, "@"));
	struct bundle_at at;
	struct err err = ERR_INIT;
	int rc = bundle_find(repo, channel, &at, &err);

	for (unsigned int i = 0; !rc && i < BUNDLES_MAX; i++) {
		const struct bundle *b = &at.commit.bundle;
		char issued[CLOCK_TEXT_SIZE];
		char *name = xasprintf("%s@%llu", channel,
				       (unsigned long long)b->sequence);
		char *what;

		clock_format(b->issued, issued);
		what = xasprintf("%s +%llu ~%llu -%llu", issued,
				 (unsigned long long)b->created,
				 (unsigned long long)b->changed,
				 (unsigned long long)b->deleted);
		completion_add(c, name, what);
		free(name);
		free(what);
		rc = bundle_before(repo, &at, &at, &err);
	}
	free(channel);
}

static void of_repository(struct completion *c)
{
	git_repository *repo;
	struct err err = ERR_INIT;

	if (bundles_open(completion_option(c, "repo"), &repo, &err) < 0)
		return;
	if (strchr(completion_prefix(c), '@'))
		bundles(c, repo);
	else
		repository_names(c, repo);
	git_repository_free(repo);
}

static void rules(struct completion *c)
{
	for (size_t i = 0; i < n_explanations; i++)
		completion_add(c, explanations[i].rule,
			       explanations[i].summary);
}

bool cli_complete(struct completion *c, const char *what)
{
	if (!strcmp(what, "VERSION"))
		openapi_complete(c);
	else if (!strcmp(what, "RULE"))
		rules(c);
	else if (!strcmp(what, "BUNDLE") && completion_has(c, "from"))
		return true;	/* install's, in a repository of its own name */
	else if (!strcmp(what, "BUNDLE"))
		of_repository(c);
	else if (!strcmp(what, "CHANNEL") && completion_has(c, "kubeconfig"))
		cluster_names(c);
	else
		return false;
	return true;
}
