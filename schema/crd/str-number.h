/* Numbers with a check digit, and durations, for str-format.c. */
#ifndef SCHEMA_CRD_STR_NUMBER_H
#define SCHEMA_CRD_STR_NUMBER_H

#include "schema/crd/pattern.h"

enum pattern_verdict str_credit_card(const char *s, size_t len);
enum pattern_verdict str_isbn(const char *s, size_t len);
enum pattern_verdict str_isbn10(const char *s, size_t len);
enum pattern_verdict str_isbn13(const char *s, size_t len);
/* Go's time.ParseDuration, or any number with a unit anywhere in it. */
enum pattern_verdict str_duration(const char *s, size_t len);

#endif
