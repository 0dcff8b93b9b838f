/*
 * windlass install: the engine, and what a cluster needs before a channel's
 * first bundle. Prints the manifests, or applies them; both from the same
 * bytes, so that what an admin reads is what would be done.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "engine/channel-spec.h"
#include "engine/cli/bundles.h"
#include "engine/cli/install-options.h"
#include "engine/cli/sources.h"
#include "engine/reporter-key.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/manifest.h"

#define MANIFESTS_MAX (4u * 1024 * 1024)

/* ---- what to say of the Git host ---- */

static int config_string(git_config *config, const char *channel,
			 const char *key, struct buf *ret, struct err *err)
{
	char *name = xasprintf("windlass.%s.%s", channel, key);
	git_buf value = GIT_BUF_INIT;
	int rc = git_config_get_string_buf(&value, config, name);

	if (rc == 0)
		buf_add(ret, value.ptr, value.size);
	else
		rc = err_set(err, ERR_INVALID, "the repository has no '%s'; "
			     "run windlass-hook init there first", name);
	git_buf_dispose(&value);
	free(name);
	return rc;
}

/* One line of allowed_signers, with the channel's name as principal. */
static void add_publisher(struct install_options *o, const struct sshkey *key)
{
	buf_addf(&o->in.publishers, "%s namespaces=\"" TRUST_PUBLISHERS "\" ",
		 o->in.channel);
	sshkey_write_text(key, &o->in.publishers);
	buf_addc(&o->in.publishers, '\n');
}

static int read_repository(struct install_options *o, struct err *err)
{
	git_repository *repo = NULL;
	git_config *config = NULL;
	struct buf id = BUF_INIT(256), key = BUF_INIT(LIMIT_PATH_BYTES);
	struct signer *signer = NULL;
	int rc = -1;

	if (repo_open(o->from, false, &repo, err) < 0)
		goto out;
	if (git_repository_config_snapshot(&config, repo) < 0) {
		repo_err(err, ERR_INVALID, "cannot read the configuration of "
			 "'%s'", o->from);
		goto out;
	}
	if (config_string(config, o->in.channel, "id", &id, err) < 0 ||
	    config_string(config, o->in.channel, "signingKey", &key, err) < 0 ||
	    signer_open(key.data, &signer, err) < 0)
		goto out;
	snprintf(o->in.id, sizeof(o->in.id), "%s", id.data);
	add_publisher(o, signer_key(signer));
	rc = 0;
out:
	signer_free(signer);
	buf_release(&id);
	buf_release(&key);
	git_config_free(config);
	git_repository_free(repo);
	return rc;
}

static int read_publishers(struct install_options *o, struct err *err)
{
	struct sshkey key;

	if (o->from && read_repository(o, err) < 0)
		return -1;
	if (o->publisher_key) {
		if (sshkey_parse_text(o->publisher_key,
				      strlen(o->publisher_key), &key,
				      err) < 0)
			return err_wrap(err, "--publisher-key");
		buf_reset(&o->in.publishers);
		add_publisher(o, &key);
	}
	if (o->publishers_file) {
		buf_reset(&o->in.publishers);
		return fs_read(AT_FDCWD, o->publishers_file,
			       &o->in.publishers, err);
	}
	return 0;
}

static int read_approvers(struct install_options *o, struct err *err)
{
	struct trust t = TRUST_INIT;
	struct buf *text = &o->in.approvers;

	if (!o->approvers_file)
		return 0;
	if (fs_read(AT_FDCWD, o->approvers_file, text, err) < 0)
		return -1;
	if (trust_parse(text->data, text->len, TRUST_APPROVERS, &t, err) < 0)
		return err_wrap(err, "%s", o->approvers_file);
	trust_release(&t);
	return 0;
}

/* ---- what it may do ---- */

static void take_names(const char *names, struct strvec *ret)
{
	while (names && *names) {
		char *name = install_next_name(&names);

		if (*name && !strvec_has(ret, name))
			strvec_push(ret, name);
		free(name);
	}
}

static int learn_file(const char *path, struct scopes *scopes,
		      struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES);
	struct objects os = OBJECTS_INIT;
	struct problems ps = PROBLEMS_INIT;
	struct arena a = ARENA_INIT;
	int rc = fs_read(AT_FDCWD, path, &text, err);

	if (!rc && manifest_read(path, text.data, text.len, &a, &os,
				 &ps) < 0)
		rc = err_set(err, ERR_INVALID, "'%s': %s", path,
			     ps.v[0].message);
	for (size_t i = 0; !rc && i < os.n; i++)
		if (!strcmp(os.v[i].id.kind, "CustomResourceDefinition"))
			rc = scope_learn(scopes, os.v[i].root, err);
	objects_release(&os);
	problems_release(&ps);
	arena_release(&a);
	buf_release(&text);
	return rc;
}

static int learn_crds(const struct install_options *o, struct scopes *scopes,
		      struct err *err)
{
	struct problems ps = PROBLEMS_INIT;
	struct strvec files = STRVEC_INIT;
	int rc = 0;

	for (size_t i = 0; !rc && i < o->crds.n; i++)
		rc = sources_find(o->crds.v[i], &files, &ps, err);
	if (!rc && ps.n)
		rc = err_set(err, ERR_INVALID, "'%s': %s", ps.v[0].path,
			     ps.v[0].message);
	for (size_t i = 0; !rc && i < files.n; i++)
		rc = learn_file(files.v[i], scopes, err);
	strvec_release(&files);
	problems_release(&ps);
	return rc;
}

static int add_kinds(struct install_options *o, const char *names,
		     const char *option, const struct scopes *scopes,
		     struct err *err)
{
	struct rights *r = &o->in.rights;
	int rc = 0;

	while (!rc && names && *names) {
		char *name = install_next_name(&names);
		size_t inside = r->inside.n;

		rc = rights_add_kind(r, scopes, name, err);
		if (rc < 0)
			err_wrap(err, "%s", option);
		else if (r->inside.n == inside &&
			 !strvec_has(&o->in.cluster_scoped, name))
			strvec_push(&o->in.cluster_scoped, name);
		free(name);
	}
	return rc;
}

static int add_bundle(struct install_options *o, struct scopes *scopes,
		      struct err *err)
{
	struct rights *r = &o->in.rights;
	git_repository *repo = NULL;
	int rc = bundles_open(o->from, &repo, err);

	if (!rc)
		rc = rights_add_bundle(r, scopes, repo, o->rbac_from, err);
	for (size_t i = 0; !rc && !o->namespaces && i < r->namespaces.n; i++)
		strvec_push(&o->in.namespaces, r->namespaces.v[i]);
	for (size_t i = 0; !rc && i < r->cluster_scoped.n; i++)
		if (!strvec_has(&o->in.cluster_scoped, r->cluster_scoped.v[i]))
			strvec_push(&o->in.cluster_scoped,
				    r->cluster_scoped.v[i]);
	git_repository_free(repo);
	return rc;
}

static int find_rights(struct install_options *o, struct err *err)
{
	struct scopes scopes = SCOPES_INIT;
	int rc = learn_crds(o, &scopes, err);

	take_names(o->namespaces, &o->in.namespaces);
	if (o->in.cluster_admin) {
		take_names(o->cluster_scoped, &o->in.cluster_scoped);
		goto out;
	}
	o->in.rights.all_inside = !o->kinds && !o->rbac_from;
	if (!rc)
		rc = add_kinds(o, o->kinds, "--kinds", &scopes, err);
	if (!rc)
		rc = add_kinds(o, o->cluster_scoped, "--cluster-scoped",
			       &scopes, err);
	if (!rc && o->rbac_from)
		rc = add_bundle(o, &scopes, err);
out:
	scopes_release(&scopes);
	return rc;
}

/* ---- the command ---- */

/* The same checks that the engine makes, before anything is printed. */
static int check_channel(const struct objects *os, struct err *err)
{
	struct channel_spec spec;

	if (channel_spec_read(os->v[os->n - 1].root, &spec, err) < 0)
		return -1;
	channel_spec_release(&spec);
	return 0;
}

/* What is left over may be rights: not to have looked is no success. */
static int sweep_all(struct cluster *c, const struct install_options *o,
		     const struct objects *os, struct err *err)
{
	int rc = 0;

	if (o->in.image)
		rc = install_sweep(c, os, INSTALL_PART, "engine", err);
	if (!rc && o->in.channel)
		rc = install_sweep(c, os, INSTALL_CHANNEL, o->in.channel,
				   err);
	return rc ? err_wrap(err, "all is applied; what an installation "
			     "before had more cannot be removed") : 0;
}

/* What is there asks that nobody approves their own push. */
static bool has_not_by_pusher(const struct node *live)
{
	const struct node *n = live ? node_path(live, "spec", "approvals",
						"notByPusher", NULL) : NULL;

	return n && n->type == NODE_BOOL && n->boolean;
}

/*
 * What was installed with --approvers is applied again without, or with as
 * few as --approvals says when it is not given: that would take approvals
 * away, and looks like an update.
 */
static int check_approvals_stay(const struct install_options *o,
				struct cluster *c, struct err *err)
{
	const struct object_id id = {
		.group = "windlass.dev", .version = "v1alpha1",
		.kind = "Channel", .namespace = "", .name = o->in.channel,
	};
	struct arena a = ARENA_INIT;
	struct node *live = NULL;
	int64_t had;
	int rc;

	rc = install_get(c, &id, &a, &live, err);
	/* who may not look at it may not apply it either, and is told when it
	 * comes to that */
	if (rc && err->class == ERR_DENIED) {
		err_clear(err);
		rc = 0;
	}
	had = live ? node_path_int(live, 0, "spec", "approvals", "required",
				   NULL) : 0;
	if (!rc && !o->in.not_by_pusher && has_not_by_pusher(live))
		rc = err_set(err, ERR_INVALID, "in '%s' nobody approves what "
			     "they pushed, which this would take away: give "
			     "--not-by-pusher as before, or first set "
			     "spec.approvals.notByPusher of the Channel to "
			     "false", o->in.channel);
	else if (rc || o->has_approvals)
		;	/* that number is meant */
	else if (live && !o->approvers_file &&
	    node_path_str(live, "spec", "approvals", "approvers", NULL))
		rc = err_set(err, ERR_INVALID, "'%s' has a list of approvers, "
			     "which this would take away, with%s: give "
			     "--approvers and --approvals as before, or first "
			     "take spec.approvals out of the Channel",
			     o->in.channel, had ? " the approvals that its "
			     "bundles need" : " what they reject");
	else if (had > (o->approvers_file ? (int64_t)o->in.approvals : 0))
		rc = err_set(err, ERR_INVALID, "bundles of '%s' need %lld "
			     "approval%s, which this would take away: give "
			     "--approvers and --approvals as before, or first "
			     "set spec.approvals.required of the Channel to 0",
			     o->in.channel, (long long)had,
			     plural((size_t)had));
	arena_release(&a);
	return rc;
}

static const char next_step[] =
"\nReports: `windlass status` shows the line for the Git host's file of\n"
"reporters, as soon as an engine works.\n";

/* It has no engine of this version yet. Who may not look is not told. */
static bool is_first(struct cluster *c)
{
	const struct object_id id = {
		.group = "", .version = "v1", .kind = "Secret",
		.namespace = OWN_NAMESPACE, .name = REPORTER_SECRET,
	};
	struct arena a = ARENA_INIT;
	struct err ignored = ERR_INIT;
	struct node *live = NULL;
	bool first = install_get(c, &id, &a, &live, &ignored) == 0 && !live;

	arena_wipe(&a);
	return first;
}

static int apply_all(struct install_options *o, const struct objects *os,
		     struct err *err)
{
	struct cluster c = CLUSTER_INIT;
	int rc = cluster_open(&c, o->kubeconfig, o->context, err);
	bool first = !rc && o->in.image && is_first(&c);

	if (!rc && o->in.channel)
		rc = check_approvals_stay(o, &c, err);
	if (!rc)
		rc = install_apply(&c, os, !o->in.replicas, &o->done, err);
	if (!rc)
		rc = sweep_all(&c, o, os, err);
	cluster_close(&c);
	if (!rc && first)
		fputs(next_step, stdout);
	return rc;
}

static int write_manifests(struct install_options *o, struct buf *out,
			   struct err *err)
{
	if (o->in.channel && (read_publishers(o, err) < 0 ||
			      read_approvers(o, err) < 0 ||
			      find_rights(o, err) < 0))
		return -1;
	if (o->in.image)
		install_write_engine(&o->in, out);
	if (o->in.channel)
		install_write_channel(&o->in, out);
	return buf_check(out, "the manifests", err);
}

/* Where nobody approves, whoever has the Git host has what the channel has. */
static void warn_unapproved(const struct install_options *o)
{
	const struct install *in = &o->in;

	if (o->approvers_file && in->approvals)
		return;
	if (in->cluster_admin || in->cluster_scoped.n)
		fprintf(stderr, "windlass: warning: '%s' may have %s, and "
			"nobody approves its bundles: who can act as the Git "
			"host's user can have anything of that done here; %s "
			"makes a person look at each bundle first\n",
			in->channel, in->cluster_admin ?
			"everything in the cluster" :
			"objects without a namespace", o->approvers_file ?
			"--approvals 1" : "--approvers FILE");
	else if (o->approvers_file)
		fprintf(stderr, "windlass: warning: nobody must approve a "
			"bundle of '%s' (--approvals 0): those of --approvers "
			"can reject one, and let through one that deletes more "
			"than spec.deleteLimit\n", in->channel);
}

static int install(struct install_options *o, struct err *err)
{
	struct buf text = BUF_INIT(MANIFESTS_MAX);
	struct objects os = OBJECTS_INIT;
	struct problems ps = PROBLEMS_INIT;
	struct arena a = ARENA_INIT;
	int rc = -1;

	if (write_manifests(o, &text, err) < 0)
		goto out;
	if (manifest_read("manifests", text.data, text.len, &a, &os,
			  &ps) < 0) {
		err_set(err, ERR_INVALID, "an option cannot be meant: %s",
			ps.v[0].message);
		goto out;
	}
	if (o->in.channel && check_channel(&os, err) < 0)
		goto out;
	rc = 0;
	if (o->apply)
		rc = apply_all(o, &os, err);
	else
		fwrite(text.data, 1, text.len, stdout);
	if (!rc && o->in.channel)
		warn_unapproved(o);
out:
	buf_release(&text);
	objects_release(&os);
	problems_release(&ps);
	arena_release(&a);
	return rc;
}

static int fail(const struct install_options *o, const struct err *err)
{
	int status = command_fail(err);

	if (o->apply && err->class == ERR_DENIED)
		fputs("windlass: it takes the rights of a cluster-admin; one "
		      "can apply what is printed without --apply\n", stderr);
	if (o->done)
		fputs("windlass: what was created or changed stays; the same "
		      "command again goes on from there\n", stderr);
	return status;
}

int cmd_install(int argc, char **argv)
{
	struct install_options o = {
		.in = {
			.publishers = BUF_INIT(LIMIT_TRUST_BYTES),
			.approvers = BUF_INIT(LIMIT_TRUST_BYTES),
			.approvals = 1,
		},
	};
	struct err err = ERR_INIT;
	int status;

	rights_init(&o.in.rights);
	status = install_options_parse(argc, argv, &o);
	if (status < 0)
		status = install(&o, &err) < 0 ? fail(&o, &err) : EXIT_OK;
	buf_release(&o.in.publishers);
	buf_release(&o.in.approvers);
	strvec_release(&o.in.namespaces);
	strvec_release(&o.in.cluster_scoped);
	strvec_release(&o.crds);
	rights_release(&o.in.rights);
	return status;
}
