/*
 * Folding. See kube-json.h. json_read is asked first: nothing is folded in
 * objects that people write. Trusts nothing in the text: brackets are only
 * counted, and what was folded is read as strictly as anything. The texts are
 * digests, so that what is folded can be compared, and so that nobody makes
 * two keys of one map equal.
 */
#include "config.h"
#include "engine/kube-json.h"

#include <sodium.h>
#include <string.h>

#include "schema/json.h"
#include "schema/limits.h"

#define DIGEST_BYTES 16

struct fold {
	const char *p, *end;
	size_t depth, most;
	bool changed;
	struct buf out;
};

static void add_digest(struct fold *f, const char *from, const char *to)
{
	unsigned char digest[DIGEST_BYTES];
	char hex[2 * DIGEST_BYTES + 1];

	crypto_generichash(digest, sizeof(digest), (const unsigned char *)from,
			   (size_t)(to - from), NULL, 0);
	sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
	buf_addf(&f->out, "\"folded %s\"", hex);
	f->changed = true;
}

static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\' && p + 1 < end)
			p++;
	return p < end ? p + 1 : end;
}

/* From an opening bracket to behind the one that closes it. */
static const char *value_end(const char *p, const char *end)
{
	size_t depth = 0;

	while (p < end) {
		const char *at = p++;

		if (*at == '"')
			p = string_end(at, end);
		else if (*at == '{' || *at == '[')
			depth++;
		else if ((*at == '}' || *at == ']') && --depth == 0)
			break;
	}
	return p;
}

static bool has_nul(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p != '\\')
			continue;
		if (end - p > 5 && !memcmp(p + 1, "u0000", 5))
			return true;
		p++;
	}
	return false;
}

static bool is_key(const char *after, const char *end)
{
	while (after < end && strchr(" \t\r\n", *after) && *after)
		after++;
	return after < end && *after == ':';
}

/* The token at f->p, or the value that it begins; f->p is behind it then. */
static void fold_token(struct fold *f)
{
	const char *at = f->p++;

	if (*at == '"') {
		f->p = string_end(at, f->end);
		if (has_nul(at, f->p) && is_key(f->p, f->end)) {
			add_digest(f, at, f->p);
			return;
		}
	} else if ((*at == '{' || *at == '[') && f->depth == f->most) {
		f->p = value_end(at, f->end);
		add_digest(f, at, f->p);
		return;
	} else if (*at == '{' || *at == '[') {
		f->depth++;
	} else if ((*at == '}' || *at == ']') && f->depth) {
		f->depth--;
	}
	buf_add(&f->out, at, (size_t)(f->p - at));
}

int kube_json_read(const char *json, size_t len, size_t around,
		   struct arena *a, struct node **ret, struct err *err)
{
	struct fold f = {
		.p = json, .end = json + len, .most = LIMIT_DEPTH + around,
	};
	int rc;

	if (json_read_around(json, len, around, a, ret, err) == 0)
		return 0;
	/* a digest for each {} */
	buf_init(&f.out, 32 * len + 1);
	while (f.p < f.end)
		fold_token(&f);
	if (!f.changed) {
		buf_release(&f.out);
		return -1;
	}
	rc = buf_check(&f.out, "an object that was folded", err);
	if (rc == 0)
		rc = json_read_around(f.out.data, f.out.len, around, a, ret,
				      err);
	buf_release(&f.out);
	return rc;
}

bool kube_json_folded(const struct node *fields)
{
	if (!fields || fields->type != NODE_MAP)
		return fields != NULL;
	for (uint32_t i = 0; i < fields->n; i++) {
		const struct node_pair *p = &fields->pairs[i];

		if (!strncmp(p->key, "folded ", 7) ||
		    kube_json_folded(p->value))
			return true;
	}
	return false;
}
