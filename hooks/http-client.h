/*
 * What every request has in common that is made from here, by libcurl: to
 * registries (registry.h), buckets (s3.h) and who is told what clusters
 * report (notify.h). Only programs that are linked with libcurl use it: see
 * start.h.
 */
#ifndef HOOKS_HTTP_CLIENT_H
#define HOOKS_HTTP_CLIENT_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#define HTTP_SET(easy, option, value) \
	(curl_easy_setopt((easy), (option), (value)) == CURLE_OK)

struct http_request {
	const char *url;
	/* the authorities that count; NULL: those that the environment names
	 * (schema/base/authorities.h), or the system's */
	const char *ca_file;
	char *why;		/* of CURL_ERROR_SIZE, for what goes wrong */
	/* CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION */
	size_t (*on_body)(char *data, size_t one, size_t n, void *arg);
	size_t (*on_header)(char *line, size_t one, size_t n, void *arg);
	void *arg;
};

/*
 * Resets the handle and sets what is the same for all: HTTP and HTTPS only,
 * with the certificate checked, no redirect is followed, connecting takes at
 * most ten seconds. How long the whole may take is the caller's to say. False
 * where libcurl refuses an option.
 */
bool http_client_set(CURL *easy, const struct http_request *r);

/* The value of a header line if it is of that name and fits. */
bool http_client_header(const char *line, size_t n, const char *name,
			char *ret, size_t size);
/* One more header to be sent, copied. */
void http_client_add(struct curl_slist **list, const char *line);
/* Before the next try. */
void http_client_pause(uint64_t ms);

#endif
