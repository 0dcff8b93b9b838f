/*
 * Walking a custom resource along its schema: between the files of
 * check-custom.h. Nobody else includes this, but who judges the rules of
 * x-kubernetes-validations.
 */
#ifndef SCHEMA_CRD_CRD_WALK_H
#define SCHEMA_CRD_CRD_WALK_H

#include "schema/base/map.h"
#include "schema/crd/crd.h"
#include "schema/place.h"

/* Where the walk is. Its place's type is not set. */
struct spot {
	struct place place;		/* first; place.up is the one below */
	const struct spot *up;		/* NULL: the root */
	const struct crd_schema *schema;
	/* the same value of the object before, where there is a way to say
	 * which; or NULL */
	const struct node *old;
	bool same;		/* it is, and equal */
	bool keep, quiet;	/* unknown fields: see settle.c */
};

struct crd_walk {
	struct judge judge;
	const struct crd_version *version;
	const struct openapi *table;	/* for metadata; may be NULL */
	unsigned silent;	/* above 0: only whether there is a fault */
	size_t faults;		/* so far, silent ones too */
	size_t unknown;		/* what could not be judged */
	uint64_t steps;
	uint64_t rule_steps;	/* of the rules so far */
	bool exhausted;		/* of steps: nothing more is said */
	bool blocked;		/* rules are not judged after such a fault */
	struct buf *first;	/* takes the first silent fault; may be NULL */
	struct map old_items;	/* of large lists: see crd_spot_item */
};

/*
 * Something is wrong at p; the message goes on behind its path. What was so
 * before and is not touched is only a warning: the API server leaves it.
 */
void crd_fault(struct crd_walk *w, const struct spot *p, const char *rule,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Faults that are said by place.h: true if they may be. */
bool crd_may_say(struct crd_walk *w, const struct spot *p);

/* Counts n steps. False beyond LIMIT_CRD_STEPS, or those of the push: the
 * first time as something that could not be judged. */
bool crd_steps(struct crd_walk *w, uint64_t n);

/* A value and all below it. `own` is false for the schemas of allOf, anyOf,
 * oneOf and not, which know no fields of their own. */
void crd_walk_value(struct crd_walk *w, const struct spot *p, bool own);

/* Of a value that is not null: its type, and all that is said of a value by
 * itself. False if what is below makes no sense then. */
bool crd_check_value(struct crd_walk *w, const struct spot *p);
/* allOf, anyOf, oneOf, not */
void crd_check_forms(struct crd_walk *w, const struct spot *p);
/* An object in an object: apiVersion, kind, metadata. */
void crd_check_embedded(struct crd_walk *w, const struct spot *p);

/* The spot of the i-th pair, or item, of p's value. The items of an old list
 * that is large are indexed by their keys, in w. */
struct spot crd_spot_pair(const struct spot *p, const struct node_pair *pair,
			  const struct crd_schema *schema);
struct spot crd_spot_item(struct crd_walk *w, const struct spot *p, uint32_t i,
			  const struct crd_schema *schema);

/*
 * The rules of a schema (x-kubernetes-validations, p->schema->rules), with
 * p->place.node as self and p->old as oldSelf. Called for each value that has
 * some, when nothing else is wrong with the object.
 */
void crd_check_rules(struct crd_walk *w, const struct spot *p);

#endif
