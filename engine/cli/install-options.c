/*
 * The command line of `windlass install`. See install-options.h. Whatever is
 * wrong with it is said before anything is read or sent: names and numbers
 * end up in manifests, so nothing else may stand in them.
 */
#include "config.h"
#include "engine/cli/install-options.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"
#include "engine/reporter-key.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/options.h"
#include "schema/own.h"

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

#define REPLICAS_MAX 100

/* One of names with commas between them; "" at the end. */
char *install_next_name(const char **names)
{
	size_t len = strcspn(*names, ",");
	char *name = xstrndup(*names, len);

	*names += len + ((*names)[len] == ',');
	return name;
}

/* They are written into manifests: nothing but names, and each of them. */
static int check_namespaces(const char *names)
{
	const char *all = names;

	while (*names) {
		const char *at = names;
		char *name = install_next_name(&names);
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

static int check_rights(const struct install_options *o)
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

static int check_options(const struct install_options *o)
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
	struct install_options *o = target;

	o->has_approvals = true;
	if (parse_u64(value, 0, LIMIT_APPROVALS, &o->in.approvals) < 0)
		return err_set(err, ERR_INVALID, "'%s' is no number of people "
			       "from 0 to %d", value, LIMIT_APPROVALS);
	return 0;
}

int install_options_parse(int argc, char **argv, struct install_options *o)
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
