/*
 * Volumes that are put together of several sources, each of which has its
 * own paths.
 */
#include "config.h"

#include <string.h>

#include "schema/base/map.h"
#include "schema/values/common.h"
#include "schema/values/pod.h"

/* of a token and of a certificate, in seconds */
#define TOKEN_SHORTEST 600
#define TOKEN_LONGEST (INT64_C(1) << 32)
#define CERTIFICATE_SHORTEST 3600
#define CERTIFICATE_LONGEST (91 * 24 * 3600)
#define CERTIFICATE_LONGEST_OWN (24 * 3600)
#define SIGNER_DOMAIN_MAX 253

/* ---- sources ---- */

static void judge_keys(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "items", judge_items, ANY },
		{ "name", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_expiration(struct judge *j, const struct place *p)
{
	judge_range(j, p, TOKEN_SHORTEST, TOKEN_LONGEST);
}

static void judge_token(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "expirationSeconds", judge_expiration, ANY },
		{ "path", judge_file_path, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* "example.org/signer": a domain, and names of DNS with dots between */
static bool is_signer(const char *s)
{
	const char *slash = strchr(s, '/');
	char domain[SIGNER_DOMAIN_MAX + 1];

	if (!slash || (size_t)(slash - s) >= sizeof(domain) ||
	    strlen(s) > 571 || strchr(slash + 1, '/'))
		return false;
	memcpy(domain, s, (size_t)(slash - s));
	domain[slash - s] = '\0';
	return is_dns_subdomain(domain) && strchr(domain, '.') &&
	       is_dns_subdomain(slash + 1);
}

static void judge_signer(struct judge *j, const struct place *p)
{
	const char *s = node_text(p->node);

	if (s && (!at_text(p) || !is_signer(s)))
		at_error(j, p, "value-format", "'%s' is no signer such as "
			 "example.org/name", s);
}

/* "name", or "example.org:signer:name" of a signer example.org/signer */
static bool is_bundle_name(const char *s)
{
	const char *last = strrchr(s, ':');

	if (!last)
		return is_dns_subdomain(s);
	return memchr(s, ':', (size_t)(last - s)) &&
	       is_dns_subdomain(last + 1);
}

static void judge_bundle_name(struct judge *j, const struct place *p)
{
	const char *s = node_text(p->node);

	if (s && (!at_text(p) || !is_bundle_name(s)))
		at_error(j, p, "value-format", "'%s' is no name of a "
			 "ClusterTrustBundle", s);
}

static void judge_trust_bundle(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "labelSelector", judge_selector, ANY },
		{ "name", judge_bundle_name, FILLED },
		{ "path", judge_file_path, FILLED },
		{ "signerName", judge_signer, FILLED },
	};
	static const char *const ways[] = { "name", "signerName", NULL };
	static const char *const selector[] = { "labelSelector", NULL };
	struct place one;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	at_one_of(j, p, ways, false, &one);
	if (at_has(p, "name"))
		at_forbid(j, p, selector, "beside a name");
}

static void judge_life(struct judge *j, const struct place *p)
{
	const char *signer = at_key_text(p->up, "signerName", "");
	size_t host = strcspn(signer, "/");
	bool own = (host == 13 && !strncmp(signer, "kubernetes.io", 13)) ||
		   (host > 14 && !strncmp(signer + host - 14, ".kubernetes.io",
					  14));

	judge_range(j, p, CERTIFICATE_SHORTEST, own ? CERTIFICATE_LONGEST_OWN :
		    CERTIFICATE_LONGEST);
}

static void judge_key_type(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384",
		    "ECDSAP521", "ED25519");
}

static void judge_certificate(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "certificateChainPath", judge_file_path, OR_EMPTY },
		{ "credentialBundlePath", judge_file_path, OR_EMPTY },
		{ "keyPath", judge_file_path, OR_EMPTY },
		{ "keyType", judge_key_type, ANY },
		{ "maxExpirationSeconds", judge_life, ANY },
		{ "signerName", judge_signer, ANY },
	};

	if (!at_is_map(p))
		return;
	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (!at_filled(p, "credentialBundlePath") &&
	    !at_filled(p, "keyPath") && !at_filled(p, "certificateChainPath"))
		at_error(j, p, "value-required", "must have one of "
			 "credentialBundlePath, keyPath, "
			 "certificateChainPath");
}

static void judge_source(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "clusterTrustBundle", judge_trust_bundle, ANY },
		{ "configMap", judge_keys, ANY },
		{ "downwardAPI", judge_downward, ANY },
		{ "podCertificate", judge_certificate, ANY },
		{ "secret", judge_keys, ANY },
		{ "serviceAccountToken", judge_token, ANY },
	};
	static const char *const sources[] = {
		"secret", "configMap", "downwardAPI", "serviceAccountToken",
		"clusterTrustBundle", "podCertificate", NULL
	};
	struct place one;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	/* one of none is taken, and is nothing */
	at_one_of(j, p, sources, true, &one);
}

/* ---- paths, each of which can be there once ---- */

static void judge_path(struct judge *j, const struct place *owner,
		       const char *key, struct map *seen)
{
	struct place p;
	const struct node *first;

	if (!at(owner, key, &p) || !at_text(&p) || !*at_text(&p))
		return;
	first = map_get(seen, at_text(&p));
	if (first)
		at_error(j, &p, "value-duplicate", "'%s' is there twice: the "
			 "first is in line %u", at_text(&p), first->mark.line);
	else
		map_put(seen, at_text(&p), (void *)p.node);
}

static void judge_item_paths(struct judge *j, const struct place *source,
			     const char *key, struct map *seen)
{
	struct place part, items, item;

	if (!at(source, key, &part) || !at(&part, "items", &items))
		return;
	for (uint32_t i = 0; at_is_list(&items) && i < items.node->n; i++)
		if (at_item(&items, i, &item))
			judge_path(j, &item, "path", seen);
}

static void judge_own_paths(struct judge *j, const struct place *source,
			    struct map *seen)
{
	struct place part;

	if (at(source, "clusterTrustBundle", &part))
		judge_path(j, &part, "path", seen);
	if (!at(source, "podCertificate", &part))
		return;
	judge_path(j, &part, "credentialBundlePath", seen);
	judge_path(j, &part, "keyPath", seen);
	judge_path(j, &part, "certificateChainPath", seen);
}

static void judge_projections(struct judge *j, const struct place *p)
{
	struct map seen = MAP_INIT;
	struct place source;

	at_items(j, p, judge_source);
	for (uint32_t i = 0; at_is_list(p) && i < p->node->n; i++) {
		if (!at_item(p, i, &source))
			continue;
		judge_item_paths(j, &source, "secret", &seen);
		judge_item_paths(j, &source, "configMap", &seen);
		judge_item_paths(j, &source, "downwardAPI", &seen);
		judge_own_paths(j, &source, &seen);
	}
	map_release(&seen, NULL);
}

void judge_projected(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "defaultMode", judge_file_mode, ANY },
		{ "sources", judge_projections, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}
