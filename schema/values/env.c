/*
 * The environment of a container: names, and where values come from. A value
 * itself may be secret: nothing is said of it.
 */
#include "config.h"

#include <string.h>

#include "schema/values/common.h"
#include "schema/values/pod.h"
#include "schema/values/quantity.h"

/* ---- fields of the pod ---- */

/* What stands before the brackets of "metadata.labels['x']", or the whole;
 * *ret_key what is within, or NULL. False if it is longer than any. */
static bool split_path(const char *path, char *ret, size_t size,
		       char *ret_key, size_t key_size, bool *ret_has_key)
{
	size_t len = strlen(path);
	const char *open = strstr(path, "['");

	*ret_has_key = len > 2 && !strcmp(path + len - 2, "']") && open &&
		       open != path && open + 2 <= path + len - 2;
	if (!*ret_has_key) {
		*ret_key = '\0';
		if (len >= size)
			return false;
		memcpy(ret, path, len + 1);
		return true;
	}
	if ((size_t)(open - path) >= size ||
	    (size_t)(path + len - 2 - (open + 2)) >= key_size)
		return false;
	memcpy(ret, path, (size_t)(open - path));
	ret[open - path] = '\0';
	memcpy(ret_key, open + 2, (size_t)(path + len - 2 - (open + 2)));
	ret_key[path + len - 2 - (open + 2)] = '\0';
	return true;
}

static void lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s | 0x20);
}

static void judge_field_path(struct judge *j, const struct place *p,
			     const char *const *words, size_t n)
{
	const char *path = at_text(p);
	char head[64], key[320];
	bool labels, annotations, has_key;

	if (!path)
		return;
	if (!split_path(path, head, sizeof(head), key, sizeof(key), &has_key)) {
		judge_words(j, p, words, n);
		return;
	}
	labels = !strcmp(head, "metadata.labels");
	annotations = !strcmp(head, "metadata.annotations");
	if (!has_key) {
		if (strcmp(path, "spec.host"))
			judge_words(j, p, words, n);
		return;
	}
	if (annotations)
		lower(key);
	if (!labels && !annotations)
		at_error(j, p, "value-format", "cannot have a key in brackets: "
			 "only metadata.labels and metadata.annotations do");
	else if (!is_qualified_name(key))
		at_error(j, p, "value-format", "names '%s', which is no key "
			 "of a label or annotation", key);
}

static void judge_api_version(struct judge *j, const struct place *p)
{
	JUDGE_WORDS(j, p, "v1");
}

static void judge_env_path(struct judge *j, const struct place *p)
{
	static const char *const words[] = {
		"metadata.name", "metadata.namespace", "metadata.uid",
		"metadata.labels['<KEY>']", "metadata.annotations['<KEY>']",
		"spec.nodeName", "spec.serviceAccountName", "status.hostIP",
		"status.hostIPs", "status.podIP", "status.podIPs",
	};

	judge_field_path(j, p, words, ARRAY_SIZE(words));
}

static void judge_volume_path(struct judge *j, const struct place *p)
{
	static const char *const words[] = {
		"metadata.name", "metadata.namespace", "metadata.labels",
		"metadata.annotations", "metadata.uid",
		"metadata.labels['<KEY>']", "metadata.annotations['<KEY>']",
	};

	judge_field_path(j, p, words, ARRAY_SIZE(words));
}

void judge_pod_field(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "apiVersion", judge_api_version, OR_EMPTY },
		{ "fieldPath", judge_env_path, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_volume_field(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "apiVersion", judge_api_version, OR_EMPTY },
		{ "fieldPath", judge_volume_path, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* ---- resources of the container ---- */

static void judge_resource(struct judge *j, const struct place *p)
{
	static const char *const words[] = {
		"limits.cpu", "limits.memory", "limits.ephemeral-storage",
		"requests.cpu", "requests.memory",
		"requests.ephemeral-storage", "limits.hugepages-<SIZE>",
		"requests.hugepages-<SIZE>",
	};
	const char *s = at_text(p);

	if (s && (!strncmp(s, "limits.hugepages-", 17) ||
		  !strncmp(s, "requests.hugepages-", 19)))
		return;
	judge_words(j, p, words, ARRAY_SIZE(words));
}

/* 1, or 1 with a suffix, but for fractions. */
static bool is_unit(quantity v)
{
	quantity decimal = QUANTITY_ONE, binary = QUANTITY_ONE;

	for (int i = 0; i <= 6; i++, decimal *= 1000, binary *= 1024)
		if (v == decimal || v == binary)
			return true;
	return false;
}

static void judge_divisor(struct judge *j, const struct place *p)
{
	const char *resource = at_key_text(p->up, "resource", "");
	const char *name = strchr(resource, '.');
	quantity v;

	if (!name || !quantity_of(p->node, &v) || !v)
		return;
	if (!strcmp(name, ".cpu") && v != QUANTITY_ONE &&
	    v != QUANTITY_ONE / 1000)
		at_error(j, p, "value-range", "must be 1 or 1m for cpu");
	else if (strcmp(name, ".cpu") && !is_unit(v))
		at_error(j, p, "value-range", "must be 1, or 1 with one of k, "
			 "M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei");
}

void judge_container_resource(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "divisor", judge_divisor, ANY },
		{ "resource", judge_resource, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_volume_resource(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "containerName", NULL, MUST },
		{ "divisor", judge_divisor, ANY },
		{ "resource", judge_resource, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

/* ---- sources ---- */

static void judge_key_selector(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "key", judge_config_key, FILLED },
		{ "name", judge_dns_subdomain, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_file_volume(struct judge *j, const struct place *p)
{
	const char *name = at_text(p);
	const struct node *volume;

	judge_dns_label(j, p);
	if (!name || !is_dns_label(name))
		return;
	if (!pod_has_volume(j->pod, name, &volume))
		at_error(j, p, "value-reference", "is '%s', but the pod has "
			 "no such volume", name);
	else if (!volume || !node_get(volume, "emptyDir"))
		at_error(j, p, "value-reference", "is '%s', which is no "
			 "emptyDir", name);
}

static void judge_file_key(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "key", judge_env_name, FILLED },
		{ "path", judge_no_backsteps, FILLED },
		{ "volumeName", judge_file_volume, FILLED },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_value_from(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "configMapKeyRef", judge_key_selector, ANY },
		{ "fieldRef", judge_pod_field, ANY },
		{ "fileKeyRef", judge_file_key, ANY },
		{ "resourceFieldRef", judge_container_resource, ANY },
		{ "secretKeyRef", judge_key_selector, ANY },
	};
	static const char *const sources[] = {
		"fieldRef", "resourceFieldRef", "configMapKeyRef",
		"secretKeyRef", "fileKeyRef", NULL
	};
	struct place one;

	at_one_of(j, p, sources, false, &one);
	if (one.node && at_filled(p->up, "value"))
		at_key_error(j, p, "value-conflict", "cannot be set beside "
			     "'value': only one of the two can be");
	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_variable(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_env_name, FILLED },
		{ "valueFrom", judge_value_from, ANY },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_env(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_variable);
}

static void judge_whole(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "name", judge_dns_subdomain, MUST },
	};

	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

static void judge_source(struct judge *j, const struct place *p)
{
	static const struct field fields[] = {
		{ "configMapRef", judge_whole, ANY },
		{ "prefix", judge_env_name, OR_EMPTY },
		{ "secretRef", judge_whole, ANY },
	};
	static const char *const sources[] = {
		"configMapRef", "secretRef", NULL
	};
	struct place one;

	at_one_of(j, p, sources, false, &one);
	at_fields(j, p, fields, ARRAY_SIZE(fields));
}

void judge_env_from(struct judge *j, const struct place *p)
{
	at_items(j, p, judge_source);
}
