/*
 * What webhooks, admission policies and APIServices have in common.
 */
#ifndef SCHEMA_VALUES_ADMISSION_H
#define SCHEMA_VALUES_ADMISSION_H

#include "schema/values/at.h"

/* Groups, versions, operations and resources of requests. */
judge_fn judge_admission_rule;
/* The same with selectors, as policies have it. */
judge_fn judge_match_resources;
judge_fn judge_match_conditions;
/* A text in CEL: that it is there, and one; what it says takes the types of
 * the cluster. */
judge_fn judge_expression;
judge_fn judge_condition_text;		/* true or false */
judge_fn judge_message_text;		/* a string */
/* A Service, or a URL. */
judge_fn judge_client_config;
judge_fn judge_service_reference;
judge_fn judge_https_url;
/* "value-conflict" at a list that has anything beside that item. */
void judge_wildcard_list(struct judge *j, const struct place *p,
			 const char *wildcard);

#endif
