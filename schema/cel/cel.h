/*
 * Rules of custom resources in the Common Expression Language, judged as an
 * API server judges them. A rule that this file's library cannot evaluate
 * exactly has no verdict: CEL_UNKNOWN is better than a wrong one.
 *
 * Facts come from cel-go (its interpreter and extensions) and from the
 * libraries that Kubernetes adds to it, by the environment of 1.36.
 *
 * What is not evaluated: types of protocol buffers, functions of newer
 * libraries, what depends on the order in which Go walks a map, and whatever
 * takes more than LIMIT_CEL_STEPS. The budget of costs of an API server is
 * not counted.
 *
 * Values are document trees (schema/node.h) that have passed their schema,
 * with defaults filled in. How each is to be read, the caller says by a
 * struct cel_types: this library knows no schemas.
 */
#ifndef SCHEMA_CEL_CEL_H
#define SCHEMA_CEL_CEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/node.h"

/* ---- how a value is to be read ---- */

enum cel_form {
	CEL_FORM_NATIVE,	/* by what the value itself is */
	CEL_FORM_OPAQUE,	/* preserved unknown: compared, no more */
	CEL_FORM_OBJECT,	/* known fields; others are compared only */
	CEL_FORM_MAP,		/* any keys, the values of one type */
	CEL_FORM_LIST,
	CEL_FORM_STRING,
	CEL_FORM_BYTES,		/* a string of format byte */
	CEL_FORM_DATE,
	CEL_FORM_DATE_TIME,
	CEL_FORM_DURATION,
	CEL_FORM_INTEGER,
	CEL_FORM_NUMBER,
	CEL_FORM_BOOLEAN,
	CEL_FORM_INT_OR_STRING,
};

enum cel_list_type { CEL_LIST_ATOMIC, CEL_LIST_SET, CEL_LIST_MAP };

struct cel_type {
	enum cel_form form;
	bool nullable;
	bool live;		/* OBJECT: the cluster adds to it, so that it
				   cannot be compared as a whole */
	enum cel_list_type list;
	const void *item;	/* LIST, MAP: the schema of each value */
};

/* A schema is the caller's pointer, which is handed back as it is. */
struct cel_types {
	void (*type)(const void *schema, struct cel_type *ret);
	/* The schema of an OBJECT's field, or NULL if it has no such one. */
	const void *(*field)(const void *schema, const char *name, size_t len);
	/* The i-th key of a LIST's items (CEL_LIST_MAP), or NULL behind the
	 * last. */
	const char *(*key)(const void *schema, size_t i);
};

/* ---- programs ---- */

struct cel_program;

/*
 * Compiles a rule or a message expression. NULL with ERR_INVALID for a text
 * that no API server takes: "column 7: ...". The text must outlive the
 * program, which must be released.
 */
struct cel_program *cel_compile(const char *text, size_t len,
				struct err *err);
void cel_release(struct cel_program *p);	/* NULL is fine */
/* Does it mention oldSelf? Then it is for changes, not for new objects. */
bool cel_uses_old_self(const struct cel_program *p);

/*
 * The first name in it that is neither a variable of its own, nor a type, nor
 * one of the list, which ends with NULL: an expression of another kind than a
 * rule has other variables than self. NULL if there is none. What a function
 * is called on by name (math.greatest(...)) is not looked at.
 */
const char *cel_unknown_name(const struct cel_program *p,
			     const char *const *names);
/*
 * The first field that it asks for of an OBJECT, by name, that has no such
 * one: self is of the schema, and oldSelf unless it is an optional value.
 * Only a name after a '.' is looked at, where the value before it is of a
 * known schema. NULL if there is none. types->key is not called.
 */
const char *cel_unknown_field(const struct cel_program *p,
			      const struct cel_types *types,
			      const void *schema, bool optional_old_self);
/* What it always gives, if it is but a literal: "int", "string", "list"...;
 * NULL if that is not to be told. */
const char *cel_constant_type(const struct cel_program *p);

struct cel_vars {
	const struct cel_types *types;
	const void *schema;		/* of both values */
	const struct node *self;
	const struct node *old_self;	/* NULL if there is none */
	bool optional_old_self;		/* oldSelf is an optional value */
	uint64_t *steps;		/* those it takes are added; or NULL */
};

enum cel_verdict { CEL_TRUE, CEL_FALSE, CEL_ERROR, CEL_UNKNOWN };

/*
 * Evaluates a rule. why gets the error's text for CEL_ERROR ("no such key:
 * name"), and for CEL_UNKNOWN what could not be evaluated; it stays empty
 * for the others. Text of strangers: not scrubbed.
 */
enum cel_verdict cel_eval(const struct cel_program *p,
			  const struct cel_vars *vars, struct buf *why);
/* Evaluates a message expression: true with its text, white space around it
 * trimmed, if that is a line that the API server would show. */
bool cel_eval_text(const struct cel_program *p, const struct cel_vars *vars,
		   struct buf *ret);

/*
 * A property's name as an expression writes it: "a.b" is a__dot__b, `in` is
 * __in__. False if there is no way to write it.
 */
bool cel_escape(const char *name, size_t len, struct buf *ret);

#endif
