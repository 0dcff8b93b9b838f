/*
 * Annotations of windlass. See wishes.h. Whoever wrote the object is a
 * stranger: pointers are bounded in number, and by the depth of the tree that
 * they lead into. Refused is what could not be meant: a word that is none, a
 * pointer to what an object is known by, or to what windlass itself needs.
 */
#include "config.h"
#include "schema/wishes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/depends.h"
#include "schema/limits.h"
#include "schema/near.h"

/* deeper than any object may be */
#define STEPS_MAX (LIMIT_DEPTH + 1)

static const char *wish_text(const struct node *object, const char *key)
{
	return node_path_str(object, "metadata", "annotations", key, NULL);
}

static const char *const drift_words[] = {
	[WISH_DRIFT_CORRECT] = "correct",
	[WISH_DRIFT_REPORT] = "report",
	[WISH_DRIFT_IGNORE] = "ignore",
};

enum wish_drift wish_drift(const struct node *object)
{
	const char *text = wish_text(object, WISH_DRIFT);

	for (size_t i = WISH_DRIFT_CORRECT; text && i <= WISH_DRIFT_IGNORE;
	     i++)
		if (!strcmp(text, drift_words[i]))
			return (enum wish_drift)i;
	return WISH_DRIFT_UNSAID;
}

enum wish_prune wish_prune(const struct node *object)
{
	const char *text = wish_text(object, WISH_PRUNE);

	if (text && !strcmp(text, "false"))
		return WISH_PRUNE_NEVER;
	return text && !strcmp(text, "cascade") ? WISH_PRUNE_CASCADE :
	       WISH_PRUNE_UNSAID;
}

/* A Namespace or a CustomResourceDefinition: a box of other objects. */
static bool is_box(const struct node *object)
{
	const char *kind = node_text(node_get(object, "kind"));

	return kind && (!strcmp(kind, "Namespace") ||
			!strcmp(kind, "CustomResourceDefinition"));
}

bool wish_recreate(const struct node *object)
{
	const char *text = wish_text(object, WISH_RECREATE);

	return text && !strcmp(text, "true") && !is_box(object);
}

bool wish_ignores(const struct node *object)
{
	const char *text = wish_text(object, WISH_IGNORE_FIELDS);

	return text && *text;
}

int wish_wave(const char *text, int *ret)
{
	bool negative = *text == '-';
	uint64_t v;

	if (parse_u64(text + negative, 0, WAVE_MAX, &v) < 0)
		return -1;
	*ret = negative ? -(int)v : (int)v;
	return 0;
}

/* ---- pointers ---- */

struct pointer {
	const char *text;
	size_t len;
};

/* The next of a list; false at its end. */
static bool next_pointer(const char **at, struct pointer *ret)
{
	*at += strspn(*at, ", \t\r\n");
	ret->text = *at;
	ret->len = strcspn(*at, ", \t\r\n");
	*at += ret->len;
	return ret->len > 0;
}

/* "/a~1b/0": each part begins with a /, a ~ is followed by 0 or 1. */
static bool pointer_is_one(const struct pointer *p)
{
	if (!p->len || p->text[0] != '/')
		return false;
	for (size_t i = 0; i < p->len; i++)
		if (p->text[i] == '~' &&
		    (i + 1 == p->len || !strchr("01", p->text[i + 1])))
			return false;
	return true;
}

/* The part that begins at *at, unescaped, and *at behind it. */
static void next_part(const struct pointer *p, size_t *at, struct buf *out)
{
	buf_reset(out);
	for (++*at; *at < p->len && p->text[*at] != '/'; ++*at) {
		char c = p->text[*at];

		if (c == '~')
			c = p->text[++*at] == '1' ? '/' : '~';
		buf_addc(out, c);
	}
}

static bool take_step(const struct node *in, const struct buf *part,
		      struct wish_step *ret)
{
	const struct node_pair *pair;
	uint64_t index;

	*ret = (struct wish_step){ .in = in, .key = "" };
	if (in->type == NODE_SEQ) {
		if (parse_u64n(part->data, part->len, 0, UINT32_MAX,
			       &index) < 0 || index >= in->n)
			return false;
		ret->index = (uint32_t)index;
		ret->to = in->items[index];
		return true;
	}
	pair = node_pair(in, part->data);
	if (!pair)
		return false;
	ret->key = pair->key;
	ret->to = pair->value;
	return true;
}

/* The steps to what a pointer names; 0 if the object has it not. */
static size_t follow(const struct node *object, const struct pointer *p,
		     struct wish_step *steps)
{
	struct buf part = BUF_INIT(LIMIT_ANNOTATIONS_BYTES);
	const struct node *in = object;
	size_t at = 0, n = 0;

	while (at < p->len) {
		next_part(p, &at, &part);
		if (n == STEPS_MAX || !take_step(in, &part, &steps[n])) {
			n = 0;
			break;
		}
		in = steps[n++].to;
	}
	buf_release(&part);
	return n;
}

/* What an object is known by, what says whose it is, and these wishes. */
static bool is_forbidden(const struct pointer *p)
{
	static const char *const open[] = {
		"/metadata/labels/", "/metadata/annotations/",
	};
	static const char *const ours[] = {
		"applyset.kubernetes.io~1", "windlass.dev~1",
	};
	static const char *const closed[] = {
		"/apiVersion", "/kind", "/metadata", "/status",
	};

	for (size_t i = 0; i < ARRAY_SIZE(open); i++) {
		size_t len = strlen(open[i]);

		if (p->len <= len || strncmp(p->text, open[i], len))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(ours); k++)
			if (!strncmp(p->text + len, ours[k], strlen(ours[k])))
				return true;
		return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(closed); i++) {
		size_t len = strlen(closed[i]);

		if (p->len >= len && !strncmp(p->text, closed[i], len) &&
		    (p->len == len || p->text[len] == '/'))
			return true;
	}
	return p->len == 1;
}

void wish_each_ignored(const struct node *object,
		       void (*fn)(void *arg, const struct wish_step *steps,
				  size_t n), void *arg)
{
	const char *at = wish_text(object, WISH_IGNORE_FIELDS);
	struct wish_step steps[STEPS_MAX];
	struct pointer p;

	for (unsigned i = 0; at && i < WISH_POINTERS_MAX &&
	     next_pointer(&at, &p); i++) {
		size_t n = pointer_is_one(&p) && !is_forbidden(&p) ?
			   follow(object, &p, steps) : 0;

		if (n)
			fn(arg, steps, n);
	}
}

/* ---- without them ---- */

struct doomed {
	const struct node *v[WISH_POINTERS_MAX];
	size_t n;
};

static void add_doomed(void *arg, const struct wish_step *steps, size_t n)
{
	struct doomed *d = arg;

	d->v[d->n++] = steps[n - 1].to;
}

static bool is_doomed(const struct doomed *d, const struct node *n)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i] == n)
			return true;
	return false;
}

/* NULL if it goes, or if nothing of it is left. */
static struct node *copy_rest(const struct doomed *d, const struct node *n,
			      struct arena *a)
{
	struct node *out, *rest;

	if (is_doomed(d, n))
		return NULL;
	if ((n->type != NODE_MAP && n->type != NODE_SEQ) || !n->n)
		return node_copy(a, n);
	out = n->type == NODE_MAP ? node_map(a) : node_seq(a);
	for (uint32_t i = 0; i < n->n; i++) {
		rest = copy_rest(d, n->type == NODE_MAP ? n->pairs[i].value :
				 n->items[i], a);
		if (!rest)
			continue;
		if (n->type == NODE_MAP)
			node_set(a, out, n->pairs[i].key, rest);
		else
			node_append(a, out, rest);
	}
	return out->n ? out : NULL;
}

const struct node *wish_reduced(const struct node *object, struct arena *a)
{
	struct doomed d = { .n = 0 };
	const struct node *out;

	wish_each_ignored(object, add_doomed, &d);
	if (!d.n)
		return object;
	out = copy_rest(&d, object, a);
	return out ? out : object;
}

/* ---- judging ---- */

struct judge {
	const struct object *o;
	struct problems *ps;
	int rc;
};

static void refuse(struct judge *j, const struct node *v, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void refuse(struct judge *j, const struct node *v, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	problem_error(j->ps, j->o->path, v->mark, "wish-value", "%s", text);
	j->rc = -1;
}

static void check_wave(struct judge *j, const struct node *v)
{
	int number;

	if (wish_wave(v->str, &number) < 0)
		refuse(j, v, "annotation '" WISH_WAVE "' is \"%s\"; it must "
		       "be a whole number from %d to %d", v->str, WAVE_MIN,
		       WAVE_MAX);
}

static void check_drift(struct judge *j, const struct node *v)
{
	if (wish_drift(j->o->root) == WISH_DRIFT_UNSAID)
		refuse(j, v, "annotation '" WISH_DRIFT "' is \"%s\"; it must "
		       "be correct, report or ignore", v->str);
}

static void check_recreate(struct judge *j, const struct node *v)
{
	if (strcmp(v->str, "true") && strcmp(v->str, "false"))
		refuse(j, v, "annotation '" WISH_RECREATE "' is \"%s\"; it "
		       "must be \"true\" or \"false\"", v->str);
	else if (*v->str == 't' && is_box(j->o->root))
		refuse(j, v, "a %s cannot be deleted and made again: all that "
		       "is in it would go", j->o->id.kind);
}

static void check_prune(struct judge *j, const struct node *v)
{
	enum wish_prune wish = wish_prune(j->o->root);

	if (wish == WISH_PRUNE_UNSAID && strcmp(v->str, "true"))
		refuse(j, v, "annotation '" WISH_PRUNE "' is \"%s\"; it must "
		       "be \"false\" (leave it), \"true\", or cascade for a "
		       "Namespace or CustomResourceDefinition", v->str);
	else if (wish == WISH_PRUNE_CASCADE && !is_box(j->o->root))
		refuse(j, v, "annotation '" WISH_PRUNE "' is cascade, but "
		       "nothing is in a %s: only a Namespace or a "
		       "CustomResourceDefinition has others inside",
		       j->o->id.kind);
}

static void check_pointer(struct judge *j, const struct node *v,
			  const struct pointer *p)
{
	struct wish_step steps[STEPS_MAX];
	int len = p->len > 200 ? 200 : (int)p->len;

	bool secret = !strcmp(j->o->id.kind, "Secret");

	if (secret && !strncmp(p->text, "/stringData", 11)) {
		refuse(j, v, "'%.*s' in '" WISH_IGNORE_FIELDS "' is stored in "
		       "data: write /data/KEY", len, p->text);
	} else if (!pointer_is_one(p)) {
		refuse(j, v, "'%.*s' in '" WISH_IGNORE_FIELDS "' is no JSON "
		       "pointer: write /spec/replicas, an item of a list by "
		       "its number from 0, and ~1 for a / in a key", len,
		       p->text);
	} else if (is_forbidden(p)) {
		problem_error(j->ps, j->o->path, v->mark, "wish-field",
			      "'%.*s' cannot be ignored: an object is known "
			      "by it, or windlass needs it; of metadata single "
			      "labels and annotations can be", len, p->text);
		j->rc = -1;
	} else if (!follow(j->o->root, p, steps) &&
		   !(secret && node_get(j->o->root, "stringData"))) {
		problem_warning(j->ps, j->o->path, v->mark, "wish-nothing",
				"'%.*s' is not in this object: what a manifest "
				"does not set belongs to others anyway", len,
				p->text);
	}
}

static void check_ignore_fields(struct judge *j, const struct node *v)
{
	const char *at = v->str;
	struct pointer p;
	unsigned n = 0;

	while (next_pointer(&at, &p)) {
		if (++n > WISH_POINTERS_MAX) {
			refuse(j, v, "annotation '" WISH_IGNORE_FIELDS "' has "
			       "more than %d pointers", WISH_POINTERS_MAX);
			return;
		}
		check_pointer(j, v, &p);
	}
	if (!n)
		refuse(j, v, "annotation '" WISH_IGNORE_FIELDS "' names no "
		       "field: write JSON pointers, as /spec/replicas");
}

static void check_depends(struct judge *j, const struct node *v)
{
	struct depends_item item;
	const char *at = v->str;

	while (depends_next(&at, &item))
		if (!item.good) {
			int len = item.len > 200 ? 200 : (int)item.len;

			problem_error(j->ps, j->o->path, v->mark,
				      "wish-depends", "'%.*s' in '" DEPENDS_ON
				      "' names no object: write "
				      "GROUP/namespaces/NAMESPACE/KIND/NAME, "
				      "or GROUP/KIND/NAME for one without "
				      "namespace, where GROUP may be empty",
				      len, item.text);
			j->rc = -1;
		}
}

static const struct {
	const char *key;
	void (*check)(struct judge *j, const struct node *v);
} wishes[] = {
	{ WISH_DRIFT, check_drift },
	{ WISH_IGNORE_FIELDS, check_ignore_fields },
	{ WISH_PRUNE, check_prune },
	{ WISH_RECREATE, check_recreate },
	{ WISH_WAVE, check_wave },
};

static void unknown(struct judge *j, const struct node_pair *p)
{
	struct nearest near = nearest_to(p->key);

	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++)
		nearest_try(&near, wishes[i].key);
	problem_error(j->ps, j->o->path, p->mark, "wish-unknown",
		      "there is no annotation '%s'%s%s%s", p->key,
		      near.best ? ": did you mean '" : "",
		      near.best ? near.best : "", near.best ? "'?" : "");
	j->rc = -1;
}

static void check_pair(struct judge *j, const struct node_pair *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++) {
		if (strcmp(p->key, wishes[i].key))
			continue;
		/* other types are refused as annotations */
		if (p->value->type == NODE_STR)
			wishes[i].check(j, p->value);
		return;
	}
	unknown(j, p);
}

/* A Job that deletes itself is drift, and would be undone by running it. */
static void check_job(struct judge *j)
{
	const struct object *o = j->o;
	const struct node *ttl = node_path(o->root, "spec",
					   "ttlSecondsAfterFinished", NULL);
	enum wish_drift mode = wish_drift(o->root);

	if (strcmp(o->id.kind, "Job") || strcmp(o->id.group, "batch") ||
	    !ttl || ttl->type == NODE_NULL || mode == WISH_DRIFT_REPORT ||
	    mode == WISH_DRIFT_IGNORE)
		return;
	problem_warning(j->ps, o->path, ttl->mark, "wish-job",
			"the cluster deletes this Job when it has ended, and "
			"windlass would make and run it again, for ever: "
			"remove ttlSecondsAfterFinished, or annotate the Job "
			"with '" WISH_DRIFT ": ignore', which leaves it "
			"deleted");
}

int wishes_check(const struct object *o, struct problems *ps)
{
	const struct node *map = node_path(o->root, "metadata", "annotations",
					   NULL);
	struct judge j = { .o = o, .ps = ps };

	check_job(&j);
	/* those of a Channel are words of an admin to the engine */
	if (!map || map->type != NODE_MAP ||
	    (!strcmp(o->id.kind, "Channel") &&
	     !strcmp(o->id.group, "windlass.dev")))
		return 0;
	for (uint32_t i = 0; i < map->n; i++) {
		const struct node_pair *p = &map->pairs[i];

		if (!strncmp(p->key, WISH_PREFIX, strlen(WISH_PREFIX)))
			check_pair(&j, p);
		else if (!strcmp(p->key, DEPENDS_ON) &&
			 p->value->type == NODE_STR)
			check_depends(&j, p->value);
	}
	return j.rc;
}
