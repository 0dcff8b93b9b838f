/*
 * The judges of whole objects, from where values.c finds them by kind. The
 * place is the object's root.
 */
#ifndef SCHEMA_VALUES_KINDS_H
#define SCHEMA_VALUES_KINDS_H

#include "schema/values/at.h"

judge_fn judge_deployment;		/* workload.c */
judge_fn judge_pod;			/* pod.c */

#endif
