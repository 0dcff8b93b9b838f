/*
 * References across objects: a Service that selects no pods, a pod that
 * needs a ConfigMap which is not there. Nothing of that is refused by an API
 * server, and some of it comes from elsewhere; so these are warnings, and
 * only where the channel is who should have the object (references.c says
 * when that is).
 *
 * Reading an object and judging it are apart: what an object refers to, and
 * what others may rely on in it, is taken out of its tree while that is
 * there; when all objects are known, each reference asks a view of them.
 */
#ifndef SCHEMA_REFERENCES_REFERENCES_H
#define SCHEMA_REFERENCES_REFERENCES_H

#include "schema/base/arena.h"
#include "schema/object.h"
#include "schema/problem.h"
#include "schema/rules.h"

/* Objects of a namespace that are read for one question; with more of them
 * it is not asked. */
#define REFERENCES_READ_MAX 200
/* Names that are looked at for one that was meant. */
#define REFERENCES_NAMES_MAX 1000

/* ---- what an object says ---- */

enum reference_to {
	TO_OBJECT,		/* target must be there */
	TO_KEY,			/* and have this key of data */
	TO_PORT,		/* or this port, a name or a number */
	TO_PODS,		/* the selector must select pods */
	TO_BEFORE,		/* target must be there, and healthy first */
};

struct reference {
	enum reference_to to;
	struct object_id target;	/* PODS: only its namespace */
	const char *detail;		/* key or port */
	const struct node *selector;	/* a LabelSelector */
	struct mark mark;
};

/* What one object refers to, and what others may rely on in it. */
struct facts {
	struct reference *refs;
	size_t n_refs;
	const struct node *pod_labels;	/* of pods that it makes, or NULL */
	const struct node *keys;	/* a list, of ConfigMap and Secret */
	const struct node *ports;	/* of a Service; a list, or NULL */
	const struct node *secrets;	/* that a controller makes of it */
};

/* Everything is copied into the arena; o->id has its namespace. */
void facts_of(const struct object *o, struct arena *a, struct facts *ret);
/* True of one that refers to nothing, and has nothing to rely on. */
bool facts_are_empty(const struct facts *f);

/* ---- who knows the others ---- */

/* Names that live elsewhere: thousands are looked at, none is kept. */
struct name_list {
	const char **v;
	size_t n, alloc;
};

/* Adds one, which is not copied; the list is the arena's. */
void name_list_push(struct arena *a, struct name_list *l, const char *name);

struct view {
	void *arg;
	/* 0: the object will be there, 1: it will not, -1: error. */
	int (*find)(void *arg, const struct object_id *id, struct err *err);
	/* The facts of one that is there, in the arena or elsewhere; refs may
	 * be missing. 1 if they are not to be had. */
	int (*facts)(void *arg, const struct object_id *id, struct arena *a,
		     struct facts *ret, struct err *err);
	/* "<group>/<Kind>" of all objects of a namespace. */
	int (*kinds)(void *arg, const char *namespace, struct arena *a,
		     struct name_list *ret, struct err *err);
	/* The names of a kind there, at most `max`. */
	int (*names)(void *arg, const struct object_id *kind, size_t max,
		     struct arena *a, struct name_list *ret, struct err *err);
};

/*
 * Judges what one object, of which only identity and path are asked, refers
 * to:
 *
 *   reference-missing    the object is not there
 *   reference-key        it has no such key
 *   reference-port       the Service has no such port
 *   reference-selector   no pod has these labels
 *   reference-circle     by depends-on it waits for itself: an error
 *
 * As warnings, or errors if r->strict. When ps is full or
 * has no steps left nothing more is looked for. -1 if the view failed.
 */
int references_check(const struct view *v, const struct rules *r,
		     const struct object *o, const struct facts *f,
		     struct problems *ps, struct err *err);

/* order.c: the part of that for a reference that is TO_BEFORE. */
int references_order(const struct view *v, const struct object *o,
		     const struct reference *ref, struct problems *ps,
		     struct err *err);

/* ---- parts of facts_of ---- */

struct finder {
	const struct object *o;
	struct arena *a;
	struct facts *out;
	struct node *secrets;
	size_t alloc;
};

/* pods.c: of a pod's spec. */
void find_in_pod(struct finder *f, const struct node *spec);
/* A reference to an object by the text at n; nothing if that is none. */
void find_object(struct finder *f, const char *group, const char *kind,
		 const char *namespace, const struct node *n);
void find_key(struct finder *f, const char *kind, const struct node *name,
	      const struct node *key);
void find_port(struct finder *f, const char *namespace,
	       const struct node *service, const struct node *port);

#endif
