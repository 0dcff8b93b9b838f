/*
 * Comparing as the API server does after its defaults. See same.h. The
 * defaults are those of the fields that can never be changed: of Jobs' and
 * claims' templates, of classes and drivers.
 */
#include "config.h"
#include "schema/values/same.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/values/quantity.h"

/* Never compared: made by the server, or said elsewhere. */
static const char *const ignored[] = {
	"creationTimestamp", "status", NULL
};

/* Maps of any keys: what they say is no default of anything. */
static const char *const free_form[] = {
	"annotations", "binaryData", "data", "labels", "matchLabels",
	"nodeSelector", "options", "parameters", "volumeAttributes", NULL
};

/* Filled in, in a way that depends on other fields. */
static const char *const depends[] = {
	"apiVersion", "imagePullPolicy", "kind", "requests", "serviceAccount",
	"serviceAccountName", NULL
};

static const struct {
	const char *key, *text;
} texts[] = {
	{ "apiGroup", "rbac.authorization.k8s.io" },
	{ "completionMode", "NonIndexed" },
	{ "dnsPolicy", "ClusterFirst" },
	{ "fsGroupPolicy", "ReadWriteOnceWithFSType" },
	{ "iscsiInterface", "default" },
	{ "keyring", "/etc/ceph/keyring" },
	{ "managedBy", "kubernetes.io/job-controller" },
	{ "operator", "Equal" },
	{ "path", "/" },
	{ "podManagementPolicy", "OrderedReady" },
	{ "pool", "rbd" },
	{ "preemptionPolicy", "PreemptLowerPriority" },
	{ "protocol", "TCP" },
	{ "reclaimPolicy", "Delete" },
	{ "restartPolicy", "Always" },
	{ "schedulerName", "default-scheduler" },
	{ "scheme", "HTTP" },
	{ "status", "True" },
	{ "terminationMessagePath", "/dev/termination-log" },
	{ "terminationMessagePolicy", "File" },
	{ "type", "Opaque" },
	{ "user", "admin" },
	{ "volumeBindingMode", "Immediate" },
	{ "volumeMode", "Filesystem" },
	{ "whenUnsatisfiable", "DoNotSchedule" },
};

static const struct {
	const char *key;
	int64_t number;
} numbers[] = {
	{ "completions", 1 },
	{ "defaultMode", 420 },
	{ "expirationSeconds", 3600 },
	{ "failureThreshold", 3 },
	{ "periodSeconds", 10 },
	{ "successThreshold", 1 },
	{ "terminationGracePeriodSeconds", 30 },
	{ "timeoutSeconds", 1 },
};

static const char *const true_by_default[] = {
	"attachRequired", "enableServiceLinks", NULL
};

static bool listed(const char *key, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(key, *list))
			return true;
	return false;
}

/* "", 0, false, [] and {} are what Go has where nothing was said; an empty
 * map may be filled with defaults, which is still nothing. */
static bool is_nothing(const struct node *n)
{
	if (!n)
		return true;
	switch (n->type) {
	case NODE_NULL:
		return true;
	case NODE_BOOL:
		return !n->boolean;
	case NODE_INT:
		return !n->integer;
	case NODE_FLOAT:
		return n->real == 0;
	default:
		return !n->n;
	}
}

static bool is_lifecycle(const char *key, const struct node *n)
{
	const char *only = n->type == NODE_SEQ && n->n == 1 ?
		node_text(n->items[0]) : NULL;

	return !strcmp(key, "volumeLifecycleModes") && only &&
	       !strcmp(only, "Persistent");
}

/* What the server would have put there. */
static bool is_default(const char *key, const struct node *n)
{
	if (is_nothing(n) || listed(key, depends) || is_lifecycle(key, n))
		return true;
	for (size_t i = 0; n->type == NODE_STR && i < ARRAY_SIZE(texts); i++)
		if (!strcmp(key, texts[i].key) &&
		    !strcmp(n->str, texts[i].text))
			return true;
	for (size_t i = 0; n->type == NODE_INT && i < ARRAY_SIZE(numbers); i++)
		if (!strcmp(key, numbers[i].key) &&
		    n->integer == numbers[i].number)
			return true;
	return false;
}

static bool same_maps(const struct node *a, const struct node *b)
{
	for (uint32_t i = 0; i < a->n; i++) {
		const struct node_pair *p = &a->pairs[i];

		if (!same_value(p->key, p->value,
				node_getn(b, p->key, p->key_len)))
			return false;
	}
	for (uint32_t i = 0; i < b->n; i++) {
		const struct node_pair *p = &b->pairs[i];

		if (!node_getn(a, p->key, p->key_len) &&
		    !same_value(p->key, NULL, p->value))
			return false;
	}
	return true;
}

/* Of a field that is true where nothing was said. */
static bool is_true(const struct node *n)
{
	return !n || n->type != NODE_BOOL || n->boolean;
}

static bool same_texts(const struct node *a, const struct node *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct node_pair *p = &a->pairs[i];
		const struct node *v = node_getn(b, p->key, p->key_len);

		if (!v || (!node_equal(p->value, v) &&
			   !(is_nothing(p->value) && is_nothing(v))))
			return false;
	}
	return true;
}

/* A map that says nothing but defaults. */
static bool only_defaults(const char *key, const struct node *n)
{
	if (is_default(key, n))
		return true;
	if (n->type != NODE_MAP || listed(key, free_form))
		return false;
	for (uint32_t i = 0; i < n->n; i++)
		if (!only_defaults(n->pairs[i].key, n->pairs[i].value))
			return false;
	return true;
}

bool same_value(const char *key, const struct node *a, const struct node *b)
{
	quantity x, y;

	if (listed(key, true_by_default))
		return is_true(a) == is_true(b);
	if (listed(key, ignored) || (is_nothing(a) && is_nothing(b)))
		return true;
	if (is_nothing(a) || is_nothing(b))
		return only_defaults(key, is_nothing(a) ? b : a);
	if (a->type == NODE_MAP && b->type == NODE_MAP)
		return listed(key, free_form) ? same_texts(a, b) :
						same_maps(a, b);
	if (a->type == NODE_SEQ && b->type == NODE_SEQ) {
		if (a->n != b->n)
			return false;
		for (uint32_t i = 0; i < a->n; i++)
			if (!same_value("", a->items[i], b->items[i]))
				return false;
		return true;
	}
	return node_equal(a, b) ||
	       (quantity_of(a, &x) && quantity_of(b, &y) && x == y);
}
