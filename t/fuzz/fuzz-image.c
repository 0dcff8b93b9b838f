/*
 * Image updates: a manifest with markers, by its text, which may lose nothing
 * but the marked values; and the small grammars of what registries and admins
 * write, tags, ranges and challenges.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "hooks/image-marker.h"
#include "hooks/registry-login.h"
#include "schema/base/mem.h"
#include "t/fuzz/fuzz.h"

/* All but the marked values must be the same, byte by byte. */
static void compare(const char *text, size_t len,
		    const struct image_markers *ms, const char *const *values,
		    const struct buf *out)
{
	size_t from = 0, at = 0;

	for (size_t i = 0; i <= ms->n; i++) {
		const struct image_marker *m = i < ms->n ? &ms->v[i] : NULL;
		size_t to = m ? m->at : len;

		if (m && !values[i])
			continue;
		if (out->len - at < to - from ||
		    memcmp(out->data + at, text + from, to - from))
			abort();
		at += to - from;
		if (!m)
			break;
		from = to + m->len;
		/* it may have got quotes */
		at += out->data[at] == '"';
		if (out->len - at < strlen(values[i]) ||
		    memcmp(out->data + at, values[i], strlen(values[i])))
			abort();
		at += strlen(values[i]);
		at += out->data[at] == '"' && text[from] != '"';
	}
	if (at != out->len)
		abort();
}

static void edit(const char *text, size_t len, const char *value)
{
	struct image_markers ms = IMAGE_MARKERS_INIT, again = IMAGE_MARKERS_INIT;
	struct buf out = BUF_INIT(len + 64 * 1024);
	struct err err = ERR_INIT;
	const char **values;
	char tag[LIMIT_TAG_BYTES + 1];

	if (image_markers_find(text, len, &ms, &err) < 0) {
		if (ms.n || err.class != ERR_INVALID)
			abort();
		return;
	}
	values = xcalloc(ms.n + 1, sizeof(*values));
	for (size_t i = 0; i < ms.n; i++) {
		if (ms.v[i].at + ms.v[i].len > len)
			abort();
		values[i] = ms.v[i].is_value ? value : NULL;
		if (image_marker_tag(text, &ms.v[i], tag) &&
		    !is_image_tag(tag, strlen(tag)))
			abort();
	}
	if (!image_markers_set(text, len, &ms, values, &out, &err)) {
		compare(text, len, &ms, values, &out);
		if (image_markers_find(out.data, out.len, &again, &err) < 0 ||
		    again.n != ms.n)
			abort();
	} else if (out.len) {
		abort();
	}
	image_markers_release(&again);
	image_markers_release(&ms);
	free(values);
	buf_release(&out);
}

static void small(const char *text, size_t len)
{
	char *s = xstrndup(text, len);
	struct version_range *range;
	struct challenge c;
	struct version v;
	struct err err = ERR_INIT;

	if (!version_parse(text, len, &v) && version_compare(&v, &v))
		abort();
	if (!version_range_parse(s, &range, &err)) {
		const struct version one = { { 1, 0, 0 }, NULL, 0 };

		version_range_has(range, &one);
		version_range_free(range);
	}
	if (registry_challenge_parse(s, &c) && c.bearer && !*c.realm)
		abort();
	free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	if (size < 1024)
		small(text, size);
	edit(text, size, "r.example.org/web:1.2@sha256:0");
	edit(text, size, "1.10");
	return 0;
}
