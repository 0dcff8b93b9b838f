/*
 * One request as a libcurl easy handle: method, body, headers, TLS and the
 * rules that hold for every call (http.h). Only http.c uses this.
 */
#ifndef ENGINE_HTTP_EASY_H
#define ENGINE_HTTP_EASY_H

#include <curl/curl.h>

#include "engine/http.h"
#include "schema/base/err.h"

/* What an easy handle points at; freed after it. */
struct http_easy {
	CURL *easy;
	struct curl_slist *headers;	/* may hold tokens: wiped */
	struct curl_slist *connect_to;
	const char *body;
	size_t body_len, body_sent;
	bool (*may_send)(void *arg);
	void *may_arg;
	bool held_back;			/* may_send said no */
	char *url;			/* without its query; for messages */
	char why[CURL_ERROR_SIZE];
};

/*
 * Makes the handle. body is what is sent, r->body_len bytes; it and r->peer
 * stay until http_easy_release. -1 with ERR_INVALID for a request that
 * cannot be sent (URL, scheme, header), ERR_INTERNAL if libcurl fails.
 */
int http_easy_init(struct http_easy *e, const struct http_request *r,
		   const void *body, struct err *err);
void http_easy_release(struct http_easy *e);

/* Says in err why a call ended without an answer. Returns -1. */
int http_easy_error(const struct http_easy *e, CURLcode code,
		    struct err *err);

#endif
