/*
 * Refusals of a store. See s3-error.h. The text is a stranger's: its two
 * fields are found without a parser, cut, and scrubbed by err_set as all
 * messages are. What to do about it goes by the code, which S3 documents,
 * and where there is none (HEAD has no text) by the status.
 */
#include "config.h"
#include "hooks/s3-error.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"

/* which stores refuse a request for */
#define SKEW_MAX 300

void s3_error_field(const char *text, const char *name, char *ret,
		    size_t size)
{
	char open[32], close[32];
	const char *from, *to;
	size_t len;

	snprintf(open, sizeof(open), "<%s>", name);
	snprintf(close, sizeof(close), "</%s>", name);
	*ret = '\0';
	from = strstr(text, open);
	to = from ? strstr(from, close) : NULL;
	if (!to)
		return;
	from += strlen(open);
	len = (size_t)(to - from);
	if (len >= size)
		len = size - 1;
	memcpy(ret, from, len);
	ret[len] = '\0';
}

bool s3_is_no_object(const char *text)
{
	char code[64];

	s3_error_field(text, "Code", code, sizeof(code));
	return !*code || !strcmp(code, "NoSuchKey") ||
	       !strcmp(code, "NotFound");
}

int s3_error_of_curl(bool toobig, int code, const char *why, struct err *err)
{
	enum err_class class = ERR_TRANSIENT;

	if (toobig)
		return err_set(err, ERR_DENIED, "its answer is larger than "
			       "anything that is published");
	/* these stay as they are until somebody changes something */
	if (code == CURLE_PEER_FAILED_VERIFICATION ||
	    code == CURLE_SSL_CACERT_BADFILE || code == CURLE_URL_MALFORMAT ||
	    code == CURLE_UNSUPPORTED_PROTOCOL)
		class = ERR_INVALID;
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return err_set(err, ERR_TRANSIENT, "a file that was being sent "
			       "cannot be read to its end");
	return err_set(err, class, "%s", why);
}

struct advice {
	const char *code;
	const char *todo;
};

static const struct advice advices[] = {
	{ "AccessDenied", "the policy of its key must allow s3:GetObject, "
	  "s3:PutObject and s3:DeleteObject below the url, and s3:ListBucket, "
	  "without which a missing object looks forbidden" },
	{ "InvalidAccessKeyId", "it does not know that access key: look at "
	  "the credentials" },
	{ "XAdminUserNotFound", "it does not know that access key: look at "
	  "the credentials" },
	{ "SignatureDoesNotMatch", "the secret key is not that of the access "
	  "key, or a proxy changes requests: look at the credentials" },
	{ "ExpiredToken", "the session's credentials are over: write new "
	  "ones" },
	{ "InvalidToken", "the session token is no good: write new "
	  "credentials" },
	{ "NoSuchBucket", "make the bucket, or correct the url" },
	{ "PermanentRedirect", "the bucket is in another region: correct the "
	  "url and the region" },
	{ "TemporaryRedirect", "the bucket was made just now: try again in "
	  "some minutes" },
	{ "AuthorizationHeaderMalformed", "correct the region" },
	{ "AuthorizationQueryParametersError", "correct the region" },
	{ "IncorrectEndpoint", "correct the url and the region" },
	{ "RequestTimeTooSkewed", "set the clock of this machine" },
	{ "QuotaExceeded", "make room in it, or raise its quota" },
	{ "XMinioStorageFull", "make room in it" },
	{ "EntityTooLarge", "raise what it takes as one object" },
	{ "XAmzContentSHA256Mismatch", "the published file is damaged, or a "
	  "proxy changes what is sent" },
	{ "InternalError", "the store has a problem of its own" },
	{ "SlowDown", "it is asked too often" },
};

static const char *by_status(long status)
{
	switch (status) {
	case 301: case 302: case 303: case 307: case 308:
		return "redirects are not followed: correct the url and the "
		       "region";
	case 401: case 403:
		return "look at the credentials, their policy, the region and "
		       "the clock";
	case 404:
		return "is there such a bucket? look at the url";
	case 507:
		return "it is full: make room";
	}
	return "see what the store logs";
}

static const char *advice_for(const char *code, long status)
{
	for (size_t i = 0; i < ARRAY_SIZE(advices); i++)
		if (!strcmp(advices[i].code, code))
			return advices[i].todo;
	return by_status(status);
}

int s3_error_of_answer(const char *method, const char *path, long status,
		       const char *text, int64_t skew, struct err *err)
{
	bool passes = status == 429 || (status >= 500 && status != 501 &&
					status != 507);
	char code[64], message[160];

	s3_error_field(text, "Code", code, sizeof(code));
	s3_error_field(text, "Message", message, sizeof(message));
	if ((status == 403 || status == 400) &&
	    (skew > SKEW_MAX || skew < -SKEW_MAX))
		return err_set(err, ERR_DENIED, "%s of %s: %ld %s: the clock "
			       "of this machine is %" PRId64 " s %s that of "
			       "the store: set it", method, path, status, code,
			       skew < 0 ? -skew : skew,
			       skew < 0 ? "ahead of" : "behind");
	return err_set(err, passes ? ERR_TRANSIENT : ERR_DENIED,
		       "%s of %s: %ld%s%s%s%s%s; %s", method, path, status,
		       *code ? " " : "", code, *message ? " (" : "", message,
		       *message ? ")" : "", advice_for(code, status));
}
