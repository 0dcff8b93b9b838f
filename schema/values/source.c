/*
 * Where the bytes of a volume are: the ways that a Pod's volume and a
 * PersistentVolume have in common. As core/validation has them.
 */
#include "config.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "schema/values/common.h"
#include "schema/values/storage.h"

#define DRIVER_NAME_MAX 63
#define QUOBYTE_TENANT_MAX 64

/* ---- paths and shares ---- */

void judge_host_path(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "path", judge_no_backsteps, MUST },
	};
	struct place type;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at(p, "type", &type) && node_text(type.node))
		JUDGE_WORDS(j, &type, "", "DirectoryOrCreate", "Directory",
			    "FileOrCreate", "File", "Socket", "CharDevice",
			    "BlockDevice");
}

void judge_nfs(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "path", judge_absolute, MUST },
		{ "server", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* ---- iSCSI ---- */

static bool only(const char *s, int (*is)(int), size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is((unsigned char)s[i]))
			return false;
	return true;
}

/* "iqn.2001-04.com.example:storage.disk1" */
static bool is_iqn(const char *s)
{
	const char *date = s + 4, *name = date + 8, *colon;

	if (strncmp(s, "iqn.", 4) || strlen(s) < 14 || !only(date, isdigit, 4) ||
	    date[4] != '-' || !only(date + 5, isdigit, 2) || date[7] != '.')
		return false;
	colon = strchr(name, ':');
	if (!colon || colon == name || !colon[1])
		return false;
	for (const char *c = name; c < colon; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '.')
			return false;
	return !colon[1 + strcspn(colon + 1, ",;*&$| \t\n\r\f\v")];
}

/* "eui." and "naa." with so many letters and digits; any letter may stand
 * for the dot, as in the API server's own expression. */
static bool is_fixed(const char *s, size_t n)
{
	return strlen(s) == 4 + n && only(s + 4, isalnum, n);
}

static bool is_iscsi_name(const char *s)
{
	if (!strncmp(s, "iqn", 3))
		return is_iqn(s);
	if (!strncmp(s, "eui", 3))
		return is_fixed(s, 16);
	return !strncmp(s, "naa", 3) && is_fixed(s, 32);
}

static void judge_iscsi_name(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_iscsi_name, "iSCSI name such as "
		   "iqn.2001-04.com.example:storage.disk1");
}

static void judge_byte(struct judge *j, const struct place *p)
{
	judge_range(j, p, 0, 255);
}

void judge_iscsi(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "initiatorName", judge_iscsi_name, ANY },
		{ "iqn", judge_iscsi_name, MUST },
		{ "lun", judge_byte, ANY },
		{ "targetPortal", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at_is_map(p) && !at_has(p, "secretRef") &&
	    (at_key_true(p, "chapAuthDiscovery") ||
	     at_key_true(p, "chapAuthSession")))
		at_missing(j, p, "secretRef", " for CHAP");
}

/* ---- disks ---- */

void judge_fibre_channel(struct judge *j, const struct place *p)
{
	static const char *const ways[] = { "targetWWNs", "wwids", NULL };
	bool target = at_filled(p, "targetWWNs");
	struct place lun, ids;

	if (!at_is_map(p))
		return;
	if (!target && !at_filled(p, "wwids"))
		at_error(j, p, "value-required", "must have one of %s, %s",
			 ways[0], ways[1]);
	else if (target && at_filled(p, "wwids") && at(p, "wwids", &ids))
		at_key_error(j, &ids, "value-conflict", "cannot be set beside "
			     "'targetWWNs': only one of the two can be");
	if (target && !at(p, "lun", &lun))
		at_missing(j, p, "lun", " beside targetWWNs");
	else if (target)
		judge_byte(j, &lun);
}

void judge_gce_disk(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "partition", judge_byte, ANY },
		{ "pdName", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_aws_disk(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "partition", judge_byte, ANY },
		{ "volumeID", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static bool begins(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

void judge_azure_disk(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "cachingMode", NULL, FILLED },
		{ "diskName", NULL, MUST },
		{ "diskURI", NULL, MUST },
		{ "kind", NULL, FILLED },
	};
	const char *kind = at_key_text(p, "kind", "Shared");
	bool managed = !strcmp(kind, "Managed");
	struct place uri;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (!at_filled(p, "diskURI") || !at(p, "diskURI", &uri) ||
	    !at_text(&uri))
		return;
	if (managed && !begins(at_text(&uri), "/subscriptions/"))
		at_error(j, &uri, "value-format", "must begin with "
			 "/subscriptions/ where the kind is Managed");
	else if (!managed && !begins(at_text(&uri), "https://"))
		at_error(j, &uri, "value-format", "must begin with https:// "
			 "where the kind is not Managed");
}

/* ---- the others ---- */

static bool has_no_slash(const char *s)
{
	return !strchr(s, '/');
}

static void judge_dataset(struct judge *j, const struct place *p)
{
	judge_text(j, p, has_no_slash, "name of a dataset: it must not "
		   "contain /");
}

void judge_flocker(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "datasetName", judge_dataset, OR_EMPTY },
	};
	bool name = at_filled(p, "datasetName");
	struct place uuid;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	if (at_is_map(p) && !name && !at_filled(p, "datasetUUID"))
		at_error(j, p, "value-required", "must have one of "
			 "datasetName, datasetUUID");
	else if (name && at_filled(p, "datasetUUID") &&
		 at(p, "datasetUUID", &uuid))
		at_key_error(j, &uuid, "value-conflict", "cannot be set beside "
			     "'datasetName': only one of the two can be");
}

static bool is_registry(const char *s)
{
	for (;;) {
		size_t len = strcspn(s, ",");
		const char *colon = memrchr(s, ':', len);

		if (!colon || (*s != '[' && memchr(s, ':',
						   (size_t)(colon - s))))
			return false;
		if (!s[len])
			return true;
		s += len + 1;
	}
}

static void judge_registry(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_registry, "registry: a host and a port such as "
		   "host:7861, or several with commas between");
}

static bool is_tenant(const char *s)
{
	return strlen(s) <= QUOBYTE_TENANT_MAX;
}

static void judge_tenant(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_tenant, "tenant: at most 64 bytes");
}

void judge_quobyte(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "registry", judge_registry, MUST },
		{ "tenant", judge_tenant, ANY },
		{ "volume", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_vsphere(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "volumePath", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_photon(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "pdID", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_portworx(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "volumeID", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_rbd(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "image", NULL, MUST },
		{ "monitors", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_cephfs(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "monitors", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static bool is_reserved(const char *s)
{
	static const char *const ends[] = { ".kubernetes.io", ".k8s.io" };
	char domain[256];
	size_t n = strcspn(s, "/");

	if (n + 2 > sizeof(domain))
		return false;
	domain[0] = '.';
	memcpy(domain + 1, s, n);
	domain[++n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (n >= strlen(ends[i]) &&
		    !strcasecmp(domain + n - strlen(ends[i]), ends[i]))
			return true;
	return false;
}

void judge_flex(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "driver", NULL, MUST },
	};
	struct place options;

	at_fields(j, p, fields, ARRAY_SIZE(fields));
	at(p, "options", &options);
	for (uint32_t i = 0; at_is_map(&options) && i < options.node->n; i++)
		if (is_reserved(options.node->pairs[i].key))
			place_error(j, &options, options.node->pairs[i].mark,
				    "value-format", "has '%s', but the "
				    "domains kubernetes.io and k8s.io are "
				    "Kubernetes' own",
				    options.node->pairs[i].key);
}

void judge_scale_io(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "gateway", NULL, MUST },
		{ "system", NULL, MUST },
		{ "volumeName", NULL, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static bool is_driver_name(const char *s)
{
	char lower[DRIVER_NAME_MAX + 1];
	size_t n = strlen(s);

	if (n > DRIVER_NAME_MAX)
		return false;
	for (size_t i = 0; i <= n; i++)
		lower[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 0x20 :
							       s[i]);
	return is_dns_subdomain(lower);
}

void judge_csi_driver_name(struct judge *j, const struct place *p)
{
	judge_text(j, p, is_driver_name, "name of a CSI driver: a DNS name of "
		   "at most 63 bytes, such as csi.example.org");
}
