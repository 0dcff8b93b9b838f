/*
 * What a store says when it refuses, in words for who set it up.
 */
#ifndef HOOKS_S3_ERROR_H
#define HOOKS_S3_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/err.h"

/* The <Code> and <Message> of an S3 error's text, bounded; "" for none. */
void s3_error_field(const char *text, const char *name, char *ret,
		    size_t size);
/* Of a 404: true if it is the object that is not there, and not the bucket,
 * or the key that signed. */
bool s3_is_no_object(const char *text);

/* No answer: what libcurl says. Always -1. */
int s3_error_of_curl(bool toobig, int code, const char *why, struct err *err);
/* An answer other than 2xx; `skew` is how far the store's clock is ahead. */
int s3_error_of_answer(const char *method, const char *path, long status,
		       const char *text, int64_t skew, struct err *err);

#endif
