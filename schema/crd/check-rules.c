/*
 * x-kubernetes-validations: see crd-walk.h. They are counted, not judged.
 */
#include "config.h"
#include "schema/crd/crd-walk.h"

void crd_check_rules(struct crd_walk *w, const struct spot *p)
{
	w->unknown += p->schema->rules->n;
}
