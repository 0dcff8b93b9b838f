/*
 * What an API server knows about its kinds, out of one mapped file: fields
 * and their types, for one Kubernetes minor. Made by contrib/openapi from
 * the /openapi/v3 of a real API server; the bytes are openapi-layout.h's.
 *
 * Opening looks at every record once; after that nothing can lead outside.
 * Nothing is parsed or copied: all texts are the file's.
 */
#ifndef SCHEMA_OPENAPI_H
#define SCHEMA_OPENAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/complete.h"
#include "schema/base/err.h"

/* The newest minor that there is a table of. */
#define OPENAPI_NEWEST "1.36"

/* What a value may be. */
enum openapi_form {
	FORM_ANY,		/* anything: JSON, RawExtension */
	FORM_OBJECT,		/* a map of known fields */
	FORM_MAP,		/* a map of any keys; the item is the value */
	FORM_LIST,
	FORM_STRING,
	FORM_INTEGER,
	FORM_NUMBER,
	FORM_BOOLEAN,
	FORM_INT_OR_STRING,
	FORM_QUANTITY,		/* resource.Quantity: 500m, 1Gi, 2 */
	FORMS,
};

enum openapi_format {
	FORMAT_NONE,
	FORMAT_INT32,
	FORMAT_INT64,
	FORMAT_BYTE,		/* base64 */
	FORMAT_DATE_TIME,	/* metav1.Time: RFC 3339 */
	FORMAT_MICRO_TIME,	/* metav1.MicroTime: six digits of a second */
	FORMATS,
};

/* What makes an item of a list the same as another. */
enum openapi_list {
	LIST_ATOMIC,		/* its place */
	LIST_SET,		/* its value */
	LIST_MAP,		/* its keys, which are the type's words */
	LISTS,
};

struct openapi {
	const unsigned char *data;
	size_t len;
	uint32_t n_kinds, n_types, n_fields, n_words, n_texts;
	const unsigned char *kinds, *types, *fields, *words;
	const char *texts;
	bool mapped;
};

#define OPENAPI_INIT { 0 }

struct openapi_type {
	enum openapi_form form;
	enum openapi_format format;
	enum openapi_list list;
	bool open;		/* unknown fields are taken */
	const char *name;	/* "io.k8s.api.core.v1.Container"; "" */
	uint32_t item;		/* LIST, MAP: a type */
	uint32_t first_field, n_fields;
	uint32_t first_word, n_words;	/* STRING: enum; LIST: keys */
};

struct openapi_field {
	const char *name;
	uint32_t type;
	bool required;
	const char *fallback;	/* the default as JSON, or "" */
};

/*
 * Maps a file. -1 with ERR_INVALID if it is no schema table, of another
 * version or damaged, ERR_INTERNAL if it cannot be read (err->sys ENOENT if
 * it is not there). *ret is closed by openapi_close.
 */
int openapi_open(const char *path, struct openapi *ret, struct err *err);
/* The same of bytes that stay where they are until openapi_close. */
int openapi_of(const void *data, size_t len, struct openapi *ret,
	       struct err *err);
void openapi_close(struct openapi *o);

/*
 * The file of a minor ("1.36"): in $WINDLASS_OPENAPI if that is set, else
 * beside the program that runs from where it was built, else where `make
 * install` put it. ERR_INVALID if there is none for it, naming
 * those that there are.
 */
bool openapi_is_minor(const char *s);
int openapi_open_minor(const char *minor, struct openapi *ret,
		       struct err *err);
/* Adds those that there are, where a version is completed. */
void openapi_complete(struct completion *c);

/* The server that it was made from: "v1.36.3". */
const char *openapi_kubernetes(const struct openapi *o);
/* True and *ret_type if it has the kind in this version. */
bool openapi_kind(const struct openapi *o, const char *group,
		  const char *version, const char *kind, uint32_t *ret_type);
/* True if it has the group in any version. */
bool openapi_has_group(const struct openapi *o, const char *group);

/* Indexes are the file's own: those of a kind, a field, a type. */
void openapi_type(const struct openapi *o, uint32_t index,
		  struct openapi_type *ret);
/* The i-th field of a type, i < t->n_fields; they are sorted by name. */
void openapi_field(const struct openapi *o, const struct openapi_type *t,
		   uint32_t i, struct openapi_field *ret);
/* Its place among the fields, or -1. */
int64_t openapi_find(const struct openapi *o, const struct openapi_type *t,
		     const char *name, size_t len);
/* The i-th word of a type, i < t->n_words. */
const char *openapi_word(const struct openapi *o,
			 const struct openapi_type *t, uint32_t i);

#endif
