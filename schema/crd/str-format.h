/*
 * The formats of strings that an API server checks in custom resources: those
 * of kube-openapi's strfmt, with its quirks. All others are words of
 * documentation to it.
 */
#ifndef SCHEMA_CRD_STR_FORMAT_H
#define SCHEMA_CRD_STR_FORMAT_H

#include <stddef.h>

#include "schema/crd/pattern.h"

enum str_format {
	STR_NONE,
	STR_BSON_OBJECT_ID,
	STR_BYTE,
	STR_CIDR,
	STR_CREDIT_CARD,
	STR_DATE,
	STR_DATE_TIME,
	STR_DURATION,
	STR_EMAIL,
	STR_HEX_COLOR,
	STR_HOSTNAME,
	STR_IPV4,
	STR_IPV6,
	STR_ISBN,
	STR_ISBN10,
	STR_ISBN13,
	STR_K8S_LONG_NAME,
	STR_K8S_SHORT_NAME,
	STR_MAC,
	STR_PASSWORD,
	STR_RGB_COLOR,
	STR_SSN,
	STR_URI,
	STR_UUID,
	STR_UUID3,
	STR_UUID4,
	STR_UUID5,
	STR_FORMATS,
};

/* By its name, hyphens being nothing; STR_NONE if it is not checked. */
enum str_format str_format_of(const char *name);

/* Is the text one? Where our reading is not the server's whole, unknown.
 * Steps are added as in pattern.h. */
enum pattern_verdict str_format_check(enum str_format f, const char *s,
				      size_t len, uint64_t *steps);

/* "a duration such as 90s or 5m": for messages */
const char *str_format_want(enum str_format f);

#endif
