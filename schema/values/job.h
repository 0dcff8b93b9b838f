/*
 * The spec of a Job, alone or in a CronJob.
 */
#ifndef SCHEMA_VALUES_JOB_H
#define SCHEMA_VALUES_JOB_H

#include "schema/values/at.h"

judge_fn judge_job_spec;

#endif
