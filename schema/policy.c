/*
 * What an admin allows. See policy.h. The settings are the admin's, and
 * checked when they are read; the objects are strangers'.
 */
#include "config.h"
#include "schema/policy.h"

#include <string.h>
#include <strings.h>

#include "schema/base/digest.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/pod-template.h"
#include "schema/rules.h"

/* ---- settings ---- */

static void push_once(struct strvec *list, const char *v)
{
	if (!strvec_has(list, v))
		strvec_push(list, v);
}

static int set_namespace(struct policy *p, const char *v, struct err *err)
{
	char name[64];
	size_t len = strlen(v);
	bool open = len && v[len - 1] == '*';

	snprintf(name, sizeof(name), "%.*sx", (int)(len - open), v);
	if (len > 63 || (open ? !is_dns_label(name) : !is_dns_label(v)))
		return err_set(err, ERR_INVALID, "must be a namespace's name, "
			       "or the beginning of one and *");
	push_once(&p->namespaces, v);
	return 0;
}

/* "Kind", "Kind.group", "*.group", "*" */
static bool is_kind(const char *v)
{
	const char *dot = strchr(v, '.');
	char kind[LIMIT_NAME_BYTES + 1];
	size_t len = dot ? (size_t)(dot - v) : strlen(v);

	if (len > LIMIT_NAME_BYTES || (dot && !is_dns_subdomain(dot + 1)))
		return false;
	memcpy(kind, v, len);
	kind[len] = '\0';
	return !strcmp(kind, "*") || is_kind_name(kind);
}

static int kind_error(struct err *err)
{
	return err_set(err, ERR_INVALID, "must be a kind, as Service or "
		       "Deployment.apps, all of a group, as *.apps, or *");
}

static int set_kind(struct policy *p, const char *v, struct err *err)
{
	if (!is_kind(v))
		return kind_error(err);
	push_once(&p->kinds, v);
	return 0;
}

static int set_cluster_scoped(struct policy *p, const char *v,
			      struct err *err)
{
	if (!strcmp(v, "none"))
		p->no_cluster_scoped = true;
	else if (!is_kind(v))
		return kind_error(err);
	else
		push_once(&p->cluster_scoped, v);
	if (p->no_cluster_scoped && p->cluster_scoped.n)
		return err_set(err, ERR_INVALID, "is none and a kind: remove "
			       "one of the two");
	return 0;
}

static int set_images(struct policy *p, const char *v, struct err *err)
{
	if (!strcasecmp(v, "any"))
		p->images = IMAGES_ANY;
	else if (!strcasecmp(v, "tag"))
		p->images = IMAGES_TAG;
	else if (!strcasecmp(v, "digest"))
		p->images = IMAGES_DIGEST;
	else
		return err_set(err, ERR_INVALID, "must be any, tag or digest");
	return 0;
}

static int set_label(struct policy *p, const char *v, struct err *err)
{
	if (!is_qualified_name(v))
		return err_set(err, ERR_INVALID, "must be the key of a label");
	push_once(&p->labels, v);
	return 0;
}

int policy_set(struct policy *p, const char *key, const char *value,
	       struct err *err)
{
	static const struct {
		const char *key;
		int (*set)(struct policy *p, const char *v, struct err *err);
	} settings[] = {
		{ "namespaces", set_namespace },
		{ "kinds", set_kind },
		{ "clusterScoped", set_cluster_scoped },
		{ "imagePolicy", set_images },
		{ "requiredLabels", set_label },
	};

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (!strcasecmp(key, settings[i].key))
			return settings[i].set(p, value, err);
	return 1;
}

static void add_list(struct buf *out, const char *key,
		     const struct strvec *list)
{
	for (size_t i = 0; i < list->n; i++)
		buf_addf(out, "%s %s\n", key, list->v[i]);
}

void policy_text(const struct policy *p, struct buf *out)
{
	add_list(out, "namespaces", &p->namespaces);
	add_list(out, "kinds", &p->kinds);
	add_list(out, "clusterScoped", &p->cluster_scoped);
	add_list(out, "requiredLabels", &p->labels);
	buf_addf(out, "imagePolicy %d\nclusterScoped none %d\n",
		 (int)p->images, p->no_cluster_scoped);
}

void policy_release(struct policy *p)
{
	strvec_release(&p->namespaces);
	strvec_release(&p->kinds);
	strvec_release(&p->cluster_scoped);
	strvec_release(&p->labels);
	*p = (struct policy)POLICY_INIT;
}

/* ---- namespaces and kinds ---- */

/* "a, b and c" for messages, cut where it gets long */
static void add_words(struct buf *out, const struct strvec *list)
{
	for (size_t i = 0; i < list->n && out->len < 200; i++)
		buf_addf(out, "%s%s", i ? ", " : "", list->v[i]);
	if (out->len >= 200)
		buf_adds(out, ", ...");
}

static bool namespace_allowed(const struct strvec *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *v = list->v[i];
		size_t len = strlen(v);

		if (v[len - 1] == '*' ? !strncmp(v, name, len - 1) :
					!strcmp(v, name))
			return true;
	}
	return !list->n;
}

static int check_namespace(const struct policy *p, const struct object *o,
			   enum scope scope, struct problems *ps)
{
	bool itself = !strcmp(o->id.kind, "Namespace") && !*o->id.group;
	const char *name = itself ? o->id.name : o->id.namespace;
	struct buf words = BUF_INIT(LIMIT_PATH_BYTES);

	if ((scope == SCOPE_CLUSTER && !itself) ||
	    namespace_allowed(&p->namespaces, name))
		return 0;
	add_words(&words, &p->namespaces);
	problem_error(ps, o->path, rules_mark(o, itself ? "name" :
							   "namespace"),
		      "policy-namespace", "namespace '%s' is not one of this "
		      "channel's: %s", name, words.data);
	buf_release(&words);
	return -1;
}

static bool kind_allowed(const struct strvec *list, const struct object_id *id)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *v = list->v[i], *dot = strchr(v, '.');
		size_t len = dot ? (size_t)(dot - v) : strlen(v);

		if (!strcmp(v, "*"))
			return true;
		if (strcmp(dot ? dot + 1 : "", id->group))
			continue;
		if ((len == 1 && *v == '*') ||
		    (strlen(id->kind) == len && !memcmp(v, id->kind, len)))
			return true;
	}
	return false;
}

static int check_kind(const struct policy *p, const struct object *o,
		      enum scope scope, struct problems *ps)
{
	const struct strvec *list = scope == SCOPE_CLUSTER ?
				    &p->cluster_scoped : &p->kinds;
	bool limited = list->n || (scope == SCOPE_CLUSTER &&
				   p->no_cluster_scoped);
	struct buf words = BUF_INIT(LIMIT_PATH_BYTES);
	const struct node *kind = node_get(o->root, "kind");

	if (!limited || kind_allowed(list, &o->id))
		return 0;
	if (list->n)
		add_words(&words, list);
	else
		buf_adds(&words, "none");
	problem_error(ps, o->path, kind ? kind->mark : o->mark, "policy-kind",
		      "%s%s%s is no kind that this channel may have: of those "
		      "%s a namespace it may have %s", o->id.kind,
		      *o->id.group ? "." : "", o->id.group,
		      scope == SCOPE_CLUSTER ? "without" : "in", words.data);
	buf_release(&words);
	return -1;
}

/* ---- labels ---- */

static int check_labels(const struct policy *p, const struct object *o,
			struct problems *ps)
{
	const struct node *labels = node_path(o->root, "metadata", "labels",
					      NULL);
	int rc = 0;

	for (size_t i = 0; i < p->labels.n; i++) {
		const struct node *v = node_get(labels, p->labels.v[i]);

		if (v && v->type == NODE_STR && v->n)
			continue;
		problem_error(ps, o->path, rules_mark(o, "labels"),
			      "policy-label", "%s '%s' has no label '%s', "
			      "which this channel requires of each object",
			      o->id.kind, o->id.name, p->labels.v[i]);
		rc = -1;
	}
	return rc;
}

/* ---- images ---- */

/* "sha256:" and its hex digits, or another algorithm's */
static bool is_digest(const char *s)
{
	const char *colon = strchr(s, ':');

	if (!colon)
		return false;
	if (!strncmp(s, "sha256:", 7))
		return is_hex(colon + 1, strlen(colon + 1), 64);
	return !strncmp(s, "sha512:", 7) &&
	       is_hex(colon + 1, strlen(colon + 1), 128);
}

/* What is wrong with an image, or NULL. */
static const char *image_fault(const struct policy *p, const char *image)
{
	const char *at = strchr(image, '@'), *slash, *tag;

	if (at && is_digest(at + 1))
		return NULL;
	if (p->images == IMAGES_DIGEST)
		return "has no digest: write NAME@sha256:...";
	slash = strrchr(image, '/');
	tag = strchr(slash ? slash : image, ':');
	if (!tag || !tag[1] || (at && at < tag))
		return "has neither tag nor digest, so it is what 'latest' "
		       "is at that time";
	if (!strcmp(tag, ":latest"))
		return "is 'latest', which is another one tomorrow: write a "
		       "version, or a digest";
	return NULL;
}

static int check_image(const struct policy *p, const struct object *o,
		       const struct node *n, struct problems *ps)
{
	const char *image = node_text(n);
	const char *fault = image && *image ? image_fault(p, image) : NULL;

	if (!fault)
		return 0;
	problem_error(ps, o->path, n->mark, "policy-image", "image '%s' %s",
		      image, fault);
	return -1;
}

static int check_images(const struct policy *p, const struct object *o,
			struct problems *ps)
{
	static const char *const lists[] = {
		"initContainers", "containers", "ephemeralContainers",
		"volumes",
	};
	const struct node *spec = node_get(pod_template_of(o), "spec");
	int rc = 0;

	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		const struct node *list = node_get(spec, lists[k]);

		for (uint32_t i = 0; list && list->type == NODE_SEQ &&
		     i < list->n; i++) {
			const struct node *n = node_get(list->items[i],
							"image");

			/* a volume's is a map */
			if (!strcmp(lists[k], "volumes"))
				n = node_get(n, "reference");
			rc |= check_image(p, o, n, ps);
		}
	}
	return rc;
}

int policy_judge(const struct policy *p, const struct object *o,
		 enum scope scope, struct problems *ps)
{
	int rc = check_namespace(p, o, scope, ps);

	rc |= check_kind(p, o, scope, ps);
	rc |= check_labels(p, o, ps);
	if (p->images != IMAGES_ANY)
		rc |= check_images(p, o, ps);
	return rc;
}
