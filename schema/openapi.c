/*
 * Reading a schema table. See openapi.h and openapi-layout.h. The file is
 * trusted to say what Kubernetes said, not to be whole: it may be cut,
 * mixed up or of another version, and then it is refused here, once, record
 * by record, so that no later look can go astray. What is not refused is a
 * file that somebody cuts while it is mapped.
 */
#include "config.h"
#include "schema/openapi.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/limits.h"
#include "schema/openapi-layout.h"

static int damaged(struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, "no schema table, or a damaged one: "
		       "%s", what);
}

/* One array of n records that the header places. */
static bool read_array(const struct openapi *o, size_t at, size_t record,
		       uint32_t *ret_n, const unsigned char **ret)
{
	uint64_t n = layout_get(o->data + at);
	uint64_t from = layout_get(o->data + at + 4);

	if (from < LAYOUT_HEADER || from + n * record > o->len)
		return false;
	*ret_n = (uint32_t)n;
	*ret = o->data + from;
	return true;
}

static int read_header(struct openapi *o, struct err *err)
{
	const unsigned char *texts;

	if (o->len < LAYOUT_HEADER ||
	    memcmp(o->data, LAYOUT_MAGIC, LAYOUT_MAGIC_BYTES))
		return damaged(err, "it does not begin like one");
	if (layout_get(o->data + HEADER_VERSION) != LAYOUT_VERSION)
		return err_set(err, ERR_INVALID, "a schema table of version "
			       "%u, where this windlass reads version %u: "
			       "install both from one build",
			       layout_get(o->data + HEADER_VERSION),
			       LAYOUT_VERSION);
	if (layout_get(o->data + HEADER_BYTES) != o->len)
		return damaged(err, "it is not as long as it says");
	if (!read_array(o, HEADER_KINDS, LAYOUT_KIND, &o->n_kinds,
			&o->kinds) ||
	    !read_array(o, HEADER_TYPES, LAYOUT_TYPE, &o->n_types,
			&o->types) ||
	    !read_array(o, HEADER_FIELDS, LAYOUT_FIELD, &o->n_fields,
			&o->fields) ||
	    !read_array(o, HEADER_WORDS, LAYOUT_WORD, &o->n_words,
			&o->words) ||
	    !read_array(o, HEADER_TEXTS, 1, &o->n_texts, &texts))
		return damaged(err, "a part of it lies outside");
	o->texts = (const char *)texts;
	if (!o->n_texts || o->texts[0] || o->texts[o->n_texts - 1])
		return damaged(err, "its texts do not end");
	if (layout_get(o->data + HEADER_KUBERNETES) >= o->n_texts)
		return damaged(err, "a text lies outside");
	return 0;
}

/* ---- every record, once ---- */

static const char *text(const struct openapi *o, const unsigned char *at)
{
	return o->texts + layout_get(at);
}

static bool is_text(const struct openapi *o, const unsigned char *at)
{
	return layout_get(at) < o->n_texts;
}

static bool is_range(const unsigned char *at, uint32_t n)
{
	return (uint64_t)layout_get(at) + layout_get(at + 4) <= n;
}

static int kind_order(const struct openapi *o, const unsigned char *k,
		      const char *group, const char *kind,
		      const char *version)
{
	int c = strcmp(text(o, k + KIND_GROUP), group);

	if (!c)
		c = strcmp(text(o, k + KIND_KIND), kind);
	return c ? c : strcmp(text(o, k + KIND_VERSION), version);
}

static bool kinds_ok(const struct openapi *o)
{
	for (uint32_t i = 0; i < o->n_kinds; i++) {
		const unsigned char *k = o->kinds + (size_t)i * LAYOUT_KIND;

		if (!is_text(o, k + KIND_GROUP) ||
		    !is_text(o, k + KIND_VERSION) ||
		    !is_text(o, k + KIND_KIND) ||
		    layout_get(k + KIND_TYPE) >= o->n_types)
			return false;
		if (i && kind_order(o, k - LAYOUT_KIND,
				    text(o, k + KIND_GROUP),
				    text(o, k + KIND_KIND),
				    text(o, k + KIND_VERSION)) >= 0)
			return false;
	}
	return true;
}

static bool fields_ok(const struct openapi *o)
{
	for (uint32_t i = 0; i < o->n_fields; i++) {
		const unsigned char *f = o->fields + (size_t)i * LAYOUT_FIELD;

		if (!is_text(o, f + FIELD_NAME) ||
		    !is_text(o, f + FIELD_DEFAULT) ||
		    layout_get(f + FIELD_TYPE) >= o->n_types ||
		    layout_get(f + FIELD_FLAGS) & ~FIELD_REQUIRED)
			return false;
	}
	for (uint32_t i = 0; i < o->n_words; i++)
		if (!is_text(o, o->words + (size_t)i * LAYOUT_WORD))
			return false;
	return true;
}

/* Binary search needs the order; a range was checked before. */
static bool fields_sorted(const struct openapi *o, const unsigned char *t)
{
	size_t first = layout_get(t + TYPE_FIRST_FIELD);
	uint32_t n = layout_get(t + TYPE_FIELDS);

	for (uint32_t i = 1; i < n; i++) {
		const unsigned char *f = o->fields +
					 (first + i) * LAYOUT_FIELD;

		if (strcmp(text(o, f - LAYOUT_FIELD + FIELD_NAME),
			   text(o, f + FIELD_NAME)) >= 0)
			return false;
	}
	return true;
}

/*
 * Types may share their fields and words, but a file in which many name all
 * of them would take the square of its size to look at.
 */
static bool types_ok(const struct openapi *o)
{
	uint64_t looked = 0;

	for (uint32_t i = 0; i < o->n_types; i++) {
		const unsigned char *t = o->types + (size_t)i * LAYOUT_TYPE;

		if (t[TYPE_FORM] >= FORMS || t[TYPE_FORMAT] >= FORMATS ||
		    t[TYPE_LIST] >= LISTS || t[TYPE_OPEN] > 1 ||
		    !is_text(o, t + TYPE_NAME) ||
		    layout_get(t + TYPE_ITEM) >= o->n_types ||
		    !is_range(t + TYPE_FIRST_FIELD, o->n_fields) ||
		    !is_range(t + TYPE_FIRST_WORD, o->n_words))
			return false;
		looked += layout_get(t + TYPE_FIELDS);
		if (looked > o->n_fields || !fields_sorted(o, t))
			return false;
	}
	return true;
}

int openapi_of(const void *data, size_t len, struct openapi *ret,
	       struct err *err)
{
	struct openapi o = { .data = data, .len = len };

	if (read_header(&o, err) < 0)
		return -1;
	if (!fields_ok(&o) || !types_ok(&o) || !kinds_ok(&o))
		return damaged(err, "a record of it makes no sense");
	*ret = o;
	return 0;
}

int openapi_open(const char *path, struct openapi *ret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	void *data = MAP_FAILED;
	struct stat st;
	int rc = -1;

	if (fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	if (fstat(fd, &st) < 0)
		err_sys(err, "cannot read '%s'", path);
	else if (!S_ISREG(st.st_mode) || st.st_size < LAYOUT_HEADER ||
		 st.st_size > LIMIT_OPENAPI_BYTES)
		err_set(err, ERR_INVALID, "'%s' is no schema table: it is no "
			"file, too short or larger than %u bytes", path,
			LIMIT_OPENAPI_BYTES);
	else if ((data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE,
			      fd, 0)) == MAP_FAILED)
		err_sys(err, "cannot map '%s'", path);
	else if (openapi_of(data, (size_t)st.st_size, ret, err) < 0)
		err_wrap(err, "'%s'", path);
	else
		rc = 0;
	if (!rc)
		ret->mapped = true;
	else if (data != MAP_FAILED)
		munmap(data, (size_t)st.st_size);
	close(fd);
	return rc;
}

void openapi_close(struct openapi *o)
{
	if (o->mapped)
		munmap((void *)(uintptr_t)o->data, o->len);
	*o = (struct openapi)OPENAPI_INIT;
}

/* ---- looking things up ---- */

const char *openapi_kubernetes(const struct openapi *o)
{
	return text(o, o->data + HEADER_KUBERNETES);
}

/* The first kind that is not before these. */
static uint32_t kind_place(const struct openapi *o, const char *group,
			   const char *kind, const char *version)
{
	uint32_t low = 0, high = o->n_kinds;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (kind_order(o, o->kinds + (size_t)mid * LAYOUT_KIND, group,
			       kind, version) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool openapi_kind(const struct openapi *o, const char *group,
		  const char *version, const char *kind, uint32_t *ret_type)
{
	uint32_t i = kind_place(o, group, kind, version);
	const unsigned char *k = o->kinds + (size_t)i * LAYOUT_KIND;

	if (i == o->n_kinds || kind_order(o, k, group, kind, version))
		return false;
	*ret_type = layout_get(k + KIND_TYPE);
	return true;
}

bool openapi_has_group(const struct openapi *o, const char *group)
{
	uint32_t i = kind_place(o, group, "", "");

	return i < o->n_kinds &&
	       !strcmp(text(o, o->kinds + (size_t)i * LAYOUT_KIND +
			       KIND_GROUP), group);
}

void openapi_type(const struct openapi *o, uint32_t index,
		  struct openapi_type *ret)
{
	const unsigned char *t = o->types + (size_t)index * LAYOUT_TYPE;

	*ret = (struct openapi_type){
		.form = t[TYPE_FORM],
		.format = t[TYPE_FORMAT],
		.list = t[TYPE_LIST],
		.open = t[TYPE_OPEN],
		.name = text(o, t + TYPE_NAME),
		.item = layout_get(t + TYPE_ITEM),
		.first_field = layout_get(t + TYPE_FIRST_FIELD),
		.n_fields = layout_get(t + TYPE_FIELDS),
		.first_word = layout_get(t + TYPE_FIRST_WORD),
		.n_words = layout_get(t + TYPE_WORDS),
	};
}

static const unsigned char *field_at(const struct openapi *o,
				     const struct openapi_type *t, uint32_t i)
{
	return o->fields + ((size_t)t->first_field + i) * LAYOUT_FIELD;
}

void openapi_field(const struct openapi *o, const struct openapi_type *t,
		   uint32_t i, struct openapi_field *ret)
{
	const unsigned char *f = field_at(o, t, i);

	*ret = (struct openapi_field){
		.name = text(o, f + FIELD_NAME),
		.type = layout_get(f + FIELD_TYPE),
		.required = layout_get(f + FIELD_FLAGS) & FIELD_REQUIRED,
		.fallback = text(o, f + FIELD_DEFAULT),
	};
}

int64_t openapi_find(const struct openapi *o, const struct openapi_type *t,
		     const char *name, size_t len)
{
	uint32_t low = 0, high = t->n_fields;

	if (memchr(name, '\0', len))
		return -1;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		const char *have = text(o, field_at(o, t, mid) + FIELD_NAME);
		int c = strncmp(have, name, len);

		if (!c && !have[len])
			return mid;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

const char *openapi_word(const struct openapi *o,
			 const struct openapi_type *t, uint32_t i)
{
	return text(o, o->words + ((size_t)t->first_word + i) * LAYOUT_WORD);
}
