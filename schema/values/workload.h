/*
 * What kinds that make pods have in common.
 */
#ifndef SCHEMA_VALUES_WORKLOAD_H
#define SCHEMA_VALUES_WORKLOAD_H

#include "schema/values/at.h"

/* Of kinds that keep pods: they are restarted whatever they end with. */
void judge_kept_template(struct judge *j, const struct place *template);
/* spec.selector, a LabelSelector that is not empty, against the labels of
 * spec.template. */
void judge_own_selector(struct judge *j, const struct place *spec);

#endif
