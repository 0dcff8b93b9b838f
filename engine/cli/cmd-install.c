/*
 * windlass install: the engine, and what a cluster needs before a channel's
 * first bundle. Prints the manifests, or applies them; both from the same
 * bytes, so that what an admin reads is what would be done.
 */
#include "config.h"
#include "engine/cli/cli.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "engine/channel-spec.h"
#include "engine/cli/bundles.h"
#include "engine/cli/install.h"
#include "engine/cli/sources.h"
#include "engine/reporter-key.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/options.h"
#include "schema/manifest.h"

static const char usage[] =
"usage: windlass install [OPTION]... [--image IMAGE] [CHANNEL]\n"
"\n"
"Prints the manifests that the engine or a channel needs in the cluster: the\n"
"Channel kind, the namespace " OWN_NAMESPACE ", the engine with its rights; an\n"
"account for the channel with its rights, and the Channel itself. With --apply\n"
"it applies them; doing so again is an update, and changes nothing else.\n"
"\n"
"The engine:\n"
"  --image IMAGE        its image, by digest: REPOSITORY@sha256:HEX\n"
"  --replicas N         pods, of which one works (default: as many as there\n"
"                       are, or 2)\n"
"  --api-port PORT      the API server's, beside 443 (default: 6443)\n"
"  --protect            refuse changes of managed objects by anybody else, and\n"
"                       give the engine its share of the API server\n"
"  --cluster NAME       what its reports call this cluster, a DNS label\n"
"\n"
"Where a channel's bundles come from:\n"
"  --url URL            where the Git host publishes\n"
"  --from REPOSITORY    take id and public key from this repository's own\n"
"                       configuration; else give them:\n"
"  --id HEX             the channel's id, as windlass-hook init prints it\n"
"  --publisher-key KEY  its public key, 'ssh-ed25519 AAAA...'\n"
"  --publishers FILE    or an allowed_signers file with several\n"
"  --approvers FILE     who may approve a bundle, in the same form, each line\n"
"                       with namespaces=\"git\"\n"
"  --approvals N        how many of them a bundle needs (default: 1)\n"
"  --not-by-pusher      and nobody approves what they pushed themselves\n"
"\n"
"What a channel may do in the cluster:\n"
"  --namespaces A,B     in these namespaces: everything, or\n"
"  --kinds K,L          only these kinds, as Kind or Kind.group\n"
"  --rbac-from BUNDLE   no more than this bundle of --from needs\n"
"  --cluster-scoped K,L kinds without a namespace that it may have\n"
"                       (default: none; * with --cluster-admin)\n"
"  --crds PATH          CustomResourceDefinitions of kinds named above: a\n"
"                       file or a directory; repeatable\n"
"  --cluster-admin      everything, everywhere\n"
"\n"
"  --apply              apply instead of printing\n"
"  --kubeconfig FILE    as kubectl has it (default: $KUBECONFIG)\n"
"  --context NAME\n";

#define MANIFESTS_MAX (4u * 1024 * 1024)
#define REPLICAS_MAX 100

struct options {
	struct install in;
	const char *from, *publishers_file, *publisher_key, *approvers_file;
	bool has_approvals;
	const char *namespaces, *kinds, *cluster_scoped, *rbac_from;
	const char *kubeconfig, *context;
	struct strvec crds;
	bool apply;
	size_t done;			/* manifests that were applied */
};

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
static void add_publisher(struct options *o, const struct sshkey *key)
{
	buf_addf(&o->in.publishers, "%s namespaces=\"" TRUST_PUBLISHERS "\" ",
		 o->in.channel);
	sshkey_write_text(key, &o->in.publishers);
	buf_addc(&o->in.publishers, '\n');
}

static int read_repository(struct options *o, struct err *err)
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

static int read_publishers(struct options *o, struct err *err)
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

static int read_approvers(struct options *o, struct err *err)
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

/* One of names with commas between them; "" at the end. */
static char *next_name(const char **names)
{
	size_t len = strcspn(*names, ",");
	char *name = xstrndup(*names, len);

	*names += len + ((*names)[len] == ',');
	return name;
}

static void take_names(const char *names, struct strvec *ret)
{
	while (names && *names) {
		char *name = next_name(&names);

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

static int learn_crds(const struct options *o, struct scopes *scopes,
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

static int add_kinds(struct options *o, const char *names,
		     const char *option, const struct scopes *scopes,
		     struct err *err)
{
	struct rights *r = &o->in.rights;
	int rc = 0;

	while (!rc && names && *names) {
		char *name = next_name(&names);
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

static int add_bundle(struct options *o, struct scopes *scopes,
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

static int find_rights(struct options *o, struct err *err)
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
static int sweep_all(struct cluster *c, const struct options *o,
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
static int check_approvals_stay(const struct options *o, struct cluster *c,
				struct err *err)
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

static int apply_all(struct options *o, const struct objects *os,
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

static int write_manifests(struct options *o, struct buf *out,
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

static int install(struct options *o, struct err *err)
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
out:
	buf_release(&text);
	objects_release(&os);
	problems_release(&ps);
	arena_release(&a);
	return rc;
}

static int fail(const struct options *o, const struct err *err)
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

/* ---- options ---- */

/* They are written into manifests: nothing but names, and each of them. */
static int check_namespaces(const char *names)
{
	const char *all = names;

	while (*names) {
		const char *at = names;
		char *name = next_name(&names);
		/* a comma must have something behind it, too */
		bool own = !strcmp(name, OWN_NAMESPACE);
		bool good = !own && is_dns_label(name) &&
			    !(at[strlen(name)] == ',' && !*names);

		if (own)
			usage_error(usage, "--namespaces: " OWN_NAMESPACE
				    " is windlass's own; no channel may have "
				    "anything in it");
		else if (!good)
			usage_error(usage, "--namespaces '%s' must be names "
				    "of namespaces with commas between them",
				    name);
		free(name);
		if (!good)
			return EXIT_USAGE;
	}
	return *all ? -1 : usage_error(usage, "--namespaces names none");
}

/* Of names with commas between them: one of them is empty. */
static bool has_gap(const char *names)
{
	return names && (names[0] == ',' || strstr(names, ",,") ||
			 (*names && names[strlen(names) - 1] == ','));
}

static int check_rights(const struct options *o)
{
	bool limited = o->namespaces || o->kinds || o->rbac_from;

	if (o->in.cluster_admin && (o->kinds || o->rbac_from))
		return usage_error(usage, "--cluster-admin is everything; leave "
				   "out --kinds and --rbac-from");
	if (!o->in.cluster_admin && !limited)
		return usage_error(usage, "give --namespaces, --rbac-from or "
				   "--cluster-admin");
	if (o->kinds && !*o->kinds)
		return usage_error(usage, "--kinds names none");
	if (has_gap(o->kinds) || has_gap(o->cluster_scoped))
		return usage_error(usage, "%s has a comma too many: kinds have "
				   "one between two, as ConfigMap,Secret",
				   has_gap(o->kinds) ? "--kinds" :
				   "--cluster-scoped");
	if (o->kinds && !o->namespaces && !o->rbac_from)
		return usage_error(usage, "--kinds goes with --namespaces");
	if (o->rbac_from && !o->from)
		return usage_error(usage, "--rbac-from goes with --from, the "
				   "repository that has the bundle");
	if (o->cluster_scoped && strchr(o->cluster_scoped, '*') &&
	    !o->in.cluster_admin)
		return usage_error(usage, "--cluster-scoped '*' goes with "
				   "--cluster-admin");
	return o->namespaces ? check_namespaces(o->namespaces) : -1;
}

static int check_options(const struct options *o)
{
	bool sets = o->in.url || o->from || o->in.id[0] || o->publisher_key ||
		    o->publishers_file || o->namespaces || o->kinds ||
		    o->rbac_from || o->cluster_scoped ||
		    o->in.cluster_admin || o->approvers_file;

	if (!o->in.channel && (sets || !o->in.image))
		return usage_error(usage, "name one channel%s",
				   sets ? "" : ", or give --image");
	if (!o->in.image && (o->in.replicas || o->in.api_port ||
			     o->in.protect || o->in.cluster))
		return usage_error(usage, "--replicas, --api-port, --cluster "
				   "and --protect go with --image");
	if (!o->in.channel)
		return -1;
	if (!o->in.url)
		return usage_error(usage, "--url is missing: where the Git host "
				   "publishes");
	if (!o->from && (!o->in.id[0] || (!o->publishers_file &&
					  !o->publisher_key)))
		return usage_error(usage, "give --from, or --id and "
				   "--publisher-key");
	if (o->has_approvals && !o->approvers_file)
		return usage_error(usage, "--approvals goes with --approvers");
	if (o->in.not_by_pusher && !o->approvers_file)
		return usage_error(usage, "--not-by-pusher goes with "
				   "--approvers");
	if (!is_channel_name(o->in.channel))
		return usage_error(usage, "'%s' is no channel's name: lower-case "
				   "letters, digits and -", o->in.channel);
	return check_rights(o);
}

static int take_id(void *target, const char *value, struct err *err)
{
	if (!is_hex(value, strlen(value), CHANNEL_ID_SIZE - 1))
		return err_set(err, ERR_INVALID, "must be the 32 lower-case "
			       "hex digits that `windlass-hook init` printed");
	memcpy(target, value, CHANNEL_ID_SIZE);
	return 0;
}

/* HOST[:PORT]/PART/...[:TAG]: each part has a letter or digit at both ends.
 * Capitals are for the host, which has a dot or a port, and the tag. */
static bool is_repository(const char *s, size_t len)
{
	size_t host = strcspn(s, "/"), tag = len;

	if (host >= len || (!memchr(s, '.', host) && !memchr(s, ':', host) &&
			    strncmp(s, "localhost/", 10)))
		host = 0;
	while (tag > host && s[tag - 1] != ':' && s[tag - 1] != '/')
		tag--;
	if (tag == host || s[tag - 1] != ':')
		tag = len;
	for (size_t i = host; i < tag; i++)
		if (isupper((unsigned char)s[i]))
			return false;
	for (size_t i = 0; i < len; i++) {
		bool first = i == 0 || strchr(":/", s[i - 1]);
		bool last = i + 1 == len || strchr(":/", s[i + 1]);

		if ((first || last) && !isalnum((unsigned char)s[i]))
			return false;
	}
	return len > 0;
}

/* A tag may lead elsewhere tomorrow; a digest may not. What is no image's name
 * otherwise (a URL, an empty part) would only fail in the pods. */
static int take_image(void *target, const char *value, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/-";
	static const char digest[] = "@sha256:";
	const char **image = target;
	size_t len = strspn(value, allowed);
	const char *hex = value + len + strlen(digest);

	if (!is_repository(value, len) ||
	    strncmp(value + len, digest, strlen(digest)) ||
	    !is_hex(hex, strlen(hex), 64))
		return err_set(err, ERR_INVALID, "must name an image by its "
			       "digest, REPOSITORY@sha256: and 64 lower-case "
			       "hex digits; the repository has no capitals");
	*image = value;
	return 0;
}

static int take_number(void *target, const char *value, uint64_t most,
		       struct err *err)
{
	const char **text = target;
	uint64_t n;

	if (parse_u64(value, 1, most, &n) < 0)
		return err_set(err, ERR_INVALID, "must be a number from 1 to "
			       "%llu", (unsigned long long)most);
	*text = value;
	return 0;
}

static int take_replicas(void *target, const char *value, struct err *err)
{
	return take_number(target, value, REPLICAS_MAX, err);
}

static int take_port(void *target, const char *value, struct err *err)
{
	return take_number(target, value, UINT16_MAX, err);
}

static int take_crds(void *target, const char *value, struct err *err)
{
	(void)err;
	strvec_push(target, value);
	return 0;
}

static int take_approvals(void *target, const char *value, struct err *err)
{
	struct options *o = target;

	o->has_approvals = true;
	if (parse_u64(value, 0, LIMIT_APPROVALS, &o->in.approvals) < 0)
		return err_set(err, ERR_INVALID, "'%s' is no number of people "
			       "from 0 to %d", value, LIMIT_APPROVALS);
	return 0;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	const struct option_spec specs[] = {
		OPTION_TAKE("image", take_image, &o->in.image),
		OPTION_TAKE("replicas", take_replicas, &o->in.replicas),
		OPTION_TAKE("api-port", take_port, &o->in.api_port),
		OPTION_FLAG("protect", &o->in.protect),
		OPTION_TAKE("cluster", reporter_take_cluster, &o->in.cluster),
		OPTION_TEXT("url", &o->in.url),
		OPTION_TEXT("from", &o->from),
		OPTION_TAKE("id", take_id, o->in.id),
		OPTION_TEXT("publisher-key", &o->publisher_key),
		OPTION_TEXT("publishers", &o->publishers_file),
		OPTION_TEXT("approvers", &o->approvers_file),
		OPTION_TAKE("approvals", take_approvals, o),
		OPTION_FLAG("not-by-pusher", &o->in.not_by_pusher),
		OPTION_TEXT("namespaces", &o->namespaces),
		OPTION_TEXT("kinds", &o->kinds),
		OPTION_TEXT("rbac-from", &o->rbac_from),
		OPTION_TEXT("cluster-scoped", &o->cluster_scoped),
		OPTION_TAKE("crds", take_crds, &o->crds),
		OPTION_FLAG("cluster-admin", &o->in.cluster_admin),
		OPTION_FLAG("apply", &o->apply),
		OPTION_TEXT("kubeconfig", &o->kubeconfig),
		OPTION_TEXT("context", &o->context),
		OPTION_END
	};
	int status = options_parse(specs, usage, argc, argv);

	if (status >= 0)
		return status;
	if (argc - optind > 1)
		return usage_error(usage, "name one channel");
	o->in.channel = argv[optind];
	return check_options(o);
}

int cmd_install(int argc, char **argv)
{
	struct options o = {
		.in = {
			.publishers = BUF_INIT(LIMIT_TRUST_BYTES),
			.approvers = BUF_INIT(LIMIT_TRUST_BYTES),
			.approvals = 1,
		},
	};
	struct err err = ERR_INIT;
	int status;

	rights_init(&o.in.rights);
	status = parse_options(argc, argv, &o);
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
